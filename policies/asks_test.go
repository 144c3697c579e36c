package policies_test

import (
	"slices"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/policies"
	"github.com/andon-audit/andon/providers"
)

// silent are the channels on which a policy does not ask although it looks there,
// with the reason, by policy and channel.
var silent = map[string]map[resource.Channel]string{
	"bucket-public-metadata": blocked, "bucket-public-read": blocked, "bucket-public-write": blocked,
}

// blocked is about bucket policies, which are asked for on the channel "policy"
// wherever they could be public. Behind a block of public policies there remain
// those that AWS does not call public, or may not: to ask for them there would cost
// a call for each bucket that is blocked. See ARCHITECTURE.md, "Unasked and refused".
var blocked = map[resource.Channel]string{
	"limited-policy":  "AWS does not call such a policy public",
	"disputed-policy": "AWS may not call such a policy public",
}

// TestAsksWhereItLooks: a policy that lists the channels on which it asks would pass
// a store that is open by another one, in the default depth, without a word. For
// every question of every kind, what a refusal leaves unknown is asked for.
func TestAsksWhereItLooks(t *testing.T) {
	set := load(t, policies.FS).For(policy.Verdict)
	missed := make(map[string]map[resource.Channel]bool)
	for _, k := range providers.Kinds() {
		for _, p := range set.Policies() {
			if len(p.Asks) == 0 {
				continue
			}
			for via, call := range unasked(set, p, k) {
				if missed[p.ID] == nil {
					missed[p.ID] = make(map[resource.Channel]bool)
				}
				missed[p.ID][via] = true
				if silent[p.ID][via] == "" {
					t.Errorf("%s does not ask on %q, where %s of %s may hide what it looks for", p.ID, via, call, k.Name)
				}
			}
		}
	}
	for id, channels := range silent {
		for via := range channels {
			if !missed[id][via] {
				t.Errorf("%s has nothing to ask for on %q, and a reason why it does not", id, via)
			}
		}
	}
}

// unasked returns the questions of a kind, by channel, whose refusal leaves a policy
// undecided, and which it passes where nobody asks them.
func unasked(set *policy.Set, p policy.Policy, k *collect.Kind) map[resource.Channel]string {
	found := make(map[resource.Channel]string)
	for _, read := range k.Reads {
		for _, hidden := range k.Question(read.Call, nil).Hides {
			outcome := func(why resource.Reason) finding.Outcome {
				return outcomeOf(set, p.ID, &resource.Resource{
					ID: "store", Kind: k.Name, Class: k.Class,
					Gaps: []resource.Gap{{Call: read.Call, Reason: why, Hides: []resource.Hidden{hidden}}},
				})
			}
			if outcome(resource.Denied) == finding.Unknown && outcome(resource.NotAsked) == finding.Pass {
				found[hidden.Via] = read.Call
			}
		}
	}
	return found
}

// outcomeOf is what one policy says of a store.
func outcomeOf(set *policy.Set, id string, store *resource.Resource) finding.Outcome {
	a := exposure.Assess(store)
	found := set.Evaluate(store, &a)
	i := slices.IndexFunc(found, func(f finding.Finding) bool { return f.Policy == id })
	if i < 0 {
		return policy.None
	}
	return found[i].Outcome
}

// TestLooksEverywhere: what policies over buckets look for is told on every channel
// of every such kind, but for those that they are not about.
func TestLooksEverywhere(t *testing.T) {
	set := load(t, policies.FS).For(policy.Full)
	stranger := resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNamed, Named: []string{"999999999999"}}
	for id, c := range map[string]struct {
		to    resource.Audience
		block bool
		not   []resource.Channel
	}{
		"bucket-latent-public":    {resource.Anyone, true, []resource.Channel{"next-container"}},
		"bucket-shared-outsiders": {stranger, false, []resource.Channel{"next-container", "network"}},
	} {
		for _, k := range providers.Kinds() {
			if k.Class != "bucket" {
				continue
			}
			for via := range k.Channels {
				store := &resource.Resource{
					ID: "store", Kind: k.Name, Class: k.Class,
					Grants: []resource.Grant{{Via: via, To: c.to, Can: []resource.Action{resource.Read}}},
				}
				if c.block {
					store.Guards = []resource.Guard{{Name: "block", On: []resource.Channel{via}, Cap: resource.Nobody}}
				}
				want := finding.Fail
				if slices.Contains(c.not, via) {
					want = finding.Pass
				}
				if got := outcomeOf(set, id, store); got != want {
					t.Errorf("%s: %s on %q: %s, want %s", id, k.Name, via, got, want)
				}
			}
		}
	}
}
