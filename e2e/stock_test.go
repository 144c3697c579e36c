//go:build e2e

package e2e

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/glacier"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// The kinds that are shared by an attribute or by a policy.
const (
	databaseSnapshotKind  = "aws.rds.snapshot"
	clusterSnapshotKind   = "aws.rds.cluster_snapshot"
	volumeSnapshotKind    = "aws.ebs.snapshot"
	imageKind             = "aws.ec2.image"
	warehouseSnapshotKind = "aws.redshift.snapshot"
	queueKind             = "aws.sqs.queue"
	topicKind             = "aws.sns.topic"
	secretKind            = "aws.secretsmanager.secret"
	keyKind               = "aws.kms.key"
	repositoryKind        = "aws.ecr.repository"
	tableKind             = "aws.dynamodb.table"
	streamKind            = "aws.kinesis.stream"
	glacierKind           = "aws.glacier.vault"
	vaultKind             = "aws.backup.vault"
)

// with is the policy of something, where RESOURCE stands for its ARN.
func with(policy, arn string) *string {
	return aws.String(strings.ReplaceAll(policy, "RESOURCE", arn))
}

// everyone gives a snapshot or an image to all, partner to one foreign account.
const (
	everyone = "all"
	partner  = stranger
)

// sharedSnapshot is a snapshot of an RDS instance, sharedCluster one of a cluster.
type (
	sharedSnapshot struct {
		with      string // whom it is restored by, "" for nobody else
		encrypted bool
		key       string // … under one of the keys of the table
	}
	sharedCluster sharedSnapshot
)

func (s sharedSnapshot) made(b *builder, h *holding) string {
	client, source := b.rds(h.region), "of-"+h.name
	in := &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &source, DBInstanceClass: aws.String("db.t4g.micro"), Engine: aws.String("postgres"), AllocatedStorage: aws.Int32(20),
		MasterUsername: aws.String("postgres"), MasterUserPassword: aws.String("only-moto-hears-this"), StorageEncrypted: aws.Bool(s.encrypted || s.key != ""),
	}
	if s.key != "" {
		in.KmsKeyId = aws.String("arn:aws:kms:" + h.region + ":" + b.estate.account + ":key/" + b.keys[s.key])
	}
	_, err := client.CreateDBInstance(b.ctx, in)
	b.check("create database "+source, err)
	_, err = client.CreateDBSnapshot(b.ctx, &rds.CreateDBSnapshotInput{DBInstanceIdentifier: &source, DBSnapshotIdentifier: &h.name})
	b.check("create snapshot "+h.name, err)
	_, err = client.DeleteDBInstance(b.ctx, &rds.DeleteDBInstanceInput{DBInstanceIdentifier: &source, SkipFinalSnapshot: aws.Bool(true)})
	b.check("delete database "+source, err)
	if s.with != "" {
		_, err := client.ModifyDBSnapshotAttribute(b.ctx, &rds.ModifyDBSnapshotAttributeInput{
			DBSnapshotIdentifier: &h.name, AttributeName: aws.String("restore"), ValuesToAdd: []string{s.with},
		})
		b.check("share snapshot "+h.name, err)
	}
	return h.name
}

func (s sharedCluster) made(b *builder, h *holding) string {
	client, source := b.rds(h.region), "of-"+h.name
	_, err := client.CreateDBCluster(b.ctx, &rds.CreateDBClusterInput{
		DBClusterIdentifier: &source, Engine: aws.String("aurora-postgresql"), MasterUsername: aws.String("postgres"),
		MasterUserPassword: aws.String("only-moto-hears-this"), StorageEncrypted: &s.encrypted,
	})
	b.check("create cluster "+source, err)
	_, err = client.CreateDBClusterSnapshot(b.ctx, &rds.CreateDBClusterSnapshotInput{DBClusterIdentifier: &source, DBClusterSnapshotIdentifier: &h.name})
	b.check("create snapshot "+h.name, err)
	_, err = client.DeleteDBCluster(b.ctx, &rds.DeleteDBClusterInput{DBClusterIdentifier: &source, SkipFinalSnapshot: aws.Bool(true)})
	b.check("delete cluster "+source, err)
	if s.with != "" {
		_, err := client.ModifyDBClusterSnapshotAttribute(b.ctx, &rds.ModifyDBClusterSnapshotAttributeInput{
			DBClusterSnapshotIdentifier: &h.name, AttributeName: aws.String("restore"), ValuesToAdd: []string{s.with},
		})
		b.check("share snapshot "+h.name, err)
	}
	return h.name
}

