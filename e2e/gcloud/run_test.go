//go:build e2e

package gcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// andon is the binary under test; make builds it first.
func andon(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/andon")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("find the binary: %v (make build makes it)", err)
	}
	return path
}

// longest is how long one run may take: a storm makes it wait.
const longest = 80 * time.Second

// command is andon without credentials and without anything of this machine's
// own configuration.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, andon(t), args...)
	cmd.Env = append(offline(), "HOME="+t.TempDir())
	return cmd
}

// offline sends whatever is not meant for loopback to a proxy that is not there.
func offline() []string {
	const nowhere = "http://127.0.0.1:9"
	return []string{
		"HTTP_PROXY=" + nowhere, "http_proxy=" + nowhere, "HTTPS_PROXY=" + nowhere, "https_proxy=" + nowhere,
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	}
}

// said is what a run left behind.
type said struct {
	stdout, stderr string
	exit           int
}

func execute(t testing.TB, cmd *exec.Cmd) said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("run andon: %v", err)
	}
	return said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// report is what the tests read of andon.report.v1.
type report struct {
	Stores  []store `json:"stores"`
	Summary struct {
		Incomplete bool           `json:"incomplete"`
		Exit       int            `json:"exit"`
		ByCall     map[string]int `json:"by_call"`
		Coverage   []coverage     `json:"coverage"`
	} `json:"summary"`
}

type store struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Scope struct {
		Account string `json:"account"`
	} `json:"scope"`
	Verdict  string     `json:"verdict"`
	Settled  levels     `json:"settled"`
	Exposure levels     `json:"exposure"`
	Grants   []grant    `json:"grants"`
	Guards   []grounded `json:"guards"`
	Findings []finding  `json:"findings"`
	Missing  []missing  `json:"missing"`
}

type levels struct {
	Least string `json:"least"`
	Most  string `json:"most"`
}

type grant struct {
	Via      string     `json:"via"`
	Evidence []evidence `json:"evidence"`
}

type grounded struct {
	Name string `json:"name"`
}

type evidence struct {
	Call    string `json:"call"`
	Of      string `json:"of"`
	Pointer string `json:"pointer"`
	Quote   string `json:"quote"`
}

type finding struct {
	Policy  string `json:"policy"`
	Outcome string `json:"outcome"`
}

type missing struct {
	Call       string `json:"call"`
	Permission string `json:"permission"`
	Reason     string `json:"reason"`
	Detail     string `json:"detail"`
}

type coverage struct {
	Scope struct {
		Account string `json:"account"`
	} `json:"scope"`
	Kind       string `json:"kind"`
	State      string `json:"state"`
	Call       string `json:"call"`
	Permission string `json:"permission"`
	Detail     string `json:"detail"`
	Stores     int    `json:"stores"`
}

// String spells a range as the tables do.
func (l levels) String() string {
	if l.Least == l.Most {
		return l.Least
	}
	return l.Least + ".." + l.Most
}

var order = map[string]int{"private": 0, "shared": 1, "reachable": 2, "tenant": 3, "public": 4}

// holds reports whether every level of other is in the range.
func (l levels) holds(other levels) bool {
	return order[l.Least] <= order[other.Least] && order[other.Most] <= order[l.Most]
}

// key tells a store from every other, of whatever kind.
func (s store) key() string { return s.Kind + " " + s.ID }

// lacks reports whether the report says of a store that a permission is missing.
func (s store) lacks(permission string) bool {
	return slices.ContainsFunc(s.Missing, func(m missing) bool { return slices.Contains(strings.Fields(m.Permission), permission) })
}

// stores returns the stores of the report by key, and fails for one that is
// there twice.
func (r *report) stores(t testing.TB) map[string]store {
	t.Helper()
	out := make(map[string]store, len(r.Stores))
	for _, s := range r.Stores {
		if _, twice := out[s.key()]; twice {
			t.Errorf("%s is reported twice", s.key())
		}
		out[s.key()] = s
	}
	return out
}

// of returns the stores of one project.
func (r *report) of(project string) []store {
	return slices.DeleteFunc(slices.Clone(r.Stores), func(s store) bool { return s.Scope.Account != project })
}

// called returns the store of a kind with a name in a project.
func (r *report) called(t testing.TB, project, kind, name string) store {
	t.Helper()
	for _, s := range r.Stores {
		if s.Scope.Account == project && s.Kind == kind && s.Name == name {
			return s
		}
	}
	t.Fatalf("%s %s of %s is missing from the report", kind, name, project)
	return store{}
}

// covers returns how much of a kind was listed in a project.
func (r *report) covers(t testing.TB, project, kind string) coverage {
	t.Helper()
	for _, c := range r.Summary.Coverage {
		if c.Scope.Account == project && c.Kind == kind {
			return c
		}
	}
	t.Fatalf("the report does not say how much of %s was listed in %s", kind, project)
	return coverage{}
}

// audit runs andon audit against a cloud and reads its report. What was asked
// must be what the report counts, and nothing of it a write.
func audit(t testing.TB, c *cloud, args ...string) (*report, said) {
	t.Helper()
	before := c.server.Calls()
	out := execute(t, command(t, append([]string{"audit", "--cloud", "gcp", "--gcp-endpoint", c.url, "--format", "json"}, args...)...))
	if strings.Contains(out.stderr, "goroutine ") {
		t.Errorf("a stack trace on stderr:\n%s", out.stderr)
	}
	if out.stdout == "" {
		t.Fatalf("no report, exit %d: %s", out.exit, out.stderr)
	}
	r := read(t, out.stdout)
	if r.Summary.Exit != out.exit {
		t.Errorf("the report says exit %d, the process said %d", r.Summary.Exit, out.exit)
	}
	if n := c.server.Writes(); n != 0 {
		t.Errorf("%d requests could have changed something", n)
	}
	for call, n := range c.server.Calls() {
		if got := r.Summary.ByCall[call]; got != n-before[call] {
			t.Errorf("%s was asked %d times, the report says %d", call, n-before[call], got)
		}
	}
	return r, out
}

// read parses a report, after holding it against the published schema.
func read(t testing.TB, text string) *report {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parse report of %d bytes: %v", len(text), err)
	}
	if err := schema(t).Validate(document); err != nil {
		t.Errorf("the report does not follow andon schema report: %v", err)
	}
	var r report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("parse report: %v", err)
	}
	return &r
}

var (
	schemaOnce sync.Once
	compiled   *jsonschema.Schema
)

// schema is what the binary itself publishes.
func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	schemaOnce.Do(func() {
		published := execute(t, command(t, "schema", "report"))
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(published.stdout))
		if err != nil {
			t.Fatalf("parse the published schema: %v", err)
		}
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource("report.json", document); err != nil {
			t.Fatal(err)
		}
		if compiled, err = compiler.Compile("report.json"); err != nil {
			t.Fatalf("compile the published schema: %v", err)
		}
	})
	if compiled == nil {
		t.Fatal("the published schema does not compile")
	}
	return compiled
}
