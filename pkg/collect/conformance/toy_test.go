package conformance_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

// The toy cloud has one kind of store. toy:List names the stores, toy:GetLock
// says whether a store is locked, and toy:GetSharing holds, as text, a document
// that says who is let in: {"access": "everyone"} or {"access": "owner"}.

const toyKind = `
kind: toy.shelf.box
class: bucket
title: Box
public: Its sharing says so and it is not locked.
channels: {sharing: who the sharing document lets in}
lists: [{call: "toy:List", permission: list}]
reads:
- call: toy:GetLock
  permission: lock
  shields: [{on: [sharing], cap: {reach: private, credential: own}}]
  settings: [locked]
- call: toy:GetSharing
  permission: sharing
  hides: [{via: sharing, to: {reach: internet, credential: none}}]
settings: {locked: {type: bool, doc: the lock is on}}
blind: [nothing]
references: [https://toy.example]
`

// flaw is a mistake that a collector of the toy cloud can make.
type flaw string

const (
	none               flaw = ""
	forgetsGrants      flaw = "forgets grants"
	countsRuns         flaw = "counts runs"
	swallowsRefusals   flaw = "swallows refusals"
	losesRefused       flaw = "loses stores that were refused"
	listsQuietly       flaw = "lists quietly"
	readsOnePage       flaw = "reads one page"
	losesTheFirstPages flaw = "loses the first pages"
	givesUp            flaw = "gives up"
	isDeaf             flaw = "is deaf"
	lingers            flaw = "lingers"
	hangs              flaw = "hangs"
	peeks              flaw = "peeks"
	declaresCalls      flaw = "declares a call it never makes"
	declaresSettings   flaw = "declares a setting it never reads"
	inventsSettings    flaw = "invents settings"
	citesNothing       flaw = "cites nothing"
	citesElsewhere     flaw = "cites elsewhere"
	misquotes          flaw = "misquotes"
	repeatsHeaders     flaw = "repeats headers"
	repeatsPasswords   flaw = "repeats passwords"
	trustsWords        flaw = "trusts words"
	trustsHalfAnswers  flaw = "trusts half answers"
	trustsHalfListings flaw = "trusts half listings"
	crashes            flaw = "crashes"
)

type toyProvider struct {
	client   http.RoundTripper
	kind     *collect.Kind
	flaw     flaw
	released <-chan struct{} // lets go of what a flawed collector leaves behind
}

func toySuite(t *testing.T, f flaw) conformance.Suite {
	t.Helper()
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	text := toyKind
	switch f {
	case declaresCalls:
		text = strings.Replace(text, "- call: toy:GetSharing", "- {call: \"toy:GetColour\", permission: colour}\n- call: toy:GetSharing", 1)
	case declaresSettings:
		text = strings.Replace(text, "settings: {locked", "settings: {colour: {type: text, doc: nobody reads it}, locked", 1)
	}
	kind := collect.MustParseKind([]byte(text))
	return conformance.Suite{
		Kind: kind, Folder: "testdata", Dialect: toyDialect{},
		Open: func(ctx context.Context, transport http.RoundTripper) (collect.Provider, error) {
			p := &toyProvider{transport, kind, f, released}
			_, err := p.ask(ctx, "toy:WhoAmI", nil)
			return p, err
		},
		Wants: exposure.View{}.Matters,
	}
}

func (p *toyProvider) Name() string { return "toy" }

func (p *toyProvider) Scopes(context.Context) ([]resource.Scope, error) {
	return []resource.Scope{{Provider: "toy", Account: "42"}}, nil
}

func (p *toyProvider) Collectors(s resource.Scope) []collect.Collector {
	return []collect.Collector{&toyCollector{p, s}}
}

// toyError is an answer other than 200.
type toyError struct {
	status int
	word   string
}

func (e *toyError) Error() string { return fmt.Sprintf("%d %s", e.status, e.word) }

func (p *toyProvider) Refusal(err error) collect.Refusal {
	r := collect.Refusal{Reason: resource.Failed, Detail: err.Error()}
	var answer *toyError
	if errors.As(err, &answer) {
		r.Code = answer.word
		r.Reason = map[int]resource.Reason{
			403: resource.Denied, 429: resource.Throttled, 503: resource.Throttled, 501: resource.Unsupported,
		}[answer.status]
		r.Gone = answer.word == "no-box"
	}
	if r.Reason == "" {
		r.Reason = resource.Failed
	}
	return r
}

// ask makes a call, three times where the cloud says slower.
func (p *toyProvider) ask(ctx context.Context, name string, input url.Values) (answer []byte, err error) {
	for range 3 {
		if answer, err = p.try(ctx, name, input); err == nil || p.flaw == givesUp || !isSlow(err) {
			break
		}
	}
	return answer, err
}

func isSlow(err error) bool {
	var answer *toyError
	return errors.As(err, &answer) && (answer.status == 503 || answer.status == 429)
}

