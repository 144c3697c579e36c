//go:build e2e

package gcloud

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/e2e/internal/andon"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

const topicKind = "gcp.pubsub.topic"

// TestDiscovery finds the projects below an organisation or a folder, through
// every folder between, and reads what guards them on the way: a deny policy of
// a folder, and a perimeter. Whoever names projects alone is not told of these.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	c := serve(t, "organisation.yaml", gcptest.WithPageSize(1))
	for name, test := range map[string]struct {
		flags []string
		want  map[string]string // levels of topics, by project and name
		exit  int
	}{
		"organisation": {
			[]string{"--organization", organisation},
			map[string]string{
				"at-the-top/open": "tenant", "connected/open": "tenant", "connected/quiet": "private",
				"dealers/open": "private", "lakehouse/quiet": "private",
				// A perimeter does not stop subscriptions that are older.
				"in-the-lake/open": "private..tenant",
			},
			5,
		},
		"folder": {
			[]string{"--folder", "500000000001"},
			map[string]string{"connected/open": "tenant", "connected/quiet": "private", "dealers/open": "private", "lakehouse/quiet": "private"},
			3,
		},
		"folders, one of them empty": {
			[]string{"--folder", "500000000002", "--folder", "500000000003"},
			map[string]string{"dealers/open": "private", "lakehouse/quiet": "private"},
			0,
		},
		"project of an organisation": {
			[]string{"--organization", organisation, "--project", "dealers"},
			map[string]string{"dealers/open": "private"},
			0,
		},
		"project alone": {
			[]string{"--project", "dealers"},
			map[string]string{"dealers/open": "tenant"},
			3,
		},
		"whatever is seen": {
			nil,
			map[string]string{
				"at-the-top/open": "tenant", "connected/open": "tenant", "connected/quiet": "private", "dealers/open": "tenant",
				"lakehouse/quiet": "private", "in-the-lake/open": "tenant", "others/open": "tenant", "nobodys/open": "tenant",
			},
			3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, out := audit(t, c, append(test.flags, "--depth", "full")...)
			if diff := cmp.Diff(test.want, topicsOf(r)); diff != "" {
				t.Errorf("topics, wanted (-) and found (+):\n%s", diff)
			}
			if out.Exit != test.exit {
				t.Errorf("exit %d, want %d; stderr: %s", out.Exit, test.exit, out.Stderr)
			}
		})
	}
}

func topicsOf(r *andon.Report) map[string]string {
	found := make(map[string]string)
	for _, s := range r.Stores {
		if s.Kind == topicKind {
			found[s.Scope.Account+"/"+s.Name] = s.Settled.String()
		}
	}
	return found
}

// TestDiscoveryRefused refuses a part of the way down. What is below it cannot be
// found, and a report without it must not look whole.
func TestDiscoveryRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault      gcptest.Fault
		permission string
		lost       []string
	}{
		"folders below a folder": {
			gcptest.Fault{Call: "cloudresourcemanager:folders.list", Subject: "folders/500000000001", Kind: gcptest.AccessDenied},
			"resourcemanager.folders.list",
			[]string{"dealers", "lakehouse"},
		},
		"projects below a folder": {
			gcptest.Fault{Call: "cloudresourcemanager:projects.list", Subject: "folders/500000000002", Kind: gcptest.AccessDenied},
			"resourcemanager.projects.list",
			[]string{"dealers", "lakehouse"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, out := audit(t, serve(t, "organisation.yaml", gcptest.WithFault(test.fault)), "--organization", organisation)
			if !r.Summary.Incomplete || out.Exit != 5 {
				t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
			}
			projects := make(map[string]bool)
			for _, s := range r.Stores {
				projects[s.Scope.Account] = true
			}
			all := []string{"at-the-top", "connected", "dealers", "in-the-lake", "lakehouse"}
			want := slices.DeleteFunc(all, func(p string) bool { return slices.Contains(test.lost, p) })
			if got := slices.Sorted(maps.Keys(projects)); !slices.Equal(got, want) {
				t.Errorf("stores of the projects %v, want %v", got, want)
			}
			if !slices.ContainsFunc(r.Summary.Coverage, func(c andon.Coverage) bool {
				return c.State == "refused" && strings.Contains(c.Detail, test.permission)
			}) {
				t.Errorf("no coverage says that %s is missing: %+v", test.permission, r.Summary.Coverage)
			}
		})
	}
}

// TestNothingToFind asks where nothing can be found: one sentence, no report,
// exit 2. An audit of nothing is no clean audit.
func TestNothingToFind(t *testing.T) {
	t.Parallel()
	c := serve(t, "organisation.yaml")
	for name, flags := range map[string][]string{
		"empty folder":            {"--folder", "500000000003"},
		"organisation of nobody":  {"--organization", "123456789012"},
		"organisation by name":    {"--organization", "example.com"},
		"flags of another cloud":  {"--organization", organisation, "--cloud", "aws"},
		"endpoint that is no URL": {"--project", "dealers", "--gcp-endpoint", "not a url"},
	} {
		t.Run(name, func(t *testing.T) {
			out := andon.Run(t, command(t, append([]string{"audit", "--gcp-endpoint", c.url}, flags...)...))
			if out.Exit != 2 || out.Stdout != "" {
				t.Errorf("exit %d, want 2 and no report:\n%s", out.Exit, out.Stdout)
			}
			if !strings.HasPrefix(out.Stderr, "andon: ") || strings.Contains(out.Stderr, "goroutine ") {
				t.Errorf("stderr should say why:\n%s", out.Stderr)
			}
		})
	}
}