// volumeSnapshot is an EBS snapshot. moto keeps its createVolumePermission, but
// ignores RestorableByUserIds and OwnerIds in DescribeSnapshots. andon trusts no
// endpoint but Amazon's with the first and asks about each snapshot, and it has to
// pass over the hundreds that belong to others.
type volumeSnapshot sharedSnapshot

func (s volumeSnapshot) made(b *builder, h *holding) string {
	client := b.ec2(h.region)
	volume, err := client.CreateVolume(b.ctx, &ec2.CreateVolumeInput{AvailabilityZone: aws.String(h.region + "a"), Size: aws.Int32(1), Encrypted: &s.encrypted})
	b.check("create volume", err)
	made, err := client.CreateSnapshot(b.ctx, &ec2.CreateSnapshotInput{VolumeId: volume.VolumeId, Description: &h.name})
	b.check("create snapshot "+h.name, err)
	in := &ec2.ModifySnapshotAttributeInput{SnapshotId: made.SnapshotId, Attribute: ec2types.SnapshotAttributeNameCreateVolumePermission, OperationType: ec2types.OperationTypeAdd}
	switch s.with {
	case "":
		return aws.ToString(made.SnapshotId)
	case everyone:
		in.GroupNames = []string{everyone}
	default:
		in.UserIds = []string{s.with}
	}
	_, err = client.ModifySnapshotAttribute(b.ctx, in)
	b.check("share snapshot "+h.name, err)
	return aws.ToString(made.SnapshotId)
}

// image is an AMI. AWS makes one of a snapshot; moto makes the snapshot itself,
// which then is one of the account's.
type image struct{ with string }

func (i image) made(b *builder, h *holding) string {
	client := b.ec2(h.region)
	made, err := client.RegisterImage(b.ctx, &ec2.RegisterImageInput{Name: &h.name, Architecture: ec2types.ArchitectureValuesX8664, RootDeviceName: aws.String("/dev/sda1")})
	b.check("register image "+h.name, err)
	b.backing(client, h, made.ImageId)
	in := &ec2.ModifyImageAttributeInput{ImageId: made.ImageId, Attribute: aws.String("launchPermission"), OperationType: ec2types.OperationTypeAdd}
	switch i.with {
	case "":
		return aws.ToString(made.ImageId)
	case everyone:
		in.UserGroups = []string{everyone}
	default:
		in.UserIds = []string{i.with}
	}
	_, err = client.ModifyImageAttribute(b.ctx, in)
	b.check("share image "+h.name, err)
	return aws.ToString(made.ImageId)
}

// backing adds the snapshot behind an image to the estate.
func (b *builder) backing(client *ec2.Client, h *holding, id *string) {
	found, err := client.DescribeImages(b.ctx, &ec2.DescribeImagesInput{ImageIds: []string{aws.ToString(id)}})
	b.check("describe image "+h.name, err)
	for _, m := range found.Images[0].BlockDeviceMappings {
		b.estate.holdings = append(b.estate.holdings, &holding{
			kind: volumeSnapshotKind, region: h.region, name: aws.ToString(m.Ebs.SnapshotId),
			expected: expected{want: "private", why: "the permissions of an image are not those of its snapshot"},
		})
	}
}

