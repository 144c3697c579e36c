package rdsapi

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/network"
)

// Cluster is one database cluster with its instances.
type Cluster struct {
	Name, ARN, Engine, Status string
	Created                   time.Time
	Tags                      map[string]string
	// Public is the flag of a Multi-AZ cluster of RDS; elsewhere each instance
	// has its own. Gateway, VPC and DataAPI are Aurora's. All are nil where the
	// listing does not say.
	Public, IAM, Encrypted, Gateway, VPC, DataAPI *bool
	// Instances are those that say they belong to it, by name.
	Instances []*Instance
	// Unlisted are the instances that it names and that were not listed.
	Unlisted []string
	// Assumed is set when the cluster was not listed itself: it is known from its
	// instances alone.
	Assumed bool

	port      uint16
	groups    []string
	members   []string
	lender    *Instance // whose engine it is said to have, where its entry names none
	unsettled bool      // there may be more instances than were listed
}

func newCluster(d *types.DBCluster) (*Cluster, error) {
	if aws.ToString(d.DBClusterIdentifier) == "" {
		return nil, collect.Malformed(ClustersCall, "a cluster without a name")
	}
	c := &Cluster{
		Name: aws.ToString(d.DBClusterIdentifier), ARN: aws.ToString(d.DBClusterArn),
		Engine: aws.ToString(d.Engine), Status: aws.ToString(d.Status), Created: aws.ToTime(d.ClusterCreateTime), Tags: tags(d.TagList),
		Public: d.PubliclyAccessible, IAM: d.IAMDatabaseAuthenticationEnabled, Encrypted: d.StorageEncrypted,
		Gateway: d.InternetAccessGatewayEnabled, VPC: d.VPCNetworkingEnabled, DataAPI: d.HttpEndpointEnabled,
		port: port(d.Port), groups: groups(d.VpcSecurityGroups),
	}
	for _, m := range d.DBClusterMembers {
		c.members = append(c.members, aws.ToString(m.DBInstanceIdentifier))
	}
	return c, nil
}

// assemble gives each cluster its instances, and makes clusters of the instances
// whose cluster is not listed. It changes no cluster that others look at. whole
// says that the listing of the instances reached its end.
func assemble(listed []*Cluster, instances []*Instance, whole bool) []*Cluster {
	doors := make(map[string][]*Instance)
	names := make(map[string]bool, len(instances))
	for _, i := range instances {
		names[i.Name] = true
		if i.Cluster != "" {
			doors[i.Cluster] = append(doors[i.Cluster], i)
		}
	}
	all := make([]*Cluster, 0, len(listed))
	for _, c := range listed {
		own := *c
		own.Instances = doors[c.Name]
		own.Unlisted = slices.DeleteFunc(slices.Clone(c.members), func(name string) bool { return names[name] })
		delete(doors, c.Name)
		all = append(all, &own)
	}
	for _, name := range slices.Sorted(maps.Keys(doors)) {
		all = append(all, &Cluster{Name: name, Instances: doors[name], Assumed: true})
	}
	for _, c := range all {
		c.borrowEngine()
		c.unsettled = !whole || len(c.Unlisted) > 0
	}
	return all
}

func (c *Cluster) borrowEngine() {
	for _, i := range c.Instances {
		if c.Engine == "" && i.Engine != "" {
			c.Engine, c.lender = i.Engine, i
		}
	}
}

// open returns the instances that have a public address, or may have one.
func (c *Cluster) open() []*Instance {
	return slices.DeleteFunc(slices.Clone(c.Instances), func(i *Instance) bool {
		return !aws.ToBool(c.Public) && i.Public != nil && !*i.Public
	})
}

// endpoint is where the cluster listens: at each of its open instances, each of
// which is in one subnet. Only where that one is known for each of them does a
// way into one subnet mean a way into the cluster.
func (c *Cluster) endpoint() network.Endpoint {
	e := network.Endpoint{IPv4: true, Port: c.port, SecurityGroups: slices.Clone(c.groups), Everywhere: true}
	for _, i := range c.Instances {
		e.VPC = cmp.Or(e.VPC, i.vpc)
	}
	differ := false
	for _, i := range c.open() {
		door := i.endpoint()
		e.IPv6, e.MaybeIPv6 = e.IPv6 || door.IPv6, e.MaybeIPv6 || door.MaybeIPv6
		if e.Port = cmp.Or(e.Port, door.Port); !slices.Contains([]uint16{0, e.Port}, door.Port) {
			differ = true
		}
		e.SecurityGroups = append(e.SecurityGroups, door.SecurityGroups...)
		e.Subnets = append(e.Subnets, door.Subnets...)
		e.Everywhere = e.Everywhere && len(door.Subnets) == 1
	}
	if differ || c.unsettled { // an instance may listen on another port than its cluster says
		e.Port = 0
	}
	slices.Sort(e.SecurityGroups)
	e.SecurityGroups = slices.Compact(e.SecurityGroups)
	slices.Sort(e.Subnets)
	e.Subnets = slices.Compact(e.Subnets)
	if c.unsettled && !aws.ToBool(c.Public) && !slices.ContainsFunc(c.Instances, func(i *Instance) bool { return aws.ToBool(i.Public) }) {
		e.IPv6 = true // what is not listed may have any address
	}
	if c.unsettled || len(c.open()) == 0 || slices.ContainsFunc(c.open(), func(i *Instance) bool { return len(i.subnets) == 0 }) {
		e.Subnets, e.Everywhere = nil, false // any subnet of the VPC
	}
	return e
}

func clusterPath(name string) string {
	return "/DescribeDBClustersResponse/DescribeDBClustersResult/DBClusters/DBCluster[DBClusterIdentifier=" + strconv.Quote(name) + "]"
}

// From cites a member of the cluster's entry in the listing, or of its first
// instance's where it has none of its own.
func (c *Cluster) From(member, quote string) resource.Evidence {
	if c.Assumed {
		return c.Instances[0].from(member, quote)
	}
	e := resource.Evidence{Call: ClustersCall, Of: c.Name, Pointer: clusterPath(c.Name), Quote: quote}
	if member != "" {
		e.Pointer += "/" + member
	}
	return e
}
