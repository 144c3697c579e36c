package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// brailleBlank is a symbol to Unicode and a blank to the eye.
const brailleBlank = '\u2800'

// maxMarks is how many combining marks may sit on one letter; more would paint
// over the lines around it. Written languages need fewer.
const maxMarks = 4

// Hidden reports whether a rune would act on a terminal or vanish instead of
// showing: control characters, bidirectional overrides, joiners, fillers and
// every blank but the plain space.
func Hidden(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return !unicode.IsPrint(r) || r == brailleBlank ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Text makes a foreign string safe to show: whatever is hidden, and every byte
// that is not UTF-8, is spelled as an escape ("\n", "\x1b", "\u202e"). Applying
// it twice changes nothing more. It is for eyes: a backslash stays as it is, so
// a machine reads the JSON formats instead.
func Text(s string) string { return escape(s, false) }

func escape(s string, ascii bool) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	marks := maxMarks // a mark with no letter before it would land on our own text
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		marks++
		if !isMark(r) {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case Hidden(r), marks > maxMarks, ascii && r >= utf8.RuneSelf:
			b.WriteString(spell(r))
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func isMark(r rune) bool { return r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me) }

func spell(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < utf8.RuneSelf:
		return fmt.Sprintf(`\x%02x`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
