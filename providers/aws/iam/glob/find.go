package glob

import (
	"encoding/binary"
	"errors"
	"slices"
	"unicode"
	"unicode/utf8"
)

// ErrBudget says that a question was too large to answer.
var ErrBudget = errors.New("glob: more automaton states than the budget allows")

// Budget is what a series of questions may still cost. Its limits keep a
// hostile pattern (a '*' before many '?' has exponentially many states) from
// taking the process with it.
type Budget struct {
	States int // automaton states to visit
	Work   int // machine words to touch
}

// NewBudget returns a budget that ends within about a quarter of a second and
// 32 MiB.
func NewBudget() *Budget { return &Budget{States: 50_000, Work: 40_000_000} }

const (
	maxBytes = 24 << 20 // of states held at once
	maxTable = 2 << 20  // words of transition tables
)

// Clause is a union of patterns, or with Not every string outside that union.
type Clause struct {
	Any []Pattern
	Not bool
}

// Match reports whether s satisfies the clause.
func (c Clause) Match(s string) bool {
	for _, p := range c.Any {
		if p.Match(s) {
			return !c.Not
		}
	}
	return c.Not
}

// MatchAll reports whether s satisfies every clause.
func MatchAll(clauses []Clause, s string) bool {
	for _, c := range clauses {
		if !c.Match(s) {
			return false
		}
	}
	return true
}

// Find returns a string that satisfies every clause, or false when there is
// none. It tries the suggestions first, so that witnesses read well, and
// otherwise returns a shortest string. It returns ErrBudget when it had to
// give up.
func Find(clauses []Clause, budget *Budget, suggestions ...string) (string, bool, error) {
	for _, s := range suggestions {
		if MatchAll(clauses, s) {
			return s, true, nil
		}
	}
	open, possible := simplify(clauses)
	if !possible {
		return "", false, nil
	}
	if literals, finite := candidates(open); finite {
		for _, s := range literals {
			if MatchAll(open, s) {
				return s, true, nil
			}
		}
		return "", false, nil
	}
	if !prune(open) {
		return "", false, nil
	}
	if s, ok := shortcut(open); ok {
		return s, true, nil
	}
	return search(open, budget)
}

// prune drops patterns that cannot contribute, by their literal beginnings
// alone: those that agree with no pattern of another positive clause, and those
// that a negated pattern swallows. It reports false when a clause loses its
// last pattern. Most questions whose answer is no end here.
func prune(clauses []Clause) bool {
	for i, c := range clauses {
		if c.Not {
			continue
		}
		var kept []Pattern
		for _, p := range c.Any {
			if !slices.ContainsFunc(clauses, func(other Clause) bool { return other.excludes(p) }) {
				kept = append(kept, p)
			}
		}
		if len(kept) == 0 {
			return false
		}
		clauses[i].Any = kept
	}
	return true
}

// excludes reports whether no string that p matches satisfies the clause, as
// far as beginnings tell.
func (c Clause) excludes(p Pattern) bool {
	if c.Not {
		// A final '*' takes all that may follow p's beginning.
		return slices.ContainsFunc(c.Any, func(q Pattern) bool {
			return q.openEnded() && q.Match(p.prefix) || p.equal(q)
		})
	}
	return !slices.ContainsFunc(c.Any, func(q Pattern) bool {
		n := min(len(p.prefix), len(q.prefix))
		return p.prefix[:n] == q.prefix[:n]
	})
}

// simplify drops clauses that hold for every string, and reports false when
// one holds for none.
func simplify(clauses []Clause) ([]Clause, bool) {
	open := make([]Clause, 0, len(clauses))
	for _, c := range clauses {
		universal := slices.ContainsFunc(c.Any, Pattern.All)
		switch {
		case universal != c.Not && (universal || len(c.Any) == 0):
			continue // all of it, or the complement of nothing
		case universal || len(c.Any) == 0:
			return nil, false
		}
		open = append(open, c)
	}
	return open, true
}

