// Package s3multiregion collects Amazon S3 Multi-Region Access Points: one
// global door into buckets of several Regions. A caller from another account
// must pass its policy and that of a bucket behind it; kind.yaml declares every
// call.
package s3multiregion

import (
	"context"
	_ "embed"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
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

// Kind is the declaration of aws.s3.multi_region_access_point.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// controlRegion is the only Region that answers for Multi-Region Access Points.
const controlRegion = "us-west-2"

const listCall = "s3control:ListMultiRegionAccessPoints"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *s3control.Client
}

// New returns the collector of an account's Multi-Region Access Points.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: s3access.ControlClient(a, controlRegion)}
}

func (c *collector) Kind() *collect.Kind { return Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := s3control.NewListMultiRegionAccessPointsPaginator(c.client, &s3control.ListMultiRegionAccessPointsInput{AccountId: aws.String(c.account.ID)})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *s3control.ListMultiRegionAccessPointsOutput) ([]types.MultiRegionAccessPointReport, error) {
	if page.AccessPoints == nil {
		return nil, collect.Malformed(listCall, "no list of access points in it")
	}
	return page.AccessPoints, nil
}

func (c *collector) describe(p *types.MultiRegionAccessPointReport) *resource.Resource {
	name := aws.ToString(p.Name)
	r := &resource.Resource{
		ID:   resource.ID("arn:" + c.account.Partition + ":s3::" + c.account.ID + ":accesspoint/" + aws.ToString(p.Alias)),
		Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope, Created: aws.ToTime(p.CreatedAt),
	}
	from := resource.Evidence{
		Call: listCall, Of: c.account.ID,
		Pointer: s3access.Item("/ListMultiRegionAccessPointsResult/AccessPoints/AccessPoint", name),
	}
	r.Set("buckets", behind(p.Regions), from)
	from.Pointer += "/PublicAccessBlock"
	block, err := s3access.ReadBlock("access point", from, p.PublicAccessBlock)
	if err != nil {
		r.Notes = append(r.Notes, "the listing does not show the access point's own Block Public Access")
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: listCall, Permission: Kind.Lists[0].Permission, Reason: resource.Malformed, Detail: err.Error(),
			Shields: []resource.Shield{{On: []resource.Channel{s3access.Policy, s3access.DisputedPolicy}, Cap: resource.Nobody}},
		})
		return r
	}
	r.Guards = block.Guards(s3access.Policy)
	r.Set("access_point_block_complete", block.Complete(), from)
	return r
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	p := &accessPoint{collector: c, name: r.Name, arn: string(r.ID)}
	buckets, _ := r.Settings["buckets"].Value.([]string)
	for _, spelled := range buckets {
		parts := strings.Split(spelled, " ")
		p.behind = append(p.behind, &s3access.Behind{Region: parts[0], Bucket: parts[1], Owner: parts[2], AccessPoint: p.arn})
	}
	return []*collect.Question{
		Kind.Question("s3control:GetPublicAccessBlock", s3access.AskAccountBlock(c.account, s3access.Policy)),
		Kind.Question("s3control:GetMultiRegionAccessPointPolicy", p.askPolicy),
		Kind.Question("s3:GetBucketPolicy", p.askBucketPolicies),
		Kind.Question("s3:GetPublicAccessBlock", p.askBucketBlocks),
	}
}

// behind spells the buckets behind an access point as "region bucket account".
func behind(regions []types.RegionReport) []string {
	var buckets []string
	for _, region := range regions {
		buckets = append(buckets, strings.Join([]string{aws.ToString(region.Region), aws.ToString(region.Bucket), aws.ToString(region.BucketAccountId)}, " "))
	}
	return buckets
}

type accessPoint struct {
	*collector
	name, arn string
	behind    []*s3access.Behind
}

func (p *accessPoint) askPolicy(ctx context.Context, r *resource.Resource) error {
	const call = "s3control:GetMultiRegionAccessPointPolicy"
	answer, err := p.client.GetMultiRegionAccessPointPolicy(ctx, &s3control.GetMultiRegionAccessPointPolicyInput{
		AccountId: aws.String(p.account.ID), Name: aws.String(p.name),
	})
	if code := account.Code(err); code == "NoSuchAccessPointPolicy" || code == "NoSuchMultiRegionAccessPointPolicy" {
		return nil
	}
	if err != nil {
		return err
	}
	if answer.Policy == nil {
		return collect.Malformed(call, "no policy document in it")
	}
	if answer.Policy.Established == nil || aws.ToString(answer.Policy.Established.Policy) == "" {
		return nil
	}
	return s3access.AddPolicy(r, aws.ToString(answer.Policy.Established.Policy), s3access.Attachment{
		Call: call, Of: p.name, Pointer: "/GetMultiRegionAccessPointPolicyResult/Policy/Established/Policy",
		Target: iam.Target{Service: "s3", Resources: []string{p.arn, p.arn + "/object/*"}, Account: p.account.ID},
		Kind:   iam.AccessPointPolicy, Door: resource.AnyTenant,
		Organisation: func() (string, error) { return p.account.Organisation(ctx) },
	})
}

func (p *accessPoint) askBucketPolicies(ctx context.Context, r *resource.Resource) error {
	return s3access.Confirm(ctx, p.account, r, p.behind...)
}

func (p *accessPoint) askBucketBlocks(ctx context.Context, r *resource.Resource) error {
	return s3access.ConfirmBlocks(ctx, p.account, r, p.behind...)
}
