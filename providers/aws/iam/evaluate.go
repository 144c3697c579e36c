package iam

import (
	"encoding/base64"
	"math/big"
	"net/netip"
	"strings"
	"time"
)

// Principal is who sends a request.
type Principal struct {
	// Kind is "anonymous", "aws", "service", "federated" or "canonical".
	Kind string
	// ID is the ARN of a user, role or account root, the name of a service, the
	// name or ARN of an identity provider, or a canonical user id.
	ID string
}

// Request is one concrete request. Context holds the condition keys it
// carries. The keys that follow from the principal itself, such as
// aws:PrincipalArn, need not be given.
type Request struct {
	Principal Principal
	Action    string
	Resource  string
	Context   map[string][]string
}

// Evaluate judges one concrete request by the policy alone: an explicit Deny
// beats an Allow, and without either the request is denied implicitly (IAM User
// Guide, "Policy evaluation logic").
//
// It is written independently of [Decide], which has it confirm every witness,
// and takes the simplest road: string comparison, one value at a time. Where
// the documentation leaves a rule open it takes the reading that lets fewer
// requests through.
func Evaluate(p *Policy, r Request) Effect {
	e := evaluation{policy: p, request: r, context: r.keys()}
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
	context map[string][]string // by key in lower case
}

// keys returns the context with the keys that follow from the principal.
func (r Request) keys() map[string][]string {
	context := make(map[string][]string, len(r.Context)+8)
	for key, values := range r.Context {
		if len(values) > 0 { // a key without values is as good as absent
			context[strings.ToLower(key)] = values
		}
	}
	derived := map[string]string{}
	switch r.Principal.Kind {
	case "anonymous":
		derived["aws:principalaccount"] = "anonymous"
		derived["aws:principaltype"] = "Anonymous"
		derived["aws:userid"] = "anonymous"
	case "service":
		derived["aws:principalisawsservice"] = "true"
		derived["aws:principalservicename"] = r.Principal.ID
		derived["aws:principalservicenameslist"] = r.Principal.ID
	case "federated":
		derived["aws:federatedprovider"] = r.Principal.ID
		derived["aws:principalisawsservice"] = "false"
	case "aws":
		derived["aws:principalarn"] = r.Principal.ID
		derived["aws:principalisawsservice"] = "false"
		if parts := strings.Split(r.Principal.ID, ":"); len(parts) >= 6 {
			derived["aws:principalaccount"] = parts[4]
			derived["kms:calleraccount"] = parts[4]
			derived["aws:principaltype"] = typeOf(parts[5])
			if parts[5] == "root" {
				derived["aws:principaltype"] = "Account"
			}
			if after, ok := strings.CutPrefix(strings.Join(parts[5:], ":"), "user/"); ok {
				derived["aws:username"] = after[strings.LastIndex(after, "/")+1:]
			}
		}
	}
	for key, v := range derived {
		context[key] = []string{v}
	}
	return context
}

