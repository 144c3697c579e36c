// Package resourcepolicy holds what all stores share that are let out by a
// policy attached to them: whom the policy lets in, as resource.Grants with
// their witness; what each service answers at all and what its actions let
// somebody do; and the one family of collectors ([Service]) of which such a
// service is a row.
//
// It judges nothing: package iam decides whom a policy admits, and package
// exposure what that means.
package resourcepolicy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
)

// Policy is the way in by a resource policy, for services that have one such
// way.
const Policy resource.Channel = "policy"

// Source is where a policy's text was read: Pointer leads to the document in
// the answer, "" where the answer is the document.
type Source struct{ Call, Of, Pointer string }

// Attachment says where a policy hangs and where its text was read.
type Attachment struct {
	Source
	Target iam.Target
	// Organisation tells the owner's organisation; it is asked only of a policy
	// that names one.
	Organisation func() (string, error)
	// Door is whom this way in answers, whatever the policy says.
	Door Door
	// Can says what a set of actions lets somebody do. What it maps to nothing
	// is out of reach of outsiders whatever the policy says.
	Can func(actions []string) []resource.Action
	// Channels are all that Ways can return; empty means Policy alone.
	Channels []resource.Channel
	// Ways says by which channels a policy lets in; nil means by Policy.
	Ways func(*iam.Policy, iam.Target) Ways
	// Beside is a second policy of the same store whose denials count as well;
	// its grants are judged by themselves.
	Beside *Beside
}

// Ways are the channels by which a policy lets in everybody that it lets in,
// and the AWS services that it names.
type Ways struct{ All, Services resource.Channel }

// Beside is a second policy and where it was read.
type Beside struct {
	Source
	Policy *iam.Policy
}

// Judged is what a policy lets in.
type Judged struct {
	Policy *iam.Policy
	// Target is the attachment's, with the organisation where it was asked.
	Target iam.Target
	Grants []resource.Grant
	Gaps   []resource.Gap
	// Closed cites the statements and conditions that keep strangers out of
	// what the policy allows others.
	Closed []resource.Evidence
}

// Parse reads a policy's text. A text that AWS would not have accepted is a
// *collect.MalformedError: it never counts as closed.
func Parse(text string, from Source) (*iam.Policy, error) {
	policy, err := iam.Parse([]byte(text))
	if err != nil {
		return nil, collect.Malformed(from.Call, "policy of %s: %w", from.Of, err)
	}
	return policy, nil
}

// Judge returns whom a policy lets in.
func Judge(policy *iam.Policy, at Attachment) (Judged, error) {
	unread, err := at.findOrganisation(policy)
	if err != nil {
		return Judged{}, err
	}
	j := judge{Judged: Judged{Policy: policy, Target: at.Target, Gaps: unread}, at: at}
	j.ways = at.ways(policy)
	whole := policy.With(at.denials()...)
	for _, class := range whole.Classes(at.Target) {
		d := iam.Decide(whole, at.Target, class)
		if class == iam.AnyService {
			// What a service could do under "*" beyond what everybody can is a
			// stated blind spot: nobody documents its source address. Services
			// that the policy names are decided below.
			d.Reason = ""
		}
		j.add(class, j.ways.All, d)
	}
	if named, ok := whole.ForServices(); ok {
		j.add(iam.AnyService, j.ways.Services, iam.Decide(named, at.Target, iam.AnyService))
	}
	j.doubtDoor()
	return j.Judged, nil
}

// Describe adds what the policy lets in, leaves open and closes to the store.
// What it closes itself is shown as a guard on no channel.
func (j *Judged) Describe(r *resource.Resource) {
	r.Grants = append(r.Grants, j.Grants...)
	r.Gaps = append(r.Gaps, j.Gaps...)
	if len(j.Closed) > 0 {
		r.Guards = append(r.Guards, resource.Guard{
			Name: "the policy's own conditions and denials", On: []resource.Channel{}, Cap: resource.Nobody, Because: j.Closed,
		})
	}
}

func (at *Attachment) channels() []resource.Channel {
	if len(at.Channels) == 0 {
		return []resource.Channel{Policy}
	}
	return at.Channels
}

