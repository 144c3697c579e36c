// Package ebssnapshot collects the snapshots of Amazon EBS volumes, which their
// owner may share with accounts or with everybody. Which of them everybody may
// use is one listing for a whole region, so it costs no call per snapshot.
package ebssnapshot

import (
	"context"
	_ "embed"
	"iter"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/shareattribute"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.ebs.snapshot.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall      = "ec2:DescribeSnapshots"
	attributeCall = "ec2:DescribeSnapshotAttribute"
	blockCall     = "ec2:GetSnapshotBlockPublicAccessState"

	listed = "/DescribeSnapshotsResponse/snapshotSet/item"

	goneCode = "InvalidSnapshot.NotFound"
)

// copyAction is what a stranger does with one that is shared with everybody.
const copyAction = "ec2:CreateVolume"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *ec2.Client
}

// New returns the collector of an account's snapshots in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: ec2.NewFromConfig(a.Config(scope.Region))}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// List lists the account's snapshots. The first of them that could be public
// makes it list the public ones, too. Where that is refused, all snapshots are
// listed as perhaps public, and the refusal comes last.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		l := &listing{collector: c}
		for r, err := range account.List(ctx, c.pages(), l.entries(ctx), l.describe) {
			if !yield(r, err) || err != nil {
				return
			}
		}
		if l.refused != nil {
			yield(nil, l.refused)
		}
	}
}

// pages lists the account's own snapshots: those that restorers may use, or all
// where none are given.
func (c *collector) pages(restorers ...string) *ec2.DescribeSnapshotsPaginator {
	return ec2.NewDescribeSnapshotsPaginator(c.client, &ec2.DescribeSnapshotsInput{
		OwnerIds: []string{"self"}, RestorableByUserIds: restorers, MaxResults: aws.Int32(1000),
	})
}

func entries(page *ec2.DescribeSnapshotsOutput) ([]types.Snapshot, error) {
	if page.Snapshots == nil {
		return nil, collect.Malformed(listCall, "no list of snapshots in it")
	}
	if slices.ContainsFunc(page.Snapshots, func(s types.Snapshot) bool { return aws.ToString(s.SnapshotId) == "" }) {
		return nil, collect.Malformed(listCall, "a snapshot without an identifier")
	}
	return page.Snapshots, nil
}

// describe passes over what another account owns: some endpoints list that, too.
func (c *collector) describe(s *types.Snapshot) *resource.Resource {
	if owner := aws.ToString(s.OwnerId); owner != "" && owner != c.account.ID {
		return nil
	}
	id := aws.ToString(s.SnapshotId)
	r := &resource.Resource{
		ID:   resource.ID("arn:" + c.account.Partition + ":ec2:" + c.scope.Region + "::snapshot/" + id),
		Kind: Kind.Name, Class: Kind.Class, Name: id, Scope: c.scope,
		Created: aws.ToTime(s.StartTime), Tags: shareattribute.Tags(s.Tags, tag),
	}
	shareattribute.Settings(
		r, resource.Evidence{Call: listCall, Of: c.account.ID, Pointer: shareattribute.Item(listed, "snapshotId", id)},
		shareattribute.Member{Key: "source", Element: "volumeId", Value: s.VolumeId},
		shareattribute.Member{Key: "kms_key", Element: "kmsKeyId", Value: s.KmsKeyId},
		shareattribute.Member{Key: shareattribute.Encrypted, Element: "encrypted", Value: s.Encrypted},
	)
	shareattribute.GuardEncrypted(r, c.account.Custom)
	return r
}

func tag(t types.Tag) (key, value *string) { return t.Key, t.Value }

func (c *collector) Questions(*resource.Resource) []*collect.Question {
	permissions := Kind.Question(attributeCall, c.askPermissions)
	if c.account.Custom {
		permissions.Hides = shareattribute.ToAnybody(resource.Gap{Hides: permissions.Hides}).Hides
	}
	return []*collect.Question{Kind.Question(blockCall, c.askBlock), permissions}
}

// askPermissions asks for the named accounts. The answer names the group of all
// accounts, too; Amazon's listing of the public snapshots said so already, unless
// it passes over those that Block Public Access hides, which is not documented.
func (c *collector) askPermissions(ctx context.Context, r *resource.Resource) error {
	answer, err := c.client.DescribeSnapshotAttribute(ctx, &ec2.DescribeSnapshotAttributeInput{
		SnapshotId: aws.String(r.Name), Attribute: types.SnapshotAttributeNameCreateVolumePermission,
	})
	if account.Code(err) == goneCode {
		r.Gone = true
		return nil
	}
	if err != nil {
		return err
	}
	if answer.CreateVolumePermissions == nil || aws.ToString(answer.SnapshotId) != r.Name {
		return collect.Malformed(attributeCall, "no permissions of the snapshot in it")
	}
	const permission = "/DescribeSnapshotAttributeResponse/createVolumePermission/item"
	sharing := shareattribute.Sharing{Owner: c.account.ID, Action: copyAction, Listed: !c.account.Custom}
	for i, p := range answer.CreateVolumePermissions {
		sharing.Permission(string(p.Group), aws.ToString(p.UserId), resource.Evidence{Call: attributeCall, Of: r.Name, Pointer: permission}, i)
	}
	sharing.Describe(r)
	return nil
}
