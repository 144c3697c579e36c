package network

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/aws/account"
)

// region holds the facts of one region. Each is asked for once, when the first
// store wants to know.
type region struct {
	client   *ec2.Client
	emulated bool
	groups   collect.Once[map[string]*group]
	subnets  collect.Once[map[string]*subnet]
	tables   collect.Once[map[string]*table]
	acls     collect.Once[map[string]*acl]
	owners   collect.Once[map[string]listOwner]

	mu      sync.Mutex
	lists   map[string]*collect.Once[*list]
	decided map[string]*reach
}

// maxDecided bounds the decisions that are kept.
const maxDecided = 256

// decide decides once for all stores that listen behind the same gates, of which
// the same is known: most stores of a region do.
func (g *region) decide(f *facts, e Endpoint) *reach {
	key := f.key(e)
	g.mu.Lock()
	found := g.decided[key]
	g.mu.Unlock()
	if found != nil {
		return found
	}
	r := f.decide(e)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.decided == nil || len(g.decided) >= maxDecided {
		g.decided = make(map[string]*reach)
	}
	g.decided[key] = &r
	return &r
}

// key tells apart what decide depends on: of the region's facts, which are
// known, since what they say does not change.
func (f *facts) key(e Endpoint) string {
	e.Addresses = nil
	lists := make(map[string]bool)
	for id, l := range f.lists {
		lists[id] = l != nil
	}
	return fmt.Sprintf("%#v %#v %v %t %t %t %t %t", e, f.interfaces, lists,
		f.groups != nil, f.subnets != nil, f.tables != nil, f.acls != nil, f.owners != nil)
}

func regionOf(a *account.Account, name string) *region {
	return account.Shared(a, "network "+name, func() *region {
		return &region{client: ec2.NewFromConfig(a.Config(name)), emulated: a.Custom, lists: make(map[string]*collect.Once[*list])}
	})
}

// pageSize is asked for where it may be: calls without a size are throttled
// sooner. Two of them take no more than a hundred.
//
// Source: Amazon EC2 API Reference, "Request throttling" and the calls' own pages.
const (
	pageSize  = 1000
	smallPage = 100
)

// askGroups reads the region's security groups.
func (g *region) askGroups(ctx context.Context) (map[string]*group, error) {
	return g.groups.Get(ctx, func(ctx context.Context) (map[string]*group, error) {
		all := make(map[string]*group)
		pages := ec2.NewDescribeSecurityGroupsPaginator(g.client, &ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(pageSize)})
		err := readAll(ctx, groupsCall, pages, func(p *ec2.DescribeSecurityGroupsOutput) []types.SecurityGroup { return p.SecurityGroups },
			func(s *types.SecurityGroup) bool {
				read := readGroup(s)
				all[read.id] = read
				return read.id != ""
			})
		return all, err
	})
}

func (g *region) askSubnets(ctx context.Context) (map[string]*subnet, error) {
	return g.subnets.Get(ctx, func(ctx context.Context) (map[string]*subnet, error) {
		all := make(map[string]*subnet)
		pages := ec2.NewDescribeSubnetsPaginator(g.client, &ec2.DescribeSubnetsInput{MaxResults: aws.Int32(pageSize)})
		err := readAll(ctx, subnetsCall, pages, func(p *ec2.DescribeSubnetsOutput) []types.Subnet { return p.Subnets },
			func(s *types.Subnet) bool {
				read := readSubnet(s)
				all[read.id] = read
				return read.id != ""
			})
		return all, err
	})
}

func (g *region) askTables(ctx context.Context) (map[string]*table, error) {
	return g.tables.Get(ctx, func(ctx context.Context) (map[string]*table, error) {
		all := make(map[string]*table)
		pages := ec2.NewDescribeRouteTablesPaginator(g.client, &ec2.DescribeRouteTablesInput{MaxResults: aws.Int32(smallPage)})
		err := readAll(ctx, tablesCall, pages, func(p *ec2.DescribeRouteTablesOutput) []types.RouteTable { return p.RouteTables },
			func(t *types.RouteTable) bool {
				read := readTable(t)
				all[read.id] = read
				return read.id != ""
			})
		return all, err
	})
}

