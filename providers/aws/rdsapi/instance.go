package rdsapi

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/network"
)

// Instance is one database instance, as far as the kinds look at it.
type Instance struct {
	Name, ARN, Engine, Status string
	// Cluster is the name of the cluster it belongs to, empty for none.
	Cluster string
	Created time.Time
	Tags    map[string]string
	// Public, IAM and Encrypted are nil where the listing does not say.
	Public, IAM, Encrypted *bool

	port        uint16
	networkType string
	vpc, zone   string
	subnets     []string // in its zone, of its subnet group
	groups      []string
	pending     []string
}

func newInstance(d *types.DBInstance) (*Instance, error) {
	if aws.ToString(d.DBInstanceIdentifier) == "" {
		return nil, collect.Malformed(InstancesCall, "an instance without a name")
	}
	i := &Instance{
		Name: aws.ToString(d.DBInstanceIdentifier), ARN: aws.ToString(d.DBInstanceArn),
		Engine: aws.ToString(d.Engine), Status: aws.ToString(d.DBInstanceStatus), Cluster: aws.ToString(d.DBClusterIdentifier),
		Created: aws.ToTime(d.InstanceCreateTime), Tags: tags(d.TagList),
		Public: d.PubliclyAccessible, IAM: d.IAMDatabaseAuthenticationEnabled, Encrypted: d.StorageEncrypted,
		networkType: aws.ToString(d.NetworkType), zone: aws.ToString(d.AvailabilityZone),
		groups: groups(d.VpcSecurityGroups), pending: pending(d.PendingModifiedValues),
	}
	if d.Endpoint != nil {
		i.port = port(d.Endpoint.Port)
	}
	if d.DBSubnetGroup != nil {
		i.vpc = aws.ToString(d.DBSubnetGroup.VpcId)
		i.subnets = inZone(d.DBSubnetGroup.Subnets, i.zone)
	}
	return i, nil
}

// inZone returns the subnets of a group that an instance can be in: it is in the
// one of its zone. Where the group names none there (Amazon: "the list of subnets
// shown here might not reflect the current state of your VPC"), it may be in any
// subnet of the zone, and none is returned.
func inZone(group []types.Subnet, zone string) []string {
	var ids []string
	for _, s := range group {
		if in := s.SubnetAvailabilityZone; zone == "" || in == nil || aws.ToString(in.Name) == "" || *in.Name == zone {
			ids = append(ids, aws.ToString(s.SubnetIdentifier))
		}
	}
	return ids
}

// pending tells the changes that wait for a maintenance window and bear on who
// can connect. The pending password is not looked at.
func pending(p *types.PendingModifiedValues) []string {
	if p == nil {
		return nil
	}
	var changes []string
	if p.Port != nil {
		changes = append(changes, "a change of the port to "+strconv.Itoa(int(*p.Port))+" is pending")
	}
	if p.DBSubnetGroupName != nil {
		changes = append(changes, "a move to the subnet group "+*p.DBSubnetGroupName+" is pending")
	}
	if p.IAMDatabaseAuthenticationEnabled != nil {
		changes = append(changes, fmt.Sprintf("a change of IAM database authentication to %t is pending", *p.IAMDatabaseAuthenticationEnabled))
	}
	return changes
}

