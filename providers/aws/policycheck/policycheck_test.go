package policycheck_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/policycheck"
)

// update asks for the golden files to be written; package conformance, by which
// policies are compared with the audit's, has the flag already.
func update() bool { return flag.Lookup("update").Value.String() == "true" }

const (
	owner    = "123456789012"
	supplier = "210987654321"
	orgID    = "o-ownedbyacme"
)

// policy writes a document of these statements.
func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// allow writes a statement that allows a principal, given as JSON, an action on
// everything; rest goes on after it.
func allow(principal, action, rest string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":"` + action + `","Resource":"*"` + rest + `}`
}

func where(conditions string) string { return `,"Condition":{` + conditions + `}` }

func check(t *testing.T, document string, q policycheck.Question) *policycheck.Report {
	t.Helper()
	report, err := policycheck.Check([]byte(document), q)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return report
}

// levels is a report in the words of a verdict.
func levels(r *policycheck.Report) exposure.Range {
	var all exposure.Range
	for _, a := range r.Admitted {
		all.Least, all.Most = max(all.Least, exposure.LevelOf(a.To)), max(all.Most, exposure.LevelOf(a.Most))
	}
	for _, d := range r.Undecided {
		all.Most = max(all.Most, exposure.LevelOf(d.To))
	}
	return all
}

// TestLevelOfEveryService holds what "*" means: everybody where a service
// answers unsigned requests, every AWS account where it does not, and one of the
// two where that is not documented.
func TestLevelOfEveryService(t *testing.T) {
	for service, want := range map[string]exposure.Level{
		"s3": exposure.Public, "sqs": exposure.Public, "es": exposure.Public, "opensearch": exposure.Public,
		"execute-api": exposure.Public, "ecr-public": exposure.Public,

		"sns": exposure.Tenant, "elasticfilesystem": exposure.Tenant, "efs": exposure.Tenant, "s3-outposts": exposure.Tenant,
		"s3express": exposure.Tenant, "s3-object-lambda": exposure.Tenant, "s3tables": exposure.Tenant, "s3vectors": exposure.Tenant,
		"kms": exposure.Tenant, "secretsmanager": exposure.Tenant, "secrets": exposure.Tenant, "secrets-manager": exposure.Tenant,
		"ecr": exposure.Tenant, "dynamodb": exposure.Tenant, "kinesis": exposure.Tenant, "glacier": exposure.Tenant,
		"backup": exposure.Tenant, "lambda": exposure.Tenant, "events": exposure.Tenant, "eventbridge": exposure.Tenant,
		"sts": exposure.Tenant, "iam": exposure.Tenant, "logs": exposure.Tenant, "codeartifact": exposure.Tenant, "aoss": exposure.Tenant,
	} {
		t.Run(service, func(t *testing.T) {
			if !slices.Contains(policycheck.Services(), service) {
				t.Error("not among the services")
			}
			report := check(t, policy(allow(`"*"`, "*", "")), policycheck.Question{Service: service})
			all := exposure.Range{Least: want, Most: want}
			if service == "sns" {
				all.Most = exposure.Public
			}
			if got := levels(report); got != all || (report.Unsigned != "") == all.Decided() {
				t.Errorf("everything for everybody is %s, want %s; in doubt: %q", got, all, report.Unsigned)
			}
			if isS3 := service == "s3"; (report.BPA != nil) != isS3 {
				t.Errorf("AWS's own notion of public, which is about S3: %v", report.BPA)
			}
		})
	}
	if got := len(policycheck.Services()); got != 31 {
		t.Errorf("there are %d names of services; each needs a line above", got)
	}
}

// What is open about a service is open only where it would make a difference.
func TestUnsigned(t *testing.T) {
	topic := policycheck.Question{Service: "sns", Account: owner}
	for document, open := range map[string]bool{
		policy(allow(`"*"`, "sns:Publish", "")):                                                           true,
		policy(allow(`"*"`, "sns:Publish", where(`"StringEquals":{"aws:PrincipalAccount":"`+owner+`"}`))): false,
		policy(allow(`{"AWS":"`+supplier+`"}`, "sns:Publish", "")):                                        false,
		policy(allow(`"*"`, "sns:ConfirmSubscription", "")):                                               false,
	} {
		if report := check(t, document, topic); (report.Unsigned != "") != open {
			t.Errorf("%s: %q", document, report.Unsigned)
		}
	}
}

