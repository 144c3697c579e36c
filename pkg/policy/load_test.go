package policy

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/resource"
)

var testVocabulary = Vocabulary{
	Settings: map[string]Type{
		"block_complete": Bool,
		"acls_enabled":   Bool,
		"retention_days": Number,
		"cipher":         Text,
		"origins":        TextSet,
	},
	Kinds:    []resource.Kind{"aws.s3.bucket", "gcp.storage.bucket"},
	Classes:  []resource.Class{"bucket", "database"},
	Channels: []resource.Channel{"acl", "policy", "limited-policy"},
	Actions: []resource.Action{
		resource.List, resource.Read, resource.Write, resource.TakeOver, resource.AnyAction,
	},
}

// sound is a policy without a fault; tests replace lines of it.
const sound = `id: sample
title: A sample
severity: high
applies: resource.class == "bucket"
require: exposure.level < level.tenant
why: Because.
examples:
  - {name: a, given: {class: bucket}, want: pass}
  - {name: b, given: aws/s3bucket/open, want: fail}
  - {name: c, given: aws/s3bucket/open, denied: "s3:GetBucketAcl", want: unknown}
`

// edited returns the sound policy with the lines of these keys replaced or,
// for new keys, added at the end.
func edited(lines ...string) string {
	text := sound
	for _, line := range lines {
		key, _, _ := strings.Cut(line, ":")
		if at := strings.Index("\n"+text, "\n"+key+":"); at >= 0 {
			end := at + strings.Index(text[at:], "\n")
			text = text[:at] + line + text[end:]
		} else {
			text += line + "\n"
		}
	}
	return text
}

func loadText(text string) (*Set, error) {
	return Load(fstest.MapFS{"sample.yaml": {Data: []byte(text)}}, testVocabulary, Config{})
}