// snapshots are shared by an attribute. Sources: Amazon RDS User Guide, "Sharing a
// DB snapshot"; Amazon EBS User Guide, "Share an Amazon EBS snapshot"; Amazon EC2
// User Guide, "Understand shared AMI usage".
var snapshots = []holding{
	{kind: databaseSnapshotKind, name: "snapshot-open", make: sharedSnapshot{with: everyone}.made, expected: expected{want: "tenant", why: "anyone with an AWS account may restore it"}},
	{kind: databaseSnapshotKind, name: "snapshot-partner", make: sharedSnapshot{with: partner}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{kind: databaseSnapshotKind, name: "snapshot-own", make: sharedSnapshot{}.made, expected: expected{want: "private", why: "nobody else may restore it"}},
	{kind: databaseSnapshotKind, name: "snapshot-encrypted", make: sharedSnapshot{encrypted: true}.made, expected: expected{want: "private", why: "nobody else may restore it, and an encrypted one cannot be public"}},
	{kind: databaseSnapshotKind, name: "snapshot-encrypted-partner", make: sharedSnapshot{with: partner, key: "key-partner"}.made, expected: expected{want: "shared", why: "an encrypted one can be shared with an account that may use its key"}},
	{kind: clusterSnapshotKind, name: "cluster-snapshot-open", make: sharedCluster{with: everyone}.made, expected: expected{want: "tenant", why: "anyone with an AWS account may restore it"}},
	{kind: clusterSnapshotKind, name: "cluster-snapshot-partner", make: sharedCluster{with: partner}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{kind: clusterSnapshotKind, name: "cluster-snapshot-own", make: sharedCluster{}.made, expected: expected{want: "private", why: "nobody else may restore it"}},
	{kind: volumeSnapshotKind, name: "volume-open", make: volumeSnapshot{with: everyone}.made, expected: expected{want: "tenant", why: "anyone with an AWS account may make a volume of it"}},
	{kind: volumeSnapshotKind, name: "volume-partner", make: volumeSnapshot{with: partner}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{kind: volumeSnapshotKind, name: "volume-own", make: volumeSnapshot{}.made, expected: expected{want: "private", why: "nobody else may make a volume of it"}},
	{kind: volumeSnapshotKind, name: "volume-encrypted", make: volumeSnapshot{encrypted: true}.made, expected: expected{want: "private", why: "nobody else may make a volume of it, and an encrypted one cannot be public"}},
	{kind: imageKind, name: "image-open", make: image{with: everyone}.made, expected: expected{want: "tenant", why: "anyone with an AWS account may launch it"}},
	{kind: imageKind, name: "image-partner", make: image{with: partner}.made, expected: expected{want: "shared", quick: "private", why: "one foreign account; the list of images tells of the public ones alone"}},
	{kind: imageKind, name: "image-own", make: image{}.made, expected: expected{want: "private", why: "nobody else may launch it"}},
	{kind: warehouseSnapshotKind, name: "warehouse-snapshot", make: warehouseSnapshot, expected: expected{want: "private", why: "no account was given access to it"}},
}

// warehouseSnapshot makes a Redshift snapshot. moto cannot share one
// (AuthorizeSnapshotAccess), so that nothing but the unshared is tried here.
func warehouseSnapshot(b *builder, h *holding) string {
	client, source := b.redshift(h.region), "of-"+h.name
	_, err := client.CreateCluster(b.ctx, &redshift.CreateClusterInput{
		ClusterIdentifier: &source, NodeType: aws.String("ra3.large"), MasterUsername: aws.String("owner"), MasterUserPassword: aws.String("Only-moto-hears-1"),
		PubliclyAccessible: aws.Bool(false),
	})
	b.check("create warehouse "+source, err)
	_, err = client.CreateClusterSnapshot(b.ctx, &redshift.CreateClusterSnapshotInput{ClusterIdentifier: &source, SnapshotIdentifier: &h.name})
	b.check("create snapshot "+h.name, err)
	_, err = client.DeleteCluster(b.ctx, &redshift.DeleteClusterInput{ClusterIdentifier: &source, SkipFinalClusterSnapshot: aws.Bool(true)})
	b.check("delete warehouse "+source, err)
	return h.name
}

// queue is an SQS queue. Whatever is not said, AWS encrypts it with its own key.
type queue struct {
	policy string
	plain  bool   // no encryption by SQS
	key    string // SSE-KMS
}

func (q queue) made(b *builder, h *holding) string {
	attributes := map[string]string{}
	if q.policy != "" {
		attributes["Policy"] = *with(q.policy, "arn:aws:sqs:"+h.region+":"+b.estate.account+":"+h.name)
	}
	if q.plain {
		attributes["SqsManagedSseEnabled"] = "false"
	}
	if q.key != "" {
		attributes["KmsMasterKeyId"], attributes["SqsManagedSseEnabled"] = q.key, "false"
	}
	client := sqs.NewFromConfig(b.config, func(o *sqs.Options) { o.Region = h.region })
	_, err := client.CreateQueue(b.ctx, &sqs.CreateQueueInput{QueueName: &h.name, Attributes: attributes})
	b.check("create queue "+h.name, err)
	return h.name
}

const (
	messaging = `"Action":["sqs:SendMessage","sqs:ReceiveMessage"],"Resource":"RESOURCE"`
	sending   = `"Action":"sqs:SendMessage","Resource":"RESOURCE"`
)

// queues are SQS queues. Source: Amazon SQS Developer Guide, "Overview of managing
// access in Amazon SQS", "Encryption at rest in Amazon SQS" (all requests to queues
// with SSE enabled must use HTTPS and Signature Version 4).
var queues = []holding{
	{name: "queue-silent", make: queue{}.made, expected: expected{want: "private", why: "without a policy the own account only"}},
	{name: "queue-open", make: queue{policy: policy(allow(anyone, messaging)), plain: true}.made, expected: expected{want: "public", why: "an unencrypted queue answers unsigned requests"}},
	{name: "queue-open-aws", region: ireland, make: queue{policy: policy(allow(`{"AWS":"*"}`, sending)), plain: true}.made, expected: expected{want: "public", why: `for resource policies {"AWS":"*"} is the same as *`}},
	{name: "queue-open-sse", make: queue{policy: policy(allow(anyone, messaging))}.made, expected: expected{want: "tenant", why: "an encrypted queue wants a signature, and anyone can sign"}},
	{name: "queue-partner", make: queue{policy: policy(allow(account(stranger), messaging)), plain: true}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{name: "queue-self", make: queue{policy: policy(allow(account(stockAccount), messaging)), plain: true}.made, expected: expected{want: "private", why: "the own account"}},
	{name: "queue-topic", make: queue{policy: policy(allow(anyone, sending, when("ArnEquals", "aws:SourceArn", "arn:aws:sns:us-east-1:"+stockAccount+":topic-silent"))), plain: true}.made, expected: expected{want: "private", why: "only on behalf of a topic of the own account"}},
	{name: "queue-office", make: queue{policy: policy(allow(anyone, messaging, when("IpAddress", "aws:SourceIp", "198.51.100.0/24"))), plain: true}.made, expected: expected{want: "shared", why: "a narrow range is a list of named outsiders"}},
	{name: "queue-denied", make: queue{policy: policy(allow(anyone, messaging), deny(anyone, `"Action":"sqs:*","Resource":"RESOURCE"`)), plain: true}.made, expected: expected{want: "private", why: "an explicit Deny beats every Allow"}},
}

// topic is an SNS topic.
func topic(text string) func(*builder, *holding) string {
	return func(b *builder, h *holding) string {
		client := sns.NewFromConfig(b.config, func(o *sns.Options) { o.Region = h.region })
		made, err := client.CreateTopic(b.ctx, &sns.CreateTopicInput{Name: &h.name})
		b.check("create topic "+h.name, err)
		if text != "" {
			_, err := client.SetTopicAttributes(b.ctx, &sns.SetTopicAttributesInput{
				TopicArn: made.TopicArn, AttributeName: aws.String("Policy"), AttributeValue: with(text, aws.ToString(made.TopicArn)),
			})
			b.check("put policy of "+h.name, err)
		}
		return h.name
	}
}

const publishing = `"Action":["sns:Publish","sns:Subscribe"],"Resource":"RESOURCE"`

// topics are SNS topics. Source: Amazon SNS Developer Guide, "Example cases for
// Amazon SNS access control".
var topics = []holding{
	{name: "topic-silent", make: topic(""), expected: expected{want: "private", why: "the policy that AWS gives a topic speaks of * and of the owner's account"}},
	{name: "topic-open", make: topic(policy(allow(anyone, publishing))), expected: expected{want: "tenant..public", why: "the policy lets in everyone; whether SNS answers unsigned requests is not documented"}},
	{name: "topic-partner", make: topic(policy(allow(account(stranger), publishing))), expected: expected{want: "shared", why: "one foreign account"}},
	{name: "topic-bucket", make: topic(policy(allow(service("s3.amazonaws.com"), `"Action":"sns:Publish","Resource":"RESOURCE"`, when("StringEquals", "aws:SourceAccount", stockAccount)))), expected: expected{want: "private", why: "the service acts for the own account only"}},
	{name: "topic-deputy", make: topic(policy(allow(service("s3.amazonaws.com"), `"Action":"sns:Publish","Resource":"RESOURCE"`))), expected: expected{want: "tenant", why: "the confused deputy: the service acts for anyone's bucket"}},
}

// secret is a secret of Secrets Manager, under one of the keys of the table where
// one is named: of its policy only somebody may make use who may use the key, too.
type secret struct{ policy, key string }

func (s secret) made(b *builder, h *holding) string {
	client := secretsmanager.NewFromConfig(b.config, func(o *secretsmanager.Options) { o.Region = h.region })
	in := &secretsmanager.CreateSecretInput{Name: &h.name, SecretString: aws.String("nothing")}
	if s.key != "" {
		in.KmsKeyId = aws.String(b.keys[s.key])
	}
	made, err := client.CreateSecret(b.ctx, in)
	b.check("create secret "+h.name, err)
	if s.policy != "" {
		_, err := client.PutResourcePolicy(b.ctx, &secretsmanager.PutResourcePolicyInput{SecretId: made.ARN, ResourcePolicy: &s.policy})
		b.check("put policy of "+h.name, err)
	}
	return h.name
}

const (
	revealing = `"Action":"secretsmanager:GetSecretValue","Resource":"*"`
	deciding  = `"Action":"kms:*","Resource":"*"`
	decipher  = `"Action":["kms:Decrypt","kms:DescribeKey"],"Resource":"*"`
)

// enabling is the policy that KMS gives a key.
var enabling = allow(account(stockAccount), deciding)

// secrets are secrets. Source: AWS Secrets Manager User Guide, "Access AWS Secrets
// Manager secrets from a different account".
var secrets = []holding{
	{name: "secret-silent", make: secret{}.made, expected: expected{want: "private", why: "without a policy the own account only"}},
	{name: "secret-open-default", make: secret{policy: policy(allow(anyone, revealing))}.made, expected: expected{want: "private", why: "the key aws/secretsmanager answers nobody outside the account"}},
	{name: "secret-open", make: secret{policy: policy(allow(anyone, revealing)), key: "key-open"}.made, expected: expected{want: "tenant", why: "both the secret and its key let in any account"}},
	{name: "secret-open-closed-key", make: secret{policy: policy(allow(anyone, revealing)), key: "key-default"}.made, expected: expected{want: "private", why: "the key answers the own account only"}},
	{name: "secret-partner", make: secret{policy: policy(allow(account(stranger), revealing)), key: "key-partner"}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{name: "secret-self", make: secret{policy: policy(allow(account(stockAccount), revealing))}.made, expected: expected{want: "private", why: "the own account"}},
}

// key is a customer-managed key, with a grant where a grantee is given.
type key struct{ policy, grantee string }

func (k key) made(b *builder, h *holding) string {
	client := kms.NewFromConfig(b.config, func(o *kms.Options) { o.Region = h.region })
	in := &kms.CreateKeyInput{Description: &h.name}
	if k.policy != "" {
		in.Policy = &k.policy
	}
	made, err := client.CreateKey(b.ctx, in)
	b.check("create key "+h.name, err)
	id := aws.ToString(made.KeyMetadata.KeyId)
	if k.grantee != "" {
		_, err := client.CreateGrant(b.ctx, &kms.CreateGrantInput{KeyId: &id, GranteePrincipal: &k.grantee, Operations: []kmstypes.GrantOperation{kmstypes.GrantOperationDecrypt}})
		b.check("create grant of "+h.name, err)
	}
	b.keys[h.name] = id
	return id
}

// keys are KMS keys. Source: AWS KMS Developer Guide, "Key policies in AWS KMS",
// "Allowing users in other accounts to use a KMS key", "Grants in AWS KMS".
var keys = []holding{
	{name: "key-default", make: key{}.made, expected: expected{want: "private", why: "the policy that KMS gives a key names the own account"}},
	{name: "key-open", make: key{policy: policy(enabling, allow(anyone, decipher))}.made, expected: expected{want: "tenant", why: "KMS refuses unsigned requests, and anyone can sign"}},
	{name: "key-caller", make: key{policy: policy(enabling, allow(anyone, decipher, when("StringEquals", "kms:CallerAccount", stockAccount)))}.made, expected: expected{want: "private", why: "callers of the own account only"}},
	{name: "key-partner", make: key{policy: policy(enabling, allow(account(stranger), decipher))}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{name: "key-granted", make: key{grantee: "arn:aws:iam::" + stranger + ":role/etl"}.made, expected: expected{want: "shared", why: "a grant to a role of a foreign account"}},
	{name: "key-granted-own", make: key{grantee: "arn:aws:iam::" + stockAccount + ":role/etl"}.made, expected: expected{want: "private", why: "a grant to a role of the own account"}},
}

// repository is an ECR repository.
func repository(text string) func(*builder, *holding) string {
	return func(b *builder, h *holding) string {
		client := ecr.NewFromConfig(b.config, func(o *ecr.Options) { o.Region = h.region })
		_, err := client.CreateRepository(b.ctx, &ecr.CreateRepositoryInput{RepositoryName: &h.name})
		b.check("create repository "+h.name, err)
		if text != "" {
			_, err := client.SetRepositoryPolicy(b.ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: &h.name, PolicyText: &text})
			b.check("put policy of "+h.name, err)
		}
		return h.name
	}
}

const pulling = `"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]`

// repositories are ECR repositories. Source: Amazon ECR User Guide, "Private
// repository policies in Amazon ECR".
var repositories = []holding{
	{name: "images/silent", make: repository(""), expected: expected{want: "private", why: "without a policy the own account only"}},
	{name: "images/open", make: repository(policy(allow(anyone, pulling))), expected: expected{want: "tenant", why: "a private registry refuses unsigned requests, and anyone can sign"}},
	{name: "images/partner", make: repository(policy(allow(account(stranger), pulling))), expected: expected{want: "shared", why: "one foreign account"}},
	{name: "images/organisation", make: repository(policy(allow(anyone, pulling, when("StringEquals", "aws:PrincipalOrgID", "o-exampleorg1")))), expected: expected{want: "shared", why: "an organisation that the account is not in"}},
}

// table is a DynamoDB table.
func table(text string) func(*builder, *holding) string {
	return func(b *builder, h *holding) string {
		client := dynamodb.NewFromConfig(b.config, func(o *dynamodb.Options) { o.Region = h.region })
		made, err := client.CreateTable(b.ctx, &dynamodb.CreateTableInput{
			TableName: &h.name, BillingMode: dynamodbtypes.BillingModePayPerRequest,
			AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: dynamodbtypes.ScalarAttributeTypeS}},
			KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: dynamodbtypes.KeyTypeHash}},
		})
		b.check("create table "+h.name, err)
		if text != "" {
			arn := made.TableDescription.TableArn
			_, err := client.PutResourcePolicy(b.ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: arn, Policy: with(text, aws.ToString(arn))})
			b.check("put policy of "+h.name, err)
		}
		return h.name
	}
}

