// Package exposure is the judge. [Assess] turns what a collector described
// (grants, guards, gaps) into a verdict: an interval of levels, the paths that
// prove it and what would open if one guard were lifted.
//
// It is pure: no I/O, no clock, no state; the same resource always gets the
// same assessment. It promises that losing an answer never makes a store look
// safer: replacing any grant or guard by the gap that could hide it gives a
// range that contains the old one (TestLosingAnAnswerWidens).
package exposure

import (
	"slices"

	"github.com/andon-audit/andon/pkg/resource"
)

// View restricts an assessment. An empty field means all.
type View struct {
	// Can are the actions looked at, Via the channels.
	Can []resource.Action
	Via []resource.Channel
	// Asks are the channels on which a question that was never asked counts as
	// open. A view that is not worth a call on some channel leaves it out here;
	// refused, throttled and malformed answers count everywhere.
	Asks []resource.Channel
}

// Path is one grant with the guards that met it.
type Path struct {
	Grant  resource.Grant `json:"grant"`
	Guards []string       `json:"guards,omitempty"`
	// Range is what this grant alone opens: Least after every guard that is
	// known or may exist, Most after the known ones.
	Range Range `json:"range"`
}

// Latent says what a store would be if guards were lifted: usually one; all
// the named ones where they stand behind each other.
type Latent struct {
	Without []string `json:"without"`
	Level   Level    `json:"level"`
}

// Assessment is the verdict over one store.
type Assessment struct {
	// Range counts every gap: what is proven and what is still possible.
	Range
	// Settled leaves out what questions that were never asked may hide in
	// addition. It is the verdict over what this run set out to decide;
	// refused, throttled and malformed answers still widen it. A run that did
	// not set out to decide the store has it as wide as Range.
	Settled Range    `json:"settled"`
	Paths   []Path   `json:"paths,omitempty"`
	Latent  []Latent `json:"latent,omitempty"`
}

// Assess judges a store over all its actions and channels.
func Assess(r *resource.Resource) Assessment { return View{}.Assess(r) }

// Assess judges the part of a store that the view shows.
func (v View) Assess(r *resource.Resource) Assessment {
	a := Assessment{Range: v.Range(r), Settled: v.settled(r)}
	for _, g := range r.Grants {
		if v.sees(g.Via) && v.overlaps(g.Can) {
			a.Paths = append(a.Paths, v.path(r, g))
		}
	}
	a.Latent = v.latent(r, a.Range)
	return a
}

// Range judges without the paths: the least and the most the store can be.
func (v View) Range(r *resource.Resource) Range {
	all := v.granted(r, r.Guards)
	for i := range r.Gaps {
		for _, h := range r.Gaps[i].Hides {
			if v.counts(&r.Gaps[i], h.Via) {
				all.Most = max(all.Most, v.hiddenLevel(h, r.Guards))
			}
		}
	}
	return all
}

func (v View) settled(r *resource.Resource) Range {
	v.Asks = []resource.Channel{""}
	return v.Range(r)
}

// granted joins what the known grants open behind the given guards.
func (v View) granted(r *resource.Resource, guards []resource.Guard) Range {
	var all Range
	for i := range r.Grants {
		all.join(v.grantRange(&r.Grants[i], guards, r.Gaps))
	}
	return all
}

func (v View) grantRange(g *resource.Grant, guards []resource.Guard, gaps []resource.Gap) Range {
	var all Range
	if !v.sees(g.Via) {
		return all
	}
	for _, action := range g.Can {
		if !v.wants(action) {
			continue
		}
		most := limit(g.To, guards, g.Via, action)
		least := most
		for i := range gaps {
			least = shield(least, gaps[i].Shields, g.Via, action)
		}
		all.join(Range{LevelOf(least), LevelOf(most)})
	}
	return all
}

