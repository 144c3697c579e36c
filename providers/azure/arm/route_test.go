package arm_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/providers/azure/arm"
)

// dataReads are parts of paths below which contents or credentials are read.
var dataReads = regexp.MustCompile(`(?i)/(listkeys|listcredentials|listconnectionstrings|listaccountsas|listservicesas|begingetaccess|secrets|keys|certificates|blobs|rows)(/|$)`)

var apiVersion = regexp.MustCompile(`^20[0-9]{2}-[0-9]{2}-[0-9]{2}(-preview)?$`)

// TestRoutesOnlyRead is the proof that nothing else can leave: every route is a
// GET of one version, and none leads to contents or credentials.
func TestRoutesOnlyRead(t *testing.T) {
	var calls []string
	for _, r := range arm.Routes() {
		if r.Method != http.MethodGet || dataReads.MatchString("/"+r.Path) {
			t.Errorf("%s is %s %s", r.Call, r.Method, r.Path)
		}
		if !apiVersion.MatchString(r.Version) || r.Service == "" || !strings.HasPrefix(r.Call, r.Service+":") {
			t.Errorf("%s of version %q", r.Call, r.Version)
		}
		if !strings.HasSuffix(r.Call, ".get") && !strings.HasSuffix(r.Call, ".list") {
			t.Errorf("%s neither gets nor lists", r.Call)
		}
		calls = append(calls, r.Call)
	}
	if !slices.IsSorted(calls) || len(slices.Compact(slices.Clone(calls))) != len(calls) {
		t.Errorf("not sorted, or not unique: %v", calls)
	}
}

func TestMatch(t *testing.T) {
	const (
		accounts = "subscriptions/s/providers/Microsoft.Storage/storageAccounts"
		gallery  = "subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/art"
	)
	for name, c := range map[string]struct {
		method, path, query string
		call                string // empty: no route
		values              []string
	}{
		"a listing":               {"GET", accounts, "api-version=2025-08-01", "storage:storageAccounts.list", []string{"s"}},
		"its next page":           {"GET", accounts, "api-version=2025-08-01&$skiptoken=x", "storage:storageAccounts.list", []string{"s"}},
		"in another case":         {"GET", "SUBSCRIPTIONS/s/Providers/microsoft.storage/STORAGEACCOUNTS", "api-version=2025-08-01", "storage:storageAccounts.list", []string{"s"}},
		"a child":                 {"GET", "subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/n/firewallRules", "api-version=2023-08-01", "sql:firewallRules.list", []string{"s", "g", "n"}},
		"escaped names":           {"GET", "subscriptions/s/resourceGroups/a%20b/providers/Microsoft.Sql/servers/n%2Bm/firewallRules", "api-version=2023-08-01", "sql:firewallRules.list", []string{"s", "a b", "n+m"}},
		"with all it has to say":  {"GET", gallery, "api-version=2025-03-03&$expand=SharingProfile/Groups", "computerp:galleries.get", []string{"s", "g", "art"}},
		"without":                 {"GET", gallery, "api-version=2025-03-03", "", nil},
		"another version":         {"GET", accounts, "api-version=2024-01-01", "", nil},
		"no version":              {"GET", accounts, "", "", nil},
		"two versions":            {"GET", accounts, "api-version=2025-08-01&api-version=2015-01-01", "", nil},
		"written to":              {"PUT", accounts, "api-version=2025-08-01", "", nil},
		"posted to":               {"POST", accounts, "api-version=2025-08-01", "", nil},
		"keys":                    {"POST", "subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a/listKeys", "api-version=2025-08-01", "", nil},
		"something below":         {"GET", accounts + "/x", "api-version=2025-08-01", "", nil},
		"no name":                 {"GET", "subscriptions//providers/Microsoft.Storage/storageAccounts", "api-version=2025-08-01", "", nil},
		"a slash in a name":       {"GET", "subscriptions/a%2Fb/providers/Microsoft.Storage/storageAccounts", "api-version=2025-08-01", "", nil},
		"a step up in a name":     {"GET", "subscriptions/../providers/Microsoft.Storage/storageAccounts", "api-version=2025-08-01", "", nil},
		"an escaped step up":      {"GET", "subscriptions/%2e%2e/providers/Microsoft.Storage/storageAccounts", "api-version=2025-08-01", "", nil},
		"a query in a name":       {"GET", "subscriptions/s%3Fx/providers/Microsoft.Storage/storageAccounts", "api-version=2025-08-01", "", nil},
		"a line end in a name":    {"GET", "subscriptions/s%0A/providers/Microsoft.Storage/storageAccounts", "api-version=2025-08-01", "", nil},
		"an escape of no meaning": {"GET", "subscriptions/%zz/providers/Microsoft.Storage/storageAccounts", "api-version=2025-08-01", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			route, values, ok := arm.Match(c.method, c.path, query)
			if ok != (c.call != "") || route.Call != c.call || !slices.Equal(values, c.values) {
				t.Errorf("%s %s is %q %q (%t), want %q %q", c.method, c.path, route.Call, values, ok, c.call, c.values)
			}
		})
	}
}

// TestMatchAnyNames: whatever a thing is called, its own route is found and its
// name comes out whole; a name never leads to another route.
func TestMatchAnyNames(t *testing.T) {
	variable := regexp.MustCompile(`\{[^}]*\}`)
	rapid.Check(t, func(t *rapid.T) {
		route := rapid.SampledFrom(arm.Routes()).Draw(t, "route")
		name := rapid.StringMatching(`[\pL0-9 ._()%&=+-]{1,30}`).Draw(t, "name")
		if name == "." || name == ".." {
			return
		}
		path := variable.ReplaceAllStringFunc(route.Path, func(string) string { return url.PathEscape(name) })
		query := url.Values{arm.Version: {route.Version}}
		for key := range route.Query {
			query.Set(key, route.Query.Get(key))
		}
		found, values, ok := arm.Match(route.Method, path, query)
		if !ok || found.Call != route.Call {
			t.Fatalf("%s %s is %q (%t)", route.Method, path, found.Call, ok)
		}
		for _, value := range values {
			if value != name {
				t.Fatalf("%q became %q", name, value)
			}
		}
	})
}

func TestRouteOfPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a call without a route is found")
		}
	}()
	arm.RouteOf("storage:storageAccounts.listKeys")
}