func (g *region) askACLs(ctx context.Context) (map[string]*acl, error) {
	return g.acls.Get(ctx, func(ctx context.Context) (map[string]*acl, error) {
		all := make(map[string]*acl)
		pages := ec2.NewDescribeNetworkAclsPaginator(g.client, &ec2.DescribeNetworkAclsInput{MaxResults: aws.Int32(pageSize)})
		err := readAll(ctx, aclsCall, pages, func(p *ec2.DescribeNetworkAclsOutput) []types.NetworkAcl { return p.NetworkAcls },
			func(a *types.NetworkAcl) bool {
				read := readACL(a)
				all[read.id] = read
				return read.id != ""
			})
		return all, err
	})
}

// askOwners reads whose prefix lists there are: AWS's own stand for its customers.
func (g *region) askOwners(ctx context.Context) (map[string]listOwner, error) {
	return g.owners.Get(ctx, func(ctx context.Context) (map[string]listOwner, error) {
		all := make(map[string]listOwner)
		pages := ec2.NewDescribeManagedPrefixListsPaginator(g.client, &ec2.DescribeManagedPrefixListsInput{MaxResults: aws.Int32(smallPage)})
		err := readAll(ctx, ownersCall, pages, func(p *ec2.DescribeManagedPrefixListsOutput) []types.ManagedPrefixList { return p.PrefixLists },
			func(l *types.ManagedPrefixList) bool {
				id := aws.ToString(l.PrefixListId)
				all[id] = listOwner{aws.ToString(l.PrefixListName), aws.ToString(l.OwnerId)}
				return id != "" && l.OwnerId != nil
			})
		return all, err
	})
}

// askList reads the entries of one prefix list.
func (g *region) askList(ctx context.Context, id string) (*list, error) {
	g.mu.Lock()
	once := g.lists[id]
	if once == nil {
		once = new(collect.Once[*list])
		g.lists[id] = once
	}
	g.mu.Unlock()
	return once.Get(ctx, func(ctx context.Context) (*list, error) {
		read := &list{id: id}
		pages := ec2.NewGetManagedPrefixListEntriesPaginator(g.client, &ec2.GetManagedPrefixListEntriesInput{
			PrefixListId: aws.String(id), MaxResults: aws.Int32(smallPage),
		})
		err := readAll(ctx, listCall, pages, func(p *ec2.GetManagedPrefixListEntriesOutput) []types.PrefixListEntry { return p.Entries },
			func(e *types.PrefixListEntry) bool {
				read.prefixes = append(read.prefixes, block(aws.ToString(e.Cidr)))
				read.texts = append(read.texts, aws.ToString(e.Cidr))
				return true
			})
		if err != nil {
			return nil, err
		}
		return read, nil
	})
}

// askInterfaces finds the interfaces that have public addresses.
func (g *region) askInterfaces(ctx context.Context, addresses []netip.Addr) ([]iface, error) {
	var texts []string
	for _, a := range addresses {
		texts = append(texts, a.String())
	}
	var found []iface
	pages := ec2.NewDescribeNetworkInterfacesPaginator(g.client, &ec2.DescribeNetworkInterfacesInput{
		Filters: []types.Filter{{Name: aws.String("association.public-ip"), Values: texts}}, MaxResults: aws.Int32(pageSize),
	})
	err := readAll(ctx, interfacesCall, pages, func(p *ec2.DescribeNetworkInterfacesOutput) []types.NetworkInterface { return p.NetworkInterfaces },
		func(n *types.NetworkInterface) bool {
			read := readInterface(n)
			found = append(found, read)
			return read.id != "" && read.subnet != ""
		})
	return found, err
}
