package gcp

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const world = `
organizations:
- {id: "900000000001", domain: example.com, customer: C0example}
folders:
- {id: "500000000001", parent: organizations/900000000001}
- {id: "500000000002", parent: folders/500000000001}
projects:
- {id: tconnect, number: "111111111111", parent: folders/500000000002, stock: {pubsub: [{name: projects/tconnect/topics/orders}]}}
- {id: dealers, number: "222222222222", parent: organizations/900000000001}
- {id: solitary, number: "333333333333"}
`

// start serves the world and returns options that reach it.
func start(t *testing.T, faults ...gcptest.Fault) (*gcptest.Server, Options) {
	t.Helper()
	w, err := gcptest.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	server := gcptest.NewServer(w, gcptest.WithFault(faults...))
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport := server.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return server, Options{Options: api.Options{
		Offline: true, Transport: collect.NewReadOnly(transport, Calls()...), Attempts: 2, Backoff: func(int) time.Duration { return 0 },
	}}
}

func open(t *testing.T, o Options) *Provider {
	t.Helper()
	p, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestScopes(t *testing.T) {
	denied := func(call, subject string) gcptest.Fault {
		return gcptest.Fault{Call: call, Subject: subject, Kind: gcptest.AccessDenied}
	}
	for name, c := range map[string]struct {
		projects     []string
		organization string
		folders      []string
		faults       []gcptest.Fault
		want         []string
		partial      string // what of the ledger's line is expected
		problem      string
	}{
		"every project that is seen":  {want: []string{"dealers", "solitary", "tconnect"}},
		"those that are named":        {projects: []string{"tconnect", "solitary"}, want: []string{"solitary", "tconnect"}},
		"one named twice":             {projects: []string{"tconnect", "tconnect"}, want: []string{"tconnect"}},
		"those of the organisation":   {organization: "900000000001", want: []string{"dealers", "tconnect"}},
		"spelt as Google does":        {organization: "organizations/900000000001", want: []string{"dealers", "tconnect"}},
		"those of a folder":           {folders: []string{"500000000001"}, want: []string{"tconnect"}},
		"of a folder within a folder": {folders: []string{"500000000001", "folders/500000000002"}, want: []string{"tconnect"}},
		"one of the organisation": {
			organization: "900000000001", projects: []string{"dealers"}, want: []string{"dealers"},
		},
		"one that cannot be read is audited all the same": {
			projects: []string{"tconnect", "hidden"}, want: []string{"hidden", "tconnect"}, partial: "not every project could be found",
		},
		"a folder that cannot be listed loses no other": {
			organization: "900000000001", faults: []gcptest.Fault{denied("cloudresourcemanager:projects.list", "*500000000002*")},
			want: []string{"dealers"}, partial: "not every project could be found",
		},
		"none to be seen": {faults: []gcptest.Fault{denied("cloudresourcemanager:projects.search", "")}, problem: "403"},
	} {
		t.Run(name, func(t *testing.T) {
			_, o := start(t, c.faults...)
			o.Projects, o.Organization, o.Folders = c.projects, c.organization, c.folders
			scopes, err := open(t, o).Scopes(t.Context())
			var ids []string
			for _, s := range scopes {
				ids = append(ids, s.Account)
			}
			if diff := cmp.Diff(c.want, ids); diff != "" {
				t.Error(diff)
			}
			partial, isPartial := errors.AsType[*collect.PartialScopesError](err)
			if isPartial != (c.partial != "") || isPartial && !strings.Contains(partial.Refusal.Detail, c.partial) {
				t.Errorf("partial: %v", err)
			}
			if !isPartial && (err != nil) != (c.problem != "") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestNoProject(t *testing.T) {
	w, err := gcptest.Parse([]byte(`projects: [{id: leaving, number: "111111111111", state: DELETE_REQUESTED}]`))
	if err != nil {
		t.Fatal(err)
	}
	server := gcptest.NewServer(w)
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	transport := server.Transport()
	defer transport.CloseIdleConnections()
	_, err = open(t, Options{Options: api.Options{Offline: true, Transport: transport}}).Scopes(t.Context())
	if err == nil || !strings.Contains(err.Error(), "--project") {
		t.Errorf("%v", err)
	}
}

func TestScopesCancelled(t *testing.T) {
	_, o := start(t)
	p := open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Scopes(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestCalls holds the allow-list of the transport: sorted, each call once, each
// with a route (whose own test shows that it reads), and no route unused.
func TestCalls(t *testing.T) {
	calls := Calls()
	if !slices.IsSorted(calls) || len(slices.Compact(slices.Clone(calls))) != len(calls) {
		t.Errorf("not sorted, or not unique: %v", calls)
	}
	for _, call := range calls {
		api.RouteOf(call)
	}
	for _, r := range api.Routes() {
		if !slices.Contains(calls, r.Call) {
			t.Errorf("%s is in routes.tsv and nobody makes it", r.Call)
		}
	}
}

// TestAuditOnlyReads holds the same over the wire.
func TestAuditOnlyReads(t *testing.T) {
	server, o := start(t)
	stores := 0
	runner := collect.Runner{Provider: open(t, o)}
	if _, err := runner.Run(t.Context(), func(*resource.Resource) error { stores++; return nil }); err != nil {
		t.Fatal(err)
	}
	if server.Writes() != 0 || stores != 1 {
		t.Errorf("%d writes, %d stores", server.Writes(), stores)
	}
	for call := range server.Calls() {
		if !slices.Contains(Calls(), call) {
			t.Errorf("%s was called and is not declared", call)
		}
	}
}

// dataPermissions are parts of permissions that give contents or change things.
var dataPermissions = []string{
	".objects.get", ".access", ".consume", ".publish", "useTo", ".getData", ".readRows", ".select", ".read", ".download", ".export", ".use",
	".create", ".delete", ".update", ".set", ".connect", ".login", ".execute", ".sign", ".decrypt",
}

func TestPermissions(t *testing.T) {
	b := Permissions()
	for _, p := range b.Role.IncludedPermissions {
		verb := p[strings.LastIndex(p, "."):]
		if !strings.HasPrefix(verb, ".get") && !strings.HasPrefix(verb, ".list") {
			t.Errorf("%s does not read configuration", p)
		}
		for _, data := range dataPermissions {
			if strings.HasSuffix(p, data) && p != "storage.objects.getIamPolicy" {
				t.Errorf("%s gives contents", p)
			}
		}
		for _, r := range PredefinedRoles() {
			if !r.Known(p) {
				t.Errorf("bundle.tsv says nothing of %s", p)
				break
			}
		}
	}
	if !slices.IsSorted(b.Role.IncludedPermissions) || b.Role.Stage != "GA" || len(b.Roles) == 0 {
		t.Errorf("%+v", b)
	}
	for _, p := range b.Role.IncludedPermissions {
		covered := slices.Contains(b.Beyond, p)
		for _, r := range PredefinedRoles() {
			covered = covered || slices.Contains(b.Roles, r.Name) && r.Grants(p)
		}
		if !covered {
			t.Errorf("neither the bundle nor what is beyond it has %s", p)
		}
	}
	only := Permissions(kinds[0].declaration)
	if len(only.Role.IncludedPermissions) >= len(b.Role.IncludedPermissions) {
		t.Error("one kind needs as much as all")
	}
}

// TestBundleIsNeeded: the table holds nothing that no kind asks for.
func TestBundleIsNeeded(t *testing.T) {
	needed := Permissions().Role.IncludedPermissions
	text, err := os.ReadFile("bundle.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		permission, _, _ := strings.Cut(line, "\t")
		if strings.HasPrefix(line, "#") || permission == "permission" {
			continue
		}
		if !slices.Contains(needed, permission) {
			t.Errorf("bundle.tsv has %s, which nothing needs", permission)
		}
	}
}

func TestThrottled(t *testing.T) {
	if !Throttled(&http.Response{StatusCode: http.StatusTooManyRequests}) || Throttled(&http.Response{StatusCode: http.StatusOK}) {
		t.Error("429 asks to slow down, and 200 does not")
	}
}