const querying = `"Action":["dynamodb:GetItem","dynamodb:Query"],"Resource":"RESOURCE"`

// tables are DynamoDB tables. AWS refuses a public policy for one, which moto does
// not; none is tried here. Source: Amazon DynamoDB Developer Guide, "Using
// resource-based policies for DynamoDB", "Blocking public access".
var tables = []holding{
	{name: "table-silent", make: table(""), expected: expected{want: "private", why: "without a policy the own account only"}},
	{name: "table-partner", make: table(policy(allow(account(stranger), querying))), expected: expected{want: "shared", why: "one foreign account"}},
	{name: "table-organisation", make: table(policy(allow(anyone, querying, when("StringEquals", "aws:PrincipalOrgID", "o-exampleorg1")))), expected: expected{want: "shared", why: "an organisation that the account is not in"}},
	{name: "table-self", make: table(policy(allow(account(stockAccount), querying))), expected: expected{want: "private", why: "the own account"}},
}

// stream is a Kinesis data stream.
func stream(text string) func(*builder, *holding) string {
	return func(b *builder, h *holding) string {
		client := kinesis.NewFromConfig(b.config, func(o *kinesis.Options) { o.Region = h.region })
		_, err := client.CreateStream(b.ctx, &kinesis.CreateStreamInput{StreamName: &h.name, ShardCount: aws.Int32(1)})
		b.check("create stream "+h.name, err)
		if text != "" {
			arn := "arn:aws:kinesis:" + h.region + ":" + b.estate.account + ":stream/" + h.name
			_, err := client.PutResourcePolicy(b.ctx, &kinesis.PutResourcePolicyInput{ResourceARN: &arn, Policy: with(text, arn)})
			b.check("put policy of "+h.name, err)
		}
		return h.name
	}
}

