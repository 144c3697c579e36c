package table

import (
	"strings"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
)

// layout writes for a terminal.
type layout struct {
	page report.Page
	out  *strings.Builder
}

// stackedBelow is the width that columns need at least.
const stackedBelow = 60

// maxLines is how many lines a cell may take; the last one is shortened.
const maxLines = 3

func (l layout) write(t *telling) {
	l.line("", t.head(l.page.Dot()))
	l.counts(t)
	if len(t.failures) > 0 {
		l.line("", "")
		if l.page.Cells() < stackedBelow {
			l.stacked(t.failures)
		} else {
			l.table(t.failures)
		}
	}
	l.some(" ", t.hidden())
	l.notAssessed(t)
	l.latent(t)
	l.line("", "")
	for _, total := range t.totals(l.page.Dot()) {
		l.line(" ", total)
	}
	l.line("", "")
	l.some(" ", t.next())
	l.line(" ", t.ended())
}

// line writes a text, wrapped behind an indent.
func (l layout) line(indent, text string) {
	l.lines(l.page.Indent(indent, len(indent), text))
}

func (l layout) some(indent, text string) {
	if text != "" {
		l.line(indent, text)
	}
}

func (l layout) lines(lines []string) {
	for _, line := range lines {
		l.out.WriteString(line)
		l.out.WriteByte('\n')
	}
}

// counts fits any width that is allowed, and is coloured after that was seen to.
func (l layout) counts(t *telling) {
	var plain, painted []string
	for _, n := range t.bySeverity() {
		text := report.Thousands(n.n) + " " + n.severity.String()
		plain = append(plain, text)
		painted = append(painted, l.page.Paint(n.severity, text))
	}
	plain, painted = append(plain, t.besides()...), append(painted, t.besides()...)
	if len(plain) == 0 {
		l.line("", "no findings")
		return
	}
	dot := l.page.Dot()
	used := 0
	for i, text := range plain {
		width := report.Width(text)
		switch {
		case i == 0:
		case used+report.Width(dot)+width > l.page.Cells():
			l.out.WriteByte('\n')
			used = 0
		default:
			l.out.WriteString(dot)
			used += report.Width(dot)
		}
		l.out.WriteString(painted[i])
		used += width
	}
	l.out.WriteByte('\n')
}

var severityShort = map[finding.Severity]string{
	finding.Critical: "CRIT", finding.High: "HIGH", finding.Medium: "MED", finding.Low: "LOW", finding.Info: "INFO",
}

// maxListed is how many stores a section after the failures lists.
const maxListed = 20

// The columns, and the widths that they are never pressed below.
const (
	sev = iota
	store
	where
	whom
	level
	width
)

var (
	titles = [width]string{"SEV", "STORE", "WHERE", "WHO / WHAT", "LEVEL"}
	floors = [width]int{4, 14, 12, 12, 9}
)

const gutter = 2

func (l layout) table(groups []*group) {
	widths := l.widths(groups)
	l.cells(widths, titles, nil)
	for _, g := range groups {
		for i := range g.rows {
			l.cells(widths, cellsOf(g, i), &g.rows[i].severity)
		}
	}
}

// cellsOf leaves out what the row above said already: a store's further
// failures name neither the store nor, where nobody else gets in, who.
func cellsOf(g *group, i int) [width]string {
	r := g.rows[i]
	cells := [width]string{severityShort[r.severity], g.store(), g.where(), r.who, r.level.String()}
	if i > 0 {
		cells[store], cells[where] = "", ""
		if r.who == g.rows[i-1].who {
			cells[whom] = r.title
		}
	}
	return cells
}

// widths gives each column what it wants where there is room. Else accounts and
// regions go below each other, and the columns share what is left above the
// floors, one cell at a time.
func (l layout) widths(groups []*group) [width]int {
	want, widths := l.wanted(groups), [width]int{}
	room := l.page.Cells() - 1 - gutter*(width-1)
	if want[sev]+want[store]+want[where]+want[whom]+want[level] > room {
		want[where] = l.widestWord(groups)
	}
	for i := range widths {
		widths[i] = min(want[i], floors[i])
		room -= widths[i]
	}
	for grown := true; room > 0 && grown; {
		grown = false
		for i := range widths {
			if room > 0 && widths[i] < want[i] {
				widths[i]++
				room--
				grown = true
			}
		}
	}
	return widths
}

