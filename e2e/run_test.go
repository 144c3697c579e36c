//go:build e2e

package e2e

import (
	"os/exec"
	"testing"
	"time"

	"github.com/andon-audit/andon/e2e/internal/andon"
)

// longest is how long one run may take.
const longest = 2 * time.Minute

// command is andon with an endpoint and credentials that mean nothing elsewhere.
func command(t testing.TB, endpoint string, args ...string) *exec.Cmd {
	t.Helper()
	return andon.Command(t, longest, []string{
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=testing", "AWS_SECRET_ACCESS_KEY=testing", "AWS_REGION=" + home,
		"AWS_EC2_METADATA_DISABLED=true",
	}, args...)
}

// audit runs andon audit over what the estate is about, and reads its report.
func audit(t testing.TB, endpoint string, e *estate, args ...string) (*andon.Report, andon.Said) {
	t.Helper()
	return auditRaw(t, endpoint, e, append(args, e.selection()...)...)
}

// auditRaw runs andon audit in the estate's account, with these flags.
func auditRaw(t testing.TB, endpoint string, e *estate, args ...string) (*andon.Report, andon.Said) {
	t.Helper()
	args = append([]string{"audit", "--format", "json"}, args...)
	if role := e.role(); role != "" {
		args = append(args, "--role-arn", role)
	}
	return andon.Audit(t, command(t, endpoint, args...))
}
