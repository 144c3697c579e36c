package s3bucket

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

// bucket is one bucket while it is asked about: what one answer means can
// depend on another.
type bucket struct {
	*collector
	name   string
	client *s3.Client

	ownership, status *collect.Question
	policy            *iam.Policy
	restrictions      []resource.Guard // RestrictPublicBuckets, wherever it is on
	blocksRead        int              // how many of the two public access blocks were read
}

func (b *bucket) evidence(call, pointer, quote string) resource.Evidence {
	return resource.Evidence{Call: call, Of: b.name, Pointer: pointer, Quote: quote}
}

func (b *bucket) target() iam.Target {
	arn := "arn:" + b.account.Partition + ":s3:::" + b.name
	return iam.Target{Service: "s3", Resources: []string{arn, arn + "/*"}, Account: b.account.ID, CanonicalUser: b.owner}
}

func (b *bucket) askAccountBlock(ctx context.Context, r *resource.Resource) error {
	if err := s3access.AskAccountBlock(b.account, s3access.ACL, s3access.Policy)(ctx, r); err != nil {
		return err
	}
	b.noteRestrictions(r)
	return nil
}

func (b *bucket) askBlock(ctx context.Context, r *resource.Resource) error {
	block, err := s3access.BucketBlock(ctx, b.client, b.name)
	if err != nil {
		return err
	}
	r.Guards = append(r.Guards, block.Guards(s3access.ACL, s3access.Policy)...)
	r.Set("bucket_block_complete", block.Complete(), block.Answer)
	b.noteRestrictions(r)
	return nil
}

// noteRestrictions keeps the guards of RestrictPublicBuckets for a policy of
// which only its live status tells whether they stop it.
func (b *bucket) noteRestrictions(r *resource.Resource) {
	b.blocksRead++
	b.restrictions = nil
	for _, g := range r.Guards {
		if len(g.On) == 1 && g.On[0] == s3access.Policy {
			b.restrictions = append(b.restrictions, g)
		}
	}
	b.settleStatus()
}

// settleStatus drops the policy status where it can decide nothing: without
// RestrictPublicBuckets it does not matter what AWS calls the policy.
func (b *bucket) settleStatus() {
	if b.blocksRead == 2 && len(b.restrictions) == 0 {
		b.status.Shields = nil
	}
}

func (b *bucket) askPolicy(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketPolicy"
	answer, err := b.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(b.name)})
	if account.Code(err) == "NoSuchBucketPolicy" {
		b.status.Shields = nil
		return nil
	}
	if err != nil {
		return err
	}
	judged, err := s3access.Judge(aws.ToString(answer.Policy), s3access.Attachment{
		Call: call, Of: b.name, Target: b.target(), Kind: iam.BucketPolicy, Door: resource.Anyone,
		Organisation: func() (string, error) { return b.account.Organisation(ctx) },
	})
	if err != nil {
		return err
	}
	b.policy = judged.Policy
	judged.Describe(r)
	if !judged.BPA.Uncertain {
		b.status.Shields = nil
	}
	return nil
}

func (b *bucket) askACL(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketAcl"
	answer, err := b.client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: aws.String(b.name)})
	if err != nil {
		return err
	}
	if answer.Owner == nil || answer.Owner.ID == nil {
		return collect.Malformed(call, "no owner in it")
	}
	acl := s3access.ACLOf{Bucket: b.name, Owner: aws.ToString(answer.Owner.ID), Target: b.target(), Policy: b.policy}
	grants, gaps := acl.Judge(answer.Grants)
	r.Grants = append(r.Grants, grants...)
	r.Gaps = append(r.Gaps, gaps...)
	if !b.account.Custom {
		// S3 answers with the owner's own grant alone once ACLs are disabled, so
		// an ACL that grants more proves that they are in force.
		// Source: Amazon S3 API Reference, GetBucketAcl.
		b.ownership.Shields = nil
	}
	return nil
}

func (b *bucket) askOwnership(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketOwnershipControls"
	answer, err := b.client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: aws.String(b.name)})
	if account.Code(err) == "OwnershipControlsNotFoundError" {
		r.Set("acls_enabled", true, b.evidence(call, "/Error/Code", "OwnershipControlsNotFoundError"))
		return nil
	}
	if err != nil {
		return err
	}
	if answer.OwnershipControls == nil || len(answer.OwnershipControls.Rules) == 0 {
		return collect.Malformed(call, "no rule in it")
	}
	ownership := answer.OwnershipControls.Rules[0].ObjectOwnership
	from := b.evidence(call, "/OwnershipControls/Rule/ObjectOwnership", string(ownership))
	switch ownership {
	case types.ObjectOwnershipBucketOwnerEnforced:
		r.Set("acls_enabled", false, from)
		r.Guards = append(r.Guards, resource.Guard{
			Name: "Object Ownership (BucketOwnerEnforced)", On: []resource.Channel{s3access.ACL, s3access.NamedACL},
			Cap: resource.Nobody, Because: []resource.Evidence{from},
		})
	case types.ObjectOwnershipBucketOwnerPreferred, types.ObjectOwnershipObjectWriter:
		r.Set("acls_enabled", true, from)
	default:
		return collect.Malformed(call, "object ownership %q is not known", ownership)
	}
	return nil
}

