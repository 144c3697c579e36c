package efsfilesystem

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/efs/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/network"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

const (
	targetsCall = "efs:DescribeMountTargets"
	groupsCall  = "efs:DescribeMountTargetSecurityGroups"
)

// nfs is the port of every mount target.
const nfs = 2049

// mounts finds out where a file system is mounted, and whether the internet gets
// there. Mount targets have private IPv4 addresses; only an IPv6 address can be
// one of the internet.
//
// Source: Amazon EFS API Reference, CreateMountTarget.
type mounts struct {
	*fileSystems
	id string
	// inner are the questions about the network in front of the targets that
	// have an address of the internet, by call; none where there is no such
	// target.
	inner map[string]*collect.Question
}

func (m *mounts) ask(ctx context.Context, r *resource.Resource) error {
	var open, all []types.MountTargetDescription
	pages := efs.NewDescribeMountTargetsPaginator(m.client, &efs.DescribeMountTargetsInput{FileSystemId: aws.String(m.id)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		if page.MountTargets == nil {
			return collect.Malformed(targetsCall, "no list of mount targets in it")
		}
		all = append(all, page.MountTargets...)
	}
	for _, t := range all {
		public, err := hasPublic(t)
		if err != nil {
			return err
		}
		if public {
			open = append(open, t)
		}
	}
	from := resource.Evidence{Call: targetsCall, Of: m.id, Pointer: "/MountTargets", Quote: fmt.Sprintf("%d mount targets", len(all))}
	r.Set("mount_targets", float64(len(all)), from)
	if len(open) > 0 {
		return m.tellOpen(ctx, r, open)
	}
	from.Quote = "no IPv6 address in it"
	r.Guards = append(r.Guards, resource.Guard{
		Name: "mount targets with private addresses only", On: []resource.Channel{network.Channel}, Cap: resource.Nobody, Because: []resource.Evidence{from},
	})
	return nil
}

func hasPublic(t types.MountTargetDescription) (bool, error) {
	if aws.ToString(t.Ipv6Address) == "" {
		return false, nil
	}
	address, err := netip.ParseAddr(*t.Ipv6Address)
	if err != nil {
		return false, collect.Malformed(targetsCall, "the IPv6 address of %s is none", aws.ToString(t.MountTargetId))
	}
	return netset.Public().Contains(address), nil
}

// tellOpen leaves open whether targets with an address of the internet answer
// it, as far as the network in front of them lets anybody through.
func (m *mounts) tellOpen(ctx context.Context, r *resource.Resource, open []types.MountTargetDescription) error {
	e := network.Endpoint{IPv6: true, Port: nfs, Everywhere: true}
	var names []string
	for _, t := range open {
		names = append(names, aws.ToString(t.MountTargetId))
		e.VPC = aws.ToString(t.VpcId)
		e.Subnets = append(e.Subnets, aws.ToString(t.SubnetId))
	}
	gap := Kind.Question(targetsCall, nil).Gap(resource.Undecided,
		"mount targets with an IPv6 address of the internet: "+strings.Join(names, ", ")+"; whether Amazon EFS answers from there is not documented")
	gap.Settings = nil
	groups, err := m.groups(ctx, names)
	if err != nil {
		unread, err := resourcepolicy.Unread(err, groupsCall, Kind.Question(groupsCall, nil).Permission)
		if err != nil {
			return err
		}
		unread.Shields = Kind.Question(groupsCall, nil).Shields
		r.Gaps = append(r.Gaps, unread)
	}
	e.SecurityGroups = groups
	r.Gaps = append(r.Gaps, gap)
	m.inner = make(map[string]*collect.Question)
	for _, q := range network.Questions(Kind, m.Account, m.Scope.Region, r, e) {
		m.inner[q.Call] = q
	}
	return nil
}

// groups returns the security groups in front of mount targets: nobody is let in
// that none of them lets in. Where one is not known, none is.
func (m *mounts) groups(ctx context.Context, targets []string) ([]string, error) {
	var all []string
	for _, target := range targets {
		answer, err := m.client.DescribeMountTargetSecurityGroups(ctx, &efs.DescribeMountTargetSecurityGroupsInput{MountTargetId: aws.String(target)})
		if err != nil {
			return nil, err
		}
		if len(answer.SecurityGroups) == 0 {
			return nil, collect.Malformed(groupsCall, "no security group in it")
		}
		all = append(all, answer.SecurityGroups...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// networkCalls are asked only of file systems that the internet could reach.
var networkCalls = []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeNetworkAcls"}

// network are the questions about the network, known before it is known whether
// there is anything to ask.
func (m *mounts) network() []*collect.Question {
	var questions []*collect.Question
	for _, call := range networkCalls {
		questions = append(questions, Kind.Question(call, func(ctx context.Context, r *resource.Resource) error {
			if inner := m.inner[call]; inner != nil {
				return inner.Ask(ctx, r)
			}
			return nil
		}))
	}
	return questions
}
