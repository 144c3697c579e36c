package iam

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
	"github.com/andon-audit/andon/providers/aws/iam/interval"
)

// errSteps says that too many combinations of denials had to be tried.
var errSteps = errors.New("too many ways around the denials to try them all")

const maxSteps = 20_000

// literal is an atom or its opposite.
type literal struct {
	atom *atom
	not  bool
}

func (l literal) absent() bool { return l.atom.absent != l.not }

// present returns the literal's answer for present keys when that does not
// depend on the value.
func (l literal) present() truth {
	if !l.not || l.atom.present == byValue {
		return l.atom.present
	}
	return decided(l.atom.present == neverTrue)
}

// point is a value of one dimension.
type point struct {
	absent bool
	text   string
	list   []string // of a dimension with many values
	addr   netip.Addr
	number int64
}

// holds evaluates an atom at a point.
func (d *dimension) holds(a *atom, p point) bool {
	switch {
	case p.absent:
		return a.absent
	case a.present != byValue:
		return a.present == always
	case d.kind == kindAddress:
		return a.addrs.Contains(p.addr)
	case d.kind == kindNumber || d.kind == kindTime:
		return a.numbers.Contains(p.number)
	case !d.multi:
		return a.clause.Match(p.text)
	}
	for _, v := range p.list {
		if a.clause.Match(v) != (a.quantifier == forAll) {
			return a.quantifier != forAll
		}
	}
	return a.quantifier == forAll
}

// search looks for a request in one Allow that no Deny stops, for one group of
// actions. Conditions on different dimensions are independent, so a request is
// found one dimension at a time; a Deny that stops it is escaped by negating
// one of its atoms, which is tried for each of them in turn.
type search struct {
	space  *space
	denies []*box
	lits   [][]literal
	points []point
	steps  *int
	// outside are the parts of the address and time dimensions that are known
	// to work already.
	outside []literal
}

// find runs the search for an Allow. It reports false when there is no such
// request.
func (s *search) find(allow *box) (bool, error) {
	d := s.space.dims
	s.lits, s.points = s.space.scratch()
	for i := range allow.atoms {
		a := &allow.atoms[i]
		s.lits[a.dim] = append(s.lits[a.dim], literal{atom: a})
	}
	for _, l := range s.outside {
		s.lits[l.atom.dim] = append(s.lits[l.atom.dim], l)
	}
	// The resource comes last: conditions fail more often.
	for i := len(d) - 1; i >= 0; i-- {
		if ok, err := s.solve(i); !ok || err != nil {
			return false, err
		}
	}
	return s.escape()
}

// scratch returns empty literals and points for every dimension. One search in
// a space ends before the next one begins, so they share them.
func (s *space) scratch() ([][]literal, []point) {
	if len(s.points) != len(s.dims) {
		s.lits, s.points = make([][]literal, len(s.dims)), make([]point, len(s.dims))
	}
	for i := range s.lits {
		s.lits[i] = s.lits[i][:0]
	}
	return s.lits, s.points
}

// escape makes the points avoid every Deny.
func (s *search) escape() (bool, error) {
	deny := s.blocker()
	if deny == nil {
		return true, nil
	}
	for _, i := range s.escapeOrder(deny) {
		a := &deny.atoms[i]
		if *s.steps--; *s.steps < 0 {
			return false, errSteps
		}
		before := s.points[a.dim]
		s.lits[a.dim] = append(s.lits[a.dim], literal{atom: a, not: true})
		ok, err := s.solve(a.dim)
		if err == nil && ok {
			ok, err = s.escape()
		}
		if ok || err != nil {
			return ok, err
		}
		s.lits[a.dim] = s.lits[a.dim][:len(s.lits[a.dim])-1]
		s.points[a.dim] = before
	}
	return false, nil
}

// blocker returns a Deny that stops the current points: the one with the fewest
// ways out, so that dead ends show early.
func (s *search) blocker() *box {
	var found *box
	for _, b := range s.denies {
		if (found == nil || len(b.atoms) < len(found.atoms)) && s.matches(b, -1) {
			found = b
		}
	}
	return found
}

// matches reports whether a box holds the current points, not asking one of the
// dimensions.
func (s *search) matches(b *box, except int) bool {
	for i := range b.atoms {
		a := &b.atoms[i]
		if a.dim != except && !s.space.dims[a.dim].holds(a, s.points[a.dim]) {
			return false
		}
	}
	return true
}

// escapeOrder tries addresses and times last, so that a witness is limited in
// place or time only when it has to be.
func (s *search) escapeOrder(b *box) []int {
	order := make([]int, 0, len(b.atoms))
	for _, late := range []bool{false, true} {
		for i := range b.atoms {
			k := s.space.dims[b.atoms[i].dim].kind
			if late == (k == kindAddress || k == kindTime) {
				order = append(order, i)
			}
		}
	}
	return order
}

