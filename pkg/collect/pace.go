package collect

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pace slows a service down when its cloud says so, and only then: it starts
// unlimited, halves the rate it measured at each throttled answer, and grows it
// again while answers succeed. Every account, region and service has its own
// rate, since that is how clouds count.
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
)

// lane is the state of one account, region and service.
type lane struct {
	limiter *rate.Limiter
	since   time.Time // start of the window in which sent is counted
	sent    int
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
	service, _, _ := strings.Cut(call.Name, ":")
	l := p.lane(service + " " + call.Region)
	if err := p.wait(req.Context(), l); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper always does
		}
		return nil, err
	}
	answer, err := p.next.RoundTrip(req)
	if err == nil {
		p.learn(l, p.throttled(answer))
	}
	return answer, err
}

func (p *Pace) lane(key string) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[key]
	if l == nil {
		l = &lane{limiter: rate.NewLimiter(rate.Inf, 1), since: time.Now()}
		p.lanes[key] = l
	}
	return l
}

func (p *Pace) wait(ctx context.Context, l *lane) error {
	if err := l.limiter.Wait(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	l.sent++
	return nil
}

func (p *Pace) learn(l *lane, throttled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := l.limiter.Limit()
	now := time.Now()
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
}

// measured is the rate at which the lane has been sending.
func (l *lane) measured(now time.Time) rate.Limit {
	seconds := max(now.Sub(l.since).Seconds(), 0.1)
	return rate.Limit(float64(l.sent) / seconds)
}
