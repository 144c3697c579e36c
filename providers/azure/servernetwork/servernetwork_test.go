package servernetwork

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

const subscription = "aaaaaaaa-0000-0000-0000-000000000001"

var scope = resource.Scope{Provider: "azure", Account: subscription}

// testKind declares the type that the tests of this package collect.
var testKind = collect.MustParseKind([]byte(`
kind: azure.test.server
class: database
title: A server
public: Its rules admit the internet.
channels: {network: packets, perimeter: a perimeter}
lists: [{call: "redis:redis.list", permission: test/read}]
reads:
  - call: redis:firewallRules.list
    permission: test/rules/read
    hides: [{via: network, to: {reach: internet, credential: own}, can: [connect]}]
    settings: [firewall_rules]
settings:
  public_network_access: {type: text, doc: access}
  firewall_rules: {type: texts, doc: rules}
  subnet: {type: text, doc: subnet}
  state: {type: text, doc: state}
  flag: {type: bool, doc: flag}
  opposite: {type: bool, doc: the opposite of another flag}
  switch: {type: bool, doc: switch}
  private_endpoints: {type: number, doc: endpoints}
references: [https://learn.microsoft.com/]
`))

func testRow(unruled bool) Row {
	return Row{
		Kind: testKind, Type: "Microsoft.Cache/redis", Access: []string{"network", "publicNetworkAccess"},
		Rules: []Rules{{
			Call: "redis:firewallRules.list", Start: "startIP", End: "endIP", Unruled: unruled, Zero: firewall.ZeroAzure, Setting: "firewall_rules",
		}},
		Describe: func(s *Server) {
			s.Delegated("network", "subnet")
			s.State("Ready")
			s.SetFlag("flag", "flag")
			s.SetNot("opposite", "other")
			s.SetSwitch("switch", "switch")
			s.SetEndpoints()
		},
	}
}

// answers is a transport that answers what ends in a path with a list.
type answers map[string]string

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	body, ok := a[req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]]
	if !ok {
		body = "[]"
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Request: req, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"value":` + body + `}`)),
	}, nil
}

// gather lists the servers of an answer and asks everything about each.
func gather(t testing.TB, row Row, listing, rules string) (stores []*resource.Resource, failed error) {
	client, err := arm.Open(t.Context(), arm.Options{
		Transport: answers{"redis": listing, "firewallRules": rules}, Offline: true, Now: func() time.Time { return time.Unix(0, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	c := New(row, client, scope)
	for r, err := range c.List(t.Context()) {
		if err != nil {
			return stores, err
		}
		for _, q := range c.Questions(r) {
			if err := q.Ask(t.Context(), r); err != nil {
				r.Gaps = append(r.Gaps, q.Gap(resource.Failed, err.Error()))
			}
		}
		stores = append(stores, r)
	}
	return stores, nil
}

const serverID = "/subscriptions/" + subscription + "/resourceGroups/rg/providers/Microsoft.Cache/Redis/crm"

// one is the only server of an answer.
func one(t testing.TB, row Row, properties, rules string) *resource.Resource {
	t.Helper()
	stores, err := gather(t, row, fmt.Sprintf(`[{"id":%q,"name":"crm","properties":%s}]`, serverID, properties), rules)
	if err != nil || len(stores) != 1 {
		t.Fatalf("%d stores: %v", len(stores), err)
	}
	return stores[0]
}

const subnetID = `"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"`

const everyAddress = `[{"name":"all","properties":{"startIP":"0.0.0.0","endIP":"255.255.255.255"}}]`

func TestDescribe(t *testing.T) {
	decided := func(l exposure.Level) exposure.Range { return exposure.Range{Least: l, Most: l} }
	open := exposure.Range{Least: exposure.Private, Most: exposure.Reachable}
	for name, c := range map[string]struct {
		properties, rules string
		unruled           bool
		want              exposure.Range
	}{
		"open":                          {`{}`, everyAddress, false, decided(exposure.Reachable)},
		"no rules":                      {`{}`, `[]`, false, decided(exposure.Private)},
		"no rules, and open without":    {`{}`, `[]`, true, decided(exposure.Reachable)},
		"a null among them":             {`{}`, `[null]`, true, open},
		"all of Azure":                  {`{}`, `[{"properties":{"startIP":"0.0.0.0","endIP":"0.0.0.0"}}]`, false, decided(exposure.Reachable)},
		"an office":                     {`{}`, `[{"properties":{"startIP":"203.0.113.0","endIP":"203.0.113.9"}}]`, false, decided(exposure.Shared)},
		"an office, and who knows":      {`{}`, `[{"properties":{"startIP":"203.0.113.0","endIP":"203.0.113.9"}},7]`, false, exposure.Range{Least: exposure.Shared, Most: exposure.Reachable}},
		"members in another case":       {`{"NETWORK":{"PublicNetworkAccess":"disabled"}}`, everyAddress, false, decided(exposure.Private)},
		"null":                          {`{"network":{"publicNetworkAccess":null}}`, everyAddress, false, decided(exposure.Reachable)},
		"a word nobody knows":           {`{"network":{"publicNetworkAccess":"Perhaps"}}`, everyAddress, false, open},
		"left to a perimeter":           {`{"network":{"publicNetworkAccess":"SecuredByPerimeter"}}`, everyAddress, false, open},
		"no text":                       {`{"network":{"publicNetworkAccess":true}}`, everyAddress, false, open},
		"no network":                    {`{"network":[]}`, everyAddress, false, open},
		"a subnet":                      {`{"network":{"subnet":` + subnetID + `}}`, everyAddress, false, decided(exposure.Private)},
		"a subnet that is none":         {`{"network":{"subnet":"x"}}`, everyAddress, false, open},
		"a subnet of a space":           {`{"network":{"subnet":" "}}`, everyAddress, false, open},
		"a network for a subnet":        {`{"network":{"subnet":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"}}`, everyAddress, false, open},
		"access in two spellings":       {`{"network":{"publicNetworkAccess":"Disabled","publicnetworkaccess":"Enabled"}}`, everyAddress, false, open},
		"two networks":                  {`{"network":{"publicNetworkAccess":"Disabled"},"Network":{}}`, everyAddress, false, open},
		"a rule in two spellings":       {`{}`, `[{"properties":{"startIP":"203.0.113.0","endIP":"203.0.113.9"},"Properties":{}}]`, false, open},
		"a subnet of no text":           {`{"network":{"subnet":["x"]}}`, everyAddress, false, open},
		"an empty subnet":               {`{"network":{"subnet":""}}`, everyAddress, false, decided(exposure.Reachable)},
		"a subnet, and public all same": {`{"network":{"subnet":` + subnetID + `,"publicNetworkAccess":"Enabled"}}`, everyAddress, false, open},
		"stopped":                       {`{"state":"Stopped"}`, everyAddress, false, decided(exposure.Private)},
		"in a state nobody knows":       {`{"state":"Asleep"}`, everyAddress, false, open},
		"no properties":                 {`null`, everyAddress, false, open},
		"properties that are a list":    {`[]`, everyAddress, false, open},
	} {
		t.Run(name, func(t *testing.T) {
			r := one(t, testRow(c.unruled), c.properties, c.rules)
			if got := exposure.Assess(r).Range; got != c.want {
				t.Errorf("%v, want %v: %+v", got, c.want, r)
			}
			checkDeclared(t, r)
		})
	}
}

