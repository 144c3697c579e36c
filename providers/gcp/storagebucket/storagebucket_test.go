package storagebucket_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

const (
	listCall    = "storage:buckets.list"
	objectsCall = "storage:objects.list"
	foldersCall = "storage:managedFolders.list"
)

const forbidden = `{"error":{"code":403,"message":"andon@example.com does not have storage.buckets.getIamPolicy access","errors":[{"reason":"forbidden"}]}}`

// Whoever may list buckets and not read policies is not shown access control
// lists, in whichever way Google keeps them back.
func TestListsThatAreKeptBack(t *testing.T) {
	without := `{"items":[{"name":"telemetry","projectNumber":"111111111111","iamConfiguration":{"uniformBucketLevelAccess":{"enabled":false}}}]}`
	for name, answer := range map[string]func(*http.Request) (int, string){
		"refused with lists": func(req *http.Request) (int, string) {
			if req.URL.Query().Get("projection") == "full" {
				return http.StatusForbidden, forbidden
			}
			return http.StatusOK, without
		},
		"answered without lists": says(without),
	} {
		c := collector(t, &cloud{answers: map[string]func(*http.Request) (int, string){listCall: answer}}, api.Options{})
		found, err := list(t.Context(), c)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %d buckets, %v", name, len(found), err)
		}
		gap := gapOf(found[0], listCall)
		if gap == nil || gap.Reason != resource.Denied || gap.Permission != "storage.buckets.getIamPolicy" {
			t.Fatalf("%s: the gap is %+v", name, gap)
		}
		if got := exposure.Assess(found[0]).Most; got != exposure.Public {
			t.Errorf("%s: at most %s, want public: a list may name everybody", name, got)
		}
	}
}

// A refusal that has nothing to do with lists stays one, and is told with the
// permissions that the listing takes.
func TestRefusedListing(t *testing.T) {
	all := &cloud{answers: map[string]func(*http.Request) (int, string){
		listCall: func(*http.Request) (int, string) { return http.StatusForbidden, forbidden },
	}}
	found, err := list(t.Context(), collector(t, all, api.Options{}))
	if len(found) != 0 || api.Status(err) != http.StatusForbidden || all.count(listCall) != 2 {
		t.Errorf("%d buckets, %v, after %d calls; want one refusal, after asking without lists", len(found), err, all.count(listCall))
	}
	broken := &cloud{answers: map[string]func(*http.Request) (int, string){
		listCall: func(*http.Request) (int, string) { return http.StatusBadRequest, `{"error":{"code":400}}` },
	}}
	if _, err := list(t.Context(), collector(t, broken, api.Options{})); api.Status(err) != http.StatusBadRequest || broken.count(listCall) != 1 {
		t.Errorf("%v after %d calls; want the error, asked once", err, broken.count(listCall))
	}
}

// An odd entry of the listing takes no other with it, and is not taken for a
// private bucket.
func TestOddEntries(t *testing.T) {
	c := collector(t, &cloud{answers: map[string]func(*http.Request) (int, string){listCall: says(`{"items":[
		{"name":"odd","iamConfiguration":"none of your business"},
		{"name":7},
		{"name":"sane","iamConfiguration":{"uniformBucketLevelAccess":{"enabled":true},"publicAccessPrevention":"enforced"}}
	],"unreachable":["projects/_/buckets/far","projects/_/buckets/far","strange"]}`)}}, api.Options{})
	found, err := list(t.Context(), c)
	if _, malformed := errors.AsType[*collect.MalformedError](err); !malformed {
		t.Errorf("the listing ends with %v, and one entry has no name", err)
	}
	var names []string
	for _, r := range found {
		names = append(names, r.Name)
		if got := exposure.Assess(r); r.Name == "sane" != (got.Most == exposure.Private) {
			t.Errorf("%s is %s", r.Name, got.Range)
		}
	}
	if len(names) != 5 || names[0] != "odd" || !strings.HasPrefix(names[1], "(without a name") || !slices.Equal(names[2:], []string{"sane", "far", "strange"}) {
		t.Errorf("listed %q", names)
	}
	// What is known of the odd one is its name, and that is enough to ask.
	var asked []string
	for _, q := range c.Questions(found[0]) {
		asked = append(asked, q.Call)
	}
	for _, call := range []string{"storage:buckets.getIamPolicy", objectsCall, foldersCall, "storage:buckets.testIamPermissions"} {
		if !slices.Contains(asked, call) {
			t.Errorf("%s is not asked of a bucket of which only the name is known", call)
		}
	}
	if questions := c.Questions(found[3]); len(questions) != 0 {
		t.Errorf("%d questions about a bucket whose location does not answer", len(questions))
	}
}

// world is one bucket in a project, served by the loopback cloud.
func world(t *testing.T, bucket string) http.RoundTripper {
	t.Helper()
	w, err := gcptest.Parse([]byte("projects:\n- id: tconnect\n  number: \"111111111111\"\n  stock:\n    storage:\n" + bucket))
	if err != nil {
		t.Fatal(err)
	}
	server := gcptest.NewServer(w)
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	transport := server.Transport()
	t.Cleanup(func() { transport.CloseIdleConnections(); stop() })
	return transport
}

