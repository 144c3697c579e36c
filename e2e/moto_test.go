//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// cache is where the virtual environment is kept between runs; .gitignore
// covers it.
const cache = "../.cache/e2e"

// server is the moto server that every test of the package shares. Each test
// works in an account of its own.
var server *moto

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	python, err := exec.LookPath("python3")
	if err == nil {
		// Debian parts venv from Python itself.
		err = exec.Command(python, "-c", "import venv, ensurepip").Run()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "e2e: the tests need python3 with its venv module: %v\n", err)
		if os.Getenv("CI") == "true" || os.Getenv("ANDON_E2E") == "required" {
			return 1
		}
		fmt.Fprintln(os.Stderr, "e2e: SKIPPED (ANDON_E2E=required makes this a failure)")
		return 0
	}
	if server, err = start(python); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer server.stop()
	return m.Run()
}

// moto is a running server.
type moto struct {
	url     string
	process *exec.Cmd
	stdin   io.Closer

	mu  sync.Mutex
	log []string
}

// start installs moto where that was not done yet, and serves it.
func start(python string) (*moto, error) {
	environment, err := install(python)
	if err != nil {
		return nil, err
	}
	s := &moto{process: exec.Command(filepath.Join(environment, "bin", "python"), "serve.py")}
	if s.stdin, err = s.process.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start moto: %w", err)
	}
	output, err := s.process.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start moto: %w", err)
	}
	s.process.Stdout = io.Discard
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start moto: %w", err)
	}
	ready := make(chan string, 1)
	go s.read(output, ready)
	select {
	case s.url = <-ready:
	case <-time.After(time.Minute):
	}
	if s.url == "" {
		s.stop()
		return nil, fmt.Errorf("start moto: it did not say where it listens:\n%s", strings.Join(s.requests(), "\n"))
	}
	return s, nil
}

// install puts the pinned requirements into a virtual environment named after
// them, so that a changed pin never meets an old environment.
func install(python string) (string, error) {
	requirements, err := os.ReadFile("requirements.txt")
	if err != nil {
		return "", fmt.Errorf("install moto: %w", err)
	}
	sum := sha256.Sum256(requirements)
	environment, err := filepath.Abs(filepath.Join(cache, hex.EncodeToString(sum[:6])))
	if err != nil {
		return "", fmt.Errorf("install moto: %w", err)
	}
	done := filepath.Join(environment, "installed")
	if _, err := os.Stat(done); err == nil {
		return environment, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, command := range [][]string{
		{python, "-m", "venv", "--clear", environment},
		{filepath.Join(environment, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"},
	} {
		if said, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("install moto: %w\n%s", err, said)
		}
	}
	return environment, os.WriteFile(done, nil, 0o600)
}

// read keeps what the server says: one line for each request.
func (s *moto) read(output io.Reader, ready chan<- string) {
	defer close(ready)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		s.mu.Lock()
		s.log = append(s.log, lines.Text())
		s.mu.Unlock()
		if _, url, ok := strings.Cut(lines.Text(), "Running on "); ok {
			ready <- strings.TrimSpace(url)
		}
	}
}

// requests returns what the server has said so far.
func (s *moto) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

// stop ends the process that start began, and no other.
func (s *moto) stop() {
	_ = s.stdin.Close()
	err := s.process.Process.Kill()
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		fmt.Fprintln(os.Stderr, "e2e: stop moto:", err)
	}
	_ = s.process.Wait()
}
