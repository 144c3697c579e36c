package collect

import (
	"context"
	"sync"
)

// Stores that were taken up and are not yet handed over wait in memory: in the
// order of the report one may hold up the others. There are at most ahead for each
// seat, and patient in all while one of them waits for its cloud.
const (
	ahead   = 5
	patient = 1024
)

// seats are the places of a run's examinations. An examination that waits because
// its cloud asks for it gives up its seat, so that a subscription that has to be
// left alone for five minutes does not keep all the others waiting. Seats keep new
// examinations from beginning and never those that began from going on: those may
// hold a fact that others wait for.
type seats struct {
	width int
	calls chan struct{} // as many as there are seats may be under way

	mu      sync.Mutex
	room    *sync.Cond
	working int // examinations that do not wait
	waiting int // examinations that do
	held    int // stores that were taken up and not handed over
}

func newSeats(width int) *seats {
	s := &seats{width: width, calls: make(chan struct{}, width)}
	s.room = sync.NewCond(&s.mu)
	return s
}

// take waits for room for one more examination.
func (s *seats) take() *seat {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.working >= s.width || s.held >= s.most() {
		s.room.Wait()
	}
	s.working++
	s.held++
	return &seat{of: s}
}

// most is how many stores may be held now.
func (s *seats) most() int {
	if s.waiting > 0 {
		return s.mostEver()
	}
	return ahead * s.width
}

// mostEver is how many stores may be held at any time.
func (s *seats) mostEver() int { return max(ahead*s.width, patient) }

// handedOver says that a store was reported, or never will be.
func (s *seats) handedOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
	s.room.Signal()
}

// seat is that of one examination; a nil one is that of a listing, which needs
// none.
type seat struct {
	of   *seats
	away bool // guarded by of.mu
}

type seatKey struct{}

func (s *seat) context(ctx context.Context) context.Context {
	return context.WithValue(ctx, seatKey{}, s)
}

func seatOf(ctx context.Context) *seat {
	s, _ := ctx.Value(seatKey{}).(*seat)
	return s
}

// leave says that the examination waits, back that it no longer does.
func (s *seat) leave() { s.move(true) }

func (s *seat) back() { s.move(false) }

func (s *seat) move(away bool) {
	if s == nil {
		return
	}
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	switch {
	case away && !s.away:
		s.of.working--
		s.of.waiting++
	case !away && s.away:
		s.of.working++
		s.of.waiting--
	}
	s.away = away
	s.of.room.Signal()
}

// end says that the examination has ended.
func (s *seat) end() {
	s.back()
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.of.working--
	s.of.room.Signal()
}

// call waits until one more call may be under way, and returns how to end it:
// many examinations may come back from waiting at the same time.
func (s *seat) call(ctx context.Context) (ended func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	select {
	case s.of.calls <- struct{}{}:
		return func() { <-s.of.calls }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Waiting says that what a call waits for from here on is what its cloud lets
// through: until ended is called, its store takes no place among those that are
// examined at the same time, and the limit of its attempt does not run.
func Waiting(ctx context.Context) (ended func()) {
	s := seatOf(ctx)
	s.leave()
	a, within := ctx.Value(attemptKey{}).(*attempt)
	if within {
		a.pause()
	}
	return func() {
		if within {
			a.resume()
		}
		s.back()
	}
}
