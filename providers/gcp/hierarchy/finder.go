package hierarchy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// finder looks for the guards of one store, and says on it what was found and
// what was not.
type finder struct {
	project *Project
	guarded Guarded
	// asks are the kind's declarations of the calls that are made, by call.
	asks map[string]*collect.Question
}

func newFinder(p *Project, k *collect.Kind, g Guarded, calls ...string) *finder {
	f := &finder{project: p, guarded: g, asks: make(map[string]*collect.Question)}
	for _, call := range calls {
		f.asks[call] = k.Question(call, nil)
	}
	return f
}

// declared returns those of the channels that every call behind a guard declares
// it may shield. Without this, losing one of the answers would leave no trace on
// the others, and a store would look decided that is not.
func (f *finder) declared(channels []resource.Channel) []resource.Channel {
	var all []resource.Channel
	for _, via := range channels {
		shielded := true
		for _, q := range f.asks {
			shielded = shielded && slices.ContainsFunc(q.Shields, func(s resource.Shield) bool { return slices.Contains(s.On, via) })
		}
		if shielded && !slices.Contains(all, via) {
			all = append(all, via)
		}
	}
	return all
}

func (f *finder) guard(r *resource.Resource, g resource.Guard) {
	if g.On = f.declared(g.On); len(g.On) > 0 {
		r.Guards = append(r.Guards, g)
	}
}

// doubt records an answer of a call that was understood and does not decide.
func (f *finder) doubt(r *resource.Resource, call, why string, s resource.Shield) {
	if s.On = f.declared(s.On); len(s.On) == 0 {
		return
	}
	g := f.asks[call].Gap(resource.Undecided, why)
	g.Hides, g.Settings, g.Shields = nil, nil, []resource.Shield{s}
	add(r, g)
}

// lost records a call that was not answered: all that it may hide is open.
func (f *finder) lost(r *resource.Resource, err error) {
	refusal := f.project.client.Refusal(err)
	if malformed, ok := errors.AsType[*collect.MalformedError](err); ok {
		refusal.Reason, refusal.Detail = resource.Malformed, malformed.Err.Error()
	}
	add(r, f.asks[refusal.Call].Gap(refusal.Reason, refusal.String()))
}

// add records a gap, once: several questions share a call.
func add(r *resource.Resource, g resource.Gap) {
	if !slices.ContainsFunc(r.Gaps, func(other resource.Gap) bool { return reflect.DeepEqual(other, g) }) {
		r.Gaps = append(r.Gaps, g)
	}
}

// failed names the call of an error. No project is named with it: where a
// service is not enabled in the project that the call is counted for, its
// policies are in force all the same.
func failed(call string, err error) error { return api.Failed(call, "", err) }

// maxPages bounds a listing whose page tokens never end. The longest listing
// that Google allows is that of 10,000 perimeters, 100 a page.
const maxPages = 1000

// pages asks for every page of a listing and hands each over; it returns the
// token of the next.
func pages[T any](ctx context.Context, c *api.Client, call, path string, query url.Values, page func(T) (next string)) error {
	service, _, _ := strings.Cut(call, ":")
	for range maxPages {
		request := api.Request{Service: service, Path: path}
		if len(query) > 0 {
			request.Path += "?" + query.Encode()
		}
		var answer T
		if err := c.Ask(ctx, request, &answer); err != nil {
			return failed(call, err)
		}
		next := page(answer)
		if next == "" {
			return nil
		}
		if query == nil {
			query = make(url.Values)
		}
		if query.Get("pageToken") == next {
			return failed(call, collect.Malformed(call, "the page token %.40q leads back to its own page", next))
		}
		query.Set("pageToken", next)
	}
	return failed(call, collect.Malformed(call, "the listing has more than %d pages", maxPages))
}

// segment escapes a name as one segment of a path. A colon would begin a custom
// method.
func segment(name string) string { return strings.ReplaceAll(url.PathEscape(name), ":", "%3A") }

// strict decodes a message whose every member bears on what it means: one that
// is not known may take back what the others say.
func strict(text json.RawMessage, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	return nil
}

// present reports whether a member was given: null is the same as none.
func present(text json.RawMessage) bool { return len(text) > 0 && string(text) != "null" }

// numbered reports whether a name is a collection and a number: "folders/5".
func numbered(name, collection string) bool {
	number, ok := strings.CutPrefix(name, collection+"/")
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}
