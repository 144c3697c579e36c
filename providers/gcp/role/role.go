// Package role says what the roles and permissions of Google Cloud let their
// holder do to a store: which actions a permission gives, which of these
// permissions a predefined role holds, and how a deny policy spells them. It
// reads two tables and asks nobody.
//
// A role that the tables do not hold is not a role without power: Predefined
// says that it is not known, and callers widen.
package role

import (
	_ "embed" // the two tables
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/andon-audit/andon/pkg/resource"
)

//go:embed permissions.tsv
var permissionTable string

//go:embed roles.tsv
var roleTable string

// abilities is what each permission gives on one type of store.
type abilities map[string][]resource.Action

var (
	stores      = sync.OnceValue(func() map[string]abilities { return parsePermissions(permissionTable) })
	predefined  = sync.OnceValue(func() map[string][]string { return parseRoles(roleTable) })
	permissions = sync.OnceValue(func() map[string]bool {
		all := make(map[string]bool)
		for _, able := range stores() {
			for p := range able {
				all[p] = true
			}
		}
		return all
	})
)

// Stores returns the types of store that the tables speak of, sorted:
// "storage.bucket". Key rings are among "cloudkms.key"; the instances of Spanner
// and Bigtable are among "spanner.database" and "bigtable.table".
func Stores() []string { return slices.Sorted(maps.Keys(stores())) }

// Predefined returns the permissions of one of Google's own roles, as in
// "roles/storage.objectViewer", sorted. Only those are returned that give an
// action on some type of store. known is false for a role that the table does
// not hold, whatever it may permit; a known role without such permissions gives
// none and true. Names of roles are case-sensitive.
//
// Source: https://cloud.google.com/iam/docs/roles-permissions
func Predefined(name string) (permissions []string, known bool) {
	permissions, known = predefined()[name]
	return slices.Clone(permissions), known
}

