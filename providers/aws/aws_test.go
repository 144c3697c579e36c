package aws

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
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
		"one that is not enabled": {
			regions: []string{"eu-west-1", "eu-wset-1"},
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
		if !regexp.MustCompile(`^aws\.[a-z0-9]+\.[a-z0-9_]+$`).MatchString(string(k.Name)) || seen[k.Name] {
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
var reads = regexp.MustCompile(`^[a-z0-9]+:((Get|List|Describe)[A-Za-z]+|AssumeRole)$`)

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

// takesData reports whether a call or permission gives the contents of stores
// or the names of what is in them.
func takesData(name string) bool {
	for _, data := range []string{
		"s3:GetObject", "s3:ListBucketVersions", "s3:ListObject", "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads",
		"s3express:CreateSession", "kms:Decrypt", "secretsmanager:GetSecretValue", "ssm:GetParameter", "dynamodb:GetItem",
		"dynamodb:GetRecords", "kinesis:GetRecords", "ec2:GetConsole", "ec2:GetPasswordData", "rds-data:", "ebs:GetSnapshotBlock",
	} {
		if strings.HasPrefix(name, data) {
			return true
		}
	}
	return name == "s3:ListBucket"
}

// TestPermissions holds that the policy which users attach is exactly what the
// kinds declare: generated, least, and read-only.
func TestPermissions(t *testing.T) {
	document := Permissions()
	if len(document.Statement) != 1 || document.Version != "2012-10-17" {
		t.Fatalf("%+v", document)
	}
	statement := document.Statement[0]
	if statement.Effect != "Allow" || statement.Resource != "*" {
		t.Errorf("%+v", statement)
	}
	declared := map[string]bool{"sts:GetCallerIdentity": true, "ec2:DescribeRegions": true}
	for _, k := range Kinds() {
		for _, l := range k.Lists {
			declared[l.Permission] = true
		}
		for _, r := range k.Reads {
			declared[r.Permission] = true
		}
	}
	if !slices.IsSorted(statement.Action) || len(statement.Action) != len(declared) {
		t.Errorf("%d actions are declared, and the policy allows %v", len(declared), statement.Action)
	}
	for _, action := range statement.Action {
		if !declared[action] {
			t.Errorf("%s is allowed, and no kind declares it", action)
		}
		if !regexp.MustCompile(`^[a-z0-9-]+:(Get|List|Describe)[A-Za-z]+$`).MatchString(action) || takesData(action) {
			t.Errorf("%s does not read configuration", action)
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
