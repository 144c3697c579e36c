package condition

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A formula is an expression and what it is worth by Kleene's tables, worked out
// without CEL. worth is nil where CEL has an error in it.
type formula struct {
	text  string
	worth func(Facts) Value
	fails bool
}

func truth(b bool) Value {
	if b {
		return True
	}
	return False
}

var (
	names    = []string{"projects/_/buckets/b", "projects/_/buckets/b/objects/public/a.csv", "projects/p/topics/t"}
	kinds    = []string{"storage.googleapis.com/Bucket", "storage.googleapis.com/Object", "pubsub.googleapis.com/Topic"}
	services = []string{"storage.googleapis.com", "pubsub.googleapis.com"}
	times    = []time.Time{now.AddDate(-1, 0, 0), now, now.AddDate(1, 0, 0)}
	unknowns = []string{
		`resource.matchTag("1/env", "prod")`, `resource.hasTagKeyId("tagKeys/1")`, `destination.port == 22`,
		`api.getAttribute("a", "") == ""`, `"x" in request.auth.access_levels`, `request.path.startsWith("/x")`,
		`resource.name.extract("/{x}") == ""`, `origin.ip == "1.2.3.4"`, `has(request.auth)`,
	}
	failures = []string{`1 / 0 == 1`, `frobnicate(1)`, `timestamp("soon") < timestamp("later")`, `"a" > 1`, `[true][3]`}
)

// onText is a test of a text that may not be known.
func onText(field string, of func(Facts) string, expression string, test func(string) bool) formula {
	return formula{text: "resource." + field + expression, worth: func(f Facts) Value {
		if of(f) == "" {
			return Unknown
		}
		return truth(test(of(f)))
	}}
}

func drawAtom(t *rapid.T) formula {
	name := func(f Facts) string { return f.Name }
	switch rapid.IntRange(0, 7).Draw(t, "atom") {
	case 0:
		at := rapid.SampledFrom(times).Draw(t, "bound")
		return formula{
			text: fmt.Sprintf("request.time <= timestamp(%q)", at.Format(time.RFC3339)),
			worth: func(f Facts) Value {
				if f.Now.IsZero() {
					return Unknown
				}
				return truth(!f.Now.After(at))
			},
		}
	case 1:
		year := rapid.IntRange(2025, 2027).Draw(t, "year")
		return formula{text: fmt.Sprintf(`request.time.getFullYear("UTC") >= %d`, year), worth: func(f Facts) Value {
			if f.Now.IsZero() {
				return Unknown
			}
			return truth(f.Now.Year() >= year)
		}}
	case 2:
		prefix := rapid.SampledFrom([]string{"projects/_/", "projects/_/buckets/b/objects/", "x"}).Draw(t, "prefix")
		return onText("name", name, fmt.Sprintf(".startsWith(%q)", prefix), func(s string) bool { return strings.HasPrefix(s, prefix) })
	case 3:
		suffix := rapid.SampledFrom([]string{".csv", "/t", "b"}).Draw(t, "suffix")
		return onText("name", name, fmt.Sprintf(".endsWith(%q)", suffix), func(s string) bool { return strings.HasSuffix(s, suffix) })
	case 4:
		word := rapid.SampledFrom(kinds).Draw(t, "type")
		return onText("type", func(f Facts) string { return f.Type }, fmt.Sprintf(" != %q", word), func(s string) bool { return s != word })
	case 5:
		word := rapid.SampledFrom(services).Draw(t, "service")
		return onText("service", func(f Facts) string { return f.Service }, fmt.Sprintf(" in [%q, %q]", word, "x"), func(s string) bool { return s == word })
	case 6:
		constant := rapid.Bool().Draw(t, "constant")
		return formula{text: fmt.Sprint(constant), worth: func(Facts) Value { return truth(constant) }}
	}
	return formula{text: rapid.SampledFrom(unknowns).Draw(t, "unknown"), worth: func(Facts) Value { return Unknown }}
}

func not(v Value) Value {
	switch v {
	case True:
		return False
	case False:
		return True
	}
	return Unknown
}

func and(a, b Value) Value {
	switch {
	case a == False || b == False:
		return False
	case a == True && b == True:
		return True
	}
	return Unknown
}

func or(a, b Value) Value { return not(and(not(a), not(b))) }

