package awstest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func whoAmI(t *testing.T, c cloud) (account, arn string) {
	t.Helper()
	out, err := c.sts().GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Account, *out.Arn
}

func TestCallerIdentity(t *testing.T) {
	c := startExample(t)
	for key, want := range map[string]string{"AKIAANY": prod, "AKIAPROD": prod, "AKIADEALER": dealer} {
		account, arn := whoAmI(t, c.as(key))
		if account != want || arn != "arn:aws:iam::"+want+":user/andon" {
			t.Errorf("%s is %s, %s", key, account, arn)
		}
	}
}

const cordRole = "arn:aws:iam::111111111111:role/andon"

func TestAssumeRole(t *testing.T) {
	c := startExample(t).as("AKIADEALER")
	role := stscreds.NewAssumeRoleProvider(c.sts(), cordRole, func(o *stscreds.AssumeRoleOptions) {
		o.ExternalID, o.RoleSessionName = aws.String("cord"), "audit"
	})
	c.config.Credentials = aws.NewCredentialsCache(role)
	if account, arn := whoAmI(t, c); account != prod || arn != "arn:aws:sts::111111111111:assumed-role/andon/audit" {
		t.Errorf("the role is %s, %s", account, arn)
	}
	out, err := c.s3().ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(out.Buckets) != 4 {
		t.Errorf("the role sees %v, %v", out, err)
	}
}

func TestAssumeRoleRefusals(t *testing.T) {
	c := startExample(t)
	for _, tc := range []struct{ role, externalID string }{
		{cordRole, "wrong"}, {"arn:aws:iam::111111111111:role/other", "cord"}, {"arn:aws:iam::222222222222:role/andon", "cord"},
	} {
		_, err := c.sts().AssumeRole(t.Context(), &sts.AssumeRoleInput{
			RoleArn: &tc.role, ExternalId: &tc.externalID, RoleSessionName: aws.String("audit"),
		})
		if code(err) != "AccessDenied" {
			t.Errorf("%v: %v", tc, err)
		}
	}
}

func TestDescribeRegions(t *testing.T) {
	c := start(t, `accounts: [{id: "111111111111", regions: [eu-west-1, me-south-1]}]`)
	filter := func(name, value string) []ec2types.Filter {
		return []ec2types.Filter{{Name: &name, Values: []string{value}}}
	}
	for _, tc := range []struct {
		name  string
		input ec2.DescribeRegionsInput
		want  []string
	}{
		{"enabled", ec2.DescribeRegionsInput{}, []string{"eu-west-1 opt-in-not-required", "me-south-1 opted-in"}},
		{"named", ec2.DescribeRegionsInput{RegionNames: []string{"me-south-1"}}, []string{"me-south-1 opted-in"}},
		{"by name", ec2.DescribeRegionsInput{Filters: filter("region-name", "eu-west-1")}, []string{"eu-west-1 opt-in-not-required"}},
		{"not enabled", ec2.DescribeRegionsInput{AllRegions: yes, Filters: filter("opt-in-status", "not-opted-in")}, []string{
			"af-south-1 not-opted-in", "ap-east-1 not-opted-in", "eu-south-1 not-opted-in", "eu-south-2 not-opted-in",
			"il-central-1 not-opted-in", "me-central-1 not-opted-in",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := c.ec2().DescribeRegions(t.Context(), &tc.input)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range out.Regions {
				got = append(got, *r.RegionName+" "+*r.OptInStatus)
			}
			same(t, got, tc.want)
		})
	}
}

// Without a list, the regions in use are enabled.
func TestRegionsInUse(t *testing.T) {
	c := start(t, world(t, "points"))
	check(t, c, func(ctx context.Context, c cloud) (any, error) {
		out, err := c.ec2().DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
		if err != nil {
			return nil, err
		}
		return len(out.Regions), nil
	}, 2)
}

// IAM's client is not among this module's dependencies: the bytes must do.
func TestAccountAliases(t *testing.T) {
	c := startExample(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, *c.config.BaseEndpoint, strings.NewReader("Action=ListAccountAliases"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAPROD/20261122/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0")
	response, err := c.config.HTTPClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), "<AccountAliases><member>acme-prod</member></AccountAliases>") {
		t.Errorf("%s, %v", body, err)
	}
}