// hiddenLevel is the worst that a hidden grant could be behind the guards that
// are known.
func (v View) hiddenLevel(h resource.Hidden, guards []resource.Guard) Level {
	if !v.sees(h.Via) {
		return Private
	}
	can := h.Can
	if len(can) == 0 {
		can = everything
	}
	worst := Private
	for _, action := range can {
		if v.wants(action) {
			worst = max(worst, LevelOf(limit(h.To, guards, h.Via, action)))
		}
	}
	return worst
}

var everything = resource.Actions()

// limit narrows an audience by every guard on the channel and action.
func limit(to resource.Audience, guards []resource.Guard, via resource.Channel, action resource.Action) resource.Audience {
	for i := range guards {
		if covers(guards[i].On, guards[i].Can, via, action) {
			to = to.Meet(guards[i].Cap)
		}
	}
	return to
}

func shield(to resource.Audience, shields []resource.Shield, via resource.Channel, action resource.Action) resource.Audience {
	for i := range shields {
		if covers(shields[i].On, shields[i].Can, via, action) {
			to = to.Meet(shields[i].Cap)
		}
	}
	return to
}

func covers(on []resource.Channel, can []resource.Action, via resource.Channel, action resource.Action) bool {
	return slices.Contains(on, via) && (len(can) == 0 || slices.Contains(can, action))
}

func (v View) sees(via resource.Channel) bool { return len(v.Via) == 0 || slices.Contains(v.Via, via) }

// counts reports whether what a gap hides on a channel is open to this view.
func (v View) counts(g *resource.Gap, via resource.Channel) bool {
	return g.Reason != resource.NotAsked || len(v.Asks) == 0 || slices.Contains(v.Asks, via)
}

func (v View) wants(action resource.Action) bool {
	return len(v.Can) == 0 || action == resource.AnyAction || slices.Contains(v.Can, action)
}

func (v View) overlaps(can []resource.Action) bool { return slices.ContainsFunc(can, v.wants) }

func (v View) path(r *resource.Resource, g resource.Grant) Path {
	p := Path{Grant: g, Range: v.grantRange(&g, r.Guards, r.Gaps)}
	for _, guard := range r.Guards {
		met := slices.ContainsFunc(g.Can, func(a resource.Action) bool {
			return v.wants(a) && covers(guard.On, guard.Can, g.Via, a) && !g.To.Within(guard.Cap)
		})
		if met && !slices.Contains(p.Guards, guard.Name) {
			p.Guards = append(p.Guards, guard.Name)
		}
	}
	return p
}

// latent lifts each named guard in turn. Where guards stand behind each other
// and lifting one opens nothing, it lifts all of them together.
func (v View) latent(r *resource.Resource, now Range) []Latent {
	var found []Latent
	names := closing(r.Guards)
	for _, name := range names {
		if level := v.without(r, name); level > now.Least {
			found = append(found, Latent{Without: []string{name}, Level: level})
		}
	}
	if len(found) == 0 && len(names) > 1 {
		if level := v.without(r, names...); level > now.Least {
			found = append(found, Latent{Without: v.needed(r, names, level), Level: level})
		}
	}
	return found
}

// needed drops the guards that need not be lifted to open the store to level.
func (v View) needed(r *resource.Resource, names []string, level Level) []string {
	for _, name := range names {
		others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
		if v.without(r, others...) == level {
			names = others
		}
	}
	return names
}

func (v View) without(r *resource.Resource, names ...string) Level {
	kept := make([]resource.Guard, 0, len(r.Guards))
	for _, g := range r.Guards {
		if !slices.Contains(names, g.Name) {
			kept = append(kept, g)
		}
	}
	return v.granted(r, kept).Least
}

// closing names the guards that stop somebody and could be lifted.
func closing(guards []resource.Guard) []string {
	var names []string
	for _, g := range guards {
		if len(g.On) > 0 && !resource.Anyone.Within(g.Cap) && !slices.Contains(names, g.Name) {
			names = append(names, g.Name)
		}
	}
	return names
}

