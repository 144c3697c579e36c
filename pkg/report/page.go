package report

import (
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/andon-audit/andon/pkg/finding"
)

// The widths, in cells. A narrower page than MinWidth is written as MinWidth:
// there is no sense left to lay out.
const (
	DefaultWidth = 80
	MinWidth     = 40
)

// Page is what a human format is written on. Whoever opens the output decides
// it: COLUMNS, NO_COLOR, TERM, the locale and the file descriptor are not
// looked at here.
//
// Every method that takes a string escapes it as [Text] does (and, without
// Unicode, to ASCII), so that a format cannot forget to.
type Page struct {
	// Width is the number of cells of a line; 0 means DefaultWidth. It counts
	// only on a TTY: elsewhere nothing is wrapped or shortened.
	Width int
	// Color allows SGR sequences. They repeat what words say, for severities only.
	Color bool
	// Unicode allows characters beyond ASCII.
	Unicode bool
	// TTY says that a person looks at it now.
	TTY bool
}

// Cells returns the width that lines are laid out in.
func (p Page) Cells() int {
	if p.Width == 0 {
		return DefaultWidth
	}
	return max(p.Width, MinWidth)
}

// Text makes a foreign string safe to show on this page.
func (p Page) Text(s string) string { return escape(s, !p.Unicode) }

// Symbol picks the spelling of a sign of our own.
func (p Page) Symbol(unicode, ascii string) string {
	if p.Unicode {
		return unicode
	}
	return ascii
}

// Dot joins facts on one line.
func (p Page) Dot() string { return p.Symbol(" · ", " - ") }

// The sequences of Paint.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
	reset  = "\x1b[0m"
)

var colors = map[finding.Severity]string{
	finding.Critical: red, finding.High: red, finding.Medium: yellow, finding.Low: blue, finding.Info: blue,
}

// Paint colours a word that says a severity.
func (p Page) Paint(s finding.Severity, word string) string {
	if !p.Color || strings.TrimSpace(word) == "" {
		return p.Text(word)
	}
	return colors[s] + p.Text(word) + reset
}

// cells has no East Asian locale: ambiguous characters are one cell wide, and
// the layout does not depend on the environment.
var cells = runewidth.Condition{StrictEmojiNeutral: true}

func runeCells(r rune) int {
	if isMark(r) {
		return 0
	}
	return cells.RuneWidth(r)
}

// Width measures an escaped string in cells. It adds up its characters, which
// is what terminals do at most.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	width := 0
	for _, r := range s {
		width += runeCells(r)
	}
	return width
}

// Fit shortens a string to a width by leaving out its middle: both ends of a
// name tell more than its beginning.
func (p Page) Fit(s string, width int) string {
	s = p.Text(s)
	if !p.TTY || Width(s) <= width {
		return s
	}
	dots := p.Symbol("…", "..")
	room := max(width-Width(dots), 0)
	return s[:head(s, room-room/2)] + dots + s[tail(s, room/2):]
}

// Pad fits a string and fills it up to a width.
func (p Page) Pad(s string, width int) string {
	s = p.Fit(s, width)
	return s + strings.Repeat(" ", max(width-Width(s), 0))
}

// Wrap breaks a string into lines of at most width cells, at spaces or else
// behind commas where it can. Nothing but the space at a break is lost.
func (p Page) Wrap(s string, width int) []string {
	s = p.Text(s)
	if !p.TTY {
		return []string{s}
	}
	width = max(width, 2) // a wide character must fit
	var lines []string
	for Width(s) > width {
		cut := breakBefore(s, head(s, width))
		lines = append(lines, strings.TrimRight(s[:cut], " "))
		s = strings.TrimLeft(s[cut:], " ")
	}
	return append(lines, s)
}

// breakBefore finds the best place to break a string that fits up to limit.
func breakBefore(s string, limit int) int {
	if space := strings.LastIndexByte(s[:min(limit+1, len(s))], ' '); space > 0 {
		return space
	}
	if comma := strings.LastIndexByte(s[:limit], ','); comma > limit/2 {
		return comma + 1
	}
	return limit
}

// Indent wraps a string behind a first prefix; further lines hang under the
// text. The prefix is ours and may hold colour.
func (p Page) Indent(prefix string, prefixWidth int, s string) []string {
	lines := p.Wrap(s, p.Cells()-prefixWidth)
	for i := range lines {
		lead := prefix
		if i > 0 {
			lead = strings.Repeat(" ", prefixWidth)
		}
		lines[i] = strings.TrimRight(lead+lines[i], " ")
	}
	return lines
}

// head returns how many bytes of s fit into width, never parting a mark from
// its letter.
func head(s string, width int) int {
	used := 0
	for i, r := range s {
		if used += runeCells(r); used > width {
			return i
		}
	}
	return len(s)
}

// tail returns where the last width cells of s begin.
func tail(s string, width int) int {
	used, start := 0, len(s)
	for i := len(s); i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
		if used += runeCells(r); used > width {
			return start
		}
		if !isMark(r) {
			start = i
		}
	}
	return start
}
