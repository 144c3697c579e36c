package cli

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/report/table"
)

var update = flag.Bool("update", false, "write the output that the README shows")

// quoted is a block of the README that shows what a command prints.
var quoted = regexp.MustCompile("(?s)(<!-- output: audit --replay examples/toyota -->\n```\n)(.*?)(```\n)")

// TestReadmeShowsRealOutput holds the README's table to what the command prints
// on a terminal of 96 columns.
func TestReadmeShowsRealOutput(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	name := filepath.Join(root, "README.md")
	readme, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := toyotaTable(t, filepath.Join(root, "examples", "toyota"))
	parts := quoted.FindSubmatch(readme)
	if parts == nil {
		t.Fatal("README.md has no block for the output of audit --replay examples/toyota")
	}
	if bytes.Equal(parts[2], want) {
		return
	}
	if !*update {
		t.Fatalf("README.md shows what is not printed; run go test ./cmd/andon/cli -run Readme -update\nprinted:\n%s", want)
	}
	fresh := bytes.Replace(readme, parts[0], bytes.Join([][]byte{parts[1], want, parts[3]}, nil), 1)
	if err := os.WriteFile(name, fresh, 0o644); err != nil {
		t.Fatal(err)
	}
}

func toyotaTable(t *testing.T, dir string) []byte {
	t.Helper()
	ctx := context.Background()
	set, err := (&rules{depth: "verdict"}).load()
	if err != nil {
		t.Fatal(err)
	}
	src, err := (&source{replay: dir, concurrency: 4}).open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	summary, err := audit.Run(ctx, audit.Options{
		Policies: set, FailOn: finding.High, Tool: "andon " + Version, Source: src.name, Provider: src.provider, Calls: src.calls,
		Now:  func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) },
		Sink: table.New(&out, table.Options{Page: report.Page{Width: 96, TTY: true, Unicode: true}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if summary.Exit != audit.ExitBoth {
		t.Errorf("the estate exits %d, its README says %d", summary.Exit, audit.ExitBoth)
	}
	return out.Bytes()
}
