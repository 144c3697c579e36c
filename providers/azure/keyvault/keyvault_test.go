package keyvault

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
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

func TestWhoseTenant(t *testing.T) {
	const other = `{"id":"` + vaultID + `","name":"v","properties":{"tenantId":"T2","accessPolicies":[{"tenantId":"t2","permissions":{"secrets":["Get"]}}]}}`
	for tenant, want := range map[string]exposure.Range{
		"t1": {Least: exposure.Shared, Most: exposure.Shared},
		"T2": {},
		"":   {Least: exposure.Private, Most: exposure.Shared},
	} {
		if got := exposure.Assess(open(t, tenant).of(other)).Range; got != want {
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
		if (err == nil) != named || (exposure.Assess(r).Range == exposure.Range{}) != named || (string(r.ID) == id) != named {
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
		if got := exposure.Assess(open(t, "t1").of(entry)).Range; got != want {
			t.Errorf("permissions %q: %v, want %v", permissions, got, want)
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
			if g.Via != accessPolicy || len(g.Because) == 0 || len(g.Can) == 0 || g.To.Reach != resource.ReachListed {
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
