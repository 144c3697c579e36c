// Package redshiftcluster collects provisioned Amazon Redshift clusters.
// kind.yaml declares every call.
package redshiftcluster

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/network"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.redshift.cluster.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const listCall = "redshift:DescribeClusters"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *redshift.Client
	open    network.Endpoints // of the listed clusters with a public address
}

// New returns the collector of an account's clusters in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: redshift.NewFromConfig(a.Config(scope.Region))}
}

func (c *collector) Kind() *collect.Kind { return Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := redshift.NewDescribeClustersPaginator(c.client, &redshift.DescribeClustersInput{})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *redshift.DescribeClustersOutput) ([]types.Cluster, error) {
	if page.Clusters == nil {
		return nil, collect.Malformed(listCall, "no list of clusters in it")
	}
	return page.Clusters, nil
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	return network.Questions(Kind, c.account, c.scope.Region, r, c.open.Take(r))
}

// describe names a cluster as Amazon does in policies: the listing has the ARN of
// its namespace only.
func (c *collector) describe(d *types.Cluster) *resource.Resource {
	name := aws.ToString(d.ClusterIdentifier)
	r := &resource.Resource{
		ID:   resource.ID(strings.Join([]string{"arn", c.account.Partition, "redshift", c.scope.Region, c.account.ID, "cluster", name}, ":")),
		Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
		Created: aws.ToTime(d.ClusterCreateTime), Tags: tags(d.Tags), Notes: notes(d),
	}
	if d.Encrypted != nil {
		r.Set("encrypted", *d.Encrypted, cited(name, "Encrypted", strconv.FormatBool(*d.Encrypted)))
	}
	if d.Endpoint != nil && d.Endpoint.Port != nil {
		r.Set("port", float64(*d.Endpoint.Port), cited(name, "Endpoint/Port", strconv.Itoa(int(*d.Endpoint.Port))))
	}
	addDoor(r, d)
	if d.PubliclyAccessible == nil || *d.PubliclyAccessible {
		c.open.Put(r, endpoint(d))
	}
	return r
}

func addDoor(r *resource.Resource, d *types.Cluster) {
	gap := resource.Gap{Call: listCall, Permission: Kind.Lists[0].Permission, Reason: resource.Undecided}
	if d.PubliclyAccessible == nil {
		r.Gaps = append(r.Gaps, network.Unsaid(gap, "the cluster", resource.CredentialOwn))
		return
	}
	from := cited(r.Name, "PubliclyAccessible", strconv.FormatBool(*d.PubliclyAccessible))
	r.Set("publicly_accessible", *d.PubliclyAccessible, from)
	if !*d.PubliclyAccessible {
		r.Guards = append(r.Guards, network.Private(from))
		return
	}
	r.Grants = append(r.Grants, network.Grant(resource.CredentialOwn, from))
	if kind := aws.ToString(d.IpAddressType); kind != "" && kind != ipv4Only && kind != dualStack {
		r.Gaps = append(r.Gaps, network.Doubted(gap, fmt.Sprintf("IP address type %q is not known", kind)))
	}
}

// The IP address types. Source: Amazon Redshift API Reference, Cluster.
const (
	ipv4Only  = "ipv4"
	dualStack = "dualstack"
)

// endpoint is where a public cluster listens. Its leader has one address in one
// subnet of its zone; a cluster in two zones can have it in either.
func endpoint(d *types.Cluster) network.Endpoint {
	kind := aws.ToString(d.IpAddressType)
	e := network.Endpoint{
		IPv4: true, IPv6: kind != "" && kind != ipv4Only, MaybeIPv6: kind == "", VPC: aws.ToString(d.VpcId), Addresses: addresses(d.ClusterNodes),
	}
	if d.MultiAZSecondary == nil {
		e.Zone = aws.ToString(d.AvailabilityZone)
	} else {
		e.Addresses = append(e.Addresses, addresses(d.MultiAZSecondary.ClusterNodes)...)
	}
	if d.Endpoint != nil {
		if n := aws.ToInt32(d.Endpoint.Port); n > 0 && n <= math.MaxUint16 {
			e.Port = uint16(n)
		}
	}
	for _, g := range d.VpcSecurityGroups {
		e.SecurityGroups = append(e.SecurityGroups, aws.ToString(g.VpcSecurityGroupId))
	}
	return e
}

func addresses(nodes []types.ClusterNode) []netip.Addr {
	var all []netip.Addr
	for _, n := range nodes {
		if a, err := netip.ParseAddr(aws.ToString(n.PublicIPAddress)); err == nil {
			all = append(all, a)
		}
	}
	return all
}

func notes(d *types.Cluster) []string {
	var notes []string
	if s := aws.ToString(d.ClusterStatus); s != "" && s != "available" {
		notes = append(notes, "its status is "+s)
	}
	if p := d.PendingModifiedValues; p != nil && p.PubliclyAccessible != nil {
		notes = append(notes, fmt.Sprintf("a change of the public address to %t is pending", *p.PubliclyAccessible))
	}
	return notes
}

func tags(list []types.Tag) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]string, len(list))
	for _, t := range list {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// cited leads to a member of a cluster's entry in the listing, however that was
// split into pages.
func cited(name, member, quote string) resource.Evidence {
	return resource.Evidence{
		Call: listCall, Of: name, Quote: quote,
		Pointer: "/DescribeClustersResponse/DescribeClustersResult/Clusters/Cluster[ClusterIdentifier=" + strconv.Quote(name) + "]/" + member,
	}
}
