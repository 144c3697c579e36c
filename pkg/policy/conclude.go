package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// doubt is a fact that a store may lack.
type doubt struct {
	pattern *cel.AttributePatternType
	known   func(*resource.Resource) bool
}

// doubts returns the facts that evaluating the expression may have to do
// without.
func doubts(e *expression, settings map[string]Type) []doubt {
	var all []doubt
	for _, fact := range e.reads {
		_, name, _ := strings.Cut(fact, ".")
		if known := knows(fact, name, settings[name]); known != nil {
			all = append(all, doubt{pattern(fact), known})
		}
	}
	return all
}

// knows returns how to tell whether a store has the fact, or nil when every
// store does.
func knows(fact, name string, t Type) func(*resource.Resource) bool {
	switch {
	case strings.HasPrefix(fact, readSettings):
		return func(r *resource.Resource) bool { return t.holds(r.Settings[name].Value) }
	case fact == readCreated:
		return func(r *resource.Resource) bool { return !r.Created.IsZero() }
	case fact == readTags:
		return func(r *resource.Resource) bool { return r.Tags != nil || !gapNames(r.Gaps, name) }
	}
	return nil
}

func gapNames(gaps []resource.Gap, setting string) bool {
	return slices.ContainsFunc(gaps, func(g resource.Gap) bool { return slices.Contains(g.Settings, setting) })
}

// lacking returns the patterns of the facts that the store lacks.
func lacking(all []doubt, r *resource.Resource) []*cel.AttributePatternType {
	var patterns []*cel.AttributePatternType
	for i := range all {
		if !all[i].known(r) {
			patterns = append(patterns, all[i].pattern)
		}
	}
	return patterns
}

// conclusion is what a rule says about a store, and what it rests on.
type conclusion struct {
	outcome  finding.Outcome
	exposure exposure.Range
	// waits are the facts that left the outcome open, trouble the error that did.
	waits   []string
	trouble error
}

func (c *conclusion) wait(facts ...string) {
	for _, fact := range facts {
		if !slices.Contains(c.waits, fact) {
			c.waits = append(c.waits, fact)
		}
	}
}

// conclude asks the rule's requirement about every world that the evidence
// leaves possible. Only when all of them agree there is a pass or a failure.
func (r *rule) conclude(store *resource.Resource, v exposure.View, possible exposure.Range, c *Config) conclusion {
	all := conclusion{exposure: possible}
	var lifted exposure.Range
	if r.require.mentions(readLatent) {
		lifted = latentRange(store, v, possible)
	}
	var w *world
	holds, fails := 0, 0
	for level := possible.Least; level <= possible.Most; level++ {
		for latent := max(level, lifted.Least); latent <= max(level, lifted.Most); latent++ {
			a := r.foreseen[level][latent]
			if !a.known() {
				if w == nil {
					w = r.look(store, v, c)
				}
				w.level, w.latent = level, latent
				a = r.require.ask(w)
			}
			switch {
			case !a.known():
				all.wait(a.waits...)
				all.trouble = cmp.Or(all.trouble, a.trouble)
			case a.holds:
				holds++
			default:
				fails++
			}
		}
	}
	all.outcome = outcomeOf(holds, fails, len(all.waits) > 0 || all.trouble != nil)
	if all.outcome == finding.Unknown {
		all.wait(r.undecided(possible, lifted)...)
	}
	return all
}

// look returns what the rule sees of a store, but for the levels.
func (r *rule) look(store *resource.Resource, v exposure.View, c *Config) *world {
	w := &world{resource: store, config: c, unknown: lacking(r.doubts, store)}
	if r.require.mentions(readNamed) {
		names, all := namedOutsiders(store, v)
		w.named = names
		if !all {
			w.unknown = append(w.unknown, pattern(readNamed))
		}
	}
	return w
}

// foresight holds what a requirement says at each level and latent level when
// nothing else is known. Where it says something even so, it says that of every
// store, and nothing has to be evaluated: the usual case.
type foresight [5][5]answer

func (e *expression) foresee() *foresight {
	var w world
	for _, fact := range e.reads {
		if fact != readLevel && fact != readLatent && !strings.HasPrefix(fact, "level.") {
			w.unknown = append(w.unknown, pattern(fact))
		}
	}
	table := new(foresight)
	for _, w.level = range exposure.Levels() {
		for _, w.latent = range exposure.Levels() {
			table[w.level][w.latent] = e.ask(&w)
		}
	}
	return table
}

// pattern marks a fact for an evaluation that does not know it.
func pattern(fact string) *cel.AttributePatternType {
	root, name, _ := strings.Cut(fact, ".")
	return cel.AttributePattern(root).QualString(name)
}

func outcomeOf(holds, fails int, open bool) finding.Outcome {
	switch {
	case open || holds > 0 && fails > 0:
		return finding.Unknown
	case fails > 0:
		return finding.Fail
	default:
		return finding.Pass
	}
}

