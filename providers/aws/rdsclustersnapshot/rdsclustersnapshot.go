// Package rdsclustersnapshot collects the manual snapshots of clusters, which
// their owner may share with accounts or with everybody: of Amazon Aurora and of
// Multi-AZ clusters of Amazon RDS, of Amazon DocumentDB and of Amazon Neptune,
// all of which the RDS API lists.
package rdsclustersnapshot

import (
	"context"
	_ "embed"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/shareattribute"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.rds.cluster_snapshot.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall      = "rds:DescribeDBClusterSnapshots"
	attributeCall = "rds:DescribeDBClusterSnapshotAttributes"

	listed    = "/DescribeDBClusterSnapshotsResponse/DescribeDBClusterSnapshotsResult/DBClusterSnapshots/DBClusterSnapshot"
	attribute = "/DescribeDBClusterSnapshotAttributesResponse/DescribeDBClusterSnapshotAttributesResult/DBClusterSnapshotAttributesResult/DBClusterSnapshotAttributes/DBClusterSnapshotAttribute"

	goneCode = "DBClusterSnapshotNotFoundFault"
)

// manual are the snapshots that can be shared. Automated ones and those of AWS
// Backup have to be copied first, and the copy is a manual one.
//
// Source: Amazon Aurora User Guide, "Sharing a DB cluster snapshot".
const manual = "manual"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *rds.Client
}

// New returns the collector of an account's manual snapshots in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: rds.NewFromConfig(a.Config(scope.Region))}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// List lists what can be shared. RDS has no call for the public snapshots of
// one account: the type "public" answers with those of every account there is.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := rds.NewDescribeDBClusterSnapshotsPaginator(c.client, &rds.DescribeDBClusterSnapshotsInput{SnapshotType: aws.String(manual), MaxRecords: aws.Int32(100)})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *rds.DescribeDBClusterSnapshotsOutput) ([]types.DBClusterSnapshot, error) {
	if page.DBClusterSnapshots == nil {
		return nil, collect.Malformed(listCall, "no list of snapshots in it")
	}
	if slices.ContainsFunc(page.DBClusterSnapshots, func(s types.DBClusterSnapshot) bool { return aws.ToString(s.DBClusterSnapshotIdentifier) == "" }) {
		return nil, collect.Malformed(listCall, "a snapshot without an identifier")
	}
	return page.DBClusterSnapshots, nil
}

func (c *collector) describe(s *types.DBClusterSnapshot) *resource.Resource {
	name := aws.ToString(s.DBClusterSnapshotIdentifier)
	r := &resource.Resource{
		ID: resource.ID(aws.ToString(s.DBClusterSnapshotArn)), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
		Created: aws.ToTime(s.SnapshotCreateTime), Tags: shareattribute.Tags(s.TagList, tag),
	}
	if r.ID == "" {
		r.ID = resource.ID("arn:" + c.account.Partition + ":rds:" + c.scope.Region + ":" + c.account.ID + ":cluster-snapshot:" + name)
	}
	shareattribute.Settings(
		r, resource.Evidence{Call: listCall, Of: c.account.ID, Pointer: shareattribute.Item(listed, "DBClusterSnapshotIdentifier", name)},
		shareattribute.Member{Key: "engine", Element: "Engine", Value: s.Engine},
		shareattribute.Member{Key: "source", Element: "DBClusterIdentifier", Value: s.DBClusterIdentifier},
		shareattribute.Member{Key: "kms_key", Element: "KmsKeyId", Value: s.KmsKeyId},
		shareattribute.Member{Key: shareattribute.Encrypted, Element: "StorageEncrypted", Value: s.StorageEncrypted},
	)
	shareattribute.GuardEncrypted(r, c.account.Custom)
	return r
}

func tag(t types.Tag) (key, value *string) { return t.Key, t.Value }

func (c *collector) Questions(*resource.Resource) []*collect.Question {
	return []*collect.Question{Kind.Question(attributeCall, c.askAttributes)}
}

func (c *collector) askAttributes(ctx context.Context, r *resource.Resource) error {
	answer, err := c.client.DescribeDBClusterSnapshotAttributes(ctx, &rds.DescribeDBClusterSnapshotAttributesInput{DBClusterSnapshotIdentifier: aws.String(r.Name)})
	if account.Code(err) == goneCode {
		r.Gone = true
		return nil
	}
	if err != nil {
		return err
	}
	found := answer.DBClusterSnapshotAttributesResult
	if found == nil || found.DBClusterSnapshotAttributes == nil || !strings.EqualFold(aws.ToString(found.DBClusterSnapshotIdentifier), r.Name) {
		return collect.Malformed(attributeCall, "no attributes of the snapshot in it")
	}
	sharing := shareattribute.Sharing{Owner: c.account.ID, Action: "rds:RestoreDBClusterFromSnapshot"}
	for _, a := range found.DBClusterSnapshotAttributes {
		sharing.Attribute(aws.ToString(a.AttributeName), a.AttributeValues, resource.Evidence{Call: attributeCall, Of: r.Name, Pointer: attribute})
	}
	sharing.Describe(r)
	return nil
}
