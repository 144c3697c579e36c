package azure

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	cars     = "aaaaaaaa-0000-0000-0000-000000000001"
	dealers  = "aaaaaaaa-0000-0000-0000-000000000002"
	solitary = "aaaaaaaa-0000-0000-0000-000000000003"
	hidden   = "aaaaaaaa-0000-0000-0000-00000000000f"
)

const world = `
tenant: {id: 11111111-1111-1111-1111-111111111111}
management_groups: [{id: corp}, {id: connected, parent: corp}]
subscriptions:
- {id: aaaaaaaa-0000-0000-0000-000000000001, name: Cars, management_group: connected, resources: [{type: Microsoft.Storage/storageAccounts, name: telemetry}]}
- {id: aaaaaaaa-0000-0000-0000-000000000002, name: Dealers, management_group: corp, tenant: 22222222-2222-2222-2222-222222222222}
- {id: aaaaaaaa-0000-0000-0000-000000000003, state: Disabled}
- {id: aaaaaaaa-0000-0000-0000-000000000004, state: Deleted}
`

// start serves the world and returns options that reach it.
func start(t *testing.T, text string, faults ...azuretest.Fault) (*azuretest.Server, Options) {
	t.Helper()
	w, err := azuretest.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	server := azuretest.NewServer(w, azuretest.WithFault(faults...), azuretest.WithPageSize(1))
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport := server.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return server, Options{Options: arm.Options{
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
	for name, c := range map[string]struct {
		subscriptions []string
		group         string
		faults        []azuretest.Fault
		want          []string
		partial       string // what of the ledger's line is expected
		problem       string
	}{
		"every subscription that is seen": {want: []string{cars, dealers, solitary}},
		"those that are named":            {subscriptions: []string{solitary, cars}, want: []string{cars, solitary}},
		"one named twice":                 {subscriptions: []string{cars, "/subscriptions/" + strings.ToUpper(cars)}, want: []string{cars}},
		"those of a management group":     {group: "corp", want: []string{cars, dealers}},
		"spelt as Azure does":             {group: "/providers/microsoft.management/managementGroups/Corp", want: []string{cars, dealers}},
		"those of a group below":          {group: "connected", want: []string{cars}},
		"one that cannot be read is audited all the same": {
			subscriptions: []string{cars, hidden}, want: []string{cars, hidden}, partial: "could not be found",
		},
		"what a group holds and nobody sees is audited all the same": {
			group: "corp", faults: []azuretest.Fault{{Call: listCall, Kind: azuretest.AccessDenied}}, want: []string{cars, dealers}, partial: "does not have authorization",
		},
		"a null record hides no other": {
			faults: []azuretest.Fault{{Call: listCall, Kind: azuretest.NullRecords}}, want: []string{cars, dealers, solitary}, partial: "not an object",
		},
		"a foreign link hides nothing that came before it": {
			faults: []azuretest.Fault{{Call: listCall, Kind: azuretest.ForeignLink}}, want: []string{cars}, partial: "on another host",
		},
		"a null record below a group hides no other": {
			group: "corp", faults: []azuretest.Fault{{Call: belowCall, Kind: azuretest.NullRecords}}, want: []string{cars, dealers}, partial: "not an object",
		},
		"throttled once":     {faults: []azuretest.Fault{{Call: "*", Kind: azuretest.Throttle, Times: 1}}, want: []string{cars, dealers, solitary}},
		"none to be seen":    {faults: []azuretest.Fault{{Call: listCall, Kind: azuretest.AccessDenied}}, problem: "list subscriptions (every subscription): AuthorizationFailed: The client"},
		"no such group":      {group: "nothing", problem: "list subscriptions (nothing): AuthorizationFailed: The client"},
		"a group of nothing": {group: "corp", faults: []azuretest.Fault{{Call: belowCall, Kind: azuretest.WrongType}}, problem: "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			server, o := start(t, world, c.faults...)
			o.Subscriptions, o.ManagementGroup = c.subscriptions, c.group
			scopes, err := open(t, o).Scopes(t.Context())
			var ids []string
			for _, s := range scopes {
				ids = append(ids, s.Account)
			}
			if diff := cmp.Diff(c.want, ids); diff != "" {
				t.Error(diff)
			}
			partial, isPartial := errors.AsType[*collect.PartialScopesError](err)
			if isPartial != (c.partial != "") || isPartial && (!strings.Contains(partial.Refusal.Detail, c.partial) || partial.Permission == "") {
				t.Errorf("partial: %v", err)
			}
			if !isPartial && ((err != nil) != (c.problem != "") || err != nil && (!strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "\n"))) {
				t.Errorf("%v", err)
			}
			if server.Writes() != 0 {
				t.Error("something was written")
			}
		})
	}
}

