// Package s3objectlambda collects Amazon S3 Object Lambda access points: doors
// that run a Lambda function on what a caller reads. kind.yaml declares every
// call.
package s3objectlambda

import (
	"context"
	_ "embed"
	"iter"

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

// Kind is the declaration of aws.s3.object_lambda_access_point.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const listCall = "s3control:ListAccessPointsForObjectLambda"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *s3control.Client
}

// New returns the collector of an account's Object Lambda access points in one
// region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: s3access.ControlClient(a, scope.Region)}
}

func (c *collector) Kind() *collect.Kind { return Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := s3control.NewListAccessPointsForObjectLambdaPaginator(c.client, &s3control.ListAccessPointsForObjectLambdaInput{AccountId: aws.String(c.account.ID)})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *s3control.ListAccessPointsForObjectLambdaOutput) ([]types.ObjectLambdaAccessPoint, error) {
	if page.ObjectLambdaAccessPointList == nil {
		return nil, collect.Malformed(listCall, "no list of access points in it")
	}
	return page.ObjectLambdaAccessPointList, nil
}

func (c *collector) describe(p *types.ObjectLambdaAccessPoint) *resource.Resource {
	return &resource.Resource{
		ID:   resource.ID(aws.ToString(p.ObjectLambdaAccessPointArn)),
		Kind: Kind.Name, Class: Kind.Class, Name: aws.ToString(p.Name), Scope: c.scope,
	}
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	p := &accessPoint{collector: c, name: r.Name, arn: string(r.ID)}
	return []*collect.Question{
		Kind.Question("s3control:GetPublicAccessBlock", s3access.AskAccountBlock(c.account, s3access.Policy)),
		Kind.Question("s3control:GetAccessPointForObjectLambda", p.askBlock),
		Kind.Question("s3control:GetAccessPointPolicyForObjectLambda", p.askPolicy),
	}
}

type accessPoint struct {
	*collector
	name, arn string
}

func (p *accessPoint) askBlock(ctx context.Context, r *resource.Resource) error {
	const call = "s3control:GetAccessPointForObjectLambda"
	answer, err := p.client.GetAccessPointForObjectLambda(ctx, &s3control.GetAccessPointForObjectLambdaInput{
		AccountId: aws.String(p.account.ID), Name: aws.String(p.name),
	})
	if err != nil {
		return err
	}
	from := resource.Evidence{Call: call, Of: p.name, Pointer: "/GetAccessPointForObjectLambdaResult/PublicAccessBlockConfiguration"}
	block, err := s3access.ReadBlock("access point", from, answer.PublicAccessBlockConfiguration)
	if err != nil {
		return err
	}
	r.Guards = append(r.Guards, block.Guards(s3access.Policy)...)
	r.Set("access_point_block_complete", block.Complete(), from)
	return nil
}

func (p *accessPoint) askPolicy(ctx context.Context, r *resource.Resource) error {
	const call = "s3control:GetAccessPointPolicyForObjectLambda"
	answer, err := p.client.GetAccessPointPolicyForObjectLambda(ctx, &s3control.GetAccessPointPolicyForObjectLambdaInput{
		AccountId: aws.String(p.account.ID), Name: aws.String(p.name),
	})
	if account.Code(err) == "NoSuchAccessPointPolicy" {
		return nil
	}
	if err != nil {
		return err
	}
	if answer.Policy == nil {
		return collect.Malformed(call, "no policy in it")
	}
	err = s3access.AddPolicy(r, aws.ToString(answer.Policy), s3access.Attachment{
		Call: call, Of: p.name, Pointer: "/GetAccessPointPolicyForObjectLambdaResult/Policy",
		Target: iam.Target{Service: "s3-object-lambda", Resources: []string{p.arn, p.arn + "/object/*"}, Account: p.account.ID},
		Kind:   iam.AccessPointPolicy, Door: resource.AnyTenant,
		Organisation: func() (string, error) { return p.account.Organisation(ctx) },
	})
	if err == nil && len(r.Grants) > 0 {
		r.Gaps = append(r.Gaps, furtherLayers(call))
	}
	return err
}

// furtherLayers is the doubt that an open policy leaves: a caller must also be
// let in by the function and, unless the function reads with its own role, by
// the access point and the bucket behind it.
//
// Source: Amazon S3 User Guide, "Configuring IAM policies for Object Lambda
// Access Points".
func furtherLayers(call string) resource.Gap {
	return resource.Gap{
		Call: call, Reason: resource.Undecided,
		Detail:  "the Lambda function, the supporting access point and the bucket behind must let the caller in too; they are not combined",
		Shields: []resource.Shield{{On: s3access.PolicyChannels, Cap: resource.Nobody}},
	}
}
