// Package glob decides questions about the strings that wildcard patterns
// match: is there a string in all of these unions of patterns and in none of
// those, and which one is shortest?
//
// Use it wherever policies compare text with '*' and '?': resources, ARNs,
// condition values. [Find] is exact. It walks the product of the patterns'
// automata lazily, so that ordinary patterns cost a few states; a question
// that would need more than its [Budget] ends in [ErrBudget] and has no
// answer, which callers must not read as "no".
package glob

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
)

// Class is a set of character categories, what a wildcard may stand for.
type Class uint8

// The categories. They are as fine as the identifiers of a cloud need: account
// numbers are Digit, organisation ids Digit|Hex|Lower, and a wildcard in one
// component of an ARN is Any without Colon.
const (
	Digit Class = 1 << iota // 0-9
	Hex                     // a-f
	Lower                   // g-z
	Upper                   // A-Z
	Colon                   // :
	Slash                   // /
	Other                   // every other character

	Any = Digit | Hex | Lower | Upper | Colon | Slash | Other
)

// ClassOf returns the category of a character.
func ClassOf(r rune) Class {
	switch {
	case '0' <= r && r <= '9':
		return Digit
	case 'a' <= r && r <= 'f':
		return Hex
	case 'g' <= r && r <= 'z':
		return Lower
	case 'A' <= r && r <= 'Z':
		return Upper
	case r == ':':
		return Colon
	case r == '/':
		return Slash
	}
	return Other
}

// element matches one character, or any number of them when star is set. Its
// class is 0 for a literal.
type element struct {
	class Class
	star  bool
	fold  bool
	r     rune
}

func (e element) matches(r rune) bool {
	if e.class != 0 {
		return e.class&ClassOf(r) != 0
	}
	if e.r == r {
		return true
	}
	if e.fold {
		for f := unicode.SimpleFold(e.r); f != e.r; f = unicode.SimpleFold(f) {
			if f == r {
				return true
			}
		}
	}
	return false
}

// Pattern is a sequence of literal characters and wildcards. The zero value
// matches the empty string only. Patterns are immutable.
type Pattern struct {
	shape shape
	// prefix is what every match begins with. It is all there is to the plain
	// shapes, which most patterns of real policies have; a mixed pattern goes
	// on with tail.
	prefix string
	tail   []element
}

type shape uint8

const (
	shapeExact  shape = iota // prefix and nothing else
	shapePrefix              // prefix and a final '*'
	shapeMixed
)

// Literal matches exactly s; '*' and '?' in it are ordinary characters.
func Literal(s string) Pattern {
	return Pattern{prefix: s}
}

// Fold matches s in any case.
func Fold(s string) Pattern {
	elements := make([]element, 0, len(s))
	for _, r := range s {
		elements = append(elements, element{r: r, fold: unicode.SimpleFold(r) != r})
	}
	return finish(elements)
}

// Like matches with '*' for any run of characters and '?' for any one.
func Like(s string) Pattern { return LikeIn(s, Any) }

// LikeIn is Like with wildcards that stand for characters of one class only.
func LikeIn(s string, class Class) Pattern {
	if class == Any {
		switch wild := strings.IndexAny(s, "*?"); {
		case wild < 0:
			return Literal(s)
		case s[wild:] == "*":
			return Pattern{shape: shapePrefix, prefix: s[:wild]}
		}
	}
	elements := make([]element, 0, len(s))
	for _, r := range s {
		switch r {
		case '*':
			elements = append(elements, element{class: class, star: true})
		case '?':
			elements = append(elements, element{class: class})
		default:
			elements = append(elements, element{r: r})
		}
	}
	return finish(elements)
}

// Repeat matches exactly n characters of a class.
func Repeat(class Class, n int) Pattern {
	elements := make([]element, n)
	for i := range elements {
		elements[i] = element{class: class}
	}
	return finish(elements)
}

// Run matches any number of characters of a class, also none.
func Run(class Class) Pattern {
	return finish([]element{{class: class, star: true}})
}

// Join matches the concatenation of the patterns.
func Join(patterns ...Pattern) Pattern {
	size := 0
	for _, p := range patterns {
		size += len(p.prefix) + len(p.tail) + 1
	}
	elements := make([]element, 0, size)
	for _, p := range patterns {
		elements = p.appendTo(elements)
	}
	return finish(elements)
}

// Within returns the part of p that consists of characters of a class, and
// false when there is none.
func (p Pattern) Within(class Class) (Pattern, bool) {
	if p.shape == shapeExact {
		return p, !strings.ContainsFunc(p.prefix, func(r rune) bool { return ClassOf(r)&class == 0 })
	}
	var kept []element
	for _, e := range p.elements() {
		if e.class == 0 {
			if !foldMeets(e, class) {
				return Pattern{}, false
			}
			kept = append(kept, e)
			continue
		}
		e.class &= class
		switch {
		case e.class != 0:
			kept = append(kept, e)
		case !e.star:
			return Pattern{}, false
		}
	}
	return finish(kept), true
}

