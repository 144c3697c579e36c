//go:build e2e

package e2e

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
)

// securityGroup is a security group of the estate: who may connect, and to what.
// A group answers for its rules only together with the other groups in front of
// a store, and lets the answers out whatever its outbound rules say. Source:
// Amazon VPC User Guide, "Security group rules".
type securityGroup struct {
	name     string
	protocol string // "" is tcp
	from, to int32  // both 0 is the port of PostgreSQL
	v4, v6   []string
	list     []string // the entries of a prefix list
	group    string   // another security group, by name
}

const postgres = 5432

var everywhere = []string{"0.0.0.0/0"}

var securityGroups = []securityGroup{
	{name: "closed"},
	{name: "open", v4: everywhere},
	{name: "open-v6", v6: []string{"::/0"}},
	{name: "halves", v4: []string{"0.0.0.0/1", "128.0.0.0/1"}},
	{name: "lower-half", v4: []string{"0.0.0.0/1"}},
	{name: "upper-half", v4: []string{"128.0.0.0/1"}},
	{name: "eighth", v4: []string{"3.0.0.0/8"}},
	{name: "office", v4: []string{"198.51.100.0/24"}},
	{name: "internal", v4: []string{"10.0.0.0/8", "172.16.0.0/12"}},
	{name: "listed-halves", list: []string{"0.0.0.0/1", "128.0.0.0/1"}},
	{name: "listed-office", list: []string{"198.51.100.0/24", "203.0.113.7/32"}},
	{name: "clients", v4: everywhere, from: 22, to: 22},
	{name: "from-clients", group: "clients"},
	{name: "other-port", v4: everywhere, from: 3306, to: 3306},
	{name: "port-range", v4: everywhere, from: 5000, to: 6000},
	{name: "udp", v4: everywhere, protocol: "udp"},
	{name: "everything", v4: everywhere, protocol: "-1"},
	{name: "redshift", v4: everywhere, from: 5439, to: 5439},
	{name: "neptune", v4: everywhere, from: 8182, to: 8182},
	{name: "nfs", v4: everywhere, from: 2049, to: 2049},
}

// place is two subnets, one in each of two zones, that lie the same way.
type place struct {
	name string
	// route is where 0.0.0.0/0 and ::/0 lead: "internet", "nat", "" for nowhere,
	// "main" for what the VPC's main route table says.
	route string
	acl   []aclRule // a network ACL of its own, the default one where there is none
	// blocked says that VPC Block Public Access covers it. moto does not know of
	// it; the front says so in the answer of DescribeSubnets.
	blocked bool
	// plain puts it into the second VPC, whose main route table leads to the
	// internet.
	plain bool
}

// aclRule is a rule of a network ACL, for TCP.
type aclRule struct {
	number   int32
	out      bool
	action   ec2types.RuleAction
	cidr     string
	from, to int32 // both 0 is every protocol and port
}

// The rules that a default network ACL comes with.
var (
	aclIn  = aclRule{number: 100, action: ec2types.RuleActionAllow, cidr: "0.0.0.0/0"}
	aclOut = aclRule{number: 100, out: true, action: ec2types.RuleActionAllow, cidr: "0.0.0.0/0"}
)

// places say how packets get to a subnet and back. Source: Amazon VPC User Guide,
// "Subnet route tables", "Custom network ACLs for your VPC", "Block public access
// to VPCs and subnets".
var places = []place{
	{name: "public", route: "internet"},
	{name: "unrouted", route: "main"},
	{name: "nat", route: "nat"},
	{name: "denied", route: "internet", acl: []aclRule{{number: 90, action: ec2types.RuleActionDeny, cidr: "0.0.0.0/0", from: postgres, to: postgres}, aclIn, aclOut}},
	{name: "denied-late", route: "internet", acl: []aclRule{aclIn, {number: 110, action: ec2types.RuleActionDeny, cidr: "0.0.0.0/0", from: postgres, to: postgres}, aclOut}},
	{name: "mute", route: "internet", acl: []aclRule{aclIn, {number: 90, out: true, action: ec2types.RuleActionDeny, cidr: "0.0.0.0/0", from: 1024, to: 65535}, aclOut}},
	{name: "office-only", route: "internet", acl: []aclRule{{number: 100, action: ec2types.RuleActionAllow, cidr: "198.51.100.0/24"}, aclOut}},
	{name: "shut", route: "internet", blocked: true},
	{name: "plain", route: "main", plain: true},
}

