package iam

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

func pinned(k kind, dom domain, value string) domain {
	if k == kindAddress {
		addr, err := netip.ParseAddr(value)
		if err != nil {
			return dom
		}
		return domain{present: true, addrs: dom.addrs.Intersect(netset.Addrs(addr))}
	}
	dom.absent = false
	dom.samples = []string{value}
	dom.clauses = append(slices.Clone(dom.clauses), glob.Clause{Any: []glob.Pattern{glob.Literal(value)}})
	return dom
}

// resourcePatterns is arnPatterns for a Resource element, where "*" alone is every
// resource.
func resourcePatterns(text string) (within, across []glob.Pattern) {
	if isLoneWildcard(text) {
		all := []glob.Pattern{glob.Run(glob.Any)}
		return all, all
	}
	return arnPatterns(text)
}

// isLoneWildcard reports whether text is "*", or as good as that.
func isLoneWildcard(text string) bool { return text != "" && strings.Trim(text, "*") == "" }

// arnPatterns returns a pattern's reading with wildcards that stay within an
// ARN component, and with wildcards that do not. A pattern of fewer than six
// components may be completed with wildcards.
func arnPatterns(text string) (within, across []glob.Pattern) {
	parts, n := splitARN(text)
	if n < len(parts) {
		return nil, []glob.Pattern{glob.Like(text), glob.Like(text + ":*")}
	}
	across = []glob.Pattern{glob.Like(text)}
	if !slices.ContainsFunc(parts[:arnResource], func(part string) bool { return strings.ContainsAny(part, "*?") }) {
		return across, across
	}
	joined := make([]glob.Pattern, 0, 2*len(parts))
	for _, part := range parts[:arnResource] {
		joined = append(joined, glob.LikeIn(part, notColon), glob.Literal(":"))
	}
	joined = append(joined, glob.Like(parts[arnResource]))
	return []glob.Pattern{glob.Join(joined...)}, across
}

// substituted is a value after its variables were replaced.
type substituted struct {
	text    string // wildcards are live
	escaped bool   // parts hold characters that are not wildcards
	parts   []part
}

// pattern compiles the value with live wildcards of a class.
func (t substituted) pattern(class glob.Class) glob.Pattern {
	if !t.escaped {
		return glob.LikeIn(t.text, class)
	}
	var patterns []glob.Pattern
	for _, p := range t.parts {
		if p.escaped {
			patterns = append(patterns, glob.Literal(p.text))
		} else {
			patterns = append(patterns, glob.LikeIn(p.text, class))
		}
	}
	return glob.Join(patterns...)
}

// literal is the value with every character standing for itself.
func (t substituted) literal() string {
	if !t.escaped {
		return t.text
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
	}
	return b.String()
}

// substitute replaces the policy variables of a value. It reports false when
// the value matches nothing: a variable without value, or, in the narrow
// reading, one whose value is open.
func (s *space) substitute(v value, over bool) (substituted, bool) {
	if !s.world.plan.policy.variables() || !hasVariable(v.text) {
		return substituted{text: v.text}, true
	}
	var out substituted
	var b strings.Builder
	for _, p := range split(v.text) {
		switch {
		case p.escaped:
			out.escaped = true
		case p.variable:
			text, known, open := s.resolve(p)
			if open {
				s.note(v.pointer, "the variable ${"+p.identifier+"} can have many values")
				if !over {
					return out, false
				}
				p.text = "*"
			} else {
				if !known {
					return out, false
				}
				p.text, p.escaped = text, true
				out.escaped = out.escaped || strings.ContainsAny(text, "*?")
			}
		}
		out.parts = append(out.parts, p)
		b.WriteString(p.text)
	}
	out.text = b.String()
	return out, true
}

// resolve returns the value of a policy variable in this world; known is false
// when the request has none, open is set when the caller chooses it.
func (s *space) resolve(p part) (text string, known, open bool) {
	w := s.world
	b := w.binding(p.identifier)
	switch {
	case b.unknown:
		text = placeholder(p.identifier)
		return text, text != "", text == ""
	case (b.multi || b.plain) && b.dom.present:
		return "", false, true // a key that holds a set cannot be a variable, and what it would mean is open
	case b.constant != "":
		return b.constant, true, false
	case !b.dom.present && (b.loose == nil || !w.loose):
		return p.fallback, p.defaulted, false
	}
	if pin, ok := w.pins[b.dim]; ok && !w.loose {
		return pinnedValue(p.identifier, pin), true, false
	}
	return "", false, true
}

// pin fixes what the variables of the policy stand for in the narrow reading:
// one stranger with one name. It also constrains the keys themselves. It reports
// false when there is nothing to fix.
func (w *world) pin() bool {
	for _, key := range w.plan.named.variables {
		b := w.binding(key)
		if b.unknown || b.constant != "" || !b.dom.present || b.multi || b.plain {
			continue
		}
		if w.pins == nil {
			w.pins = make(map[string]string)
		}
		switch b.kind {
		case kindAddress:
			w.pins[b.dim] = sampleAddress.String()
		case kindText:
			if len(b.dom.samples) > 0 {
				w.pins[b.dim] = b.dom.samples[0]
			}
		}
	}
	return len(w.pins) > 0
}

// pinnedValue returns the part of a pinned dimension that a key tells.
func pinnedValue(key, pin string) string {
	switch key {
	case "aws:principalaccount", "kms:calleraccount":
		return accountOf(pin)
	case "aws:principaltype":
		return "User"
	case "aws:username", "aws:sourcevpc":
		return pin[strings.LastIndexByte(pin, '/')+1:]
	case "aws:principalorgid", "aws:sourceorgid", "aws:vpceorgid":
		id, _, _ := strings.Cut(pin, "/")
		return id
	}
	if strings.HasSuffix(key, ":dataaccesspointaccount") {
		return accountOf(pin)
	}
	return pin
}

// placeholder stands for a fact about the owner that nobody told. No stranger
// has its value.
func placeholder(key string) string {
	switch key {
	case "aws:resourceaccount", "s3:resourceaccount":
		return ownerAccount
	case "aws:resourceorgid":
		return ownerOrg
	}
	return ""
}

// neverEqual reports whether a value is one policy variable, as in comparing
// aws:ResourceOrgID with "${aws:PrincipalOrgID}", that no caller of this world
// can make equal to a constant.
func (s *space) neverEqual(v value, fact string) bool {
	if !s.world.plan.policy.variables() || !hasVariable(v.text) {
		return false
	}
	parts := split(v.text)
	if len(parts) != 1 || !parts[0].variable || parts[0].defaulted {
		return false
	}
	b := s.world.binding(parts[0].identifier)
	if b.kind != kindText || b.unknown || b.constant != "" || b.multi || b.plain || len(b.lacking) > 0 || !b.dom.present {
		return false
	}
	dom := b.dom
	if b.loose != nil {
		dom = *b.loose
	}
	same := []glob.Pattern{glob.Literal(fact)}
	if b.lift != nil {
		same = b.lift(same[0])
	}
	_, possible, err := glob.Find(append([]glob.Clause{{Any: same}}, dom.clauses...), s.budget)
	return !possible && err == nil
}

// hasOpen reports whether a variable was left open by substitute.
func (t substituted) hasOpen() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.variable && !p.escaped })
}

// open is the value with wildcards only for open variables.
func (t substituted) open() glob.Pattern {
	var patterns []glob.Pattern
	for _, p := range t.parts {
		if p.variable && !p.escaped {
			patterns = append(patterns, glob.Run(glob.Any))
		} else {
			patterns = append(patterns, glob.Fold(p.text))
		}
	}
	return glob.Join(patterns...)
}
