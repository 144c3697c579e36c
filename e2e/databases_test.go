//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/opensearch"
	opensearchtypes "github.com/aws/aws-sdk-go-v2/service/opensearch/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
)

// The kinds that listen somewhere.
const (
	instanceKind  = "aws.rds.instance"
	clusterKind   = "aws.rds.cluster"
	auroraKind    = "aws.aurora.cluster"
	documentKind  = "aws.documentdb.cluster"
	neptuneKind   = "aws.neptune.cluster"
	warehouseKind = "aws.redshift.cluster"
	workgroupKind = "aws.redshift_serverless.workgroup"
	domainKind    = "aws.opensearch.domain"
	fileKind      = "aws.efs.file_system"
)

// holding is a store of another service than S3.
type holding struct {
	kind, name, region string
	// make creates it and returns what andon calls it, where AWS chose the name.
	make func(*builder, *holding) string

	expected
}

// database is an RDS instance.
type database struct {
	engine string // "" is PostgreSQL
	hidden bool   // not publicly accessible
	place  string // "" is public
	zone   string // "" is a
	groups string // security groups, by name, separated by spaces
	port   int32
}

func (d database) made(b *builder, h *holding) string {
	in := &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &h.name, DBInstanceClass: aws.String("db.t4g.micro"), Engine: aws.String(cmp.Or(d.engine, "postgres")), AllocatedStorage: aws.Int32(20),
		MasterUsername: aws.String("postgres"), MasterUserPassword: aws.String("only-moto-hears-this"), PubliclyAccessible: aws.Bool(!d.hidden),
		AvailabilityZone: aws.String(h.region + cmp.Or(d.zone, "a")), DBSubnetGroupName: aws.String(cmp.Or(d.place, "public")), VpcSecurityGroupIds: b.groups(d.place, d.groups),
	}
	if d.port != 0 {
		in.Port = &d.port
	}
	_, err := b.rds(h.region).CreateDBInstance(b.ctx, in)
	b.check("create database "+h.name, err)
	return h.name
}

// dbCluster is a cluster of RDS with its instances: a multi-AZ one, Aurora or
// Neptune. Of a multi-AZ one, AWS makes the instances by itself, and moto does not.
type dbCluster struct {
	engine         string // "" is PostgreSQL, multi-AZ
	public, hidden int    // how many instances
	place, groups  string
}

func (d dbCluster) made(b *builder, h *holding) string {
	client, engine, group := b.rds(h.region), cmp.Or(d.engine, "postgres"), cmp.Or(d.place, "public")
	in := &rds.CreateDBClusterInput{
		DBClusterIdentifier: &h.name, Engine: &engine, MasterUsername: aws.String("postgres"), MasterUserPassword: aws.String("only-moto-hears-this"),
		DBSubnetGroupName: &group, VpcSecurityGroupIds: b.groups(d.place, d.groups),
	}
	if d.engine == "" {
		in.DBClusterInstanceClass, in.AllocatedStorage, in.PubliclyAccessible = aws.String("db.m5d.large"), aws.Int32(100), aws.Bool(d.public > 0)
	}
	_, err := client.CreateDBCluster(b.ctx, in)
	b.check("create cluster "+h.name, err)
	found, err := client.DescribeDBSubnetGroups(b.ctx, &rds.DescribeDBSubnetGroupsInput{DBSubnetGroupName: &group})
	b.check("describe subnet group "+group, err)
	estateMemory.stand(h.name, subnetGroup(found.DBSubnetGroups[0]))
	for i := range d.public + d.hidden {
		_, err := client.CreateDBInstance(b.ctx, &rds.CreateDBInstanceInput{
			DBInstanceIdentifier: aws.String(fmt.Sprintf("%s-%d", h.name, i)), DBClusterIdentifier: &h.name, Engine: &engine,
			DBInstanceClass: aws.String("db.r6g.large"), PubliclyAccessible: aws.Bool(i < d.public),
		})
		b.check("create instance of "+h.name, err)
	}
	return h.name
}

// warehouse is a Redshift cluster.
type warehouse struct {
	hidden bool
	place  string
	groups string
	port   int32
}

func (w warehouse) made(b *builder, h *holding) string {
	in := &redshift.CreateClusterInput{
		ClusterIdentifier: &h.name, NodeType: aws.String("ra3.large"), MasterUsername: aws.String("owner"), MasterUserPassword: aws.String("Only-moto-hears-1"),
		PubliclyAccessible: aws.Bool(!w.hidden), ClusterSubnetGroupName: aws.String(cmp.Or(w.place, "public")), VpcSecurityGroupIds: b.groups(w.place, w.groups),
	}
	if w.port != 0 {
		in.Port = &w.port
	}
	_, err := b.redshift(h.region).CreateCluster(b.ctx, in)
	b.check("create warehouse "+h.name, err)
	estateMemory.stand(h.name, w.where(b, h))
	return h.name
}

