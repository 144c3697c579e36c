package s3bucket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/providers/aws/s3bucket"
)

// TestBudget holds what a run asks about one bucket that only decides who is let
// in: nothing behind the account's full block, one question behind the bucket's
// own, and never more than four. The figures are those of the recordings' want
// sections, which the conformance suite measures.
func TestBudget(t *testing.T) {
	recordings, err := conformance.ReadFolder("testdata")
	if err != nil {
		t.Fatal(err)
	}
	groups := make(map[int]int)
	for _, r := range recordings {
		for _, store := range strings.Split(r.Want, "aws.s3.bucket ")[1:] {
			name, facts, _ := strings.Cut(store, " ")
			if strings.HasPrefix(facts, "gone") {
				continue
			}
			most := 4
			switch {
			case strings.Contains(facts, "account_block_complete=true"):
				most = 0
			case strings.Contains(facts, "bucket_block_complete=true"):
				most = 1
			}
			groups[most]++
			if asked := calls(t, facts); asked > most {
				t.Errorf("%s: bucket %s costs %d calls, want at most %d", r.Name, name, asked, most)
			}
		}
	}
	if s3bucket.Kind.Budget != 4 || groups[0] == 0 || groups[1] == 0 || groups[4] == 0 {
		t.Errorf("the budget is %d, and the recordings hold %v buckets by what they may cost", s3bucket.Kind.Budget, groups)
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
