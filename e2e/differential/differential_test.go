//go:build e2e

package differential

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/aws/iam"
)

const (
	seed             = 20260101
	policies         = 5000
	requestsOfPolicy = 12
	decided          = 3000 // policies whose decisions are checked
)

// The evaluator says what the simulator says about every pair, or a mask
// explains the difference.
func TestEvaluateAgreesWithTheSimulator(t *testing.T) {
	d := draw{rand.New(rand.NewPCG(seed, 1))}
	var pairs []pair
	for range policies {
		service := d.service()
		p := d.policy(service)
		for range requestsOfPolicy {
			pairs = append(pairs, pair{p, d.request(service, p)})
		}
	}
	c := newComparison(start(t))
	outcomes := make(map[iam.Effect]int)
	for i, a := range c.simulator.ask(t, pairs...) {
		if a.Error != "" {
			c.errors[a.Error]++
			continue
		}
		p := pairs[i]
		p.request = p.request.without(a.Ignored)
		ours := iam.Evaluate(p.policy.parse(t), p.request.Request)
		outcomes[ours]++
		c.compare(t, p, ours, a)
	}
	c.report(t)
	t.Logf("%d pairs are allowed, %d denied explicitly, %d implicitly", outcomes[iam.Allow], outcomes[iam.ExplicitDeny], outcomes[iam.ImplicitDeny])
	if len(c.errors) > 0 {
		t.Error("the simulator refuses pairs that it should judge")
	}
	for _, m := range masks {
		if c.masked[m.name] == 0 {
			t.Errorf("mask %q is stale: no difference needs it", m.name)
		}
	}
}

// Every witness of a decision is a request that the simulator allows too. It
// drops condition keys that the Service Authorization Reference does not list for
// the action, as no witness may rest on one.
func TestWitnessesAreAllowedByTheSimulator(t *testing.T) {
	d := draw{rand.New(rand.NewPCG(seed, 2))}
	var pairs []pair
	outcomes := make(map[iam.Outcome]int)
	starred := 0
	for range decided {
		service := d.service()
		p := d.policy(service)
		for _, decision := range iam.DecideAll(p.parse(t), service.target) {
			outcomes[decision.Outcome]++
			for _, grant := range decision.Grants {
				if grant.Actions[0] == iam.FutureAction {
					continue // the simulator knows today's actions
				}
				if strings.Contains(grant.Witness.Resource, "*") {
					starred++ // the simulator takes an object named "*" for every object
					continue
				}
				r := request{Request: grant.Witness}
				r.identify()
				pairs = append(pairs, pair{p, r.inMilliseconds()})
			}
		}
	}
	c := newComparison(start(t))
	for i, a := range c.simulator.ask(t, pairs...) {
		if a.Error != "" {
			c.errors[a.Error]++
			continue
		}
		p := pairs[i]
		p.request = p.request.without(a.Ignored)
		ours := iam.Evaluate(p.policy.parse(t), p.request.Request)
		if ours != iam.Allow {
			t.Errorf("the witness\n%s of\n%s rests on %v, which its action does not have", show(pairs[i].request), show(p.policy), a.Ignored)
		}
		c.compare(t, p, ours, a)
	}
	c.report(t)
	t.Logf("%d witnesses are about an object with a literal wildcard in its name, and were not compared", starred)
	t.Logf("%d witnesses of %d admissions (%d not admitted, %d undecided)", len(pairs), outcomes[iam.Admitted], outcomes[iam.NotAdmitted], outcomes[iam.Undecided])
}

// comparison counts what becomes of the pairs.
type comparison struct {
	simulator   *simulator
	agreed      int
	differed    int
	unexplained int
	masked      map[string]int
	errors      map[string]int
}

func newComparison(s *simulator) *comparison {
	return &comparison{simulator: s, masked: make(map[string]int), errors: make(map[string]int)}
}

// compare holds the simulator's answer to a pair against ours.
func (c *comparison) compare(t *testing.T, p pair, ours iam.Effect, a answer) {
	t.Helper()
	if ours == effects[a.Effect] {
		c.agreed++
		return
	}
	why := c.explain(t, p, ours)
	if len(why) > 0 {
		c.differed++
	} else if c.unexplained++; c.unexplained <= 5 {
		t.Errorf("the simulator says %s and the engine %s to\n%s by\n%s\nwithout %v", a.Effect, ours, show(p.request), show(p.policy), a.Ignored)
	}
	for _, m := range why {
		c.masked[m.name]++
	}
}

// explain returns the masks that a difference needs: with their repairs the
// simulator says what the engine says, and without any one of them it does not.
func (c *comparison) explain(t *testing.T, p pair, ours iam.Effect) []mask {
	t.Helper()
	needed := slices.DeleteFunc(slices.Clone(masks), func(m mask) bool {
		return show(repaired(t, p, []mask{m})) == show(p)
	})
	if len(needed) == 0 || !c.agrees(t, p, needed, ours) {
		return nil
	}
	for i := len(needed) - 1; i >= 0 && len(needed) > 1; i-- {
		if fewer := slices.Delete(slices.Clone(needed), i, i+1); c.agrees(t, p, fewer, ours) {
			needed = fewer
		}
	}
	return needed
}

func (c *comparison) agrees(t *testing.T, p pair, repairs []mask, ours iam.Effect) bool {
	t.Helper()
	a := c.simulator.ask(t, repaired(t, p, repairs))[0]
	return a.Error == "" && effects[a.Effect] == ours
}

// repaired returns the pair in words that the simulator understands. A repair
// that changes what the policy means to the evaluator is a mistake in the mask.
func repaired(t *testing.T, p pair, repairs []mask) pair {
	t.Helper()
	want := iam.Evaluate(p.policy.parse(t), p.request.Request)
	for _, m := range repairs {
		before := p.policy
		p.policy = before.clone()
		m.repair(&p.policy, p.request)
		if got := iam.Evaluate(p.policy.parse(t), p.request.Request); got != want {
			t.Fatalf("mask %q turns %s into %s for\n%s by\n%s\nwhich it makes\n%s", m.name, want, got, show(p.request), show(before), show(p.policy))
		}
	}
	return p
}

// report prints the counts, and fails when something is left unexplained.
func (c *comparison) report(t *testing.T) {
	t.Helper()
	var lines strings.Builder
	for _, m := range masks {
		fmt.Fprintf(&lines, "\n%7d  masked: %s\n%9s%s", c.masked[m.name], m.name, "", m.why)
	}
	for _, name := range slices.Sorted(maps.Keys(c.errors)) {
		fmt.Fprintf(&lines, "\n%7d  error: %s", c.errors[name], name)
	}
	t.Logf("%d pairs compared: %d agree, %d differ for a known reason, %d without one%s",
		c.agreed+c.differed+c.unexplained, c.agreed, c.differed, c.unexplained, &lines)
	if c.unexplained > 0 {
		t.Errorf("%d differences have no explanation", c.unexplained)
	}
}
