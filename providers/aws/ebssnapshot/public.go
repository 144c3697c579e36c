package ebssnapshot

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
	"github.com/andon-audit/andon/providers/aws/shareattribute"
)

// listing is the listing of one region: its snapshots, and which of them are
// public. Only the ids of the public ones are kept.
type listing struct {
	*collector
	asked   bool
	public  map[string]bool
	refused error
	// unlisted is what a snapshot lacks while refused is set.
	unlisted resource.Gap
}

// entries takes the snapshots out of a page, and asks for the public ones before
// the first page that holds one that may be among them.
func (l *listing) entries(ctx context.Context) func(*ec2.DescribeSnapshotsOutput) ([]types.Snapshot, error) {
	return func(page *ec2.DescribeSnapshotsOutput) ([]types.Snapshot, error) {
		found, err := entries(page)
		for i := range found {
			if l.asked || l.closed(&found[i]) {
				continue
			}
			if err := l.askPublic(ctx); err != nil {
				return nil, err
			}
		}
		return found, err
	}
}

// closed reports that the listing of the public snapshots would say nothing about
// one: it cannot be among them, or the endpoint is not Amazon's and may pass over
// the parameter that chooses them (moto does).
func (l *listing) closed(s *types.Snapshot) bool {
	return aws.ToBool(s.Encrypted) || l.account.Custom
}

// askPublic asks for the public snapshots and keeps a refusal for later: it does
// not hide the snapshots. The end of a run is no refusal.
func (l *listing) askPublic(ctx context.Context) error {
	l.asked = true
	l.refused = l.findPublic(ctx)
	if l.refused == nil {
		return nil
	}
	gap, err := resourcepolicy.Unread(l.refused, listCall, Kind.Lists[0].Permission)
	if err != nil {
		return err
	}
	l.unlisted = shareattribute.ToAnybody(gap)
	l.unlisted.Detail = "the public snapshots could not be listed: " + gap.Detail
	return nil
}

// findPublic lists those of the account's snapshots that everybody may use. What
// was found before a page was refused stays.
func (l *listing) findPublic(ctx context.Context) error {
	l.public = make(map[string]bool)
	for pages := l.pages(shareattribute.All); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		found, err := entries(page)
		if err != nil {
			return err
		}
		for i := range found {
			l.public[aws.ToString(found[i].SnapshotId)] = true
		}
	}
	return nil
}

// describe adds to a snapshot what the listing of the public ones said, or that
// it said nothing.
func (l *listing) describe(s *types.Snapshot) *resource.Resource {
	r := l.collector.describe(s)
	if r == nil {
		return nil
	}
	switch {
	case l.public[r.Name]:
		r.Grants = append(r.Grants, shareattribute.ToEverybody(r.ID, copyAction, resource.Evidence{
			Call: listCall, Of: shareattribute.All, Pointer: shareattribute.Item(listed, "snapshotId", r.Name) + "/snapshotId", Quote: r.Name,
		}))
	case l.refused != nil && !l.closed(s):
		r.Gaps = append(r.Gaps, l.unlisted)
	}
	return r
}

// blockedAll is the one state that closes what is public already.
//
// Source: Amazon EBS User Guide, "Block public access for Amazon EBS snapshots":
// in the mode "block all sharing" snapshots that were already shared are treated
// as private, although their attributes still say otherwise; in "block new
// sharing" they stay public.
const blockedAll = types.SnapshotBlockPublicAccessStateBlockAllSharing

// block is the Block Public Access of a region's snapshots, asked once.
func (c *collector) block(ctx context.Context) (types.SnapshotBlockPublicAccessState, error) {
	fact := account.Shared(c.account, "snapshot block "+c.scope.Region, func() *collect.Once[types.SnapshotBlockPublicAccessState] {
		return new(collect.Once[types.SnapshotBlockPublicAccessState])
	})
	return fact.Get(ctx, func(ctx context.Context) (types.SnapshotBlockPublicAccessState, error) {
		answer, err := c.client.GetSnapshotBlockPublicAccessState(ctx, &ec2.GetSnapshotBlockPublicAccessStateInput{})
		if err != nil {
			return "", err
		}
		return answer.State, nil
	})
}

func (c *collector) askBlock(ctx context.Context, r *resource.Resource) error {
	state, err := c.block(ctx)
	if err != nil {
		return err
	}
	from := resource.Evidence{
		Call: blockCall, Of: c.scope.Region, Pointer: "/GetSnapshotBlockPublicAccessStateResponse/state", Quote: string(state),
	}
	switch state {
	case blockedAll:
		r.Guards = append(r.Guards, resource.Guard{
			Name: "Block Public Access for snapshots", On: []resource.Channel{shareattribute.Public}, Cap: resource.Nobody, Because: []resource.Evidence{from},
		})
	case types.SnapshotBlockPublicAccessStateBlockNewSharing, types.SnapshotBlockPublicAccessStateUnblocked:
	default:
		return collect.Malformed(blockCall, "the state %q of Block Public Access is not known", state)
	}
	r.Set("block_public_access", string(state), from)
	return nil
}
