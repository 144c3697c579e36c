// Package document spells the published JSON of a run: the members of the run,
// store and summary objects of "andon.report.v1". Packages ndjson and json
// frame them; package schema describes them.
//
// The format is written out name by name, apart from the Go types, so that
// renaming a field cannot silently change what others parse. It promises the
// same bytes for the same run, lists that are always present where a script
// would walk them, and nothing kept between calls. A member is only ever added
// within v1.
package document

import (
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/resource"
)

// Version names the format; it stands in every document and every line.
const Version = "andon.report.v1"

// AppendRun appends the members of the run object to b, which ends in the
// object's opening brace or in an earlier member. The closing brace is the
// caller's, too.
func AppendRun(b []byte, run *finding.Run) []byte {
	e := encoder{b: b}
	e.text("id", run.ID)
	e.text("tool", run.Tool)
	e.time("started", run.Started)
	e.text("source", run.Source)
	e.text("depth", run.Depth)
	texts(&e, "policies", run.Policies)
	e.text("fail_on", run.FailOn.String())
	return e.b
}

// AppendStore appends the members of a store object, as AppendRun does.
func AppendStore(b []byte, s *finding.Store) []byte {
	e := encoder{b: b}
	e.text("id", string(s.Resource.ID))
	e.identity(&s.Resource)
	e.verdict(s)
	e.grants(s.Assessment.Paths)
	e.guards(s.Resource.Guards)
	e.latent(s.Assessment.Latent)
	e.open("findings", '[')
	for i := range s.Findings {
		e.finding(&s.Findings[i])
	}
	e.close(']')
	e.gaps(&s.Resource)
	someTexts(&e, "notes", s.Resource.Notes)
	e.integer("calls", s.Resource.Calls)
	e.integer("saved", s.Resource.Saved)
	return e.b
}

func (e *encoder) identity(r *resource.Resource) {
	e.text("kind", string(r.Kind))
	e.text("class", string(r.Class))
	e.text("name", r.Name)
	e.scope(r.Scope)
	if !r.Created.IsZero() {
		e.time("created", r.Created)
	}
	someMap(e, "tags", r.Tags, func(key, value string) {
		e.foreign(key)
		e.b = appendString(e.b, value)
	})
}

func (e *encoder) scope(s resource.Scope) {
	e.open("scope", '{')
	e.text("provider", s.Provider)
	e.text("account", s.Account)
	e.some("region", s.Region)
	e.close('}')
}

// verdict leaves the ranges out for a store that is gone: an empty description
// would read as proof that it was private.
func (e *encoder) verdict(s *finding.Store) {
	e.text("verdict", report.Verdict(s))
	if worst, failed := report.Worst(s.Findings); failed {
		e.text("severity", worst.String())
	}
	if !s.Resource.Gone {
		e.levels("settled", s.Assessment.Settled)
		e.levels("exposure", s.Assessment.Range)
	}
}

func (e *encoder) levels(name string, r exposure.Range) {
	e.open(name, '{')
	e.text("least", r.Least.String())
	e.text("most", r.Most.String())
	e.close('}')
}

func (e *encoder) grants(paths []exposure.Path) {
	e.open("grants", '[')
	for i := range paths {
		e.element('{')
		e.grant(&paths[i])
		e.close('}')
	}
	e.close(']')
}

func (e *encoder) grant(p *exposure.Path) {
	e.text("via", string(p.Grant.Via))
	e.audience("to", p.Grant.To)
	texts(e, "can", p.Grant.Can)
	e.levels("opens", p.Range)
	texts(e, "guarded_by", p.Guards)
	e.evidence(p.Grant.Because)
	if w := p.Grant.Witness; w != nil {
		e.witness(w)
	}
	e.some("note", p.Grant.Note)
}

func (e *encoder) audience(name string, a resource.Audience) {
	e.open(name, '{')
	e.text("reach", a.Reach.String())
	e.text("credential", a.Credential.String())
	someTexts(e, "named", a.Named)
	e.close('}')
}

func (e *encoder) evidence(because []resource.Evidence) {
	e.open("evidence", '[')
	for i := range because {
		e.element('{')
		e.answer(&because[i])
		e.close('}')
	}
	e.close(']')
}

func (e *encoder) answer(from *resource.Evidence) {
	e.text("call", from.Call)
	e.some("of", from.Of)
	e.some("pointer", from.Pointer)
	e.some("quote", from.Quote)
}

func (e *encoder) witness(w *resource.Witness) {
	e.open("witness", '{')
	e.text("principal", w.Principal)
	e.text("action", w.Action)
	e.text("resource", w.Resource)
	someMap(e, "context", w.Context, func(key, value string) {
		e.foreign(key)
		e.b = appendString(e.b, value)
	})
	e.close('}')
}

func (e *encoder) guards(guards []resource.Guard) {
	e.open("guards", '[')
	for i := range guards {
		e.element('{')
		e.text("name", guards[i].Name)
		texts(e, "on", guards[i].On)
		someTexts(e, "can", guards[i].Can)
		e.audience("cap", guards[i].Cap)
		e.evidence(guards[i].Because)
		e.close('}')
	}
	e.close(']')
}

