package iampolicy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cloud answers by call, with the asked project for PROJECT; what it does not hold is refused.
type cloud map[string]string

func (c cloud) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	_, project, _ := strings.Cut(req.URL.Path, "projects/")
	project, _, _ = strings.Cut(project, ":")
	status, body := http.StatusOK, strings.ReplaceAll(c[call.Name], "PROJECT", project)
	if body == "" {
		status, body = http.StatusForbidden, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

var now = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

func reach(t interface {
	Helper()
	Fatal(...any)
}, c cloud,
) *api.Client {
	t.Helper()
	client, err := api.Open(context.WithoutCancel(context.TODO()), api.Options{
		Offline: true, Transport: c, Attempts: 1, Now: func() time.Time { return now }, Ancestors: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	client.Know("tconnect", "111111111111")
	return client
}

func bucket(c *api.Client) iampolicy.Subject {
	return iampolicy.Subject{
		Client: c, Project: "tconnect", Store: "storage.bucket", Service: "storage.googleapis.com", Type: "storage.googleapis.com/Bucket",
		Name: "projects/_/buckets/telemetry", Anonymity: iampolicy.AnonymousAnswered,
	}
}

var source = iampolicy.Source{Call: "storage:buckets.getIamPolicy", Of: "telemetry", Open: "policy", Named: "named-policy"}

func judge(t *testing.T, c cloud, bindings ...iampolicy.Binding) *resource.Resource {
	t.Helper()
	r := new(resource.Resource)
	iampolicy.NewStore(bucket(reach(t, c))).Add(t.Context(), r, &iampolicy.Policy{Bindings: bindings}, source)
	return r
}

func TestAdd(t *testing.T) {
	const viewer = "roles/storage.objectViewer"
	for name, c := range map[string]struct {
		cloud   cloud
		binding iampolicy.Binding
		want    string
	}{
		"anybody":           {binding: iampolicy.Binding{Role: viewer, Members: []string{"allUsers"}}, want: "public"},
		"every account":     {binding: iampolicy.Binding{Role: viewer, Members: []string{"allAuthenticatedUsers"}}, want: "tenant"},
		"both":              {binding: iampolicy.Binding{Role: viewer, Members: []string{"allAuthenticatedUsers", "allUsers"}}, want: "public"},
		"the owner's own":   {binding: iampolicy.Binding{Role: viewer, Members: []string{"projectViewer:tconnect", "serviceAccount:a@tconnect.iam.gserviceaccount.com"}}, want: "private"},
		"another project":   {binding: iampolicy.Binding{Role: viewer, Members: []string{"serviceAccount:a@partner.iam.gserviceaccount.com"}}, want: "shared"},
		"somebody":          {binding: iampolicy.Binding{Role: viewer, Members: []string{"user:ann@example.com"}}, want: "private..shared"},
		"a role of nothing": {binding: iampolicy.Binding{Role: "roles/browser", Members: []string{"allUsers"}}, want: "private"},
		"a role of tomorrow": {
			binding: iampolicy.Binding{Role: "roles/storage.tomorrow", Members: []string{"allUsers"}}, want: "private..public",
		},
		"a role of tomorrow for every account": {
			binding: iampolicy.Binding{Role: "roles/storage.tomorrow", Members: []string{"allAuthenticatedUsers"}}, want: "private..tenant",
		},
		"a role of tomorrow for the owner": {
			binding: iampolicy.Binding{Role: "roles/storage.tomorrow", Members: []string{"projectOwner:tconnect"}}, want: "private",
		},
		"a member of tomorrow": {binding: iampolicy.Binding{Role: viewer, Members: []string{"robot:all"}}, want: "private..public"},
		"a member in another case": {
			binding: iampolicy.Binding{Role: viewer, Members: []string{"AllUsers"}}, want: "private..public",
		},
		"an own role that reads": {
			cloud:   cloud{"iam:projects.roles.get": `{"name":"projects/tconnect/roles/x","includedPermissions":["storage.objects.get"]}`},
			binding: iampolicy.Binding{Role: "projects/tconnect/roles/x", Members: []string{"allUsers"}}, want: "public",
		},
		"an own role that does nothing here": {
			cloud:   cloud{"iam:organizations.roles.get": `{"name":"organizations/1/roles/x","includedPermissions":["pubsub.topics.publish"]}`},
			binding: iampolicy.Binding{Role: "organizations/1/roles/x", Members: []string{"allUsers"}}, want: "private",
		},
		"an own role that is disabled": {
			cloud:   cloud{"iam:projects.roles.get": `{"name":"projects/tconnect/roles/x","stage":"DISABLED","includedPermissions":["storage.objects.get"]}`},
			binding: iampolicy.Binding{Role: "projects/tconnect/roles/x", Members: []string{"allUsers"}}, want: "private",
		},
		"an own role that cannot be read": {
			binding: iampolicy.Binding{Role: "projects/tconnect/roles/x", Members: []string{"allUsers"}}, want: "private..public",
		},
		"an own role, answered with nothing": {
			cloud:   cloud{"iam:projects.roles.get": `{}`},
			binding: iampolicy.Binding{Role: "projects/tconnect/roles/x", Members: []string{"allUsers"}}, want: "private..public",
		},
		"until last year": {binding: iampolicy.Binding{
			Role: viewer, Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `request.time < timestamp("2026-01-01T00:00:00Z")`},
		}, want: "private"},
		"until next year": {binding: iampolicy.Binding{
			Role: viewer, Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `request.time < timestamp("2027-01-01T00:00:00Z")`},
		}, want: "public"},
		"from next year": {binding: iampolicy.Binding{
			Role: viewer, Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `request.time > timestamp("2027-01-01T00:00:00Z")`},
		}, want: "private"},
		"at other hours": {binding: iampolicy.Binding{
			Role: viewer, Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `request.time. getHours("UTC") >= 9`},
		}, want: "private..public"},
		"at other hours, by the text of the time": {binding: iampolicy.Binding{
			Role: viewer, Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `string(request.time).contains("T15:")`},
		}, want: "private..public"},
		"at other hours, with a role of nothing": {binding: iampolicy.Binding{
			Role: "roles/browser", Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `request.time.getHours("UTC") >= 9`},
		}, want: "private"},
		"by a custom role that is named like one with a condition": {
			cloud:   cloud{"iam:projects.roles.get": `{"name":"projects/tconnect/roles/reader_withcond_a1","includedPermissions":["storage.objects.get"]}`},
			binding: iampolicy.Binding{Role: "projects/tconnect/roles/reader_withcond_a1", Members: []string{"allUsers"}}, want: "public",
		},
		"by a role that is marked as conditional": {
			binding: iampolicy.Binding{Role: "roles/storage.objectViewer_withcond_a1", Members: []string{"allUsers"}}, want: "private..public",
		},
		"whoever a pool takes": {
			binding: iampolicy.Binding{Role: viewer, Members: []string{"principalSet://iam.googleapis.com/projects/111111111111/locations/global/workloadIdentityPools/github/*"}},
			want:    "private..public",
		},
		"where a tag is": {binding: iampolicy.Binding{
			Role: viewer, Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `resource.matchTag("1/env", "prod")`},
		}, want: "private..public"},
		"under a condition that is none": {binding: iampolicy.Binding{
			Role: viewer, Members: []string{"allUsers"}, Condition: &iampolicy.Condition{Expression: `((`},
		}, want: "private..public"},
	} {
		t.Run(name, func(t *testing.T) {
			r := judge(t, c.cloud, c.binding)
			if got := exposure.Assess(r).Range.String(); got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, r)
			}
			for _, g := range r.Grants {
				if len(g.Because) != 2 || g.Because[0].Pointer == "" || g.Because[0].Quote == "" {
					t.Errorf("nothing proves %+v", g)
				}
			}
		})
	}
}

