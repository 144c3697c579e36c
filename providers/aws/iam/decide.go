package iam

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
	"github.com/andon-audit/andon/providers/aws/iam/interval"
)

// Outcome is the answer to whether a class is let in.
type Outcome string

// The outcomes. Undecided means that the answer is not known, never that
// nobody gets in.
const (
	Admitted    Outcome = "admitted"
	NotAdmitted Outcome = "not-admitted"
	Undecided   Outcome = "undecided"
)

// Decision is whether one class is let in, with its proof.
type Decision struct {
	Class   Class
	Outcome Outcome
	// Grants are what the class can do, when Admitted: the largest groups of
	// actions that share an Allow statement and a network.
	Grants []Admission
	// Reason says why the outcome is Undecided, or what is left open beside the
	// Grants.
	Reason string
	// ClosedBy are pointers to the conditions and Deny statements that keep the
	// class out of statements that let somebody else in, when NotAdmitted.
	ClosedBy []string
}

// Admission is a group of actions that a class can do.
type Admission struct {
	// Actions are in the spelling of the service reference, sorted. It is
	// [FutureAction] alone when the policy covers only actions that the service
	// does not have yet.
	Actions []string
	// Allow points to the statement that admits the witness; Also are further
	// ones that widen the network.
	Allow string
	Also  []string
	// Conditions of the Allow statement, in short.
	Conditions []string
	// Network is from where the requests work.
	Network Network
	// From and Until limit the admission in time, RFC 3339; "" where open.
	From, Until string
	// Witness is a concrete request that the policy allows.
	Witness Request
}

// Reach says how much of the internet a network is.
type Reach string

// The reaches, widest first.
const (
	ReachInternet Reach = "internet" // practically every public address
	ReachBroad    Reach = "broad"    // too many addresses for their list to protect anything
	ReachListed   Reach = "listed"   // a list of addresses
	ReachEndpoint Reach = "endpoint" // requests arrive through a VPC endpoint, without a public address
	ReachService  Reach = "service"  // requests come from inside AWS
)

// Network is the set of source addresses from which requests are admitted: the
// union over all Allow statements minus the denied ones. Only public addresses
// count. A range such as 10.0.0.0/8 does not admit anybody on the internet.
type Network struct {
	Reach Reach
	// Prefixes list the addresses when Reach is broad or listed, at most
	// MaxPrefixes of them.
	Prefixes []netip.Prefix
	// ShareIPv4 is the part of the public IPv4 addresses, from 0 to 1.
	ShareIPv4 float64
}

// MaxPrefixes is the length at which Network.Prefixes is cut.
const MaxPrefixes = 64

// Decide decides whether a class of strangers is let in. Admitted and
// NotAdmitted are proofs: the first has a witness that [Evaluate] confirms, the
// second holds for every request of the class.
func Decide(p *Policy, t Target, c Class) Decision {
	return prepare(p, t).decide(c)
}

// DecideAll decides every class of [Policy.Classes], for less than the sum of
// its parts.
func DecideAll(p *Policy, t Target) []Decision {
	plan := prepare(p, t)
	var decisions []Decision
	for _, c := range plan.classes() {
		decisions = append(decisions, plan.decide(c))
	}
	return decisions
}

// trial collects what is found over the worlds of a class.
type trial struct {
	plan    *plan
	steps   int
	budget  *glob.Budget
	grants  []Admission
	reasons []string
	closed  []string
}

func (p *plan) decide(c Class) Decision {
	d := Decision{Class: c, Outcome: NotAdmitted}
	t := &trial{plan: p, steps: min(maxSteps, p.steps), budget: p.allowance()}
	defer p.charge(t)
	for _, w := range p.worlds(c) {
		w.plan = p
		if w.caller == callerAnonymous && !p.answersUnsigned() {
			t.closed = append(t.closed, p.target.Service+" answers signed requests only")
			continue
		}
		t.enter(w)
	}
	d.Grants = merge(t.grants)
	if len(d.Grants) == 0 {
		for _, refusal := range p.refusals() {
			t.undecided(refusal)
		}
	}
	d.Reason = strings.Join(t.reasons, "; ")
	switch {
	case len(d.Grants) > 0:
		d.Outcome = Admitted
	case len(t.reasons) > 0:
		d.Outcome = Undecided
	default:
		slices.Sort(t.closed)
		d.ClosedBy = slices.Compact(t.closed)
	}
	return d
}

