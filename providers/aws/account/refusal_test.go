package account_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

// questions are one call of each protocol.
var questions = map[string]func(context.Context, *account.Account) error{
	"s3:GetBucketAcl": func(ctx context.Context, a *account.Account) error {
		_, err := s3access.Client(a, "eu-west-1").GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: aws.String("telemetry")})
		return err
	},
	"s3control:ListAccessPoints": func(ctx context.Context, a *account.Account) error {
		_, err := s3access.ControlClient(a, "eu-west-1").ListAccessPoints(ctx, &s3control.ListAccessPointsInput{AccountId: aws.String(a.ID)})
		return err
	},
	"sts:GetCallerIdentity": func(ctx context.Context, a *account.Account) error {
		_, err := sts.NewFromConfig(a.Config("")).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		return err
	},
	"ec2:DescribeRegions": func(ctx context.Context, a *account.Account) error {
		_, err := ec2.NewFromConfig(a.Config("")).DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
		return err
	},
}

// TestRefusal holds what each fault means, in the words of each protocol, over
// the wire and through the real SDK.
func TestRefusal(t *testing.T) {
	for kind, want := range map[awstest.FaultKind]resource.Reason{
		awstest.AccessDenied:  resource.Denied,
		awstest.Throttle:      resource.Throttled,
		awstest.InternalError: resource.Failed,
		awstest.Truncated:     resource.Malformed,
		awstest.NotXML:        resource.Malformed,
	} {
		for call, ask := range questions {
			t.Run(string(kind)+" "+call, func(t *testing.T) {
				t.Parallel()
				healthy, faulty := start(t), start(t, awstest.WithFault(awstest.Fault{Call: call, Kind: kind}))
				o := healthy.offline()
				o.Attempts = 1
				a := open(t, o)
				healthy.next = faulty.next
				err := ask(t.Context(), a)
				if err == nil {
					t.Fatal("no error")
				}
				r := account.Refusal(err)
				if r.Reason != want || r.Gone || r.Detail == "" || r.Call != call {
					t.Errorf("%+v, want %s about %s; from %v", r, want, call, err)
				}
				discreet(t, r.String())
			})
		}
	}
}

func TestRefusalOfWhatIsGone(t *testing.T) {
	c := start(t)
	a := open(t, c.offline())
	for name, want := range map[string]string{"deleted": "NoSuchBucket", "neverwas": "NoSuchBucket"} {
		_, err := s3access.Client(a, "eu-west-1").GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: aws.String(name)})
		if r := account.Refusal(err); !r.Gone || r.Code != want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestRefusalOfWhatIsNotOffered(t *testing.T) {
	c := start(t)
	o := c.offline()
	o.Attempts = 1
	a := open(t, o)
	_, err := s3access.Client(a, "eu-west-1").GetBucketCors(t.Context(), &s3.GetBucketCorsInput{Bucket: aws.String("telemetry")})
	if r := account.Refusal(err); r.Reason != resource.Unsupported || r.Code != "NotImplemented" {
		t.Errorf("%+v", r)
	}
}

// What no cloud of ours says, but the wire may.
func TestRefusalOfOddAnswers(t *testing.T) {
	xml := func(code, message string) string {
		return "<Error><Code>" + code + "</Code><Message>" + message + "</Message><RequestId>4A38D673D3BC4DCB</RequestId></Error>"
	}
	long := strings.Repeat("ü", 1000)
	for name, c := range map[string]struct {
		status int
		body   string
		err    error
		want   resource.Reason
	}{
		"forbidden without a word":        {status: 403, want: resource.Denied},
		"forbidden with a page":           {status: 403, body: "<html>", want: resource.Denied},
		"too many requests without word":  {status: 429, want: resource.Throttled},
		"slow down":                       {status: 503, body: xml("SlowDown", "Reduce your rate"), want: resource.Throttled},
		"unavailable":                     {status: 503, body: xml("ServiceUnavailable", "Later"), want: resource.Failed},
		"an expired token":                {status: 400, body: xml("ExpiredToken", "The provided token has expired."), want: resource.Denied},
		"a region that is not enabled":    {status: 403, body: xml("InvalidAccessKeyId", "no"), want: resource.Denied},
		"no such method":                  {status: 405, body: xml("MethodNotAllowed", "no"), want: resource.Unsupported},
		"a novel":                         {status: 500, body: xml("InternalError", long), want: resource.Failed},
		"a service that is not there":     {err: &net.DNSError{Err: "no such host", Name: "s3.mars-1.amazonaws.com", IsNotFound: true}, want: resource.Unsupported},
		"a resolver that is not there":    {err: &net.DNSError{Err: "server misbehaving", Name: "s3.eu-west-1.amazonaws.com"}, want: resource.Failed},
		"a connection that broke":         {err: io.ErrUnexpectedEOF, want: resource.Failed},
		"an answer that never came":       {err: os.ErrDeadlineExceeded, want: resource.Failed},
		"a request that must not be sent": {err: &collect.ForbiddenError{Call: "s3:DeleteBucket"}, want: resource.Failed},
		"an answer without a body":        {status: 200, want: resource.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := start(t)
			o := cloud.offline()
			o.Attempts = 1
			a := open(t, o)
			cloud.next = roundTrip(func(req *http.Request) (*http.Response, error) {
				if c.err != nil {
					return nil, c.err
				}
				return &http.Response{StatusCode: c.status, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(c.body)), Request: req}, nil
			})
			_, err := s3access.Client(a, "eu-west-1").GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: aws.String("telemetry")})
			if c.status == 200 && err == nil {
				return // the collector finds the answer empty
			}
			r := account.Refusal(err)
			if r.Reason != c.want {
				t.Errorf("%+v, want %s; from %v", r, c.want, err)
			}
			if len(r.Detail) > 250 || !utf8.ValidString(r.Detail) {
				t.Errorf("%d bytes of detail: %q", len(r.Detail), r.Detail)
			}
			discreet(t, r.String())
		})
	}
}

func TestRefusalOfOtherErrors(t *testing.T) {
	if r := account.Refusal(errors.New("boom")); r.Reason != resource.Failed || r.String() != "boom" || r.Call != "" {
		t.Errorf("%+v", r)
	}
	if got := account.Code(errors.New("boom")); got != "" {
		t.Errorf("code %q", got)
	}
}

func TestThrottled(t *testing.T) {
	for _, c := range []struct {
		status    int
		errorType string
		want      bool
	}{
		{200, "", false},
		{400, "", false},
		{403, "AccessDeniedException", false},
		{429, "", true},
		{500, "", false},
		{503, "", true},
		{400, "ThrottlingException", true},
		{400, "Throttled:http://internal.amazon.com/", true},
	} {
		answer := &http.Response{StatusCode: c.status, Header: http.Header{"X-Amzn-Errortype": {c.errorType}}}
		if got := account.Throttled(answer); got != c.want {
			t.Errorf("%d %s: %t", c.status, c.errorType, got)
		}
	}
}
