package perimeter

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

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

const (
	subscription = "aaaaaaaa-0000-0000-0000-000000000001"
	another      = "aaaaaaaa-0000-0000-0000-000000000002"
	customer     = "cccccccc-0000-0000-0000-000000000003"
	call         = "sql:networkSecurityPerimeterConfigurations.list"
)

var kind = collect.MustParseKind([]byte(`
kind: azure.test.server
class: database
title: a server
public: never
channels: {network: a, perimeter: b, trusted: c}
lists: [{call: "sql:servers.list", permission: Microsoft.Sql/servers/read}]
reads:
- call: sql:networkSecurityPerimeterConfigurations.list
  permission: Microsoft.Sql/servers/networkSecurityPerimeterConfigurations/read
  hides: [{via: perimeter, to: {reach: internet, credential: own}, can: [connect]}]
  shields: [{on: [network, trusted], cap: {reach: private, credential: own}}]
  settings: [perimeter]
settings:
  perimeter: {type: text, doc: d}
references: [https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts]
`))

// answer is a cloud that answers every request alike.
type answer struct {
	status int
	body   string
}

func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(a.body)), Request: req,
	}, nil
}

func client(t interface {
	Context() context.Context
	Fatal(...any)
}, transport http.RoundTripper,
) *arm.Client {
	c, err := arm.Open(t.Context(), arm.Options{
		Transport: transport, Offline: true, Attempts: 1, Now: func() time.Time { return time.Unix(0, 0) },
		Backoff: func(int) time.Duration { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, tenant := range map[string]string{subscription: "11111111-1111-1111-1111-111111111111", another: "11111111-1111-1111-1111-111111111111", customer: "33333333-3333-3333-3333-333333333333"} {
		c.Know(arm.Subscription{ID: id, Tenant: tenant})
	}
	return c
}

// store is a server that its own rules open to the internet, and which trusts
// somebody by name.
func store() *resource.Resource {
	return &resource.Resource{
		Kind: kind.Name, Class: kind.Class,
		Grants: []resource.Grant{
			{To: resource.Audience{Reach: resource.ReachInternet}, Can: []resource.Action{resource.Connect}, Via: firewall.Network},
			{To: resource.Outsiders("partner"), Can: []resource.Action{resource.Connect}, Via: "trusted"},
		},
	}
}

func door(word string) Door {
	return Door{
		ID: arm.ID{Subscription: subscription, Group: "rg", Type: "Microsoft.Sql/servers", Names: []string{"crm"}}, PublicNetworkAccess: json.RawMessage(word),
		Rules: []resource.Channel{firewall.Network}, Trusted: []resource.Channel{"trusted"}, Can: []resource.Action{resource.Connect},
		Cite: func(quote string) resource.Evidence { return resource.Evidence{Call: "sql:servers.list", Quote: quote} },
	}
}

func configured(mode, rules string) string {
	return `{"name":"p","properties":{"provisioningState":"Succeeded","networkSecurityPerimeter":{"id":"/subscriptions/` + subscription +
		`/resourceGroups/net/providers/Microsoft.Network/networkSecurityPerimeters/corp"},"resourceAssociation":{"accessMode":"` + mode +
		`"},"profile":{"accessRules":[` + rules + `]}}}`
}

func inbound(member, value string) string {
	return `{"name":"r","properties":{"direction":"Inbound","` + member + `":` + value + `}}`
}

var (
	anywhere = inbound("addressPrefixes", `["0.0.0.0/0"]`)
	office   = inbound("addressPrefixes", `["203.0.113.0/24"]`)
)

// TestTable holds Microsoft's own table of modes and words, and what is said
// nowhere.
func TestTable(t *testing.T) {
	private, shared, reachable := exposure.Private, exposure.Shared, exposure.Reachable
	exactly := func(l exposure.Level) exposure.Range { return exposure.Range{Least: l, Most: l} }
	between := func(least, most exposure.Level) exposure.Range { return exposure.Range{Least: least, Most: most} }
	for _, c := range []struct {
		word, found string
		want        exposure.Range
		trusted     exposure.Range
	}{
		{``, ``, exactly(reachable), exactly(shared)},
		{`null`, ``, exactly(reachable), exactly(shared)},
		{`"Enabled"`, ``, exactly(reachable), exactly(shared)},
		{`"Disabled"`, ``, exactly(private), exactly(shared)},
		{`"SecuredByPerimeter"`, ``, exactly(private), exactly(private)},
		{`"securedByPerimeter"`, ``, exactly(private), exactly(private)},
		{`"Sometimes"`, ``, between(private, reachable), between(private, shared)},
		{`7`, ``, between(private, reachable), between(private, shared)},

		{`"Enabled"`, configured("Learning", ""), exactly(reachable), exactly(shared)},
		{`"Disabled"`, configured("Learning", ""), exactly(private), exactly(shared)},
		{`"Disabled"`, configured("Learning", office), exactly(shared), exactly(shared)},
		{`"Disabled"`, configured("transition", anywhere), exactly(reachable), exactly(shared)},
		{`"SecuredByPerimeter"`, configured("Learning", anywhere), exactly(reachable), between(private, shared)},
		{`"securedByPerimeter"`, configured("Transition", ""), exactly(private), between(private, shared)},

		{`"Enabled"`, configured("Enforced", ""), exactly(private), exactly(private)},
		{`"Enabled"`, configured("enforced", office), exactly(shared), exactly(private)},
		{`"Disabled"`, configured("Enforced", anywhere), exactly(reachable), exactly(private)},
		{`"SecuredByPerimeter"`, configured("Enforced", anywhere), exactly(reachable), exactly(private)},
		{`"Enabled"`, configured("Enforced", `{"properties":{"direction":"Outbound","fullyQualifiedDomainNames":["*"]}}`), exactly(private), exactly(private)},

		{`"Enabled"`, configured("Audit", ""), between(private, reachable), between(private, shared)},
		{`"Disabled"`, configured("Audit", anywhere), between(private, reachable), between(private, shared)},
		{`"Enabled"`, strings.Replace(configured("Enforced", ""), "Succeeded", "Updating", 1), between(private, reachable), between(private, shared)},
		{`"Enabled"`, configured("Enforced", "") + "," + configured("Learning", ""), between(private, reachable), between(private, shared)},
		{`"Disabled"`, `null`, between(private, reachable), between(private, shared)},
		{`"Disabled"`, `{"properties":7}`, between(private, reachable), between(private, shared)},
		{`"Disabled"`, strings.Replace(configured("Enforced", ""), `"accessRules":[]`, `"accessRules":null`, 1), between(private, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", `null`), between(private, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", `{"properties":{"direction":"Inbound"}}`), between(private, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `[null]`)), between(private, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["0.0.0.0/1","128.0.0.0/1"]`)), exactly(reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["10.0.0.0/8"]`)), exactly(private), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["0.0.0.0/32"]`)), between(private, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["0.0.0.0"]`)), between(private, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["::/0"]`)), exactly(reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("serviceTags", `["AzureCloud"]`)), exactly(reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("serviceTags", `["PowerPlatform"]`)), between(private, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("subscriptions", `[{"id":"/subscriptions/`+another+`"}]`)), exactly(private), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("subscriptions", `[{"id":"/subscriptions/`+customer+`"}]`)), between(private, shared), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("subscriptions", `[{"id":"bbbb"}]`)), between(private, shared), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("networkSecurityPerimeters", `[{"id":"x"}]`)), between(private, shared), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["203.0.113.0/24"],"everybody":true`)), between(shared, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["203.0.113.0/24"],"tenants":["*"]`)), between(shared, reachable), exactly(private)},
		{`"Disabled"`, configured("Enforced", inbound("addressPrefixes", `["0.0.0.0/0"],"AddressPrefixes":[]`)), between(private, reachable), between(private, shared)},
		{`"Disabled"`, configured("Enforced", inbound("AddressPrefixes", `["203.0.113.0/24"],"provisioningState":"Succeeded","fullyQualifiedDomainNames":[],"emailAddresses":null`)), exactly(shared), exactly(private)},
	} {
		r, d := store(), door(c.word)
		d.Describe(r)
		q := d.Question(kind, client(t, answer{http.StatusOK, `{"value":[` + c.found + `]}`}), call)
		if err := q.Ask(t.Context(), r); err != nil {
			t.Errorf("%s %s: %v", c.word, c.found, err)
			continue
		}
		if got := (exposure.View{Via: []resource.Channel{firewall.Network, Channel}}).Range(r); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.word, c.found, got, c.want)
		}
		if got := (exposure.View{Via: []resource.Channel{"trusted"}}).Range(r); got != c.trusted {
			t.Errorf("%s %s: trusted %v, want %v", c.word, c.found, got, c.trusted)
		}
		if _, set := r.Settings[Setting].Value.(string); !set {
			t.Errorf("%s %s: it does not say which perimeter it is in", c.word, c.found)
		}
	}
}

// Where the store's own tenant is not known, another subscription may be anybody's.
func TestTenantUnknown(t *testing.T) {
	r, d := store(), door(`"Disabled"`)
	d.Describe(r)
	c := client(t, answer{http.StatusOK, `{"value":[` + configured("Enforced", inbound("subscriptions", `[{"id":"/subscriptions/`+another+`"}]`)) + `]}`})
	c.Know(arm.Subscription{ID: subscription})
	if err := d.Question(kind, c, call).Ask(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := (exposure.View{Via: []resource.Channel{Channel}}).Range(r); got != (exposure.Range{Least: exposure.Private, Most: exposure.Shared}) {
		t.Errorf("range %v", got)
	}
}

// A guard bears the name that the owner of the perimeter knows.
func TestName(t *testing.T) {
	r, d := store(), door(`"Enabled"`)
	if err := d.Question(kind, client(t, answer{http.StatusOK, `{"value":[` + configured("Enforced", "") + `]}`}), call).Ask(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(r.Guards, func(g resource.Guard) bool { return g.Name == "network security perimeter corp" }) {
		t.Errorf("guards %+v", r.Guards)
	}
	if got := r.Settings[Setting].Value; got != "corp (Enforced)" {
		t.Errorf("the perimeter is %q", got)
	}
}

// A refusal teaches nothing, and says which call it was.
func TestRefused(t *testing.T) {
	c := client(t, answer{http.StatusForbidden, `{"error":{"code":"AuthorizationFailed","message":"no"}}`})
	r, d := store(), door(`"Enabled"`)
	d.Learn = func(*resource.Resource, Inbound) { t.Error("something was learnt") }
	q := d.Question(kind, c, call)
	err := q.Ask(t.Context(), r)
	if refusal := c.Refusal(err); refusal.Reason != resource.Denied || refusal.Call != call || refusal.Gone {
		t.Errorf("refusal %+v", refusal)
	}
	r.Gaps = append(r.Gaps, q.Gap(resource.Denied, ""))
	if got := exposure.Assess(r).Range; got != (exposure.Range{Least: exposure.Private, Most: exposure.Reachable}) {
		t.Errorf("range %v", got)
	}
}

// An answer in which anything became a word of another type, or a word that
// nobody knows, is never taken for less than the one before.
func TestNothingOddNarrows(t *testing.T) {
	words := []string{`"Enforced"`, `"Learning"`, `"Inbound"`, `"Outbound"`, `"Succeeded"`, `"0.0.0.0/0"`, `"r"`, `"p"`}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{`"Enabled"`, `"Disabled"`, `"SecuredByPerimeter"`}).Draw(t, "publicNetworkAccess")
		mode := rapid.SampledFrom([]string{"Enforced", "Learning"}).Draw(t, "mode")
		rules := rapid.SampledFrom([]string{"", anywhere, office, office + "," + anywhere}).Draw(t, "rules")
		truth := configured(mode, rules)
		odd := strings.Replace(truth, rapid.SampledFrom(words).Draw(t, "word"), rapid.SampledFrom([]string{`7`, `null`, `[]`, `"Unseen"`}).Draw(t, "odd"), 1)
		was, is := rangeOf(t, word, truth), rangeOf(t, word, odd)
		if is.Most < was.Most || is.Least > was.Least {
			t.Fatalf("%s of %s is %v, and was %v", word, odd, is, was)
		}
	})
}

func rangeOf(t *rapid.T, word, found string) exposure.Range {
	r, d := store(), door(word)
	d.Describe(r)
	c := client(t, answer{http.StatusOK, fmt.Sprintf(`{"value":[%s]}`, found)})
	if err := d.Question(kind, c, call).Ask(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return exposure.View{Via: []resource.Channel{firewall.Network, Channel}}.Range(r)
}
