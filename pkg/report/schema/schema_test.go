package schema_test

import (
	"bytes"
	stdjson "encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report/json"
	"github.com/andon-audit/andon/pkg/report/ndjson"
	"github.com/andon-audit/andon/pkg/report/reporttest"
	"github.com/andon-audit/andon/pkg/report/schema"
	"github.com/andon-audit/andon/pkg/resource"
)

func compiled(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("report.json", decode(t, schema.Report)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("report.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t testing.TB, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("decode: %v\n%s", err, b)
	}
	return v
}

// told runs the shared estate, and one store with every field set, through a sink.
func told(t testing.TB, sink finding.Sink) {
	t.Helper()
	stores := append(reporttest.Stores(), everything())
	if err := sink.Begin(reporttest.Run()); err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		if err := sink.Store(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.End(reporttest.Summary(stores)); err != nil {
		t.Fatal(err)
	}
}

func document(t testing.TB) []byte {
	var b bytes.Buffer
	told(t, json.New(&b))
	return b.Bytes()
}

// everything is a store whose every field is set, so that each property of the
// schema has something to describe.
func everything() *finding.Store {
	all := []resource.Action{resource.Read}
	because := []resource.Evidence{{Call: "s3:GetBucketPolicy", Of: "x", Pointer: "/Statement/0", Quote: "q"}}
	gap := resource.Gap{
		Call: "s3:GetBucketAcl", Permission: "s3:GetBucketAcl", Reason: resource.Throttled, Detail: "SlowDown", Settings: []string{"acl.enabled"},
		Hides:   []resource.Hidden{{Via: "acl", To: resource.Anyone, Can: all}},
		Shields: []resource.Shield{{On: []resource.Channel{"acl"}, Can: all, Cap: resource.Nobody}},
	}
	asked := gap
	asked.Reason = resource.NotAsked
	r := resource.Resource{
		ID: "arn:aws:s3:::x", Kind: "aws.s3.bucket", Class: "bucket", Name: "x",
		Scope:   resource.Scope{Provider: "aws", Account: "123456789012", Region: "eu-west-1"},
		Created: time.Date(2020, 1, 2, 3, 4, 5, 678, time.UTC), Tags: map[string]string{"a": "b"},
		Grants: []resource.Grant{{
			To: resource.Outsiders("999999999999"), Can: all, Via: "policy", Because: because, Note: "n",
			Witness: &resource.Witness{Principal: "p", Action: "a", Resource: "r", Context: map[string]string{"k": "v"}},
		}},
		Guards: []resource.Guard{{Name: "bucket Block Public Access", On: []resource.Channel{"policy"}, Can: all, Cap: resource.Nobody, Because: because}},
		Gaps:   []resource.Gap{gap, asked}, Notes: []string{"n"}, Calls: 3, Saved: 1,
	}
	s := &finding.Store{Resource: r, Assessment: exposure.Assess(&r)}
	for _, outcome := range []finding.Outcome{finding.Fail, finding.Pass, finding.Unknown, finding.Waived} {
		s.Findings = append(s.Findings, finding.Finding{
			ID: "0011", Policy: "p", Title: "t", Severity: finding.High, Outcome: outcome, Exposure: exposure.Range{Most: exposure.Public},
			Paths: s.Assessment.Paths, Guards: r.Guards, Latent: s.Assessment.Latent, Missing: []resource.Gap{gap}, Why: "w", Fix: "f",
			Settings: map[string]resource.Setting{
				"bool": {Value: true, From: because[0]}, "text": {Value: "on"}, "number": {Value: 1e300}, "count": {Value: 7},
				"texts": {Value: []string{"a"}}, "mixed": {Value: []any{"a", true, 2.5}}, "odd": {Value: time.Second},
			},
		})
	}
	return s
}

func TestDocumentValidates(t *testing.T) {
	if err := compiled(t).Validate(decode(t, document(t))); err != nil {
		t.Fatal(err)
	}
}

// TestGoldenFilesValidate checks what the formats' own tests compare with.
func TestGoldenFilesValidate(t *testing.T) {
	s := compiled(t)
	for path, separator := range map[string]string{"../json/testdata/report.json": "\x00", "../ndjson/testdata/report.ndjson": "\n"} {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(strings.TrimSuffix(string(content), "\n"), separator) {
			if err := s.Validate(decode(t, []byte(part))); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

func TestEveryLineValidates(t *testing.T) {
	var b bytes.Buffer
	told(t, ndjson.New(&b))
	s := compiled(t)
	lines := bytes.Split(bytes.TrimSuffix(b.Bytes(), []byte("\n")), []byte("\n"))
	if want := len(reporttest.Stores()) + 3; len(lines) != want {
		t.Fatalf("%d lines, want %d", len(lines), want)
	}
	for _, line := range lines {
		if err := s.Validate(decode(t, line)); err != nil {
			t.Errorf("%v\n%s", err, line)
		}
	}
}

func TestLinesAndDocumentTellTheSame(t *testing.T) {
	var b bytes.Buffer
	told(t, ndjson.New(&b))
	var doc struct {
		Stores []stdjson.RawMessage
	}
	if err := stdjson.Unmarshal(document(t), &doc); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, store := range doc.Stores {
		line := strings.Replace(lines[i+1], `"type":"store","schema":"andon.report.v1",`, "", 1)
		if line != string(store) {
			t.Errorf("store %d differs:\n%s\n%s", i, line, store)
		}
	}
}

// TestBrokenDocumentsAreRejected breaks the good document in one place at a time.
func TestBrokenDocumentsAreRejected(t *testing.T) {
	s := compiled(t)
	store := func(doc map[string]any) map[string]any { return doc["stores"].([]any)[0].(map[string]any) }
	grant := func(doc map[string]any) map[string]any { return store(doc)["grants"].([]any)[0].(map[string]any) }
	for name, broken := range map[string]func(map[string]any){
		"no schema":            func(d map[string]any) { delete(d, "schema") },
		"another version":      func(d map[string]any) { d["schema"] = "andon.report.v2" },
		"no summary":           func(d map[string]any) { delete(d, "summary") },
		"unknown member":       func(d map[string]any) { d["extra"] = 1 },
		"unknown type":         func(d map[string]any) { d["type"] = "document" },
		"run with extra":       func(d map[string]any) { d["run"].(map[string]any)["extra"] = 1 },
		"run not a time":       func(d map[string]any) { d["run"].(map[string]any)["started"] = "yesterday" },
		"store with extra":     func(d map[string]any) { store(d)["extra"] = 1 },
		"store with type":      func(d map[string]any) { store(d)["type"] = "store" },
		"store without range":  func(d map[string]any) { delete(store(d), "exposure") },
		"verdict not a word":   func(d map[string]any) { store(d)["verdict"] = "safe" },
		"verdict missing":      func(d map[string]any) { delete(store(d), "verdict") },
		"level not a word":     func(d map[string]any) { store(d)["settled"].(map[string]any)["least"] = "open" },
		"kind not a kind":      func(d map[string]any) { store(d)["kind"] = "bucket" },
		"grant to nobody":      func(d map[string]any) { delete(grant(d), "to") },
		"grant with extra":     func(d map[string]any) { grant(d)["principal"] = "*" },
		"evidence not a list":  func(d map[string]any) { grant(d)["evidence"] = "policy" },
		"reach not a word":     func(d map[string]any) { grant(d)["to"].(map[string]any)["reach"] = "world" },
		"negative calls":       func(d map[string]any) { store(d)["calls"] = -1 },
		"outcome not a word":   func(d map[string]any) { store(d)["findings"].([]any)[0].(map[string]any)["outcome"] = "ok" },
		"state not a word":     func(d map[string]any) { coverage(d)["state"] = "ok" },
		"levels with gone":     func(d map[string]any) { d["summary"].(map[string]any)["levels"].(map[string]any)["gone"] = 1 },
		"summary without exit": func(d map[string]any) { delete(d["summary"].(map[string]any), "exit") },
	} {
		t.Run(name, func(t *testing.T) {
			doc := decode(t, document(t)).(map[string]any)
			broken(doc)
			if s.Validate(doc) == nil {
				t.Error("accepted")
			}
		})
	}
}

func coverage(doc map[string]any) map[string]any {
	return doc["summary"].(map[string]any)["coverage"].([]any)[0].(map[string]any)
}

func TestBrokenLinesAreRejected(t *testing.T) {
	s := compiled(t)
	for _, line := range []string{
		`{}`, `[]`, `{"type":"run"}`, `{"type":"run","schema":"andon.report.v1"}`, `{"type":"store","schema":"andon.report.v1","id":"x"}`,
		`{"type":"coverage","schema":"andon.report.v1"}`,
	} {
		if s.Validate(decode(t, []byte(line))) == nil {
			t.Errorf("accepted %s", line)
		}
	}
}

// TestEveryPropertyIsWrittenAndDescribed is the other direction: the schema
// promises nothing that the formats do not write.
func TestEveryPropertyIsWrittenAndDescribed(t *testing.T) {
	root := plain(t, schema.Report).(map[string]any)
	w := &walk{defs: root["$defs"].(map[string]any), seen: map[string]bool{}}
	w.visit(w.defs["document"].(map[string]any), plain(t, document(t)), "document")
	for name, def := range w.defs {
		w.check(t, name, def.(map[string]any))
	}
}

func plain(t testing.TB, b []byte) any {
	t.Helper()
	var v any
	if err := stdjson.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// walk notes which properties of which definition an instance has.
type walk struct {
	defs map[string]any
	seen map[string]bool
}

func (w *walk) visit(node map[string]any, instance any, def string) {
	if ref, ok := node["$ref"].(string); ok {
		def = strings.TrimPrefix(ref, "#/$defs/")
		w.visit(w.defs[def].(map[string]any), instance, def)
		return
	}
	switch v := instance.(type) {
	case []any:
		if items, ok := node["items"].(map[string]any); ok {
			for _, element := range v {
				w.visit(items, element, def+"[]")
			}
		}
	case map[string]any:
		properties, _ := node["properties"].(map[string]any)
		others, _ := node["additionalProperties"].(map[string]any)
		for name, value := range v {
			if p, ok := properties[name].(map[string]any); ok {
				w.seen[def+"."+name] = true
				w.visit(p, value, def+"."+name)
			} else if others != nil {
				w.visit(others, value, def+"{}")
			}
		}
	}
}

func (w *walk) check(t *testing.T, def string, node map[string]any) {
	if def == "line" { // framing, checked line by line
		return
	}
	properties, _ := node["properties"].(map[string]any)
	for name, p := range properties {
		path := def + "." + name
		p := p.(map[string]any)
		if text, _ := p["description"].(string); text == "" {
			t.Errorf("%s has no description", path)
		}
		if !w.seen[path] {
			t.Errorf("%s is never written", path)
		}
		if items, ok := p["items"].(map[string]any); ok && items["properties"] != nil {
			w.check(t, path+"[]", items)
		} else if p["properties"] != nil {
			w.check(t, path, p)
		}
	}
}

func TestWordsAreTheModels(t *testing.T) {
	defs := plain(t, schema.Report).(map[string]any)["$defs"].(map[string]any)
	var levels, severities, reaches, credentials []string
	for _, l := range exposure.Levels() {
		levels = append(levels, l.String())
	}
	for s := finding.Info; s <= finding.Critical; s++ {
		severities = append(severities, s.String())
	}
	for r := resource.ReachPrivate; r <= resource.ReachInternet; r++ {
		reaches = append(reaches, r.String())
	}
	for c := resource.CredentialOwn; c <= resource.CredentialNone; c++ {
		credentials = append(credentials, c.String())
	}
	audience := defs["audience"].(map[string]any)["properties"].(map[string]any)
	for name, words := range map[string]struct {
		node any
		want []string
	}{
		"level": {defs["level"], levels}, "severity": {defs["severity"], severities},
		"reach": {audience["reach"], reaches}, "credential": {audience["credential"], credentials},
	} {
		var got []string
		for _, word := range words.node.(map[string]any)["enum"].([]any) {
			got = append(got, word.(string))
		}
		if !slices.Equal(got, words.want) {
			t.Errorf("%s: schema has %q, the model %q", name, got, words.want)
		}
	}
}
