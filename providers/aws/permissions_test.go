package aws

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
)

// dataReads are actions, or beginnings of actions, that give the contents of
// stores, the names of what is in them, or secrets. A $ ends an action.
var dataReads = []string{
	"athena:GetQueryResults", "backup:GetRecoveryPoint$", "cassandra:Select", "cognito-identity:GetCredentials", "cognito-identity:GetId$",
	"dax:", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:PartiQL",
	"dynamodb:Query", "dynamodb:Scan", "ebs:", "ec2:GetConsole", "ec2:GetPasswordData", "ecr:BatchGetImage", "ecr:GetAuthorizationToken",
	"ecr:GetDownloadUrlForLayer", "elasticfilesystem:Client", "es:ESHttp", "glacier:GetJobOutput", "glacier:GetVaultInventory",
	"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:SubscribeToShard", "kms:Decrypt", "kms:GenerateDataKey", "lambda:GetFunction$",
	"lightsail:GetRelationalDatabaseMasterUserPassword", "rds-data:", "rds-db:", "rds:DownloadDBLogFile", "redshift-data:",
	"redshift-serverless:GetCredentials", "redshift:GetClusterCredentials", "s3-object-lambda:", "s3:GetObject", "s3:ListBucket$",
	"s3:ListBucketMultipartUploads", "s3:ListBucketVersions", "s3:ListMultipartUploadParts", "s3:ListObject", "s3express:CreateSession",
	"secretsmanager:BatchGetSecretValue", "secretsmanager:GetRandomPassword", "secretsmanager:GetSecretValue", "sqs:ReceiveMessage",
	"ssm:GetParameter", "sts:GetFederationToken", "sts:GetSessionToken", "sts:GetWebIdentityToken", "timestream:Select",
}

// takesData reports whether a call or permission reads data.
func takesData(name string) bool {
	return slices.ContainsFunc(dataReads, func(data string) bool {
		whole, exact := strings.CutSuffix(data, "$")
		return exact && strings.EqualFold(name, whole) || !exact && len(name) >= len(data) && strings.EqualFold(name[:len(data)], data)
	})
}

// readingAction is an action that can be no other than one of reading: no
// family of actions, and no verb that changes anything.
var readingAction = regexp.MustCompile(`^[a-z0-9-]+:(Get|List|Describe|BatchGet)[A-Za-z0-9]+$`)

func onlyReads(t *testing.T, actions []string) {
	t.Helper()
	for _, action := range actions {
		if !readingAction.MatchString(action) || takesData(action) {
			t.Errorf("%s does not read configuration", action)
		}
	}
}

func TestTakesData(t *testing.T) {
	for name, want := range map[string]bool{
		"s3:GetObject": true, "s3:GetObjectAcl": true, "s3:getobject": true, "s3:ListBucket": true, "rds-data:ExecuteStatement": true,
		"kms:Decrypt": true, "secretsmanager:GetSecretValue": true, "redshift:GetClusterCredentialsWithIAM": true, "dynamodb:Scan": true,
		"s3:ListBuckets": false, "s3:GetBucketAcl": false, "rds:DescribeDBInstances": false, "kms:DescribeKey": false, "secretsmanager:GetResourcePolicy": false,
	} {
		if takesData(name) != want {
			t.Errorf("%s takes data: want %t", name, want)
		}
	}
}

// TestPermissions holds that the policy which users attach is exactly what the
// kinds declare: generated, least, and read-only.
func TestPermissions(t *testing.T) {
	document := Permissions()
	if len(document.Statement) != 1 || document.Version != "2012-10-17" {
		t.Fatalf("%+v", document)
	}
	if statement := document.Statement[0]; statement.Effect != "Allow" || statement.Resource != "*" {
		t.Errorf("%+v", statement)
	}
	declared := map[string]bool{"sts:GetCallerIdentity": true, "ec2:DescribeRegions": true}
	for _, k := range Kinds() {
		for _, action := range permissionsOf(k) {
			declared[action] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(declared)), document.Actions()); diff != "" {
		t.Errorf("actions (-declared +allowed):\n%s", diff)
	}
	onlyReads(t, document.Actions())
}

