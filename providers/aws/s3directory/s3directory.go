// Package s3directory collects Amazon S3 directory buckets (S3 Express One
// Zone): no ACLs, Block Public Access that cannot be turned off, and a policy
// that may still share them. kind.yaml declares every call.
package s3directory

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.s3.directory_bucket.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const listCall = "s3:ListDirectoryBuckets"

// suffix ends the name of every directory bucket, whatever its zone.
const suffix = "--x-s3"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *s3.Client
}

// New returns the collector of an account's directory buckets in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: s3access.Client(a, scope.Region)}
}

func (c *collector) Kind() *collect.Kind { return Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := s3.NewListDirectoryBucketsPaginator(c.client, &s3.ListDirectoryBucketsInput{})
	return account.List(ctx, pages, entries, c.describe)
}

// entries refuses an answer that lists other buckets: endpoints that do not know
// directory buckets take the call for ListBuckets.
func entries(page *s3.ListDirectoryBucketsOutput) ([]types.Bucket, error) {
	if page.Buckets == nil {
		return nil, collect.Malformed(listCall, "no list of buckets in it")
	}
	for _, b := range page.Buckets {
		if !strings.HasSuffix(aws.ToString(b.Name), suffix) {
			return nil, &smithy.GenericAPIError{
				Code:    "NotImplemented",
				Message: fmt.Sprintf("the endpoint answers with general purpose buckets such as %q: it does not know directory buckets", aws.ToString(b.Name)),
			}
		}
	}
	return page.Buckets, nil
}

func (c *collector) describe(b *types.Bucket) *resource.Resource {
	name := aws.ToString(b.Name)
	r := &resource.Resource{
		ID: resource.ID(aws.ToString(b.BucketArn)), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
		Created: aws.ToTime(b.CreationDate),
	}
	if r.ID == "" {
		r.ID = resource.ID(c.arn(name))
	}
	from := resource.Evidence{
		Call: listCall, Of: c.account.ID,
		Pointer: s3access.Item("/ListAllMyDirectoryBucketsResult/Buckets/Bucket", name),
		Quote:   "a directory bucket: all of Block Public Access is on and cannot be turned off",
	}
	r.Guards = []resource.Guard{{
		Name: "Block Public Access of directory buckets", On: []resource.Channel{s3access.Policy},
		Cap: resource.Nobody, Because: []resource.Evidence{from},
	}}
	r.Set("bucket_block_complete", true, from)
	r.Set("acls_enabled", false, from)
	return r
}

func (c *collector) arn(name string) string {
	return "arn:" + c.account.Partition + ":s3express:" + c.scope.Region + ":" + c.account.ID + ":bucket/" + name
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	return []*collect.Question{Kind.Question("s3:GetBucketPolicy", c.askPolicy)}
}

func (c *collector) askPolicy(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketPolicy"
	answer, err := c.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(r.Name)})
	if account.Code(err) == "NoSuchBucketPolicy" {
		return nil
	}
	if err != nil {
		return err
	}
	arn := c.arn(r.Name)
	return s3access.AddPolicy(r, aws.ToString(answer.Policy), s3access.Attachment{
		Call: call, Of: r.Name, Target: iam.Target{Service: "s3express", Resources: []string{arn, arn + "/*"}, Account: c.account.ID},
		Kind: iam.BucketPolicy, Door: resource.AnyTenant,
		Organisation: func() (string, error) { return c.account.Organisation(ctx) },
	})
}
