package conformance

import (
	"context"
	"net/http"
	"sync"
	"time"

	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
)

// patience is how long a cancelled run may take where nothing waits for
// anything.
const patience = 10 * time.Second

// cancellation: a run that is cancelled before any one call returns, says so,
// hands over what it has and leaves nothing running.
func (b *bench) cancellation(breach complain) {
	broken := false
	for _, call := range calls(b.recording.Tape) {
		b.cancel(call, func(format string, args ...any) {
			broken = true
			breach(format, args...)
		})
		if broken {
			return // what one run left behind would disturb the next
		}
	}
}

func (b *bench) cancel(at collect.Call, breach complain) {
	after := "cancelled before " + at.Name + " " + at.Input
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	before := goleak.IgnoreCurrent()
	cut := &canceller{next: tape.NewPlayer(b.recording.Tape), at: at, cancel: cancel}
	done := make(chan *outcome, 1)
	b.seen.note(func(y *tally) { y.count++ })
	go func() { done <- b.suite.collect(ctx, cut, errand{concurrency: 2}) }()
	limit := patience
	if b.suite.patience > 0 {
		limit = b.suite.patience
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-timer.C:
		breach("%s: the run does not return", after)
		return
	case o := <-done:
		b.interrupted(o, after, breach)
	}
	if late := cut.lateCalls(); late != "" {
		breach("%s: %s is sent all the same", after, late)
	}
	if err := goleak.Find(before); err != nil {
		breach("%s: %v", after, err)
	}
}

// interrupted checks what a cancelled run hands over.
func (b *bench) interrupted(o *outcome, after string, breach complain) {
	if o.err == nil {
		breach("%s: the run does not say that it was interrupted", after)
	}
	var known []*resource.Resource
	for _, truth := range b.full.stores {
		if o.store(truth.ID) != nil {
			known = append(known, truth)
		}
	}
	listed := *b
	listed.full = &outcome{stores: known}
	listed.safer(o, after, breach)
}

// canceller cancels a run before one call, and watches for calls that are sent
// all the same, by a context that never heard of it.
type canceller struct {
	next   http.RoundTripper
	at     collect.Call
	cancel context.CancelFunc

	mu   sync.Mutex
	cut  bool
	late string
}

func (c *canceller) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	c.mu.Lock()
	if call == c.at {
		c.cut = true
		c.cancel()
	}
	if c.cut && req.Context().Err() == nil {
		c.late = call.Name
	}
	c.mu.Unlock()
	return c.next.RoundTrip(req)
}

func (c *canceller) lateCalls() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.late
}
