package restapi_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/andon-audit/andon/providers/internal/restapi"
)

func TestRoot(t *testing.T) {
	for endpoint, want := range map[string]string{
		"127.0.0.1:9000":                 "https://127.0.0.1:9000/",
		"http://127.0.0.1:9000/":         "http://127.0.0.1:9000/",
		"https://host/a%2Fb/c":           "https://host/a%2Fb/c/",
		"https://host?":                  "https://host/",
		"https://user:pw@host/x/?key=#f": "https://host/x/",
		"ftp://host":                     "",
		"https://":                       "",
		"::":                             "",
	} {
		root, err := restapi.Root(endpoint, "https")
		if (err == nil) != (want != "") || err == nil && root.String() != want {
			t.Errorf("%q is %v (%v), want %q", endpoint, root, err, want)
		}
	}
}

func TestShared(t *testing.T) {
	var values sync.Map
	first, second := restapi.Shared(&values, "k", func() *int { return new(int) }), restapi.Shared(&values, "k", func() *int { return new(int) })
	if first != second {
		t.Error("made twice")
	}
	defer func() {
		if recover() == nil {
			t.Error("shared as two types")
		}
	}()
	restapi.Shared(&values, "k", func() *string { return new(string) })
}

func TestThrottled(t *testing.T) {
	for status, want := range map[int]bool{429: true, 503: true, 403: false, 200: false} {
		if restapi.Throttled(&http.Response{StatusCode: status}) != want {
			t.Errorf("%d: want %t", status, want)
		}
	}
}
