// Package explain tells a person everything that is known about one store: the
// verdict in a sentence, the evidence that makes it so, in the order in which it
// decides, the request that would succeed, what is not known, and what closes
// it. Use it to settle a doubt about a finding; package table lists them.
//
// It adds nothing to the assessment. Every statement names the answer of the
// cloud that shows it, and what was not read is said to be so.
package explain

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/resource"
)

// Options say what the explanation is written on.
type Options struct {
	report.Page
	// Blind lists what andon cannot see of the store's kind.
	Blind []string
}

// Write explains a store.
func Write(w io.Writer, s *finding.Store, o Options) error {
	t := text{page: o.Page, store: s, r: &s.Resource, openings: report.Openings(&s.Resource, s.Assessment.Paths)}
	t.head()
	t.line("  ", t.verdict())
	if !s.Resource.Gone {
		t.chain()
		t.witnesses()
		t.latent()
		t.unanswered()
		t.notAsked()
	}
	t.findings()
	t.fixes()
	t.settings()
	t.notes()
	t.blind(o.Blind)
	if _, err := io.WriteString(w, t.out.String()); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	return nil
}

// text is an explanation in the making.
type text struct {
	page     report.Page
	out      strings.Builder
	store    *finding.Store
	r        *resource.Resource
	openings []report.Opening
}

// line writes a text, wrapped behind an indent.
func (t *text) line(indent, s string) { t.lines(indent, len(indent), s) }

func (t *text) lines(prefix string, width int, s string) {
	for _, line := range t.page.Indent(prefix, width, s) {
		t.out.WriteString(line + "\n")
	}
}

func (t *text) section(title string) {
	t.out.WriteByte('\n')
	t.line("", title)
}

// item writes a numbered statement.
func (t *text) item(n int, s string) { t.line(fmt.Sprintf("%3d  ", n), s) }

// under is the indent of what belongs to an item.
const under = "       "

// head begins with a word of ours and indents the rest: only this package
// writes at the left edge, so that no foreign text can pass for a section.
func (t *text) head() {
	where := []string{report.Kind(t.r.Kind) + " " + t.r.Name, strings.TrimSpace(t.r.Scope.Provider + " " + t.r.Scope.Account)}
	if t.r.Scope.Region != "" {
		where = append(where, t.r.Scope.Region)
	}
	word := strings.ToUpper(report.Verdict(t.store))
	painted := word
	if severity, failed := report.Worst(t.store.Findings); failed {
		word = strings.ToUpper(severity.String())
		painted = t.page.Paint(severity, word)
	}
	t.lines(painted+"  ", len(word)+2, strings.Join(where, t.page.Dot()))
	if string(t.r.ID) != t.r.Name {
		t.line("  ", string(t.r.ID))
	}
	t.facts()
	t.out.WriteByte('\n')
}

func (t *text) facts() {
	var facts []string
	if !t.r.Created.IsZero() {
		facts = append(facts, "created "+t.r.Created.UTC().Format("2006-01-02"))
	}
	for _, key := range sortedKeys(t.r.Tags) {
		facts = append(facts, "tag "+key+"="+t.r.Tags[key])
	}
	if len(facts) > 0 {
		t.line("  ", strings.Join(facts, t.page.Dot()))
	}
}

// chain lists what decides, in the order in which it does: the guards, what
// was found to be missing among them, the grants, the questions left open.
func (t *text) chain() {
	t.section(t.why())
	n := 0
	var shown []resource.Evidence // each answer once: a grant also cites what let it through
	because := func(answers []resource.Evidence) {
		t.because(slices.DeleteFunc(slices.Clone(answers), func(e resource.Evidence) bool { return slices.Contains(shown, e) }))
		shown = append(shown, answers...)
	}
	for i := range t.r.Guards {
		n++
		t.item(n, t.guard(&t.r.Guards[i]))
		because(t.r.Guards[i].Because)
	}
	for i := range t.store.Assessment.Paths {
		n++
		p := &t.store.Assessment.Paths[i]
		t.item(n, t.grant(p))
		if len(p.Grant.To.Named) > report.MaxNamed {
			t.line(under, "named: "+strings.Join(p.Grant.To.Named, ", "))
		}
		because(p.Grant.Because)
	}
	for _, g := range report.Unanswered(t.r.Gaps) {
		n++
		t.item(n, g.Call+" of this "+t.noun()+": not known, "+report.Why(g.Reason))
	}
	if n == 0 {
		t.line("     ", "nothing lets an outsider in, and no guard was needed")
	}
	arrow := t.page.Symbol("  ⇒  ", "  => ")
	t.lines(arrow, len("  => "), t.conclusion())
}

