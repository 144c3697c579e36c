//go:build e2e

package differential

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/aws/iam"
)

// policy is a policy document that masks can take apart.
type policy struct {
	Version   string      `json:"Version,omitempty"`
	Statement []statement `json:"Statement"`
}

type statement struct {
	Effect       string                         `json:"Effect"`
	Principal    principals                     `json:"Principal,omitempty"`
	NotPrincipal principals                     `json:"NotPrincipal,omitempty"`
	Action       []string                       `json:"Action,omitempty"`
	NotAction    []string                       `json:"NotAction,omitempty"`
	Resource     []string                       `json:"Resource,omitempty"`
	NotResource  []string                       `json:"NotResource,omitempty"`
	Condition    map[string]map[string][]string `json:"Condition,omitempty"`
}

// principals are the names by kind; everyone is spelled "*".
type principals map[string][]string

var everyone = principals{"*": {"*"}}

func (p principals) MarshalJSON() ([]byte, error) {
	if _, ok := p["*"]; ok {
		return []byte(`"*"`), nil
	}
	return json.Marshal(map[string][]string(p))
}

func (p policy) parse(t *testing.T) *iam.Policy {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatalf("marshal policy: %v", err)
	}
	parsed, err := iam.Parse(text)
	if err != nil {
		t.Fatalf("parse policy: %v in %s", err, text)
	}
	return parsed
}

func (p policy) clone() policy {
	p.Statement = slices.Clone(p.Statement)
	for i := range p.Statement {
		s := &p.Statement[i]
		s.Principal, s.NotPrincipal = s.Principal.clone(), s.NotPrincipal.clone()
		for _, list := range []*[]string{&s.Action, &s.NotAction, &s.Resource, &s.NotResource} {
			*list = slices.Clone(*list)
		}
		s.Condition = maps.Clone(s.Condition)
		for operator, block := range s.Condition {
			block = maps.Clone(block)
			for key, values := range block {
				block[key] = slices.Clone(values)
			}
			s.Condition[operator] = block
		}
	}
	return p
}

func (p principals) clone() principals {
	p = maps.Clone(p)
	for kind, names := range p {
		p[kind] = slices.Clone(names)
	}
	return p
}

// pair is a policy and a request for it.
type pair struct {
	policy  policy
	request request
}

// request is a request as the engine knows it. A role sends requests in
// sessions; session is the ARN of one, "" for a request that names the role
// itself.
type request struct {
	iam.Request
	session string
}

// MarshalJSON writes a line for simulate.mjs.
func (p pair) MarshalJSON() ([]byte, error) {
	line := struct {
		Policy    policy              `json:"policy"`
		Principal string              `json:"principal,omitempty"`
		Action    string              `json:"action"`
		Resource  string              `json:"resource"`
		Context   map[string][]string `json:"context"`
	}{p.policy, p.request.Principal.ID, p.request.Action, p.request.Resource, p.request.Context}
	if p.request.session != "" {
		line.Principal = p.request.session
	}
	return json.Marshal(line)
}

// identify adds the keys that follow from the principal, which the engine adds
// by itself and the simulator has to be told (IAM User Guide, "AWS global
// condition context keys").
func (r *request) identify() {
	r.Context = maps.Clone(r.Context)
	if r.Context == nil {
		r.Context = make(map[string][]string)
	}
	set := func(key, value string) {
		maps.DeleteFunc(r.Context, func(have string, _ []string) bool { return strings.EqualFold(have, key) })
		r.Context[key] = []string{value}
	}
	id := r.Principal.ID
	switch r.Principal.Kind {
	case "anonymous":
		set("aws:PrincipalAccount", "anonymous")
		set("aws:PrincipalType", "Anonymous")
		set("aws:userid", "anonymous")
	case "service":
		set("aws:PrincipalIsAWSService", "true")
		set("aws:PrincipalServiceName", id)
		set("aws:PrincipalServiceNamesList", id)
	case "federated":
		set("aws:PrincipalIsAWSService", "false")
		set("aws:FederatedProvider", id)
	case "aws":
		account, resource := strings.Split(id, ":")[4], strings.Split(id, ":")[5]
		kind, _, _ := strings.Cut(resource, "/")
		set("aws:PrincipalIsAWSService", "false")
		set("aws:PrincipalArn", id)
		set("aws:PrincipalAccount", account)
		set("kms:CallerAccount", account)
		set("aws:PrincipalType", map[string]string{"root": "Account", "user": "User", "role": "AssumedRole", "federated-user": "FederatedUser"}[kind])
		if kind == "user" {
			set("aws:username", resource[strings.LastIndex(resource, "/")+1:])
		}
	}
}

// value returns what the request has for a key.
func (r request) value(key string) []string {
	for have, values := range r.Context {
		if strings.EqualFold(have, key) {
			return values
		}
	}
	return nil
}

// without returns the request without the keys that the simulator ignores: in
// its reading of the Service Authorization Reference the action does not have
// them, so the question of what they mean is not the policy's.
func (r request) without(keys []string) request {
	r.Context = maps.Clone(r.Context)
	for _, key := range keys {
		delete(r.Context, key)
	}
	return r
}

// inMilliseconds rounds the times of a witness, which the engine places a
// microsecond beside the instant that a policy names, to what JavaScript knows.
func (r request) inMilliseconds() request {
	r.Context = maps.Clone(r.Context)
	for key, values := range r.Context {
		values = slices.Clone(values)
		for i := range values {
			values[i] = strings.NewReplacer(".000001", ".001", ".999999", ".999").Replace(values[i])
		}
		r.Context[key] = values
	}
	return r
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
