package loopback

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fault is one of a toy cloud, whose calls are "toy:GET" and so on, about a path.
type fault struct {
	rule  Rule
	about string
}

func (f fault) Rule() Rule { return f.rule }

// goesWrong is a fault of every call.
func goesWrong(kind string) fault { return fault{rule: Rule{Call: "*", Kind: kind}} }

// toy serves a cloud that says the path that it was asked.
func toy(settings Settings[fault]) *Server[fault, string] {
	return New(settings, func(r *http.Request) Exchange[fault, string] {
		return Exchange[fault, string]{
			Operation: "toy:" + r.Method, Question: r.URL.Path, Writes: r.Method != http.MethodGet,
			Meets: func(f fault) bool { return f.about == "" || f.about == r.URL.Path },
			Answer: func(f fault) (int, func(http.ResponseWriter)) {
				if f.rule.Kind != "" {
					return http.StatusTeapot, func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }
				}
				return http.StatusOK, func(w http.ResponseWriter) { _, _ = io.WriteString(w, r.URL.Path) }
			},
			Entry: func(f fault, status int) string {
				return strings.TrimSpace(http.StatusText(status) + " " + r.URL.Path + " " + f.rule.Kind)
			},
		}
	})
}

// start starts a server for one test, and returns a client that reaches it.
func start(t *testing.T, settings Settings[fault]) (s *Server[fault, string], url string, client *http.Client) {
	t.Helper()
	s = toy(settings)
	url, stop, err := s.Start()
	if err != nil {
		t.Fatal(err)
	}
	transport := s.Transport()
	t.Cleanup(stop)
	t.Cleanup(transport.CloseIdleConnections)
	return s, url, &http.Client{Transport: transport}
}

func ask(ctx context.Context, client *http.Client, method, url string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	a, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	return a.StatusCode, a.Body.Close()
}

