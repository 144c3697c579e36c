//go:build e2e

package gcloud

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/e2e/internal/andon"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

const bucketKind = "gcp.storage.bucket"

// withheld are the calls that roles/viewer is not enough for, each with what of
// it is missing. Who may not see an IP filter is told so by the one call that
// asks for permissions; all others are refused.
//
// Source: https://cloud.google.com/iam/docs/roles-permissions/viewer
var withheld = map[string]string{
	"bigquery:routines.getIamPolicy":             "bigquery.routines.getIamPolicy",
	"bigquery:tables.list":                       "bigquery.tables.list",
	"pubsub:projects.snapshots.getIamPolicy":     "pubsub.snapshots.getIamPolicy",
	"pubsub:projects.subscriptions.getIamPolicy": "pubsub.subscriptions.getIamPolicy",
	"pubsub:projects.topics.getIamPolicy":        "pubsub.topics.getIamPolicy",
	"storage:buckets.get":                        "storage.buckets.get storage.buckets.getIpFilter",
	"storage:buckets.getIamPolicy":               "storage.buckets.getIamPolicy",
	"storage:buckets.testIamPermissions":         "storage.buckets.getIpFilter",
	"storage:managedFolders.getIamPolicy":        "storage.managedFolders.getIamPolicy",
	"storage:managedFolders.list":                "storage.managedFolders.list",
	"storage:objects.list":                       "storage.objects.list storage.objects.getIamPolicy",
}

// asViewer takes from a caller what roles/viewer on a project does not give.
func asViewer() []gcptest.Fault {
	var faults []gcptest.Fault
	for _, call := range slices.Sorted(maps.Keys(withheld)) {
		if call == "storage:buckets.testIamPermissions" {
			faults = append(faults, gcptest.Fault{Call: call, Kind: gcptest.LacksPermission, Names: strings.Fields(withheld[call])})
			continue
		}
		faults = append(faults, gcptest.Fault{Call: call, Kind: gcptest.AccessDenied})
	}
	// The role is granted on the project: what is above it stays unseen.
	for _, call := range []string{"cloudresourcemanager:organizations.get", "cloudresourcemanager:folders.list", "accesscontextmanager:*"} {
		faults = append(faults, gcptest.Fault{Call: call, Kind: gcptest.AccessDenied})
	}
	return faults
}

// TestWithheld holds the list above against what the kinds declare and the table
// of roles says: these calls, and no others of a project.
func TestWithheld(t *testing.T) {
	t.Parallel()
	roles := gcp.PredefinedRoles()
	viewer := roles[slices.IndexFunc(roles, func(r gcp.PredefinedRole) bool { return r.Name == "roles/viewer" })]
	lacking := func(permissions string) string {
		return strings.Join(slices.DeleteFunc(strings.Fields(permissions), viewer.Grants), " ")
	}
	found := make(map[string]string)
	add := func(call, permissions string) {
		if lacks := lacking(permissions); lacks != "" && call != "cloudresourcemanager:organizations.get" {
			found[call] = lacks
		}
	}
	for _, k := range gcp.Kinds() {
		for _, l := range k.Lists {
			add(l.Call, l.Permission)
		}
		for _, r := range k.Reads {
			add(r.Call, r.Permission)
		}
	}
	// Without this one a bucket is listed all the same, but for its ACLs.
	delete(found, "storage:buckets.list")
	if diff := cmp.Diff(withheld, found); diff != "" {
		t.Errorf("what roles/viewer is not enough for, here (-) and in the table (+):\n%s", diff)
	}
}