// subnetGroups name subnets of places; what is not here is a place's own two.
var subnetGroups = map[string][]string{
	"mixed": {"unrouted-a", "public-b"},
	"torn":  {"public-a", "unrouted-a"},
}

// network is what the estate's stores stand on, by the names of the tables.
type network struct {
	vpc, plain      string
	groups, subnets map[string]string
}

func (b *builder) ec2(region string) *ec2.Client {
	return ec2.NewFromConfig(b.config, func(o *ec2.Options) { o.Region = region })
}

// network builds the two VPCs of the tables in one region.
func (b *builder) network(region string) *network {
	n := &network{groups: make(map[string]string), subnets: make(map[string]string)}
	client := b.ec2(region)
	n.vpc, n.plain = b.vpc(client, "10.0.0.0/16"), b.vpc(client, "10.1.0.0/16")
	tables := map[string]string{"internet": b.routeTable(client, n.vpc, b.gateway(client, n.vpc)), "": b.routeTable(client, n.vpc, "")}
	b.route(client, b.mainTable(client, n.plain), b.gateway(client, n.plain))
	for i, p := range places {
		for z, zone := range []string{"a", "b"} {
			n.subnets[p.name+"-"+zone] = b.subnet(client, n, p, region+zone, cidr(p.plain, 2*i+z))
		}
		if p.name == "public" { // where a NAT gateway stands
			tables["internet"] = b.associate(client, tables["internet"], n, p)
			tables["nat"] = b.natTable(client, n)
			continue
		}
		if p.route != "main" {
			b.associate(client, tables[p.route], n, p)
		}
		if len(p.acl) > 0 {
			b.acl(client, n, p)
		}
	}
	for _, g := range securityGroups {
		b.securityGroup(client, n, g)
	}
	b.subnetGroups(region, n)
	return n
}

// cidr is the address range of the i-th subnet.
func cidr(plain bool, i int) string {
	second := 0
	if plain {
		second = 1
	}
	return fmt.Sprintf("10.%d.%d.0/24", second, i)
}

func (b *builder) vpc(client *ec2.Client, block string) string {
	made, err := client.CreateVpc(b.ctx, &ec2.CreateVpcInput{CidrBlock: &block})
	b.check("create VPC", err)
	return aws.ToString(made.Vpc.VpcId)
}

func (b *builder) gateway(client *ec2.Client, vpc string) string {
	made, err := client.CreateInternetGateway(b.ctx, &ec2.CreateInternetGatewayInput{})
	b.check("create internet gateway", err)
	_, err = client.AttachInternetGateway(b.ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: made.InternetGateway.InternetGatewayId, VpcId: &vpc})
	b.check("attach internet gateway", err)
	return aws.ToString(made.InternetGateway.InternetGatewayId)
}

// routeTable makes a route table whose default route leads to a gateway.
func (b *builder) routeTable(client *ec2.Client, vpc, gateway string) string {
	made, err := client.CreateRouteTable(b.ctx, &ec2.CreateRouteTableInput{VpcId: &vpc})
	b.check("create route table", err)
	table := aws.ToString(made.RouteTable.RouteTableId)
	if gateway != "" {
		b.route(client, table, gateway)
	}
	return table
}

