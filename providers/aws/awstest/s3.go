package awstest

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The documents below are S3's answers. Field order is S3's own.

const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

type ownerXML struct {
	ID string
}

type listBucketsXML struct {
	XMLName           xml.Name    `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
	Owner             ownerXML    `xml:"Owner"`
	Buckets           []bucketXML `xml:"Buckets>Bucket"`
	ContinuationToken string      `xml:",omitempty"`
	Prefix            string      `xml:",omitempty"`
}

type listDirectoryBucketsXML struct {
	XMLName           xml.Name    `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyDirectoryBucketsResult"`
	Buckets           []bucketXML `xml:"Buckets>Bucket"`
	ContinuationToken string      `xml:",omitempty"`
}

type bucketXML struct {
	Name         string
	CreationDate string
	BucketRegion string
	BucketArn    string
}

type blockXML struct {
	XMLName   xml.Name `xml:"PublicAccessBlockConfiguration"`
	Namespace string   `xml:"xmlns,attr,omitempty"`
	flagsXML
}

type flagsXML struct {
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

type policyStatusXML struct {
	XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PolicyStatus"`
	IsPublic bool
}

type ownershipXML struct {
	XMLName xml.Name  `xml:"http://s3.amazonaws.com/doc/2006-03-01/ OwnershipControls"`
	Rule    ownership `xml:"Rule>ObjectOwnership"`
}

type aclXML struct {
	XMLName xml.Name   `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccessControlPolicy"`
	Owner   ownerXML   `xml:"Owner"`
	Grants  []grantXML `xml:"AccessControlList>Grant"`
}

type grantXML struct {
	Grantee    granteeXML
	Permission permission
}

type granteeXML struct {
	Namespace    string `xml:"xmlns:xsi,attr"`
	Type         string `xml:"xsi:type,attr"`
	ID           string `xml:",omitempty"`
	URI          string `xml:",omitempty"`
	EmailAddress string `xml:",omitempty"`
}

type requestPaymentXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ RequestPaymentConfiguration"`
	Payer   string
}

