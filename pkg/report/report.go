// Package report tells what a run found. Each folder below it is one format and
// implements finding.Sink (explain renders a single store instead):
//
//	table    for people: the worst findings first, bounded, on a terminal or in a pipe
//	ndjson   for machines: one typed JSON object a line, for any number of stores
//	json     for machines: the same objects as one document
//	schema   the JSON Schema that both are published under
//	document how those objects are spelled; ndjson and json only frame them
//	explain  for people: everything that is known about one store
//
// Package reporttest holds the run that all of their tests render.
//
// All formats tell the same run and none decides anything: a verdict is read
// from the assessment. They stream: what a format keeps does not grow with the
// number of stores.
//
// Names, tags and quotes come from the cloud and may be written by an
// attacker. This package holds what the human formats share to render them
// safely: [Text] and [Hidden], [Page], and the words for who gets in
// ([Who], [Openings]) and for how a run ended ([ExitMeaning]).
package report

import (
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// The exit codes of a run.
const (
	ExitClean       = 0   // everything was read, nothing at or above the threshold
	ExitInternal    = 1   // no verdict: a fault of andon or of its surroundings
	ExitUsage       = 2   // no verdict: a flag, the configuration or a policy is wrong
	ExitExposed     = 3   // findings at or above the threshold
	ExitUnread      = 4   // no such findings, but something could not be read
	ExitBoth        = 5   // both
	ExitLocked      = 75  // another run holds the lock
	ExitInterrupted = 130 // SIGINT: partial results
	ExitTerminated  = 143 // SIGTERM: partial results
)

var exitMeanings = map[int]string{
	ExitClean:       "no exposures found, coverage complete",
	ExitInternal:    "internal error, no verdict",
	ExitUsage:       "usage or configuration error, no verdict",
	ExitExposed:     "exposures found, coverage complete",
	ExitUnread:      "no exposures found, but coverage incomplete",
	ExitBoth:        "exposures found, coverage incomplete",
	ExitLocked:      "another run holds the lock, no verdict",
	ExitInterrupted: "interrupted, results are partial",
	ExitTerminated:  "terminated, results are partial",
}

// ExitMeaning says an exit code in words.
func ExitMeaning(code int) string {
	if meaning, ok := exitMeanings[code]; ok {
		return meaning
	}
	return "unknown exit code"
}

// Kind is the short name of a kind for people: "s3" for "aws.s3.bucket", "s3
// access point" for "aws.s3.access_point". A service's buckets are what its
// name stands for.
func Kind(k resource.Kind) string {
	name := strings.TrimPrefix(string(k), k.Provider()+".")
	name = strings.TrimSuffix(name, ".bucket")
	return strings.NewReplacer(".", " ", "_", " ").Replace(name)
}

// Count spells a number of things: "1 store", "1,203 stores".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(n) + " " + noun + "s"
}

// Thousands spells a number with a comma between thousands.
func Thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Unanswered returns the gaps that somebody was asked about and that stayed
// open, which may hide something. Questions never asked are not among them.
func Unanswered(gaps []resource.Gap) []resource.Gap { return gapsWhere(gaps, false) }

// NotAsked returns the gaps that the run left open on purpose.
func NotAsked(gaps []resource.Gap) []resource.Gap { return gapsWhere(gaps, true) }

func gapsWhere(gaps []resource.Gap, notAsked bool) []resource.Gap {
	var some []resource.Gap
	for _, g := range gaps {
		if (g.Reason == resource.NotAsked) == notAsked {
			some = append(some, g)
		}
	}
	return some
}

var reasonWords = map[resource.Reason]string{
	resource.NotAsked:    "not asked",
	resource.Denied:      "access denied",
	resource.Throttled:   "throttled",
	resource.Failed:      "failed",
	resource.Malformed:   "not readable",
	resource.Undecided:   "left open by its answer",
	resource.Unsupported: "not supported here",
}

// Why says in a few words why a question has no answer.
func Why(r resource.Reason) string {
	if word, ok := reasonWords[r]; ok {
		return word
	}
	return string(r)
}

// Worst returns the highest severity among a store's failures, and false when
// nothing failed.
func Worst(findings []finding.Finding) (finding.Severity, bool) {
	worst, failed := finding.Info, false
	for i := range findings {
		if findings[i].Outcome == finding.Fail {
			worst, failed = max(worst, findings[i].Severity), true
		}
	}
	return worst, failed
}

// Unread reports whether the run could not settle a store: a policy has no
// answer, or the verdict is not a single level.
func Unread(s *finding.Store) bool {
	if s.Resource.Gone {
		return false
	}
	for i := range s.Findings {
		if s.Findings[i].Outcome == finding.Unknown {
			return true
		}
	}
	return !s.Assessment.Settled.Decided()
}

// Verdict is the one word for a store: its level, "unknown" when that is not
// settled, and "gone" when nothing was left to judge. The latter two are never
// safe.
func Verdict(s *finding.Store) string {
	if s.Resource.Gone {
		return "gone"
	}
	return s.Assessment.Settled.Verdict()
}