func (e *encoder) latent(latent []exposure.Latent) {
	e.open("latent", '[')
	for i := range latent {
		e.element('{')
		texts(e, "without", latent[i].Without)
		e.text("level", latent[i].Level.String())
		e.close('}')
	}
	e.close(']')
}

// finding names its guards only: what they are stands in the store.
func (e *encoder) finding(f *finding.Finding) {
	e.element('{')
	e.text("id", f.ID)
	e.text("policy", f.Policy)
	e.text("title", f.Title)
	e.text("severity", f.Severity.String())
	e.text("outcome", string(f.Outcome))
	e.levels("exposure", f.Exposure)
	e.grants(f.Paths)
	e.open("guards", '[')
	for i := range f.Guards {
		e.comma()
		e.b = appendString(e.b, f.Guards[i].Name)
	}
	e.close(']')
	e.latent(f.Latent)
	someMap(e, "settings", f.Settings, e.setting)
	e.open("missing", '[')
	for i := range f.Missing {
		e.element('{')
		e.question(&f.Missing[i])
		e.close('}')
	}
	e.close(']')
	e.some("why", f.Why)
	e.some("fix", f.Fix)
	e.close('}')
}

func (e *encoder) setting(key string, s resource.Setting) {
	e.foreign(key)
	e.b = append(e.b, `{"value":`...)
	e.value(s.Value)
	e.open("from", '{')
	e.answer(&s.From)
	e.close('}')
	e.close('}')
}

// gaps parts the questions that were asked in vain from those left out on
// purpose: only the former make a run incomplete.
func (e *encoder) gaps(r *resource.Resource) {
	e.open("missing", '[')
	e.gapsWhere(r.Gaps, false)
	e.close(']')
	e.open("not_asked", '[')
	e.gapsWhere(r.Gaps, true)
	e.close(']')
}

func (e *encoder) gapsWhere(gaps []resource.Gap, notAsked bool) {
	for i := range gaps {
		if (gaps[i].Reason == resource.NotAsked) == notAsked {
			e.element('{')
			e.gap(&gaps[i])
			e.close('}')
		}
	}
}

func (e *encoder) question(g *resource.Gap) {
	e.text("call", g.Call)
	e.some("permission", g.Permission)
	e.text("reason", string(g.Reason))
	e.some("detail", g.Detail)
}

func (e *encoder) gap(g *resource.Gap) {
	e.question(g)
	e.open("hides", '[')
	for i := range g.Hides {
		e.element('{')
		e.text("via", string(g.Hides[i].Via))
		e.audience("to", g.Hides[i].To)
		someTexts(e, "can", g.Hides[i].Can)
		e.close('}')
	}
	e.close(']')
	e.open("shields", '[')
	for i := range g.Shields {
		e.element('{')
		texts(e, "on", g.Shields[i].On)
		someTexts(e, "can", g.Shields[i].Can)
		e.audience("cap", g.Shields[i].Cap)
		e.close('}')
	}
	e.close(']')
	someTexts(e, "settings", g.Settings)
}

// AppendSummary appends the members of the summary object, as AppendRun does.
func AppendSummary(b []byte, s *finding.Summary) []byte {
	e := encoder{b: b}
	e.time("finished", s.Finished)
	e.boolean("incomplete", s.Incomplete)
	e.some("reason", s.Reason)
	e.integer("exit", s.Exit)
	e.text("exit_meaning", report.ExitMeaning(s.Exit))
	e.integer("stores", s.Stores)
	e.integer("gone", s.Gone)
	counts(&e, "levels", verdicts, s.Levels)
	counts(&e, "outcomes", outcomes, s.Outcomes)
	counts(&e, "failed", severities, s.Failed)
	e.integer("calls", s.Calls)
	e.integer("saved", s.Saved)
	someMap(&e, "by_call", s.ByCall, e.tally)
	e.open("coverage", '[')
	for i := range s.Coverage {
		e.coverage(&s.Coverage[i])
	}
	e.close(']')
	return e.b
}

var (
	verdicts   = []string{"public", "tenant", "reachable", "shared", "private", "unknown"}
	outcomes   = []finding.Outcome{finding.Fail, finding.Unknown, finding.Waived, finding.Pass}
	severities = []string{"critical", "high", "medium", "low", "info"}
)

// counts writes every word of a closed list, zero or not.
func counts[K ~string](e *encoder, name string, words []K, m map[K]int) {
	e.open(name, '{')
	for _, word := range words {
		e.integer(string(word), m[word])
	}
	e.close('}')
}

func (e *encoder) tally(name string, n int) {
	e.foreign(name)
	e.value(n)
}

func (e *encoder) coverage(c *finding.Coverage) {
	e.element('{')
	e.scope(c.Scope)
	e.text("kind", string(c.Kind))
	e.text("state", string(c.State))
	e.integer("stores", c.Stores)
	e.integer("unread", c.Unread)
	e.some("call", c.Call)
	e.some("permission", c.Permission)
	e.some("detail", c.Detail)
	someMap(e, "gaps", c.Gaps, e.tally)
	e.close('}')
}
