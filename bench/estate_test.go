package bench

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/aws"
)

// regions are those that an account has without asking for more, the busiest
// ones by weight: estates are not spread evenly.
var regions = map[string]int{
	"us-east-1": 30, "eu-west-1": 15, "us-west-2": 10, "eu-central-1": 10, "ap-northeast-1": 8, "ap-southeast-2": 5,
	"ap-northeast-2": 2, "ap-northeast-3": 2, "ap-south-1": 2, "ap-southeast-1": 2, "ca-central-1": 2, "eu-north-1": 2,
	"eu-west-2": 2, "eu-west-3": 2, "sa-east-1": 2, "us-east-2": 2, "us-west-1": 2,
}

// holding is how an estate holds one kind of stores: mostly in the usual way,
// every twentieth in the rare one. Both are lines of a collection and an item in
// stock; REGION, NUMBER, SELF and OTHER are filled in.
type holding struct {
	kind        string
	stores      int
	usual, rare string
}

const (
	placed = `VpcSecurityGroups: [{VpcSecurityGroupId: sg-closed, Status: active}], ` +
		`DBSubnetGroup: {DBSubnetGroupName: default, VpcId: vpc-1, Subnets: [{SubnetIdentifier: subnet-1, SubnetAvailabilityZone: {Name: REGIONa}, SubnetStatus: Active}]}`
	instanceLine = `rds.instance {region: REGION, DBInstanceIdentifier: db-NUMBER, DBInstanceArn: "arn:aws:rds:REGION:SELF:db:db-NUMBER", Engine: postgres, ` +
		`DBInstanceStatus: available, PubliclyAccessible: false, NetworkType: IPV4, Endpoint: {Address: db-NUMBER.REGION.rds.amazonaws.com, Port: 5432}, ` +
		`AvailabilityZone: REGIONa, IAMDatabaseAuthenticationEnabled: false, StorageEncrypted: true, ` + placed + `}`
	clusterLine = `rds.cluster {region: REGION, DBClusterIdentifier: cl-ENGINE-NUMBER, DBClusterArn: "arn:aws:rds:REGION:SELF:cluster:cl-ENGINE-NUMBER", Engine: ENGINE, ` +
		`Status: available, Port: 5432, IAMDatabaseAuthenticationEnabled: false, StorageEncrypted: true, ` +
		`VpcSecurityGroups: [{VpcSecurityGroupId: sg-closed, Status: active}], DBSubnetGroup: default, DBClusterMembers: [{DBInstanceIdentifier: in-ENGINE-NUMBER, IsClusterWriter: true}]}` + "\n" +
		`rds.instance {region: REGION, DBInstanceIdentifier: in-ENGINE-NUMBER, DBInstanceArn: "arn:aws:rds:REGION:SELF:db:in-ENGINE-NUMBER", Engine: ENGINE, ` +
		`DBClusterIdentifier: cl-ENGINE-NUMBER, DBInstanceStatus: available, PubliclyAccessible: false, NetworkType: IPV4, ` +
		`Endpoint: {Address: in-ENGINE-NUMBER.REGION.rds.amazonaws.com, Port: 5432}, AvailabilityZone: REGIONa, IAMDatabaseAuthenticationEnabled: false, StorageEncrypted: true, ` + placed + `}`
	warehouseLine = `redshift.cluster {region: REGION, ClusterIdentifier: wh-NUMBER, ClusterStatus: available, PubliclyAccessible: false, Encrypted: true, ` +
		`Endpoint: {Address: wh-NUMBER.REGION.redshift.amazonaws.com, Port: 5439}, VpcId: vpc-1, AvailabilityZone: REGIONa, IpAddressType: ipv4, ` +
		`VpcSecurityGroups: [{VpcSecurityGroupId: sg-closed, Status: active}]}`
	workgroupLine = `redshiftserverless.workgroup {region: REGION, workgroupName: wg-NUMBER, workgroupArn: "arn:aws:redshift-serverless:REGION:SELF:workgroup/wg-NUMBER", ` +
		`status: AVAILABLE, publiclyAccessible: false, port: 5439, ipAddressType: ipv4, securityGroupIds: [sg-closed], subnetIds: [subnet-1]}`
	volumeLine = `ec2.snapshot {region: REGION, SnapshotId: snap-NUMBER, VolumeId: vol-NUMBER, OwnerId: "SELF", StartTime: 2024-05-06T07:08:09.000Z, State: completed, ` +
		`Encrypted: true, KmsKeyId: "arn:aws:kms:REGION:SELF:key/k", CreateVolumePermissions: []}`
	imageLine = `ec2.image {region: REGION, ImageId: ami-NUMBER, Name: image-NUMBER, OwnerId: "SELF", State: available, Public: false, CreationDate: "2024-05-06T07:08:09.000Z", ` +
		`BlockDeviceMappings: [{DeviceName: /dev/xvda, Ebs: {SnapshotId: snap-NUMBER, Encrypted: false}}], LaunchPermissions: []}`
	snapshotLine = `rds.snapshot {region: REGION, DBSnapshotIdentifier: ds-NUMBER, DBSnapshotArn: "arn:aws:rds:REGION:SELF:snapshot:ds-NUMBER", DBInstanceIdentifier: db, ` +
		`Engine: postgres, SnapshotType: manual, Status: available, Encrypted: true, KmsKeyId: "arn:aws:kms:REGION:SELF:key/k", ` +
		`DBSnapshotAttributes: [{AttributeName: restore, AttributeValues: []}]}`
	clusterSnapshotLine = `rds.cluster_snapshot {region: REGION, DBClusterSnapshotIdentifier: cs-NUMBER, DBClusterSnapshotArn: "arn:aws:rds:REGION:SELF:cluster-snapshot:cs-NUMBER", ` +
		`DBClusterIdentifier: cl, Engine: aurora-postgresql, SnapshotType: manual, Status: available, StorageEncrypted: true, KmsKeyId: "arn:aws:kms:REGION:SELF:key/k", ` +
		`DBClusterSnapshotAttributes: [{AttributeName: restore, AttributeValues: []}]}`
	warehouseSnapshotLine = `redshift.snapshot {region: REGION, SnapshotIdentifier: ws-NUMBER, SnapshotArn: "arn:aws:redshift:REGION:SELF:snapshot:wh/ws-NUMBER", ClusterIdentifier: wh, ` +
		`OwnerAccount: "SELF", SnapshotType: manual, Status: available, Encrypted: false}`
	queueLine = `sqs.queue {region: REGION, QueueUrl: "https://sqs.REGION.amazonaws.com/SELF/q-NUMBER", Attributes: {QueueArn: "arn:aws:sqs:REGION:SELF:q-NUMBER", ` +
		`CreatedTimestamp: "1577934245", SqsManagedSseEnabled: "true", Policy: !json {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, ` +
		`Action: "sqs:SendMessage", Resource: "arn:aws:sqs:REGION:SELF:q-NUMBER", Condition: {ArnLike: {"aws:SourceArn": "arn:aws:sns:REGION:SELF:*"}}}]}}}`
	topicLine = `sns.topic {region: REGION, TopicArn: "arn:aws:sns:REGION:SELF:t-NUMBER", Attributes: {TopicArn: "arn:aws:sns:REGION:SELF:t-NUMBER", Owner: "SELF", ` +
		`Policy: !json {Version: 2008-10-17, Statement: [{Sid: __default_statement_ID, Effect: Allow, Principal: {AWS: "*"}, ` +
		`Action: ["SNS:GetTopicAttributes", "SNS:Subscribe", "SNS:Publish"], Resource: "arn:aws:sns:REGION:SELF:t-NUMBER", Condition: {StringEquals: {"AWS:SourceOwner": "SELF"}}}]}}}`
	secretLine = `secretsmanager.secret {region: REGION, ARN: "arn:aws:secretsmanager:REGION:SELF:secret:s-NUMBER-AbCdEf", Name: s-NUMBER, CreatedDate: 1577934245}`
	keyLine    = `kms.key {region: REGION, KeyId: k-NUMBER, KeyArn: "arn:aws:kms:REGION:SELF:key/k-NUMBER", Arn: "arn:aws:kms:REGION:SELF:key/k-NUMBER", KeyManager: CUSTOMER, ` +
		`KeyState: Enabled, CreationDate: 1577934245, Grants: [], Policy: !json {Version: 2012-10-17, Statement: [` + ownRoot + `]}}`
	ownRoot        = `{Sid: Enable IAM User Permissions, Effect: Allow, Principal: {AWS: "arn:aws:iam::SELF:root"}, Action: "kms:*", Resource: "*"}`
	repositoryLine = `ecr.repository {region: REGION, repositoryName: r-NUMBER, repositoryArn: "arn:aws:ecr:REGION:SELF:repository/r-NUMBER", registryId: "SELF", createdAt: 1577934245}`
	tableLine      = `dynamodb.table {region: REGION, TableName: t-NUMBER, TableArn: "arn:aws:dynamodb:REGION:SELF:table/t-NUMBER", TableStatus: ACTIVE, CreationDateTime: 1577934245}`
	streamLine     = `kinesis.stream {region: REGION, StreamName: s-NUMBER, StreamARN: "arn:aws:kinesis:REGION:SELF:stream/s-NUMBER", StreamStatus: ACTIVE, ` +
		`StreamCreationTimestamp: 1577934245, EncryptionType: NONE, Policy: "{}"}`
	archiveLine = `glacier.vault {region: REGION, VaultName: v-NUMBER, VaultARN: "arn:aws:glacier:REGION:SELF:vaults/v-NUMBER", CreationDate: "2020-01-02T03:04:05.000Z", NumberOfArchives: 3}`
	vaultLine   = `backup.vault {region: REGION, BackupVaultName: b-NUMBER, BackupVaultArn: "arn:aws:backup:REGION:SELF:backup-vault:b-NUMBER", CreationDate: 1577934245, ` +
		`EncryptionKeyArn: "arn:aws:kms:REGION:SELF:key/k", Locked: false}`
	domainLine = `opensearch.domain {region: REGION, DomainName: d-NUMBER, DomainId: SELF/d-NUMBER, EngineType: OpenSearch, ARN: "arn:aws:es:REGION:SELF:domain/d-NUMBER", Created: true, Deleted: false, ` +
		`Endpoints: {vpc: vpc-d-NUMBER.REGION.es.amazonaws.com}, VPCOptions: {VPCId: vpc-1, SubnetIds: [subnet-1], SecurityGroupIds: [sg-closed]}, ` +
		`AdvancedSecurityOptions: {Enabled: true, InternalUserDatabaseEnabled: false, AnonymousAuthEnabled: false}, ` +
		`AccessPolicies: !json {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::SELF:root"}, Action: "es:*", Resource: "arn:aws:es:REGION:SELF:domain/d-NUMBER/*"}]}}`
	fileSystemLine = `efs.file_system {region: REGION, FileSystemId: fs-NUMBER, FileSystemArn: "arn:aws:elasticfilesystem:REGION:SELF:file-system/fs-NUMBER", OwnerId: "SELF", ` +
		`CreationTime: 1577934245, CreationToken: NUMBER, LifeCycleState: available, NumberOfMountTargets: 1, PerformanceMode: generalPurpose, SizeInBytes: {Value: 6144}, Tags: [], Encrypted: true}` + "\n" +
		`efs.mount_target {region: REGION, MountTargetId: fsmt-NUMBER, FileSystemId: fs-NUMBER, SubnetId: subnet-1, VpcId: vpc-1, OwnerId: "SELF", LifeCycleState: available, SecurityGroups: [sg-closed]}`
)

