package iam

import "strings"

// value is one string of a Resource or Condition element.
type value struct {
	text    string
	pointer string
}

// part is a piece of a value: literal text with wildcards, one character that
// is never a wildcard, or a policy variable.
type part struct {
	text       string
	escaped    bool
	variable   bool
	fallback   string
	defaulted  bool
	identifier string // the variable's key in lower case
}

// hasVariable reports whether the text holds "${", which is what makes a value
// more than a plain pattern.
func hasVariable(text string) bool { return strings.Contains(text, "${") }

// split cuts a value into its parts (IAM User Guide, "IAM policy elements:
// Variables and tags"): "${*}", "${?}" and "${$}" are the characters
// themselves, and "${key, 'default'}" falls back when the request lacks the
// key. An unclosed "${" is literal.
func split(text string) []part {
	var parts []part
	for {
		start := strings.Index(text, "${")
		if start < 0 {
			break
		}
		end := strings.IndexByte(text[start:], '}')
		if end < 0 {
			break
		}
		if start > 0 {
			parts = append(parts, part{text: text[:start]})
		}
		parts = append(parts, variable(text[start+2:start+end]))
		text = text[start+end+1:]
	}
	if text != "" {
		parts = append(parts, part{text: text})
	}
	return parts
}

func variable(inside string) part {
	switch inside {
	case "*", "?", "$":
		return part{text: inside, escaped: true}
	}
	key, rest, defaulted := strings.Cut(inside, ",")
	v := part{variable: true, identifier: fold(strings.TrimSpace(key)), defaulted: defaulted}
	v.fallback = strings.Trim(strings.TrimSpace(rest), "'")
	return v
}

// fold lowers ASCII and leaves everything else alone: names of elements that
// match in any case are ASCII.
func fold(s string) string { return strings.ToLower(s) }
