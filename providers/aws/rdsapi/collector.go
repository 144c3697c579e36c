package rdsapi

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/network"
)

// collector lists what one kind takes of a region.
type collector struct {
	kind    *collect.Kind
	account *account.Account
	scope   resource.Scope
	region  *Region
	list    func(*collector, context.Context) iter.Seq2[*resource.Resource, error]
	open    network.Endpoints // of the listed stores with a public address

	family  Family
	special Special
}

// Special adds what one family of clusters has and others do not.
type Special func(c *Cluster, r *resource.Resource)

// NewInstances returns the collector of the instances that belong to no cluster.
func NewInstances(kind *collect.Kind, a *account.Account, scope resource.Scope) collect.Collector {
	return &collector{kind: kind, account: a, scope: scope, region: In(a, scope.Region), list: (*collector).instances}
}

// NewClusters returns the collector of the clusters of one family.
func NewClusters(kind *collect.Kind, a *account.Account, scope resource.Scope, family Family, special Special) collect.Collector {
	return &collector{
		kind: kind, account: a, scope: scope, region: In(a, scope.Region), list: (*collector).clusters, family: family, special: special,
	}
}

func (c *collector) Kind() *collect.Kind { return c.kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.list(c, ctx)
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	return network.Questions(c.kind, c.account, c.scope.Region, r, c.open.Take(r))
}

// keep remembers where a store listens that has a public address, or may have
// one.
func (c *collector) keep(r *resource.Resource, e network.Endpoint) {
	maybe := slices.ContainsFunc(r.Gaps, func(g resource.Gap) bool { return len(g.Hides) > 0 })
	if maybe || isOpen(r) {
		c.open.Put(r, e)
	}
}

func isOpen(r *resource.Resource) bool {
	return slices.ContainsFunc(r.Grants, func(g resource.Grant) bool { return g.Via == network.Channel })
}

// arn begins the ARNs of what is in the region.
func (c *collector) arn() string {
	return strings.Join([]string{"arn", c.account.Partition, "rds", c.scope.Region, c.account.ID}, ":")
}

