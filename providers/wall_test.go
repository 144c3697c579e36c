package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/andon-audit/andon/"

// wall is an edge that must not be there: no package of from imports one of to.
// A pattern that ends in /... stands for a folder and everything below it.
type wall struct {
	from, to []string
	// except are importers that may, each for a reason of its own.
	except map[string]string
	// deep walls hold for what is imported indirectly, too.
	deep bool
	why  string
}

var (
	sdks = []string{
		"github.com/aws/aws-sdk-go-v2/...", "github.com/aws/smithy-go/...",
		"github.com/Azure/azure-sdk-for-go/...", "cloud.google.com/go/...", "google.golang.org/api/...",
	}
	// judging are the packages that make a verdict, or tell one.
	judging  = own("pkg/exposure", "pkg/finding", "pkg/policy", "pkg/audit", "pkg/report/...")
	inAndOut = []string{"os", "os/exec", "net", "net/http", "io/fs", "database/sql", "log", "log/slog"}
)

// walls are the layers of ARCHITECTURE.md. Imports of tests are free: a test may
// judge what a collector collected.
var walls = []wall{
	{
		from: own("pkg/..."), to: slices.Concat(own("providers/...", "cmd/...", "policies/...", "examples/..."), sdks), deep: true,
		why: "the core knows no cloud and no command line: it is tested in seconds, and others can build on it",
	},
	{
		from: own("pkg/resource"), to: []string{module + "..."},
		why: "the nouns know nobody, so that everybody can speak in them",
	},
	{
		from: own("pkg/resource", "pkg/exposure", "pkg/finding"), to: inAndOut,
		why: "nouns and the judge are pure: a verdict depends on the store and on nothing else",
	},
	{
		from: own("pkg/exposure"), to: own("pkg/collect/...", "pkg/finding", "pkg/policy", "pkg/audit", "pkg/report/..."),
		why: "the judge knows stores, and not who brought them or what is made of the verdict",
	},
	{
		from: own("pkg/collect/..."), to: judging,
		except: map[string]string{"pkg/collect/conformance": "it holds collectors to what their answers do to a verdict"},
		why:    "collecting describes, one pure function judges",
	},
	{
		from: own("pkg/report/..."), to: own("pkg/collect/...", "pkg/policy", "pkg/audit"),
		why: "reports tell findings, they do not make them",
	},
	{
		from: own("pkg/policy"), to: own("pkg/collect/...", "pkg/audit", "pkg/report/..."),
		why: "policies are a function of stores: no cloud is asked while they are evaluated",
	},
	{
		from: own("providers/..."), to: slices.Concat(judging, own("cmd/...", "policies/...", "examples/...")),
		why: "collectors describe; what that means is said in the core and in policies",
	},
	{
		from: own("providers/internal/restapi"), to: slices.Concat(own("providers/aws/...", "providers/gcp/...", "providers/azure/..."), sdks), deep: true,
		why: "what clouds have in common knows none of them",
	},
	{
		from: own("providers/..."), to: own("providers/internal/restapi"),
		except: map[string]string{
			"providers/gcp/api":   "it is how Google Cloud is reached",
			"providers/azure/arm": "it is how Azure is reached",
		},
		why: "a collector knows its own cloud's client and nothing below it",
	},
	{
		from: own("providers/aws/iam/..."), to: slices.Concat(sdks, own("providers/aws/account", "pkg/collect/...")), deep: true,
		why: "what a policy says is decided without asking anybody",
	},
	{
		from: own("providers/gcp/role", "providers/gcp/member", "providers/gcp/condition"), to: slices.Concat(sdks, own("providers/gcp/api", "pkg/collect/...")), deep: true,
		why: "what a role, a principal and a condition mean is decided without asking anybody",
	},
	{
		from: own("..."), to: own(
			"providers/aws/awstest", "providers/aws/awstape", "providers/gcp/gcptest", "providers/gcp/gcptape",
			"providers/azure/azuretest", "providers/azure/azuretape",
			"pkg/collect/conformance", "pkg/report/reporttest",
		),
		except: map[string]string{
			"cmd/andon/cli":         "andon demo starts the loopback cloud",
			"providers/aws/awstape": "it makes the recordings that tests are made of; nothing that is shipped imports it",
			"providers/gcp/gcptape": "it makes the recordings that tests are made of; nothing that is shipped imports it",

			"providers/azure/azuretape": "it makes the recordings that tests are made of; nothing that is shipped imports it",
		},
		why: "what tests stand on is not shipped",
	},
	{
		from: own("..."), to: own("providers/internal/loopback/..."),
		except: map[string]string{
			"providers/aws/awstest":     "it is a loopback cloud",
			"providers/gcp/gcptest":     "it is a loopback cloud",
			"providers/azure/azuretest": "it is a loopback cloud",
		},
		why: "only loopback clouds are made of it",
	},
	{
		from: own("providers/internal/loopback/..."), to: slices.Concat([]string{module + "..."}, sdks), deep: true,
		why: "what the loopback clouds share knows none of them",
	},
	{
		from: own("pkg/...", "providers/...", "policies/...", "examples/..."), to: []string{"github.com/spf13/cobra/...", "github.com/rs/zerolog/..."}, deep: true,
		why: "flags and log lines belong to the command: everything else returns values and errors",
	},
	{
		from: own("cmd/andon"), to: own("pkg/...", "providers/...", "policies/...", "examples/..."),
		why: "main does nothing but exit, so that tests can run the rest",
	},
}

