package iampolicy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
)

// The channels of every kind that a policy alone shares.
const (
	Open  resource.Channel = "policy"
	Named resource.Channel = "named-policy"
)

// Row is one kind of store that an IAM policy alone shares: what is listed, whose
// policies count, and what is said of an entry.
type Row struct {
	Kind *collect.Kind
	// Store is the type that package role knows it by, Type what conditions call
	// it, as in "compute.googleapis.com/Image"; see Subject.
	Store, Type string
	Anonymity   Anonymity
	// Restricted is the service that perimeters restrict, where it is not the one
	// that is asked.
	Restricted string
	// Chains are the listings that lead from the project to the stores, one for
	// each place where there may be some: the locations, the key rings in each,
	// the keys in each.
	Chains []Chain
	// Parents are the calls that read the policies of what the store is in,
	// nearest first: whoever a key ring lets in may use its keys.
	Parents []string
	// Describe adds what a listed entry says of a store; nil adds nothing.
	Describe func(e *Entry, r *resource.Resource)
}

// Chain is a listing, and the one that reads a store's policy.
type Chain struct {
	// Lists are the listing calls, outermost first.
	Lists []string
	// Policy reads the policy of a store, of several calls the first that the
	// form of the store's name fits.
	Policy []string
	// Key is the member of an answer that holds the entries, where it is not the
	// last word of the path.
	Key string
	// Size asks for pages of so many entries, under the name that the service
	// gives it; 0 leaves that to the service.
	Size int
	// Regional says that the last listing and the policy are asked at the
	// endpoint of the location.
	Regional bool
	// Take reads the entries of one answer where they are not a list under Key,
	// and the places that did not answer.
	Take func(answer json.RawMessage) (found []Entry, lost []string, err error)
}

// Entry is one listed thing, as the service described it.
type Entry struct {
	// Name is the whole name, from "projects/" on.
	Name string `json:"name"`
	// ID is what compute calls it, SelfLink where.
	SelfLink   string            `json:"selfLink"`
	CreateTime string            `json:"createTime"`
	Creation   string            `json:"creationTimestamp"`
	Labels     map[string]string `json:"labels"`
	// Raw is the entry as it came, At where in the answer of Call it stands.
	Raw json.RawMessage `json:"-"`
	At  string          `json:"-"`

	call     string
	chain    *Chain
	nameless int // of those without a name, which one
}

// Evidence cites a member of the listing that the entry came in. Its place in the
// list changes with paging, and is not told.
func (e *Entry) Evidence(quote string) resource.Evidence {
	return resource.Evidence{Call: e.call, Of: e.Name, Pointer: e.At, Quote: quote}
}

// Into decodes the members of an entry that a kind looks at. What is not as it
// should be is left out.
func (e *Entry) Into(members any) error { return json.Unmarshal(e.Raw, members) }

// rows is the collector of a Row in one project.
type rows struct {
	Row
	client  *api.Client
	project string
	scope   resource.Scope
	parents *parents
}

// New returns the collector of a row in one project.
func New(row Row, c *api.Client, scope resource.Scope) collect.Collector {
	return &rows{Row: row, client: c, project: scope.Account, scope: scope, parents: new(parents)}
}

// Kind implements collect.Collector.
func (c *rows) Kind() *collect.Kind { return c.Row.Kind }

// List implements collect.Collector. A place that cannot be listed does not hide
// the others: what went wrong comes last.
func (c *rows) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		w := walk{rows: c, yield: yield}
		for i := range c.Chains {
			w.chain = &c.Chains[i]
			w.below(ctx, 0, "projects/"+c.project)
			if w.stopped {
				return
			}
		}
		if err := w.outcome(); err != nil {
			yield(nil, err)
		}
	}
}

// walk is a listing under way.
type walk struct {
	*rows
	chain    *Chain
	yield    func(*resource.Resource, error) bool
	stopped  bool
	unnamed  int
	answered bool  // some place was listed
	failed   error // of the first place that could not be
	absent   error // of the first place that does not offer the service
}

// outcome is the error of the whole: of the places that could not be listed the
// first. The service is not there only where no place has it; where one answered,
// another that does not is one of which stores may be missing.
func (w *walk) outcome() error {
	switch {
	case w.failed != nil:
		return w.failed
	case w.absent != nil && w.answered:
		return &PlaceError{Err: w.absent}
	default:
		return w.absent
	}
}

