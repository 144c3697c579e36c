package iam

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestReadDocument(t *testing.T) {
	const text = " {\"a\\/b\" : [ 1.5e3,true , false,null,\"\\u00e9\\\"\\\\\" ],\n\t\"c~\":{\"d\":\"\"}, \"e\": [] ,\"f\":-7} "
	root, err := readDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	walk(root, func(n node) { got = append(got, n.pointer+" "+n.kind.String()+" "+n.text) })
	want := []string{
		" an object ", "/a~1b a list ", "/a~1b/0 a number 1.5e3", "/a~1b/1 a boolean true", "/a~1b/2 a boolean false", "/a~1b/3 null ",
		"/a~1b/4 a string é\"\\", "/c~0 an object ", "/c~0/d a string ", "/e a list ", "/f a number -7",
	}
	if !slices.Equal(got, want) {
		t.Errorf("read\n%q, want\n%q", got, want)
	}
}

func walk(n node, visit func(node)) {
	visit(n)
	for _, m := range n.members {
		walk(m.value, visit)
	}
	for _, item := range n.items {
		walk(item, visit)
	}
}

// The reader sees what the standard decoder sees.
func FuzzReadDocument(f *testing.F) {
	for _, c := range loadCases(f) {
		f.Add([]byte(c.Policy))
	}
	f.Add([]byte(`[0,-1.5E+3,"\\\"","\ud83d\ude00",{"":{}},[[]],true,false,null]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		root, err := readDocument(text)
		if err != nil {
			return
		}
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("read %q, which is not JSON: %v", text, err)
		}
		compareNode(t, root, want)
	})
}

func compareNode(t *testing.T, n node, want any) {
	t.Helper()
	same := false
	switch want := want.(type) {
	case map[string]any:
		same = n.kind == nodeObject && len(n.members) == len(want)
		for _, m := range n.members {
			compareNode(t, m.value, want[m.name])
		}
	case []any:
		if same = n.kind == nodeArray && len(n.items) == len(want); same {
			for i, item := range n.items {
				compareNode(t, item, want[i])
			}
		}
	case string:
		same = n.kind == nodeString && n.text == want
	case json.Number:
		same = n.kind == nodeNumber && n.text == want.String()
	case bool:
		same = n.kind == nodeBool && n.text == strconv.FormatBool(want)
	case nil:
		same = n.kind == nodeNull
	}
	if !same {
		t.Fatalf("%s is %s %q, want %v", n.pointer, n.kind, n.text, want)
	}
}
