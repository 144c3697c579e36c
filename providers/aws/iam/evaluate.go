package iam

import (
	"encoding/base64"
	"strings"
)

// Evaluate judges one concrete request by the policy alone: an explicit Deny
// beats an Allow, and without either the request is denied implicitly (IAM User
// Guide, "Policy evaluation logic").
//
// It is written independently of [Decide], which has it confirm every witness,
// and takes the simplest road: string comparison, one value at a time. Where
// the documentation leaves a rule open it takes the reading that lets fewer
// requests through.
func Evaluate(p *Policy, r Request) Effect {
	e := evaluation{policy: p, request: r}
	outcome := ImplicitDeny
	for i := range p.Statements {
		s := &p.Statements[i]
		if outcome == Allow && s.Effect == Allow {
			continue
		}
		if !e.applies(s) {
			continue
		}
		if s.Effect == ExplicitDeny {
			return ExplicitDeny
		}
		outcome = Allow
	}
	return outcome
}

type evaluation struct {
	policy  *Policy
	request Request
}

// applies reports whether every element of the statement matches. For doubtful
// elements a Deny applies and an Allow does not.
func (e *evaluation) applies(s *Statement) bool {
	doubt := s.Effect == ExplicitDeny
	if !s.principal.present {
		if !doubt {
			return false
		}
	} else if e.principalIn(s.principal.entries, doubt != s.principal.not) == s.principal.not {
		return false
	}
	if e.actionIn(s.actions.patterns) == s.actions.not {
		return false
	}
	if s.resources.present {
		if e.resourceIn(s.resources.values, doubt != s.resources.not) == s.resources.not {
			return false
		}
	}
	for i := range s.conditions {
		if !e.condition(&s.conditions[i], doubt) {
			return false
		}
	}
	return true
}

func (e *evaluation) principalIn(entries []principal, doubt bool) bool {
	who := e.request.Principal
	account := who.tells("aws:principalaccount")
	for _, entry := range entries {
		matched := false
		switch entry.kind {
		case principalEveryone:
			matched = true
		case principalAuthenticated:
			matched = who.Kind == "aws" || who.Kind == "canonical"
		case principalAccount:
			matched = who.Kind == "aws" && account == entry.account
		case principalARN:
			matched = who.Kind == "aws" && (who.ID == entry.name || doubt && isSessionOf(entry.name, who.ID))
		case principalService:
			matched = who.Kind == "service" && (entry.name == "*" || entry.name == who.ID)
		case principalFederated:
			matched = who.Kind == "federated" && (entry.name == "*" || entry.name == who.ID)
		case principalCanonical:
			matched = who.Kind == "canonical" && who.ID == entry.name
		case principalInvalid:
			matched = doubt
		}
		if matched {
			return true
		}
	}
	return false
}

// isSessionOf reports whether a principal is a session of the role. The request
// does not tell the session's name, so it may be that one. A session's ARN leaves
// out the role's path.
func isSessionOf(session, role string) bool {
	head, name, ok := strings.Cut(session, ":assumed-role/")
	name, _, _ = strings.Cut(name, "/")
	account, roleName, isRole := strings.Cut(role, ":role/")
	return ok && isRole && strings.Replace(head, ":sts:", ":iam:", 1) == account && name == roleName[strings.LastIndex(roleName, "/")+1:]
}

func (e *evaluation) actionIn(patterns []string) bool {
	action := strings.ToLower(e.request.Action)
	for _, p := range patterns {
		if wildcardMatch(p, action) {
			return true
		}
	}
	return false
}

// resourceIn matches ARN patterns. In doubt, wildcards cross the colons of an
// ARN and missing components are wildcards; otherwise each component stands for
// itself.
func (e *evaluation) resourceIn(values []value, doubt bool) bool {
	for _, v := range values {
		pattern, ok, certain := e.expand(v.text)
		if !certain && doubt {
			return true
		}
		if !ok {
			continue
		}
		if strings.Trim(pattern, "*") == "" && pattern != "" {
			return true
		}
		if doubt && (wildcardMatch(pattern, e.request.Resource) || wildcardMatch(pattern+":*", e.request.Resource)) {
			return true
		}
		if arnMatch(pattern, e.request.Resource) {
			return true
		}
	}
	return false
}

// condition evaluates one key of one operator block.
func (e *evaluation) condition(c *condition, doubt bool) bool {
	values, op := e.values(c.folded), c.operator
	if op.family == familyNull {
		return e.null(c, len(values) == 0, doubt)
	}
	if len(values) == 0 {
		switch {
		case op.quantifier == forAll:
			return true
		case op.quantifier == forAny:
			return op.ifExists && doubt
		}
		return op.not || op.ifExists
	}
	if len(c.values) == 0 {
		return doubt
	}
	if op.quantifier == single && (manyValued(c.folded) || len(values) > 1) {
		if !doubt {
			return false
		}
		op.quantifier = forAny
	}
	if op.quantifier == forAll {
		for _, v := range values {
			if !e.compare(c, v, doubt) {
				return false
			}
		}
		return true
	}
	for _, v := range values {
		if e.compare(c, v, doubt) {
			return true
		}
	}
	return false
}

func (e *evaluation) null(c *condition, absent, doubt bool) bool {
	if len(c.values) == 0 || c.operator.quantifier != single {
		return doubt
	}
	for _, v := range c.values {
		switch strings.ToLower(v.text) {
		case "true":
			if absent {
				return true
			}
		case "false":
			if !absent {
				return true
			}
		default:
			if doubt {
				return true
			}
		}
	}
	return false
}

// compare tests one value of the request against the values of the policy: any
// of them for a positive operator, none of them for a negated one.
func (e *evaluation) compare(c *condition, have string, doubt bool) bool {
	not := c.operator.not
	for _, v := range c.values {
		matched, certain := e.compareOne(c, v.text, have)
		if !certain {
			matched = doubt != not
		}
		if matched {
			return !not
		}
	}
	return not
}

func (e *evaluation) compareOne(c *condition, want, have string) (matched, certain bool) {
	switch c.operator.family {
	case familyAddress:
		return addressMatch(want, have)
	case familyNumber:
		return relate(c.operator.relation, decimal(have), decimal(want))
	case familyDate:
		return relate(c.operator.relation, instant(have), instant(want))
	case familyBool:
		return strings.EqualFold(want, have), true
	case familyBinary:
		a, errA := base64.StdEncoding.DecodeString(want)
		b, errB := base64.StdEncoding.DecodeString(have)
		return string(a) == string(b) && errA == nil && errB == nil || want == have, true
	}
	expanded, ok, certain := e.expand(want)
	if !ok {
		return false, certain
	}
	switch {
	case c.operator.family == familyARN:
		if strings.Trim(expanded, "*") == "" && expanded != "" {
			return true, true
		}
		if strings.Count(expanded, ":") < 5 {
			return false, !wildcardMatch(expanded, have) && !wildcardMatch(expanded+":*", have)
		}
		return arnMatch(expanded, have), true
	case c.operator.wild:
		return wildcardMatch(expanded, have), true
	case c.operator.ignoreCase:
		return strings.EqualFold(unmarkWildcards.Replace(expanded), have), true
	}
	return unmarkWildcards.Replace(expanded) == have, true
}
