package glob

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// words returns every string over the alphabet up to a length.
func words(alphabet string, length int) []string {
	all := []string{""}
	for from, n := 0, 0; n < length; n++ {
		to := len(all)
		for _, w := range all[from:to] {
			for _, r := range alphabet {
				all = append(all, w+string(r))
			}
		}
		from = to
	}
	return all
}

func drawPattern(t *rapid.T) Pattern {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab:1*?*")), 0, 5, -1).Draw(t, "text")
	switch rapid.IntRange(0, 4).Draw(t, "form") {
	case 0:
		return Literal(text)
	case 1:
		return Fold(strings.ToUpper(text))
	case 2:
		return LikeIn(text, Any&^Colon)
	case 3:
		if within, ok := Like(text).Within(Any &^ Digit); ok {
			return within
		}
		return Join(Repeat(Hex, 1), Run(Digit))
	}
	return Like(text)
}

func drawClauses(t *rapid.T) []Clause {
	var clauses []Clause
	for range rapid.IntRange(0, 3).Draw(t, "clauses") {
		c := Clause{Not: rapid.Bool().Draw(t, "not")}
		for range rapid.IntRange(0, 2).Draw(t, "patterns") {
			c.Any = append(c.Any, drawPattern(t))
		}
		clauses = append(clauses, c)
	}
	return clauses
}

func TestFindAgreesWithBruteForce(t *testing.T) {
	// 'z' and '-' stand for everything that no pattern names.
	all := words("abAB:1z-*?", 4)
	rapid.Check(t, func(t *rapid.T) {
		clauses := drawClauses(t)
		shortest, possible := "", false
		for _, w := range all {
			if MatchAll(clauses, w) {
				shortest, possible = w, true
				break
			}
		}
		got, ok, err := Find(clauses, NewBudget())
		if err != nil {
			t.Fatal(err)
		}
		if ok && !MatchAll(clauses, got) {
			t.Fatalf("Find(%v) = %q, which does not match", clauses, got)
		}
		if possible && !ok {
			t.Fatalf("Find(%v) found nothing, but %q matches", clauses, shortest)
		}
		if possible && !finite(clauses) && utf8.RuneCountInString(got) > len(shortest) {
			t.Fatalf("Find(%v) = %q, but %q is shorter", clauses, got, shortest)
		}
		if ok && !possible && utf8.RuneCountInString(got) <= 4 && !strings.ContainsFunc(got, func(r rune) bool { return !strings.ContainsRune("abAB:1z-*?", r) }) {
			t.Fatalf("Find(%v) = %q, which brute force missed", clauses, got)
		}
	})
}

// finite reports whether Find takes the witness from a list of literals, in
// their order and not by length.
func finite(clauses []Clause) bool {
	_, yes := candidates(clauses)
	return yes
}

func TestMatchAgreesWithRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune("ab:*?")), 0, 8, -1).Draw(t, "pattern")
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab:")), 0, 8, -1).Draw(t, "text")
		for _, form := range []struct {
			p         Pattern
			star, any string
		}{
			{Like(pattern), "(?s:.*)", "(?s:.)"},
			{LikeIn(pattern, Any&^Colon), "[^:]*", "[^:]"},
			{Literal(pattern), `\*`, `\?`},
		} {
			expression := "^" + strings.NewReplacer("*", form.star, "?", form.any).Replace(pattern) + "$"
			if got, want := form.p.Match(text), regexp.MustCompile(expression).MatchString(text); got != want {
				t.Fatalf("%q matches %q = %v, %s says %v", pattern, text, got, expression, want)
			}
		}
		long := strings.Repeat("?", 70)
		if Like(long+pattern).Match(strings.Repeat("a", 70)+text) != Like(pattern).Match(text) {
			t.Fatalf("a long pattern matches otherwise")
		}
		if s := Like(pattern).Skeleton(); !Like(pattern).Match(s) {
			t.Fatalf("skeleton %q of %q does not match it", s, pattern)
		}
	})
}

