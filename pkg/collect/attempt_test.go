package collect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hanging never answers, and says so when it is stopped.
var hanging = roundTrip(func(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
})

// endless is a body that says nothing until its request is stopped.
type endless struct{ ctx context.Context }

func (e endless) Read([]byte) (int, error) { <-e.ctx.Done(); return 0, io.ErrUnexpectedEOF }
func (endless) Close() error               { return nil }

func TestLimit(t *testing.T) {
	for name, next := range map[string]roundTrip{
		"no head": hanging,
		"no end of the body": func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: endless{req.Context()}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				if err := get(t.Context(), NewLimit(next)); !slow(err) {
					t.Errorf("%v", err)
				}
				if took := time.Since(began); took != AttemptLimit {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// get makes a request and reads the answer.
func get(ctx context.Context, transport http.RoundTripper) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://cloud.test/", http.NoBody)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}

func slow(err error) bool {
	_, ok := errors.AsType[*SlowError](err)
	return ok
}

// Somebody else's patience ends as what it is.
func TestLimitIsNotTheCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := get(ctx, NewLimit(hanging)); slow(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// What Pace makes a request wait is not the cloud's time.
func TestWaitingIsNotLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		working := 19900 * time.Millisecond
		next := roundTrip(func(req *http.Request) (*http.Response, error) {
			ctx := req.Context()
			for range 3 {
				select {
				case <-time.After(working):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				inner, outer := Waiting(ctx), Waiting(ctx)
				time.Sleep(time.Hour)
				inner()
				outer()
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}, nil
		})
		if err := get(t.Context(), NewLimit(next)); err != nil {
			t.Errorf("three times 19.9 seconds of work: %v", err)
		}
		working = 20100 * time.Millisecond
		if err := get(t.Context(), NewLimit(next)); !slow(err) {
			t.Errorf("three times 20.1 seconds of work: %v", err)
		}
	})
}