// where makes the interface of a cluster's node, with its public address, and
// says what DescribeClusters tells of it on AWS and not in moto.
func (w warehouse) where(b *builder, h *holding) string {
	client, subnet := b.ec2(h.region), b.net.subnets[cmp.Or(w.place, "public")+"-a"]
	made, err := client.CreateNetworkInterface(b.ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: b.groups(w.place, w.groups), Description: aws.String("RedshiftNetworkInterface")})
	b.check("create interface of "+h.name, err)
	said := "<VpcId>" + aws.ToString(made.NetworkInterface.VpcId) + "</VpcId><ClusterNodes><member><NodeRole>SHARED</NodeRole>" +
		"<PrivateIPAddress>" + aws.ToString(made.NetworkInterface.PrivateIpAddress) + "</PrivateIPAddress>"
	if !w.hidden {
		address, err := client.AllocateAddress(b.ctx, &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc})
		b.check("allocate address", err)
		_, err = client.AssociateAddress(b.ctx, &ec2.AssociateAddressInput{AllocationId: address.AllocationId, NetworkInterfaceId: made.NetworkInterface.NetworkInterfaceId})
		b.check("associate address with "+h.name, err)
		said += "<PublicIPAddress>" + aws.ToString(address.PublicIp) + "</PublicIPAddress>"
	}
	return said + "</member></ClusterNodes>"
}

// domain is an OpenSearch domain.
type domain struct {
	policy    string // DOMAIN stands for its ARN
	place     string // "" has a public endpoint
	groups    string
	users     bool // fine-grained access control
	anonymous bool // … which lets anonymous callers in
}

func (d domain) made(b *builder, h *holding) string {
	in := &opensearch.CreateDomainInput{DomainName: &h.name, EngineVersion: aws.String("OpenSearch_2.19")}
	if d.policy != "" {
		in.AccessPolicies = aws.String(strings.ReplaceAll(d.policy, "DOMAIN", "arn:aws:es:"+h.region+":"+b.estate.account+":domain/"+h.name))
	}
	if d.place != "" {
		in.VPCOptions = &opensearchtypes.VPCOptions{SubnetIds: []string{b.net.subnets[d.place+"-a"]}, SecurityGroupIds: b.groups(d.place, d.groups)}
	}
	if d.users {
		in.AdvancedSecurityOptions = &opensearchtypes.AdvancedSecurityOptionsInput{Enabled: aws.Bool(true), InternalUserDatabaseEnabled: aws.Bool(true), AnonymousAuthEnabled: &d.anonymous}
	}
	client := opensearch.NewFromConfig(b.config, func(o *opensearch.Options) { o.Region = h.region })
	_, err := client.CreateDomain(b.ctx, in)
	b.check("create domain "+h.name, err)
	return h.name
}

// files is an EFS file system.
type files struct {
	policy string // FILES stands for its ARN
	place  string // where its mount target stands, "" for none
	groups string
}

func (f files) made(b *builder, h *holding) string {
	client := efs.NewFromConfig(b.config, func(o *efs.Options) { o.Region = h.region })
	made, err := client.CreateFileSystem(b.ctx, &efs.CreateFileSystemInput{CreationToken: &h.name, Encrypted: aws.Bool(true)})
	b.check("create file system "+h.name, err)
	if f.policy != "" {
		text := strings.ReplaceAll(f.policy, "FILES", aws.ToString(made.FileSystemArn))
		_, err := client.PutFileSystemPolicy(b.ctx, &efs.PutFileSystemPolicyInput{FileSystemId: made.FileSystemId, Policy: &text})
		b.check("put policy of "+h.name, err)
	}
	if f.place != "" {
		_, err := client.CreateMountTarget(b.ctx, &efs.CreateMountTargetInput{
			FileSystemId: made.FileSystemId, SubnetId: aws.String(b.net.subnets[f.place+"-a"]), SecurityGroups: b.groups(f.place, f.groups),
		})
		b.check("create mount target of "+h.name, err)
	}
	return aws.ToString(made.FileSystemId)
}

func (b *builder) rds(region string) *rds.Client {
	return rds.NewFromConfig(b.config, func(o *rds.Options) { o.Region = region })
}

func (b *builder) redshift(region string) *redshift.Client {
	return redshift.NewFromConfig(b.config, func(o *redshift.Options) { o.Region = region })
}