// TestCounts: calls are counted, writes among them, and logged in their order.
func TestCounts(t *testing.T) {
	s, url, client := start(t, Settings[fault]{Faults: []fault{{Rule{Call: "*", Kind: "odd"}, "/b"}}})
	for _, what := range []string{"GET " + url + "/a", "PUT https://cloud.example/a", "GET http://cloud.example/b"} {
		method, url, _ := strings.Cut(what, " ")
		if _, err := ask(t.Context(), client, method, url); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if calls := s.Calls(); len(calls) != 2 || calls["toy:GET"] != 2 || calls["toy:PUT"] != 1 || s.Writes() != 1 {
		t.Errorf("%v, %d writes", calls, s.Writes())
	}
	if log := s.Log(); !slices.Equal(log, []string{"OK /a", "OK /a", "I'm a teapot /b odd"}) {
		t.Errorf("%q", log)
	}
}

func TestLoopbackOnly(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:0": "not a loopback", "192.0.2.1:80": "not a loopback", ":0": "not a loopback", "nonsense": "missing port",
		"127.0.0.1": "missing port", "example.com:80": "not a loopback", "127.0.0.1:0": "", "localhost:0": "", "": "",
	} {
		url, stop, err := toy(Settings[fault]{Addr: addr}).Start()
		if want == "" && err == nil {
			stop()
			continue
		}
		if want == "" || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v", addr, url, err)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	_, url, _ := start(t, Settings[fault]{})
	if _, _, err := toy(Settings[fault]{Addr: strings.TrimPrefix(url, "http://")}).Start(); err == nil {
		t.Error("two servers share an address")
	}
}

func TestTransportBeforeStart(t *testing.T) {
	for _, id := range []*Identity{nil, NewIdentity()} {
		if _, err := ask(t.Context(), &http.Client{Transport: toy(Settings[fault]{Identity: id}).Transport()}, http.MethodGet, "https://cloud.example/"); err == nil {
			t.Error("a server that was not started answered")
		}
	}
}

// TestStartAgain: a server that was stopped serves again, and is stopped as often
// as anybody likes.
func TestStartAgain(t *testing.T) {
	s := toy(Settings[fault]{})
	for range 2 {
		url, stop, err := s.Start()
		if err != nil {
			t.Fatal(err)
		}
		transport := s.Transport()
		if status, err := ask(t.Context(), &http.Client{Transport: transport}, http.MethodGet, url); err != nil || status != http.StatusOK {
			t.Errorf("%d, %v", status, err)
		}
		transport.CloseIdleConnections()
		stop()
		stop()
	}
}

// TestServe: one call stops the server and what reaches it; goleak looks whether
// anything stays behind.
func TestServe(t *testing.T) {
	reach, stop, err := toy(Settings[fault]{Identity: NewIdentity()}).Serve()
	if err != nil {
		t.Fatal(err)
	}
	through := &http.Client{Transport: reach}
	if status, err := ask(t.Context(), through, http.MethodGet, "https://cloud.example/"); err != nil || status != http.StatusOK {
		t.Errorf("%d, %v", status, err)
	}
	stop()
	if _, err := ask(t.Context(), through, http.MethodGet, "https://cloud.example/"); err == nil {
		t.Error("a server that was stopped answers")
	}
	if _, _, err := toy(Settings[fault]{Addr: "192.0.2.1:0"}).Serve(); err == nil {
		t.Error("it listens on an address that is not loopback")
	}
}

// TestTrust: whoever does not trust the certificate gets nothing, and whoever
// reads it from a file does.
func TestTrust(t *testing.T) {
	id := NewIdentity()
	_, url, own := start(t, Settings[fault]{Identity: id})
	pool := x509.NewCertPool()
	if !strings.HasPrefix(url, "https://") || !pool.AppendCertsFromPEM(id.PEM()) {
		t.Fatalf("%s, or the certificate is no PEM", url)
	}
	friend := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer friend.CloseIdleConnections()
	for _, client := range []*http.Client{own, friend} {
		if status, err := ask(t.Context(), client, http.MethodGet, url); err != nil || status != http.StatusOK {
			t.Errorf("%d, %v", status, err)
		}
	}
	stranger := &http.Client{Transport: &http.Transport{}}
	defer stranger.CloseIdleConnections()
	if _, err := ask(t.Context(), stranger, http.MethodGet, url); err == nil {
		t.Error("a stranger trusts the certificate")
	}
	other, _, _ := start(t, Settings[fault]{Identity: NewIdentity()})
	deceived := other.Transport()
	deceived.DialContext = nil
	deceived.DialTLSContext = NewIdentity().dial(other.dialSelf)
	if _, err := ask(t.Context(), &http.Client{Transport: deceived}, http.MethodGet, "https://cloud.example/"); err == nil {
		t.Error("one identity is taken for another")
	}
}

// TestStopLetsGo: stopping ends the calls that hang, and waits for no latency.
func TestStopLetsGo(t *testing.T) {
	for _, rule := range []Rule{{Call: "*", Kind: Timeout}, {Call: "*", Kind: Latency, Latency: time.Hour}} {
		s := toy(Settings[fault]{Faults: []fault{{rule, ""}}})
		url, stop, err := s.Start()
		if err != nil {
			t.Fatal(err)
		}
		transport := s.Transport()
		done := make(chan error)
		go func() {
			_, err := ask(t.Context(), &http.Client{Transport: transport}, http.MethodPut, url)
			done <- err
		}()
		for s.inFlight.TryLock() {
			s.inFlight.Unlock() // no answer is under way yet
		}
		stop()
		transport.CloseIdleConnections()
		// A late answer may go out before the connection is closed.
		if err := <-done; err == nil && rule.Kind == Timeout {
			t.Error("a call that hangs was answered")
		}
	}
}

// TestHang: a call that hangs ends when the client gives up, and has no status.
func TestHang(t *testing.T) {
	for _, kind := range []string{Timeout, Hang} {
		s, url, client := start(t, Settings[fault]{Faults: []fault{goesWrong(kind)}})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := ask(ctx, client, http.MethodGet, url+"/a")
		cancel()
		if log := s.Log(); !errors.Is(err, context.DeadlineExceeded) || !slices.Equal(log, []string{"/a " + kind}) {
			t.Errorf("%v, %q", err, log)
		}
	}
}

// TestLatency: latency is waited for, and no longer than the client does.
func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := toy(Settings[fault]{Latency: time.Minute, Faults: []fault{{Rule{Call: "*", Kind: Latency, Latency: time.Hour}, ""}}})
		before := time.Now()
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		if waited := time.Since(before); waited != time.Hour+time.Minute {
			t.Errorf("waited %s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		before = time.Now()
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody))
		if waited := time.Since(before); waited != time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}

