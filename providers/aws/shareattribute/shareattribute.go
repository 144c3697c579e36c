// Package shareattribute is what the kinds that are shared by an attribute have
// in common: the snapshots of databases, clusters and volumes, and machine
// images. The attribute holds the accounts that may copy the store, or the word
// that stands for every account there is.
package shareattribute

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
)

// The ways in. They are two, since what stops everybody (encryption, Block
// Public Access) does not stop the accounts that the owner named.
const (
	Public resource.Channel = "public-attribute"
	Named  resource.Channel = "named-attribute"
)

// All is the word that stands for every AWS account.
//
// Sources: Amazon RDS API Reference, DBSnapshotAttribute; Amazon EC2 API
// Reference, CreateVolumePermission and LaunchPermission.
const All = "all"

// restore is the one attribute by which snapshots of databases are shared.
const restore = "restore"

// copying is what a share allows, whatever the service calls it.
var copying = []resource.Action{resource.Restore}

// Sharing collects the entries of one store's attribute. Owner is the account
// that owns the store: an attribute may name it, too, which lets nobody else in.
type Sharing struct {
	Owner string
	// Action is what anybody may do with a store that is shared with everybody,
	// in the words of IAM: the witness of such a grant.
	Action string
	// Listed is set where a listing said already whether everybody is let in. An
	// entry that is not understood is then somebody whom the owner named.
	Listed bool

	everybody, named, odd []entry
}

type entry struct {
	who  string
	from resource.Evidence
}

// Entry adds an entry: an account, or the word for all of them. What is neither
// may be anybody.
func (s *Sharing) Entry(who string, from resource.Evidence) {
	from.Quote = who
	switch {
	case who == All:
		s.everybody = append(s.everybody, entry{who, from})
	case !isAccount(who):
		s.odd = append(s.odd, entry{who, from})
	case who != s.Owner:
		s.named = append(s.named, entry{who, from})
	}
}

// Outsider adds somebody whom the kind knows to be an outsider, and who is no
// account: a foreign organisation, a team of AWS's.
func (s *Sharing) Outsider(name string, from resource.Evidence) {
	s.named = append(s.named, entry{name, from})
}

// Odd adds an entry that is not understood.
func (s *Sharing) Odd(what string, from resource.Evidence) {
	s.odd = append(s.odd, entry{what, from})
}

// Permission adds an entry of a permission of EC2, which names a group or an
// account. list points at the entries, i is the entry's place among them.
func (s *Sharing) Permission(group, user string, list resource.Evidence, i int) {
	list.Pointer += fmt.Sprintf("[%d]", i+1)
	switch {
	case group != "":
		list.Pointer += "/group"
		s.Entry(group, list)
	case user != "":
		list.Pointer += "/userId"
		s.Entry(user, list)
	default:
		s.Odd("", list)
	}
}

// Attribute adds the values of a named attribute of a database's snapshot. An
// attribute that is not known yet shares it in a way that is not known. list
// points at the attributes.
//
// Source: Amazon RDS API Reference, ModifyDBSnapshotAttribute: accounts are
// authorised by the values of the attribute "restore".
func (s *Sharing) Attribute(name string, values []string, list resource.Evidence) {
	for i, value := range values {
		from := list
		from.Pointer = Item(list.Pointer, "AttributeName", name) + fmt.Sprintf("/AttributeValues/AttributeValue[%d]", i+1)
		if name != restore {
			s.Odd("attribute "+name, from)
			continue
		}
		s.Entry(value, from)
	}
}

// Describe adds to a store whom its attribute lets copy it.
func (s *Sharing) Describe(r *resource.Resource) {
	if len(s.everybody) > 0 && !slices.ContainsFunc(r.Grants, func(g resource.Grant) bool { return g.Via == Public }) {
		r.Grants = append(r.Grants, ToEverybody(r.ID, s.Action, s.everybody[0].from))
	}
	if len(s.named) > 0 {
		grant := s.toNamed()
		if isEncrypted(r) {
			grant.Note = keyNote
		}
		r.Grants = append(r.Grants, grant)
	}
	for _, e := range s.odd {
		gap := ToSomebody(resource.Gap{
			Call: e.from.Call, Permission: e.from.Call, Reason: resource.Undecided,
			Detail: fmt.Sprintf("%s shares it with %q, which is neither an account nor %q", e.from.Pointer, e.who, All),
		})
		if !s.Listed {
			gap = ToAnybody(gap)
		}
		r.Gaps = append(r.Gaps, gap)
	}
}

