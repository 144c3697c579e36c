package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// None is what an example wants when the policy must say nothing at all.
const None finding.Outcome = "none"

// Example is a test that a policy carries.
type Example struct {
	Name string `json:"name"`
	// Given names a recording, "aws/s3bucket/public-acl". It is empty when the
	// store is written out in Inline.
	Given  string             `json:"given,omitempty"`
	Inline *resource.Resource `json:"inline,omitempty"`
	// Denied is a call of the recording that is refused, "s3:GetBucketPolicy".
	Denied string `json:"denied,omitempty"`
	// Store is the name or id of the store that is meant, where the recording
	// holds several.
	Store string `json:"store,omitempty"`
	// Depth is the run's depth; usually the policy's own.
	Depth  Depth  `json:"depth,omitempty"`
	Config Config `json:"config,omitzero"`
	// Want is the outcome: pass, fail, unknown or none.
	Want finding.Outcome `json:"want"`
}

// Givens replays recordings through the real collectors.
type Givens interface {
	// Given returns the stores of a recording as a run of the given depth
	// collects them, asking what want wants and being refused the denied call
	// (if it is not empty). A name that no recording has is an error.
	Given(ctx context.Context, name, denied string, depth Depth, want *Set) ([]resource.Resource, error)
}

// ExampleResult says how one example went.
type ExampleResult struct {
	Policy  string
	Example Example
	Got     finding.Outcome
	// Finding is what the policy said, or nil for None.
	Finding *finding.Finding
	// Err says why the example could not be run.
	Err error
}

// OK reports whether the example showed what it wants.
func (r ExampleResult) OK() bool { return r.Err == nil && r.Got == r.Example.Want }

// Test runs the examples of the policy with this id, or of all for an empty id,
// each under its own configuration, exactly as a run would: recordings through
// the collectors, stores written out directly.
func (s *Set) Test(ctx context.Context, id string, givens Givens) []ExampleResult {
	var results []ExampleResult
	for _, r := range s.rules {
		if id != "" && r.ID != id {
			continue
		}
		for _, e := range r.Examples {
			results = append(results, s.testOne(ctx, r, e, givens))
		}
	}
	return results
}

func (s *Set) testOne(ctx context.Context, r *rule, e Example, givens Givens) ExampleResult {
	depth := r.Depth
	if e.Depth != "" {
		depth = e.Depth
	}
	alone := s.keep(depth, func(other *rule) bool { return other == r }).with(e.Config)
	result := ExampleResult{Policy: r.ID, Example: e, Got: None}
	stores, err := e.stores(ctx, alone, givens)
	if err != nil {
		result.Err = fmt.Errorf("run example %q of policy %s: %w", e.Name, r.ID, err)
		return result
	}
	said := 0
	for i := range stores {
		a := exposure.Assess(&stores[i])
		for _, f := range alone.Evaluate(&stores[i], &a) {
			said++
			result.Got, result.Finding = f.Outcome, &f
		}
	}
	if said > 1 {
		result.Err = fmt.Errorf("run example %q of policy %s: %d stores are concerned: choose one with store", e.Name, r.ID, said)
	}
	return result
}

func (e *Example) stores(ctx context.Context, want *Set, givens Givens) ([]resource.Resource, error) {
	if e.Inline != nil {
		return []resource.Resource{*e.Inline}, nil
	}
	if givens == nil {
		return nil, fmt.Errorf("no recordings to replay %q from", e.Given)
	}
	stores, err := givens.Given(ctx, e.Given, e.Denied, want.depth, want)
	if err != nil || e.Store == "" {
		return stores, err
	}
	meant := slices.DeleteFunc(stores, func(r resource.Resource) bool { return r.Name != e.Store && string(r.ID) != e.Store })
	if len(meant) == 0 {
		return nil, fmt.Errorf("%q holds no store %q", e.Given, e.Store)
	}
	return meant, nil
}

