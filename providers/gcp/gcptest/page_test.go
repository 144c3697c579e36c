package gcptest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// many is a world with several of everything that is listed.
func many(t testing.TB) string {
	t.Helper()
	var world strings.Builder
	world.WriteString("organizations:\n- id: \"9\"\n  access_policies:\n")
	each := func(line string) {
		for _, n := range []string{"1", "2", "3", "4", "5"} {
			world.WriteString(strings.ReplaceAll(line, "%", n) + "\n")
		}
	}
	each("  - {name: accessPolicies/%, perimeters: [{name: accessPolicies/%/servicePerimeters/a}, {name: accessPolicies/%/servicePerimeters/b}]}")
	world.WriteString("folders:\n")
	each("- {id: \"70%\", parent: organizations/9}")
	world.WriteString("projects:\n")
	each("- {id: other-%, parent: organizations/9}")
	world.WriteString("- id: tconnect\n  parent: organizations/9\n  locations: [a, b, c]\n  deny: [{name: x}, {name: y}]\n" +
		"  hmac_keys: [{accessId: A}, {accessId: B}]\n  stock:\n    storage:\n")
	each("    - {name: bucket-%, objects: [{name: a}, {name: b}, {name: c}], managedFolders: [{name: a/}, {name: b/}]}")
	for _, service := range slices.Sorted(maps.Keys(shapes())) {
		world.WriteString("    " + service + ":\n")
		for _, shape := range shapes()[service] {
			name := strings.ReplaceAll(strings.TrimSuffix(strings.Replace(shape, "projects/*", "projects/tconnect", 1), "*"), "*", "a")
			world.WriteString("    - {name: " + name + "a}\n    - {name: " + name + "b}\n")
		}
	}
	world.WriteString("    compute:\n")
	for of := range maps.Keys(collections) {
		place := ""
		if of == "disk" {
			place = ", zone: a-b"
			world.WriteString("    - {of: disk, region: a, name: other}\n")
		}
		each("    - {of: " + of + ", name: \"n%\"" + place + "}")
	}
	world.WriteString("    sqladmin:\n")
	each("    - {name: \"n%\"}")
	world.WriteString("    bigquery:\n")
	each("    - {datasetId: \"d%\", tables: [{tableId: a}, {tableId: b}], routines: [{routineId: a}, {routineId: b}]}")
	return world.String()
}

// listings are questions for lists, with the key of their entries.
var listings = map[string]string{
	"accesscontextmanager.googleapis.com/v1/accessPolicies/1/servicePerimeters":                             "servicePerimeters",
	"accesscontextmanager.googleapis.com/v1/accessPolicies?parent=organizations/9":                          "accessPolicies",
	"alloydb.googleapis.com/v1/projects/tconnect/locations/a/clusters":                                      "clusters",
	"alloydb.googleapis.com/v1/projects/tconnect/locations/a/clusters/a/instances":                          "instances",
	"artifactregistry.googleapis.com/v1/projects/tconnect/locations":                                        "locations",
	"artifactregistry.googleapis.com/v1/projects/tconnect/locations/a/repositories":                         "repositories",
	"bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets":                                        "datasets",
	"bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/d1/routines":                            "routines",
	"bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/d1/tables":                              "tables",
	"bigtableadmin.googleapis.com/v2/projects/tconnect/instances":                                           "instances",
	"bigtableadmin.googleapis.com/v2/projects/tconnect/instances/a/tables":                                  "tables",
	"cloudkms.googleapis.com/v1/projects/tconnect/locations/a/keyRings":                                     "keyRings",
	"cloudkms.googleapis.com/v1/projects/tconnect/locations/a/keyRings/a/cryptoKeys":                        "cryptoKeys",
	"cloudresourcemanager.googleapis.com/v3/folders?parent=organizations/9":                                 "folders",
	"cloudresourcemanager.googleapis.com/v3/projects:search":                                                "projects",
	"cloudresourcemanager.googleapis.com/v3/projects?parent=organizations/9":                                "projects",
	"compute.googleapis.com/compute/v1/projects/tconnect/global/images":                                     "items",
	"compute.googleapis.com/compute/v1/projects/tconnect/global/machineImages":                              "items",
	"compute.googleapis.com/compute/v1/projects/tconnect/global/snapshots":                                  "items",
	"iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2Ftconnect/denypolicies": "policies",
	"pubsub.googleapis.com/v1/projects/tconnect/snapshots":                                                  "snapshots",
	"pubsub.googleapis.com/v1/projects/tconnect/subscriptions":                                              "subscriptions",
	"pubsub.googleapis.com/v1/projects/tconnect/topics":                                                     "topics",
	"secretmanager.googleapis.com/v1/projects/tconnect/secrets":                                             "secrets",
	"secretmanager.a.rep.googleapis.com/v1/projects/tconnect/locations/a/secrets":                           "secrets",
	"spanner.googleapis.com/v1/projects/tconnect/instances":                                                 "instances",
	"spanner.googleapis.com/v1/projects/tconnect/instances/a/backups":                                       "backups",
	"spanner.googleapis.com/v1/projects/tconnect/instances/a/databases":                                     "databases",
	"sqladmin.googleapis.com/v1/projects/tconnect/instances":                                                "items",
	"storage.googleapis.com/storage/v1/b/bucket-1/managedFolders":                                           "items",
	"storage.googleapis.com/storage/v1/b/bucket-1/o":                                                        "items",
	"storage.googleapis.com/storage/v1/b?project=tconnect":                                                  "items",
	"storage.googleapis.com/storage/v1/projects/tconnect/hmacKeys":                                          "items",
}