func (p *toyProvider) try(ctx context.Context, name string, input url.Values) ([]byte, error) {
	switch p.flaw {
	case isDeaf:
		ctx = context.WithoutCancel(ctx)
	case lingers:
		context.AfterFunc(ctx, func() { <-p.released })
	}
	call := collect.Call{Name: name, Input: input.Encode()}
	req, err := http.NewRequestWithContext(collect.WithCall(ctx, call), http.MethodGet, "http://toy.example/"+name+"?"+call.Input, nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.client.RoundTrip(req)
	if err != nil {
		if p.flaw == hangs && ctx.Err() != nil {
			<-p.released
		}
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode == http.StatusOK {
		return body, err
	}
	var refused struct{ Error string }
	_ = json.Unmarshal(body, &refused) // an answer without a word has no word
	if p.flaw == repeatsHeaders {
		refused.Error += answer.Header.Get("X-Toy-Session")
	}
	return nil, &toyError{answer.StatusCode, refused.Error}
}

type toyCollector struct {
	*toyProvider
	scope resource.Scope
}

func (c *toyCollector) Kind() *collect.Kind { return c.kind }

func (c *toyCollector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		var listed []*resource.Resource
		for next := "0"; next != ""; {
			names, after, err := c.page(ctx, next)
			if err != nil {
				if denied := new(toyError); c.flaw == listsQuietly && errors.As(err, &denied) {
					return
				}
				if c.flaw != losesTheFirstPages {
					for _, r := range listed {
						if !yield(r, nil) {
							return
						}
					}
				}
				yield(nil, err)
				return
			}
			for _, name := range names {
				listed = append(listed, &resource.Resource{
					ID: resource.ID("toy/" + name), Kind: c.kind.Name, Class: c.kind.Class, Name: name, Scope: c.scope,
				})
			}
			if next = after; c.flaw == readsOnePage {
				break
			}
		}
		for _, r := range listed {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (c *toyCollector) page(ctx context.Context, from string) (names []string, next string, err error) {
	body, err := c.ask(ctx, "toy:List", url.Values{"from": {from}})
	if err != nil {
		return nil, "", err
	}
	var page struct {
		Boxes []string `json:"boxes"`
		Next  string   `json:"next"`
	}
	if err := json.Unmarshal(body, &page); err != nil || page.Boxes == nil {
		if c.flaw == trustsHalfListings {
			return nil, "", nil
		}
		return nil, "", collect.Malformed("toy:List", "no boxes in it")
	}
	return page.Boxes, page.Next, nil
}

var runs atomic.Int64

func (c *toyCollector) Questions(r *resource.Resource) []*collect.Question {
	if c.flaw == countsRuns {
		r.Notes = append(r.Notes, strconv.FormatInt(runs.Add(1), 10))
	}
	return []*collect.Question{c.kind.Question("toy:GetLock", c.askLock), c.kind.Question("toy:GetSharing", c.askSharing)}
}

// about makes a detail call.
func (c *toyCollector) about(ctx context.Context, r *resource.Resource, name string) ([]byte, error) {
	if c.flaw == peeks {
		_, _ = c.ask(ctx, "toy:OpenBox", url.Values{"box": {r.Name}})
	}
	body, err := c.ask(ctx, name, url.Values{"box": {r.Name}})
	if refused := new(toyError); errors.As(err, &refused) && refused.status == http.StatusForbidden && c.flaw == losesRefused {
		r.ID += "?"
	}
	return body, err
}

func (c *toyCollector) evidence(r *resource.Resource, call, pointer, quote string) resource.Evidence {
	switch c.flaw {
	case citesElsewhere:
		pointer += "/nowhere"
	case misquotes:
		quote = "something else"
	}
	return resource.Evidence{Call: call, Of: r.Name, Pointer: pointer, Quote: quote}
}

func (c *toyCollector) askLock(ctx context.Context, r *resource.Resource) error {
	body, err := c.about(ctx, r, "toy:GetLock")
	if err != nil {
		return err
	}
	var answer struct{ Lock string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return collect.Malformed("toy:GetLock", "no lock in it")
	}
	from := c.evidence(r, "toy:GetLock", "/lock", "lock="+answer.Lock)
	switch answer.Lock {
	case "on":
		r.Guards = append(r.Guards, resource.Guard{Name: "lock", On: []resource.Channel{"sharing"}, Cap: resource.Nobody, Because: []resource.Evidence{from}})
	case "off":
	default:
		return collect.Malformed("toy:GetLock", "the lock's state is not known")
	}
	r.Set("locked", answer.Lock == "on", from)
	if c.flaw == inventsSettings {
		r.Set("colour", "red", from)
	}
	return nil
}

type toySharing struct {
	Access   *string `json:"access"`
	Password string  `json:"password"`
}

func (c *toyCollector) askSharing(ctx context.Context, r *resource.Resource) error {
	body, err := c.about(ctx, r, "toy:GetSharing")
	if refused := new(toyError); errors.As(err, &refused) {
		if refused.word == "no-sharing" || c.flaw == swallowsRefusals && refused.status == http.StatusForbidden {
			return nil
		}
	}
	if err != nil {
		return err
	}
	var answer struct{ Rule string }
	err = json.Unmarshal(body, &answer)
	var sharing *toySharing
	if err == nil {
		err = json.Unmarshal([]byte(answer.Rule), &sharing)
	}
	switch {
	case c.flaw == trustsHalfAnswers && err != nil:
		return c.addSharing(r, "owner", "")
	case c.flaw == crashes && err == nil && sharing == nil:
		return c.addSharing(r, *sharing.Access, "")
	case err != nil || sharing == nil || sharing.Access == nil:
		return collect.Malformed("toy:GetSharing", "no sharing in it")
	}
	return c.addSharing(r, *sharing.Access, sharing.Password)
}

func (c *toyCollector) addSharing(r *resource.Resource, access, password string) error {
	if c.flaw == repeatsPasswords && password != "" {
		r.Notes = append(r.Notes, "the password is "+password)
	}
	switch {
	case access == "everyone" && c.flaw != forgetsGrants:
		g := resource.Grant{To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: "sharing"}
		if c.flaw != citesNothing {
			g.Because = []resource.Evidence{c.evidence(r, "toy:GetSharing", "/rule#/access", "access=everyone")}
		}
		r.Grants = append(r.Grants, g)
	case access == "everyone", access == "owner", c.flaw == trustsWords:
	default:
		return collect.Malformed("toy:GetSharing", "whom it lets in is not known")
	}
	return nil
}

// toyDialect speaks the toy cloud's language. A world is JSON: the boxes, each
// with its lock and whom it is shared with.
type toyDialect struct{}

type toyBox struct{ Name, Lock, Access string }

type toyCloud struct {
	boxes []toyBox
	page  int
}

func (toyDialect) Serve(world []byte, page int) (http.RoundTripper, func(), error) {
	cloud := &toyCloud{page: page}
	err := json.Unmarshal(world, &cloud.boxes)
	return cloud, func() {}, err
}

func (c *toyCloud) RoundTrip(req *http.Request) (*http.Response, error) {
	status, body := c.answer(strings.TrimPrefix(req.URL.Path, "/"), req.URL.Query())
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: req}, req.Context().Err()
}

func (c *toyCloud) answer(call string, input url.Values) (int, string) {
	if call == "toy:WhoAmI" {
		return 200, `{"account":"42"}`
	}
	if call == "toy:List" {
		return 200, c.list(input.Get("from"))
	}
	i := slices.IndexFunc(c.boxes, func(b toyBox) bool { return b.Name == input.Get("box") })
	switch {
	case call == "toy:GetLock" && c.boxes[i].Lock == "gone":
		return 404, `{"error":"no-box"}`
	case call == "toy:GetLock":
		return 200, `{"lock":"` + c.boxes[i].Lock + `"}`
	case call == "toy:GetSharing" && c.boxes[i].Access != "":
		return 200, `{"rule":"{\"access\":\"` + c.boxes[i].Access + `\"}"}`
	}
	return 404, `{"error":"no-sharing"}`
}

func (c *toyCloud) list(from string) string {
	start, _ := strconv.Atoi(from)
	end, next := len(c.boxes), ""
	if c.page > 0 && start+c.page < end {
		end = start + c.page
		next = strconv.Itoa(end)
	}
	names := []string{}
	for _, b := range c.boxes[start:end] {
		names = append(names, b.Name)
	}
	body, err := json.Marshal(map[string]any{"boxes": names, "next": next})
	if err != nil {
		return err.Error()
	}
	return string(body)
}

func (toyDialect) Identity() []string { return []string{"toy:WhoAmI"} }

func (toyDialect) Bare() []string { return nil }

func (toyDialect) Words() []string { return []string{"on", "off", "everyone", "owner", "no-sharing"} }

func (toyDialect) Refuse(call collect.Call, why resource.Reason) []tape.Exchange {
	var answers []tape.Exchange
	for _, status := range map[resource.Reason][]int{
		resource.Denied: {403}, resource.Throttled: {503, 429}, resource.Failed: {500}, resource.Unsupported: {501},
	}[why] {
		answers = append(answers, tape.Exchange{Call: call, Status: status, Header: make(http.Header), Body: []byte(`{"error":"no"}`)})
	}
	return answers
}

func (toyDialect) Documents(e tape.Exchange, change func(string) string) (tape.Exchange, bool) {
	var answer struct {
		Rule *string `json:"rule"`
	}
	if json.Unmarshal(e.Body, &answer) != nil || answer.Rule == nil {
		return e, false
	}
	*answer.Rule = change(*answer.Rule)
	body, err := json.Marshal(answer)
	e.Body = body
	return e, err == nil
}

func (d toyDialect) Plant(e tape.Exchange, secret string) []tape.Exchange {
	headed := e
	headed.Header = http.Header{"X-Toy-Session": {secret}}
	planted := []tape.Exchange{headed}
	locked, ok := d.Documents(e, func(text string) string {
		return strings.TrimSuffix(text, "}") + `,"password":"` + secret + `"}`
	})
	if ok {
		planted = append(planted, locked)
	}
	return planted
}
