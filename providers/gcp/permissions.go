package gcp

import (
	_ "embed" // the table of bundle.tsv
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
)

// findPermissions find out which projects there are.
var findPermissions = []string{"resourcemanager.projects.get", "resourcemanager.projects.list", "resourcemanager.folders.list"}

// CustomRole is an IAM role of one's own, in the members that gcloud reads from a
// file.
//
// Source: https://cloud.google.com/iam/docs/creating-custom-roles
type CustomRole struct {
	Title               string   `yaml:"title" json:"title"`
	Description         string   `yaml:"description" json:"description"`
	Stage               string   `yaml:"stage" json:"stage"`
	IncludedPermissions []string `yaml:"includedPermissions" json:"includedPermissions"`
}

// Bundle is what an audit needs: either the one role, which allows exactly that,
// or the predefined ones together with what they lack.
type Bundle struct {
	// Role allows everything that is needed and nothing else.
	Role CustomRole
	// Roles are predefined roles that together allow most of it.
	Roles []string
	// Beyond are the permissions that none of these roles has.
	Beyond []string
}

// Permissions returns the least privileges of an audit of the given kinds, or of
// every kind, generated from what the kinds declare. Everything in it reads
// configuration; nothing reads data or writes.
func Permissions(of ...*collect.Kind) Bundle {
	if len(of) == 0 {
		of = Kinds()
	}
	needed := slices.Clone(findPermissions)
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
	roles, beyond := cover(needed)
	return Bundle{
		Role: CustomRole{
			Title:       "andon audit",
			Description: "Reads the configuration of data stores, never what is in them.",
			Stage:       "GA", IncludedPermissions: needed,
		},
		Roles: roles, Beyond: beyond,
	}
}

// cover picks predefined roles, in the order of the table, that add something.
func cover(needed []string) (roles, beyond []string) {
	left := slices.Clone(needed)
	for _, r := range PredefinedRoles() {
		if !r.Bundled {
			continue
		}
		before := len(left)
		left = slices.DeleteFunc(left, r.Grants)
		if len(left) < before {
			roles = append(roles, r.Name)
		}
	}
	return roles, left
}

// PredefinedRole is what a role that Google maintains allows of what reading
// configuration needs.
type PredefinedRole struct {
	// Name is "roles/iam.securityReviewer".
	Name string
	// Bundled says that the role is among those recommended. The others are
	// known to tell what an identity lacks that has only them.
	Bundled     bool
	permissions map[string]bool
}

// Known reports whether the table says anything about a permission.
func (r PredefinedRole) Known(permission string) bool {
	_, known := r.permissions[permission]
	return known
}

// Grants reports whether the role is known to have a permission.
func (r PredefinedRole) Grants(permission string) bool { return r.permissions[permission] }

//go:embed bundle.tsv
var bundleTable string

var predefined = sync.OnceValue(func() []PredefinedRole { return parseBundle(bundleTable) })

// PredefinedRoles returns the predefined roles that are known, those recommended
// first.
func PredefinedRoles() []PredefinedRole { return predefined() }

// parseBundle reads the table that the program was built with: what is wrong with
// it is a defect of the program.
func parseBundle(table string) []PredefinedRole {
	var roles []PredefinedRole
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if roles == nil {
			for _, name := range cells[1:] {
				name, other := strings.CutSuffix(name, "*")
				roles = append(roles, PredefinedRole{Name: name, Bundled: !other, permissions: make(map[string]bool)})
			}
			continue
		}
		if len(cells) != len(roles)+1 {
			panic(fmt.Sprintf("bundle.tsv: %q has %d columns", line, len(cells)))
		}
		for i, cell := range cells[1:] {
			if cell != "Y" && cell != "-" {
				panic(fmt.Sprintf("bundle.tsv: %q is neither Y nor -", cell))
			}
			roles[i].permissions[cells[0]] = cell == "Y"
		}
	}
	return roles
}
