// Package rdssnapshot collects the manual snapshots of Amazon RDS instances,
// which their owner may share with accounts or with everybody. Snapshots of
// Amazon Neptune and DocumentDB are of clusters, and of another kind.
package rdssnapshot

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

// Kind is the declaration of aws.rds.snapshot.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall      = "rds:DescribeDBSnapshots"
	attributeCall = "rds:DescribeDBSnapshotAttributes"

	listed    = "/DescribeDBSnapshotsResponse/DescribeDBSnapshotsResult/DBSnapshots/DBSnapshot"
	attribute = "/DescribeDBSnapshotAttributesResponse/DescribeDBSnapshotAttributesResult/DBSnapshotAttributesResult/DBSnapshotAttributes/DBSnapshotAttribute"

	goneCode = "DBSnapshotNotFound"
)

// manual are the snapshots that can be shared. Automated ones and those of AWS
// Backup have to be copied first, and the copy is a manual one.
//
// Source: Amazon RDS User Guide, "Sharing a DB snapshot for Amazon RDS".
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
	pages := rds.NewDescribeDBSnapshotsPaginator(c.client, &rds.DescribeDBSnapshotsInput{SnapshotType: aws.String(manual), MaxRecords: aws.Int32(100)})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *rds.DescribeDBSnapshotsOutput) ([]types.DBSnapshot, error) {
	if page.DBSnapshots == nil {
		return nil, collect.Malformed(listCall, "no list of snapshots in it")
	}
	if slices.ContainsFunc(page.DBSnapshots, func(s types.DBSnapshot) bool { return aws.ToString(s.DBSnapshotIdentifier) == "" }) {
		return nil, collect.Malformed(listCall, "a snapshot without an identifier")
	}
	return page.DBSnapshots, nil
}

func (c *collector) describe(s *types.DBSnapshot) *resource.Resource {
	name := aws.ToString(s.DBSnapshotIdentifier)
	r := &resource.Resource{
		ID: resource.ID(aws.ToString(s.DBSnapshotArn)), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
		Created: aws.ToTime(s.SnapshotCreateTime), Tags: shareattribute.Tags(s.TagList, tag),
	}
	if r.ID == "" {
		r.ID = resource.ID("arn:" + c.account.Partition + ":rds:" + c.scope.Region + ":" + c.account.ID + ":snapshot:" + name)
	}
	shareattribute.Settings(
		r, resource.Evidence{Call: listCall, Of: c.account.ID, Pointer: shareattribute.Item(listed, "DBSnapshotIdentifier", name)},
		shareattribute.Member{Key: "engine", Element: "Engine", Value: s.Engine},
		shareattribute.Member{Key: "source", Element: "DBInstanceIdentifier", Value: s.DBInstanceIdentifier},
		shareattribute.Member{Key: "kms_key", Element: "KmsKeyId", Value: s.KmsKeyId},
		shareattribute.Member{Key: shareattribute.Encrypted, Element: "Encrypted", Value: s.Encrypted},
	)
	shareattribute.GuardEncrypted(r, c.account.Custom)
	return r
}

func tag(t types.Tag) (key, value *string) { return t.Key, t.Value }

func (c *collector) Questions(*resource.Resource) []*collect.Question {
	return []*collect.Question{Kind.Question(attributeCall, c.askAttributes)}
}

func (c *collector) askAttributes(ctx context.Context, r *resource.Resource) error {
	answer, err := c.client.DescribeDBSnapshotAttributes(ctx, &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: aws.String(r.Name)})
	if account.Code(err) == goneCode {
		r.Gone = true
		return nil
	}
	if err != nil {
		return err
	}
	found := answer.DBSnapshotAttributesResult
	if found == nil || found.DBSnapshotAttributes == nil || !strings.EqualFold(aws.ToString(found.DBSnapshotIdentifier), r.Name) {
		return collect.Malformed(attributeCall, "no attributes of the snapshot in it")
	}
	sharing := shareattribute.Sharing{Owner: c.account.ID, Action: "rds:RestoreDBInstanceFromDBSnapshot"}
	for _, a := range found.DBSnapshotAttributes {
		sharing.Attribute(aws.ToString(a.AttributeName), a.AttributeValues, resource.Evidence{Call: attributeCall, Of: r.Name, Pointer: attribute})
	}
	sharing.Describe(r)
	return nil
}
