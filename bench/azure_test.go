package bench

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// A tenant of Azure: many subscriptions, each with as many storage accounts, in
// one location or in a few.
const (
	manySubscriptions      = 300
	accountsOfSubscription = 50
)

// hurried is how many times sooner than at Microsoft the window is over in which
// the Storage resource provider counts: 100 listings and 800 reads of a
// subscription and location in 3 seconds, and not in 5 minutes.
const hurried = 100

// BenchmarkSubscriptions audits a tenant of 300 subscriptions and 15,000 storage
// accounts behind a loopback Azure that takes 50 ms for each answer, and next to
// it one such subscription: what the tenant needs of memory beyond the
// subscription is what grows with an estate. Most accounts are closed, see
// azuretest. Services other than Azure Storage are registered and empty. With
// limits, Azure throttles as Microsoft's Storage resource provider does.
func BenchmarkSubscriptions(b *testing.B) {
	for _, c := range []struct {
		name          string
		subscriptions int
		limited       bool
		args          []string
	}{
		{"free=1", 1, false, nil},
		{"free=300", manySubscriptions, false, nil},
		{"limits-100x-sooner=1", 1, true, nil},
		{"limits-100x-sooner=300", manySubscriptions, true, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			var options []azuretest.Option
			if c.limited {
				options = append(options, azuretest.WithStorageLimits(azuretest.StorageWindow/hurried, time.Now))
			}
			azure := serveAzure(b, c.subscriptions, options...)
			for b.Loop() {
				azure.audit(b, c.subscriptions, c.args...)
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
func (a loopbackAzure) audit(b *testing.B, subscriptions int, args ...string) {
	b.Helper()
	before, logged := a.Calls(), len(a.Log())
	args = append(args, "--azure-endpoint", a.url, "--azure-authority", a.url, "--azure-disable-instance-discovery")
	o := run(b, a.environment, args...)
	o.report(b, subscriptions*accountsOfSubscription)
	throttled := 0
	for _, call := range a.Log()[logged:] {
		if call.Status == http.StatusTooManyRequests {
			throttled++
		}
	}
	b.ReportMetric(float64(throttled), "throttled")
	b.ReportMetric(float64(o.summary.Calls)/float64(subscriptions), "calls/subscription")
	for _, c := range o.summary.Coverage {
		if c.State != finding.Complete || c.Unread > 0 {
			b.Errorf("%s in %s: %s, %d unread: %s", c.Kind, c.Scope.Account, c.State, c.Unread, c.Detail)
		}
	}
	if o.summary.Levels["unknown"] > 0 || o.summary.Gone > 0 {
		b.Errorf("%d accounts are unknown, %d gone", o.summary.Levels["unknown"], o.summary.Gone)
	}
	if writes := a.Writes(); writes > 0 {
		b.Errorf("%d requests would have changed something", writes)
	}
	calls := a.Calls()
	maps.DeleteFunc(calls, func(call string, _ int) bool { return strings.HasPrefix(call, "entra:") })
	for call, n := range before {
		calls[call] -= n
	}
	if !maps.Equal(calls, o.summary.ByCall) {
		b.Errorf("answered %v, and the audit counts %v", calls, o.summary.ByCall)
	}
	b.Logf("verdicts: %v; calls: %v", o.summary.Levels, calls)
}
