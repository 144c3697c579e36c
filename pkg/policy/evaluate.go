package policy

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// Evaluate concludes every policy of the set that applies to the store, sorted
// by policy. The assessment is the store's own, over all channels and actions.
// A store that is gone has no findings.
func (s *Set) Evaluate(store *resource.Resource, a *exposure.Assessment) []finding.Finding {
	if store.Gone {
		return nil
	}
	rules := s.plan(store).rules
	found := make([]finding.Finding, 0, len(rules))
	for _, c := range rules {
		if f, ok := s.find(c, store, a); ok {
			found = append(found, f)
		}
	}
	return s.withoutUnasked(found)
}

// withoutUnasked leaves out what is open only because nobody asked, where the
// store already fails a policy that is at least as severe: a run of depth
// Verdict spends its calls on proving that, and the store is not green.
func (s *Set) withoutUnasked(found []finding.Finding) []finding.Finding {
	if s.depth != Verdict {
		return found
	}
	worst, failed := finding.Info, false
	for i := range found {
		if found[i].Outcome == finding.Fail {
			worst, failed = max(worst, found[i].Severity), true
		}
	}
	return slices.DeleteFunc(found, func(f finding.Finding) bool {
		return failed && f.Outcome == finding.Unknown && f.Severity <= worst && allNotAsked(f.Missing)
	})
}

func (s *Set) find(r candidate, store *resource.Resource, a *exposure.Assessment) (finding.Finding, bool) {
	v := r.view(s.depth)
	c, applies := s.judge(r, store, v)
	if !applies {
		return finding.Finding{}, false
	}
	f := finding.Finding{
		ID:       finding.NewID(r.ID, store.ID),
		Policy:   r.ID,
		Title:    r.Title,
		Severity: r.Severity,
		Outcome:  c.outcome,
		Exposure: c.exposure,
		Settings: read(r.Needs, store.Settings),
		Why:      r.Why,
	}
	if c.outcome == finding.Unknown {
		f.Missing = r.missing(store, v, &c)
		if s.depth == Verdict && !r.Drives && allNotAsked(f.Missing) {
			return finding.Finding{}, false
		}
	}
	if c.outcome != finding.Pass {
		f.Fix = r.Fix[store.Kind]
	}
	prove(&f, store, v, a)
	return f, true
}

// judge concludes one rule about one store, and says whether the rule is about
// the store at all. When that itself is open, so is the outcome.
func (s *Set) judge(r candidate, store *resource.Resource, v exposure.View) (c conclusion, applies bool) {
	if !r.certain {
		w := world{resource: store, config: &s.config, unknown: lacking(r.scopeDoubts, store)}
		a := r.applies.ask(&w)
		if !a.known() {
			return conclusion{finding.Unknown, v.Range(store), a.waits, a.trouble}, true
		}
		if !a.holds {
			return conclusion{}, false
		}
	}
	return r.conclude(store, v, v.Range(store), &s.config), true
}

// prove adds the paths, guards and latent levels of the view.
func prove(f *finding.Finding, store *resource.Resource, v exposure.View, a *exposure.Assessment) {
	if len(store.Grants) > 0 {
		if a == nil || len(v.Can)+len(v.Via) > 0 {
			seen := v.Assess(store)
			a = &seen
		}
		f.Paths, f.Latent = a.Paths, a.Latent
	}
	for i := range store.Guards {
		if g := &store.Guards[i]; metBy(g, f.Paths) || holdsBack(g, store.Gaps, v) {
			f.Guards = append(f.Guards, *g)
		}
	}
}

func metBy(g *resource.Guard, paths []exposure.Path) bool {
	return slices.ContainsFunc(paths, func(p exposure.Path) bool {
		return slices.Contains(p.Guards, g.Name) && slices.Contains(g.On, p.Grant.Via)
	})
}

// holdsBack reports whether the guard narrows what an unanswered question may
// hide: it is why nobody had to ask.
func holdsBack(g *resource.Guard, gaps []resource.Gap, v exposure.View) bool {
	for i := range gaps {
		for _, h := range gaps[i].Hides {
			seen := len(v.Via) == 0 || slices.Contains(v.Via, h.Via)
			if seen && slices.Contains(g.On, h.Via) && !h.To.Within(g.Cap) {
				return true
			}
		}
	}
	return false
}

