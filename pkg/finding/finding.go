// Package finding holds the nouns of the verdict: what a policy concluded about
// a store ([Finding]), what the run could and could not see ([Coverage]), and
// the stream in which a run is told ([Sink]). It has no logic beyond identity
// and ordering, and does no I/O.
package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

// Outcome is what a policy concluded about one store.
type Outcome string

// The outcomes. Unknown is never green.
const (
	Pass    Outcome = "pass"
	Fail    Outcome = "fail"
	Unknown Outcome = "unknown"
	Waived  Outcome = "waived"
)

// Severity says how bad a failed policy is, least first.
type Severity uint8

// The severities.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

var severityWords = []string{"info", "low", "medium", "high", "critical"}

// ParseSeverity reads one of the words of String.
func ParseSeverity(word string) (Severity, error) {
	i := slices.Index(severityWords, word)
	if i < 0 {
		return 0, fmt.Errorf("read severity: %q is none of %q", word, severityWords)
	}
	return Severity(i), nil
}

// String returns the severity's word.
func (s Severity) String() string { return severityWords[min(int(s), len(severityWords)-1)] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads one of the words of String.
func (s *Severity) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSeverity(string(text))
	return err
}

// Finding is one policy's conclusion about one store.
type Finding struct {
	// ID is stable: it depends on the policy's id and the store's, never on wording.
	ID       string         `json:"id"`
	Policy   string         `json:"policy"`
	Title    string         `json:"title"`
	Severity Severity       `json:"severity"`
	Outcome  Outcome        `json:"outcome"`
	Exposure exposure.Range `json:"exposure"`
	// Paths prove a failure; for a pass they are the grants that a guard closed.
	Paths []exposure.Path `json:"paths,omitempty"`
	// Guards are the guards that the paths met.
	Guards []resource.Guard  `json:"guards,omitempty"`
	Latent []exposure.Latent `json:"latent,omitempty"`
	// Settings are the settings the policy read, with where they were read.
	Settings map[string]resource.Setting `json:"settings,omitempty"`
	// Missing are the questions without an answer that left the outcome open.
	Missing []resource.Gap `json:"missing,omitempty"`
	Why     string         `json:"why,omitempty"`
	Fix     string         `json:"fix,omitempty"`
}

// NewID derives a finding's identity from its policy and store.
func NewID(policy string, store resource.ID) string {
	sum := sha256.Sum256([]byte(policy + "\x00" + string(store)))
	return hex.EncodeToString(sum[:8])
}

// Store is one store with everything that was concluded about it.
type Store struct {
	Resource   resource.Resource   `json:"resource"`
	Assessment exposure.Assessment `json:"assessment"`
	Findings   []Finding           `json:"findings"`
}

// State says how completely one kind was read in one scope.
type State string

// The states of coverage.
const (
	Complete State = "complete" // listed to the end, every question that mattered answered
	Partial  State = "partial"  // listed to the end, some questions refused
	Refused  State = "refused"  // the listing itself failed: stores may be missing
	Skipped  State = "skipped"  // the service is not enabled or not offered there: nothing to list, nothing refused
)

// Coverage is one line of the ledger: what was seen of one kind in one scope.
type Coverage struct {
	Scope resource.Scope `json:"scope"`
	Kind  resource.Kind  `json:"kind"`
	State State          `json:"state"`
	// Stores counts what was listed, Unread the stores with a refused question.
	Stores int `json:"stores"`
	Unread int `json:"unread"`
	// Call, Permission and Detail describe the first refusal.
	Call       string `json:"call,omitempty"`
	Permission string `json:"permission,omitempty"`
	Detail     string `json:"detail,omitempty"`
	// Gaps counts unanswered questions by call, over all stores of the line.
	Gaps map[string]int `json:"gaps,omitempty"`
}

// Complete reports whether nothing was missed.
func (c Coverage) Complete() bool { return c.State == Complete }

// Run describes a run as it begins.
type Run struct {
	ID      string    `json:"id"`
	Tool    string    `json:"tool"` // "andon 0.1.0"
	Started time.Time `json:"started"`
	// Source says where the inventory came from: "live", "replay", "inventory".
	Source string `json:"source"`
	Depth  string `json:"depth"` // "verdict" or "full"
	// Policies are the ids of the policies applied, sorted.
	Policies []string `json:"policies"`
	// FailOn is the severity from which a failure counts in the exit code.
	FailOn Severity `json:"fail_on"`
}

// Summary describes a run as it ends.
type Summary struct {
	Finished   time.Time  `json:"finished"`
	Incomplete bool       `json:"incomplete"` // interrupted, or something could not be read
	Reason     string     `json:"reason,omitempty"`
	Coverage   []Coverage `json:"coverage"`
	Stores     int        `json:"stores"`
	Gone       int        `json:"gone"`
	// Levels counts stores by verdict: the levels' words and "unknown".
	Levels map[string]int `json:"levels"`
	// Outcomes counts findings by outcome, Failed the failures by severity.
	Outcomes map[Outcome]int `json:"outcomes"`
	Failed   map[string]int  `json:"failed"`
	// Calls counts API calls made, Saved the questions not asked because their
	// answer could not matter.
	Calls  int            `json:"calls"`
	ByCall map[string]int `json:"by_call,omitempty"`
	Saved  int            `json:"saved"`
	// Exit is the process's exit code for this run.
	Exit int `json:"exit"`
}

// Sink is told a run in order: Begin once, Store for each store in the order of
// the listing, End once. The first error ends the run. A Sink that keeps stores
// must bound what it keeps: a run may hold millions.
type Sink interface {
	Begin(Run) error
	Store(*Store) error
	End(*Summary) error
}
