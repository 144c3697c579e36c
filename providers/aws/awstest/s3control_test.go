package awstest

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// pointAsks are the s3control calls, each about the first account; the listings
// ignore the name.
var pointAsks = map[string]func(context.Context, *s3control.Client, *string) (any, error){
	"GetPublicAccessBlock": func(ctx context.Context, c *s3control.Client, _ *string) (any, error) {
		return c.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: aws.String(prod)})
	},
	"ListAccessPoints": func(ctx context.Context, c *s3control.Client, _ *string) (any, error) {
		return c.ListAccessPoints(ctx, &s3control.ListAccessPointsInput{AccountId: aws.String(prod)})
	},
	"GetAccessPoint": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetAccessPoint(ctx, &s3control.GetAccessPointInput{AccountId: aws.String(prod), Name: n})
	},
	"GetAccessPointPolicy": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetAccessPointPolicy(ctx, &s3control.GetAccessPointPolicyInput{AccountId: aws.String(prod), Name: n})
	},
	"GetAccessPointPolicyStatus": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetAccessPointPolicyStatus(ctx, &s3control.GetAccessPointPolicyStatusInput{AccountId: aws.String(prod), Name: n})
	},
	"ListAccessPointsForObjectLambda": func(ctx context.Context, c *s3control.Client, _ *string) (any, error) {
		return c.ListAccessPointsForObjectLambda(ctx, &s3control.ListAccessPointsForObjectLambdaInput{AccountId: aws.String(prod)})
	},
	"GetAccessPointForObjectLambda": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetAccessPointForObjectLambda(ctx, &s3control.GetAccessPointForObjectLambdaInput{AccountId: aws.String(prod), Name: n})
	},
	"GetAccessPointConfigurationForObjectLambda": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetAccessPointConfigurationForObjectLambda(ctx,
			&s3control.GetAccessPointConfigurationForObjectLambdaInput{AccountId: aws.String(prod), Name: n})
	},
	"GetAccessPointPolicyForObjectLambda": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetAccessPointPolicyForObjectLambda(ctx,
			&s3control.GetAccessPointPolicyForObjectLambdaInput{AccountId: aws.String(prod), Name: n})
	},
	"GetAccessPointPolicyStatusForObjectLambda": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetAccessPointPolicyStatusForObjectLambda(ctx,
			&s3control.GetAccessPointPolicyStatusForObjectLambdaInput{AccountId: aws.String(prod), Name: n})
	},
	"ListMultiRegionAccessPoints": func(ctx context.Context, c *s3control.Client, _ *string) (any, error) {
		return c.ListMultiRegionAccessPoints(ctx, &s3control.ListMultiRegionAccessPointsInput{AccountId: aws.String(prod)})
	},
	"GetMultiRegionAccessPoint": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetMultiRegionAccessPoint(ctx, &s3control.GetMultiRegionAccessPointInput{AccountId: aws.String(prod), Name: n})
	},
	"GetMultiRegionAccessPointPolicy": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetMultiRegionAccessPointPolicy(ctx, &s3control.GetMultiRegionAccessPointPolicyInput{AccountId: aws.String(prod), Name: n})
	},
	"GetMultiRegionAccessPointPolicyStatus": func(ctx context.Context, c *s3control.Client, n *string) (any, error) {
		return c.GetMultiRegionAccessPointPolicyStatus(ctx,
			&s3control.GetMultiRegionAccessPointPolicyStatusInput{AccountId: aws.String(prod), Name: n})
	},
}

func onControl(operation, name string) ask {
	return func(ctx context.Context, c cloud) (any, error) {
		return pointAsks[operation](ctx, c.control(), &name)
	}
}

func flags(blockACLs, ignoreACLs, blockPolicy, restrict bool) *types.PublicAccessBlockConfiguration {
	return &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: &blockACLs, IgnorePublicAcls: &ignoreACLs, BlockPublicPolicy: &blockPolicy, RestrictPublicBuckets: &restrict,
	}
}