func (t *text) why() string {
	settled := t.store.Assessment.Settled
	if !settled.Decided() && settled.Least == exposure.Private {
		return "WHAT IS NOT KNOWN"
	}
	if settled.Least == exposure.Tenant {
		return "WHY IT IS OPEN TO ANY " + strings.ToUpper(report.Cloud(t.r.Scope.Provider)) + " ACCOUNT"
	}
	return "WHY IT IS " + strings.ToUpper(settled.Least.String())
}

// guard says what a guard stops. One that lets everybody through was looked
// for and found to be absent, or open.
func (t *text) guard(g *resource.Guard) string {
	if resource.Anyone.Within(g.Cap) {
		return g.Name + ": stops nobody"
	}
	if len(g.On) == 0 {
		return g.Name + ": nobody else gets in"
	}
	scope := "on " + joined(g.On)
	if len(g.Can) > 0 {
		scope += " for " + report.Actions(g.Can)
	}
	if exposure.LevelOf(g.Cap) == exposure.Private {
		return g.Name + ": no outsider gets through " + scope
	}
	return g.Name + ": nobody gets through " + scope + " but " + report.Who(t.r.Scope.Provider, g.Cap)
}

// grant says what a grant gives and what the guards leave of it.
func (t *text) grant(p *exposure.Path) string {
	said := string(p.Grant.Via) + " lets in " + report.Who(t.r.Scope.Provider, p.Grant.To) + ": " + report.Actions(p.Grant.Can)
	if p.Grant.Note != "" {
		said += " (" + p.Grant.Note + ")"
	}
	if len(p.Guards) == 0 {
		return said
	}
	effect := "; narrowed to " + p.Range.Most.String() + ": "
	if p.Range.Most == exposure.Private {
		effect = "; closed: "
	}
	return said + effect + strings.Join(p.Guards, ", ")
}

// because writes the answers behind a statement, each with its place and words.
func (t *text) because(answers []resource.Evidence) {
	for i := range answers {
		t.line(under, source(&answers[i]))
		if answers[i].Quote != "" {
			t.line(under+"  ", answers[i].Quote)
		}
	}
}

func source(e *resource.Evidence) string {
	return strings.Join(present(e.Call, e.Of, e.Pointer), "  ")
}

func present(parts ...string) []string {
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}

// conclusion is what the chain comes to.
func (t *text) conclusion() string {
	settled := t.store.Assessment.Settled
	var said []string
	for _, o := range t.openings {
		said = append(said, o.String())
	}
	switch {
	case !settled.Decided():
		said = append(said, "what is not known could make it "+settled.Most.String())
	case settled.Most == exposure.Private && len(t.store.Assessment.Paths) > 0:
		said = append(said, "every grant is closed")
	case settled.Most == exposure.Private:
		said = append(said, "no outsider is let in")
	}
	return settled.String() + ": " + strings.Join(said, "; ")
}

// witnesses writes the requests that prove an opening.
func (t *text) witnesses() {
	first := true
	for i := range t.store.Assessment.Paths {
		p := &t.store.Assessment.Paths[i]
		if p.Grant.Witness == nil || p.Range.Least == exposure.Private {
			continue
		}
		if first {
			t.section("WITNESS" + t.page.Symbol(" — ", " - ") + "this request would succeed; it was not sent")
			first = false
		} else {
			t.out.WriteByte('\n')
		}
		t.witness(p.Grant.Witness)
		if len(p.Guards) > 0 {
			t.line("  only past  ", strings.Join(p.Guards, ", ")+", which may refuse it")
		}
	}
}

func (t *text) witness(w *resource.Witness) {
	t.line("  principal  ", w.Principal)
	t.line("  action     ", w.Action)
	t.line("  resource   ", w.Resource)
	label := "  context    "
	for _, key := range sortedKeys(w.Context) {
		t.line(label, key+" = "+w.Context[key])
		label = strings.Repeat(" ", len(label))
	}
}

func (t *text) latent() {
	if len(t.store.Assessment.Latent) == 0 {
		return
	}
	t.section("LATENT")
	for _, l := range t.store.Assessment.Latent {
		t.line("  ", l.Level.String()+" but for: "+strings.Join(l.Without, "; "))
	}
}

func (t *text) unanswered() {
	gaps := report.Unanswered(t.r.Gaps)
	if len(gaps) == 0 {
		return
	}
	t.section("NOT ANSWERED")
	for i, g := range gaps {
		t.item(i+1, g.Call+": "+report.Why(g.Reason))
		if g.Permission != "" && g.Reason == resource.Denied {
			t.line(under, "needs permission "+g.Permission)
		}
		if g.Detail != "" {
			t.line(under, g.Detail)
		}
		t.mayHide(&g)
	}
}

