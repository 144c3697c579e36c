// Package audit is the pipeline, and the only place that knows its order:
//
//	collect -> assess -> evaluate -> report
//
// [Run] audits a live or recorded cloud, [Judge] an inventory that an earlier
// run saved. Both stream: what they hold does not grow with the estate.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
)

// Exit codes of an audit. Clean means that everything in scope was read.
const (
	ExitClean       = 0
	ExitFindings    = 3
	ExitIncomplete  = 4
	ExitBoth        = 5
	ExitInterrupted = 130
	ExitTerminated  = 143
)

// ErrTerminated is the cause with which a caller cancels a run that was asked
// to end by SIGTERM; any other cancellation counts as an interrupt.
var ErrTerminated = errors.New("terminated")

// ErrNoScopes is wrapped by Run's error when nothing could be audited at all:
// no such region, no credentials that the cloud accepts.
var ErrNoScopes = collect.ErrNoScopes

// ErrInventory is wrapped by Judge's error when the inventory cannot be read.
var ErrInventory = errors.New("read inventory")

// Options say what to audit and whom to tell.
type Options struct {
	// Policies are the policies to apply, at the run's depth.
	Policies *policy.Set
	// FailOn is the severity from which a failure counts in the exit code.
	FailOn finding.Severity
	// Sink is told the run.
	Sink finding.Sink
	// Inventory, when set, receives every store as one JSON line, and then a
	// line that closes it; see Judge.
	Inventory io.Writer
	// Tool is the program's name and version.
	Tool string
	// Source says where the stores come from: "live", "replay" or "inventory".
	Source string
	// Now is the clock.
	Now func() time.Time

	// The rest is for Run alone.

	Provider    collect.Provider
	Kinds       []resource.Kind
	Concurrency int
	// Calls returns the API calls made so far, by name.
	Calls func() map[string]int
	// Progress is told after each store.
	Progress func(resource.Scope, int)
	// Only, when set, chooses the stores to examine and tell.
	Only func(*resource.Resource) bool
}

// Run audits a cloud. The summary is complete in every case but one: an error
// that is not the end of ctx means that there is no verdict. When ctx ends, the
// report is written to its end, marked incomplete. The report begins with the
// first store: where nothing could be listed, nothing is written.
func Run(ctx context.Context, o Options) (*finding.Summary, error) {
	t := newTelling(o)
	runner := collect.Runner{
		Provider: o.Provider, Kinds: o.Kinds, Concurrency: o.Concurrency, Progress: o.Progress, Only: o.Only,
		Budgeted: o.Policies.Depth() == policy.Verdict, Wants: o.Policies.Wants, Proves: o.Policies.Proves,
	}
	if o.Policies.Depth() == policy.Full {
		runner.Wants = nil
	}
	ledger, err := runner.Run(ctx, t.store)
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	t.cover(ledger)
	return t.end(ctx)
}

// telling is one run as it is told.
type telling struct {
	Options
	run     finding.Run
	begun   bool
	summary *finding.Summary
	failed  bool // a failure at or above FailOn
	open    bool // an unknown outcome
	// seals counts the inventories judged to their end, unsealed the stores
	// since the last; cut says what is missing of them.
	seals, unsealed int
	cut             string
}

func newTelling(o Options) *telling {
	return &telling{Options: o, run: describe(o), summary: &finding.Summary{
		Levels: make(map[string]int), Outcomes: make(map[finding.Outcome]int), Failed: make(map[string]int),
	}}
}

func describe(o Options) finding.Run {
	now := o.Now()
	run := finding.Run{
		ID: runID(now), Tool: o.Tool, Started: now, Source: o.Source, Depth: string(o.Policies.Depth()), FailOn: o.FailOn,
	}
	for _, p := range o.Policies.Policies() {
		run.Policies = append(run.Policies, p.ID)
	}
	return run
}

func (t *telling) begin() error {
	if t.begun {
		return nil
	}
	t.begun = true
	if err := t.Sink.Begin(t.run); err != nil {
		return fmt.Errorf("begin report: %w", err)
	}
	return nil
}

