package iam

import (
	"cmp"
	"slices"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
	"github.com/andon-audit/andon/providers/aws/iam/interval"
)

// truth is how an atom answers for a key that is present.
type truth uint8

const (
	byValue truth = iota
	always
	neverTrue
)

// atom is one test of one dimension: a condition, the principal or the
// resource of a statement. A statement is the conjunction of its atoms.
type atom struct {
	dim     int
	carried int // the number of its key if that depends on the action, -1 otherwise
	pointer string
	asks    *condition // what it was compiled from; nil for a principal or resource
	absent  bool       // its answer when the key is absent
	present truth
	// One of these decides when the key is present, by the dimension's kind.
	clause  glob.Clause
	addrs   netset.Set
	numbers interval.Set
	// quantifier applies to dimensions with many values.
	quantifier quantifier
}

// box is a statement in one world: a product of one set per dimension.
type box struct {
	index   int // of the statement in the policy
	effect  Effect
	pointer string
	atoms   []atom
}

// space is a policy in one world.
type space struct {
	world  *world
	dims   []dimension // the first is the resource
	allows []box
	denies []box
	atoms  []atom // see cut
	notes  []note // why the reading is not certain
	budget *glob.Budget
}

// dimension is one independent coordinate of a request.
type dimension struct {
	name  string // a shared dimension, or the condition key in lower case
	key   string // the key as the policy spells it
	kind  kind
	scale int64
	multi bool
	dom   domain
}

func (w *world) compile(budget *glob.Budget) *space {
	s := &space{world: w, budget: budget}
	s.dims = append(make([]dimension, 0, 4), dimension{name: dimResource}) // its domain is set for each family
	s.allows = s.boxes(Allow)
	if len(s.allows) > 0 {
		s.denies = s.boxes(ExplicitDeny)
	}
	return s
}

// invited reports whether some Allow statement that is about the target may
// have the callers of this world among its principals.
func (w *world) invited() bool {
	for i := range w.plan.policy.Statements {
		st := &w.plan.policy.Statements[i]
		if st.Effect != Allow || !slices.Contains(w.plan.scopes[i].touches, true) {
			continue
		}
		if !st.principal.present || st.principal.not {
			return true
		}
		for _, e := range st.principal.entries {
			if match, certain := w.matches(e); match || !certain || e.kind == principalARN && e.account == w.account {
				return true
			}
		}
	}
	return false
}

// boxes compiles the statements of one effect that are about the target.
func (s *space) boxes(effect Effect) []box {
	boxes := make([]box, 0, len(s.world.plan.scopes))
	for i := range s.world.plan.policy.Statements {
		st := &s.world.plan.policy.Statements[i]
		if st.Effect != effect || !slices.Contains(s.world.plan.scopes[i].touches, true) {
			continue
		}
		if b, ok := s.box(i, st); ok {
			boxes = append(boxes, b)
		}
	}
	return boxes
}

// box compiles a statement, and reports false when it cannot match in this
// world.
func (s *space) box(i int, st *Statement) (box, bool) {
	conditions := s.world.plan.asked[i]
	b := box{index: i, effect: st.Effect, pointer: st.Pointer, atoms: s.cut(len(conditions) + 2)}
	over := s.world.loose == (st.Effect == Allow)
	if ok := s.addPrincipal(&b, st, over); !ok {
		return b, false
	}
	if ok := s.addResource(&b, st, over); !ok {
		return b, false
	}
	for i := range conditions {
		b.atoms = append(b.atoms, s.condition(&conditions[i], over))
	}
	if st.Effect == ExplicitDeny {
		s.sortAtoms(b.atoms)
	}
	return b, true
}

// cut returns room for n atoms.
func (s *space) cut(n int) []atom {
	if s.atoms == nil {
		s.atoms = make([]atom, s.world.plan.room)
	}
	room := s.atoms[:0:n]
	s.atoms = s.atoms[n:]
	return room
}

// sortAtoms puts addresses and times last: the search escapes a Deny by its first
// atoms first, and a witness should be limited in place or time only when it has
// to be.
func (s *space) sortAtoms(atoms []atom) {
	slices.SortStableFunc(atoms, func(a, b atom) int { return cmp.Compare(s.limits(&a), s.limits(&b)) })
}

// limits tells whether an atom limits a request in place or time.
func (s *space) limits(a *atom) byte {
	k := s.dims[a.dim].kind
	return boolBit(k == kindAddress || k == kindTime)
}

// note says of a place in the policy why its meaning is not certain.
type note struct{ pointer, reason string }

func (s *space) note(pointer, reason string) {
	if n := (note{pointer, reason}); !slices.Contains(s.notes, n) {
		s.notes = append(s.notes, n)
	}
}

// dim returns the dimension of a binding.
func (s *space) dim(b *binding, key, pointer string) int {
	if b.loose != nil {
		s.note(pointer, "which values "+key+" has in such requests is not certain")
	}
	if at := s.index(b.dim); at >= 0 {
		return at
	}
	dom := b.dom
	if s.world.loose && b.loose != nil {
		dom = *b.loose
	}
	if pin, ok := s.world.pins[b.dim]; ok && !s.world.loose {
		dom = pinned(b.kind, dom, pin)
	}
	s.dims = append(s.dims, dimension{name: b.dim, key: key, kind: b.kind, scale: b.scale, multi: b.multi, dom: dom})
	return len(s.dims) - 1
}

// index returns the place of a dimension, -1 when no statement asks for it.
func (s *space) index(name string) int {
	return slices.IndexFunc(s.dims, func(d dimension) bool { return d.name == name })
}