// PlaceError says that one place of several did not offer what others do.
type PlaceError struct{ Err error }

// Error implements error. It does not unwrap: that would make it the absence of
// the whole service.
func (e *PlaceError) Error() string {
	return "one place does not answer for the service: " + e.Err.Error()
}

// below lists what is in parent, step by step, down to the stores.
func (w *walk) below(ctx context.Context, step int, parent string) {
	for e, err := range w.page(ctx, step, parent) {
		switch {
		case err != nil:
			w.fail(err)
		case e.Name == "" || step == len(w.chain.Lists)-1 && len(values(e.Name)) == 0:
			w.nameless(e, step)
		case step == len(w.chain.Lists)-1:
			w.stopped = !w.yield(w.describe(e), nil)
		default:
			w.below(ctx, step+1, e.Name)
		}
		if w.stopped || ctx.Err() != nil {
			return
		}
	}
}

// nameless is an entry that nothing can be asked about. It stays, as a store of
// which nothing is known, and the listing is not complete.
func (w *walk) nameless(e *Entry, step int) {
	w.fail(collect.Malformed(w.chain.Lists[step], "an entry without a name at %s", e.At))
	w.unnamed++
	e.nameless = w.unnamed
	if step == len(w.chain.Lists)-1 {
		w.stopped = !w.yield(w.describe(e), nil)
	}
}

// fail remembers the first failure of each sort: one line of the ledger tells it.
func (w *walk) fail(err error) {
	switch absent := w.client.Refusal(err).Reason == resource.Unsupported; {
	case absent && w.absent == nil:
		w.absent = err
	case !absent && w.failed == nil:
		w.failed = err
	}
}

// page yields what a listing holds, page by page.
func (w *walk) page(ctx context.Context, step int, parent string) iter.Seq2[*Entry, error] {
	call := w.chain.Lists[step]
	return func(yield func(*Entry, error) bool) {
		path, err := Collection(call, parent)
		if err != nil {
			yield(nil, err)
			return
		}
		query := make(url.Values)
		if w.chain.Size > 0 {
			query.Set(sizeWord(call), fmt.Sprint(w.chain.Size))
		}
		var lost []string
		seen := make(map[string]bool)
		for {
			var answer json.RawMessage
			request := api.Request{Service: service(call), Location: w.location(step, parent), Path: withQuery(path, query)}
			if err := w.client.Ask(ctx, request, &answer); err != nil {
				yield(nil, api.Failed(call, w.project, err))
				return
			}
			p, err := w.read(call, answer, step)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range p.entries {
				if !yield(&p.entries[i], nil) {
					return
				}
			}
			lost = append(lost, p.lost...)
			w.answered = true
			if p.next == "" {
				break
			}
			if seen[p.next] {
				yield(nil, collect.Malformed(call, "it names a page for the second time"))
				return
			}
			seen[p.next] = true
			query.Set("pageToken", p.next)
		}
		if slices.Sort(lost); len(lost) > 0 {
			yield(nil, api.Failed(call, w.project, &UnreachableError{Places: slices.Compact(lost)}))
		}
	}
}

// UnreachableError says that a listing was answered without some places.
type UnreachableError struct{ Places []string }

// Error implements error.
func (e *UnreachableError) Error() string {
	return "did not answer, and what is there was not listed: " + strings.Join(e.Places, ", ")
}

// sizeWord is what a service calls the size of a page.
func sizeWord(call string) string {
	switch service(call) {
	case "compute", "bigquery":
		return "maxResults"
	default:
		return "pageSize"
	}
}

func service(call string) string {
	name, _, _ := strings.Cut(call, ":")
	return name
}

