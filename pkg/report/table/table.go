// Package table writes a run for people: the failures, worst first, then what
// could not be assessed, what would open if a guard were lifted, and the
// totals. On a terminal it is laid out to the width; in a pipe it is plain:
//
//   - one header line, then a row a failure and a row an unassessed store, tab
//     separated, nothing shortened; columns are only ever added on the right
//   - everything else follows on lines that begin with '#'
//
// It promises that an incomplete run never looks clean, that no foreign text
// reaches the terminal unescaped, and that memory does not grow with the
// number of stores: it keeps the worst rows and counts the others.
package table

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/resource"
)

// DefaultRows is how many rows of each section are kept.
const DefaultRows = 1000

// Options say what the table is written on and how much of it there is.
type Options struct {
	report.Page
	// Rows bounds each section; 0 means DefaultRows.
	Rows int
}

// Sink gathers the rows and writes the table at the end. It implements
// finding.Sink.
type Sink struct {
	to       io.Writer
	page     report.Page
	run      finding.Run
	rows     int // the bound
	failures *worst[*group]
	failed   int // rows there were
	unread   *worst[*unread]
	latent   *worst[*latent]
}

// New returns a Sink that writes to w.
func New(w io.Writer, o Options) *Sink {
	rows := o.Rows
	if rows <= 0 {
		rows = DefaultRows
	}
	return &Sink{
		to: w, page: o.Page, rows: rows, failures: newWorst(rows, byGroup, (*group).height),
		unread: newWorst(rows, byUnread, one), latent: newWorst(rows, byLatent, one),
	}
}

// place is what every section says about a store first.
type place struct {
	id    resource.ID
	kind  resource.Kind
	name  string
	scope resource.Scope
}

func placeOf(r *resource.Resource) place {
	return place{id: r.ID, kind: r.Kind, name: r.Name, scope: r.Scope}
}

// store is the cell that names it.
func (p place) store() string { return report.Kind(p.kind) + " " + p.name }

// where is the cell that finds it.
func (p place) where() string { return strings.TrimSpace(p.scope.Account + " " + p.scope.Region) }

func byPlace(a, b place) int {
	return cmp.Or(
		cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name), cmp.Compare(a.scope.Account, b.scope.Account),
		cmp.Compare(a.scope.Region, b.scope.Region), cmp.Compare(a.id, b.id),
	)
}

// group is a store with its failures, which are listed together.
type group struct {
	place
	severity finding.Severity
	rows     []row
}

func (g *group) height() int { return len(g.rows) }

// row is one failed policy.
type row struct {
	severity finding.Severity
	level    exposure.Range
	policy   string
	title    string
	who      string
	id       string
}

func byGroup(a, b *group) int {
	return cmp.Or(cmp.Compare(b.severity, a.severity), byPlace(a.place, b.place))
}

func byRow(a, b row) int {
	return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(b.level.Least, a.level.Least), cmp.Compare(a.policy, b.policy))
}

// unread is a store that could not be settled.
type unread struct {
	place
	severity finding.Severity // of the worst policy left open
	policy   bool             // whether a policy was
	level    exposure.Range
	gaps     []resource.Gap
}

func byUnread(a, b *unread) int {
	return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(b.level.Most, a.level.Most), byPlace(a.place, b.place))
}

// latent is a store that guards alone keep closed.
type latent struct {
	place
	now  exposure.Range
	then []exposure.Latent
}

func byLatent(a, b *latent) int {
	return cmp.Or(cmp.Compare(b.level(), a.level()), byPlace(a.place, b.place))
}

func (l *latent) level() exposure.Level {
	worst := exposure.Private
	for _, then := range l.then {
		worst = max(worst, then.Level)
	}
	return worst
}

// Begin notes the run; nothing is written before its end is known.
func (s *Sink) Begin(run finding.Run) error {
	s.run = run
	return nil
}

// Store keeps the store's rows where they are among the worst.
func (s *Sink) Store(store *finding.Store) error {
	s.addFailures(store)
	s.addUnread(store)
	s.addLatent(store)
	return nil
}

func (s *Sink) addFailures(store *finding.Store) {
	severity, failed := report.Worst(store.Findings)
	if !failed {
		return
	}
	g := &group{place: placeOf(&store.Resource), severity: severity}
	for i := range store.Findings {
		if store.Findings[i].Outcome == finding.Fail {
			s.failed++
		}
	}
	if s.failures.admits(g) {
		g.rows = rowsOf(store)
		g.rows = g.rows[:min(len(g.rows), s.rows)]
	}
	s.failures.add(g)
}

func rowsOf(store *finding.Store) []row {
	var rows []row
	for i := range store.Findings {
		f := &store.Findings[i]
		if f.Outcome == finding.Fail {
			rows = append(rows, row{f.Severity, f.Exposure, f.Policy, f.Title, who(&store.Resource, f), f.ID})
		}
	}
	slices.SortFunc(rows, byRow)
	return rows
}

// who says who a failure lets in; a policy about a setting says its title.
func who(r *resource.Resource, f *finding.Finding) string {
	var parts, proven []string
	openings := report.Openings(r, f.Paths)
	for _, o := range openings {
		same := slices.Index(proven, o.Who)
		switch {
		case o.Proven():
			parts, proven = append(parts, o.String()), append(proven, o.Who)
		case same >= 0:
			parts[same] += ", perhaps " + report.Actions(o.Can)
		case len(proven) == 0:
			parts = append(parts, o.String())
		}
	}
	if len(parts) == 0 {
		return f.Title
	}
	return strings.Join(parts, "; ")
}

func (s *Sink) addUnread(store *finding.Store) {
	if !report.Unread(store) {
		return
	}
	u := &unread{place: placeOf(&store.Resource), level: store.Assessment.Settled}
	for i := range store.Findings {
		if store.Findings[i].Outcome == finding.Unknown {
			u.severity, u.policy = max(u.severity, store.Findings[i].Severity), true
		}
	}
	if s.unread.admits(u) {
		u.gaps = openQuestions(store)
	}
	s.unread.add(u)
}

// openQuestions are the store's unanswered questions, and what its policies
// miss besides.
func openQuestions(store *finding.Store) []resource.Gap {
	gaps := report.Unanswered(store.Resource.Gaps)
	for i := range store.Findings {
		for _, g := range report.Unanswered(store.Findings[i].Missing) {
			if !slices.ContainsFunc(gaps, func(other resource.Gap) bool { return other.Call == g.Call }) {
				gaps = append(gaps, g)
			}
		}
	}
	return gaps
}

func (s *Sink) addLatent(store *finding.Store) {
	if len(store.Assessment.Latent) > 0 {
		s.latent.add(&latent{placeOf(&store.Resource), store.Assessment.Settled, store.Assessment.Latent})
	}
}

// End writes the table.
func (s *Sink) End(summary *finding.Summary) error {
	t := telling{
		run: &s.run, summary: summary, failed: s.failed, held: s.failures.held,
		failures: s.failures.sorted(), unread: s.unread.sorted(), latent: s.latent.sorted(),
		unreadMore: s.unread.dropped, latentMore: s.latent.dropped,
	}
	var b strings.Builder
	if s.page.TTY {
		layout{page: s.page, out: &b}.write(&t)
	} else {
		columns{page: s.page, out: &b}.write(&t)
	}
	if _, err := io.WriteString(s.to, b.String()); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}
