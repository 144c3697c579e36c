package awstest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// stockCalls are the calls over what is in stock, by service. Adding one is
// adding a row; its collection then may stand in worlds.
var stockCalls = slices.Concat(
	ec2Calls, rdsCalls, redshiftCalls, openSearchCalls, efsCalls,
	sqsCalls, snsCalls, secretCalls, kmsCalls, ecrCalls, dynamoCalls, kinesisCalls, glacierCalls, backupCalls,
)

// stockCallsByName are the rows by the call they answer.
var stockCallsByName = func() map[string]stockCall {
	rows := make(map[string]stockCall, len(stockCalls))
	for _, c := range stockCalls {
		rows[c.call] = c
	}
	return rows
}()

func badRequest(code string) failure { return failure{http.StatusBadRequest, code} }
func notFound(code string) failure   { return failure{http.StatusNotFound, code} }

var ec2Calls = []stockCall{
	{
		call: "ec2:DescribeSubnets", of: "ec2.subnet", list: "Subnets", by: "SubnetId", key: "SubnetId",
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidSubnetID.NotFound"),
		filters: map[string]string{"vpc-id": "VpcId", "subnet-id": "SubnetId"},
	},
	{
		call: "ec2:DescribeRouteTables", of: "ec2.route_table", list: "RouteTables", by: "RouteTableId", key: "RouteTableId",
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidRouteTableID.NotFound"),
		filters: map[string]string{"vpc-id": "VpcId"},
	},
	{
		call: "ec2:DescribeNetworkAcls", of: "ec2.network_acl", list: "NetworkAcls", by: "NetworkAclId", key: "NetworkAclId",
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidNetworkAclID.NotFound"),
		filters: map[string]string{"vpc-id": "VpcId"},
	},
	{
		call: "ec2:DescribeSecurityGroups", of: "ec2.security_group", list: "SecurityGroups", by: "GroupId", key: "GroupId",
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidGroup.NotFound"),
		filters: map[string]string{"vpc-id": "VpcId", "group-id": "GroupId"},
	},
	{
		call: "ec2:DescribeVpcs", of: "ec2.vpc", list: "Vpcs", by: "VpcId", key: "VpcId",
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidVpcID.NotFound"),
		filters: map[string]string{"vpc-id": "VpcId"},
	},
	{
		call: "ec2:DescribeNetworkInterfaces", of: "ec2.network_interface", list: "NetworkInterfaces", by: "NetworkInterfaceId", key: "NetworkInterfaceId",
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidNetworkInterfaceID.NotFound"),
		filters: map[string]string{
			"vpc-id": "VpcId", "subnet-id": "SubnetId", "group-id": "Groups.GroupId", "association.public-ip": "Association.PublicIp",
			"description": "Description", "requester-id": "RequesterId",
		},
	},
	{
		call: "ec2:DescribeManagedPrefixLists", of: "ec2.prefix_list", list: "PrefixLists", by: "PrefixListId", key: "PrefixListId", hide: []string{"Entries"},
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidPrefixListID.NotFound"),
	},
	{
		call: "ec2:GetManagedPrefixListEntries", of: "ec2.prefix_list", by: "PrefixListId", key: "PrefixListId", show: []string{"Entries"},
		missing: badRequest("InvalidPrefixListID.NotFound"),
	},
	{
		call: "ec2:DescribeSnapshots", of: "ec2.snapshot", list: "Snapshots", by: "SnapshotId", key: "SnapshotId", hide: []string{"CreateVolumePermissions"},
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidSnapshot.NotFound"), only: restorable,
	},
	{
		call: "ec2:DescribeSnapshotAttribute", of: "ec2.snapshot", by: "SnapshotId", key: "SnapshotId", show: []string{"SnapshotId", "CreateVolumePermissions"},
		missing: badRequest("InvalidSnapshot.NotFound"),
	},
	{
		call: "ec2:GetSnapshotBlockPublicAccessState", of: "ec2.snapshot_block_public_access",
		unset: [][2]string{{"State", "unblocked"}, {"ManagedBy", "account"}},
	},
	{
		call: "ec2:DescribeImages", of: "ec2.image", list: "Images", by: "ImageId", key: "ImageId", hide: []string{"LaunchPermissions"},
		limit: "MaxResults", token: "NextToken", next: "NextToken", missing: badRequest("InvalidAMIID.NotFound"), only: launchable,
	},
	{
		call: "ec2:DescribeImageAttribute", of: "ec2.image", by: "ImageId", key: "ImageId", show: []string{"ImageId", "LaunchPermissions"},
		missing: badRequest("InvalidAMIID.NotFound"),
	},
	{
		call: "ec2:GetImageBlockPublicAccessState", of: "ec2.image_block_public_access",
		unset: [][2]string{{"ImageBlockPublicAccessState", "unblocked"}, {"ManagedBy", "account"}},
	},
}

