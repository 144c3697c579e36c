package collect

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/andon-audit/andon/pkg/resource"
)

// box is the kind that the tests of this package collect.
const box = `
kind: test.storage.box
class: bucket
title: A box
public: The lid is open.
budget: 2
channels: {lid: the lid, key: copies of the key}
lists:
  - {call: "test:ListBoxes", permission: "test:List"}
  - {call: "test:ListMoreBoxes", permission: "test:ListMore"}
reads:
  - call: test:GetHouse
    permission: test:House
    shared: true
    shields: [{on: [lid, key], cap: {reach: private, credential: own}}]
  - call: test:GetLid
    permission: test:Lid
    hides: [{via: lid, to: {reach: internet, credential: none}, can: [read, list]}]
    settings: [lid]
  - call: test:GetKeys
    permission: test:Keys
    hides: [{via: key, to: {reach: listed, credential: named}}]
  - call: test:GetLock
    permission: test:Lock
    shields: [{on: [lid], can: [read], cap: {reach: internet, credential: any-tenant}}]
settings: {lid: {type: bool, doc: the lid is open}}
blind: [what is in the box]
references: [https://example.com/boxes]
`

func TestParseKind(t *testing.T) {
	k, err := ParseKind([]byte(box))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"test:ListBoxes", "test:ListMoreBoxes", "test:GetHouse", "test:GetLid", "test:GetKeys", "test:GetLock"}
	if diff := cmp.Diff(want, k.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestParseKindErrors(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"not YAML":                {box, "kind: [", "parse kind.yaml: "},
		"empty":                   {box, "", "parse kind.yaml: EOF"},
		"unknown key":             {"budget: 2", "budgets: 2", "parse kind.yaml: yaml: construct errors: line 6: field budgets not found in type collect.Kind"},
		"key given twice":         {"budget: 2", "budget: 2\nbudget: 3", "parse kind.yaml: yaml: "},
		"unknown reach":           {"reach: internet, credential: none", "reach: everywhere, credential: none", `parse kind.yaml: yaml: `},
		"unknown credential":      {"credential: named", "credential: friend", `parse kind.yaml: yaml: `},
		"no title":                {"title: A box\n", "", "check kind test.storage.box: kind, class, title and public must be given"},
		"no text":                 {"public: The lid is open.\n", "", "check kind test.storage.box: kind, class, title and public must be given"},
		"no listing":              {box[strings.Index(box, "lists:"):strings.Index(box, "reads:")], "", "check kind test.storage.box: lists, channels and references must be given"},
		"no reference":            {"references: [https://example.com/boxes]", "", "check kind test.storage.box: lists, channels and references must be given"},
		"listing without right":   {`permission: "test:ListMore"`, `permission: ""`, "check kind test.storage.box: lists: call and permission must be given"},
		"reading without right":   {"permission: test:Keys", `permission: ""`, "check kind test.storage.box: test:GetKeys: call and permission must be given"},
		"the same call twice":     {"test:GetLock", "test:GetKeys", "check kind test.storage.box: test:GetKeys is declared twice"},
		"undeclared hidden way":   {"via: key", "via: window", `check kind test.storage.box: test:GetKeys: channel "window" is not declared`},
		"undeclared shielded way": {"on: [lid, key]", "on: [lid, window]", `check kind test.storage.box: test:GetHouse: channel "window" is not declared`},
		"unknown action":          {"can: [read, list]", "can: [reed, list]", `check kind test.storage.box: test:GetLid: action "reed" is none of [`},
		"undeclared setting":      {"settings: [lid]", "settings: [lit]", `check kind test.storage.box: test:GetLid: setting "lit" is not declared`},
		"unknown type":            {"type: bool", "type: boolean", `check kind test.storage.box: setting "lid" needs a doc and a type, one of ["bool" "number" "text" "texts"]`},
		"setting without a text":  {", doc: the lid is open", "", `check kind test.storage.box: setting "lid" needs a doc and a type, one of ["bool" "number" "text" "texts"]`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(box, c.old, c.new, 1)
			if text == box {
				t.Fatalf("%q is not in the declaration", c.old)
			}
			_, err := ParseKind([]byte(text))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("error %s\nwant  %s", err, c.want)
			}
		})
	}
}

func TestQuestion(t *testing.T) {
	lid := MustParseKind([]byte(box)).Question("test:GetLid", nil)
	want := resource.Gap{
		Call: "test:GetLid", Permission: "test:Lid", Reason: resource.Denied, Detail: "no",
		Hides:    []resource.Hidden{{Via: "lid", To: resource.Anyone, Can: []resource.Action{resource.Read, resource.List}}},
		Settings: []string{"lid"},
	}
	if diff := cmp.Diff(want, lid.Gap(resource.Denied, "no"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("gap (-want +got):\n%s", diff)
	}
	house := MustParseKind([]byte(box)).Question("test:GetHouse", nil)
	if !house.Shared || lid.Shared {
		t.Errorf("shared: the house %t, the lid %t", house.Shared, lid.Shared)
	}
}

// What a collector does not declare cannot be asked: neither permission nor
// documentation nor gap would know of it.
func TestUndeclaredQuestion(t *testing.T) {
	defer func() {
		if got, want := recover(), "kind test.storage.box does not declare test:OpenBox"; got != want {
			t.Errorf("panic %v, want %s", got, want)
		}
	}()
	MustParseKind([]byte(box)).Question("test:OpenBox", func(context.Context, *resource.Resource) error { return nil })
}

func TestMustParseKind(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a declaration that is none was accepted")
		}
	}()
	MustParseKind([]byte("kind: x"))
}

func TestMissing(t *testing.T) {
	k := &Kind{
		Settings: map[string]SettingType{"b": {}, "a": {}, "read": {}, "asked": {}},
		Reads:    []Reading{{Settings: []string{"asked"}}},
	}
	r := &resource.Resource{}
	r.Set("read", true, resource.Evidence{})
	if got := k.Missing(r); strings.Join(got, " ") != "a b" {
		t.Errorf("%q are missing", got)
	}
}
