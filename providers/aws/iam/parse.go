package iam

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
)

// Parse reads a policy document: every shape that AWS accepts in a resource
// policy, and nothing that it does not. Every error is a *SyntaxError. A
// document that cannot be read says nothing about who gets in, so callers must
// treat an error as unknown and never as private.
func Parse(text []byte) (*Policy, error) {
	root, err := readDocument(text)
	if err != nil {
		return nil, err
	}
	if root.kind != nodeObject {
		return nil, fail("", "a policy is an object, not %s", root.kind)
	}
	p := new(Policy)
	var statements *node
	for _, m := range root.members {
		switch m.name {
		case "Version":
			p.Version, err = m.value.str()
			if err == nil && p.Version != "2012-10-17" && p.Version != "2008-10-17" {
				err = fail(m.value.pointer, "unknown policy language version %q", p.Version)
			}
		case "Id":
			p.ID, err = m.value.str()
		case "Statement":
			statements = &m.value
		default:
			err = fail(m.value.pointer, "unknown element %q", m.name)
		}
		if err != nil {
			return nil, err
		}
	}
	if statements == nil {
		return nil, fail("", "no Statement")
	}
	if len(statements.list()) == 0 {
		return nil, fail(statements.pointer, "no statements")
	}
	for _, n := range statements.list() {
		s, err := parseStatement(n)
		if err != nil {
			return nil, err
		}
		p.Statements = append(p.Statements, s)
	}
	return p, nil
}

func parseStatement(n node) (Statement, error) {
	s := Statement{Pointer: n.pointer}
	if n.kind != nodeObject {
		return s, fail(n.pointer, "a statement is an object, not %s", n.kind)
	}
	var effect, action bool
	for _, m := range n.members {
		var err error
		switch m.name {
		case "Sid":
			s.Sid, err = m.value.str()
		case "Effect":
			effect = true
			s.Effect, err = parseEffect(m.value)
		case "Principal", "NotPrincipal":
			if s.principal.present {
				return s, fail(m.value.pointer, "both Principal and NotPrincipal")
			}
			s.principal, err = parsePrincipals(m.value)
			s.principal.not = m.name == "NotPrincipal"
		case "Action", "NotAction":
			if action {
				return s, fail(m.value.pointer, "both Action and NotAction")
			}
			action = true
			s.actions.patterns, err = parseActions(m.value)
			s.actions.not = m.name == "NotAction"
		case "Resource", "NotResource":
			if s.resources.present {
				return s, fail(m.value.pointer, "both Resource and NotResource")
			}
			s.resources, err = parseResources(m.value)
			s.resources.not = m.name == "NotResource"
		case "Condition":
			s.conditions, err = parseConditions(m.value)
		default:
			err = fail(m.value.pointer, "unknown element %q", m.name)
		}
		if err != nil {
			return s, err
		}
	}
	switch {
	case !effect:
		return s, fail(n.pointer, "no Effect")
	case !action:
		return s, fail(n.pointer, "no Action")
	}
	return s, nil
}

func parseEffect(n node) (Effect, error) {
	text, err := n.str()
	if err != nil {
		return 0, err
	}
	switch text {
	case "Allow":
		return Allow, nil
	case "Deny":
		return ExplicitDeny, nil
	}
	return 0, fail(n.pointer, "effect %q is neither Allow nor Deny", text)
}

// str returns the text of a string.
func (n node) str() (string, error) {
	if n.kind != nodeString {
		return "", fail(n.pointer, "%s where a string belongs", n.kind)
	}
	return n.text, nil
}

// strs returns the texts of a string or a list of strings.
func (n node) strs() ([]value, error) {
	var values []value
	for _, item := range n.list() {
		text, err := item.str()
		if err != nil {
			return nil, err
		}
		values = append(values, value{text, item.pointer})
	}
	return values, nil
}

// parsePrincipals reads "*" or an object by kind of principal (IAM User Guide,
// "Grammar of the IAM JSON policy language", principal_block).
func parsePrincipals(n node) (principals, error) {
	list := principals{present: true}
	switch n.kind {
	case nodeString:
		if n.text != "*" {
			return list, fail(n.pointer, "a principal given as text is \"*\", not %q", n.text)
		}
		list.entries = []principal{{kind: principalEveryone, name: "*", pointer: n.pointer}}
		return list, nil
	case nodeObject:
	default:
		return list, fail(n.pointer, "%s where \"*\" or an object of principals belongs", n.kind)
	}
	for _, m := range n.members {
		values, err := m.value.strs()
		if err != nil {
			return list, err
		}
		for _, v := range values {
			entry, err := parsePrincipal(m.name, v)
			if err != nil {
				return list, err
			}
			list.entries = append(list.entries, entry)
		}
	}
	if len(list.entries) == 0 {
		return list, fail(n.pointer, "names nobody")
	}
	return list, nil
}

func parsePrincipal(kind string, v value) (principal, error) {
	p := principal{name: v.text, pointer: v.pointer}
	switch kind {
	case "*":
		if v.text != "*" {
			return p, fail(v.pointer, "unknown principal form %q", v.text)
		}
		p.kind = principalEveryone
	case "AWS":
		p.kind, p.account = classifyAWS(v.text)
	case "Service":
		p.kind = principalService
	case "Federated":
		p.kind = principalFederated
		if strings.HasPrefix(v.text, "arn:") {
			p.account = accountOf(v.text)
		}
	case "CanonicalUser":
		p.kind = principalCanonical
	default:
		return p, fail(v.pointer, "unknown kind of principal %q", kind)
	}
	return p, nil
}

