package iam

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/andon-audit/andon/providers/aws/iam/interval"
)

// fillNumbers compiles a condition on a number or a date into intervals.
func fillNumbers(a *atom, c *condition, b *binding) bool {
	var set interval.Set
	for _, v := range c.values {
		var x *big.Rat
		switch c.operator.family {
		case familyNumber:
			x = parseNumber(v.text, b.scale)
		case familyDate:
			if b.kind != kindTime {
				return false
			}
			x = parseDate(v.text)
		case familyString:
			if c.operator.wild && isLoneWildcard(v.text) {
				set = interval.All()
				continue
			}
			return false
		default:
			return false
		}
		if x == nil {
			return false
		}
		set = set.Union(compare(c.operator.relation, x))
	}
	if c.operator.not {
		set = set.Complement()
	}
	a.numbers = set
	return true
}

// compare returns the integers in a relation to x.
func compare(r relation, x *big.Rat) interval.Set {
	floor := clamp(new(big.Int).Div(x.Num(), x.Denom()))
	whole := x.IsInt()
	switch r {
	case less:
		if whole {
			if floor == minInt {
				return interval.Set{}
			}
			floor--
		}
		return interval.Of(minInt, floor)
	case lessOrEqual:
		return interval.Of(minInt, floor)
	case greater:
		if floor == maxInt {
			return interval.Set{}
		}
		return interval.Of(floor+1, maxInt)
	case greaterOrEqual:
		if !whole {
			if floor == maxInt {
				return interval.Set{}
			}
			floor++
		}
		return interval.Of(floor, maxInt)
	}
	if !whole {
		return interval.Set{}
	}
	return interval.Of(floor, floor)
}

const (
	minInt = -1 << 63
	maxInt = 1<<63 - 1
)

func clamp(n *big.Int) int64 {
	if n.IsInt64() {
		return n.Int64()
	}
	if n.Sign() < 0 {
		return minInt
	}
	return maxInt
}

// parseNumber reads an integer or decimal and scales it; nil when it is
// neither, or absurdly large.
func parseNumber(text string, scale int64) *big.Rat {
	if text == "" || len(text) > 40 || strings.Trim(text, "+-.0123456789eE") != "" {
		return nil
	}
	if mantissa, exponent, ok := strings.Cut(fold(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n < -20 || n > 20 || mantissa == "" {
			return nil
		}
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return x.Mul(x, new(big.Rat).SetInt64(scale))
}

// dateLayouts are the forms of ISO 8601 that AWS documents (W3C note on date
// and time formats), from the year alone to fractions of a second.
var dateLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02",
	"2006-01",
}

// parseDate reads a date or seconds since 1970 as microseconds.
func parseDate(text string) *big.Rat {
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			x := new(big.Rat).SetInt64(t.Unix())
			x.Mul(x, new(big.Rat).SetInt64(microseconds))
			return x.Add(x, big.NewRat(int64(t.Nanosecond()), 1000))
		}
	}
	if len(text) == 4 {
		return nil // a year or a number of seconds
	}
	return parseNumber(text, microseconds)
}
