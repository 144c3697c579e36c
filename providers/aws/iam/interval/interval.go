// Package interval holds sets of integers as sorted, disjoint, closed ranges:
// the values that a Numeric or Date condition of an IAM policy accepts.
//
// Use it for any dimension that is ordered and discrete. Every operation is
// exact, including at the ends of the int64 range, and returns a new Set.
package interval

import (
	"math"
	"slices"
)

// Range is the closed range from Lo to Hi.
type Range struct{ Lo, Hi int64 }

// Set is a set of integers. The zero value is empty.
type Set struct{ ranges []Range }

// All returns the set of every int64.
func All() Set { return Of(math.MinInt64, math.MaxInt64) }

// Of returns the integers from lo to hi, both included; empty when lo > hi.
func Of(lo, hi int64) Set {
	if lo > hi {
		return Set{}
	}
	return Set{[]Range{{lo, hi}}}
}

// Ranges returns the set as sorted ranges with a gap between any two.
func (s Set) Ranges() []Range { return slices.Clone(s.ranges) }

// Empty reports whether the set has no element.
func (s Set) Empty() bool { return len(s.ranges) == 0 }

// Full reports whether the set is All.
func (s Set) Full() bool {
	return len(s.ranges) == 1 && s.ranges[0] == Range{math.MinInt64, math.MaxInt64}
}

// Contains reports whether n is in the set.
func (s Set) Contains(n int64) bool {
	_, found := slices.BinarySearchFunc(s.ranges, n, func(r Range, n int64) int {
		switch {
		case r.Hi < n:
			return -1
		case r.Lo > n:
			return 1
		}
		return 0
	})
	return found
}

// Union returns the integers in either set.
func (s Set) Union(t Set) Set {
	all := slices.Concat(s.ranges, t.ranges)
	slices.SortFunc(all, func(a, b Range) int {
		switch {
		case a.Lo < b.Lo:
			return -1
		case a.Lo > b.Lo:
			return 1
		}
		return 0
	})
	var merged []Range
	for _, r := range all {
		last := len(merged) - 1
		if last >= 0 && (merged[last].Hi == math.MaxInt64 || r.Lo <= merged[last].Hi+1) {
			merged[last].Hi = max(merged[last].Hi, r.Hi)
			continue
		}
		merged = append(merged, r)
	}
	return Set{merged}
}

// Complement returns every other integer.
func (s Set) Complement() Set {
	var gaps []Range
	next := int64(math.MinInt64)
	for _, r := range s.ranges {
		if r.Lo > next {
			gaps = append(gaps, Range{next, r.Lo - 1})
		}
		if r.Hi == math.MaxInt64 {
			return Set{gaps}
		}
		next = r.Hi + 1
	}
	return Set{append(gaps, Range{next, math.MaxInt64})}
}

// Intersect returns the integers in both sets.
func (s Set) Intersect(t Set) Set {
	var both []Range
	for i, j := 0, 0; i < len(s.ranges) && j < len(t.ranges); {
		a, b := s.ranges[i], t.ranges[j]
		if lo, hi := max(a.Lo, b.Lo), min(a.Hi, b.Hi); lo <= hi {
			both = append(both, Range{lo, hi})
		}
		if a.Hi < b.Hi {
			i++
		} else {
			j++
		}
	}
	return Set{both}
}

// Subtract returns the integers of s that are not in t.
func (s Set) Subtract(t Set) Set { return s.Intersect(t.Complement()) }

// Sample returns the element nearest to want, or false when the set is empty.
func (s Set) Sample(want int64) (int64, bool) {
	best, found := int64(0), false
	for _, r := range s.ranges {
		near := min(max(want, r.Lo), r.Hi)
		if !found || distance(near, want) < distance(best, want) {
			best, found = near, true
		}
	}
	return best, found
}

func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}
