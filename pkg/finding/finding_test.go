package finding

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/resource"
)

// Waivers, histories and other people's trackers hold on to these: an id that
// changes is a finding that was fixed and found again.
func TestIDsAreStable(t *testing.T) {
	for _, c := range []struct {
		policy string
		store  resource.ID
		want   string
	}{
		{"bucket-public-read", "arn:aws:s3:::tconnect-telemetry", "e6b8a5e53f33738c"},
		{"bucket-public-read", "arn:aws:s3:::dealer-inspections", "ea29e8d7290eb5d7"},
		{"bucket-public-write", "arn:aws:s3:::tconnect-telemetry", "782b587d5ad235fb"},
	} {
		if got := NewID(c.policy, c.store); got != c.want {
			t.Errorf("%s about %s: %s, want %s", c.policy, c.store, got, c.want)
		}
	}
}

// Where the policy's name ends and the store's begins is part of the identity.
func TestIDsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z-]{0,4}`)
		p, q := text.Draw(t, "policy"), text.Draw(t, "other policy")
		s, u := text.Draw(t, "store"), text.Draw(t, "other store")
		if equal := p == q && s == u; equal != (NewID(p, resource.ID(s)) == NewID(q, resource.ID(u))) {
			t.Fatalf("%q about %q and %q about %q", p, s, q, u)
		}
	})
}

func TestSeverityWords(t *testing.T) {
	for i, word := range []string{"info", "low", "medium", "high", "critical"} {
		s, err := ParseSeverity(word)
		if err != nil || s != Severity(i) || s.String() != word {
			t.Errorf("%s: %v (%d), %v", word, s, s, err)
		}
		text, err := json.Marshal(s)
		var back Severity
		if err != nil || json.Unmarshal(text, &back) != nil || back != s {
			t.Errorf("%s reads back from %s as %v", word, text, back)
		}
	}
	if !(Info < Low && Low < Medium && Medium < High && High < Critical) {
		t.Error("the severities are out of order: --fail-on compares them")
	}
}

func TestUnknownSeverity(t *testing.T) {
	const want = `read severity: "severe" is none of ["info" "low" "medium" "high" "critical"]`
	if _, err := ParseSeverity("severe"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	var s Severity
	if err := json.Unmarshal([]byte(`"HIGH"`), &s); err == nil {
		t.Errorf("HIGH is read as %v", s)
	}
	// A severity that is none is at worst overstated.
	if got := Severity(99).String(); got != "critical" {
		t.Errorf("what is no severity is spelt %q", got)
	}
}

func TestCoverageComplete(t *testing.T) {
	for state, want := range map[State]bool{Complete: true, Partial: false, Refused: false, Skipped: false, "": false} {
		if got := (Coverage{State: state}).Complete(); got != want {
			t.Errorf("%q is complete: %t", state, got)
		}
	}
}