const streaming = `"Action":["kinesis:GetRecords","kinesis:GetShardIterator"],"Resource":"RESOURCE"`

// streams are Kinesis data streams. Source: Amazon Kinesis Data Streams Developer
// Guide, "Share your data stream with another account".
var streams = []holding{
	{name: "stream-silent", make: stream(""), expected: expected{want: "private", why: "without a policy the own account only"}},
	{name: "stream-open", make: stream(policy(allow(anyone, streaming))), expected: expected{want: "tenant", why: "Kinesis refuses unsigned requests, and anyone can sign"}},
	{name: "stream-partner", make: stream(policy(allow(account(stranger), streaming))), expected: expected{want: "shared", why: "one foreign account"}},
}

// archive is a Glacier vault, backupVault one of AWS Backup. moto keeps both and
// has no policy of either.
func archive(b *builder, h *holding) string {
	client := glacier.NewFromConfig(b.config, func(o *glacier.Options) { o.Region = h.region })
	_, err := client.CreateVault(b.ctx, &glacier.CreateVaultInput{AccountId: aws.String("-"), VaultName: &h.name})
	b.check("create vault "+h.name, err)
	return h.name
}

func backupVault(b *builder, h *holding) string {
	client := backup.NewFromConfig(b.config, func(o *backup.Options) { o.Region = h.region })
	_, err := client.CreateBackupVault(b.ctx, &backup.CreateBackupVaultInput{BackupVaultName: &h.name})
	b.check("create vault "+h.name, err)
	return h.name
}

// vaults have policies that moto does not know of. What may be in one is then
// unknown, which is what andon has to say.
var vaults = []holding{
	{kind: glacierKind, name: "vault-archive", make: archive, expected: expected{want: "private..tenant", why: "moto does not answer GetVaultAccessPolicy"}},
	{kind: vaultKind, name: "vault-backup", make: backupVault, expected: expected{want: "private..tenant", why: "moto does not answer GetBackupVaultAccessPolicy"}},
}
