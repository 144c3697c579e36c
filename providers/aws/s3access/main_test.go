package s3access_test

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/awstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	owner    = "111111111111"
	supplier = "222222222222"
)

// open serves a world and opens its first account.
func open(t *testing.T, world string) (*account.Account, *awstest.Server) {
	t.Helper()
	w, err := awstest.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	server := awstest.NewServer(w)
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	transport := server.Transport()
	t.Cleanup(stop)
	t.Cleanup(transport.CloseIdleConnections)
	a, err := account.Open(t.Context(), account.Options{
		Transport: transport, Offline: true, Attempts: 1, Backoff: func(int) time.Duration { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, server
}

// spell writes grants one a line: by which channel, to whom, to do what.
func spell(grants []resource.Grant) []string {
	var lines []string
	for _, g := range grants {
		line := string(g.Via) + " to " + g.To.Reach.String() + "/" + g.To.Credential.String()
		if len(g.To.Named) > 0 {
			line += " (" + strings.Join(g.To.Named, ", ") + ")"
		}
		var can []string
		for _, action := range g.Can {
			can = append(can, string(action))
		}
		lines = append(lines, line+": "+strings.Join(can, " "))
	}
	return lines
}

// policy writes a document of these statements.
func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}
