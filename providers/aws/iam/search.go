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

// scratch is memory that searches use one after the other: each ends before the
// next one begins.
type scratch struct {
	lits    []literal
	points  []point
	clauses []glob.Clause
	allows  []*box
	denies  []*box
}

// search looks for a request in one Allow that no Deny stops, for one group of
// actions. Conditions on different dimensions are independent, so a request is
// found one dimension at a time; a Deny that stops it is escaped by negating
// one of its atoms, which is tried for each of them in turn.
type search struct {
	space  *space
	denies []*box
	lits   []literal // of all dimensions
	points []point   // by dimension
	steps  *int
	// outside are the parts of the address and time dimensions that are known
	// to work already.
	outside []literal
}

// find runs the search for an Allow. It reports false when there is no such
// request.
func (s *search) find(allow *box) (bool, error) {
	dims, scratch := s.space.dims, &s.space.world.plan.scratch
	scratch.points = slices.Grow(scratch.points[:0], len(dims))
	s.lits, s.points = scratch.lits[:0], scratch.points[:len(dims)]
	for i := range allow.atoms {
		s.lits = append(s.lits, literal{atom: &allow.atoms[i]})
	}
	s.lits = append(s.lits, s.outside...)
	scratch.lits = s.lits
	// The resource comes last: conditions fail more often.
	for i := len(dims) - 1; i >= 0; i-- {
		if ok, err := s.solve(i); !ok || err != nil {
			return false, err
		}
	}
	return s.escape()
}

// escape makes the points avoid every Deny.
func (s *search) escape() (bool, error) {
	deny := s.blocker()
	if deny == nil {
		return true, nil
	}
	for i := range deny.atoms {
		a := &deny.atoms[i]
		if *s.steps--; *s.steps < 0 {
			return false, errSteps
		}
		before := s.points[a.dim]
		s.lits = append(s.lits, literal{atom: a, not: true})
		ok, err := s.solve(a.dim)
		if err == nil && ok {
			ok, err = s.escape()
		}
		if ok || err != nil {
			return ok, err
		}
		s.lits = s.lits[:len(s.lits)-1]
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

// solve finds a point of a dimension that satisfies its literals.
func (s *search) solve(i int) (bool, error) {
	d := &s.space.dims[i]
	mayBeAbsent, mayBePresent := d.dom.absent, d.dom.present
	for _, l := range s.lits {
		if l.atom.dim == i {
			mayBeAbsent = mayBeAbsent && l.absent()
			mayBePresent = mayBePresent && l.present() != neverTrue
		}
	}
	if mayBeAbsent {
		s.points[i] = point{absent: true}
		return true, nil
	}
	if !mayBePresent {
		return false, nil
	}
	switch d.kind {
	case kindAddress:
		addrs := s.addresses(i, s.lits)
		addr, ok := addrs.Sample()
		if ok && addrs.Contains(sampleAddress) {
			addr = sampleAddress
		}
		s.points[i] = point{addr: addr}
		return ok, nil
	case kindNumber, kindTime:
		n, ok := s.numbers(i, s.lits).Sample(d.preferred())
		s.points[i] = point{number: n}
		return ok, nil
	}
	if d.multi {
		return s.solveMany(i)
	}
	scratch := &s.space.world.plan.scratch
	clauses := scratch.clauses[:0]
	for _, l := range s.lits {
		if l.atom.dim == i && l.atom.present == byValue {
			clauses = append(clauses, l.clause())
		}
	}
	clauses = append(clauses, d.dom.clauses...)
	scratch.clauses = clauses
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
func (s *search) solveMany(i int) (bool, error) {
	d := &s.space.dims[i]
	within := slices.Clone(d.dom.clauses)
	var wanted []glob.Clause
	for _, l := range s.lits {
		if l.atom.dim != i || l.atom.present != byValue {
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
		if l.atom.dim != i || l.atom.present != byValue {
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
		if l.atom.dim != i || l.atom.present != byValue {
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
	set := s.addresses(dim, literalsOf(allow))
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
	set := s.numbers(dim, literalsOf(allow))
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

func literalsOf(allow *box) []literal {
	lits := make([]literal, len(allow.atoms))
	for i := range allow.atoms {
		lits[i].atom = &allow.atoms[i]
	}
	return lits
}
