package rdsapi_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/aws/rdsapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var kinds = []resource.Kind{"aws.rds.instance", "aws.rds.cluster", "aws.aurora.cluster", "aws.documentdb.cluster", "aws.neptune.cluster"}

func TestFamilyOf(t *testing.T) {
	for engine, want := range map[string]rdsapi.Family{
		"aurora": rdsapi.Aurora, "aurora-mysql": rdsapi.Aurora, "aurora-postgresql": rdsapi.Aurora, "aurora-of-tomorrow": rdsapi.Aurora,
		"docdb": rdsapi.DocumentDB, "neptune": rdsapi.Neptune,
		"mysql": rdsapi.RDS, "postgres": rdsapi.RDS, "oracle-ee": rdsapi.RDS, "custom-sqlserver-se": rdsapi.RDS,
		"": rdsapi.RDS, "auroral": rdsapi.RDS, "docdb-elastic": rdsapi.RDS, "neptune-graph": rdsapi.RDS,
	} {
		if got := rdsapi.FamilyOf(engine); got != want {
			t.Errorf("%q belongs to %s, want %s", engine, got, want)
		}
	}
}

// estate is what an account keeps behind the RDS API of one region. Every engine
// there is, one of tomorrow, members whose cluster is not listed and clusters
// without members.
const estate = `
accounts:
- id: "111111111111"
  regions: [eu-west-1, us-east-1]
  stock:
    rds.instance:
    - {region: eu-west-1, DBInstanceIdentifier: alone, Engine: postgres, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: tomorrow, Engine: graphite, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: orphan-graph, Engine: neptune, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: a-1, DBClusterIdentifier: a, Engine: aurora-mysql, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: a-2, DBClusterIdentifier: a, Engine: aurora-mysql, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: d-1, DBClusterIdentifier: d, Engine: docdb, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: n-1, DBClusterIdentifier: n, Engine: neptune, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: m-1, DBClusterIdentifier: m, Engine: mysql, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: lost-1, DBClusterIdentifier: lost, Engine: aurora-postgresql, PubliclyAccessible: false}
    - {region: eu-west-1, DBInstanceIdentifier: lost-2, DBClusterIdentifier: lost-tomorrow, Engine: graphite, PubliclyAccessible: false}
    rds.cluster:
    - {region: eu-west-1, DBClusterIdentifier: a, Engine: aurora-mysql}
    - {region: eu-west-1, DBClusterIdentifier: bare, Engine: aurora-postgresql}
    - {region: eu-west-1, DBClusterIdentifier: d, Engine: docdb}
    - {region: eu-west-1, DBClusterIdentifier: n, Engine: neptune}
    - {region: eu-west-1, DBClusterIdentifier: m, Engine: mysql, PubliclyAccessible: false}
    - {region: eu-west-1, DBClusterIdentifier: t, Engine: graphite}
`

// counting counts calls by name and region.
type counting struct {
	next http.RoundTripper
	deny string

	mu   sync.Mutex
	seen map[string]int
}

func (c *counting) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	c.mu.Lock()
	c.seen[call.Name+" "+call.Region]++
	c.mu.Unlock()
	if call.Name == c.deny {
		return nil, fmt.Errorf("%s is not let through", c.deny)
	}
	return c.next.RoundTrip(req)
}

// audit runs the kinds of the RDS API over a world, and tells what was found by
// name, each with its kinds, and what was asked.
func audit(t *testing.T, world, deny string) (stores map[string][]*resource.Resource, ledger collect.Ledger, seen map[string]int) {
	t.Helper()
	w, err := awstest.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	server := awstest.NewServer(w)
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	next := server.Transport()
	defer next.CloseIdleConnections()
	calls := &counting{next: next, deny: deny, seen: make(map[string]int)}
	provider, err := aws.Open(t.Context(), aws.Options{Transport: calls, Offline: true, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	stores = make(map[string][]*resource.Resource)
	ledger, err = (&collect.Runner{Provider: provider, Kinds: kinds}).Run(t.Context(), func(r *resource.Resource) error {
		stores[r.Name] = append(stores[r.Name], r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return stores, ledger, calls.seen
}

// Every instance and cluster is reported once, by one kind, and nothing vanishes:
// neither an engine of tomorrow nor the members of a cluster that is not listed.
// Five kinds cost two calls in each region.
func TestEachOnce(t *testing.T) {
	stores, _, seen := audit(t, estate, "")
	got := make(map[string]string)
	for name, found := range stores {
		if len(found) != 1 {
			t.Errorf("%s is reported %d times", name, len(found))
		}
		got[name] = string(found[0].Kind)
	}
	want := map[string]string{
		"alone": "aws.rds.instance", "tomorrow": "aws.rds.instance", "orphan-graph": "aws.rds.instance",
		"a": "aws.aurora.cluster", "bare": "aws.aurora.cluster", "lost": "aws.aurora.cluster",
		"d": "aws.documentdb.cluster", "n": "aws.neptune.cluster",
		"m": "aws.rds.cluster", "t": "aws.rds.cluster", "lost-tomorrow": "aws.rds.cluster",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stores by kind (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(twoCallsEach, rdsCalls(seen)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

var twoCallsEach = map[string]int{
	"rds:DescribeDBInstances eu-west-1": 1, "rds:DescribeDBClusters eu-west-1": 1,
	"rds:DescribeDBInstances us-east-1": 1, "rds:DescribeDBClusters us-east-1": 1,
}

func rdsCalls(seen map[string]int) map[string]int {
	out := maps.Clone(seen)
	maps.DeleteFunc(out, func(call string, _ int) bool {
		return strings.HasPrefix(call, "sts:") || strings.HasPrefix(call, "ec2:DescribeRegions")
	})
	return out
}

// Without the listing of clusters, those that have instances are still there;
// without that of instances, every cluster is, and nobody calls it private.
func TestRefusedListings(t *testing.T) {
	stores, ledger, _ := audit(t, estate, rdsapi.ClustersCall)
	names := slices.Sorted(maps.Keys(stores))
	if diff := cmp.Diff([]string{"a", "alone", "d", "lost", "lost-tomorrow", "m", "n", "orphan-graph", "tomorrow"}, names); diff != "" {
		t.Errorf("without the clusters (-want +got):\n%s", diff)
	}
	loud(t, ledger, rdsapi.ClustersCall, "aws.rds.instance")

	stores, ledger, _ = audit(t, estate, rdsapi.InstancesCall)
	names = slices.Sorted(maps.Keys(stores))
	if diff := cmp.Diff([]string{"a", "bare", "d", "m", "n", "t"}, names); diff != "" {
		t.Errorf("without the instances (-want +got):\n%s", diff)
	}
	for name, found := range stores {
		hidden := slices.ContainsFunc(found[0].Gaps, func(g resource.Gap) bool { return g.Call == rdsapi.InstancesCall && len(g.Hides) > 0 })
		if !hidden || len(found[0].Guards) > 0 {
			t.Errorf("%s looks closed although its instances are not known: %+v", name, found[0])
		}
	}
	loud(t, ledger, rdsapi.InstancesCall, "")
}

// loud checks that the ledger names the refused call for every kind but those
// that do without it.
func loud(t *testing.T, ledger collect.Ledger, call string, except resource.Kind) {
	t.Helper()
	for _, line := range ledger {
		refused := line.Refused != nil && line.Refused.Call == call && line.Permission == call
		if refused == (line.Kind == except) {
			t.Errorf("%s %s without %s: refused %+v, permission %q", line.Scope, line.Kind, call, line.Refused, line.Permission)
		}
	}
}
