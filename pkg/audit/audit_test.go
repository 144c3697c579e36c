package audit

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
)

var home = resource.Scope{Provider: "test", Account: "home"}

// TestExitCodes is the table of the manual.
func TestExitCodes(t *testing.T) {
	partial := &collect.PartialScopesError{Scope: home, Kind: "test.room", Refusal: collect.Refusal{Reason: resource.Denied}}
	for name, c := range map[string]struct {
		estate estate
		failOn finding.Severity
		want   int
	}{
		"nothing there":                      {estate{}, finding.High, ExitClean},
		"nothing found":                      {estate{boxes: []string{"closed"}}, finding.High, ExitClean},
		"found":                              {estate{boxes: []string{"closed", "open"}}, finding.High, ExitFindings},
		"found, below what counts":           {estate{boxes: []string{"shared"}}, finding.High, ExitClean},
		"found, just what counts":            {estate{boxes: []string{"shared"}}, finding.Low, ExitFindings},
		"a policy that cannot be read":       {estate{boxes: []string{"closed", "refused"}}, finding.High, ExitIncomplete},
		"a policy that does not decide":      {estate{boxes: []string{"closed", "undecided"}}, finding.High, ExitIncomplete},
		"whatever counts":                    {estate{boxes: []string{"refused"}}, finding.Critical, ExitIncomplete},
		"a listing that is refused":          {estate{boxes: []string{"closed"}, listing: errRefused}, finding.High, ExitIncomplete},
		"scopes that are refused":            {estate{boxes: []string{"closed"}, scopes: partial}, finding.High, ExitIncomplete},
		"what the endpoint does not offer":   {estate{listing: errNotOffered, sparse: true}, finding.High, ExitClean},
		"what every endpoint should offer":   {estate{listing: errNotOffered}, finding.High, ExitIncomplete},
		"deleted meanwhile":                  {estate{boxes: []string{"gone"}}, finding.High, ExitClean},
		"found, and one that cannot be read": {estate{boxes: []string{"open", "refused"}}, finding.High, ExitBoth},
		"found, and a listing refused":       {estate{boxes: []string{"open"}, listing: errRefused}, finding.High, ExitBoth},
	} {
		t.Run(name, func(t *testing.T) {
			r := new(report)
			o := options(t, &c.estate, r)
			o.FailOn = c.failOn
			summary, err := Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if summary.Exit != c.want {
				t.Errorf("exit %d, want %d", summary.Exit, c.want)
			}
			if incomplete := c.want == ExitIncomplete || c.want == ExitBoth; summary.Incomplete != incomplete {
				t.Errorf("incomplete: %t", summary.Incomplete)
			}
			if want := "b" + strings.Repeat("s", len(c.estate.boxes)) + "e"; r.order != want || r.summary != summary {
				t.Errorf("told %s, want %s", r.order, want)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	r := new(report)
	e := &estate{boxes: []string{"open", "shared", "closed", "refused", "gone", "open"}, listing: errRefused}
	o := options(t, e, r)
	o.Calls = func() map[string]int { return map[string]int{"test:GetPolicy": 6, "test:ListBoxes": 1} }
	summary, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := &finding.Summary{
		Finished: now(), Incomplete: true, Exit: ExitBoth,
		Coverage: []finding.Coverage{{
			Scope: home, Kind: "test.storage.box", State: finding.Refused, Stores: 6, Unread: 1,
			Call: "test:ListBoxes", Permission: "test:List", Detail: "AccessDenied: not yours", Gaps: map[string]int{"test:GetPolicy": 1},
		}},
		Stores: 6, Gone: 1,
		Levels:   map[string]int{"public": 2, "shared": 1, "private": 1, "unknown": 1},
		Outcomes: map[finding.Outcome]int{finding.Fail: 3, finding.Pass: 5, finding.Unknown: 2},
		Failed:   map[string]int{"high": 2, "low": 1},
		Calls:    7, ByCall: map[string]int{"test:GetPolicy": 6, "test:ListBoxes": 1},
	}
	if diff := cmp.Diff(want, summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if gone := r.stores[4]; !gone.Resource.Gone || len(gone.Findings) != 0 {
		t.Errorf("what is gone was judged: %+v", gone)
	}
	wantRun := finding.Run{Tool: "andon test", Started: now(), Source: "live", Depth: "verdict", Policies: []string{"outsiders", "strangers"}, FailOn: finding.High}
	if diff := cmp.Diff(wantRun, r.run, cmpopts.IgnoreFields(finding.Run{}, "ID")); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^20261106T090000Z-[0-9a-f]{8}$`).MatchString(r.run.ID) {
		t.Errorf("run id %s", r.run.ID)
	}
}

// Each line of the ledger says how much was seen, and what the first refusal was.
func TestCoverage(t *testing.T) {
	gap := resource.Gap{Call: "test:GetPolicy", Permission: "test:Policy", Detail: "AccessDenied: not yours"}
	for name, c := range map[string]struct {
		line collect.Line
		want finding.Coverage
	}{
		"all of it":    {collect.Line{Stores: 2}, finding.Coverage{State: finding.Complete, Stores: 2}},
		"all but some": {collect.Line{Stores: 2, Unread: 1, First: &gap}, finding.Coverage{State: finding.Partial, Stores: 2, Unread: 1, Call: gap.Call, Permission: gap.Permission, Detail: gap.Detail}},
		"not even a list": {
			collect.Line{Stores: 1, Unread: 1, First: &gap, Permission: "test:List", Refused: &collect.Refusal{Reason: resource.Throttled, Code: "SlowDown", Call: "test:ListBoxes"}},
			finding.Coverage{State: finding.Refused, Stores: 1, Unread: 1, Call: "test:ListBoxes", Permission: "test:List", Detail: "SlowDown"},
		},
		"nothing there to list": {
			collect.Line{Absent: true, Refused: &collect.Refusal{Reason: resource.Unsupported, Code: "NotImplemented", Call: "test:ListBoxes"}},
			finding.Coverage{State: finding.Skipped, Call: "test:ListBoxes", Detail: "NotImplemented"},
		},
		"not offered, though it is offered everywhere": {
			collect.Line{Refused: &collect.Refusal{Reason: resource.Unsupported, Code: "NotImplemented", Call: "test:ListBoxes"}},
			finding.Coverage{State: finding.Refused, Call: "test:ListBoxes", Detail: "NotImplemented"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, coverage(c.line)); diff != "" {
				t.Errorf("coverage (-want +got):\n%s", diff)
			}
		})
	}
}

// A question that was refused is missed even where no policy asks for it.
func TestUnreadWithoutPolicy(t *testing.T) {
	o := options(t, &estate{boxes: []string{"refused"}}, new(report))
	o.Policies = policies(t, policy.Full)
	o.Only = func(r *resource.Resource) bool { r.Class = "database"; return true } // no policy is about it
	summary, err := Run(t.Context(), o)
	if err != nil || summary.Exit != ExitIncomplete || len(summary.Outcomes) != 0 || summary.Coverage[0].State != finding.Partial {
		t.Errorf("%+v, %v", summary, err)
	}
}

// What no policy looks at, and nobody asked, is not known: it is no private store.
func TestUnaskedWithoutPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		class resource.Class
		exit  int
		level string
	}{
		"a policy is about it":  {"bucket", ExitClean, "private"},
		"no policy is about it": {"database", ExitIncomplete, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, &estate{boxes: []string{"closed"}}, new(report))
			set, err := policies(t, policy.Verdict).Select("strangers")
			if err != nil {
				t.Fatal(err)
			}
			o.Policies = set
			o.Only = func(r *resource.Resource) bool { r.Class = c.class; return true }
			summary, err := Run(t.Context(), o)
			if err != nil || summary.Exit != c.exit || summary.Levels[c.level] != 1 {
				t.Errorf("exit %d, levels %v, %v", summary.Exit, summary.Levels, err)
			}
		})
	}
}

// At depth verdict nothing is asked that cannot matter; at depth full everything is.
func TestDepth(t *testing.T) {
	for depth, want := range map[policy.Depth]int{policy.Verdict: 0, policy.Full: 1} {
		asked := 0
		o := options(t, &estate{boxes: []string{"closed"}, answered: func(string) { asked++ }}, new(report))
		set, err := policies(t, depth).Select("strangers")
		if err != nil {
			t.Fatal(err)
		}
		o.Policies = set
		o.Only = func(r *resource.Resource) bool { r.Class = "database"; return true } // no policy is about it
		summary, err := Run(t.Context(), o)
		if err != nil || asked != want || summary.Saved != 1-want {
			t.Errorf("depth %s: %d asked, %d saved, %v", depth, asked, summary.Saved, err)
		}
	}
}

// TestInterrupt holds that a run which is asked to end tells what it knows by
// then, marks it as incomplete and closes the report.
func TestInterrupt(t *testing.T) {
	for name, c := range map[string]struct {
		cause error
		want  int
	}{
		"by Ctrl-C":  {context.Canceled, ExitInterrupted},
		"by SIGTERM": {ErrTerminated, ExitTerminated},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			r := new(report)
			var saved bytes.Buffer
			o := options(t, &estate{boxes: []string{"open", "closed", "closed"}}, r)
			o.Inventory = &saved
			o.Concurrency = 1
			r.told = func() {
				if len(r.stores) == 1 {
					cancel(c.cause)
				}
			}
			summary, err := Run(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			if summary.Exit != c.want || !summary.Incomplete || summary.Reason != "interrupted: the report holds what was known by then" {
				t.Errorf("exit %d, incomplete %t, %q", summary.Exit, summary.Incomplete, summary.Reason)
			}
			if !strings.HasPrefix(r.order, "bs") || !strings.HasSuffix(r.order, "e") {
				t.Errorf("told %s", r.order)
			}
			if got := r.outcomes()[0]; !strings.HasPrefix(got, "closed") && got != "open outsiders pass" {
				t.Errorf("first outcome %s", got)
			}

			// What was saved by then stays incomplete whenever it is judged.
			again, err := Judge(t.Context(), &saved, options(t, nil, new(report)))
			if err != nil || !again.Incomplete || again.Reason != summary.Reason || again.Exit != ExitBoth {
				t.Errorf("judged again: %+v, %v", again, err)
			}
		})
	}
}

func TestInterruptedBeforeAnything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := new(report)
	summary, err := Run(ctx, options(t, &estate{boxes: []string{"open"}, scopes: context.Canceled}, r))
	if err != nil || summary.Exit != ExitInterrupted || r.order != "be" {
		t.Errorf("%+v, %v, told %s", summary, err, r.order)
	}
}

// Where there is no verdict, there is no half of a report either.
func TestNoVerdict(t *testing.T) {
	r := new(report)
	var saved bytes.Buffer
	o := options(t, &estate{boxes: []string{"open"}, scopes: errors.New("no such region")}, r)
	o.Inventory = &saved
	summary, err := Run(t.Context(), o)
	if !errors.Is(err, ErrNoScopes) || err.Error() != "find scopes: no such region" || summary != nil || r.order != "" || saved.Len() != 0 {
		t.Errorf("%v, %v, told %q, saved %q", summary, err, r.order, saved.String())
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errDiskFull }

func TestUnwritableReport(t *testing.T) {
	for letter, want := range map[string]string{
		"b": "begin report: disk full", "s": "report store: disk full", "e": "end report: disk full",
	} {
		o := options(t, &estate{boxes: []string{"open", "closed"}}, &report{fails: letter})
		if _, err := Run(t.Context(), o); !errors.Is(err, errDiskFull) || err.Error() != want {
			t.Errorf("Run: error %v, want %s", err, want)
		}
		o.Sink = &report{fails: letter}
		if _, err := Judge(t.Context(), strings.NewReader(inventoryOf(t, "open", "closed")), o); !errors.Is(err, errDiskFull) || err.Error() != want {
			t.Errorf("Judge: error %v, want %s", err, want)
		}
	}
	o := options(t, &estate{boxes: []string{"open"}}, new(report))
	o.Inventory = fullDisk{}
	if _, err := Run(t.Context(), o); !errors.Is(err, errDiskFull) || err.Error() != "save inventory: disk full" {
		t.Errorf("error %v", err)
	}
}
