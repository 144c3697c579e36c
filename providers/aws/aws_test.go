package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/awstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const world = `
accounts:
- id: "111111111111"
  regions: [us-east-1, eu-west-1, ap-northeast-1]
  buckets: [{name: telemetry, region: eu-west-1}]
`

// start serves the world and returns options that reach it.
func start(t *testing.T, faults ...awstest.Fault) (*awstest.Server, Options) {
	t.Helper()
	w, err := awstest.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	server := awstest.NewServer(w, awstest.WithFault(faults...))
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport := server.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return server, Options{
		Offline: true, Transport: collect.NewReadOnly(transport, Calls()...), Attempts: 2, Backoff: func(int) time.Duration { return 0 },
	}
}

func open(t *testing.T, o Options) *Provider {
	t.Helper()
	p, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var noRegions = awstest.Fault{Call: "ec2:DescribeRegions", Kind: awstest.AccessDenied}

func TestScopes(t *testing.T) {
	for name, c := range map[string]struct {
		regions []string
		faults  []awstest.Fault
		custom  bool
		want    []string
		problem string
	}{
		"the enabled regions": {
			want: []string{"", "ap-northeast-1", "eu-west-1", "us-east-1"},
		},
		"those asked for, as they were asked for": {
			regions: []string{"us-east-1", "eu-west-1"},
			want:    []string{"", "us-east-1", "eu-west-1"},
		},
		"one that does not exist": {
			regions: []string{"eu-west-1", "eu-wset-1"},
			problem: "--region eu-wset-1: there is no such region in partition aws (enabled: ap-northeast-1, eu-west-1, us-east-1)",
		},
		"one that is not enabled": {
			regions: []string{"eu-west-1", "me-south-1"},
			problem: "--region me-south-1: not enabled for account 111111111111, so nothing in it can be read; " +
				"enable it (aws account enable-region --region-name me-south-1) or leave it out (enabled: ap-northeast-1, eu-west-1, us-east-1)",
		},
		"one that an emulator does not have": {
			regions: []string{"eu-wset-1"}, custom: true,
			problem: "--region eu-wset-1: not a region that is enabled for this account (enabled: ap-northeast-1, eu-west-1, us-east-1)",
		},
		"those asked for, where nobody says which there are": {
			regions: []string{"us-gov-east-1"}, faults: []awstest.Fault{noRegions},
			want: []string{"", "us-gov-east-1"},
		},
		"what cannot be a region": {
			regions: []string{"europe"}, faults: []awstest.Fault{noRegions},
			problem: "--region europe: not the name of an AWS region",
		},
		"what an emulator may call a region": {
			regions: []string{"europe"}, faults: []awstest.Fault{noRegions}, custom: true,
			want: []string{"", "europe"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, o := start(t, c.faults...)
			o.Regions, o.Custom = c.regions, c.custom
			scopes, err := open(t, o).Scopes(t.Context())
			if c.problem != "" {
				if err == nil || err.Error() != c.problem {
					t.Errorf("error %v\nwant  %s", err, c.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var regions []string
			for _, s := range scopes {
				regions = append(regions, s.Region)
				if s.Provider != Name || s.Account != "111111111111" {
					t.Errorf("scope %v", s)
				}
			}
			if diff := cmp.Diff(c.want, regions); diff != "" {
				t.Errorf("regions (-want +got):\n%s", diff)
			}
		})
	}
}

// Whoever may not list the regions still gets the account, the home region, and
// a line in the ledger that says what was left out.
func TestScopesWithoutRegions(t *testing.T) {
	for kind, want := range map[awstest.FaultKind]resource.Reason{
		awstest.AccessDenied: resource.Denied, awstest.Throttle: resource.Throttled, awstest.InternalError: resource.Failed, awstest.Truncated: resource.Malformed,
	} {
		t.Run(string(kind), func(t *testing.T) {
			_, o := start(t, awstest.Fault{Call: "ec2:DescribeRegions", Kind: kind})
			var stores []string
			runner := collect.Runner{Provider: open(t, o)}
			ledger, err := runner.Run(t.Context(), func(r *resource.Resource) error { stores = append(stores, r.Name); return nil })
			if err != nil || !slices.Contains(stores, "telemetry") {
				t.Fatalf("stores %v, %v", stores, err)
			}
			first := ledger[0]
			if first.Complete() || first.Kind != "aws.region" || first.Permission != "ec2:DescribeRegions" || first.Refused.Reason != want || first.Refused.Call != "ec2:DescribeRegions" {
				t.Errorf("ledger: %+v, %+v", first, first.Refused)
			}
			const says = "the enabled regions could not be listed, only the home region was read (name regions with --region): "
			if !strings.HasPrefix(first.Refused.Detail, says) || strings.Contains(first.Refused.Detail, "equestId") {
				t.Errorf("detail %q", first.Refused.Detail)
			}
			for _, line := range ledger {
				if r := line.Scope.Region; r != "" && r != "us-east-1" {
					t.Errorf("region %s was read", r)
				}
			}
		})
	}
}

func TestScopesInterrupted(t *testing.T) {
	_, o := start(t)
	p := open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if scopes, err := p.Scopes(ctx); !errors.Is(err, context.Canceled) || len(scopes) != 0 {
		t.Errorf("%v, %v", scopes, err)
	}
}

// The regions that may be named cost one call, and the others a second one, only
// when one of them was named.
func TestScopesCost(t *testing.T) {
	for region, want := range map[string]int{"": 1, "eu-west-1": 1, "me-south-1": 2} {
		server, o := start(t)
		if region != "" {
			o.Regions = []string{region}
		}
		_, _ = open(t, o).Scopes(t.Context())
		if got := server.Calls()["ec2:DescribeRegions"]; got != want {
			t.Errorf("--region %q: %d calls, want %d", region, got, want)
		}
	}
}

// desert is a transport past which nothing in some regions answers.
type desert struct {
	next    http.RoundTripper
	regions []string
	failure error

	mu   sync.Mutex
	sent map[string]int // by region
}

func (d *desert) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	d.mu.Lock()
	d.sent[call.Region]++
	d.mu.Unlock()
	if slices.Contains(d.regions, call.Region) {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, d.failure
	}
	return d.next.RoundTrip(req)
}

// A dead region is given up quickly and said to be dead, kind by kind; what the
// others hold is read as ever.
func TestDeadRegion(t *testing.T) {
	const dead = "ap-northeast-1"
	for name, c := range map[string]struct {
		failure error
		says    string
	}{
		"nobody connects": {&net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}, " does not answer: given up after "},
		"no resolver":     {&net.DNSError{Err: "server misbehaving", Name: "cloud", IsTemporary: true}, " does not answer: given up after "},
		"a lost deadline": {fmt.Errorf("dial: %w", context.DeadlineExceeded), "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			_, o := start(t)
			wire := &desert{next: o.Transport, regions: []string{dead}, failure: c.failure, sent: make(map[string]int)}
			o.Transport, o.Attempts = wire, 6
			var stores []string
			runner := collect.Runner{Provider: open(t, o)}
			ledger, err := runner.Run(t.Context(), func(r *resource.Resource) error { stores = append(stores, r.Name); return nil })
			if err != nil || !slices.Contains(stores, "telemetry") {
				t.Fatalf("stores %v, %v", stores, err)
			}
			lines := 0
			for _, line := range ledger {
				if line.Scope.Region != dead {
					if !line.Complete() && !line.Absent {
						t.Errorf("%s %s: %+v", line.Scope, line.Kind, line.Refused)
					}
					continue
				}
				lines++
				if line.Complete() || line.Absent || line.Refused.Reason != resource.Failed || !strings.Contains(line.Refused.Detail, c.says) || line.Refused.Call == "" {
					t.Errorf("%s: %+v", line.Kind, line.Refused)
				}
			}
			if lines == 0 {
				t.Error("the dead region is not in the ledger")
			}
			// A service costs three attempts, and listings under way when it fails one each.
			if worst := (collect.EndpointFailures + 1) * lines; wire.sent[dead] > worst {
				t.Errorf("%d requests to the dead region, for %d kinds", wire.sent[dead], lines)
			}
		})
	}
}

// Kinds that are listed once are listed in the account, the others region by region.
func TestCollectors(t *testing.T) {
	_, o := start(t)
	p := open(t, o)
	kindsOf := func(region string) (names []string) {
		for _, c := range p.Collectors(resource.Scope{Provider: Name, Account: "111111111111", Region: region}) {
			names = append(names, string(c.Kind().Name))
		}
		return names
	}
	once, regional := kindsOf(""), kindsOf("eu-west-1")
	var all []string
	for _, k := range Kinds() {
		all = append(all, string(k.Name))
	}
	both := slices.Concat(once, regional)
	slices.Sort(both)
	slices.Sort(all)
	if diff := cmp.Diff(all, both); diff != "" {
		t.Errorf("kinds declared and collected (-declared +collected):\n%s", diff)
	}
	if !slices.Contains(once, "aws.s3.bucket") || !slices.Contains(regional, "aws.s3.access_point") {
		t.Errorf("once: %v; in each region: %v", once, regional)
	}
}

func TestKindNames(t *testing.T) {
	seen := make(map[resource.Kind]bool)
	for _, k := range Kinds() {
		if !regexp.MustCompile(`^aws\.[a-z0-9_]+\.[a-z0-9_]+$`).MatchString(string(k.Name)) || seen[k.Name] {
			t.Errorf("%s is no name for a kind, or the name of two", k.Name)
		}
		seen[k.Name] = true
		if len(k.Blind) == 0 {
			t.Errorf("%s claims to see everything", k.Name)
		}
	}
}

// reads is what a call is called that changes nothing. AssumeRole is the one
// exception: it hands out a session and leaves the account as it is.
var reads = regexp.MustCompile(`^[a-z0-9]+:((Get|List|Describe|BatchGet)[A-Za-z0-9]+|AssumeRole)$`)

// TestCallsOnlyRead holds the allow-list of the transport: sorted, each call
// once, and none that writes or takes data.
func TestCallsOnlyRead(t *testing.T) {
	calls := Calls()
	if !slices.IsSorted(calls) || len(slices.Compact(slices.Clone(calls))) != len(calls) {
		t.Errorf("not sorted, or not unique: %v", calls)
	}
	for _, call := range calls {
		if !reads.MatchString(call) || takesData(call) {
			t.Errorf("%s does not read configuration", call)
		}
	}
	for _, call := range slices.Concat(SecretCalls, identityCalls) {
		if !slices.Contains(calls, call) {
			t.Errorf("%s is not among the calls", call)
		}
	}
	for _, k := range Kinds() {
		for _, call := range k.Calls() {
			if !slices.Contains(calls, call) {
				t.Errorf("%s of %s is not among the calls", call, k.Name)
			}
		}
	}
}

// TestAuditOnlyReads holds the same over the wire.
func TestAuditOnlyReads(t *testing.T) {
	server, o := start(t)
	runner := collect.Runner{Provider: open(t, o)}
	if _, err := runner.Run(t.Context(), func(*resource.Resource) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if server.Writes() != 0 {
		t.Errorf("%d writes", server.Writes())
	}
	for call := range server.Calls() {
		if !slices.Contains(Calls(), call) {
			t.Errorf("%s was called and is not declared", call)
		}
	}
}

func TestThrottled(t *testing.T) {
	if !Throttled(&http.Response{StatusCode: http.StatusServiceUnavailable}) || Throttled(&http.Response{StatusCode: http.StatusOK}) {
		t.Error("503 asks to slow down, and 200 does not")
	}
}
