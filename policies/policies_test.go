package policies_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/policies"
)

// vocabulary is what the shipped policies may mention. The collectors'
// declarations must offer at least this much.
var vocabulary = policy.Vocabulary{
	Settings: map[string]policy.Type{
		"account_block_complete": policy.Bool,
		"bucket_block_complete":  policy.Bool,
		"acls_enabled":           policy.Bool,

		"public_access_prevention":           policy.Text,
		"public_access_prevention_effective": policy.Bool,
		"oldest_hmac_key_days":               policy.Number,
		"ssl_required":                       policy.Bool,

		"allow_blob_public_access": policy.Bool,
		"admin_user":               policy.Bool,
	},
	Kinds: []resource.Kind{
		"aws.s3.bucket", "aws.s3.directory_bucket", "aws.s3.access_point",
		"aws.s3.multi_region_access_point", "aws.s3.object_lambda_access_point",
		"aws.rds.instance", "aws.rds.cluster", "aws.aurora.cluster", "aws.documentdb.cluster", "aws.neptune.cluster",
		"aws.redshift.cluster", "aws.redshift_serverless.workgroup", "aws.opensearch.domain", "aws.efs.file_system",
		"aws.rds.snapshot", "aws.rds.cluster_snapshot", "aws.redshift.snapshot", "aws.ebs.snapshot", "aws.ec2.image",
		"aws.sqs.queue", "aws.sns.topic", "aws.kinesis.stream", "aws.secretsmanager.secret", "aws.kms.key",
		"aws.ecr.repository", "aws.dynamodb.table", "aws.glacier.vault", "aws.backup.vault",
		"gcp.storage.bucket", "gcp.sql.instance", "gcp.alloydb.instance", "gcp.spanner.instance", "gcp.spanner.database",
		"gcp.spanner.backup", "gcp.bigtable.instance", "gcp.bigtable.table", "gcp.bigquery.dataset", "gcp.bigquery.table",
		"gcp.bigquery.routine", "gcp.pubsub.topic", "gcp.pubsub.subscription", "gcp.pubsub.snapshot", "gcp.secretmanager.secret",
		"gcp.kms.key_ring", "gcp.kms.key", "gcp.artifactregistry.repository", "gcp.compute.image", "gcp.compute.machine_image",
		"gcp.compute.snapshot", "gcp.compute.disk",
		"azure.storage.account", "azure.sql.server", "azure.sql.managed_instance", "azure.postgresql.flexible_server",
		"azure.mysql.flexible_server", "azure.cosmosdb.account", "azure.redis.cache", "azure.keyvault.vault",
		"azure.containerregistry.registry", "azure.compute.disk", "azure.compute.snapshot", "azure.compute.gallery",
	},
	Classes: []resource.Class{
		"bucket", "access-point", "database", "search", "file-system", "snapshot", "image", "queue", "topic", "stream",
		"secret", "key", "table", "routine", "image-repository", "backup-vault", "archive-vault",
	},
	Channels: []resource.Channel{
		"acl", "named-acl", "policy", "disputed-policy", "limited-policy", "network", "public-attribute", "named-attribute", "grant", "gateway",
		"named-policy", "object-acl", "folder", "named-folder", "consumer", "view",
		"container", "website", "nfs", "perimeter", "resource-access", "replication", "link", "anonymous-pull", "gallery", "named-gallery",
	},
	Actions: []resource.Action{
		resource.List, resource.Read, resource.Write, resource.Delete, resource.ReadACL, resource.TakeOver,
		resource.Configure, resource.ReadMeta, resource.Connect, resource.Restore, resource.AnyAction,
	},
}

