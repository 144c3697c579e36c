//go:build e2e

package gcloud

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

// organisation is the one that every world of testdata has.
const organisation = "900000000001"

// cloud is a loopback Google Cloud.
type cloud struct {
	server *gcptest.Server
	url    string
}

// serve starts a cloud with a world of testdata.
func serve(t testing.TB, world string, options ...gcptest.Option) *cloud {
	t.Helper()
	return front(t, world, func(next http.Handler) http.Handler { return next }, options...)
}

// front starts a cloud behind something that may answer in its place.
func front(t testing.TB, world string, before func(http.Handler) http.Handler, options ...gcptest.Option) *cloud {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", world))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := gcptest.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", world, err)
	}
	c := &cloud{server: gcptest.NewServer(parsed, options...)}
	listening := httptest.NewServer(before(c.server))
	t.Cleanup(listening.Close)
	c.url = listening.URL
	return c
}