// The policy of a few kinds is the part of the whole that they declare.
func TestPermissionsOfAKind(t *testing.T) {
	all := Permissions().Actions()
	for _, k := range Kinds() {
		want := slices.Concat([]string{"ec2:DescribeRegions", "sts:GetCallerIdentity"}, permissionsOf(k))
		slices.Sort(want)
		got := Permissions(k).Actions()
		if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
			t.Errorf("%s (-declared +allowed):\n%s", k.Name, diff)
		}
		for _, action := range got {
			if !slices.Contains(all, action) {
				t.Errorf("%s of %s is not in the whole policy", action, k.Name)
			}
		}
	}
}

// recorded returns the calls in the recordings of each registered kind.
func recorded(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*/kind.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d declarations, %v", len(files), err)
	}
	calls := make(map[string][]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind, err := collect.ParseKind(text)
		if err != nil || !slices.ContainsFunc(Kinds(), func(k *collect.Kind) bool { return k.Name == kind.Name }) {
			continue // the generated registry is held to the folders elsewhere
		}
		name := string(kind.Name)
		tapes, err := tape.ReadDir(filepath.Join(filepath.Dir(file), "testdata"))
		if err != nil {
			t.Errorf("%s has no recording: %v", name, err)
		}
		for _, recording := range tapes {
			for _, e := range recording.Exchanges {
				calls[name] = append(calls[name], e.Call.Name)
			}
		}
	}
	return calls
}

// TestPermissionsAreWhatIsRecorded joins the policy with the calls that were
// really made: each needs a permission that is in it, and each permission in it
// is needed by one of them.
func TestPermissionsAreWhatIsRecorded(t *testing.T) {
	made := recorded(t)
	needed := map[string]bool{"sts:GetCallerIdentity": true, "ec2:DescribeRegions": true}
	for _, k := range Kinds() {
		permission := make(map[string]string)
		for _, l := range k.Lists {
			permission[l.Call] = l.Permission
		}
		for _, r := range k.Reads {
			permission[r.Call] = r.Permission
		}
		for _, call := range made[string(k.Name)] {
			needs, declared := permission[call]
			if !declared && !slices.Contains(identityCalls, call) {
				t.Errorf("%s was made for %s, which does not declare it", call, k.Name)
			}
			if declared {
				needed[needs] = true
			}
		}
		for call := range permission {
			if !slices.Contains(made[string(k.Name)], call) {
				t.Errorf("%s is declared by %s, and was never recorded", call, k.Name)
			}
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(needed)), Permissions().Actions()); diff != "" {
		t.Errorf("permissions (-needed +allowed):\n%s", diff)
	}
}

// The whole policy is one that IAM takes, in one piece.
func TestPolicyFits(t *testing.T) {
	document := Permissions()
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	counted := 0
	for _, r := range string(text) {
		if !unicode.IsSpace(r) {
			counted++
		}
	}
	if counted != document.Size() {
		t.Errorf("the policy has %d characters, counted as %d", counted, document.Size())
	}
	t.Logf("%d actions, %d of %d characters", len(document.Actions()), document.Size(), PolicyLimit)
	for _, part := range document.Split(PolicyLimit) {
		if part.Size() > PolicyLimit {
			t.Errorf("a part has %d characters", part.Size())
		}
	}
}

func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		actions := rapid.SliceOf(rapid.StringMatching(`[a-z]{2,10}:[A-Z][A-Za-z]{3,40}`)).Draw(t, "actions")
		limit := rapid.IntRange(200, 2000).Draw(t, "limit")
		whole := allow("Test", actions)
		parts := whole.Split(limit)
		var got []string
		for i, part := range parts {
			got = append(got, part.Actions()...)
			if part.Size() > limit {
				t.Fatalf("part %d has %d characters, at most %d fit", i, part.Size(), limit)
			}
			if i > 0 && allow("Test", slices.Concat(parts[i-1].Actions(), part.Actions()[:1])).Size() <= limit {
				t.Fatalf("part %d had room left", i-1)
			}
		}
		if len(got) != len(actions) || len(got) > 0 && !slices.Equal(got, actions) {
			t.Fatalf("split into %v", got)
		}
	})
	if long := allow("Test", []string{"s3:GetBucketAcl", "s3:GetBucketPolicy"}).Split(1); len(long) != 2 {
		t.Errorf("what does not fit anywhere was split into %d", len(long))
	}
}

