package storagebucket

import (
	"context"
	"fmt"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// accessControl is an entry of an access control list.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/bucketAccessControls#resource
type accessControl struct {
	Entity string `json:"entity"`
	Role   string `json:"role"`
	Email  string `json:"email"`
}

// The roles of a policy that allow what the entries of a list do, by the entries'
// words.
//
// Source: https://cloud.google.com/storage/docs/access-control/iam#acls
var (
	bucketRoles = map[string]string{
		"READER": "roles/storage.legacyBucketReader", "WRITER": "roles/storage.legacyBucketWriter", "OWNER": "roles/storage.legacyBucketOwner",
	}
	objectRoles = map[string]string{
		"READER": "roles/storage.legacyObjectReader", "OWNER": "roles/storage.legacyObjectOwner",
	}
)

// The members of a policy that stand for the teams of a project.
//
// Source: https://cloud.google.com/storage/docs/access-control/iam#convenience-values
var teams = map[string]string{"owners": "projectOwner:", "editors": "projectEditor:", "viewers": "projectViewer:"}

// memberOf spells an entity as a member of a policy. What is no form that is
// known stays as it is, and is no member that is known.
//
// Source: https://cloud.google.com/storage/docs/access-control/lists#scopes
func memberOf(entity, email string) string {
	kind, who, _ := strings.Cut(entity, "-")
	if email != "" && (kind == "user" || kind == "group") {
		who = email
	}
	switch kind {
	case "user":
		if strings.HasSuffix(who, ".gserviceaccount.com") {
			return "serviceAccount:" + who
		}
		return "user:" + who
	case "group", "domain":
		return kind + ":" + who
	case "project":
		team, number, found := strings.Cut(who, "-")
		if prefix := teams[team]; found && prefix != "" {
			return prefix + number
		}
	}
	return entity
}

// numbered reports whether an entity is one person or group that is named by a
// number, which tells nobody whose it is.
func numbered(entity, email string) bool {
	kind, who, _ := strings.Cut(entity, "-")
	return (kind == "user" || kind == "group") && who != "" && !strings.Contains(who, "@") && !strings.Contains(email, "@")
}

// list is where an access control list was read, and what its entries allow.
type list struct {
	call, pointer string
	roles         map[string]string
	open          resource.Channel
	about         string // what a witness would ask for, or "" where there is none
	note          string
}

// addEntry judges an entry of a list: it allows what a role of a policy does, and
// is judged as one.
func (b *bucket) addEntry(ctx context.Context, r *resource.Resource, a accessControl, from list) {
	role, known := from.roles[a.Role]
	if !known {
		role = a.Role // no role that is known, which widens
	}
	if numbered(a.Entity, a.Email) {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: from.call, Reason: resource.Undecided,
			Detail: fmt.Sprintf("whose %.80q of an access control list is cannot be told", a.Entity),
			Hides:  []resource.Hidden{{Via: namedACLChannel, To: resource.Outsiders()}},
		})
		return
	}
	text := memberOf(a.Entity, a.Email)
	b.spelt[text], b.spelt[role] = a.Entity, a.Role
	b.add(ctx, r, b.whole, &iampolicy.Policy{Bindings: []iampolicy.Binding{{Role: role, Members: []string{text}}}}, from.about, iampolicy.Source{
		Call: from.call, Of: b.name, Place: func(int, int) string { return from.pointer },
		Open: from.open, Named: namedACLChannel, Note: from.note,
	})
}

// spell quotes a list in its own words.
func (b *bucket) spell(g *resource.Grant) {
	for i := range g.Because {
		if own := b.spelt[g.Because[i].Quote]; own != "" {
			g.Because[i].Quote = own
		}
	}
	if w := g.Witness; w != nil && g.Via == aclChannel {
		w.Action = "storage.objects.list" // every entry of a bucket allows it
	}
}

// own reports whether an entity is a team of the bucket's own project, which the
// bucket names by its number.
func (b *bucket) own(entity string) bool {
	number, found := strings.CutPrefix(entity, "project-")
	if _, number, _ = strings.Cut(number, "-"); !found || number == "" {
		return false
	}
	return number == b.number
}

// describeLists adds what the bucket's list grants, and the list that objects
// start with which are written without one. A bucket always has an owner, so that
// a list without an entry was not shown.
//
// Source: https://cloud.google.com/storage/docs/access-control/lists#default
func (b *bucket) describeLists(ctx context.Context, r *resource.Resource, e *entry, withheld *resource.Gap) {
	if b.uniform != yes && len(e.ACL) == 0 {
		gap := withheld
		if gap == nil {
			gap = withoutLists(resource.Denied, "the answer has no access control list in it")
		}
		r.Gaps = append(r.Gaps, *gap)
	}
	for _, a := range e.ACL {
		if !b.own(a.Entity) {
			b.addEntry(ctx, r, a, list{call: listCall, pointer: "/items", roles: bucketRoles, open: aclChannel, about: b.path()})
		}
	}
	for _, a := range e.DefaultObjectACL {
		if !b.own(a.Entity) {
			b.addEntry(ctx, r, a, list{
				call: listCall, pointer: "/items", roles: objectRoles, open: objectACLChannel,
				about: b.path() + "/objects/(the next that is written)", note: "every object that is written without a list of its own",
			})
		}
	}
}
