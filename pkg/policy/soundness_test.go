package policy

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

var (
	channels = []resource.Channel{"acl", "policy", "limited-policy"}
	actions  = []resource.Action{resource.Read, resource.Write, resource.TakeOver}
	people   = []string{"210987654321", "345678901234", "999999999999"}
)

// requirements are of every shape that the language allows.
var requirements = [][]string{
	{"require: exposure.level < level.tenant"},
	{"require: exposure.level != level.tenant", "looks: {can: [read], via: [acl, policy]}"},
	{"require: exposure.level != level.shared || exposure.named.all(a, a in config.trusted_accounts)"},
	{"require: exposure.named.exists(a, a in config.trusted_accounts)", "looks: {can: [write]}"},
	{"require: exposure.latent < level.tenant"},
	{"require: exposure.latent > exposure.level && exposure.level < level.public"},
	{"require: exposure.level < level.tenant || settings.block_complete", "needs: [block_complete]"},
	{`require: "settings.block_complete ? settings.cipher == \"aes\" : exposure.level == level.private"`, "needs: [block_complete, cipher]"},
	{`require: "settings.cipher != \"aes\" && exposure.latent >= level.public"`, "needs: [cipher]"},
}

// TestGapsNeverDecide is the promise of the package: what a policy concludes
// from a store with unanswered questions is unknown, or is what it concludes
// whatever the answers turn out to be.
func TestGapsNeverDecide(t *testing.T) {
	var sets []*Set
	for _, lines := range requirements {
		sets = append(sets, mustLoad(t, lines...).with(Config{TrustedAccounts: people[:1]}))
	}
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SampledFrom(sets).Draw(t, "policy")
		open := anyStore(t)
		told := answered(t, open)
		before, f := outcome(set, open)
		after, _ := outcome(set, told)
		if before != finding.Unknown && before != after {
			t.Fatalf("%s: %s with gaps, %s when they are answered\nwith gaps: %+v\nanswered:  %+v",
				set.Policies()[0].Require, before, after, open, told)
		}
		if (before == finding.Unknown) != (len(f.Missing) > 0) {
			t.Fatalf("%s: %s, with %d questions missing: %+v", set.Policies()[0].Require, before, len(f.Missing), open)
		}
		if after == finding.Unknown && len(told.Gaps) == 0 && !slices.Contains(set.rules[0].require.reads, readNamed) {
			t.Fatalf("%s: unknown, though nothing is missing: %+v", set.Policies()[0].Require, told)
		}
	})
}

// TestVerdictRunAgrees holds the same for a run that does not ask everything:
// whatever a policy that asks on all channels says there, the full run says.
func TestVerdictRunAgrees(t *testing.T) {
	var sets []*Set
	for _, lines := range requirements {
		sets = append(sets, mustLoad(t, append([]string{"asks: all"}, lines...)...))
	}
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SampledFrom(sets).Draw(t, "policy")
		store := anyStore(t)
		shallow, _ := outcome(set.For(Verdict), store)
		deep, _ := outcome(set.For(Full), store)
		if shallow != deep {
			t.Fatalf("%s at depth verdict, %s at depth full: %+v", shallow, deep, store)
		}
	})
}

// TestWantedUntilDecided holds that skipping what Wants declines costs nothing:
// a store whose unasked questions are all declined has a decided outcome.
func TestWantedUntilDecided(t *testing.T) {
	var sets []*Set
	for _, lines := range requirements {
		sets = append(sets, mustLoad(t, append([]string{"asks: all"}, lines...)...).For(Verdict))
	}
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SampledFrom(sets).Draw(t, "policy")
		store := anyStore(t)
		for i := range store.Gaps {
			store.Gaps[i].Reason = resource.NotAsked
		}
		got, _ := outcome(set, store)
		wanted := slices.ContainsFunc(store.Gaps, func(g resource.Gap) bool { return set.Wants(store, g) })
		if got == finding.Unknown && !wanted && len(store.Gaps) > 0 && !lacksUnexplained(set, store) {
			t.Fatalf("%s is unknown, and no question is wanted: %+v", set.Policies()[0].Require, store)
		}
	})
}

// lacksUnexplained reports whether no gap would give what the policy lacks.
func lacksUnexplained(set *Set, store *resource.Resource) bool {
	_, f := outcome(set, store)
	return slices.ContainsFunc(f.Missing, func(g resource.Gap) bool { return g.Call == "policy:sample" })
}

func anyStore(t *rapid.T) *resource.Resource {
	return bucket(func(b *resource.Resource) {
		b.Grants = rapid.SliceOfN(rapid.Custom(anyGrant), 0, 3).Draw(t, "grants")
		b.Guards = rapid.SliceOfN(rapid.Custom(anyGuard), 0, 2).Draw(t, "guards")
		b.Gaps = rapid.SliceOfN(rapid.Custom(anyGap), 0, 2).Draw(t, "gaps")
		if !gapNames(b.Gaps, "block_complete") {
			b.Set("block_complete", rapid.Bool().Draw(t, "block_complete"), resource.Evidence{})
		}
		if !gapNames(b.Gaps, "cipher") {
			b.Set("cipher", rapid.SampledFrom([]string{"aes", "des"}).Draw(t, "cipher"), resource.Evidence{})
		}
		for i := range b.Gaps {
			b.Gaps[i].Call += string(rune('A' + i))
		}
	})
}