type encryptionXML struct {
	XMLName   xml.Name  `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ServerSideEncryptionConfiguration"`
	Algorithm algorithm `xml:"Rule>ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
	Key       string    `xml:"Rule>ApplyServerSideEncryptionByDefault>KMSMasterKeyID,omitempty"`
	BucketKey bool      `xml:"Rule>BucketKeyEnabled"`
}

type websiteXML struct {
	XMLName  xml.Name  `xml:"http://s3.amazonaws.com/doc/2006-03-01/ WebsiteConfiguration"`
	Index    *indexXML `xml:"IndexDocument"`
	Error    *errorXML `xml:"ErrorDocument"`
	Redirect *hostXML  `xml:"RedirectAllRequestsTo"`
}

type (
	indexXML struct{ Suffix string }
	errorXML struct{ Key string }
	hostXML  struct{ HostName string }
)

type loggingXML struct {
	XMLName xml.Name          `xml:"http://s3.amazonaws.com/doc/2006-03-01/ BucketLoggingStatus"`
	Enabled *loggingTargetXML `xml:"LoggingEnabled"`
}

type loggingTargetXML struct {
	TargetBucket string
	TargetPrefix string
}

type versioningXML struct {
	XMLName xml.Name   `xml:"http://s3.amazonaws.com/doc/2006-03-01/ VersioningConfiguration"`
	Status  versioning `xml:",omitempty"`
}

type taggingXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
	Tags    []tagXML `xml:"TagSet>Tag"`
}

type tagXML struct {
	Key   string
	Value string
}

type locationXML struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
	Region  region   `xml:",chardata"`
}

// onBucket resolves the bucket a call is about, with the refusals that every
// bucket call shares.
func onBucket(next func(*request, *bucket) answer) handler {
	return func(q *request) answer {
		b := q.world.bucket(q.subject)
		switch {
		case b == nil || b.Gone:
			return q.fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		case b.owner != q.caller:
			return q.denied()
		case q.region != "" && q.region != string(b.Region):
			return q.redirect(b)
		case b.directory && !directoryOperations[q.operation]:
			return q.unmodelled()
		}
		return next(q, b)
	}
}

var directoryOperations = map[string]bool{"GetBucketPolicy": true, "GetBucketEncryption": true}

// redirect is S3's answer to a request that was signed for another region.
func (q *request) redirect(b *bucket) answer {
	e := errorBody{
		Code:       "PermanentRedirect",
		Message:    "The bucket you are attempting to access must be addressed using the specified endpoint.",
		BucketName: b.Name,
		Endpoint:   b.Name + ".s3." + string(b.Region) + ".amazonaws.com",
	}
	a := q.errorAnswer(http.StatusMovedPermanently, restError{errorBody: e, RequestID: q.id(), HostID: q.hostID()})
	a.header = map[string]string{"X-Amz-Bucket-Region": string(b.Region)}
	return a
}

// bucket finds a bucket by its name, which is global. Nil means no such bucket.
func (w *World) bucket(name string) *bucket {
	if b := w.buckets[name]; b != nil {
		return b
	}
	for _, a := range w.accounts {
		if a.Generate != nil {
			if b := a.Generate.named(name); b != nil {
				return b
			}
		}
	}
	return nil
}

func (b *bucket) listed() bucketXML {
	arn := "arn:aws:s3:::" + b.Name
	if b.directory {
		arn = "arn:aws:s3express:" + string(b.Region) + ":" + b.owner.ID + ":bucket/" + b.Name
	}
	return bucketXML{
		Name: b.Name, CreationDate: timestamp(b.Created), BucketRegion: string(b.Region), BucketArn: arn,
	}
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// maxBuckets is the longest page of ListBuckets, and its length by default.
const maxBuckets = 10000

func listBuckets(q *request) answer {
	limit, after, ok := q.page("max-buckets", "continuation-token", maxBuckets)
	if !ok {
		return q.badToken()
	}
	wanted := q.params.Get("bucket-region")
	if wanted != "" && wanted != q.region {
		return q.fail(http.StatusBadRequest, "InvalidArgument", "Argument value does not match the region of this endpoint")
	}
	out := listBucketsXML{Owner: ownerXML{q.caller.CanonicalID}, Prefix: q.params.Get("prefix")}
	for b := range q.caller.bucketsAfter(after) {
		if wanted != "" && wanted != string(b.Region) || !strings.HasPrefix(b.Name, out.Prefix) {
			continue
		}
		if len(out.Buckets) == limit {
			out.ContinuationToken = token(out.Buckets[limit-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, b.listed())
	}
	return xmlAnswer(out)
}

// maxDirectoryBuckets is the longest page of ListDirectoryBuckets.
const maxDirectoryBuckets = 1000

// listDirectoryBuckets is regional, unlike listBuckets.
func listDirectoryBuckets(q *request) answer {
	local := slices.DeleteFunc(slices.Clone(q.caller.directories), func(b *bucket) bool {
		return string(b.Region) != q.region
	})
	names := func(b *bucket) string { return b.Name }
	page, next, ok := paginate(q, local, names, "max-directory-buckets", "continuation-token", maxDirectoryBuckets)
	if !ok {
		return q.badToken()
	}
	out := listDirectoryBucketsXML{ContinuationToken: next}
	for _, b := range page {
		out.Buckets = append(out.Buckets, b.listed())
	}
	return xmlAnswer(out)
}

// page reads where a listing goes on and how long its page may be.
func (q *request) page(limitName, tokenName string, longest int) (limit int, after string, ok bool) {
	limit = longest
	for _, wanted := range []int{q.server.pageSize, atoi(q.params.Get(limitName))} {
		if wanted > 0 {
			limit = min(limit, wanted)
		}
	}
	after, ok = untoken(q.params.Get(tokenName))
	return limit, after, ok
}

// paginate cuts one page out of a sorted listing and names the next.
func paginate[T any](q *request, all []T, name func(T) string, limitName, tokenName string, longest int) (page []T, next string, ok bool) {
	limit, after, ok := q.page(limitName, tokenName, longest)
	if !ok {
		return nil, "", false
	}
	for _, item := range all {
		if name(item) <= after {
			continue
		}
		if len(page) == limit {
			return page, token(name(page[limit-1])), true
		}
		page = append(page, item)
	}
	return page, "", true
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s) // not a number: no wish
	return n
}

// token hides the name a listing stopped at, so that nobody comes to rely on
// its form.
func token(name string) string { return base64.RawURLEncoding.EncodeToString([]byte("after " + name)) }

func untoken(token string) (name string, ok bool) {
	if token == "" {
		return "", true
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	name, found := strings.CutPrefix(string(text), "after ")
	return name, err == nil && found
}

func (q *request) badToken() answer {
	return q.fail(http.StatusBadRequest, "InvalidArgument", "The continuation token provided is incorrect")
}

func (b *block) document(namespace string) blockXML {
	return blockXML{Namespace: namespace, flagsXML: b.flags()}
}

func (b *block) flags() flagsXML {
	return flagsXML{
		BlockPublicAcls: b.BlockPublicACLs, IgnorePublicAcls: b.IgnorePublicACLs,
		BlockPublicPolicy: b.BlockPublicPolicy, RestrictPublicBuckets: b.RestrictPublicBuckets,
	}
}

func bucketBlock(q *request, b *bucket) answer {
	if b.Block == nil {
		return q.noBlock()
	}
	return xmlAnswer(b.Block.document(s3Namespace))
}

func (q *request) noBlock() answer {
	return q.fail(http.StatusNotFound, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
}

func bucketPolicy(q *request, b *bucket) answer {
	if b.Policy == nil {
		return q.noBucketPolicy()
	}
	return answer{status: http.StatusOK, contentType: "application/json", body: []byte(b.Policy.text)}
}

func (q *request) noBucketPolicy() answer {
	return q.fail(http.StatusNotFound, "NoSuchBucketPolicy", "The bucket policy does not exist")
}

func bucketPolicyStatus(q *request, b *bucket) answer {
	if b.Policy == nil {
		return q.noBucketPolicy()
	}
	return xmlAnswer(policyStatusXML{IsPublic: b.Policy.isPublic(b.PolicyIsPublic, true)})
}

func bucketOwnership(q *request, b *bucket) answer {
	if b.Ownership == "" {
		return q.fail(http.StatusNotFound, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
	}
	return xmlAnswer(ownershipXML{Rule: b.Ownership})
}

// bucketACL answers with the grants that are in force, as AWS does: public ones
// vanish while IgnorePublicAcls is on, and all but the owner's under
// BucketOwnerEnforced.
func bucketACL(q *request, b *bucket) answer {
	owner := b.owner.CanonicalID
	out := aclXML{Owner: ownerXML{owner}}
	out.Grants = append(out.Grants, grantXML{grantee("CanonicalUser", granteeXML{ID: owner}), "FULL_CONTROL"})
	for _, g := range b.ACL {
		if q.server.stored || b.inForce(g) {
			out.Grants = append(out.Grants, grantXML{q.world.grantee(g.Grantee), g.Permission})
		}
	}
	return xmlAnswer(out)
}

func (b *bucket) inForce(g grant) bool {
	public := g.Grantee == "AllUsers" || g.Grantee == "AuthenticatedUsers"
	return b.Ownership != "BucketOwnerEnforced" && !(public && b.ignoresPublicACLs())
}

var groups = map[string]string{
	"AllUsers":           "http://acs.amazonaws.com/groups/global/AllUsers",
	"AuthenticatedUsers": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
	"LogDelivery":        "http://acs.amazonaws.com/groups/s3/LogDelivery",
}

// grantee reads the short forms of a world: a group's name, an address, an
// account's number or a canonical id.
func (w *World) grantee(name string) granteeXML {
	switch {
	case groups[name] != "":
		return grantee("Group", granteeXML{URI: groups[name]})
	case strings.HasPrefix(name, "http"):
		return grantee("Group", granteeXML{URI: name})
	case strings.Contains(name, "@"):
		return grantee("AmazonCustomerByEmail", granteeXML{EmailAddress: name})
	case accountID.MatchString(name):
		return grantee("CanonicalUser", granteeXML{ID: w.canonicalID(name)})
	}
	return grantee("CanonicalUser", granteeXML{ID: name})
}

func grantee(kind string, g granteeXML) granteeXML {
	g.Namespace, g.Type = "http://www.w3.org/2001/XMLSchema-instance", kind
	return g
}

func (w *World) canonicalID(account string) string {
	for _, a := range w.accounts {
		if a.ID == account {
			return a.CanonicalID
		}
	}
	return canonicalID(account)
}

func bucketRequestPayment(_ *request, b *bucket) answer {
	if b.RequesterPays {
		return xmlAnswer(requestPaymentXML{Payer: "Requester"})
	}
	return xmlAnswer(requestPaymentXML{Payer: "BucketOwner"})
}

// bucketEncryption: since January 2023 every bucket encrypts, with S3's own key
// where nothing else was chosen.
func bucketEncryption(q *request, b *bucket) answer {
	e := cmp.Or(b.Encryption, &encryption{Algorithm: "AES256"})
	if e.Algorithm == "none" {
		return q.fail(http.StatusNotFound, "ServerSideEncryptionConfigurationNotFoundError",
			"The server side encryption configuration was not found")
	}
	return xmlAnswer(encryptionXML{Algorithm: e.Algorithm, Key: e.Key, BucketKey: e.BucketKey})
}

func bucketWebsite(q *request, b *bucket) answer {
	if b.Website == nil {
		return q.fail(http.StatusNotFound, "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
	}
	var out websiteXML
	if b.Website.Index != "" {
		out.Index = &indexXML{b.Website.Index}
	}
	if b.Website.Error != "" {
		out.Error = &errorXML{b.Website.Error}
	}
	if b.Website.Redirect != "" {
		out.Redirect = &hostXML{b.Website.Redirect}
	}
	return xmlAnswer(out)
}

func bucketLogging(_ *request, b *bucket) answer {
	if b.Logging == nil {
		return xmlAnswer(loggingXML{})
	}
	return xmlAnswer(loggingXML{Enabled: &loggingTargetXML{TargetBucket: b.Logging.Bucket, TargetPrefix: b.Logging.Prefix}})
}

func bucketVersioning(_ *request, b *bucket) answer {
	return xmlAnswer(versioningXML{Status: b.Versioning})
}

func bucketTagging(q *request, b *bucket) answer {
	if len(b.Tags) == 0 {
		return q.fail(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist")
	}
	var out taggingXML
	for _, key := range slices.Sorted(maps.Keys(b.Tags)) {
		out.Tags = append(out.Tags, tagXML{Key: key, Value: b.Tags[key]})
	}
	return xmlAnswer(out)
}

// bucketLocation answers from every region, and with nothing for us-east-1. It
// is here so that a test can prove that nobody calls it: ListBuckets names the
// region.
func bucketLocation(q *request) answer {
	b := q.world.bucket(q.subject)
	switch {
	case b == nil || b.Gone:
		return q.fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	case b.owner != q.caller:
		return q.denied()
	case b.Region == "us-east-1":
		return xmlAnswer(locationXML{})
	}
	return xmlAnswer(locationXML{Region: b.Region})
}
