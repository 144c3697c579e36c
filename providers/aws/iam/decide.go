package iam

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/aws/iam/glob"
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
	classes := plan.classes()
	decisions := make([]Decision, len(classes))
	for i, c := range classes {
		decisions[i] = plan.decide(c)
	}
	return decisions
}

func (p *plan) decide(c Class) Decision {
	d := Decision{Class: c, Outcome: NotAdmitted}
	t := p.newTrial()
	defer p.charge(t)
	worlds := p.worlds(c)
	for i := range worlds {
		w := &worlds[i]
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

// classesInFull is how many classes of one policy may use up a whole budget;
// further ones share what is left.
const classesInFull = 3

// newTrial gives the next class its budget.
func (p *plan) newTrial() *trial {
	full := glob.NewBudget()
	p.allowance = glob.Budget{States: min(full.States, p.budget.States), Work: min(full.Work, p.budget.Work)}
	given := p.allowance
	return &trial{plan: p, steps: min(maxSteps, p.steps), budget: &given}
}

// charge takes what a class used from what the policy has left.
func (p *plan) charge(t *trial) {
	p.budget.States -= p.allowance.States - max(t.budget.States, 0)
	p.budget.Work -= p.allowance.Work - max(t.budget.Work, 0)
	p.steps -= min(maxSteps, p.steps) - max(t.steps, 0)
}

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
