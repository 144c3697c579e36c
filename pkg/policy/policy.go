// Package policy turns assessed stores into findings. A policy is a YAML file
// with two CEL expressions (which stores it is about, what must hold for them)
// and with its own tests; [Load] reads a folder of them and [Set.Evaluate]
// applies them. Use it wherever a verdict has to become a pass, a failure or an
// open question that somebody can act on.
//
// It promises three things. A policy that loads cannot be silently dead: every
// field, setting, kind, class, channel and action it mentions exists and has
// the right type, and it carries an example that passes, one that fails and one
// that stays unknown. An outcome is sound: a policy passes only if it holds for
// every level the store may still have and for every value a setting that was
// not read may still have, and fails only if it holds for none; everything else
// is unknown and names the questions that would decide it. And it is bounded:
// an expression that could run long is refused at load, one that does run long
// is unknown.
package policy

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// Depth says which run a policy belongs to.
type Depth string

// The depths. A run of depth Verdict asks only what decides exposure; a run of
// depth Full asks everything and evaluates every policy.
const (
	Verdict Depth = "verdict"
	Full    Depth = "full"
)

// ParseDepth reads the word of a depth.
func ParseDepth(word string) (Depth, error) {
	if d := Depth(word); d == Verdict || d == Full {
		return d, nil
	}
	return "", fmt.Errorf("read depth: %q is none of %q", word, []Depth{Verdict, Full})
}

// Policy is one policy file as it was written.
type Policy struct {
	ID       string           `json:"id"`
	Title    string           `json:"title"`
	Severity finding.Severity `json:"severity"`
	// Depth is the shallowest run that evaluates the policy.
	Depth Depth `json:"depth"`
	// Applies says in CEL which stores the policy is about.
	Applies string `json:"applies"`
	// Can and Via are the actions and channels that "exposure" talks about in
	// Require. Empty means all.
	Can []resource.Action  `json:"can,omitempty"`
	Via []resource.Channel `json:"via,omitempty"`
	// Drives is set when the policy is worth API calls in a run of depth
	// Verdict, on the channels in Asks (empty: on all). There a policy that
	// does not drive is evaluated on what others asked, and left out where
	// nobody asked.
	Drives bool               `json:"drives"`
	Asks   []resource.Channel `json:"asks,omitempty"`
	// Require says in CEL what must hold.
	Require string `json:"require"`
	// Needs are the settings the expressions read, sorted.
	Needs []string `json:"needs,omitempty"`
	// Why says in one sentence what is at stake, Fix how to repair each kind.
	Why string                   `json:"why"`
	Fix map[resource.Kind]string `json:"fix,omitempty"`
	// Families link the policy to the controls of compliance frameworks.
	Families []string  `json:"families,omitempty"`
	Examples []Example `json:"examples"`
}

// view is the part of a store that the policy looks at in a run of depth d.
func (p *Policy) view(d Depth) exposure.View {
	v := exposure.View{Can: p.Can, Via: p.Via}
	if d == Verdict {
		v.Asks = p.Asks
	}
	return v
}

// rule is a policy ready to run.
type rule struct {
	Policy
	applies *expression
	require *expression
	// static is set when applies depends on nothing but kind and class,
	// exposed when require looks at the exposure.
	static, exposed bool
	// scopeDoubts and doubts are the facts that applies and require may lack.
	scopeDoubts, doubts []doubt
	foreseen            *foresight
}

// Set is a group of policies that are evaluated together, at one depth. It
// never changes once made and is safe for concurrent use.
type Set struct {
	rules  []*rule // sorted by id
	depth  Depth
	config Config
	plans  plans
}

// Policies returns the policies of the set, sorted by id.
func (s *Set) Policies() []Policy {
	all := make([]Policy, len(s.rules))
	for i, r := range s.rules {
		all[i] = r.Policy
	}
	return all
}

// Depth returns the depth at which the set evaluates.
func (s *Set) Depth() Depth { return s.depth }

// For returns the policies that a run of depth d evaluates.
func (s *Set) For(d Depth) *Set {
	return s.keep(d, func(r *rule) bool { return d == Full || r.Depth == Verdict })
}

// Select returns the policies whose id matches one of the patterns, in which
// "*" and "?" have their usual meaning. A pattern that matches none is an
// error, so that a misspelt one cannot quietly switch a check off.
func (s *Set) Select(patterns ...string) (*Set, error) {
	var problems []error
	chosen := make(map[string]bool)
	for _, pattern := range patterns {
		matched, err := s.match(pattern)
		if err != nil {
			problems = append(problems, err)
		}
		for _, id := range matched {
			chosen[id] = true
		}
	}
	return s.keep(s.depth, func(r *rule) bool { return chosen[r.ID] }), errors.Join(problems...)
}

func (s *Set) match(pattern string) ([]string, error) {
	var ids, matched []string
	for _, r := range s.rules {
		ids = append(ids, r.ID)
		ok, err := path.Match(pattern, r.ID)
		if err != nil {
			return nil, fmt.Errorf("select policies: %q is not a pattern: %w", pattern, err)
		}
		if ok {
			matched = append(matched, r.ID)
		}
	}
	if len(matched) == 0 {
		return nil, fmt.Errorf("select policies: no policy is called %q%s", pattern, suggest(pattern, ids))
	}
	return matched, nil
}

// keep returns a new set of depth d with the rules that pass.
func (s *Set) keep(d Depth, pass func(*rule) bool) *Set {
	kept := &Set{depth: d, config: s.config}
	for _, r := range s.rules {
		if pass(r) {
			kept.rules = append(kept.rules, r)
		}
	}
	return kept
}

// with returns the set under another configuration.
func (s *Set) with(c Config) *Set {
	return &Set{rules: slices.Clip(s.rules), depth: s.depth, config: c}
}
