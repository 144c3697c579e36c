// Package s3bucket collects Amazon S3 general purpose buckets: it lists the
// buckets of an account and describes what lets outsiders into each, and what
// keeps them out. kind.yaml declares every call and what its answer may hide.
package s3bucket

import (
	"context"
	_ "embed"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.s3.bucket.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// pageSize is what ListBuckets is asked for: small enough to start examining
// early, at one call for each thousand buckets.
const pageSize = 1000

type collector struct {
	account *account.Account
	scope   resource.Scope
	regions []string
	kind    *collect.Kind
	owner   string // canonical user id; set before the first bucket is yielded
}

// New returns the collector of an account's buckets; regions limits it to the
// buckets there, empty means everywhere.
func New(a *account.Account, scope resource.Scope, regions []string) collect.Collector {
	kind := Kind
	if a.Custom {
		// Only Amazon promises that a bucket with disabled ACLs answers with an
		// ACL of its owner alone; elsewhere it takes one question more.
		wider := *Kind
		wider.Budget++
		kind = &wider
	}
	return &collector{account: a, scope: scope, regions: regions, kind: kind}
}

func (c *collector) Kind() *collect.Kind { return c.kind }

// List yields the account's buckets as ListBuckets orders them. Its answer
// names each bucket's region, so none is asked for.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := s3.NewListBucketsPaginator(s3access.Client(c.account, ""), &s3.ListBucketsInput{MaxBuckets: aws.Int32(pageSize)})
	return account.List(ctx, pages, c.entries, c.describe)
}

// entries notes the owner with the first page: every bucket listed is theirs.
func (c *collector) entries(page *s3.ListBucketsOutput) ([]types.Bucket, error) {
	if page.Owner == nil && len(page.Buckets) == 0 {
		return nil, collect.Malformed("s3:ListBuckets", "neither an owner nor a bucket in it")
	}
	if c.owner == "" && page.Owner != nil {
		c.owner = aws.ToString(page.Owner.ID)
	}
	return page.Buckets, nil
}

func (c *collector) describe(b *types.Bucket) *resource.Resource {
	name := aws.ToString(b.Name)
	r := &resource.Resource{
		ID: resource.ID(aws.ToString(b.BucketArn)), Kind: Kind.Name, Class: Kind.Class, Name: name,
		Scope: c.scope, Created: aws.ToTime(b.CreationDate),
	}
	if r.ID == "" {
		r.ID = resource.ID("arn:" + c.account.Partition + ":s3:::" + name)
	}
	r.Scope.Region = aws.ToString(b.BucketRegion)
	if r.Scope.Region == "" {
		r.Scope.Region = c.account.Config("").Region
	}
	if len(c.regions) > 0 && !slices.Contains(c.regions, r.Scope.Region) {
		return nil
	}
	return r
}

// Questions returns what can be asked about a bucket. The order is the one that
// decides soonest: what closes everything first, proofs last.
func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	b := &bucket{collector: c, name: r.Name, client: s3access.Client(c.account, r.Scope.Region)}
	b.ownership = c.kind.Question("s3:GetBucketOwnershipControls", b.askOwnership)
	b.status = c.kind.Question("s3:GetBucketPolicyStatus", b.askPolicyStatus)
	return []*collect.Question{
		c.kind.Question("s3control:GetPublicAccessBlock", b.askAccountBlock),
		c.kind.Question("s3:GetPublicAccessBlock", b.askBlock),
		c.kind.Question("s3:GetBucketPolicy", b.askPolicy),
		c.kind.Question("s3:GetBucketAcl", b.askACL),
		b.ownership,
		c.kind.Question("s3:GetBucketEncryption", b.askEncryption),
		c.kind.Question("s3:GetBucketRequestPayment", b.askRequestPayment),
		b.status,
		c.kind.Question("s3:GetBucketWebsite", b.askWebsite),
	}
}
