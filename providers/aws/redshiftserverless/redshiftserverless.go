// Package redshiftserverless collects the workgroups of Amazon Redshift
// Serverless. The listing holds all there is to know of them; kind.yaml declares
// every call.
package redshiftserverless

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless"
	"github.com/aws/aws-sdk-go-v2/service/redshiftserverless/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/network"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.redshift_serverless.workgroup.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const listCall = "redshiftserverless:ListWorkgroups"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *redshiftserverless.Client
	open    network.Endpoints // of the listed workgroups with a public address
}

// New returns the collector of an account's workgroups in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: redshiftserverless.NewFromConfig(a.Config(scope.Region))}
}

func (c *collector) Kind() *collect.Kind { return Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := redshiftserverless.NewListWorkgroupsPaginator(c.client, &redshiftserverless.ListWorkgroupsInput{})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *redshiftserverless.ListWorkgroupsOutput) ([]types.Workgroup, error) {
	if page.Workgroups == nil {
		return nil, collect.Malformed(listCall, "no list of workgroups in it")
	}
	return page.Workgroups, nil
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	return network.Questions(Kind, c.account, c.scope.Region, r, c.open.Take(r))
}

func (c *collector) describe(w *types.Workgroup) *resource.Resource {
	name := aws.ToString(w.WorkgroupName)
	r := &resource.Resource{
		ID: resource.ID(aws.ToString(w.WorkgroupArn)), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
		Created: aws.ToTime(w.CreationDate), Notes: notes(w),
	}
	if r.ID == "" {
		id := cmp.Or(aws.ToString(w.WorkgroupId), name)
		r.ID = resource.ID(strings.Join([]string{"arn", c.account.Partition, "redshift-serverless", c.scope.Region, c.account.ID, "workgroup/" + id}, ":"))
	}
	if n := port(w); n != 0 {
		r.Set("port", float64(n), cited(name, "port="+strconv.Itoa(int(n))))
	}
	addDoor(r, w)
	if w.PubliclyAccessible == nil || *w.PubliclyAccessible {
		c.open.Put(r, endpoint(w))
	}
	return r
}

func addDoor(r *resource.Resource, w *types.Workgroup) {
	gap := resource.Gap{Call: listCall, Permission: Kind.Lists[0].Permission, Reason: resource.Undecided}
	if w.PubliclyAccessible == nil {
		r.Gaps = append(r.Gaps, network.Unsaid(gap, "the workgroup", resource.CredentialOwn))
		return
	}
	from := cited(r.Name, "publiclyAccessible="+strconv.FormatBool(*w.PubliclyAccessible))
	r.Set("publicly_accessible", *w.PubliclyAccessible, from)
	if !*w.PubliclyAccessible {
		r.Guards = append(r.Guards, network.Private(from))
		return
	}
	r.Grants = append(r.Grants, network.Grant(resource.CredentialOwn, from))
	if kind := aws.ToString(w.IpAddressType); kind != "" && kind != ipv4Only && kind != dualStack {
		r.Gaps = append(r.Gaps, network.Doubted(gap, fmt.Sprintf("IP address type %q is not known", kind)))
	}
}

// The IP address types. Source: Amazon Redshift Serverless API Reference,
// Workgroup.
const (
	ipv4Only  = "ipv4"
	dualStack = "dualstack"
)

// endpoint is where a public workgroup listens. It has an interface in each of
// its subnets; which of them bear the public address is not documented.
func endpoint(w *types.Workgroup) network.Endpoint {
	kind := aws.ToString(w.IpAddressType)
	e := network.Endpoint{
		IPv4: true, IPv6: kind != "" && kind != ipv4Only, MaybeIPv6: kind == "", Port: port(w),
		SecurityGroups: w.SecurityGroupIds, Subnets: w.SubnetIds,
	}
	if w.Endpoint == nil {
		return e
	}
	var subnets []string
	for _, v := range w.Endpoint.VpcEndpoints {
		e.VPC = cmp.Or(e.VPC, aws.ToString(v.VpcId))
		for _, i := range v.NetworkInterfaces {
			subnets = append(subnets, aws.ToString(i.SubnetId))
		}
	}
	if len(subnets) > 0 && !slices.Contains(subnets, "") {
		e.Subnets = subnets
	}
	return e
}

func port(w *types.Workgroup) uint16 {
	n := aws.ToInt32(w.Port)
	if w.Endpoint != nil {
		n = cmp.Or(aws.ToInt32(w.Endpoint.Port), n)
	}
	if n > 0 && n <= math.MaxUint16 {
		return uint16(n)
	}
	return 0
}

func notes(w *types.Workgroup) []string {
	var notes []string
	if w.Status != "" && w.Status != types.WorkgroupStatusAvailable {
		notes = append(notes, "its status is "+string(w.Status))
	}
	if len(w.CrossAccountVpcs) > 0 {
		notes = append(notes, "VPCs of other accounts that may have an endpoint of it: "+strings.Join(w.CrossAccountVpcs, ", "))
	}
	return notes
}

// cited leads to the listing. A place in it would depend on how it was split
// into pages; the quote says which member of the entry is meant.
func cited(name, quote string) resource.Evidence {
	return resource.Evidence{Call: listCall, Of: name, Pointer: "/workgroups", Quote: quote}
}
