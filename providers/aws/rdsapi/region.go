// Package rdsapi is what the kinds share that Amazon lists through the RDS API:
// RDS itself, Aurora, DocumentDB and Neptune. They are told apart by their
// engine, so the instances and clusters of a region are listed once for all of
// them, and each is reported by exactly one kind:
//
//   - an instance that belongs to no cluster is a store of its own;
//   - a cluster is one store however many instances it has: they are the doors
//     to the one set of data behind them. A cluster that is not listed itself is
//     reported on the word of its instances.
package rdsapi

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/aws/account"
)

// The listing calls.
const (
	InstancesCall = "rds:DescribeDBInstances"
	ClustersCall  = "rds:DescribeDBClusters"
)

// Family is the service that an engine belongs to.
type Family string

// The families. What is none of the others, and what nobody has heard of yet,
// belongs to RDS.
const (
	RDS        Family = "rds"
	Aurora     Family = "aurora"
	DocumentDB Family = "documentdb"
	Neptune    Family = "neptune"
)

// FamilyOf tells the family of an engine.
//
// Source: Amazon RDS API Reference, CreateDBCluster and CreateDBInstance,
// parameter Engine; the API references of Amazon DocumentDB ("docdb") and Amazon
// Neptune ("neptune").
func FamilyOf(engine string) Family {
	switch {
	case engine == "aurora" || strings.HasPrefix(engine, "aurora-"):
		return Aurora
	case engine == "docdb":
		return DocumentDB
	case engine == "neptune":
		return Neptune
	}
	return RDS
}

// asksForPassword reports whether an engine is one of those of RDS, none of
// which lets anybody in without a password or a token. Of an engine that is not
// known, nobody can say.
//
// Source: Amazon RDS API Reference, CreateDBInstance, parameters Engine and
// MasterUsername.
func asksForPassword(engine string) bool {
	return slices.Contains([]string{"mysql", "mariadb", "postgres"}, engine) || slices.ContainsFunc(
		[]string{"oracle-", "sqlserver-", "db2-", "custom-oracle-", "custom-sqlserver-"},
		func(start string) bool { return strings.HasPrefix(engine, start) },
	)
}

// Region is what the RDS API lists in one region of an account. Only what the
// kinds need is kept of each answer.
type Region struct {
	client    *rds.Client
	instances collect.Once[[]*Instance]
	clusters  collect.Once[[]*Cluster]
}

// In returns the region that all kinds share. Nothing is asked yet.
func In(a *account.Account, region string) *Region {
	return account.Shared(a, "rdsapi "+region, func() *Region {
		return &Region{client: rds.NewFromConfig(a.Config(region))}
	})
}

// Instances returns the region's instances in the order of the listing. With an
// error come those of the pages before it.
func (r *Region) Instances(ctx context.Context) ([]*Instance, error) {
	return r.instances.Get(ctx, func(ctx context.Context) ([]*Instance, error) {
		return gather(ctx, rds.NewDescribeDBInstancesPaginator(r.client, &rds.DescribeDBInstancesInput{}),
			func(page *rds.DescribeDBInstancesOutput) ([]types.DBInstance, error) {
				if page.DBInstances == nil {
					return nil, collect.Malformed(InstancesCall, "no list of instances in it")
				}
				return page.DBInstances, nil
			}, newInstance)
	})
}

// Clusters returns the region's clusters, like Instances.
func (r *Region) Clusters(ctx context.Context) ([]*Cluster, error) {
	return r.clusters.Get(ctx, func(ctx context.Context) ([]*Cluster, error) {
		return gather(ctx, rds.NewDescribeDBClustersPaginator(r.client, &rds.DescribeDBClustersInput{}),
			func(page *rds.DescribeDBClustersOutput) ([]types.DBCluster, error) {
				if page.DBClusters == nil {
					return nil, collect.Malformed(ClustersCall, "no list of clusters in it")
				}
				return page.DBClusters, nil
			}, newCluster)
	})
}

// pages are what the SDK makes of a listing call.
type pages[Page, Options any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*Options)) (*Page, error)
}

// gather reads a listing to its end and keeps the short form of each entry. An
// entry without a name cannot be told from others: it does not hide them, and
// the listing is not taken for complete.
func gather[Page, Options, Entry, Short any](
	ctx context.Context, pages pages[Page, Options],
	entries func(*Page) ([]Entry, error), shorten func(*Entry) (*Short, error),
) ([]*Short, error) {
	var all []*Short
	var nameless error
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var found []Entry
		if err == nil {
			found, err = entries(page)
		}
		if err != nil {
			return all, err
		}
		for i := range found {
			short, err := shorten(&found[i])
			if err != nil {
				nameless = err
				continue
			}
			all = append(all, short)
		}
	}
	return all, nameless
}
