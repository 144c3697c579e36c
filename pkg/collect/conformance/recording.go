package conformance

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
)

// Recording is one case: a small world, what a cloud says about it, and what a
// collector should make of it.
type Recording struct {
	// Name is the file's name without its ending, Shows its first words.
	Name, Shows string
	// World is what the loopback cloud was given. It is empty where the
	// recording comes from a real cloud; nothing is asked again then.
	World []byte
	// Want is what should come out, one line a store and one a fact about it.
	Want string
	Tape *tape.Tape
}

// The names of a recording's sections that are not answers.
const (
	worldSection = "world.yaml"
	wantSection  = "want"
)

// ReadRecording reads one file.
func ReadRecording(file string) (*Recording, error) {
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	t, err := tape.Parse(file, text)
	if err != nil {
		return nil, err
	}
	return &Recording{
		Name:  strings.TrimSuffix(filepath.Base(file), ".txtar"),
		Shows: string(txtar.Parse(text).Comment),
		World: t.Attached[worldSection],
		Want:  string(t.Attached[wantSection]),
		Tape:  t,
	}, nil
}

// ReadFolder reads every recording of a folder, which must hold one.
func ReadFolder(folder string) ([]*Recording, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil {
		return nil, fmt.Errorf("read recordings: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read recordings: no *.txtar in %s", folder)
	}
	recordings := make([]*Recording, 0, len(files))
	for _, file := range files {
		r, err := ReadRecording(file)
		if err != nil {
			return nil, err
		}
		recordings = append(recordings, r)
	}
	return recordings, nil
}

// Update asks every recording's world again and rewrites the files. What they
// want becomes what the collector says now: review it.
func (s Suite) Update(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(s.Folder, "*.txtar"))
	if err != nil {
		return fmt.Errorf("update recordings: %w", err)
	}
	for _, file := range files {
		if err := s.updateFile(ctx, file); err != nil {
			return fmt.Errorf("update recording %s: %w", file, err)
		}
	}
	return nil
}

func (s Suite) updateFile(ctx context.Context, file string) error {
	r, err := ReadRecording(file)
	if err != nil || len(r.World) == 0 {
		return err
	}
	if r.Tape, err = s.record(ctx, r.World, 0); err != nil {
		return err
	}
	b := s.bench(ctx, r, newTally())
	if b.full.err != nil {
		return b.full.err
	}
	r.Want = b.want()
	return os.WriteFile(file, r.format(s.Kind), 0o644)
}

// record asks everything about a world.
func (s Suite) record(ctx context.Context, world []byte, page int) (*tape.Tape, error) {
	transport, stop, err := s.Dialect.Serve(world, page)
	if err != nil {
		return nil, err
	}
	defer stop()
	var recorded bytes.Buffer
	recorder := tape.NewRecorder(transport, &recorded)
	o := s.collect(ctx, recorder, everything)
	if err := errors.Join(o.err, recorder.Err()); err != nil {
		return nil, err
	}
	return tape.Parse("recorded", recorded.Bytes())
}

// format writes a recording with its answers in the order of the declaration,
// since they arrive in any order.
func (r *Recording) format(kind *collect.Kind) []byte {
	archive := txtar.Archive{Comment: []byte(r.Shows), Files: []txtar.File{
		{Name: worldSection, Data: r.World}, {Name: wantSection, Data: []byte(r.Want)},
	}}
	out := txtar.Format(&archive)
	declared := kind.Calls()
	exchanges := slices.Clone(r.Tape.Exchanges)
	slices.SortStableFunc(exchanges, func(a, b tape.Exchange) int {
		return cmp.Or(
			cmp.Compare(slices.Index(declared, a.Call.Name), slices.Index(declared, b.Call.Name)),
			cmp.Compare(a.Call.Name, b.Call.Name), cmp.Compare(a.Call.Region, b.Call.Region), cmp.Compare(a.Call.Input, b.Call.Input))
	})
	for i, e := range exchanges {
		if i > 0 && e.Call == exchanges[i-1].Call && bytes.Equal(e.Format(), exchanges[i-1].Format()) {
			continue // asked again, answered the same: the player repeats the last
		}
		out = append(out, e.Format()...)
	}
	return out
}

// Replay returns the stores of a recording as a run collects them that asks
// what wants wants (nil: everything) and is refused one call (empty: none).
func (s Suite) Replay(ctx context.Context, r *Recording, refused string, wants func(*resource.Resource, resource.Gap) bool) ([]*resource.Resource, error) {
	played := r.Tape
	if refused != "" {
		found := false
		played = alter(played, func(e tape.Exchange) []tape.Exchange {
			if e.Call.Name != refused {
				return []tape.Exchange{e}
			}
			found = true
			return s.Dialect.Refuse(e.Call, resource.Denied)[:1]
		})
		if !found {
			return nil, fmt.Errorf("replay %s: it does not hold the call %s", r.Name, refused)
		}
	}
	o := s.collect(ctx, tape.NewPlayer(played), errand{wants: wants, proves: s.Proves, budgeted: wants != nil})
	return o.stores, o.err
}

// alter returns a tape with each answer replaced.
func alter(t *tape.Tape, change func(tape.Exchange) []tape.Exchange) *tape.Tape {
	altered := new(tape.Tape)
	for _, e := range t.Exchanges {
		altered.Exchanges = append(altered.Exchanges, change(e)...)
	}
	return altered
}

// instead returns a tape on which one call is answered otherwise.
func instead(t *tape.Tape, call collect.Call, answer tape.Exchange) *tape.Tape {
	return alter(t, func(e tape.Exchange) []tape.Exchange {
		if e.Call == call {
			return []tape.Exchange{answer}
		}
		return []tape.Exchange{e}
	})
}

// calls returns the distinct calls of a tape, in order.
func calls(t *tape.Tape) []collect.Call {
	var distinct []collect.Call
	for _, e := range t.Exchanges {
		if !slices.Contains(distinct, e.Call) {
			distinct = append(distinct, e.Call)
		}
	}
	return distinct
}

// errand is what one run is sent for.
type errand struct {
	wants, proves func(*resource.Resource, resource.Gap) bool
	budgeted      bool
	concurrency   int
}

var everything = errand{concurrency: 1}

// verdictErrand asks only what can still change who is let in.
func (s Suite) verdictErrand() errand {
	return errand{wants: s.Wants, proves: s.Proves, budgeted: true, concurrency: 1}
}

// outcome is what one run came to.
type outcome struct {
	stores []*resource.Resource
	ledger collect.Ledger
	err    error
	sent   []string // the names of the calls that were made
}

func (s Suite) collect(ctx context.Context, transport http.RoundTripper, e errand) *outcome {
	o := new(outcome)
	log := &callLog{next: transport}
	defer func() { o.sent = log.names() }()
	provider, err := s.Open(ctx, log)
	if err != nil {
		o.err = fmt.Errorf("open: %w", err)
		return o
	}
	runner := collect.Runner{
		Provider: provider, Kinds: []resource.Kind{s.Kind.Name},
		Wants: e.wants, Proves: e.proves, Budgeted: e.budgeted, Concurrency: e.concurrency,
	}
	o.ledger, o.err = runner.Run(ctx, func(r *resource.Resource) error {
		o.stores = append(o.stores, r)
		return nil
	})
	return o
}
