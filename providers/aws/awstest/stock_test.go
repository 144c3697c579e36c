package awstest

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/opensearch"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

const stockWorld = `
accounts:
- id: "111111111111"
  regions: [eu-west-1, us-east-1]
  stock:
    rds.instance:
    - &customers
      region: eu-west-1
      DBInstanceIdentifier: customers
      PubliclyAccessible: true
      Endpoint: {Address: customers.x.eu-west-1.rds.amazonaws.com, Port: 5432}
      VpcSecurityGroups: [{VpcSecurityGroupId: sg-1, Status: active}, {VpcSecurityGroupId: sg-2, Status: active}]
      DBSubnetGroup: {VpcId: vpc-1, Subnets: [{SubnetIdentifier: subnet-1}, {SubnetIdentifier: subnet-2}]}
    - {<<: *customers, DBInstanceIdentifier: orders, Engine: "a<b&c"}
    - {<<: *customers, region: us-east-1, DBInstanceIdentifier: elsewhere}
    ec2.security_group:
    - {region: eu-west-1, GroupId: sg-1, VpcId: vpc-1, IpPermissions: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, IpRanges: [{CidrIp: 0.0.0.0/1}, {CidrIp: 128.0.0.0/1}], UserIdGroupPairs: [{GroupId: sg-9}]}]}
    - {region: eu-west-1, GroupId: sg-2, VpcId: vpc-2}
    ec2.snapshot:
    - {region: eu-west-1, SnapshotId: snap-1, Encrypted: false, public: true, State: completed}
    - {region: eu-west-1, SnapshotId: snap-2, Encrypted: true}
    sqs.queue:
    - {region: eu-west-1, QueueUrl: "https://sqs.eu-west-1.amazonaws.com/111111111111/q", Attributes: {Policy: !json {Version: 2012-10-17, Statement: []}}}
    - {region: eu-west-1, QueueUrl: "https://sqs.eu-west-1.amazonaws.com/111111111111/r", gone: true}
    sns.topic:
    - {region: eu-west-1, TopicArn: "arn:aws:sns:eu-west-1:111111111111:t", Attributes: {Owner: "111111111111", Policy: !json {Statement: []}}}
    kms.key:
    - {region: eu-west-1, KeyId: k1, KeyArn: "arn:aws:kms:eu-west-1:111111111111:key/k1", Enabled: true, Policy: !json {Statement: []}}
    opensearch.domain:
    - {region: eu-west-1, DomainName: logs, EngineType: OpenSearch, ARN: "arn:aws:es:eu-west-1:111111111111:domain/logs", AccessPolicies: !json {Statement: []}}
    efs.file_system:
    - {region: eu-west-1, FileSystemId: fs-1, Encrypted: true, Policy: !json {Statement: []}}
`

// The real SDK reads what is in stock, whatever its service speaks.
func TestStock(t *testing.T) {
	world, err := Parse([]byte(stockWorld))
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(world, WithPageSize(1))
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""), RetryMaxAttempts: 1}
	ctx := t.Context()

	t.Run("rds", func(t *testing.T) { stockRDS(ctx, t, rds.NewFromConfig(cfg)) })
	t.Run("ec2", func(t *testing.T) { stockEC2(ctx, t, ec2.NewFromConfig(cfg)) })
	t.Run("sqs", func(t *testing.T) { stockSQS(ctx, t, sqs.NewFromConfig(cfg)) })
	t.Run("sns", func(t *testing.T) {
		out, err := sns.NewFromConfig(cfg).GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String("arn:aws:sns:eu-west-1:111111111111:t")})
		if err != nil || out.Attributes["Policy"] != `{"Statement":[]}` {
			t.Errorf("%+v, %v", out, err)
		}
	})
	t.Run("kms", func(t *testing.T) {
		key, err := kms.NewFromConfig(cfg).DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("k1")})
		if err != nil || !key.KeyMetadata.Enabled {
			t.Errorf("%+v, %v", key, err)
		}
	})
	t.Run("opensearch", func(t *testing.T) {
		out, err := opensearch.NewFromConfig(cfg).DescribeDomains(ctx, &opensearch.DescribeDomainsInput{DomainNames: []string{"logs", "none"}})
		if err != nil || len(out.DomainStatusList) != 1 || aws.ToString(out.DomainStatusList[0].AccessPolicies) != `{"Statement":[]}` {
			t.Errorf("%+v, %v", out, err)
		}
	})
	t.Run("efs", func(t *testing.T) {
		client := efs.NewFromConfig(cfg)
		if out, err := client.DescribeFileSystems(ctx, &efs.DescribeFileSystemsInput{}); err != nil || len(out.FileSystems) != 1 {
			t.Errorf("%+v, %v", out, err)
		}
		if out, err := client.DescribeFileSystemPolicy(ctx, &efs.DescribeFileSystemPolicyInput{FileSystemId: aws.String("fs-1")}); err != nil || aws.ToString(out.Policy) == "" {
			t.Errorf("%+v, %v", out, err)
		}
	})
	if server.Writes() != 0 {
		t.Errorf("%d calls were taken for writes", server.Writes())
	}
}

