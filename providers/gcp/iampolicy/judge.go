package iampolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/condition"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
	"github.com/andon-audit/andon/providers/gcp/member"
	"github.com/andon-audit/andon/providers/gcp/role"
)

// Subject is a store whose policies are judged.
type Subject struct {
	Client *api.Client
	// Project is the id of the project that the store belongs to.
	Project string
	// Store is the type that package role knows it by.
	Store string
	// Name is its whole name, "projects/_/buckets/telemetry". Service and Type are
	// what conditions call it: "storage.googleapis.com",
	// "storage.googleapis.com/Bucket". They stay empty where requests are about
	// something inside the store, or where conditions are told nothing of the
	// resource: what a condition says of it is then not decided.
	Service, Type, Name string
	Anonymity           Anonymity
}

// facts are what conditions are told.
func (s Subject) facts() condition.Facts {
	f := condition.Facts{Now: s.Client.Now()}
	if s.Type != "" {
		f.Service, f.Type, f.Name = s.Service, s.Type, s.Name
	}
	return f
}

// evaluate tells whether a condition holds. One that does not hold now and asks
// for the time in any way but by a window from one date to another may hold at
// another hour. And a name may be given with the project's number for its id:
// which of them conditions are told is not documented for every service.
func (s Subject) evaluate(expression string) (value condition.Value, why string) {
	told := s.facts()
	value, why = condition.Evaluate(expression, told)
	if value != condition.False {
		return value, why
	}
	if number := s.Client.Number(s.Project); told.Name != "" && number != "" {
		other := told
		other.Name = strings.Replace(told.Name, "projects/"+s.Project+"/", "projects/"+number+"/", 1)
		if again, _ := condition.Evaluate(expression, other); again != condition.False {
			return condition.Unknown, "it names the project by its number, and whether this service does is not documented"
		}
	}
	timeless := told
	timeless.Now = time.Time{}
	now := s.Client.Now()
	if always, _ := condition.Evaluate(expression, timeless); always == condition.False || condition.Over(expression, now) {
		return condition.False, why
	}
	if _, _, later := condition.Window(expression, now); later {
		return condition.False, why
	}
	return condition.Unknown, "it does not hold now, and may at another time"
}

// opening says when a condition that does not hold yet will.
func opening(expression string, now time.Time) string {
	opens, _, ok := condition.Window(expression, now)
	if !ok || !opens.After(now) {
		return ""
	}
	return ", and will from " + opens.UTC().Format(time.RFC3339)
}

// Source is where a policy was read, and the channels that its grants take.
type Source struct {
	// Call and Of are the answer's.
	Call, Of string
	// Place returns where in the answer a binding's role stands (member is -1)
	// or one of its members; nil means where an IAM policy has them.
	Place func(binding, member int) string
	// Open is the channel of grants to everybody and to every account, Named
	// that of grants to principals which the policy names.
	Open, Named resource.Channel
	// Note is added to each grant: "inherited from the key ring".
	Note string
}

// Store judges the policies of one store. It is not for concurrent use: the
// questions of a store are asked one after another.
type Store struct {
	subject Subject
	owner   member.Owner
	known   bool   // which organisation it is has been asked
	above   string // that organisation, or "" for none
	waiting []pending
	ask     *collect.Question // for the organisation
	hides   []resource.Hidden // what that question hides as declared
}

func (s Source) place(binding, member int) string {
	switch {
	case s.Place != nil:
		return s.Place(binding, member)
	case member < 0:
		return fmt.Sprintf("/bindings/%d/role", binding)
	default:
		return fmt.Sprintf("/bindings/%d/members/%d", binding, member)
	}
}

// pending is a principal of whom only the organisation can tell whose it is.
type pending struct {
	from    Source
	who     member.Member
	actions []resource.Action
	because []resource.Evidence
}

// NewStore returns the judge of a store.
func NewStore(s Subject) *Store {
	return &Store{subject: s, owner: member.Owner{
		Project: s.Project, Number: s.Client.Number(s.Project),
	}}
}

// Organisation returns the question of whose principals the policies name. It
// matters only while a policy names one whose owner cannot be told without.
func (s *Store) Organisation(k *collect.Kind) *collect.Question {
	s.ask = k.Question(organisationCall, s.askOrganisation)
	s.hides = s.ask.Hides
	return s.ask
}

const organisationCall = "cloudresourcemanager:organizations.get"

// askOrganisation looks at the waiting principals again. A project without an
// organisation leaves them undecided.
func (s *Store) askOrganisation(ctx context.Context, r *resource.Resource) error {
	project := hierarchy.Of(s.subject.Client, s.subject.Project)
	ancestors, err := project.Ancestors(ctx)
	if err != nil {
		return err
	}
	organisation, _, err := project.Organisation(ctx)
	if err != nil {
		return err
	}
	s.owner.Ancestors, s.owner.Domain, s.owner.Customer = ancestors, organisation.Domain, organisation.Customer
	s.known, s.above = true, organisation.Name
	for _, p := range s.waiting {
		s.place(ctx, r, p)
	}
	s.waiting = nil
	return nil
}

