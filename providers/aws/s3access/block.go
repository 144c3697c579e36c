package s3access

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	control "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
)

// Flags are the four switches of S3 Block Public Access. BlockACLs and
// BlockPolicy only refuse new grants and never close an existing one; IgnoreACLs
// and RestrictBuckets close them.
//
// Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3
// storage".
type Flags struct {
	BlockACLs, IgnoreACLs, BlockPolicy, RestrictBuckets bool
}

// Complete reports whether all four are on.
func (f Flags) Complete() bool {
	return f.BlockACLs && f.IgnoreACLs && f.BlockPolicy && f.RestrictBuckets
}

// Block is the Block Public Access of one owner, with where it was read.
type Block struct {
	Flags
	// Owner is "account", "bucket", "access point", …
	Owner string
	// Answer is the evidence of the whole answer; its pointer leads to the
	// element that holds the four flags.
	Answer resource.Evidence
}

// Guards returns what the block closes of a store's ways in: ACL and Policy for
// a bucket, Policy alone for what has no ACL. A block that closes nothing is a
// guard that stops nobody, so that a reader sees that it was looked at.
func (b Block) Guards(ways ...resource.Channel) []resource.Guard {
	var guards []resource.Guard
	if b.IgnoreACLs && slices.Contains(ways, ACL) {
		guards = append(guards, b.guard("IgnorePublicAcls", ACL))
	}
	if b.RestrictBuckets && slices.Contains(ways, Policy) {
		guards = append(guards, b.guard("RestrictPublicBuckets", Policy))
	}
	if len(guards) == 0 {
		guards = append(guards, resource.Guard{
			Name: b.Owner + " Block Public Access", On: ways,
			Cap: resource.Anyone, Because: []resource.Evidence{b.Answer},
		})
	}
	return guards
}

func (b Block) guard(flag string, on resource.Channel) resource.Guard {
	return resource.Guard{
		Name: b.Owner + " Block Public Access (" + flag + ")",
		On:   []resource.Channel{on}, Cap: resource.Nobody,
		Because: []resource.Evidence{b.evidence(flag, "true")},
	}
}

func (b Block) evidence(flag, quote string) resource.Evidence {
	e := b.Answer
	e.Pointer += "/" + flag
	e.Quote = flag + "=" + quote
	return e
}

// with fills in the four switches of an answer. One without any of them is no
// answer: the SDK decodes any document without an error.
func (b Block) with(blockACLs, ignoreACLs, blockPolicy, restrictBuckets *bool) (Block, error) {
	if blockACLs == nil && ignoreACLs == nil && blockPolicy == nil && restrictBuckets == nil {
		return Block{}, collect.Malformed(b.Answer.Call, "no public access block in it")
	}
	b.Flags = Flags{
		BlockACLs: aws.ToBool(blockACLs), IgnoreACLs: aws.ToBool(ignoreACLs),
		BlockPolicy: aws.ToBool(blockPolicy), RestrictBuckets: aws.ToBool(restrictBuckets),
	}
	return b, nil
}

// ReadBlock reads the four switches as S3 Control answers with them, for an
// account and for access points of every kind.
func ReadBlock(owner string, from resource.Evidence, c *control.PublicAccessBlockConfiguration) (Block, error) {
	block := Block{Owner: owner, Answer: from}
	if c == nil {
		return block.with(nil, nil, nil, nil)
	}
	return block.with(c.BlockPublicAcls, c.IgnorePublicAcls, c.BlockPublicPolicy, c.RestrictPublicBuckets)
}

// BucketBlock reads the Block Public Access of one bucket.
func BucketBlock(ctx context.Context, client *s3.Client, bucket string) (Block, error) {
	const call = "s3:GetPublicAccessBlock"
	block := Block{Owner: "bucket", Answer: resource.Evidence{Call: call, Of: bucket, Pointer: "/PublicAccessBlockConfiguration"}}
	answer, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: aws.String(bucket)})
	if code := account.Code(err); code == noBlock {
		block.Answer.Pointer, block.Answer.Quote = "/Error/Code", code
		return block, nil
	}
	if err != nil {
		return Block{}, err
	}
	if c := answer.PublicAccessBlockConfiguration; c != nil {
		return block.with(c.BlockPublicAcls, c.IgnorePublicAcls, c.BlockPublicPolicy, c.RestrictPublicBuckets)
	}
	return block.with(nil, nil, nil, nil)
}

// noBlock is AWS's way to say that no block was ever configured.
const noBlock = "NoSuchPublicAccessBlockConfiguration"

// accountCall is where an account's effective block is read: organisation
// policies are already merged into the answer.
const accountCall = "s3control:GetPublicAccessBlock"

// AccountBlock returns the effective Block Public Access of an account: what
// the organisation's S3 policy says where there is one, else the account's own
// settings. It is asked once.
func AccountBlock(ctx context.Context, a *account.Account) (Block, error) {
	fact := account.Shared(a, "s3 account block", func() *collect.Once[Block] { return new(collect.Once[Block]) })
	return fact.Get(ctx, func(ctx context.Context) (Block, error) { return askAccountBlock(ctx, a) })
}

func askAccountBlock(ctx context.Context, a *account.Account) (Block, error) {
	block := Block{Owner: "account", Answer: resource.Evidence{Call: accountCall, Of: a.ID, Pointer: "/PublicAccessBlockConfiguration"}}
	answer, err := ControlClient(a, "").GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: aws.String(a.ID)})
	if code := account.Code(err); code == noBlock {
		block.Answer.Pointer, block.Answer.Quote = "/ErrorResponse/Error/Code", code
		return block, nil
	}
	if err != nil {
		return Block{}, err
	}
	return ReadBlock(block.Owner, block.Answer, answer.PublicAccessBlockConfiguration)
}

// AskAccountBlock is the question that kinds ask first whose stores the
// account's block can close, on the given ways in.
func AskAccountBlock(a *account.Account, ways ...resource.Channel) collect.AskFunc {
	return func(ctx context.Context, r *resource.Resource) error {
		block, err := AccountBlock(ctx, a)
		if err != nil {
			return err
		}
		r.Guards = append(r.Guards, block.Guards(ways...)...)
		r.Set("account_block_complete", block.Complete(), block.Answer)
		return nil
	}
}
