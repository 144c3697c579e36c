package network

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/andon-audit/andon/pkg/collect"
)

// paginator is what the SDK makes of a listing call.
type paginator[Page, Options any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*Options)) (*Page, error)
}

// readAll hands every item of every page to take, which says whether it can be
// one. A page without a list is no answer: the SDK decodes any document.
func readAll[Page, Options, Item any](
	ctx context.Context, call string, pages paginator[Page, Options], items func(*Page) []Item, take func(*Item) bool,
) error {
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		found := items(page)
		if found == nil {
			return collect.Malformed(call, "no list in it")
		}
		for i := range found {
			if !take(&found[i]) {
				return collect.Malformed(call, "an item without an id in it")
			}
		}
	}
	return nil
}

func readGroup(g *types.SecurityGroup) *group {
	read := &group{id: strings.Clone(aws.ToString(g.GroupId))}
	for i, p := range g.IpPermissions {
		r := rule{position: i + 1, protocol: aws.ToString(p.IpProtocol), ports: ports(p.FromPort, p.ToPort)}
		for _, s := range p.IpRanges {
			r.sources = append(r.sources, block(aws.ToString(s.CidrIp)))
		}
		for _, s := range p.Ipv6Ranges {
			r.sources = append(r.sources, block(aws.ToString(s.CidrIpv6)))
		}
		for _, s := range p.PrefixListIds {
			r.lists = append(r.lists, aws.ToString(s.PrefixListId))
		}
		for _, s := range p.UserIdGroupPairs {
			r.groups = append(r.groups, cmp.Or(aws.ToString(s.GroupId), aws.ToString(s.GroupName)))
		}
		read.rules = append(read.rules, r)
	}
	return read
}

func ports(from, to *int32) portRange {
	if from == nil || to == nil {
		return portRange{}
	}
	return portRange{*from, *to, true}
}

func readSubnet(s *types.Subnet) *subnet {
	read := &subnet{id: aws.ToString(s.SubnetId), vpc: aws.ToString(s.VpcId), zone: aws.ToString(s.AvailabilityZone)}
	if s.CidrBlock != nil {
		read.blocks = append(read.blocks, block(*s.CidrBlock))
	}
	for _, b := range s.Ipv6CidrBlockAssociationSet {
		read.blocks = append(read.blocks, block(aws.ToString(b.Ipv6CidrBlock)))
	}
	if s.BlockPublicAccessStates != nil {
		read.mode = string(s.BlockPublicAccessStates.InternetGatewayBlockMode)
	}
	return read
}

func readTable(t *types.RouteTable) *table {
	read := &table{id: aws.ToString(t.RouteTableId), vpc: aws.ToString(t.VpcId)}
	for i, l := range t.Associations {
		k := link{position: i + 1, subnet: aws.ToString(l.SubnetId), gateway: aws.ToString(l.GatewayId), main: aws.ToBool(l.Main)}
		if l.AssociationState != nil {
			k.state = string(l.AssociationState.State)
		}
		read.links = append(read.links, k)
	}
	for i := range t.Routes {
		read.routes = append(read.routes, readRoute(&t.Routes[i], i+1))
	}
	return read
}

func readRoute(r *types.Route, position int) route {
	read := route{position: position, list: aws.ToString(r.DestinationPrefixListId), state: string(r.State)}
	read.to = block(cmp.Or(aws.ToString(r.DestinationCidrBlock), aws.ToString(r.DestinationIpv6CidrBlock)))
	read.via, read.gateway = readTarget(r)
	switch {
	case read.via == local:
	case r.Origin == types.RouteOriginEnableVgwRoutePropagation || r.Origin == types.RouteOriginAdvertisement:
		read.rank = 3
	case read.list != "":
		read.rank = 2
	default:
		read.rank = 1
	}
	return read
}

// readTarget says what a route leads to. A gateway is known by the beginning of
// its id; egress-only gateways, NAT gateways, peerings and the rest let nobody in.
func readTarget(r *types.Route) (target, string) {
	switch id := aws.ToString(r.GatewayId); {
	case id == "local":
		return local, id
	case strings.HasPrefix(id, "igw-"):
		return internetGateway, id
	case strings.HasPrefix(id, "vpce-"):
		return middlebox, id
	case strings.HasPrefix(id, "vgw-"):
		return elsewhere, id
	case id != "":
		return unknownTarget, id
	}
	if id := cmp.Or(aws.ToString(r.NetworkInterfaceId), aws.ToString(r.InstanceId)); id != "" {
		return middlebox, id
	}
	id := cmp.Or(
		aws.ToString(r.NatGatewayId), aws.ToString(r.EgressOnlyInternetGatewayId), aws.ToString(r.TransitGatewayId),
		aws.ToString(r.VpcPeeringConnectionId), aws.ToString(r.LocalGatewayId), aws.ToString(r.CarrierGatewayId),
		aws.ToString(r.CoreNetworkArn), aws.ToString(r.OdbNetworkArn))
	if id == "" {
		return unknownTarget, ""
	}
	return elsewhere, id
}

func readACL(a *types.NetworkAcl) *acl {
	read := &acl{id: aws.ToString(a.NetworkAclId)}
	for _, l := range a.Associations {
		read.subnets = append(read.subnets, aws.ToString(l.SubnetId))
	}
	for i := range a.Entries {
		e := &a.Entries[i]
		kept := entry{position: i + 1, number: aws.ToInt32(e.RuleNumber), protocol: aws.ToString(e.Protocol), action: string(e.RuleAction)}
		kept.block = block(cmp.Or(aws.ToString(e.CidrBlock), aws.ToString(e.Ipv6CidrBlock)))
		if e.PortRange != nil {
			kept.ports = ports(e.PortRange.From, e.PortRange.To)
		}
		if e.Egress == nil || e.RuleNumber == nil {
			kept.protocol = "" // may match, in either direction, or before any other
		}
		if e.Egress == nil || *e.Egress {
			read.out = append(read.out, kept)
		}
		if e.Egress == nil || !*e.Egress {
			read.in = append(read.in, kept)
		}
	}
	byNumber := func(x, y entry) int { return cmp.Compare(x.number, y.number) }
	slices.SortStableFunc(read.in, byNumber)
	slices.SortStableFunc(read.out, byNumber)
	return read
}

func readInterface(n *types.NetworkInterface) iface {
	read := iface{id: aws.ToString(n.NetworkInterfaceId), subnet: aws.ToString(n.SubnetId), vpc: aws.ToString(n.VpcId)}
	for _, g := range n.Groups {
		read.groups = append(read.groups, aws.ToString(g.GroupId))
	}
	add := func(text *string) {
		if a, err := netip.ParseAddr(aws.ToString(text)); err == nil && !slices.Contains(read.addresses, a) {
			read.addresses = append(read.addresses, a)
		}
	}
	if n.Association != nil {
		add(n.Association.PublicIp)
	}
	for _, p := range n.PrivateIpAddresses {
		if p.Association != nil {
			add(p.Association.PublicIp)
		}
	}
	return read
}
