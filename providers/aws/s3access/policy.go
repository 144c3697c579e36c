package s3access

import (
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

// Attachment says where a policy hangs and where its text was read.
type Attachment struct {
	// Call, Of and Pointer are the evidence of the policy's text: Pointer leads
	// to the document, "" where the answer is the document.
	Call, Of, Pointer string
	Target            iam.Target
	Kind              iam.PolicyKind
	// Organisation tells the owner's organisation; it is asked only of a policy
	// that names one.
	Organisation func() (string, error)
	// Door is the widest audience that this way in answers at all: access
	// points refuse unsigned requests whatever their policy says.
	Door resource.Audience
}

// Judged is what a policy lets in.
type Judged struct {
	resourcepolicy.Judged
	// BPA is AWS's own notion of public, which decides what Block Public Access
	// stops.
	BPA iam.BPA
}

// Judge reads a policy's text and returns whom it lets in. A text that AWS would
// not have accepted is a *collect.MalformedError: it never counts as closed.
func Judge(text string, at Attachment) (Judged, error) {
	from := resourcepolicy.Source{Call: at.Call, Of: at.Of, Pointer: at.Pointer}
	policy, err := resourcepolicy.Parse(text, from)
	if err != nil {
		return Judged{}, err
	}
	var j Judged
	j.Judged, err = resourcepolicy.Judge(policy, resourcepolicy.Attachment{
		Source: from, Target: at.Target, Organisation: at.Organisation, Door: resourcepolicy.Door{To: at.Door}, Can: Abilities,
		Channels: PolicyChannels,
		Ways: func(p *iam.Policy, t iam.Target) resourcepolicy.Ways {
			j.BPA = iam.BPAPublic(p, at.Kind, t)
			return resourcepolicy.Ways{All: channel(j.BPA), Services: LimitedPolicy}
		},
	})
	return j, err
}

// channel says which guards stand in front of what the policy grants.
// RestrictPublicBuckets lets AWS services through; that counts for the services
// that the policy names, not for one more of those whom "*" lets in.
//
// Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3
// storage", RestrictPublicBuckets.
func channel(b iam.BPA) resource.Channel {
	switch {
	case b.Uncertain:
		return DisputedPolicy
	case b.Public:
		return Policy
	default:
		return LimitedPolicy
	}
}
