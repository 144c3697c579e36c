package storagebucket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/providers/gcp/storagebucket"
)

// TestBudget holds what a run asks about one bucket that only decides who is let
// in: nothing of its own behind effective public access prevention, two questions
// about one that turns out private, and never more than three. The figures are
// those of the recordings' want sections, which the conformance suite measures.
func TestBudget(t *testing.T) {
	recordings, err := conformance.ReadFolder("testdata")
	if err != nil {
		t.Fatal(err)
	}
	groups := make(map[int]int)
	for _, r := range recordings {
		for _, store := range strings.Split("\n"+r.Want, "\ngcp.storage.bucket ")[1:] {
			name, facts, _ := strings.Cut(store, " ")
			if strings.HasPrefix(facts, "gone") {
				continue
			}
			most := 3
			switch {
			case strings.Contains(facts, "public_access_prevention_effective=true"):
				most = 0
			case strings.Contains(facts, "range=private settled=private") && !strings.Contains(facts, "latent"):
				most = 2
			}
			groups[most]++
			if asked := calls(t, facts); asked > most {
				t.Errorf("%s: bucket %s costs %d calls, want at most %d", r.Name, name, asked, most)
			}
		}
	}
	if storagebucket.Kind.Budget != 3 || groups[0] == 0 || groups[2] == 0 || groups[3] == 0 {
		t.Errorf("the budget is %d, and the recordings hold %v buckets by what they may cost", storagebucket.Kind.Budget, groups)
	}
}

func calls(t *testing.T, facts string) int {
	t.Helper()
	_, after, found := strings.Cut(facts, " calls=")
	var n int
	if _, err := fmt.Sscan(after, &n); !found || err != nil {
		t.Fatalf("no calls in %q: %v", facts, err)
	}
	return n
}
