//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// andon is the binary under test; make builds it first.
func andon(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../bin/andon")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("find the binary: %v (make build makes it)", err)
	}
	return path
}

// command is andon with an endpoint, credentials that mean nothing elsewhere,
// and nothing of this machine's own configuration.
func command(t testing.TB, endpoint string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, andon(t), args...)
	cmd.Env = []string{
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=testing", "AWS_SECRET_ACCESS_KEY=testing", "AWS_REGION=" + home,
		"AWS_EC2_METADATA_DISABLED=true", "HOME=" + t.TempDir(),
	}
	return cmd
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
		Reason     string         `json:"reason"`
		Exit       int            `json:"exit"`
		Gone       int            `json:"gone"`
		Calls      int            `json:"calls"`
		ByCall     map[string]int `json:"by_call"`
		Coverage   []coverage     `json:"coverage"`
	} `json:"summary"`
}

type store struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Scope struct {
		Account, Region string
	} `json:"scope"`
	Verdict  string    `json:"verdict"`
	Settled  levels    `json:"settled"`
	Exposure levels    `json:"exposure"`
	Grants   []grant   `json:"grants"`
	Findings []finding `json:"findings"`
	Missing  []missing `json:"missing"`
	Calls    int       `json:"calls"`
}

type levels struct{ Least, Most string }

type grant struct {
	Opens   levels          `json:"opens"`
	Witness json.RawMessage `json:"witness"`
}

type finding struct{ Policy, Severity, Outcome string }

// alarms reports whether a finding counts in the exit code.
func (f finding) alarms() bool {
	return f.Outcome == "fail" && (f.Severity == "critical" || f.Severity == "high")
}

type missing struct{ Call, Permission, Reason, Detail string }

type coverage struct {
	Scope struct{ Region string }
	Kind  string
	State string
	Call  string
}

// String spells a range as the tables do.
func (l levels) String() string {
	if l.Least == l.Most {
		return l.Least
	}
	return l.Least + ".." + l.Most
}

var order = map[string]int{"private": 0, "shared": 1, "reachable": 2, "tenant": 3, "public": 4}

// holds reports whether every level that want spells is in the range.
func (l levels) holds(want string) bool {
	least, most, ranged := strings.Cut(want, "..")
	if !ranged {
		most = least
	}
	return order[l.Least] <= order[least] && order[most] <= order[l.Most]
}

// store returns one store of the report.
func (r *report) store(t testing.TB, name string) store {
	t.Helper()
	for _, s := range r.Stores {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("%s is missing from the report", name)
	return store{}
}

// read parses a report, after holding it against the published schema.
func read(t testing.TB, text string) *report {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parse report: %v\n%s", err, text)
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
		published := execute(t, command(t, "", "schema", "report"))
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

// audit runs andon audit over what the estate is about, and reads its report.
func audit(t testing.TB, endpoint string, e *estate, args ...string) (*report, said) {
	t.Helper()
	return auditRaw(t, endpoint, e, append(args, e.selection()...)...)
}

// auditRaw runs andon audit in the estate's account, with these flags.
func auditRaw(t testing.TB, endpoint string, e *estate, args ...string) (*report, said) {
	t.Helper()
	args = append([]string{"audit", "--format", "json"}, args...)
	if role := e.role(); role != "" {
		args = append(args, "--role-arn", role)
	}
	out := execute(t, command(t, endpoint, args...))
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
	return r, out
}
