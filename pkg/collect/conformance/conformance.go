// Package conformance holds every collector to the same promises. Use it in the
// test of a provider: give it the recordings of a kind and it derives the
// cases, of which the author writes none.
//
//	conformance.Run(t, conformance.Suite{Kind: Kind, Folder: "testdata", Dialect: dialect, Open: open, Wants: wants})
//
// A recording is a txtar file: a comment that says what it shows, the world it
// was recorded from (world.yaml), what it should come to (want), and the
// answers of the cloud to every question there is. With -update the suite asks
// the world again and rewrites answers and want; whoever does that reviews each
// want line against what the cloud really does.
//
// The suite derives altered recordings (a refused call, half an answer, a word
// nobody knows yet, a planted secret), replays each through the cloud's own SDK
// and checks these promises:
//
//   - verdict: what comes out is what the recording's want says.
//   - deterministic: the same bytes, however many stores are examined at once.
//   - refusal widens: without any one answer each store is still there, the gap
//     is named, and the range contains what it was.
//   - refused listing is loud: the run says that it is incomplete.
//   - paging: pages of one store come to the same as pages of a thousand.
//   - throttling: an answer that says "slower" once changes nothing.
//   - cancellation: a run returns at once, says so, and leaves no goroutine.
//   - read-only: only declared calls are made, and every declared one is used.
//   - declared: nothing comes out that kind.yaml does not declare.
//   - evidence: each grant, guard and setting cites a place that exists in a
//     recorded answer, and quotes what stands there.
//   - no secrets: what is planted in answers never comes out.
//   - unknown words: a word that is new to us never narrows a range.
//   - malformed answers: half of one, or something else in its place, is a gap,
//     never a crash, and never narrows a range.
//
// What differs between clouds is their [Dialect]. Nothing here sleeps, and the
// only clock is the one that gives up on a run that does not return.
package conformance

import (
	"context"
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
)

// Suite says which collector is examined, and with what.
type Suite struct {
	// Kind is what the collector declares. The provider's other kinds are not
	// run.
	Kind *collect.Kind
	// Folder holds the recordings, NAME.txtar each.
	Folder string
	// Open returns the provider under examination, for one run. Its requests go
	// through the transport and nowhere else, name their calls, and are tried
	// again at once, without waiting, when the cloud asks to slow down.
	Open func(ctx context.Context, transport http.RoundTripper) (collect.Provider, error)
	// Wants and Proves are what a run asks, and asks first, that only wants to
	// decide who is let in; see collect.Runner.
	Wants, Proves func(*resource.Resource, resource.Gap) bool
	// Dialect is the cloud's.
	Dialect Dialect

	patience time.Duration // how long a run may take to notice that it was cancelled
}

// Dialect says what the suite has to know about a cloud: how its answers look
// on the wire, never what they mean.
type Dialect interface {
	// Serve starts a loopback cloud that holds a recording's world. No page of
	// any listing is longer than page; 0 leaves that to the cloud.
	Serve(world []byte, page int) (transport http.RoundTripper, stop func(), err error)
	// Identity returns the calls that the provider itself makes, to find out
	// who and where it is.
	Identity() []string
	// Refuse returns the ways in which the cloud words a refusal of a call, for
	// one of the reasons denied, throttled, error and unsupported. It may have
	// none.
	Refuse(call collect.Call, why resource.Reason) []tape.Exchange
	// Words returns the words that answers choose from a list, and to which the
	// cloud may add: permissions, types, error codes, operators, actions.
	Words() []string
	// Bare returns the listings whose answer has nothing in it when there is
	// nothing to list.
	Bare() []string
	// Documents passes every JSON document that an answer carries as text, such
	// as a policy, through change, and reports whether there was one.
	Documents(e tape.Exchange, change func(document string) string) (tape.Exchange, bool)
	// Plant returns copies of an answer with the secret in places from which
	// no collector has any business to repeat it.
	Plant(e tape.Exchange, secret string) []tape.Exchange
}

var update = flag.Bool("update", false, "record the worlds of the conformance recordings again, and rewrite what they want")