// restorable answers who asks for the snapshots that anybody may restore.
func restorable(q *request, i *item) bool {
	by := q.values("RestorableBy")
	return !slices.Contains(by, "all") || i.Public || slices.Contains(i.all("CreateVolumePermissions.Group"), "all")
}

// launchable leaves out disabled images where the request does not ask for them.
func launchable(q *request, i *item) bool {
	return i.get("State") != "disabled" || q.params.Get("IncludeDisabled") == "true"
}

// ofSnapshotType answers who asks for the snapshots of one type. What does not
// say was made by hand.
func ofSnapshotType(q *request, i *item) bool {
	asked := q.params.Get("SnapshotType")
	return asked == "" || asked == cmp.Or(i.get("SnapshotType"), "manual")
}

var rdsCalls = []stockCall{
	{
		call: "rds:DescribeDBInstances", of: "rds.instance", list: "DBInstances", by: "DBInstanceIdentifier", key: "DBInstanceIdentifier",
		limit: "MaxRecords", token: "Marker", next: "Marker", missing: notFound("DBInstanceNotFound"),
	},
	{
		call: "rds:DescribeDBClusters", of: "rds.cluster", list: "DBClusters", by: "DBClusterIdentifier", key: "DBClusterIdentifier",
		limit: "MaxRecords", token: "Marker", next: "Marker", missing: notFound("DBClusterNotFoundFault"),
	},
	{
		call: "rds:DescribeDBSnapshots", of: "rds.snapshot", list: "DBSnapshots", by: "DBSnapshotIdentifier", key: "DBSnapshotIdentifier",
		hide: []string{"DBSnapshotAttributes"}, only: ofSnapshotType, limit: "MaxRecords", token: "Marker", next: "Marker", missing: notFound("DBSnapshotNotFound"),
	},
	{
		call: "rds:DescribeDBSnapshotAttributes", of: "rds.snapshot", in: "DBSnapshotAttributesResult", by: "DBSnapshotIdentifier", key: "DBSnapshotIdentifier",
		show: []string{"DBSnapshotIdentifier", "DBSnapshotAttributes"}, missing: notFound("DBSnapshotNotFound"),
	},
	{
		call: "rds:DescribeDBClusterSnapshots", of: "rds.cluster_snapshot", list: "DBClusterSnapshots", by: "DBClusterSnapshotIdentifier", key: "DBClusterSnapshotIdentifier",
		hide: []string{"DBClusterSnapshotAttributes"}, only: ofSnapshotType, limit: "MaxRecords", token: "Marker", next: "Marker", missing: notFound("DBClusterSnapshotNotFoundFault"),
	},
	{
		call: "rds:DescribeDBClusterSnapshotAttributes", of: "rds.cluster_snapshot", in: "DBClusterSnapshotAttributesResult", by: "DBClusterSnapshotIdentifier", key: "DBClusterSnapshotIdentifier",
		show: []string{"DBClusterSnapshotIdentifier", "DBClusterSnapshotAttributes"}, missing: notFound("DBClusterSnapshotNotFoundFault"),
	},
}