// Actions that do nothing for other accounts are told, and let nobody in; the
// witness is of one that does something.
func TestWithoutEffect(t *testing.T) {
	for _, test := range []struct{ service, actions, effect, without string }{
		{"kms", `["kms:CancelKeyDeletion","kms:Decrypt"]`, "kms:Decrypt", "kms:CancelKeyDeletion"},
		{"backup", `["backup:DescribeBackupVault","backup:CopyIntoBackupVault"]`, "backup:CopyIntoBackupVault", "backup:DescribeBackupVault"},
		{"sqs", `"sqs:AddPermission"`, "", "sqs:AddPermission"},
		{"s3", `"s3:PutBucketPolicy"`, "", "s3:PutBucketPolicy"},
		{"es", `["es:DeleteDomain","es:ESHttpGet"]`, "es:ESHttpGet", "es:DeleteDomain"},
	} {
		document := policy(`{"Effect":"Allow","Principal":"*","Action":` + test.actions + `,"Resource":"*"}`)
		report := check(t, document, policycheck.Question{Service: test.service, Account: owner})
		if report.Private() != (test.effect == "") || !slices.ContainsFunc(report.Notes, func(n string) bool { return strings.HasSuffix(n, ": "+test.without) }) {
			t.Errorf("%s: %v, notes %q", test.actions, report.Admitted, report.Notes)
		}
		for _, a := range report.Admitted {
			if !slices.Equal(a.Actions, []string{test.effect}) || a.Witness.Action != test.effect {
				t.Errorf("%s: %s can %v, witness %s", test.actions, a.Class, a.Actions, a.Witness.Action)
			}
		}
	}
}

// An access point refuses unsigned requests whatever its policy says.
func TestAccessPointsAnswerSignedRequests(t *testing.T) {
	arn := "arn:aws:s3:eu-west-1:" + owner + ":accesspoint/dealers"
	report := check(t, policy(allow(`"*"`, "s3:GetObject", "")), policycheck.Question{Service: "s3", Resource: arn})
	if got := levels(report); got != (exposure.Range{Least: exposure.Tenant, Most: exposure.Tenant}) {
		t.Errorf("everybody at an access point is %s, want tenant", got)
	}
}

