package collect

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pace slows a service down when its cloud says so, and only then: it starts
// unlimited, halves the rate it measured at each throttled answer, and grows it
// again while answers succeed. Every account, region and service has its own
// rate, since that is how clouds count. A store whose call waits, or was told to
// come back later, leaves its place to another meanwhile.
type Pace struct {
	next      http.RoundTripper
	throttled func(*http.Response) bool

	mu    sync.Mutex
	lanes map[string]*lane
}

const (
	slowest = rate.Limit(0.5)  // requests a second; below this a run would never end
	ample   = rate.Limit(2000) // requests a second; above this the limit is lifted
	growth  = 1.05             // per successful answer while limited
	quiet   = 10 * time.Second // after so long without a request, what was sent before says nothing about the rate
)

// lane is the state of one account, region and service.
type lane struct {
	limiter *rate.Limiter
	since   time.Time // start of the window in which sent is counted
	sent    int
	last    time.Time // when a request was last sent
	cut     time.Time // last time the rate was halved
}

// NewPace returns a transport that paces requests to next. throttled reports
// whether an answer says "slower"; it may look at the status and the headers
// but not consume the body.
func NewPace(next http.RoundTripper, throttled func(*http.Response) bool) *Pace {
	return &Pace{next: next, throttled: throttled, lanes: make(map[string]*lane)}
}

// RoundTrip implements http.RoundTripper.
func (p *Pace) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := CallOf(req.Context())
	place, l := seatOf(req.Context()), p.lane(serviceOf(call)+" "+call.Region)
	place.back()
	ended, err := p.admit(req.Context(), place, l)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper always does
		}
		return nil, err
	}
	answer, err := p.next.RoundTrip(req)
	ended()
	if err == nil && p.learn(l, p.throttled(answer)) {
		place.leave() // until its next attempt
	}
	return answer, err
}

// admit waits for what the lane lets through and for room among the calls that
// are under way.
func (p *Pace) admit(ctx context.Context, place *seat, l *lane) (ended func(), err error) {
	if err := p.wait(ctx, l); err != nil {
		return nil, err
	}
	return place.call(ctx)
}

func (p *Pace) lane(key string) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[key]
	if l == nil {
		l = &lane{limiter: rate.NewLimiter(rate.Inf, 1), since: clock()}
		p.lanes[key] = l
	}
	return l
}

func (p *Pace) wait(ctx context.Context, l *lane) error {
	if l.limiter.Limit() != rate.Inf {
		defer Waiting(ctx)()
	}
	if err := l.limiter.Wait(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := clock()
	if now.Sub(l.last) > quiet {
		l.since, l.sent = now, 0
	}
	l.sent++
	l.last = now
	return nil
}

// learn adapts the rate to an answer, and returns whether it was throttled.
func (p *Pace) learn(l *lane, throttled bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := l.limiter.Limit()
	now := clock()
	switch {
	case throttled && now.Sub(l.cut) >= time.Second:
		// Answers that were already under way when the rate was halved say
		// nothing about the new rate, hence at most one cut a second.
		l.limiter.SetLimit(max(min(limit, l.measured(now))/2, slowest))
		l.cut, l.since, l.sent = now, now, 0
	case !throttled && limit != rate.Inf:
		if limit *= growth; limit > ample {
			limit = rate.Inf
		}
		l.limiter.SetLimit(limit)
	}
	return throttled
}

// measured is the rate at which the lane has been sending.
func (l *lane) measured(now time.Time) rate.Limit {
	seconds := max(now.Sub(l.since).Seconds(), 0.1)
	return rate.Limit(float64(l.sent) / seconds)
}