// other is a policy's statement for another account.
func other(action, resource string) string {
	return `!json {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::OTHER:root"}, Action: "` + action + `", Resource: "` + resource + `"}]}`
}

// changed replaces words of a line, given in pairs; others add a member.
func changed(line string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(line) }

func with(line, member string) string { return strings.TrimSuffix(line, "}") + ", " + member + "}" }

// public opens a database to the internet.
func public(line string) string {
	return changed(line, "ccessible: false", "ccessible: true", "sg-closed", "sg-open")
}

// holdings are what estates are full of: snapshots, queues, secrets, and hardly
// any databases. What is left of the stores are buckets.
var holdings = []holding{
	{"aws.ebs.snapshot", 1800, volumeLine, changed(volumeLine, "Encrypted: true", "Encrypted: false", "Permissions: []", "Permissions: [{Group: all}]")},
	{"aws.ec2.image", 500, imageLine, changed(imageLine, "Public: false", "Public: true", "Permissions: []", "Permissions: [{Group: all}]")},
	{"aws.rds.snapshot", 700, snapshotLine, changed(snapshotLine, "Encrypted: true", "Encrypted: false", "Values: []", "Values: [all]")},
	{"aws.rds.cluster_snapshot", 300, clusterSnapshotLine, changed(clusterSnapshotLine, "Encrypted: true", "Encrypted: false", "Values: []", "Values: [all]")},
	{"aws.redshift.snapshot", 100, warehouseSnapshotLine, with(warehouseSnapshotLine, `AccountsWithRestoreAccess: [{AccountId: "OTHER"}]`)},
	{"aws.rds.instance", 300, instanceLine, public(instanceLine)},
	{"aws.aurora.cluster", 120, changed(clusterLine, "ENGINE", "aurora-postgresql"), public(changed(clusterLine, "ENGINE", "aurora-postgresql"))},
	{"aws.rds.cluster", 20, changed(clusterLine, "ENGINE", "postgres"), public(changed(clusterLine, "ENGINE", "postgres"))},
	{"aws.documentdb.cluster", 20, changed(clusterLine, "ENGINE", "docdb"), changed(clusterLine, "ENGINE", "docdb")},
	{"aws.neptune.cluster", 20, changed(clusterLine, "ENGINE", "neptune"), public(changed(clusterLine, "ENGINE", "neptune"))},
	{"aws.redshift.cluster", 20, warehouseLine, public(warehouseLine)},
	{"aws.redshift_serverless.workgroup", 20, workgroupLine, public(workgroupLine)},
	{"aws.sqs.queue", 1200, queueLine, changed(queueLine, "Service: sns.amazonaws.com", `AWS: "*"`, `, Condition: {ArnLike: {"aws:SourceArn": "arn:aws:sns:REGION:SELF:*"}}`, "")},
	{"aws.sns.topic", 700, topicLine, changed(topicLine, "Subscribe\", ", "Subscribe\", \"SNS:Receive\", ", `"AWS:SourceOwner": "SELF"`, `"AWS:SourceOwner": "OTHER"`)},
	{"aws.secretsmanager.secret", 1200, secretLine, with(secretLine, `KmsKeyId: "arn:aws:kms:REGION:SELF:key/shared", ResourcePolicy: `+other("secretsmanager:GetSecretValue", "*"))},
	{"aws.kms.key", 400, keyLine, changed(keyLine, ownRoot, ownRoot+`, {Effect: Allow, Principal: {AWS: "arn:aws:iam::OTHER:root"}, Action: "kms:Decrypt", Resource: "*"}`)},
	{"aws.ecr.repository", 300, repositoryLine, with(repositoryLine, `policyText: !json {Version: 2012-10-17, Statement: [{Effect: Allow, Principal: {AWS: "arn:aws:iam::OTHER:root"}, Action: "ecr:BatchGetImage"}]}`)},
	{"aws.dynamodb.table", 400, tableLine, with(tableLine, "Policy: "+other("dynamodb:GetItem", "arn:aws:dynamodb:REGION:SELF:table/t-NUMBER"))},
	{"aws.kinesis.stream", 100, streamLine, changed(streamLine, `"{}"`, other("kinesis:GetRecords", "arn:aws:kinesis:REGION:SELF:stream/s-NUMBER"))},
	{"aws.glacier.vault", 20, archiveLine, with(archiveLine, "Policy: "+other("glacier:GetJobOutput", "arn:aws:glacier:REGION:SELF:vaults/v-NUMBER"))},
	{"aws.backup.vault", 60, vaultLine, with(vaultLine, "Policy: "+other("backup:CopyIntoBackupVault", "*"))},
	{"aws.opensearch.domain", 40, domainLine, changed(
		domainLine, "VPCOptions: {VPCId: vpc-1, SubnetIds: [subnet-1], SecurityGroupIds: [sg-closed]}, ", "", "Endpoints: {vpc: vpc-d", "Endpoints: {public: d",
		`"arn:aws:iam::SELF:root"`, `"*"`,
	)},
	{"aws.efs.file_system", 60, fileSystemLine, fileSystemLine},
}