// place looks at a principal once the organisation is known.
// That of another project of this audit is the owner's own where that project is
// in the same organisation. Of a project that is not being audited nothing is
// asked: it is an outsider until somebody names it as trusted.
func (s *Store) place(ctx context.Context, r *resource.Resource, p pending) {
	id, audited := s.subject.Client.ID(p.who.Project)
	defer func() { s.owner.OwnProject = nil }()
	if audited && s.above != "" && id != s.subject.Project {
		above, err := hierarchy.Of(s.subject.Client, id).Ancestors(ctx)
		if err != nil {
			refusal := s.subject.Client.Refusal(err)
			s.doubtAll(r, []stranger{{who: p.who, standing: member.Undecided}}, p.from, p.actions, doubtOf{
				reason: refusal.Reason, call: refusal.Call, detail: "whether project " + id + " is in the same organisation: " + refusal.String(),
			})
			return
		}
		s.owner.OwnProject = func(string) bool { return slices.Contains(above, s.above) }
	}
	s.admitNamed(r, p)
}

// Add judges one policy and adds the grants and the doubts that come of it.
func (s *Store) Add(ctx context.Context, r *resource.Resource, p *Policy, from Source) {
	for i, b := range p.Bindings {
		s.bind(ctx, r, b, from, i)
	}
	if s.ask != nil && !s.known {
		s.ask.Hides = nil
		if len(s.waiting) > 0 {
			s.ask.Hides = s.hides
		}
	}
}

// stranger is a member that is not the owner's own, for all that is known.
type stranger struct {
	who      member.Member
	standing member.Standing
	at       string
}

func (s *Store) bind(ctx context.Context, r *resource.Resource, b Binding, from Source, i int) {
	strangers := s.strangers(b, from, i)
	if len(strangers) == 0 {
		return
	}
	held, doubt := s.held(ctx, b.Role)
	actions := role.Actions(s.subject.Store, held)
	value, why := condition.True, ""
	if b.Condition != nil && b.Condition.Expression != "" {
		value, why = s.subject.evaluate(b.Condition.Expression)
	}
	switch {
	case value == condition.False:
		r.Notes = append(r.Notes, fmt.Sprintf("binding of %s to %s: its condition does not hold now (%s)%s",
			b.Role, members(strangers), b.Condition.Expression, opening(b.Condition.Expression, s.subject.Client.Now())))
		return
	case doubt != nil:
		s.doubtAll(r, strangers, from, resource.Actions(), *doubt)
		return
	}
	if perhaps := role.Possible(s.subject.Store, held); len(perhaps) > 0 {
		s.doubtAll(r, strangers, from, perhaps, doubtOf{
			reason: resource.Undecided, detail: fmt.Sprintf("what the role %q opens is said inside the store", b.Role),
		})
	}
	if len(actions) == 0 {
		return
	}
	if value == condition.Unknown {
		s.doubtAll(r, strangers, from, actions, doubtOf{
			reason: resource.Undecided, call: from.Call, detail: fmt.Sprintf("condition %q: %s", b.Condition.Expression, why),
		})
		return
	}
	s.admit(ctx, r, strangers, grantOf{
		from: from, actions: actions, permission: s.permission(actions, held),
		role: resource.Evidence{Call: from.Call, Of: from.Of, Pointer: from.place(i, -1), Quote: b.Role},
	})
}

func members(strangers []stranger) string {
	var names []string
	for _, x := range strangers {
		names = append(names, x.who.Text)
	}
	return strings.Join(names, ", ")
}

func (s *Store) strangers(b Binding, from Source, binding int) []stranger {
	var found []stranger
	for i, text := range b.Members {
		who := member.Parse(text)
		standing, _ := s.owner.Standing(who)
		if standing == member.Own || standing == member.Nobody {
			continue
		}
		found = append(found, stranger{who, standing, from.place(binding, i)})
	}
	return found
}

// doubtOf is why it cannot be told what somebody may do.
type doubtOf struct {
	reason       resource.Reason
	call, detail string
	permission   string
}

// held returns the permissions of a role that matter here, or why they cannot be
// told.
func (s *Store) held(ctx context.Context, name string) ([]string, *doubtOf) {
	if permissions, known := role.Predefined(name); known {
		return permissions, nil
	}
	if parent, id, custom := role.Custom(name); custom {
		return s.customPermissions(ctx, parent, id)
	}
	return nil, &doubtOf{reason: resource.Undecided, detail: fmt.Sprintf("the role %q is not known", name)}
}

// doubtAll adds a gap for members of whom it cannot be told what they may do.
func (s *Store) doubtAll(r *resource.Resource, strangers []stranger, from Source, can []resource.Action, d doubtOf) {
	gap := resource.Gap{Call: d.call, Permission: d.permission, Reason: d.reason, Detail: d.detail}
	if gap.Call == "" {
		gap.Call = from.Call
	}
	for _, x := range strangers {
		for _, hidden := range s.hiding(x, from, can) {
			if !slices.ContainsFunc(gap.Hides, func(h resource.Hidden) bool {
				return h.Via == hidden.Via && hidden.To.Within(h.To)
			}) {
				gap.Hides = append(gap.Hides, hidden)
			}
		}
	}
	r.Gaps = append(r.Gaps, gap)
}

