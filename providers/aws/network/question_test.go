package network_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/aws/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const declaration = `
kind: aws.test.database
class: database
title: A database
public: It has a public address.
channels: {network: packets from the internet}
lists: [{call: "rds:DescribeDBInstances", permission: "rds:DescribeDBInstances"}]
reads:
- {call: "ec2:DescribeSecurityGroups", permission: "ec2:DescribeSecurityGroups", shared: true, shields: [&closed {on: [network], cap: {reach: private, credential: own}}]}
- {call: "ec2:DescribeSubnets", permission: "ec2:DescribeSubnets", shared: true, shields: [*closed]}
- {call: "ec2:DescribeRouteTables", permission: "ec2:DescribeRouteTables", shared: true, shields: [*closed]}
- {call: "ec2:DescribeNetworkAcls", permission: "ec2:DescribeNetworkAcls", shared: true, shields: [*closed]}
- {call: "ec2:GetManagedPrefixListEntries", permission: "ec2:GetManagedPrefixListEntries", shared: true, shields: [*closed]}
- {call: "ec2:DescribeManagedPrefixLists", permission: "ec2:DescribeManagedPrefixLists", shared: true, shields: [*closed]}
- {call: "ec2:DescribeNetworkInterfaces", permission: "ec2:DescribeNetworkInterfaces", shields: [*closed]}
references: ["https://docs.aws.amazon.com/vpc/"]
`

// A region with a public subnet, a private one, and groups for every taste.
const world = `
accounts:
- id: "111111111111"
  regions: [eu-west-1]
  stock:
    ec2.subnet:
    - {region: eu-west-1, SubnetId: subnet-1, VpcId: vpc-1, AvailabilityZone: eu-west-1a, CidrBlock: 10.0.1.0/24, BlockPublicAccessStates: {InternetGatewayBlockMode: "off"}}
    - {region: eu-west-1, SubnetId: subnet-2, VpcId: vpc-1, AvailabilityZone: eu-west-1b, CidrBlock: 10.0.2.0/24, BlockPublicAccessStates: {InternetGatewayBlockMode: "off"}}
    ec2.route_table:
    - {region: eu-west-1, RouteTableId: rtb-1, VpcId: vpc-1, Associations: [{Main: true, AssociationState: {State: associated}}], Routes: [{DestinationCidrBlock: 10.0.0.0/16, GatewayId: local, State: active}, {DestinationCidrBlock: 0.0.0.0/0, GatewayId: igw-1, State: active}]}
    - {region: eu-west-1, RouteTableId: rtb-2, VpcId: vpc-1, Associations: [{SubnetId: subnet-2, Main: false, AssociationState: {State: associated}}], Routes: [{DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: nat-1, State: active}]}
    ec2.network_acl:
    - {region: eu-west-1, NetworkAclId: acl-1, VpcId: vpc-1, Associations: [{SubnetId: subnet-1}, {SubnetId: subnet-2}], Entries: [{RuleNumber: 90, RuleAction: deny, Egress: false, Protocol: "6", PortRange: {From: 5432, To: 5432}, CidrBlock: 198.51.100.0/24}, {RuleNumber: 100, RuleAction: allow, Egress: false, Protocol: "-1", CidrBlock: 0.0.0.0/0}, {RuleNumber: 100, RuleAction: allow, Egress: true, Protocol: "-1", CidrBlock: 0.0.0.0/0}]}
    ec2.security_group:
    - {region: eu-west-1, GroupId: sg-open, VpcId: vpc-1, IpPermissions: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, IpRanges: [{CidrIp: 0.0.0.0/1}, {CidrIp: 128.0.0.0/1}]}]}
    - {region: eu-west-1, GroupId: sg-office, VpcId: vpc-1, IpPermissions: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, IpRanges: [{CidrIp: 203.0.113.0/24}]}]}
    - {region: eu-west-1, GroupId: sg-denied, VpcId: vpc-1, IpPermissions: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, IpRanges: [{CidrIp: 198.51.100.0/24}]}]}
    - {region: eu-west-1, GroupId: sg-list, VpcId: vpc-1, IpPermissions: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, PrefixListIds: [{PrefixListId: pl-1}]}]}
    - {region: eu-west-1, GroupId: sg-members, VpcId: vpc-1, IpPermissions: [{IpProtocol: tcp, FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{GroupId: sg-open}]}]}
    ec2.prefix_list:
    - {region: eu-west-1, PrefixListId: pl-1, PrefixListName: offices, OwnerId: "111111111111", Entries: [{Cidr: 203.0.113.0/24}]}
    ec2.network_interface:
    - {region: eu-west-1, NetworkInterfaceId: eni-1, SubnetId: subnet-1, VpcId: vpc-1, Association: {PublicIp: 203.0.113.99}, Groups: [{GroupId: sg-open}]}
`

