package sqlinstance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/sqladmin/v1"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

var (
	now   = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	scope = resource.Scope{Provider: "gcp", Account: "tconnect"}
)

func open(t testing.TB, endpoint string) *api.Client {
	c, err := api.Open(t.Context(), api.Options{
		Endpoint: endpoint, Transport: http.DefaultTransport, Offline: true, Attempts: 1, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Know("tconnect", "111111111111")
	return c
}

// listed is what a listing of pages comes to, by page token.
func listed(t *testing.T, pages map[string]string) (stores []*resource.Resource, err error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		page, ok := pages[req.URL.Query().Get("pageToken")]
		if !ok || req.URL.Path != "/sqladmin/v1/projects/tconnect/instances" {
			http.Error(w, `{"error":{"code":403,"message":"no","errors":[{"reason":"forbidden"}]}}`, http.StatusForbidden)
			return
		}
		fmt.Fprint(w, page)
	}))
	defer server.Close()
	for r, failed := range New(open(t, server.URL), scope).List(t.Context()) {
		if failed != nil {
			err = failed
			continue
		}
		stores = append(stores, r)
	}
	return stores, err
}

const openInstance = `{"name":"telemetry","instanceType":"CLOUD_SQL_INSTANCE","state":"RUNNABLE","ipAddresses":[{"type":"PRIMARY","ipAddress":"203.0.113.10"}],` +
	`"settings":{"activationPolicy":"ALWAYS","ipConfiguration":{"authorizedNetworks":[{"value":"0.0.0.0/0"}]}}}`

func TestList(t *testing.T) {
	for name, c := range map[string]struct {
		pages   map[string]string
		stores  []string
		problem string
	}{
		"nothing": {pages: map[string]string{"": `{}`}},
		"an entry of nothing": {
			pages: map[string]string{"": `{"items":[null,` + openInstance + `]}`}, stores: []string{"entry 1 of the listing", "telemetry"},
		},
		"no name": {
			pages:  map[string]string{"": `{"items":[` + openInstance + `],"nextPageToken":"2"}`, "2": `{"items":[{"state":"RUNNABLE"}]}`},
			stores: []string{"telemetry", "entry 2 of the listing"},
		},
		"a page is refused": {
			pages:  map[string]string{"": `{"items":[` + openInstance + `],"nextPageToken":"2"}`},
			stores: []string{"telemetry"}, problem: "forbidden",
		},
		"a page names itself": {
			pages:  map[string]string{"": `{"items":[` + openInstance + `],"nextPageToken":"2"}`, "2": `{"nextPageToken":"2"}`},
			stores: []string{"telemetry"}, problem: "for the second time",
		},
		"regions do not answer": {
			pages: map[string]string{"": `{"items":[` + openInstance + `],"warnings":[` +
				`{"code":"REGION_UNREACHABLE","region":"us-east1"},{"code":"REGION_UNREACHABLE","region":"asia-east1"},{"code":"REGION_UNREACHABLE","region":"us-east1"}]}`},
			stores: []string{"telemetry"}, problem: "the listing is not whole: asia-east1 did not answer, us-east1 did not answer",
		},
		"a region without a name":        {pages: map[string]string{"": `{"warnings":[{"code":"REGION_UNREACHABLE"}]}`}, problem: "it warns of REGION_UNREACHABLE"},
		"a warning that is not known":    {pages: map[string]string{"": `{"warnings":[{"code":"MOON_IN_THE_WAY"}]}`}, problem: "it warns of MOON_IN_THE_WAY"},
		"a warning of nothing":           {pages: map[string]string{"": `{"warnings":[null]}`}, problem: "without a word"},
		"a warning about something else": {pages: map[string]string{"": `{"warnings":[{"code":"COMPROMISED_CREDENTIALS"}]}`}},
		"another type":                   {pages: map[string]string{"": `{"items":{"name":7}}`}, problem: "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			stores, err := listed(t, c.pages)
			var names []string
			ids := make(map[resource.ID]bool)
			for _, r := range stores {
				names = append(names, r.Name)
				ids[r.ID] = true
				if r.Name != "telemetry" && exposure.Assess(r).Most != exposure.Reachable {
					t.Errorf("%s is %v", r.Name, exposure.Assess(r).Range)
				}
			}
			if !slices.Equal(names, c.stores) || len(ids) != len(stores) {
				t.Errorf("stores %q, want %q", names, c.stores)
			}
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("error %v, want %q", err, c.problem)
			}
		})
	}
}

// A listing that is stopped asks for no further page.
func TestListStops(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		fmt.Fprintf(w, `{"items":[%s],"nextPageToken":"%d"}`, openInstance, asked)
	}))
	defer server.Close()
	for _, err := range New(open(t, server.URL), scope).List(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if asked != 1 {
		t.Errorf("%d pages were asked for", asked)
	}
}