func (l layout) widestWord(groups []*group) int {
	widest := len(titles[where])
	for _, g := range groups {
		for _, word := range strings.Fields(l.page.Text(g.where())) {
			widest = max(widest, report.Width(word))
		}
	}
	return widest
}

func (l layout) wanted(groups []*group) [width]int {
	var want [width]int
	for i, title := range titles {
		want[i] = len(title)
	}
	want[sev] = floors[sev]
	for _, g := range groups {
		for r := range g.rows {
			for i, cell := range cellsOf(g, r) {
				want[i] = max(want[i], report.Width(l.page.Text(cell)))
			}
		}
	}
	return want
}

// cells writes one row, as many lines high as its highest cell.
func (l layout) cells(widths [width]int, cells [width]string, severity *finding.Severity) {
	var columns [width][]string
	height := 1
	for i, cell := range cells {
		columns[i] = l.cell(i, cell, widths[i])
		height = max(height, len(columns[i]))
	}
	for y := range height {
		var b strings.Builder
		for i := range columns {
			text := ""
			if y < len(columns[i]) {
				text = columns[i][y]
			}
			text = l.page.Pad(text, widths[i])
			if i == sev && severity != nil {
				text = l.page.Paint(*severity, text)
			}
			b.WriteString(strings.Repeat(" ", min(i, 1)*gutter) + text)
		}
		l.out.WriteString(" " + strings.TrimRight(b.String(), " ") + "\n")
	}
}

// cell breaks a cell into lines: a store's name keeps to one, both its ends in
// sight; a level breaks behind its dots.
func (l layout) cell(column int, text string, width int) []string {
	switch column {
	case store:
		return []string{l.page.Fit(text, width)}
	case level:
		if report.Width(text) > width {
			text = strings.Replace(text, "..", ".. ", 1)
		}
	}
	lines := l.page.Wrap(text, width)
	if len(lines) > maxLines {
		rest := strings.Join(lines[maxLines-1:], " ")
		lines = append(lines[:maxLines-1], l.page.Fit(rest, width))
	}
	return lines
}

// stacked is the list for pages too narrow for columns.
func (l layout) stacked(groups []*group) {
	for _, g := range groups {
		for i, r := range g.rows {
			cells := cellsOf(g, i)
			head := " " + l.page.Paint(r.severity, cells[sev]) + " "
			l.lines(l.page.Indent(head, len(cells[sev])+2, r.level.String()))
			if i == 0 {
				l.out.WriteString("   " + l.page.Fit(cells[store], l.page.Cells()-3) + "\n")
				l.line("   ", cells[where])
			}
			l.line("   ", cells[whom])
		}
	}
}

func (l layout) notAssessed(t *telling) {
	total := t.notAssessed()
	if total == "" {
		return
	}
	l.line("", "")
	l.line(" ", "NOT ASSESSED  "+total+l.page.Symbol(" — ", " - ")+"this is not a clean result")
	shown, more := first(t.unread)
	for _, u := range shown {
		l.heading(u.store(), u.where(), u.level.String())
		if len(u.gaps) == 0 {
			l.line("     ", "what was read does not decide")
		}
		for _, g := range u.gaps {
			l.line("     ", gap(g))
		}
	}
	l.some("   ", unlisted(t.unreadMore+more))
	for _, c := range t.uncovered() {
		what, why := coverage(c)
		l.heading(c.Scope.String(), report.Kind(c.Kind), what)
		l.some("     ", why)
	}
}

// first keeps what follows the failures short, so that they stay in sight: one
// missing permission may leave every store of an account unread.
func first[T any](all []T) (shown []T, more int) {
	shown = all[:min(len(all), maxListed)]
	return shown, len(all) - len(shown)
}

func (l layout) latent(t *telling) {
	if len(t.latent) == 0 {
		return
	}
	l.line("", "")
	l.line(" ", "LATENT  closed by a guard alone")
	shown, more := first(t.latent)
	for _, latent := range shown {
		l.heading(latent.store(), latent.where())
		for _, then := range latent.then {
			l.line("     ", lifted(latent.now, then))
		}
	}
	l.some("   ", unlisted(t.latentMore+more))
}

// heading writes what a section is about, its first part shortened to one line.
func (l layout) heading(parts ...string) {
	parts[0] = l.page.Fit(parts[0], l.page.Cells()/2)
	l.lines(l.page.Indent("   ", 3, strings.Join(parts, "  ")))
}