func (b *builder) route(client *ec2.Client, table, gateway string) {
	_, err := client.CreateRoute(b.ctx, &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &gateway})
	b.check("create route", err)
	_, err = client.CreateRoute(b.ctx, &ec2.CreateRouteInput{RouteTableId: &table, DestinationIpv6CidrBlock: aws.String("::/0"), GatewayId: &gateway})
	b.check("create route", err)
}

func (b *builder) mainTable(client *ec2.Client, vpc string) string {
	found, err := client.DescribeRouteTables(b.ctx, &ec2.DescribeRouteTablesInput{Filters: []ec2types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{vpc}}, {Name: aws.String("association.main"), Values: []string{"true"}},
	}})
	b.check("find main route table", err)
	return aws.ToString(found.RouteTables[0].RouteTableId)
}

// natTable makes a route table whose default route leads to a NAT gateway, which
// lets nobody in.
func (b *builder) natTable(client *ec2.Client, n *network) string {
	address, err := client.AllocateAddress(b.ctx, &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc})
	b.check("allocate address", err)
	made, err := client.CreateNatGateway(b.ctx, &ec2.CreateNatGatewayInput{SubnetId: aws.String(n.subnets["public-a"]), AllocationId: address.AllocationId})
	b.check("create NAT gateway", err)
	table := b.routeTable(client, n.vpc, "")
	_, err = client.CreateRoute(b.ctx, &ec2.CreateRouteInput{
		RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: made.NatGateway.NatGatewayId,
	})
	b.check("create route", err)
	return table
}

func (b *builder) associate(client *ec2.Client, table string, n *network, p place) string {
	for _, zone := range []string{"a", "b"} {
		_, err := client.AssociateRouteTable(b.ctx, &ec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: aws.String(n.subnets[p.name+"-"+zone])})
		b.check("associate route table with "+p.name, err)
	}
	return table
}

func (b *builder) subnet(client *ec2.Client, n *network, p place, zone, block string) string {
	vpc := n.vpc
	if p.plain {
		vpc = n.plain
	}
	made, err := client.CreateSubnet(b.ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &block, AvailabilityZone: &zone})
	b.check("create subnet "+p.name, err)
	id := aws.ToString(made.Subnet.SubnetId)
	estateMemory.place(id, vpc, p.blocked)
	return id
}

// acl gives the subnets of a place a network ACL of their own. moto leaves out
// the last rule of AWS, which denies what no other rule matched; there is none
// to add, since AWS lets nobody write it.
func (b *builder) acl(client *ec2.Client, n *network, p place) {
	made, err := client.CreateNetworkAcl(b.ctx, &ec2.CreateNetworkAclInput{VpcId: &n.vpc})
	b.check("create network ACL "+p.name, err)
	id := made.NetworkAcl.NetworkAclId
	for _, r := range p.acl {
		in := &ec2.CreateNetworkAclEntryInput{
			NetworkAclId: id, RuleNumber: &r.number, Egress: &r.out, RuleAction: r.action, CidrBlock: &r.cidr, Protocol: aws.String("-1"),
		}
		if r.to != 0 {
			in.Protocol, in.PortRange = aws.String("6"), &ec2types.PortRange{From: &r.from, To: &r.to}
		}
		_, err := client.CreateNetworkAclEntry(b.ctx, in)
		b.check("add to network ACL "+p.name, err)
	}
	for _, zone := range []string{"a", "b"} {
		subnet := n.subnets[p.name+"-"+zone]
		found, err := client.DescribeNetworkAcls(b.ctx, &ec2.DescribeNetworkAclsInput{Filters: []ec2types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{subnet}}}})
		b.check("find network ACL of "+p.name, err)
		for _, a := range found.NetworkAcls[0].Associations {
			if aws.ToString(a.SubnetId) == subnet {
				_, err = client.ReplaceNetworkAclAssociation(b.ctx, &ec2.ReplaceNetworkAclAssociationInput{AssociationId: a.NetworkAclAssociationId, NetworkAclId: id})
				b.check("set network ACL of "+p.name, err)
			}
		}
	}
}