var redshiftCalls = []stockCall{
	{
		call: "redshift:DescribeClusters", of: "redshift.cluster", list: "Clusters", by: "ClusterIdentifier", key: "ClusterIdentifier",
		limit: "MaxRecords", token: "Marker", next: "Marker", missing: notFound("ClusterNotFound"),
	},
	{
		call: "redshift:DescribeClusterSnapshots", of: "redshift.snapshot", list: "Snapshots", by: "SnapshotIdentifier", key: "SnapshotIdentifier",
		limit: "MaxRecords", token: "Marker", next: "Marker", missing: notFound("ClusterSnapshotNotFound"), only: ofSnapshotType,
	},
	{
		call: "redshift:DescribeClusterSubnetGroups", of: "redshift.subnet_group", list: "ClusterSubnetGroups", by: "ClusterSubnetGroupName", key: "ClusterSubnetGroupName",
		limit: "MaxRecords", token: "Marker", next: "Marker", missing: badRequest("ClusterSubnetGroupNotFoundFault"),
	},
	{
		call: "redshiftserverless:ListWorkgroups", of: "redshiftserverless.workgroup", list: "workgroups", key: "workgroupName",
		limit: "maxResults", token: "nextToken", next: "nextToken",
	},
	{
		call: "redshiftserverless:GetWorkgroup", of: "redshiftserverless.workgroup", in: "workgroup", by: "workgroupName", key: "workgroupName",
		missing: badRequest("ResourceNotFoundException"),
	},
}

var openSearchCalls = []stockCall{
	{call: "opensearch:ListDomainNames", of: "opensearch.domain", list: "DomainNames", key: "DomainName", show: []string{"DomainName", "EngineType"}},
	{
		call: "opensearch:DescribeDomains", of: "opensearch.domain", list: "DomainStatusList", by: "DomainNames", key: "DomainName",
		hide: []string{"EngineType"}, only: there,
	},
}

// there leaves out what is gone, as calls do that say nothing about it.
func there(_ *request, i *item) bool { return !i.Gone }

var efsCalls = []stockCall{
	{
		call: "efs:DescribeFileSystems", of: "efs.file_system", list: "FileSystems", by: "FileSystemId", key: "FileSystemId", hide: []string{"Policy"},
		limit: "MaxItems", token: "Marker", next: "NextMarker", missing: notFound("FileSystemNotFound"),
	},
	{
		call: "efs:DescribeFileSystemPolicy", of: "efs.file_system", by: "FileSystemId", key: "FileSystemId", show: []string{"Policy"},
		missing: notFound("FileSystemNotFound"), absent: notFound("PolicyNotFound"),
	},
	{
		call: "efs:DescribeMountTargets", of: "efs.mount_target", list: "MountTargets", by: "FileSystemId", key: "FileSystemId",
		hide: []string{"SecurityGroups"},
	},
	{
		call: "efs:DescribeMountTargetSecurityGroups", of: "efs.mount_target", by: "MountTargetId", key: "MountTargetId", show: []string{"SecurityGroups"},
		missing: notFound("MountTargetNotFound"),
	},
}

var sqsCalls = []stockCall{
	{
		call: "sqs:ListQueues", of: "sqs.queue", list: "QueueUrls", bare: true, key: "QueueUrl",
		limit: "MaxResults", token: "NextToken", next: "NextToken",
	},
	{
		call: "sqs:GetQueueAttributes", of: "sqs.queue", by: "QueueUrl", key: "QueueUrl", show: []string{"Attributes"},
		missing: badRequest("AWS.SimpleQueueService.NonExistentQueue"),
	},
}

var snsCalls = []stockCall{
	{call: "sns:ListTopics", of: "sns.topic", list: "Topics", key: "TopicArn", show: []string{"TopicArn"}, token: "NextToken", next: "NextToken"},
	{
		call: "sns:GetTopicAttributes", of: "sns.topic", by: "TopicArn", key: "TopicArn", show: []string{"Attributes"},
		missing: notFound("NotFound"),
	},
}