// Run examines a collector. Each recording is a subtest, and in it each promise.
func Run(t *testing.T, s Suite) {
	t.Helper()
	if *update {
		if err := s.Update(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	recordings, err := ReadFolder(s.Folder)
	if err != nil {
		t.Fatal(err)
	}
	seen := newTally()
	t.Run("recordings", func(t *testing.T) {
		for _, r := range recordings {
			t.Run(r.Name, func(t *testing.T) {
				t.Parallel()
				s.bench(t.Context(), r, seen).run(t, concurrent)
			})
		}
	})
	// Looking for goroutines that stay behind takes a quiet process.
	t.Run("alone", func(t *testing.T) {
		for _, r := range recordings {
			t.Run(r.Name, func(t *testing.T) { s.bench(t.Context(), r, seen).run(t, alone) })
		}
	})
	t.Run("together", func(t *testing.T) { runPromise(t, func(breach complain) { seen.together(s.Kind, breach) }) })
	t.Logf("%d recordings, %d runs", len(recordings), seen.runs())
}

// RunKinds examines every kind that has a folder below one, where so many are
// declared. A new kind is examined as soon as it has a folder, and fails until it
// has recordings. The suite says what they have in common.
func RunKinds(t *testing.T, below string, declared int, s Suite) {
	t.Helper()
	declarations, err := filepath.Glob(filepath.Join(below, "*", "kind.yaml"))
	if err != nil || len(declarations) != declared {
		t.Fatalf("there are %d kinds and %d declarations: %v", declared, len(declarations), err)
	}
	for _, file := range declarations {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			s.Kind, s.Folder = collect.MustParseKind(text), filepath.Join(folder, "testdata")
			Run(t, s)
		})
	}
}

// complain takes one breach of a promise, in words.
type complain func(format string, args ...any)

// promise is one promise about one recording.
type promise struct {
	name string
	keep func(*bench, complain)
}

// concurrent are the promises of which any number can be examined at the same
// time. The first two come first: what is not deterministic cannot be compared.
var concurrent = []promise{
	{"deterministic", (*bench).deterministic},
	{"verdict", (*bench).verdict},
	{"refusal widens", (*bench).refusal},
	{"refused listing is loud", (*bench).refusedListing},
	{"paging", (*bench).paging},
	{"throttling", (*bench).throttling},
	{"read-only", (*bench).readOnly},
	{"declared", (*bench).declared},
	{"evidence", (*bench).evidence},
	{"no secrets", (*bench).secrets},
	{"unknown words", (*bench).unknownWords},
	{"malformed answers", (*bench).malformed},
}

var alone = []promise{{"cancellation", (*bench).cancellation}}

func (b *bench) run(t *testing.T, promises []promise) {
	t.Helper()
	for _, p := range promises {
		if !t.Run(p.name, func(t *testing.T) { runPromise(t, func(breach complain) { p.keep(b, breach) }) }) && p.name == "deterministic" {
			t.Fatal("a collector that is not deterministic cannot be examined further")
		}
	}
}

// maxBreaches keeps a collector that breaks a promise everywhere readable.
const maxBreaches = 10

func runPromise(t *testing.T, keep func(complain)) {
	t.Helper()
	count := 0
	keep(func(format string, args ...any) {
		t.Helper()
		if count++; count <= maxBreaches {
			t.Errorf(format, args...)
		}
	})
	if count > maxBreaches {
		t.Errorf("… and %d more", count-maxBreaches)
	}
}

// tally is what all recordings of a kind show together.
type tally struct {
	mu       sync.Mutex
	count    int
	calls    map[string]bool
	settings map[string]bool
	paged    bool
	served   bool
}

func newTally() *tally { return &tally{calls: make(map[string]bool), settings: make(map[string]bool)} }

func (y *tally) runs() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.count
}

func (y *tally) note(what func(*tally)) {
	y.mu.Lock()
	defer y.mu.Unlock()
	what(y)
}

// together checks that the recordings leave nothing out that the kind declares.
func (y *tally) together(kind *collect.Kind, breach complain) {
	for _, call := range kind.Calls() {
		if !y.calls[call] {
			breach("read-only: %s is declared, and no recording uses it", call)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(kind.Settings)) {
		if !y.settings[key] {
			breach("declared: no recording shows the setting %s", key)
		}
	}
	pages := slices.ContainsFunc(kind.Lists, func(l collect.Listing) bool { return !l.Whole })
	if y.served && !y.paged && pages {
		breach("paging: no recording lists so much that pages of one make a difference (%s)", strings.Join(kind.Calls()[:len(kind.Lists)], ", "))
	}
}
