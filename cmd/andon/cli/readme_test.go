package cli

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/report/table"
	"github.com/andon-audit/andon/providers"
)

var update = flag.Bool("update", false, "write the output that the README shows")

// The blocks of the README that are made, not written: what a command prints,
// and the table of kinds.
var (
	quoted = regexp.MustCompile("(?s)(<!-- output: audit --replay examples/toyota -->\n```\n)(.*?)(```\n)")
	listed = regexp.MustCompile("(?s)(<!-- kinds -->\n)(.*?)(<!-- /kinds -->\n)")
)

// TestReadmeShowsRealOutput holds the README's table to what the command prints
// on a terminal of 96 columns.
func TestReadmeShowsRealOutput(t *testing.T) {
	holdReadme(t, quoted, toyotaTable(t, filepath.Join("..", "..", "..", "examples", "toyota")))
}

// TestReadmeListsKinds holds the README's list of kinds to the registry.
func TestReadmeListsKinds(t *testing.T) {
	var out bytes.Buffer
	out.WriteString("| kind | store | public when |\n|---|---|---|\n")
	for _, k := range providers.Kinds() {
		fmt.Fprintf(&out, "| `%s` | %s | %s |\n", k.Name, k.Title, strings.Join(strings.Fields(k.Public), " "))
	}
	holdReadme(t, listed, out.Bytes())
}

func holdReadme(t *testing.T, block *regexp.Regexp, want []byte) {
	t.Helper()
	name := filepath.Join("..", "..", "..", "README.md")
	readme, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	parts := block.FindSubmatch(readme)
	if parts == nil {
		t.Fatalf("README.md has no block that matches %s", block)
	}
	if bytes.Equal(parts[2], want) {
		return
	}
	if !*update {
		t.Fatalf("README.md is stale; run go test ./cmd/andon/cli -run Readme -update\nwant:\n%s", want)
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
