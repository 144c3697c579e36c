package conformance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/collect/conformance"
)

// TestCorrectCollectorPasses shows that the suite asks for nothing impossible.
func TestCorrectCollectorPasses(t *testing.T) { conformance.Run(t, toySuite(t, none)) }

// TestEachFlawBreaksItsPromise shows that the suite would notice: each flawed
// collector breaks the promise it should, and no other.
func TestEachFlawBreaksItsPromise(t *testing.T) {
	var broken []string
	for _, c := range []struct {
		flaw   flaw
		breaks string
	}{
		{forgetsGrants, "verdict"},
		{countsRuns, "deterministic"},
		{swallowsRefusals, "refusal widens"},
		{losesRefused, "refusal widens"},
		{listsQuietly, "refused listing is loud"},
		{losesTheFirstPages, "refused listing is loud"},
		{readsOnePage, "paging"},
		{givesUp, "throttling"},
		{isDeaf, "cancellation"},
		{lingers, "cancellation"},
		{hangs, "cancellation"},
		{peeks, "read-only"},
		{declaresCalls, "read-only"},
		{declaresSettings, "declared"},
		{inventsSettings, "declared"},
		{citesNothing, "evidence"},
		{citesElsewhere, "evidence"},
		{misquotes, "evidence"},
		{repeatsHeaders, "no secrets"},
		{repeatsPasswords, "no secrets"},
		{trustsWords, "unknown words"},
		{trustsHalfAnswers, "malformed answers"},
		{trustsHalfListings, "malformed answers"},
		{crashes, "malformed answers"},
	} {
		t.Run(string(c.flaw), func(t *testing.T) {
			breaches, err := conformance.Breaches(t.Context(), toySuite(t, c.flaw))
			if err != nil {
				t.Fatal(err)
			}
			if len(breaches) == 0 {
				t.Fatalf("nothing is noticed; %s should be broken", c.breaks)
			}
			for promise, words := range breaches {
				if promise != c.breaks {
					t.Errorf("%s is broken, and should not be: %s", promise, strings.Join(words, "\n"))
				}
			}
		})
		broken = append(broken, c.breaks)
	}
	for _, promise := range conformance.Promises() {
		if !slices.Contains(broken, promise) {
			t.Errorf("no flaw shows that %q would be noticed", promise)
		}
	}
}
