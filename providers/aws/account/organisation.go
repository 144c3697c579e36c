package account

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"

	"github.com/andon-audit/andon/pkg/collect"
)

// OrganisationCall is how an account learns which organisation it belongs to.
// Every member may ask.
const OrganisationCall = "organizations:DescribeOrganization"

// NoOrganisation is the id that stands for belonging to none, so that every
// organisation a policy names is somebody else's.
const NoOrganisation = "o-none"

// Organisation returns the id of the organisation the account belongs to, or
// NoOrganisation. It is asked once, and only when somebody wants to know.
func (a *Account) Organisation(ctx context.Context) (string, error) {
	fact := Shared(a, "organisation", func() *collect.Once[string] { return new(collect.Once[string]) })
	return fact.Get(ctx, func(ctx context.Context) (string, error) {
		answer, err := organizations.NewFromConfig(a.Config("")).DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
		if Code(err) == "AWSOrganizationsNotInUseException" {
			return NoOrganisation, nil
		}
		if err != nil {
			return "", err
		}
		if answer.Organization == nil || aws.ToString(answer.Organization.Id) == "" {
			return "", collect.Malformed(OrganisationCall, "no organisation in it")
		}
		return aws.ToString(answer.Organization.Id), nil
	})
}
