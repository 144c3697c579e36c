package azuretest

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"
)

const twoRegions = `
subscriptions:
  generate: {count: 2, accounts: 4, prefix: bench, locations: [westeurope, northeurope]}
`

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) tell() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// TestStorageLimits: each subscription and each location has its listings and its
// reads, whatever is listed, and has them again when the window is over.
func TestStorageLimits(t *testing.T) {
	at := &clock{now: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)}
	c := start(t, twoRegions, WithStorageLimits(StorageWindow, at.tell))
	of := func(subscription, account int, what string) string {
		return fmt.Sprintf("GET /subscriptions/99999999-0000-4000-8000-%012d/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/bench%05d%05d/%s", subscription, subscription, account, what)
	}
	asked := func(what string, wantWait int) {
		t.Helper()
		a := c.do(t, what)
		_ = a.Body.Close()
		wait, _ := strconv.Atoi(a.Header.Get("Retry-After"))
		if throttled := a.StatusCode == 429; throttled != (wantWait > 0) || wait != wantWait {
			t.Errorf("%s: %d, wait %d s, want %d s", what, a.StatusCode, wait, wantWait)
		}
	}
	const containers, queues, service = "blobServices/default/containers", "queueServices/default/queues", "blobServices/default"
	for i := range StorageLists {
		asked(of(0, i%2*2, []string{containers, queues}[i%2]), 0) // two accounts of one location
	}
	at.pass(30*time.Second + time.Millisecond)
	asked(of(0, 0, containers), 270)
	asked(of(0, 2, "fileServices/default/shares"), 270)
	asked(of(0, 1, containers), 0) // another location
	asked(of(1, 0, containers), 0) // another subscription
	asked("GET /subscriptions/99999999-0000-4000-8000-000000000000/providers/Microsoft.Storage/storageAccounts", 0)
	asked("GET /subscriptions/99999999-0000-4000-8000-000000000000/providers/Microsoft.Sql/servers", 0)
	for range StorageReads {
		asked(of(0, 0, service), 0)
	}
	asked(of(0, 0, service), 300)
	at.pass(StorageWindow - 30*time.Second - 2*time.Millisecond)
	asked(of(0, 0, containers), 1)
	at.pass(time.Millisecond)
	asked(of(0, 0, containers), 0)
	asked(of(0, 0, service), 31)
}

// TestNoLimits: nobody is throttled who does not ask for it.
func TestNoLimits(t *testing.T) {
	c := start(t, twoRegions)
	for range StorageLists + 1 {
		c.get(t, "GET /subscriptions/99999999-0000-4000-8000-000000000000/providers/Microsoft.Storage/storageAccounts")
	}
}
