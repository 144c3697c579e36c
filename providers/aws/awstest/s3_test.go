package awstest

import (
	"context"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const telemetry = "telemetry-2013"

// bucketAsks are the calls about one bucket.
var bucketAsks = map[string]func(context.Context, *s3.Client, *string) (any, error){
	"GetPublicAccessBlock": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b})
	},
	"GetBucketPolicy": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b})
	},
	"GetBucketPolicyStatus": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: b})
	},
	"GetBucketOwnershipControls": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b})
	},
	"GetBucketAcl": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: b})
	},
	"GetBucketRequestPayment": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: b})
	},
	"GetBucketEncryption": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b})
	},
	"GetBucketWebsite": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b})
	},
	"GetBucketLogging": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b})
	},
	"GetBucketVersioning": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: b})
	},
	"GetBucketTagging": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b})
	},
	"GetBucketLocation": func(ctx context.Context, c *s3.Client, b *string) (any, error) {
		return c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: b})
	},
}

func onS3(operation, bucket string) ask {
	return func(ctx context.Context, c cloud) (any, error) {
		return bucketAsks[operation](ctx, c.s3(), &bucket)
	}
}

var (
	yes, no = aws.Bool(true), aws.Bool(false)
	owner   = aws.String(canonicalID(prod))
	full    = types.Grant{
		Grantee:    &types.Grantee{Type: types.TypeCanonicalUser, ID: owner},
		Permission: types.PermissionFullControl,
	}
)

func group(uri string, p types.Permission) types.Grant {
	return types.Grant{Grantee: &types.Grantee{Type: types.TypeGroup, URI: &uri}, Permission: p}
}

