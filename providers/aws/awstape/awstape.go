// Package awstape tells the conformance suite how AWS speaks: how each of its
// protocols words a refusal, which words it may add to, where policies stand in
// its answers and where secrets could hide. Its own test runs the suite on every
// AWS kind; a kind adds nothing but its recordings:
//
//	go test ./providers/aws/awstape -run TestKinds/s3bucket
//
// Worlds are those of package awstest. They are recorded at Amazon's own host
// names, so that collectors take the endpoint for genuine. It is for tests:
// nothing that is shipped imports it.
package awstape

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/aws/awstest"
)

// Dialect is AWS's; see conformance.Dialect.
type Dialect struct{}

var _ conformance.Dialect = Dialect{}

// Open returns the real provider on a transport, without this machine's
// configuration and without waiting between attempts.
func Open(ctx context.Context, transport http.RoundTripper) (collect.Provider, error) {
	return aws.Open(ctx, aws.Options{
		Transport: transport, Offline: true, Attempts: 3,
		Backoff: func(int) time.Duration { return 0 },
	})
}

// Serve implements conformance.Dialect.
func (Dialect) Serve(world []byte, page int) (http.RoundTripper, func(), error) {
	w, err := awstest.Parse(world)
	if err != nil {
		return nil, nil, err
	}
	return awstest.NewServer(w, awstest.WithPageSize(page)).Serve()
}

// Identity implements conformance.Dialect.
func (Dialect) Identity() []string { return []string{"sts:GetCallerIdentity", "ec2:DescribeRegions"} }

// Words implements conformance.Dialect.
func (Dialect) Words() []string {
	return slices.Concat(errorWords, s3Words, policyWords, sharedByPolicyWords, databaseWords, snapshotWords)
}

var errorWords = []string{
	"NoSuchBucketPolicy", "NoSuchPublicAccessBlockConfiguration", "OwnershipControlsNotFoundError",
	"ServerSideEncryptionConfigurationNotFoundError", "NoSuchWebsiteConfiguration", "NoSuchAccessPointPolicy",
	"NoSuchMultiRegionAccessPointPolicy",
}

var s3Words = []string{
	"READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL", "Group", "CanonicalUser", "AmazonCustomerByEmail",
	"http://acs.amazonaws.com/groups/global/AllUsers", "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
	"http://acs.amazonaws.com/groups/s3/LogDelivery",
	"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter", "BucketOwner", "Requester",
	"AES256", "aws:kms", "aws:kms:dsse", "Internet", "VPC", "READY",
}

// policyWords are elements, operators and keys of policies, to all of which AWS
// adds. Actions are not among them: what a policy that names unknown ones beside
// known ones lets in is package iam's to decide, and to test.
var policyWords = []string{
	"2012-10-17", "Allow", "Deny", "AWS", "Service", "CanonicalUser", "Principal", "NotPrincipal", "Condition",
	"StringEquals", "StringNotEquals", "StringLike", "StringNotEqualsIfExists", "ArnLike", "ArnEquals", "ArnNotLike",
	"IpAddress", "NotIpAddress", "Bool", "Null", "ForAllValues:StringEquals", "ForAllValues:StringLike", "ForAnyValue:StringLike",
	"aws:SourceIp", "aws:SourceVpce", "aws:SourceVpc", "aws:SourceArn", "AWS:SourceArn", "aws:SourceAccount", "aws:PrincipalOrgID",
	"aws:PrincipalOrgPaths", "aws:PrincipalArn", "aws:PrincipalAccount", "aws:SecureTransport",
	"s3:DataAccessPointAccount", "s3:DataAccessPointArn",
}