// TestOneOddBindingHidesNoOther: whatever stands beside it, a binding to anybody
// is found.
func TestOneOddBindingHidesNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bindings := rapid.SliceOfN(rapid.Custom(anyBinding), 0, 4).Draw(t, "others")
		open := iampolicy.Binding{Role: "roles/storage.objectViewer", Members: append(rapid.SliceOfN(rapid.String(), 0, 2).Draw(t, "before"), "allUsers")}
		bindings = slices.Insert(bindings, rapid.IntRange(0, len(bindings)).Draw(t, "at"), open)
		r := new(resource.Resource)
		iampolicy.NewStore(bucket(reach(t, nil))).Add(context.Background(), r, &iampolicy.Policy{Bindings: bindings}, source)
		if got := exposure.Assess(r).Least; got != exposure.Public {
			t.Fatalf("%v in %+v", got, bindings)
		}
	})
}

// TestForgettingWidens: a role, a member or a condition that nobody knows is never
// safer than the known one in its place.
func TestForgettingWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := anyBinding(t)
		known := assess(t, b)
		switch rapid.IntRange(0, 2).Draw(t, "what") {
		case 0:
			b.Role = "roles/storage.tomorrow"
		case 1:
			for i := range b.Members {
				b.Members[i] = "robot:" + b.Members[i]
			}
		default:
			b.Condition = &iampolicy.Condition{Expression: `resource.matchTag("1/env", "prod")`}
		}
		if forgot := assess(t, b); forgot.Most < known.Least {
			t.Fatalf("%v became %v with %+v", known, forgot, b)
		}
	})
}