// network is what each region has of it: one subnet that leads to the internet,
// a group that lets everybody in and one that lets nobody in.
const network = `ec2.subnet {region: REGION, SubnetId: subnet-1, VpcId: vpc-1, AvailabilityZone: REGIONa, BlockPublicAccessStates: {InternetGatewayBlockMode: "off"}}
ec2.route_table {region: REGION, RouteTableId: rtb-1, VpcId: vpc-1, Associations: [{SubnetId: subnet-1, AssociationState: {State: associated}, Main: false}], Routes: [{DestinationCidrBlock: 10.0.0.0/16, GatewayId: local, State: active}, {DestinationCidrBlock: 0.0.0.0/0, GatewayId: igw-1, State: active}]}
ec2.network_acl {region: REGION, NetworkAclId: acl-1, VpcId: vpc-1, IsDefault: true, Associations: [{NetworkAclId: acl-1, SubnetId: subnet-1}], Entries: [{RuleNumber: 100, RuleAction: allow, Egress: false, Protocol: "-1", CidrBlock: 0.0.0.0/0}, {RuleNumber: 100, RuleAction: allow, Egress: true, Protocol: "-1", CidrBlock: 0.0.0.0/0}]}
ec2.security_group {region: REGION, GroupId: sg-open, VpcId: vpc-1, IpPermissions: [{IpProtocol: "-1", IpRanges: [{CidrIp: 0.0.0.0/0}]}]}
ec2.security_group {region: REGION, GroupId: sg-closed, VpcId: vpc-1, IpPermissions: []}
kms.key {region: REGION, KeyId: shared, KeyArn: "arn:aws:kms:REGION:SELF:key/shared", Arn: "arn:aws:kms:REGION:SELF:key/shared", KeyManager: CUSTOMER, KeyState: Enabled, CreationDate: 1577934245, Grants: [], Policy: !json {Version: 2012-10-17, Statement: [` + ownRoot + `]}}`

