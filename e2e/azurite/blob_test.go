//go:build e2e

package azurite

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	// restVersion is of the blob service's interface.
	restVersion = "2021-12-02"
	// blob is the one that every container holds, and content what is in it.
	blob    = "trips/2026.csv"
	content = "vin,latitude,longitude\n"
)

// answer is what the blob service said.
type answer struct {
	status int
	header http.Header
	body   string
}

// call is a request to the blob service, by the path below an account.
type call struct {
	method, path, query, body string
	headers                   map[string]string
}

// anonymous sends a request without any credential.
func (e *emulator) anonymous(t testing.TB, account string, c call) answer {
	t.Helper()
	return e.send(t, e.request(t, account, c))
}

// owner sends a request signed with the account's key, and fails the test unless
// that is answered as expected.
func (e *emulator) owner(t testing.TB, account string, c call, want int) answer {
	t.Helper()
	r := e.request(t, account, c)
	e.sign(r, account)
	a := e.send(t, r)
	if a.status != want {
		t.Fatalf("%s %s/%s?%s of the owner is answered with %d, want %d: %s", c.method, account, c.path, c.query, a.status, want, a.body)
	}
	return a
}

func (e *emulator) request(t testing.TB, account string, c call) *http.Request {
	t.Helper()
	address := e.url + "/" + account
	if c.path != "" {
		address += "/" + c.path
	}
	if c.query != "" {
		address += "?" + c.query
	}
	r, err := http.NewRequestWithContext(t.Context(), c.method, address, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-ms-version", restVersion)
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	return r
}

func (e *emulator) send(t testing.TB, r *http.Request) answer {
	t.Helper()
	response, err := e.http.Do(r)
	if err != nil {
		t.Fatalf("ask Azurite: %v\n%s", err, e.heard())
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("ask Azurite: %v", err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(body)}
}

// sign adds the Shared Key of an account. In the emulator, the account is a part
// of the path, and thus stands in the signed text twice.
//
// Source: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
func (e *emulator) sign(r *http.Request, account string) {
	r.Header.Set("x-ms-date", time.Now().UTC().Format(http.TimeFormat))
	length := ""
	if r.ContentLength > 0 {
		length = strconv.FormatInt(r.ContentLength, 10)
	}
	lines := []string{r.Method, "", "", length, "", r.Header.Get("Content-Type"), "", "", "", "", "", ""}
	var headers []string
	for name, values := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-ms-") {
			headers = append(headers, name+":"+values[0])
		}
	}
	slices.Sort(headers)
	lines = append(append(lines, headers...), "/"+account+r.URL.EscapedPath()+signedQuery(r.URL.Query()))
	mac := hmac.New(sha256.New, e.keys[account])
	_, _ = io.WriteString(mac, strings.Join(lines, "\n"))
	r.Header.Set("Authorization", "SharedKey "+account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

func signedQuery(query url.Values) string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(query)) {
		fmt.Fprintf(&lines, "\n%s:%s", strings.ToLower(name), strings.Join(slices.Sorted(slices.Values(query[name])), ","))
	}
	return lines.String()
}

// fill makes a container of an account, at its level, with a blob in it.
//
// Source: https://learn.microsoft.com/rest/api/storageservices/create-container
// (x-ms-blob-public-access: container, blob, or absent)
func (e *emulator) fill(t testing.TB, account string, c container) {
	t.Helper()
	headers := make(map[string]string)
	if c.open() {
		headers["x-ms-blob-public-access"] = strings.ToLower(c.access)
	}
	e.owner(t, account, call{method: http.MethodPut, path: c.name, query: "restype=container", headers: headers}, http.StatusCreated)
	e.owner(t, account, call{
		method: http.MethodPut, path: c.name + "/" + blob, body: content,
		headers: map[string]string{"x-ms-blob-type": "BlockBlob", "Content-Type": "text/csv"},
	}, http.StatusCreated)
	// What nobody is given must be there, or its refusal would say nothing.
	if a := e.owner(t, account, call{method: http.MethodGet, path: c.name + "/" + blob}, http.StatusOK); a.body != content {
		t.Fatalf("Azurite keeps %q in %s/%s, want %q", a.body, account, c.name, content)
	}
	a := e.owner(t, account, call{method: http.MethodGet, path: c.name, query: "restype=container&comp=acl"}, http.StatusOK)
	if got := a.header.Get("x-ms-blob-public-access"); got != headers["x-ms-blob-public-access"] {
		t.Fatalf("Azurite has %s/%s at %q, want %q", account, c.name, got, headers["x-ms-blob-public-access"])
	}
}

// readACL is where the emulator is known to differ, see lenient.
const readACL = "read-acl"

// attempts are what somebody without a credential may try on a container, by the
// action that andon has for it. The last one would take away what the others need.
var attempts = []struct {
	can     string
	request func(container string) call
}{
	{"read", func(name string) call { return call{method: http.MethodGet, path: name + "/" + blob} }},
	{"list", func(name string) call {
		return call{method: http.MethodGet, path: name, query: "restype=container&comp=list"}
	}},
	{"read-meta", func(name string) call { return call{method: http.MethodGet, path: name, query: "restype=container"} }},
	{readACL, func(name string) call {
		return call{method: http.MethodGet, path: name, query: "restype=container&comp=acl"}
	}},
	{"write", func(name string) call {
		return call{method: http.MethodPut, path: name + "/mine", body: "mine", headers: map[string]string{"x-ms-blob-type": "BlockBlob"}}
	}},
	{"take-over", func(name string) call {
		return call{
			method: http.MethodPut, path: name, query: "restype=container&comp=acl",
			headers: map[string]string{"x-ms-blob-public-access": "container"},
		}
	}},
	{"delete", func(name string) call { return call{method: http.MethodDelete, path: name + "/" + blob} }},
}

// given tries everything on a container without a credential, and returns the
// actions that were answered, sorted.
func (e *emulator) given(t testing.TB, account, name string) []string {
	t.Helper()
	var can []string
	for _, try := range attempts {
		a := e.anonymous(t, account, try.request(name))
		switch {
		case a.status >= 200 && a.status < 300:
			can = append(can, try.can)
			if try.can == "read" && a.body != content || try.can == "list" && !strings.Contains(a.body, "<Name>"+blob+"</Name>") {
				t.Errorf("Azurite answers %s of %s/%s with %q", try.can, account, name, a.body)
			}
		case !slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, a.status):
			t.Errorf("Azurite answers %s of %s/%s with %d, which is neither yes nor no: %s", try.can, account, name, a.status, a.body)
		}
	}
	slices.Sort(can)
	return can
}

// lenient takes out of what Azurite gave the one thing that it gives and Azure is
// documented to keep for the owner: the access policy of a container at the level
// Container. An emulator that no longer gives it makes this exception stale, and
// the test fail.
//
// Source: https://msdn.microsoft.com/en-us/library/dd179354.aspx (operations
// available to anonymous users: Get Container ACL is the owner's only)
func lenient(t testing.TB, c container, given []string) []string {
	t.Helper()
	if c.access != "Container" {
		return given
	}
	if !slices.Contains(given, readACL) {
		t.Errorf("Azurite no longer gives everybody the access policy of %s: nothing has to be taken out", c.name)
	}
	return slices.DeleteFunc(given, func(can string) bool { return can == readACL })
}
