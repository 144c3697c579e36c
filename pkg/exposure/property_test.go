package exposure

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/resource"
)

// TestLosingAnAnswerWidens is the promise of the package: when an answer is
// lost, and its grant or guard becomes a gap that could hide it, the verdict
// still contains the one that was, whatever part of the store is looked at.
func TestLosingAnAnswerWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, v := anyStore(t), anyView(t)
		poorer, gap := lose(t, store)
		if poorer == nil {
			t.Skip("nothing to lose")
		}
		before, after := v.Assess(store), v.Assess(poorer)
		// A view may leave out what was never asked on channels of its choice.
		if gap.Reason == resource.NotAsked {
			everywhere := v
			everywhere.Asks = nil
			before.Range, after.Range = everywhere.Range(store), everywhere.Range(poorer)
		}
		if !after.Range.Contains(before.Range) {
			t.Fatalf("view %+v: %v became %v without %+v\nwith:    %+v\nwithout: %+v", v, before.Range, after.Range, gap, store, poorer)
		}
		if gap.Reason != resource.NotAsked && !after.Settled.Contains(before.Settled) {
			t.Fatalf("view %+v: settled %v became %v without %+v\nwith:    %+v\nwithout: %+v", v, before.Settled, after.Settled, gap, store, poorer)
		}
	})
}

// lose replaces one grant or guard of the store by a gap that could hide it.
func lose(t *rapid.T, store *resource.Resource) (*resource.Resource, resource.Gap) {
	facts := len(store.Grants) + len(store.Guards)
	if facts == 0 {
		return nil, resource.Gap{}
	}
	poorer := *store
	gap := resource.Gap{Call: "lost", Reason: anyReason(t)}
	if i := rapid.IntRange(0, facts-1).Draw(t, "lost"); i < len(store.Grants) {
		g := store.Grants[i]
		poorer.Grants = slices.Delete(slices.Clone(store.Grants), i, i+1)
		gap.Hides = []resource.Hidden{{Via: g.Via, To: join(g.To, anyAudience(t)), Can: orEverything(t, g.Can)}}
	} else {
		i -= len(store.Grants)
		g := store.Guards[i]
		poorer.Guards = slices.Delete(slices.Clone(store.Guards), i, i+1)
		can := g.Can
		if len(can) > 0 {
			can = orEverything(t, can)
		}
		gap.Shields = []resource.Shield{{On: union(g.On, some(t, channels, "also on")), Can: can, Cap: g.Cap.Meet(anyAudience(t))}}
	}
	poorer.Gaps = append(slices.Clone(store.Gaps), gap)
	return &poorer, gap
}

// TestRangeIsNeverInverted holds that nothing is proven that is not possible.
func TestRangeIsNeverInverted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := anyStore(t)
		a := anyView(t).Assess(store)
		ranges := []Range{a.Range, a.Settled}
		for _, p := range a.Paths {
			ranges = append(ranges, p.Range)
		}
		for _, r := range ranges {
			if r.Least > r.Most {
				t.Fatalf("at least %v, at most %v: %+v", r.Least, r.Most, store)
			}
		}
		if !a.Contains(a.Settled) {
			t.Fatalf("settled as %v within %v: %+v", a.Settled, a.Range, store)
		}
		for _, l := range a.Latent {
			if l.Level <= a.Least || len(l.Without) == 0 {
				t.Fatalf("%v is latent in a store that is %v: %+v", l, a.Range, store)
			}
		}
	})
}

// TestGuardsNeverRaise holds that a guard can only make a store safer.
func TestGuardsNeverRaise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, v := anyStore(t), anyView(t)
		guarded := *store
		guarded.Guards = append(slices.Clone(store.Guards), anyGuard(t))
		before, after := v.Range(store), v.Range(&guarded)
		if after.Least > before.Least || after.Most > before.Most {
			t.Fatalf("%v became %v behind %+v: %+v", before, after, guarded.Guards[len(store.Guards)], store)
		}
	})
}

// TestNamedGuardsStopSomebody holds that whoever lifts the guards that a latent
// exposure names opens the store that far, and needs every one of them.
func TestNamedGuardsStopSomebody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := anyStore(t)
		for _, l := range Assess(store).Latent {
			if got := Assess(lift(store, l.Without...)).Least; got != l.Level {
				t.Fatalf("without %v it is %v, not %v: %+v", l.Without, got, l.Level, store)
			}
			for _, name := range l.Without {
				rest := slices.DeleteFunc(slices.Clone(l.Without), func(n string) bool { return n == name })
				if got := Assess(lift(store, rest...)).Least; got >= l.Level {
					t.Fatalf("%q of %v stops nobody: %+v", name, l.Without, store)
				}
			}
		}
	})
}

