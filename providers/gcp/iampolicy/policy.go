// Package iampolicy judges the IAM policies of Google Cloud: which of a store's
// strangers and outsiders a policy lets in, to do what. It also holds the
// collector of the kinds that a policy alone shares, whose stores are rows (see
// Row).
//
// It promises that what is not understood widens: a role, a kind of member or a
// condition that nobody here knows becomes a gap that may hide anybody whom the
// policy names.
package iampolicy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
)

// Policy is an IAM policy as the REST interfaces return it.
//
// Source: https://cloud.google.com/iam/docs/reference/rest/v1/Policy
type Policy struct {
	Version  int       `json:"version"`
	Bindings []Binding `json:"bindings"`
	ETag     string    `json:"etag"`
}

// Binding gives a role to members, under a condition if there is one.
type Binding struct {
	Role      string     `json:"role"`
	Members   []string   `json:"members"`
	Condition *Condition `json:"condition"`
}

// Condition is an IAM Condition.
type Condition struct {
	Title      string `json:"title"`
	Expression string `json:"expression"`
}

// Decode reads a policy out of the answer of a call. An answer without bindings
// is a policy that lets nobody in; one without anything that a policy has, if only
// its etag, is malformed.
func Decode(call string, text []byte) (*Policy, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, collect.Malformed(call, "the answer is no policy")
	}
	if !slices.ContainsFunc([]string{"etag", "bindings", "version", "kind"}, func(key string) bool {
		return len(members[key]) > 0 && string(members[key]) != "null"
	}) {
		return nil, collect.Malformed(call, "there is no policy in the answer")
	}
	p := new(Policy)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, collect.Malformed(call, "%v", err)
	}
	return p, nil
}

// version3 asks for conditions, which older versions leave out.
//
// Source: https://cloud.google.com/iam/docs/policies#versions
const version3 = 3

// asking returns how a policy is asked for: by its method and query, or body.
func asking(method, query string) (string, any) {
	if method == http.MethodPost {
		return "", map[string]any{"options": map[string]int{"requestedPolicyVersion": version3}}
	}
	return fmt.Sprintf("?%s=%d", query, version3), nil
}

// Anonymity says whether a service answers requests without any credential of
// Google, where a policy lets allUsers in.
type Anonymity uint8

// The anonymities.
const (
	// AnonymityUndocumented: allUsers stands for everybody on the internet in
	// IAM's documentation, and whether this service answers a request without a
	// credential is not documented: at least everybody with an account, at most
	// everybody.
	AnonymityUndocumented Anonymity = iota
	// AnonymousAnswered: the documentation of the service says that it does.
	AnonymousAnswered
	// AnonymousRefused: the documentation says that every request needs a
	// credential.
	AnonymousRefused
)

// everyone is the audience of allUsers, proven and possible.
func (a Anonymity) everyone() (least, most resource.Audience) {
	switch a {
	case AnonymousAnswered:
		return resource.Anyone, resource.Anyone
	case AnonymousRefused:
		return resource.AnyTenant, resource.AnyTenant
	default:
		return resource.AnyTenant, resource.Anyone
	}
}