func own(patterns ...string) []string {
	var all []string
	for _, p := range patterns {
		all = append(all, module+p)
	}
	return all
}

// imports are a package's imports, direct and all.
type imports struct {
	ImportPath    string
	Imports, Deps []string
}

func TestWalls(t *testing.T) {
	packages := list(t)
	for _, w := range slices.Concat(walls, kindWalls(t)) {
		excused := make(map[string]bool)
		for _, p := range packages {
			if !matches(w.from, p.ImportPath) {
				continue
			}
			for _, imported := range w.broken(p) {
				importer := strings.TrimPrefix(p.ImportPath, module)
				if _, ok := w.except[importer]; ok {
					excused[importer] = true
					continue
				}
				t.Errorf("%s imports %s: %s", importer, strings.TrimPrefix(imported, module), w.why)
			}
		}
		for importer, reason := range w.except {
			if !excused[importer] {
				t.Errorf("the exception for %s (%s) is stale: it imports nothing of %v", importer, reason, w.to)
			}
		}
	}
}

// broken returns what p imports through the wall.
func (w wall) broken(p imports) []string {
	from := p.Imports
	if w.deep {
		from = p.Deps
	}
	return slices.DeleteFunc(slices.Clone(from), func(imported string) bool {
		return !matches(w.to, imported) || imported == p.ImportPath
	})
}

// kindWalls keep the kinds of each cloud apart, and what they share below them.
func kindWalls(t *testing.T) []wall {
	t.Helper()
	declarations, err := filepath.Glob(filepath.Join("*", "*", "kind.yaml"))
	if err != nil || len(declarations) == 0 {
		t.Fatalf("found no kind: %v", err)
	}
	var all []string
	for _, declaration := range declarations {
		all = append(all, module+"providers/"+filepath.ToSlash(filepath.Dir(declaration)))
	}
	var between []wall
	clouds := make(map[string]bool)
	for _, kind := range all {
		clouds[path.Dir(kind)] = true
		others := slices.DeleteFunc(slices.Clone(all), func(other string) bool { return other == kind })
		between = append(between, wall{from: []string{kind}, to: others, why: "a kind is one folder that can be read, and removed, by itself"})
	}
	for _, p := range list(t) {
		if clouds[path.Dir(p.ImportPath)] && !slices.Contains(all, p.ImportPath) {
			between = append(between, wall{from: []string{p.ImportPath}, to: all, why: "what kinds share does not know them"})
		}
	}
	return between
}

// A wall around nothing is a wall that somebody moved house out of.
func TestNoStaleWalls(t *testing.T) {
	known := make(map[string]bool)
	for _, p := range list(t) {
		known[p.ImportPath] = true
		for _, dep := range p.Deps {
			known[dep] = true
		}
	}
	exists := func(pattern string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(known)), func(p string) bool { return matches([]string{pattern}, p) })
	}
	for _, w := range walls {
		for _, pattern := range slices.Concat(w.from, w.to) {
			std := slices.Contains(inAndOut, pattern)
			planned := slices.Contains(sdks, pattern) // a cloud may still be to come
			if !std && !planned && !exists(pattern) {
				t.Errorf("there is no %s (wall: %s)", pattern, w.why)
			}
		}
	}
	if !slices.ContainsFunc(sdks, exists) {
		t.Error("no cloud SDK is imported any more")
	}
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		folder, below := strings.CutSuffix(pattern, "/...")
		return path == folder || below && strings.HasPrefix(path, folder+"/")
	})
}

// list returns the packages of this module. They are listed once: it takes the
// go command a second.
func list(t *testing.T) []imports {
	t.Helper()
	if listed != nil {
		return listed
	}
	var complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-tags", "grpcnotrace,disable_grpc_modules", "-json=ImportPath,Imports,Deps", module+"...")
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p imports
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return listed
		} else if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, p)
	}
}

var listed []imports
