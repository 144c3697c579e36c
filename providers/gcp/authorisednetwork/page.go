package authorisednetwork

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// Page is one answer of a listing.
type Page struct {
	// Entries are the instances, each as it came: one that is odd hides no other.
	Entries []json.RawMessage
	// Members are those of the whole answer.
	Members map[string]json.RawMessage
}

// Pages yields the answers of a listing, whose entries stand under key. An error
// is the last that it yields.
func Pages(ctx context.Context, c *api.Client, call, path, key string) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		service := api.RouteOf(call).Service
		seen := make(map[string]bool)
		query := ""
		for {
			var p Page
			err := c.Ask(ctx, api.Request{Service: service, Path: path + query}, &p.Members)
			next := ""
			if err == nil {
				next, err = p.read(call, key)
			}
			if !yield(p, err) || err != nil || next == "" {
				return
			}
			if seen[next] {
				yield(Page{}, collect.Malformed(call, "it names a page for the second time"))
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

// Decode reads one entry. Of one that is odd somewhere nothing is believed but
// its name, and odd says what is wrong; one that is null is nil.
func Decode[T any](text json.RawMessage, name func(*T, string)) (found *T, odd error) {
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
	if text, ok := only.Name.(string); ok {
		name(found, text)
	}
	return found, odd
}