var secretCalls = []stockCall{
	{
		call: "secretsmanager:ListSecrets", of: "secretsmanager.secret", list: "SecretList", key: "ARN", hide: []string{"ResourcePolicy"},
		limit: "MaxResults", token: "NextToken", next: "NextToken",
	},
	{
		call: "secretsmanager:GetResourcePolicy", of: "secretsmanager.secret", by: "SecretId", key: "ARN", show: []string{"ARN", "Name", "ResourcePolicy"},
		missing: badRequest("ResourceNotFoundException"),
	},
}

var kmsCalls = []stockCall{
	{
		call: "kms:ListKeys", of: "kms.key", list: "Keys", key: "KeyId", show: []string{"KeyId", "KeyArn"},
		limit: "Limit", token: "Marker", next: "NextMarker",
	},
	{
		call: "kms:ListAliases", of: "kms.alias", list: "Aliases", key: "AliasName",
		limit: "Limit", token: "Marker", next: "NextMarker",
	},
	{
		call: "kms:DescribeKey", of: "kms.key", in: "KeyMetadata", by: "KeyId", key: "KeyId", hide: []string{"KeyArn", "Policy", "Grants"},
		missing: badRequest("NotFoundException"),
	},
	{
		call: "kms:GetKeyPolicy", of: "kms.key", by: "KeyId", key: "KeyId", show: []string{"Policy"},
		missing: badRequest("NotFoundException"),
	},
	{
		call: "kms:ListGrants", of: "kms.key", by: "KeyId", key: "KeyId", show: []string{"Grants"},
		missing: badRequest("NotFoundException"),
	},
}

var ecrCalls = []stockCall{
	{
		call: "ecr:DescribeRepositories", of: "ecr.repository", list: "repositories", key: "repositoryName", hide: []string{"policyText"},
		limit: "maxResults", token: "nextToken", next: "nextToken",
	},
	{
		call: "ecr:GetRepositoryPolicy", of: "ecr.repository", by: "repositoryName", key: "repositoryName", show: []string{"policyText"},
		missing: badRequest("RepositoryNotFoundException"), absent: badRequest("RepositoryPolicyNotFoundException"),
	},
}

var dynamoCalls = []stockCall{
	{
		call: "dynamodb:ListTables", of: "dynamodb.table", list: "TableNames", bare: true, key: "TableName",
		limit: "Limit", token: "ExclusiveStartTableName", next: "LastEvaluatedTableName",
	},
	{
		call: "dynamodb:GetResourcePolicy", of: "dynamodb.table", by: "ResourceArn", key: "TableArn", show: []string{"Policy"},
		missing: badRequest("ResourceNotFoundException"), absent: badRequest("PolicyNotFoundException"),
	},
	{
		call: "dynamodb:DescribeTable", of: "dynamodb.table", in: "Table", by: "TableName", key: "TableName", hide: []string{"Policy"},
		missing: badRequest("ResourceNotFoundException"),
	},
}

var kinesisCalls = []stockCall{
	{
		call: "kinesis:ListStreams", of: "kinesis.stream", list: "StreamSummaries", key: "StreamName",
		hide:  []string{"Policy", "EncryptionType", "KeyId"},
		limit: "Limit", token: "NextToken", next: "NextToken",
	},
	{
		call: "kinesis:GetResourcePolicy", of: "kinesis.stream", by: "ResourceARN", key: "StreamARN", show: []string{"Policy"},
		missing: badRequest("ResourceNotFoundException"),
	},
	{
		call: "kinesis:DescribeStreamSummary", of: "kinesis.stream", in: "StreamDescriptionSummary", by: "StreamARN", key: "StreamARN",
		hide: []string{"Policy"}, missing: badRequest("ResourceNotFoundException"),
	},
}