func withQuery(path string, query url.Values) string {
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// location is where the last listing of a regional chain is asked.
func (w *walk) location(step int, parent string) string {
	if !w.chain.Regional || step != len(w.chain.Lists)-1 {
		return ""
	}
	return locationOf(parent)
}

func locationOf(name string) string {
	segments := strings.Split(name, "/")
	if len(segments) < 4 || segments[2] != "locations" {
		return ""
	}
	return segments[3]
}

// page is one answer of a listing.
type page struct {
	entries []Entry
	next    string
	lost    []string // places that did not answer
}

// Incomplete reports whether a warning of Compute Engine's says that a listing is
// not whole: every one but that there is nothing to list.
//
// Source: https://cloud.google.com/compute/docs/reference/rest/v1/images/list
func Incomplete(code string) bool { return code != "" && code != "NO_RESULTS_ON_PAGE" }

// unreachable are the members in which listings name what did not answer:
// Bigtable, Compute Engine, and everybody else.
var unreachable = []string{"failedLocations", "unreachables", "unreachable"}

func (w *walk) read(call string, answer json.RawMessage, step int) (*page, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(answer, &members); err != nil || members == nil {
		return nil, collect.Malformed(call, "the answer is no listing")
	}
	p := new(page)
	if err := decode(members["nextPageToken"], &p.next); err != nil {
		return nil, collect.Malformed(call, "nextPageToken: %v", err)
	}
	for _, key := range unreachable {
		var lost []string
		if err := decode(members[key], &lost); err != nil {
			return nil, collect.Malformed(call, "%s: %v", key, err)
		}
		p.lost = append(p.lost, lost...)
	}
	var warning struct {
		Code string `json:"code"`
	}
	if err := decode(members["warning"], &warning); err != nil {
		return nil, collect.Malformed(call, "warning: %v", err)
	}
	if Incomplete(warning.Code) {
		p.lost = append(p.lost, "a part of the project ("+warning.Code+")")
	}
	last := step == len(w.chain.Lists)-1
	var err error
	if last && w.chain.Take != nil {
		var lost []string
		p.entries, lost, err = w.chain.Take(answer)
		p.lost = append(p.lost, lost...)
	} else {
		p.entries, err = entries(members[w.key(call, last)], "/"+w.key(call, last))
	}
	if err != nil {
		return nil, collect.Malformed(call, "%v", err)
	}
	for i := range p.entries {
		p.entries[i].call, p.entries[i].chain = call, w.chain
	}
	return p, nil
}

func (w *walk) key(call string, last bool) string {
	if last && w.chain.Key != "" {
		return w.chain.Key
	}
	path := api.RouteOf(call).Path
	return path[strings.LastIndex(path, "/")+1:]
}

func decode(text json.RawMessage, into any) error {
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, into)
}

// entries reads a list of entries. One that cannot be read stays, without a name:
// it may be a store.
func entries(list json.RawMessage, at string) ([]Entry, error) {
	var raw []json.RawMessage
	if err := decode(list, &raw); err != nil {
		return nil, err
	}
	found := make([]Entry, len(raw))
	for i, text := range raw {
		if json.Unmarshal(text, &found[i]) != nil {
			found[i] = named(text)
		}
		found[i].Raw, found[i].At = text, at
		if link := found[i].SelfLink; link != "" {
			_, found[i].Name, _ = strings.Cut(link, "/v1/")
		}
	}
	return found, nil
}

// named reads the name alone of an entry that is odd in some other place.
func named(text json.RawMessage) Entry {
	var only struct {
		Name     any `json:"name"`
		SelfLink any `json:"selfLink"`
	}
	_ = json.Unmarshal(text, &only) // what is not read stays without a name
	var e Entry
	e.Name, _ = only.Name.(string)
	e.SelfLink, _ = only.SelfLink.(string)
	return e
}

// Entries is for chains whose Take reads lists of its own.
func Entries(list json.RawMessage, at string) ([]Entry, error) { return entries(list, at) }

// describe makes the store of an entry. One without a name is kept, as a store of
// which nothing is known.
func (c *rows) describe(e *Entry) *resource.Resource {
	r := &resource.Resource{
		ID:   resource.ID("//" + service(e.call) + ".googleapis.com/" + e.Name),
		Kind: c.Row.Kind.Name, Class: c.Row.Kind.Class, Scope: c.scope, Name: strings.Join(values(e.Name), "/"), Tags: e.Labels,
	}
	if r.Name == "" {
		return c.nameless(e, r)
	}
	if call, _ := c.policyOf(e.Name); call == "" {
		r.Gaps = append(r.Gaps, unasked(e.call, "its name is of no form that a policy could be asked for by"))
		return r
	}
	for _, text := range []string{e.CreateTime, e.Creation} {
		if created, err := time.Parse(time.RFC3339, text); err == nil {
			r.Created = created.UTC()
		}
	}
	if c.Describe != nil {
		c.Describe(e, r)
	}
	return r
}

func (c *rows) nameless(e *Entry, r *resource.Resource) *resource.Resource {
	r.Name = fmt.Sprintf("(without a name, %d)", e.nameless)
	r.ID += resource.ID(r.Name)
	r.Gaps = append(r.Gaps, unasked(e.call, "an entry of the listing has no name that could be asked about"))
	return r
}