// enter decides one world. Every uncertain rule is read against the stranger
// first; then with policy variables fixed to one value; and where that lets
// nobody in, with every uncertain rule read for the stranger.
func (t *trial) enter(w world) {
	narrow := w.compile(t.budget)
	found, err := t.explore(narrow)
	if err != nil {
		t.undecided(err.Error())
		return
	}
	if found {
		t.doubt(w, narrow)
		return
	}
	if !narrow.uncertain() {
		t.explain(narrow)
		return
	}
	pinned := w
	if pinned.pin() {
		if found, err := t.explore(pinned.compile(t.budget)); found || err != nil {
			if err != nil {
				t.undecided(err.Error())
			}
			return
		}
	}
	generous := w
	generous.loose, generous.bindings = true, nil
	wide := generous.compile(t.budget)
	other := &trial{plan: t.plan, steps: t.steps, budget: t.budget}
	found, err = other.explore(wide)
	t.steps = other.steps
	if err != nil {
		t.undecided(err.Error())
		return
	}
	if !found && len(other.reasons) == 0 {
		t.explain(wide)
		return
	}
	for _, reason := range slices.Concat(narrow.notes, wide.notes, other.reasons) {
		t.undecided(reason)
	}
	if len(t.reasons) == 0 {
		t.undecided("the policy names actions that the service reference does not list")
	}
}

// doubt looks, where a class gets in for certain, for what else it could do if
// every uncertain rule were read for the stranger.
func (t *trial) doubt(w world, narrow *space) {
	if !narrow.uncertain() {
		return
	}
	w.loose, w.bindings = true, nil
	wide := w.compile(t.budget)
	other := &trial{plan: t.plan, steps: t.steps, budget: t.budget}
	_, err := other.explore(wide)
	t.steps = other.steps
	if err != nil {
		t.undecided(err.Error())
		return
	}
	var certain []string
	for _, g := range t.grants {
		certain = append(certain, g.Actions...)
	}
	for _, g := range other.grants {
		for _, action := range g.Actions {
			if !slices.Contains(certain, action) {
				t.undecided("it is not certain that " + action + " is refused")
			}
		}
	}
}

// classesInFull is how many classes of one policy may use up a whole budget;
// further ones share what is left.
const classesInFull = 3

// allowance returns the budget of the next class.
func (p *plan) allowance() *glob.Budget {
	full := glob.NewBudget()
	return &glob.Budget{States: min(full.States, p.budget.States), Work: min(full.Work, p.budget.Work)}
}

// charge takes what a class used from what the policy has left.
func (p *plan) charge(t *trial) {
	given := p.allowance()
	p.budget.States -= given.States - max(t.budget.States, 0)
	p.budget.Work -= given.Work - max(t.budget.Work, 0)
	p.steps -= min(maxSteps, p.steps) - max(t.steps, 0)
}

func (t *trial) undecided(reason string) {
	if !slices.Contains(t.reasons, reason) && len(t.reasons) < 8 {
		t.reasons = append(t.reasons, reason)
	}
}

// uncertain reports whether the narrow reading differs from the wide one.
func (s *space) uncertain() bool {
	return len(s.notes) > 0 || slices.ContainsFunc(s.world.plan.actions, func(a permission) bool { return a.unlisted })
}

// explore decides every group of actions in one space.
func (t *trial) explore(s *space) (bool, error) {
	if len(s.allows) == 0 {
		return false, nil
	}
	found := false
	for i := range t.plan.groups {
		g := &t.plan.groups[i]
		if t.plan.actions[g.actions[0]].unlisted && !s.world.loose {
			continue // no such action is known, so it is no proof
		}
		admitted, err := t.admit(s, g)
		if err != nil {
			return found, err
		}
		found = found || admitted
	}
	if found {
		return true, nil
	}
	return t.future(s)
}

// admit finds all that the class can do with one group of actions.
func (t *trial) admit(s *space, g *group) (bool, error) {
	s.enterFamily(t.plan.families[g.family])
	var denies []*box
	for i := range s.denies {
		if t.plan.about(s.denies[i].index, g) {
			denies = append(denies, &s.denies[i])
		}
	}
	var allows []*box
	for i := range s.allows {
		if t.plan.about(s.allows[i].index, g) {
			allows = append(allows, &s.allows[i])
		}
	}
	if len(allows) == 0 {
		return false, nil
	}
	slices.SortStableFunc(allows, func(a, b *box) int { return cmp.Compare(len(a.atoms), len(b.atoms)) })
	var names []string
	for _, a := range g.actions {
		names = append(names, t.plan.actions[a].name)
	}
	return t.union(s, allows, denies, names)
}

// enterFamily makes the resource dimension range over one family of ARNs.
func (s *space) enterFamily(f arnFamily) {
	s.dims[0].dom = f.dom
}

