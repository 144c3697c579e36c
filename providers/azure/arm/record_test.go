package arm_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/providers/azure/arm"
)

const accountType = "Microsoft.Storage/storageAccounts"

func TestParseID(t *testing.T) {
	for name, c := range map[string]struct {
		id, of string
		values []string // nil: it is none
	}{
		"an account":              {"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a", accountType, []string{"s", "g", "a"}},
		"in another case":         {"/SUBSCRIPTIONS/S/resourcegroups/G/providers/microsoft.storage/storageaccounts/A", accountType, []string{"S", "G", "A"}},
		"a subnet":                {"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n", "Microsoft.Network/virtualNetworks/subnets", []string{"s", "g", "v", "n"}},
		"of another type":         {"/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/a", accountType, nil},
		"what is in it":           {"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a/blobServices/default", accountType, nil},
		"not rooted":              {"subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a", accountType, nil},
		"no name":                 {"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/", accountType, nil},
		"no group":                {"/subscriptions/s/resourceGroups//providers/Microsoft.Storage/storageAccounts/a", accountType, nil},
		"a step up":               {"/subscriptions/s/resourceGroups/../providers/Microsoft.Storage/storageAccounts/a", accountType, nil},
		"a query":                 {"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a?x=1", accountType, nil},
		"nothing":                 {"", accountType, nil},
		"of another organisation": {"https://evil.example/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a", accountType, nil},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := arm.ParseID(c.id, c.of)
			if (err == nil) != (c.values != nil) {
				t.Fatalf("%+v, %v", id, err)
			}
			if err != nil {
				return
			}
			if !slices.Equal(id.Values(), c.values) || arm.Key(id.String()) != arm.Key(c.id) || id.Name() != c.values[len(c.values)-1] {
				t.Errorf("%q, spelt %s", id.Values(), id)
			}
			if more := id.Values("x"); more[len(more)-1] != "x" || len(id.Values()) != len(c.values) {
				t.Error("more values are kept")
			}
		})
	}
}

// FuzzParseID: whatever a cloud calls an id, it is refused or fills exactly its
// places, and no value of it leaves its segment of a path.
func FuzzParseID(f *testing.F) {
	f.Add("/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a")
	f.Add("/subscriptions/%2f/resourceGroups/../providers/Microsoft.Storage/storageAccounts/a\x00")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := arm.ParseID(text, accountType)
		if err != nil {
			if len(err.Error()) > 1200 {
				t.Errorf("%d bytes of hostile text", len(err.Error()))
			}
			return
		}
		again, err := arm.ParseID(id.String(), accountType)
		if err != nil || !slices.Equal(again.Values(), id.Values()) || len(id.Values()) != 3 {
			t.Fatalf("%q is read again as %q: %v", text, again, err)
		}
		for _, value := range id.Values() {
			if strings.ContainsAny(value, "/?#\\\n\x00") {
				t.Errorf("%q leaves its segment", value)
			}
		}
	})
}

func TestRecord(t *testing.T) {
	r := arm.Item{Call: "storage:storageAccounts.list", Raw: json.RawMessage(`{
		"id": "/subscriptions/s", "NAME": "a", "type": "T", "location": "westeurope", "kind": 7, "tags": {"team": "cars", "odd": 3},
		"sku": {"name": "Standard_LRS", "tier": null}, "systemData": {"createdAt": "2019-01-02T03:04:05.6Z"}, "properties": {"x": null}, "future": [1]}`)}.Record()
	if r.ID != "/subscriptions/s" || r.Name != "a" || r.Location != "westeurope" || r.SKU.Name != "Standard_LRS" || r.Kind != "" {
		t.Errorf("%+v", r)
	}
	if !slices.Equal(r.Odd, []string{"kind", "tags"}) || r.Tags["team"] != "cars" || r.Created != time.Date(2019, 1, 2, 3, 4, 5, 600_000_000, time.UTC) {
		t.Errorf("%q %v %v", r.Odd, r.Tags, r.Created)
	}
	var properties struct{ X *string }
	if err := r.Into(&properties); err != nil || properties.X != nil {
		t.Error(err)
	}
	if e := r.Evidence("x"); e.Of != "/subscriptions/s" || e.Pointer != "/value" || e.Call != "storage:storageAccounts.list" {
		t.Errorf("%+v", e)
	}
	for _, raw := range []string{`null`, `7`, `"text"`, `[]`, ``, `{`} {
		odd := arm.Item{Call: "c", Raw: json.RawMessage(raw)}.Record()
		if !slices.Equal(odd.Odd, []string{""}) || odd.Into(&properties) == nil {
			t.Errorf("%s is read as %+v", raw, odd)
		}
	}
}

