package conformance

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect/tape"
)

// malformation is an answer that is not what it should be.
type malformation struct {
	name   string
	answer tape.Exchange
}

// signInPage is what a network that wants its terms accepted answers to
// everything. Its open tags are no XML.
const signInPage = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Sign in</title></head>` +
	`<body><p>Please accept the terms<br>to continue.<p><img src="logo.png"></body></html>`

// malformations returns an answer in every wrong shape that is tried.
func malformations(d Dialect, e tape.Exchange) []malformation {
	var all []malformation
	add := func(name string, body []byte) {
		if !bytes.Equal(body, e.Body) {
			wrong := e
			wrong.Body = body
			all = append(all, malformation{name, wrong})
		}
	}
	add("its first half", e.Body[:len(e.Body)/2])
	add("nothing", nil)
	add("an empty document", hollow(e.Body))
	add("values of another type", retype(e.Body))
	add("a list", []byte("[]"))
	add("a sign-in page", []byte(signInPage))
	proxied := e
	proxied.Status, proxied.Body, proxied.Header = http.StatusOK, []byte(signInPage), http.Header{"Content-Type": {"text/html"}}
	all = append(all, malformation{"a sign-in page that claims success", proxied})
	for _, spoil := range documentSpoils {
		if wrong, ok := d.Documents(e, spoil.change); ok && !bytes.Equal(wrong.Body, e.Body) {
			all = append(all, malformation{spoil.name, wrong})
		}
	}
	return append(all, twice(d, e)...)
}

var documentSpoils = []struct {
	name   string
	change func(string) string
}{
	{"a document that is no JSON", func(string) string { return "this is not JSON" }},
	{"half a document", func(text string) string { return text[:len(text)/2] }},
	{"an empty document inside", func(string) string { return "{}" }},
	{"a document that is a list", func(text string) string { return "[" + text + "]" }},
	{"a document that is null", func(string) string { return "null" }},
	{"a document with something after it", func(text string) string { return text + "{}" }},
	{"a document with values of another type", func(text string) string { return string(retype([]byte(text))) }},
}

// twice returns the answer with each top-level key of its document repeated, so
// that a reader who believes the last one sees nothing.
func twice(d Dialect, e tape.Exchange) []malformation {
	var all []malformation
	for _, key := range topLevelKeys(d, e) {
		wrong, _ := d.Documents(e, func(text string) string {
			end := strings.LastIndex(text, "}")
			return text[:end] + `,"` + key + `":[]` + text[end:]
		})
		all = append(all, malformation{"a document with the key " + key + " twice", wrong})
	}
	return all
}

func topLevelKeys(d Dialect, e tape.Exchange) []string {
	var members map[string]json.RawMessage
	d.Documents(e, func(text string) string {
		_ = json.Unmarshal([]byte(text), &members) // a document that is broken already has no keys
		return text
	})
	return slices.Sorted(maps.Keys(members))
}

var rootName = regexp.MustCompile(`<([A-Za-z][^\s/>]*)`)

// hollow keeps the outermost element or object and nothing in it.
func hollow(body []byte) []byte {
	if isXML(body) {
		if root := rootName.FindSubmatch(body); root != nil {
			return []byte("<" + string(root[1]) + "></" + string(root[1]) + ">")
		}
	}
	return []byte("{}")
}

func isXML(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

var leafText = regexp.MustCompile(`>([^<>]+)</`)

// retype keeps the shape of an answer and changes the type of every value.
func retype(body []byte) []byte {
	if isXML(body) {
		return leafText.ReplaceAll(body, []byte(`><Unexpected>$1</Unexpected></`))
	}
	var value any
	if json.Unmarshal(body, &value) != nil {
		return body
	}
	text, err := json.Marshal(otherType(value))
	if err != nil {
		return body
	}
	return text
}

func otherType(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			v[key] = otherType(member)
		}
		return v
	case []any:
		for i, item := range v {
			v[i] = otherType(item)
		}
		return v
	case string:
		return 7
	default:
		return "unexpected"
	}
}

// replaceEach returns copies of a body in which one place that holds the word,
// and nothing else, holds another. A place is an XML element or attribute, or a
// JSON string or key, also of a document inside another.
func replaceEach(body []byte, word, with string) [][]byte {
	var copies [][]byte
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte(word))
		if i < 0 {
			return copies
		}
		start, end := at+i, at+i+len(word)
		at = end
		if opens(body[:start]) && closes(body[end:]) {
			copies = append(copies, bytes.Join([][]byte{body[:start], []byte(with), body[end:]}, nil))
		}
	}
}

var quotes = []string{`"`, "&#34;", "&quot;"}

func opens(before []byte) bool {
	return slices.ContainsFunc(append([]string{">"}, quotes...), func(edge string) bool { return bytes.HasSuffix(before, []byte(edge)) })
}

func closes(after []byte) bool {
	return slices.ContainsFunc(append([]string{"<"}, quotes...), func(edge string) bool { return bytes.HasPrefix(bytes.TrimPrefix(after, []byte(`\`)), []byte(edge)) })
}