// securityGroup makes a group in each of the two VPCs; the second is called
// "plain/NAME".
func (b *builder) securityGroup(client *ec2.Client, n *network, g securityGroup) {
	for prefix, vpc := range map[string]string{"": n.vpc, "plain/": n.plain} {
		made, err := client.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{GroupName: &g.name, Description: &g.name, VpcId: &vpc})
		b.check("create security group "+g.name, err)
		n.groups[prefix+g.name] = aws.ToString(made.GroupId)
		rule := b.rule(client, g, n.groups[prefix+g.group])
		if len(rule.IpRanges)+len(rule.Ipv6Ranges)+len(rule.PrefixListIds)+len(rule.UserIdGroupPairs) == 0 {
			continue
		}
		_, err = client.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: made.GroupId, IpPermissions: []ec2types.IpPermission{rule}})
		b.check("add to security group "+g.name, err)
	}
}

func (b *builder) rule(client *ec2.Client, g securityGroup, other string) ec2types.IpPermission {
	rule := ec2types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(postgres), ToPort: aws.Int32(postgres)}
	if g.to != 0 {
		rule.FromPort, rule.ToPort = &g.from, &g.to
	}
	if g.protocol != "" {
		rule.IpProtocol = &g.protocol
	}
	if g.protocol == "-1" {
		rule.FromPort, rule.ToPort = nil, nil
	}
	for _, block := range g.v4 {
		rule.IpRanges = append(rule.IpRanges, ec2types.IpRange{CidrIp: &block})
	}
	for _, block := range g.v6 {
		rule.Ipv6Ranges = append(rule.Ipv6Ranges, ec2types.Ipv6Range{CidrIpv6: &block})
	}
	if g.group != "" {
		rule.UserIdGroupPairs = []ec2types.UserIdGroupPair{{GroupId: &other, UserId: &b.estate.account}}
	}
	if len(g.list) > 0 {
		rule.PrefixListIds = []ec2types.PrefixListId{{PrefixListId: b.prefixList(client, g)}}
	}
	return rule
}

func (b *builder) prefixList(client *ec2.Client, g securityGroup) *string {
	in := &ec2.CreateManagedPrefixListInput{PrefixListName: &g.name, AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(10)}
	for _, block := range g.list {
		in.Entries = append(in.Entries, ec2types.AddPrefixListEntry{Cidr: &block})
	}
	made, err := client.CreateManagedPrefixList(b.ctx, in)
	b.check("create prefix list "+g.name, err)
	return made.PrefixList.PrefixListId
}

// subnetGroups makes a subnet group of RDS and one of Redshift for each place
// and for each mixture of places.
func (b *builder) subnetGroups(region string, n *network) {
	databases := rds.NewFromConfig(b.config, func(o *rds.Options) { o.Region = region })
	warehouses := redshift.NewFromConfig(b.config, func(o *redshift.Options) { o.Region = region })
	groups := make(map[string][]string)
	for _, p := range places {
		groups[p.name] = []string{p.name + "-a", p.name + "-b"}
	}
	for name, subnets := range subnetGroups {
		groups[name] = subnets
	}
	for name, subnets := range groups {
		ids := slices.Clone(subnets)
		for i, subnet := range subnets {
			ids[i] = n.subnets[subnet]
		}
		_, err := databases.CreateDBSubnetGroup(b.ctx, &rds.CreateDBSubnetGroupInput{DBSubnetGroupName: &name, DBSubnetGroupDescription: &name, SubnetIds: ids})
		b.check("create subnet group "+name, err)
		_, err = warehouses.CreateClusterSubnetGroup(b.ctx, &redshift.CreateClusterSubnetGroupInput{ClusterSubnetGroupName: &name, Description: &name, SubnetIds: ids})
		b.check("create subnet group "+name, err)
	}
}
