package bigqueryaccess

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// answerText is an answer as it came.
type answerText = json.RawMessage

// pageSize asks for as many entries as BigQuery puts on a page of any listing.
const pageSize = "1000"

// Item is one entry of a listing.
type Item struct {
	// About names it. Its ID, or Dataset for a dataset, is empty where the entry
	// has no name that could be asked about.
	About Reference
	// Named reports whether it has such a name.
	Named bool
	raw   answerText
	call  string
	at    string
}

// Into decodes the members of an entry that a kind looks at. What is not as it
// should be is left out.
func (i *Item) Into(members any) error { return json.Unmarshal(i.raw, members) }

// Evidence cites the listing that the entry came in. Its place in the list changes
// with paging, and is not told.
func (i *Item) Evidence(quote string) resource.Evidence {
	return resource.Evidence{Call: i.call, Of: i.About.of().Name(), Pointer: i.at, Quote: quote}
}

// listing is one kind of listing.
type listing struct {
	call, key, reference, id string
}

var (
	datasetListing = listing{ListDatasets, "datasets", "datasetReference", "datasetId"}
	tableListing   = listing{ListTables, "tables", "tableReference", "tableId"}
	routineListing = listing{ListRoutines, "routines", "routineReference", "routineId"}
)

// Datasets lists the datasets of a project, hidden ones among them. What is
// without a name is listed, too, and an error comes last.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/list
func Datasets(ctx context.Context, c *api.Client, project string) iter.Seq2[*Item, error] {
	path := "bigquery/v2/projects/" + escape(project) + "/datasets"
	return datasetListing.pages(ctx, c, Reference{Project: project}, path, url.Values{"all": {"true"}, "maxResults": {pageSize}})
}

// inside lists the tables or the routines of a dataset.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/list and
// https://cloud.google.com/bigquery/docs/reference/rest/v2/routines/list
func (l listing) inside(ctx context.Context, c *api.Client, dataset Reference) iter.Seq2[*Item, error] {
	return l.pages(ctx, c, dataset, dataset.path()+"/"+l.key, url.Values{"maxResults": {pageSize}})
}

// pages yields what a listing holds. That some of it was missed, or cannot be asked
// about, comes last.
func (l listing) pages(ctx context.Context, c *api.Client, parent Reference, path string, query url.Values) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		var lost []string
		nameless := 0
		for {
			var answer answerText
			if err := c.Ask(ctx, api.Request{Service: "bigquery", Path: path + "?" + query.Encode()}, &answer); err != nil {
				yield(nil, api.Failed(l.call, parent.Project, err))
				return
			}
			p, err := l.read(answer, parent)
			if err == nil && p.next != "" && p.next == query.Get("pageToken") {
				err = collect.Malformed(l.call, "the page after this one is this one")
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.items {
				if !p.items[i].Named {
					nameless++
				}
				if !yield(&p.items[i], nil) {
					return
				}
			}
			lost = append(lost, p.lost...)
			if p.next == "" {
				break
			}
			query.Set("pageToken", p.next)
		}
		switch {
		case len(lost) > 0:
			yield(nil, api.Failed(l.call, parent.Project, &iampolicy.UnreachableError{Places: lost}))
		case nameless > 0:
			yield(nil, collect.Malformed(l.call, "%d entries have no name that could be asked about", nameless))
		}
	}
}

// page is one answer of a listing.
type page struct {
	items []Item
	next  string
	lost  []string // locations that did not answer
}

func (l listing) read(answer answerText, parent Reference) (*page, error) {
	var members map[string]answerText
	if err := json.Unmarshal(answer, &members); err != nil || members == nil {
		return nil, collect.Malformed(l.call, "the answer is no listing")
	}
	p := new(page)
	var entries []answerText
	for key, into := range map[string]any{"nextPageToken": &p.next, "unreachable": &p.lost, l.key: &entries} {
		if text := members[key]; len(text) > 0 && json.Unmarshal(text, into) != nil {
			return nil, collect.Malformed(l.call, "%s is not what it should be", key)
		}
	}
	for _, text := range entries {
		p.items = append(p.items, l.item(text, parent))
	}
	return p, nil
}

// item reads one entry. One that cannot be read stays, without a name: it may be
// a store.
func (l listing) item(text answerText, parent Reference) Item {
	i := Item{About: parent, raw: text, call: l.call, at: "/" + l.key}
	var entry, reference map[string]answerText
	var id string
	_ = json.Unmarshal(text, &entry) // what is not read stays without a name
	_ = json.Unmarshal(entry[l.reference], &reference)
	_ = json.Unmarshal(reference[l.id], &id)
	if parent.Dataset == "" {
		i.About.Dataset = id
	} else {
		i.About.Part, i.About.ID = l.key, id
	}
	i.Named = i.About.whole()
	return i
}

// Resource describes a listed store under a name for readers.
func (i *Item) Resource(k *collect.Kind, scope resource.Scope, name string) *resource.Resource {
	var entry struct {
		Labels map[string]string `json:"labels"`
	}
	r := &resource.Resource{ID: resource.ID(Prefix + i.About.Name()), Kind: k.Name, Class: k.Class, Scope: scope, Name: name}
	if i.Into(&entry) == nil {
		r.Tags = entry.Labels
	}
	if i.Named {
		return r
	}
	r.Name = fmt.Sprintf("(without a name, %08x)", crc32.ChecksumIEEE(i.raw))
	parent := i.About.of().Name()
	if i.About.Part == "" {
		parent = "projects/" + i.About.Project
	}
	r.ID = resource.ID(Prefix + parent + "/" + r.Name)
	r.Gaps = append(r.Gaps, resource.Gap{
		Call: i.call, Reason: resource.Malformed, Detail: "an entry of the listing has no name that could be asked about",
		Hides: []resource.Hidden{{Via: iampolicy.Open, To: resource.AnyTenant}},
	})
	return r
}

// moment reads a moment in milliseconds since 1970, as BigQuery spells them. What
// is none is no moment.
func moment(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// gone reports whether BigQuery says that there is no such thing, which is not
// what it says of a thing that the caller may not see.
//
// Source: https://cloud.google.com/bigquery/docs/error-messages (notFound,
// accessDenied)
func gone(err error) bool { return api.Status(err) == http.StatusNotFound }
