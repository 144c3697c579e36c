package policycheck

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Operation is one step of a JSON Patch (RFC 6902): "add", "replace" or
// "remove". Path is a JSON Pointer into the policy document.
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// apply returns the document after the operations, in order. The document stays
// as it is. An operation that points nowhere changes nothing.
func apply(document any, operations []Operation) any {
	for _, o := range operations {
		document = o.apply(document, tokens(o.Path))
	}
	return document
}

func (o Operation) apply(node any, path []string) any {
	if len(path) == 0 {
		return o.Value
	}
	remove := len(path) == 1 && o.Op == "remove"
	switch node := node.(type) {
	case map[string]any:
		changed := maps.Clone(node)
		if remove {
			delete(changed, path[0])
		} else {
			changed[path[0]] = o.apply(node[path[0]], path[1:])
		}
		return changed
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(node) {
			return node
		}
		changed := slices.Clone(node)
		if remove {
			return slices.Delete(changed, i, i+1)
		}
		changed[i] = o.apply(node[i], path[1:])
		return changed
	}
	return node
}

// at returns what a pointer leads to; nil where that is nothing.
func at(node any, pointer string) any {
	for _, token := range tokens(pointer) {
		switch parent := node.(type) {
		case map[string]any:
			node = parent[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(parent) {
				return nil
			}
			node = parent[i]
		default:
			return nil
		}
	}
	return node
}

var (
	unescaper = strings.NewReplacer("~1", "/", "~0", "~")
	escaper   = strings.NewReplacer("~", "~0", "/", "~1")
)

func tokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(pointer[1:], "/")
	for i, part := range parts {
		parts[i] = unescaper.Replace(part)
	}
	return parts
}

// pointer joins member names to a JSON Pointer.
func pointer(names ...string) string {
	var p strings.Builder
	for _, name := range names {
		p.WriteString("/" + escaper.Replace(name))
	}
	return p.String()
}

// decode reads a document that iam.Parse has accepted: it has no key twice, so
// nothing is lost in maps.
func decode(document []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var tree any
	err := decoder.Decode(&tree)
	return tree, err
}

// encode writes a document without the escapes for HTML, which would lengthen it.
func encode(tree any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(tree)
	return out.Bytes(), err
}