var glacierCalls = []stockCall{
	{
		call: "glacier:ListVaults", of: "glacier.vault", list: "VaultList", key: "VaultName", hide: []string{"Policy"},
		limit: "limit", token: "marker", next: "Marker",
	},
	{
		call: "glacier:GetVaultAccessPolicy", of: "glacier.vault", by: "vaultName", key: "VaultName", show: []string{"Policy"},
		missing: notFound("ResourceNotFoundException"), absent: notFound("ResourceNotFoundException"),
	},
	{
		call: "glacier:GetVaultLock", of: "glacier.lock", by: "vaultName", key: "VaultName", hide: []string{"VaultName"},
		missing: notFound("ResourceNotFoundException"),
	},
}

var backupCalls = []stockCall{
	{
		call: "backup:ListBackupVaults", of: "backup.vault", list: "BackupVaultList", key: "BackupVaultName", hide: []string{"Policy"},
		limit: "maxResults", token: "nextToken", next: "NextToken",
	},
	{
		call: "backup:GetBackupVaultAccessPolicy", of: "backup.vault", by: "backupVaultName", key: "BackupVaultName",
		show: []string{"Policy"}, missing: badRequest("ResourceNotFoundException"), absent: badRequest("ResourceNotFoundException"),
	},
}

// stockNamespaces are the XML namespaces of the services that answer in XML.
var stockNamespaces = map[string]string{
	"ec2":      "http://ec2.amazonaws.com/doc/2016-11-15/",
	"rds":      "http://rds.amazonaws.com/doc/2014-10-31/",
	"redshift": "http://redshift.amazonaws.com/doc/2012-12-01/",
	"sns":      "http://sns.amazonaws.com/doc/2010-03-31/",
}

// stockXML says how members look in XML where that is not the rule: the name of
// a list, what its entries are called, which members are maps. A call's own row
// ("ec2:DescribeImages.State") goes before its service's.
var stockXML = map[string]xmlForm{
	"ec2.Subnets":            {name: "subnetSet"},
	"ec2.RouteTables":        {name: "routeTableSet"},
	"ec2.Routes":             {name: "routeSet"},
	"ec2.Associations":       {name: "associationSet"},
	"ec2.NetworkAcls":        {name: "networkAclSet"},
	"ec2.Entries":            {name: "entrySet"},
	"ec2.IsDefault":          {name: "default"},
	"ec2.SecurityGroups":     {name: "securityGroupInfo"},
	"ec2.UserIdGroupPairs":   {name: "groups"},
	"ec2.Groups":             {name: "groupSet"},
	"ec2.Tags":               {name: "tagSet"},
	"ec2.Vpcs":               {name: "vpcSet"},
	"ec2.NetworkInterfaces":  {name: "networkInterfaceSet"},
	"ec2.PrefixLists":        {name: "prefixListSet"},
	"ec2.PrivateIpAddresses": {name: "privateIpAddressesSet"},
	"ec2.Ipv6Addresses":      {name: "ipv6AddressesSet"},

	"ec2:DescribeSnapshots.Snapshots":                       {name: "snapshotSet"},
	"ec2:DescribeSnapshots.State":                           {name: "status"},
	"ec2:DescribeSnapshotAttribute.CreateVolumePermissions": {name: "createVolumePermission"},
	"ec2:DescribeImageAttribute.LaunchPermissions":          {name: "launchPermission"},
	"ec2:DescribeImages.Images":                             {name: "imagesSet"},
	"ec2:DescribeImages.Public":                             {name: "isPublic"},
	"ec2:DescribeImages.State":                              {name: "imageState"},
	"ec2:DescribeImages.OwnerId":                            {name: "imageOwnerId"},
	"ec2:DescribeImages.BlockDeviceMappings":                {name: "blockDeviceMapping"},

	"rds.DBInstances":                 {item: "DBInstance"},
	"rds.DBClusters":                  {item: "DBCluster"},
	"rds.DBClusterMembers":            {item: "DBClusterMember"},
	"rds.DBSnapshots":                 {item: "DBSnapshot"},
	"rds.DBClusterSnapshots":          {item: "DBClusterSnapshot"},
	"rds.DBSnapshotAttributes":        {item: "DBSnapshotAttribute"},
	"rds.DBClusterSnapshotAttributes": {item: "DBClusterSnapshotAttribute"},
	"rds.AttributeValues":             {item: "AttributeValue"},
	"rds.VpcSecurityGroups":           {item: "VpcSecurityGroupMembership"},
	"rds.Subnets":                     {item: "Subnet"},
	"rds.AvailabilityZones":           {item: "AvailabilityZone"},
	"rds.TagList":                     {item: "Tag"},

	"redshift.Clusters":                  {item: "Cluster"},
	"redshift.VpcSecurityGroups":         {item: "VpcSecurityGroup"},
	"redshift.Snapshots":                 {item: "Snapshot"},
	"redshift.AccountsWithRestoreAccess": {item: "AccountWithRestoreAccess"},
	"redshift.ClusterSubnetGroups":       {item: "ClusterSubnetGroup"},
	"redshift.Subnets":                   {item: "Subnet"},
	"redshift.Tags":                      {item: "Tag"},

	"sns.Attributes": {entries: true},
}

