package azuretest

import (
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	const good = "subscriptions:\n- id: aaaaaaaa-0000-0000-0000-000000000001\n"
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ text, want string }{
		{"subscriptions: []", "no subscriptions"},
		{"subscriptions: [null]", "entry 1 is empty"},
		{"subscriptions: [{id: x}]", `"x" of tenant`},
		{good + "- id: aaaaaaaa-0000-0000-0000-000000000001\n", "is declared twice"},
		{good + "  colour: x\n", `line 3: unknown key "colour"`},
		{good + "  state: Gone\n", `"Gone" is none of Enabled`},
		{good + "  management_group: corp\n", "there is no management group corp"},
		{good + "  unregistered: [Microsoft.Nothing]\n", "no call reads"},
		{good + "  odd: {Microsoft.Nothing/things: [null]}\n", "no call reads resources of type"},
		{good + "  odd: {Microsoft.Storage/storageAccounts: null2}\n", "not a list"},
		{good + "  resources: [null]\n", "entry 1 is empty"},
		{good + "  resources: [7]\n", "a resource is a mapping"},
		{good + "  resources: [{name: a}]\n", "needs its type and its name"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts}]\n", "needs its type and its name"},
		{good + "  resources: [{type: Microsoft.Nothing/things, name: a}]\n", "line 3: no call reads resources of type Microsoft.Nothing/things"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts, name: a/b}]\n", "has not as many parts"},
		{good + "  resources: [{id: /subscriptions/other/x}]\n", "is not the id of a resource of subscription"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts, name: a, group: 7}]\n", "group is not a text"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts, name: a, children: 7}]\n", "children is not a mapping"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts, name: a, indexed: 7}]\n", "indexed is neither true nor false"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts, name: a, children: {blobService: {}}}]\n", "no call reads blobService"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts, name: a, children: {localUsers: 7}}]\n", "neither a mapping nor a list"},
		{good + "  resources: [{type: Microsoft.Storage/storageAccounts, name: a, properties: {x: {1: 2}}}]\n", "keys of members are texts"},
		{good + "  resources:\n  - &a {type: Microsoft.Storage/storageAccounts, name: a}\n  - *a\n", "is declared twice"},
		{good + "management_groups: [{id: a, parent: b}]\n", "leads nowhere"},
		{good + "management_groups: [{id: a, parent: b}, {id: b, parent: a}]\n", "leads nowhere"},
		{good + "management_groups: [{id: a}, {id: A}]\n", "is declared twice"},
		{good + "management_groups: [{id: \"a b\"}]\n", "cannot be the id"},
		{good + "tenant: {id: x}\n", "is no UUID"},
		{good + "faults: [{call: \"*\"}]\n", "does not say which"},
		{good + "faults: [{call: \"nothing:*\", fault: throttle}]\n", "no call matches"},
		{good + "faults: [{call: \"*\", fault: latency}]\n", "adds no latency"},
		{good + "faults: [{call: \"*\", fault: hang, retry_after: 3}]\n", "does not go by"},
		{good + "faults: [{call: \"*\", fault: broken}]\n", `"broken" is none of`},
		{"subscriptions: {generate: {count: 0}}", "needs a count"},
		{"subscriptions: {generate: {count: 1, prefix: Großes}}", "makes no names"},
		{"subscriptions: {generate: {count: 1, management_group: x}}", "there is no management group"},
		{"subscriptions: {declared: [{id: 99999999-0000-4000-8000-000000000000}], generate: {count: 1}}", "is declared as well"},
	} {
		_, err := Parse([]byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s\n%v, want %q", tc.text, err, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("subscriptions: {generate: {count: 3, accounts: 2}}\nfaults: [{call: \"*\", fault: hang}]")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := Parse([]byte(text))
		if err == nil && w.count() == 0 {
			t.Error("a world of nothing")
		}
	})
}
