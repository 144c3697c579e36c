package awstest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/organizations/types"
)

func TestOrganisation(t *testing.T) {
	c := startExample(t)
	arn := "arn:aws:organizations::111111111111:"
	enabled := types.PolicyTypeStatusEnabled
	onlyOurs := types.PolicySummary{
		Id: aws.String("p-onlyours"), Name: aws.String("only-ours"), Type: types.PolicyTypeResourceControlPolicy,
		Arn: aws.String(arn + "policy/o-exampleorgid/resource_control_policy/p-onlyours"),
	}
	fullAccess := types.PolicySummary{
		Id: aws.String("p-RCPFullAWSAccess"), Name: aws.String("RCPFullAWSAccess"), AwsManaged: true,
		Type: types.PolicyTypeResourceControlPolicy,
		Arn:  aws.String("arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess"),
	}
	for _, tc := range []struct {
		name string
		ask  func(context.Context, *organizations.Client) (any, error)
		want any
	}{
		{"DescribeOrganization", func(ctx context.Context, c *organizations.Client) (any, error) {
			return c.DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
		}, &organizations.DescribeOrganizationOutput{Organization: &types.Organization{
			Id: aws.String("o-exampleorgid"), Arn: aws.String(arn + "organization/o-exampleorgid"), FeatureSet: types.OrganizationFeatureSetAll,
			MasterAccountId: aws.String(prod), MasterAccountArn: aws.String(arn + "account/o-exampleorgid/111111111111"),
			MasterAccountEmail: aws.String("management@example.com"),
			AvailablePolicyTypes: []types.PolicyTypeSummary{
				{Type: types.PolicyTypeResourceControlPolicy, Status: enabled}, {Type: types.PolicyTypeS3Policy, Status: enabled},
			},
		}}},
		{"DescribeEffectivePolicy", func(ctx context.Context, c *organizations.Client) (any, error) {
			return c.DescribeEffectivePolicy(ctx, &organizations.DescribeEffectivePolicyInput{PolicyType: types.EffectivePolicyTypeS3Policy})
		}, &organizations.DescribeEffectivePolicyOutput{EffectivePolicy: &types.EffectivePolicy{
			PolicyType: types.EffectivePolicyTypeS3Policy, TargetId: aws.String(prod), LastUpdatedTimestamp: &longAgo,
			PolicyContent: aws.String(`{"s3_attributes":{"public_access_block_configuration":"all"}}`),
		}}},
		{"ListPoliciesForTarget root", func(ctx context.Context, c *organizations.Client) (any, error) {
			return c.ListPoliciesForTarget(ctx, &organizations.ListPoliciesForTargetInput{
				Filter: types.PolicyTypeResourceControlPolicy, TargetId: aws.String("r-root"),
			})
		}, &organizations.ListPoliciesForTargetOutput{Policies: []types.PolicySummary{fullAccess, onlyOurs}}},
		{"ListPoliciesForTarget account", func(ctx context.Context, c *organizations.Client) (any, error) {
			return c.ListPoliciesForTarget(ctx, &organizations.ListPoliciesForTargetInput{
				Filter: types.PolicyTypeResourceControlPolicy, TargetId: aws.String(prod),
			})
		}, &organizations.ListPoliciesForTargetOutput{Policies: []types.PolicySummary{fullAccess}}},
		{"DescribePolicy", func(ctx context.Context, c *organizations.Client) (any, error) {
			return c.DescribePolicy(ctx, &organizations.DescribePolicyInput{PolicyId: aws.String("p-onlyours")})
		}, &organizations.DescribePolicyOutput{Policy: &types.Policy{
			PolicySummary: &onlyOurs,
			Content:       aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}]}`),
		}}},
		{"ListParents account", parentsOf(prod), &organizations.ListParentsOutput{Parents: []types.Parent{
			{Id: aws.String("ou-root-prod"), Type: types.ParentTypeOrganizationalUnit},
		}}},
		{"ListParents unit", parentsOf("ou-root-prod"), &organizations.ListParentsOutput{Parents: []types.Parent{
			{Id: aws.String("r-root"), Type: types.ParentTypeRoot},
		}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			check(t, c, func(ctx context.Context, c cloud) (any, error) { return tc.ask(ctx, c.orgs()) }, tc.want)
		})
	}
}

func parentsOf(child string) func(context.Context, *organizations.Client) (any, error) {
	return func(ctx context.Context, c *organizations.Client) (any, error) {
		return c.ListParents(ctx, &organizations.ListParentsInput{ChildId: &child})
	}
}

func TestOrganisationRefusals(t *testing.T) {
	c := startExample(t)
	effective := func(c cloud, target *string) error {
		_, err := c.orgs().DescribeEffectivePolicy(t.Context(), &organizations.DescribeEffectivePolicyInput{
			PolicyType: types.EffectivePolicyTypeS3Policy, TargetId: target,
		})
		return err
	}
	parents := func(c cloud, child string) error {
		_, err := parentsOf(child)(t.Context(), c.orgs())
		return err
	}
	_, noPolicy := c.orgs().DescribePolicy(t.Context(), &organizations.DescribePolicyInput{PolicyId: aws.String("p-unknown1")})
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"no organisation", effective(start(t, world(t, "bare")), nil), "AWSOrganizationsNotInUseException"},
		{"no S3 policy", effective(c.as("AKIADEALER"), nil), "EffectivePolicyNotFoundException"},
		{"of a member", effective(c, aws.String(dealer)), "EffectivePolicyNotFoundException"},
		{"of a stranger", effective(c, aws.String("999999999999")), "TargetNotFoundException"},
		{"of the management account by a member", effective(c.as("AKIADEALER"), aws.String(prod)), "AccessDeniedException"},
		{"policies by a member", parents(c.as("AKIADEALER"), dealer), "AccessDeniedException"},
		{"parent of the root", parents(c, "r-root"), "ChildNotFoundException"},
		{"unknown policy", noPolicy, "PolicyNotFoundException"},
	} {
		if got := code(tc.err); got != tc.want {
			t.Errorf("%s: got %v, want %s", tc.name, tc.err, tc.want)
		}
	}
}

func TestPolicyPages(t *testing.T) {
	c := startExample(t, WithPageSize(1))
	pages, n := organizations.NewListPoliciesForTargetPaginator(c.orgs(), &organizations.ListPoliciesForTargetInput{
		Filter: types.PolicyTypeResourceControlPolicy, TargetId: aws.String("r-root"),
	}), 0
	for ; pages.HasMorePages(); n++ {
		if _, err := pages.NextPage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Errorf("%d pages, want 2", n)
	}
}