func runID(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails; see crypto/rand
	return now.UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random[:])
}

// store judges one collected store and tells it.
func (t *telling) store(r *resource.Resource) error {
	return t.tell(judge(r, t.Policies))
}

func judge(r *resource.Resource, policies *policy.Set) *finding.Store {
	s := &finding.Store{Resource: *r}
	if r.Gone {
		return s
	}
	s.Assessment = exposure.Assess(r)
	if !policies.Decides(r) {
		s.Assessment.Settled = s.Assessment.Range
	}
	s.Findings = policies.Evaluate(r, &s.Assessment)
	return s
}

func (t *telling) tell(s *finding.Store) error {
	if err := t.begin(); err != nil {
		return err
	}
	t.count(s)
	if err := t.save(&s.Resource); err != nil {
		return err
	}
	if err := t.Sink.Store(s); err != nil {
		return fmt.Errorf("report store: %w", err)
	}
	return nil
}

func (t *telling) count(s *finding.Store) {
	sum := t.summary
	sum.Stores++
	sum.Saved += s.Resource.Saved
	if s.Resource.Gone {
		sum.Gone++
		return
	}
	sum.Levels[s.Assessment.Settled.Verdict()]++
	if !s.Assessment.Settled.Decided() && !t.Policies.Decides(&s.Resource) {
		t.open = true // nobody was to decide it, and it is not known to be closed
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		sum.Outcomes[f.Outcome]++
		switch f.Outcome {
		case finding.Fail:
			sum.Failed[f.Severity.String()]++
			t.failed = t.failed || f.Severity >= t.FailOn
		case finding.Unknown:
			t.open = true
		case finding.Pass, finding.Waived:
		}
	}
}

func (t *telling) cover(ledger collect.Ledger) {
	for _, line := range ledger {
		t.summary.Coverage = append(t.summary.Coverage, coverage(line))
	}
}

// coverage spells a line of the ledger. A call that the endpoint does not offer
// is skipped, not refused: there can be no store behind it.
func coverage(l collect.Line) finding.Coverage {
	c := finding.Coverage{Scope: l.Scope, Kind: l.Kind, State: finding.Complete, Stores: l.Stores, Unread: l.Unread, Gaps: l.Gaps}
	switch {
	case l.Refused != nil:
		c.State = finding.Refused
		if l.Absent {
			c.State = finding.Skipped
		}
		c.Call, c.Permission, c.Detail = l.Refused.Call, l.Permission, l.Refused.String()
	case l.Unread > 0:
		c.State = finding.Partial
		c.Call, c.Permission, c.Detail = l.First.Call, l.First.Permission, l.First.Detail
	}
	return c
}

func (t *telling) end(ctx context.Context) (*finding.Summary, error) {
	sum := t.summary
	sum.Finished = t.Now()
	if t.Calls != nil {
		sum.ByCall = maps.Clone(t.Calls())
	}
	for _, n := range sum.ByCall {
		sum.Calls += n
	}
	incomplete := t.open || t.cut != ""
	for _, c := range sum.Coverage {
		incomplete = incomplete || c.State == finding.Refused || c.State == finding.Partial
	}
	sum.Exit, sum.Reason = exitCode(t.failed, incomplete), t.cut
	if cause := context.Cause(ctx); cause != nil {
		sum.Exit, incomplete = ExitInterrupted, true
		if errors.Is(cause, ErrTerminated) {
			sum.Exit = ExitTerminated
		}
		sum.Reason = "interrupted: the report holds what was known by then"
	}
	sum.Incomplete = incomplete
	if err := t.begin(); err != nil {
		return sum, err
	}
	if err := t.save(sealOf(sum)); err != nil {
		return sum, err
	}
	if err := t.Sink.End(sum); err != nil {
		return sum, fmt.Errorf("end report: %w", err)
	}
	return sum, nil
}

func exitCode(failed, incomplete bool) int {
	switch {
	case failed && incomplete:
		return ExitBoth
	case failed:
		return ExitFindings
	case incomplete:
		return ExitIncomplete
	default:
		return ExitClean
	}
}
