package s3access

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
)

// PolicyChannels are the ways in by policy: all there are into access points.
var PolicyChannels = []resource.Channel{Policy, DisputedPolicy, LimitedPolicy}

// Item points at one element of a list by the name it holds, which stays right
// however the list is split into pages.
func Item(list, name string) string { return list + `[Name="` + name + `"]` }

// AddPolicy judges a policy and adds what it lets in to the store.
func AddPolicy(r *resource.Resource, text string, at Attachment) error {
	judged, err := Judge(text, at)
	if err != nil {
		return err
	}
	judged.Describe(r)
	if judged.BPA.Uncertain {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: at.Call, Reason: resource.Undecided,
			Detail:  "it is not documented whether AWS calls this policy public; if it does, Block Public Access stops it",
			Shields: []resource.Shield{{On: []resource.Channel{DisputedPolicy}, Cap: resource.Nobody}},
		})
	}
	return nil
}

// Behind names the bucket behind an access point. Owner is empty where the
// bucket belongs to the account that is audited.
type Behind struct {
	Bucket, Owner, Region, AccessPoint string

	closed bool // its policy lets none of the access point's outside callers through
}

// Confirm asks for the policies of the buckets behind an access point and closes
// every grant that none of them lets through as well. Where one cannot be decided
// it closes nothing and leaves a gap.
func Confirm(ctx context.Context, a *account.Account, r *resource.Resource, behind ...*Behind) error {
	through := make([]bool, len(r.Grants))
	var closed []resource.Evidence
	for _, b := range behind {
		policy, from, err := b.policy(ctx, a)
		if err != nil {
			return err
		}
		closed = append(closed, from)
		passed, doubt := b.passed(policy, r.Grants, a)
		if doubt != "" {
			r.Gaps = append(r.Gaps, b.undecided(doubt))
			return nil
		}
		b.closed = !slices.Contains(passed, true)
		for i := range passed {
			through[i] = through[i] || passed[i]
		}
	}
	closeAll(r, closed, through)
	return nil
}

// passed says of each grant whether the bucket's policy lets its callers
// through as well. A doubt is why that cannot be decided.
func (b *Behind) passed(policy *iam.Policy, grants []resource.Grant, a *account.Account) (passed []bool, doubt string) {
	passed = make([]bool, len(grants))
	for i, g := range grants {
		if policy == nil {
			continue
		}
		if passed[i], doubt = letsThrough(policy, g, b, a); doubt != "" {
			return nil, doubt
		}
	}
	return passed, ""
}

// undecided is what stays open when the bucket's policy was read, and whom it
// lets through cannot be decided: it may close everything.
func (b *Behind) undecided(doubt string) resource.Gap {
	return resource.Gap{
		Call: bucketPolicyCall, Permission: bucketPolicyCall, Reason: resource.Undecided,
		Detail:  fmt.Sprintf("whom the policy of bucket %s lets through cannot be decided: %s", b.Bucket, doubt),
		Shields: []resource.Shield{{On: PolicyChannels, Cap: resource.Nobody}},
	}
}

// ConfirmBlocks asks for the Block Public Access of the buckets behind an access
// point, which counts for requests by the access point too. It closes public
// grants where every bucket that lets callers through restricts them.
//
// Source: Amazon S3 User Guide, "Managing public access to access points for
// general purpose buckets".
func ConfirmBlocks(ctx context.Context, a *account.Account, r *resource.Resource, behind ...*Behind) error {
	guard := resource.Guard{
		Name: "Block Public Access of the bucket behind (RestrictPublicBuckets)", On: []resource.Channel{Policy}, Cap: resource.Nobody,
	}
	for _, b := range behind {
		if b.closed {
			continue
		}
		if b.foreign(a) {
			return fmt.Errorf("read the public access block of bucket %s: it belongs to account %s", b.Bucket, b.Owner)
		}
		block, err := BucketBlock(ctx, Client(a, b.Region), b.Bucket)
		if err != nil {
			return err
		}
		if !block.RestrictBuckets {
			return nil
		}
		guard.Because = append(guard.Because, block.evidence("RestrictPublicBuckets", "true"))
	}
	if len(guard.Because) > 0 {
		r.Guards = append(r.Guards, guard)
	}
	return nil
}

