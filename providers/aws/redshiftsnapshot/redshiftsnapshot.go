// Package redshiftsnapshot collects the manual snapshots of Amazon Redshift
// clusters, which their owner may share with accounts, and never with everybody.
// The listing says with which, so no snapshot costs a call of its own.
package redshiftsnapshot

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/redshift"
	"github.com/aws/aws-sdk-go-v2/service/redshift/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/shareattribute"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.redshift.snapshot.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall = "redshift:DescribeClusterSnapshots"
	listed   = "/DescribeClusterSnapshotsResponse/DescribeClusterSnapshotsResult/Snapshots/Snapshot"
)

// manual are the snapshots that can be shared.
//
// Source: Amazon Redshift Management Guide, "Sharing a snapshot".
const manual = "manual"

// support stands for the support team of AWS, which has no account of its own in
// the attribute.
//
// Source: Amazon Redshift API Reference, AccountWithRestoreAccess.
const support = "amazon-redshift-support"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *redshift.Client
}

// New returns the collector of an account's manual snapshots in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: redshift.NewFromConfig(a.Config(scope.Region))}
}

func (c *collector) Kind() *collect.Kind { return Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := redshift.NewDescribeClusterSnapshotsPaginator(c.client, &redshift.DescribeClusterSnapshotsInput{
		SnapshotType: aws.String(manual), MaxRecords: aws.Int32(100),
	})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *redshift.DescribeClusterSnapshotsOutput) ([]types.Snapshot, error) {
	if page.Snapshots == nil {
		return nil, collect.Malformed(listCall, "no list of snapshots in it")
	}
	if slices.ContainsFunc(page.Snapshots, func(s types.Snapshot) bool { return aws.ToString(s.SnapshotIdentifier) == "" }) {
		return nil, collect.Malformed(listCall, "a snapshot without an identifier")
	}
	return page.Snapshots, nil
}

func (c *collector) describe(s *types.Snapshot) *resource.Resource {
	name := aws.ToString(s.SnapshotIdentifier)
	r := &resource.Resource{
		ID: resource.ID(aws.ToString(s.SnapshotArn)), Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
		Created: aws.ToTime(s.SnapshotCreateTime), Tags: shareattribute.Tags(s.Tags, tag),
	}
	if r.ID == "" {
		r.ID = resource.ID("arn:" + c.account.Partition + ":redshift:" + c.scope.Region + ":" + c.account.ID + ":snapshot:" +
			aws.ToString(s.ClusterIdentifier) + "/" + name)
	}
	at := resource.Evidence{Call: listCall, Of: c.account.ID, Pointer: shareattribute.Item(listed, "SnapshotIdentifier", name)}
	shareattribute.Settings(
		r, at,
		shareattribute.Member{Key: "source", Element: "ClusterIdentifier", Value: s.ClusterIdentifier},
		shareattribute.Member{Key: "kms_key", Element: "KmsKeyId", Value: s.KmsKeyId},
		shareattribute.Member{Key: shareattribute.Encrypted, Element: "Encrypted", Value: s.Encrypted},
	)
	at.Pointer += "/AccountsWithRestoreAccess/AccountWithRestoreAccess"
	c.share(s.AccountsWithRestoreAccess, at).Describe(r)
	return r
}

func tag(t types.Tag) (key, value *string) { return t.Key, t.Value }

// share reads the accounts that may restore a snapshot. The list is not there at
// all where there is none.
func (c *collector) share(accounts []types.AccountWithRestoreAccess, list resource.Evidence) *shareattribute.Sharing {
	sharing := &shareattribute.Sharing{Owner: c.account.ID, Action: "redshift:RestoreFromClusterSnapshot"}
	for i, a := range accounts {
		from := list
		from.Pointer += fmt.Sprintf("[%d]", i+1)
		if aws.ToString(a.AccountAlias) == support {
			from.Pointer, from.Quote = from.Pointer+"/AccountAlias", support
			sharing.Outsider(support, from)
			continue
		}
		from.Pointer += "/AccountId"
		sharing.Entry(aws.ToString(a.AccountId), from)
	}
	return sharing
}

func (c *collector) Questions(*resource.Resource) []*collect.Question { return nil }
