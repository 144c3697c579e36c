package iam

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

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
	pointer string
	label   string
	absent  bool // its answer when the key is absent
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
	dims   []dimension
	index  map[string]int
	allows []box
	denies []box
	notes  []string // why the reading is not certain
	budget *glob.Budget
	lits   [][]literal // see scratch
	points []point
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
	if !w.invited() {
		return s
	}
	s.index = make(map[string]int)
	s.dims = []dimension{{name: dimResource}} // its domain is set for each family
	s.index[dimResource] = 0
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
	var boxes []box
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
	b := box{index: i, effect: st.Effect, pointer: st.Pointer, atoms: make([]atom, 0, len(st.conditions)+2)}
	over := s.world.loose == (st.Effect == Allow)
	if ok := s.addPrincipal(&b, st, over); !ok {
		return b, false
	}
	if ok := s.addResource(&b, st, over); !ok {
		return b, false
	}
	for i := range st.conditions {
		a, ok := s.condition(&st.conditions[i], over)
		if !ok {
			continue // holds for every request
		}
		b.atoms = append(b.atoms, a)
	}
	return b, true
}

func (s *space) note(pointer, reason string) {
	note := pointer + ": " + reason
	if !slices.Contains(s.notes, note) {
		s.notes = append(s.notes, note)
	}
}

// dim returns the dimension of a binding.
func (s *space) dim(b *binding, key, pointer string) int {
	if b.loose != nil {
		s.note(pointer, "which values "+key+" has in such requests is not certain")
	}
	if at, ok := s.index[b.dim]; ok {
		return at
	}
	at := len(s.dims)
	s.index[b.dim] = at
	dom := b.dom
	if s.world.loose && b.loose != nil {
		dom = *b.loose
	}
	if pin, ok := s.world.pins[b.dim]; ok && !s.world.loose {
		dom = pinned(b.kind, dom, pin)
	}
	s.dims = append(s.dims, dimension{name: b.dim, key: key, kind: b.kind, scale: b.scale, multi: b.multi, dom: dom})
	return at
}

// addPrincipal compiles the Principal or NotPrincipal element.
func (s *space) addPrincipal(b *box, st *Statement, over bool) bool {
	w := s.world
	if !st.principal.present {
		s.note(st.Pointer, "the statement names no principal, so this is not a resource policy")
		return over
	}
	everyone := false
	var patterns []glob.Pattern
	for _, e := range st.principal.entries {
		match, certain := w.matches(e)
		if !certain {
			s.note(e.pointer, "whom "+strconv.Quote(e.name)+" stands for is not certain")
			if over == !st.principal.not {
				everyone = true
			}
			continue
		}
		everyone = everyone || match
		if e.kind == principalARN && w.caller == callerAccount && w.account != "" && e.account == w.account {
			if st.principal.not {
				// Exempting a user also takes exempting its account, and how
				// the two combine is not documented exactly.
				s.note(e.pointer, "NotPrincipal names a principal of this account")
				if !over {
					everyone = true
				}
				continue
			}
			patterns = append(patterns, s.principalARN(e, over)...)
		}
	}
	if st.principal.not {
		return !everyone
	}
	if everyone {
		return true
	}
	if len(patterns) == 0 {
		return false
	}
	b.atoms = append(b.atoms, atom{
		dim: s.dim(w.binding("aws:principalarn"), "aws:PrincipalArn", st.Pointer), pointer: st.Pointer + "/Principal", label: "principal",
		clause: glob.Clause{Any: patterns},
	})
	return true
}

// principalARN returns the ARNs of the callers that an entry names. A session is
// named by its role's name alone, so only its role is known.
func (s *space) principalARN(e principal, over bool) []glob.Pattern {
	_, session, ok := strings.Cut(e.name, ":assumed-role/")
	if !ok {
		return []glob.Pattern{glob.Literal(e.name)}
	}
	s.note(e.pointer, "the principal is one session of a role")
	if !over {
		return nil
	}
	role, _, _ := strings.Cut(session, "/")
	head := "arn:" + s.world.plan.partition + ":iam::" + e.account + ":role/"
	return []glob.Pattern{glob.Literal(head + role), glob.Like(head + "*/" + role)}
}

