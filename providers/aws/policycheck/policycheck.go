// Package policycheck judges one resource policy by itself, offline: whom it
// lets in from outside, with the request that would succeed, and the smallest
// change that was decided to close it. It is the counterpart of Access Analyzer's
// CheckNoPublicAccess that anybody can run.
//
// It sees the policy and nothing else: Block Public Access, key policies and
// networks that stand in front of the resource are the business of an audit.
// Whom a service answers at all, what a policy can be about and which actions
// have no effect for other accounts it takes from package resourcepolicy, as the
// audit does, so that the two cannot disagree.
package policycheck

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

// Question says what the policy is attached to.
type Question struct {
	// Service is the IAM prefix ("s3") or a usual name of it ("opensearch").
	Service string
	// Resource is the ARN of the resource; empty means any of the service's, and
	// so does one that is not known to be of a resource with a policy.
	Resource string
	// Account and Org are the owner's ids; empty means unknown, which makes
	// every account that the policy names an outsider.
	Account, Org string
}

// Report is what a policy lets in.
type Report struct {
	Service  string
	Admitted []Admission
	// Undecided are the classes of which it is not known what they can do, with
	// the reason; some can do something else for certain.
	Undecided []Doubt
	// Unsigned says why it is not certain that requests without a signature are
	// answered, where the policy admits such; it is empty where that is certain.
	Unsigned string
	// Notes tell what else is to know about a policy that admits somebody.
	Notes  []string
	Closed []Closure
	// BPA is AWS's own notion of public, for S3 policies alone.
	BPA *iam.BPA
	// Change closes the policy; nil where nobody from outside gets in.
	Change *Change
}

// Private reports whether it is certain that nobody from outside gets in.
func (r *Report) Private() bool {
	return !slices.ContainsFunc(r.Admitted, func(a Admission) bool { return a.To.Reach != resource.ReachPrivate }) &&
		!slices.ContainsFunc(r.Undecided, func(d Doubt) bool { return d.To.Reach != resource.ReachPrivate })
}

// Admission is one class of outsiders and what it can do. Actions that have no
// effect for other accounts, whatever a policy says, are left out.
type Admission struct {
	iam.Admission
	Class iam.Class
	// To is whom this lets in for certain, Most whom it may: more, where it is
	// not documented whom the service answers.
	To, Most resource.Audience
}

// Doubt is a class of which it cannot be decided whether it gets in.
type Doubt struct {
	Class  iam.Class
	To     resource.Audience
	Reason string
}

// Closure says what keeps a class out of a statement that lets others in.
type Closure struct {
	Class iam.Class
	By    []string
}

// names are other usual names of services.
var names = map[string]string{
	"opensearch": "es", "efs": "elasticfilesystem", "secrets": "secretsmanager", "secrets-manager": "secretsmanager", "eventbridge": "events",
	"iam": "sts",
}

// Services returns the names that a Question accepts, sorted.
func Services() []string {
	all := slices.AppendSeq(resourcepolicy.Prefixes(), maps.Keys(names))
	slices.Sort(all)
	return all
}

// Check judges a policy document. The error is an *iam.SyntaxError for a
// document that AWS would not accept, which never counts as closed.
func Check(document []byte, q Question) (*Report, error) {
	service := q.Service
	if other, ok := names[service]; ok {
		service = other
	}
	door, known := resourcepolicy.DoorOf(service, q.Resource)
	if !known {
		return nil, fmt.Errorf("check policy: service %q is none of %s", q.Service, strings.Join(Services(), ", "))
	}
	policy, err := iam.Parse(document)
	if err != nil {
		return nil, err
	}
	c := check{owner: ownerOf(q), door: door, can: resourcepolicy.Abilities(service)}
	c.target = iam.Target{Service: service, Resources: resourcepolicy.Resources(service, q.Resource), Account: c.owner.account, Org: q.Org}
	report := c.report(policy)
	if service == "s3" {
		bpa := iam.BPAPublic(policy, policyKind(q.Resource), c.target)
		report.BPA = &bpa
	}
	report.Change = c.change(document, policy, report)
	return report, nil
}

