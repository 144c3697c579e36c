package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// seal is the line that closes an inventory: what the run that saved it could
// see, and that it came to its end. An inventory without one was cut short.
type seal struct {
	Coverage []finding.Coverage `json:"coverage"`
	Finished time.Time          `json:"finished"`
	// Reason says why the run was incomplete, where the coverage does not.
	Reason string `json:"reason,omitempty"`
}

func sealOf(sum *finding.Summary) *seal {
	return &seal{Coverage: append([]finding.Coverage{}, sum.Coverage...), Finished: sum.Finished, Reason: sum.Reason}
}

// save writes one line of the inventory: a store or the seal.
func (t *telling) save(entry any) error {
	if t.Inventory == nil {
		return nil
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("save inventory: %w", err)
	}
	if _, err := t.Inventory.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("save inventory: %w", err)
	}
	return nil
}

// batch is a run of inventory lines on its way through decoding and judging.
// Lines travel together so that handing them over costs little beside the work.
type batch struct {
	first   int // number of the first line, from 1
	lines   [][]byte
	entries []entry
	err     error
	ready   chan struct{}
}

// entry is what one line holds: a store or a seal.
type entry struct {
	store *finding.Store
	seal  *seal
}

const (
	batchLines = 256
	// MaxLine is the longest inventory line, in bytes: a store with a policy of
	// the largest size a cloud allows takes a few hundred kilobytes.
	MaxLine = 8 << 20
)

// Judge applies policies to an inventory: one resource.Resource a line, as Run
// saves them, and a last line with the run's coverage. Lines are judged in
// parallel and told in order. A line that cannot be read ends the run with an
// error that names it, since a store would otherwise be missing from the report.
//
// The verdict is as complete as the inventory. What the saving run could not
// read stays unread; an inventory that was cut short, or that holds fewer stores
// than were listed, is incomplete. Inventories may stand one behind another.
func Judge(ctx context.Context, inventory io.Reader, o Options) (*finding.Summary, error) {
	t := newTelling(o)
	inner, stop := context.WithCancel(ctx)
	defer stop()
	group, inner := errgroup.WithContext(inner)
	workers := runtime.GOMAXPROCS(0)
	work, ordered := make(chan *batch), make(chan *batch, 2*workers)
	group.Go(func() error { return readBatches(inner, inventory, work, ordered) })
	for range workers {
		group.Go(func() error {
			for b := range work {
				b.judge(o)
				close(b.ready)
			}
			return nil
		})
	}
	err := t.tellBatches(ordered, stop)
	if readErr := group.Wait(); err == nil && !errors.Is(readErr, context.Canceled) {
		err = readErr
	}
	if err != nil {
		return nil, err
	}
	if t.unsealed > 0 || t.seals == 0 {
		t.cut = cmp.Or(t.cut, "the inventory was cut short: the line that closes it is missing, and stores may be")
	}
	return t.end(ctx)
}

func readBatches(ctx context.Context, inventory io.Reader, work, ordered chan<- *batch) error {
	defer close(work)
	defer close(ordered)
	lines := bufio.NewScanner(inventory)
	lines.Buffer(make([]byte, 64<<10), MaxLine)
	b := newBatch(1)
	number := 0
	send := func() {
		if len(b.lines) > 0 {
			ordered <- b
			work <- b
		}
		b = newBatch(number + 1)
	}
	for lines.Scan() {
		number++
		if text := bytes.TrimSpace(lines.Bytes()); len(text) > 0 {
			b.lines = append(b.lines, bytes.Clone(text))
		} else {
			b.lines = append(b.lines, nil)
		}
		if len(b.lines) == batchLines {
			send()
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	send()
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%w: line %d: %w", ErrInventory, number+1, err)
	}
	return nil
}

func newBatch(first int) *batch {
	return &batch{first: first, ready: make(chan struct{})}
}

func (b *batch) judge(o Options) {
	for i, line := range b.lines {
		if line == nil {
			continue
		}
		e, err := readEntry(line, o)
		if err != nil {
			b.err = fmt.Errorf("%w: line %d: %w", ErrInventory, b.first+i, err)
			return
		}
		b.entries = append(b.entries, e)
	}
	b.lines = nil
}

func readEntry(line []byte, o Options) (entry, error) {
	r := new(resource.Resource)
	if err := decode(line, r); err != nil {
		closing := new(seal)
		if decode(line, closing) == nil && !closing.Finished.IsZero() {
			return entry{seal: closing}, nil
		}
		return entry{}, err
	}
	if r.ID == "" || r.Kind == "" {
		return entry{}, errors.New("a store needs an id and a kind")
	}
	return entry{store: judge(r, o.Policies)}, nil
}

// decode reads a line that holds one value and nothing else.
func decode(line []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return err
	}
	if int(decoder.InputOffset()) < len(line) {
		return errors.New("there is more than one value in it")
	}
	return nil
}

// tellBatches tells the stores in order. After an error it drains what is left,
// so that no goroutine stays behind.
func (t *telling) tellBatches(ordered <-chan *batch, stop func()) error {
	var failed error
	for b := range ordered {
		<-b.ready
		for _, e := range b.entries {
			if failed == nil {
				failed = t.restore(e)
			}
		}
		if failed == nil {
			failed = b.err
		}
		if failed != nil {
			stop()
		}
	}
	return failed
}

func (t *telling) restore(e entry) error {
	if e.seal == nil {
		t.unsealed++
		return t.tell(e.store)
	}
	listed := 0
	for _, c := range e.seal.Coverage {
		listed += c.Stores
	}
	t.cut = cmp.Or(t.cut, e.seal.Reason)
	if listed != t.unsealed {
		t.cut = cmp.Or(t.cut, fmt.Sprintf("the inventory holds %d stores, and %d were listed when it was saved", t.unsealed, listed))
	}
	t.summary.Coverage = append(t.summary.Coverage, e.seal.Coverage...)
	t.unsealed, t.seals = 0, t.seals+1
	return nil
}
