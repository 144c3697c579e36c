//go:build e2e

package gcloud

import (
	"os/exec"
	"testing"
	"time"

	"github.com/andon-audit/andon/e2e/internal/andon"
)

// longest is how long one run may take: a storm makes it wait.
const longest = 80 * time.Second

// command is andon without credentials.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return andon.Command(t, longest, andon.Offline(), args...)
}

// audit runs andon audit against a cloud and reads its report.
func audit(t testing.TB, c *cloud, args ...string) (*andon.Report, andon.Said) {
	t.Helper()
	return andon.AuditOf(t, c.server, command(t, append([]string{"audit", "--cloud", "gcp", "--gcp-endpoint", c.url, "--format", "json"}, args...)...))
}
