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
	return func(s *Server) { s.limits = newLimits(window, now) }
}

// limits counts calls by the window.
type limits struct {
	window time.Duration
	now    func() time.Time

	mu    sync.Mutex
	spent map[budget]spending
}

func newLimits(window time.Duration, now func() time.Time) *limits {
	return &limits{window: window, now: now, spent: make(map[budget]spending)}
}

type budget struct {
	subscription, location string
	listings               bool
}

type spending struct {
	since time.Time
	calls int
}

// spend counts a call: how many are left of so many in its window, and how long
// that lasts. Less than none are left where it came too early.
func (l *limits) spend(of budget, most int) (left int, rest time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, s := l.now(), l.spent[of]
	rest = s.since.Add(l.window).Sub(now)
	switch {
	case rest <= 0:
		s, rest = spending{since: now}, l.window
	case s.calls >= most:
		return -1, rest
	}
	s.calls++
	l.spent[of] = s
	return most - s.calls, rest
}

func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// wait counts a call of Azure Storage, or returns how many seconds it comes too
// early.
func (q *request) wait() int {
	if q.server.limits == nil || q.subscription == nil || !strings.HasPrefix(q.call, "storage:") {
		return 0
	}
	of, most := budget{q.subscription.ID, q.location(), strings.HasSuffix(q.call, ".list")}, StorageReads
	if of.listings {
		most = StorageLists
	}
	if left, rest := q.server.limits.spend(of, most); left < 0 {
		return wholeSeconds(rest)
	}
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
