package iam

import (
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

// future asks for an action that the service does not have yet, when no known
// one is admitted. Nobody knows which of the service's keys it will carry.
func (t *trial) future(s *space) (bool, error) {
	var lacks []bool
	if t.plan.target.Service == "" || !t.plan.allowsFuture() {
		return false, nil
	}
	if len(t.plan.carried) > 0 {
		lacks = slices.Repeat([]bool{true}, len(t.plan.carried))
	}
	if s.pins(lacks) {
		return false, nil
	}
	return t.read(s, lacks, []string{FutureAction}, func(allows, denies []box) (bool, error) {
		for i := range allows {
			if !t.plan.policy.Statements[allows[i].index].actions.open() {
				continue
			}
			for _, f := range t.plan.families {
				s.enterFamily(f)
				if found, err := t.futureIn(s, &allows[i], denies); found || err != nil {
					return found, err
				}
			}
		}
		return false, nil
	})
}

// futureIn asks whether an Allow admits an action that does not exist yet, on
// the family of resources that the space is in.
func (t *trial) futureIn(s *space, allow *box, denies []box) (bool, error) {
	x := search{space: s, steps: &t.steps}
	if found, err := x.find(allow); err != nil || !found {
		return false, err
	}
	name, covering, ok, err := t.futureName(s, allow, denies)
	if err != nil || !ok {
		return false, err
	}
	x = search{space: s, denies: covering, steps: &t.steps}
	if found, err := x.find(allow); err != nil || !found {
		return false, err
	}
	witness, err := x.witness([]string{name})
	if err != nil {
		return false, err
	}
	t.grants = append(t.grants, Admission{
		Actions: []string{FutureAction}, Allow: allow.pointer, Conditions: allow.labels(),
		Network: s.world.network(netset.Set{}, false), Witness: witness,
	})
	return true, nil
}

// allowsFuture reports whether some Allow covers more actions than it lists.
func (p *plan) allowsFuture() bool {
	return slices.ContainsFunc(p.policy.Statements, func(s Statement) bool { return s.Effect == Allow && s.actions.open() })
}

// open reports whether an Action element covers more than a list of names.
func (l actionList) open() bool {
	return l.not || slices.ContainsFunc(l.patterns, func(p string) bool { return strings.ContainsAny(p, "*?") })
}

// futureName returns an unused action name that the Allow covers, and the
// denials that cover it too. Denials that need not cover it are avoided.
func (t *trial) futureName(s *space, allow *box, denies []box) (string, []*box, bool, error) {
	statements, service := t.plan.policy.Statements, t.plan.target.Service+":"
	clauses := []glob.Clause{
		{Any: []glob.Pattern{glob.Join(glob.Literal(service), glob.Repeat(letters, 1), glob.Run(letters))}},
		statements[allow.index].actions.clause(),
	}
	// That the Allow covers none of the service's names at all is soon found out,
	// without looking at the hundreds that are taken.
	if _, ok, err := glob.Find(clauses, s.budget); err != nil || !ok {
		return "", nil, false, err
	}
	clauses = append(clauses, glob.Clause{Any: t.plan.actionNames(), Not: true})
	suggestions := []string{service + "futureaction"}
	for _, p := range statements[allow.index].actions.patterns {
		suggestions = append(suggestions, strings.TrimRight(p, "*")+"futureaction")
	}
	var covering []*box
	for i := range denies {
		c := statements[denies[i].index].actions.clause()
		c.Not = !c.Not
		if _, ok, err := glob.Find(append(slices.Clone(clauses), c), s.budget, suggestions...); err != nil {
			return "", nil, false, err
		} else if ok {
			clauses = append(clauses, c)
			continue
		}
		covering = append(covering, &denies[i])
	}
	name, ok, err := glob.Find(clauses, s.budget, suggestions...)
	return name, covering, ok, err
}

const letters = glob.Digit | glob.Hex | glob.Lower

// actionNames are the names that an unknown action cannot have.
func (p *plan) actionNames() []glob.Pattern {
	if p.used != nil {
		return p.used
	}
	for _, a := range p.actions {
		p.used = append(p.used, glob.Literal(a.folded))
	}
	if p.service != nil {
		for _, a := range p.service.Actions {
			p.used = append(p.used, glob.Literal(p.target.Service+":"+a.Folded))
		}
	}
	return p.used
}

func (l actionList) clause() glob.Clause {
	c := glob.Clause{Not: l.not}
	for _, p := range l.patterns {
		c.Any = append(c.Any, glob.Like(p))
	}
	return c
}