// What stands in an entry in two spellings says nothing for certain, in whatever
// order Go walks through a map.
func TestSpellings(t *testing.T) {
	for range 20 {
		r := arm.Item{Call: "c", Raw: json.RawMessage(`{"id":"/a","ID":"/b","Name":"x","properties":{},"Properties":{"y":1},"PROPERTIES":null}`)}.Record()
		var properties map[string]any
		if r.ID != "" || r.Name != "x" || !slices.Equal(r.Odd, []string{"id"}) || r.Into(&properties) == nil {
			t.Fatalf("%+v", r)
		}
	}
}

// TestRecordsNeverEscape: no entry makes the reader panic, and what is said to be
// read has the type it should.
func TestRecordsNeverEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{`null`, `true`, `1`, `"x"`, `[]`, `{}`, `[null]`, `{"a":1}`, `{"name":{}}`})
		members := rapid.MapOfN(rapid.SampledFrom([]string{"id", "name", "type", "tags", "sku", "properties", "systemData", "Name", "ID"}), word, 0, 6).Draw(t, "members")
		var parts []string
		for key, text := range members {
			parts = append(parts, `"`+key+`":`+text)
		}
		r := arm.Item{Call: "c", Raw: json.RawMessage("{" + strings.Join(parts, ",") + "}")}.Record()
		if slices.Contains(r.Odd, "") {
			t.Fatalf("an object is odd: %v", parts)
		}
	})
}

func TestIs(t *testing.T) {
	if !arm.Is("disabled", "Enabled", "Disabled") || arm.Is("", "Enabled") || arm.Is("Disabled2", "Disabled") {
		t.Error("words are compared without case, and whole")
	}
}

// TestPropertiesTwice: an entry that says what is special about a store twice says
// nothing, whichever comes last. Tags have names of their own.
func TestPropertiesTwice(t *testing.T) {
	for entry, readable := range map[string]bool{
		`{"id":"/a","properties":{"publicNetworkAccess":"Enabled"}}`:                                                 true,
		`{"id":"/a","tags":{"x":"1","X":"2"},"properties":{"a":1},"sku":{"name":"a"}}`:                               true,
		`{"id":"/a","properties":{"publicNetworkAccess":"Enabled"},"properties":{"publicNetworkAccess":"Disabled"}}`: false,
		`{"id":"/a","properties":{"publicNetworkAccess":"Enabled"},"Properties":{"publicNetworkAccess":"Disabled"}}`: false,
		`{"id":"/a","properties":{"publicNetworkAccess":"Enabled","publicNetworkAccess":"Disabled"}}`:                false,
	} {
		var into map[string]any
		if err := (arm.Item{Call: "storage:storageAccounts.list", Raw: json.RawMessage(entry)}).Record().Into(&into); (err == nil) != readable {
			t.Errorf("%s: %v", entry, err)
		}
	}
}

// TestTwice: which of two members of one name counts, nobody says, wherever they
// stand; members of different objects have nothing to do with each other.
func TestTwice(t *testing.T) {
	for properties, readable := range map[string]bool{
		`{}`: true, `{"a":"a","b":["a","a",{"a":1},{"a":2}],"c":{"a":1,"b":{}}}`: true, `{"a":[[]],"b":"A"}`: true,
		`{"a":1,"A":1}`: false, `{"a":1,"a":1}`: false, `{"k":1,"K":2}`: false, `{"s":1,"ſ":2}`: false,
		`{"a":{"b":[],"c":"b","B":null}}`: false, `{"a":[{},[{"b":1,"B":2}]]}`: false, `{"a":{"x":1},"A":{"y":1}}`: false,
		`{"a":`: false, `null`: false, `[]`: false,
	} {
		r := arm.Record{Item: arm.Item{Call: "storage:storageAccounts.list"}, Properties: json.RawMessage(properties)}
		var into map[string]any
		if err := r.Into(&into); (err == nil) != readable {
			t.Errorf("%s: %v", properties, err)
		}
	}
}

func TestMembers(t *testing.T) {
	type read struct {
		value     any
		given, ok bool
	}
	for raw, want := range map[string]struct{ flag, text read }{
		``:        {read{false, false, true}, read{"", false, true}},
		`null`:    {read{false, false, true}, read{"", false, true}},
		`true`:    {read{true, true, true}, read{"", true, false}},
		`false`:   {read{false, true, true}, read{"", true, false}},
		`" Deny"`: {read{false, true, false}, read{"Deny", true, true}},
		`" "`:     {read{false, true, false}, read{"", false, true}},
		`{}`:      {read{false, true, false}, read{"", true, false}},
	} {
		var flag, text read
		flag.value, flag.given, flag.ok = arm.Bool(json.RawMessage(raw))
		text.value, text.given, text.ok = arm.Text(json.RawMessage(raw))
		if flag != want.flag || text != want.text {
			t.Errorf("%s is read as %v and %v", raw, flag, text)
		}
	}
}