// TestViewer audits as somebody who has only roles/viewer, which is what is most
// often at hand and not enough: that must be said, and nothing called private for
// it.
func TestViewer(t *testing.T) {
	t.Parallel()
	c := serve(t, "viewer.yaml", gcptest.WithFault(asViewer()...))
	truth, _ := audit(t, serve(t, "viewer.yaml"), "--project", "tconnect", "--depth", "full")
	for _, depth := range []string{"verdict", "full"} {
		t.Run(depth, func(t *testing.T) {
			r, out := audit(t, c, "--project", "tconnect", "--depth", depth)
			if out.Exit != 4 || !r.Summary.Incomplete {
				t.Errorf("exit %d, incomplete=%t, want 4 and an incomplete report", out.Exit, r.Summary.Incomplete)
			}
			sees(t, r, depth)
			widens(t, truth, r)
		})
	}
	t.Run("summary", func(t *testing.T) {
		out := andon.Run(t, command(t, "audit", "--gcp-endpoint", c.url, "--project", "tconnect", "--depth", "full"))
		if out.Exit != 4 {
			t.Errorf("exit %d, want 4; stderr: %s", out.Exit, out.Stderr)
		}
		said := strings.Fields(summaryOf(out.Stdout))
		asked := c.server.Calls()
		for call, permissions := range withheld {
			if asked[call] == 0 { // of folders that are not listed, there is nothing to ask
				continue
			}
			for _, permission := range strings.Fields(permissions) {
				if !slices.Contains(said, permission) {
					t.Errorf("%s was asked, and the summary does not say that %s is missing", call, permission)
				}
			}
		}
		for _, call := range []string{"storage:buckets.getIamPolicy", "storage:buckets.testIamPermissions", "storage:managedFolders.list", "storage:objects.list", "pubsub:projects.topics.getIamPolicy"} {
			if asked[call] == 0 {
				t.Errorf("%s was not asked", call)
			}
		}
	})
	t.Run("finding beside it", func(t *testing.T) {
		r, out := audit(t, c, "--project", "tconnect", "--project", "reachable")
		if out.Exit != 5 || !r.Summary.Incomplete {
			t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
		}
		if s := r.StoreOf(t, "reachable", "gcp.sql.instance", "crm"); s.Verdict != "reachable" {
			t.Errorf("crm is %s, want reachable: its addresses are in what a viewer lists", s.Verdict)
		}
		sees(t, r, "verdict")
	})
}

// sees checks what a viewer is told of the stores whose policies are withheld.
func sees(t *testing.T, r *andon.Report, depth string) {
	t.Helper()
	for _, s := range r.Of("tconnect") {
		switch {
		case s.Kind == bucketKind && s.Name == "prevented" && depth == "verdict":
			// No stranger gets past the prevention, which its listing shows; whom the
			// policy names, only a full run asks.
			if s.Verdict != "private" || len(s.Guards) == 0 || s.Exposure.Most != "shared" {
				t.Errorf("%s is %s, %s by %v, want private by its prevention, shared at most", s.Name, s.Verdict, s.Exposure, s.Guards)
			}
		case s.Kind == bucketKind:
			if s.Verdict != "unknown" || !s.Lacks("storage.buckets.getIamPolicy") {
				t.Errorf("bucket %s is %s, want unknown for want of storage.buckets.getIamPolicy (missing: %v)", s.Name, s.Verdict, s.Missing)
			}
		case strings.HasPrefix(s.Kind, "gcp.pubsub."):
			permission := "pubsub." + strings.TrimPrefix(s.Kind, "gcp.pubsub.") + "s.getIamPolicy"
			if s.Verdict != "unknown" || !s.Lacks(permission) {
				t.Errorf("%s %s is %s, want unknown for want of %s (missing: %v)", s.Kind, s.Name, s.Verdict, permission, s.Missing)
			}
		}
	}
	if tables := r.Covers(t, "tconnect", "gcp.bigquery.table"); tables.State == "complete" || tables.Permission != "bigquery.tables.list" {
		t.Errorf("the listing of tables is %s for want of %q, want not complete for want of bigquery.tables.list", tables.State, tables.Permission)
	}
}

// widens checks that of every store that is still seen nothing was ruled out that
// is true.
func widens(t *testing.T, truth, r *andon.Report) {
	t.Helper()
	known := truth.ByKey(t)
	seen := r.ByKey(t)
	for key, s := range seen {
		was, ok := known[key]
		if !ok {
			t.Errorf("%s is not there, and is reported", key)
		}
		if !s.Exposure.Holds(was.Exposure.String()) {
			t.Errorf("%s: the truth, %s, is outside what andon thinks possible, %s", key, was.Exposure, s.Exposure)
		}
	}
	for key, s := range known {
		if _, ok := seen[key]; !ok && s.Kind != "gcp.bigquery.table" { // their listing is refused, which is said
			t.Errorf("%s is lost", key)
		}
	}
}

// summaryOf is what a table says in its own words, below the findings.
func summaryOf(table string) string {
	var lines []string
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
