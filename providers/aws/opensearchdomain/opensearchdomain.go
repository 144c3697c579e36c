// Package opensearchdomain collects Amazon OpenSearch Service domains: an access
// policy, a public endpoint or one in a VPC, and behind them fine-grained access
// control with logins of its own. kind.yaml declares every call.
package opensearchdomain

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/opensearch"
	"github.com/aws/aws-sdk-go-v2/service/opensearch/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.opensearch.domain.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall     = "opensearch:ListDomainNames"
	describeCall = "opensearch:DescribeDomains"
)

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *opensearch.Client
	// batches are the listed domains by name, each with those that it is
	// described together with, until its questions are asked for.
	batches sync.Map
}

// New returns the collector of an account's domains in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: opensearch.NewFromConfig(a.Config(scope.Region))}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// List yields the domains by name: the listing tells nothing else, and is not
// split into pages.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		answer, err := c.client.ListDomainNames(ctx, &opensearch.ListDomainNamesInput{})
		if err == nil && answer.DomainNames == nil {
			err = collect.Malformed(listCall, "no list of domains in it")
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for names := range slices.Chunk(names(answer.DomainNames), batchSize) {
			together := &batch{names: names}
			for _, name := range names {
				c.batches.Store(name, together)
				if !yield(c.named(name), nil) {
					return
				}
			}
		}
	}
}

func names(listed []types.DomainInfo) []string {
	all := make([]string, 0, len(listed))
	for _, d := range listed {
		all = append(all, aws.ToString(d.DomainName))
	}
	slices.Sort(all)
	return all
}

func (c *collector) named(name string) *resource.Resource {
	return &resource.Resource{ID: resource.ID(c.arn(name)), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope}
}

func (c *collector) arn(name string) string {
	return strings.Join([]string{"arn", c.account.Partition, "es", c.scope.Region, c.account.ID, "domain/" + name}, ":")
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	together, ok := c.batches.LoadAndDelete(r.Name)
	if !ok {
		together = &batch{names: []string{r.Name}}
	}
	return []*collect.Question{
		Kind.Question(describeCall, func(ctx context.Context, r *resource.Resource) error {
			return c.ask(ctx, r, together.(*batch))
		}),
	}
}

// batchSize is how many domains one call describes.
//
// Source: Amazon OpenSearch Service API Reference, DescribeDomains: "up to five
// specified domains".
const batchSize = 5

// batch are domains that are described by one call.
type batch struct {
	names []string
	once  collect.Once[map[string]described]
}

// described is what an answer says about a domain, and where.
type described struct {
	domain *types.DomainStatus
	place  int
}

func (c *collector) ask(ctx context.Context, r *resource.Resource, together *batch) error {
	found, err := together.once.Get(ctx, func(ctx context.Context) (map[string]described, error) { return c.describe(ctx, together.names) })
	if err != nil {
		return err
	}
	d, ok := found[r.Name]
	if !ok {
		// The answer leaves out what is not there, without a word. Whoever is
		// left out twice has been deleted since.
		if found, err = c.describe(ctx, []string{r.Name}); err != nil {
			return err
		}
		if d, ok = found[r.Name]; !ok {
			r.Gone = true
			return nil
		}
	}
	return c.tell(ctx, r, d)
}

func (c *collector) describe(ctx context.Context, names []string) (map[string]described, error) {
	answer, err := c.client.DescribeDomains(ctx, &opensearch.DescribeDomainsInput{DomainNames: names})
	if err != nil {
		return nil, err
	}
	if answer.DomainStatusList == nil {
		return nil, collect.Malformed(describeCall, "no list of domains in it")
	}
	found := make(map[string]described, len(names))
	for i := range answer.DomainStatusList {
		d := &answer.DomainStatusList[i]
		if aws.ToString(d.DomainName) == "" {
			return nil, collect.Malformed(describeCall, "a domain without a name")
		}
		found[*d.DomainName] = described{d, i}
	}
	return found, nil
}

// cite leads to a member of a domain's entry in the answer.
func (d described) cite(member, quote string) resource.Evidence {
	e := resource.Evidence{
		Call: describeCall, Of: aws.ToString(d.domain.DomainName), Quote: quote, Pointer: "/DomainStatusList/" + strconv.Itoa(d.place),
	}
	if member != "" {
		e.Pointer += "/" + member
	}
	return e
}

func (c *collector) tell(ctx context.Context, r *resource.Resource, d described) error {
	r.Set("engine", aws.ToString(d.domain.EngineVersion), d.cite("EngineVersion", aws.ToString(d.domain.EngineVersion)))
	if o := d.domain.EncryptionAtRestOptions; o != nil && o.Enabled != nil {
		r.Set("encrypted", *o.Enabled, d.cite("EncryptionAtRestOptions/Enabled", strconv.FormatBool(*o.Enabled)))
	}
	if o := d.domain.DomainEndpointOptions; o != nil && o.EnforceHTTPS != nil {
		r.Set("tls_required", *o.EnforceHTTPS, d.cite("DomainEndpointOptions/EnforceHTTPS", strconv.FormatBool(*o.EnforceHTTPS)))
	}
	if aws.ToBool(d.domain.Processing) {
		r.Notes = append(r.Notes, "a change of its configuration is in progress; what is told may be what it changes to")
	}
	addVPC(r, d)
	addLogin(r, d)
	return c.addPolicy(ctx, r, d)
}

