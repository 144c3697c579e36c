//go:build e2e

package e2e

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/e2e/internal/andon"
)

// carriage is what moto 5.2.5 has of a kind.
type carriage struct {
	// by is how much of the kind these tests prove.
	by proof
	// lacks is what moto does not have or gets wrong, and what is done about it.
	lacks string
}

type proof string

const (
	// whole: it keeps what decides the verdict, and answers for it as AWS does.
	whole proof = "moto"
	// partly: it keeps some of it; the rest is tried by recordings alone.
	partly proof = "moto in part"
	// recorded: it keeps nothing; the kind is tried by its recordings alone.
	recorded proof = "recordings only"
)

// carried says of every kind what these tests prove about it. A kind that is not
// in it fails TestCarried: whoever adds one finds out what moto has of it.
//
// Of the network behind the kinds that listen, moto keeps VPCs, subnets, route
// tables, network ACLs, security groups and customer-managed prefix lists. It has
// no VPC Block Public Access (the front puts it into DescribeSubnets), no network
// interface of a database, and no route that is a black hole.
var carried = map[string]carriage{
	bucketKind: {by: whole, lacks: "who pays for requests, and the region in ListBuckets: the front remembers them"},
	pointKind:  {by: whole, lacks: "the region of an access point: the front lists them in us-east-1 alone"},
	multiKind:  {by: whole},
	lambdaKind: {by: recorded, lacks: "ListAccessPointsForObjectLambda is not implemented: the front answers that there is none"},
	directory:  {by: recorded, lacks: "ListDirectoryBuckets is answered as ListBuckets: the front answers that there is none"},

	instanceKind:  {by: whole, lacks: "NetworkType of an instance, so that IPv6 is recorded; network interfaces, so that the subnet is known by its zone"},
	clusterKind:   {by: whole, lacks: "the subnet group of an instance of a cluster: the front adds it"},
	auroraKind:    {by: partly, lacks: "InternetAccessGatewayEnabled and VPCNetworkingEnabled; the subnet group of an instance of a cluster: the front adds it"},
	documentKind:  {by: recorded, lacks: "CreateDBInstance refuses the engine docdb"},
	neptuneKind:   {by: partly, lacks: "IAM authentication; the subnet group of an instance of a cluster: the front adds it"},
	warehouseKind: {by: whole, lacks: "VpcId and ClusterNodes: the front adds them"},
	workgroupKind: {by: recorded, lacks: "the service redshift-serverless is not implemented: HTTP 500"},
	domainKind:    {by: whole, lacks: "VPCOptions.VPCId: the front adds it"},
	fileKind:      {by: whole},

	databaseSnapshotKind:  {by: whole},
	clusterSnapshotKind:   {by: whole},
	volumeSnapshotKind:    {by: whole, lacks: "RestorableByUserIds is ignored, so that the one call for the public ones is recorded alone; GetSnapshotBlockPublicAccessState is not implemented: the front answers unblocked"},
	imageKind:             {by: whole, lacks: "GetImageBlockPublicAccessState is not implemented: the front answers unblocked"},
	warehouseSnapshotKind: {by: partly, lacks: "AuthorizeSnapshotAccess is not implemented, AccountsWithRestoreAccess always empty"},

	queueKind:      {by: whole},
	topicKind:      {by: whole},
	secretKind:     {by: whole},
	keyKind:        {by: whole},
	repositoryKind: {by: whole},
	tableKind:      {by: partly, lacks: "public policies are not refused, and none is tried"},
	streamKind:     {by: whole},
	glacierKind:    {by: partly, lacks: "ListVaults is there, GetVaultAccessPolicy is not implemented"},
	vaultKind:      {by: partly, lacks: "ListBackupVaults is there, GetBackupVaultAccessPolicy is not implemented"},
}

var kindLine = regexp.MustCompile(`(?m)^([a-z0-9]+\.[a-z0-9_.]+)( |$)`)

// registered are the kinds of AWS, which moto stands in for, that the binary has.
func registered(t testing.TB) []string {
	t.Helper()
	var kinds []string
	for _, found := range kindLine.FindAllStringSubmatch(andon.Run(t, command(t, "", "kinds", "--cloud", "aws")).Stdout, -1) {
		kinds = append(kinds, found[1])
	}
	if len(kinds) == 0 {
		t.Fatal("andon kinds lists none")
	}
	return kinds
}