// signingNames are the services whose credential scope differs from the name
// that their calls go by.
var signingNames = map[string]string{
	"redshift-serverless": "redshiftserverless",
	"es":                  "opensearch",
	"elasticfilesystem":   "efs",
}

// route is a call of a service that has paths: {} takes a parameter's value.
type route struct{ method, path, operation string }

var routes = map[string][]route{
	"opensearch": {
		{http.MethodGet, "/2021-01-01/domain", "ListDomainNames"},
		{http.MethodPost, "/2021-01-01/opensearch/domain-info", "DescribeDomains"},
	},
	"efs": {
		{http.MethodGet, "/2015-02-01/file-systems", "DescribeFileSystems"},
		{http.MethodGet, "/2015-02-01/file-systems/{FileSystemId}/policy", "DescribeFileSystemPolicy"},
		{http.MethodGet, "/2015-02-01/mount-targets", "DescribeMountTargets"},
		{http.MethodGet, "/2015-02-01/mount-targets/{MountTargetId}/security-groups", "DescribeMountTargetSecurityGroups"},
	},
	"backup": {
		{http.MethodGet, "/backup-vaults", "ListBackupVaults"},
		{http.MethodGet, "/backup-vaults/{backupVaultName}/access-policy", "GetBackupVaultAccessPolicy"},
	},
	"glacier": {
		{http.MethodGet, "/{account}/vaults", "ListVaults"},
		{http.MethodGet, "/{account}/vaults/{vaultName}/access-policy", "GetVaultAccessPolicy"},
		{http.MethodGet, "/{account}/vaults/{vaultName}/lock-policy", "GetVaultLock"},
	},
}

// readRoute reads a call of a service that answers JSON at paths.
func (q *request) readRoute(r *http.Request, service string, body []byte) bool {
	for _, to := range routes[service] {
		given, ok := to.match(r.Method, r.URL.EscapedPath())
		if !ok {
			continue
		}
		for name, values := range scalars(body) {
			q.params[name] = values
		}
		for name, value := range given {
			q.params.Set(name, value)
			q.subject = value
		}
		q.protocol, q.service, q.operation = restJSON, service, to.operation
		return true
	}
	return false
}

func (to route) match(method, path string) (map[string]string, bool) {
	wanted, parts := strings.Split(to.path, "/"), strings.Split(strings.TrimSuffix(path, "/"), "/")
	if method != to.method || len(wanted) != len(parts) {
		return nil, false
	}
	given := map[string]string{}
	for i, part := range parts {
		name, isName := strings.CutPrefix(strings.TrimSuffix(wanted[i], "}"), "{")
		if !isName && part != wanted[i] {
			return nil, false
		}
		if value, err := url.PathUnescape(part); isName && err == nil {
			given[name] = value
		}
	}
	return given, true
}