func typeOf(resource string) string {
	switch kind, _, _ := strings.Cut(resource, "/"); kind {
	case "user":
		return "User"
	case "federated-user":
		return "FederatedUser"
	}
	return "AssumedRole"
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
	for _, entry := range entries {
		matched := false
		switch entry.kind {
		case principalEveryone:
			matched = true
		case principalAuthenticated:
			matched = who.Kind == "aws" || who.Kind == "canonical"
		case principalAccount:
			matched = who.Kind == "aws" && e.first("aws:principalaccount") == entry.account
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

func (e *evaluation) first(key string) string {
	if values := e.context[key]; len(values) > 0 {
		return values[0]
	}
	return ""
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

// arnMatch compares ARNs one component at a time.
func arnMatch(pattern, arn string) bool {
	want, have := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(want) != 6 || len(have) != 6 {
		return false
	}
	for i := range want {
		if !wildcardMatch(want[i], have[i]) {
			return false
		}
	}
	return true
}

// A literal character that would otherwise be a wildcard is replaced by a
// Unicode noncharacter, which Parse refuses, so that expanding and matching need
// not know of each other.
const (
	literalStar     = "\ufdd0"
	literalQuestion = "\ufdd1"
)

var (
	markWildcards   = strings.NewReplacer("*", literalStar, "?", literalQuestion)
	unmarkWildcards = strings.NewReplacer(literalStar, "*", literalQuestion, "?")
)

// expand replaces the policy variables of a value by what the request has. It
// is not ok when a variable has no value, and not certain when that is because
// the key holds a set: such a key cannot be a variable, and what AWS makes of
// one is documented nowhere (IAM User Guide, "Single-valued vs. multivalued
// context keys").
func (e *evaluation) expand(text string) (expanded string, ok, certain bool) {
	if e.policy.Version != "2012-10-17" {
		return text, true, true
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		inside, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			out.WriteString(text)
			return out.String(), true, true
		}
		out.WriteString(before)
		switch inside {
		case "*", "?", "$":
			out.WriteString(markWildcards.Replace(inside))
		default:
			value, ok, certain := e.variable(inside)
			if !ok {
				return "", false, certain
			}
			out.WriteString(markWildcards.Replace(value))
		}
		text = after
	}
}

func (e *evaluation) variable(inside string) (value string, ok, certain bool) {
	key, fallback, defaulted := strings.Cut(inside, ",")
	key = strings.ToLower(strings.TrimSpace(key))
	switch values := e.context[key]; {
	case len(values) > 1 || len(values) == 1 && manyValued(key):
		return "", false, false
	case len(values) == 1:
		return values[0], true, true
	}
	return strings.Trim(strings.TrimSpace(fallback), "'"), defaulted, true
}

// wildcardMatch matches '*' and '?'; marked characters stand for themselves.
func wildcardMatch(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	// star is where to go on from when the part after the last '*' fails.
	i, j, star, from := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
		case i < len(p) && (p[i] == '?' || unmark(p[i]) == t[j]):
			i++
			j++
		case star >= 0:
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

func unmark(r rune) rune {
	switch string(r) {
	case literalStar:
		return '*'
	case literalQuestion:
		return '?'
	}
	return r
}

// manyValued reports whether a key holds a set of values, also when that has one
// element: a key of type ArrayOf in the Service Authorization Reference, or
// multivalued in the IAM User Guide, "AWS global condition context keys".
func manyValued(key string) bool {
	switch service, name, _ := strings.Cut(key, ":"); service {
	case "aws":
		switch name {
		case "tagkeys", "calledvia", "principalorgpaths", "vpceorgpaths", "sourceorgpaths", "resourceorgpaths", "principalservicenameslist":
			return true
		}
	case "s3", "s3express":
		return name == "requestobjecttagkeys" || name == "inventoryaccessibleoptionalfields" || name == "permissions"
	case "kms":
		return name == "encryptioncontextkeys" || name == "grantoperations" || name == "resourcealiases"
	case "dynamodb":
		return name == "attributes" || name == "leadingkeys" || name == "fistargetarns" || strings.HasSuffix(name, "partitionkeyvalues")
	case "kinesis":
		return name == "fistargetarns"
	case "lambda":
		return name == "layer" || name == "subnetids" || name == "securitygroupids"
	case "backup":
		return name == "frameworkarns" || name == "copytargets" || name == "copytargetorgpaths"
	case "secretsmanager":
		return name == "addreplicaregions"
	case "sts":
		return name == "transitivetagkeys" || name == "requestcontextproviders" || name == "identitytokenaudience"
	}
	return false
}

// condition evaluates one key of one operator block.
func (e *evaluation) condition(c *condition, doubt bool) bool {
	values, op := e.context[c.folded], c.operator
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

func addressMatch(want, have string) (matched, certain bool) {
	addr, err := netip.ParseAddr(have)
	if err != nil {
		return false, false
	}
	addr = addr.Unmap()
	if single, err := netip.ParseAddr(want); err == nil {
		return single.Unmap() == addr, true
	}
	prefix, err := netip.ParsePrefix(want)
	if err != nil {
		return false, false
	}
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix.Contains(addr), true
}

// relate compares two numbers; nil is one that could not be read.
func relate(r relation, have, want *big.Rat) (matched, certain bool) {
	if have == nil || want == nil {
		return false, false
	}
	c := have.Cmp(want)
	switch r {
	case less:
		return c < 0, true
	case lessOrEqual:
		return c <= 0, true
	case greater:
		return c > 0, true
	case greaterOrEqual:
		return c >= 0, true
	}
	return c == 0, true
}

func decimal(text string) *big.Rat {
	if len(text) > 40 || strings.ContainsAny(text, "/_xXpPbBoOiInN") {
		return nil
	}
	if at := strings.IndexAny(text, "eE"); at >= 0 && len(text)-at > 4 {
		return nil
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	return x
}

func instant(text string) *big.Rat {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02", "2006-01"} {
		if t, err := time.Parse(layout, text); err == nil {
			seconds := new(big.Rat).SetInt64(t.Unix())
			return seconds.Add(seconds, big.NewRat(int64(t.Nanosecond()), 1_000_000_000))
		}
	}
	if len(text) == 4 {
		return nil
	}
	return decimal(text)
}
