package containerregistry

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

const registryID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r"

func describe(text string) *resource.Resource {
	c := &collector{scope: resource.Scope{Provider: "azure", Account: "s"}}
	r, _ := c.describe(arm.Item{Call: listCall, Raw: json.RawMessage(text)})
	return r
}

func entry(t rapid.TB, members map[string]any, tier string) string {
	out, err := json.Marshal(map[string]any{"id": registryID, "name": "r", "sku": map[string]any{"name": tier}, "properties": members})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func draw(t *rapid.T) map[string]any {
	pick := func(name string, values ...any) any { return rapid.SampledFrom(values).Draw(t, name) }
	rules := []any{}
	for _, value := range rapid.SliceOfN(rapid.SampledFrom([]string{"203.0.113.0/24", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/8"}), 0, 3).Draw(t, "rules") {
		rules = append(rules, map[string]any{"action": "Allow", "value": value})
	}
	return map[string]any{
		"anonymousPullEnabled": pick("anonymous", true, false),
		"publicNetworkAccess":  pick("public", "", "Enabled", "Disabled"),
		"networkRuleSet":       map[string]any{"defaultAction": pick("action", "Allow", "Deny"), "ipRules": rules},
	}
}

// A rule that cannot be read, a new word or another type leaves what was true
// possible.
func TestWhatIsNotUnderstoodWidens(t *testing.T) {
	rapid.Check(t, func(d *rapid.T) {
		members := draw(d)
		before := exposure.Assess(describe(entry(d, members, "Premium"))).Range
		odd := rapid.SampledFrom([]any{"AndonUnseenWord", 7, nil}).Draw(d, "odd")
		tier := "Premium"
		switch rapid.IntRange(0, 3).Draw(d, "place") {
		case 0:
			members["anonymousPullEnabled"] = odd
		case 1:
			members["publicNetworkAccess"] = rapid.SampledFrom([]any{"AndonUnseenWord", 7}).Draw(d, "word")
		case 2:
			members["networkRuleSet"].(map[string]any)["defaultAction"] = rapid.SampledFrom([]any{"AndonUnseenWord", 7}).Draw(d, "action word")
		case 3:
			tier = "AndonUnseenWord"
		}
		if after := exposure.Assess(describe(entry(d, members, tier))).Range; !after.Contains(before) {
			d.Fatalf("%v becomes %v: %v", before, after, members)
		}
	})
}

// What keeps others out of a Premium registry may do so in another tier, or not.
func TestTiers(t *testing.T) {
	for tier, want := range map[string]exposure.Range{
		"premium": {}, "Standard": {Least: exposure.Private, Most: exposure.Public}, "Basic": {Least: exposure.Private, Most: exposure.Public}, "": {Least: exposure.Private, Most: exposure.Public},
	} {
		for _, closed := range []map[string]any{
			{"anonymousPullEnabled": true, "publicNetworkAccess": "Disabled"},
			{"anonymousPullEnabled": true, "networkRuleSet": map[string]any{"defaultAction": "Deny"}},
		} {
			if got := exposure.Assess(describe(entry(t, closed, tier))).Range; got != want {
				t.Errorf("%q: %v, want %v: %v", tier, got, want, closed)
			}
		}
	}
}

// What the id of another type or subscription names is not a registry of this one.
func TestForeignEntries(t *testing.T) {
	for id, named := range map[string]bool{
		registryID: true, "garbage": false, "/subscriptions/t" + registryID[len("/subscriptions/s"):]: false,
	} {
		c := &collector{scope: resource.Scope{Provider: "azure", Account: "s"}}
		r, err := c.describe(arm.Item{Call: listCall, Raw: json.RawMessage(`{"id":"` + id + `","name":"r","properties":{}}`)})
		if (err == nil) != named || (exposure.Assess(r).Range == exposure.Range{Least: exposure.Reachable, Most: exposure.Reachable}) != named || (string(r.ID) == id) != named {
			t.Errorf("%q is read as %s: %v", id, r.ID, err)
		}
	}
}

func TestAnotherRuleNeverNarrows(t *testing.T) {
	rapid.Check(t, func(d *rapid.T) {
		members := draw(d)
		before := exposure.Assess(describe(entry(d, members, "Premium"))).Range
		set := members["networkRuleSet"].(map[string]any)
		set["ipRules"] = append(set["ipRules"].([]any), map[string]any{"value": rapid.SampledFrom([]string{"198.51.100.0/24", "::/0", "nonsense"}).Draw(d, "more")})
		after := exposure.Assess(describe(entry(d, members, "Premium"))).Range
		if after.Most < before.Most || after.Least < before.Least {
			d.Fatalf("%v becomes %v", before, after)
		}
	})
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte(`{"id":"` + registryID + `","name":"r","sku":7,"properties":{"anonymousPullEnabled":true,"networkRuleSet":{"defaultAction":"Deny","ipRules":[null,{"value":"0.0.0.0"}]}}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r := describe(string(text))
		if r.ID == "" || r.Name == "" {
			t.Errorf("no name: %+v", r)
		}
		for _, g := range r.Grants {
			if g.Via != anonymousPull && g.Via != firewall.Network || len(g.Because) == 0 {
				t.Errorf("grant %+v", g)
			}
		}
	})
}