// solve finds a point of a dimension that satisfies its literals.
func (s *search) solve(i int) (bool, error) {
	d, lits := &s.space.dims[i], s.lits[i]
	if d.dom.absent && !slices.ContainsFunc(lits, func(l literal) bool { return !l.absent() }) {
		s.points[i] = point{absent: true}
		return true, nil
	}
	if !d.dom.present || slices.ContainsFunc(lits, func(l literal) bool { return l.present() == neverTrue }) {
		return false, nil
	}
	switch d.kind {
	case kindAddress:
		addr, ok := s.addresses(i, lits).Sample()
		if ok && s.addresses(i, lits).Contains(sampleAddress) {
			addr = sampleAddress
		}
		s.points[i] = point{addr: addr}
		return ok, nil
	case kindNumber, kindTime:
		n, ok := s.numbers(i, lits).Sample(d.preferred())
		s.points[i] = point{number: n}
		return ok, nil
	}
	if d.multi {
		return s.solveMany(i, lits)
	}
	clauses := make([]glob.Clause, 0, len(lits)+len(d.dom.clauses))
	for _, l := range lits {
		if l.atom.present == byValue {
			clauses = append(clauses, l.clause())
		}
	}
	clauses = append(clauses, d.dom.clauses...)
	text, ok, err := glob.Find(clauses, s.space.budget, d.dom.samples...)
	s.points[i] = point{text: text}
	return ok, err
}

// preferred is the number that witnesses use where any will do.
func (d *dimension) preferred() int64 {
	if d.kind == kindTime {
		return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	}
	return 1
}

func (l literal) clause() glob.Clause {
	return glob.Clause{Any: l.atom.clause.Any, Not: l.atom.clause.Not != l.not}
}

// solveMany finds a set of values: each within what every ForAllValues demands,
// and one for each ForAnyValue. Negation swaps the two.
func (s *search) solveMany(i int, lits []literal) (bool, error) {
	d := &s.space.dims[i]
	within := slices.Clone(d.dom.clauses)
	var wanted []glob.Clause
	for _, l := range lits {
		if l.atom.present != byValue {
			continue
		}
		if (l.atom.quantifier == forAll) != l.not {
			within = append(within, l.clause())
		} else {
			wanted = append(wanted, l.clause())
		}
	}
	if len(wanted) == 0 {
		wanted = append(wanted, glob.Clause{Not: true})
	}
	var list []string
	for _, c := range wanted {
		text, ok, err := glob.Find(append(slices.Clone(within), c), s.space.budget, d.dom.samples...)
		if !ok || err != nil {
			return false, err
		}
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	s.points[i] = point{list: list}
	return true, nil
}

func (s *search) addresses(i int, lits []literal) netset.Set {
	set := s.space.dims[i].dom.addrs
	for _, l := range lits {
		if l.atom.present != byValue {
			continue
		}
		if l.not {
			set = set.Subtract(l.atom.addrs)
		} else {
			set = set.Intersect(l.atom.addrs)
		}
	}
	return set
}

func (s *search) numbers(i int, lits []literal) interval.Set {
	set := s.space.dims[i].dom.numbers
	for _, l := range lits {
		if l.atom.present != byValue {
			continue
		}
		if l.not {
			set = set.Subtract(l.atom.numbers)
		} else {
			set = set.Intersect(l.atom.numbers)
		}
	}
	return set
}

// working returns every address that works while all other dimensions stay as
// they are in the found request.
func (s *search) working(allow *box, dim int) netset.Set {
	set := s.addresses(dim, allowOnly(allow, dim))
	for _, b := range s.denies {
		if !s.matches(b, dim) {
			continue
		}
		stopped := netset.All()
		for i := range b.atoms {
			if a := &b.atoms[i]; a.dim == dim {
				stopped = stopped.Intersect(addressesOf(a))
			}
		}
		set = set.Subtract(stopped)
	}
	return set
}

func addressesOf(a *atom) netset.Set {
	switch a.present {
	case always:
		return netset.All()
	case neverTrue:
		return netset.Set{}
	}
	return a.addrs
}

// workingTimes is working for the time dimension.
func (s *search) workingTimes(allow *box, dim int) interval.Set {
	set := s.numbers(dim, allowOnly(allow, dim))
	for _, b := range s.denies {
		if !s.matches(b, dim) {
			continue
		}
		stopped := interval.All()
		for i := range b.atoms {
			if a := &b.atoms[i]; a.dim == dim {
				switch a.present {
				case neverTrue:
					stopped = interval.Set{}
				case byValue:
					stopped = stopped.Intersect(a.numbers)
				}
			}
		}
		set = set.Subtract(stopped)
	}
	return set
}

func allowOnly(allow *box, dim int) []literal {
	var lits []literal
	for i := range allow.atoms {
		if allow.atoms[i].dim == dim {
			lits = append(lits, literal{atom: &allow.atoms[i]})
		}
	}
	return lits
}
