package hierarchy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
)

// estate answers requests by call and input, "iam:policies.get v2/…", with the
// body of an answer, or with a status and no more: "403". What it does not hold
// is empty.
type estate struct {
	mu      sync.Mutex
	answers map[string]string
	asked   map[string]int
}

// RoundTrip implements http.RoundTripper.
func (e *estate) RoundTrip(req *http.Request) (*http.Response, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	call, _ := collect.CallOf(req.Context())
	key := call.Name + " " + call.Input
	e.asked[key]++
	status, body := http.StatusOK, e.answers[key]
	if body == "" {
		body = "{}"
	}
	if code := 0; len(body) == 3 {
		_, _ = fmt.Sscan(body, &code)
		status, body = code, `{"error":{"message":"refused","status":"PERMISSION_DENIED"}}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

// without returns the same estate where one request comes to something else.
func (e *estate) without(key, answer string) *estate {
	answers := maps.Clone(e.answers)
	answers[key] = answer
	return &estate{answers: answers, asked: make(map[string]int)}
}

func newEstate() *estate {
	return &estate{answers: make(map[string]string), asked: make(map[string]int)}
}

const (
	ancestryKey   = "cloudresourcemanager:projects.getAncestry v1/projects/tconnect:getAncestry"
	policiesKey   = "accesscontextmanager:accessPolicies.list v1/accessPolicies?parent=organizations%2F9"
	perimetersKey = "accesscontextmanager:accessPolicies.servicePerimeters.list v1/accessPolicies/77/servicePerimeters"
)

const inFolder = `{"ancestor":[{"resourceId":{"type":"project","id":"tconnect"}},{"resourceId":{"type":"folder","id":"5"}},{"resourceId":{"type":"organization","id":"9"}}]}`

func listKey(point string) string {
	return "iam:policies.listPolicies v2/policies/cloudresourcemanager.googleapis.com%2F" + strings.ReplaceAll(point, "/", "%2F") + "/denypolicies"
}

func getKey(point, id string) string {
	return strings.Replace(listKey(point), "listPolicies", "get", 1) + "/" + id
}

// deny attaches a policy.
func (e *estate) deny(t rapid.TB, point, id string, rules ...any) {
	var listing struct {
		Policies []map[string]string `json:"policies"`
	}
	if old := e.answers[listKey(point)]; old != "" {
		if err := json.Unmarshal([]byte(old), &listing); err != nil {
			t.Fatal(err)
		}
	}
	name := "policies/cloudresourcemanager.googleapis.com%2F" + strings.ReplaceAll(point, "/", "%2F") + "/denypolicies/" + id
	listing.Policies = append(listing.Policies, map[string]string{"name": name, "kind": "DenyPolicy"})
	e.answers[listKey(point)] = text(listing)
	e.answers[getKey(point, id)] = text(map[string]any{"name": name, "kind": "DenyPolicy", "rules": rules})
}

// perimeters sets the perimeters of the organisation's only access policy.
func (e *estate) perimeters(all ...any) {
	e.answers[policiesKey] = `{"accessPolicies":[{"name":"accessPolicies/77","parent":"organizations/9"}]}`
	e.answers[perimetersKey] = text(map[string]any{"servicePerimeters": all})
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

type object = map[string]any

// client reaches the estate and knows the number of the project.
func (e *estate) client(t rapid.TB, ancestors bool) *api.Client {
	c, err := api.Open(context.Background(), api.Options{Offline: true, Transport: e, Ancestors: ancestors, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	c.Know("tconnect", "111")
	return c
}

// bucket is a kind with every channel there is, and every call declared to
// shield them all.
var bucket = collect.MustParseKind([]byte(`
kind: gcp.test.bucket
class: bucket
title: A bucket
public: Anybody reads it.
channels: {policy: IAM, named-policy: IAM by name, acl: ACL, named-acl: ACL by name, network: an address}
lists: [{call: "storage:buckets.list", permission: storage.buckets.list}]
reads:
` + reading("iam:policies.listPolicies") + reading("iam:policies.get") + reading("cloudresourcemanager:projects.getAncestry") +
	reading("accesscontextmanager:accessPolicies.list") + reading("accesscontextmanager:accessPolicies.servicePerimeters.list") + `
references: [https://example.com]
`))

func reading(call string) string {
	return fmt.Sprintf("- {call: %q, permission: x, shared: true, shields: [{on: [policy, named-policy, acl, named-acl], cap: {reach: private, credential: own}}]}\n", call)
}

var guarded = hierarchy.Guarded{
	Service: "storage.googleapis.com", Store: "storage.bucket",
	Open: []resource.Channel{"policy"}, Named: []resource.Channel{"named-policy"},
}

// examine asks every question about a store of the estate and returns it.
func (e *estate) examine(t rapid.TB, ancestors bool, g hierarchy.Guarded) *resource.Resource {
	t.Helper()
	r := &resource.Resource{Name: "telemetry"}
	for _, q := range hierarchy.Of(e.client(t, ancestors), "tconnect").Questions(bucket, g) {
		if err := q.Ask(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// told spells the guards and the gaps of a store, one a line, sorted.
func told(r *resource.Resource) []string {
	var lines []string
	for _, g := range r.Guards {
		lines = append(lines, fmt.Sprintf("%s: %s on %v, can %v", g.Name, g.Cap.Reach, g.On, g.Can))
	}
	for _, g := range r.Gaps {
		line := fmt.Sprintf("%s %s: %s:", g.Call, g.Reason, g.Detail)
		for _, s := range g.Shields {
			line += fmt.Sprintf(" %s on %v, can %v", s.Cap.Reach, s.On, s.Can)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}
