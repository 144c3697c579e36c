package awstest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
)

// With the server's transport the clients need no endpoint at all, and use the
// hosts they use in production.
func TestRealHosts(t *testing.T) {
	c := startExample(t).in("eu-west-1")
	c.config.BaseEndpoint = nil
	for name, call := range oneOfEach {
		if _, err := call(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	west := c.in("us-west-2")
	if _, err := onS3("GetBucketPolicy", "fast--usw2-az1--x-s3")(t.Context(), west); err != nil {
		t.Errorf("directory bucket: %v", err)
	}
	if _, err := west.s3().ListDirectoryBuckets(t.Context(), &s3.ListDirectoryBucketsInput{}); err != nil {
		t.Errorf("directory buckets: %v", err)
	}
	if _, err := c.s3().ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil {
		t.Errorf("buckets: %v", err)
	}
	same(t, c.Calls(), map[string]int{
		"s3:GetPublicAccessBlock": 1, "s3control:ListAccessPoints": 1, "sts:GetCallerIdentity": 1, "ec2:DescribeRegions": 1,
		"organizations:DescribeOrganization": 1, "s3:GetBucketPolicy": 1, "s3:ListDirectoryBuckets": 1, "s3:ListBuckets": 1,
	})
}

func TestBucketInHost(t *testing.T) {
	for host, want := range map[string]string{
		"b.s3.eu-west-1.amazonaws.com":                                 "b",
		"b.with.dots.s3.amazonaws.com":                                 "b.with.dots",
		"s3.eu-west-1.amazonaws.com":                                   "",
		"s3.amazonaws.com":                                             "",
		"s3express-control.us-west-2.amazonaws.com":                    "",
		"b--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com": "b--usw2-az1--x-s3",
		"b.127.0.0.1:4566":                                             "b",
		"b.localhost:4566":                                             "b",
		"127.0.0.1:4566":                                               "",
		"[::1]:4566":                                                   "",
		"localhost":                                                    "",
		"storage.example":                                              "",
	} {
		if got := hostBucket(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

// Whatever would change something is refused in each protocol, and counted.
func TestWrites(t *testing.T) {
	c := startExample(t).in("eu-west-1")
	for i, write := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := c.s3().PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: aws.String(telemetry), ACL: types.BucketCannedACLPublicRead})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.s3().DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: aws.String(telemetry)})
			return err
		},
		func(ctx context.Context) error {
			body := strings.NewReader("hello")
			_, err := c.s3().PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(telemetry), Key: aws.String("k"), Body: body})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.control().DeletePublicAccessBlock(ctx, &s3control.DeletePublicAccessBlockInput{AccountId: aws.String(prod)})
			return err
		},
		func(ctx context.Context) error {
			_, err := c.orgs().DeletePolicy(ctx, &organizations.DeletePolicyInput{PolicyId: aws.String("p-onlyours")})
			return err
		},
	} {
		err := write(t.Context())
		if code(err) != "MethodNotAllowed" || c.Writes() != i+1 {
			t.Errorf("write %d: %v, %d counted", i+1, err, c.Writes())
		}
	}
	if _, err := onS3("GetBucketPolicy", telemetry)(t.Context(), c); err != nil {
		t.Errorf("the policy survives: %v", err)
	}
	if c.Writes() != 5 {
		t.Errorf("a read was counted as a write")
	}
}

// Reading data is no write, but it is not to be had either.
func TestNoDataPlane(t *testing.T) {
	c := startExample(t).in("eu-west-1")
	_, err := c.s3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(telemetry), Key: aws.String("k")})
	if code(err) != "NotImplemented" {
		t.Errorf("GetObject: %v", err)
	}
	_, err = c.s3().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(telemetry)})
	if code(err) != "NotImplemented" {
		t.Errorf("ListObjectsV2: %v", err)
	}
	_, err = c.orgs().ListRoots(t.Context(), &organizations.ListRootsInput{})
	if code(err) != "UnknownOperationException" {
		t.Errorf("ListRoots: %v", err)
	}
	if c.Writes() != 0 {
		t.Errorf("%d writes", c.Writes())
	}
}

func TestUnsigned(t *testing.T) {
	c := startExample(t)
	c.config.Credentials = aws.AnonymousCredentials{}
	_, err := c.s3().ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if code(err) != "AccessDenied" {
		t.Errorf("unsigned: %v", err)
	}
	if log := c.Log(); len(log) != 1 || log[0].Account != "" {
		t.Errorf("unsigned: %v", log)
	}
}

func TestLog(t *testing.T) {
	c := startExample(t).in("eu-west-1")
	for _, call := range []ask{onS3("GetBucketAcl", telemetry), onControl("GetAccessPointPolicy", "inside"), onControl("ListAccessPoints", "")} {
		_, _ = call(t.Context(), c)
	}
	same(t, c.Log(), []Call{
		{Operation: "s3:GetBucketAcl", Account: prod, Region: "eu-west-1", Subject: telemetry, Status: 200},
		{Operation: "s3control:GetAccessPointPolicy", Account: prod, Region: "eu-west-1", Subject: "inside", Status: 404},
		{Operation: "s3control:ListAccessPoints", Account: prod, Region: "eu-west-1", Status: 200},
	})
}

