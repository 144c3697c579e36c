package iam

import (
	"math/big"
	"net/netip"
	"strings"
	"time"
)

// arnMatch compares ARNs one component at a time.
func arnMatch(pattern, arn string) bool {
	for range 5 {
		want, patternRest, ok := strings.Cut(pattern, ":")
		have, arnRest, also := strings.Cut(arn, ":")
		if !ok || !also || !wildcardMatch(want, have) {
			return false
		}
		pattern, arn = patternRest, arnRest
	}
	return wildcardMatch(pattern, arn)
}

// A literal character that would otherwise be a wildcard is replaced by a
// Unicode noncharacter, which Parse refuses, so that expanding and matching need
// not know of each other.
const (
	literalStar     = "\ufdd0"
	literalQuestion = "\ufdd1"
)

var (
	markWildcards   = strings.NewReplacer("*", literalStar, "?", literalQuestion)
	unmarkWildcards = strings.NewReplacer(literalStar, "*", literalQuestion, "?")
)

// expand replaces the policy variables of a value by what the request has. It
// is not ok when a variable has no value, and not certain when that is because
// the key holds a set: such a key cannot be a variable, and what AWS makes of
// one is documented nowhere (IAM User Guide, "Single-valued vs. multivalued
// context keys").
func (e *evaluation) expand(text string) (expanded string, ok, certain bool) {
	if e.policy.Version != "2012-10-17" {
		return text, true, true
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		inside, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			out.WriteString(text)
			return out.String(), true, true
		}
		out.WriteString(before)
		switch inside {
		case "*", "?", "$":
			out.WriteString(markWildcards.Replace(inside))
		default:
			value, ok, certain := e.variable(inside)
			if !ok {
				return "", false, certain
			}
			out.WriteString(markWildcards.Replace(value))
		}
		text = after
	}
}

func (e *evaluation) variable(inside string) (value string, ok, certain bool) {
	key, fallback, defaulted := strings.Cut(inside, ",")
	key = strings.ToLower(strings.TrimSpace(key))
	switch values := e.values(key); {
	case len(values) > 1 || len(values) == 1 && manyValued(key):
		return "", false, false
	case len(values) == 1:
		return values[0], true, true
	}
	return strings.Trim(strings.TrimSpace(fallback), "'"), defaulted, true
}

// wildcardMatch matches '*' and '?'; marked characters stand for themselves.
func wildcardMatch(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	// star is where to go on from when the part after the last '*' fails.
	i, j, star, from := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || unmark(p[i]) == t[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

func unmark(r rune) rune {
	switch string(r) {
	case literalStar:
		return '*'
	case literalQuestion:
		return '?'
	}
	return r
}

func addressMatch(want, have string) (matched, certain bool) {
	addr, err := netip.ParseAddr(have)
	if err != nil {
		return false, false
	}
	addr = addr.Unmap()
	if single, err := netip.ParseAddr(want); err == nil {
		return single.Unmap() == addr, true
	}
	prefix, err := netip.ParsePrefix(want)
	if err != nil {
		return false, false
	}
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Contains(addr), true
}

// relate compares two numbers; nil is one that could not be read.
func relate(r relation, have, want *big.Rat) (matched, certain bool) {
	if have == nil || want == nil {
		return false, false
	}
	c := have.Cmp(want)
	switch r {
	case less:
		return c < 0, true
	case lessOrEqual:
		return c <= 0, true
	case greater:
		return c > 0, true
	case greaterOrEqual:
		return c >= 0, true
	}
	return c == 0, true
}

func decimal(text string) *big.Rat {
	if len(text) > 40 || strings.ContainsAny(text, "/_xXpPbBoOiInN") {
		return nil
	}
	if at := strings.IndexAny(text, "eE"); at >= 0 && len(text)-at > 4 {
		return nil
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return x
}

func instant(text string) *big.Rat {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01"} {
		if t, err := time.Parse(layout, text); err == nil {
			seconds := new(big.Rat).SetInt64(t.Unix())
			return seconds.Add(seconds, big.NewRat(int64(t.Nanosecond()), 1_000_000_000))
		}
	}
	if len(text) == 4 {
		return nil
	}
	return decimal(text)
}
