package hierarchy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/role"
)

// closure is how far an action is closed to strangers: by which rules, to whom
// all the same, and why that is not certain.
type closure struct {
	closed   bool
	spared   bool // named principals get through
	policies []string
	doubts   []string
	because  []resource.Evidence
}

// judgeDenials adds the guards that deny rules are, and what stays open of them.
// An action is closed where every permission that gives it is denied: by one
// policy, or by several together.
func (f *finder) judgeDenials(r *resource.Resource, all []denial) {
	actions := slices.DeleteFunc(resource.Actions(), func(a resource.Action) bool { return len(role.Granting(f.guarded.Store, a)) == 0 })
	if len(actions) == 0 && len(all) > 0 {
		f.doubt(r, getDenyCall, "deny policies are about everybody, and which permissions let into "+f.guarded.Store+" is not known", resource.Shield{
			On: f.guarded.all(), Cap: resource.Nobody,
		})
	}
	var guards, doubts groups
	for _, a := range actions {
		sure, possible := f.sureClosures(all, a), f.close(all, a, maybe)
		for _, c := range sure {
			guards.add(c, a)
		}
		if possible.closed && !asTight(sure, possible) {
			doubts.add(possible, a)
		}
	}
	for _, g := range guards {
		f.addClosure(r, g)
	}
	for _, g := range doubts {
		f.addDoubt(r, g)
	}
}

// sureClosures returns the ways in which an action is closed for certain: one for
// each policy that does it alone, and one of all of them where only they do, or
// only they spare nobody.
func (f *finder) sureClosures(all []denial, a resource.Action) []closure {
	var found []closure
	for _, policy := range policiesOf(all) {
		own := slices.DeleteFunc(slices.Clone(all), func(d denial) bool { return d.policy != policy })
		if c := f.close(own, a, yes); c.closed {
			found = append(found, c)
		}
	}
	if together := f.close(all, a, yes); together.closed && !asTight(found, together) {
		found = append(found, together)
	}
	return found
}

// asTight reports whether one of the closures spares nobody but whom c spares.
func asTight(all []closure, c closure) bool {
	return slices.ContainsFunc(all, func(other closure) bool { return c.spared || !other.spared })
}

func policiesOf(all []denial) []string {
	var names []string
	for i := range all {
		names = append(names, all[i].policy)
	}
	return union(nil, names)
}

// close closes an action with the rules that deny at least this surely.
func (f *finder) close(all []denial, a resource.Action, least verdict) closure {
	var c closure
	for _, permission := range role.Granting(f.guarded.Store, a) {
		best, v, at := tightest(all, role.DenyName(permission), least)
		switch {
		case best == nil && least == yes:
			return closure{}
		case best == nil:
			c.doubts = union(c.doubts, []string{"not every permission that gives it is denied, and which of them a grant comes with is not looked at"})
			continue
		}
		c.closed = true
		c.spared = c.spared || best.spared
		c.policies = union(c.policies, []string{best.policy})
		if v == maybe {
			c.doubts = union(c.doubts, []string{best.why()})
		}
		c.because = union(c.because, []resource.Evidence{best.evidence(at)})
	}
	return c
}

// tightest returns, of the rules that deny a permission at least this surely,
// one that spares nobody if there is one, and of those the surest. A permission
// that deny policies do not support has no name there, and none denies it.
func tightest(all []denial, permission string, least verdict) (best *denial, v verdict, at int) {
	if permission == "" {
		return nil, no, -1
	}
	for i := range all {
		d := &all[i]
		own, place := d.denies(permission)
		if own < least {
			continue
		}
		if best == nil || best.spared && !d.spared || best.spared == d.spared && own > v {
			best, v, at = d, own, place
		}
	}
	return best, v, at
}

func (d *denial) why() string {
	if d.doubt == "" {
		return "one of its permissions has a form that is not known"
	}
	return d.doubt
}

func (d *denial) evidence(at int) resource.Evidence {
	e := d.from
	if at >= 0 {
		e.Pointer += "/deniedPermissions/" + strconv.Itoa(at)
		e.Quote = d.denied[at]
	}
	return e
}

// groups are closures that say the same of several actions.
type groups []group

type group struct {
	closure
	can []resource.Action
}

func (g *groups) add(c closure, a resource.Action) {
	for i := range *g {
		other := &(*g)[i]
		if other.spared == c.spared && slices.Equal(other.policies, c.policies) && slices.Equal(other.doubts, c.doubts) {
			other.can = append(other.can, a)
			other.because = union(other.because, c.because)
			return
		}
	}
	*g = append(*g, group{c, []resource.Action{a}})
}

// name is what an owner calls the policies.
func (g *group) name() string {
	if len(g.policies) == 1 {
		return "deny policy " + g.policies[0]
	}
	return "deny policies " + strings.Join(g.policies, " and ")
}

// terms returns whom a closure still lets through, and on which channels it
// stands at all: who is named may be among those that are spared.
func (g *group) terms(of Guarded) (limit resource.Audience, on []resource.Channel) {
	if g.spared {
		return resource.Outsiders(), of.open()
	}
	return resource.Nobody, of.all()
}

func (f *finder) addClosure(r *resource.Resource, g group) {
	limit, on := g.terms(f.guarded)
	disputed := func(c resource.Channel) bool { return slices.Contains(f.guarded.Disputed, c) }
	f.guard(r, resource.Guard{
		Name: g.name(), On: slices.DeleteFunc(slices.Clone(on), disputed), Can: g.can, Cap: limit, Because: g.because,
	})
	f.doubt(r, getDenyCall, g.name()+" denies this to everybody; whether it stops what IAM does not grant is not documented", resource.Shield{
		On: slices.DeleteFunc(slices.Clone(on), func(c resource.Channel) bool { return !disputed(c) }), Can: g.can, Cap: limit,
	})
	if g.spared {
		f.doubt(r, getDenyCall, g.name()+" spares some principals; whether these are the owner's own, and whether those that are let in by name are among them, was not decided", resource.Shield{
			On: f.guarded.all(), Can: g.can, Cap: resource.Nobody,
		})
	}
}

func (f *finder) addDoubt(r *resource.Resource, g group) {
	limit, on := g.terms(f.guarded)
	f.doubt(r, getDenyCall, g.name()+" may deny this to everybody: "+strings.Join(g.doubts, "; "), resource.Shield{On: on, Can: g.can, Cap: limit})
}
