package policycheck_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/policycheck"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

// held is a resource that has a policy, or that somebody may name instead: with
// an action on its data, and what a policy calls it beside "*".
type held struct{ arn, action, called string }

// everyForm are resources by the service whose name in ARNs follows from them.
// The account and the region stand for themselves.
var everyForm = map[string][]held{
	"s3": {
		{"s3:::ours", "s3:GetObject", "s3:::ours/*"},
		{"s3:::ours", "s3:ListBucket", "s3:::ours"},
		{"s3:::ours/report.csv", "s3:GetObject", "s3:::ours/*"},
		{"s3:@:accesspoint/dealers", "s3:GetObject", "s3:@:accesspoint/dealers/object/*"},
		{"s3:@:accesspoint/dealers", "s3:ListBucket", "s3:@:accesspoint/dealers"},
		{"s3::" + owner + ":accesspoint/everywhere.mrap", "s3:GetObject", "s3::" + owner + ":accesspoint/everywhere.mrap/object/*"},
	},
	"s3express": {
		{"s3express:@:bucket/ours--euw1-az1--x-s3", "s3express:CreateSession", "s3express:@:bucket/ours--euw1-az1--x-s3"},
		{"s3express:@:accesspoint/dealers--euw1-az1--xa-s3", "s3express:CreateSession", "s3express:@:accesspoint/dealers--euw1-az1--xa-s3"},
	},
	"s3-object-lambda": {{"s3-object-lambda:@:accesspoint/redacted", "s3-object-lambda:GetObject", "s3-object-lambda:@:accesspoint/redacted"}},
	"s3-outposts": {
		{"s3-outposts:@:outpost/op-1/bucket/ours", "s3-outposts:GetObject", "s3-outposts:@:outpost/op-1/bucket/ours/object/*"},
		{"s3-outposts:@:outpost/op-1/accesspoint/dealers", "s3-outposts:GetObject", "s3-outposts:@:outpost/op-1/accesspoint/dealers/object/*"},
	},
	"s3tables": {
		{"s3tables:@:bucket/ours", "s3tables:GetTableData", "s3tables:@:bucket/ours/table/*"},
		{"s3tables:@:bucket/ours/table/1b2c", "s3tables:GetTableData", "s3tables:@:bucket/ours/table/1b2c"},
	},
	"s3vectors": {
		{"s3vectors:@:bucket/ours", "s3vectors:GetVectors", "s3vectors:@:bucket/ours/index/*"},
		{"s3vectors:@:bucket/ours/index/docs", "s3vectors:QueryVectors", "s3vectors:@:bucket/ours/index/docs"},
	},
	"sqs":            {{"sqs:@:jobs", "sqs:ReceiveMessage", "sqs:@:jobs"}, {"sqs:@:jobs.fifo", "sqs:SendMessage", "sqs:@:jobs.fifo"}},
	"sns":            {{"sns:@:alarms", "sns:Publish", "sns:@:alarms"}, {"sns:@:alarms.fifo", "sns:Subscribe", "sns:@:alarms.fifo"}},
	"kms":            {{"kms:@:key/1234abcd-12ab", "kms:Decrypt", "kms:@:key/1234abcd-12ab"}, {"kms:@:key/mrk-1234abcd", "kms:Decrypt", "*"}, {"kms:@:alias/ours", "kms:Decrypt", "*"}},
	"secretsmanager": {{"secretsmanager:@:secret:login-AbCdEf", "secretsmanager:GetSecretValue", "*"}, {"secretsmanager:@:secret:prod/db/login-AbCdEf", "secretsmanager:GetSecretValue", "secretsmanager:@:secret:prod/*"}},
	"ecr":            {{"ecr:@:repository/app", "ecr:BatchGetImage", "*"}, {"ecr:@:repository/team/app", "ecr:GetDownloadUrlForLayer", "ecr:@:repository/team/app"}},
	"ecr-public":     {{"ecr-public::" + owner + ":repository/app", "ecr-public:DescribeImages", "*"}},
	"dynamodb": {
		{"dynamodb:@:table/orders", "dynamodb:GetItem", "dynamodb:@:table/orders"},
		{"dynamodb:@:table/orders", "dynamodb:Query", "dynamodb:@:table/orders/index/*"},
		{"dynamodb:@:table/orders", "dynamodb:Query", "dynamodb:@:table/orders/index/by-day"},
		{"dynamodb:@:table/orders/index/by-day", "dynamodb:Query", "dynamodb:@:table/orders/index/by-day"},
		{"dynamodb:@:table/orders/stream/2026-01-01T00:00:00.000", "dynamodb:GetRecords", "dynamodb:@:table/orders/stream/2026-01-01T00:00:00.000"},
	},
	"es": {
		{"es:@:domain/search", "es:ESHttpGet", "es:@:domain/search/*"},
		{"es:@:domain/search", "es:ESHttpPost", "es:@:domain/search/orders/_search"},
		{"es:@:domain/search/*", "es:ESHttpGet", "es:@:domain/search/*"},
	},
	"kinesis": {
		{"kinesis:@:stream/clicks", "kinesis:GetRecords", "kinesis:@:stream/clicks"},
		{"kinesis:@:stream/clicks/consumer/app:1700000000", "kinesis:SubscribeToShard", "kinesis:@:stream/clicks/consumer/app:1700000000"},
	},
	"glacier":           {{"glacier:@:vaults/archive", "glacier:InitiateJob", "glacier:@:vaults/archive"}, {"glacier:@:vaults/archive", "glacier:GetJobOutput", "*"}},
	"backup":            {{"backup:@:backup-vault:nightly", "backup:CopyIntoBackupVault", "*"}, {"backup:@:backup-vault:nightly", "backup:CopyIntoBackupVault", "backup:@:backup-vault:nightly"}},
	"elasticfilesystem": {{"elasticfilesystem:@:file-system/fs-1", "elasticfilesystem:ClientMount", "elasticfilesystem:@:file-system/fs-1"}, {"elasticfilesystem:@:access-point/fsap-1", "elasticfilesystem:ClientMount", "*"}},
	"lambda": {
		{"lambda:@:function:f", "lambda:InvokeFunction", "lambda:@:function:f"},
		{"lambda:@:function:f:live", "lambda:InvokeFunction", "lambda:@:function:f:live"},
		{"lambda:@:layer:l:3", "lambda:GetLayerVersion", "lambda:@:layer:l:3"},
		{"lambda:@:layer:l", "lambda:GetLayerVersion", "lambda:@:layer:l:3"},
	},
	"events":       {{"events:@:event-bus/default", "events:PutEvents", "events:@:event-bus/default"}},
	"sts":          {{"iam::" + owner + ":role/deploy", "sts:AssumeRole", "*"}, {"iam::" + owner + ":role/service/deploy", "sts:AssumeRole", "*"}, {"iam::" + owner + ":user/ada", "sts:AssumeRole", "*"}},
	"logs":         {{"logs:@:destination:d", "logs:PutSubscriptionFilter", "logs:@:destination:d"}, {"logs:@:log-group:/app/web", "logs:PutLogEvents", "logs:@:log-group:/app/web:*"}},
	"codeartifact": {{"codeartifact:@:domain/d", "codeartifact:GetAuthorizationToken", "*"}, {"codeartifact:@:repository/d/r", "codeartifact:GetPackageVersionAsset", "codeartifact:@:package/d/r/*"}},
	"execute-api":  {{"execute-api:@:a1b2c3", "execute-api:Invoke", "execute-api:@:a1b2c3/*"}},
	"aoss":         {{"aoss:@:collection/c", "aoss:APIAccessAll", "*"}},
}