// unasked is the gap of a store whose policy cannot be asked for.
func unasked(call, detail string) resource.Gap {
	return resource.Gap{
		Call: call, Reason: resource.Malformed, Detail: detail,
		Hides: []resource.Hidden{{Via: Open, To: resource.Anyone}, {Via: Named, To: resource.Outsiders()}},
	}
}

// Questions implements collect.Collector.
func (c *rows) Questions(r *resource.Resource) []*collect.Question {
	name, ok := strings.CutPrefix(string(r.ID), "//"+service(c.Chains[0].Lists[0])+".googleapis.com/")
	if !ok || len(values(name)) == 0 {
		return nil
	}
	store := NewStore(Subject{
		Client: c.client, Project: c.project, Store: c.Store, Anonymity: c.Anonymity,
		Service: service(c.Chains[0].Lists[0]) + ".googleapis.com", Type: c.Type, Name: name,
	})
	call, regional := c.policyOf(name)
	if call == "" {
		return nil
	}
	questions := []*collect.Question{c.Row.Kind.Question(call, c.askPolicy(store, call, name, regional))}
	for _, parent := range c.Parents {
		questions = append(questions, c.Row.Kind.Question(parent, c.askParent(store, parent, name)))
	}
	questions = append(questions, store.Organisation(c.Row.Kind))
	return append(questions, hierarchy.Of(c.client, c.project).Questions(c.Row.Kind, hierarchy.Guarded{
		Service: cmp.Or(c.Restricted, service(call)+".googleapis.com"), Store: c.Store,
		Open: []resource.Channel{Open}, Named: []resource.Channel{Named},
	})...)
}

// policyOf returns the call that reads the policy of a store.
func (c *rows) policyOf(name string) (call string, regional bool) {
	for _, chain := range c.Chains {
		for _, call := range chain.Policy {
			if _, err := Path(call, name); err == nil {
				return call, chain.Regional
			}
		}
	}
	return "", false
}

func (c *rows) askPolicy(store *Store, call, name string, regional bool) collect.AskFunc {
	return func(ctx context.Context, r *resource.Resource) error {
		p, err := Ask(ctx, c.client, call, name, regional)
		if err != nil {
			return api.FailedOf(call, c.project, err)
		}
		store.Add(ctx, r, p, Source{Call: call, Of: name, Open: Open, Named: Named})
		c.beyond(r)
		return nil
	}
}

func (c *rows) askParent(store *Store, call, name string) collect.AskFunc {
	return func(ctx context.Context, r *resource.Resource) error {
		parent, err := Ancestor(call, name)
		if err != nil {
			return err
		}
		p, err := c.parents.of(parent).Get(ctx, func(ctx context.Context) (*Policy, error) {
			return Ask(ctx, c.client, call, parent, false)
		})
		if err != nil {
			return api.Failed(call, c.project, err)
		}
		store.Add(ctx, r, p, Source{Call: call, Of: parent, Open: Open, Named: Named, Note: "inherited from " + parent})
		c.beyond(r)
		return nil
	}
}

// beyond says, of a store that strangers are let into, which guards were not
// looked for.
func (c *rows) beyond(r *resource.Resource) {
	open := slices.ContainsFunc(r.Grants, func(g resource.Grant) bool { return g.Via == Open })
	note := hierarchy.Of(c.client, c.project).Beyond()
	if open && note != "" && !slices.Contains(r.Notes, note) {
		r.Notes = append(r.Notes, note)
	}
}

// Ask reads one policy.
func Ask(ctx context.Context, c *api.Client, call, name string, regional bool) (*Policy, error) {
	path, err := Path(call, name)
	if err != nil {
		return nil, err
	}
	route := api.RouteOf(call)
	query, body := asking(route.Method, versionWord(call))
	request := api.Request{Service: route.Service, Method: route.Method, Path: path + query, Body: body}
	if regional {
		request.Location = locationOf(name)
	}
	var answer json.RawMessage
	if err := c.Ask(ctx, request, &answer); err != nil {
		return nil, err
	}
	return Decode(call, answer)
}

// versionWord is what a service calls the version of a policy that it is asked
// for.
func versionWord(call string) string {
	switch service(call) {
	case "compute", "storage":
		return "optionsRequestedPolicyVersion"
	default:
		return "options.requestedPolicyVersion"
	}
}