// hiding is what a doubt about a member may hide. One of whom it is not known who
// it is may be everybody, or somebody whom the policy names.
func (s *Store) hiding(x stranger, from Source, can []resource.Action) []resource.Hidden {
	named := resource.Hidden{Via: from.Named, To: resource.Outsiders(), Can: can}
	_, most := s.subject.Anonymity.everyone()
	switch x.standing {
	case member.Outsider, member.Undecided:
		return []resource.Hidden{named}
	case member.EveryTenant:
		return []resource.Hidden{{Via: from.Open, To: resource.AnyTenant, Can: can}}
	case member.All:
		return []resource.Hidden{{Via: from.Open, To: most, Can: can}}
	default:
		return []resource.Hidden{{Via: from.Open, To: most, Can: can}, named}
	}
}

// grantOf is what a binding gives, whomever it gives it to.
type grantOf struct {
	from    Source
	actions []resource.Action
	// permission is one that the role holds: what the witness would use.
	permission string
	role       resource.Evidence
}

// admit adds a binding's grants.
func (s *Store) admit(ctx context.Context, r *resource.Resource, strangers []stranger, g grantOf) {
	for _, x := range strangers {
		because := []resource.Evidence{{Call: g.from.Call, Of: g.from.Of, Pointer: x.at, Quote: x.who.Text}, g.role}
		switch x.standing {
		case member.All:
			s.admitEveryone(r, g, because)
		case member.EveryTenant:
			r.Grants = append(r.Grants, s.grant(resource.AnyTenant, "any Google account", g, because))
		case member.Outsider, member.Undecided:
			p := pending{from: g.from, who: x.who, actions: g.actions, because: because}
			switch {
			case s.known:
				s.place(ctx, r, p)
			case s.ask != nil && s.tellable(x):
				s.waiting = append(s.waiting, p)
			default:
				s.admitNamed(r, p)
			}
		default:
			s.doubtAll(r, []stranger{x}, g.from, g.actions, doubtOf{
				reason: resource.Undecided, detail: fmt.Sprintf("the member %q is of no known kind", x.who.Text),
			})
		}
	}
}

// tellable reports whether the organisation can tell more of a member: a project
// of this audit may be in the same one.
func (s *Store) tellable(x stranger) bool {
	if x.standing == member.Undecided {
		return true
	}
	_, audited := s.subject.Client.ID(x.who.Project)
	return audited
}

func (s *Store) admitEveryone(r *resource.Resource, g grantOf, because []resource.Evidence) {
	least, most := s.subject.Anonymity.everyone()
	principal := "anonymous"
	if least.Credential != resource.CredentialNone {
		principal = "any Google account"
	}
	r.Grants = append(r.Grants, s.grant(least, principal, g, because))
	if most.Within(least) {
		return
	}
	r.Gaps = append(r.Gaps, resource.Gap{
		Call: g.from.Call, Reason: resource.Undecided,
		Detail: "allUsers: whether this service answers requests without a Google credential is not documented",
		Hides:  []resource.Hidden{{Via: g.from.Open, To: most, Can: g.actions}},
	})
}

// admitNamed adds a principal that the policy names, once all is known of it that
// can be known.
func (s *Store) admitNamed(r *resource.Resource, p pending) {
	standing, why := s.owner.Standing(p.who)
	if standing == member.Outsider {
		r.Grants = append(r.Grants, resource.Grant{
			To: resource.Outsiders(p.who.Party()), Can: p.actions, Via: p.from.Named, Because: p.because, Note: p.from.Note,
		})
	}
	if standing == member.Undecided {
		s.doubtAll(r, []stranger{{who: p.who, standing: standing}}, p.from, p.actions, doubtOf{
			reason: resource.Undecided, detail: fmt.Sprintf("%s: %s", p.who.Text, why),
		})
	}
}

func (s *Store) grant(to resource.Audience, principal string, g grantOf, because []resource.Evidence) resource.Grant {
	return resource.Grant{
		To: to, Can: g.actions, Via: g.from.Open, Because: because, Note: g.from.Note,
		Witness: &resource.Witness{Principal: principal, Action: g.permission, Resource: s.subject.Name},
	}
}

// permission names one of the permissions held that gives one of the actions,
// taking contents first.
func (s *Store) permission(actions []resource.Action, held []string) string {
	for _, a := range slices.Concat([]resource.Action{resource.Read, resource.Restore, resource.List}, actions) {
		if !slices.Contains(actions, a) {
			continue
		}
		for _, p := range role.Granting(s.subject.Store, a) {
			if slices.Contains(held, p) {
				return p
			}
		}
	}
	return ""
}