// A disabled API is nothing to list, where it is this project's.
func TestDisabled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":{"code":403,"message":"off","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED","metadata":{"consumer":"projects/111111111111"}}]}}`, http.StatusForbidden)
	}))
	defer server.Close()
	client := open(t, server.URL)
	for _, err := range New(client, scope).List(t.Context()) {
		if got := client.Refusal(err); got.Reason != resource.Unsupported || got.Call != listCall {
			t.Errorf("refusal %+v", got)
		}
	}
	if !Kind.Sparse {
		t.Error("a project without the API would be incomplete")
	}
}

func describe(t testing.TB, d *sqladmin.DatabaseInstance) *resource.Resource {
	c := &collector{client: open(t, ""), scope: scope}
	return c.describe(d, nil, 1)
}

func TestWhoIsLetIn(t *testing.T) {
	private, shared, reachable := exposure.Private, exposure.Shared, exposure.Reachable
	for name, c := range map[string]struct {
		change func(*sqladmin.DatabaseInstance)
		want   exposure.Range
	}{
		"as it is":              {func(*sqladmin.DatabaseInstance) {}, exposure.Range{Least: reachable, Most: reachable}},
		"no networks":           {func(d *sqladmin.DatabaseInstance) { networks(d) }, exposure.Range{Least: private, Most: private}},
		"a network of nothing":  {func(d *sqladmin.DatabaseInstance) { configured(d).AuthorizedNetworks[0] = nil }, exposure.Range{Least: private, Most: reachable}},
		"an address of nothing": {func(d *sqladmin.DatabaseInstance) { d.IpAddresses[0] = nil }, exposure.Range{Least: private, Most: reachable}},
		"connectors unspecified": {func(d *sqladmin.DatabaseInstance) {
			d.Settings.ConnectorEnforcement = "CONNECTOR_ENFORCEMENT_UNSPECIFIED"
		}, exposure.Range{Least: private, Most: reachable}},
		"stopped by a word of gcloud's":      {func(d *sqladmin.DatabaseInstance) { d.State = "STOPPED" }, exposure.Range{Least: private, Most: reachable}},
		"stopped, and the state is not told": {func(d *sqladmin.DatabaseInstance) { d.State, d.Settings.ActivationPolicy = "", "NEVER" }, exposure.Range{Least: private, Most: reachable}},
		"stopped and suspended":              {func(d *sqladmin.DatabaseInstance) { d.State, d.Settings.ActivationPolicy = "SUSPENDED", "NEVER" }, exposure.Range{Least: private, Most: private}},
		"on demand":                          {func(d *sqladmin.DatabaseInstance) { d.Settings.ActivationPolicy = "ON_DEMAND" }, exposure.Range{Least: reachable, Most: reachable}},
		"failed":                             {func(d *sqladmin.DatabaseInstance) { d.State = "FAILED" }, exposure.Range{Least: reachable, Most: reachable}},
		"no addresses, and being made": {
			func(d *sqladmin.DatabaseInstance) { d.State, d.IpAddresses = "PENDING_CREATE", nil }, exposure.Range{Least: private, Most: private},
		},
		"no addresses, and a public one is coming": {
			func(d *sqladmin.DatabaseInstance) {
				d.State, d.IpAddresses, configured(d).Ipv4Enabled = "PENDING_CREATE", nil, true
			}, exposure.Range{Least: private, Most: reachable},
		},
		"an IPv6 address, and an IPv6 network": {
			func(d *sqladmin.DatabaseInstance) { d.IpAddresses[0].IpAddress = "2001:db8::1"; networks(d, "::/0") }, exposure.Range{Least: reachable, Most: reachable},
		},
		"a first generation's IPv6 address": {
			func(d *sqladmin.DatabaseInstance) {
				d.IpAddresses, d.Ipv6Address = nil, "2001:db8::1"
				networks(d, "2001:db8::/48")
			}, exposure.Range{Least: shared, Most: shared},
		},
		"no settings, and a private address": {
			func(d *sqladmin.DatabaseInstance) { d.IpAddresses[0].Type, d.Settings = "PRIVATE", nil }, exposure.Range{Least: private, Most: reachable},
		},
		"an external server with settings all the same": {
			func(d *sqladmin.DatabaseInstance) { d.InstanceType = onPremises }, exposure.Range{Least: reachable, Most: reachable},
		},
		"an external server without networks": {
			func(d *sqladmin.DatabaseInstance) { d.InstanceType, d.Settings.IpConfiguration = onPremises, nil }, exposure.Range{Least: private, Most: private},
		},
		"a node of a pool with a consumer": {
			func(d *sqladmin.DatabaseInstance) {
				networks(d)
				configured(d).PscConfig = &sqladmin.PscConfig{PscEnabled: true}
				d.Nodes = []*sqladmin.PoolNodeConfig{nil, {PscAutoConnections: []*sqladmin.PscAutoConnectionConfig{{ConsumerProject: "supplier"}}}}
			}, exposure.Range{Least: shared, Most: shared},
		},
		"a consumer of nothing": {
			func(d *sqladmin.DatabaseInstance) {
				networks(d)
				configured(d).PscConfig = &sqladmin.PscConfig{PscEnabled: true, PscAutoConnections: []*sqladmin.PscAutoConnectionConfig{nil}}
			}, exposure.Range{Least: private, Most: reachable},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := decode(t, openInstance)
			c.change(d)
			r := describe(t, d)
			if got := exposure.Assess(r).Range; got != c.want {
				t.Errorf("%v, want %v: %+v", got, c.want, r)
			}
		})
	}
}