// groups are the ids of security groups in the VPC of a place.
func (b *builder) groups(place, names string) []string {
	prefix := ""
	if place == "plain" {
		prefix = "plain/"
	}
	var ids []string
	for _, name := range strings.Fields(names) {
		ids = append(ids, b.net.groups[prefix+name])
	}
	return ids
}

// instances say which packets reach a database, and who may log in is its own
// password's matter. Sources: Amazon RDS User Guide, "Hiding a DB instance in a
// VPC from the internet"; Amazon VPC User Guide, see the tables of the network.
//
// moto keeps the flag, the port, the subnet group, the zone and the security
// groups. It makes no network interface for a database, so that the subnet is
// known by its zone alone; and it gives an instance no NetworkType, so that every
// one of them has an IPv4 address only.
var instances = []holding{
	{name: "db-open", make: database{groups: "open"}.made, expected: expected{want: "reachable", why: "a public address, a route, a rule for 0.0.0.0/0: a password is all that is left"}},
	{name: "db-hidden", make: database{groups: "open", hidden: true}.made, expected: expected{want: "private", why: "without PubliclyAccessible it has no public address"}},
	{name: "db-closed", make: database{groups: "closed"}.made, expected: expected{want: "private", why: "a security group without a rule admits nobody"}},
	{name: "db-halves", make: database{groups: "halves"}.made, expected: expected{want: "reachable", why: "two halves are the whole internet"}},
	{name: "db-two-groups", make: database{groups: "lower-half upper-half"}.made, expected: expected{want: "reachable", why: "the rules of all groups are added up"}},
	{name: "db-half", make: database{groups: "lower-half"}.made, expected: expected{want: "reachable", why: "half of the internet is not a list of clients"}},
	{name: "db-eighth", make: database{groups: "eighth"}.made, expected: expected{want: "reachable", why: "sixteen million addresses are not a list of clients"}},
	{name: "db-office", make: database{groups: "office"}.made, expected: expected{want: "shared", why: "a narrow range is a list of named outsiders"}},
	{name: "db-internal", make: database{groups: "internal"}.made, expected: expected{want: "private", why: "no packet comes from the internet with a private source address"}},
	{name: "db-v6-rule", make: database{groups: "open-v6"}.made, expected: expected{want: "private", why: "a rule for ::/0 admits nobody to an IPv4 address"}},
	{name: "db-listed-halves", make: database{groups: "listed-halves"}.made, expected: expected{want: "reachable", why: "the entries of a prefix list are its addresses"}},
	{name: "db-listed-office", make: database{groups: "listed-office"}.made, expected: expected{want: "shared", why: "the prefix list holds narrow ranges only"}},
	{name: "db-from-clients", make: database{groups: "from-clients"}.made, expected: expected{want: "private", why: "a rule for a security group admits its members' private addresses, whoever may reach those"}},
	{name: "db-other-port", make: database{groups: "other-port"}.made, expected: expected{want: "private", why: "the rule speaks of another port"}},
	{name: "db-moved-port", make: database{groups: "other-port", port: 3306}.made, expected: expected{want: "reachable", why: "the port that counts is the one the database listens on"}},
	{name: "db-port-range", make: database{groups: "port-range"}.made, expected: expected{want: "reachable", why: "5432 is between 5000 and 6000"}},
	{name: "db-udp", make: database{groups: "udp"}.made, expected: expected{want: "private", why: "the rule speaks of UDP, databases of TCP"}},
	{name: "db-everything", make: database{groups: "everything"}.made, expected: expected{want: "reachable", why: "protocol -1 is every protocol and port"}},
	{name: "db-mysql", make: database{groups: "other-port", engine: "mysql"}.made, expected: expected{want: "reachable", why: "MySQL listens on 3306"}},

	{name: "db-unrouted", make: database{groups: "open", place: "unrouted"}.made, expected: expected{want: "private", why: "the main route table knows the VPC only"}},
	{name: "db-nat", make: database{groups: "open", place: "nat"}.made, expected: expected{want: "private", why: "a NAT gateway lets nobody in"}},
	{name: "db-plain", make: database{groups: "open", place: "plain"}.made, expected: expected{want: "reachable", why: "a subnet without a route table of its own follows the VPC's main one, which leads to the internet"}},
	{name: "db-denied", make: database{groups: "open", place: "denied"}.made, expected: expected{want: "private", why: "rule 90 of the network ACL denies the port before rule 100 allows everything"}},
	{name: "db-denied-late", make: database{groups: "open", place: "denied-late"}.made, expected: expected{want: "reachable", why: "rule 100 of the network ACL allows before rule 110 denies"}},
	{name: "db-mute", make: database{groups: "open", place: "mute"}.made, expected: expected{want: "private", why: "network ACLs are stateless, and no answer gets out to an ephemeral port"}},
	{name: "db-office-only", make: database{groups: "open", place: "office-only"}.made, expected: expected{want: "shared", why: "the network ACL leaves one narrow range"}},
	{name: "db-office-denied", make: database{groups: "office", place: "denied"}.made, expected: expected{want: "private", why: "every gate must be open to the same address"}},
	{name: "db-shut", make: database{groups: "open", place: "shut"}.made, expected: expected{want: "private", why: "VPC Block Public Access keeps the internet gateway's packets out of the subnet"}},
	{name: "db-mixed-a", make: database{groups: "open", place: "mixed"}.made, expected: expected{want: "private", why: "it stands in the zone of the subnet without a route"}},
	{name: "db-mixed-b", make: database{groups: "open", place: "mixed", zone: "b"}.made, expected: expected{want: "reachable", why: "it stands in the zone of the subnet with the route"}},
	{name: "db-torn", make: database{groups: "open", place: "torn"}.made, expected: expected{want: "private..reachable", why: "two subnets of one zone, one with a route: no call tells which of them it stands in"}},
}

