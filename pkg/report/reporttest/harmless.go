package reporttest

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Harmless says what is wrong with a human format's output: raw control or
// formatting characters, bytes that are not UTF-8, lines wider than the width
// (0: any). The only sequences let through are the four that colour severities.
// It is written apart from the code that escapes and measures.
func Harmless(out []byte, width int, allowed string) error {
	if !utf8.Valid(out) {
		return fmt.Errorf("output is not UTF-8")
	}
	text := strings.NewReplacer("\x1b[31m", "", "\x1b[33m", "", "\x1b[34m", "", "\x1b[0m", "").Replace(string(out))
	for i, line := range strings.Split(text, "\n") {
		for _, r := range line {
			if unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Variation_Selector) && !strings.ContainsRune(allowed, r) {
				return fmt.Errorf("line %d holds raw %U: %q", i+1, r, line)
			}
		}
		if cells := (&runewidth.Condition{StrictEmojiNeutral: true}).StringWidth(line); width > 0 && cells > width {
			return fmt.Errorf("line %d is %d cells wide, the page %d: %q", i+1, cells, width, line)
		}
	}
	return nil
}
