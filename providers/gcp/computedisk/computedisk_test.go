package computedisk

import (
	"slices"
	"testing"
)

// TestTake reads what no loopback cloud answers: warnings of the whole listing,
// and of a place that has disks all the same.
func TestTake(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		found  []string
		lost   []string
		failed bool
	}{
		"nothing": {answer: `{}`},
		"empty places": {
			answer: `{"items":{"zones/a":{"warning":{"code":"NO_RESULTS_ON_PAGE"}}}}`,
		},
		"places in order": {
			answer: `{"items":{"zones/b":{"disks":[{"selfLink":"https://c/v1/projects/p/zones/b/disks/d"}]},"regions/a":{"disks":[{"selfLink":"https://c/v1/projects/p/regions/a/disks/d"}]}}}`,
			found:  []string{"projects/p/regions/a/disks/d", "projects/p/zones/b/disks/d"},
		},
		"a place that was read in part": {
			answer: `{"items":{"zones/a":{"disks":[{"selfLink":"https://c/v1/projects/p/zones/a/disks/d"}],"warning":{"code":"UNREACHABLE"}}}}`,
			found:  []string{"projects/p/zones/a/disks/d"}, lost: []string{"zones/a"},
		},
		"a warning that nobody knows": {
			answer: `{"items":{"zones/a":{"warning":{"code":"TOMORROW"}}}}`, lost: []string{"zones/a"},
		},
		"places that are a list": {answer: `{"items":[]}`, failed: true},
		"disks that are a text":  {answer: `{"items":{"zones/a":{"disks":"d"}}}`, failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			entries, lost, err := take([]byte(c.answer))
			if (err != nil) != c.failed {
				t.Fatalf("error %v", err)
			}
			var found []string
			for i := range entries {
				found = append(found, entries[i].Name)
			}
			if !slices.Equal(found, c.found) || !slices.Equal(lost, c.lost) {
				t.Errorf("found %q, lost %q; want %q, %q", found, lost, c.found, c.lost)
			}
		})
	}
}
