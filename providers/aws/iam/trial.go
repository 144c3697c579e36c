package iam

import (
	"cmp"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

// trial collects what is found over the worlds of a class.
type trial struct {
	plan    *plan
	steps   int
	budget  *glob.Budget
	grants  []Admission
	missing missing
	reasons []string
	closed  []string
}

// enter decides one world. Every uncertain rule is read against the stranger
// first; then with policy variables fixed to one value; and where that lets
// nobody in, with every uncertain rule read for the stranger.
func (t *trial) enter(w *world) {
	if !w.invited() {
		return
	}
	t.plan.bound = t.plan.bound[:0]
	narrow := w.compile(t.budget)
	found, err := t.explore(narrow)
	switch {
	case err != nil:
		t.undecided(err.Error())
	case found:
		t.doubt(w, narrow)
	case !narrow.uncertain():
		t.explain(narrow)
	case !t.enterPinned(*w):
		t.enterWide(w, narrow)
	}
}

// enterPinned decides a world with policy variables fixed to one value. It
// reports false when that lets nobody in.
func (t *trial) enterPinned(w world) bool {
	if !w.pin() {
		return false
	}
	found, err := t.explore(w.compile(t.budget))
	if err != nil {
		t.undecided(err.Error())
	}
	return found || err != nil
}

// enterWide decides a world with every uncertain rule read for the stranger. Who
// gets in only so is undecided.
func (t *trial) enterWide(w *world, narrow *space) {
	wide, other, found, err := t.widely(w)
	if err != nil {
		t.undecided(err.Error())
		return
	}
	if !found && len(other.reasons) == 0 {
		t.explain(wide)
		return
	}
	for _, n := range slices.Concat(narrow.notes, wide.notes) {
		t.undecided(n.pointer + ": " + n.reason)
	}
	for _, reason := range slices.Concat(other.reasons, other.missing.reasons(t.plan)) {
		t.undecided(reason)
	}
	if len(t.reasons) == 0 {
		t.undecided("the policy names actions that the service reference does not list")
	}
}

// widely explores a world with every uncertain rule read for the stranger. What
// it finds is kept apart, in a trial of its own.
func (t *trial) widely(w *world) (wide *space, other *trial, found bool, err error) {
	generous := *w
	generous.loose = true
	wide = generous.compile(t.budget)
	other = &trial{plan: t.plan, steps: t.steps, budget: t.budget}
	found, err = other.explore(wide)
	t.steps = other.steps
	return wide, other, found, err
}

// doubt looks, where a class gets in for certain, for what else it could do if
// every uncertain rule were read for the stranger.
func (t *trial) doubt(w *world, narrow *space) {
	if !narrow.uncertain() {
		return
	}
	_, other, _, err := t.widely(w)
	if err != nil {
		t.undecided(err.Error())
		return
	}
	certain, possible := actionsOf(t.grants), actionsOf(other.grants)
	possible = slices.DeleteFunc(possible, func(action string) bool {
		_, ok := slices.BinarySearch(certain, action)
		return ok
	})
	if len(possible) == 0 {
		return
	}
	doubt := "it is not certain that the policy refuses " + enumerate(possible)
	if why := other.missing.reasons(t.plan); len(why) > 0 {
		doubt += ": " + strings.Join(why, ", ")
	}
	t.undecided(doubt)
}

// actionsOf lists the actions of admissions, sorted.
func actionsOf(grants []Admission) []string {
	var actions []string
	for _, g := range grants {
		actions = append(actions, g.Actions...)
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// undecided notes a reason. A few are as good as many.
func (t *trial) undecided(reason string) {
	if !slices.Contains(t.reasons, reason) && len(t.reasons) < 8 {
		t.reasons = append(t.reasons, reason)
	}
}

// uncertain reports whether the narrow reading differs from the wide one.
func (s *space) uncertain() bool {
	return len(s.notes) > 0 || s.world.plan.guesses
}

// explore decides every group of actions in one space.
func (t *trial) explore(s *space) (bool, error) {
	if len(s.allows) == 0 {
		return false, nil
	}
	found := false
	for i := range t.plan.groups {
		g := &t.plan.groups[i]
		if g.unlisted && !s.world.loose {
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
	if s.pins(g.lacks) {
		return false, nil
	}
	s.enterFamily(t.plan.families[g.family])
	return t.read(s, g.lacks, g.actions, func(allows, denies []box) (bool, error) {
		x := &t.plan.scratch
		x.allows = t.plan.appendAbout(x.allows[:0], allows, g)
		if len(x.allows) == 0 {
			return false, nil
		}
		slices.SortStableFunc(x.allows, func(a, b *box) int { return cmp.Compare(len(a.atoms), len(b.atoms)) })
		x.denies = t.plan.appendAbout(x.denies[:0], denies, g)
		return t.union(s, x.allows, x.denies, g.actions)
	})
}

// appendAbout adds the boxes whose statements are about a group of actions.
func (p *plan) appendAbout(to []*box, boxes []box, g *group) []*box {
	for i := range boxes {
		if p.about(boxes[i].index, g) {
			to = append(to, &boxes[i])
		}
	}
	return to
}

// read tries an answer that holds whether or not requests carry the keys that
// the reference does not list for their actions. The wide reading goes on to let
// the stranger choose, and remembers that it did.
func (t *trial) read(s *space, lacks []bool, actions []string, try func(allows, denies []box) (bool, error)) (bool, error) {
	found, err := try(eitherWay(s.allows, lacks), eitherWay(s.denies, lacks))
	if found || err != nil || lacks == nil || !s.world.loose {
		return found, err
	}
	defer s.spare(lacks)()
	if found, err = try(s.allows, s.denies); found {
		t.missing.add(t.plan, lacks, actions)
	}
	return found, err
}

// enterFamily makes the resource dimension range over one family of ARNs.
func (s *space) enterFamily(f arnFamily) {
	s.dims[0].dom = f.dom
}

// union finds requests until nothing is left outside the addresses and times
// that are known to work.
func (t *trial) union(s *space, allows, denies []*box, names []string) (bool, error) {
	var grant *Admission
	known := s.knownYet()
	for _, allow := range allows {
		for round := 0; grant == nil || !known.full(); round++ {
			if round == maxRounds {
				t.undecided(allow.pointer + ": more source addresses may be admitted")
				break
			}
			f := search{space: s, denies: denies, steps: &t.steps}
			if grant != nil {
				f.outside = known.outside()
			}
			found, err := f.find(allow)
			if err != nil && grant != nil {
				t.undecided(err.Error())
				break
			}
			if err != nil {
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
			known.add(&f, allow)
		}
	}
	if grant == nil {
		return false, nil
	}
	known.limit(grant)
	t.grants = append(t.grants, *grant)
	return true, nil
}

// maxRounds bounds how often one statement is asked for further addresses.
const maxRounds = 32

// labels spells the conditions in short.
func (b *box) labels() []string {
	var labels []string
	for _, a := range b.atoms {
		if a.asks != nil {
			labels = append(labels, a.asks.render())
		}
	}
	return labels
}
