package bench

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// A tenant of Azure: many subscriptions, each with as many storage accounts, in
// one location or in a few.
const (
	manySubscriptions      = 300
	accountsOfSubscription = 50
)

// BenchmarkSubscriptions audits a tenant of 300 subscriptions and 15,000 storage
// accounts behind a loopback Azure that takes 50 ms for each answer, and next to
// it one such subscription: what the tenant needs of memory beyond the
// subscription is what grows with an estate. Most accounts are closed, see
// azuretest. Services other than Azure Storage are registered and empty. Azure
// throttles as Microsoft's Storage resource provider does: what decides exposure
// has to fit into what it lets a subscription and location ask in 5 minutes. See
// TestEverythingAskedWithinLimits for a run that does not.
func BenchmarkSubscriptions(b *testing.B) {
	for _, subscriptions := range []int{1, manySubscriptions} {
		b.Run(fmt.Sprintf("subscriptions=%d", subscriptions), func(b *testing.B) {
			for b.Loop() {
				// An Azure of its own for each run, of which nothing was asked before.
				cloud := serveAzure(b, subscriptions, azuretest.WithStorageLimits(azuretest.StorageWindow, time.Now))
				cloud.audit(b, subscriptions)
			}
		})
	}
}

// loopbackAzure is a loopback Azure that was started.
type loopbackAzure struct {
	*azuretest.Server
	url         string
	environment []string
}

// serveAzure starts a loopback Azure of so many subscriptions.
func serveAzure(b *testing.B, subscriptions int, options ...azuretest.Option) loopbackAzure {
	b.Helper()
	world, err := azuretest.Parse(fmt.Appendf(nil, "subscriptions:\n  generate: {count: %d, accounts: %d, locations: [westeurope, northeurope], seed: 1}\n", subscriptions, accountsOfSubscription))
	if err != nil {
		b.Fatal(err)
	}
	server := azuretest.NewServer(world, append(options, azuretest.WithLatency(latency))...)
	url, stop, err := server.Start()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	trusted := filepath.Join(b.TempDir(), "trusted.pem")
	if err := os.WriteFile(trusted, server.Certificate(), 0o600); err != nil {
		b.Fatal(err)
	}
	return loopbackAzure{server, url, []string{
		"SSL_CERT_FILE=" + trusted, "AZURE_TENANT_ID=bench", "AZURE_CLIENT_ID=bench", "AZURE_CLIENT_SECRET=bench", "AZURE_TOKEN_CREDENTIALS=EnvironmentCredential",
	}}
}

// audit audits every subscription and reports what it took. However often it was
// told to slow down, no account is lost, and each is looked at to the end.
func (a loopbackAzure) audit(b *testing.B, subscriptions int) {
	b.Helper()
	o := run(b, a.environment, "--azure-endpoint", a.url, "--azure-authority", a.url, "--azure-disable-instance-discovery")
	o.report(b, subscriptions*accountsOfSubscription)
	b.ReportMetric(float64(throttled(a.Server)), "throttled")
	b.ReportMetric(float64(o.summary.Calls)/float64(subscriptions), "calls/subscription")
	for _, c := range o.summary.Coverage {
		if c.State != finding.Complete || c.Unread > 0 {
			b.Errorf("%s in %s: %s, %d unread: %s", c.Kind, c.Scope.Account, c.State, c.Unread, c.Detail)
		}
	}
	if o.summary.Gone > 0 || o.summary.Levels["public"] == 0 {
		b.Errorf("%d accounts are gone, and those that are public are not found: %v", o.summary.Gone, o.summary.Levels)
	}
	if writes := a.Writes(); writes > 0 {
		b.Errorf("%d requests would have changed something", writes)
	}
	calls := a.Calls()
	maps.DeleteFunc(calls, func(call string, _ int) bool { return strings.HasPrefix(call, "entra:") })
	if !maps.Equal(calls, o.summary.ByCall) {
		b.Errorf("answered %v, and the audit counts %v", calls, o.summary.ByCall)
	}
	b.Logf("verdicts: %v; calls: %v", o.summary.Levels, calls)
}

// throttled counts the answers that asked to slow down.
func throttled(server *azuretest.Server) int {
	n := 0
	for _, call := range server.Log() {
		if call.Status == http.StatusTooManyRequests {
			n++
		}
	}
	return n
}

// direct hands requests to a server without a network, so that the time that
// passes is that of a bubble.
type direct struct{ to http.Handler }

// RoundTrip implements http.RoundTripper.
func (d direct) RoundTrip(req *http.Request) (*http.Response, error) {
	in := httptest.NewRequestWithContext(req.Context(), req.Method, req.URL.String(), http.NoBody)
	in.Header = req.Header.Clone()
	out := httptest.NewRecorder()
	d.to.ServeHTTP(out, in)
	return out.Result(), nil
}

// TestEverythingAskedWithinLimits asks everything about more accounts than the
// listings of a subscription and location suffice for: Azure throttles for minutes,
// by a clock that nobody waits for, and no account is lost, nor any answer.
func TestEverythingAskedWithinLimits(t *testing.T) {
	for name, c := range map[string]struct {
		subscriptions, accounts int
		locations               string
		concurrency             int
	}{
		"one location":               {1, accountsOfSubscription, "westeurope", 0},
		"as many accounts as may be": {1, 250, "westeurope", 0},
		"all of them at once":        {1, 250, "westeurope", 256},
		"subscriptions":              {12, accountsOfSubscription, "westeurope, northeurope", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world, err := azuretest.Parse(fmt.Appendf(nil, "subscriptions:\n  generate: {count: %d, accounts: %d, locations: [%s], seed: 1}\n", c.subscriptions, c.accounts, c.locations))
				if err != nil {
					t.Fatal(err)
				}
				server := azuretest.NewServer(world, azuretest.WithLatency(latency), azuretest.WithStorageLimits(azuretest.StorageWindow, time.Now))
				started := time.Now()
				stores, ledger := askEverything(t, server, c.concurrency)
				if stores != c.subscriptions*c.accounts {
					t.Errorf("%d accounts", stores)
				}
				for _, l := range ledger {
					if !l.Complete() {
						t.Errorf("%s in %s: %+v, %d unread: %+v", l.Kind, l.Scope.Account, l.Refused, l.Unread, l.First)
					}
				}
				if throttled(server) == 0 {
					t.Error("nothing was throttled")
				}
				t.Logf("%v, %d calls, %d throttled", time.Since(started), len(server.Log()), throttled(server))
			})
		})
	}
}

// askEverything collects what a server has, paced as the program does it.
func askEverything(t *testing.T, server *azuretest.Server, concurrency int) (stores int, ledger collect.Ledger) {
	t.Helper()
	transport := collect.NewReadOnly(collect.NewPace(direct{server}, azure.Throttled), azure.Calls()...)
	provider, err := azure.Open(t.Context(), azure.Options{Options: arm.Options{Offline: true, Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	runner := collect.Runner{Provider: provider, Concurrency: concurrency}
	ledger, err = runner.Run(t.Context(), func(r *resource.Resource) error {
		stores++
		for i := range r.Gaps {
			t.Errorf("%s: %+v", r.Name, r.Gaps[i])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return stores, ledger
}
