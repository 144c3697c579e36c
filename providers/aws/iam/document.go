package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits on a document. The largest policies that an AWS service accepts are
// about 100 KiB; a statement nests six levels deep.
const (
	maxSize  = 256 << 10
	maxDepth = 16
)

// SyntaxError says where a document is not a policy that AWS would accept, and
// why.
type SyntaxError struct {
	Pointer string // RFC 6901; "" is the whole document
	Reason  string
}

func (e *SyntaxError) Error() string {
	if e.Pointer == "" {
		return "parse policy: " + e.Reason
	}
	return "parse policy at " + e.Pointer + ": " + e.Reason
}

func fail(pointer, format string, args ...any) error {
	return &SyntaxError{pointer, fmt.Sprintf(format, args...)}
}

type nodeKind uint8

const (
	nodeObject nodeKind = iota
	nodeArray
	nodeString
	nodeNumber
	nodeBool
	nodeNull
)

func (k nodeKind) String() string {
	return [...]string{"an object", "a list", "a string", "a number", "a boolean", "null"}[k]
}

// node is a JSON value that remembers where it stood. Scalars have text.
type node struct {
	kind    nodeKind
	pointer string
	text    string
	members []member
	items   []node
}

type member struct {
	name  string
	value node
}

// readDocument reads JSON at token level, because a decoder that fills structs
// would silently keep the last of two equal keys, match names in any case and
// ignore unknown ones: each of these can hide a grant.
func readDocument(text []byte) (node, error) {
	if len(text) > maxSize {
		return node{}, fail("", "larger than %d bytes", maxSize)
	}
	if !utf8.Valid(text) {
		return node{}, fail("", "not UTF-8")
	}
	if !json.Valid(text) {
		return node{}, fail("", "not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return read(d, "", 0)
}

func read(d *json.Decoder, pointer string, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fail(pointer, "nested more than %d levels deep", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return node{}, fail(pointer, "not JSON")
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return readObject(d, pointer, depth)
		}
		return readArray(d, pointer, depth)
	case string:
		if strings.ContainsAny(t, "\ufffd"+literalStar+literalQuestion) {
			return node{}, fail(pointer, "text with an unpaired surrogate or a noncharacter")
		}
		return node{kind: nodeString, pointer: pointer, text: t}, nil
	case json.Number:
		return node{kind: nodeNumber, pointer: pointer, text: t.String()}, nil
	case bool:
		return node{kind: nodeBool, pointer: pointer, text: strconv.FormatBool(t)}, nil
	}
	return node{kind: nodeNull, pointer: pointer}, nil
}

func readObject(d *json.Decoder, pointer string, depth int) (node, error) {
	object := node{kind: nodeObject, pointer: pointer}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return node{}, fail(pointer, "not JSON")
		}
		name := token.(string)
		at := pointer + "/" + escape(name)
		for _, m := range object.members {
			// Element names differ by more than case, operators and keys
			// match in any case: two that fold together are one or the other.
			if strings.EqualFold(m.name, name) {
				return node{}, fail(at, "duplicate key %q", name)
			}
		}
		value, err := read(d, at, depth+1)
		if err != nil {
			return node{}, err
		}
		object.members = append(object.members, member{name, value})
	}
	_, err := d.Token()
	if err != nil {
		return node{}, fail(pointer, "not JSON")
	}
	return object, nil
}

func readArray(d *json.Decoder, pointer string, depth int) (node, error) {
	array := node{kind: nodeArray, pointer: pointer}
	for d.More() {
		item, err := read(d, pointer+"/"+strconv.Itoa(len(array.items)), depth+1)
		if err != nil {
			return node{}, err
		}
		array.items = append(array.items, item)
	}
	if _, err := d.Token(); err != nil {
		return node{}, fail(pointer, "not JSON")
	}
	return array, nil
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")

// escape makes a key one token of a JSON Pointer.
func escape(name string) string {
	if strings.ContainsAny(name, "~/") {
		return pointerEscaper.Replace(name)
	}
	return name
}

// list returns the items of an array, or the value itself when it is alone:
// most elements of a policy take either.
func (n node) list() []node {
	if n.kind == nodeArray {
		return n.items
	}
	return []node{n}
}