var givenPattern = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+/[a-z0-9]+(-[a-z0-9]+)*$`)

// examples reads the examples, and insists on all three outcomes.
func (d *document) examples(n *yaml.Node, v *Vocabulary) []Example {
	var all []Example
	seen := make(map[string]bool)
	for _, item := range d.items(n) {
		e := d.example(item, v)
		if seen[e.Name] && e.Name != "" {
			d.report(item, "example %q comes twice", e.Name)
		}
		seen[e.Name] = true
		all = append(all, e)
	}
	if n == nil {
		return nil
	}
	for _, outcome := range []finding.Outcome{finding.Pass, finding.Fail, finding.Unknown} {
		if !slices.ContainsFunc(all, func(e Example) bool { return e.Want == outcome }) {
			d.report(n, "no example wants %s: a policy shows what passes, what fails and what stays unknown", outcome)
		}
	}
	return all
}

func (d *document) example(n *yaml.Node, v *Vocabulary) Example {
	nodes := d.entries(n, "name", "given", "denied", "store", "depth", "config", "want")
	for _, key := range []string{"name", "given", "want"} {
		if nodes[key] == nil && n.Kind == yaml.MappingNode {
			d.report(n, "the example's key %q is missing", key)
		}
	}
	e := Example{
		Name:   d.text(nodes["name"]),
		Denied: d.text(nodes["denied"]),
		Store:  d.text(nodes["store"]),
		Depth:  d.depth(nodes["depth"], ""),
		Config: d.config(nodes["config"]),
	}
	if want := nodes["want"]; want != nil {
		e.Want = term(d, want, d.text(want), "outcome", []finding.Outcome{finding.Pass, finding.Fail, finding.Unknown, None})
	}
	if e.Denied != "" && !callPattern.MatchString(e.Denied) {
		d.report(nodes["denied"], "%q is not a call: write service:Operation", e.Denied)
	}
	d.given(&e, nodes, v)
	return e
}

// given reads a recording's name, or a store that is written out.
func (d *document) given(e *Example, nodes map[string]*yaml.Node, v *Vocabulary) {
	n := nodes["given"]
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		if e.Given = d.text(n); e.Given != "" && !givenPattern.MatchString(e.Given) {
			d.report(n, "%q names no recording: write cloud/folder/name, or a store", e.Given)
		}
		return
	}
	for _, key := range []string{"denied", "store"} {
		if nodes[key] != nil {
			d.report(nodes[key], "%s is for recordings: the store is written out here", key)
		}
	}
	store, err := readStore(n)
	if err != nil {
		d.report(n, "read store: %v", err)
		return
	}
	e.Inline = store
	d.checkStore(n, e, v)
}

func (d *document) config(n *yaml.Node) Config {
	nodes := d.entries(n, "trusted_accounts")
	return Config{TrustedAccounts: d.texts(nodes["trusted_accounts"], func(*yaml.Node, string) {})}
}

// readStore reads a store in the inventory's own form.
func readStore(n *yaml.Node) (*resource.Resource, error) {
	var written map[string]any
	if err := n.Decode(&written); err != nil {
		return nil, err
	}
	text, err := json.Marshal(written)
	if err != nil {
		return nil, err
	}
	store := new(resource.Resource)
	lines := json.NewDecoder(bytes.NewReader(text))
	lines.DisallowUnknownFields()
	if err := lines.Decode(store); err != nil {
		return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return store, nil
}

// checkStore complains about words that no collector would write: an example
// with a typo in it tests nothing. A store that the policy is not about may be
// of any kind.
func (d *document) checkStore(at *yaml.Node, e *Example, v *Vocabulary) {
	store := e.Inline
	if store.Kind != "" && e.Want != None {
		term(d, at, string(store.Kind), "kind", v.Kinds)
	}
	if store.Class != "" && e.Want != None {
		term(d, at, string(store.Class), "class", v.Classes)
	}
	for _, g := range store.Grants {
		d.checkAccess(at, v, []resource.Channel{g.Via}, g.Can)
	}
	for _, g := range store.Guards {
		d.checkAccess(at, v, g.On, g.Can)
	}
	for _, g := range store.Gaps {
		d.checkGap(at, v, g)
	}
	for _, name := range sortedKeys(store.Settings) {
		d.checkSetting(at, v, name)
		if t, ok := v.Settings[name]; ok && !t.holds(store.Settings[name].Value) {
			d.report(at, "the setting %q must hold a %s", name, t)
		}
	}
}

func (d *document) checkGap(at *yaml.Node, v *Vocabulary, g resource.Gap) {
	term(d, at, string(g.Reason), "reason", reasons)
	for _, h := range g.Hides {
		d.checkAccess(at, v, []resource.Channel{h.Via}, h.Can)
	}
	for _, s := range g.Shields {
		d.checkAccess(at, v, s.On, s.Can)
	}
	for _, name := range g.Settings {
		d.checkSetting(at, v, name)
	}
}

var reasons = []resource.Reason{
	resource.NotAsked, resource.Denied, resource.Throttled, resource.Failed,
	resource.Malformed, resource.Undecided, resource.Unsupported,
}

func (d *document) checkAccess(at *yaml.Node, v *Vocabulary, on []resource.Channel, can []resource.Action) {
	for _, channel := range on {
		term(d, at, string(channel), "channel", v.Channels)
	}
	for _, action := range can {
		term(d, at, string(action), "action", v.Actions)
	}
}

func (d *document) checkSetting(at *yaml.Node, v *Vocabulary, name string) {
	if _, ok := v.Settings[name]; !ok {
		d.report(at, "unknown setting %q%s", name, suggest(name, sortedKeys(v.Settings)))
	}
}
