package member

import (
	"strings"
	"unicode"
)

// maxDomain is how long a name may be in the DNS, in bytes.
const maxDomain = 253

// isDomain reports whether the text can be a domain: labels of letters, digits
// and hyphens. A letter may be foreign, since domains are.
func isDomain(text string) bool {
	if text == "" || len(text) > maxDomain {
		return false
	}
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)
		}) {
			return false
		}
	}
	return true
}

// isForbidden reports whether an address cannot hold a character: it would end
// the address, or it is none that is printed.
func isForbidden(r rune) bool {
	return r == '@' || r == ':' || r == '/' || r == '?' || r == unicode.ReplacementChar ||
		unicode.IsSpace(r) || !unicode.IsPrint(r)
}

// isNumber reports whether the text can be the number of a project, a folder or
// an organisation.
func isNumber(text string) bool {
	return text != "" && len(text) <= 30 && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}

// isProject reports whether the text can be the id or the number of a project,
// with the domain that an old id is scoped by ("example.com:proj").
//
// Source: https://docs.cloud.google.com/resource-manager/docs/creating-managing-projects
func isProject(text string) bool {
	if domain, id, ok := strings.Cut(text, ":"); ok {
		return isDomain(domain) && isID(id)
	}
	return isID(text)
}

// isID reports whether the text is of the letters that ids of projects and of
// pools have.
func isID(text string) bool {
	return text != "" && len(text) <= 63 && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// lower lowers the letters of ASCII alone: strings.ToLower makes an ASCII k of
// the Kelvin sign, and another domain the organisation's own.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// cutLast cuts the text at the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