// matches reports whether a principal entry stands for every caller of the
// world, and whether that is certain. ARNs of single principals are left to
// the principal dimension.
func (w *world) matches(e principal) (match, certain bool) {
	switch e.kind {
	case principalEveryone:
		return true, true
	case principalAuthenticated:
		return w.caller == callerAccount, true
	case principalAccount:
		return w.caller == callerAccount && w.account != "" && e.account == w.account, true
	case principalService:
		return w.caller == callerService && (e.name == "*" || e.name == w.service), true
	case principalFederated:
		return w.caller == callerFederated && (e.name == "*" || e.name == w.provider), true
	case principalCanonical:
		if w.alias != canonicalPrefix+e.name {
			return false, true
		}
		// Unless the owner's own id is known, it may be this one.
		owner := w.plan.target.CanonicalUser
		return owner != "" && owner != e.name, owner != ""
	case principalInvalid:
		// AWS refuses such a policy. What it would mean is open, but names
		// without wildcards are nobody else's.
		return false, w.caller != callerAccount || !strings.ContainsAny(e.name, "*?") && w.alias != e.name
	}
	return false, true
}

// addResource compiles the Resource or NotResource element.
func (s *space) addResource(b *box, st *Statement, over bool) bool {
	if !st.resources.present {
		if s.world.plan.needsResource() {
			s.note(st.Pointer, "the service requires a Resource element")
			return over
		}
		return true
	}
	want := over != st.resources.not
	var patterns []glob.Pattern
	if scope := &s.world.plan.scopes[b.index]; scope.ready {
		if patterns = scope.within; want {
			patterns = scope.across
		}
		if scope.uncertain != "" {
			s.note(scope.uncertain, crossing)
		}
	} else {
		for _, v := range st.resources.values {
			patterns = append(patterns, s.resource(v, want)...)
		}
	}
	if !st.resources.not && slices.ContainsFunc(patterns, glob.Pattern.All) {
		return true
	}
	b.atoms = append(b.atoms, atom{
		dim: 0, pointer: st.Pointer + "/Resource", label: "resource",
		clause: glob.Clause{Any: patterns, Not: st.resources.not},
	})
	return true
}

// resource compiles one ARN pattern. Whether '*' crosses the colons between an
// ARN's components is documented in two ways, so both count.
func (s *space) resource(v value, over bool) []glob.Pattern {
	text, ok := s.substitute(v, over)
	if !ok {
		return nil
	}
	if text.escaped {
		return []glob.Pattern{text.pattern(glob.Any)}
	}
	within, across := arnPatterns(text.text)
	if !sameReading(within, across) {
		s.note(v.pointer, crossing)
	}
	if over {
		return across
	}
	return within
}

const crossing = "whether a wildcard crosses the colons of an ARN is not certain"

// binding returns how a key is decided, and remembers it.
func (w *world) binding(key string) *binding {
	for i := range w.bindings {
		if w.bindings[i].key == key {
			return w.bindings[i].binding
		}
	}
	b := w.bind(key)
	w.bindings = append(w.bindings, keyBinding{key, &b})
	return &b
}

type keyBinding struct {
	key     string
	binding *binding
}

// condition compiles one condition key. It reports false when the condition
// holds for every request.
func (s *space) condition(c *condition, over bool) (atom, bool) {
	b := s.world.binding(c.folded)
	absent, certain := c.operator.whenAbsent()
	if !certain {
		s.note(c.pointer, "whether IfExists rescues ForAnyValue is not certain")
		absent = over
	}
	a := atom{pointer: c.pointer, label: c.render(), absent: absent, quantifier: c.operator.quantifier}
	switch {
	case b.unknown && !s.comparesUnknown(c):
		if b.kind == kindAddress && fillAddresses(&a, c) && a.absent == !a.addrs.Intersect(b.dom.addrs).Empty() && a.absent == a.addrs.Covers(b.dom.addrs) {
			over = a.absent // the same for every address and none
		} else {
			s.note(c.pointer, "the value of "+c.key+" is not known")
		}
		open := anything()
		b = &binding{dim: "?" + c.folded, dom: open}
		a.absent, a.present = over, decided(over)
	case len(c.values) == 0:
		s.note(c.pointer, "the condition lists no values")
		a.absent, a.present = over, decided(over)
	default:
		if b.unknown {
			fact := constant(c.folded, placeholder(c.folded))
			b = &fact
		}
		s.fill(&a, c, b, over)
	}
	a.dim = s.dim(b, c.key, c.pointer)
	return a, true
}

// comparesUnknown reports whether a condition on a fact that nobody told can be
// decided all the same, because it compares with a stranger's own value. Then
// the fact is replaced by a value that no stranger has.
func (s *space) comparesUnknown(c *condition) bool {
	if placeholder(c.folded) == "" || c.operator.family != familyString {
		return false
	}
	for _, v := range c.values {
		if v.text != "*" && (!s.world.plan.policy.variables() || !hasVariable(v.text)) {
			return false
		}
	}
	return true
}

func decided(holds bool) truth {
	if holds {
		return always
	}
	return neverTrue
}

