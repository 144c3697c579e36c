//go:build e2e

package azurite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// longest is how long one run may take.
const longest = 30 * time.Second

// cloud is a loopback Azure: Resource Manager and Microsoft Entra.
type cloud struct {
	server      *azuretest.Server
	url         string
	certificate string // a file
}

func serve(t testing.TB, w *azuretest.World, options ...azuretest.Option) *cloud {
	t.Helper()
	c := &cloud{server: azuretest.NewServer(w, options...), certificate: filepath.Join(t.TempDir(), "certificate.pem")}
	url, stop, err := c.server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c.url = url
	if err := os.WriteFile(c.certificate, c.server.Certificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// environment is all that a run needs to reach a cloud: a service principal, and
// where Azure is.
func (c *cloud) environment() map[string]string {
	return map[string]string{
		"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": "22222222-2222-2222-2222-222222222222", "AZURE_CLIENT_SECRET": secret,
		"AZURE_AUTHORITY_HOST": c.url, "ANDON_AZURE_ENDPOINT": c.url, "AZURE_CORE_INSTANCE_DISCOVERY": "false",
		"SSL_CERT_FILE": c.certificate,
	}
}

// secret must not stand in anything that a run says.
const secret = "not-to-be-repeated"

// command is andon with an environment, and without anything else of this
// machine's own configuration. Whatever is not meant for loopback fails.
func command(t testing.TB, environment map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	andon, err := filepath.Abs("../../bin/andon")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(andon); err != nil {
		t.Fatalf("find the binary: %v (make build makes it)", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, andon, args...)
	cmd.Env = append(offline(), "HOME="+t.TempDir(), "AWS_EC2_METADATA_DISABLED=true", "GCE_METADATA_HOST="+noMetadata(t))
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// noMetadata stands in for the metadata server of a virtual machine that has no
// service account: the clouds that a run finds must not depend on the machine.
func noMetadata(t testing.TB) (host string) {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
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
	out := said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if out.exit < 0 {
		t.Errorf("andon did not end within %s", longest)
	}
	if strings.Contains(out.stderr, "goroutine ") {
		t.Errorf("a stack trace on stderr:\n%s", out.stderr)
	}
	if strings.Contains(out.stdout+out.stderr, secret) {
		t.Error("the client's secret stands in what the run says")
	}
	return out
}

// report is what the tests read of andon.report.v1.
type report struct {
	Stores  []store `json:"stores"`
	Summary struct {
		Incomplete bool           `json:"incomplete"`
		Exit       int            `json:"exit"`
		ByCall     map[string]int `json:"by_call"`
	} `json:"summary"`
}

type store struct {
	ID       string  `json:"id"`
	Kind     string  `json:"kind"`
	Name     string  `json:"name"`
	Exposure levels  `json:"exposure"`
	Verdict  string  `json:"verdict"`
	Grants   []grant `json:"grants"`
	Missing  []struct {
		Call   string `json:"call"`
		Detail string `json:"detail"`
	} `json:"missing"`
}

type levels struct {
	Least string `json:"least"`
	Most  string `json:"most"`
}

type grant struct {
	Via       string   `json:"via"`
	Can       []string `json:"can"`
	Opens     levels   `json:"opens"`
	GuardedBy []string `json:"guarded_by"`
	Note      string   `json:"note"`
	Evidence  []struct {
		Call  string `json:"call"`
		Of    string `json:"of"`
		Quote string `json:"quote"`
	} `json:"evidence"`
	Witness *struct {
		Principal string `json:"principal"`
		Action    string `json:"action"`
		Resource  string `json:"resource"`
	} `json:"witness"`
}

// audit runs andon audit in an environment and reads its report. What was asked
// must be what the report counts, and nothing of it a write.
func audit(t testing.TB, c *cloud, environment map[string]string, args ...string) (*report, said) {
	t.Helper()
	before := c.server.Calls()
	out := execute(t, command(t, environment, append([]string{"audit", "--format", "json"}, args...)...))
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
		if got := r.Summary.ByCall[call]; got != n-before[call] && !strings.HasPrefix(call, "entra:") {
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
	compiled, err := schema()
	if err != nil {
		t.Fatal(err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Errorf("the report does not follow andon schema report: %v", err)
	}
	var r report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("parse report: %v", err)
	}
	return &r
}

// schema is what the binary itself publishes.
var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	published, err := exec.Command("../../bin/andon", "schema", "report").Output()
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("report.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("report.json")
})

// String spells a range as a report does.
func (l levels) String() string {
	if l.Least == l.Most {
		return l.Least
	}
	return l.Least + ".." + l.Most
}

var order = map[string]int{"private": 0, "shared": 1, "reachable": 2, "tenant": 3, "public": 4}

// hold reports whether a level is in the range.
func (l levels) hold(level string) bool {
	return order[l.Least] <= order[level] && order[level] <= order[l.Most]
}

// account returns the storage account with a name.
func (r *report) account(t testing.TB, name string) store {
	t.Helper()
	for _, s := range r.Stores {
		if s.Kind == "azure.storage.account" && s.Name == name {
			return s
		}
	}
	t.Fatalf("the account %s is missing from the report", name)
	return store{}
}
