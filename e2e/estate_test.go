//go:build e2e

package e2e

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	home     = "us-east-1"
	ireland  = "eu-west-1"
	tokyo    = "ap-northeast-1"
	stranger = "999999999999" // an account that nobody audits
)

// flags are the four switches of Block Public Access, in the order in which AWS
// documents them.
type flags struct{ blockACLs, ignoreACLs, blockPolicy, restrictBuckets bool }

var (
	allFour    = &flags{true, true, true, true}
	refuseOnly = &flags{blockACLs: true, blockPolicy: true} // both refuse new grants and close none
	ignore     = &flags{ignoreACLs: true}
	restrict   = &flags{restrictBuckets: true}
)

// bucket is a bucket of the estate: how it is built, and what andon must say.
type bucket struct {
	name      string
	region    string // "" is home
	acl       []s3types.Grant
	ownership s3types.ObjectOwnership
	policy    string // BUCKET stands for the bucket's ARN, ORGANISATION for the id of the account's own
	block     *flags
	kms       bool // default encryption under a KMS key
	payer     bool // Requester Pays
	website   bool

	expected
}

// accessPoint is an access point of the estate, or a multi-region one.
type accessPoint struct {
	name   string
	bucket string
	vpc    string
	policy string // POINT stands for the access point's ARN
	block  *flags // nil is what AWS gives it: all four
	multi  bool

	expected
}

// expected is what AWS's rules make of a store.
type expected struct {
	// want is the level, or a range where configuration alone does not decide.
	want string
	// quick is what the default depth says where it differs: there, a policy
	// behind a block is not asked for.
	quick string
	// why is the rule of AWS's documentation that decides.
	why string
}

// estate is one account with what is in it.
type estate struct {
	account   string
	organised bool // the account is in an organisation of its own
	block     *flags
	buckets   []bucket
	points    []accessPoint

	regions   []string // what is audited; none is every enabled region
	networked bool     // a network of the tables in the first of the regions
	holdings  []*holding

	built sync.Once
}

// role is what andon assumes to audit the estate; the account that the test
// credentials belong to needs none.
func (e *estate) role() string {
	if e.account == ownAccount {
		return ""
	}
	return "arn:aws:iam::" + e.account + ":role/audit"
}

// builder puts an estate into the cloud with the real SDK.
type builder struct {
	t      *testing.T
	ctx    context.Context
	config aws.Config
	host   string
	estate *estate
	org    string // the id of the account's organisation
	net    *network
	keys   map[string]string // the ids of KMS keys, by the names of the tables
}

// build creates everything in the estate behind a front, if that was not done yet.
func (e *estate) build(t *testing.T, f *front) {
	t.Helper()
	e.built.Do(func() { e.create(t, f) })
}

func (e *estate) create(t *testing.T, f *front) {
	t.Helper()
	b := &builder{t: t, ctx: t.Context(), host: f.Listener.Addr().String(), estate: e, keys: make(map[string]string)}
	b.config = aws.Config{
		Region: home, BaseEndpoint: aws.String(f.URL), HTTPClient: &http.Client{Transport: b.onlyHost()},
		Credentials: credentials.NewStaticCredentialsProvider("testing", "testing", ""),
	}
	if role := e.role(); role != "" {
		b.config.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(b.config), role))
	}
	if e.block != nil {
		_, err := b.control().PutPublicAccessBlock(b.ctx, &s3control.PutPublicAccessBlockInput{
			AccountId: &e.account, PublicAccessBlockConfiguration: e.block.control(),
		})
		b.check("block the account", err)
	}
	if e.organised {
		created, err := organizations.NewFromConfig(b.config).CreateOrganization(b.ctx, &organizations.CreateOrganizationInput{})
		b.check("create organisation", err)
		b.org = aws.ToString(created.Organization.Id)
	}
	for i := range e.buckets {
		b.bucket(&e.buckets[i])
	}
	for i := range e.points {
		b.point(&e.points[i])
	}
	if e.networked {
		b.net = b.network(e.regions[0])
	}
	for _, h := range slices.Clone(e.holdings) { // some bring others with them
		h.name = h.make(b, h)
	}
}

// onlyHost dials the front whatever a URL says: S3 Control puts the account id
// in front of the host, which names hosts that only Amazon has.
func (b *builder) onlyHost() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, b.host)
	}}
}

func (b *builder) check(what string, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func (b *builder) s3(region string) *s3.Client {
	return s3.NewFromConfig(b.config, func(o *s3.Options) { o.UsePathStyle, o.Region = true, region })
}

func (b *builder) control() *s3control.Client { return s3control.NewFromConfig(b.config) }

// bucket creates one bucket. Block settings come last: they would refuse what
// the bucket is to hold, as buckets that were blocked later do.
func (b *builder) bucket(w *bucket) {
	region := w.region
	if region == "" {
		region = home
	}
	client, name := b.s3(region), &w.name
	create := &s3.CreateBucketInput{Bucket: name}
	if region != home {
		create.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region)}
	}
	_, err := client.CreateBucket(b.ctx, create)
	b.check("create "+w.name, err)
	b.putACL(client, w)
	if w.policy != "" {
		text := strings.NewReplacer("BUCKET", "arn:aws:s3:::"+w.name, "ORGANISATION", b.org).Replace(w.policy)
		_, err := client.PutBucketPolicy(b.ctx, &s3.PutBucketPolicyInput{Bucket: name, Policy: &text})
		b.check("put policy of "+w.name, err)
	}
	b.putOther(client, w)
	if w.block != nil {
		_, err := client.PutPublicAccessBlock(b.ctx, &s3.PutPublicAccessBlockInput{Bucket: name, PublicAccessBlockConfiguration: w.block.bucket()})
		b.check("block "+w.name, err)
	} else if _, err := client.DeletePublicAccessBlock(b.ctx, &s3.DeletePublicAccessBlockInput{Bucket: name}); !gone(err) {
		b.check("unblock "+w.name, err)
	}
}

