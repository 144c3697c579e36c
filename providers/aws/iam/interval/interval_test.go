package interval

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// edge numbers sit where overflow would show.
func number(t *rapid.T, name string) int64 {
	return rapid.OneOf(
		rapid.Int64Range(-6, 6),
		rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1, math.MaxInt64}),
	).Draw(t, name)
}

func draw(t *rapid.T, name string) Set {
	var s Set
	for range rapid.IntRange(0, 4).Draw(t, name+" size") {
		s = s.Union(Of(number(t, name+" lo"), number(t, name+" hi")))
	}
	if rapid.Bool().Draw(t, name+" complement") {
		s = s.Complement()
	}
	return s
}

func TestAlgebraAgreesWithMembership(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, n := draw(t, "a"), draw(t, "b"), number(t, "n")
		inA, inB := a.Contains(n), b.Contains(n)
		for _, check := range []struct {
			name string
			got  Set
			want bool
		}{
			{"union", a.Union(b), inA || inB},
			{"intersect", a.Intersect(b), inA && inB},
			{"complement", a.Complement(), !inA},
			{"subtract", a.Subtract(b), inA && !inB},
		} {
			if check.got.Contains(n) != check.want {
				t.Fatalf("%s contains %d = %v, want %v (a=%v b=%v)", check.name, n, !check.want, check.want, a, b)
			}
			assertCanonical(t, check.got)
		}
	})
}

func assertCanonical(t *rapid.T, s Set) {
	for i, r := range s.ranges {
		if r.Lo > r.Hi {
			t.Fatalf("empty range in %v", s)
		}
		if i > 0 && (s.ranges[i-1].Hi == math.MaxInt64 || s.ranges[i-1].Hi+1 >= r.Lo) {
			t.Fatalf("ranges touch in %v", s)
		}
	}
}

func TestSampleIsTheNearestElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, want := draw(t, "s"), number(t, "want")
		got, ok := s.Sample(want)
		if ok == s.Empty() {
			t.Fatalf("Sample of %v = %v", s, ok)
		}
		if !ok {
			return
		}
		if !s.Contains(got) {
			t.Fatalf("sample %d is not in %v", got, s)
		}
		for n := int64(-8); n <= 8; n++ {
			if s.Contains(n) && distance(n, want) < distance(got, want) {
				t.Fatalf("sample %d of %v, but %d is nearer to %d", got, s, n, want)
			}
		}
	})
}

func TestEnds(t *testing.T) {
	if !All().Full() || !All().Complement().Empty() || !(Set{}).Complement().Full() {
		t.Error("All and the empty set are not each other's complement")
	}
	if !Of(3, 2).Empty() {
		t.Error("Of(3, 2) is not empty")
	}
}