// fill compiles the values of a condition.
func (s *space) fill(a *atom, c *condition, b *binding, over bool) {
	op := c.operator
	if op.family == familyNull {
		s.fillNull(a, c, b, over)
		return
	}
	if (b.multi || b.plain) && op.quantifier == single {
		s.note(c.pointer, "a set of values is compared without ForAllValues or ForAnyValue")
		if !over {
			a.present = neverTrue
			return
		}
		a.quantifier = forAny
	}
	var ok bool
	switch b.kind {
	case kindText:
		ok = s.fillText(a, c, b, over)
	case kindAddress:
		ok = fillAddresses(a, c)
	default:
		ok = fillNumbers(a, c, b)
	}
	if !ok {
		s.note(c.pointer, "the operator does not fit the key or its values")
		a.present = decided(over)
	}
}

// fillNull compiles Null, which asks whether the key is absent.
func (s *space) fillNull(a *atom, c *condition, b *binding, over bool) {
	absent, present := false, false
	for _, v := range c.values {
		switch fold(v.text) {
		case "true":
			absent = true
		case "false":
			present = true
		default:
			s.note(c.pointer, "Null takes true or false")
			absent, present = absent || over, present || over
		}
	}
	if c.operator.quantifier != single && absent != present {
		s.note(c.pointer, "Null is combined with a set operator")
		absent, present = over, over
	}
	a.absent, a.present, a.quantifier = absent, decided(present), single
	if len(b.lacking) > 0 && absent != present {
		a.present = byValue
		a.clause = glob.Clause{Any: b.lacking, Not: present}
	}
}

func (s *space) fillText(a *atom, c *condition, b *binding, over bool) bool {
	op := c.operator
	switch op.family {
	case familyAddress, familyNumber, familyDate:
		return false
	}
	want := over != op.not
	var patterns []glob.Pattern
	for _, v := range c.values {
		if want && b.constant != "" && s.neverEqual(v, b.constant) {
			continue
		}
		patterns = append(patterns, s.operand(op, v, want)...)
	}
	if b.lift != nil {
		var lifted []glob.Pattern
		for _, p := range patterns {
			lifted = append(lifted, b.lift(p)...)
		}
		patterns = lifted
	}
	// A key that is absent for some values of its dimension answers there as
	// an absent key does.
	if a.absent != op.not {
		patterns = append(patterns, b.lacking...)
	}
	a.clause = glob.Clause{Any: patterns, Not: op.not}
	return true
}

// operand compiles one value of a text comparison.
func (s *space) operand(op operator, v value, over bool) []glob.Pattern {
	text, ok := s.substitute(v, over)
	if !ok {
		return nil
	}
	switch {
	case op.family == familyARN:
		within, _ := arnPatterns(text.text)
		if within == nil {
			s.note(v.pointer, "an ARN has six components")
			if over {
				return []glob.Pattern{glob.Like(text.text), glob.Like(text.text + ":*")}
			}
		}
		if text.escaped {
			s.note(v.pointer, "a literal wildcard in an ARN")
			if !over {
				return nil
			}
		}
		return within
	case op.wild:
		return []glob.Pattern{text.pattern(glob.Any)}
	case strings.Contains(text.text, "*") && text.hasOpen():
		return []glob.Pattern{text.open()}
	case op.ignoreCase:
		return []glob.Pattern{glob.Fold(text.literal())}
	}
	return []glob.Pattern{glob.Literal(text.literal())}
}

// fillAddresses compiles a condition on an address: CIDR ranges, or the text of
// single addresses.
func fillAddresses(a *atom, c *condition) bool {
	var set netset.Set
	switch c.operator.family {
	case familyAddress:
		prefixes := make([]netip.Prefix, len(c.values))
		for i, v := range c.values {
			prefixes[i] = prefixOf(v)
		}
		set = netset.Of(prefixes...)
	case familyString:
		for _, v := range c.values {
			if c.operator.wild && strings.Trim(v.text, "*") == "" && v.text != "" {
				set = netset.All()
				continue
			}
			addr, err := netip.ParseAddr(v.text)
			if err != nil {
				return false
			}
			set = set.Union(netset.Addrs(addr))
		}
	default:
		return false
	}
	if c.operator.not {
		set = set.Complement()
	}
	a.addrs = set
	return true
}

// render spells a condition in short: "aws:SourceIp IpAddress 192.0.2.0/24".
func (c *condition) render() string {
	if SecretKey(c.key) {
		return c.key + " " + c.operator.name + " " + Hidden
	}
	texts := make([]string, 0, min(len(c.values), 4))
	for i, v := range c.values {
		if i == 3 && len(c.values) > 4 {
			texts = append(texts, "and "+strconv.Itoa(len(c.values)-3)+" more")
			break
		}
		texts = append(texts, v.text)
	}
	return c.key + " " + c.operator.name + " " + strings.Join(texts, ", ")
}