// Matters reports whether answering gap could still change the range that the
// view shows of r: whether it may hide somebody worse than what is proven, or
// a guard in front of somebody who is (or may be) let in. It never says no
// when the answer could count, alone or together with other answers.
func (v View) Matters(r *resource.Resource, gap resource.Gap) bool {
	proven := v.Range(r).Least
	for _, h := range gap.Hides {
		if v.counts(&gap, h.Via) && v.hiddenLevel(h, r.Guards) > proven {
			return true
		}
	}
	return slices.ContainsFunc(gap.Shields, func(s resource.Shield) bool { return v.shieldMatters(r, gap, s, proven) })
}

func (v View) shieldMatters(r *resource.Resource, gap resource.Gap, s resource.Shield, proven Level) bool {
	for i := range r.Grants {
		if g := &r.Grants[i]; v.narrows(r, gap, s, door{g.Via, g.To, g.Can}, Private) {
			return true
		}
	}
	for i := range r.Gaps {
		for _, h := range r.Gaps[i].Hides {
			if v.counts(&r.Gaps[i], h.Via) && v.narrows(r, gap, s, doorOf(h), proven) {
				return true
			}
		}
	}
	return false
}

// door is somebody who is, or may be, let in.
type door struct {
	via resource.Channel
	to  resource.Audience
	can []resource.Action
}

func doorOf(h resource.Hidden) door {
	if len(h.Can) == 0 {
		return door{h.Via, h.To, everything}
	}
	return door{h.Via, h.To, h.Can}
}

// narrows reports whether the guard that s may stand for could lower how far a
// door opens, as far as that is above proven.
func (v View) narrows(r *resource.Resource, gap resource.Gap, s resource.Shield, d door, proven Level) bool {
	if !v.sees(d.via) || !slices.Contains(s.On, d.via) {
		return false
	}
	return slices.ContainsFunc(d.can, func(action resource.Action) bool {
		if !v.wants(action) || !covers(s.On, s.Can, d.via, action) {
			return false
		}
		open := LevelOf(limit(d.to, r.Guards, d.via, action))
		return open > max(proven, LevelOf(s.Cap)) && !v.opensAnyway(r, gap, s, d, action, open)
	})
}

// opensAnyway reports whether the door opens as far for another action, which s
// does not cover and which no answer could close without closing this one too.
func (v View) opensAnyway(r *resource.Resource, gap resource.Gap, s resource.Shield, d door, action resource.Action, open Level) bool {
	return slices.ContainsFunc(d.can, func(other resource.Action) bool {
		return v.wants(other) && !covers(s.On, s.Can, d.via, other) &&
			LevelOf(limit(d.to, r.Guards, d.via, other)) >= open &&
			!closesAlone(gap.Shields, d.via, other, action) &&
			!slices.ContainsFunc(r.Gaps, func(g resource.Gap) bool { return closesAlone(g.Shields, d.via, other, action) })
	})
}

// closesAlone reports whether one of the shields covers an action and not the other.
func closesAlone(shields []resource.Shield, via resource.Channel, action, other resource.Action) bool {
	return slices.ContainsFunc(shields, func(s resource.Shield) bool {
		return covers(s.On, s.Can, via, action) && !covers(s.On, s.Can, via, other)
	})
}

// Proves reports whether answering gap could settle the worst that the known
// grants already may open: a guard in front of them that nobody has looked for.
// Such a question comes before those that look for more grants, which could not
// make the store any worse.
func (v View) Proves(r *resource.Resource, gap resource.Gap) bool {
	known := v.granted(r, r.Guards)
	if known.Decided() || known.Most < v.Range(r).Most {
		return false
	}
	return slices.ContainsFunc(gap.Shields, func(s resource.Shield) bool {
		shielded := append(slices.Clip(r.Guards), resource.Guard{On: s.On, Can: s.Can, Cap: s.Cap})
		return v.mostGranted(r, shielded) < known.Most
	})
}

func (v View) mostGranted(r *resource.Resource, guards []resource.Guard) Level {
	most := Private
	for i := range r.Grants {
		most = max(most, v.grantRange(&r.Grants[i], guards, nil).Most)
	}
	return most
}