// pages walks a listing to its end and returns its entries and how many pages
// they took.
func (c cloud) pages(t testing.TB, what, key string) (entries []any, pages int) {
	t.Helper()
	separator := "?"
	if strings.Contains(what, "?") {
		separator = "&"
	}
	token := ""
	for {
		page := c.get(t, "GET "+what+token)
		list, _ := page[key].([]any)
		entries, pages = append(entries, list...), pages+1
		next, more := page["nextPageToken"].(string)
		if !more {
			return entries, pages
		}
		if token = separator + "pageToken=" + url.QueryEscape(next); pages > 100 {
			t.Fatalf("%s does not end", what)
		}
	}
}

// Whoever walks the pages sees what one page says, in the same order.
func TestPages(t *testing.T) {
	text := many(t)
	whole, single, pairs := start(t, text), start(t, text, WithPageSize(1)), start(t, text, WithPageSize(2))
	for what, key := range listings {
		want, pages := whole.pages(t, what, key)
		if pages != 1 || len(want) < 2 {
			t.Fatalf("%s: %d entries on %d pages", what, len(want), pages)
		}
		got, pages := single.pages(t, what, key)
		if same(t, got, want); pages != len(want) {
			t.Errorf("%s: %d entries on %d pages of one", what, len(want), pages)
		}
		got, pages = pairs.pages(t, what, key)
		if same(t, got, want); pages != (len(want)+1)/2 {
			t.Errorf("%s: %d entries on %d pages of two", what, len(want), pages)
		}
		listed := 0
		for call := range single.Calls() {
			if strings.HasSuffix(call, "list") || strings.HasSuffix(call, "List") || strings.HasSuffix(call, "search") || strings.HasSuffix(call, "listPolicies") {
				listed++
			}
		}
		if listed == 0 {
			t.Errorf("%s: %v", what, single.Calls())
		}
	}
}

// The disks of a page are sorted into the places that they are in.
func TestPagesOfDisks(t *testing.T) {
	const what = "GET compute.googleapis.com/compute/v1/projects/tconnect/aggregated/disks"
	c := start(t, many(t), WithPageSize(2))
	seen, token := map[string]int{}, ""
	for range 3 {
		page := c.get(t, what+token)
		items, _ := page["items"].(object)
		for scope, value := range items {
			scoped, _ := value.(object)
			disks, _ := scoped["disks"].([]any)
			if seen[scope] += len(disks); (len(disks) == 0) != (scoped["warning"] != nil) {
				t.Errorf("%s: %v", scope, scoped)
			}
		}
		next, _ := page["nextPageToken"].(string)
		token = "?pageToken=" + url.QueryEscape(next)
	}
	same(t, seen, map[string]int{"regions/a": 1, "regions/b": 0, "regions/c": 0, "zones/a-b": 5})
	if token != "?pageToken=" {
		t.Errorf("there is more: %s", token)
	}
}

// A listing honours the size that is asked for, and refuses what it cannot read.
func TestPageSizes(t *testing.T) {
	c := start(t, many(t))
	for what, want := range map[string]int{
		"storage.googleapis.com/storage/v1/b?project=tconnect&maxResults=2":                    2,
		"storage.googleapis.com/storage/v1/b?project=tconnect&maxResults=9999":                 5,
		"cloudresourcemanager.googleapis.com/v3/projects:search?pageSize=4":                    4,
		"cloudresourcemanager.googleapis.com/v3/projects:search?pageSize=0":                    6,
		"bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets?maxResults=3":          3,
		"storage.googleapis.com/storage/v1/b?project=tconnect&maxResults=-1":                   0,
		"storage.googleapis.com/storage/v1/b?project=tconnect&maxResults=x":                    0,
		"storage.googleapis.com/storage/v1/b?project=tconnect&pageToken=x":                     0,
		"storage.googleapis.com/storage/v1/b?project=tconnect&pageToken=!":                     0,
		"compute.googleapis.com/compute/v1/projects/tconnect/aggregated/disks?pageToken=x":     0,
		"bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets?pageToken=MTox":        0,
		"cloudresourcemanager.googleapis.com/v3/projects:search?pageSize=99999999999999999999": 0,
	} {
		status, body := c.ask(t, "GET "+what)
		if want == 0 {
			if status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", what, status, body)
			}
			continue
		}
		var page object
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, key := range []string{"items", "projects", "datasets"} {
			got += len(texts(page[key], "name"))
		}
		if got != want {
			t.Errorf("%s: %d entries", what, got)
		}
	}
	// The token of one listing opens no other.
	first := c.get(t, "GET storage.googleapis.com/storage/v1/b?project=tconnect&maxResults=1")
	token, _ := first["nextPageToken"].(string)
	if status, _ := c.ask(t, "GET storage.googleapis.com/storage/v1/b/bucket-1/o?pageToken="+token); status != http.StatusBadRequest {
		t.Errorf("a token of buckets opens objects: %d", status)
	}
}

