// Package machineimage collects Amazon Machine Images, which their owner may
// share with accounts, organisations and everybody. The listing says which of
// them are public, so that costs no call per image.
package machineimage

import (
	"context"
	_ "embed"
	"iter"
	"slices"
	"time"

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

// Kind is the declaration of aws.ec2.image.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall      = "ec2:DescribeImages"
	attributeCall = "ec2:DescribeImageAttribute"
	blockCall     = "ec2:GetImageBlockPublicAccessState"

	listed = "/DescribeImagesResponse/imagesSet/item"
)

// goneCodes say that an image is not there any more. A deregistered one is
// "unavailable" for a while.
var goneCodes = []string{"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"}

// copyAction is what a stranger does with one that is shared with everybody.
const copyAction = "ec2:RunInstances"

type collector struct {
	account *account.Account
	scope   resource.Scope
	client  *ec2.Client
}

// New returns the collector of an account's images in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return &collector{account: a, scope: scope, client: ec2.NewFromConfig(a.Config(scope.Region))}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// List lists the account's own images, disabled ones among them. Deprecated ones
// are listed for their owner in any case.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := ec2.NewDescribeImagesPaginator(c.client, &ec2.DescribeImagesInput{
		Owners: []string{"self"}, IncludeDisabled: aws.Bool(true), MaxResults: aws.Int32(1000),
	})
	return account.List(ctx, pages, entries, c.describe)
}

func entries(page *ec2.DescribeImagesOutput) ([]types.Image, error) {
	if page.Images == nil {
		return nil, collect.Malformed(listCall, "no list of images in it")
	}
	if slices.ContainsFunc(page.Images, func(i types.Image) bool { return aws.ToString(i.ImageId) == "" }) {
		return nil, collect.Malformed(listCall, "an image without an id")
	}
	return page.Images, nil
}

// describe passes over what another account owns: some endpoints list that, too.
func (c *collector) describe(i *types.Image) *resource.Resource {
	if owner := aws.ToString(i.OwnerId); owner != "" && owner != c.account.ID {
		return nil
	}
	id := aws.ToString(i.ImageId)
	r := &resource.Resource{
		ID:   resource.ID("arn:" + c.account.Partition + ":ec2:" + c.scope.Region + "::image/" + id),
		Kind: Kind.Name, Class: Kind.Class, Name: id, Scope: c.scope,
		Created: created(i), Tags: shareattribute.Tags(i.Tags, func(t types.Tag) (key, value *string) { return t.Key, t.Value }),
	}
	at := resource.Evidence{Call: listCall, Of: c.account.ID, Pointer: shareattribute.Item(listed, "imageId", id)}
	state := string(i.State)
	shareattribute.Settings(
		r, at,
		shareattribute.Member{Key: "image_name", Element: "name", Value: i.Name},
		shareattribute.Member{Key: "source", Element: "sourceInstanceId", Value: i.SourceInstanceId},
		shareattribute.Member{Key: "state", Element: "imageState", Value: &state},
	)
	if encrypted, known := encryption(i); known {
		from := at
		from.Pointer += "/blockDeviceMapping"
		r.Set(shareattribute.Encrypted, encrypted, from)
	}
	c.guardDisabled(r)
	at.Pointer += "/isPublic"
	addPublic(r, i.Public, at)
	return r
}

// created reads the date of an image, which the API gives as a text.
func created(i *types.Image) time.Time {
	at, err := time.Parse(time.RFC3339, aws.ToString(i.CreationDate))
	if err != nil {
		return time.Time{}
	}
	return at
}

// encryption reports whether every EBS volume that the image makes is encrypted,
// where the listing says so of each.
func encryption(i *types.Image) (all, known bool) {
	all = true
	for _, m := range i.BlockDeviceMappings {
		if m.Ebs == nil {
			continue // an instance store or a device that is left out
		}
		if m.Ebs.Encrypted == nil {
			return false, false
		}
		all, known = all && *m.Ebs.Encrypted, true
	}
	return all && known, known
}

// guardDisabled adds what disabling an image closes: everything. A custom
// endpoint does not promise that.
//
// Source: Amazon EC2 API Reference, DisableImage: "A disabled AMI can't be
// shared. If an AMI was public or previously shared, it is made private."
func (c *collector) guardDisabled(r *resource.Resource) {
	state := r.Settings["state"]
	if state.Value == string(types.ImageStateDisabled) && !c.account.Custom {
		r.Guards = append(r.Guards, resource.Guard{
			Name: "disabled image", On: []resource.Channel{shareattribute.Public, shareattribute.Named}, Cap: resource.Nobody,
			Because: []resource.Evidence{state.From},
		})
	}
}

// addPublic adds what the listing says of everybody. One that says nothing may
// stand for either.
func addPublic(r *resource.Resource, public *bool, from resource.Evidence) {
	switch {
	case public == nil:
		r.Gaps = append(r.Gaps, shareattribute.ToAnybody(resource.Gap{
			Call: listCall, Permission: Kind.Lists[0].Permission, Reason: resource.Malformed, Detail: "the listing does not say whether it is public",
		}))
	case *public:
		from.Quote = "isPublic=true"
		r.Grants = append(r.Grants, shareattribute.ToEverybody(r.ID, copyAction, from))
	}
}

func (c *collector) Questions(*resource.Resource) []*collect.Question {
	return []*collect.Question{
		Kind.Question(attributeCall, c.askPermissions),
		Kind.Question(blockCall, c.askBlock),
	}
}
