package azure

import (
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
)

// permissions find out which subscriptions there are, by call.
var permissions = map[string]string{
	listCall:  "Microsoft.Resources/subscriptions/read",
	getCall:   "Microsoft.Resources/subscriptions/read",
	belowCall: "Microsoft.Management/managementGroups/descendants/read",
}

// CustomRole is a role of one's own, in the members that az role definition
// create reads from a file.
//
// Source: https://learn.microsoft.com/azure/role-based-access-control/custom-roles
type CustomRole struct {
	Name             string   `yaml:"Name" json:"Name"`
	IsCustom         bool     `yaml:"IsCustom" json:"IsCustom"`
	Description      string   `yaml:"Description" json:"Description"`
	Actions          []string `yaml:"Actions" json:"Actions"`
	NotActions       []string `yaml:"NotActions" json:"NotActions"`
	DataActions      []string `yaml:"DataActions" json:"DataActions"`
	NotDataActions   []string `yaml:"NotDataActions" json:"NotDataActions"`
	AssignableScopes []string `yaml:"AssignableScopes" json:"AssignableScopes"`
}

// AssignableScope is the place of what the owner of a role has to fill in: the
// subscription or management group that it can be assigned in.
const AssignableScope = "/subscriptions/SUBSCRIPTION_ID"

// Bundle is what an audit needs: either the one role, which allows exactly that,
// or the built-in ones together with what they lack.
type Bundle struct {
	// Role allows everything that is needed and nothing else.
	Role CustomRole
	// Roles are built-in roles that together allow most of it.
	Roles []string
	// Beyond are the actions that none of these roles has.
	Beyond []string
}

// Permissions returns the least privileges of an audit of the given kinds, or of
// every kind, generated from what the kinds declare. Everything in it reads
// configuration; nothing lists keys, makes a signature, reads data or writes.
//
// Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/general#reader
// (Reader allows */read)
func Permissions(of ...*collect.Kind) Bundle {
	if len(of) == 0 {
		of = Kinds()
	}
	var needed []string
	for _, p := range permissions {
		needed = append(needed, p)
	}
	for _, k := range of {
		for _, l := range k.Lists {
			needed = append(needed, strings.Fields(l.Permission)...)
		}
		for _, r := range k.Reads {
			needed = append(needed, strings.Fields(r.Permission)...)
		}
	}
	slices.Sort(needed)
	needed = slices.Compact(needed)
	return Bundle{
		Role: CustomRole{
			Name: "andon audit", IsCustom: true, Description: "Reads the configuration of data stores, never what is in them.",
			Actions: needed, NotActions: []string{}, DataActions: []string{}, NotDataActions: []string{}, AssignableScopes: []string{AssignableScope},
		},
		Roles:  []string{"Reader"},
		Beyond: slices.DeleteFunc(slices.Clone(needed), func(action string) bool { return strings.HasSuffix(action, "/read") }),
	}
}
