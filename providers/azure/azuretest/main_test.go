package azuretest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tenancy is a started server and a client that reaches it at Microsoft's hosts.
type tenancy struct {
	*Server
	url    string
	client *http.Client
}

func start(t testing.TB, text string, opts ...Option) tenancy {
	t.Helper()
	w, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(w, opts...)
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	transport := server.Transport()
	t.Cleanup(stop)
	t.Cleanup(transport.CloseIdleConnections)
	return tenancy{server, url, &http.Client{Transport: transport}}
}

const manager = "https://management.azure.com"

// do sends "GET /subscriptions?..." to Resource Manager, or to the host of a whole
// URL, with a token. A version is added where there is none.
func (c tenancy) do(t testing.TB, what string, header ...string) *http.Response {
	t.Helper()
	method, url, _ := strings.Cut(what, " ")
	if strings.HasPrefix(url, "/") {
		url = manager + url
	}
	if !strings.Contains(url, "?") {
		url += "?api-version=2025-08-01"
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer x")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (c tenancy) ask(t testing.TB, what string, header ...string) (status int, body string) {
	t.Helper()
	a := c.do(t, what, header...)
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(text)
}

// get decodes the answer to what has to succeed.
func (c tenancy) get(t testing.TB, what string) object {
	t.Helper()
	status, text := c.ask(t, what)
	var out object
	if err := json.Unmarshal([]byte(text), &out); status != http.StatusOK || err != nil {
		t.Fatalf("%s: %d %s", what, status, text)
	}
	return out
}

// refused is the status and the code of what has to fail.
func (c tenancy) refused(t testing.TB, what string, header ...string) (status int, code string) {
	t.Helper()
	status, text := c.ask(t, what, header...)
	var out struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil || out.Error.Message == "" {
		t.Fatalf("%s: %d %s", what, status, text)
	}
	return status, out.Error.Code
}

// all reads a listing to its end, and counts the pages.
func (c tenancy) all(t testing.TB, what string) (entries []any, pages int) {
	t.Helper()
	for {
		page := c.get(t, what)
		value, ok := page["value"].([]any)
		if !ok {
			t.Fatalf("%s: %v", what, page)
		}
		entries, pages = append(entries, value...), pages+1
		next, more := page["nextLink"].(string)
		if !more {
			return entries, pages
		}
		what = "GET " + next
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// names are the names of entries; of what has none, its JSON.
func names(entries []any) []string {
	var out []string
	for _, entry := range entries {
		members, _ := entry.(object)
		name := textOf(members["name"])
		if name == "" {
			name = string(loopback.Render(entry))
		}
		out = append(out, name)
	}
	return out
}
