//go:build e2e

// Package andon runs the built binary, from outside, and reads its report: for
// the end-to-end tests of every cloud.
package andon

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary is what is under test; make builds it first.
var binary = sync.OnceValues(func() (path string, err error) {
	root, err := filepath.Abs(".")
	if err != nil {
		return "", err
	}
	for root != filepath.Dir(root) {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Dir(root)
	}
	path = filepath.Join(root, "bin", "andon")
	_, err = os.Stat(path)
	return path, err
})

// Command is andon with an environment, and without anything of this machine's
// own configuration. It is ended when it takes too long.
func Command(t testing.TB, longest time.Duration, environment []string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("find the binary: %v (make build makes it)", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append([]string{"HOME=" + t.TempDir()}, environment...)
	return cmd
}

// Offline sends whatever is not meant for loopback to a proxy that is not there.
func Offline() []string {
	const nowhere = "http://127.0.0.1:9"
	return []string{
		"HTTP_PROXY=" + nowhere, "http_proxy=" + nowhere, "HTTPS_PROXY=" + nowhere, "https_proxy=" + nowhere,
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
	}
}

// Said is what a run left behind.
type Said struct {
	Stdout, Stderr string
	Exit           int
}

// Run waits for a command to end by itself.
func Run(t testing.TB, cmd *exec.Cmd) Said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("run andon: %v", err)
	}
	out := Said{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if out.Exit < 0 {
		t.Errorf("andon did not end by itself: %v", err)
	}
	if strings.Contains(out.Stderr, "goroutine ") {
		t.Errorf("a stack trace on stderr:\n%s", out.Stderr)
	}
	return out
}

// Audit runs andon audit and reads its report, which is JSON.
func Audit(t testing.TB, cmd *exec.Cmd) (*Report, Said) {
	t.Helper()
	out := Run(t, cmd)
	if out.Stdout == "" {
		t.Fatalf("no report, exit %d: %s", out.Exit, out.Stderr)
	}
	r := Read(t, out.Stdout)
	if r.Summary.Exit != out.Exit {
		t.Errorf("the report says exit %d, the process said %d", r.Summary.Exit, out.Exit)
	}
	return r, out
}

// Server is a loopback cloud, which counts what it is asked.
type Server interface {
	Calls() map[string]int
	Writes() int
}

// AuditOf is Audit of a loopback cloud: what it was asked must be what the report
// counts, but for tokens, and nothing of it a write.
func AuditOf(t testing.TB, s Server, cmd *exec.Cmd) (*Report, Said) {
	t.Helper()
	before := s.Calls()
	r, out := Audit(t, cmd)
	if n := s.Writes(); n != 0 {
		t.Errorf("%d requests could have changed something", n)
	}
	for call, n := range s.Calls() {
		if got := r.Summary.ByCall[call]; got != n-before[call] && !strings.HasPrefix(call, "entra:") {
			t.Errorf("%s was asked %d times, the report says %d", call, n-before[call], got)
		}
	}
	return r, out
}