// clusters of RDS. A multi-AZ cluster has the flag itself, elsewhere each instance
// has one. moto leaves out the subnet group of an instance that belongs to a
// cluster, which the front puts back, and refuses IAM authentication for Neptune.
// Sources: Amazon Aurora User Guide, "Hiding a DB cluster in a VPC from the
// internet"; Amazon Neptune User Guide, "Neptune public endpoints", "IAM
// authentication".
var clusters = []holding{
	{kind: clusterKind, name: "cluster-open", make: dbCluster{groups: "open", public: 3}.made, expected: expected{want: "reachable", why: "its writer and its readers have public addresses, and the rules admit anyone"}},
	{kind: clusterKind, name: "cluster-hidden", make: dbCluster{groups: "open", hidden: 3}.made, expected: expected{want: "private", why: "without PubliclyAccessible it has no public address"}},
	{kind: clusterKind, name: "cluster-unrouted", make: dbCluster{groups: "open", public: 3, place: "unrouted"}.made, expected: expected{want: "private", why: "none of its subnets has a route to an internet gateway"}},
	{kind: auroraKind, name: "aurora-silent", make: dbCluster{engine: "aurora-postgresql", groups: "open"}.made, expected: expected{want: "private", why: "no instance listens, and there is no internet access gateway"}},
	{kind: auroraKind, name: "aurora-open", make: dbCluster{engine: "aurora-postgresql", groups: "open", public: 1, hidden: 1}.made, expected: expected{want: "reachable", why: "one of its instances has a public address, and the rules admit anyone"}},
	{kind: auroraKind, name: "aurora-hidden", make: dbCluster{engine: "aurora-postgresql", groups: "open", hidden: 2}.made, expected: expected{want: "private", why: "none of its instances has a public address"}},
	{kind: auroraKind, name: "aurora-office", make: dbCluster{engine: "aurora-postgresql", groups: "office", public: 1}.made, expected: expected{want: "shared", why: "a narrow range is a list of named outsiders"}},
	{kind: auroraKind, name: "aurora-mysql", make: dbCluster{engine: "aurora-mysql", groups: "other-port", public: 1}.made, expected: expected{want: "reachable", why: "Aurora MySQL listens on 3306"}},
	{kind: neptuneKind, name: "neptune-open", make: dbCluster{engine: "neptune", groups: "neptune", public: 1}.made, expected: expected{want: "public", why: "Neptune knows no passwords: without IAM authentication it asks nothing of whoever gets to port 8182"}},
	{kind: neptuneKind, name: "neptune-hidden", make: dbCluster{engine: "neptune", groups: "neptune", hidden: 1}.made, expected: expected{want: "private", why: "without PubliclyAccessible it has no public address"}},
	{kind: neptuneKind, name: "neptune-nat", make: dbCluster{engine: "neptune", groups: "neptune", public: 1, place: "nat"}.made, expected: expected{want: "private", why: "a NAT gateway lets nobody in"}},
}