func policyKind(arn string) iam.PolicyKind {
	if strings.Contains(arn, ":accesspoint/") {
		return iam.AccessPointPolicy
	}
	return iam.BucketPolicy
}

// check is a question as policies are decided by it.
type check struct {
	target iam.Target
	owner  owner
	door   resourcepolicy.Door
	can    func(actions []string) []resource.Action
}

// report says whom a policy lets in.
func (c check) report(p *iam.Policy) *Report {
	r := &Report{Service: c.target.Service}
	var idle []string
	for _, d := range iam.DecideAll(p, c.target) {
		for _, g := range d.Grants {
			a, without := c.admission(p, d.Class, g)
			idle = append(idle, without...)
			if len(a.Actions) > 0 {
				r.Admitted = append(r.Admitted, a)
			}
		}
		if reason := c.doubt(p, d); reason != "" {
			r.Undecided = append(r.Undecided, Doubt{Class: d.Class, To: c.widest(d.Class, iam.Network{}), Reason: reason})
		}
		if d.Outcome == iam.NotAdmitted && len(d.ClosedBy) > 0 {
			r.Closed = append(r.Closed, Closure{Class: d.Class, By: d.ClosedBy})
		}
	}
	c.explain(r, idle)
	return r
}

// admission is what a class can do for all that is known, and the actions that
// the policy allows it without effect. The witness does one that has an effect.
func (c check) admission(p *iam.Policy, class iam.Class, g iam.Admission) (a Admission, idle []string) {
	a = Admission{Admission: g, Class: class, Most: c.widest(class, g.Network)}
	a.To = a.Most
	if c.door.Doubt != "" {
		a.To = a.Most.Meet(resource.AnyTenant)
	}
	a.Actions = nil
	for _, action := range g.Actions {
		if len(c.can([]string{action})) > 0 {
			a.Actions = append(a.Actions, action)
		} else if class != iam.Org {
			idle = append(idle, action)
		}
	}
	if !slices.Contains(a.Actions, a.Witness.Action) {
		for _, action := range a.Actions {
			does := a.Witness
			does.Action = action
			if iam.Evaluate(p, does) == iam.Allow {
				a.Witness = does
				break
			}
		}
	}
	return a, idle
}

// widest is who a class is for a service, at most.
func (c check) widest(class iam.Class, from iam.Network) resource.Audience {
	return iam.Audience(class, from).Meet(c.door.To)
}

// explain adds what a reader should know of the service about what is admitted,
// and about what is not although the policy allows it.
func (c check) explain(r *Report, idle []string) {
	if slices.ContainsFunc(r.Admitted, func(a Admission) bool {
		return a.To.Credential != a.Most.Credential && a.To.Reach != resource.ReachPrivate
	}) {
		r.Unsigned = c.door.Doubt
	}
	if c.door.Note != "" && slices.ContainsFunc(r.Admitted, func(a Admission) bool { return a.To.Reach != resource.ReachPrivate }) {
		r.Notes = append(r.Notes, c.door.Note)
	}
	if slices.Sort(idle); len(idle) > 0 {
		r.Notes = append(r.Notes, "without effect for other accounts, whatever a policy says: "+some(slices.Compact(idle)))
	}
}

const shownIdle = 6 // actions in a note, before "and N more"

func some(actions []string) string {
	if more := len(actions) - shownIdle; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(actions[:shownIdle], ", "), more)
	}
	return strings.Join(actions, ", ")
}

// doubt says what is open about a class, "" for what would be no outsider. What
// a service could do under "*" beyond what everybody can is not known, because
// nobody documents its source address: only services that the policy names are
// in doubt, and then about the statements that name one.
func (c check) doubt(p *iam.Policy, d iam.Decision) string {
	if d.Reason == "" || d.Class == iam.Org {
		return ""
	}
	if d.Class != iam.AnyService {
		return d.Reason
	}
	named, ok := p.ForServices()
	if !ok {
		return ""
	}
	return iam.Decide(named, c.target, iam.AnyService).Reason
}