// counted passes calls on and counts them.
type counted struct {
	next http.RoundTripper
	cloud
}

func (c *counted) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	c.mu.Lock()
	c.sent = append(c.sent, call.Name)
	c.mu.Unlock()
	return c.next.RoundTrip(req)
}

// The default looks at one page of objects and says what it did not look at; with
// --deep every object is looked at.
func TestSampleOfObjects(t *testing.T) {
	var bucket strings.Builder
	bucket.WriteString("    - name: telemetry\n      objects:\n")
	for i := range 1500 {
		fmt.Fprintf(&bucket, "      - {name: %04d.csv}\n", i)
	}
	bucket.WriteString("      - {name: zz.csv, acl: [{entity: allUsers, role: READER}]}\n")
	for _, tc := range []struct {
		deep  bool
		want  exposure.Range
		pages int
	}{
		{false, exposure.Range{Least: exposure.Private, Most: exposure.Public}, 1},
		{true, exposure.Range{Least: exposure.Public, Most: exposure.Public}, 2},
	} {
		transport := &counted{next: world(t, bucket.String())}
		c := collector(t, transport, api.Options{Deep: tc.deep})
		found, err := list(t.Context(), c)
		if err != nil || len(found) != 1 {
			t.Fatalf("%d buckets, %v", len(found), err)
		}
		ask(t, c, found[0], objectsCall)
		if got := exposure.Assess(found[0]).Range; got != tc.want || transport.count(objectsCall) != tc.pages {
			t.Errorf("deep=%t: %s after %d pages, want %s after %d", tc.deep, got, transport.count(objectsCall), tc.want, tc.pages)
		}
		const detail = "1,000 objects were looked at, there are more: --deep looks at all"
		if gap := gapOf(found[0], objectsCall); tc.deep != (gap == nil) || gap != nil && gap.Detail != detail {
			t.Errorf("deep=%t: the gap is %+v", tc.deep, gap)
		}
	}
}

// A bucket that holds exactly as many objects as are looked at was looked at whole.
func TestSampleThatIsAll(t *testing.T) {
	var bucket strings.Builder
	bucket.WriteString("    - name: telemetry\n      objects:\n")
	for i := range 1000 {
		fmt.Fprintf(&bucket, "      - {name: %04d.csv}\n", i)
	}
	c := collector(t, world(t, bucket.String()), api.Options{})
	found, err := list(t.Context(), c)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d buckets, %v", len(found), err)
	}
	ask(t, c, found[0], objectsCall)
	if gap := gapOf(found[0], objectsCall); gap != nil {
		t.Errorf("a gap: %+v", gap)
	}
}

// With --deep the policies of all managed folders are read.
func TestDeepFolders(t *testing.T) {
	var bucket strings.Builder
	bucket.WriteString("    - name: reports\n      iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}\n      managedFolders:\n")
	for i := range 60 {
		fmt.Fprintf(&bucket, "      - {name: f%02d/}\n", i)
	}
	bucket.WriteString("      - {name: zz/, policy: {bindings: [{role: roles/storage.objectViewer, members: [allUsers]}]}}\n")
	for deep, want := range map[bool]int{false: 50, true: 61} {
		transport := &counted{next: world(t, bucket.String())}
		c := collector(t, transport, api.Options{Deep: deep})
		found, err := list(t.Context(), c)
		if err != nil || len(found) != 1 {
			t.Fatalf("%d buckets, %v", len(found), err)
		}
		ask(t, c, found[0], foldersCall)
		if got := transport.count("storage:managedFolders.getIamPolicy"); got != want || deep != (len(found[0].Grants) == 1) {
			t.Errorf("deep=%t: %d policies read, want %d; grants %v", deep, got, want, found[0].Grants)
		}
	}
}

// Objects that come without their lists were not read.
func TestObjectsWithoutLists(t *testing.T) {
	c := collector(t, &cloud{answers: map[string]func(*http.Request) (int, string){
		listCall:    says(`{"items":[{"name":"telemetry","acl":[{"entity":"project-owners-111111111111","role":"OWNER"}],"projectNumber":"111111111111"}]}`),
		objectsCall: says(`{"items":[{"name":"a"},{"name":"b","acl":[{"entity":"project-owners-111111111111","role":"OWNER"}]}]}`),
	}}, api.Options{})
	found, err := list(t.Context(), c)
	if err != nil || len(found) != 1 || len(found[0].Gaps) != 0 {
		t.Fatalf("%d buckets, %v, %v", len(found), err, found)
	}
	ask(t, c, found[0], objectsCall)
	gap := gapOf(found[0], objectsCall)
	if gap == nil || gap.Reason != resource.Denied || !strings.HasPrefix(gap.Detail, "1 object came without") || exposure.Assess(found[0]).Most != exposure.Public {
		t.Errorf("the gap is %+v", gap)
	}
}

