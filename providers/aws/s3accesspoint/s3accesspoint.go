// Package s3accesspoint collects Amazon S3 access points: a door of its own
// into a bucket, with a policy of its own. A caller from another account must
// pass both that policy and the bucket's; kind.yaml declares every call.
package s3accesspoint

import (
	"context"
	_ "embed"
	"fmt"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.s3.access_point.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const listCall = "s3control:ListAccessPoints"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *s3control.Client
}

// New returns the collector of an account's access points in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: s3access.ControlClient(a, scope.Region)}
}

func (c *collector) Kind() *collect.Kind { return Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := s3control.NewListAccessPointsPaginator(c.client, &s3control.ListAccessPointsInput{AccountId: aws.String(c.account.ID)})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *s3control.ListAccessPointsOutput) ([]types.AccessPoint, error) {
	if page.AccessPointList == nil {
		return nil, collect.Malformed(listCall, "no list of access points in it")
	}
	return page.AccessPointList, nil
}

// here passes over what belongs to another region: some endpoints list an
// access point in every region, and it must be reported once.
func (c *collector) here(p *types.AccessPoint) bool {
	parsed, err := arn.Parse(aws.ToString(p.AccessPointArn))
	return err != nil || parsed.Region == "" || parsed.Region == c.scope.Region
}

func (c *collector) describe(p *types.AccessPoint) *resource.Resource {
	if !c.here(p) {
		return nil
	}
	name := aws.ToString(p.Name)
	r := &resource.Resource{ID: resource.ID(aws.ToString(p.AccessPointArn)), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope}
	if r.ID == "" {
		r.ID = resource.ID("arn:" + c.account.Partition + ":s3:" + c.scope.Region + ":" + c.account.ID + ":accesspoint/" + name)
	}
	from := resource.Evidence{Call: listCall, Of: c.account.ID, Pointer: s3access.Item("/ListAccessPointsResult/AccessPointList/AccessPoint", name)}
	r.Set("bucket", aws.ToString(p.Bucket), from)
	if owner := aws.ToString(p.BucketAccountId); owner != "" && owner != c.account.ID {
		r.Set("bucket_account", owner, from)
		r.Notes = append(r.Notes, "the bucket belongs to account "+owner)
	}
	from.Pointer += "/NetworkOrigin"
	from.Quote = string(p.NetworkOrigin)
	addOrigin(r, p.NetworkOrigin, from)
	return r
}

// addOrigin adds what the network origin closes: an access point that only
// answers inside a VPC answers no stranger.
func addOrigin(r *resource.Resource, origin types.NetworkOrigin, from resource.Evidence) {
	switch origin {
	case types.NetworkOriginVpc:
		r.Guards = append(r.Guards, resource.Guard{
			Name: "VPC network origin", On: s3access.PolicyChannels, Cap: resource.Nobody, Because: []resource.Evidence{from},
		})
	case types.NetworkOriginInternet:
	default:
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: listCall, Permission: Kind.Lists[0].Permission, Reason: resource.Malformed,
			Detail:  fmt.Sprintf("network origin %q is not known", origin),
			Shields: []resource.Shield{{On: s3access.PolicyChannels, Cap: resource.Nobody}},
		})
	}
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	p := &accessPoint{collector: c, name: r.Name, arn: string(r.ID)}
	p.behind = &s3access.Behind{Region: c.scope.Region, AccessPoint: p.arn}
	p.behind.Bucket, _ = r.Settings["bucket"].Value.(string)
	p.behind.Owner, _ = r.Settings["bucket_account"].Value.(string)
	return []*collect.Question{
		Kind.Question("s3control:GetPublicAccessBlock", s3access.AskAccountBlock(c.account, s3access.Policy)),
		Kind.Question("s3control:GetAccessPoint", p.askBlock),
		Kind.Question("s3control:GetAccessPointPolicy", p.askPolicy),
		Kind.Question("s3:GetBucketPolicy", p.askBucketPolicy),
		Kind.Question("s3:GetPublicAccessBlock", p.askBucketBlock),
	}
}

type accessPoint struct {
	*collector
	name, arn string
	behind    *s3access.Behind
}

func (p *accessPoint) target() iam.Target {
	return iam.Target{Service: "s3", Resources: []string{p.arn, p.arn + "/object/*"}, Account: p.account.ID}
}

func (p *accessPoint) askBlock(ctx context.Context, r *resource.Resource) error {
	const call = "s3control:GetAccessPoint"
	answer, err := p.client.GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: aws.String(p.account.ID), Name: aws.String(p.name)})
	if err != nil {
		return err
	}
	from := resource.Evidence{Call: call, Of: p.name, Pointer: "/GetAccessPointResult/PublicAccessBlockConfiguration"}
	block, err := s3access.ReadBlock("access point", from, answer.PublicAccessBlockConfiguration)
	if err != nil {
		return err
	}
	r.Guards = append(r.Guards, block.Guards(s3access.Policy)...)
	r.Set("access_point_block_complete", block.Complete(), from)
	return nil
}

func (p *accessPoint) askPolicy(ctx context.Context, r *resource.Resource) error {
	const call = "s3control:GetAccessPointPolicy"
	answer, err := p.client.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: aws.String(p.account.ID), Name: aws.String(p.name)})
	if account.Code(err) == "NoSuchAccessPointPolicy" {
		return nil
	}
	if err != nil {
		return err
	}
	if answer.Policy == nil {
		return collect.Malformed(call, "no policy in it")
	}
	return s3access.AddPolicy(r, aws.ToString(answer.Policy), s3access.Attachment{
		Call: call, Of: p.name, Pointer: "/GetAccessPointPolicyResult/Policy",
		Target: p.target(), Kind: iam.AccessPointPolicy, Door: resource.AnyTenant,
		Organisation: func() (string, error) { return p.account.Organisation(ctx) },
	})
}

// askBucketPolicy closes the callers whom the bucket behind does not let
// through: an access point's policy alone admits nobody from outside.
//
// Source: Amazon S3 User Guide, "Configuring IAM policies for using access
// points", section "Delegating access control to access points".
func (p *accessPoint) askBucketPolicy(ctx context.Context, r *resource.Resource) error {
	return s3access.Confirm(ctx, p.account, r, p.behind)
}

func (p *accessPoint) askBucketBlock(ctx context.Context, r *resource.Resource) error {
	return s3access.ConfirmBlocks(ctx, p.account, r, p.behind)
}