// undecided names the parts of the exposure that are open and that the
// requirement looks at.
func (r *rule) undecided(level, latent exposure.Range) []string {
	var facts []string
	if !level.Decided() && (r.require.mentions(readLevel) || r.require.mentions(readLatent)) {
		facts = append(facts, readLevel)
	}
	if !latent.Decided() {
		facts = append(facts, readLatent)
	}
	return facts
}

// latentRange bounds the worst level that lifting guards would open. Gaps can
// hide grants and guards alike: then the level without any guard is the most,
// and what lifting a single guard opens is the least, since no answer changes
// that.
func latentRange(store *resource.Resource, v exposure.View, possible exposure.Range) exposure.Range {
	bounds := exposure.Range{Least: possible.Least, Most: possible.Least}
	open := slices.ContainsFunc(store.Gaps, func(g resource.Gap) bool { return hidesAccess(g, v) })
	for _, l := range v.Assess(store).Latent {
		if !open || len(l.Without) == 1 {
			bounds.Least = max(bounds.Least, l.Level)
		}
	}
	bounds.Most = bounds.Least
	if open {
		unguarded := *store
		unguarded.Guards = nil
		bounds.Most = max(bounds.Least, v.Range(&unguarded).Most)
	}
	return bounds
}

// namedOutsiders returns the outsiders named in grants that are open, and
// whether these are certainly all of them and all certain.
func namedOutsiders(store *resource.Resource, v exposure.View) (names []string, all bool) {
	all = true
	for _, p := range v.Assess(store).Paths {
		switch {
		case p.Range.Most < exposure.Shared, onlyAddresses(p.Grant.To):
			continue
		case p.Range.Least < exposure.Shared:
			all = false // a guard nobody read may shut them out
		case p.Range.Least == exposure.Shared && len(p.Grant.To.Named) == 0:
			all = false // a guard lets listed outsiders pass, and the grant does not list them
		}
		for _, name := range p.Grant.To.Named {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, g := range store.Gaps {
		behind := resource.Resource{Guards: store.Guards, Gaps: []resource.Gap{g}}
		if v.Range(&behind).Most >= exposure.Shared {
			all = false
		}
	}
	return names, all
}

// onlyAddresses reports whether an audience names from where a secret or an
// identity of the owner works, and no outsider. A long list ends in how many more
// there are.
func onlyAddresses(a resource.Audience) bool {
	if a.Credential != resource.CredentialOwn || len(a.Named) == 0 {
		return false
	}
	_, err := netip.ParsePrefix(a.Named[0])
	return err == nil
}

// hidesAccess reports whether a gap may hide somebody, or a guard, in the view.
func hidesAccess(g resource.Gap, v exposure.View) bool {
	alone := resource.Resource{Gaps: []resource.Gap{g}}
	return len(g.Shields) > 0 || v.Range(&alone).Most > exposure.Private
}

// missing returns the unanswered questions that left a conclusion open. A fact
// that no question explains becomes a gap of its own, so that an unknown
// outcome always says why.
func (r *rule) missing(store *resource.Resource, v exposure.View, c *conclusion) []resource.Gap {
	var gaps []resource.Gap
	explained := make(map[string]bool)
	for _, g := range store.Gaps {
		blamed := false
		for _, fact := range c.waits {
			if explains(store, v, g, fact) {
				blamed, explained[fact] = true, true
			}
		}
		if blamed {
			gaps = append(gaps, g)
		}
	}
	for _, fact := range c.waits {
		if !explained[fact] {
			gaps = append(gaps, r.unexplained(store, fact))
		}
	}
	if c.trouble != nil {
		gaps = append(gaps, r.gap(c.trouble.Error()))
	}
	return gaps
}

func explains(store *resource.Resource, v exposure.View, g resource.Gap, fact string) bool {
	switch fact {
	case readLevel:
		return matters(store, v, g)
	case readLatent, readNamed:
		return hidesAccess(g, v)
	}
	_, name, _ := strings.Cut(fact, ".")
	return slices.Contains(g.Settings, name)
}

// matters widens View.Matters to questions that were asked and refused: these
// count on every channel.
func matters(store *resource.Resource, v exposure.View, g resource.Gap) bool {
	if g.Reason != resource.NotAsked {
		v.Asks = nil
	}
	return v.Matters(store, g)
}

func (r *rule) unexplained(store *resource.Resource, fact string) resource.Gap {
	if name, ok := strings.CutPrefix(fact, readSettings); ok {
		g := r.gap("no answer gave the setting " + name)
		if s, read := store.Settings[name]; read {
			g = r.gap(fmt.Sprintf("the setting %s holds %T, which is not its type", name, s.Value))
		}
		g.Settings = []string{name}
		return g
	}
	return r.gap(fact + " is not known")
}

func (r *rule) gap(detail string) resource.Gap {
	return resource.Gap{Call: "policy:" + r.ID, Reason: resource.Undecided, Detail: detail}
}
