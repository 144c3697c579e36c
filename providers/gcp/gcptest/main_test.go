package gcptest

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cloud is a started server and a client that reaches it at Google's own hosts.
type cloud struct {
	*Server
	url    string
	client *http.Client
}

func start(t testing.TB, text string, opts ...Option) cloud {
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
	return cloud{server, url, &http.Client{Transport: transport}}
}

// startExample serves the example world without its faults.
func startExample(t testing.TB, opts ...Option) cloud {
	t.Helper()
	peaceful, _, _ := strings.Cut(world(t, "example"), "\nfaults:")
	return start(t, peaceful, opts...)
}

// world reads one of the worlds in testdata.
func world(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ask sends a request and returns the status and the body of its answer. What it
// asks is "GET pubsub.googleapis.com/v1/..." with a body behind a space.
func (c cloud) ask(t testing.TB, what string) (int, string) {
	t.Helper()
	a := c.do(t, what)
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, strings.TrimSpace(string(text))
}

func (c cloud) do(t testing.TB, what string) *http.Response {
	t.Helper()
	method, rest, _ := strings.Cut(what, " ")
	url, body, _ := strings.Cut(rest, " ")
	if !strings.HasPrefix(url, "http://") {
		url = "https://" + url
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// get decodes the answer to what has to succeed.
func (c cloud) get(t testing.TB, what string) object {
	t.Helper()
	status, text := c.ask(t, what)
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", what, status, text)
	}
	var out object
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s: %v: %s", what, err, text)
	}
	return out
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// texts are the values of one member in a list of objects.
func texts(list any, key string) []string {
	var out []string
	entries, _ := list.([]any)
	for _, entry := range entries {
		members, _ := entry.(object)
		out = append(out, textOf(members[key]))
	}
	return out
}
