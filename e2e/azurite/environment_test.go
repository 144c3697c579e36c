//go:build e2e

package azurite

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/e2e/internal/andon"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// nowhereBlobs is a blob endpoint that nobody asks: an audit reads configuration.
const nowhereBlobs = "https://127.0.0.1:9"

// TestEnvironment runs the binary with nothing but environment variables, and says
// the same by flags.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	accounts := estate()
	c := serve(t, world(t, nowhereBlobs, accounts))
	environment := c.environment()
	r, out := audit(t, c, environment)
	if out.Exit != 3 || r.Summary.Incomplete { // accounts are public, and all of them were read
		t.Errorf("exit %d, incomplete: %t; want 3 and a whole run: %s", out.Exit, r.Summary.Incomplete, out.Stderr)
	}
	if !strings.Contains(out.Stderr, "auditing azure") {
		t.Errorf("the run does not say which cloud it found: %q", out.Stderr)
	}
	if len(r.Stores) != len(accounts) {
		t.Errorf("%d stores, want %d", len(r.Stores), len(accounts))
	}
	for _, a := range accounts {
		if s := r.StoreOf(t, subscription, "azure.storage.account", a.name); s.Verdict != a.verdict || len(s.Missing) > 0 {
			t.Errorf("%s is %s (missing: %v), want %s: %s", a.name, s.Verdict, s.Missing, a.verdict, a.why)
		}
	}
	calls := c.server.Calls()
	if calls["entra:token"] == 0 || calls["entra:discovery-instance"] != 0 {
		t.Errorf("asked %d times for a token and %d times whether the authority is Microsoft's; want at least once, and never",
			calls["entra:token"], calls["entra:discovery-instance"])
	}

	for _, name := range []string{"AZURE_AUTHORITY_HOST", "ANDON_AZURE_ENDPOINT", "AZURE_CORE_INSTANCE_DISCOVERY"} {
		delete(environment, name)
	}
	flagged, _ := audit(t, c, environment, "--cloud", "azure", "--azure-endpoint", c.url, "--azure-authority", c.url,
		"--azure-disable-instance-discovery", "--subscription", subscription)
	if diff := cmp.Diff(r.Stores, flagged.Stores); diff != "" {
		t.Errorf("by environment (-) and by flags (+):\n%s", diff)
	}
}

// TestUnreachable sees that a run which does not get as far as a subscription says
// so in one clear sentence, and says nothing of any store.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, broken := range []struct {
		name   string
		spoil  func(map[string]string)
		faults []map[string]any
		want   string
	}{
		{
			name: "a wrong secret", faults: []map[string]any{{"call": "entra:token", "fault": "access-denied"}},
			want: "AADSTS7000215: Invalid client secret",
		},
		{
			name: "a token endpoint that is down", spoil: func(e map[string]string) { e["AZURE_AUTHORITY_HOST"] = closedPort(t) },
			want: "the token endpoint 127.0.0.1:",
		},
		{
			name: "a certificate that nobody trusts", spoil: func(e map[string]string) { delete(e, "SSL_CERT_FILE") },
			want: "certificate signed by unknown authority",
		},
		{
			// Microsoft is asked whether the authority is one, and is out of reach here.
			name: "instance discovery left on", spoil: func(e map[string]string) { delete(e, "AZURE_CORE_INSTANCE_DISCOVERY") },
			want: "login.microsoftonline.com does not answer",
		},
		{
			name: "a Resource Manager that is down", spoil: func(e map[string]string) { e["ANDON_AZURE_ENDPOINT"] = closedPort(t) },
			want: "find scopes: list subscriptions (every subscription): dial tcp ",
		},
	} {
		t.Run(broken.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, world(t, nowhereBlobs, estate(), broken.faults...))
			environment := c.environment()
			if broken.spoil != nil {
				broken.spoil(environment)
			}
			out := andon.Run(t, command(t, environment, "audit", "--format", "json"))
			discreet(t, out)
			if out.Exit != 2 || out.Stdout != "" {
				t.Errorf("exit %d and %d bytes of a report, want 2 and none", out.Exit, len(out.Stdout))
			}
			lines := strings.Split(strings.TrimSpace(out.Stderr), "\n")
			if last := lines[len(lines)-1]; len(lines) > 2 || !strings.HasPrefix(last, "andon: ") || !strings.Contains(last, broken.want) {
				t.Errorf("stderr is %q, want one sentence with %q", out.Stderr, broken.want)
			}
			for call := range c.server.Calls() {
				if !strings.HasPrefix(call, "entra:") {
					t.Errorf("%s was asked", call)
				}
			}
		})
	}
}

// closedPort is an address at which nobody listens any more.
func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return "https://" + listener.Addr().String()
}

// TestTrouble breaks answers about accounts whose levels are known. Whatever could
// not be read, what is said of an account must hold the truth: an open container
// is never reported as private.
func TestTrouble(t *testing.T) {
	t.Parallel()
	const (
		containers = "storage:blobContainers.list"
		website    = "storage:blobServices.get"
		listing    = "storage:storageAccounts.list"
	)
	for _, trouble := range []struct {
		name   string
		faults []map[string]any
		whole  bool // nothing is lost by it
	}{
		{name: "containers refused", faults: []map[string]any{{"call": containers, "fault": "access-denied"}}},
		{name: "containers of one account refused", faults: []map[string]any{{"call": containers, "subject": "*/vehiclesblob*", "fault": "access-denied"}}},
		{name: "null among the containers", faults: []map[string]any{{"call": containers, "fault": "null-records"}}},
		{name: "containers cut short", faults: []map[string]any{{"call": containers, "fault": "truncated"}}},
		{name: "containers of other types", faults: []map[string]any{{"call": containers, "fault": "wrong-type"}}},
		{name: "more containers elsewhere", faults: []map[string]any{{"call": containers, "fault": "foreign-link"}}},
		{name: "the website refused", faults: []map[string]any{{"call": website, "fault": "access-denied"}}},
		{name: "null among the accounts", faults: []map[string]any{{"call": listing, "fault": "null-records"}}},
		{name: "more accounts elsewhere", faults: []map[string]any{{"call": listing, "fault": "foreign-link"}}},
		{name: "slowed down", faults: []map[string]any{{"call": containers, "fault": "throttle", "times": 1, "retry_after": 1}}, whole: true},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			accounts := estate()
			c := serve(t, world(t, nowhereBlobs, accounts, trouble.faults...), azuretest.WithPageSize(5))
			r, out := audit(t, c, c.environment())
			if incomplete := out.Exit == 4 || out.Exit == 5; incomplete == trouble.whole {
				t.Errorf("exit %d; stderr: %s", out.Exit, out.Stderr)
			}
			if !slices.ContainsFunc(c.server.Log(), func(call azuretest.Call) bool { return call.Fault != "" }) {
				t.Error("nothing was broken")
			}
			found := make(map[string]andon.Store)
			for _, s := range r.Stores {
				found[s.Name] = s
			}
			for _, a := range accounts {
				s, listed := found[a.name]
				switch {
				case !listed && trouble.whole:
					t.Errorf("%s is lost", a.name)
				case listed && !s.Exposure.Holds(a.verdict):
					t.Errorf("%s is said to be %s, and is %s: %s", a.name, s.Exposure, a.verdict, a.why)
				case listed && trouble.whole && s.Verdict != a.verdict:
					t.Errorf("%s is %s, want %s", a.name, s.Verdict, a.verdict)
				}
			}
		})
	}
}