// keyNote narrows a grant of an encrypted store.
const keyNote = "with the use of its key alone"

// ToEverybody is the grant of a store that every AWS account may copy, with the
// action by which an account would.
func ToEverybody(store resource.ID, action string, from resource.Evidence) resource.Grant {
	return resource.Grant{
		To: resource.AnyTenant, Can: copying, Via: Public, Because: []resource.Evidence{from},
		Witness: &resource.Witness{Principal: "any AWS account", Action: action, Resource: string(store)},
	}
}

// toNamed is one grant to all the named, in the order of their names: services
// do not promise one.
func (s *Sharing) toNamed() resource.Grant {
	slices.SortStableFunc(s.named, func(a, b entry) int { return cmp.Compare(a.who, b.who) })
	var names []string
	var because []resource.Evidence
	for _, e := range s.named {
		if !slices.Contains(names, e.who) {
			names, because = append(names, e.who), append(because, e.from)
		}
	}
	return resource.Grant{To: resource.Outsiders(names...), Can: copying, Via: Named, Because: because}
}

// ToAnybody says of a gap that it may hide the grant of ToEverybody.
func ToAnybody(gap resource.Gap) resource.Gap {
	gap.Hides = append(gap.Hides, resource.Hidden{Via: Public, To: resource.AnyTenant, Can: copying})
	return gap
}

// ToSomebody says of a gap that it may hide a grant to outsiders whom the owner
// named.
func ToSomebody(gap resource.Gap, named ...string) resource.Gap {
	gap.Hides = append(gap.Hides, resource.Hidden{Via: Named, To: resource.Outsiders(named...), Can: copying})
	return gap
}

// GuardEncrypted adds what the encryption of a store keeps out: it cannot be
// shared with everybody, only with accounts that may use its key. custom says
// that the endpoint is not Amazon's, and promises nothing of the sort.
//
// Sources: Amazon RDS User Guide, "Sharing encrypted snapshots" ("You can't
// share encrypted snapshots as public"); Amazon EBS User Guide, "Share an Amazon
// EBS snapshot" ("You can share only unencrypted snapshots publicly").
func GuardEncrypted(r *resource.Resource, custom bool) {
	if isEncrypted(r) && !custom {
		r.Guards = append(r.Guards, resource.Guard{
			Name: "encryption", On: []resource.Channel{Public}, Cap: resource.Nobody, Because: []resource.Evidence{r.Settings[Encrypted].From},
		})
	}
}

// Item points at the element of a list of which a child says value, which stays
// right however the list is split into pages.
func Item(list, child, value string) string {
	return list + "[" + child + "=" + strconv.Quote(value) + "]"
}

// Member is a value that a listing shows, a *string or a *bool, under the key of
// a setting and the name of its element.
type Member struct {
	Key, Element string
	Value        any
}

// Settings records those of an item's members that its listing shows.
func Settings(r *resource.Resource, item resource.Evidence, members ...Member) {
	for _, m := range members {
		var value any
		switch v := m.Value.(type) {
		case *string:
			if v == nil || *v == "" {
				continue
			}
			value = *v
		case *bool:
			if v == nil {
				continue
			}
			value = *v
		default:
			continue
		}
		from := item
		from.Pointer += "/" + m.Element
		from.Quote = fmt.Sprint(value)
		r.Set(m.Key, value, from)
	}
}

// Encrypted is the setting that says whether a store is encrypted.
const Encrypted = "encrypted"

func isEncrypted(r *resource.Resource) bool {
	encrypted, _ := r.Settings[Encrypted].Value.(bool)
	return encrypted
}

// Tags returns a listing's tags; of takes one apart.
func Tags[T any](list []T, of func(T) (key, value *string)) map[string]string {
	if len(list) == 0 {
		return nil
	}
	all := make(map[string]string, len(list))
	for _, t := range list {
		if key, value := of(t); key != nil && value != nil {
			all[*key] = *value
		}
	}
	return all
}

// isAccount reports whether a text is an AWS account id: twelve digits.
func isAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}