// selection are the flags that limit an audit to what the estate is about: S3 in
// every region, or everything else in a few.
func (e *estate) selection() []string {
	var flags []string
	kinds := []string{bucketKind, pointKind, multiKind, lambdaKind, directory}
	if len(e.holdings) > 0 {
		kinds = nil
		for _, h := range e.holdings {
			kinds = append(kinds, h.kind)
		}
		slices.Sort(kinds)
	}
	for _, kind := range slices.Compact(kinds) {
		flags = append(flags, "--kind", kind)
	}
	for _, region := range e.regions {
		flags = append(flags, "--region", region)
	}
	return flags
}

// TestCarried holds the table against the kinds of the binary, and against what
// the estates hold, and prints which kinds moto does not carry.
func TestCarried(t *testing.T) {
	t.Parallel()
	kinds := registered(t)
	for _, kind := range kinds {
		if _, ok := carried[kind]; !ok {
			t.Errorf("%s is not in the table of what moto carries: find out, and build it into an estate if it does", kind)
		}
	}
	built := make(map[string]int)
	for _, e := range estates {
		for _, want := range e.rows() {
			built[want.kind]++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(carried)) {
		c := carried[kind]
		if !slices.Contains(kinds, kind) {
			t.Errorf("%s is in the table of what moto carries, and andon does not have it", kind)
		}
		if (c.by == recorded) != (built[kind] == 0) {
			t.Errorf("%s is proved by %s, and the estates hold %d of it", kind, c.by, built[kind])
		}
		if c.by != whole {
			t.Logf("NOT CARRIED: %-34s %s: %s", kind, strings.ToUpper(string(c.by)), c.lacks)
		}
	}
}

// estateOf finds the estate of an account.
func estateOf(t testing.TB, account string) *estate {
	t.Helper()
	for _, e := range estates {
		if e.account == account {
			return e
		}
	}
	t.Fatalf("no estate in account %s", account)
	return nil
}

// TestBareStock leaves the front out, for everything but S3. What moto does not
// implement it answers with a page of HTML, 404 or 500: andon must name the call
// in the coverage, and must call nothing safer than it is on that account.
func TestBareStock(t *testing.T) {
	t.Parallel()
	e := estateOf(t, stockAccount)
	e.build(t, newFront(t))
	var kinds []string
	for _, kind := range registered(t) {
		if !strings.HasPrefix(kind, "aws.s3.") {
			kinds = append(kinds, "--kind", kind)
		}
	}
	r, out := auditRaw(t, server.url, e, append(kinds, "--region", home, "--depth", "full")...)
	if out.Exit != 5 || !r.Summary.Incomplete {
		t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
	}
	for call, want := range map[string]andon.Coverage{
		"redshiftserverless:ListWorkgroups":     {Kind: workgroupKind, State: "refused"},
		"glacier:GetVaultAccessPolicy":          {Kind: glacierKind, State: "partial"},
		"backup:GetBackupVaultAccessPolicy":     {Kind: vaultKind, State: "partial"},
		"ec2:GetSnapshotBlockPublicAccessState": {Kind: volumeSnapshotKind, State: "partial"},
		"ec2:GetImageBlockPublicAccessState":    {Kind: imageKind, State: "partial"},
	} {
		if !slices.ContainsFunc(r.Summary.Coverage, func(c andon.Coverage) bool { return c.Kind == want.Kind && c.State == want.State && c.Call == call }) {
			t.Errorf("the report does not say that %s is %s for want of %s: %+v", want.Kind, want.State, call, r.Summary.Coverage)
		}
	}
	for _, want := range e.rows() {
		if want.region != home {
			continue
		}
		if s := r.Store(t, want.name); !s.Exposure.Holds(want.want) {
			t.Errorf("%s %s: the truth, %s, is outside what andon thinks possible, %s", want.kind, want.name, want.want, s.Exposure)
		}
	}
}

// TestNothingListed audits a kind that moto does not implement at all: nothing was
// found, and that is no clean result.
func TestNothingListed(t *testing.T) {
	t.Parallel()
	e := estateOf(t, stockAccount)
	r, out := auditRaw(t, server.url, e, "--kind", workgroupKind, "--region", home)
	if out.Exit != 4 || !r.Summary.Incomplete || len(r.Stores) != 0 {
		t.Errorf("exit %d, incomplete=%t, %d stores, want 4, an incomplete report and none", out.Exit, r.Summary.Incomplete, len(r.Stores))
	}
	if !slices.ContainsFunc(r.Summary.Coverage, func(c andon.Coverage) bool { return c.Kind == workgroupKind && c.State == "refused" }) {
		t.Errorf("the report does not say that %s was refused: %+v", workgroupKind, r.Summary.Coverage)
	}
}
