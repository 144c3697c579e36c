package aws

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
)

// PolicyLimit is how long a customer managed policy may be, in characters that
// are not white space.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const PolicyLimit = 6144

// PolicyDocument is an IAM policy that allows what andon needs.
type PolicyDocument struct {
	Version   string            `json:"Version"`
	Statement []PolicyStatement `json:"Statement"`
}

// PolicyStatement is one statement of a PolicyDocument.
type PolicyStatement struct {
	Sid      string   `json:"Sid"`
	Effect   string   `json:"Effect"`
	Action   []string `json:"Action"`
	Resource string   `json:"Resource"`
}

// Permissions returns the least-privilege policy of an audit of the given kinds,
// or of every kind, generated from what the kinds declare. Everything in it
// reads configuration; nothing reads data or writes.
func Permissions(of ...*collect.Kind) PolicyDocument {
	if len(of) == 0 {
		of = Kinds()
	}
	actions := []string{"ec2:DescribeRegions", callerIdentity}
	for _, k := range of {
		actions = append(actions, permissionsOf(k)...)
	}
	slices.Sort(actions)
	return allow("AndonReadsConfiguration", slices.Compact(actions))
}

func permissionsOf(k *collect.Kind) []string {
	var actions []string
	for _, l := range k.Lists {
		actions = append(actions, l.Permission)
	}
	for _, r := range k.Reads {
		actions = append(actions, r.Permission)
	}
	return actions
}

// allow returns a policy of one statement, or of none where there is nothing to
// allow: IAM takes no statement without an action.
func allow(sid string, actions []string) PolicyDocument {
	d := PolicyDocument{Version: "2012-10-17", Statement: []PolicyStatement{}}
	if len(actions) > 0 {
		d.Statement = append(d.Statement, PolicyStatement{Sid: sid, Effect: "Allow", Action: actions, Resource: "*"})
	}
	return d
}

// Actions returns every action that the policy allows, in order.
func (d PolicyDocument) Actions() []string {
	var actions []string
	for _, s := range d.Statement {
		actions = append(actions, s.Action...)
	}
	return actions
}

// Beyond returns what is left of the policy where a managed policy is attached,
// too.
func (d PolicyDocument) Beyond(m ManagedPolicy) PolicyDocument {
	lacking := slices.DeleteFunc(d.Actions(), func(action string) bool { return action == callerIdentity || m.Grants(action) })
	return allow("AndonBeyond"+m.Name, lacking)
}

// Size counts the characters of the policy as IAM does: without white space.
func (d PolicyDocument) Size() int {
	text, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("encode policy: %v", err)) // it holds strings alone
	}
	return len(text)
}

// Split returns the policy in as few parts as fit into the limit, each a policy
// of its own. An action longer than the limit is a part all the same.
func (d PolicyDocument) Split(limit int) []PolicyDocument {
	if len(d.Statement) == 0 || d.Size() <= limit {
		return []PolicyDocument{d}
	}
	sid, actions := d.Statement[0].Sid, d.Actions()
	var parts []PolicyDocument
	for len(actions) > 0 {
		fits := 1
		for fits < len(actions) && allow(sid, actions[:fits+1]).Size() <= limit {
			fits++
		}
		parts, actions = append(parts, allow(sid, actions[:fits])), actions[fits:]
	}
	return parts
}
