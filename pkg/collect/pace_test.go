package collect

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// road is a Pace in front of a cloud that throttles while told to.
type road struct {
	*Pace
	throttles bool
	broken    error
}

func newRoad() *road {
	r := new(road)
	cloud := roundTrip(func(*http.Request) (*http.Response, error) {
		if r.broken != nil {
			return nil, r.broken
		}
		if r.throttles {
			return answer(http.StatusServiceUnavailable), nil
		}
		return answer(http.StatusOK), nil
	})
	r.Pace = NewPace(cloud, func(a *http.Response) bool { return a.StatusCode == http.StatusServiceUnavailable })
	return r
}

// send makes n requests and returns how long they took.
func (r *road) send(t *testing.T, n int, call, region string) time.Duration {
	t.Helper()
	started := time.Now()
	for range n {
		if _, err := post(t.Context(), r, call, region); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(started)
}

// throttled makes one request that the cloud throttles.
func (r *road) throttled(t *testing.T, call, region string) {
	t.Helper()
	r.throttles = true
	r.send(t, 1, call, region)
	r.throttles = false
}

func (r *road) limit(lane string) rate.Limit { return r.lane(lane).limiter.Limit() }

const (
	getACL = "s3:GetBucketAcl"
	busy   = "s3 eu-west-1"
)

func TestPaceStartsUnlimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if took := newRoad().send(t, 10_000, getACL, "eu-west-1"); took != 0 {
			t.Errorf("10000 requests that nobody throttled took %v", took)
		}
	})
}

func TestPaceHalves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad()
		for range 199 {
			r.send(t, 1, getACL, "eu-west-1")
			time.Sleep(10 * time.Millisecond)
		}
		r.throttled(t, getACL, "eu-west-1") // 200 requests in 1.99 s
		first := r.limit(busy)
		if first < 49 || first > 51 {
			t.Errorf("throttled at 100 requests a second, it goes on with %v", first)
		}
		// The answers that were under way at that rate say nothing new.
		r.throttled(t, getACL, "eu-west-1")
		r.throttled(t, getACL, "eu-west-1")
		if got := r.limit(busy); got != first {
			t.Errorf("halved again within the second, to %v", got)
		}
		time.Sleep(time.Second)
		r.throttled(t, getACL, "eu-west-1")
		if got := r.limit(busy); got > first/2 {
			t.Errorf("throttled again a second later, it goes on with %v", got)
		}
	})
}

// However often a cloud says so, a run does not come to rest.
func TestPaceNeverStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad()
		r.throttles = true
		r.send(t, 50, getACL, "eu-west-1")
		if got := r.limit(busy); got != slowest {
			t.Errorf("limited to %v, want %v", got, slowest)
		}
		if took := r.send(t, 10, getACL, "eu-west-1"); took > 21*time.Second {
			t.Errorf("10 requests took %v", took)
		}
	})
}

func TestPaceRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad()
		r.send(t, 10, getACL, "eu-west-1")
		r.throttled(t, getACL, "eu-west-1")
		before := r.limit(busy)
		r.send(t, 10, getACL, "eu-west-1")
		if after := r.limit(busy); after <= before {
			t.Errorf("ten good answers left the limit at %v, from %v", after, before)
		}
		r.send(t, 1000, getACL, "eu-west-1")
		if got := r.limit(busy); got != rate.Inf {
			t.Errorf("a thousand good answers later it is still limited, to %v", got)
		}
		if took := r.send(t, 1000, getACL, "eu-west-1"); took != 0 {
			t.Errorf("recovered, a thousand requests took %v", took)
		}
	})
}

// Clouds count by service and region: one that is busy does not slow the rest.
func TestPaceLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad()
		r.throttled(t, getACL, "eu-west-1")
		for _, other := range []struct{ call, region string }{{getACL, "us-east-1"}, {"s3control:ListAccessPoints", "eu-west-1"}} {
			if took := r.send(t, 100, other.call, other.region); took != 0 {
				t.Errorf("%s in %s was slowed down by %v", other.call, other.region, took)
			}
		}
		if took := r.send(t, 3, "s3:GetBucketPolicy", "eu-west-1"); took == 0 {
			t.Error("another call of the throttled service was not slowed down")
		}
	})
}

func TestPaceHonoursContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad()
		r.throttles = true
		r.send(t, 20, getACL, "eu-west-1") // from now on one request takes 2 s
		started := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if body, err := post(ctx, r, getACL, "eu-west-1"); err == nil || !body.closed {
			t.Errorf("error %v, body closed: %t", err, body.closed)
		}
		ended, stop := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, stop)
		if body, err := post(ended, r, getACL, "eu-west-1"); !errors.Is(err, context.Canceled) || !body.closed {
			t.Errorf("error %v, body closed: %t", err, body.closed)
		}
		if took := time.Since(started); took > 100*time.Millisecond {
			t.Errorf("it took %v to give up", took)
		}
	})
}

// A connection that broke says nothing about the rate.
func TestPaceLearnsFromAnswersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad()
		r.throttled(t, getACL, "eu-west-1")
		before := r.limit(busy)
		r.broken = errors.New("connection reset")
		if _, err := post(t.Context(), r, getACL, "eu-west-1"); !errors.Is(err, r.broken) {
			t.Errorf("error %v", err)
		}
		if got := r.limit(busy); got != before {
			t.Errorf("the limit went from %v to %v", before, got)
		}
	})
}

// What was sent before a long pause says nothing about the rate: it would make a
// burst look slow, and cut to the bone.
func TestPaceForgetsWhatIsLongAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoad()
		r.send(t, 10, getACL, "eu-west-1")
		time.Sleep(5 * time.Minute)
		for range 99 {
			r.send(t, 1, getACL, "eu-west-1")
			time.Sleep(10 * time.Millisecond)
		}
		r.throttled(t, getACL, "eu-west-1") // 100 requests in 0.99 s
		if got := r.limit(busy); got < 49 || got > 52 {
			t.Errorf("throttled at 100 requests a second, it goes on with %v", got)
		}
	})
}
