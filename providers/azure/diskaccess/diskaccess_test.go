package diskaccess

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

var kind = &collect.Kind{
	Name: "azure.compute.disk", Class: "snapshot",
	Lists:    []collect.Listing{{Call: "computerp:disks.list", Permission: "Microsoft.Compute/disks/read"}},
	Settings: map[string]collect.SettingType{"disk_state": {}, "os": {}, "incremental": {}},
}

func describe(text string) (r *resource.Resource, unnamed error) {
	c := New(nil, resource.Scope{Provider: "azure", Account: "s"}, kind, "Microsoft.Compute/disks")
	return c.Describe(arm.Item{Call: "computerp:disks.list", Place: 2, Raw: json.RawMessage(text)})
}

func disk(properties string) string {
	return `{"id":"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/d","name":"d","properties":` + properties + `}`
}

func TestWhoIsLetIn(t *testing.T) {
	private, public := exposure.Range{}, exposure.Range{Least: exposure.Public, Most: exposure.Public}
	unknown := exposure.Range{Least: exposure.Private, Most: exposure.Public}
	for properties, want := range map[string]exposure.Range{
		`{"diskState":"ActiveSAS"}`:                                                     public,
		`{"diskState":"activesasfrozen","networkAccessPolicy":"allowall"}`:              public,
		`{"diskState":"ActiveUpload"}`:                                                  public,
		`{"diskState":"ActiveSAS","networkAccessPolicy":" "}`:                           public,
		`{"diskState":"ActiveSAS","networkAccessPolicy":"ALLOWPRIVATE"}`:                private,
		`{"diskState":"ActiveUpload","networkAccessPolicy":"DenyAll"}`:                  private,
		`{"diskState":"ActiveSAS","publicNetworkAccess":"Disabled"}`:                    private,
		`{"diskState":"ActiveSAS","dataAccessAuthMode":"AzureActiveDirectory"}`:         private,
		`{"diskState":"ActiveSAS","dataAccessAuthMode":"Passkey"}`:                      unknown,
		`{"diskState":"ActiveSAS","publicNetworkAccess":false}`:                         unknown,
		`{"diskState":"ActiveSAS","publicNetworkAccess":false,"networkAccessPolicy":1}`: unknown,
		`{"diskState":"Unattached"}`:                                                    private,
		`{"diskState":"Unattached","publicNetworkAccess":false}`:                        private,
		`{"diskState":null}`:                               unknown,
		`{"diskState":"Moonlit"}`:                          unknown,
		`{"diskState":[],"networkAccessPolicy":"DenyAll"}`: private,
		`{}`: unknown, `null`: unknown, `7`: unknown, `[]`: unknown,
	} {
		t.Run(properties, func(t *testing.T) {
			r, unnamed := describe(disk(properties))
			if got := exposure.Assess(r).Range; got != want || unnamed != nil {
				t.Errorf("%v, want %v: %v, %+v", got, want, unnamed, r)
			}
		})
	}
}

func TestNameless(t *testing.T) {
	const closed = `,"name":"d","properties":{"diskState":"Unattached"}}`
	for _, text := range []string{
		`null`, `7`, `{}`, `{"id":7,"name":"d"}`, `{"x":1` + closed, `{"id":"garbage"` + closed,
		`{"id":"/subscriptions/other/resourceGroups/rg/providers/Microsoft.Compute/disks/d"` + closed,
		`{"id":"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/snapshots/d"` + closed,
	} {
		r, unnamed := describe(text)
		if got := exposure.Assess(r).Range; unnamed == nil || got != (exposure.Range{Least: exposure.Private, Most: exposure.Public}) {
			t.Errorf("%s: %v, %v", text, unnamed, got)
		}
		if r.Name != "entry 3 of the listing" || r.ID != "/subscriptions/s/providers/Microsoft.Compute/disks/#3" {
			t.Errorf("%s: %s %s", text, r.Name, r.ID)
		}
	}
}

func TestCreated(t *testing.T) {
	r, _ := describe(disk(`{"diskState":"Unattached","timeCreated":"2026-03-04T05:06:07.89+00:00","incremental":true,"osType":"Linux"}`))
	if r.Created.Year() != 2026 || r.Settings["incremental"].Value != true || r.Settings["os"].Value != "Linux" {
		t.Errorf("%+v", r)
	}
}

var words = map[string][]string{
	"diskState":           {"", "ActiveSAS", "ActiveSASFrozen", "ActiveUpload", "Attached", "Frozen", "ReadyToUpload", "Reserved", "Unattached"},
	"networkAccessPolicy": {"", "AllowAll", "AllowPrivate", "DenyAll"},
	"publicNetworkAccess": {"", "Enabled", "Disabled"},
	"dataAccessAuthMode":  {"", "None", "AzureActiveDirectory"},
}

// A word that nobody knows yet, or something that is no word, leaves what was true
// possible, for every single action as well.
func TestWhatIsNotUnderstoodWidens(t *testing.T) {
	rapid.Check(t, func(d *rapid.T) {
		members := map[string]any{}
		for _, name := range []string{"diskState", "networkAccessPolicy", "publicNetworkAccess", "dataAccessAuthMode"} {
			members[name] = rapid.SampledFrom(words[name]).Draw(d, name)
		}
		before, _ := describe(disk(text(d, members)))
		name := rapid.SampledFrom([]string{"diskState", "networkAccessPolicy", "publicNetworkAccess", "dataAccessAuthMode"}).Draw(d, "changed")
		members[name] = rapid.SampledFrom([]any{"AndonUnseenWord", 7, false, []string{"DenyAll"}}).Draw(d, "with")
		after, _ := describe(disk(text(d, members)))
		if !exposure.Assess(after).Range.Contains(exposure.Assess(before).Range) {
			d.Fatalf("%s=%v: %v becomes %v", name, members[name], exposure.Assess(before).Range, exposure.Assess(after).Range)
		}
		for _, action := range resource.Actions() {
			v := exposure.View{Can: []resource.Action{action}}
			if v.Range(after).Most < v.Range(before).Most {
				d.Fatalf("%s=%v: %s looks safer", name, members[name], action)
			}
		}
	})
}

func text(t *rapid.T, members map[string]any) string {
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// FuzzDescribe: whatever an entry holds, it is described, and nothing is claimed
// without evidence.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte(disk(`{"diskState":"ActiveSAS","encryption":[],"creationData":{"sourceResourceId":7}}`)))
	f.Add([]byte(`{"id":"x","name":"\u001b[31m","tags":7,"properties":{"diskState":"a b\n"}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, _ := describe(string(text))
		if r.ID == "" || r.Name == "" {
			t.Errorf("no name: %+v", r)
		}
		for _, g := range r.Grants {
			if g.Via != Link || len(g.Because) == 0 {
				t.Errorf("grant %+v", g)
			}
		}
		for _, g := range r.Guards {
			if len(g.On) == 0 || len(g.Because) == 0 {
				t.Errorf("guard %+v", g)
			}
		}
		if len(r.Grants)+len(r.Gaps) == 0 {
			t.Error(fmt.Sprint("nothing is known, and nothing says so: ", r))
		}
	})
}
