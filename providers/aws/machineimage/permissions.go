package machineimage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
	"github.com/andon-audit/andon/providers/aws/shareattribute"
)

// askPermissions asks for the named accounts and organisations.
func (c *collector) askPermissions(ctx context.Context, r *resource.Resource) error {
	answer, err := c.client.DescribeImageAttribute(ctx, &ec2.DescribeImageAttributeInput{
		ImageId: aws.String(r.Name), Attribute: types.ImageAttributeNameLaunchPermission,
	})
	if slices.Contains(goneCodes, account.Code(err)) {
		r.Gone = true
		return nil
	}
	if err != nil {
		return err
	}
	if answer.LaunchPermissions == nil || aws.ToString(answer.ImageId) != r.Name {
		return collect.Malformed(attributeCall, "no launch permissions of the image in it")
	}
	list := resource.Evidence{Call: attributeCall, Of: r.Name, Pointer: "/DescribeImageAttributeResponse/launchPermission/item"}
	sharing := shareattribute.Sharing{Owner: c.account.ID, Action: copyAction, Listed: true}
	var organisations []organisation
	for i, p := range answer.LaunchPermissions {
		if o := organisationOf(p, list, i); o.id != "" {
			organisations = append(organisations, o)
			continue
		}
		sharing.Permission(string(p.Group), aws.ToString(p.UserId), list, i)
	}
	if err := c.addOrganisations(ctx, r, &sharing, organisations); err != nil {
		return err
	}
	sharing.Describe(r)
	return nil
}

// organisation is an entry that shares an image with an organisation, or with a
// unit of one: its owner is who matters.
type organisation struct {
	id   string
	from resource.Evidence
}

// organisationOf reads the organisation out of an entry; its id is empty where
// the entry names none that can be read.
//
// Source: Amazon EC2 User Guide, "Share an AMI with organizations and
// organizational units": an image can be shared with organisations that its
// owner is not a member of.
func organisationOf(p types.LaunchPermission, list resource.Evidence, i int) organisation {
	list.Pointer += fmt.Sprintf("[%d]", i+1)
	element, text := "organizationArn", aws.ToString(p.OrganizationArn)
	if text == "" {
		element, text = "organizationalUnitArn", aws.ToString(p.OrganizationalUnitArn)
	}
	parsed, err := arn.Parse(text)
	if err != nil || parsed.Service != "organizations" {
		return organisation{}
	}
	// organization/o-123 and ou/o-123/ou-456
	parts := strings.Split(parsed.Resource, "/")
	if len(parts) < 2 || !strings.HasPrefix(parts[1], "o-") {
		return organisation{}
	}
	list.Pointer, list.Quote = list.Pointer+"/"+element, text
	return organisation{parts[1], list}
}

// addOrganisations adds the organisations that are not the account's own. Where
// nobody says which that is, all of them may be others.
func (c *collector) addOrganisations(ctx context.Context, r *resource.Resource, sharing *shareattribute.Sharing, named []organisation) error {
	if len(named) == 0 {
		return nil
	}
	own, err := c.account.Organisation(ctx)
	if err != nil {
		gap, err := resourcepolicy.Unread(err, account.OrganisationCall, account.OrganisationCall)
		if err != nil {
			return err
		}
		var ids []string
		for _, o := range named {
			ids = append(ids, o.id)
		}
		r.Gaps = append(r.Gaps, shareattribute.ToSomebody(gap, ids...))
		return nil
	}
	for _, o := range named {
		if o.id != own {
			sharing.Outsider(o.id, o.from)
		}
	}
	return nil
}

// The states of Block Public Access for images. None of them closes an image
// that is public already.
//
// Source: Amazon EC2 User Guide, "Understand block public access for AMIs": "if
// you already have public AMIs, they remain publicly available".
const (
	blockedNew = string(types.ImageBlockPublicAccessEnabledStateBlockNewSharing)
	unblocked  = string(types.ImageBlockPublicAccessDisabledStateUnblocked)
)

// block is the Block Public Access of a region's images, asked once.
func (c *collector) block(ctx context.Context) (string, error) {
	fact := account.Shared(c.account, "image block "+c.scope.Region, func() *collect.Once[string] { return new(collect.Once[string]) })
	return fact.Get(ctx, func(ctx context.Context) (string, error) {
		answer, err := c.client.GetImageBlockPublicAccessState(ctx, &ec2.GetImageBlockPublicAccessStateInput{})
		if err != nil {
			return "", err
		}
		return aws.ToString(answer.ImageBlockPublicAccessState), nil
	})
}

func (c *collector) askBlock(ctx context.Context, r *resource.Resource) error {
	state, err := c.block(ctx)
	if err != nil {
		return err
	}
	if state != blockedNew && state != unblocked {
		return collect.Malformed(blockCall, "the state %q of Block Public Access is not known", state)
	}
	r.Set("block_public_access", state, resource.Evidence{
		Call: blockCall, Of: c.scope.Region, Pointer: "/GetImageBlockPublicAccessStateResponse/imageBlockPublicAccessState", Quote: state,
	})
	if state == blockedNew && slices.ContainsFunc(r.Grants, func(g resource.Grant) bool { return g.Via == shareattribute.Public }) {
		r.Notes = append(r.Notes, "Block Public Access for images only refuses new sharing: this image stays public")
	}
	return nil
}
