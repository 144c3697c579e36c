package policycheck_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/aws/policycheck"
)

// patched applies a JSON Patch as RFC 6902 has it, written apart from the
// package: "add" needs the parent, "remove" and "replace" need the member.
func patched(t fataler, document []byte, patch []policycheck.Operation) []byte {
	t.Helper()
	var tree any
	if err := json.Unmarshal(document, &tree); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	for _, o := range patch {
		where := strings.Split(o.Path, "/")[1:]
		for i, token := range where {
			where[i] = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		}
		parent, last := where[:len(where)-1], where[len(where)-1]
		tree = edit(t, tree, parent, func(node any) any { return step(t, node, last, o) })
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return text
}

func edit(t fataler, node any, path []string, do func(any) any) any {
	t.Helper()
	if len(path) == 0 {
		return do(node)
	}
	switch node := node.(type) {
	case map[string]any:
		if _, ok := node[path[0]]; !ok {
			t.Fatalf("no member %q", path[0])
		}
		node[path[0]] = edit(t, node[path[0]], path[1:], do)
	case []any:
		i := index(t, node, path[0])
		node[i] = edit(t, node[i], path[1:], do)
	default:
		t.Fatalf("%q of %v, which has no members", path[0], node)
	}
	return node
}

func step(t fataler, node any, name string, o policycheck.Operation) any {
	t.Helper()
	switch node := node.(type) {
	case map[string]any:
		if _, ok := node[name]; ok == (o.Op == "add") {
			t.Fatalf("%v: the member is there: %t", o, ok)
		}
		delete(node, name)
		if o.Op != "remove" {
			node[name] = o.Value
		}
		return node
	case []any:
		i := index(t, node, name)
		switch o.Op {
		case "remove":
			return slices.Delete(node, i, i+1)
		case "replace":
			node[i] = o.Value
			return node
		}
	}
	t.Fatalf("%v does not fit %v", o, node)
	return nil
}

func index(t fataler, list []any, name string) int {
	t.Helper()
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i >= len(list) {
		t.Fatalf("%q of a list of %d", name, len(list))
	}
	return i
}