func TestSettings(t *testing.T) {
	r := one(t, testRow(false), `{"flag":false,"other":false,"switch":"ENABLED","state":"Ready","privateEndpointConnections":[
		{"properties":{"privateLinkServiceConnectionState":{"status":"approved"}}},{"properties":{"privateLinkServiceConnectionState":{"status":"Rejected"}}}]}`, `[]`)
	for key, want := range map[string]any{"flag": false, "opposite": true, "switch": true, "state": "Ready", "private_endpoints": 1.0, "public_network_access": "Enabled"} {
		if got := r.Settings[key].Value; got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if len(r.Gaps) > 0 {
		t.Errorf("gaps %+v", r.Gaps)
	}
	r = one(t, testRow(false), `{"flag":"no","other":3,"switch":"Perhaps","privateEndpointConnections":[null]}`, `[]`)
	for _, key := range []string{"flag", "opposite", "switch", "private_endpoints"} {
		if !slices.ContainsFunc(r.Gaps, func(g resource.Gap) bool { return slices.Contains(g.Settings, key) }) || r.Settings[key].Value != nil {
			t.Errorf("%s is %v, and gaps are %+v", key, r.Settings[key].Value, r.Gaps)
		}
	}
}

// An entry that is none hides no other, and the listing says that it was there.
func TestOddEntries(t *testing.T) {
	foreign := strings.Replace(serverID, subscription, "bbbbbbbb-0000-0000-0000-000000000002", 1)
	stores, err := gather(t, testRow(false), fmt.Sprintf(
		`[null,7,{"name":3},{"id":%q,"name":"foreign"},{"id":"../../x","name":"climbing"},{"id":%q,"tags":7,"properties":{}}]`, foreign, serverID), everyAddress)
	if err == nil || len(stores) != 6 {
		t.Fatalf("%d stores, and the error %v", len(stores), err)
	}
	seen := make(map[resource.ID]bool)
	for i, r := range stores {
		want := exposure.Range{Least: exposure.Private, Most: exposure.Reachable}
		if i == 5 {
			want.Least = exposure.Reachable
		}
		if got := exposure.Assess(r).Range; got != want {
			t.Errorf("%s is %v, want %v", r.Name, got, want)
		}
		if seen[r.ID] {
			t.Errorf("%s is there twice", r.ID)
		}
		seen[r.ID] = true
		checkDeclared(t, r)
	}
	if stores[5].Name != "crm" {
		t.Errorf("its name is %q", stores[5].Name)
	}
}

// A listing that is stopped asks for nothing more.
func TestListStops(t *testing.T) {
	client, err := arm.Open(t.Context(), arm.Options{Transport: answers{"redis": `[null,null]`}, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range New(testRow(false), client, scope).List(t.Context()) {
		if err != nil {
			t.Error(err)
		}
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d stores", n)
	}
}

// TestAnotherRuleNeverNarrows: but for the first of a type that is open without
// any, another rule lets in no fewer.
func TestAnotherRuleNeverNarrows(t *testing.T) {
	ends := []string{"0.0.0.0", "10.0.0.0", "127.255.255.255", "128.0.0.0", "203.0.113.7", "255.255.255.255", "::", "everywhere", ""}
	rapid.Check(t, func(r *rapid.T) {
		drawn := func(name string) string {
			return fmt.Sprintf(`{"properties":{"startIP":%q,"endIP":%q}}`, rapid.SampledFrom(ends).Draw(r, name+" start"), rapid.SampledFrom(ends).Draw(r, name+" end"))
		}
		unruled := rapid.Bool().Draw(r, "unruled")
		rules := []string{drawn("first")}
		for i := range rapid.IntRange(0, 3).Draw(r, "more") {
			rules = append(rules, drawn(fmt.Sprint("rule ", i)))
		}
		judged := func() exposure.Range {
			return exposure.Assess(one(t, testRow(unruled), `{}`, "["+strings.Join(rules, ",")+"]")).Range
		}
		before := judged()
		rules = append(rules, drawn("another"))
		if after := judged(); after.Least < before.Least || after.Most < before.Most {
			r.Fatalf("%v becomes %v by %s", before, after, rules[len(rules)-1])
		}
	})
}

// FuzzProperties: whatever an entry holds, it is described, with evidence and in
// declared words.
func FuzzProperties(f *testing.F) {
	f.Add([]byte(`{"network":{"publicNetworkAccess":"Disabled","subnet":"\u001b[31m"},"state":null,"flag":7}`))
	f.Add([]byte(`{"privateEndpointConnections":[null,{"properties":[]}],"switch":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		checkDeclared(t, one(t, testRow(true), string(text), `[]`))
	})
}

func checkDeclared(t *testing.T, r *resource.Resource) {
	t.Helper()
	if r.Name == "" || r.ID == "" {
		t.Errorf("no name: %+v", r)
	}
	for key, s := range r.Settings {
		if testKind.Settings[key].Type == "" || s.From.Call == "" || s.From.Quote == "" {
			t.Errorf("setting %s: %+v", key, s)
		}
	}
	for _, g := range r.Grants {
		if testKind.Channels[g.Via] == "" || len(g.Because) == 0 || g.To.Credential != resource.CredentialOwn {
			t.Errorf("grant %+v", g)
		}
	}
	for _, g := range r.Gaps {
		for _, key := range g.Settings {
			if _, read := r.Settings[key]; read {
				t.Errorf("the gap %q lacks %s, which was read", g.Detail, key)
			}
		}
	}
}

// A rule with a member that stands there twice may admit anybody: nobody says which
// of them counts.
func TestRuleSaidTwice(t *testing.T) {
	of := testRow(false).Rules[0]
	for text, odd := range map[string]bool{
		`{"properties":{"startIP":"203.0.113.1","endIP":"203.0.113.2"}}`:                             false,
		`{"properties":{"startIP":"0.0.0.0","endIP":"255.255.255.255","startIP":"255.255.255.255"}}`: true,
		`{"properties":{"startIP":"0.0.0.0","endIP":"255.255.255.255","StartIp":"255.255.255.255"}}`: true,
		`{"properties":null}`: true,
		`{"properties":7}`:    true,
		`null`:                true,
	} {
		var rules firewall.Rules
		of.count(&rules, arm.Item{Call: of.Call, Raw: json.RawMessage(text)})
		if a := rules.Admit(); (a.MayReach() == resource.ReachInternet) != odd {
			t.Errorf("%s may reach %v", text, a.MayReach())
		}
	}
}
