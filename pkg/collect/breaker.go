package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Breaker gives up on what does not answer, so that a dead region costs a run
// one connect timeout and not one for each question:
//
//   - An endpoint (a service in a region) is given up after [EndpointFailures]
//     failed connections in a row.
//   - A region is given up after [RegionFailures] failed connections to at least
//     [RegionServices] services, and only while nothing in it has ever answered:
//     where one service answers, another is given up by itself.
//
// What is given up fails at once with an [UnansweredError], which is not tried
// again. Every [BreakerRest] one request is let through to see; any answer,
// also a refusal, ends it. Only failures to get an answer count: a region that
// refuses everything (a service control policy that denies it) costs one call
// for each kind and no waiting, and is asked all the same. Nor does a host name
// that does not exist count: that is told at once, is not tried again by the
// SDK, and says something else, namely that the service is not offered there.
type Breaker struct {
	next http.RoundTripper

	mu        sync.Mutex
	endpoints map[string]*health // by service and region
	regions   map[string]*health
}

// What a Breaker waits for, and how long it then stays open.
const (
	EndpointFailures = 3
	RegionFailures   = 6
	RegionServices   = 3
	BreakerRest      = 30 * time.Second
)

// health is what is known of an endpoint or a region.
type health struct {
	answered bool            // ever
	failures int             // since the last answer
	services map[string]bool // of the failures
	last     error           // of the failures
	asked    time.Time       // when a request last failed, or was let through to see
}

// clock measures how long a region is left alone.
func clock() time.Time {
	return time.Now() //nolint:forbidigo // no part of a report depends on it
}

// NewBreaker returns a transport that gives up on what next cannot reach.
func NewBreaker(next http.RoundTripper) *Breaker {
	return &Breaker{next: next, endpoints: make(map[string]*health), regions: make(map[string]*health)}
}

// UnansweredError says that a request failed, or was not sent, since its
// endpoint or its whole region does not answer.
type UnansweredError struct {
	// Where is "eu-south-2" or "rds in eu-south-2".
	Where string
	// Failures counts the failed connections, Err is the last.
	Failures int
	Err      error
}

// Error implements error.
func (e *UnansweredError) Error() string {
	return fmt.Sprintf("%s does not answer: given up after %d failed connections, the last: %v", e.Where, e.Failures, e.Err)
}

// Unwrap returns the last failure.
func (e *UnansweredError) Unwrap() error { return e.Err }

// RetryableError tells the AWS SDK not to try again.
func (e *UnansweredError) RetryableError() bool { return false }

// RoundTrip implements http.RoundTripper.
func (b *Breaker) RoundTrip(req *http.Request) (*http.Response, error) {
	call, named := CallOf(req.Context())
	if !named {
		return b.next.RoundTrip(req)
	}
	if err := b.admit(call); err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper always does
		}
		return nil, err
	}
	answer, err := b.next.RoundTrip(req)
	switch {
	case err == nil:
		b.answered(call)
	case unanswered(req.Context(), err):
		return nil, b.failed(call, err)
	}
	return answer, err
}

// admit returns an error where the call's endpoint or region is given up and
// nobody is due to see whether it answers again.
func (b *Breaker) admit(call Call) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	h, where := b.givenUp(call)
	if h == nil {
		return nil
	}
	if clock().Sub(h.asked) < BreakerRest {
		return h.unanswered(where)
	}
	h.asked = clock()
	return nil
}

func (b *Breaker) answered(call Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	endpoint, region := b.healthOf(call)
	*endpoint, *region = health{answered: true}, health{answered: true}
}

// failed counts a failure, and returns it as what it is by now: a failure to be
// tried again, or the end of trying.
func (b *Breaker) failed(call Call, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	endpoint, region := b.healthOf(call)
	endpoint.fail(call, err)
	region.fail(call, err)
	if h, where := b.givenUp(call); h != nil {
		return h.unanswered(where)
	}
	return err
}

// givenUp returns the health of the region or the endpoint that a call goes to,
// and its name, where that does not answer.
func (b *Breaker) givenUp(call Call) (h *health, where string) {
	endpoint, region := b.healthOf(call)
	switch {
	case call.Region != "" && !region.answered && region.failures >= RegionFailures && len(region.services) >= RegionServices:
		return region, call.Region
	case endpoint.failures < EndpointFailures:
		return nil, ""
	case call.Region == "":
		return endpoint, serviceOf(call)
	default:
		return endpoint, serviceOf(call) + " in " + call.Region
	}
}

func (h *health) fail(call Call, err error) {
	h.failures++
	h.last, h.asked = err, clock()
	if h.services == nil {
		h.services = make(map[string]bool)
	}
	h.services[serviceOf(call)] = true
}

func (h *health) unanswered(where string) error {
	return &UnansweredError{Where: where, Failures: h.failures, Err: h.last}
}

func (b *Breaker) healthOf(call Call) (endpoint, region *health) {
	return entry(b.endpoints, serviceOf(call)+" "+call.Region), entry(b.regions, call.Region)
}

func entry(all map[string]*health, key string) *health {
	h := all[key]
	if h == nil {
		h = new(health)
		all[key] = h
	}
	return h
}

func serviceOf(call Call) string {
	service, _, _ := strings.Cut(call.Name, ":")
	return service
}

// unanswered reports whether an error of a RoundTripper says that nobody
// answered: no connection, no name server, no head of an answer in time, or a
// connection that was reset. The caller's own patience does not count.
func unanswered(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, syscall.ECONNRESET)
}
