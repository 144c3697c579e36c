package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is the clock of every run here.
func now() time.Time { return time.Date(2026, 11, 6, 9, 0, 0, 0, time.UTC) }

// policies returns those of every run here: strangers are a high finding, named
// outsiders a low one.
func policies(t testing.TB, depth policy.Depth) *policy.Set {
	t.Helper()
	set, err := policy.Load(fstest.MapFS{
		"strangers.yaml": {Data: policyFile("strangers", "high", "exposure.level < level.tenant", "{reach: internet, credential: none}")},
		"outsiders.yaml": {Data: policyFile("outsiders", "low", "exposure.level != level.shared", "{reach: listed, credential: named}")},
	}, policy.Vocabulary{
		Kinds: []resource.Kind{"test.storage.box"}, Classes: []resource.Class{"bucket"}, Channels: []resource.Channel{"policy"},
		Actions: resource.Actions(), Settings: map[string]policy.Type{"origins": policy.TextSet},
	}, policy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set.For(depth)
}

func policyFile(id, severity, require, failing string) []byte {
	return fmt.Appendf(nil, `id: %s
title: There are %[1]s
severity: %s
applies: resource.class == "bucket"
asks: all
require: %s
why: Because.
examples:
  - {name: closed, given: {class: bucket}, want: pass}
  - name: open
    given: {class: bucket, grants: [{to: %[4]s, can: [read], via: policy}]}
    want: fail
  - name: unread
    given: {class: bucket, gaps: [{call: "test:GetPolicy", permission: "test:Policy", reason: denied, hides: [{via: policy, to: %[4]s}]}]}
    want: unknown
`, id, severity, require, failing)
}

var box = collect.MustParseKind([]byte(`
kind: test.storage.box
class: bucket
title: A box
public: The lid is open.
channels: {policy: what its policy says}
lists: [{call: "test:ListBoxes", permission: "test:List"}]
reads:
  - call: test:GetPolicy
    permission: test:Policy
    hides: [{via: policy, to: {reach: internet, credential: none}}]
    settings: [origins]
settings: {origins: {type: texts, doc: where it is used from}}
references: [https://example.com/boxes]
`))

// estate is an account in memory. The names of its boxes say what they are:
// open, shared, closed, refused (nobody may read the policy), undecided (it was
// read, and does not decide), gone.
type estate struct {
	sparse   bool // the kind is not offered everywhere
	boxes    []string
	scopes   error // what Scopes returns
	listing  error // what ends the listing
	answered func(name string)
}

var errRefused, errGone, errNotOffered = errors.New("refused"), errors.New("gone"), errors.New("not offered")

func (e *estate) Name() string { return "test" }

func (e *estate) Scopes(context.Context) ([]resource.Scope, error) {
	return []resource.Scope{{Provider: "test", Account: "home"}}, e.scopes
}

func (e *estate) Collectors(resource.Scope) []collect.Collector { return []collect.Collector{e} }

func (e *estate) Refusal(err error) collect.Refusal {
	r := collect.Refusal{Reason: resource.Failed, Detail: err.Error(), Gone: errors.Is(err, errGone)}
	switch {
	case errors.Is(err, errRefused):
		r = collect.Refusal{Reason: resource.Denied, Code: "AccessDenied", Detail: "not yours"}
	case errors.Is(err, errNotOffered):
		r.Reason = resource.Unsupported
	}
	return r
}

func (e *estate) Kind() *collect.Kind {
	kind := *box
	kind.Sparse = e.sparse
	return &kind
}

func (e *estate) List(context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		for _, name := range e.boxes {
			r := &resource.Resource{
				ID: resource.ID("box:" + name), Kind: box.Name, Class: box.Class, Name: name,
				Scope: resource.Scope{Provider: "test", Account: "home"}, Created: now(), Tags: map[string]string{"team": "<b>"},
			}
			if !yield(r, nil) {
				return
			}
		}
		if e.listing != nil {
			yield(nil, e.listing)
		}
	}
}

func (e *estate) Questions(*resource.Resource) []*collect.Question {
	return []*collect.Question{box.Question("test:GetPolicy", e.askPolicy)}
}

func (e *estate) askPolicy(ctx context.Context, r *resource.Resource) error {
	if e.answered != nil {
		e.answered(r.Name)
	}
	var to resource.Audience
	switch r.Name {
	case "refused":
		return errRefused
	case "gone":
		return errGone
	case "undecided":
		r.Gaps = append(r.Gaps, box.Question("test:GetPolicy", nil).Gap(resource.Undecided, "a condition nobody knows"))
		return ctx.Err()
	case "closed":
		return ctx.Err()
	case "open":
		to = resource.Anyone
	case "shared":
		to = resource.Outsiders("210987654321")
	}
	said := resource.Evidence{Call: "test:GetPolicy", Of: r.Name, Pointer: "/Statement/0", Quote: "Allow"}
	r.Grants = append(r.Grants, resource.Grant{To: to, Can: []resource.Action{resource.Read}, Via: "policy", Because: []resource.Evidence{said}})
	r.Set("origins", []string{"office", "plant"}, said)
	return ctx.Err()
}

// report is a sink that keeps what it is told.
type report struct {
	run     finding.Run
	stores  []*finding.Store
	summary *finding.Summary
	// order is what was told, one letter each: begin, store, end.
	order string
	// fails names the letter at which it fails.
	fails string
	told  func()
}

var errDiskFull = errors.New("disk full")

func (r *report) take(letter string) error {
	r.order += letter
	if r.told != nil {
		r.told()
	}
	if r.fails == letter {
		return errDiskFull
	}
	return nil
}

func (r *report) Begin(run finding.Run) error { r.run = run; return r.take("b") }

func (r *report) Store(s *finding.Store) error { r.stores = append(r.stores, s); return r.take("s") }

func (r *report) End(s *finding.Summary) error { r.summary = s; return r.take("e") }

// outcomes spells the findings as "store policy outcome", sorted.
func (r *report) outcomes() []string {
	var all []string
	for _, s := range r.stores {
		for _, f := range s.Findings {
			all = append(all, s.Resource.Name+" "+f.Policy+" "+string(f.Outcome))
		}
	}
	slices.Sort(all)
	return all
}

// options of a run of the estate that tells the report.
func options(t testing.TB, e *estate, r *report) Options {
	t.Helper()
	return Options{
		Policies: policies(t, policy.Verdict), FailOn: finding.High, Sink: r, Tool: "andon test", Source: "live", Now: now,
		Provider: e, Concurrency: 2,
	}
}
