package keyvault

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

const (
	subscription = "aaaaaaaa-0000-0000-0000-000000000001"
	vaultID      = "/subscriptions/" + subscription + "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v"
)

// open returns a client that knows the subscription and has nobody to ask.
func open(t testing.TB, tenant string) *collector {
	client, err := arm.Open(t.Context(), arm.Options{Offline: true, Transport: http.NewFileTransport(http.Dir(t.TempDir()))})
	if err != nil {
		t.Fatal(err)
	}
	client.Know(arm.Subscription{ID: subscription, Tenant: tenant})
	return &collector{client: client, scope: resource.Scope{Provider: "azure", Account: subscription}}
}

func (c *collector) of(text string) *resource.Resource {
	r, _ := c.describe(arm.Item{Call: listCall, Raw: json.RawMessage(text)})
	return r
}

// byPolicies is how far a vault is open to whom its access policies name.
func byPolicies(r *resource.Resource) exposure.Range {
	return exposure.View{Via: []resource.Channel{accessPolicy}}.Range(r)
}

func TestWhoseTenant(t *testing.T) {
	const other = `{"id":"` + vaultID + `","name":"v","properties":{"tenantId":"T2","accessPolicies":[{"tenantId":"t2","permissions":{"secrets":["Get"]}}]}}`
	for tenant, want := range map[string]exposure.Range{
		"t1": {Least: exposure.Shared, Most: exposure.Shared},
		"T2": {},
		"":   {Least: exposure.Private, Most: exposure.Shared},
	} {
		if got := byPolicies(open(t, tenant).of(other)); got != want {
			t.Errorf("a subscription of tenant %q: %v, want %v", tenant, got, want)
		}
	}
}

// What the id of another type or subscription names is not a vault of this one.
func TestForeignEntries(t *testing.T) {
	for id, named := range map[string]bool{
		vaultID: true, strings.ToUpper(vaultID): true, "garbage": false, "": false,
		strings.Replace(vaultID, "vaults", "managedHSMs", 1):                              false,
		strings.Replace(vaultID, subscription, "bbbbbbbb-0000-0000-0000-000000000002", 1): false,
	} {
		entry := `{"id":"` + id + `","name":"v","properties":{"enableRbacAuthorization":true}}`
		r, err := open(t, "t1").describe(arm.Item{Call: listCall, Raw: json.RawMessage(entry)})
		if (err == nil) != named || exposure.Assess(r).Decided() != named || (string(r.ID) == id) != named {
			t.Errorf("%q is read as %s: %v", id, r.ID, err)
		}
	}
}

// Permissions that are not said, or not known, may be any; those that are said to be
// none are.
func TestPermissionsUnsaid(t *testing.T) {
	for permissions, want := range map[string]exposure.Range{
		``:                       {Least: exposure.Private, Most: exposure.Shared},
		`,"permissions":null`:    {Least: exposure.Private, Most: exposure.Shared},
		`,"permissions":{}`:      {},
		`,"permissions":["get"]`: {Least: exposure.Private, Most: exposure.Shared},

		`,"permissions":{"secrets":["fly"]}`:       {Least: exposure.Private, Most: exposure.Shared},
		`,"permissions":{"secrets":["fly","get"]}`: {Least: exposure.Shared, Most: exposure.Shared},
		`,"permissions":{"keys":["ALL"]}`:          {Least: exposure.Shared, Most: exposure.Shared},
	} {
		entry := `{"id":"` + vaultID + `","name":"v","properties":{"tenantId":"t2","accessPolicies":[{"tenantId":"t2"` + permissions + `}]}}`
		if got := byPolicies(open(t, "t1").of(entry)); got != want {
			t.Errorf("permissions %q: %v, want %v", permissions, got, want)
		}
	}
}

// Where nothing is said of access policies, a vault that trusts another tenant may
// have some.
func TestPoliciesUnsaid(t *testing.T) {
	for members, want := range map[string]exposure.Range{
		`"tenantId":"t2"`:                                    {Least: exposure.Private, Most: exposure.Shared},
		`"tenantId":"t2","accessPolicies":null`:              {Least: exposure.Private, Most: exposure.Shared},
		`"tenantId":"t2","accessPolicies":[]`:                {},
		`"tenantId":"T1"`:                                    {},
		`"tenantId":"t2","enableRbacAuthorization":true`:     {},
		`"tenantId":"t2","accessPolicies":{"tenantId":"t2"}`: {Least: exposure.Private, Most: exposure.Shared},
	} {
		if got := byPolicies(open(t, "t1").of(`{"id":"` + vaultID + `","name":"v","properties":{` + members + `}}`)); got != want {
			t.Errorf("%s: %v, want %v", members, got, want)
		}
	}
}

// Every permission that Microsoft documents comes to an action of its own; only
// "all" comes to any.
func TestPermissions(t *testing.T) {
	for word, action := range actions {
		a := access{can: make(map[resource.Action]bool)}
		a.allow(json.RawMessage(`["` + word + `"]`))
		if got := a.sorted(); len(got) != 1 || got[0] != action {
			t.Errorf("%s: %v", word, got)
		}
	}
	a := access{can: make(map[resource.Action]bool)}
	a.allow(json.RawMessage(`["all","GET"," List "]`))
	if !a.can[resource.AnyAction] || !a.can[resource.Read] || !a.can[resource.List] || len(a.can) != 3 {
		t.Errorf("%v", a.can)
	}
}

