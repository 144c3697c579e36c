package s3access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
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
	Policy *iam.Policy
	// BPA is AWS's own notion of public, which decides what Block Public Access
	// stops.
	BPA    iam.BPA
	Grants []resource.Grant
	Gaps   []resource.Gap
	// Closed cites the statements and conditions that keep strangers out of
	// what the policy allows others.
	Closed []resource.Evidence
}

// Judge reads a policy's text and returns whom it lets in. A text that AWS would
// not have accepted is a *collect.MalformedError: it never counts as closed.
func Judge(text string, at Attachment) (Judged, error) {
	policy, err := iam.Parse([]byte(text))
	if err != nil {
		return Judged{}, collect.Malformed(at.Call, "policy of %s: %w", at.Of, err)
	}
	unread, err := at.findOrganisation(policy)
	if err != nil {
		return Judged{}, err
	}
	j := Judged{Policy: policy, BPA: iam.BPAPublic(policy, at.Kind, at.Target), Gaps: unread}
	for _, class := range policy.Classes(at.Target) {
		d := iam.Decide(policy, at.Target, class)
		if class == iam.AnyService {
			// What a service could do under "*" beyond what everybody can is a
			// stated blind spot: nobody documents its source address. Services
			// that the policy names are decided below.
			d.Reason = ""
		}
		j.add(class, j.channel(), d, at)
	}
	if named, ok := policy.ForServices(); ok {
		j.add(iam.AnyService, LimitedPolicy, iam.Decide(named, at.Target, iam.AnyService), at)
	}
	return j, nil
}

// findOrganisation learns whose organisation a policy means where it names one.
// Where that is refused, whoever it names may be an outsider.
func (at *Attachment) findOrganisation(policy *iam.Policy) ([]resource.Gap, error) {
	stranger := at.Target
	stranger.Org = account.NoOrganisation
	var named []string
	for _, class := range policy.Classes(stranger) {
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
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	refusal := account.Refusal(err)
	if _, ok := errors.AsType[*collect.MalformedError](err); ok {
		refusal = collect.Refusal{Reason: resource.Malformed, Detail: err.Error()}
	}
	gap := resource.Gap{Call: account.OrganisationCall, Permission: account.OrganisationCall, Reason: refusal.Reason, Detail: refusal.String()}
	for _, via := range PolicyChannels {
		gap.Hides = append(gap.Hides, resource.Hidden{Via: via, To: resource.Outsiders(named...)})
	}
	return []resource.Gap{gap}, nil
}

func (j *Judged) add(class iam.Class, via resource.Channel, d iam.Decision, at Attachment) {
	if d.Reason != "" && class != iam.Org {
		j.Gaps = append(j.Gaps, resource.Gap{
			Call: at.Call, Reason: resource.Undecided,
			Detail: fmt.Sprintf("what the policy lets %s do cannot be decided: %s", class, d.Reason),
			Hides:  []resource.Hidden{{Via: via, To: iam.Audience(class, iam.Network{}).Meet(at.Door)}},
		})
	}
	if d.Outcome == iam.NotAdmitted && (class == iam.Anonymous || class == iam.AnyAccount) {
		j.close(d, at)
	}
	for _, admission := range d.Grants {
		g := grant(class, admission, at)
		g.Via = via
		if len(g.Can) > 0 && !j.covered(g) {
			j.Grants = append(j.Grants, g)
		}
	}
}

// close cites what keeps a class out. It is no guard of its own, since others
// pass: the decision has taken it into account.
func (j *Judged) close(d iam.Decision, at Attachment) {
	for _, by := range d.ClosedBy {
		evidence := resource.Evidence{Call: at.Call, Of: at.Of, Pointer: at.pointer(by)}
		if strings.HasPrefix(by, "/") && !slices.Contains(j.Closed, evidence) {
			j.Closed = append(j.Closed, evidence)
		}
	}
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

// channel says which guards stand in front of what the policy grants.
// RestrictPublicBuckets lets AWS services through; that counts for the services
// that the policy names, not for one more of those whom "*" lets in.
//
// Source: Amazon S3 User Guide, "Blocking public access to your Amazon S3
// storage", RestrictPublicBuckets.
func (j *Judged) channel() resource.Channel {
	switch {
	case j.BPA.Uncertain:
		return DisputedPolicy
	case j.BPA.Public:
		return Policy
	default:
		return LimitedPolicy
	}
}

// covered reports whether a wider audience was already granted the same on the
// same channel: "any account" adds nothing to "anyone".
func (j *Judged) covered(g resource.Grant) bool {
	return slices.ContainsFunc(j.Grants, func(wider resource.Grant) bool {
		return wider.Via == g.Via && g.To.Within(wider.To) && !slices.ContainsFunc(g.Can, func(a resource.Action) bool {
			return !slices.Contains(wider.Can, a)
		})
	})
}

func grant(class iam.Class, admission iam.Admission, at Attachment) resource.Grant {
	return resource.Grant{
		To:  iam.Audience(class, admission.Network).Meet(at.Door),
		Can: Abilities(admission.Actions),
		Because: []resource.Evidence{{
			Call: at.Call, Of: at.Of, Pointer: at.pointer(admission.Allow), Quote: quote(class, admission),
		}},
		Witness: witness(admission.Witness),
		Note:    note(class, admission),
	}
}

// pointer leads to a statement: into the answer itself where that is the
// policy, else through the element that holds its text.
func (at Attachment) pointer(statement string) string {
	if at.Pointer == "" {
		return statement
	}
	return at.Pointer + "#" + statement
}

func quote(class iam.Class, a iam.Admission) string {
	text := "Allow " + summary(a.Actions) + " to " + string(class)
	if len(a.Conditions) > 0 {
		text += " where " + strings.Join(a.Conditions, " and ")
	}
	return text
}

const quoted = 4 // actions named in a quote before "… and N more"

func summary(actions []string) string {
	if len(actions) <= quoted {
		return strings.Join(actions, ", ")
	}
	return fmt.Sprintf("%s and %d more actions", strings.Join(actions[:quoted], ", "), len(actions)-quoted)
}

func note(class iam.Class, a iam.Admission) string {
	var notes []string
	if class == iam.AnyService {
		notes = append(notes, "through an AWS service acting for a stranger: the policy does not say for whom the service may act")
	}
	if a.From != "" {
		notes = append(notes, "from "+a.From)
	}
	if a.Until != "" {
		notes = append(notes, "until "+a.Until)
	}
	return strings.Join(notes, "; ")
}

func witness(r iam.Request) *resource.Witness {
	w := &resource.Witness{Principal: strings.TrimSpace(r.Principal.Kind + " " + r.Principal.ID), Action: r.Action, Resource: r.Resource, Context: make(map[string]string)}
	for key, values := range r.Shown() {
		w.Context[key] = strings.Join(values, ", ")
	}
	return w
}