// foldMeets reports whether a literal may stand in a word of a class. A folded
// literal whose variants differ in class stays: the word's other constraints
// then decide.
func foldMeets(e element, class Class) bool {
	if ClassOf(e.r)&class != 0 {
		return true
	}
	return e.fold && (ClassOf(unicode.ToLower(e.r))|ClassOf(unicode.ToUpper(e.r)))&class != 0
}

// finish drops a star that its neighbour makes redundant and splits off the
// literal beginning.
func finish(elements []element) Pattern {
	elements = slices.CompactFunc(elements, func(a, b element) bool {
		return a.star && b.star && a.class == b.class
	})
	head := 0
	for head < len(elements) && elements[head].class == 0 && !elements[head].fold {
		head++
	}
	p := Pattern{shape: shapeMixed, prefix: text(elements[:head]), tail: elements[head:]}
	switch {
	case len(p.tail) == 0:
		p.shape, p.tail = shapeExact, nil
	case len(p.tail) == 1 && p.tail[0] == anyStar:
		p.shape, p.tail = shapePrefix, nil
	}
	return p
}

var anyStar = element{class: Any, star: true}

// elements returns the whole sequence.
func (p Pattern) elements() []element {
	return p.appendTo(make([]element, 0, len(p.prefix)+len(p.tail)+1))
}

func (p Pattern) appendTo(elements []element) []element {
	for _, r := range p.prefix {
		elements = append(elements, element{r: r})
	}
	if p.shape == shapePrefix {
		return append(elements, anyStar)
	}
	return append(elements, p.tail...)
}

func text(elements []element) string {
	var b strings.Builder
	b.Grow(len(elements))
	for _, e := range elements {
		b.WriteRune(e.r)
	}
	return b.String()
}

// Exact returns the only string that p matches, if there is only one.
func (p Pattern) Exact() (string, bool) { return p.prefix, p.shape == shapeExact }

// All reports whether p matches every string.
func (p Pattern) All() bool { return p.shape == shapePrefix && p.prefix == "" }

// Match reports whether p matches s.
func (p Pattern) Match(s string) bool {
	switch {
	case p.shape == shapeExact:
		return s == p.prefix
	case !strings.HasPrefix(s, p.prefix):
		return false
	case p.shape == shapePrefix:
		return true
	}
	return run(p.tail, s[len(p.prefix):])
}

// run simulates the automaton of a sequence. A position i is reached when
// elements[:i] match what has been read.
func run(elements []element, s string) bool {
	if len(elements) > 63 {
		return runLong(elements, s)
	}
	at := skipStars(elements, 1)
	for _, r := range s {
		var next uint64
		for rest := at; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros64(rest)
			if i == len(elements) || !elements[i].matches(r) {
				continue
			}
			if !elements[i].star {
				i++
			}
			next |= 1 << i
		}
		if next == 0 {
			return false
		}
		at = skipStars(elements, next)
	}
	return at>>len(elements)&1 == 1
}

// skipStars adds the positions behind stars, which match nothing as well.
func skipStars(elements []element, at uint64) uint64 {
	for rest := at; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		for ; i < len(elements) && elements[i].star; i++ {
			at |= 1 << (i + 1)
		}
	}
	return at
}

// runLong is run for sequences that do not fit a word.
func runLong(elements []element, s string) bool {
	at, next := make([]bool, len(elements)+1), make([]bool, len(elements)+1)
	reach := func(set []bool, i int) {
		for set[i] = true; i < len(elements) && elements[i].star; i++ {
			set[i+1] = true
		}
	}
	reach(at, 0)
	for _, r := range s {
		clear(next)
		for i, e := range elements {
			if !at[i] || !e.matches(r) {
				continue
			}
			if e.star {
				reach(next, i)
			} else {
				reach(next, i+1)
			}
		}
		at, next = next, at
	}
	return at[len(elements)]
}

// openEnded reports whether p ends in '*', so that whatever it matches it also
// matches with more text behind.
func (p Pattern) openEnded() bool {
	return p.shape == shapePrefix || len(p.tail) > 0 && p.tail[len(p.tail)-1] == anyStar
}

// equal reports whether p and q are the same sequence.
func (p Pattern) equal(q Pattern) bool {
	return p.shape == q.shape && p.prefix == q.prefix && slices.Equal(p.tail, q.tail)
}

// String spells the pattern with '*' and '?' for wildcards of any class.
func (p Pattern) String() string {
	var b strings.Builder
	for _, e := range p.elements() {
		switch {
		case e.class == 0:
			b.WriteRune(e.r)
		case e.star:
			b.WriteByte('*')
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// Skeleton returns a short string that p matches: stars stand for nothing.
func (p Pattern) Skeleton() string {
	var b strings.Builder
	for _, e := range p.elements() {
		switch {
		case e.class == 0:
			b.WriteRune(e.r)
		case !e.star:
			b.WriteRune(sampleOf(e.class))
		}
	}
	return b.String()
}

func sampleOf(class Class) rune {
	for _, r := range "xa0X-/:" {
		if ClassOf(r)&class != 0 {
			return r
		}
	}
	return 'x'
}
