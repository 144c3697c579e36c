package iam

import (
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
	r := reader{string(text)}
	return r.value("", 0)
}

// reader walks a text that is known to be valid JSON, so that it need not look
// for what cannot be there.
type reader struct{ rest string }

// next skips white space, and commas and colons, which say nothing more in a
// valid text. It returns the first byte of what follows.
func (r *reader) next() byte {
	r.rest = strings.TrimLeft(r.rest, " \t\r\n,:")
	return r.rest[0]
}

// take cuts the first n bytes off.
func (r *reader) take(n int) string {
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) value(pointer string, depth int) (node, error) {
	if depth > maxDepth {
		return node{}, fail(pointer, "nested more than %d levels deep", maxDepth)
	}
	switch r.next() {
	case '{':
		return r.object(pointer, depth)
	case '[':
		return r.array(pointer, depth)
	case '"':
		text := r.str()
		if strings.ContainsAny(text, "\ufffd"+literalStar+literalQuestion) {
			return node{}, fail(pointer, "text with an unpaired surrogate or a noncharacter")
		}
		return node{kind: nodeString, pointer: pointer, text: text}, nil
	case 't':
		return node{kind: nodeBool, pointer: pointer, text: r.take(len("true"))}, nil
	case 'f':
		return node{kind: nodeBool, pointer: pointer, text: r.take(len("false"))}, nil
	case 'n':
		r.take(len("null"))
		return node{kind: nodeNull, pointer: pointer}, nil
	}
	end := strings.IndexAny(r.rest, " \t\r\n,]}")
	if end < 0 {
		end = len(r.rest)
	}
	return node{kind: nodeNumber, pointer: pointer, text: r.take(end)}, nil
}

// str reads a string. Most have no escapes and need no decoding.
func (r *reader) str() string {
	end := 1
	for escaped := false; r.rest[end] != '"' || escaped; end++ {
		escaped = !escaped && r.rest[end] == '\\'
	}
	quoted := r.take(end + 1)
	if !strings.Contains(quoted, `\`) {
		return quoted[1:end]
	}
	var text string
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		panic("iam: a string of a valid JSON text is not valid: " + err.Error())
	}
	return text
}

func (r *reader) object(pointer string, depth int) (node, error) {
	object := node{kind: nodeObject, pointer: pointer, members: make([]member, 0, 4)}
	r.take(len("{"))
	for r.next() != '}' {
		name := r.str()
		at := pointer + "/" + escape(name)
		for _, m := range object.members {
			// Element names differ by more than case, operators and keys
			// match in any case: two that fold together are one or the other.
			if strings.EqualFold(m.name, name) {
				return node{}, fail(at, "duplicate key %q", name)
			}
		}
		value, err := r.value(at, depth+1)
		if err != nil {
			return node{}, err
		}
		object.members = append(object.members, member{name, value})
	}
	r.take(len("}"))
	return object, nil
}

func (r *reader) array(pointer string, depth int) (node, error) {
	array := node{kind: nodeArray, pointer: pointer}
	r.take(len("["))
	for r.next() != ']' {
		item, err := r.value(pointer+"/"+strconv.Itoa(len(array.items)), depth+1)
		if err != nil {
			return node{}, err
		}
		array.items = append(array.items, item)
	}
	r.take(len("]"))
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
