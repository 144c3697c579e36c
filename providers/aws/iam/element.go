package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

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
		dim: s.dim(w.binding("aws:principalarn"), "aws:PrincipalArn", st.Pointer), carried: -1, pointer: st.Pointer + "/Principal",
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
		dim: 0, carried: -1, pointer: s.world.plan.scopes[b.index].pointer,
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
	within, across := resourcePatterns(text.text)
	if !sameReading(within, across) {
		s.note(v.pointer, crossing)
	}
	if over {
		return across
	}
	return within
}

const crossing = "whether a wildcard crosses the colons of an ARN is not certain"
