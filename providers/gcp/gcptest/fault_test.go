package gcptest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// oneOfEach is one call of each form that answers come in.
var oneOfEach = map[string]string{
	"pubsub":           "GET pubsub.googleapis.com/v1/projects/tconnect/topics",
	"storage":          "GET storage.googleapis.com/storage/v1/b?project=tconnect",
	"bigquery":         "GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets",
	"compute":          "GET compute.googleapis.com/compute/v1/projects/tconnect/global/images",
	"sqladmin":         "GET sqladmin.googleapis.com/v1/projects/tconnect/instances",
	"resource manager": "GET cloudresourcemanager.googleapis.com/v3/projects:search",
}

// Each fault is what the service itself would answer.
func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		kind          FaultKind
		service       string
		status        int
		code, message string // the reason of a list of errors, or the status
	}{
		{AccessDenied, "pubsub", 403, "PERMISSION_DENIED", "pubsub.topics.list"},
		{AccessDenied, "storage", 403, "forbidden", "storage.buckets.list"},
		{AccessDenied, "bigquery", 403, "accessDenied", "bigquery.datasets.get"},
		{AccessDenied, "compute", 403, "forbidden", "compute.images.list"},
		{AccessDenied, "sqladmin", 403, "notAuthorized", "cloudsql.instances.list"},
		{AccessDenied, "resource manager", 403, "PERMISSION_DENIED", "resourcemanager.projects.get"},
		{Perimeter, "pubsub", 403, "PERMISSION_DENIED", "vpcServiceControlsUniqueIdentifier: "},
		{Perimeter, "storage", 403, "vpcServiceControls", "vpcServiceControlsUniqueIdentifier: "},
		{Throttle, "pubsub", 429, "RESOURCE_EXHAUSTED", "Quota exceeded"},
		{Throttle, "storage", 429, "rateLimitExceeded", "Quota exceeded"},
		{Throttle, "bigquery", 403, "rateLimitExceeded", "Quota exceeded"},
		{Throttle, "compute", 403, "rateLimitExceeded", "Quota exceeded"},
		{InternalError, "pubsub", 500, "INTERNAL", "Internal error"},
		{InternalError, "storage", 500, "internalError", "Internal error"},
		{NotFound, "pubsub", 404, "NOT_FOUND", "projects/tconnect"},
		{NotFound, "storage", 404, "notFound", "projects/tconnect"},
	} {
		c := startExample(t, WithFault(Fault{Call: "*", Kind: tc.kind}))
		a := c.do(t, oneOfEach[tc.service])
		var body struct {
			Error struct {
				Code            int
				Message, Status string
				Errors          []struct{ Reason, Message, Domain string }
				Details         []struct{ Reason string }
			}
		}
		err := json.NewDecoder(a.Body).Decode(&body)
		_ = a.Body.Close()
		e := body.Error
		code := e.Status
		if len(e.Errors) == 1 {
			code = e.Errors[0].Reason
			if e.Errors[0].Message != e.Message || e.Errors[0].Domain != "global" {
				t.Errorf("%s of %s: %+v", tc.kind, tc.service, e)
			}
		}
		if err != nil || a.StatusCode != tc.status || e.Code != tc.status || code != tc.code || !strings.Contains(e.Message, tc.message) {
			t.Errorf("%s of %s: %d %+v, %v", tc.kind, tc.service, a.StatusCode, e, err)
		}
		if tc.kind == Perimeter && e.Details[1].Reason != "SECURITY_POLICY_VIOLATED" {
			t.Errorf("%+v", e)
		}
		if retry := a.Header.Get("Retry-After"); (tc.kind == Throttle) != (retry == "1") {
			t.Errorf("%s of %s: Retry-After %q", tc.kind, tc.service, retry)
		}
		if log := c.Log(); len(log) != 1 || log[0].Fault != tc.kind || log[0].Status != tc.status {
			t.Errorf("%v", log)
		}
	}
}

// Answers that are none are none in every form.
func TestSpoiltAnswers(t *testing.T) {
	for name, what := range oneOfEach {
		for kind, readable := range map[FaultKind]bool{Truncated: false, NotJSON: false, WrongType: true, Latency: true} {
			c := startExample(t, WithFault(Fault{Call: "*", Kind: kind, Latency: time.Millisecond}))
			status, body := c.ask(t, what)
			var document object
			err := json.Unmarshal([]byte(body), &document)
			if status != http.StatusOK || (err == nil) != readable {
				t.Errorf("%s of %s: %d %s", kind, name, status, body)
			}
			for key, value := range document {
				if kind == WrongType && value != "unexpected" && value != 7.0 {
					t.Errorf("%s of %s: %s is still %v", kind, name, key, value)
				}
			}
		}
	}
	c := startExample(t, WithFault(Fault{Call: "*", Kind: WrongType}))
	if _, body := c.ask(t, "GET pubsub.googleapis.com/v1/projects/sandbox/topics"); body != `["unexpected"]` {
		t.Errorf("an empty answer of the wrong type: %s", body)
	}
}