// TestTenants: what a subscription trusts is known however it was found.
func TestTenants(t *testing.T) {
	for name, choose := range map[string]func(*Options){
		"seen": func(*Options) {}, "named": func(o *Options) { o.Subscriptions = []string{dealers} }, "grouped": func(o *Options) { o.ManagementGroup = "corp" },
	} {
		_, o := start(t, world)
		choose(&o)
		p := open(t, o)
		if _, err := p.Scopes(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s, audited := p.client.Subscription(dealers); !audited || s.Tenant != "22222222-2222-2222-2222-222222222222" || s.Name != "Dealers" {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestNoSubscription(t *testing.T) {
	_, o := start(t, `subscriptions: [{id: aaaaaaaa-0000-0000-0000-000000000004, state: Deleted}]`)
	if _, err := open(t, o).Scopes(t.Context()); err == nil || !strings.Contains(err.Error(), "--subscription") {
		t.Errorf("%v", err)
	}
}

func TestScopesCancelled(t *testing.T) {
	_, o := start(t, world)
	p := open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Scopes(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestOptionsAreKept: whoever opens a provider keeps what was given.
func TestOptionsAreKept(t *testing.T) {
	_, o := start(t, world)
	o.Subscriptions = []string{strings.ToUpper(cars)}
	open(t, o)
	if o.Subscriptions[0] != strings.ToUpper(cars) {
		t.Error("the caller's options changed")
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
		arm.RouteOf(call)
	}
	for _, r := range arm.Routes() {
		if !slices.Contains(calls, r.Call) {
			t.Errorf("%s is in routes.tsv and nobody makes it", r.Call)
		}
	}
}

// TestAuditOnlyReads holds the same over the wire.
func TestAuditOnlyReads(t *testing.T) {
	server, o := start(t, world)
	runner := collect.Runner{Provider: open(t, o)}
	stores := 0
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

// TestPermissions: every action reads configuration, and the built-in role has it.
func TestPermissions(t *testing.T) {
	b := Permissions()
	for _, action := range b.Role.Actions {
		if !strings.HasSuffix(action, "/read") || strings.ContainsAny(action, "*") || strings.Contains(strings.ToLower(action), "key") && !strings.HasPrefix(action, "Microsoft.KeyVault/") {
			t.Errorf("%s does not read configuration", action)
		}
	}
	if !slices.IsSorted(b.Role.Actions) || len(b.Role.DataActions) != 0 || !b.Role.IsCustom || !slices.Equal(b.Roles, []string{"Reader"}) || len(b.Beyond) != 0 {
		t.Errorf("%+v", b)
	}
	for _, k := range Kinds() {
		only := Permissions(k)
		if len(only.Role.Actions) >= len(b.Role.Actions) {
			t.Errorf("%s needs as much as all", k.Name)
		}
	}
}

// TestEveryNamespaceIsSparse: a subscription that never used a service has none
// of its stores, which is no gap.
func TestEveryNamespaceIsSparse(t *testing.T) {
	for _, k := range Kinds() {
		if !k.Sparse {
			t.Errorf("%s is not sparse", k.Name)
		}
	}
}

func TestThrottled(t *testing.T) {
	if !Throttled(&http.Response{StatusCode: http.StatusTooManyRequests}) || Throttled(&http.Response{StatusCode: http.StatusOK}) {
		t.Error("429 asks to slow down, and 200 does not")
	}
}
