package policy

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

const (
	maxTitle = 70        // runes
	maxFile  = 256 << 10 // bytes
)

var (
	idPattern   = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	callPattern = regexp.MustCompile(`^[a-z][a-z0-9.-]*:[A-Za-z][A-Za-z0-9.]*$`)
)

// Load reads every policy file (*.yaml, not in subfolders) of a file system,
// and checks it against the vocabulary. It returns every problem of every file,
// sorted by place, each as "file:line:column: what is wrong"; the single errors
// are [Problem] values. The set has depth Full.
func Load(fsys fs.FS, v Vocabulary, c Config) (*Set, error) {
	lang, err := newLanguage(&v)
	if err != nil {
		return nil, err
	}
	names, problems, err := policyFiles(fsys)
	if err != nil {
		return nil, err
	}
	set := &Set{depth: Full, config: c}
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		d := &document{file: name}
		if r := lang.read(d, text); len(d.problems) == 0 {
			set.rules = append(set.rules, r)
		}
		problems = append(problems, d.problems...)
	}
	if len(problems) > 0 {
		return nil, joinProblems(problems)
	}
	slices.SortFunc(set.rules, func(a, b *rule) int { return cmp.Compare(a.ID, b.ID) })
	return set, nil
}

// policyFiles lists the files to load. A file that only looks like a policy is
// a problem: to pass over it would switch a check off.
func policyFiles(fsys fs.FS) (names []string, problems []*Problem, err error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, nil, fmt.Errorf("read policies: %w", err)
	}
	for _, e := range entries {
		switch {
		case e.IsDir():
		case path.Ext(e.Name()) == ".yaml":
			names = append(names, e.Name())
		case path.Ext(e.Name()) == ".yml":
			problems = append(problems, &Problem{File: e.Name(), Line: 1, Column: 1, Message: "the name of a policy file ends in .yaml"})
		}
	}
	if len(names)+len(problems) == 0 {
		return nil, nil, fmt.Errorf("read policies: no policy file (*.yaml) found")
	}
	return names, problems, nil
}

// read turns a file into a rule. The rule is only worth something when the
// document has no problems afterwards.
func (l *language) read(d *document, text []byte) *rule {
	if len(text) > maxFile {
		d.problem(1, 1, fmt.Sprintf("the file is larger than %d KiB", maxFile>>10))
		return nil
	}
	root := d.parse(text)
	if root == nil {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		d.report(root, "a policy is a mapping of keys to values")
		return nil
	}
	nodes := d.entries(root, "id", "title", "severity", "depth", "applies", "looks", "asks", "require",
		"needs", "why", "fix", "families", "examples")
	for _, key := range []string{"id", "title", "severity", "applies", "require", "why", "examples"} {
		if nodes[key] == nil {
			d.report(root, "the key %q is missing", key)
		}
	}
	r := &rule{Policy: l.policy(d, nodes)}
	l.compileRule(d, r, nodes)
	return r
}

// policy reads everything but the expressions' meaning.
func (l *language) policy(d *document, nodes map[string]*yaml.Node) Policy {
	v := l.vocabulary
	looks := d.entries(nodes["looks"], "can", "via")
	p := Policy{
		ID:       d.id(nodes["id"]),
		Title:    d.title(nodes["title"]),
		Severity: d.severity(nodes["severity"]),
		Depth:    d.depth(nodes["depth"], Verdict),
		Can:      terms(d, looks["can"], "action", v.Actions),
		Via:      terms(d, looks["via"], "channel", v.Channels),
		Why:      d.text(nodes["why"]),
		Fix:      d.fixes(nodes["fix"], v.Kinds),
		Families: d.texts(nodes["families"], d.checkName),
	}
	p.Drives, p.Asks = d.asks(nodes["asks"], v.Channels)
	if p.Drives && p.Depth == Full {
		d.report(nodes["asks"], "a policy of depth full has nothing to ask for: that run asks everything")
	}
	p.Needs = d.texts(nodes["needs"], func(item *yaml.Node, word string) { d.checkSetting(item, v, word) })
	slices.Sort(p.Needs)
	p.Examples = d.examples(nodes["examples"], v)
	return p
}