func TestFields(t *testing.T) {
	var document any
	if err := json.Unmarshal([]byte(`{"a":{"b":[{"c":1,"d":2},{"c":3}],"e":4},"f":5}`), &document); err != nil {
		t.Fatal(err)
	}
	for fields, want := range map[string]string{
		"a":           `{"a":{"b":[{"c":1,"d":2},{"c":3}],"e":4}}`,
		"a/e":         `{"a":{"e":4}}`,
		"a/b/c":       `{"a":{"b":[{"c":1},{"c":3}]}}`,
		"a(b(d),e),f": `{"a":{"b":[{"d":2},{}],"e":4},"f":5}`,
		"a/b(c)":      `{"a":{"b":[{"c":1},{"c":3}]}}`,
		"a/e,a/b/d":   `{"a":{"b":[{"d":2},{}],"e":4}}`,
		"a/e,a":       `{"a":{"b":[{"c":1,"d":2},{"c":3}],"e":4}}`,
		"a,a/e":       `{"a":{"b":[{"c":1,"d":2},{"c":3}],"e":4}}`,
		" a/e , f ":   `{"a":{"e":4},"f":5}`,
		"*":           `{"a":{"b":[{"c":1,"d":2},{"c":3}],"e":4},"f":5}`,
		"a/*/c":       `{"a":{"b":[{"c":1},{"c":3}],"e":4}}`,
		"g":           `{}`,
		"a)b":         `{"a":{"b":[{"c":1,"d":2},{"c":3}],"e":4},"f":5}`,
	} {
		if got := strings.TrimSpace(string(render(choose(document, fields)))); got != want {
			t.Errorf("%s: %s\nwant %s", fields, got, want)
		}
	}
}

// A partial answer holds nothing that the whole one does not.
func TestFieldsOnlyLeaveOut(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "c", "*", "a/b", "b(a,c)", "a(b/c)", "(", ")", ",", "/"})
	value := rapid.Custom(func(t *rapid.T) any { return drawValue(t, 3) })
	rapid.Check(t, func(t *rapid.T) {
		document := value.Draw(t, "document")
		fields := strings.Join(rapid.SliceOfN(names, 0, 5).Draw(t, "fields"), ",")
		if !within(choose(document, fields), document) {
			t.Errorf("%s of %s adds something", fields, render(document))
		}
	})
}

func drawValue(t *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 2).Draw(t, "kind"); {
	case kind == 0 || depth == 0:
		return float64(rapid.IntRange(0, 9).Draw(t, "number"))
	case kind == 1:
		list := make([]any, rapid.IntRange(0, 3).Draw(t, "length"))
		for i := range list {
			list[i] = drawValue(t, depth-1)
		}
		return list
	default:
		out := object{}
		for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "keys") {
			out[key] = drawValue(t, depth-1)
		}
		return out
	}
}

// within reports whether a part holds what the whole does, or less.
func within(part, whole any) bool {
	switch p := part.(type) {
	case object:
		w, ok := whole.(object)
		for key, value := range p {
			if !ok || w[key] == nil || !within(value, w[key]) {
				return false
			}
		}
		return ok
	case []any:
		w, ok := whole.([]any)
		if !ok || len(p) != len(w) {
			return false
		}
		for i := range p {
			if !within(p[i], w[i]) {
				return false
			}
		}
		return true
	}
	return part == whole
}

// Whatever fields ask for, they are read to an end.
func FuzzFields(f *testing.F) {
	for _, fields := range []string{"items(name,acl),nextPageToken", "a/b/c", "a((", "))", "/", ",", "*"} {
		f.Add(fields)
	}
	document := object{"items": []any{object{"name": "a", "acl": []any{object{"entity": "allUsers"}}}}, "nextPageToken": strconv.Itoa(7)}
	f.Fuzz(func(t *testing.T, fields string) {
		if !within(choose(document, fields), document) {
			t.Errorf("%q adds something", fields)
		}
	})
}
