package document

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/report/reporttest"
)

func TestStringsSurvive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := reporttest.Text(t, "text")
		b := appendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q became %s: %v", s, b, err)
		}
		if want := string([]rune(s)); got != want { // each odd byte becomes U+FFFD
			t.Fatalf("%q became %q, want %q", s, got, want)
		}
		for _, r := range string(b) {
			if report.Hidden(r) {
				t.Fatalf("raw %U in %s", r, b)
			}
		}
	})
}

func TestAnyStoreIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := append(AppendStore([]byte("{"), reporttest.Store(t)), '}')
		if !json.Valid(b) {
			t.Fatalf("not JSON: %s", b)
		}
	})
}

func TestSettingsValues(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{true, "true"},
		{"a\"b", `"a\"b"`},
		{3, "3"},
		{1.5, "1.5"},
		{float64(42), "42"},
		{1e300, "1e+300"},
		{0.0, "0"},
		{math.Inf(1), `"+Inf"`},
		{math.NaN(), `"NaN"`},
		{[]string{"a", "b"}, `["a","b"]`},
		{[]string{}, "[]"},
		{[]any{"a", true, []any{1.0}}, `["a",true,[1]]`},
		{nil, `"<nil>"`},
	} {
		e := encoder{}
		e.value(c.value)
		if string(e.b) != c.want || !json.Valid(e.b) {
			t.Errorf("%v: got %s, want %s", c.value, e.b, c.want)
		}
	}
}