func TestWithinIsTheIntersection(t *testing.T) {
	all := words("ab:/1A-", 4)
	rapid.Check(t, func(t *rapid.T) {
		p := drawPattern(t)
		class := Class(rapid.IntRange(1, int(Any)).Draw(t, "class"))
		within, ok := p.Within(class)
		for _, w := range all {
			inClass := !strings.ContainsFunc(w, func(r rune) bool { return ClassOf(r)&class == 0 })
			want := p.Match(w) && inClass
			if want && (!ok || !within.Match(w)) {
				t.Fatalf("%v within %b lost %q", p, class, w)
			}
			folds := strings.ContainsAny(p.String(), "AB")
			if ok && within.Match(w) && !want && !folds {
				t.Fatalf("%v within %b gained %q", p, class, w)
			}
		}
	})
}

func TestFoldMatchesAnyCase(t *testing.T) {
	for _, text := range []string{"HELLO", "hello", "Hello"} {
		if !Fold("hElLo").Match(text) {
			t.Errorf("Fold does not match %q", text)
		}
	}
	// U+212A, the Kelvin sign, folds to k.
	if !Fold("k").Match("\u212a") || Fold("k").Match("l") {
		t.Error("Fold does not follow Unicode simple folding")
	}
	if got, ok, _ := Find([]Clause{{Any: []Pattern{Fold("k")}}, {Any: []Pattern{Literal("k"), Literal("K")}, Not: true}}, NewBudget()); !ok || got != "\u212a" {
		t.Errorf("Find = %q, %v, want the Kelvin sign", got, ok)
	}
}

func TestSuggestionsComeFirst(t *testing.T) {
	got, ok, err := Find([]Clause{{Any: []Pattern{Like("a*")}}}, NewBudget(), "no", "apple", "a")
	if got != "apple" || !ok || err != nil {
		t.Errorf("Find = %q, %v, %v, want apple", got, ok, err)
	}
}

// A '*' before many '?' determinises to exponentially many states.
func TestHostileQuestionsEndInErrBudget(t *testing.T) {
	hostile := []Clause{
		{Any: []Pattern{Like("*a" + strings.Repeat("?", 30) + "b*")}},
		{Any: []Pattern{Like("*b" + strings.Repeat("?", 31) + "a*c")}},
		{Any: []Pattern{Like("*ab*")}, Not: true},
		{Any: []Pattern{Like("*c*a*")}, Not: true},
		{Any: []Pattern{Like("*" + strings.Repeat("?", 400) + "*")}, Not: true},
		{Any: []Pattern{Like("*a" + strings.Repeat("?", 17) + "*b")}, Not: true},
		{Any: []Pattern{Like(strings.Repeat("?", 500) + "*")}},
	}
	_, _, err := Find(hostile, NewBudget())
	if err != nil && !errors.Is(err, ErrBudget) {
		t.Errorf("err = %v, want ErrBudget", err)
	}
	small := &Budget{States: 10, Work: 1000}
	if _, _, err := Find(hostile[:3], small); !errors.Is(err, ErrBudget) {
		t.Errorf("err = %v with a small budget, want ErrBudget", err)
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*", "*b", "ab*", "a")
	f.Add("arn:aws:s3:::b/*", "*:*:*", "?", "arn:aws:s3:::b/x")
	f.Add("*a?????b*", "**", "", "\u212a")
	f.Fuzz(func(t *testing.T, yes, too, no, text string) {
		if len(yes)+len(too)+len(no) > 200 || !utf8.ValidString(yes+too+no+text) {
			t.Skip()
		}
		clauses := []Clause{{Any: []Pattern{Like(yes)}}, {Any: []Pattern{LikeIn(too, Any&^Colon), Fold(too)}}, {Any: []Pattern{Like(no)}, Not: true}}
		got, ok, err := Find(clauses, &Budget{States: 5000, Work: 2_000_000})
		switch {
		case err != nil:
		case ok && !MatchAll(clauses, got):
			t.Errorf("Find = %q, which does not match", got)
		case !ok && MatchAll(clauses, text):
			t.Errorf("Find found nothing, but %q matches", text)
		}
	})
}

func BenchmarkFindByAutomata(b *testing.B) {
	clauses := []Clause{
		{Any: []Pattern{Like("arn:aws:s3:::bucket/*")}},
		{Any: []Pattern{Like("*/private/*")}},
		{Any: []Pattern{Like("*.log"), Like("*/tmp/*")}, Not: true},
		{Any: []Pattern{Like("*/private/?")}, Not: true},
	}
	for b.Loop() {
		if _, ok, err := Find(clauses, NewBudget()); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