func lift(store *resource.Resource, names ...string) *resource.Resource {
	open := *store
	open.Guards = slices.DeleteFunc(slices.Clone(store.Guards), func(g resource.Guard) bool { return slices.Contains(names, g.Name) })
	return &open
}

// TestUnmatteringAnswersChangeNothing holds the promise of Matters: where it
// says no, the range stays as it is whatever the answer turns out to be.
func TestUnmatteringAnswersChangeNothing(t *testing.T) {
	unmattering := 0
	rapid.Check(t, func(t *rapid.T) {
		store, v := anyStore(t), anyView(t)
		if len(store.Gaps) == 0 {
			t.Skip("nothing to answer")
		}
		i := rapid.IntRange(0, len(store.Gaps)-1).Draw(t, "answered")
		if v.Matters(store, store.Gaps[i]) {
			return
		}
		unmattering++
		told := answer(t, v, store, i)
		if before, after := v.Range(store), v.Range(told); before != after {
			t.Fatalf("view %+v: %+v does not matter, and its answer made %v of %v\nbefore: %+v\nafter:  %+v",
				v, store.Gaps[i], after, before, store, told)
		}
	})
	if unmattering < 100 {
		t.Errorf("only %d answers did not matter: the property was hardly tried", unmattering)
	}
}

// answer replaces gap i by what may have been behind it: some of the grants it
// hides, some of the guards it shields, or nothing.
func answer(t *rapid.T, v View, store *resource.Resource, i int) *resource.Resource {
	told := *store
	told.Gaps = slices.Delete(slices.Clone(store.Gaps), i, i+1)
	told.Grants, told.Guards = slices.Clone(store.Grants), slices.Clone(store.Guards)
	gap := store.Gaps[i]
	for _, h := range gap.Hides {
		if v.counts(&gap, h.Via) && rapid.Bool().Draw(t, "let in") {
			told.Grants = append(told.Grants, resource.Grant{Via: h.Via, To: h.To.Meet(anyAudience(t)), Can: someOf(t, h.Can)})
		}
	}
	for _, s := range gap.Shields {
		if rapid.Bool().Draw(t, "guarded") {
			g := resource.Guard{Name: "answer", On: some(t, s.On, "on"), Can: s.Can, Cap: join(s.Cap, anyAudience(t))}
			if rapid.Bool().Draw(t, "for some actions") {
				g.Can = someOf(t, s.Can)
			}
			told.Guards = append(told.Guards, g)
		}
	}
	return &told
}

// TestSomethingMattersUntilDecided holds that a run which asks only what
// matters is never stuck: as long as the range is open, some answer counts.
func TestSomethingMattersUntilDecided(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, v := anyStore(t), anyView(t)
		if v.Range(store).Decided() {
			return
		}
		if !slices.ContainsFunc(store.Gaps, func(g resource.Gap) bool { return v.Matters(store, g) }) {
			t.Fatalf("view %+v: %v, and no answer matters: %+v", v, v.Range(store), store)
		}
	})
}

// TestWhatProvesMatters holds that the questions which are moved to the front
// are among those that would be asked anyway.
func TestWhatProvesMatters(t *testing.T) {
	proving := 0
	rapid.Check(t, func(t *rapid.T) {
		store, v := anyStore(t), anyView(t)
		for _, g := range store.Gaps {
			if !v.Proves(store, g) {
				continue
			}
			proving++
			if !v.Matters(store, g) {
				t.Fatalf("view %+v: %+v proves something and does not matter: %+v", v, g, store)
			}
		}
	})
	if proving < 20 {
		t.Errorf("only %d questions proved something: the property was hardly tried", proving)
	}
}

// TestAssessIsPure holds that judging leaves no trace: not in the store, and
// not in the spare room behind its slices, which others may share.
func TestAssessIsPure(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, v := roomy(anyStore(t)), anyView(t)
		before := roomy(store)
		first := v.Assess(store)
		for _, g := range store.Gaps {
			v.Matters(store, g)
			v.Proves(store, g)
		}
		if diff := cmp.Diff(before, store); diff != "" {
			t.Fatalf("judging changed the store (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(before.Guards[:cap(before.Guards)], store.Guards[:cap(store.Guards)]); diff != "" {
			t.Fatalf("judging wrote behind the store's guards (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(first, v.Assess(store)); diff != "" {
			t.Fatalf("judging twice gives two verdicts (-first +second):\n%s", diff)
		}
	})
}