func mustLoad(t testing.TB, lines ...string) *Set {
	t.Helper()
	set, err := loadText(edited(lines...))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestLoadErrors(t *testing.T) {
	examples := sound[strings.Index(sound, "examples:"):]
	for _, c := range []struct {
		name, text, want string
	}{
		// The file.
		{"empty", "", `sample.yaml:1:1: no documents in stream`},
		{"only a comment", "# nothing", `sample.yaml:1:1: no documents in stream`},
		{"two policies", sound + "---\n" + sound, `sample.yaml:1:1: expected single document, found multiple`},
		{"no YAML", "id: [", `sample.yaml:2:1: did not find expected node content`},
		{"no UTF-8", "id: \xff", `sample.yaml:1:1: invalid leading UTF-8 octet (value: 255)`},
		{"no mapping", "- id", `sample.yaml:1:1: a policy is a mapping of keys to values`},
		{"huge", "#" + strings.Repeat("x", maxFile), `sample.yaml:1:1: the file is larger than 256 KiB`},
		{"anchor", edited("title: &x A sample"), `sample.yaml:2:8: anchors and aliases have no place in a policy`},

		// Keys and their values.
		{"unknown key", edited("severty: high"), `sample.yaml:11:1: unknown key "severty" (did you mean "severity"?)`},
		{"double key", sound + "why: Twice.\n", `sample.yaml:11:1: key "why" comes twice`},
		{"missing key", strings.Replace(sound, "why: Because.\n", "", 1), `sample.yaml:1:1: the key "why" is missing`},
		{"number as text", edited("title: 7"), `sample.yaml:2:8: must be text (put it in quotes if it is)`},
		{"empty text", edited(`why: " "`), `sample.yaml:6:6: must not be empty`},
		{"id", edited("id: Sample_1"), `sample.yaml:1:5: id "Sample_1" is not lower-case words joined by hyphens`},
		{"id and file", edited("id: other"), `sample.yaml:1:5: id "other" and the file's name differ`},
		{"title", edited("title: " + strings.Repeat("é", 71)), `sample.yaml:2:8: title has 71 characters, which is more than 70`},
		{"severity", edited("severity: urgent"), `sample.yaml:3:11: read severity: "urgent" is none of ["info" "low" "medium" "high" "critical"]`},
		{"depth", edited("depth: ful"), `sample.yaml:11:8: unknown depth "ful" (did you mean "full"?)`},
		{"looks key", edited("looks: {on: [acl]}"), `sample.yaml:11:9: unknown key "on"`},
		{"action", edited("looks: {can: [red]}"), `sample.yaml:11:15: unknown action "red" (did you mean "read"?)`},
		{"channel", edited("looks: {via: [acls]}"), `sample.yaml:11:15: unknown channel "acls" (did you mean "acl"?)`},
		{"double channel", edited("looks: {via: [acl, acl]}"), `sample.yaml:11:20: "acl" comes twice`},
		{"asks nothing", edited("asks: []"), `sample.yaml:11:7: asks is empty: leave it out, or write all`},
		{"asks a word", edited("asks: acl"), `sample.yaml:11:7: must be a list`},
		{"asks unknown", edited("asks: [network]"), `sample.yaml:11:8: unknown channel "network"`},
		{"asks in vain", edited("depth: full", "asks: all"), `sample.yaml:12:7: a policy of depth full has nothing to ask for: that run asks everything`},
		{"fix", edited("fix: {aws.s3.buckt: Close it.}"), `sample.yaml:11:7: unknown kind "aws.s3.buckt" (did you mean "aws.s3.bucket"?)`},
		{"families", edited("families: [Public Stores]"), `sample.yaml:11:12: "Public Stores" is not lower-case words joined by hyphens`},

		// Settings.
		{"unknown need", edited("needs: [acl_enabled]"), lines(
			`sample.yaml:11:8: needs names "acl_enabled", which require does not read`,
			`sample.yaml:11:9: unknown setting "acl_enabled" (did you mean "acls_enabled"?)`)},
		{"need left out", edited("require: settings.acls_enabled"), `sample.yaml:5:10: needs leaves out "acls_enabled", which require reads`},
		{"need too many", edited("needs: [acls_enabled]"), `sample.yaml:11:8: needs names "acls_enabled", which require does not read`},

		// Expressions.
		{"no expression", edited("require: [a]"), `sample.yaml:5:10: must be a CEL expression`},
		{"unknown field", edited("require: exposure.levle < level.tenant"), lines(
			`sample.yaml:5:19: undefined field 'levle' (did you mean "level"?)`,
			`    require: exposure.levle < level.tenant`,
			`                      ^`)},
		{"unknown setting", edited("require: settings.acls_enabld"), lines(
			`sample.yaml:5:19: undefined field 'acls_enabld' (did you mean "acls_enabled"?)`,
			`    require: settings.acls_enabld`,
			`                      ^`)},
		{"unknown level", edited("require: exposure.level < level.pubic"), lines(
			`sample.yaml:5:33: undefined field 'pubic' (did you mean "public"?)`,
			`    require: exposure.level < level.pubic`,
			`                                    ^`)},
		{"unknown variable", edited("require: expsure.level < 2"), lines(
			`sample.yaml:5:10: undeclared reference to 'expsure' (did you mean 'exposure'?)`,
			`    require: expsure.level < 2`,
			`             ^`)},
		{"types differ", edited(`require: settings.acls_enabled == "yes"`), lines(
			`sample.yaml:5:32: found no matching overload for '_==_' applied to '(bool, string)'`,
			`    require: settings.acls_enabled == "yes"`,
			`                                   ^`)},
		{"not a bool", edited("require: exposure.level"), lines(
			`sample.yaml:5:10: the expression is int, not bool`,
			`    require: exposure.level`,
			`             ^`)},
		{"syntax", edited("require: exposure.level <"), lines(
			`sample.yaml:5:26: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`,
			`    require: exposure.level <`,
			`                             ^`)},
		{"quoted expression", edited(`applies: "resource.class == \"buckt\""`), lines(
			`sample.yaml:4:30: unknown class "buckt" (did you mean "bucket"?)`,
			`    applies: "resource.class == \"buckt\""`,
			`                                 ^`)},
		{"folded expression", edited("require: >\n  exposure.level < level.tenant\n  && exposure.levl == 1"), lines(
			`sample.yaml:7:15: undefined field 'levl' (did you mean "level"?)`,
			`      && exposure.levl == 1`,
			`                  ^`)},
		{"literal expression", edited("require: |\n  exposure.level < level.tenant &&\n    exposure.levl == 1"), lines(
			`sample.yaml:7:14: undefined field 'levl' (did you mean "level"?)`,
			`        exposure.levl == 1`,
			`                 ^`)},
		{"expression of several lines", edited("require: exposure.level\n  < level.pubic"), lines(
			`sample.yaml:6:11: undefined field 'pubic' (did you mean "public"?)`,
			`      < level.pubic`,
			`              ^`)},
		{"applies looks at exposure", edited("applies: exposure.level > 1"), `sample.yaml:4:10: applies looks at the resource only, not at ["exposure.level"]`},
		{"unknown kind", edited(`applies: resource.kind in ["aws.s3.bucket", "aws.s3.buckets"]`), lines(
			`sample.yaml:4:45: unknown kind "aws.s3.buckets" (did you mean "aws.s3.bucket"?)`,
			`    applies: resource.kind in ["aws.s3.bucket", "aws.s3.buckets"]`,
			`                                                ^`)},
		{"unknown provider", edited(`applies: '"amazon" != resource.provider'`), lines(
			`sample.yaml:4:11: unknown provider "amazon"`,
			`    applies: '"amazon" != resource.provider'`,
			`              ^`)},
		{"whole variable", edited("require: settings == settings"), lines(
			`sample.yaml:5:10: settings is not a value of its own: name one of its fields`,
			`    require: settings == settings`,
			`             ^`,
			`sample.yaml:5:22: settings is not a value of its own: name one of its fields`,
			`    require: settings == settings`,
			`                         ^`)},
		{"has", edited("require: has(settings.acls_enabled)", "needs: [acls_enabled]"), lines(
			`sample.yaml:5:14: has() says nothing here: every field exists, and a setting that was not read is unknown`,
			`    require: has(settings.acls_enabled)`,
			`                 ^`)},
		{"loop variable", edited("require: '[1].all(level, level > 0)'"), lines(
			`sample.yaml:5:18: level is taken: call the loop's variable something else`,
			`    require: '[1].all(level, level > 0)'`,
			`                     ^`,
			`sample.yaml:5:26: level is not a value of its own: name one of its fields`,
			`    require: '[1].all(level, level > 0)'`,
			`                             ^`)},
		{"building", edited("require: 'andon.level{private: 1}.private == 1'"), lines(
			`sample.yaml:5:22: andon.level cannot be built in a policy`,
			`    require: 'andon.level{private: 1}.private == 1'`,
			`                         ^`)},
		{"dear", edited(`require: exposure.named.all(a, exposure.named.all(b, exposure.named.all(c, a + b != c)))`), lines(
			`sample.yaml:5:10: the expression may cost 306060603 units, which is more than 1000000: loop less`,
			`    require: exposure.named.all(a, exposure.named.all(b, exposure.named.all(c, a + b != c)))`,
			`             ^`)},

		// Examples.
		{"no example", strings.Replace(sound, examples, "examples: []\n", 1), lines(
			`sample.yaml:7:11: no example wants fail: a policy shows what passes, what fails and what stays unknown`,
			`sample.yaml:7:11: no example wants pass: a policy shows what passes, what fails and what stays unknown`,
			`sample.yaml:7:11: no example wants unknown: a policy shows what passes, what fails and what stays unknown`)},
		{
			"no unknown", strings.Replace(sound, "want: unknown", "want: none", 1),
			`sample.yaml:8:3: no example wants unknown: a policy shows what passes, what fails and what stays unknown`,
		},
		{"want", sound + "  - {name: d, given: aws/s3bucket/open, want: passes}\n", `sample.yaml:11:47: unknown outcome "passes" (did you mean "pass"?)`},
		{"same name", sound + "  - {name: a, given: aws/s3bucket/open, want: pass}\n", `sample.yaml:11:5: example "a" comes twice`},
		{"nothing given", sound + "  - {name: d, want: pass}\n", `sample.yaml:11:5: the example's key "given" is missing`},
		{"no example at all", sound + "  - d\n", `sample.yaml:11:5: must be a mapping of keys to values`},
		{
			"recording", sound + "  - {name: d, given: s3bucket/open, want: pass}\n",
			`sample.yaml:11:22: "s3bucket/open" names no recording: write cloud/folder/name, or a store`,
		},
		{
			"denied", sound + "  - {name: d, given: aws/s3bucket/open, denied: GetBucketAcl, want: pass}\n",
			`sample.yaml:11:49: "GetBucketAcl" is not a call: write service:Operation`,
		},
		{
			"denied inline", sound + "  - {name: d, given: {class: bucket}, denied: \"s3:GetBucketAcl\", want: pass}\n",
			`sample.yaml:11:47: denied is for recordings: the store is written out here`,
		},
		{
			"store's field", sound + "  - {name: d, given: {klass: bucket}, want: pass}\n",
			`sample.yaml:11:22: read store: unknown field "klass"`,
		},
		{
			"store's word", sound + "  - {name: d, given: {class: buckt}, want: pass}\n",
			`sample.yaml:11:22: unknown class "buckt" (did you mean "bucket"?)`,
		},
		{
			"store's reach", sound + "  - {name: d, given: {grants: [{to: {reach: everywhere, credential: none}}]}, want: pass}\n",
			`sample.yaml:11:22: read store: read reach: "everywhere" is none of ["private" "listed" "provider" "broad" "internet"]`,
		},
		{
			"store's channel", sound + "  - {name: d, given: {guards: [{name: g, on: [alc]}]}, want: pass}\n",
			`sample.yaml:11:22: unknown channel "alc"`,
		},
		{
			"store's action", sound + "  - {name: d, given: {grants: [{via: acl, can: [reed]}]}, want: pass}\n",
			`sample.yaml:11:22: unknown action "reed" (did you mean "read"?)`,
		},
		{"store's gap", sound + "  - {name: d, given: {gaps: [{call: \"s3:X\", reason: not_asked, settings: [cypher]}]}, want: pass}\n", lines(
			`sample.yaml:11:22: unknown reason "not_asked" (did you mean "not-asked"?)`,
			`sample.yaml:11:22: unknown setting "cypher" (did you mean "cipher"?)`)},
		{
			"store's setting", sound + "  - {name: d, given: {settings: {cipher: {value: true}}}, want: pass}\n",
			`sample.yaml:11:22: the setting "cipher" must hold a text`,
		},
		{
			"configuration", sound + "  - {name: d, given: {class: bucket}, config: {trusted: []}, want: pass}\n",
			`sample.yaml:11:48: unknown key "trusted"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadText(c.text)
			if err == nil {
				t.Fatal("the policy loads")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func lines(text ...string) string { return strings.Join(text, "\n") }

func TestLoadFiles(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	other := strings.Replace(sound, "id: sample", "id: other", 1)

	set, err := Load(fstest.MapFS{
		"sample.yaml": file(sound), "other.yaml": file(other),
		"README.md": file("words"), "frameworks/cis.yaml": file("not a policy"),
	}, testVocabulary, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(set); !cmp.Equal(got, []string{"other", "sample"}) {
		t.Errorf("loaded %q", got)
	}

	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"nothing", fstest.MapFS{"README.md": file("words")}, "read policies: no policy file (*.yaml) found"},
		{"wrong ending", fstest.MapFS{"sample.yml": file(sound)}, "sample.yml:1:1: the name of a policy file ends in .yaml"},
		{
			"all problems, sorted",
			fstest.MapFS{"b.yaml": file("x: 1"), "sample.yaml": file(edited("severity: x", "depth: x")), "a.yml": file("")},
			lines("a.yml:1:1: the name of a policy file ends in .yaml",
				`b.yaml:1:1: the key "applies" is missing`, `b.yaml:1:1: the key "examples" is missing`,
				`b.yaml:1:1: the key "id" is missing`, `b.yaml:1:1: the key "require" is missing`,
				`b.yaml:1:1: the key "severity" is missing`, `b.yaml:1:1: the key "title" is missing`,
				`b.yaml:1:1: the key "why" is missing`, `b.yaml:1:1: unknown key "x"`,
				`sample.yaml:3:11: read severity: "x" is none of ["info" "low" "medium" "high" "critical"]`,
				`sample.yaml:11:8: unknown depth "x"`),
		},
	} {
		_, err := Load(c.files, testVocabulary, Config{})
		if err == nil {
			t.Errorf("%s: it loads", c.name)
		} else if diff := cmp.Diff(c.want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}

	if _, err := Load(fstest.MapFS{"sample.yaml": file("x: 1")}, testVocabulary, Config{}); err != nil {
		var p *Problem
		if !errors.As(err, &p) || p.File != "sample.yaml" || p.Line != 1 {
			t.Errorf("the error holds no Problem: %v", err)
		}
	}
	unknown := Vocabulary{Settings: map[string]Type{"x": "boolean"}}
	if _, err := Load(fstest.MapFS{}, unknown, Config{}); err == nil || !strings.Contains(err.Error(), `setting "x": read setting type: "boolean" is none of`) {
		t.Errorf("an unknown type of setting: %v", err)
	}
	if _, err := Load(brokenFS{}, testVocabulary, Config{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("an unreadable folder: %v", err)
	}
}

type brokenFS struct{}

func (brokenFS) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

func ids(s *Set) []string {
	var all []string
	for _, p := range s.Policies() {
		all = append(all, p.ID)
	}
	return all
}

// FuzzLoad holds that no text makes Load panic, and that every complaint says
// where in the file it belongs.
func FuzzLoad(f *testing.F) {
	f.Add(sound)
	f.Add(edited("require: >\n  exposure.level <\n  level.tenant && settings.acls_enabled", "needs: [acls_enabled]"))
	f.Add(edited(`applies: "resource.kind in [\"aws.s3.bucket\"]"`, "asks: all", "looks: {can: [read], via: [acl]}"))
	f.Add(edited("require: 'resource.tags.exists(k, resource.tags[k] == \"x\")'"))
	f.Add("a: &a [*a]")
	f.Add("? [x]\n: y")
	f.Add("<<: {id: x}")
	f.Add("id: !!binary aGk=\n")
	f.Add("require: |\n\n\n")
	f.Add("\r\r$-")
	lang, err := newLanguage(&testVocabulary)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := &document{file: "sample.yaml"}
		r := lang.read(d, []byte(text))
		if len(d.problems) == 0 {
			set := &Set{rules: []*rule{r}, depth: Full}
			set.Test(t.Context(), "", nil)
		}
		for _, p := range d.problems {
			if p.Line < 1 || p.Line > len(splitLines(text))+1 || p.Column < 1 {
				t.Errorf("the place is outside the file: %v", p)
			}
		}
	})
}
