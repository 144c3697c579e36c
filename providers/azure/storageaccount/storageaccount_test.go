package storageaccount

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/perimeter"
)

const subscription = "aaaaaaaa-0000-0000-0000-000000000001"

// cloud answers calls by name; what it has no answer to is an empty list.
type cloud map[string]struct {
	status int
	body   string
}

func (c cloud) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	status, body := http.StatusOK, `{"value":[]}`
	if found, ok := c[call.Name]; ok {
		status, body = found.status, found.body
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

func listing(kind, properties string) string {
	return `{"value":[{"id":"/subscriptions/` + subscription + `/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/telemetry","name":"telemetry","kind":"` +
		kind + `","properties":` + properties + `}]}`
}

const (
	off       = `{"properties":{"cors":{"corsRules":[]},"staticWebsite":{"enabled":false}}}`
	public    = `{"value":[{"name":"telemetry","properties":{"publicAccess":"Container"}},{"name":"alpha","properties":{"publicAccess":"Container"}}]}`
	endpoints = `"primaryEndpoints":{"blob":"https://telemetry.z1.blob.storage.azure.net/","web":"https://telemetry.z1.web.storage.azure.net/"}`
)

// listed is the only account of a cloud, and the questions about it.
func listed(t *testing.T, c cloud) (*arm.Client, *resource.Resource, []*collect.Question) {
	t.Helper()
	client, err := arm.Open(t.Context(), arm.Options{
		Transport: c, Offline: true, Attempts: 1, Backoff: func(int) time.Duration { return 0 }, Now: func() time.Time { return time.Unix(0, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	client.Know(arm.Subscription{ID: subscription, Tenant: "11111111-1111-1111-1111-111111111111"})
	of := New(client, resource.Scope{Provider: "azure", Account: subscription})
	for r, err := range of.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		return client, r, of.Questions(r)
	}
	t.Fatal("nothing is listed")
	return nil, nil, nil
}

// ask asks questions in an order of calls, and turns refusals into gaps, as a run
// does.
func ask(t *testing.T, client *arm.Client, r *resource.Resource, questions []*collect.Question, calls ...string) {
	t.Helper()
	for _, call := range calls {
		i := slices.IndexFunc(questions, func(q *collect.Question) bool { return q.Call == call })
		if i < 0 {
			t.Fatalf("%s is not asked", call)
		}
		if err := questions[i].Ask(t.Context(), r); err != nil {
			refusal := client.Refusal(err)
			r.Gaps = append(r.Gaps, questions[i].Gap(refusal.Reason, refusal.Detail))
		}
	}
}

const opensAnywhere = `{"value":[{"name":"p","properties":{"provisioningState":"Succeeded","networkSecurityPerimeter":{"perimeterGuid":"5e1b"},` +
	`"resourceAssociation":{"accessMode":"Enforced"},"profile":{"accessRules":[{"name":"r","properties":{"direction":"Inbound","addressPrefixes":["0.0.0.0/0"]}}]}}}]}`

// What a perimeter does to containers is the same, whichever is asked first, and
// a refusal of either never looks safer than the answer.
func TestOrder(t *testing.T) {
	refused := `{"error":{"code":"AuthorizationFailed","message":"no"}}`
	for name, c := range map[string]struct {
		containers, perimeter string
		want                  exposure.Range
	}{
		"both answered":     {public, opensAnywhere, exposure.Range{Least: exposure.Public, Most: exposure.Public}},
		"no perimeter":      {public, `{"value":[]}`, exposure.Range{}},
		"perimeter refused": {public, "", exposure.Range{Least: exposure.Private, Most: exposure.Public}},
		"containers refused": {
			"", opensAnywhere, exposure.Range{Least: exposure.Reachable, Most: exposure.Public},
		},
		"nothing public, perimeter refused": {`{"value":[]}`, "", exposure.Range{Least: exposure.Private, Most: exposure.Reachable}},
	} {
		for _, order := range [][]string{{containersCall, perimeterCall}, {perimeterCall, containersCall}} {
			world := cloud{listCall: {http.StatusOK, listing("StorageV2", `{"publicNetworkAccess":"Disabled","allowBlobPublicAccess":true}`)}}
			for call, body := range map[string]string{containersCall: c.containers, perimeterCall: c.perimeter} {
				world[call] = struct {
					status int
					body   string
				}{http.StatusOK, body}
				if body == "" {
					world[call] = struct {
						status int
						body   string
					}{http.StatusForbidden, refused}
				}
			}
			client, r, questions := listed(t, world)
			ask(t, client, r, questions, order...)
			if got := exposure.Assess(r).Range; got != c.want {
				t.Errorf("%s, %v first: %v, want %v", name, order[0], got, c.want)
			}
		}
	}
}

// While the perimeter is not asked yet, it hides whoever was found to need no
// credential: the question still matters.
func TestPerimeterStillMatters(t *testing.T) {
	client, r, questions := listed(t, cloud{
		listCall:       {http.StatusOK, listing("StorageV2", `{"publicNetworkAccess":"Disabled","allowBlobPublicAccess":true}`)},
		containersCall: {http.StatusOK, public},
	})
	ask(t, client, r, questions, containersCall)
	i := slices.IndexFunc(questions, func(q *collect.Question) bool { return q.Call == perimeterCall })
	r.Gaps = append(r.Gaps, questions[i].Gap(resource.NotAsked, ""))
	if got := exposure.Assess(r).Range; got != (exposure.Range{Least: exposure.Private, Most: exposure.Public}) {
		t.Errorf("range %v", got)
	}
}

// An account that has no such service has nothing of it. Another code of the same
// status says nothing.
func TestUnsupported(t *testing.T) {
	calls := []string{containersCall, blobCall, replicationCall, usersCall, sharesCall, tablesCall, queuesCall}
	for code, known := range map[string]bool{"FeatureNotSupportedForAccount": true, "BadRequest": false} {
		world := cloud{listCall: {http.StatusOK, listing("BlockBlobStorage", `{"allowBlobPublicAccess":true,"isSftpEnabled":true}`)}}
		for _, call := range calls {
			world[call] = struct {
				status int
				body   string
			}{http.StatusBadRequest, `{"error":{"code":"` + code + `","message":"not for this account"}}`}
		}
		client, r, questions := listed(t, world)
		ask(t, client, r, questions, calls...)
		for _, key := range []string{"containers", "public_containers", "website", "cors_any_origin", "replication_targets", "local_users", "shares", "tables", "queues"} {
			if s, ok := r.Settings[key]; ok != known || known && s.From.Quote != code {
				t.Errorf("%s: %s is %v", code, key, s)
			}
		}
		if (len(r.Gaps) == 0) != known {
			t.Errorf("%s: gaps %+v", code, r.Gaps)
		}
	}
}

// Throttled to the end is a gap of its own reason, and nothing is called closed.
func TestThrottled(t *testing.T) {
	client, r, questions := listed(t, cloud{
		listCall:       {http.StatusOK, listing("StorageV2", `{"allowBlobPublicAccess":true}`)},
		containersCall: {http.StatusTooManyRequests, `{"error":{"code":"TooManyRequests","message":"slower"}}`},
	})
	ask(t, client, r, questions, containersCall, perimeterCall)
	if len(r.Gaps) != 1 || r.Gaps[0].Reason != resource.Throttled {
		t.Errorf("gaps %+v", r.Gaps)
	}
	if got := exposure.Assess(r).Range; got != (exposure.Range{Least: exposure.Reachable, Most: exposure.Public}) {
		t.Errorf("range %v", got)
	}
}

// A store of files alone has no containers to ask for.
func TestFileStorage(t *testing.T) {
	_, _, questions := listed(t, cloud{listCall: {http.StatusOK, listing("FileStorage", `{}`)}})
	for _, q := range questions {
		if q.Call == containersCall || q.Call == blobCall {
			t.Errorf("%s is asked", q.Call)
		}
	}
}

// A witness is made of the endpoint that Azure names, never of the account's name,
// and only where nothing in it needs escaping.
func TestWitness(t *testing.T) {
	for name, c := range map[string]struct {
		properties, containers, want string
	}{
		"as listed":       {`{` + endpoints + `}`, public, "https://telemetry.z1.blob.storage.azure.net/alpha?restype=container&comp=list"},
		"no endpoint":     {`{}`, public, ""},
		"an odd endpoint": {`{"primaryEndpoints":{"blob":"https://x\ny/"}}`, public, ""},
		"not by TLS":      {`{"primaryEndpoints":{"blob":"http://x.example/"}}`, public, ""},
		"another type":    {`{"primaryEndpoints":[7]}`, public, ""},
		"a hostile name":  {`{` + endpoints + `}`, `{"value":[{"name":"../x?y","properties":{"publicAccess":"Container"}}]}`, ""},
	} {
		client, r, questions := listed(t, cloud{listCall: {http.StatusOK, listing("StorageV2", c.properties)}, containersCall: {http.StatusOK, c.containers}})
		ask(t, client, r, questions, containersCall)
		got := ""
		for _, g := range r.Grants {
			if g.Witness != nil {
				got = g.Witness.Resource
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Where the account never said whether its containers may let anybody in, they may;
// where it says so in words that nobody knows, no way to them is certain, and none
// is closed.
func TestSwitchUnsaid(t *testing.T) {
	open, either := exposure.Range{Least: exposure.Public, Most: exposure.Public}, exposure.Range{Least: exposure.Reachable, Most: exposure.Public}
	for said, want := range map[string]exposure.Range{`{}`: open, `{"allowBlobPublicAccess":null}`: open, `{"allowBlobPublicAccess":"yes"}`: either} {
		for _, found := range []string{`{"value":[]}`, opensAnywhere} {
			for _, order := range [][]string{{containersCall, perimeterCall}, {perimeterCall, containersCall}} {
				client, r, questions := listed(t, cloud{
					listCall: {http.StatusOK, listing("StorageV2", said)}, containersCall: {http.StatusOK, public}, perimeterCall: {http.StatusOK, found},
				})
				ask(t, client, r, questions, order...)
				if got := exposure.Assess(r).Range; got != want {
					t.Errorf("%s %s, %v first: %v, want %v", said, found, order[0], got, want)
				}
			}
		}
	}
}

// Where the account forbids it, no way leads to its containers, not even through
// the perimeter.
func TestSwitchOffThroughPerimeter(t *testing.T) {
	client, r, questions := listed(t, cloud{
		listCall:       {http.StatusOK, listing("StorageV2", `{"allowBlobPublicAccess":false}`)},
		containersCall: {http.StatusOK, public}, perimeterCall: {http.StatusOK, opensAnywhere}, blobCall: {http.StatusOK, off},
	})
	for _, q := range questions {
		if q.Call == containersCall && slices.ContainsFunc(q.Hides, func(h resource.Hidden) bool { return h.Via == perimeter.Channel }) {
			t.Error("containers that let nobody in hide somebody")
		}
	}
	ask(t, client, r, questions, containersCall, blobCall, perimeterCall)
	if got := exposure.Assess(r).Range; got != (exposure.Range{Least: exposure.Reachable, Most: exposure.Reachable}) {
		t.Errorf("range %v", got)
	}
}

// Questions are made once, of what the listing said.
func TestQuestionsOfAStranger(t *testing.T) {
	c := &collector{scope: resource.Scope{Account: subscription}}
	if q := c.Questions(&resource.Resource{ID: "/subscriptions/x"}); q != nil {
		t.Errorf("questions %v about an account that was not listed", q)
	}
}

// The same account listed twice, as where pages shift, is asked about twice.
func TestListedTwice(t *testing.T) {
	client, _, _ := listed(t, cloud{listCall: {http.StatusOK, listing("StorageV2", `{}`)}})
	c := &collector{client: client, scope: resource.Scope{Provider: "azure", Account: subscription}}
	entry := `{"id":"/subscriptions/` + subscription + `/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/telemetry","properties":{}}`
	first, _ := c.describe(arm.Item{Call: listCall, Raw: []byte(entry)})
	second, _ := c.describe(arm.Item{Call: listCall, Raw: []byte(entry)})
	for place, r := range []*resource.Resource{first, second} {
		if len(c.Questions(r)) == 0 {
			t.Errorf("entry %d has no questions", place)
		}
	}
}

// What network rules admit is a proven stranger's only where both tenants are
// known, and the owner's own only then; a word that is not known proves nothing.
func TestNetworkDoubts(t *testing.T) {
	const (
		sister  = "aaaaaaaa-0000-0000-0000-000000000002"
		subnet  = `{"defaultAction":"Deny","virtualNetworkRules":[{"id":"/subscriptions/` + sister + `/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/v/subnets/s"}]}`
		trusted = `{"defaultAction":"Deny","resourceAccessRules":[{"tenantId":"%","resourceId":"r"}]}`
	)
	private, shared, reachable := exposure.Private, exposure.Shared, exposure.Reachable
	for _, c := range []struct {
		tenant, acls string
		want         exposure.Range
	}{
		{"t1", subnet, exposure.Range{Least: private, Most: private}},
		{"", subnet, exposure.Range{Least: private, Most: shared}},
		{"t1", strings.Replace(trusted, "%", "T1", 1), exposure.Range{Least: private, Most: private}},
		{"t1", strings.Replace(trusted, "%", "t2", 1), exposure.Range{Least: shared, Most: shared}},
		{"t1", strings.Replace(trusted, "%", "", 1), exposure.Range{Least: private, Most: shared}},
		{"", strings.Replace(trusted, "%", "t2", 1), exposure.Range{Least: private, Most: shared}},
		{"t1", `{"defaultAction":"Audit","ipRules":[{"value":"203.0.113.0/24"}]}`, exposure.Range{Least: private, Most: reachable}},
		{"t1", `{"ipRules":[{"value":"203.0.113.0/24"}]}`, exposure.Range{Least: private, Most: reachable}},
	} {
		client, _, _ := listed(t, cloud{listCall: {http.StatusOK, listing("StorageV2", `{}`)}})
		client.Know(arm.Subscription{ID: subscription, Tenant: c.tenant})
		client.Know(arm.Subscription{ID: sister, Tenant: "t1"})
		of := &collector{client: client, scope: resource.Scope{Provider: "azure", Account: subscription}}
		r, _ := of.describe(arm.Item{Call: listCall, Raw: []byte(`{"id":"/subscriptions/` + subscription +
			`/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/telemetry","properties":{"networkAcls":` + c.acls + `}}`)})
		if got := exposure.Assess(r).Range; got != c.want {
			t.Errorf("%q %s: %v, want %v", c.tenant, c.acls, got, c.want)
		}
	}
}

func FuzzProperties(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `{"networkAcls":{"defaultAction":"Deny","ipRules":[{"value":"203.0.113.0/24"}]}}`, `{"networkAcls":{"bypass":"Logging,Metrics"}}`,
		`{"publicNetworkAccess":[],"sasPolicy":7,"allowBlobPublicAccess":null}`, `{"networkAcls":{"resourceAccessRules":[null,{"tenantId":"t","resourceId":"r"}]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		client, err := arm.Open(t.Context(), arm.Options{Transport: cloud{}, Offline: true, Attempts: 1, Now: func() time.Time { return time.Unix(0, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		c := &collector{client: client, scope: resource.Scope{Provider: "azure", Account: subscription}}
		id := `"/subscriptions/` + subscription + `/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/telemetry"`
		r, named := c.describe(arm.Item{Call: listCall, Raw: []byte(`{"id":` + id + `,"properties":` + text + `}`)})
		if named == strings.HasSuffix(string(r.ID), "#0") {
			t.Errorf("%s is named %v", r.ID, named)
		}
		for _, g := range r.Grants {
			if len(g.Because) == 0 || !slices.Contains([]resource.Channel{"network", trustedChannel}, g.Via) {
				t.Errorf("grant %+v", g)
			}
		}
		for _, note := range r.Notes {
			if len(note) > 2048 {
				t.Errorf("%d bytes of a note", len(note))
			}
		}
	})
}