// candidates returns the strings of a clause that names finitely many, which
// makes the automata unnecessary. It covers most real conditions.
func candidates(clauses []Clause) ([]string, bool) {
	for _, c := range clauses {
		if c.Not {
			continue
		}
		var literals []string
		for _, p := range c.Any {
			s, ok := p.Exact()
			if !ok {
				literals = nil
				break
			}
			literals = append(literals, s)
		}
		if literals != nil {
			return literals, true
		}
	}
	return nil, false
}

// shortcut tries the shortest string of each pattern. It answers only when that
// string is as short as the patterns allow at all; a miss says nothing.
func shortcut(clauses []Clause) (string, bool) {
	if len(clauses) == 0 {
		return "", true
	}
	least := 0
	var tries []string
	for _, c := range clauses {
		if c.Not {
			continue
		}
		shortest := -1
		for _, p := range c.Any[:min(len(c.Any), 64)] {
			s := p.Skeleton()
			tries = append(tries, s)
			if n := utf8.RuneCountInString(s); shortest < 0 || n < shortest {
				shortest = n
			}
		}
		if len(c.Any) <= 64 {
			least = max(least, shortest)
		}
	}
	for _, s := range tries {
		if utf8.RuneCountInString(s) == least && MatchAll(clauses, s) {
			return s, true
		}
	}
	return "", false
}

// automaton is the product of the patterns' position automata. A state is a
// bit set: bit offset+i of a pattern is set when its first i elements match
// what has been read. The bit after a pattern's last element accepts, and no
// character leads out of it, so one shift serves all patterns at once.
type automaton struct {
	words    int
	clauses  []compiled
	alphabet []rune
	step     [][]uint64 // by symbol: positions whose element is consumed
	stay     [][]uint64 // by symbol: star positions that loop
	stars    []uint64   // star positions, skipped for free
	start    []uint64
}

type compiled struct {
	not      bool
	accept   []int    // bit numbers
	alive    []uint64 // bits of a positive clause: none set means it is lost
	absorbed []uint64 // bits of a negated clause after which it is lost for good
}

// search walks the product breadth first, shortest strings first.
func search(clauses []Clause, budget *Budget) (string, bool, error) {
	a, ok := compile(clauses)
	if !ok {
		return "", false, ErrBudget
	}
	if a.dead(a.start) {
		return "", false, nil
	}
	if a.accepts(a.start) {
		return "", true, nil
	}
	type visit struct {
		from   int
		symbol rune
	}
	visits := []visit{{from: -1}}
	states := [][]uint64{a.start}
	seen := map[string]bool{key(a.start): true}
	next := make([]uint64, a.words)
	for at := 0; at < len(states); at++ {
		for i := range a.alphabet {
			if budget.Work -= a.words + 1; budget.Work < 0 {
				return "", false, ErrBudget
			}
			a.advance(next, states[at], i)
			if a.dead(next) {
				continue
			}
			k := key(next)
			if seen[k] {
				continue
			}
			if a.accepts(next) {
				word := []rune{a.alphabet[i]}
				for v := visits[at]; v.from >= 0; v = visits[v.from] {
					word = append(word, v.symbol)
				}
				slices.Reverse(word)
				return string(word), true, nil
			}
			if budget.States--; budget.States < 0 || len(states)*(a.words+4)*24 > maxBytes {
				return "", false, ErrBudget
			}
			seen[k] = true
			states = append(states, slices.Clone(next))
			visits = append(visits, visit{at, a.alphabet[i]})
		}
	}
	return "", false, nil
}

