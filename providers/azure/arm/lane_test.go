package arm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/azure/arm"
)

// window lets 100 calls about a subscription through in five minutes, as Azure
// does with listings about storage accounts. Each answer takes a second.
type window struct {
	mu        sync.Mutex
	ends      time.Time
	let       int
	throttled int
	underWay  int
	most      int
}

const windowLength = 5 * time.Minute

func (w *window) RoundTrip(req *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.underWay++
	w.most = max(w.most, w.underWay)
	if now := time.Now(); !now.Before(w.ends) {
		w.ends, w.let = now.Add(windowLength), 0
	}
	answer := &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"value":[]}`)), Request: req,
	}
	if w.let++; w.let > 100 {
		w.throttled++
		answer.StatusCode = http.StatusTooManyRequests
		answer.Header.Set("Retry-After", fmt.Sprint(int(windowLength/time.Second)))
	}
	w.mu.Unlock()
	time.Sleep(time.Second) // of the bubble
	w.mu.Lock()
	w.underWay--
	w.mu.Unlock()
	return answer, nil
}

// TestStormsLoseNothing: ten times what a window lets through, asked for all at
// once, is answered in full, and other subscriptions do not wait for it.
func TestStormsLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const other = "bbbbbbbb-0000-0000-0000-000000000002"
		storm, calm := new(window), new(window)
		client := open(t, arm.Options{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if call, _ := collect.CallOf(req.Context()); call.Region == other {
				return calm.RoundTrip(req)
			}
			return storm.RoundTrip(req)
		})})
		var asking sync.WaitGroup
		for i := range 1000 {
			asking.Go(func() {
				subscription := sub
				if i%2 == 0 {
					subscription = strings.ToUpper(sub) // the same one
				}
				if _, err := list(t.Context(), client, accounts, subscription); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if _, err := list(t.Context(), client, accounts, other); err != nil || time.Since(began) != time.Second {
			t.Errorf("another subscription took %v: %v", time.Since(began), err)
		}
		asking.Wait()
		if storm.most != 32 || storm.throttled == 0 {
			t.Errorf("%d abreast, %d throttled", storm.most, storm.throttled)
		}
	})
}

// TestLanesAreLeft: whoever waits for a place stops with his context.
func TestLanesAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := open(t, arm.Options{Attempts: 1, Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})})
		var asking sync.WaitGroup
		for range 40 {
			asking.Go(func() {
				if _, err := list(ctx, client, accounts, sub); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		cancel()
		asking.Wait()
	})
}
