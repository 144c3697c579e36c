package bigqueryaccess

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
	"github.com/andon-audit/andon/providers/gcp/role"
)

// Access is what a dataset says of itself: who is let in, and what it authorises
// to read it for others.
type Access struct {
	// About is the dataset.
	About Reference
	// Type is "DEFAULT", "PUBLIC", "LINKED", …; empty where it does not say.
	Type string
	// KMSKey is the customer-managed key of new tables, or empty.
	KMSKey  string
	Created time.Time

	principals []principal
	authorised []authorised
	odd        []oddity
}

// principal is an entry that lets somebody in.
type principal struct {
	at, text     string // where it stands, and what stands there
	member       string // the same as a member of IAM policies
	roleAt, role string
	condition    *iampolicy.Condition
}

// authorised is an entry that lets others in through something else.
type authorised struct {
	at    string // of the reference
	about Reference
	// every says that it is everything of one sort in the dataset: "tables" or
	// "routines".
	every string
}

// oddity is an entry that was not understood.
type oddity struct {
	detail string
	reason resource.Reason
	// through says that it lets in through something else, whoever that is.
	through bool
}

// Get returns what a dataset says of itself, asking for it once while it is
// remembered.
func Get(ctx context.Context, c *api.Client, dataset Reference) (*Access, error) {
	kept := api.Shared(c, "bigquery datasets", func() *shelf[*Access] { return new(shelf[*Access]) })
	return kept.of(dataset.Name()).Get(ctx, func(ctx context.Context) (*Access, error) {
		// Both its access list and the rest are asked for: without the permission
		// for one of them this is a refusal, and no half of an answer.
		query := url.Values{"accessPolicyVersion": {strconv.Itoa(policyVersion)}, "datasetView": {"FULL"}}
		var answer answerText
		if err := c.Ask(ctx, api.Request{Service: "bigquery", Path: dataset.path() + "?" + query.Encode()}, &answer); err != nil {
			return nil, err
		}
		return Decode(dataset, answer)
	})
}

// Decode reads the answer of datasets.get. One without an access list says
// nothing of who is let in.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset
func Decode(dataset Reference, answer []byte) (*Access, error) {
	var members map[string]answerText
	if err := json.Unmarshal(answer, &members); err != nil || members == nil {
		return nil, collect.Malformed(GetDataset, "the answer is no dataset")
	}
	var entries []answerText
	if err := json.Unmarshal(members["access"], &entries); err != nil || entries == nil {
		return nil, collect.Malformed(GetDataset, "there is no access list in the answer")
	}
	a := &Access{About: dataset}
	var created string
	var key struct {
		Name string `json:"kmsKeyName"`
	}
	for name, into := range map[string]any{"type": &a.Type, "creationTime": &created, "defaultEncryptionConfiguration": &key} {
		if text := members[name]; len(text) > 0 {
			_ = json.Unmarshal(text, into) // what is odd is left out: it lets nobody in
		}
	}
	a.Created, a.KMSKey = moment(created), key.Name
	for i, text := range entries {
		a.add(text, fmt.Sprintf("/access/%d", i))
	}
	return a, nil
}

// The members of an entry that say who or what it is about.
var (
	principalKeys  = []string{"specialGroup", "iamMember", "userByEmail", "groupByEmail", "domain"}
	authorisedKeys = []string{"view", "routine", "dataset"}
)

// add reads one entry. It is about one principal or one thing; whatever more it
// names counts, too.
func (a *Access) add(text answerText, at string) {
	var members map[string]answerText
	if json.Unmarshal(text, &members) != nil || members == nil {
		a.odd = append(a.odd, oddity{detail: at + ": not an entry", reason: resource.Malformed})
		return
	}
	understood := false
	for _, key := range principalKeys {
		if members[key] != nil {
			understood = true
			a.addPrincipal(members, key, at)
		}
	}
	for _, key := range authorisedKeys {
		if members[key] != nil {
			understood = true
			a.addAuthorised(members[key], key, at+"/"+key)
		}
	}
	if !understood {
		a.odd = append(a.odd, oddity{detail: at + ": an entry of a kind that is not known", reason: resource.Undecided})
	}
}

func (a *Access) addPrincipal(members map[string]answerText, key, at string) {
	p := principal{at: at + "/" + key, roleAt: at + "/role"}
	for _, m := range []struct {
		name string
		into any
	}{{key, &p.text}, {"role", &p.role}, {"condition", &p.condition}} {
		if text := members[m.name]; text != nil && json.Unmarshal(text, m.into) != nil {
			a.odd = append(a.odd, oddity{detail: at + "/" + m.name + ": not what it should be", reason: resource.Malformed})
			return
		}
	}
	if p.text == "" {
		a.odd = append(a.odd, oddity{detail: p.at + ": it names nobody", reason: resource.Malformed})
		return
	}
	p.member = a.member(key, p.text)
	a.principals = append(a.principals, p)
}

