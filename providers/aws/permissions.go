package aws

import (
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
)

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

// Permissions returns the least-privilege policy of an audit, generated from
// what the kinds declare. Everything in it reads configuration; nothing reads
// data or writes.
func Permissions() PolicyDocument {
	actions := []string{"ec2:DescribeRegions", "sts:GetCallerIdentity"}
	for _, k := range Kinds() {
		actions = append(actions, permissionsOf(k)...)
	}
	slices.Sort(actions)
	return PolicyDocument{Version: "2012-10-17", Statement: []PolicyStatement{{
		Sid: "AndonReadsConfiguration", Effect: "Allow", Action: slices.Compact(actions), Resource: "*",
	}}}
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