// drawFormula draws an expression of the fragment of CEL that conditions use.
func drawFormula(t *rapid.T, depth int, failing bool) formula {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		if failing && rapid.IntRange(0, 5).Draw(t, "fails") == 0 {
			return formula{text: "(" + rapid.SampledFrom(failures).Draw(t, "failure") + ")", fails: true}
		}
		a := drawAtom(t)
		a.text = "(" + a.text + ")"
		return a
	}
	a, b := drawFormula(t, depth-1, failing), drawFormula(t, depth-1, failing)
	fails := a.fails || b.fails
	switch rapid.IntRange(0, 4).Draw(t, "operator") {
	case 0:
		return formula{text: "(" + a.text + " && " + b.text + ")", fails: fails, worth: func(f Facts) Value { return and(a.worth(f), b.worth(f)) }}
	case 1:
		return formula{text: "(" + a.text + " || " + b.text + ")", fails: fails, worth: func(f Facts) Value { return or(a.worth(f), b.worth(f)) }}
	case 2:
		return formula{text: "!" + a.text, fails: a.fails, worth: func(f Facts) Value { return not(a.worth(f)) }}
	case 3:
		return formula{text: "[1, 2].exists(i, i == 2 && " + a.text + ")", fails: a.fails, worth: a.worth}
	}
	c := drawFormula(t, depth-1, failing)
	return formula{text: "(" + a.text + " ? " + b.text + " : " + c.text + ")", fails: fails || c.fails, worth: func(f Facts) Value {
		switch a.worth(f) {
		case True:
			return b.worth(f)
		case False:
			return c.worth(f)
		}
		return Unknown
	}}
}

func drawFacts(t *rapid.T) Facts {
	return Facts{
		Now:     rapid.SampledFrom([]time.Time{now.AddDate(0, -1, 0), now, now.AddDate(0, 1, 0)}).Draw(t, "now"),
		Service: rapid.SampledFrom(services).Draw(t, "of service"),
		Type:    rapid.SampledFrom(kinds).Draw(t, "of type"),
		Name:    rapid.SampledFrom(names).Draw(t, "of name"),
	}
}

// drop forgets some of the facts.
func drop(t *rapid.T, f Facts) Facts {
	if rapid.Bool().Draw(t, "no time") {
		f.Now = time.Time{}
	}
	for _, field := range []*string{&f.Service, &f.Type, &f.Name} {
		if rapid.Bool().Draw(t, "not known") {
			*field = ""
		}
	}
	return f
}

// TestEvaluateIsKleene holds the evaluator to Kleene's tables, on expressions
// without errors.
func TestEvaluateIsKleene(t *testing.T) {
	seen := map[Value]int{}
	rapid.Check(t, func(t *rapid.T) {
		f := drawFormula(t, 3, false)
		facts := drop(t, drawFacts(t))
		got, why := Evaluate(f.text, facts)
		if want := f.worth(facts); got != want {
			t.Fatalf("%s with %+v: %d (%s), want %d", f.text, facts, got, why, want)
		}
		seen[got]++
	})
	if seen[True] == 0 || seen[False] == 0 || seen[Unknown] == 0 {
		t.Errorf("the expressions were worth %v: one value never occurred", seen)
	}
}

// TestLosingAFactNeverFlips is the promise of the package: with fewer facts the
// value is the same, or it is unknown. Errors are among the expressions.
func TestLosingAFactNeverFlips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFormula(t, 3, true)
		facts := drop(t, drawFacts(t))
		fewer := drop(t, facts)
		before, _ := Evaluate(f.text, facts)
		after, why := Evaluate(f.text, fewer)
		if after != Unknown && after != before {
			t.Fatalf("%s: %d with %+v, %d (%s) with %+v", f.text, before, facts, after, why, fewer)
		}
	})
}

// FuzzEvaluate holds that no expression panics, flips when facts are lost, or is
// repeated in what is said about it.
func FuzzEvaluate(f *testing.F) {
	for _, seed := range append(append([]string{
		`request.time < timestamp("2020-10-01T00:00:00.000Z")`, `resource[resource.name]`, `a.b.c["d"].e(f)`, `.a`, "`", `[[[[`,
		`[1,2].map(x, x * 2).exists(y, y in {1: 2})`, `"a".matches("(a*)*b")`, `{"a": 1}.a`, `google.protobuf.Timestamp{seconds: 1}`,
		`type(request) == map`, `request.time.getHours("Europe/Berlin") > 8`, `has(resource.name.x)`, `optional.of(1)`, nested(6),
	}, unknowns...), failures...) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		known, why := Evaluate(expression, object)
		less, lessWhy := Evaluate(expression, Facts{Now: object.Now})
		if less != Unknown && known != less {
			t.Errorf("%q: %d (%s), and with fewer facts %d (%s)", expression, known, why, less, lessWhy)
		}
		none, _ := Evaluate(expression, Facts{})
		if none != Unknown && none != less {
			t.Errorf("%q: %d without any fact, %d with some", expression, none, less)
		}
		for _, sentence := range []string{why, lessWhy} {
			if sentence == "" || len(sentence) > 400 || strings.ContainsFunc(sentence, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q: the reason is %q", expression, sentence)
			}
		}
		if opens, closes, ok := Window(expression, now); ok && opens.IsZero() && closes.IsZero() {
			t.Errorf("%q: a window without bounds", expression)
		}
	})
}