func TestFaultIsNarrow(t *testing.T) {
	const what = "GET pubsub.googleapis.com/v1/projects/111111111111/topics/orders:getIamPolicy"
	for _, tc := range []struct {
		fault Fault
		want  int
	}{
		{Fault{Call: "pubsub:projects.topics.getIamPolicy"}, 403},
		{Fault{Call: "pubsub:*"}, 403},
		{Fault{Call: "*.getIamPolicy", Subject: "*orders"}, 403},
		{Fault{Call: "*", Subject: "projects/tconnect/*", Project: "tconnect"}, 403},
		{Fault{Call: "pubsub:projects.topics.list"}, 200},
		{Fault{Call: "*", Subject: "orders"}, 200},
		{Fault{Call: "*", Subject: "*order"}, 200},
		{Fault{Call: "*", Project: "sandbox"}, 200},
	} {
		tc.fault.Kind = AccessDenied
		if status, body := startExample(t, WithFault(tc.fault)).ask(t, what); status != tc.want {
			t.Errorf("%+v: %d %s", tc.fault, status, body)
		}
	}
}

// A subject names what is asked about: a thing, or what is listed below.
func TestSubjects(t *testing.T) {
	c := startExample(t)
	for what, want := range map[string]string{
		"GET storage.googleapis.com/storage/v1/b?project=111111111111":                                                      "projects/tconnect",
		"GET storage.googleapis.com/storage/v1/b/private/o":                                                                 "private",
		"GET storage.googleapis.com/storage/v1/b/telemetry-2013/managedFolders/reports%2F/iam":                              "telemetry-2013/managedFolders/reports/",
		"GET storage.googleapis.com/storage/v1/projects/tconnect/hmacKeys":                                                  "projects/tconnect",
		"GET pubsub.googleapis.com/v1/projects/tconnect/topics":                                                             "projects/tconnect",
		"GET pubsub.googleapis.com/v1/projects/tconnect/topics/orders:getIamPolicy":                                         "projects/tconnect/topics/orders",
		"GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings/ring/cryptoKeys":                        "projects/tconnect/locations/global/keyRings/ring",
		"GET compute.googleapis.com/compute/v1/projects/tconnect/aggregated/disks":                                          "projects/tconnect",
		"GET compute.googleapis.com/compute/v1/projects/tconnect/zones/us-east1-b/disks/data/getIamPolicy":                  "projects/tconnect/zones/us-east1-b/disks/data",
		"GET compute.googleapis.com/compute/v1/projects/tconnect/global/images/golden/getIamPolicy":                         "projects/tconnect/global/images/golden",
		"POST bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales/tables/orders:getIamPolicy":              "projects/tconnect/datasets/sales/tables/orders",
		"GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales/tables":                                   "projects/tconnect/datasets/sales",
		"GET sqladmin.googleapis.com/v1/projects/tconnect/instances":                                                        "projects/tconnect",
		"POST cloudresourcemanager.googleapis.com/v1/projects/111111111111:getAncestry":                                     "projects/tconnect",
		"GET cloudresourcemanager.googleapis.com/v3/projects?parent=folders/500000000001":                                   "folders/500000000001",
		"GET cloudresourcemanager.googleapis.com/v3/projects:search":                                                        "",
		"GET orgpolicy.googleapis.com/v2/projects/111111111111/policies/a.b:getEffectivePolicy":                             "projects/tconnect/policies/a.b",
		"GET iam.googleapis.com/v1/organizations/900000000001/roles/reader":                                                 "organizations/900000000001/roles/reader",
		"GET iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2F111111111111/denypolicies":     "projects/tconnect",
		"GET iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Ffolders%2F500000000001/denypolicies/none": "folders/500000000001/denypolicies/none",
		"GET accesscontextmanager.googleapis.com/v1/accessPolicies/77/servicePerimeters":                                    "accessPolicies/77",
	} {
		_, _ = c.ask(t, what)
		if log := c.Log(); log[len(log)-1].Subject != want {
			t.Errorf("%s is about %q, want %q", what, log[len(log)-1].Subject, want)
		}
	}
}

// A fault that is met a number of times is met so often by each question, and
// each page of a listing is one.
func TestTimes(t *testing.T) {
	c := startExample(t, WithFault(Fault{Call: "pubsub:*", Kind: Throttle, Times: 2}))
	for _, what := range []string{
		"GET pubsub.googleapis.com/v1/projects/tconnect/topics", "GET pubsub.googleapis.com/v1/projects/tconnect/snapshots",
		"GET pubsub.googleapis.com/v1/projects/sandbox/topics",
	} {
		for i, want := range []int{429, 429, 200, 200} {
			if status, _ := c.ask(t, what); status != want {
				t.Errorf("%s, the %d. time: %d", what, i+1, status)
			}
		}
	}
}

