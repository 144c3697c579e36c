package resource

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAudienceWords(t *testing.T) {
	text, err := json.Marshal([]Audience{Nobody, Outsiders("210987654321"), AnyTenant, Anyone, {Reach: ReachProvider}, {Reach: ReachBroad}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"reach":"private","credential":"own"},` +
		`{"reach":"listed","credential":"named","named":["210987654321"]},` +
		`{"reach":"internet","credential":"any-tenant"},` +
		`{"reach":"internet","credential":"none"},` +
		`{"reach":"provider","credential":"own"},` +
		`{"reach":"broad","credential":"own"}]`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("audiences in JSON (-want +got):\n%s", diff)
	}
}

// A word from a newer andon, or a typo, must not be taken for the safest one.
func TestUnknownWordsAreErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"reach":"everywhere","credential":"none"}`: `read reach: "everywhere" is none of ["private" "listed" "provider" "broad" "internet"]`,
		`{"reach":"internet","credential":"None"}`:   `read credential: "None" is none of ["own" "named" "any-tenant" "none"]`,
		`{"reach":"","credential":"none"}`:           `read reach: "" is none of ["private" "listed" "provider" "broad" "internet"]`,
	} {
		var a Audience
		if err := json.Unmarshal([]byte(text), &a); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
	if got := Reach(9).String() + " " + Credential(9).String(); got != "unknown(9) unknown(9)" {
		t.Errorf("what is no word is spelt %q", got)
	}
}

// TestMeetIsALattice holds the laws that let guards be applied in any order and
// any number of times.
func TestMeetIsALattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyAudience(t), anyAudience(t), anyAudience(t)
		laws := map[string]bool{
			"a guard never lets in more": a.Meet(b).Within(a) && a.Meet(b).Within(b),
			"nothing wider would do":     !c.Within(a) || !c.Within(b) || c.Within(a.Meet(b)),
			"idempotent":                 same(a.Meet(a), a),
			"commutative":                same(a.Meet(b), b.Meet(a)),
			"associative":                same(a.Meet(b).Meet(c), a.Meet(b.Meet(c))),
			"everybody passes Anyone":    same(a.Meet(Anyone), a),
			"nobody passes Nobody":       same(a.Meet(Nobody), Nobody),
			"within itself":              a.Within(a),
			"within is transitive":       !a.Within(b) || !b.Within(c) || a.Within(c),
			"within both ways is equal":  !a.Within(b) || !b.Within(a) || same(a, b),
		}
		for law, holds := range laws {
			if !holds {
				t.Errorf("%s: broken by %v, %v, %v", law, a, b, c)
			}
		}
	})
}

// Names stay with those who are let in, and vanish with them.
func TestMeetKeepsNames(t *testing.T) {
	supplier := Outsiders("210987654321")
	if got := supplier.Meet(AnyTenant); !cmp.Equal(got, supplier) {
		t.Errorf("behind a guard that lets them pass: %v", got)
	}
	if got := supplier.Meet(Nobody); !cmp.Equal(got, Nobody) {
		t.Errorf("behind a guard that stops them: %v", got)
	}
}

func same(a, b Audience) bool { return a.Reach == b.Reach && a.Credential == b.Credential }

func anyAudience(t *rapid.T) Audience {
	return Audience{
		Reach:      Reach(rapid.IntRange(0, int(ReachInternet)).Draw(t, "reach")),
		Credential: Credential(rapid.IntRange(0, int(CredentialNone)).Draw(t, "credential")),
		Named:      rapid.SliceOfN(anyText(), 0, 2).Draw(t, "named"),
	}
}

// anyText is what owners name things with, which is anything.
func anyText() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\n", "\u2028", `"}`, "</script>", "\x00", "ü"}))
}