// specialGroups are those that stand for members of IAM policies: everybody with
// an account, and those who have a basic role of the project.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.access
var specialGroups = map[string]string{
	"allAuthenticatedUsers": "allAuthenticatedUsers", "allUsers": "allUsers",
	"projectOwners": "projectOwner:", "projectReaders": "projectViewer:", "projectWriters": "projectEditor:",
}

// member spells a principal as IAM policies do. A special group that nobody here
// knows becomes a member that nobody knows.
func (a *Access) member(key, text string) string {
	switch key {
	case "specialGroup":
		member, known := specialGroups[text]
		if !known {
			return "specialGroup:" + text
		}
		if strings.HasSuffix(member, ":") {
			member += a.About.Project
		}
		return member
	case "userByEmail":
		if strings.HasSuffix(strings.ToLower(text), ".gserviceaccount.com") {
			return "serviceAccount:" + text
		}
		return "user:" + text
	case "groupByEmail":
		return "group:" + text
	case "domain":
		return "domain:" + text
	default:
		return text
	}
}

func (a *Access) addAuthorised(text answerText, key, at string) {
	var r reference
	types := []string{""}
	if key == "dataset" {
		var inside struct {
			Dataset reference `json:"dataset"`
			Types   []string  `json:"targetTypes"`
		}
		if json.Unmarshal(text, &inside) != nil {
			a.addOddity(at, "not what it should be", resource.Malformed)
			return
		}
		r, types, at = inside.Dataset, inside.Types, at+"/dataset"
	} else if json.Unmarshal(text, &r) != nil {
		a.addOddity(at, "not what it should be", resource.Malformed)
		return
	}
	for _, sort := range types {
		found, known := r.authorised(key, sort, at)
		switch {
		case !known:
			a.addOddity(at, "it authorises a sort of thing that is not known", resource.Undecided)
		case !found.about.whole():
			a.addOddity(at, "it authorises something without a whole name", resource.Malformed)
		case !slices.Contains(a.authorised, found):
			a.authorised = append(a.authorised, found)
		}
	}
	if len(types) == 0 {
		a.addOddity(at, "it does not say which sort of thing it authorises", resource.Undecided)
	}
}

func (a *Access) addOddity(at, detail string, why resource.Reason) {
	a.odd = append(a.odd, oddity{detail: at + ": " + detail, reason: why, through: true})
}

// reference is one to a view, a routine or a dataset.
type reference struct {
	Project string `json:"projectId"`
	Dataset string `json:"datasetId"`
	Table   string `json:"tableId"`
	Routine string `json:"routineId"`
}

func (r reference) authorised(key, sort, at string) (found authorised, known bool) {
	found = authorised{at: at, about: Reference{Project: r.Project, Dataset: r.Dataset}}
	switch {
	case key == "view":
		found.about.Part, found.about.ID = "tables", r.Table
	case key == "routine":
		found.about.Part, found.about.ID = "routines", r.Routine
	case sort == "VIEWS":
		found.every = "tables"
	case sort == "ROUTINES":
		found.every = "routines"
	default:
		return found, false
	}
	return found, true
}

// Authorised names what the dataset authorises to read it for others: "p.d.v",
// and "every view of p.d".
func (a *Access) Authorised() []string {
	names := make([]string, 0, len(a.authorised))
	for _, x := range a.authorised {
		names = append(names, x.String())
	}
	return names
}

// String says what is authorised.
func (x authorised) String() string {
	switch {
	case x.every == "tables":
		return "every view of " + x.about.String()
	case x.every == "routines":
		return "every routine of " + x.about.String()
	case x.about.Part == "routines":
		return "routine " + x.about.String()
	default:
		return "view " + x.about.String()
	}
}

// legacyRoles are what the roles of access lists are to IAM.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.access
var legacyRoles = map[string]string{
	"READER": "roles/bigquery.dataViewer", "WRITER": "roles/bigquery.dataEditor", "OWNER": "roles/bigquery.dataOwner",
}

// policy returns the entries that let somebody in as an IAM policy, one binding
// an entry.
func (a *Access) policy() *iampolicy.Policy {
	p := new(iampolicy.Policy)
	for _, x := range a.principals {
		name := x.role
		if x.condition != nil {
			name = role.Base(name) // the mark of a condition, which without one is a role that nobody knows
		}
		p.Bindings = append(p.Bindings, iampolicy.Binding{
			Role: cmp.Or(legacyRoles[name], name), Members: []string{x.member}, Condition: x.condition,
		})
	}
	return p
}