func (t *text) notAsked() {
	gaps := report.NotAsked(t.r.Gaps)
	if len(gaps) == 0 {
		return
	}
	t.section("NOT ASKED" + t.page.Symbol(" — ", " - ") + "nothing that was being decided needed it; --depth full asks")
	if most := t.store.Assessment.Most; most > t.store.Assessment.Settled.Most {
		t.line("  ", "the answers could make it "+most.String())
	}
	for i, g := range gaps {
		t.item(i+1, g.Call)
		t.mayHide(&g)
	}
}

func (t *text) mayHide(g *resource.Gap) {
	for _, h := range g.Hides {
		can := "anything"
		if len(h.Can) > 0 {
			can = report.Actions(h.Can)
		}
		t.line(under, "may hide: "+string(h.Via)+" lets in "+report.Who(t.r.Scope.Provider, h.To)+": "+can)
	}
	for _, s := range g.Shields {
		t.line(under, "may hide: a guard on "+joined(s.On)+" that lets nobody through but "+t.capped(s.Cap))
	}
	if len(g.Settings) > 0 {
		t.line(under, "would tell: "+strings.Join(g.Settings, ", "))
	}
}

func (t *text) capped(to resource.Audience) string {
	if exposure.LevelOf(to) == exposure.Private {
		return "the owner"
	}
	return report.Who(t.r.Scope.Provider, to)
}

// findings lists what the policies concluded, worst first; those that passed
// are counted.
func (t *text) findings() {
	if len(t.store.Findings) == 0 {
		return
	}
	t.section("POLICIES")
	passed := 0
	for _, f := range t.ordered() {
		if f.Outcome == finding.Pass {
			passed++
			continue
		}
		word := f.Severity.String()
		prefix := fmt.Sprintf("  %-8s", f.Outcome) + t.page.Paint(f.Severity, word) + strings.Repeat(" ", 10-len(word))
		t.lines(prefix, 20, f.Title+" ("+f.Policy+")")
		if f.Outcome == finding.Fail && f.Why != "" {
			t.line(strings.Repeat(" ", 20), f.Why)
		}
	}
	if passed > 0 {
		t.line("  ", "pass    "+report.Thousands(passed))
	}
}

var outcomeOrder = []finding.Outcome{finding.Fail, finding.Unknown, finding.Waived, finding.Pass}

func (t *text) ordered() []finding.Finding {
	all := slices.Clone(t.store.Findings)
	slices.SortStableFunc(all, func(a, b finding.Finding) int {
		if a.Outcome != b.Outcome {
			return slices.Index(outcomeOrder, a.Outcome) - slices.Index(outcomeOrder, b.Outcome)
		}
		return int(b.Severity) - int(a.Severity)
	})
	return all
}

// fixes says each remedy once, worst failure first.
func (t *text) fixes() {
	var fixes []string
	for _, f := range t.ordered() {
		if f.Outcome == finding.Fail && f.Fix != "" && !slices.Contains(fixes, f.Fix) {
			fixes = append(fixes, f.Fix)
		}
	}
	if len(fixes) == 0 {
		return
	}
	t.section("CLOSE IT")
	for i, fix := range fixes {
		t.item(i+1, fix)
	}
}

// settings lists what the collector read and what the policies read besides.
func (t *text) settings() {
	all := map[string]resource.Setting{}
	for _, f := range t.store.Findings {
		for key, s := range f.Settings {
			all[key] = s
		}
	}
	for key, s := range t.r.Settings {
		all[key] = s
	}
	if len(all) == 0 {
		return
	}
	t.section("SETTINGS READ")
	for _, key := range sortedKeys(all) {
		from := all[key].From
		t.line("  ", key+" = "+value(all[key].Value))
		t.because([]resource.Evidence{from})
	}
}

func value(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(v)
}

func (t *text) notes() {
	if len(t.r.Notes) == 0 {
		return
	}
	t.section("NOTES")
	for _, note := range t.r.Notes {
		t.line("  ", note)
	}
}

// blind says what no answer could have shown.
func (t *text) blind(limits []string) {
	if len(limits) == 0 || t.r.Gone {
		return
	}
	t.section("NOT LOOKED AT")
	for _, limit := range limits {
		t.lines("  - ", 4, limit)
	}
}

func joined(channels []resource.Channel) string {
	words := make([]string, len(channels))
	for i, c := range channels {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