// askEncryption reads the default encryption. Objects under a KMS key cannot be
// read without a signature of somebody who may use the key; but the default
// binds only objects written since, so a KMS default leaves open what it closes.
//
// Source: Amazon S3 User Guide, "Using server-side encryption with AWS KMS keys".
func (b *bucket) askEncryption(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketEncryption"
	answer, err := b.client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: aws.String(b.name)})
	if account.Code(err) == "ServerSideEncryptionConfigurationNotFoundError" {
		r.Set("default_encryption", "none", b.evidence(call, "/Error/Code", "ServerSideEncryptionConfigurationNotFoundError"))
		return nil
	}
	if err != nil {
		return err
	}
	algorithm, err := defaultAlgorithm(answer.ServerSideEncryptionConfiguration)
	if err != nil {
		return err
	}
	from := b.evidence(call, "/ServerSideEncryptionConfiguration/Rule/ApplyServerSideEncryptionByDefault/SSEAlgorithm", string(algorithm))
	r.Set("default_encryption", string(algorithm), from)
	if algorithm == types.ServerSideEncryptionAes256 {
		return nil
	}
	gap := b.kind.Question(call, nil).Gap(resource.Undecided,
		fmt.Sprintf("default encryption is %s: objects written since cannot be read without the key, older ones and those with a header of their own may be", algorithm))
	gap.Settings = nil
	r.Gaps = append(r.Gaps, gap)
	return nil
}

func defaultAlgorithm(c *types.ServerSideEncryptionConfiguration) (types.ServerSideEncryption, error) {
	if c == nil || len(c.Rules) == 0 || c.Rules[0].ApplyServerSideEncryptionByDefault == nil {
		return "", collect.Malformed("s3:GetBucketEncryption", "no default rule in it")
	}
	return c.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm, nil
}

func (b *bucket) askRequestPayment(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketRequestPayment"
	answer, err := b.client.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: aws.String(b.name)})
	if err != nil {
		return err
	}
	from := b.evidence(call, "/RequestPaymentConfiguration/Payer", string(answer.Payer))
	switch answer.Payer {
	case types.PayerBucketOwner:
		r.Set("requester_pays", false, from)
	case types.PayerRequester:
		r.Set("requester_pays", true, from)
		r.Guards = append(r.Guards, resource.Guard{
			Name: "Requester Pays", On: unsignedChannels, Cap: resource.AnyTenant, Because: []resource.Evidence{from},
		})
	default:
		return collect.Malformed(call, "payer %q is not known", answer.Payer)
	}
	return nil
}

// unsignedChannels are those that can let in callers without a signature.
var unsignedChannels = []resource.Channel{s3access.ACL, s3access.Policy, s3access.DisputedPolicy, s3access.LimitedPolicy}

// askPolicyStatus asks AWS whether it calls the policy public: only then does
// RestrictPublicBuckets stop what the policy grants.
func (b *bucket) askPolicyStatus(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketPolicyStatus"
	answer, err := b.client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: aws.String(b.name)})
	if account.Code(err) == "NoSuchBucketPolicy" {
		return nil
	}
	if err != nil {
		return err
	}
	if answer.PolicyStatus == nil || answer.PolicyStatus.IsPublic == nil {
		return collect.Malformed(call, "no status in it")
	}
	public := aws.ToBool(answer.PolicyStatus.IsPublic)
	r.Notes = append(r.Notes, fmt.Sprintf("AWS's own policy status says IsPublic=%t", public))
	if !public || b.status.Shields == nil {
		return nil
	}
	from := b.evidence(call, "/PolicyStatus/IsPublic", "IsPublic=true")
	for _, g := range b.restrictions {
		g.On = []resource.Channel{s3access.DisputedPolicy}
		g.Because = append(g.Because[:len(g.Because):len(g.Because)], from)
		r.Guards = append(r.Guards, g)
	}
	return nil
}

func (b *bucket) askWebsite(ctx context.Context, r *resource.Resource) error {
	const call = "s3:GetBucketWebsite"
	answer, err := b.client.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: aws.String(b.name)})
	if account.Code(err) == "NoSuchWebsiteConfiguration" {
		r.Set("website", false, b.evidence(call, "/Error/Code", "NoSuchWebsiteConfiguration"))
		return nil
	}
	if err != nil {
		return err
	}
	if answer.IndexDocument == nil && answer.RedirectAllRequestsTo == nil && answer.ErrorDocument == nil {
		return collect.Malformed(call, "no website in it")
	}
	r.Set("website", true, b.evidence(call, "/WebsiteConfiguration", "static website hosting is on"))
	r.Notes = append(r.Notes, "static website hosting is on: somebody meant the contents to be public")
	return nil
}
