package table

import (
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/resource"
)

// telling is the whole table in words: what both the terminal's layout and the
// pipe's columns say.
type telling struct {
	run        *finding.Run
	summary    *finding.Summary
	failures   []*group
	held       int // rows in failures
	failed     int // rows there were
	unread     []*unread
	unreadMore int
	latent     []*latent
	latentMore int
}

// head says what was looked at.
func (t *telling) head(dot string) string {
	facts := []string{t.run.Tool, t.run.Source}
	facts = append(facts, t.scopes()...)
	return strings.Join(append(facts, "depth "+t.run.Depth), dot)
}

// scopes counts accounts and regions by cloud: "aws 2 accounts, 3 regions",
// "gcp 5 projects".
func (t *telling) scopes() []string {
	var clouds, said []string
	accounts, regions := map[string][]string{}, map[string][]string{}
	for _, c := range t.summary.Coverage {
		p := c.Scope.Provider
		clouds = include(clouds, p)
		if c.Scope.Account != "" { // a cloud of which nothing could be listed has none
			accounts[p] = include(accounts[p], c.Scope.Account)
		}
		if c.Scope.Region != "" {
			regions[p] = include(regions[p], c.Scope.Region)
		}
	}
	for _, p := range clouds {
		text := p + " " + report.Count(len(accounts[p]), report.Unit(p))
		if n := len(regions[p]); n > 0 {
			text += ", " + report.Count(n, "region")
		}
		said = append(said, text)
	}
	return said
}

func include(words []string, word string) []string {
	if slices.Contains(words, word) {
		return words
	}
	return append(words, word)
}

// countOf is a number of failures of a severity, which a terminal may colour.
type countOf struct {
	severity finding.Severity
	n        int
}

func (t *telling) bySeverity() []countOf {
	var counts []countOf
	for s := finding.Critical; ; s-- {
		if n := t.summary.Failed[s.String()]; n > 0 {
			counts = append(counts, countOf{s, n})
		}
		if s == finding.Info {
			return counts
		}
	}
}

// besides counts what is neither failure nor pass.
func (t *telling) besides() []string {
	var said []string
	for _, o := range []finding.Outcome{finding.Unknown, finding.Waived} {
		if n := t.summary.Outcomes[o]; n > 0 {
			said = append(said, report.Thousands(n)+" "+string(o))
		}
	}
	return said
}

// hidden says how many failures are not listed and how to get them.
func (t *telling) hidden() string {
	if t.failed == t.held {
		return ""
	}
	return report.Thousands(t.failed-t.held) + " more not shown, the worst are; --format ndjson writes every one"
}

// uncovered are the lines of the ledger that missed something.
func (t *telling) uncovered() []finding.Coverage {
	var lines []finding.Coverage
	for _, c := range t.summary.Coverage {
		if !c.Complete() && c.State != finding.Skipped {
			lines = append(lines, c)
		}
	}
	return lines
}

// skipped counts the listings of services that are not there to be listed.
func (t *telling) skipped() string {
	n := 0
	for _, c := range t.summary.Coverage {
		if c.State == finding.Skipped {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return report.Count(n, "listing") + " skipped: the service is not enabled, or not offered there"
}

// notAssessed counts the stores and ledger lines that are not known.
func (t *telling) notAssessed() string {
	var said []string
	if n := len(t.unread) + t.unreadMore; n > 0 {
		said = append(said, report.Count(n, "store"))
	}
	if n := len(t.uncovered()); n > 0 {
		said = append(said, report.Thousands(n)+" of "+report.Count(len(t.summary.Coverage), "listing")+" incomplete")
	}
	return strings.Join(said, ", ")
}

// unlisted says how many rows of a section are not shown.
func unlisted(n int) string {
	if n == 0 {
		return ""
	}
	return report.Thousands(n) + " more not shown; --format ndjson writes every one"
}

// coverage says what a ledger line missed: what happened, and the refusal.
func coverage(c finding.Coverage) (what, why string) {
	switch c.State {
	case finding.Refused:
		what = "listing refused, stores may be missing"
	default:
		what = report.Thousands(c.Unread) + " of " + report.Count(c.Stores, "store") + " not read in full"
	}
	return what, refusal(c.Call, c.Detail, c.Permission)
}

// gap says one unanswered question: the call, why, and what would answer it.
func gap(g resource.Gap) string {
	said := report.Why(g.Reason)
	if g.Detail != "" {
		said += " (" + g.Detail + ")"
	}
	return refusal(g.Call, said, neededBy(g))
}

// neededBy is the permission to ask for, where a permission is what is missing.
func neededBy(g resource.Gap) string {
	if g.Reason == resource.Denied {
		return g.Permission
	}
	return ""
}

func refusal(call, said, permission string) string {
	var parts []string
	for _, part := range []string{call, said} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if permission != "" {
		parts = append(parts, "needs "+permission)
	}
	return strings.Join(parts, "  ")
}

// unknown is what stands where others say who gets in: "unknown:
// s3:GetBucketPolicy access denied".
func unknown(u *unread) string {
	var reasons []string
	for _, g := range u.gaps {
		reasons = append(reasons, g.Call+" "+report.Why(g.Reason))
	}
	if len(reasons) == 0 {
		return "unknown: not decided"
	}
	return "unknown: " + strings.Join(reasons, ", ")
}

// lifted says what guards alone keep closed.
func lifted(now exposure.Range, then exposure.Latent) string {
	return now.String() + " now, " + then.Level.String() + " but for: " + strings.Join(then.Without, "; ")
}

// totals counts the stores by verdict, worst first, and the calls.
func (t *telling) totals(dot string) []string {
	var counts []string
	levels := exposure.Levels()
	for _, l := range slices.Backward(levels) {
		counts = appendCount(counts, t.summary.Levels[l.String()], l.String())
		if l == exposure.Public { // between proven open and the rest: unknown is never safe
			counts = appendCount(counts, t.summary.Levels["unknown"], "unknown")
		}
	}
	counts = appendCount(counts, t.summary.Gone, "gone")
	stores := report.Count(t.summary.Stores, "store")
	if len(counts) > 0 {
		stores += ": " + strings.Join(counts, dot)
	}
	calls := report.Count(t.summary.Calls, "API call") + " made, " + report.Thousands(t.summary.Saved) + " saved"
	totals := []string{stores, calls}
	if skipped := t.skipped(); skipped != "" {
		totals = append(totals, skipped)
	}
	return totals
}

func appendCount(counts []string, n int, word string) []string {
	if n == 0 {
		return counts
	}
	return append(counts, report.Thousands(n)+" "+word)
}

// next names the command that shows the proof, with the worst store's name
// where a shell would take it as it is.
func (t *telling) next() string {
	var p place
	switch {
	case len(t.failures) > 0:
		p = t.failures[0].place
	case len(t.unread) > 0:
		p = t.unread[0].place
	default:
		return ""
	}
	if !typeable(p.name) {
		return "andon explain NAME"
	}
	return "andon explain " + p.name
}

// typeable reports whether a name can be pasted into a shell and mean itself.
func typeable(name string) bool {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-"
	return name != "" && len(name) <= 63 && name[0] != '-' && strings.Trim(name, safe) == ""
}

// ended says the exit code in words, and why the run is incomplete.
func (t *telling) ended() string {
	text := fmt.Sprintf("exit %d: %s", t.summary.Exit, report.ExitMeaning(t.summary.Exit))
	if t.summary.Incomplete && t.summary.Reason != "" {
		text += " (" + t.summary.Reason + ")"
	}
	return text
}
