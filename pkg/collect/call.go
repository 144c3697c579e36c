package collect

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
)

// Call names one API request the way its SDK does, whatever the wire looks
// like: recordings, counts and the allow-list all go by it.
type Call struct {
	// Name is "service:Operation", e.g. "s3:GetBucketAcl".
	Name string
	// Region is where it is sent; empty for global endpoints.
	Region string
	// Input is the operation's input in a canonical form without secrets.
	Input string
}

type callKey struct{}

// WithCall marks a context as making one call. Provider SDK hooks set it;
// nothing is sent without it.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallOf returns the call that a request belongs to.
func CallOf(ctx context.Context) (Call, bool) {
	c, ok := ctx.Value(callKey{}).(Call)
	return c, ok
}

// ReadOnly is the transport that makes writing impossible: a request whose call
// is not on the list is refused before it leaves the process. It also counts.
type ReadOnly struct {
	next    http.RoundTripper
	allowed map[string]bool

	mu    sync.Mutex
	calls map[string]int
}

// NewReadOnly returns a transport that lets only the allowed calls reach next.
func NewReadOnly(next http.RoundTripper, allowed ...string) *ReadOnly {
	t := &ReadOnly{next: next, allowed: make(map[string]bool), calls: make(map[string]int)}
	for _, name := range allowed {
		t.allowed[name] = true
	}
	return t
}

// ForbiddenError says that a request was stopped because its call is not
// declared. It is a defect of a collector, never of the cloud.
type ForbiddenError struct{ Call string }

// Error implements error.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("send %s: not among the declared read-only calls", e.Call)
}

// RetryableError tells the AWS SDK not to try again.
func (e *ForbiddenError) RetryableError() bool { return false }

// RoundTrip implements http.RoundTripper.
func (t *ReadOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	call, ok := CallOf(req.Context())
	if !ok {
		call.Name = "an unnamed request"
	}
	if !ok || !t.allowed[call.Name] {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &ForbiddenError{Call: call.Name}
	}
	t.mu.Lock()
	t.calls[call.Name]++
	t.mu.Unlock()
	return t.next.RoundTrip(req)
}

// Calls returns how many requests were sent, by call. Retries and pages count.
func (t *ReadOnly) Calls() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.calls)
}
