package awstest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// oneOfEach is one call in each protocol.
var oneOfEach = map[string]ask{
	"s3":        onS3("GetPublicAccessBlock", "access-logs"),
	"s3control": onControl("ListAccessPoints", ""),
	"sts": func(ctx context.Context, c cloud) (any, error) {
		return c.sts().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	},
	"ec2": func(ctx context.Context, c cloud) (any, error) {
		return c.ec2().DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
	},
	"organizations": func(ctx context.Context, c cloud) (any, error) {
		return c.orgs().DescribeOrganization(ctx, &organizations.DescribeOrganizationInput{})
	},
}

// Each fault is what the service itself would answer, as its SDK decodes it.
func TestFaultsInEachProtocol(t *testing.T) {
	for kind, want := range map[FaultKind]map[string]string{
		AccessDenied: {
			"s3": "AccessDenied", "s3control": "AccessDenied", "sts": "AccessDenied",
			"ec2": "UnauthorizedOperation", "organizations": "AccessDeniedException",
		},
		Throttle: {
			"s3": "SlowDown", "s3control": "SlowDown", "sts": "Throttling",
			"ec2": "RequestLimitExceeded", "organizations": "ThrottlingException",
		},
		SlowDown: {"s3": "SlowDown", "s3control": "SlowDown"},
		InternalError: {
			"s3": "InternalError", "s3control": "InternalError", "sts": "InternalFailure",
			"ec2": "InternalError", "organizations": "InternalFailure",
		},
		Truncated: undecodable(), WrongType: undecodable(), NotXML: undecodable(),
		Latency: {"s3": "", "s3control": "", "sts": "", "ec2": "", "organizations": ""},
	} {
		t.Run(string(kind), func(t *testing.T) {
			c := startExample(t, WithFault(Fault{Call: "*", Kind: kind, Latency: time.Millisecond})).in("eu-west-1")
			for service, want := range want {
				if _, err := oneOfEach[service](t.Context(), c); code(err) != want {
					t.Errorf("%s: got %v, want %q", service, err, want)
				}
			}
		})
	}
}

func undecodable() map[string]string {
	out := map[string]string{}
	for service := range oneOfEach {
		out[service] = "undecodable"
	}
	return out
}

func TestFaultStatus(t *testing.T) {
	for _, tc := range []struct {
		service string
		kind    FaultKind
		want    int
	}{
		{"s3", AccessDenied, 403},
		{"s3control", AccessDenied, 403},
		{"sts", AccessDenied, 403},
		{"ec2", AccessDenied, 403},
		{"organizations", AccessDenied, 400},
		{"s3", Throttle, 503},
		{"s3control", Throttle, 503},
		{"sts", Throttle, 400},
		{"ec2", Throttle, 503},
		{"organizations", Throttle, 400},
		{"s3", InternalError, 500},
		{"s3", NotXML, 200},
	} {
		c := startExample(t, WithFault(Fault{Call: "*", Kind: tc.kind})).in("eu-west-1")
		_, err := oneOfEach[tc.service](t.Context(), c)
		if log := c.Log(); len(log) != 1 || log[0].Status != tc.want || log[0].Fault != tc.kind {
			t.Errorf("%s on %s: %v, %v", tc.kind, tc.service, log, err)
		}
	}
}

// Policies are no XML: what a fault leaves of one arrives as the policy.
func TestSpoiltPolicies(t *testing.T) {
	for kind, want := range map[FaultKind]string{
		Truncated: `{"Version":"2012-10`, WrongType: `{"Statement":"unexpected","Version":7}`, NotXML: loopback.SignInPage,
	} {
		c := startExample(t, WithFault(Fault{Call: "s3:GetBucketPolicy", Kind: kind})).in("us-west-2")
		check(t, c, onS3("GetBucketPolicy", "fast--usw2-az1--x-s3"), &s3.GetBucketPolicyOutput{Policy: &want})
	}
}

func TestFaultIsNarrow(t *testing.T) {
	for _, tc := range []struct {
		fault Fault
		want  string
	}{
		{Fault{Call: "s3:GetBucketPolicy"}, "AccessDenied"},
		{Fault{Call: "s3:*", Subject: "tele*13"}, "AccessDenied"},
		{Fault{Call: "*:GetBucketPolicy", Region: "eu-west-1", Account: prod}, "AccessDenied"},
		{Fault{Call: "s3:GetBucketAcl"}, ""},
		{Fault{Call: "*", Subject: "access-logs"}, ""},
		{Fault{Call: "*", Region: "us-east-1"}, ""},
		{Fault{Call: "*", Account: dealer}, ""},
	} {
		tc.fault.Kind = AccessDenied
		c := startExample(t, WithFault(tc.fault)).in("eu-west-1")
		if _, err := onS3("GetBucketPolicy", telemetry)(t.Context(), c); code(err) != tc.want {
			t.Errorf("%+v: %v", tc.fault, err)
		}
	}
}

// Times counts each question by itself, so a throttled first answer to every
// question is the same run in any order.
func TestFaultTimes(t *testing.T) {
	c := startExample(t, WithFault(Fault{Call: "*", Kind: Throttle, Times: 1})).in("eu-west-1")
	for range 2 {
		for _, bucket := range []string{telemetry, "access-logs"} {
			_, err := onS3("GetBucketAcl", bucket)(t.Context(), c)
			if first := len(c.Log()) <= 2; first != (code(err) == "SlowDown") {
				t.Errorf("call %d: %v", len(c.Log()), err)
			}
		}
	}
}

// The SDK's own retries get through a throttle that passes.
func TestRetriesGetThrough(t *testing.T) {
	c := startExample(t, WithFault(Fault{Call: "s3:ListBuckets", Kind: SlowDown, Times: 1}))
	c.config.RetryMaxAttempts = 2
	if _, err := c.s3().ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil || c.Calls()["s3:ListBuckets"] != 2 {
		t.Errorf("%v, %v", c.Calls(), err)
	}
}

func TestHang(t *testing.T) {
	for _, kind := range []FaultKind{Hang, Timeout} {
		c := startExample(t, WithFault(Fault{Call: "s3:ListBuckets", Kind: kind}))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := c.s3().ListBuckets(ctx, &s3.ListBucketsInput{})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Latencies add up, and a caller who leaves is not waited for.
func TestLatency(t *testing.T) {
	w, err := Parse([]byte(world(t, "bare") + "latency: 50ms\nfaults: [{call: \"s3:ListBuckets\", fault: latency, latency: 1s}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(w, WithLatency(2*time.Second))
		start := time.Now()
		s.ServeHTTP(discard{}, listRequest(t.Context(), t, "http://127.0.0.1"))
		if took := time.Since(start); took != 3050*time.Millisecond {
			t.Errorf("took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		s.ServeHTTP(discard{}, listRequest(ctx, t, "http://127.0.0.1"))
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %s", took)
		}
	})
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

func listRequest(ctx context.Context, t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/?x-id=ListBuckets", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFaultsOfAWorld(t *testing.T) {
	c := start(t, world(t, "example")).in("eu-west-1")
	if _, err := onS3("GetBucketPolicy", "access-logs")(t.Context(), c); code(err) != "AccessDenied" {
		t.Errorf("declared fault: %v", err)
	}
	if _, err := onS3("GetBucketPolicy", telemetry)(t.Context(), c); err != nil {
		t.Errorf("another bucket: %v", err)
	}
}
