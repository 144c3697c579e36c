package collect

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andon-audit/andon/pkg/resource"
)

// limitedCloud answers no more than so many calls of a region in five minutes,
// each after 50 ms, and counts what is under way.
type limitedCloud struct {
	window map[string]int // what a region still answers

	mu             sync.Mutex
	underWay, most int
}

const windowLength = 5 * time.Minute

// RoundTrip implements http.RoundTripper.
func (c *limitedCloud) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := CallOf(req.Context())
	c.mu.Lock()
	c.underWay++
	c.most = max(c.most, c.underWay)
	c.mu.Unlock()
	time.Sleep(50 * time.Millisecond)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.underWay--
	if c.window[call.Region]--; c.window[call.Region] < 0 {
		return answer(http.StatusTooManyRequests), nil
	}
	return answer(http.StatusOK), nil
}

// refill begins the next window of every region.
func (c *limitedCloud) refill(rooms []resource.Scope, each int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, room := range rooms {
		c.window[room.Region] = each
	}
}

// runLimited asks one question about each of so many boxes in each room of a
// cloud that answers as many questions about a room as each in a window.
func runLimited(t *testing.T, rooms, boxes, each, width int, begun func()) (took time.Duration, most int) {
	t.Helper()
	cloud := &limitedCloud{window: make(map[string]int)}
	transport := NewPace(cloud, func(a *http.Response) bool { return a.StatusCode == http.StatusTooManyRequests })
	// An SDK: what was throttled is tried again in the next window.
	ask := func(ctx context.Context, r *resource.Resource, call string) error {
		begun()
		for {
			req, err := http.NewRequestWithContext(WithCall(ctx, Call{Name: call, Region: r.Scope.Region}), http.MethodGet, "https://cloud.test/", http.NoBody)
			if err != nil {
				return err
			}
			a, err := transport.RoundTrip(req)
			if err != nil {
				return err
			}
			if err := a.Body.Close(); err != nil || a.StatusCode == http.StatusOK {
				return err
			}
			time.Sleep(windowLength)
		}
	}
	var shelves []*shelf
	for range rooms {
		s := &shelf{asks: []string{"test:GetLid"}, ask: ask}
		for i := range boxes {
			s.boxes = append(s.boxes, fmt.Sprint(i))
		}
		shelves = append(shelves, s)
	}
	house := newHouse(shelves...)
	cloud.refill(house.rooms, each)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for tick := time.NewTicker(windowLength); ; {
			select {
			case <-tick.C:
				cloud.refill(house.rooms, each)
			case <-ctx.Done():
				return
			}
		}
	}()
	began := time.Now()
	stores, _, err := collected(ctx, Runner{Provider: house, Concurrency: width})
	if err != nil || len(stores) != rooms*boxes {
		t.Errorf("%d stores of %d, %v", len(stores), rooms*boxes, err)
	}
	for _, s := range stores {
		if len(s.Gaps) > 0 {
			t.Fatalf("%s: %v", s.ID, s.Gaps)
		}
	}
	return time.Since(began), cloud.most
}

// While a cloud lets nobody at one room, the others are looked at.
func TestWhoWaitsLeavesTheSeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took, most := runLimited(t, 20, 12, 10, 2, func() {})
		if took > 2*windowLength {
			t.Errorf("20 rooms that each need two windows took %v", took)
		}
		if most > 2 {
			t.Errorf("%d calls were under way at once", most)
		}
	})
}

// However many wait, what is held in memory is bounded.
func TestThoseThatWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		began := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			runLimited(t, 20, 200, 100, 4, func() { mu.Lock(); began++; mu.Unlock() })
		}()
		time.Sleep(windowLength - time.Second)
		mu.Lock()
		if want := 100 + patient; began != want { // the first window's are handed over
			t.Errorf("%d examinations began while a store of the first room waits, want %d", began, want)
		}
		mu.Unlock()
		<-done
	})
}