// self is the account of an estate.
const self = "123456789012"

// exists reports whether there is a kind of that name.
func exists(kind string) bool {
	return slices.ContainsFunc(aws.Kinds(), func(k *collect.Kind) bool { return string(k.Name) == kind })
}

// estate is the world of one account with as many stores in all its regions: the
// holdings of the kinds that andon collects, and buckets.
func estate(stores int) string {
	names, draw := slices.Sorted(maps.Keys(regions)), rand.New(rand.NewPCG(1, 2))
	var spread []string
	for _, name := range names {
		spread = append(spread, slices.Repeat([]string{name}, regions[name])...)
	}
	stock := make(map[string]*strings.Builder)
	put := func(lines, region string, number int) {
		lines = changed(lines, "REGION", region, "NUMBER", fmt.Sprintf("%05d", number), "SELF", self, "OTHER", "999999999999")
		for line := range strings.Lines(lines) {
			collection, item, _ := strings.Cut(strings.TrimSpace(line), " ")
			if stock[collection] == nil {
				stock[collection] = new(strings.Builder)
			}
			stock[collection].WriteString("    - " + item + "\n")
		}
	}
	left := stores
	for _, name := range names {
		put(network, name, 0)
		if exists("aws.kms.key") {
			left--
		}
	}
	for _, h := range holdings {
		if !exists(h.kind) {
			continue
		}
		for i := range h.stores {
			line := h.usual
			if i%20 == 0 {
				line = h.rare
			}
			put(line, spread[draw.IntN(len(spread))], i)
		}
		left -= h.stores
	}
	out := strings.Builder{}
	out.WriteString(emptyEstate())
	fmt.Fprintf(&out, "  generate: {buckets: %d, seed: 1}\n  stock:\n", left)
	for _, collection := range slices.Sorted(maps.Keys(stock)) {
		fmt.Fprintf(&out, "    %s:\n%s", collection, stock[collection])
	}
	return out.String()
}

// emptyEstate is the same account without anything in it.
func emptyEstate() string {
	return fmt.Sprintf("accounts:\n- id: %q\n  regions: [%s]\n", self, strings.Join(slices.Sorted(maps.Keys(regions)), ", "))
}