func read(names []string, settings map[string]resource.Setting) map[string]resource.Setting {
	if len(names) == 0 {
		return nil
	}
	known := make(map[string]resource.Setting, len(names))
	for _, name := range names {
		if s, ok := settings[name]; ok {
			known[name] = s
		}
	}
	return known
}

func allNotAsked(gaps []resource.Gap) bool {
	return !slices.ContainsFunc(gaps, func(g resource.Gap) bool { return g.Reason != resource.NotAsked })
}

// Wants reports whether asking the question behind a gap is worth a call: at
// depth Full always; at depth Verdict when a driving policy applies to the
// store, is not settled yet, and the answer could move it. It is called after
// every answer, and evaluates nothing where the levels alone decide.
func (s *Set) Wants(store *resource.Resource, gap resource.Gap) bool {
	if s.depth == Full {
		return true
	}
	return slices.ContainsFunc(s.plan(store).drivers, func(r candidate) bool { return s.wants(r, store, gap) })
}

// Decides reports whether the run set out to decide the store's exposure: at
// depth Full always; at depth Verdict when a driving policy applies to it. Of a
// store that no such policy is about, what nobody asked is not known.
func (s *Set) Decides(store *resource.Resource) bool {
	if s.depth == Full {
		return true
	}
	return slices.ContainsFunc(s.plan(store).drivers, func(r candidate) bool {
		_, applies := s.judge(r, store, r.view(s.depth))
		return applies
	})
}

// Concerns reports whether any policy of the set may be about stores of a kind.
func (s *Set) Concerns(kind resource.Kind, class resource.Class) bool {
	return len(s.plan(&resource.Resource{Kind: kind, Class: class}).rules) > 0
}

func (s *Set) wants(r candidate, store *resource.Resource, gap resource.Gap) bool {
	v := r.view(s.depth)
	settled := !r.exposed || v.Range(store).Decided()
	c, applies := s.judge(r, store, v)
	if !applies || settled && c.outcome != finding.Unknown {
		return false
	}
	if r.exposed && v.Matters(store, gap) {
		return true
	}
	return slices.ContainsFunc(c.waits, func(fact string) bool {
		return fact != readLevel && explains(store, v, gap, fact)
	})
}

// Proves reports whether the question behind a gap could settle the worst that
// is already known of the store, for a driving policy at depth Verdict. Such
// questions are asked before others that are wanted as well.
func (s *Set) Proves(store *resource.Resource, gap resource.Gap) bool {
	if s.depth == Full {
		return false
	}
	return slices.ContainsFunc(s.plan(store).drivers, func(r candidate) bool {
		v := r.view(s.depth)
		if !v.Proves(store, gap) {
			return false
		}
		_, applies := s.judge(r, store, v)
		return applies
	})
}

// candidate is a rule that may be about a store; certain is set when kind and
// class alone say that it is.
type candidate struct {
	*rule
	certain bool
}

// plan says which rules may be about the stores of one kind and class.
type plan struct {
	rules   []candidate
	drivers []candidate
}

// plans remembers the plan of each kind and class. Readers never wait.
type plans struct {
	made atomic.Pointer[map[planKey]*plan]
}

type planKey struct {
	kind  resource.Kind
	class resource.Class
}

// maxPlans keeps a hostile inventory from growing the memory without bound.
const maxPlans = 1024

func (s *Set) plan(store *resource.Resource) *plan {
	key := planKey{store.Kind, store.Class}
	made := s.plans.made.Load()
	if made != nil {
		if p, ok := (*made)[key]; ok {
			return p
		}
	}
	p := s.newPlan(key)
	grown := map[planKey]*plan{key: p}
	if made != nil {
		if len(*made) >= maxPlans {
			return p
		}
		maps.Copy(grown, *made)
	}
	s.plans.made.CompareAndSwap(made, &grown) // a lost race costs making the plan again
	return p
}

// newPlan leaves out the rules that no store of the kind and class can be
// subject to.
func (s *Set) newPlan(key planKey) *plan {
	p := new(plan)
	store := resource.Resource{Kind: key.kind, Class: key.class}
	for _, r := range s.rules {
		c := candidate{rule: r}
		if r.static {
			a := r.applies.ask(&world{resource: &store, config: &s.config})
			if a.known() && !a.holds {
				continue
			}
			c.certain = a.known()
		}
		p.rules = append(p.rules, c)
		if r.Drives {
			p.drivers = append(p.drivers, c)
		}
	}
	return p
}