// What is unreachable is left out and told, each service in its own words.
func TestUnreachable(t *testing.T) {
	c := startExample(t, WithFault(
		Fault{Call: "storage:*", Kind: Unreachable, Names: []string{"projects/_/buckets/private"}},
		Fault{Call: "compute:*", Kind: Unreachable, Names: []string{"zones/us-east1-b"}},
		Fault{Call: "bigquery:*", Kind: Unreachable, Names: []string{"US"}},
		Fault{Call: "spanner:*", Kind: Unreachable, Names: []string{"projects/tconnect/instances/cars"}},
		Fault{Call: "bigtableadmin:*", Kind: Unreachable, Names: []string{"projects/tconnect/locations/us-east1"}},
		Fault{Call: "*", Kind: Unreachable, Names: []string{"projects/tconnect"}},
	))
	const buckets = "GET storage.googleapis.com/storage/v1/b?project=tconnect"
	if status, body := c.ask(t, buckets); status != http.StatusServiceUnavailable {
		t.Errorf("who does not ask for a part: %d %s", status, body)
	}
	partial := c.get(t, buckets+"&returnPartialSuccess=true")
	same(t, texts(partial["items"], "name"), []string{"telemetry-2013"})
	same(t, partial["unreachable"], []any{"projects/_/buckets/private"})

	disks := c.get(t, "GET compute.googleapis.com/compute/v1/projects/tconnect/aggregated/disks")
	same(t, disks["unreachables"], []any{"zones/us-east1-b"})
	items, _ := disks["items"].(object)
	zone, _ := items["zones/us-east1-b"].(object)
	warned, _ := zone["warning"].(object)
	if zone["disks"] != nil || warned["code"] != "UNREACHABLE" {
		t.Errorf("%v", zone)
	}
	datasets := c.get(t, "GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets")
	same(t, []any{datasets["datasets"], datasets["unreachable"]}, []any{nil, []any{"US"}})
	instances := c.get(t, "GET spanner.googleapis.com/v1/projects/tconnect/instances")
	same(t, instances, object{"unreachable": []any{"projects/tconnect/instances/cars"}})
	wide := c.get(t, "GET bigtableadmin.googleapis.com/v2/projects/tconnect/instances")
	same(t, wide["failedLocations"], []any{"projects/tconnect/locations/us-east1"})
	same(t, texts(wide["instances"], "name"), []string{"projects/tconnect/instances/wide"})

	// What has no words for it says all.
	same(t, len(texts(c.get(t, "GET pubsub.googleapis.com/v1/projects/tconnect/topics")["topics"], "name")), 1)
}

// Who lacks a permission does not see what needs it either.
func TestLacksPermission(t *testing.T) {
	const ipFilter = "storage.buckets.getIpFilter"
	const ask = "GET storage.googleapis.com/storage/v1/b/private/iam/testPermissions?permissions=storage.objects.list&permissions=" + ipFilter
	for _, tc := range []struct {
		fault    Fault
		has      any
		filtered bool
	}{
		{Fault{Names: []string{ipFilter}}, []any{"storage.objects.list"}, false},
		{Fault{Subject: "priv*"}, nil, false},
		{Fault{Subject: "other"}, []any{"storage.objects.list", ipFilter}, true},
		{Fault{Project: "sandbox"}, []any{"storage.objects.list", ipFilter}, true},
	} {
		tc.fault.Call, tc.fault.Kind = "storage:*", LacksPermission
		c := startExample(t, WithFault(tc.fault))
		same(t, c.get(t, ask)["permissions"], tc.has)
		list, _ := c.get(t, "GET storage.googleapis.com/storage/v1/b?project=tconnect&projection=full")["items"].([]any)
		b, _ := list[0].(object)
		if b["name"] != "private" || (b["ipFilter"] != nil) != tc.filtered {
			t.Errorf("%+v: %v", tc.fault, b)
		}
	}
}

// A call that hangs ends when the client gives up, and when the server stops.
func TestTimeout(t *testing.T) {
	for _, kind := range []FaultKind{Timeout, Hang} {
		c := startExample(t, WithFault(Fault{Call: "*", Kind: kind}))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://cloudresourcemanager.googleapis.com/v1/projects/tconnect:getAncestry", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.client.Do(r)
		cancel()
		if err == nil {
			_ = a.Body.Close()
			t.Errorf("%s answered", kind)
		}
		if log := c.Log(); len(log) != 1 || log[0].Status != 0 {
			t.Errorf("%v", log)
		}
	}
}