// draw are properties of a vault that trusts another tenant.
func draw(t *rapid.T) map[string]any {
	pick := func(name string, values ...any) any { return rapid.SampledFrom(values).Draw(t, name) }
	rules, networks := []any{}, []any{}
	for _, value := range rapid.SliceOfN(rapid.SampledFrom([]string{"203.0.113.0/24", "0.0.0.0/1", "128.0.0.0/1", "0.0.0.0", "10.0.0.0/8"}), 0, 3).Draw(t, "rules") {
		rules = append(rules, map[string]any{"value": value})
	}
	for _, owner := range rapid.SliceOfN(rapid.SampledFrom([]string{subscription, "bbbbbbbb-0000-0000-0000-000000000002"}), 0, 2).Draw(t, "networks") {
		networks = append(networks, map[string]any{"id": "/subscriptions/" + owner + "/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s"})
	}
	return map[string]any{
		"tenantId": "t2", "enableRbacAuthorization": pick("roles", true, false),
		"accessPolicies":      []any{map[string]any{"tenantId": "t2", "permissions": map[string]any{"secrets": []any{"get"}}}},
		"publicNetworkAccess": pick("public", "", "Enabled", "Disabled", "SecuredByPerimeter"),
		"networkAcls": map[string]any{
			"defaultAction": pick("action", "Allow", "Deny"), "bypass": pick("bypass", "None", "AzureServices"), "ipRules": rules, "virtualNetworkRules": networks,
		},
	}
}

func (c *collector) drawn(t rapid.TB, properties map[string]any) *resource.Resource {
	text, err := json.Marshal(map[string]any{"id": vaultID, "name": "v", "properties": properties})
	if err != nil {
		t.Fatal(err)
	}
	return c.of(string(text))
}

// A word, a rule or a member that is not understood leaves what was true possible,
// for everybody and for those whom access policies name.
func TestWhatIsNotUnderstoodWidens(t *testing.T) {
	c := open(t, "t1")
	rapid.Check(t, func(d *rapid.T) {
		p := draw(d)
		before := c.drawn(d, p)
		acls, _ := p["networkAcls"].(map[string]any)
		odd := rapid.SampledFrom([]any{"AndonUnseenWord", 7, []any{7}}).Draw(d, "odd")
		switch key := rapid.SampledFrom([]string{"publicNetworkAccess", "networkAcls", "defaultAction", "bypass", "ipRules", "virtualNetworkRules", "enableRbacAuthorization"}).Draw(d, "place"); key {
		case "publicNetworkAccess", "networkAcls", "enableRbacAuthorization":
			p[key] = odd
		default:
			acls[key] = odd
		}
		after := c.drawn(d, p)
		if was, is := exposure.Assess(before).Range, exposure.Assess(after).Range; !is.Contains(was) {
			d.Fatalf("%v becomes %v: %v", was, is, p)
		}
		if was, is := byPolicies(before), byPolicies(after); !is.Contains(was) {
			d.Fatalf("for outsiders %v becomes %v: %v", was, is, p)
		}
	})
}

// Another rule never admits less.
func TestAnotherRuleNeverNarrows(t *testing.T) {
	c := open(t, "t1")
	rapid.Check(t, func(d *rapid.T) {
		p := draw(d)
		before := c.drawn(d, p)
		acls, _ := p["networkAcls"].(map[string]any)
		rules, _ := acls["ipRules"].([]any)
		acls["ipRules"] = append(rules, map[string]any{"value": rapid.SampledFrom([]string{"198.51.100.0/24", "0.0.0.0/0", "nonsense"}).Draw(d, "more")})
		after := c.drawn(d, p)
		for name, pair := range map[string][2]exposure.Range{
			"everybody": {exposure.Assess(before).Range, exposure.Assess(after).Range}, "outsiders": {byPolicies(before), byPolicies(after)},
		} {
			if pair[1].Least < pair[0].Least || pair[1].Most < pair[0].Most {
				d.Fatalf("for %s %v becomes %v: %v", name, pair[0], pair[1], p)
			}
		}
	})
}

func FuzzDescribe(f *testing.F) {
	c := open(f, "t1")
	f.Add([]byte(`{"id":"` + vaultID + `","name":"v","properties":{"tenantId":"t2","accessPolicies":[null,{"tenantId":"t2","permissions":{"secrets":["get",7]}}],"networkAcls":{"ipRules":[null]}}}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := c.of(string(text))
		if r.ID == "" || r.Name == "" {
			t.Errorf("no name: %+v", r)
		}
		for _, g := range r.Grants {
			if g.Via != accessPolicy && g.Via != firewall.Network || len(g.Because) == 0 || len(g.Can) == 0 || g.To.Credential > resource.CredentialNamed {
				t.Errorf("grant %+v", g)
			}
		}
		for key, s := range r.Settings {
			if Kind.Settings[key].Type == "" || s.From.Call != listCall {
				t.Errorf("setting %s: %+v", key, s)
			}
		}
	})
}