func decode(t testing.TB, text string) *sqladmin.DatabaseInstance {
	d := new(sqladmin.DatabaseInstance)
	if err := json.Unmarshal([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func configured(d *sqladmin.DatabaseInstance) *sqladmin.IpConfiguration {
	return d.Settings.IpConfiguration
}

func networks(d *sqladmin.DatabaseInstance, ranges ...string) {
	configured(d).AuthorizedNetworks = nil
	for _, r := range ranges {
		configured(d).AuthorizedNetworks = append(configured(d).AuthorizedNetworks, &sqladmin.AclEntry{Value: r})
	}
}

func TestNotes(t *testing.T) {
	d := decode(t, openInstance)
	networks(d)
	d.Settings.DataApiAccess, d.State, d.MasterInstanceName = "ALLOW_DATA_API", "MAINTENANCE", "tconnect:primary"
	r := describe(t, d)
	for _, want := range []string{"cloudsql.instances.connect", "Cloud SQL API", "state is MAINTENANCE", "replica"} {
		if !slices.ContainsFunc(r.Notes, func(note string) bool { return strings.Contains(note, want) }) {
			t.Errorf("no note of %q: %q", want, r.Notes)
		}
	}
	if r.Settings["replica_of"].Value != "tconnect:primary" || r.Settings["public_address"].Value != true {
		t.Errorf("settings %v", r.Settings)
	}
}

// drawInstance draws from the words that decide, and from some that are not known.
func drawInstance(t *rapid.T) *sqladmin.DatabaseInstance {
	pick := func(name string, words ...string) string { return rapid.SampledFrom(words).Draw(t, name) }
	d := &sqladmin.DatabaseInstance{
		Name:         "telemetry",
		State:        pick("state", "", "RUNNABLE", "SUSPENDED", "MAINTENANCE", "PENDING_CREATE", "HIBERNATING"),
		InstanceType: pick("type", "CLOUD_SQL_INSTANCE", "READ_REPLICA_INSTANCE", "READ_POOL_INSTANCE", onPremises, "MOON_BASE"),
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "addresses") {
		d.IpAddresses = append(d.IpAddresses, &sqladmin.IpMapping{
			Type:      pick(fmt.Sprint("address type ", i), "PRIMARY", "PRIVATE", "OUTGOING", "MIGRATED_1ST_GEN", "ANYCAST"),
			IpAddress: pick(fmt.Sprint("address ", i), "203.0.113.10", "10.20.0.3", "2001:db8::1", ""),
		})
	}
	if rapid.IntRange(0, 9).Draw(t, "has settings") == 0 {
		return d
	}
	d.Settings = &sqladmin.Settings{
		ActivationPolicy:     pick("policy", "", "ALWAYS", "NEVER", "ON_DEMAND", "SOMETIMES"),
		ConnectorEnforcement: pick("connectors", "", "NOT_REQUIRED", "REQUIRED", "PREFERRED"),
		DataApiAccess:        pick("data API", "", "ALLOW_DATA_API", "DISALLOW_DATA_API", "PARTNERS"),
	}
	if rapid.IntRange(0, 9).Draw(t, "has configuration") == 0 {
		return d
	}
	d.Settings.IpConfiguration = &sqladmin.IpConfiguration{
		Ipv4Enabled: rapid.Bool().Draw(t, "ipv4Enabled"), SslMode: pick("TLS", "", "ENCRYPTED_ONLY", "POST_QUANTUM_ONLY"),
		PscConfig: &sqladmin.PscConfig{
			PscEnabled:              rapid.Bool().Draw(t, "PSC"),
			AllowedConsumerProjects: rapid.SliceOfN(rapid.SampledFrom([]string{"tconnect", "supplier", "*"}), 0, 2).Draw(t, "consumers"),
		},
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "networks") {
		d.Settings.IpConfiguration.AuthorizedNetworks = append(d.Settings.IpConfiguration.AuthorizedNetworks, drawNetwork(t, fmt.Sprint("network ", i)))
	}
	return d
}

func drawNetwork(t *rapid.T, name string) *sqladmin.AclEntry {
	return &sqladmin.AclEntry{
		Value:          rapid.SampledFrom([]string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "203.0.113.0/24", "10.0.0.0/8", "::/0", "everybody"}).Draw(t, name),
		ExpirationTime: rapid.SampledFrom([]string{"", "1970-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "soon"}).Draw(t, name+" expiry"),
	}
}

func TestAddingANetworkNeverNarrows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := drawInstance(r)
		before := exposure.Assess(describe(t, d)).Range
		if d.Settings == nil || d.Settings.IpConfiguration == nil {
			return
		}
		configured(d).AuthorizedNetworks = append(configured(d).AuthorizedNetworks, drawNetwork(r, "one more"))
		after := exposure.Assess(describe(t, d)).Range
		if after.Least < before.Least || after.Most < before.Most {
			r.Fatalf("%v becomes %v", before, after)
		}
	})
}

// A word that nobody knows yet, in the place of any, leaves what was true possible.
func TestUnknownWordsWiden(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := drawInstance(r)
		before := exposure.Assess(describe(t, d)).Range
		words := []*string{&d.State, &d.InstanceType}
		for _, a := range d.IpAddresses {
			words = append(words, &a.Type)
		}
		if d.Settings != nil {
			words = append(words, &d.Settings.ActivationPolicy, &d.Settings.ConnectorEnforcement, &d.Settings.DataApiAccess)
			if d.Settings.IpConfiguration != nil {
				words = append(words, &d.Settings.IpConfiguration.SslMode)
			}
		}
		word := words[rapid.IntRange(0, len(words)-1).Draw(r, "word")]
		was := *word
		*word = "ANDON_UNSEEN_WORD"
		if after := exposure.Assess(describe(t, d)).Range; !after.Contains(before) {
			r.Fatalf("without %q %v becomes %v", was, before, after)
		}
	})
}

