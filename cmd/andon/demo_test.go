package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// What andon demo prints is all that another terminal needs. The certificate is
// there as long as the demo runs.
func TestDemoEnvironment(t *testing.T) {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		t.Skip("SSL_CERT_FILE is not read here")
	}
	demo := exec.CommandContext(t.Context(), "andon", "demo", "--world", filepath.Join("testdata", "world-azure.yaml"))
	demo.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir()}
	var told bytes.Buffer
	demo.Stderr = &told
	stdout, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	exports, ok := strings.CutPrefix(strings.TrimSpace(line), "export ")
	if err != nil || !ok {
		t.Fatalf("printed %q: %v, %s", line, err, told.String())
	}
	environment := strings.Fields(exports)
	audit := exec.CommandContext(t.Context(), "andon", "audit", "--cloud", "azure")
	audit.Env = slices.Concat(environment, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()})
	report, err := audit.CombinedOutput()
	if audit.ProcessState.ExitCode() != 5 || !bytes.Contains(report, []byte("\tazure.sql.server\tcrm\t")) {
		t.Errorf("with %v: %v\n%s", environment, err, report)
	}
	i := slices.IndexFunc(environment, func(variable string) bool { return strings.HasPrefix(variable, "SSL_CERT_FILE=") })
	if i < 0 {
		t.Fatalf("no certificate in %v", environment)
	}
	certificate := strings.TrimPrefix(environment[i], "SSL_CERT_FILE=")
	if _, err := os.Stat(certificate); err != nil {
		t.Error(err)
	}
	if err := demo.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo ends with %v, %s", err, told.String())
	}
	if _, err := os.Stat(certificate); !os.IsNotExist(err) {
		t.Errorf("the certificate is left behind: %v", err)
	}
	if !strings.Contains(told.String(), certificate) || !strings.Contains(told.String(), "try: andon audit --cloud azure\n") {
		t.Errorf("told %q", told.String())
	}
}
