// Package bigqueryaccess is what the kinds of BigQuery share: their listings,
// the access list of a dataset, which is no IAM policy, how it is judged, and
// whom authorised views, routines and datasets let in through themselves.
//
// It promises that what is not understood widens: an entry of a kind that nobody
// here knows may be anybody, and a view that cannot be read may show a dataset to
// everybody.
package bigqueryaccess

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// The calls that are made, all of which read configuration.
const (
	ListDatasets  = "bigquery:datasets.list"
	GetDataset    = "bigquery:datasets.get"
	ListTables    = "bigquery:tables.list"
	TablePolicy   = "bigquery:tables.getIamPolicy"
	ListRoutines  = "bigquery:routines.list"
	RoutinePolicy = "bigquery:routines.getIamPolicy"
)

// View is the channel of those who are let in by what a dataset authorises.
const View resource.Channel = "view"

// service is what conditions, deny policies and perimeters call BigQuery.
const service = "bigquery.googleapis.com"

// Prefix begins the identity of every store of BigQuery; the name follows.
const Prefix = "//" + service + "/"

// anonymity: every request needs a credential of Google, so that allUsers stands
// for everybody with an account. Queries are jobs of a project besides, which
// anybody with an account can have.
//
// Source: https://cloud.google.com/bigquery/docs/authentication and
// https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query
const anonymity = iampolicy.AnonymousRefused

// Reference names a dataset or something in it.
type Reference struct {
	Project, Dataset string
	// Part is "tables" or "routines", or empty for the dataset itself; ID is
	// that of the part.
	Part, ID string
}

// Parse reads a name as Name spells it.
func Parse(name string) (Reference, bool) {
	s := strings.Split(name, "/")
	if len(s) != 4 && len(s) != 6 || s[0] != "projects" || s[2] != "datasets" {
		return Reference{}, false
	}
	r := Reference{Project: s[1], Dataset: s[3]}
	if len(s) == 6 {
		r.Part, r.ID = s[4], s[5]
	}
	return r, r.whole()
}

// whole reports whether nothing is missing, and whether every word can stand in a
// name: one with a slash in it would be a part of another thing.
func (r Reference) whole() bool {
	words := []string{r.Project, r.Dataset}
	if r.Part != "" {
		words = append(words, r.ID)
	}
	for _, word := range words {
		if word == "" || word == "." || word == ".." || strings.Contains(word, "/") {
			return false
		}
	}
	return true
}

// Name spells the reference as IAM does: "projects/p/datasets/d/tables/t".
func (r Reference) Name() string {
	name := "projects/" + r.Project + "/datasets/" + r.Dataset
	if r.Part != "" {
		name += "/" + r.Part + "/" + r.ID
	}
	return name
}

// of returns the dataset that the reference is in.
func (r Reference) of() Reference { return Reference{Project: r.Project, Dataset: r.Dataset} }

// path is the name below the service's root, escaped.
func (r Reference) path() string {
	segments := strings.Split(r.Name(), "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	return "bigquery/v2/" + strings.Join(segments, "/")
}

// escape makes one segment of a path of a word. A colon, which the ids of old
// projects have, would look like a method of its own.
func escape(word string) string { return strings.ReplaceAll(url.PathEscape(word), ":", "%3A") }

// String is how people write it: "p.d.t".
func (r Reference) String() string {
	text := r.Project + "." + r.Dataset
	if r.ID != "" {
		text += "." + r.ID
	}
	return text
}

// maxShelf is how many answers of a sort are remembered: enough for the stores
// that are examined at the same time, and no more with the estate.
const maxShelf = 256

// shelf remembers the newest answers by name, each asked for once while it is
// remembered. The zero value is ready.
type shelf[T any] struct {
	mu     sync.Mutex
	byName map[string]*collect.Once[T]
	oldest []string
}

func (s *shelf[T]) of(name string) *collect.Once[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.byName[name]; ok {
		return found
	}
	if s.byName == nil {
		s.byName = make(map[string]*collect.Once[T])
	}
	if len(s.oldest) == maxShelf {
		delete(s.byName, s.oldest[0])
		s.oldest = s.oldest[1:]
	}
	s.byName[name] = new(collect.Once[T])
	s.oldest = append(s.oldest, name)
	return s.byName[name]
}

// policyOf returns the policy of a table or a routine that is asked about from
// several sides. Policies come in the version that has conditions.
//
// Source: https://cloud.google.com/iam/docs/policies#versions
func policyOf(ctx context.Context, c *api.Client, call string, about Reference) (*iampolicy.Policy, error) {
	kept := api.Shared(c, "bigquery policies", func() *shelf[*iampolicy.Policy] { return new(shelf[*iampolicy.Policy]) })
	return kept.of(about.Name()).Get(ctx, func(ctx context.Context) (*iampolicy.Policy, error) { return askPolicy(ctx, c, call, about) })
}

func askPolicy(ctx context.Context, c *api.Client, call string, about Reference) (*iampolicy.Policy, error) {
	var answer answerText
	err := c.Ask(ctx, api.Request{
		Service: "bigquery", Method: http.MethodPost, Path: about.path() + ":getIamPolicy",
		Body: map[string]any{"options": map[string]int{"requestedPolicyVersion": policyVersion}},
	}, &answer)
	if err != nil {
		return nil, err
	}
	return iampolicy.Decode(call, answer)
}

// policyVersion is the one of policies and access lists that has conditions.
const policyVersion = 3
