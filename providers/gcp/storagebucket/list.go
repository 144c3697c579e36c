package storagebucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// pageSize is what a listing is asked for: the most that Google gives.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets/list
const pageSize = "1000"

// fields are the members of a bucket that are looked at.
const fields = "nextPageToken,unreachable,items(name,projectNumber,location,timeCreated,labels,iamConfiguration,acl,defaultObjectAcl,website,billing,ipFilter)"

// page is one answer of the listing. Its entries are read one by one, so that an
// odd one does not take the others with it.
type page struct {
	Items       []json.RawMessage `json:"items"`
	Unreachable []string          `json:"unreachable"`
	Next        string            `json:"nextPageToken"`
}

// List implements collect.Collector. The listing shows access control lists to
// those who may see them; where it is refused for that, it is asked for without,
// and what they grant stays open.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		w := walk{collector: c}
		var nameless error
		seen := make(map[string]bool)
		for token, more := "", true; more; more = token != "" {
			p, err := w.page(ctx, token)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, text := range p.Items {
				r, err := c.bucket(ctx, text, w.withheld)
				nameless = errors.Join(nameless, err)
				if !yield(r, nil) {
					return
				}
			}
			w.lost = append(w.lost, p.Unreachable...)
			if token = p.Next; token != "" && seen[token] {
				yield(nil, api.Failed(listCall, c.project, collect.Malformed(listCall, "it names a page for the second time")))
				return
			}
			seen[token] = true
		}
		slices.Sort(w.lost)
		for _, name := range slices.Compact(w.lost) {
			if !yield(c.unreachable(name), nil) {
				return
			}
		}
		if nameless != nil {
			yield(nil, nameless)
		}
	}
}

// walk is one listing on its way.
type walk struct {
	*collector
	withheld *resource.Gap // why access control lists were not asked for
	lost     []string      // buckets that the listing went without
}

func (w *walk) page(ctx context.Context, token string) (*page, error) {
	p, err := w.ask(ctx, token)
	if w.withheld == nil && api.Status(err) == http.StatusForbidden {
		refusal := w.client.Refusal(err)
		if refusal.Reason != resource.Denied {
			return nil, err
		}
		w.withheld = withoutLists(resource.Denied, refusal.String())
		return w.ask(ctx, token)
	}
	return p, err
}

func (w *walk) ask(ctx context.Context, token string) (*page, error) {
	query := url.Values{
		"project": {w.project}, "projection": {"full"}, "maxResults": {pageSize}, "fields": {fields},
		// A location that does not answer takes nothing from the others.
		// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets/list
		"returnPartialSuccess": {"true"},
	}
	if w.withheld != nil {
		query.Set("projection", "noAcl")
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	p := new(page)
	err := w.client.Ask(ctx, api.Request{Service: "storage", Path: "storage/v1/b?" + query.Encode()}, p)
	return p, api.Failed(listCall, w.project, err)
}

// withoutLists is the gap of a bucket of which no access control list was read:
// neither its own nor the one that new objects start with. Both take the same
// permission.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets/list
// (storage.buckets.getIamPolicy is required to include ACLs)
func withoutLists(why resource.Reason, detail string) *resource.Gap {
	return &resource.Gap{
		Call: listCall, Permission: "storage.buckets.getIamPolicy", Reason: why, Detail: detail,
		Hides: []resource.Hidden{
			{Via: aclChannel, To: resource.Anyone}, {Via: objectACLChannel, To: resource.Anyone}, {Via: namedACLChannel, To: resource.Outsiders()},
		},
	}
}

// idOf is Google's own name for a bucket.
//
// Source: https://cloud.google.com/asset-inventory/docs/resource-name-format
func idOf(name string) resource.ID { return resource.ID("//" + service + "/" + name) }

func (c *collector) empty(name string) *resource.Resource {
	return &resource.Resource{ID: idOf(name), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope}
}

// closed is a gap that hides everybody.
func closed(why resource.Reason, detail string) resource.Gap {
	g := resource.Gap{Call: listCall, Permission: "storage.buckets.list", Reason: why, Detail: detail}
	for _, via := range everyChannel {
		g.Hides = append(g.Hides, resource.Hidden{Via: via, To: resource.Anyone})
	}
	return g
}

// unreachable is a bucket that the listing went without. Nothing is asked about
// it: its location does not answer.
func (c *collector) unreachable(name string) *resource.Resource {
	r := c.empty(strings.TrimPrefix(name, "projects/_/buckets/"))
	r.Gaps = append(r.Gaps, closed(resource.Failed, "the listing was answered without this bucket: its location could not be reached"))
	return r
}

// bucket describes an entry of the listing. One without a name is kept, as a
// store of which nothing is known; the error says so in the ledger.
func (c *collector) bucket(ctx context.Context, text json.RawMessage, withheld *resource.Gap) (*resource.Resource, error) {
	var named struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(text, &named); err != nil || named.Name == "" {
		r := c.empty(fmt.Sprintf("(without a name, %08x)", crc32.ChecksumIEEE(text)))
		r.Gaps = append(r.Gaps, closed(resource.Malformed, "an entry of the listing has no name that could be asked about"))
		return r, collect.Malformed(listCall, "an entry has no name that could be asked about")
	}
	r := c.empty(named.Name)
	b := c.newBucket(named.Name)
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		gap := closed(resource.Malformed, err.Error())
		gap.Hides = withoutLists("", "").Hides
		gap.Shields = []resource.Shield{{On: everyChannel, Cap: resource.Nobody}}
		gap.Settings = []string{
			"public_access_prevention", "acls_enabled", "uniform_access_locked", "requester_pays", "website", "location",
		}
		r.Gaps = append(r.Gaps, gap)
	} else {
		b.describe(ctx, r, &e, withheld)
	}
	c.listed.Store(r, b)
	return r, nil
}
