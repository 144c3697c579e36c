package iam

import (
	"slices"
	"strings"
)

// secretKeys are condition keys whose values owners use as shared secrets: who
// knows the value gets in.
var secretKeys = []string{"aws:referer", "aws:useragent", "sts:externalid"}

// SecretKey reports whether the values of a condition key must not be shown:
// owners use them as shared secrets.
func SecretKey(key string) bool { return slices.Contains(secretKeys, strings.ToLower(key)) }

// Hidden stands for a value that is not shown.
const Hidden = "(the value in the policy)"

// Shown returns the request's context with the values of secret keys hidden.
func (r Request) Shown() map[string][]string {
	shown := make(map[string][]string, len(r.Context))
	for key, values := range r.Context {
		if SecretKey(key) {
			values = []string{Hidden}
		}
		shown[key] = values
	}
	return shown
}

// ForServices returns the policy as AWS services meet it by name: its Deny
// statements, and of those that allow the ones that name a service. The second
// result is false when there is none.
func (p *Policy) ForServices() (*Policy, bool) {
	named := &Policy{Version: p.Version, ID: p.ID}
	found := false
	for _, s := range p.Statements {
		names := !s.principal.not && slices.ContainsFunc(s.principal.entries, func(e principal) bool { return e.kind == principalService })
		if s.Effect == ExplicitDeny || names {
			named.Statements = append(named.Statements, s)
			found = found || s.Effect == Allow
		}
	}
	return named, found
}