// TestFaultsInOrder: the first fault that a call meets wins, and delays add up.
func TestFaultsInOrder(t *testing.T) {
	s := toy(Settings[fault]{Latency: 3 * time.Millisecond, Faults: []fault{
		{Rule{Call: "*", Kind: Latency, Latency: 2 * time.Millisecond}, ""},
		{Rule{Call: "toy:G*", Kind: "one", Latency: time.Millisecond}, "/a"},
		{Rule{Call: "*", Kind: "other", Times: 1}, ""},
	}})
	for _, tc := range []struct {
		method, path, kind string
		delay              time.Duration
	}{
		{"GET", "/a", "one", 6 * time.Millisecond},
		{"GET", "/a", "one", 6 * time.Millisecond},
		{"GET", "/b", "other", 5 * time.Millisecond},
		{"GET", "/b", "", 5 * time.Millisecond}, // a fault that passes has passed
		{"PUT", "/b", "other", 5 * time.Millisecond},
		{"PUT", "/a", "other", 5 * time.Millisecond}, // another question
	} {
		f, delay := s.take(s.read(httptest.NewRequestWithContext(t.Context(), tc.method, tc.path, http.NoBody)))
		if f.rule.Kind != tc.kind || delay != tc.delay {
			t.Errorf("%s %s: %q, %s", tc.method, tc.path, f.rule.Kind, delay)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "b", false},
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c", "abc", true},
		{"a*c", "ac", true},
		{"a*c", "abd", false},
		{"*b*", "abc", true},
		{"a*c*e", "abcde", true},
		{"a*c*e", "abcd", false},
		{"a*a", "a", false},
		{"*:list", "x:list", true},
		{"*:list", "x:lists", false},
	} {
		if Matches(tc.pattern, tc.s) != tc.want {
			t.Errorf("%q on %q: %t", tc.pattern, tc.s, !tc.want)
		}
	}
}

func TestSpoil(t *testing.T) {
	for _, tc := range []struct{ kind, body, want string }{
		{"other", `{"a":1}`, `{"a":1}`},
		{Truncated, `{"a":[1,2]}`, `{"a":`},
		{WrongType, `{"b":{"c":"d"},"a":"<&>"}`, `{"a":7,"b":"unexpected"}`},
		{WrongType, `{}`, `["unexpected"]`},
		{WrongType, `[1]`, `"unexpected"`},
		{WrongType, `<A><B>c</B></A>`, `<A><B><Unexpected>c</Unexpected></B></A>`},
	} {
		if got := string(Spoil(tc.kind, []byte(tc.body))); got != tc.want {
			t.Errorf("%s of %s: %s", tc.kind, tc.body, got)
		}
	}
}

// TestTokens: a token is good for one listing alone, and leads into it.
func TestTokens(t *testing.T) {
	token := Token(3, "list", "a")
	if entry, ok := FromToken(token, 3, "list", "a"); !ok || entry != 3 {
		t.Errorf("%d, %t", entry, ok)
	}
	for _, tc := range []struct {
		token, listing string
		entries        int
	}{
		{token, "a", 2},
		{token, "b", 3},
		{Token(-1, "list", "a"), "a", 3},
		{"nonsense", "a", 3},
		{"?", "a", 3},
	} {
		if entry, ok := FromToken(tc.token, tc.entries, "list", tc.listing); ok {
			t.Errorf("%+v leads to %d", tc, entry)
		}
	}
}
