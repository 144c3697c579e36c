package api_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/providers/gcp/api"
)

// readingPosts are the requests that Google made a POST of although they read.
var readingPosts = []string{":getIamPolicy", ":getAncestry"}

// dataReads are parts of paths below which contents are read.
var dataReads = regexp.MustCompile(`/(data|rows|versions|messages)(/|$)|/o/\{|:(access|pull|acknowledge|seek|read|query|decrypt|export|execute)`)

// TestRoutesOnlyRead is the proof that nothing else can leave: every route is a
// GET, or a POST that Google documents as a read, and none leads to contents.
func TestRoutesOnlyRead(t *testing.T) {
	for _, r := range api.Routes() {
		reading := r.Method == http.MethodGet || r.Method == http.MethodPost &&
			slices.ContainsFunc(readingPosts, func(verb string) bool { return strings.HasSuffix(r.Path, verb) })
		if !reading {
			t.Errorf("%s is a %s", r.Call, r.Method)
		}
		if dataReads.MatchString(r.Path) {
			t.Errorf("%s leads to contents: %s", r.Call, r.Path)
		}
	}
}

func TestMatch(t *testing.T) {
	for name, c := range map[string]struct {
		service, method, path string
		call                  string // empty: no route
		values                map[string]string
	}{
		"a listing": {
			service: "pubsub", method: "GET", path: "v1/projects/tconnect/topics", call: "pubsub:projects.topics.list",
			values: map[string]string{"projectsId": "tconnect"},
		},
		"a custom verb": {
			service: "pubsub", method: "GET", path: "v1/projects/tconnect/topics/orders:getIamPolicy", call: "pubsub:projects.topics.getIamPolicy",
			values: map[string]string{"projectsId": "tconnect", "topicsId": "orders"},
		},
		"an escaped slash": {
			service: "storage", method: "GET", path: "storage/v1/b/b1/managedFolders/a%2Fb%2F/iam", call: "storage:managedFolders.getIamPolicy",
			values: map[string]string{"bucket": "b1", "managedFolder": "a/b/"},
		},
		"an escaped attachment point": {
			service: "iam", method: "GET", path: "v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2Fp/denypolicies", call: "iam:policies.listPolicies",
			values: map[string]string{"policiesId": "cloudresourcemanager.googleapis.com/projects/p", "policiesId1": "denypolicies"},
		},
		"the same path written to":        {service: "pubsub", method: "PUT", path: "v1/projects/tconnect/topics/orders"},
		"another verb":                    {service: "pubsub", method: "POST", path: "v1/projects/tconnect/topics/orders:publish"},
		"another verb by GET":             {service: "pubsub", method: "GET", path: "v1/projects/tconnect/topics/orders:setIamPolicy"},
		"the verb escaped into the name":  {service: "pubsub", method: "POST", path: "v1/projects/tconnect/topics/orders%3AgetIamPolicy"},
		"an object's contents":            {service: "storage", method: "GET", path: "storage/v1/b/b1/o/a.csv"},
		"a secret's value":                {service: "secretmanager", method: "GET", path: "v1/projects/p/secrets/s/versions/latest:access"},
		"rows of a table":                 {service: "bigquery", method: "GET", path: "bigquery/v2/projects/p/datasets/d/tables/t/data"},
		"another service's path":          {service: "cloudkms", method: "GET", path: "v1/projects/tconnect/topics"},
		"no name":                         {service: "pubsub", method: "GET", path: "v1/projects//topics"},
		"a listing with a verb behind it": {service: "pubsub", method: "GET", path: "v1/projects/tconnect:setIamPolicy/topics"},
	} {
		t.Run(name, func(t *testing.T) {
			route, values, ok := api.Match(c.service, c.method, c.path)
			if ok != (c.call != "") || route.Call != c.call {
				t.Fatalf("%s %s is %q (%t), want %q", c.method, c.path, route.Call, ok, c.call)
			}
			for key, want := range c.values {
				if values[key] != want {
					t.Errorf("%s is %q, want %q", key, values[key], want)
				}
			}
		})
	}
}

// TestMatchAnyNames: whatever a thing is called, its own route is found and its
// name comes out whole; a name never leads to another route.
func TestMatchAnyNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		route := rapid.SampledFrom(api.Routes()).Draw(t, "route")
		name := rapid.StringN(1, 20, 40).Draw(t, "name")
		variable := regexp.MustCompile(`\{[^}]*\}`)
		path := variable.ReplaceAllStringFunc(route.Path, func(string) string { return strings.ReplaceAll(url.PathEscape(name), ":", "%3A") })
		found, values, ok := api.Match(route.Service, route.Method, path)
		if !ok || found.Method != route.Method {
			t.Fatalf("%s %s is no route", route.Method, path)
		}
		for key, value := range values {
			if value != name {
				t.Fatalf("%s is %q, want %q", key, value, name)
			}
		}
	})
}
