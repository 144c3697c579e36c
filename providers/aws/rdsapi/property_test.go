package rdsapi

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/network"
)

var testKind = collect.MustParseKind([]byte(`
kind: aws.test.cluster
class: database
title: a cluster
public: it is open
channels: {network: packets}
lists:
- {call: "rds:DescribeDBClusters", permission: "rds:DescribeDBClusters"}
- {call: "rds:DescribeDBInstances", permission: "rds:DescribeDBInstances"}
references: [none]
`))

var engines = []string{"mysql", "aurora-mysql", "docdb", "neptune", "graphite", ""}

// draw makes clusters and instances that may or may not know of each other.
func draw(t *rapid.T) ([]*Cluster, []*Instance) {
	var clusters []*Cluster
	var instances []*Instance
	flag := func(label string) *bool {
		return rapid.SampledFrom([]*bool{nil, new(bool), ptr(true)}).Draw(t, label)
	}
	for n := range rapid.IntRange(0, 4).Draw(t, "instances") {
		instances = append(instances, &Instance{
			Name: fmt.Sprintf("i%d", n), Engine: rapid.SampledFrom(engines).Draw(t, "engine"), Public: flag("public"),
			Cluster: rapid.SampledFrom([]string{"", "c0", "c1", "c2"}).Draw(t, "cluster"),
			vpc:     "vpc-1", subnets: rapid.SampledFrom([][]string{nil, {"s1"}, {"s1", "s2"}}).Draw(t, "subnets"),
		})
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "clusters") {
		c := &Cluster{Name: fmt.Sprintf("c%d", n), Engine: rapid.SampledFrom(engines).Draw(t, "engine"), Public: flag("public"), IAM: flag("iam")}
		for _, i := range instances {
			if i.Cluster == c.Name && rapid.Bool().Draw(t, "named") {
				c.members = append(c.members, i.Name)
			}
		}
		clusters = append(clusters, c)
	}
	return clusters, instances
}

func ptr[T any](v T) *T { return &v }

// Whatever the listings hold, each cluster is assembled once and each of its
// instances stands in exactly one of them.
func TestAssembleLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters, instances := draw(t)
		all := assemble(clusters, instances, true)
		seen := make(map[string]int)
		for _, c := range all {
			seen["cluster "+c.Name]++
			for _, i := range c.Instances {
				seen["instance "+i.Name]++
				if i.Cluster != c.Name {
					t.Fatalf("%s stands in %s and belongs to %q", i.Name, c.Name, i.Cluster)
				}
			}
		}
		for _, c := range clusters {
			if seen["cluster "+c.Name] != 1 {
				t.Fatalf("cluster %s is there %d times", c.Name, seen["cluster "+c.Name])
			}
		}
		for _, i := range instances {
			want := 1
			if i.Cluster == "" {
				want = 0 // a store of its own
			}
			if seen["instance "+i.Name] != want {
				t.Fatalf("instance %s is there %d times, want %d", i.Name, seen["instance "+i.Name], want)
			}
		}
	})
}

func describe(c *Cluster, unread error) *resource.Resource {
	family := FamilyOf(c.Engine)
	return (&collector{kind: testKind, family: family, account: &account.Account{ID: "111111111111", Partition: "aws"}}).describe(c, unread)
}

// A cluster that loses an instance from the listing never looks safer, as long
// as it names the instance or the listing is known to have been cut short.
func TestLosingAnInstanceWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clusters, instances := draw(t)
		lost := rapid.IntRange(0, max(0, len(instances)-1)).Draw(t, "lost")
		if len(instances) == 0 {
			return
		}
		kept := slices.Delete(slices.Clone(instances), lost, lost+1)
		cut := rapid.Bool().Draw(t, "cut short")
		var unread error
		if cut {
			unread = collect.Malformed(InstancesCall, "half a page")
		}
		after := assemble(clusters, kept, !cut)
		for _, before := range assemble(clusters, instances, true) {
			known := cut || slices.Contains(before.members, instances[lost].Name) || before.Name != instances[lost].Cluster
			k := slices.IndexFunc(after, func(c *Cluster) bool { return c.Name == before.Name })
			if k < 0 || !known || after[k].Engine != before.Engine {
				continue // the last one who spoke of it, or of what it is
			}
			was, is := exposure.View{}.Range(describe(before, nil)), exposure.View{}.Range(describe(after[k], unread))
			if is.Most < was.Most {
				t.Fatalf("%s was %s and is %s without %s", before.Name, was, is, instances[lost].Name)
			}
		}
	})
}

// A way into one subnet is a way into the cluster only where every open instance
// is known to be in one subnet.
func TestEndpoint(t *testing.T) {
	at := func(public bool, subnets ...string) *Instance {
		return &Instance{Public: &public, vpc: "vpc-1", subnets: subnets, groups: []string{"sg-1"}, port: 5432}
	}
	for name, c := range map[string]struct {
		cluster Cluster
		want    network.Endpoint
	}{
		"two doors": {
			Cluster{Instances: []*Instance{at(true, "s1"), at(true, "s2")}},
			network.Endpoint{Subnets: []string{"s1", "s2"}, Everywhere: true},
		},
		"the private one does not count": {
			Cluster{Instances: []*Instance{at(true, "s1"), at(false, "s2", "s3")}},
			network.Endpoint{Subnets: []string{"s1"}, Everywhere: true},
		},
		"one of two subnets": {
			Cluster{Instances: []*Instance{at(true, "s1"), at(true, "s2", "s3")}},
			network.Endpoint{Subnets: []string{"s1", "s2", "s3"}},
		},
		"a door anywhere": {
			Cluster{Instances: []*Instance{at(true, "s1"), at(true)}},
			network.Endpoint{},
		},
		"an instance that is not listed": {
			Cluster{Instances: []*Instance{at(true, "s1")}, unsettled: true},
			network.Endpoint{},
		},
		"an instance that is not listed beside a private one": {
			Cluster{Instances: []*Instance{at(false, "s1")}, unsettled: true},
			network.Endpoint{IPv6: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.cluster.endpoint()
			if got.IPv6 != c.want.IPv6 || got.Everywhere != c.want.Everywhere || !slices.Equal(got.Subnets, c.want.Subnets) || got.VPC != "vpc-1" {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
