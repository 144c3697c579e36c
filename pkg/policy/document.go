package policy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// Problem is one thing that is wrong with a policy file.
type Problem struct {
	File         string
	Line, Column int // counted from one
	Message      string
	// Snippet is the offending line, for a mistake inside an expression.
	Snippet string
}

// Error spells the problem as "file:line:column: what is wrong", followed by
// the offending line and a caret where there is a snippet.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Snippet == "" {
		return text
	}
	return text + "\n    " + p.Snippet + "\n    " + indent(p.Snippet, p.Column) + "^"
}

// indent is as wide as the line before the column: tabs stay tabs.
func indent(line string, column int) string {
	var pad strings.Builder
	for i, c := range []rune(line) {
		if i >= column-1 {
			break
		}
		if c != '\t' {
			c = ' '
		}
		pad.WriteRune(c)
	}
	return pad.String()
}

func comparePlaces(a, b *Problem) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
}

// joinProblems returns all problems as one error, sorted by place.
func joinProblems(problems []*Problem) error {
	slices.SortFunc(problems, comparePlaces)
	all := make([]error, len(problems))
	for i, p := range problems {
		all[i] = p
	}
	return errors.Join(all...)
}

// document is a YAML file under reading. It walks nodes instead of decoding
// into structs, because every complaint must say where.
type document struct {
	file     string
	lines    []string
	problems []*Problem
}

// parse returns the file's single top-level node, or nil after a complaint.
func (d *document) parse(text []byte) *yaml.Node {
	d.lines = splitLines(string(text))
	var root yaml.Node
	if err := yaml.Load(text, &root); err != nil {
		d.unreadable(err)
		return nil
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		d.problem(1, 1, "the file holds no policy")
		return nil
	}
	if !d.plain(root.Content[0]) {
		return nil
	}
	return root.Content[0]
}

// splitLines breaks a text where YAML does.
func splitLines(text string) []string {
	breaks := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")
	return strings.Split(breaks.Replace(text), "\n")
}

func (d *document) unreadable(err error) {
	var bad *yaml.LoadError
	if errors.As(err, &bad) {
		message := strings.TrimPrefix(bad.Message, "yaml: ")
		d.problem(max(bad.Mark.Line, 1), max(bad.Mark.Column, 1), message)
		return
	}
	d.problem(1, 1, err.Error())
}

// plain reports whether the tree is free of anchors, aliases and merge keys: a
// policy is read from top to bottom, by people.
func (d *document) plain(n *yaml.Node) bool {
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		d.report(n, "anchors and aliases have no place in a policy")
		return false
	}
	for _, child := range n.Content {
		if !d.plain(child) {
			return false
		}
	}
	return true
}

func (d *document) problem(line, column int, message string) {
	d.problems = append(d.problems, &Problem{File: d.file, Line: line, Column: column, Message: message})
}

func (d *document) report(at *yaml.Node, format string, args ...any) {
	d.problem(at.Line, at.Column, fmt.Sprintf(format, args...))
}

// reportWithin complains about the rune at offset inside a scalar, and shows
// the line.
func (d *document) reportWithin(scalar *yaml.Node, offset int, message string) {
	line, column := d.locate(scalar, offset)
	snippet := ""
	if line <= len(d.lines) {
		snippet = d.lines[line-1]
	}
	d.problems = append(d.problems, &Problem{d.file, line, column, message, snippet})
}

// locate finds where the rune at offset of a scalar's value stands in the file.
// Quotes, escapes, folding and indentation make the two differ, so it matches
// the value's visible runes against the file's, one by one.
func (d *document) locate(scalar *yaml.Node, offset int) (line, column int) {
	visible := visibleRunes(scalar.Value)
	ahead := len(visibleRunes(string([]rune(scalar.Value)[:offset])))
	line, column = scalar.Line, scalar.Column
	switch {
	case scalar.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		column++
	case scalar.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		line, column = line+1, 1
	}
	lastLine, lastColumn := line, column
	for seen := 0; line <= len(d.lines); line, column = line+1, 1 {
		for _, c := range runesFrom(d.lines[line-1], column) {
			if seen < len(visible) && c == visible[seen] {
				if seen == ahead {
					return line, column
				}
				seen++
				lastLine, lastColumn = line, column+1
			}
			column++
		}
	}
	return lastLine, lastColumn
}

func visibleRunes(text string) []rune {
	return slices.DeleteFunc([]rune(text), unicode.IsSpace)
}

func runesFrom(line string, column int) []rune {
	runes := []rune(line)
	return runes[min(column-1, len(runes)):]
}

// entries returns the values of a mapping by key. A key that is not known or
// comes twice is a complaint.
func (d *document) entries(n *yaml.Node, known ...string) map[string]*yaml.Node {
	found := make(map[string]*yaml.Node)
	for key, value := range d.pairs(n) {
		if !slices.Contains(known, key.Value) {
			d.report(key, "unknown key %q%s", key.Value, suggest(key.Value, known))
			continue
		}
		found[key.Value] = value
	}
	return found
}

// pairs iterates over a mapping, in order, complaining about
// anything but distinct text keys. A nil node has no entries.
func (d *document) pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil {
			return
		}
		if n.Kind != yaml.MappingNode {
			d.report(n, "must be a mapping of keys to values")
			return
		}
		seen := make(map[string]bool)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			switch {
			case key.Kind != yaml.ScalarNode:
				d.report(key, "a key must be text")
			case seen[key.Value]:
				d.report(key, "key %q comes twice", key.Value)
			default:
				seen[key.Value] = true
				if !yield(key, n.Content[i+1]) {
					return
				}
			}
		}
	}
}

// text returns a scalar's text. A nil node is empty.
func (d *document) text(n *yaml.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str":
		d.report(n, "must be text (put it in quotes if it is)")
		return ""
	case strings.TrimSpace(n.Value) == "":
		d.report(n, "must not be empty")
	}
	return n.Value
}

// items returns the nodes of a list. A nil node has none.
func (d *document) items(n *yaml.Node) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		d.report(n, "must be a list")
		return nil
	}
	return n.Content
}

// texts returns a list of distinct texts, each of which passes check.
func (d *document) texts(n *yaml.Node, check func(item *yaml.Node, word string)) []string {
	var all []string
	for _, item := range d.items(n) {
		word := d.text(item)
		switch {
		case word == "":
		case slices.Contains(all, word):
			d.report(item, "%q comes twice", word)
		default:
			check(item, word)
			all = append(all, word)
		}
	}
	return all
}

// terms returns a list of distinct words out of a known vocabulary.
func terms[T ~string](d *document, n *yaml.Node, noun string, known []T) []T {
	var all []T
	d.texts(n, func(item *yaml.Node, word string) {
		all = append(all, term(d, item, word, noun, known))
	})
	return all
}

// term returns one word out of a known vocabulary.
func term[T ~string](d *document, at *yaml.Node, word, noun string, known []T) T {
	if !slices.Contains(known, T(word)) {
		d.report(at, "unknown %s %q%s", noun, word, suggest(word, known))
	}
	return T(word)
}
