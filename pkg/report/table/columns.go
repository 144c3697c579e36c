package table

import (
	"strings"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
)

// columns writes for programs: cut, awk, a spreadsheet.
type columns struct {
	page report.Page
	out  *strings.Builder
}

// header names the columns. Their order is an interface.
var header = []string{"SEVERITY", "OUTCOME", "KIND", "NAME", "ACCOUNT", "REGION", "LEVEL", "WHO", "POLICY", "ID"}

func (c columns) write(t *telling) {
	c.row(header...)
	for _, g := range t.failures {
		for _, r := range g.rows {
			c.place(g.place, r.severity.String(), finding.Fail, r.level.String(), r.who, r.policy, r.id)
		}
	}
	for _, u := range t.unread {
		severity := ""
		if u.policy {
			severity = u.severity.String()
		}
		c.place(u.place, severity, finding.Unknown, u.level.String(), unknown(u), "", "")
	}
	c.remark(t.head(", "))
	c.remark(c.counts(t))
	c.remark(t.hidden())
	c.notAssessed(t)
	c.latent(t)
	for _, total := range t.totals(", ") {
		c.remark(total)
	}
	c.remark(t.ended())
}

func (c columns) place(p place, severity string, o finding.Outcome, rest ...string) {
	c.row(append([]string{severity, string(o), string(p.kind), p.name, p.scope.Account, p.scope.Region}, rest...)...)
}

// row writes "-" for an empty cell, which tools that split at blanks would lose.
func (c columns) row(cells ...string) {
	for i, cell := range cells {
		if i > 0 {
			c.out.WriteByte('\t')
		}
		if cell == "" {
			cell = "-"
		}
		c.out.WriteString(c.page.Text(cell))
	}
	c.out.WriteByte('\n')
}

func (c columns) remark(text string) {
	if text != "" {
		c.out.WriteString("# " + c.page.Text(text) + "\n")
	}
}

func (c columns) counts(t *telling) string {
	var said []string
	for _, n := range t.bySeverity() {
		said = append(said, report.Thousands(n.n)+" "+n.severity.String())
	}
	said = append(said, t.besides()...)
	if len(said) == 0 {
		return "no findings"
	}
	return strings.Join(said, ", ")
}

func (c columns) notAssessed(t *telling) {
	if total := t.notAssessed(); total != "" {
		c.remark("not assessed: " + total + "; this is not a clean result")
	}
	c.remark(unlisted(t.unreadMore))
	for _, u := range t.unread {
		for _, g := range u.gaps {
			c.remark("not assessed: " + u.store() + ", " + u.where() + ": " + gap(g))
		}
	}
	for _, line := range t.uncovered() {
		what, why := coverage(line)
		c.remark("not assessed: " + line.Scope.String() + " " + string(line.Kind) + ": " + what + "  " + why)
	}
}

func (c columns) latent(t *telling) {
	for _, l := range t.latent {
		for _, then := range l.then {
			c.remark("latent: " + l.store() + ", " + l.where() + ": " + lifted(l.now, then))
		}
	}
	c.remark(unlisted(t.latentMore))
}