func load(t *testing.T, fsys fs.FS) *policy.Set {
	t.Helper()
	set, err := policy.Load(fsys, vocabulary, policy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// inline runs the examples that need no recording.
func inline(ctx context.Context, set *policy.Set) []policy.ExampleResult {
	var results []policy.ExampleResult
	for _, r := range set.Test(ctx, "", nil) {
		if r.Example.Inline != nil {
			results = append(results, r)
		}
	}
	return results
}

func TestPoliciesAreWellWritten(t *testing.T) {
	for _, p := range load(t, policies.FS).Policies() {
		if utf8.RuneCountInString(p.Title) > 70 || strings.HasSuffix(p.Title, ".") {
			t.Errorf("%s: the title is not one short sentence without a full stop: %q", p.ID, p.Title)
		}
		if !strings.HasSuffix(p.Why, ".") || strings.Count(p.Why, ". ") > 0 {
			t.Errorf("%s: why is not one sentence: %q", p.ID, p.Why)
		}
		if len(p.Fix) == 0 || len(p.Families) == 0 {
			t.Errorf("%s: fix or families is missing", p.ID)
		}
	}
}

// TestInlineExamples runs the examples that are written out, of which every
// policy has one for each outcome: they hold without any collector.
func TestInlineExamples(t *testing.T) {
	seen := make(map[string]map[finding.Outcome]bool)
	for _, r := range inline(t.Context(), load(t, policies.FS)) {
		if !r.OK() {
			t.Errorf("%s: %s: got %s (%v), want %s", r.Policy, r.Example.Name, r.Got, r.Err, r.Example.Want)
		}
		if seen[r.Policy] == nil {
			seen[r.Policy] = make(map[finding.Outcome]bool)
		}
		seen[r.Policy][r.Got] = true
	}
	for id, outcomes := range seen {
		for _, want := range []finding.Outcome{finding.Pass, finding.Fail, finding.Unknown, policy.None} {
			if !outcomes[want] {
				t.Errorf("%s: no written-out example gives %s", id, want)
			}
		}
	}
}

// TestEveryConditionIsNeeded neutralises each operand of && and || in turn: an
// operand without which every example still comes out right is untested, or
// superfluous.
func TestEveryConditionIsNeeded(t *testing.T) {
	for _, p := range load(t, policies.FS).Policies() {
		file := p.ID + ".yaml"
		text, err := fs.ReadFile(policies.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, expression := range []string{p.Applies, p.Require} {
			for _, mutant := range mutants(expression) {
				changed := strings.Replace(string(text), expression, mutant, 1)
				if changed == string(text) {
					t.Fatalf("%s: %q does not stand in the file on one line", p.ID, expression)
				}
				set := load(t, fstest.MapFS{file: {Data: []byte(changed)}})
				if survives(t.Context(), set) {
					t.Errorf("%s: no example notices when %q becomes %q", p.ID, expression, mutant)
				}
			}
		}
	}
}

func survives(ctx context.Context, set *policy.Set) bool {
	for _, r := range inline(ctx, set) {
		if !r.OK() {
			return false
		}
	}
	return true
}

// mutants returns the expression with each operand neutralised in turn. The
// operands stay, so that the settings mentioned are the same.
func mutants(expression string) []string {
	var all []string
	for _, rule := range []struct{ operator, neutral string }{{" || ", " && false"}, {" && ", " || true"}} {
		operands := strings.Split(expression, rule.operator)
		if len(operands) == 1 {
			continue
		}
		for i, o := range operands {
			changed := append([]string(nil), operands...)
			changed[i] = "(" + o + rule.neutral + ")"
			all = append(all, strings.Join(changed, rule.operator))
		}
		return all
	}
	return []string{"(" + expression + ") || true", "(" + expression + ") && false"}
}

// BenchmarkShipped measures all shipped policies on the stores that an estate
// is made of: private ones behind a block, private ones that were read, and one
// that is open. The figure to watch is ns/policy.
func BenchmarkShipped(b *testing.B) {
	set, err := policy.Load(policies.FS, vocabulary, policy.Config{TrustedAccounts: []string{"210987654321"}})
	if err != nil {
		b.Fatal(err)
	}
	for _, depth := range []policy.Depth{policy.Verdict, policy.Full} {
		for name, store := range estate() {
			b.Run(string(depth)+"/"+name, func(b *testing.B) {
				run := set.For(depth)
				count := float64(b.N * len(run.Policies()))
				b.ReportAllocs()
				a := exposure.Assess(store)
				for range b.N {
					run.Evaluate(store, &a)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/count, "ns/policy")
			})
		}
	}
}

// estate returns stores as collectors leave them.
func estate() map[string]*resource.Resource {
	hides := func(call string, via ...resource.Channel) resource.Gap {
		g := resource.Gap{Call: call, Reason: resource.NotAsked}
		for _, v := range via {
			g.Hides = append(g.Hides, resource.Hidden{Via: v, To: resource.Anyone})
		}
		return g
	}
	block := resource.Guard{Name: "account block", On: []resource.Channel{"acl", "policy"}, Cap: resource.Nobody}
	read := map[string]resource.Setting{
		"account_block_complete": {Value: false}, "bucket_block_complete": {Value: true}, "acls_enabled": {Value: false},
	}
	store := resource.Resource{ID: "arn:aws:s3:::telemetry", Kind: "aws.s3.bucket", Class: "bucket", Name: "telemetry"}
	blocked, private, open := store, store, store
	blocked.Guards = []resource.Guard{block}
	blocked.Gaps = []resource.Gap{hides("s3:GetBucketAcl", "acl"), hides("s3:GetBucketPolicy", "policy", "limited-policy")}
	blocked.Settings = map[string]resource.Setting{"account_block_complete": {Value: true}}
	private.Settings = read
	open.Settings = read
	open.Grants = []resource.Grant{
		{To: resource.Anyone, Can: []resource.Action{resource.List, resource.Read}, Via: "policy"},
		{To: resource.Outsiders("210987654321"), Can: []resource.Action{resource.Write}, Via: "limited-policy"},
	}
	return map[string]*resource.Resource{"blocked": &blocked, "private": &private, "open": &open}
}