func tags(list []types.Tag) map[string]string {
	if len(list) == 0 {
		return nil
	}
	out := make(map[string]string, len(list))
	for _, t := range list {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

func groups(memberships []types.VpcSecurityGroupMembership) []string {
	var ids []string
	for _, m := range memberships {
		ids = append(ids, aws.ToString(m.VpcSecurityGroupId))
	}
	return ids
}

// port is 0, which means any, for what is no port.
func port(p *int32) uint16 {
	if n := aws.ToInt32(p); n > 0 && n <= math.MaxUint16 {
		return uint16(n)
	}
	return 0
}

// instancePath leads to an instance in the listing, however that was split into
// pages.
func instancePath(name string) string {
	return "/DescribeDBInstancesResponse/DescribeDBInstancesResult/DBInstances/DBInstance[DBInstanceIdentifier=" + strconv.Quote(name) + "]"
}

// from cites a member of the instance's entry in the listing.
func (i *Instance) from(member, quote string) resource.Evidence {
	e := resource.Evidence{Call: InstancesCall, Of: i.Name, Pointer: instancePath(i.Name), Quote: quote}
	if member != "" {
		e.Pointer += "/" + member
	}
	return e
}

// endpoint is where the instance listens. With a public address, a dual-stack
// instance answers in both families; without one in none of them.
//
// Source: Amazon RDS User Guide, "Working with a DB instance in a VPC", section
// "Dual-stack mode".
func (i *Instance) endpoint() network.Endpoint {
	return network.Endpoint{
		IPv4: true, IPv6: i.networkType != "" && i.networkType != ipv4Only, MaybeIPv6: i.networkType == "", Port: i.port,
		SecurityGroups: i.groups, VPC: i.vpc, Subnets: i.subnets, Zone: i.zone,
	}
}

const (
	ipv4Only  = "IPV4"
	dualStack = "DUAL"
)

// oddNetwork returns what is not known about an instance with a network type
// that is not known: whether it has the IPv6 address it is taken to have.
func (i *Instance) oddNetwork(gap resource.Gap) []resource.Gap {
	if slices.Contains([]string{"", ipv4Only, dualStack}, i.networkType) {
		return nil
	}
	return []resource.Gap{network.Doubted(gap, fmt.Sprintf("network type %q of %s is not known", i.networkType, i.Name))}
}

// Store describes an instance that is a store of its own.
func (i *Instance) Store(kind *collect.Kind, scope resource.Scope, arn string) *resource.Resource {
	r := &resource.Resource{
		ID: resource.ID(i.ARN), Kind: kind.Name, Class: kind.Class, Name: i.Name, Scope: scope, Created: i.Created, Tags: i.Tags,
		Notes: i.notes(),
	}
	if r.ID == "" {
		r.ID = resource.ID(arn + ":db:" + i.Name)
	}
	r.Set("engine", i.Engine, i.from("Engine", i.Engine))
	setPort(r, i.port, i.from("Endpoint/Port", strconv.Itoa(int(i.port))))
	setFlag(r, "publicly_accessible", i.Public, i.from("PubliclyAccessible", ""))
	setFlag(r, "iam_authentication", i.IAM, i.from("IAMDatabaseAuthenticationEnabled", ""))
	setFlag(r, "encrypted", i.Encrypted, i.from("StorageEncrypted", ""))
	i.addDoor(r, kind)
	return r
}

func (i *Instance) notes() []string {
	var notes []string
	if i.Status != "" && i.Status != "available" {
		notes = append(notes, "its status is "+i.Status)
	}
	return append(notes, i.pending...)
}

func (i *Instance) addDoor(r *resource.Resource, kind *collect.Kind) {
	doubt := undecided(kind, InstancesCall)
	switch {
	case i.Public == nil:
		r.Gaps = append(r.Gaps, network.Unsaid(doubt, i.Name, credentialOf(i.Engine)))
	case *i.Public:
		r.Grants = append(r.Grants, network.Grant(resource.CredentialOwn, i.from("PubliclyAccessible", "true")))
		r.Gaps = append(r.Gaps, i.oddNetwork(doubt)...)
		r.Gaps = append(r.Gaps, oddEngine(doubt, i.Engine)...)
	default:
		r.Guards = append(r.Guards, network.Private(i.from("PubliclyAccessible", "false")))
	}
}

func credentialOf(engine string) resource.Credential {
	if asksForPassword(engine) {
		return resource.CredentialOwn
	}
	return resource.CredentialNone
}

// oddEngine returns what is not known about an engine that nobody has heard of:
// whether it lets in whoever reaches it.
func oddEngine(gap resource.Gap, engine string) []resource.Gap {
	if asksForPassword(engine) {
		return nil
	}
	gap.Detail = fmt.Sprintf("engine %q is not known, nor what it asks of those who connect", engine)
	gap.Hides = network.Hidden(resource.CredentialNone)
	return []resource.Gap{gap}
}

// undecided begins a gap of a listing that was read and does not decide.
func undecided(kind *collect.Kind, call string) resource.Gap {
	return resource.Gap{Call: call, Permission: permission(kind, call), Reason: resource.Undecided}
}

func permission(kind *collect.Kind, call string) string {
	for _, l := range kind.Lists {
		if l.Call == call {
			return l.Permission
		}
	}
	return ""
}

func setFlag(r *resource.Resource, key string, value *bool, from resource.Evidence) {
	if value != nil {
		from.Quote = strconv.FormatBool(*value)
		r.Set(key, *value, from)
	}
}

func setPort(r *resource.Resource, port uint16, from resource.Evidence) {
	if port != 0 {
		r.Set("port", float64(port), from)
	}
}