// One odd key of many does not count for less than it may be: a state that is not
// known is one that works.
func TestKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		answer       string
		active, days float64
	}{
		"none":          {`{"kind":"storage#hmacKeysMetadata"}`, 0, 0},
		"inactive":      {`{"items":[{"accessId":"GOOG1","state":"INACTIVE","timeCreated":"2010-01-01T00:00:00Z"}]}`, 0, 0},
		"one":           {`{"items":[{"accessId":"GOOG1","state":"ACTIVE","timeCreated":"2026-10-01T12:00:00Z"}]}`, 1, 30},
		"unknown state": {`{"items":[{"accessId":"GOOG1","state":"RESTING","timeCreated":"2026-10-31T00:00:00Z"},{"state":"ACTIVE","timeCreated":"2026-10-22T00:00:00Z"}]}`, 2, 10},
		"in the future": {`{"items":[{"accessId":"GOOG1","state":"ACTIVE","timeCreated":"2027-01-01T00:00:00Z"}]}`, 1, 0},
	} {
		c := collector(t, &cloud{answers: map[string]func(*http.Request) (int, string){
			listCall: says(`{"items":[{"name":"a"},{"name":"b"}]}`), "storage:projects.hmacKeys.list": says(tc.answer),
		}}, api.Options{})
		found, err := list(t.Context(), c)
		if err != nil || len(found) != 2 {
			t.Fatal(found, err)
		}
		for _, r := range found {
			ask(t, c, r, "storage:projects.hmacKeys.list")
			if r.Settings["active_hmac_keys"].Value != tc.active || r.Settings["oldest_hmac_key_days"].Value != tc.days {
				t.Errorf("%s: %v, want %v active, %v days", name, r.Settings, tc.active, tc.days)
			}
			if strings.Contains(fmt.Sprint(r), "GOOG1") {
				t.Errorf("%s: the id of a key comes out: %v", name, r)
			}
		}
	}
}

// The library's own emulator variable and credentials are none of ours: every
// request goes to Google's host, through the transport of the run.
func TestEnvironmentIsLeftAlone(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:1")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/key.json")
	all := &cloud{answers: map[string]func(*http.Request) (int, string){
		listCall: says(`{"items":[{"name":"a","acl":[{"entity":"project-owners-1","role":"OWNER"}]}]}`), objectsCall: says(`{}`),
		"storage:buckets.getIamPolicy": says(`{"kind":"storage#policy"}`), "storage:projects.hmacKeys.list": says(`{}`),
	}}
	c := collector(t, all, api.Options{})
	found, err := list(t.Context(), c)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	ask(t, c, found[0], "storage:buckets.getIamPolicy", objectsCall, "storage:projects.hmacKeys.list")
	if len(all.urls) != 4 {
		t.Errorf("%d requests: %q", len(all.urls), all.urls)
	}
	for _, url := range all.urls {
		if !strings.HasPrefix(url, "https://storage.googleapis.com/storage/v1/") {
			t.Errorf("a request goes to %s", url)
		}
	}
}

// A failed call is not tried again by the library: the transport of the run has
// decided that already.
func TestLibraryDoesNotRetry(t *testing.T) {
	all := &cloud{answers: map[string]func(*http.Request) (int, string){
		listCall:    says(`{"items":[{"name":"a","acl":[{"entity":"project-owners-1","role":"OWNER"}]}]}`),
		objectsCall: func(*http.Request) (int, string) { return http.StatusServiceUnavailable, `{"error":{"code":503}}` },
	}}
	c := collector(t, all, api.Options{})
	found, err := list(t.Context(), c)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	for _, q := range c.Questions(found[0]) {
		if q.Call == objectsCall {
			if err := q.Ask(t.Context(), found[0]); api.Status(err) != http.StatusServiceUnavailable {
				t.Errorf("the error is %v", err)
			}
		}
	}
	if n := all.count(objectsCall); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A run that does not look above the project says so on a bucket that strangers
// are let into, and on no other.
func TestBeyondTheProject(t *testing.T) {
	for bucket, want := range map[string]int{
		"    - {name: open, iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}, policy: {bindings: [{role: roles/storage.objectViewer, members: [allUsers]}]}}\n":                  1,
		"    - {name: shut, iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}, policy: {bindings: [{role: roles/storage.objectViewer, members: [\"projectOwner:tconnect\"]}]}}\n": 0,
	} {
		c := collector(t, world(t, bucket), api.Options{})
		found, err := list(t.Context(), c)
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		ask(t, c, found[0], "storage:buckets.getIamPolicy")
		n := len(slices.DeleteFunc(slices.Clone(found[0].Notes), func(note string) bool { return !strings.Contains(note, "guards above the project") }))
		if n != want {
			t.Errorf("%s: %q", found[0].Name, found[0].Notes)
		}
	}
}