func managedPolicy(t *testing.T, name string) ManagedPolicy {
	t.Helper()
	for _, m := range ManagedPolicies() {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("%s is not known", name)
	return ManagedPolicy{}
}

// TestManagedPoliciesKnowEveryAction holds that a new permission is looked up in
// the managed policies before it is said to be missing there.
func TestManagedPoliciesKnowEveryAction(t *testing.T) {
	for _, m := range ManagedPolicies() {
		if !regexp.MustCompile(`^v\d+$`).MatchString(m.Version) || !regexp.MustCompile(`^20\d\d-\d\d-\d\d$`).MatchString(m.Date) {
			t.Errorf("%s is version %s of %s", m.Name, m.Version, m.Date)
		}
		for _, action := range Permissions().Actions() {
			if action != callerIdentity && !m.Known(action) {
				t.Errorf("%s: managed.tsv has no row for it, so %s %s cannot be said to have or to lack it", action, m.Name, m.Version)
			}
		}
	}
}

// TestSecurityAuditLacks holds the table to a list that was made by hand from
// the policy: of all reads that audits of data stores need, what SecurityAudit
// v92 does not allow.
func TestSecurityAuditLacks(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "beyond-securityaudit.txt"))
	if err != nil {
		t.Fatal(err)
	}
	m := managedPolicy(t, "SecurityAudit")
	if m.Version != "v92" || m.Date != "2026-08-17" {
		t.Errorf("version %s of %s: make the list anew", m.Version, m.Date)
	}
	var lacks []string
	for line := range strings.Lines(managedTable) {
		action, _, _ := strings.Cut(line, "\t")
		if !strings.ContainsAny(line, "#*") && action != "action" && !m.Grants(action) {
			lacks = append(lacks, action)
		}
	}
	if diff := cmp.Diff(strings.Fields(string(text)), lacks); diff != "" {
		t.Errorf("lacking (-list +table):\n%s", diff)
	}
}

// No row contradicts a family that holds it, and the table is in order.
func TestManagedTable(t *testing.T) {
	var rows []string
	for line := range strings.Lines(managedTable) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || cells[0] == "action" {
			continue
		}
		rows = append(rows, cells[0])
		for i, m := range ManagedPolicies() {
			if got := m.Grants(cells[0]); got != (cells[i+1] == "Y") {
				t.Errorf("%s in %s: %s, and yet granted %t", cells[0], m.Name, cells[i+1], got)
			}
		}
	}
	if !slices.IsSorted(rows) || len(slices.Compact(slices.Clone(rows))) != len(rows) {
		t.Error("managed.tsv is not sorted, or has an action twice")
	}
}

func TestGrants(t *testing.T) {
	m := managedPolicy(t, "SecurityAudit")
	for action, want := range map[string]bool{
		"rds:DescribeDBInstances": true, "RDS:describedbinstances": true, "ec2:DescribeAnythingNew": true, "redshift-serverless:GetWorkgroup": false,
		"redshift:GetResourcePolicy": false, "s3:GetObject": false, "nosuch:List": false, "ec2:": false,
	} {
		if m.Grants(action) != want {
			t.Errorf("%s: want %t", action, want)
		}
	}
	if m.Known("nosuch:List") || !m.Known("Redshift:GetResourcePolicy") {
		t.Error("what is known is wrong")
	}
}

func TestBeyond(t *testing.T) {
	m := managedPolicy(t, "SecurityAudit")
	whole := allow("Test", []string{"RDS:describeDBInstances", "redshift:GetResourcePolicy", "sts:GetCallerIdentity", "nosuch:List"})
	beyond := whole.Beyond(m)
	if diff := cmp.Diff([]string{"redshift:GetResourcePolicy", "nosuch:List"}, beyond.Actions()); diff != "" || beyond.Statement[0].Sid != "AndonBeyondSecurityAudit" {
		t.Errorf("%+v (-want +got):\n%s", beyond, diff)
	}
	if nothing := allow("Test", []string{"rds:DescribeDBInstances"}).Beyond(m); len(nothing.Statement) != 0 || nothing.Statement == nil {
		t.Errorf("%+v", nothing)
	}
	for _, m := range ManagedPolicies() {
		onlyReads(t, Permissions().Beyond(m).Actions())
	}
}

func TestDamagedTable(t *testing.T) {
	for name, table := range map[string]string{
		"no date":        "# policy A v1\n",
		"another column": "# policy A v1 2026-01-01\naction\tB\n",
		"too few cells":  "# policy A v1 2026-01-01\naction\tA\ns3:GetBucketAcl\n",
		"another word":   "# policy A v1 2026-01-01\naction\tA\ns3:GetBucketAcl\tyes\n",
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no complaint")
				}
			}()
			parseManaged(table)
		})
	}
}
