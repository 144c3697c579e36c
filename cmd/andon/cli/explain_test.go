package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/finding"
)

// Names of stores are hostile text on every stream, in an error's hint too.
func TestNearNamesAreEscaped(t *testing.T) {
	c := &chosenStore{session: &session{stdout: io.Discard, stderr: io.Discard}, name: "db"}
	c.near = []string{"db\x1b]0;pwned\a", "db\u202egnp"}
	err := c.missing(new(finding.Summary))
	if err == nil || !strings.Contains(err.Error(), "did you mean db") || strings.ContainsAny(err.Error(), "\x1b\a\u202e") {
		t.Errorf("error %q", err)
	}
}