// addVPC adds what a domain without a public endpoint closes: whatever its
// policy says, packets must come from inside its VPC.
//
// Source: Amazon OpenSearch Service Developer Guide, "Launching your Amazon
// OpenSearch Service domains within a VPC".
func addVPC(r *resource.Resource, d described) {
	vpc := ""
	if d.domain.VPCOptions != nil {
		vpc = aws.ToString(d.domain.VPCOptions.VPCId)
	}
	switch {
	case vpc == "" && d.inSomeVPC():
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: describeCall, Permission: Kind.Question(describeCall, nil).Permission, Reason: resource.Malformed,
			Detail:   "it speaks of a VPC and does not say which",
			Shields:  []resource.Shield{{On: []resource.Channel{resourcepolicy.Policy}, Cap: insideVPC}},
			Settings: []string{"vpc_only"},
		})
		return
	case vpc == "":
		r.Set("vpc_only", false, d.cite("", "no VPCOptions in it"))
		return
	}
	from := d.cite("VPCOptions/VPCId", vpc)
	r.Set("vpc_only", true, from)
	r.Guards = append(r.Guards, resource.Guard{
		Name: "endpoint in " + vpc, On: []resource.Channel{resourcepolicy.Policy},
		Cap: insideVPC, Because: []resource.Evidence{from},
	})
}

// insideVPC is who is left where packets must come from inside a VPC.
var insideVPC = resource.Audience{Reach: resource.ReachPrivate, Credential: resource.CredentialNone}

// inSomeVPC reports whether an answer that names no VPC shows traces of one.
func (d described) inSomeVPC() bool {
	o, endpoint := d.domain.VPCOptions, d.domain.Endpoints["vpc"]
	return endpoint != "" || o != nil && len(o.SubnetIds)+len(o.SecurityGroupIds)+len(o.AvailabilityZones) > 0
}

// signedIn is who is left where the domain asks for a login of its own.
var signedIn = resource.Audience{Reach: resource.ReachInternet, Credential: resource.CredentialOwn}

// addLogin adds fine-grained access control: whoever the policy lets through to
// the endpoint must sign in there, unless it is still being introduced.
//
// Source: Amazon OpenSearch Service Developer Guide, "Fine-grained access
// control", sections "The bigger picture" and "Enabling fine-grained access
// control on existing domains" (the migration period of open access).
func addLogin(r *resource.Resource, d described) {
	o := d.domain.AdvancedSecurityOptions
	if o == nil {
		return // a domain from before there was such a thing
	}
	if o.Enabled == nil {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: describeCall, Permission: Kind.Question(describeCall, nil).Permission, Reason: resource.Malformed,
			Detail:   "it does not say whether fine-grained access control is on",
			Shields:  []resource.Shield{{On: []resource.Channel{resourcepolicy.Policy}, Cap: signedIn}},
			Settings: []string{"fine_grained_access"},
		})
		return
	}
	from := d.cite("AdvancedSecurityOptions/Enabled", strconv.FormatBool(*o.Enabled))
	r.Set("fine_grained_access", *o.Enabled, from)
	switch {
	case !*o.Enabled:
	case aws.ToBool(o.AnonymousAuthEnabled):
		note := "fine-grained access control is being introduced and lets in everybody until that is ended"
		if o.AnonymousAuthDisableDate != nil {
			note += fmt.Sprintf(", at the latest on %s", o.AnonymousAuthDisableDate.UTC().Format("2006-01-02"))
		}
		r.Notes = append(r.Notes, note)
	default:
		r.Guards = append(r.Guards, resource.Guard{
			Name: "fine-grained access control", On: []resource.Channel{resourcepolicy.Policy}, Cap: signedIn, Because: []resource.Evidence{from},
		})
	}
}

// addPolicy judges the access policy. Without one only the account's own
// identities are let in.
func (c *collector) addPolicy(ctx context.Context, r *resource.Resource, d described) error {
	text := aws.ToString(d.domain.AccessPolicies)
	r.Set("has_policy", text != "", d.cite("DomainName", r.Name))
	if text == "" {
		return nil
	}
	from := d.cite("AccessPolicies", "")
	source := resourcepolicy.Source{Call: from.Call, Of: from.Of, Pointer: from.Pointer}
	policy, err := resourcepolicy.Parse(text, source)
	if err != nil {
		return err
	}
	at := resourcepolicy.Attach(ctx, c.account, "es", source, resourcepolicy.Resources("es", c.arn(r.Name)))
	judged, err := resourcepolicy.Judge(policy, at)
	if err != nil {
		return err
	}
	judged.Describe(r)
	return nil
}
