package iam

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

// binding returns how a key is decided. The plan remembers it for the world that
// it is at.
func (w *world) binding(key string) *binding {
	for i := range w.plan.bound {
		if w.plan.bound[i].key == key {
			return &w.plan.bound[i]
		}
	}
	b := w.bind(key)
	b.key = key
	w.plan.bound = append(w.plan.bound, b)
	return &w.plan.bound[len(w.plan.bound)-1]
}

// condition compiles one condition key.
func (s *space) condition(c *asked, over bool) atom {
	b := s.world.binding(c.folded)
	absent, certain := c.operator.whenAbsent()
	if !certain {
		s.note(c.pointer, "whether IfExists rescues ForAnyValue is not certain")
		absent = over
	}
	a := atom{
		carried: c.carried, pointer: c.pointer, asks: c.condition,
		absent: absent, quantifier: c.operator.quantifier,
	}
	switch {
	case b.unknown && !s.comparesUnknown(c.condition):
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
	return a
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
func (s *space) fill(a *atom, c *asked, b *binding, over bool) {
	op := c.operator
	if op.family == familyNull {
		s.fillNull(a, c.condition, b, over)
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
		ok = fillNumbers(a, c.condition, b)
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

func (s *space) fillText(a *atom, c *asked, b *binding, over bool) bool {
	switch c.operator.family {
	case familyAddress, familyNumber, familyDate:
		return false
	}
	not := c.operator.not
	patterns := s.operands(c, b, over != not)
	if b.lift != nil {
		var lifted []glob.Pattern
		for _, p := range patterns {
			lifted = append(lifted, b.lift(p)...)
		}
		patterns = lifted
	}
	// A key that is absent for some values of its dimension answers there as
	// an absent key does.
	if a.absent != not && len(b.lacking) > 0 {
		patterns = slices.Concat(patterns, b.lacking)
	}
	a.clause = glob.Clause{Any: patterns, Not: not}
	return true
}

// operands compiles the values of a text comparison. Those that mean the same to
// everybody are compiled once.
func (s *space) operands(c *asked, b *binding, over bool) []glob.Pattern {
	if c.patterns != nil {
		return c.patterns
	}
	patterns := make([]glob.Pattern, 0, len(c.values))
	for _, v := range c.values {
		if over && b.constant != "" && s.neverEqual(v, b.constant) {
			continue
		}
		patterns = append(patterns, s.operand(c.operator, v, over)...)
	}
	if c.fixed {
		c.patterns = patterns
	}
	return patterns
}

// operand compiles one value of a text comparison.
func (s *space) operand(op operator, v value, over bool) []glob.Pattern {
	text, ok := s.substitute(v, over)
	if !ok {
		return nil
	}
	switch {
	case op.family == familyARN:
		if isLoneWildcard(text.text) {
			return s.anyARN(v, over)
		}
		within, across := arnPatterns(text.text)
		if within == nil {
			s.note(v.pointer, "an ARN has six components")
			if over {
				return across
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

// anyARN compiles "*" as an ARN. "Each of the six colon-delimited components of
// the ARN is checked separately" (IAM User Guide, "Condition operators", ARN), and
// what fewer match is not documented. Whoever writes "*" means every ARN, so it is
// taken for that where it lets somebody in; that it keeps anybody out is not
// certain.
func (s *space) anyARN(v value, over bool) []glob.Pattern {
	if keepsOut := over != s.world.loose; keepsOut {
		s.note(v.pointer, "whether \"*\" alone matches every ARN is not certain")
		if s.world.loose {
			return nil
		}
	}
	return []glob.Pattern{glob.Run(glob.Any)}
}

// fillAddresses compiles a condition on an address. Addresses are the same
// whoever asks, so that is done once.
func fillAddresses(a *atom, c *asked) bool {
	if c.addrs == nil {
		addrs, ok := c.addresses()
		if !ok {
			return false
		}
		c.addrs = &addrs
	}
	a.addrs = *c.addrs
	return true
}

// addresses are those that meet a condition on CIDR ranges, or on the text of
// single addresses.
func (c *condition) addresses() (netset.Set, bool) {
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
			if c.operator.wild && isLoneWildcard(v.text) {
				set = netset.All()
				continue
			}
			addr, err := netip.ParseAddr(v.text)
			if err != nil {
				return set, false
			}
			set = set.Union(netset.Addrs(addr))
		}
	default:
		return set, false
	}
	if c.operator.not {
		set = set.Complement()
	}
	return set, true
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