func key(state []uint64) string {
	b := make([]byte, 0, len(state)*8)
	for _, w := range state {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return string(b)
}

// compile reports false when the transition tables alone would be too large.
func compile(clauses []Clause) (*automaton, bool) {
	total := 0
	for _, c := range clauses {
		for _, p := range c.Any {
			total += len(p.elements()) + 1
		}
	}
	a := &automaton{words: (total + 63) / 64, alphabet: alphabet(clauses)}
	if (a.words*2+total)*len(a.alphabet) > maxTable {
		return nil, false
	}
	a.stars, a.start = make([]uint64, a.words), make([]uint64, a.words)
	for range a.alphabet {
		a.step = append(a.step, make([]uint64, a.words))
		a.stay = append(a.stay, make([]uint64, a.words))
	}
	offset := 0
	for _, c := range clauses {
		a.clauses = append(a.clauses, a.add(c, &offset))
	}
	a.skip(a.start)
	return a, true
}

// add lays the patterns of a clause out from offset on.
func (a *automaton) add(c Clause, offset *int) compiled {
	out := compiled{not: c.Not, alive: make([]uint64, a.words), absorbed: make([]uint64, a.words)}
	for _, p := range c.Any {
		set(a.start, *offset)
		elements := p.elements()
		for i, e := range elements {
			at := *offset + i
			set(out.alive, at)
			if e.star {
				set(a.stars, at)
			}
			for s, r := range a.alphabet {
				if !e.matches(r) {
					continue
				}
				if e.star {
					set(a.stay[s], at)
				} else {
					set(a.step[s], at)
				}
			}
		}
		end := *offset + len(elements)
		set(out.alive, end)
		out.accept = append(out.accept, end)
		if p.openEnded() {
			set(out.absorbed, end-1)
		}
		*offset = end + 1
	}
	return out
}

func (a *automaton) advance(dst, src []uint64, symbol int) {
	step, stay := a.step[symbol], a.stay[symbol]
	var carry uint64
	for w, bitset := range src {
		moved := bitset & step[w]
		dst[w] = moved<<1 | carry | bitset&stay[w]
		carry = moved >> 63
	}
	a.skip(dst)
}

// skip adds the positions after each star that is reached.
func (a *automaton) skip(state []uint64) {
	for changed := true; changed; {
		changed = false
		var carry uint64
		for w := range state {
			skipped := state[w] & a.stars[w]
			grown := state[w] | skipped<<1 | carry
			carry = skipped >> 63
			if grown != state[w] {
				state[w], changed = grown, true
			}
		}
	}
}

// dead reports whether no continuation can satisfy every clause.
func (a *automaton) dead(state []uint64) bool {
	for _, c := range a.clauses {
		if c.not == meets(state, c.mask()) {
			return true
		}
	}
	return false
}

// mask is what a positive clause needs some of and a negated one none of.
func (c compiled) mask() []uint64 {
	if c.not {
		return c.absorbed
	}
	return c.alive
}

func meets(a, b []uint64) bool {
	for w := range a {
		if a[w]&b[w] != 0 {
			return true
		}
	}
	return false
}

func (a *automaton) accepts(state []uint64) bool {
	for _, c := range a.clauses {
		matched := slices.ContainsFunc(c.accept, func(bit int) bool {
			return state[bit/64]&(1<<(bit%64)) != 0
		})
		if matched == c.not {
			return false
		}
	}
	return true
}

func set(bitset []uint64, bit int) { bitset[bit/64] |= 1 << (bit % 64) }

// alphabet returns every literal character in both cases where case does not
// matter, and one more character of each category: all others behave like it.
func alphabet(clauses []Clause) []rune {
	var literal []rune
	for _, c := range clauses {
		for _, p := range c.Any {
			for _, e := range p.elements() {
				if e.class != 0 {
					continue
				}
				literal = append(literal, e.r)
				if e.fold {
					for f := unicode.SimpleFold(e.r); f != e.r; f = unicode.SimpleFold(f) {
						literal = append(literal, f)
					}
				}
			}
		}
	}
	slices.Sort(literal)
	literal = slices.Compact(literal)
	symbols := spare(literal)
	return append(symbols, literal...)
}

// spare returns one unused character of each category that has one left,
// pleasant ones first.
func spare(used []rune) []rune {
	var spares []rune
	for _, choices := range []string{
		"xyzwvutsrqponmlkjihg", "abcdef", "0123456789", "XYZABCDEFGHIJKLMNOPQRSTUVW",
		"-_.=@+,~!#$%&'()[]{}|;<> \"\\^`*?", "/", ":",
	} {
		for _, r := range choices {
			if _, taken := slices.BinarySearch(used, r); !taken {
				spares = append(spares, r)
				break
			}
		}
	}
	if !slices.ContainsFunc(spares, func(r rune) bool { return ClassOf(r) == Other }) {
		r := rune(0xA1)
		for {
			if _, taken := slices.BinarySearch(used, r); !taken {
				return append(spares, r)
			}
			r++
		}
	}
	return spares
}