// compileRule compiles both expressions and draws the conclusions that spare
// work later.
func (l *language) compileRule(d *document, r *rule, nodes map[string]*yaml.Node) {
	r.Applies, r.applies = l.condition(d, nodes["applies"])
	r.Require, r.require = l.condition(d, nodes["require"])
	if r.applies == nil || r.require == nil {
		return
	}
	if !r.applies.onlyReads("resource.") {
		d.report(nodes["applies"], "applies looks at the resource only, not at %q", r.applies.reads)
	}
	checkNeeds(d, r, nodes)
	r.static = r.applies.onlyReads("resource.kind", "resource.class", "resource.provider")
	r.scopeDoubts = doubts(r.applies, l.vocabulary.Settings)
	r.doubts = doubts(r.require, l.vocabulary.Settings)
	r.exposed = slices.ContainsFunc(r.require.reads, func(fact string) bool { return strings.HasPrefix(fact, "exposure.") })
	r.foreseen = r.require.foresee()
}

// condition compiles one expression.
func (l *language) condition(d *document, n *yaml.Node) (string, *expression) {
	if n == nil {
		return "", nil
	}
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		d.report(n, "must be a CEL expression")
		return "", nil
	}
	return n.Value, l.compile(d, n)
}

// checkNeeds holds the declared settings against the mentioned ones: readers
// of the file and the planning of API calls trust the declaration.
func checkNeeds(d *document, r *rule, nodes map[string]*yaml.Node) {
	mentioned := r.require.settings()
	at := nodes["needs"]
	if at == nil {
		at = nodes["require"]
	}
	for _, name := range mentioned {
		if !slices.Contains(r.Needs, name) {
			d.report(at, "needs leaves out %q, which require reads", name)
		}
	}
	for _, name := range r.Needs {
		if !slices.Contains(mentioned, name) {
			d.report(at, "needs names %q, which require does not read", name)
		}
	}
}

func (d *document) id(n *yaml.Node) string {
	id := d.text(n)
	switch {
	case id == "":
	case !idPattern.MatchString(id):
		d.report(n, "id %q is not lower-case words joined by hyphens", id)
	case id+".yaml" != d.file:
		d.report(n, "id %q and the file's name differ", id)
	}
	return id
}

func (d *document) title(n *yaml.Node) string {
	title := d.text(n)
	if length := utf8.RuneCountInString(title); length > maxTitle {
		d.report(n, "title has %d characters, which is more than %d", length, maxTitle)
	}
	return title
}

func (d *document) severity(n *yaml.Node) finding.Severity {
	word := d.text(n)
	if word == "" {
		return 0
	}
	s, err := finding.ParseSeverity(word)
	if err != nil {
		d.report(n, "%v", err)
	}
	return s
}

func (d *document) depth(n *yaml.Node, usual Depth) Depth {
	if n == nil {
		return usual
	}
	return term(d, n, d.text(n), "depth", []Depth{Verdict, Full})
}

// asks reads the channels worth a call: a list, or the word "all".
func (d *document) asks(n *yaml.Node, known []resource.Channel) (drives bool, on []resource.Channel) {
	switch {
	case n == nil:
		return false, nil
	case n.Kind == yaml.ScalarNode && n.Value == "all":
		return true, nil
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		d.report(n, "asks is empty: leave it out, or write all")
	}
	return true, terms(d, n, "channel", known)
}

func (d *document) fixes(n *yaml.Node, known []resource.Kind) map[resource.Kind]string {
	fixes := make(map[resource.Kind]string)
	for key, value := range d.pairs(n) {
		kind := term(d, key, key.Value, "kind", known)
		fixes[kind] = d.text(value)
	}
	return fixes
}

func (d *document) checkName(at *yaml.Node, word string) {
	if !idPattern.MatchString(word) {
		d.report(at, "%q is not lower-case words joined by hyphens", word)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
