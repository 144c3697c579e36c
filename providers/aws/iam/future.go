package iam

import (
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

// future asks for an action that the service does not have yet, when no known
// one is admitted.
func (t *trial) future(s *space) (bool, error) {
	if t.plan.target.Service == "" {
		return false, nil
	}
	for i := range s.allows {
		allow := &s.allows[i]
		if !t.plan.policy.Statements[allow.index].actions.open() {
			continue
		}
		for f := range t.plan.families {
			s.enterFamily(t.plan.families[f])
			x := search{space: s, steps: &t.steps}
			if found, err := x.find(allow); err != nil || !found {
				if err != nil {
					return false, err
				}
				continue
			}
			name, denies, ok, err := t.futureName(s, allow)
			if err != nil {
				return false, err
			}
			if !ok {
				continue
			}
			x = search{space: s, denies: denies, steps: &t.steps}
			found, err := x.find(allow)
			if err != nil {
				return false, err
			}
			if !found {
				continue
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
	}
	return false, nil
}

// open reports whether an Action element covers more than a list of names.
func (l actionList) open() bool {
	return l.not || slices.ContainsFunc(l.patterns, func(p string) bool { return strings.ContainsAny(p, "*?") })
}

// futureName returns an unused action name that the Allow covers, and the
// denials that cover it too. Denials that need not cover it are avoided.
func (t *trial) futureName(s *space, allow *box) (string, []*box, bool, error) {
	statements, service := t.plan.policy.Statements, t.plan.target.Service+":"
	clauses := []glob.Clause{
		{Any: []glob.Pattern{glob.Join(glob.Literal(service), glob.Repeat(letters, 1), glob.Run(letters))}},
		{Any: t.plan.actionNames(), Not: true},
		statements[allow.index].actions.clause(),
	}
	suggestions := []string{service + "futureaction"}
	for _, p := range statements[allow.index].actions.patterns {
		suggestions = append(suggestions, strings.TrimRight(p, "*")+"futureaction")
	}
	var covering []*box
	for i := range s.denies {
		c := statements[s.denies[i].index].actions.clause()
		c.Not = !c.Not
		if _, ok, err := glob.Find(append(slices.Clone(clauses), c), s.budget, suggestions...); err != nil {
			return "", nil, false, err
		} else if ok {
			clauses = append(clauses, c)
			continue
		}
		covering = append(covering, &s.denies[i])
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