// Losing the settings, or a part of them, leaves what was true possible.
func TestLosingAnAnswerWidens(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := drawInstance(r)
		before := exposure.Assess(describe(t, d)).Range
		if d.InstanceType == onPremises {
			return // nothing is expected of it
		}
		switch rapid.IntRange(0, 3).Draw(r, "lost") {
		case 0:
			d.Settings = nil
		case 1:
			if d.Settings != nil {
				d.Settings.IpConfiguration = nil
			}
		case 2:
			d.Name = ""
		case 3:
			d = nil
		}
		if after := exposure.Assess(describe(t, d)).Range; after.Most < before.Most {
			r.Fatalf("%v becomes %v", before, after)
		}
	})
}

// FuzzDescribe: whatever an entry holds, it is described, with evidence and in
// declared words.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte(openInstance))
	f.Add([]byte(`{"settings":{"ipConfiguration":{"authorizedNetworks":[null,{"value":"\u001b[31m"}],"pscConfig":{"pscAutoConnections":[null]}}},"nodes":[null],"ipAddresses":[null]}`))
	client := open(f, "")
	f.Fuzz(func(t *testing.T, text []byte) {
		d := new(sqladmin.DatabaseInstance)
		if json.Unmarshal(text, d) != nil {
			return
		}
		c := &collector{client: client, scope: scope}
		checkDeclared(t, c.describe(d, nil, 1))
	})
}

func checkDeclared(t *testing.T, r *resource.Resource) {
	t.Helper()
	if r.Name == "" || r.ID == "" {
		t.Errorf("no name: %+v", r)
	}
	for key, s := range r.Settings {
		if Kind.Settings[key].Type == "" || s.From.Call != listCall || s.From.Quote == "" {
			t.Errorf("setting %s: %+v", key, s)
		}
	}
	for _, g := range r.Grants {
		if Kind.Channels[g.Via] == "" || len(g.Because) == 0 {
			t.Errorf("grant %+v", g)
		}
	}
	for _, g := range r.Guards {
		if len(g.Because) == 0 || len(g.On) == 0 {
			t.Errorf("guard %+v", g)
		}
	}
	for _, g := range r.Gaps {
		for _, key := range g.Settings {
			if _, read := r.Settings[key]; read && r.Name != "entry 1 of the listing" {
				t.Errorf("the gap %q lacks %s, which was read", g.Detail, key)
			}
		}
	}
}