// region is a started region and how often it was asked what.
type region struct {
	*awstest.Server
	account *account.Account
}

func start(t *testing.T, options ...awstest.Option) *region {
	t.Helper()
	w, err := awstest.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	server := awstest.NewServer(w, options...)
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport := server.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	a, err := account.Open(t.Context(), account.Options{Offline: true, Endpoint: url, Transport: transport, Attempts: 1, Backoff: func(int) time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	return &region{server, a}
}

var kind = collect.MustParseKind([]byte(declaration))

func database(e network.Endpoint) (*resource.Resource, network.Endpoint) {
	r := &resource.Resource{ID: "arn:db", Kind: kind.Name, Scope: resource.Scope{Provider: "aws", Region: "eu-west-1"}}
	r.Grants = append(r.Grants, network.Grant(resource.CredentialOwn, resource.Evidence{Call: "rds:DescribeDBInstances", Quote: "PubliclyAccessible=true"}))
	e.IPv4, e.Port, e.VPC = true, 5432, "vpc-1"
	return r, e
}

// ask asks the questions in an order as the runner does.
func (g *region) ask(t *testing.T, e network.Endpoint, order ...int) *resource.Resource {
	t.Helper()
	r, e := database(e)
	questions := network.Questions(kind, g.account, "eu-west-1", r, e)
	if order == nil {
		order = []int{0, 1, 2, 3, 4}[:len(questions)]
	}
	for _, i := range order {
		q := questions[i]
		if err := q.Ask(t.Context(), r); err != nil {
			refusal := account.Refusal(err)
			r.Gaps = append(r.Gaps, q.Gap(refusal.Reason, refusal.String()))
		}
	}
	return r
}

func in(subnet string, groups ...string) network.Endpoint {
	e := network.Endpoint{SecurityGroups: groups}
	if subnet != "" {
		e.Subnets = []string{subnet}
	}
	return e
}

func TestQuestions(t *testing.T) {
	g := start(t)
	found := in("", "sg-open")
	found.Addresses = []netip.Addr{netip.MustParseAddr("203.0.113.99")}
	foreign := in("", "sg-open")
	foreign.Addresses = []netip.Addr{netip.MustParseAddr("203.0.113.98")}
	for name, c := range map[string]struct {
		at   network.Endpoint
		want string
		says []string // what stands in the store
	}{
		"two halves of the internet": {in("subnet-1", "sg-open"), "reachable", []string{
			`"source address":"1.0.0.0"`, `"security group sg-open":"sg-open rule tcp/5432 from 0.0.0.0/1"`, `"action":"connect tcp/5432"`,
			`"route table rtb-1":"0.0.0.0/0 to igw-1"`, `"network ACL acl-1":"inbound rule 100 allows, outbound rule 100 allows"`,
			`item[groupId=\"sg-open\"]/ipPermissions/item[1]`, `"PubliclyAccessible=true"`,
		}},
		"an office":                 {in("subnet-1", "sg-office"), "shared", []string{`"named":["203.0.113.0/24"]`, `"source address":"203.0.113.0"`}},
		"a prefix list":             {in("subnet-1", "sg-list"), "shared", []string{`"named":["203.0.113.0/24"]`, `/entrySet/item[cidr=\"203.0.113.0/24\"]/cidr`}},
		"an office that is denied":  {in("subnet-1", "sg-denied"), "private", []string{`network ACL acl-1 (inbound rule 90 denies)`}},
		"no way to the internet":    {in("subnet-2", "sg-open"), "private", []string{`route table rtb-2 (0.0.0.0/0 to nat-1)`}},
		"members of a group":        {in("subnet-1", "sg-members"), "private", []string{`members of security group sg-open may connect`}},
		"a group that is not there": {in("subnet-1", "sg-gone"), "private..reachable", []string{`security group sg-gone is not in the answer`}},
		"in one of two subnets":     {in("", "sg-open"), "private..reachable", []string{`it listens in one of the subnets subnet-1, subnet-2, which differ`}},
		"its interface is found":    {found, "reachable", nil},
		"its interface is not ours": {foreign, "private..reachable", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := g.ask(t, c.at)
			if got := exposure.Assess(r).Range.String(); got != c.want {
				t.Errorf("it is %s, want %s", got, c.want)
			}
			text := say(r)
			for _, part := range c.says {
				if !strings.Contains(text, part) {
					t.Errorf("%s is not said in\n%s", part, text)
				}
			}
			for _, order := range [][]int{{3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}} {
				if c.at.Addresses == nil && say(g.ask(t, c.at, order...)) != text {
					t.Errorf("asked in the order %v it becomes\n%s\nof\n%s", order, say(g.ask(t, c.at, order...)), text)
				}
			}
		})
	}
	calls := g.Calls()
	for _, call := range []string{"SecurityGroups", "Subnets", "RouteTables", "NetworkAcls", "ManagedPrefixLists"} {
		if n := calls["ec2:Describe"+call]; n != 1 {
			t.Errorf("%s were asked for %d times", call, n)
		}
	}
	if n := calls["ec2:GetManagedPrefixListEntries"]; n != 1 {
		t.Errorf("the prefix list was read %d times", n)
	}
}

func say(r *resource.Resource) string {
	text, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// After each answer, and without any one, what is said contains the truth.
func TestRefusals(t *testing.T) {
	all := start(t)
	for _, call := range []string{
		"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeNetworkAcls",
		"ec2:GetManagedPrefixListEntries", "ec2:DescribeManagedPrefixLists",
	} {
		without := start(t, awstest.WithFault(awstest.Fault{Call: call, Kind: awstest.AccessDenied}))
		for _, group := range []string{"sg-open", "sg-office", "sg-denied", "sg-list", "sg-members"} {
			e := in("subnet-1", group)
			truth, found := exposure.Assess(all.ask(t, e)).Range, exposure.Assess(without.ask(t, e)).Range
			if !found.Contains(truth) {
				t.Errorf("without %s %s is %s, which does not contain %s", call, group, found, truth)
			}
		}
		gaps := without.ask(t, in("subnet-1", "sg-list")).Gaps
		if !slices.ContainsFunc(gaps, func(g resource.Gap) bool {
			return g.Call == call && g.Reason == resource.Denied && g.Permission == call
		}) {
			t.Errorf("without %s the gaps are %+v", call, gaps)
		}
	}
}

// A store without a public address costs nothing.
func TestNoQuestionsWithoutAnAddress(t *testing.T) {
	g := start(t)
	r, e := database(in("subnet-1", "sg-open"))
	r.Grants = nil
	if questions := network.Questions(kind, g.account, "eu-west-1", r, e); len(questions) > 0 {
		t.Errorf("%d questions", len(questions))
	}
	r.Gaps = []resource.Gap{{Hides: []resource.Hidden{{Via: network.Channel, To: resource.Anyone}}}}
	if questions := network.Questions(kind, g.account, "eu-west-1", r, e); len(questions) != 4 {
		t.Errorf("%d questions about a store that may have an address", len(questions))
	}
}

func TestEndpoints(t *testing.T) {
	var s network.Endpoints
	r, e := database(in("subnet-1", "sg-open"))
	s.Put(r, e)
	if got := s.Take(r); got.Port != e.Port {
		t.Errorf("%+v", got)
	}
	if got := s.Take(r); got.Port != 0 {
		t.Error("it is not forgotten")
	}
}

// A kind asks for everything in front of a store in one line.
func Example() {
	const vpc, port = "vpc-1", 5432
	r := &resource.Resource{ID: "arn:aws:rds:eu-west-1:111111111111:db:telemetry"}
	r.Grants = append(r.Grants, network.Grant(resource.CredentialOwn, resource.Evidence{
		Call: "rds:DescribeDBInstances", Of: "telemetry", Quote: "PubliclyAccessible=true",
		Pointer: `/DescribeDBInstancesResponse/DescribeDBInstancesResult/DBInstances/DBInstance[DBInstanceIdentifier="telemetry"]/PubliclyAccessible`,
	}))
	var listed network.Endpoints // a member of the collector
	listed.Put(r, network.Endpoint{IPv4: true, Port: port, SecurityGroups: []string{"sg-1"}, VPC: vpc, Subnets: []string{"subnet-1"}})
	for _, q := range network.Questions(kind, new(account.Account), "eu-west-1", r, listed.Take(r)) {
		fmt.Println(q.Call)
	}
	// Output:
	// ec2:DescribeSecurityGroups
	// ec2:DescribeSubnets
	// ec2:DescribeRouteTables
	// ec2:DescribeNetworkAcls
}