func (c *collector) instances(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		all, err := c.region.Instances(ctx)
		for _, i := range all {
			if i.Cluster != "" {
				continue
			}
			r := i.Store(c.kind, c.scope, c.arn())
			c.keep(r, i.endpoint())
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func (c *collector) clusters(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		clusters, refused := c.region.Clusters(ctx)
		instances, unread := c.region.Instances(ctx)
		for _, cluster := range assemble(clusters, instances, unread == nil) {
			if FamilyOf(cluster.Engine) != c.family {
				continue
			}
			r := c.describe(cluster, unread)
			c.keep(r, cluster.endpoint())
			if !yield(r, nil) {
				return
			}
		}
		for _, err := range []error{refused, unread} {
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// describe tells a cluster. unread is why instances may be missing.
func (c *collector) describe(cluster *Cluster, unread error) *resource.Resource {
	r := &resource.Resource{
		ID: resource.ID(cluster.ARN), Kind: c.kind.Name, Class: c.kind.Class, Name: cluster.Name, Scope: c.scope,
		Created: cluster.Created, Tags: cluster.Tags, Notes: cluster.notes(),
	}
	if r.ID == "" {
		r.ID = resource.ID(c.arn() + ":cluster:" + cluster.Name)
	}
	r.Set("engine", cluster.Engine, cluster.engineFrom())
	if !cluster.Assumed {
		setPort(r, cluster.port, cluster.From("Port", strconv.Itoa(int(cluster.port))))
		if _, declared := c.kind.Settings["iam_authentication"]; declared {
			setFlag(r, "iam_authentication", cluster.IAM, cluster.From("IAMDatabaseAuthenticationEnabled", ""))
		}
		setFlag(r, "encrypted", cluster.Encrypted, cluster.From("StorageEncrypted", ""))
	}
	c.addDoors(r, cluster)
	c.addDoubts(r, cluster, unread)
	if c.special != nil {
		c.special(cluster, r)
	}
	return r
}

func (c *Cluster) engineFrom() resource.Evidence {
	if c.lender != nil {
		return c.lender.from("Engine", c.Engine)
	}
	return c.From("Engine", c.Engine)
}

func (c *Cluster) notes() []string {
	var notes []string
	if c.Assumed {
		notes = append(notes, "the cluster is not listed; its instances name it")
	} else if c.Status != "" && c.Status != "available" {
		notes = append(notes, "its status is "+c.Status)
	}
	for _, i := range c.Instances {
		for _, n := range i.notes() {
			notes = append(notes, i.Name+": "+n)
		}
	}
	return notes
}

// credential is what a cluster asks of whoever connects.
//
// Source: Amazon Neptune User Guide, "Authenticating your Amazon Neptune
// database with AWS Identity and Access Management": with IAM database
// authentication each request must be signed; it is off by default, and Neptune
// knows no passwords. The master users of the other services: Amazon RDS and
// Amazon DocumentDB API References, CreateDBCluster, MasterUserPassword.
func (c *Cluster) credential() resource.Credential {
	switch FamilyOf(c.Engine) {
	case Aurora, DocumentDB:
		return resource.CredentialOwn
	case Neptune:
		if aws.ToBool(c.IAM) {
			return resource.CredentialOwn
		}
		return resource.CredentialNone
	case RDS:
	}
	return credentialOf(c.Engine)
}

// addDoors adds the grant of the public addresses, or the guard of having none.
func (c *collector) addDoors(r *resource.Resource, cluster *Cluster) {
	flags, public := cluster.flags()
	switch {
	case public:
		to := resource.CredentialOwn
		if cluster.neptune() {
			to = cluster.credential()
			flags = append(flags, cluster.iamFrom()...)
		}
		r.Grants = append(r.Grants, network.Grant(to, flags...))
		r.Set("publicly_accessible", true, flags[0])
		for _, i := range cluster.open() {
			r.Gaps = append(r.Gaps, i.oddNetwork(undecided(c.kind, InstancesCall))...)
		}
	case len(flags) > 0:
		r.Guards = append(r.Guards, network.Private(flags...))
		r.Set("publicly_accessible", false, flags[0])
	}
}

func (c *Cluster) neptune() bool { return FamilyOf(c.Engine) == Neptune }

// iamFrom cites the flag that decides whether Neptune asks for anything.
func (c *Cluster) iamFrom() []resource.Evidence {
	if c.Assumed || c.IAM == nil {
		return nil
	}
	return []resource.Evidence{c.From("IAMDatabaseAuthenticationEnabled", strconv.FormatBool(*c.IAM))}
}

// flags cites what says that there is a public address, or else everything that
// says there is none. There are none where somebody is silent about it.
func (c *Cluster) flags() (cited []resource.Evidence, public bool) {
	if aws.ToBool(c.Public) {
		return []resource.Evidence{c.From("PubliclyAccessible", "true")}, true
	}
	var yes, no []resource.Evidence
	silent := c.unsettled
	for _, i := range c.Instances {
		switch {
		case i.Public == nil:
			silent = true
		case *i.Public:
			yes = append(yes, i.from("PubliclyAccessible", "true"))
		default:
			no = append(no, i.from("PubliclyAccessible", "false"))
		}
	}
	switch {
	case len(yes) > 0:
		return yes, true
	case silent:
		return nil, false
	case c.Public != nil:
		no = append([]resource.Evidence{c.From("PubliclyAccessible", "false")}, no...)
	case len(no) == 0:
		no = append(no, c.From("", "no instance")) // and without one, nothing listens
	}
	return no, false
}

// addDoubts adds what the listings leave open.
func (c *collector) addDoubts(r *resource.Resource, cluster *Cluster, unread error) {
	worst := cluster.credential()
	for _, i := range cluster.Instances {
		if i.Public == nil && !aws.ToBool(cluster.Public) {
			r.Gaps = append(r.Gaps, network.Unsaid(undecided(c.kind, InstancesCall), i.Name, worst))
		}
	}
	switch {
	case unread != nil:
		gap := undecided(c.kind, InstancesCall)
		gap.Reason, gap.Detail = reasonOf(unread)
		gap.Hides, gap.Settings = network.Hidden(worst), []string{"publicly_accessible"}
		r.Gaps = append(r.Gaps, gap)
	case len(cluster.Unlisted) > 0:
		gap := undecided(c.kind, InstancesCall)
		gap.Detail = "not listed, and named by the cluster: " + strings.Join(cluster.Unlisted, ", ")
		gap.Hides, gap.Settings = network.Hidden(worst), []string{"publicly_accessible"}
		r.Gaps = append(r.Gaps, gap)
	}
	r.Gaps = append(r.Gaps, c.unsure(r, cluster)...)
}

// unsure are the doubts about what a public cluster asks of whoever connects.
func (c *collector) unsure(r *resource.Resource, cluster *Cluster) []resource.Gap {
	switch {
	case !isOpen(r):
		return nil
	case cluster.neptune() && cluster.IAM == nil:
		// It is taken to be off, as by default; the entry that would say so is
		// missing.
		gap := undecided(c.kind, ClustersCall)
		gap.Detail = "it does not say whether IAM database authentication is on"
		gap.Shields = []resource.Shield{{
			On: []resource.Channel{network.Channel}, Cap: resource.Audience{Reach: resource.ReachInternet, Credential: resource.CredentialOwn},
		}}
		return []resource.Gap{gap}
	case c.family == RDS && cluster.credential() == resource.CredentialNone:
		return oddEngine(undecided(c.kind, ClustersCall), cluster.Engine)
	}
	return nil
}

// reasonOf reads why a listing was not read.
func reasonOf(err error) (resource.Reason, string) {
	if malformed, ok := errors.AsType[*collect.MalformedError](err); ok {
		return resource.Malformed, malformed.Err.Error()
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return resource.Failed, "the run was interrupted"
	}
	refusal := account.Refusal(err)
	return refusal.Reason, refusal.String()
}
