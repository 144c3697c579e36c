package cli

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/andon-audit/andon/pkg/resource"
)

// progress is one line on stderr that says how far a run is. It is shown on a
// terminal only, and vanishes when the run ends.
type progress struct {
	out     io.Writer
	started time.Time

	mu     sync.Mutex
	shown  time.Time
	stores int
}

// every is how often the line is drawn.
const every = 200 * time.Millisecond

func (s *session) startProgress(off bool) *progress {
	if off || !isTerminal(s.stderr) {
		return &progress{out: io.Discard}
	}
	return &progress{out: s.stderr, started: time.Now()}
}

func (p *progress) count(scope resource.Scope, stores int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stores += stores
	if p.out == io.Discard || time.Since(p.shown) < every {
		return
	}
	p.shown = time.Now()
	fmt.Fprintf(p.out, "\r\x1b[K%s · %d stores · %s", scope, p.stores, time.Since(p.started).Round(time.Second))
}

func (p *progress) stop() {
	if p.out != io.Discard {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