func anyAudience(t *rapid.T) resource.Audience {
	a := resource.Audience{
		Reach:      resource.Reach(rapid.IntRange(0, 4).Draw(t, "reach")),
		Credential: resource.Credential(rapid.IntRange(0, 3).Draw(t, "credential")),
	}
	if a.Reach > resource.ReachPrivate && a.Credential == resource.CredentialNamed {
		a.Named = rapid.SliceOfNDistinct(rapid.SampledFrom(people), 1, 2, rapid.ID).Draw(t, "named")
	}
	return a
}

// within draws an audience no wider than another.
func within(t *rapid.T, limit resource.Audience) resource.Audience {
	return anyAudience(t).Meet(limit)
}

func someOf[T comparable](t *rapid.T, from []T, label string) []T {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID).Draw(t, label)
}

func anyGrant(t *rapid.T) resource.Grant {
	return grant(anyAudience(t), rapid.SampledFrom(channels).Draw(t, "via"), someOf(t, actions, "can")...)
}

func anyGuard(t *rapid.T) resource.Guard {
	return resource.Guard{Name: rapid.SampledFrom([]string{"g", "h"}).Draw(t, "name"), On: someOf(t, channels, "on"), Cap: anyAudience(t)}
}

func anyGap(t *rapid.T) resource.Gap {
	g := resource.Gap{Call: "s3:Get", Reason: rapid.SampledFrom([]resource.Reason{resource.Denied, resource.NotAsked}).Draw(t, "reason")}
	for range rapid.IntRange(0, 2).Draw(t, "hides") {
		g.Hides = append(g.Hides, resource.Hidden{Via: rapid.SampledFrom(channels).Draw(t, "via"), To: anyAudience(t)})
	}
	for range rapid.IntRange(0, 1).Draw(t, "shields") {
		g.Shields = append(g.Shields, resource.Shield{On: someOf(t, channels, "on"), Cap: anyAudience(t)})
	}
	g.Settings = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"block_complete", "cipher"}), 0, 2, rapid.ID).Draw(t, "settings")
	return g
}

// answered returns the store after an answer to every question: each hidden
// grant is there, narrower or not at all, each shield stands, wider or not at
// all.
func answered(t *rapid.T, open *resource.Resource) *resource.Resource {
	told := *open
	told.Grants = slices.Clone(open.Grants)
	told.Guards = slices.Clone(open.Guards)
	told.Gaps = nil
	told.Settings = map[string]resource.Setting{"block_complete": {Value: rapid.Bool().Draw(t, "block_complete")}, "cipher": {Value: "des"}}
	for name, s := range open.Settings {
		told.Settings[name] = s
	}
	for _, g := range open.Gaps {
		for _, h := range g.Hides {
			if rapid.Bool().Draw(t, "hidden") {
				told.Grants = append(told.Grants, grant(within(t, h.To), h.Via, someOf(t, actions, "can")...))
			}
		}
		for _, s := range g.Shields {
			if rapid.Bool().Draw(t, "shielded") {
				told.Guards = append(told.Guards, resource.Guard{Name: rapid.SampledFrom([]string{"g", "i"}).Draw(t, "name"), On: s.On, Cap: wider(t, s.Cap)})
			}
		}
	}
	return &told
}

func wider(t *rapid.T, than resource.Audience) resource.Audience {
	a := anyAudience(t)
	return resource.Audience{Reach: max(a.Reach, than.Reach), Credential: max(a.Credential, than.Credential)}
}

// BenchmarkEvaluate measures one store under as many policies as ship, most of
// them about exposure alone. The figure to watch is ns/policy.
func BenchmarkEvaluate(b *testing.B) {
	var rules []*rule
	for _, lines := range requirements {
		rules = append(rules, mustLoad(b, lines...).rules...)
	}
	for _, c := range []struct {
		name  string
		store *resource.Resource
		rules []*rule
	}{
		{"level/private", between(exposure.Private, exposure.Private), rules[:2]},
		{"level/undecided", between(exposure.Private, exposure.Public), rules[:2]},
		{"mixed/private", between(exposure.Private, exposure.Private), rules},
		{"mixed/undecided", between(exposure.Private, exposure.Public), rules},
	} {
		b.Run(c.name, func(b *testing.B) {
			set := &Set{rules: c.rules, depth: Full}
			c.store.Set("block_complete", true, resource.Evidence{})
			c.store.Set("cipher", "aes", resource.Evidence{})
			a := exposure.Assess(c.store)
			b.ReportAllocs()
			for b.Loop() {
				if got := set.Evaluate(c.store, &a); len(got) != len(c.rules) {
					b.Fatal(len(got))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(c.rules)), "ns/policy")
		})
	}
}

// BenchmarkWants measures the question that is asked after every answer.
func BenchmarkWants(b *testing.B) {
	set := mustLoad(b, "asks: [acl, policy]", "looks: {can: [read]}").For(Verdict)
	store := between(exposure.Private, exposure.Public)
	b.ReportAllocs()
	for b.Loop() {
		set.Wants(store, store.Gaps[0])
	}
}