// warehouses are Redshift clusters. Source: Amazon Redshift Management Guide,
// "Managing clusters in a VPC".
//
// moto leaves out the VPC of a cluster and its nodes, which the front puts back.
var warehouses = []holding{
	{name: "warehouse-open", make: warehouse{groups: "redshift"}.made, expected: expected{want: "reachable", why: "a public address, a route, a rule for 0.0.0.0/0 on 5439"}},
	{name: "warehouse-hidden", make: warehouse{groups: "redshift", hidden: true}.made, expected: expected{want: "private", why: "without PubliclyAccessible it has no public address"}},
	{name: "warehouse-other-port", make: warehouse{groups: "open"}.made, expected: expected{want: "private", why: "the rule speaks of another port"}},
	{name: "warehouse-moved-port", make: warehouse{groups: "open", port: postgres}.made, expected: expected{want: "reachable", why: "the port that counts is the one the cluster listens on"}},
	{name: "warehouse-unrouted", make: warehouse{groups: "redshift", place: "unrouted"}.made, expected: expected{want: "private", why: "none of its subnets has a route to an internet gateway"}},
	{name: "warehouse-office", make: warehouse{groups: "office", port: postgres}.made, expected: expected{want: "shared", why: "a narrow range is a list of named outsiders"}},
}

// Words of the policies below.
const searching = `"Action":"es:*","Resource":"DOMAIN/*"`

// domains are OpenSearch domains. Sources: Amazon OpenSearch Service Developer
// Guide, "Identity and Access Management", "Fine-grained access control",
// "Launching your domains within a VPC".
//
// moto leaves VPCId out of VPCOptions, which the front puts back.
var domains = []holding{
	{name: "search-open", make: domain{policy: policy(allow(anyone, searching))}.made, expected: expected{want: "public", why: "a public endpoint, an open policy, and nobody asks for a password"}},
	{name: "search-open-aws", make: domain{policy: policy(allow(`{"AWS":"*"}`, searching))}.made, expected: expected{want: "public", why: `for resource policies {"AWS":"*"} is the same as *`}},
	{name: "search-users", make: domain{policy: policy(allow(anyone, searching)), users: true}.made, expected: expected{want: "reachable", why: "fine-grained access control asks for a user of the domain's own"}},
	{name: "search-anonymous", make: domain{policy: policy(allow(anyone, searching)), users: true, anonymous: true}.made, expected: expected{want: "public", why: "fine-grained access control lets anonymous callers in while it is migrated to"}},
	{name: "search-office", make: domain{policy: policy(allow(anyone, searching, when("IpAddress", "aws:SourceIp", "198.51.100.0/24")))}.made, expected: expected{want: "shared", why: "a narrow range is a list of named outsiders"}},
	{name: "search-partner", make: domain{policy: policy(allow(account(stranger), searching))}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{name: "search-self", make: domain{policy: policy(allow(account(databaseAccount), searching))}.made, expected: expected{want: "private", why: "the own account"}},
	{name: "search-vpc", make: domain{policy: policy(allow(anyone, searching)), place: "public", groups: "open"}.made, expected: expected{want: "private", why: "a domain inside a VPC has no public address, wherever its subnets lead"}},
	{name: "search-silent", make: domain{}.made, expected: expected{want: "private", why: "without a policy the endpoint answers signed requests of the own account only"}},
}

const mounting = `"Action":["elasticfilesystem:ClientMount","elasticfilesystem:ClientWrite"],"Resource":"FILES"`

// fileSystems are EFS file systems. Source: Amazon EFS User Guide, "Using IAM to
// control access to file systems", "Blocking public access".
var fileSystems = []holding{
	{name: "files-silent", make: files{place: "public", groups: "nfs"}.made, expected: expected{want: "private", why: "without a policy whoever reaches a mount target may mount, and a mount target has no public address"}},
	{name: "files-open", make: files{policy: policy(allow(anyone, mounting)), place: "public", groups: "nfs"}.made, expected: expected{want: "private..tenant", why: "the policy lets in any account; EFS turns away Transfer Family servers of other accounts while a policy is public, and whether there is another way than through a mount target is not documented"}},
	{name: "files-mount", make: files{policy: policy(allow(anyone, mounting, when("Bool", "elasticfilesystem:AccessedViaMountTarget", "true"))), place: "public", groups: "nfs"}.made, expected: expected{want: "private", why: "only through a mount target, which has no public address"}},
	{name: "files-partner", make: files{policy: policy(allow(account(stranger), mounting))}.made, expected: expected{want: "shared", why: "one foreign account"}},
	{name: "files-self", make: files{policy: policy(allow(account(databaseAccount), mounting))}.made, expected: expected{want: "private", why: "the own account"}},
}

// of gives holdings a kind and a region where they have none.
func of(kind, region string, holdings []holding) []*holding {
	var all []*holding
	for i := range holdings {
		h := &holdings[i]
		h.kind, h.region = cmp.Or(h.kind, kind), cmp.Or(h.region, region)
		all = append(all, h)
	}
	return all
}
