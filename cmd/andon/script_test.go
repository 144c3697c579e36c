package main

import (
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/andon-audit/andon/cmd/andon/cli"
	"github.com/andon-audit/andon/examples"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/azure/azuretest"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"andon": func() { os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the command line as a user would. Each script is also the
// documentation of what it shows. Beside testscript's own commands there are:
//
//	exits CODE COMMAND...   run it; it must end with this exit code
//	normal FROM TO          copy a file (or stdout) with run ids, times and versions made equal
//
// and in the environment $TOYOTA (the recorded estate), $CLOUD (the same estate,
// served live), $GOOGLE (the estate of $WORLD, a file, served live), $AZURE (that of
// $WORLD_AZURE, with the certificate of the file $CERTIFICATE) and $POLICIES (the
// built-in policies).
func TestScripts(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":  exits,
			"normal": normal,
		},
		Setup: func(env *testscript.Env) error {
			cloud, err := serve(env)
			if err != nil {
				return err
			}
			env.Setenv("CLOUD", cloud)
			world := filepath.Join(root, "cmd", "andon", "testdata", "world-gcp.yaml")
			google, err := serveGoogle(env, world)
			if err != nil {
				return err
			}
			env.Setenv("GOOGLE", google)
			env.Setenv("WORLD", world)
			if err := serveAzure(env, filepath.Join(root, "cmd", "andon", "testdata", "world-azure.yaml")); err != nil {
				return err
			}
			env.Setenv("TOYOTA", filepath.Join(root, "examples", "toyota"))
			env.Setenv("POLICIES", filepath.Join(root, "policies"))
			// No credential of this machine reaches a script, and none is needed.
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			env.Setenv("AWS_CONFIG_FILE", os.DevNull)
			env.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
			env.Setenv("GCE_METADATA_HOST", noMetadata(env))
			env.Setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
			env.Setenv("LANG", "C.UTF-8")
			return nil
		},
	})
}

func serve(env *testscript.Env) (url string, err error) {
	world, err := awstest.Parse(examples.ToyotaWorld)
	if err != nil {
		return "", err
	}
	url, stop, err := awstest.NewServer(world).Start()
	if err == nil {
		env.Defer(stop)
	}
	return url, err
}

func serveGoogle(env *testscript.Env, file string) (url string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	world, err := gcptest.Parse(text)
	if err != nil {
		return "", err
	}
	url, stop, err := gcptest.NewServer(world).Start()
	if err == nil {
		env.Defer(stop)
	}
	return url, err
}

func serveAzure(env *testscript.Env, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	world, err := azuretest.Parse(text)
	if err != nil {
		return err
	}
	server := azuretest.NewServer(world)
	url, stop, err := server.Start()
	if err != nil {
		return err
	}
	env.Defer(stop)
	certificate := filepath.Join(env.WorkDir, "azure.pem")
	env.Setenv("AZURE", url)
	env.Setenv("WORLD_AZURE", file)
	env.Setenv("CERTIFICATE", certificate)
	return os.WriteFile(certificate, server.Certificate(), 0o600)
}

// noMetadata stands in for the metadata server of a virtual machine that has no
// service account, whatever machine this is.
func noMetadata(env *testscript.Env) (host string) {
	server := httptest.NewServer(http.NotFoundHandler())
	env.Defer(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// exits runs a command and looks at its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// What differs from run to run, and what a reader is shown in its place.
var differing = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{8}`), "RUN"},
	{regexp.MustCompile(`"(started|finished)":"[^"]+"`), `"$1":"TIME"`},
	{regexp.MustCompile(`andon \d+\.\d+\.\d+`), "andon VERSION"},
}

func normal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: normal FROM TO")
	}
	text := ts.ReadFile(args[0])
	for _, d := range differing {
		text = d.pattern.ReplaceAllString(text, d.shown)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}