// roomy copies a store into slices with room to spare.
func roomy(store *resource.Resource) *resource.Resource {
	copied := *store
	copied.Grants = append(make([]resource.Grant, 0, len(store.Grants)+3), store.Grants...)
	copied.Guards = append(make([]resource.Guard, 0, len(store.Guards)+3), store.Guards...)
	copied.Gaps = append(make([]resource.Gap, 0, len(store.Gaps)+3), store.Gaps...)
	return &copied
}

// The random stores are small, so that everything meets everything.
var (
	channels = []resource.Channel{acl, policy}
	actions  = []resource.Action{resource.List, resource.Read, resource.AnyAction}
	reasons  = []resource.Reason{resource.NotAsked, resource.Denied, resource.Throttled, resource.Failed, resource.Malformed, resource.Undecided}
)

func anyStore(t *rapid.T) *resource.Resource {
	return &resource.Resource{
		Grants: rapid.SliceOfN(rapid.Custom(anyGrant), 0, 3).Draw(t, "grants"),
		Guards: rapid.SliceOfN(rapid.Custom(anyGuard), 0, 3).Draw(t, "guards"),
		Gaps:   rapid.SliceOfN(rapid.Custom(anyGap), 0, 4).Draw(t, "gaps"),
	}
}

func anyView(t *rapid.T) View {
	return View{Can: few(t, actions, "view can"), Via: few(t, channels, "view via"), Asks: few(t, channels, "view asks")}
}

// anyAudience prefers the two ends, where the verdicts are.
func anyAudience(t *rapid.T) resource.Audience {
	return rapid.OneOf(
		rapid.SampledFrom([]resource.Audience{resource.Nobody, resource.Anyone, resource.AnyTenant}),
		rapid.SampledFrom(audiences()),
	).Draw(t, "audience")
}

func anyGrant(t *rapid.T) resource.Grant {
	return resource.Grant{To: anyAudience(t), Via: rapid.SampledFrom(channels).Draw(t, "via"), Can: some(t, actions, "can")}
}

func anyGuard(t *rapid.T) resource.Guard {
	name := rapid.SampledFrom([]string{"g", "h", "i"}).Draw(t, "name")
	return resource.Guard{Name: name, On: some(t, channels, "on"), Can: few(t, actions, "guard can"), Cap: anyAudience(t)}
}

func anyReason(t *rapid.T) resource.Reason { return rapid.SampledFrom(reasons).Draw(t, "reason") }

// anyGap may repeat a call: an answer that decides only part leaves a gap of
// the same name behind.
func anyGap(t *rapid.T) resource.Gap {
	return resource.Gap{
		Call: rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "call"), Reason: anyReason(t),
		Hides:   rapid.SliceOfN(rapid.Custom(anyHidden), 0, 2).Draw(t, "hides"),
		Shields: rapid.SliceOfN(rapid.Custom(anyShield), 0, 2).Draw(t, "shields"),
	}
}

func anyHidden(t *rapid.T) resource.Hidden {
	return resource.Hidden{Via: rapid.SampledFrom(channels).Draw(t, "via"), To: anyAudience(t), Can: few(t, actions, "hidden can")}
}

func anyShield(t *rapid.T) resource.Shield {
	return resource.Shield{On: some(t, channels, "on"), Can: few(t, actions, "shield can"), Cap: anyAudience(t)}
}

// some draws at least one of them, few perhaps none.
func some[T comparable](t *rapid.T, from []T, label string) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID).Draw(t, label)
}

func few[T comparable](t *rapid.T, from []T, label string) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, len(from), rapid.ID).Draw(t, label)
}

// someOf draws some of the actions, where none means all of them.
func someOf(t *rapid.T, can []resource.Action) []resource.Action {
	if len(can) == 0 {
		can = actions
	}
	return some(t, can, "some actions")
}

// orEverything widens a list of actions: as it is, with more, or to everything.
func orEverything(t *rapid.T, can []resource.Action) []resource.Action {
	if rapid.Bool().Draw(t, "everything") {
		return nil
	}
	return union(can, few(t, actions, "more actions"))
}

// join is the narrowest audience that holds both.
func join(a, b resource.Audience) resource.Audience {
	return resource.Audience{Reach: max(a.Reach, b.Reach), Credential: max(a.Credential, b.Credential)}
}

func union[T comparable](a, b []T) []T {
	all := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}