func (b *builder) putACL(client *s3.Client, w *bucket) {
	if len(w.acl) == 0 {
		return
	}
	now, err := client.GetBucketAcl(b.ctx, &s3.GetBucketAclInput{Bucket: &w.name})
	b.check("get ACL of "+w.name, err)
	_, err = client.PutBucketAcl(b.ctx, &s3.PutBucketAclInput{Bucket: &w.name, AccessControlPolicy: &s3types.AccessControlPolicy{
		Owner: now.Owner, Grants: append(now.Grants, w.acl...),
	}})
	b.check("put ACL of "+w.name, err)
}

func (b *builder) putOther(client *s3.Client, w *bucket) {
	if w.ownership != "" {
		_, err := client.PutBucketOwnershipControls(b.ctx, &s3.PutBucketOwnershipControlsInput{
			Bucket: &w.name, OwnershipControls: &s3types.OwnershipControls{Rules: []s3types.OwnershipControlsRule{{ObjectOwnership: w.ownership}}},
		})
		b.check("put ownership of "+w.name, err)
	}
	if w.kms {
		_, err := client.PutBucketEncryption(b.ctx, &s3.PutBucketEncryptionInput{
			Bucket: &w.name, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
				ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms},
			}}},
		})
		b.check("put encryption of "+w.name, err)
	}
	if w.payer {
		_, err := client.PutBucketRequestPayment(b.ctx, &s3.PutBucketRequestPaymentInput{
			Bucket: &w.name, RequestPaymentConfiguration: &s3types.RequestPaymentConfiguration{Payer: s3types.PayerRequester},
		})
		b.check("put payer of "+w.name, err)
	}
	if w.website {
		_, err := client.PutBucketWebsite(b.ctx, &s3.PutBucketWebsiteInput{
			Bucket: &w.name, WebsiteConfiguration: &s3types.WebsiteConfiguration{IndexDocument: &s3types.IndexDocument{Suffix: aws.String("index.html")}},
		})
		b.check("put website of "+w.name, err)
	}
}

func (b *builder) point(p *accessPoint) {
	if p.multi {
		b.multiRegionPoint(p)
		return
	}
	in := &s3control.CreateAccessPointInput{AccountId: &b.estate.account, Name: &p.name, Bucket: &p.bucket}
	if p.vpc != "" {
		in.VpcConfiguration = &controltypes.VpcConfiguration{VpcId: &p.vpc}
	}
	if p.block != nil {
		in.PublicAccessBlockConfiguration = p.block.control()
	}
	created, err := b.control().CreateAccessPoint(b.ctx, in)
	b.check("create access point "+p.name, err)
	if p.policy == "" {
		return
	}
	text := strings.ReplaceAll(p.policy, "POINT", aws.ToString(created.AccessPointArn))
	_, err = b.control().PutAccessPointPolicy(b.ctx, &s3control.PutAccessPointPolicyInput{AccountId: &b.estate.account, Name: &p.name, Policy: &text})
	b.check("put policy of access point "+p.name, err)
}

func (b *builder) multiRegionPoint(p *accessPoint) {
	details := &controltypes.CreateMultiRegionAccessPointInput{Name: &p.name, Regions: []controltypes.Region{{Bucket: &p.bucket}}}
	if p.block != nil {
		details.PublicAccessBlock = p.block.control()
	}
	token := aws.String(p.name)
	_, err := b.control().CreateMultiRegionAccessPoint(b.ctx, &s3control.CreateMultiRegionAccessPointInput{
		AccountId: &b.estate.account, ClientToken: token, Details: details,
	})
	b.check("create multi-region access point "+p.name, err)
	if p.policy == "" {
		return
	}
	found, err := b.control().GetMultiRegionAccessPoint(b.ctx, &s3control.GetMultiRegionAccessPointInput{AccountId: &b.estate.account, Name: &p.name})
	b.check("get multi-region access point "+p.name, err)
	arn := "arn:aws:s3::" + b.estate.account + ":accesspoint/" + aws.ToString(found.AccessPoint.Alias)
	text := strings.ReplaceAll(p.policy, "POINT", arn)
	_, err = b.control().PutMultiRegionAccessPointPolicy(b.ctx, &s3control.PutMultiRegionAccessPointPolicyInput{
		AccountId: &b.estate.account, ClientToken: token, Details: &controltypes.PutMultiRegionAccessPointPolicyInput{Name: &p.name, Policy: &text},
	})
	b.check("put policy of multi-region access point "+p.name, err)
}

func (f *flags) bucket() *s3types.PublicAccessBlockConfiguration {
	return &s3types.PublicAccessBlockConfiguration{
		BlockPublicAcls: &f.blockACLs, IgnorePublicAcls: &f.ignoreACLs, BlockPublicPolicy: &f.blockPolicy, RestrictPublicBuckets: &f.restrictBuckets,
	}
}

func (f *flags) control() *controltypes.PublicAccessBlockConfiguration {
	return &controltypes.PublicAccessBlockConfiguration{
		BlockPublicAcls: &f.blockACLs, IgnorePublicAcls: &f.ignoreACLs, BlockPublicPolicy: &f.blockPolicy, RestrictPublicBuckets: &f.restrictBuckets,
	}
}

// gone reports that there was nothing to remove.
func gone(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "NoSuchPublicAccessBlockConfiguration"
}