func (b *Behind) foreign(a *account.Account) bool { return b.Owner != "" && b.Owner != a.ID }

// bucketPolicyCall is where a bucket's policy is read.
const bucketPolicyCall = "s3:GetBucketPolicy"

// policy reads the bucket's policy; it is nil where the bucket has none, and
// the evidence says so.
func (b *Behind) policy(ctx context.Context, a *account.Account) (*iam.Policy, resource.Evidence, error) {
	from := resource.Evidence{Call: bucketPolicyCall, Of: b.Bucket}
	if b.foreign(a) {
		return nil, from, fmt.Errorf("read the policy of bucket %s: it belongs to account %s", b.Bucket, b.Owner)
	}
	answer, err := Client(a, b.Region).GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(b.Bucket)})
	if code := account.Code(err); code == "NoSuchBucketPolicy" || code == "NoSuchBucket" {
		from.Pointer, from.Quote = "/Error/Code", code
		return nil, from, nil
	}
	if err != nil {
		return nil, from, err
	}
	policy, err := iam.Parse([]byte(aws.ToString(answer.Policy)))
	if err != nil {
		return nil, from, collect.Malformed(bucketPolicyCall, "policy of %s: %w", b.Bucket, err)
	}
	from.Pointer, from.Quote = "/Statement", "does not let the access point's outside callers through"
	return policy, from, nil
}

// letsThrough asks whether the bucket's policy admits a grant's callers when
// they come by the access point. A doubt is why that cannot be decided.
func letsThrough(policy *iam.Policy, g resource.Grant, b *Behind, a *account.Account) (through bool, doubt string) {
	arn := "arn:" + a.Partition + ":s3:::" + b.Bucket
	target := iam.Target{
		Service: "s3", Resources: []string{arn, arn + "/*"}, Account: a.ID, AccessPoint: b.AccessPoint,
	}
	for _, class := range callers(g) {
		d := iam.Decide(policy, target, class)
		for _, admission := range d.Grants {
			if slices.ContainsFunc(Abilities(admission.Actions), func(can resource.Action) bool { return slices.Contains(g.Can, can) }) {
				return true, ""
			}
		}
		if d.Reason != "" {
			return false, d.Reason
		}
	}
	return false, ""
}

// callers are the attacker classes that a grant's audience stands for.
func callers(g resource.Grant) []iam.Class {
	switch {
	case g.To.Credential == resource.CredentialNamed:
		var classes []iam.Class
		for _, name := range g.To.Named {
			if strings.HasPrefix(name, "o-") {
				classes = append(classes, iam.ForeignOrg(name))
				continue
			}
			classes = append(classes, iam.Foreign(name))
		}
		return classes
	case g.To.Reach == resource.ReachProvider && g.To.Credential == resource.CredentialTenant:
		return []iam.Class{iam.AnyService}
	case g.To.Reach == resource.ReachProvider:
		return []iam.Class{iam.StrangerVPCE}
	default:
		return []iam.Class{iam.AnyAccount}
	}
}

// undelegated is where grants go that the bucket behind does not let through.
const undelegated resource.Channel = "undelegated"

// closeAll moves the grants that do not get through to a channel of their own,
// closed by the bucket's policy.
func closeAll(r *resource.Resource, because []resource.Evidence, through []bool) {
	closed := false
	for i := range r.Grants {
		if !through[i] {
			r.Grants[i].Via = undelegated
			closed = true
		}
	}
	if closed {
		r.Guards = append(r.Guards, resource.Guard{
			Name: "policy of the bucket behind", On: []resource.Channel{undelegated}, Cap: resource.Nobody,
			Because: because,
		})
	}
}
