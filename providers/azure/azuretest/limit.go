package azuretest

import (
	"math"
	"strings"
	"sync"
	"time"
)

// What the Storage resource provider answers in one window, to one subscription
// about one location. Listings of what is in an account count as those of accounts
// do.
//
// Source: https://learn.microsoft.com/azure/storage/common/scalability-targets-resource-provider
const (
	StorageLists  = 100
	StorageReads  = 800
	StorageWindow = 5 * time.Minute
)

// WithStorageLimits throttles calls of Azure Storage as Azure does, by the clock
// that is given: a window begins with the first call in it, and whoever asks too
// often is told, in whole seconds, when it ends. A shorter window than
// StorageWindow makes the same limits pass sooner. Calls that were throttled count
// for nothing. The listing of a subscription's accounts is of no location, and
// counts by itself.
func WithStorageLimits(window time.Duration, now func() time.Time) Option {
	return func(s *Server) { s.limits = &limits{window: window, now: now, spent: make(map[budget]spending)} }
}

// limits counts the calls of Azure Storage; without any, nothing is limited.
type limits struct {
	window time.Duration
	now    func() time.Time

	mu    sync.Mutex
	spent map[budget]spending
}

type budget struct {
	subscription, location string
	listings               bool
}

type spending struct {
	since time.Time
	calls int
}

// wait counts a request, or returns how many seconds it comes too early.
func (l *limits) wait(q *request) int {
	if l == nil || q.subscription == nil || !strings.HasPrefix(q.call, "storage:") {
		return 0
	}
	of, most := budget{q.subscription.ID, q.location(), strings.HasSuffix(q.call, ".list")}, StorageReads
	if of.listings {
		most = StorageLists
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, s := l.now(), l.spent[of]
	left := s.since.Add(l.window).Sub(now)
	switch {
	case left <= 0:
		s = spending{since: now}
	case s.calls >= most:
		return int(math.Ceil(left.Seconds()))
	}
	s.calls++
	l.spent[of] = s
	return 0
}

// location is where the resource is that a request is about, "" where it is about
// none.
func (q *request) location() string {
	s := q.segments()
	if len(s) < 8 {
		return ""
	}
	t := q.subscription.resource("/" + strings.Join(s[:8], "/"))
	if t == nil {
		return ""
	}
	return strings.ToLower(textOf(t.members["location"]))
}