// union finds requests until nothing is left outside the addresses and times
// that are known to work.
func (t *trial) union(s *space, allows, denies []*box, names []string) (bool, error) {
	var grant *Admission
	var addrs netset.Set
	var times interval.Set
	addrDim, hasAddr := s.index[dimAddress]
	hasAddr = hasAddr && s.world.path == pathInternet
	timeDim, hasTime := s.index[dimTime]
	full := func() bool {
		return (!hasAddr || addrs.Covers(s.dims[addrDim].dom.addrs)) && (!hasTime || times.Full())
	}
	for _, allow := range allows {
		for round := 0; ; round++ {
			if grant != nil && full() {
				break
			}
			if round == maxRounds {
				t.undecided(allow.pointer + ": more source addresses may be admitted")
				break
			}
			f := search{space: s, denies: denies, steps: &t.steps}
			var atoms [2]atom
			if grant != nil {
				ok := false
				if hasAddr && !addrs.Covers(s.dims[addrDim].dom.addrs) {
					atoms[0] = atom{dim: addrDim, addrs: addrs}
					f.outside, ok = append(f.outside, literal{&atoms[0], true}), true
				} else if hasTime && !times.Full() {
					atoms[1] = atom{dim: timeDim, numbers: times}
					f.outside, ok = append(f.outside, literal{&atoms[1], true}), true
				}
				if !ok {
					break
				}
			}
			found, err := f.find(allow)
			if err != nil {
				if grant != nil {
					t.undecided(err.Error())
					break
				}
				return false, err
			}
			if !found {
				break
			}
			if grant == nil {
				witness, err := f.witness(names)
				if err != nil {
					return false, err
				}
				grant = &Admission{Actions: names, Allow: allow.pointer, Conditions: allow.labels(), Witness: witness}
			} else if allow.pointer != grant.Allow && !slices.Contains(grant.Also, allow.pointer) {
				grant.Also = append(grant.Also, allow.pointer)
			}
			if hasAddr {
				addrs = addrs.Union(f.working(allow, addrDim))
			}
			if hasTime {
				times = times.Union(f.workingTimes(allow, timeDim))
			}
		}
	}
	if grant == nil {
		return false, nil
	}
	grant.Network = s.world.network(addrs, hasAddr)
	if hasTime {
		grant.From, grant.Until = limits(times)
	}
	t.grants = append(t.grants, *grant)
	return true, nil
}

// maxRounds bounds how often one statement is asked for further addresses.
const maxRounds = 32

func (b *box) labels() []string {
	var labels []string
	for _, a := range b.atoms {
		if a.label != "principal" && a.label != "resource" {
			labels = append(labels, a.label)
		}
	}
	return labels
}

func (w *world) network(addrs netset.Set, limited bool) Network {
	switch {
	case w.path == pathEndpoint:
		return Network{Reach: ReachEndpoint}
	case w.path == pathService:
		return Network{Reach: ReachService}
	case !limited:
		return Network{Reach: ReachInternet, ShareIPv4: 1}
	}
	n := Network{Reach: ReachListed, ShareIPv4: addrs.ShareIPv4()}
	switch {
	case addrs.Internet():
		n.Reach = ReachInternet
		return n
	case addrs.Broad():
		n.Reach = ReachBroad
	}
	n.Prefixes = addrs.Prefixes()
	n.Prefixes = n.Prefixes[:min(len(n.Prefixes), MaxPrefixes)]
	return n
}

// limits returns the ends of the times that work, where they have any.
func limits(times interval.Set) (from, until string) {
	ranges := times.Ranges()
	if len(ranges) == 0 {
		return "", ""
	}
	if lo := ranges[0].Lo; lo != minInt {
		from = stamp(lo)
	}
	if hi := ranges[len(ranges)-1].Hi; hi != maxInt {
		until = stamp(hi)
	}
	return from, until
}

func stamp(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339) }

// merge joins admissions that differ in their actions only, and drops those
// that another world repeats.
func merge(grants []Admission) []Admission {
	var merged []Admission
	index := make(map[string]int)
	for _, g := range grants {
		key := g.key()
		if at, ok := index[key]; ok {
			merged[at].Actions = union(merged[at].Actions, g.Actions)
			continue
		}
		index[key] = len(merged)
		g.Actions = union(nil, g.Actions)
		merged = append(merged, g)
	}
	return merged
}

// key is equal for admissions that differ in their actions and witness only.
func (g *Admission) key() string {
	parts := append([]string{g.Allow, string(g.Network.Reach), g.From, g.Until, g.Witness.Principal.Kind}, g.Also...)
	for _, p := range g.Network.Prefixes {
		parts = append(parts, p.String())
	}
	return strings.Join(parts, "\n")
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
