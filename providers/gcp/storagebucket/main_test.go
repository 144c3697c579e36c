package storagebucket_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/storagebucket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is when the tests are.
var now = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// cloud answers calls by name, and remembers them. What it has no answer to is
// refused.
type cloud struct {
	answers map[string]func(*http.Request) (int, string)
	mu      sync.Mutex
	sent    []string
	urls    []string
}

func (c *cloud) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	c.mu.Lock()
	c.sent, c.urls = append(c.sent, call.Name), append(c.urls, req.URL.String())
	c.mu.Unlock()
	status, body := http.StatusForbidden, `{"error":{"code":403,"message":"no","errors":[{"reason":"forbidden"}]}}`
	if answer := c.answers[call.Name]; answer != nil {
		status, body = answer(req)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

func (c *cloud) count(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(c.sent), func(name string) bool { return name != call }))
}

func says(body string) func(*http.Request) (int, string) {
	return func(*http.Request) (int, string) { return http.StatusOK, body }
}

// collector returns the kind's collector on a transport.
func collector(t *testing.T, transport http.RoundTripper, o api.Options) collect.Collector {
	t.Helper()
	o.Transport, o.Offline, o.Attempts = transport, true, 1
	o.Now = func() time.Time { return now }
	client, err := api.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	client.Know("tconnect", "111111111111")
	return storagebucket.New(client, resource.Scope{Provider: "gcp", Account: "tconnect"})
}

// list returns what is listed, and the error that ends the listing.
func list(ctx context.Context, c collect.Collector) (found []*resource.Resource, err error) {
	for r, failed := range c.List(ctx) {
		if failed != nil {
			return found, failed
		}
		found = append(found, r)
	}
	return found, nil
}

// ask asks those of a bucket's questions that make one of the calls.
func ask(t *testing.T, c collect.Collector, r *resource.Resource, calls ...string) {
	t.Helper()
	for _, q := range c.Questions(r) {
		if !slices.Contains(calls, q.Call) {
			continue
		}
		if err := q.Ask(t.Context(), r); err != nil {
			t.Errorf("%s: %v", q.Call, err)
		}
	}
}

func gapOf(r *resource.Resource, call string) *resource.Gap {
	for i := range r.Gaps {
		if r.Gaps[i].Call == call {
			return &r.Gaps[i]
		}
	}
	return nil
}