func TestConfiguredBucket(t *testing.T) {
	c := startExample(t).in("eu-west-1")
	for operation, want := range map[string]any{
		"GetPublicAccessBlock": &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: no, IgnorePublicAcls: no, BlockPublicPolicy: no, RestrictPublicBuckets: no,
		}},
		"GetBucketPolicy": &s3.GetBucketPolicyOutput{Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"Dealers",` +
			`"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::telemetry-2013/*"}]}`)},
		"GetBucketPolicyStatus": &s3.GetBucketPolicyStatusOutput{PolicyStatus: &types.PolicyStatus{IsPublic: yes}},
		"GetBucketOwnershipControls": &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &types.OwnershipControls{
			Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}},
		}},
		"GetBucketAcl": &s3.GetBucketAclOutput{Owner: &types.Owner{ID: owner}, Grants: []types.Grant{
			full,
			group("http://acs.amazonaws.com/groups/s3/LogDelivery", types.PermissionWrite),
			{
				Grantee:    &types.Grantee{Type: types.TypeCanonicalUser, ID: aws.String(canonicalID(dealer))},
				Permission: types.PermissionFullControl,
			},
		}},
		"GetBucketRequestPayment": &s3.GetBucketRequestPaymentOutput{Payer: types.PayerRequester},
		"GetBucketEncryption": &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{
				BucketKeyEnabled: yes,
				ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
					SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("arn:aws:kms:eu-west-1:111111111111:key/k1"),
				},
			}},
		}},
		"GetBucketWebsite": &s3.GetBucketWebsiteOutput{
			IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")},
			ErrorDocument: &types.ErrorDocument{Key: aws.String("oops.html")},
		},
		"GetBucketLogging": &s3.GetBucketLoggingOutput{LoggingEnabled: &types.LoggingEnabled{
			TargetBucket: aws.String("access-logs"), TargetPrefix: aws.String("telemetry/"),
		}},
		"GetBucketVersioning": &s3.GetBucketVersioningOutput{Status: types.BucketVersioningStatusEnabled},
		"GetBucketTagging": &s3.GetBucketTaggingOutput{TagSet: []types.Tag{
			{Key: aws.String("stage"), Value: aws.String("prod")}, {Key: aws.String("team"), Value: aws.String("connected")},
		}},
		"GetBucketLocation": &s3.GetBucketLocationOutput{LocationConstraint: types.BucketLocationConstraintEuWest1},
	} {
		t.Run(operation, func(t *testing.T) { check(t, c, onS3(operation, telemetry), want) })
	}
	if got := c.Calls()["s3:GetBucketLocation"]; got != 1 {
		t.Errorf("GetBucketLocation was counted %d times", got)
	}
}

// A bucket nobody configured answers as AWS does: some calls with an error of
// their own, the others with the default.
func TestBareBucket(t *testing.T) {
	c := start(t, world(t, "bare"))
	for operation, want := range map[string]string{
		"GetPublicAccessBlock":       "NoSuchPublicAccessBlockConfiguration",
		"GetBucketPolicy":            "NoSuchBucketPolicy",
		"GetBucketPolicyStatus":      "NoSuchBucketPolicy",
		"GetBucketOwnershipControls": "OwnershipControlsNotFoundError",
		"GetBucketWebsite":           "NoSuchWebsiteConfiguration",
		"GetBucketTagging":           "NoSuchTagSet",
	} {
		if _, err := onS3(operation, "bare")(t.Context(), c); code(err) != want {
			t.Errorf("%s: got %v, want %s", operation, err, want)
		}
	}
	for operation, want := range map[string]any{
		"GetBucketAcl":            &s3.GetBucketAclOutput{Owner: &types.Owner{ID: owner}, Grants: []types.Grant{full}},
		"GetBucketRequestPayment": &s3.GetBucketRequestPaymentOutput{Payer: types.PayerBucketOwner},
		"GetBucketLogging":        &s3.GetBucketLoggingOutput{},
		"GetBucketVersioning":     &s3.GetBucketVersioningOutput{},
		"GetBucketLocation":       &s3.GetBucketLocationOutput{},
		"GetBucketEncryption": &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{
				BucketKeyEnabled:                   no,
				ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
			}},
		}},
	} {
		t.Run(operation, func(t *testing.T) { check(t, c, onS3(operation, "bare"), want) })
	}
	if _, err := onS3("GetBucketEncryption", "old")(t.Context(), c); code(err) != "ServerSideEncryptionConfigurationNotFoundError" {
		t.Errorf("encryption none: %v", err)
	}
}

// GetBucketAcl hides what is not in force, unless asked to be an emulator.
func TestACL(t *testing.T) {
	acl := world(t, "acl")
	public := group("http://acs.amazonaws.com/groups/global/AllUsers", types.PermissionRead)
	user := types.Grant{
		Grantee:    &types.Grantee{Type: types.TypeAmazonCustomerByEmail, EmailAddress: aws.String("me@example.com")},
		Permission: types.PermissionWrite,
	}
	anyUser := group("http://acs.amazonaws.com/groups/global/AuthenticatedUsers", types.PermissionReadAcp)
	effective, stored := start(t, acl), start(t, acl, WithStoredACLs())
	blocked := start(t, acl+"  block: all\n")
	for _, tc := range []struct {
		name   string
		cloud  cloud
		bucket string
		want   []types.Grant
	}{
		{"in force", effective, "open", []types.Grant{full, public, user}},
		{"ignored", effective, "ignoring", []types.Grant{full, user}},
		{"ignored by the account", blocked, "open", []types.Grant{full, user}},
		{"owner enforced", effective, "enforced", []types.Grant{full}},
		{"any user", effective, "any-user", []types.Grant{full, anyUser}},
		{"ignored, stored", stored, "ignoring", []types.Grant{full, public, user}},
		{"owner enforced, stored", stored, "enforced", []types.Grant{full, public, user}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			check(t, tc.cloud, onS3("GetBucketAcl", tc.bucket), &s3.GetBucketAclOutput{Owner: &types.Owner{ID: owner}, Grants: tc.want})
		})
	}
}

func TestRefusedBuckets(t *testing.T) {
	c := startExample(t)
	for _, tc := range []struct {
		name, bucket, want string
		cloud              cloud
	}{
		{"unknown", "no-such-bucket", "NoSuchBucket", c},
		{"gone", "deleted-meanwhile", "NoSuchBucket", c},
		{"another region", telemetry, "PermanentRedirect", c},
		{"another account", telemetry, "AccessDenied", c.as("AKIADEALER")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for operation := range bucketAsks {
				want := tc.want
				if operation == "GetBucketLocation" && want == "PermanentRedirect" {
					want = "" // answered everywhere
				}
				if _, err := onS3(operation, tc.bucket)(t.Context(), tc.cloud); code(err) != want {
					t.Errorf("%s: %v", operation, err)
				}
			}
		})
	}
}

func TestBrokenPolicyText(t *testing.T) {
	c := startExample(t)
	check(t, c, onS3("GetBucketPolicy", "broken-policy"), &s3.GetBucketPolicyOutput{Policy: aws.String(`{"Statement":[`)})
	check(t, c, onS3("GetBucketPolicyStatus", "broken-policy"),
		&s3.GetBucketPolicyStatusOutput{PolicyStatus: &types.PolicyStatus{IsPublic: no}})
}

func TestWebsiteRedirect(t *testing.T) {
	c := start(t, `accounts: [{id: "111111111111", buckets: [{name: www, region: us-east-1, website: {redirect: example.com}}]}]`)
	check(t, c, onS3("GetBucketWebsite", "www"), &s3.GetBucketWebsiteOutput{
		RedirectAllRequestsTo: &types.RedirectAllRequestsTo{HostName: aws.String("example.com")},
	})
}

func TestListBuckets(t *testing.T) {
	c := startExample(t)
	check(t, c, func(ctx context.Context, c cloud) (any, error) {
		return c.s3().ListBuckets(ctx, &s3.ListBucketsInput{Prefix: aws.String("t")})
	}, &s3.ListBucketsOutput{
		Owner: &types.Owner{ID: owner}, Prefix: aws.String("t"),
		Buckets: []types.Bucket{{
			Name: aws.String(telemetry), BucketRegion: aws.String("eu-west-1"), CreationDate: day("2013-11-06T09:00:00Z"),
			BucketArn: aws.String("arn:aws:s3:::telemetry-2013"),
		}},
	})
}

func TestListBucketsPages(t *testing.T) {
	all := []string{"access-logs", "broken-policy", "deleted-meanwhile", telemetry}
	for _, tc := range []struct {
		name  string
		cloud cloud
		input s3.ListBucketsInput
		want  []string
		calls int
	}{
		{"in one", startExample(t), s3.ListBucketsInput{}, all, 1},
		{"asked for ones", startExample(t), s3.ListBucketsInput{MaxBuckets: aws.Int32(1)}, all, 4},
		{"served in ones", startExample(t, WithPageSize(1)), s3.ListBucketsInput{MaxBuckets: aws.Int32(3)}, all, 4},
		{"of a region", startExample(t), s3.ListBucketsInput{BucketRegion: aws.String("us-east-1")}, all[1:3], 1},
		{"of a region in ones", startExample(t, WithPageSize(1)), s3.ListBucketsInput{BucketRegion: aws.String("us-east-1")}, all[1:3], 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			pages := s3.NewListBucketsPaginator(tc.cloud.s3(), &tc.input)
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, b := range page.Buckets {
					got = append(got, *b.Name)
				}
			}
			if calls := tc.cloud.Calls()["s3:ListBuckets"]; !slices.Equal(got, tc.want) || calls != tc.calls {
				t.Errorf("got %v in %d calls, want %v in %d", got, calls, tc.want, tc.calls)
			}
		})
	}
}

func TestListBucketsRefusals(t *testing.T) {
	c := startExample(t).s3()
	_, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{BucketRegion: aws.String("eu-west-1")})
	if code(err) != "InvalidArgument" {
		t.Errorf("region of another endpoint: %v", err)
	}
	_, err = c.ListBuckets(t.Context(), &s3.ListBucketsInput{ContinuationToken: aws.String("made up")})
	if code(err) != "InvalidArgument" {
		t.Errorf("token: %v", err)
	}
}

func TestDirectoryBuckets(t *testing.T) {
	const name = "fast--usw2-az1--x-s3"
	c := startExample(t).in("us-west-2")
	list := func(ctx context.Context, c cloud) (any, error) {
		return c.s3().ListDirectoryBuckets(ctx, &s3.ListDirectoryBucketsInput{})
	}
	check(t, c, list, &s3.ListDirectoryBucketsOutput{Buckets: []types.Bucket{{
		Name: aws.String(name), BucketRegion: aws.String("us-west-2"), CreationDate: &longAgo,
		BucketArn: aws.String("arn:aws:s3express:us-west-2:111111111111:bucket/" + name),
	}}})
	check(t, c.in("eu-west-1"), list, &s3.ListDirectoryBucketsOutput{})
	check(t, c, onS3("GetBucketPolicy", name), &s3.GetBucketPolicyOutput{Policy: aws.String(`{"Version":"2012-10-17","Statement":[]}`)})
	if _, err := onS3("GetBucketAcl", name)(t.Context(), c); code(err) != "NotImplemented" {
		t.Errorf("a directory bucket has no ACL: %v", err)
	}
}

func TestDirectoryBucketPages(t *testing.T) {
	c := start(t, `
accounts:
- id: "111111111111"
  directory_buckets:
  - {name: one--use1-az4--x-s3, region: us-east-1}
  - {name: two--use1-az4--x-s3, region: us-east-1}
`, WithPageSize(1))
	pages, n := s3.NewListDirectoryBucketsPaginator(c.s3(), &s3.ListDirectoryBucketsInput{}), 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil || len(page.Buckets) != 1 {
			t.Fatal(page, err)
		}
	}
	if n != 2 {
		t.Errorf("%d pages, want 2", n)
	}
	if _, err := onS3("GetBucketPolicy", "one--use1-az4--x-s3")(t.Context(), c); code(err) != "NoSuchBucketPolicy" {
		t.Errorf("no policy: %v", err)
	}
}