func TestConcurrentCalls(t *testing.T) {
	c := startExample(t, WithFault(Fault{Call: "*", Kind: Throttle, Times: 1})).in("eu-west-1")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, call := range oneOfEach {
				_, _ = call(t.Context(), c)
			}
		})
	}
	all.Wait()
	throttled := 0
	for _, call := range c.Log() {
		if call.Fault == Throttle {
			throttled++
		}
	}
	if throttled != len(oneOfEach) || len(c.Log()) != 8*len(oneOfEach) {
		t.Errorf("%d of %d calls were throttled", throttled, len(c.Log()))
	}
}

// Other services are refused by their own names, in their own formats.
func TestOtherServices(t *testing.T) {
	c := startExample(t)
	for _, tc := range []struct{ method, path, target, form, service, wantCall, wantBody string }{
		{"POST", "/", "", "Action=DescribeDBProxies", "rds", "rds:DescribeDBProxies", "<Code>InvalidAction</Code>"},
		{"POST", "/", "DynamoDB_20120810.ListBackups", "", "dynamodb", "dynamodb:ListBackups", `"__type":"UnknownOperationException"`},
		{"GET", "/2015-03-31/functions", "", "", "lambda", "lambda:GET /2015-03-31/functions", "NotImplemented"},
	} {
		r := listRequest(t.Context(), t, *c.config.BaseEndpoint)
		r.Method, r.URL.Path, r.URL.RawQuery, r.Body = tc.method, tc.path, "", io.NopCloser(strings.NewReader(tc.form))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261122/us-east-1/"+tc.service+"/aws4_request, Signature=0")
		if tc.target != "" {
			r.Header.Set("X-Amz-Target", tc.target)
		} else if tc.form != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		answer, err := c.config.HTTPClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if !strings.Contains(string(body), tc.wantBody) || c.Calls()[tc.wantCall] != 1 {
			t.Errorf("%s: %s, %v", tc.wantCall, body, c.Calls())
		}
	}
	if c.Writes() != 0 {
		t.Errorf("%d writes", c.Writes())
	}
}

// Two servers, asked in a different order, answer with the same bytes.
func TestDeterminism(t *testing.T) {
	first, second := transcript(t, false), transcript(t, true)
	same(t, first, second)
	if len(first) == 0 || strings.Contains(first[oneOfEachKey], "Date:") {
		t.Errorf("transcript: %v", first)
	}
}

const oneOfEachKey = "s3"

func transcript(t *testing.T, twice bool) map[string]string {
	t.Helper()
	out := map[string]string{}
	c := startExample(t).in("eu-west-1")
	c.config.BaseEndpoint = nil
	for name, call := range oneOfEach {
		var dump bytes.Buffer
		asked := c
		asked.config.HTTPClient = &http.Client{Transport: recorder{c.config.HTTPClient.(*http.Client).Transport, &dump}}
		for range 1 + len(name)%2 {
			if twice {
				_, _ = call(t.Context(), c)
			}
		}
		if _, err := call(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
		out[name] = dump.String()
	}
	return out
}

type recorder struct {
	http.RoundTripper
	to *bytes.Buffer
}

func (r recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	a, err := r.RoundTripper.RoundTrip(q)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return nil, err
	}
	_ = a.Body.Close()
	_ = a.Header.Write(r.to)
	r.to.Write(body)
	a.Body = io.NopCloser(bytes.NewReader(body))
	return a, nil
}

// Every modelled operation is driven by some table of these tests; what is in
// stock is driven by the recordings of the kinds.
func TestOperationsAreCovered(t *testing.T) {
	driven := map[string]bool{
		"s3:ListBuckets": true, "s3:ListDirectoryBuckets": true, "sts:AssumeRole": true, "sts:GetCallerIdentity": true,
		"iam:ListAccountAliases": true, "ec2:DescribeRegions": true, "organizations:DescribeEffectivePolicy": true,
		"organizations:DescribeOrganization": true, "organizations:DescribePolicy": true, "organizations:ListParents": true,
		"organizations:ListPoliciesForTarget": true,
	}
	for operation := range bucketAsks {
		driven["s3:"+operation] = true
	}
	for operation := range pointAsks {
		driven["s3control:"+operation] = true
	}
	for operation := range stockCallsByName {
		driven[operation] = true
	}
	for _, operation := range Operations() {
		if !driven[operation] {
			t.Errorf("no test drives %s", operation)
		}
	}
	if len(Operations()) != len(driven) {
		t.Errorf("%d operations, %d driven", len(Operations()), len(driven))
	}
}