// Actions returns what a holder of the permissions may do to a type of store,
// sorted, each action once. It is nil when none of them concerns the store, and
// when the type of store is not one of Stores.
func Actions(store string, permissions []string) []resource.Action {
	var actions []resource.Action
	for _, p := range permissions {
		actions = append(actions, stores()[store][p]...)
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// possible are permissions that open what something inside the store says, which
// IAM does not tell: whoever may use a database role of Spanner may do what SQL
// granted to that role.
//
// Source: https://cloud.google.com/spanner/docs/fgac-about
var possible = map[string]map[string][]resource.Action{
	"spanner.database": {"spanner.databaseRoles.use": {resource.Delete, resource.Read, resource.Write}},
}

// Possible returns what a holder of the permissions may perhaps do to a type of
// store beyond Actions, sorted.
func Possible(store string, permissions []string) []resource.Action {
	sure := Actions(store, permissions)
	var perhaps []resource.Action
	for _, p := range permissions {
		for _, a := range possible[store][p] {
			if !slices.Contains(sure, a) && !slices.Contains(perhaps, a) {
				perhaps = append(perhaps, a)
			}
		}
	}
	slices.Sort(perhaps)
	return perhaps
}

// Granting returns every permission that gives an action on a type of store,
// sorted. Only who is denied all of them cannot do it.
func Granting(store string, action resource.Action) []string {
	var granting []string
	for p, actions := range stores()[store] {
		if slices.Contains(actions, action) {
			granting = append(granting, p)
		}
	}
	slices.Sort(granting)
	return granting
}

// Custom reads the name of a custom role: "projects/p/roles/x" is the role x of
// the parent "projects/p", "organizations/1/roles/x" one of "organizations/1". ok
// is false for everything else: a predefined role, and text that cannot be part
// of a request's path as it stands.
//
// Source: https://cloud.google.com/iam/docs/creating-custom-roles
func Custom(name string) (parent, id string, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[2] != "roles" || !spelt(parts[3], "_.") {
		return "", "", false
	}
	switch parts[0] {
	case "projects":
		ok = spelt(parts[1], "-.:")
	case "organizations":
		ok = parts[1] != "" && strings.Trim(parts[1], "0123456789") == ""
	}
	if !ok {
		return "", "", false
	}
	return parts[0] + "/" + parts[1], parts[3], true
}

// spelt reports whether text consists of ASCII letters, digits and the other
// characters, and not of these alone.
func spelt(text, other string) bool {
	strange := func(r rune) bool { return !letterOrDigit(r) && !strings.ContainsRune(other, r) }
	return strings.ContainsFunc(text, letterOrDigit) && !strings.ContainsFunc(text, strange)
}

func letterOrDigit(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// Base returns the role that the role string of a conditional grant names:
// "roles/bigquery.dataViewer" for "roles/bigquery.dataViewer_withcond_4a2f". Such
// a suffix stands there when a policy is asked for without its conditions, so the
// grant holds at most for what its condition admits. Other text is returned as it
// is.
//
// Source: https://cloud.google.com/iam/docs/troubleshooting-withcond,
// https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/get
func Base(role string) string {
	for _, mark := range []string{"_withcond_", "_with_conditionalbinding_"} {
		if i := strings.LastIndex(role, mark); i > 0 && spelt(role[i+len(mark):], "") {
			return role[:i]
		}
	}
	return role
}

// DenyName returns the form in which deny policies name a permission that the
// tables speak of: "storage.googleapis.com/objects.get" for
// "storage.objects.get". It is empty for every other text, and for a permission
// that deny policies are known not to support.
//
// Not every other permission can be denied, and which ones can is not known here: a
// deny policy that names a permission in full can only exist where that
// permission is supported, while one that names it by a wildcard
// ("storage.googleapis.com/*.*") denies it only if it is.
//
// Source: https://cloud.google.com/iam/docs/deny-permissions-support
func DenyName(permission string) string {
	service, rest, ok := strings.Cut(permission, ".")
	if !ok || !permissions()[permission] || slices.Contains(undeniable, permission) {
		return ""
	}
	return service + ".googleapis.com/" + rest
}

// undeniable are permissions that the list of those which deny policies support
// leaves out, although it has others that do the same.
//
// Source: https://cloud.google.com/iam/docs/deny-permissions-support
var undeniable = []string{
	"artifactregistry.repositories.readViaVirtualRepository",
	"cloudkms.cryptoKeyVersions.useToDecryptViaDelegation", "cloudkms.cryptoKeyVersions.useToEncryptViaDelegation",
}

// rows returns the cells of a table's lines, without its comments. The tables are
// those that the program was built with: what is wrong with one is a defect of
// the program.
func rows(name, table string, columns int) [][]string {
	var all [][]string
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != columns {
			panic(fmt.Sprintf("%s: %q has %d columns", name, line, len(cells)))
		}
		all = append(all, cells)
	}
	return all
}

func parsePermissions(table string) map[string]abilities {
	all := make(map[string]abilities)
	for _, cells := range rows("permissions.tsv", table, 3) {
		able := all[cells[0]]
		if able == nil {
			able = make(abilities)
			all[cells[0]] = able
		}
		for word := range strings.SplitSeq(cells[2], ",") {
			able[cells[1]] = append(able[cells[1]], resource.Action(word))
		}
	}
	return all
}

func parseRoles(table string) map[string][]string {
	all := make(map[string][]string)
	for _, cells := range rows("roles.tsv", table, 2) {
		var held []string
		if cells[1] != "-" {
			for group := range strings.SplitSeq(cells[1], " ") {
				held = append(held, expand(group)...)
			}
		}
		slices.Sort(held)
		all[cells[0]] = held
	}
	return all
}

// expand reads "storage.objects.{get,list}" as two permissions.
func expand(group string) []string {
	subject, verbs, several := strings.Cut(group, "{")
	if !several {
		return []string{group}
	}
	var held []string
	for verb := range strings.SplitSeq(strings.TrimSuffix(verbs, "}"), ",") {
		held = append(held, subject+verb)
	}
	return held
}
