package authorisednetwork

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// Page is one answer of a listing.
type Page struct {
	// Entries are the instances, each as it came: one that is odd hides no other.
	Entries []json.RawMessage
	// Members are those of the whole answer.
	Members map[string]json.RawMessage
}

// Listing is how an API lists the instances of a project, each a T.
type Listing[T any] struct {
	Client        *api.Client
	Call, Project string
	// Path stands below the service's root, Key is the member with the entries.
	Path, Key string
	// Rename gives an instance a name: of an entry that is odd somewhere nothing
	// else is believed.
	Rename func(*T, string)
	// Describe makes a store of an entry, the place-th of the listing. One that is
	// null is nil; odd says what is wrong with it.
	Describe func(found *T, odd error, place int) *resource.Resource
	// Missing names what a page was made without.
	Missing func(*Page) []string
}

// Stores yields the instances in the order of the listing. Where the listing is
// not whole, the last error says what is missing.
func (l Listing[T]) Stores(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		var missing []string
		place := 0
		for page, err := range l.pages(ctx) {
			if err != nil {
				yield(nil, api.Failed(l.Call, l.Project, err))
				return
			}
			for _, text := range page.Entries {
				place++
				found, odd := l.decode(text)
				if odd != nil {
					missing = append(missing, "an entry cannot be read")
				}
				if !yield(l.Describe(found, odd, place), nil) {
					return
				}
			}
			missing = append(missing, l.Missing(&page)...)
		}
		if missing = slices.Compact(slices.Sorted(slices.Values(missing))); len(missing) > 0 {
			yield(nil, api.Failed(l.Call, l.Project, fmt.Errorf("the listing is not whole: %s", strings.Join(missing, ", "))))
		}
	}
}

// pages yields the answers of the listing. An error is the last that it yields.
func (l Listing[T]) pages(ctx context.Context) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		service := api.RouteOf(l.Call).Service
		seen := make(map[string]bool)
		query := ""
		for {
			var p Page
			err := l.Client.Ask(ctx, api.Request{Service: service, Path: l.Path + query}, &p.Members)
			next := ""
			if err == nil {
				next, err = p.read(l.Call, l.Key)
			}
			if !yield(p, err) || err != nil || next == "" {
				return
			}
			if seen[next] {
				yield(Page{}, collect.Malformed(l.Call, "it names a page for the second time"))
				return
			}
			seen[next] = true
			query = "?pageToken=" + url.QueryEscape(next)
		}
	}
}

func (p *Page) read(call, key string) (next string, err error) {
	if p.Members == nil {
		return "", collect.Malformed(call, "the answer is no listing")
	}
	if err := p.Into(key, &p.Entries); err != nil {
		return "", collect.Malformed(call, "%v", err)
	}
	if err := p.Into("nextPageToken", &next); err != nil {
		return "", collect.Malformed(call, "%v", err)
	}
	return next, nil
}

// Into decodes a member of the answer; one that is not there leaves the value as
// it is.
func (p *Page) Into(key string, value any) error {
	if len(p.Members[key]) == 0 {
		return nil
	}
	return json.Unmarshal(p.Members[key], value)
}

func (l Listing[T]) decode(text json.RawMessage) (found *T, odd error) {
	if string(text) == "null" {
		return nil, nil
	}
	found = new(T)
	if odd = json.Unmarshal(text, found); odd == nil {
		return found, nil
	}
	var only struct {
		Name any `json:"name"`
	}
	_ = json.Unmarshal(text, &only) // what is not even an object has no name
	found = new(T)
	if name, ok := only.Name.(string); ok {
		l.Rename(found, name)
	}
	return found, odd
}