func stockRDS(ctx context.Context, t *testing.T, client *rds.Client) {
	var names []string
	for pages := rds.NewDescribeDBInstancesPaginator(client, &rds.DescribeDBInstancesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page.DBInstances {
			names = append(names, aws.ToString(i.DBInstanceIdentifier)+aws.ToString(i.Engine))
			if len(i.VpcSecurityGroups) != 2 || len(i.DBSubnetGroup.Subnets) != 2 || *i.Endpoint.Port != 5432 || !*i.PubliclyAccessible {
				t.Errorf("read as %+v", i)
			}
		}
	}
	if diff := cmp.Diff([]string{"customers", "ordersa<b&c"}, names); diff != "" {
		t.Errorf("instances (-want +got):\n%s", diff)
	}
	_, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("none")})
	if err == nil || !strings.Contains(err.Error(), "DBInstanceNotFound") {
		t.Errorf("an instance that is not there: %v", err)
	}
}

func stockEC2(ctx context.Context, t *testing.T, client *ec2.Client) {
	groups, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{"vpc-1"}}}})
	if err != nil || len(groups.SecurityGroups) != 1 {
		t.Fatalf("%+v, %v", groups, err)
	}
	rule := groups.SecurityGroups[0].IpPermissions[0]
	if *rule.FromPort != 5432 || len(rule.IpRanges) != 2 || aws.ToString(rule.UserIdGroupPairs[0].GroupId) != "sg-9" {
		t.Errorf("rule read as %+v", rule)
	}
	snapshots, err := client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, RestorableByUserIds: []string{"all"}})
	if err != nil || len(snapshots.Snapshots) != 1 || aws.ToString(snapshots.Snapshots[0].SnapshotId) != "snap-1" || snapshots.Snapshots[0].State != "completed" {
		t.Errorf("public snapshots: %+v, %v", snapshots, err)
	}
}

func stockSQS(ctx context.Context, t *testing.T, client *sqs.Client) {
	all := []sqstypes.QueueAttributeName{"All"}
	got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String("https://sqs.eu-west-1.amazonaws.com/111111111111/q"), AttributeNames: all})
	if err != nil || got.Attributes["Policy"] != `{"Version":"2012-10-17","Statement":[]}` {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String("https://sqs.eu-west-1.amazonaws.com/111111111111/r"), AttributeNames: all})
	if err == nil || !strings.Contains(err.Error(), "NonExistentQueue") {
		t.Errorf("a queue that is gone: %v", err)
	}
}

// What nobody would ever answer is refused when the world is read.
func TestStockMistakes(t *testing.T) {
	for stock, want := range map[string]string{
		"{rds.instnace: [{DBInstanceIdentifier: x}]}": `no call reads "rds.instnace"`,
		"{rds.instance: [x]}":                         "a mapping of members",
	} {
		_, err := Parse([]byte("accounts:\n- {id: \"111111111111\", stock: " + stock + "}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", stock, err, want)
		}
	}
}