func spellARN(short string) string {
	if short == "*" {
		return short
	}
	return "arn:aws:" + strings.ReplaceAll(short, "@", "eu-west-1:"+owner)
}

// What lets everybody at the data of a resource is admitted, whichever resource
// is told, in whichever form its ARN is, and when none is.
func TestEveryFormOfResource(t *testing.T) {
	services := slices.Sorted(maps.Keys(everyForm))
	if want := resourcepolicy.Prefixes(); !slices.Equal(services, want) {
		t.Fatalf("the table is about %v, want %v", services, want)
	}
	for _, service := range services {
		for _, h := range everyForm[service] {
			for _, called := range []string{"*", h.called} {
				document := policy(`{"Effect":"Allow","Principal":"*","Action":"` + h.action + `","Resource":"` + spellARN(called) + `"}`)
				for _, arn := range []string{"", spellARN(h.arn), strings.Replace(spellARN(h.arn), "arn:aws:", "arn:aws-cn:", 1), h.arn, "ours"} {
					if called != "*" && strings.HasPrefix(arn, "arn:aws-cn:") {
						continue
					}
					report := check(t, document, policycheck.Question{Service: service, Resource: arn})
					if !slices.ContainsFunc(report.Admitted, func(a policycheck.Admission) bool {
						return len(a.Actions) == 1 && strings.EqualFold(a.Actions[0], h.action) && a.To.Credential >= resource.CredentialTenant
					}) {
						t.Errorf("%s with the resource %q: %v", document, arn, report.Admitted)
					}
				}
			}
		}
	}
}