func (at *Attachment) ways(policy *iam.Policy) Ways {
	if at.Ways == nil {
		return Ways{Policy, Policy}
	}
	return at.Ways(policy, at.Target)
}

// findOrganisation learns whose organisation a policy means where it names one.
// Where that is refused, whoever it names may be an outsider.
func (at *Attachment) findOrganisation(policy *iam.Policy) ([]resource.Gap, error) {
	stranger := at.Target
	stranger.Org = account.NoOrganisation
	var named []string
	for _, class := range policy.With(at.denials()...).Classes(stranger) {
		if id, ok := class.Organisation(); ok {
			named = append(named, id)
		}
	}
	if len(named) == 0 {
		return nil, nil
	}
	id, err := at.Organisation()
	if err == nil {
		at.Target.Org = id
		return nil, nil
	}
	var hides []resource.Hidden
	for _, via := range at.channels() {
		hides = append(hides, resource.Hidden{Via: via, To: resource.Outsiders(named...)})
	}
	gap, err := Unread(err, account.OrganisationCall, account.OrganisationCall)
	if err != nil {
		return nil, err
	}
	gap.Hides = hides
	return []resource.Gap{gap}, nil
}

// Unread returns the gap of a call that a question makes beside its own, when
// that call was refused. The end of a run is no gap but an error.
func Unread(err error, call, permission string) (resource.Gap, error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return resource.Gap{}, err
	}
	refusal := account.Refusal(err)
	if _, ok := errors.AsType[*collect.MalformedError](err); ok {
		refusal = collect.Refusal{Reason: resource.Malformed, Detail: err.Error()}
	}
	return resource.Gap{Call: call, Permission: permission, Reason: refusal.Reason, Detail: refusal.String()}, nil
}

// judge is a policy being judged.
type judge struct {
	Judged
	at   Attachment
	ways Ways
}

func (j *judge) add(class iam.Class, via resource.Channel, d iam.Decision) {
	if d.Reason != "" && class != iam.Org {
		j.Gaps = append(j.Gaps, resource.Gap{
			Call: j.at.Call, Reason: resource.Undecided,
			Detail: fmt.Sprintf("what the policy lets %s do cannot be decided: %s", class, d.Reason),
			Hides:  []resource.Hidden{{Via: via, To: iam.Audience(class, iam.Network{}).Meet(j.at.Door.To)}},
		})
	}
	if d.Outcome == iam.NotAdmitted && (class == iam.Anonymous || class == iam.AnyAccount) {
		j.close(d)
	}
	for _, admission := range d.Grants {
		g := j.at.grant(class, admission)
		g.Via = via
		if len(g.Can) > 0 && !j.covered(g) {
			j.Grants = append(j.Grants, g)
		}
	}
}

// close cites what keeps a class out. It is no guard of its own, since others
// pass: the decision has taken it into account.
func (j *judge) close(d iam.Decision) {
	for _, by := range d.ClosedBy {
		evidence, ok := j.at.cite(by)
		if ok && !slices.Contains(j.Closed, evidence) {
			j.Closed = append(j.Closed, evidence)
		}
	}
}

// covered reports whether a wider audience was already granted the same on the
// same channel: "any account" adds nothing to "anyone".
func (j *judge) covered(g resource.Grant) bool {
	return slices.ContainsFunc(j.Grants, func(wider resource.Grant) bool {
		return wider.Via == g.Via && g.To.Within(wider.To) && !slices.ContainsFunc(g.Can, func(a resource.Action) bool {
			return !slices.Contains(wider.Can, a)
		})
	})
}

// doubtDoor leaves open what the service's documentation leaves open: whether
// requests without a signature are answered.
func (j *judge) doubtDoor() {
	if j.at.Door.Doubt == "" || !slices.ContainsFunc(j.Grants, func(g resource.Grant) bool { return g.To.Credential == resource.CredentialNone }) {
		return
	}
	j.Gaps = append(j.Gaps, resource.Gap{
		Call: j.at.Call, Reason: resource.Undecided, Detail: j.at.Door.Doubt,
		Shields: []resource.Shield{{On: j.at.channels(), Cap: resource.AnyTenant}},
	})
}