const (
	emptyPolicy = `{"Version":"2012-10-17","Statement":[]}`
	anyPolicy   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`
)

func pointAlias(name string) *string {
	return aws.String(name + "-" + loopback.Digest(prod + name)[:24] + "-s3alias")
}

func dealers() types.AccessPoint {
	return types.AccessPoint{
		Name: aws.String("dealers"), Bucket: aws.String(telemetry), BucketAccountId: aws.String(prod),
		NetworkOrigin: types.NetworkOriginInternet, Alias: pointAlias("dealers"),
		AccessPointArn: aws.String("arn:aws:s3:eu-west-1:111111111111:accesspoint/dealers"),
	}
}

func everywhere() types.MultiRegionAccessPointReport {
	return types.MultiRegionAccessPointReport{
		Name: aws.String("everywhere"), Alias: aws.String("mfzwi23gnjvgw.mrap"), CreatedAt: &longAgo,
		PublicAccessBlock: flags(false, false, false, false), Status: types.MultiRegionAccessPointStatusReady,
		Regions: []types.RegionReport{
			{Bucket: aws.String(telemetry), Region: aws.String("eu-west-1"), BucketAccountId: aws.String(prod)},
			{Bucket: aws.String("access-logs"), Region: aws.String("eu-west-1"), BucketAccountId: aws.String(prod)},
		},
	}
}

func TestControl(t *testing.T) {
	c := startExample(t).in("eu-west-1")
	inside := dealers()
	inside.Name, inside.NetworkOrigin = aws.String("inside"), types.NetworkOriginVpc
	inside.VpcConfiguration = &types.VpcConfiguration{VpcId: aws.String("vpc-1a2b3c4d")}
	inside.AccessPointArn = aws.String("arn:aws:s3:eu-west-1:111111111111:accesspoint/inside")
	inside.Alias = pointAlias("inside")
	redactedAlias := &types.ObjectLambdaAccessPointAlias{
		Status: types.ObjectLambdaAccessPointAliasStatusReady,
		Value:  aws.String("redacted-" + loopback.Digest(prod + "redacted")[:20] + "--ol-s3"),
	}
	for _, tc := range []struct {
		operation, name, region string
		want                    any
	}{
		{"GetPublicAccessBlock", "", "", &s3control.GetPublicAccessBlockOutput{
			PublicAccessBlockConfiguration: flags(true, true, true, true), // the organisation's, not the account's
		}},
		{"ListAccessPoints", "", "", &s3control.ListAccessPointsOutput{AccessPointList: []types.AccessPoint{dealers(), inside}}},
		{"ListAccessPoints", "", "us-east-1", &s3control.ListAccessPointsOutput{AccessPointList: []types.AccessPoint{{
			Name: aws.String("elsewhere"), Bucket: aws.String("lake"), BucketAccountId: aws.String("333333333333"),
			NetworkOrigin: types.NetworkOriginInternet, Alias: aws.String("elsewhere-alias-s3alias"),
			AccessPointArn: aws.String("arn:aws:s3:us-east-1:111111111111:accesspoint/elsewhere"),
		}}}},
		{"GetAccessPoint", "dealers", "", &s3control.GetAccessPointOutput{
			Name: aws.String("dealers"), Bucket: aws.String(telemetry), BucketAccountId: aws.String(prod),
			NetworkOrigin: types.NetworkOriginInternet, Alias: pointAlias("dealers"), CreationDate: &longAgo,
			AccessPointArn:                 aws.String("arn:aws:s3:eu-west-1:111111111111:accesspoint/dealers"),
			PublicAccessBlockConfiguration: flags(true, false, false, false),
			Endpoints: map[string]string{
				"ipv4": "s3-accesspoint.eu-west-1.amazonaws.com", "dualstack": "s3-accesspoint.dualstack.eu-west-1.amazonaws.com",
			},
		}},
		{"GetAccessPointPolicy", "dealers", "", &s3control.GetAccessPointPolicyOutput{Policy: aws.String(anyPolicy)}},
		{"GetAccessPointPolicyStatus", "dealers", "", &s3control.GetAccessPointPolicyStatusOutput{
			PolicyStatus: &types.PolicyStatus{IsPublic: true},
		}},
		{"ListAccessPointsForObjectLambda", "", "", &s3control.ListAccessPointsForObjectLambdaOutput{
			ObjectLambdaAccessPointList: []types.ObjectLambdaAccessPoint{{
				Name: aws.String("redacted"), Alias: redactedAlias,
				ObjectLambdaAccessPointArn: aws.String("arn:aws:s3-object-lambda:eu-west-1:111111111111:accesspoint/redacted"),
			}},
		}},
		{"GetAccessPointForObjectLambda", "redacted", "", &s3control.GetAccessPointForObjectLambdaOutput{
			Name: aws.String("redacted"), Alias: redactedAlias, CreationDate: &longAgo,
			PublicAccessBlockConfiguration: flags(true, true, true, true),
		}},
		{"GetAccessPointConfigurationForObjectLambda", "redacted", "", &s3control.GetAccessPointConfigurationForObjectLambdaOutput{
			Configuration: &types.ObjectLambdaConfiguration{
				SupportingAccessPoint: aws.String("arn:aws:s3:eu-west-1:111111111111:accesspoint/dealers"),
			},
		}},
		{"GetAccessPointPolicyForObjectLambda", "redacted", "", &s3control.GetAccessPointPolicyForObjectLambdaOutput{Policy: aws.String(emptyPolicy)}},
		{"GetAccessPointPolicyStatusForObjectLambda", "redacted", "", &s3control.GetAccessPointPolicyStatusForObjectLambdaOutput{
			PolicyStatus: &types.PolicyStatus{},
		}},
		{"ListMultiRegionAccessPoints", "", "us-west-2", &s3control.ListMultiRegionAccessPointsOutput{
			AccessPoints: []types.MultiRegionAccessPointReport{everywhere()},
		}},
		{"GetMultiRegionAccessPoint", "everywhere", "us-west-2", &s3control.GetMultiRegionAccessPointOutput{
			AccessPoint: ptr(everywhere()),
		}},
		{"GetMultiRegionAccessPointPolicy", "everywhere", "us-west-2", &s3control.GetMultiRegionAccessPointPolicyOutput{
			Policy: &types.MultiRegionAccessPointPolicyDocument{
				Established: &types.EstablishedMultiRegionAccessPointPolicy{Policy: aws.String(emptyPolicy)},
				Proposed:    &types.ProposedMultiRegionAccessPointPolicy{Policy: aws.String(anyPolicy)},
			},
		}},
		{"GetMultiRegionAccessPointPolicyStatus", "everywhere", "us-west-2", &s3control.GetMultiRegionAccessPointPolicyStatusOutput{
			Established: &types.PolicyStatus{},
		}},
	} {
		t.Run(tc.operation+" "+tc.region, func(t *testing.T) {
			c := c
			if tc.region != "" {
				c = c.in(tc.region)
			}
			check(t, c, onControl(tc.operation, tc.name), tc.want)
		})
	}
}

func TestControlRefusals(t *testing.T) {
	c := startExample(t).in("eu-west-1")
	for _, tc := range []struct {
		operation, name, want string
		cloud                 cloud
	}{
		{"GetAccessPoint", "nowhere", "NoSuchAccessPoint", c},
		{"GetAccessPoint", "dealers", "NoSuchAccessPoint", c.in("us-east-1")},
		{"GetAccessPointPolicy", "inside", "NoSuchAccessPointPolicy", c},
		{"GetAccessPointPolicyStatus", "inside", "NoSuchAccessPointPolicy", c},
		{"GetAccessPointForObjectLambda", "nowhere", "NoSuchAccessPoint", c},
		{"GetMultiRegionAccessPoint", "nowhere", "NoSuchMultiRegionAccessPoint", c.in("us-west-2")},
		{"ListMultiRegionAccessPoints", "", "PermanentRedirect", c},
		{"ListAccessPoints", "", "AccessDenied", c.as("AKIADEALER")},
		{"GetPublicAccessBlock", "", "AccessDenied", c.as("AKIADEALER")},
		{"GetPublicAccessBlock", "", "NoSuchPublicAccessBlockConfiguration", start(t, world(t, "bare"))},
	} {
		if _, err := onControl(tc.operation, tc.name)(t.Context(), tc.cloud); code(err) != tc.want {
			t.Errorf("%s %s: got %v, want %s", tc.operation, tc.name, err, tc.want)
		}
	}
}

// An organisation's S3 policy replaces the account's block in either direction.
func TestOrganisationBlock(t *testing.T) {
	for _, tc := range []struct {
		policy, block string
		want          *types.PublicAccessBlockConfiguration
	}{
		{"", "all", flags(true, true, true, true)},
		{"", "{restrict_public_buckets: true}", flags(false, false, false, true)},
		{", s3_policy: none", "all", flags(false, false, false, false)},
		{", s3_policy: all", "none", flags(true, true, true, true)},
	} {
		c := start(t, `accounts: [{id: "111111111111", block: `+tc.block+`, org: {id: o-exampleorgid`+tc.policy+`}}]`)
		check(t, c, onControl("GetPublicAccessBlock", ""), &s3control.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: tc.want})
	}
}

func TestControlPages(t *testing.T) {
	c := start(t, world(t, "points"), WithPageSize(1)).in("us-west-2")
	account := aws.String(prod)
	var got []string
	points := s3control.NewListAccessPointsPaginator(c.control(), &s3control.ListAccessPointsInput{AccountId: account})
	for points.HasMorePages() {
		page, err := points.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *page.AccessPointList[0].Name)
	}
	lambdas := s3control.NewListAccessPointsForObjectLambdaPaginator(c.control(),
		&s3control.ListAccessPointsForObjectLambdaInput{AccountId: account})
	for lambdas.HasMorePages() {
		page, err := lambdas.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *page.ObjectLambdaAccessPointList[0].Name)
	}
	mraps := s3control.NewListMultiRegionAccessPointsPaginator(c.control(),
		&s3control.ListMultiRegionAccessPointsInput{AccountId: account})
	for mraps.HasMorePages() {
		page, err := mraps.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, *page.AccessPoints[0].Name)
	}
	same(t, got, []string{"a-one", "b-one", "c-two", "x-one", "y-two", "m-one", "n-two"})
}

func TestAccessPointsOfOneBucket(t *testing.T) {
	c := start(t, world(t, "points")).in("us-west-2")
	out, err := c.control().ListAccessPoints(t.Context(), &s3control.ListAccessPointsInput{
		AccountId: aws.String(prod), Bucket: aws.String("two"),
	})
	if err != nil || len(out.AccessPointList) != 1 || *out.AccessPointList[0].Name != "c-two" {
		t.Fatal(out, err)
	}
}
