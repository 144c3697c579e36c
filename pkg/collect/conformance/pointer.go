package conformance

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
)

// evidence: whatever is claimed cites an answer, and the place exists there.
func (b *bench) evidence(breach complain) {
	for _, r := range b.full.stores {
		for _, g := range r.Grants {
			b.cited(r.Name+": the grant via "+string(g.Via), g.Because, breach)
		}
		for _, g := range r.Guards {
			b.cited(r.Name+": the guard "+g.Name, g.Because, breach)
		}
		for key, s := range r.Settings {
			b.cited(r.Name+": the setting "+key, []resource.Evidence{s.From}, breach)
		}
	}
}

func (b *bench) cited(claim string, because []resource.Evidence, breach complain) {
	if len(because) == 0 {
		breach("%s cites nothing", claim)
	}
	for _, e := range because {
		if err := b.resolves(e); err != nil {
			breach("%s cites %s %s at %q: %v", claim, e.Call, e.Of, e.Pointer, err)
		}
	}
}

// names reports whether an input says what evidence is about: as a quoted value,
// or as a part of a path.
func names(input, of string) bool {
	return of != "" && (strings.Contains(input, strconv.Quote(of)) || strings.Contains(input, "/"+of))
}

// resolves looks the evidence up in the answers to its call that are about what
// it is about; where no input names that, in all of them.
func (b *bench) resolves(e resource.Evidence) error {
	var about, all [][]byte
	for _, x := range b.recording.Tape.Exchanges {
		if x.Call.Name != e.Call {
			continue
		}
		all = append(all, x.Body)
		if names(x.Call.Input, e.Of) {
			about = append(about, x.Body)
		}
	}
	if len(about) == 0 {
		about = all
	}
	err := errors.New("the call was never answered")
	for _, body := range about {
		var found place
		if found, err = find(body, e.Pointer); err == nil {
			err = found.says(e.Quote)
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// place is what a pointer leads to.
type place struct {
	name string
	text string
	leaf bool // holds a value and nothing else
}

// says checks a quote where it can be a literal one: at a value. It may be
// shortened and may start with the value's name, "IgnorePublicAcls=true".
func (p place) says(quote string) error {
	if !p.leaf || quote == "" {
		return nil
	}
	literal := strings.TrimSuffix(strings.TrimPrefix(quote, p.name+"="), "…")
	if literal == p.text || strings.HasSuffix(quote, "…") && strings.HasPrefix(p.text, literal) {
		return nil
	}
	return fmt.Errorf("%q is quoted, and %q stands there", quote, p.text)
}

// find follows a pointer into an answer; resource.Evidence says how pointers
// are written.
func find(body []byte, pointer string) (place, error) {
	outer, inner, embedded := cutDocument(pointer)
	found, err := findIn(body, outer)
	if err != nil || !embedded {
		return found, err
	}
	return findJSON([]byte(found.text), inner)
}

// cutDocument splits a pointer where it enters a document inside the answer.
func cutDocument(pointer string) (outer, inner string, embedded bool) {
	quoted := false
	for i, c := range pointer {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '#' && !quoted:
			return pointer[:i], pointer[i+1:], true
		}
	}
	return pointer, "", false
}

func findIn(body []byte, pointer string) (place, error) {
	if isXML(body) {
		return findXML(body, pointer)
	}
	return findJSON(body, pointer)
}

func findJSON(body []byte, pointer string) (place, error) {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return place{}, fmt.Errorf("the answer is not JSON: %w", err)
	}
	name := ""
	for _, token := range strings.Split(pointer, "/")[1:] {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		var ok bool
		switch v := value.(type) {
		case map[string]any:
			value, ok = v[name]
		case []any:
			var i int
			if i, ok = index(name, len(v)); ok {
				value = v[i]
			}
		}
		if !ok {
			return place{}, fmt.Errorf("there is no %q", name)
		}
	}
	switch v := value.(type) {
	case map[string]any, []any:
		return place{name: name}, nil
	default:
		return place{name: name, text: fmt.Sprint(v), leaf: true}, nil
	}
}

func index(text string, length int) (int, bool) {
	i, err := strconv.Atoi(text)
	return i, err == nil && i >= 0 && i < length
}

// element is an XML element with what is in it.
type element struct {
	name     string
	text     string
	children []*element
}

func findXML(body []byte, pointer string) (place, error) {
	root, err := parseXML(body)
	if err != nil {
		return place{}, fmt.Errorf("the answer is not XML: %w", err)
	}
	at := &element{children: []*element{root}}
	for _, step := range steps(pointer) {
		if at, err = at.follow(step); err != nil {
			return place{}, err
		}
	}
	return place{name: at.name, text: at.text, leaf: len(at.children) == 0}, nil
}

func parseXML(body []byte) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	stack := []*element{{}}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			child := &element{name: t.Name.Local}
			top.children = append(top.children, child)
			stack = append(stack, child)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
	if len(stack[0].children) != 1 {
		return nil, fmt.Errorf("%d outermost elements", len(stack[0].children))
	}
	return stack[0].children[0], nil
}

// steps splits a path at its slashes, but not inside quotes.
func steps(pointer string) []string {
	quoted := false
	fields := strings.FieldsFunc(pointer, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return c == '/' && !quoted
	})
	return fields
}

// follow takes one step: a name, a name with a position, or a name with what
// one of its children says.
func (e *element) follow(step string) (*element, error) {
	name, choice, chosen := strings.Cut(strings.TrimSuffix(step, "]"), "[")
	var named []*element
	for _, child := range e.children {
		if child.name == name {
			named = append(named, child)
		}
	}
	switch {
	case len(named) == 0:
		return nil, fmt.Errorf("there is no <%s> in <%s>", name, e.name)
	case !chosen && len(named) > 1:
		return nil, fmt.Errorf("there are %d <%s> in <%s>, and the pointer does not say which", len(named), name, e.name)
	case !chosen:
		return named[0], nil
	}
	if key, value, byChild := strings.Cut(choice, "="); byChild {
		return pick(named, key, value)
	}
	i, ok := index(choice, len(named)+1)
	if !ok || i < 1 {
		return nil, fmt.Errorf("there is no <%s> number %s", name, choice)
	}
	return named[i-1], nil
}

func pick(among []*element, key, quoted string) (*element, error) {
	value, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, fmt.Errorf("%s is not a quoted text", quoted)
	}
	var found []*element
	for _, e := range among {
		for _, child := range e.children {
			if child.name == key && child.text == value {
				found = append(found, e)
			}
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d elements have the %s %s", len(found), key, quoted)
	}
	return found[0], nil
}