func assess(t *rapid.T, b iampolicy.Binding) exposure.Range {
	r := new(resource.Resource)
	iampolicy.NewStore(bucket(reach(t, nil))).Add(context.Background(), r, &iampolicy.Policy{Bindings: []iampolicy.Binding{b}}, source)
	return exposure.Assess(r).Range
}

func anyBinding(t *rapid.T) iampolicy.Binding {
	b := iampolicy.Binding{
		Role: rapid.SampledFrom([]string{"roles/storage.objectViewer", "roles/browser", "roles/owner", "roles/storage.tomorrow", "", "projects/p/roles/x"}).Draw(t, "role"),
		Members: rapid.SliceOfN(rapid.SampledFrom([]string{
			"allUsers", "allAuthenticatedUsers", "user:a@b.example", "projectOwner:tconnect", "deleted:user:x?uid=1", "domain:b.example", "", "x",
		}), 0, 3).Draw(t, "members"),
	}
	if rapid.Bool().Draw(t, "conditional") {
		b.Condition = &iampolicy.Condition{Expression: rapid.SampledFrom([]string{"true", "false", "request.time > timestamp('2020-01-01T00:00:00Z')", "((", "destination.port == 1"}).Draw(t, "condition")}
	}
	return b
}

func TestAnonymity(t *testing.T) {
	for anonymity, want := range map[iampolicy.Anonymity]string{
		iampolicy.AnonymousAnswered: "public", iampolicy.AnonymousRefused: "tenant", iampolicy.AnonymityUndocumented: "tenant..public",
	} {
		subject := bucket(reach(t, nil))
		subject.Anonymity = anonymity
		r := new(resource.Resource)
		iampolicy.NewStore(subject).Add(t.Context(), r, &iampolicy.Policy{Bindings: []iampolicy.Binding{{Role: "roles/storage.objectViewer", Members: []string{"allUsers"}}}}, source)
		if got := exposure.Assess(r).Range.String(); got != want {
			t.Errorf("%d: %s, want %s", anonymity, got, want)
		}
		if w := r.Grants[0].Witness; w == nil || w.Action != "storage.objects.get" || w.Resource != "projects/_/buckets/telemetry" {
			t.Errorf("%+v", w)
		}
	}
}

var shared = collect.MustParseKind([]byte(`
kind: gcp.test.store
class: bucket
title: a store
public: when it is
channels: {policy: grants, named-policy: grants}
lists: [{call: "storage:buckets.list", permission: storage.buckets.list}]
reads:
  - call: cloudkms:projects.locations.keyRings.getIamPolicy
    permission: cloudkms.keyRings.getIamPolicy
    hides: [{via: policy, to: {reach: internet, credential: none}}]
  - {call: "iam:policies.listPolicies", permission: iam.denypolicies.list, shared: true}
  - {call: "iam:policies.get", permission: iam.denypolicies.get, shared: true}
  - call: cloudresourcemanager:organizations.get
    permission: resourcemanager.organizations.get
    shared: true
    hides: [{via: named-policy, to: {reach: listed, credential: named}}]
references: [x]
`))