// classifyAWS tells the forms of an AWS principal apart (IAM User Guide, "AWS
// JSON policy elements: Principal").
func classifyAWS(text string) (principalKind, string) {
	if text == "*" {
		return principalEveryone, ""
	}
	if isAccount(text) {
		return principalAccount, text
	}
	if isUniqueID(text) {
		return principalGone, ""
	}
	a, n := splitARN(text)
	if n != len(a) || a[0] != "arn" || strings.ContainsAny(text, "*?") {
		return principalInvalid, ""
	}
	account, resource := a[arnAccount], a[arnResource]
	switch {
	case account == "cloudfront" && strings.HasPrefix(resource, "user/"):
		return principalOAI, ""
	case !isAccount(account) || a[arnService] != "iam" && a[arnService] != "sts":
		return principalInvalid, ""
	case resource == "root":
		return principalAccount, account
	}
	return principalARN, account
}

// isAccount reports whether text is an account id.
func isAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}

// isUniqueID reports whether text is the id that replaces a deleted principal
// in a stored policy (IAM User Guide, "IAM identifiers", unique identifiers).
func isUniqueID(text string) bool {
	if len(text) < 16 || strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return false
	}
	return slices.Contains([]string{"AIDA", "AROA", "AGPA", "ANPA", "ASCA", "APKA", "AIPA"}, text[:4])
}

// parseActions reads actions and lowers them. An action is "*" or
// "service:name", where both may hold wildcards.
func parseActions(n node) ([]string, error) {
	values, err := n.strs()
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, fail(n.pointer, "no actions")
	}
	patterns := make([]string, len(values))
	for i, v := range values {
		service, name, ok := strings.Cut(v.text, ":")
		if v.text != "*" && (!ok || name == "" || strings.Contains(name, ":") || !isServicePattern(service)) {
			return nil, fail(v.pointer, "%q is not an action", v.text)
		}
		patterns[i] = fold(v.text)
	}
	return patterns, nil
}

func isServicePattern(s string) bool {
	return s != "" && strings.Trim(fold(s), "abcdefghijklmnopqrstuvwxyz0123456789-._*?") == ""
}

// parseResources reads ARN patterns or "*".
func parseResources(n node) (resourceList, error) {
	list := resourceList{present: true}
	values, err := n.strs()
	if err != nil {
		return list, err
	}
	if len(values) == 0 {
		return list, fail(n.pointer, "no resources")
	}
	for _, v := range values {
		if !isResourcePattern(v.text) {
			return list, fail(v.pointer, "%q is not an ARN or \"*\"", v.text)
		}
	}
	list.values = values
	return list, nil
}

// isResourcePattern accepts everything that could be an ARN once its wildcards
// and variables are filled in.
func isResourcePattern(text string) bool {
	if head := strings.IndexAny(text, "*?$"); head >= 0 && head < len("arn:aws:") {
		return true
	}
	a, n := splitARN(text)
	if n <= arnService || a[0] != "arn" || a[arnService] == "" {
		return false
	}
	if n > arnRegion && n < len(a) && !strings.ContainsAny(text, "*?$") {
		return false
	}
	partition := a[arnPartition]
	return partition == "aws" || strings.HasPrefix(partition, "aws-") || strings.ContainsAny(partition, "*?$")
}

func parseConditions(n node) ([]condition, error) {
	if n.kind != nodeObject {
		return nil, fail(n.pointer, "%s where an object of operators belongs", n.kind)
	}
	var conditions []condition
	for _, block := range n.members {
		if block.value.kind != nodeObject {
			return nil, fail(block.value.pointer, "%s where an object of condition keys belongs", block.value.kind)
		}
		op, known := parseOperator(block.name)
		if !known && len(block.value.members) > 0 { // an empty block asks nothing, whatever its name
			return nil, fail(block.value.pointer, "unknown condition operator %q", block.name)
		}
		for _, m := range block.value.members {
			c := condition{operator: op, key: m.name, folded: fold(m.name), pointer: m.value.pointer}
			for _, item := range m.value.list() {
				v, err := parseOperand(op, item)
				if err != nil {
					return nil, err
				}
				c.values = append(c.values, v)
			}
			conditions = append(conditions, c)
		}
	}
	return conditions, nil
}

// parseOperand reads one value of a condition. AWS takes numbers and booleans
// with and without quotes.
func parseOperand(op operator, n node) (value, error) {
	switch n.kind {
	case nodeString, nodeNumber, nodeBool:
	default:
		return value{}, fail(n.pointer, "%s where a condition value belongs", n.kind)
	}
	if op.family == familyAddress {
		if _, err := netset.ParsePrefix(n.text); err != nil {
			return value{}, fail(n.pointer, "%q is not an address or CIDR", n.text)
		}
	}
	if op.family == familyDate && !isDateLike(n.text) {
		return value{}, fail(n.pointer, "%q is not a date", n.text)
	}
	return value{n.text, n.pointer}, nil
}

// isDateLike accepts what begins like a date or a number of seconds. AWS reads
// more forms than it documents; those are left open when they are compared.
func isDateLike(text string) bool {
	if text == "" || !strings.ContainsRune("+-0123456789", rune(text[0])) {
		return false
	}
	if strings.Trim(text, "+-0123456789") == "" && strings.Trim(text[1:], "0123456789") == "" {
		_, err := strconv.ParseInt(text, 10, 64)
		return err == nil
	}
	return true
}

// prefixOf returns the prefix of a value that parseOperand let through.
func prefixOf(v value) netip.Prefix {
	p, err := netset.ParsePrefix(v.text)
	if err != nil {
		panic("iam: address condition was not parsed: " + err.Error())
	}
	return p
}