func TestVerdicts(t *testing.T) {
	sns := `{"Service":"sns.amazonaws.com"}`
	tests := []struct {
		name, document string
		question       policycheck.Question
		want           string
	}{
		{"anyone", policy(allow(`"*"`, "s3:GetObject", "")), policycheck.Question{Service: "s3"}, "public"},
		{
			"anyone from a listed network", policy(allow(`"*"`, "s3:GetObject", where(`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`))),
			policycheck.Question{Service: "s3"},
			"shared",
		},
		{
			"the whole internet in two halves", policy(allow(`"*"`, "s3:GetObject", where(`"IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}`))),
			policycheck.Question{Service: "s3"},
			"public",
		},
		{"a service for anybody", policy(allow(sns, "sqs:SendMessage", "")), policycheck.Question{Service: "sqs"}, "tenant"},
		{
			"a service for the owner", policy(allow(sns, "sqs:SendMessage", where(`"StringEquals":{"aws:SourceAccount":"`+owner+`"}`))),
			policycheck.Question{Service: "sqs", Account: owner},
			"private",
		},
		{"a named account", policy(allow(`{"AWS":"`+supplier+`"}`, "kms:Decrypt", "")), policycheck.Question{Service: "kms", Account: owner}, "shared"},
		{"its own account", policy(allow(`{"AWS":"`+owner+`"}`, "kms:Decrypt", "")), policycheck.Question{Service: "kms", Account: owner}, "private"},
		{"an account that may be its own", policy(allow(`{"AWS":"`+owner+`"}`, "kms:Decrypt", "")), policycheck.Question{Service: "kms"}, "shared"},
		{
			"the account that the resource tells", policy(allow(`{"AWS":"`+owner+`"}`, "sqs:SendMessage", "")),
			policycheck.Question{Service: "sqs", Resource: "arn:aws:sqs:eu-west-1:" + owner + ":jobs"},
			"private",
		},
		{
			"an organisation, taken for the owner's", policy(allow(`"*"`, "s3:GetObject", where(`"StringEquals":{"aws:PrincipalOrgID":"`+orgID+`"}`))),
			policycheck.Question{Service: "s3"},
			"private",
		},
		{
			"the owner's organisation", policy(allow(`"*"`, "s3:GetObject", where(`"StringEquals":{"aws:PrincipalOrgID":"`+orgID+`"}`))),
			policycheck.Question{Service: "s3", Org: orgID},
			"private",
		},
		{
			"another organisation", policy(allow(`"*"`, "s3:GetObject", where(`"StringEquals":{"aws:PrincipalOrgID":"o-somebodyelse"}`))),
			policycheck.Question{Service: "s3", Org: orgID},
			"shared",
		},
		{"nobody", policy(`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}`), policycheck.Question{Service: "s3"}, "private"},
		{
			"denied to outsiders",
			policy(allow(`"*"`, "s3:GetObject", ""), `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"`+owner+`"}}}`),
			policycheck.Question{Service: "s3", Account: owner},
			"private",
		},
		{
			"a canonical user, whose account is not told", policy(allow(`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}`, "s3:GetObject", "")),
			policycheck.Question{Service: "s3", Account: owner},
			"unknown",
		},
		{"no principal", policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`), policycheck.Question{Service: "s3"}, "unknown"},
		{
			"a service beside everybody in a private network",
			policy(allow(`"*"`, "s3:GetObject", where(`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`)), allow(sns, "s3:GetObject", where(`"StringEquals":{"aws:SourceAccount":"`+owner+`"}`))),
			policycheck.Question{Service: "s3", Account: owner},
			"private",
		},
		{"another resource", policy(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::theirs/*"}`), policycheck.Question{Service: "s3", Resource: "arn:aws:s3:::ours"}, "private"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := check(t, test.document, test.question)
			if got := levels(report).Verdict(); got != test.want {
				t.Errorf("%s, want %s; admitted %v, undecided %v", got, test.want, report.Admitted, report.Undecided)
			}
			if private := test.want == "private"; report.Private() != private || (report.Change == nil) != private {
				t.Errorf("private: %t with the change %v", report.Private(), report.Change)
			}
		})
	}
}

// What AWS would not accept has no verdict at all.
func TestUnreadableIsNoVerdict(t *testing.T) {
	for _, document := range []string{
		"", "null", "{}", `{"Statement":[]}`, `{"Statement":[{"Effect":"Allow","Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`,
		policy(allow(`"somebody"`, "s3:GetObject", "")), policy(allow(`"*"`, "s3:GetObject", where(`"StringMatches":{"aws:Referer":"a"}`))),
	} {
		report, err := policycheck.Check([]byte(document), policycheck.Question{Service: "s3"})
		if _, ok := errors.AsType[*iam.SyntaxError](err); !ok || report != nil {
			t.Errorf("%s: report %v, error %v", document, report, err)
		}
	}
	const want = `check policy: service "floppy" is none of `
	if _, err := policycheck.Check([]byte(policy(allow(`"*"`, "*", ""))), policycheck.Question{Service: "floppy"}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("an unknown service: %v", err)
	}
}

// TestReport holds a whole report: who gets in, with the witness, who is kept
// out by what, and the change.
func TestReport(t *testing.T) {
	document := policy(
		allow(`"*"`, "sqs:SendMessage", `,"Sid":"Anybody"`+where(`"IpAddress":{"aws:SourceIp":["0.0.0.0/0","203.0.113.0/24"]},"Bool":{"aws:SecureTransport":"true"}`)),
		allow(`{"AWS":["`+owner+`","`+supplier+`"]}`, "sqs:ReceiveMessage", `,"Sid":"Partners"`),
		`{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:PrincipalIsAWSService":"true"}}}`,
	)
	report := check(t, document, policycheck.Question{Service: "sqs", Account: owner, Resource: "arn:aws:sqs:eu-west-1:" + owner + ":jobs"})
	got, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	golden := filepath.Join("testdata", "report.json")
	if update() {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