// TestOrganisation: whose principals are named is asked only while one is that
// only the organisation can place.
func TestOrganisation(t *testing.T) {
	world := cloud{
		"cloudresourcemanager:projects.getAncestry": `{"ancestor":[{"resourceId":{"type":"project","id":"PROJECT"}},{"resourceId":{"type":"organization","id":"1"}}]}`,
		"cloudresourcemanager:organizations.get":    `{"name":"organizations/1","displayName":"example.com","directoryCustomerId":"C1"}`,
	}
	for name, c := range map[string]struct {
		member string
		asks   bool
		want   string
	}{
		"nobody in particular":       {"allUsers", false, "public"},
		"another project":            {"serviceAccount:a@partner.iam.gserviceaccount.com", false, "shared"},
		"a project of this audit":    {"serviceAccount:a@second.iam.gserviceaccount.com", true, "private"},
		"a user of the organisation": {"user:ann@example.com", true, "private"},
		"a consumer account":         {"user:eve@gmail.com", true, "shared"},
		"a user of another domain":   {"user:bob@partner.example", true, "private..shared"},
	} {
		t.Run(name, func(t *testing.T) {
			client := reach(t, world)
			client.Know("second", "222222222222")
			store, r := iampolicy.NewStore(bucket(client)), new(resource.Resource)
			question := store.Organisation(shared)
			store.Add(t.Context(), r, &iampolicy.Policy{Bindings: []iampolicy.Binding{{Role: "roles/storage.objectViewer", Members: []string{c.member}}}}, source)
			if (len(question.Hides) > 0) != c.asks {
				t.Errorf("asks: %t, want %t", len(question.Hides) > 0, c.asks)
			}
			if c.asks {
				if err := question.Ask(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			if got := exposure.Assess(r).Range.String(); got != c.want {
				t.Errorf("%s, want %s: %+v", got, c.want, r)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		`{"etag":"ACAB"}`: "0 bindings", `{"kind":"storage#policy","bindings":[]}`: "0 bindings", `{"version":1}`: "0 bindings",
		`{"bindings":[{"role":"r","members":["allUsers"]}]}`: "1 bindings",
		`{}`: "malformed", `[]`: "malformed", `{"bindings":null,"etag":null,"version":null}`: "malformed", `null`: "malformed", `{"bindings":5}`: "malformed", `{"bindings":[{"members":"allUsers"}]}`: "malformed",
		`{"items":[]}`: "malformed",
	} {
		p, err := iampolicy.Decode("c", json.RawMessage(text))
		got := "malformed"
		if err == nil {
			got = fmt.Sprintf("%d bindings", len(p.Bindings))
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestPath(t *testing.T) {
	for _, c := range []struct{ call, name, want string }{
		{"pubsub:projects.topics.getIamPolicy", "projects/p/topics/t", "v1/projects/p/topics/t:getIamPolicy"},
		{"pubsub:projects.topics.getIamPolicy", "projects/p/topics/a b%:c", "v1/projects/p/topics/a%20b%25%3Ac:getIamPolicy"},
		{"compute:disks.getIamPolicy", "projects/p/zones/z/disks/d", "compute/v1/projects/p/zones/z/disks/d/getIamPolicy"},
		{"compute:images.getIamPolicy", "projects/p/global/images/i", "compute/v1/projects/p/global/images/i/getIamPolicy"},
		{"cloudkms:projects.locations.keyRings.getIamPolicy", "projects/p/locations/l/keyRings/r", "v1/projects/p/locations/l/keyRings/r:getIamPolicy"},
		{"compute:disks.getIamPolicy", "projects/p/regions/z/disks/d", ""},
		{"pubsub:projects.topics.getIamPolicy", "projects/p/topics", ""},
		{"pubsub:projects.topics.getIamPolicy", "projects/p/topics/t/more", ""},
		{"pubsub:projects.topics.getIamPolicy", "", ""},
		{"pubsub:projects.topics.getIamPolicy", "projects//topics/t", ""},
	} {
		got, err := iampolicy.Path(c.call, c.name)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s of %q: %q, %v; want %q", c.call, c.name, got, err, c.want)
		}
	}
}

func TestAncestor(t *testing.T) {
	got, err := iampolicy.Ancestor("cloudkms:projects.locations.keyRings.getIamPolicy", "projects/p/locations/l/keyRings/r/cryptoKeys/k")
	if err != nil || got != "projects/p/locations/l/keyRings/r" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := iampolicy.Ancestor("cloudkms:projects.locations.keyRings.getIamPolicy", "projects/p"); err == nil {
		t.Errorf("%q", got)
	}
}
