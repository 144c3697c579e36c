package alloydbinstance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/alloydb/v1"
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
		if !ok || req.URL.Path != "/alloydb/v1/projects/tconnect/locations/-/clusters/-/instances" {
			http.Error(w, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`, http.StatusForbidden)
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

const openInstance = `{"name":"projects/tconnect/locations/europe-west1/clusters/telemetry/instances/primary","state":"READY","instanceType":"PRIMARY",` +
	`"publicIpAddress":"203.0.113.50","networkConfig":{"enablePublicIp":true,"authorizedExternalNetworks":[{"cidrRange":"0.0.0.0/0"}]}}`

func TestList(t *testing.T) {
	for name, c := range map[string]struct {
		pages   map[string]string
		stores  []string
		problem string
	}{
		"nothing": {pages: map[string]string{"": `{}`}},
		"an entry of nothing": {
			pages: map[string]string{"": `{"instances":[null,` + openInstance + `]}`}, stores: []string{"entry 1 of the listing", "telemetry/primary"},
		},
		"no name": {
			pages:  map[string]string{"": `{"instances":[` + openInstance + `],"nextPageToken":"2"}`, "2": `{"instances":[{"state":"READY"}]}`},
			stores: []string{"telemetry/primary", "entry 2 of the listing"},
		},
		"a page is refused": {
			pages:  map[string]string{"": `{"instances":[` + openInstance + `],"nextPageToken":"2"}`},
			stores: []string{"telemetry/primary"}, problem: "403",
		},
		"a page names itself": {
			pages:  map[string]string{"": `{"instances":[` + openInstance + `],"nextPageToken":"2"}`, "2": `{"nextPageToken":"2"}`},
			stores: []string{"telemetry/primary"}, problem: "for the second time",
		},
		"locations do not answer": {
			pages: map[string]string{
				"":  `{"instances":[` + openInstance + `],"unreachable":["us-east1","asia-east1"],"nextPageToken":"2"}`,
				"2": `{"unreachable":["us-east1"]}`,
			},
			stores: []string{"telemetry/primary"}, problem: "the listing is not whole: asia-east1 did not answer, us-east1 did not answer",
		},
		"another type": {pages: map[string]string{"": `{"instances":{"name":7}}`}, problem: "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			stores, err := listed(t, c.pages)
			var names []string
			ids := make(map[resource.ID]bool)
			for _, r := range stores {
				names = append(names, r.Name)
				ids[r.ID] = true
				if exposure.Assess(r).Most != exposure.Reachable {
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

// Locations that did not answer are a failure, not an answer that cannot be read.
func TestUnreachableIsAFailure(t *testing.T) {
	_, err := listed(t, map[string]string{"": `{"unreachable":["us-east1"]}`})
	if got := open(t, "").Refusal(err); got.Reason != resource.Failed || got.Call != listCall || !strings.Contains(got.Detail, "us-east1") {
		t.Errorf("refusal %+v", got)
	}
}

func describe(t testing.TB, d *alloydb.Instance) *resource.Resource {
	c := &collector{client: open(t, ""), scope: scope}
	return c.describe(d, nil, 1)
}

func TestWhoIsLetIn(t *testing.T) {
	private, shared, reachable := exposure.Private, exposure.Shared, exposure.Reachable
	for name, c := range map[string]struct {
		change func(*alloydb.Instance)
		want   exposure.Range
	}{
		"as it is":             {func(*alloydb.Instance) {}, exposure.Range{Least: reachable, Most: reachable}},
		"no networks":          {func(d *alloydb.Instance) { d.NetworkConfig.AuthorizedExternalNetworks = nil }, exposure.Range{Least: private, Most: private}},
		"a network of nothing": {func(d *alloydb.Instance) { d.NetworkConfig.AuthorizedExternalNetworks[0] = nil }, exposure.Range{Least: private, Most: reachable}},
		"nothing of networks":  {func(d *alloydb.Instance) { d.NetworkConfig, d.PublicIpAddress = nil, "" }, exposure.Range{Least: private, Most: private}},
		"an address that was not asked for": {
			func(d *alloydb.Instance) { d.NetworkConfig = nil }, exposure.Range{Least: private, Most: reachable},
		},
		"state unspecified": {func(d *alloydb.Instance) { d.State = "STATE_UNSPECIFIED" }, exposure.Range{Least: private, Most: reachable}},
		"stopped":           {func(d *alloydb.Instance) { d.State = "STOPPED" }, exposure.Range{Least: private, Most: private}},
		"to be stopped":     {func(d *alloydb.Instance) { d.ActivationPolicy = "NEVER" }, exposure.Range{Least: private, Most: reachable}},
		"running":           {func(d *alloydb.Instance) { d.ActivationPolicy = "ALWAYS" }, exposure.Range{Least: reachable, Most: reachable}},
		"being made":        {func(d *alloydb.Instance) { d.State = "CREATING" }, exposure.Range{Least: reachable, Most: reachable}},
		"IPv6 networks and an IPv6 address": {
			func(d *alloydb.Instance) {
				d.PublicIpAddress, d.NetworkConfig.AuthorizedExternalNetworks = "2001:db8::1", []*alloydb.AuthorizedNetwork{{CidrRange: "2001:db8::/48"}}
			}, exposure.Range{Least: shared, Most: shared},
		},
		"IPv6 networks and an IPv4 address": {
			func(d *alloydb.Instance) {
				d.NetworkConfig.AuthorizedExternalNetworks = []*alloydb.AuthorizedNetwork{{CidrRange: "::/0"}}
			},
			exposure.Range{Least: private, Most: private},
		},
		"a consumer of nothing": {
			func(d *alloydb.Instance) {
				d.NetworkConfig.AuthorizedExternalNetworks = nil
				d.PscInstanceConfig = &alloydb.PscInstanceConfig{PscAutoConnections: []*alloydb.PscAutoConnectionConfig{nil}}
			}, exposure.Range{Least: private, Most: reachable},
		},
		"connectors do not keep consumers out": {
			func(d *alloydb.Instance) {
				d.ClientConnectionConfig = &alloydb.ClientConnectionConfig{RequireConnectors: true}
				d.PscInstanceConfig = &alloydb.PscInstanceConfig{AllowedConsumerProjects: []string{"supplier"}}
			}, exposure.Range{Least: shared, Most: shared},
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

func decode(t testing.TB, text string) *alloydb.Instance {
	d := new(alloydb.Instance)
	if err := json.Unmarshal([]byte(text), d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSettings(t *testing.T) {
	for mode, required := range map[string]any{
		"": true, "SSL_MODE_UNSPECIFIED": true, "ENCRYPTED_ONLY": true, "SSL_MODE_REQUIRE": true, "SSL_MODE_VERIFY_CA": true,
		"ALLOW_UNENCRYPTED_AND_ENCRYPTED": false, "SSL_MODE_ALLOW": false, "POST_QUANTUM_ONLY": nil,
	} {
		d := decode(t, openInstance)
		d.ClientConnectionConfig = &alloydb.ClientConnectionConfig{SslConfig: &alloydb.SslConfig{SslMode: mode}}
		if got := describe(t, d).Settings["ssl_required"].Value; got != required {
			t.Errorf("TLS mode %q: %v", mode, got)
		}
	}
	for access, open := range map[string]any{
		"": false, "DEFAULT_DATA_API_ENABLED_FOR_GOOGLE_CLOUD_SERVICES": false, "DISABLED": false, "ENABLED": true, "PARTNERS": nil,
	} {
		d := decode(t, openInstance)
		d.DataApiAccess = access
		if got := describe(t, d).Settings["data_api"].Value; got != open {
			t.Errorf("Data API %q: %v", access, got)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"projects/p/locations/l/clusters/c/instances/i": "c/i", "projects/p/instances/i": "projects/p/instances/i", "i": "i",
	} {
		if got := short(name); got != want {
			t.Errorf("%q is called %q", name, got)
		}
	}
}

// drawInstance draws from the words that decide, and from some that are not known.
func drawInstance(t *rapid.T) *alloydb.Instance {
	pick := func(name string, words ...string) string { return rapid.SampledFrom(words).Draw(t, name) }
	d := &alloydb.Instance{
		Name:             "projects/tconnect/locations/europe-west1/clusters/telemetry/instances/primary",
		State:            pick("state", "", "READY", "STOPPED", "STOPPING", "MAINTENANCE", "HIBERNATING"),
		ActivationPolicy: pick("policy", "", "ALWAYS", "NEVER", "SOMETIMES"),
		InstanceType:     pick("type", "PRIMARY", "READ_POOL", "SECONDARY", "MOON_BASE"),
		PublicIpAddress:  pick("address", "", "203.0.113.50", "2001:db8::1"),
		DataApiAccess:    pick("data API", "", "ENABLED", "PARTNERS"),
		NetworkConfig:    &alloydb.InstanceNetworkConfig{EnablePublicIp: rapid.Bool().Draw(t, "enablePublicIp")},
		ClientConnectionConfig: &alloydb.ClientConnectionConfig{
			RequireConnectors: rapid.Bool().Draw(t, "connectors"), SslConfig: &alloydb.SslConfig{SslMode: pick("TLS", "", "ENCRYPTED_ONLY", "POST_QUANTUM_ONLY")},
		},
		PscInstanceConfig: &alloydb.PscInstanceConfig{
			AllowedConsumerProjects: rapid.SliceOfN(rapid.SampledFrom([]string{"tconnect", "supplier", "*"}), 0, 2).Draw(t, "consumers"),
		},
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "networks") {
		d.NetworkConfig.AuthorizedExternalNetworks = append(d.NetworkConfig.AuthorizedExternalNetworks, drawNetwork(t, fmt.Sprint("network ", i)))
	}
	return d
}

func drawNetwork(t *rapid.T, name string) *alloydb.AuthorizedNetwork {
	return &alloydb.AuthorizedNetwork{
		CidrRange: rapid.SampledFrom([]string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "203.0.113.0/24", "10.0.0.0/8", "::/0", "everybody"}).Draw(t, name),
	}
}

func TestAddingANetworkNeverNarrows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := drawInstance(r)
		before := exposure.Assess(describe(t, d)).Range
		d.NetworkConfig.AuthorizedExternalNetworks = append(d.NetworkConfig.AuthorizedExternalNetworks, drawNetwork(r, "one more"))
		after := exposure.Assess(describe(t, d)).Range
		if after.Least < before.Least || after.Most < before.Most {
			r.Fatalf("%v becomes %v", before, after)
		}
	})
}

// A word that nobody knows yet, in the place of any, leaves what was true possible;
// so does an entry that lost its name.
func TestUnknownWordsWiden(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := drawInstance(r)
		before := exposure.Assess(describe(t, d)).Range
		words := []*string{&d.State, &d.ActivationPolicy, &d.InstanceType, &d.DataApiAccess, &d.ClientConnectionConfig.SslConfig.SslMode}
		word := words[rapid.IntRange(0, len(words)-1).Draw(r, "word")]
		was := *word
		*word = "ANDON_UNSEEN_WORD"
		if after := exposure.Assess(describe(t, d)).Range; !after.Contains(before) {
			r.Fatalf("without %q %v becomes %v", was, before, after)
		}
		d.Name = ""
		if after := exposure.Assess(describe(t, d)).Range; after.Most < before.Most {
			r.Fatalf("without a name %v becomes %v", before, after)
		}
	})
}

// FuzzDescribe: whatever an entry holds, it is described in declared words, with
// evidence.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte(openInstance))
	f.Add([]byte(`{"networkConfig":{"authorizedExternalNetworks":[null,{"cidrRange":"\u001b[31m"}]},"pscInstanceConfig":{"pscAutoConnections":[null]}}`))
	client := open(f, "")
	f.Fuzz(func(t *testing.T, text []byte) {
		d := new(alloydb.Instance)
		if json.Unmarshal(text, d) != nil {
			return
		}
		c := &collector{client: client, scope: scope}
		r := c.describe(d, nil, 1)
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
	})
}
