package collect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// AttemptLimit is how long one attempt at a call may take, from the connection
// to the last byte of the answer. What it waits before it leaves (see Waiting)
// does not count.
const AttemptLimit = time.Minute

// SlowError says that an attempt took longer than AttemptLimit. It is not tried
// again: five more minutes would tell nothing new.
type SlowError struct{}

// Error implements error.
func (*SlowError) Error() string { return fmt.Sprintf("no full answer within %v", AttemptLimit) }

// Timeout says that more time is all that was missing, as net.Error does.
func (*SlowError) Timeout() bool { return true }

// RetryableError tells the AWS SDK not to try again.
func (*SlowError) RetryableError() bool { return false }

// Limit ends each attempt after AttemptLimit: the timeouts of a transport end
// with the head of an answer, and its body may never end.
type Limit struct{ next http.RoundTripper }

// NewLimit returns a transport that gives each request to next AttemptLimit.
func NewLimit(next http.RoundTripper) *Limit { return &Limit{next: next} }

// RoundTrip implements http.RoundTripper.
func (l *Limit) RoundTrip(req *http.Request) (*http.Response, error) {
	a := newAttempt(req.Context())
	answer, err := l.next.RoundTrip(req.WithContext(a.ctx))
	if err != nil {
		defer a.end()
		return nil, a.explain(err)
	}
	answer.Body = &limited{ReadCloser: answer.Body, attempt: a}
	return answer, nil
}

// attempt is one request, with the time that it has left.
type attempt struct {
	ctx  context.Context //nolint:containedctx // it ends with the body, which has no context of its own
	stop context.CancelCauseFunc

	mu      sync.Mutex
	timer   *time.Timer
	left    time.Duration
	running time.Time // since when, while it does not wait
	waits   int       // how many waits are under way
}

type attemptKey struct{}

func newAttempt(parent context.Context) *attempt {
	a := &attempt{left: AttemptLimit, running: clock()}
	ctx, stop := context.WithCancelCause(parent)
	a.ctx, a.stop = context.WithValue(ctx, attemptKey{}, a), stop
	a.timer = time.AfterFunc(AttemptLimit, func() { stop(new(SlowError)) })
	return a
}

// pause stops the time, until resume is called as often.
func (a *attempt) pause() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waits++; a.waits == 1 && a.timer.Stop() {
		a.left -= clock().Sub(a.running)
	}
}

func (a *attempt) resume() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waits--; a.waits == 0 && a.ctx.Err() == nil {
		a.running = clock()
		a.timer.Reset(a.left)
	}
}

func (a *attempt) end() {
	a.timer.Stop()
	a.stop(nil)
}

// explain returns the error as what it is: a request that was stopped for its
// time says that it was cancelled, or that its connection broke.
func (a *attempt) explain(err error) error {
	if slow, ok := context.Cause(a.ctx).(*SlowError); ok { //nolint:errorlint // the cause itself, which newAttempt made
		return slow
	}
	return err
}

// limited is the body of an answer within its attempt.
type limited struct {
	io.ReadCloser
	attempt *attempt
}

// Read implements io.Reader.
func (b *limited) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // readers return it bare
		err = b.attempt.explain(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *limited) Close() error {
	defer b.attempt.end()
	return b.ReadCloser.Close()
}
