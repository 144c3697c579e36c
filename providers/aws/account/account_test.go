package account_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Two accounts: andon starts in the first, and has a role in the second.
const world = `
accounts:
- id: "111111111111"
  access_keys: [AKIAPROD]
  regions: [eu-west-1, us-east-1]
  buckets:
  - {name: telemetry, region: eu-west-1}
  - {name: deleted, region: eu-west-1, gone: true}
- id: "222222222222"
  roles: [{name: andon, external_id: cord}, {name: anybody}]
`

const (
	role    = "arn:aws:iam::222222222222:role/andon"
	anybody = "arn:aws:iam::222222222222:role/anybody"
)

// cloud is a started loopback AWS and what was sent to it.
type cloud struct {
	*awstest.Server
	url  string
	stop func()
	next http.RoundTripper

	mu   sync.Mutex
	sent []sent
}

// sent is one request on its way out.
type sent struct {
	call       collect.Call
	host, path string
}

func start(t *testing.T, options ...awstest.Option) *cloud {
	t.Helper()
	w, err := awstest.Parse([]byte(world))
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{Server: awstest.NewServer(w, options...)}
	if c.url, c.stop, err = c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	transport := c.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	c.next = transport
	return c
}

func (c *cloud) RoundTrip(req *http.Request) (*http.Response, error) {
	call, _ := collect.CallOf(req.Context())
	c.mu.Lock()
	c.sent = append(c.sent, sent{call, req.URL.Host, req.URL.Path})
	c.mu.Unlock()
	return c.next.RoundTrip(req)
}

// offline are the options that reach the cloud and nothing else, without waiting.
func (c *cloud) offline() account.Options {
	return account.Options{Offline: true, Endpoint: c.url, Transport: c, Backoff: atOnce}
}

func atOnce(int) time.Duration { return 0 }

func open(t *testing.T, o account.Options) *account.Account {
	t.Helper()
	a, err := account.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestOpen(t *testing.T) {
	c := start(t)
	if a := open(t, c.offline()); a.ID != "111111111111" || a.Partition != "aws" || !a.Custom {
		t.Errorf("account %s, partition %s, custom endpoint: %t", a.ID, a.Partition, a.Custom)
	}
	atAmazon := c.offline()
	atAmazon.Endpoint = ""
	if a := open(t, atAmazon); a.Custom {
		t.Error("Amazon's own endpoint counts as custom")
	}
	atAmazon.Custom, atAmazon.Home = true, "eu-west-1"
	if a := open(t, atAmazon); !a.Custom || a.Config("").Region != "eu-west-1" || a.Config("us-east-1").Region != "us-east-1" {
		t.Errorf("custom: %t, at home in %s", a.Custom, a.Config("").Region)
	}
}

func TestAssumeRole(t *testing.T) {
	for name, c := range map[string]struct {
		role, externalID string
		want             string
	}{
		"with its external id": {role: role, externalID: "cord"},
		"without one":          {role: anybody},
		"the wrong one": {
			role, "chord",
			"assume role " + role + ": AccessDenied: User: arn:aws:iam::111111111111:user/andon is not authorized to perform: sts:AssumeRole on resource: " +
				role + " (does its trust policy let you in, under this --external-id?)",
		},
		"no such role": {
			role + "x", "cord",
			"assume role " + role + "x: AccessDenied: User: arn:aws:iam::111111111111:user/andon is not authorized to perform: sts:AssumeRole on resource: " +
				role + "x (does its trust policy let you in, under this --external-id?)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			o := server.offline()
			o.RoleARN, o.ExternalID = c.role, c.externalID
			a, err := account.Open(t.Context(), o)
			if c.want != "" {
				if err == nil || err.Error() != c.want {
					t.Errorf("error %v\nwant  %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.ID != "222222222222" {
				t.Errorf("the role's account is %s", a.ID)
			}
			if diff := cmp.Diff(map[string]int{"sts:AssumeRole": 1, "sts:GetCallerIdentity": 1}, server.Calls()); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			for _, s := range server.sent {
				if s.call.Input != "" {
					t.Errorf("%s would be recorded with its input %s", s.call.Name, s.call.Input)
				}
			}
		})
	}
}

// What can go wrong at the start is told in one sentence that says what it was.
func TestOpenErrors(t *testing.T) {
	stopped := start(t)
	stopped.stop()
	refused := start(t, awstest.WithFault(awstest.Fault{Call: "sts:GetCallerIdentity", Kind: awstest.AccessDenied}))
	portal := start(t, awstest.WithFault(awstest.Fault{Call: "sts:GetCallerIdentity", Kind: awstest.NotXML}))
	for name, c := range map[string]struct {
		options account.Options
		want    string
	}{
		"nobody answers": {stopped.offline(), `^find out which AWS account this is: Post "http://127.0.0.1:\d+/": dial tcp 127.0.0.1:\d+: connect: connection refused$`},
		"refused":        {refused.offline(), `^find out which AWS account this is: AccessDenied: .*not authorized to perform: sts:GetCallerIdentity`},
		"a sign-in page": {portal.offline(), `^find out which AWS account this is: .*XML`},
		"no scheme":      {account.Options{Offline: true, Endpoint: "127.0.0.1:5000"}, `^read AWS configuration: the endpoint "127.0.0.1:5000" is not a URL with a host$`},
		"no host":        {account.Options{Offline: true, Endpoint: "http://"}, `^read AWS configuration: the endpoint "http://" is not a URL with a host$`},
		"a path":         {account.Options{Offline: true, Endpoint: "/tmp/aws.sock"}, `^read AWS configuration: the endpoint "/tmp/aws.sock" is not a URL with a host$`},
		"no URL":         {account.Options{Offline: true, Endpoint: "http://[::1"}, `^read AWS configuration: the endpoint "http://\[::1" is not a URL with a host$`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := account.Open(t.Context(), c.options)
			if err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) {
				t.Fatalf("error %v\nwant  %s", err, c.want)
			}
			discreet(t, err.Error())
		})
	}
}

// discreet fails where a text holds what belongs to the wire: request ids,
// keys, signatures, or what the SDK wraps around an error.
func discreet(t *testing.T, text string) {
	t.Helper()
	for _, indiscretion := range []string{"equestId", "equest id", "RequestID", "HostID", "AKIA", "Signature", "https response error", "exceeded maximum", "offline"} {
		if strings.Contains(text, indiscretion) {
			t.Errorf("%q holds %q", text, indiscretion)
		}
	}
	if strings.Contains(text, "\n") {
		t.Errorf("%q is more than one line", text)
	}
}

// Live, the SDK's own chain finds credentials, region and endpoint.
func TestEnvironment(t *testing.T) {
	c := start(t)
	live := account.Options{Transport: c, Backoff: atOnce}
	for name, test := range map[string]struct {
		environment map[string]string
		options     func(*account.Options)
		region      string
		want        string
	}{
		"nothing": {
			want: "find AWS credentials: ",
		},
		"keys": {
			environment: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAPROD", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": c.url},
			region:      "us-east-1",
		},
		"a region": {
			environment: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAPROD", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": c.url, "AWS_REGION": "eu-west-1"},
			region:      "eu-west-1",
		},
		"regions to audit": {
			environment: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAPROD", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": c.url},
			options:     func(o *account.Options) { o.Regions = []string{"cn-north-1", "cn-northwest-1"} },
			region:      "cn-north-1",
		},
		"an endpoint of one's own": {
			environment: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAPROD", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": "http://nowhere.invalid"},
			options:     func(o *account.Options) { o.Endpoint = c.url },
			region:      "us-east-1",
		},
		"an endpoint that is none": {
			environment: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAPROD", "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": "localhost"},
			want:        `read AWS configuration: the endpoint "localhost" is not a URL with a host`,
		},
		"no such profile": {
			options: func(o *account.Options) { o.Profile = "prod" },
			want:    "read AWS configuration: failed to get shared config profile, prod",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{
				"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
				"AWS_ENDPOINT_URL", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			} {
				t.Setenv(variable, test.environment[variable])
			}
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_CONFIG_FILE", "/dev/null")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
			o := live
			if test.options != nil {
				test.options(&o)
			}
			a, err := account.Open(t.Context(), o)
			if test.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.want) {
					t.Fatalf("error %v\nwant  %s", err, test.want)
				}
				discreet(t, err.Error())
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.ID != "111111111111" || !a.Custom || a.Config("").Region != test.region {
				t.Errorf("account %s, custom %t, at home in %s", a.ID, a.Custom, a.Config("").Region)
			}
		})
	}
}

// A throttled or failed call is tried again after a wait, six times in all; a
// refusal is an answer.
func TestRetry(t *testing.T) {
	for name, c := range map[string]struct {
		fault    awstest.Fault
		attempts int
		calls    int
		ok       bool
	}{
		"throttled twice":            {awstest.Fault{Kind: awstest.Throttle, Times: 2}, 0, 3, true},
		"broken once":                {awstest.Fault{Kind: awstest.InternalError, Times: 1}, 0, 2, true},
		"throttled for good":         {awstest.Fault{Kind: awstest.Throttle}, 0, 6, false},
		"throttled, tried as told":   {awstest.Fault{Kind: awstest.Throttle}, 3, 3, false},
		"throttled, and never again": {awstest.Fault{Kind: awstest.Throttle}, 1, 1, false},
		"refused":                    {awstest.Fault{Kind: awstest.AccessDenied}, 0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			const call = "s3:GetBucketAcl"
			c.fault.Call = call
			server := start(t, awstest.WithFault(c.fault))
			o := server.offline()
			o.Attempts = c.attempts
			var waits []int
			o.Backoff = func(attempt int) time.Duration { waits = append(waits, attempt); return 0 }
			err := questions[call](t.Context(), open(t, o))
			if (err == nil) != c.ok || server.Calls()[call] != c.calls {
				t.Errorf("%d calls, %v", server.Calls()[call], err)
			}
			if len(waits) != c.calls-1 {
				t.Errorf("waited before attempts %v", waits)
			}
		})
	}
}

// An endpoint where nobody listens is a mistake: it is told at once.
func TestOpenTellsAtOnceThatNobodyListens(t *testing.T) {
	waits := 0
	_, err := account.Open(t.Context(), account.Options{
		Offline: true, Endpoint: "http://127.0.0.1:1", Transport: new(http.Transport),
		Backoff: func(int) time.Duration { waits++; return 0 },
	})
	if err == nil || !strings.HasSuffix(err.Error(), "connection refused") || waits != 0 {
		t.Errorf("error %v after %d waits", err, waits)
	}
}

// What must not be sent is not worth a second try.
func TestForbiddenIsNotRetried(t *testing.T) {
	c := start(t)
	o := c.offline()
	waits := 0
	o.Backoff = func(int) time.Duration { waits++; return 0 }
	o.Transport = collect.NewReadOnly(c, "s3:GetBucketAcl")
	_, err := account.Open(t.Context(), o)
	if err == nil || !strings.HasSuffix(err.Error(), "send sts:GetCallerIdentity: not among the declared read-only calls") || waits != 0 || len(c.sent) != 0 {
		t.Errorf("error %v, waited %d times, sent %v", err, waits, c.sent)
	}
}

// A custom endpoint has one host: neither bucket names nor account ids go in
// front of it.
func TestCustomEndpoint(t *testing.T) {
	c := start(t)
	a := open(t, c.offline())
	ask(t, a)
	var paths []string
	for _, s := range c.sent {
		if "http://"+s.host != c.url {
			t.Errorf("%s went to %s, not to %s", s.call.Name, s.host, c.url)
		}
		paths = append(paths, s.call.Name+" "+s.path)
	}
	want := []string{"sts:GetCallerIdentity /", "s3:GetBucketAcl /telemetry", "s3control:ListAccessPoints /v20180820/accesspoint"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestAmazonsHosts(t *testing.T) {
	c := start(t)
	o := c.offline()
	o.Endpoint = ""
	ask(t, open(t, o))
	var hosts []string
	for _, s := range c.sent {
		hosts = append(hosts, s.host)
	}
	want := []string{"sts.us-east-1.amazonaws.com", "telemetry.s3.eu-west-1.amazonaws.com", "111111111111.s3-control.eu-west-1.amazonaws.com"}
	if diff := cmp.Diff(want, hosts); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

// ask makes one call of S3 and one of S3 Control.
func ask(t *testing.T, a *account.Account) {
	t.Helper()
	if _, err := s3access.Client(a, "eu-west-1").GetBucketAcl(t.Context(), &s3.GetBucketAclInput{Bucket: aws.String("telemetry")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s3access.ControlClient(a, "eu-west-1").ListAccessPoints(t.Context(), &s3control.ListAccessPointsInput{AccountId: aws.String(a.ID)}); err != nil {
		t.Fatal(err)
	}
}

// Each request carries its name, by which it is allowed, counted and recorded.
func TestCallsAreNamed(t *testing.T) {
	c := start(t)
	ask(t, open(t, c.offline()))
	var calls []collect.Call
	for _, s := range c.sent {
		calls = append(calls, s.call)
	}
	want := []collect.Call{
		{Name: "sts:GetCallerIdentity", Region: "us-east-1"},
		{Name: "s3:GetBucketAcl", Region: "eu-west-1", Input: `{"Bucket":"telemetry"}`},
		{Name: "s3control:ListAccessPoints", Region: "eu-west-1", Input: `{"AccountId":"111111111111","MaxResults":0}`},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// An answer never sends andon to another host, with its signature on it.
func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		var hosts []string
		_, err := account.Open(t.Context(), account.Options{
			Offline: true, Backoff: atOnce,
			Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				hosts = append(hosts, req.URL.Host)
				return &http.Response{
					StatusCode: status, Header: http.Header{"Location": {"https://collector.example/"}}, Body: http.NoBody, Request: req,
				}, nil
			}),
		})
		if err == nil || !slices.Equal(slices.Compact(hosts), []string{"sts.us-east-1.amazonaws.com"}) {
			t.Errorf("%d: asked %v, %v", status, hosts, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestOpenHonoursContext(t *testing.T) {
	c := start(t, awstest.WithFault(awstest.Fault{Call: "sts:GetCallerIdentity", Kind: awstest.Hang}))
	ctx, cancel := context.WithCancel(t.Context())
	o := c.offline()
	o.Transport = roundTrip(func(req *http.Request) (*http.Response, error) {
		cancel()
		return c.RoundTrip(req)
	})
	if _, err := account.Open(ctx, o); err == nil {
		t.Error("no error")
	}
}

func TestCallName(t *testing.T) {
	for want, c := range map[string][2]string{
		"s3:GetBucketAcl":            {"S3", "GetBucketAcl"},
		"s3control:ListAccessPoints": {"S3 Control", "ListAccessPoints"},
		"rds:DescribeDBInstances":    {"RDS", "DescribeDBInstances"},
	} {
		if got := account.CallName(c[0], c[1]); got != want {
			t.Errorf("%v is called %s, want %s", c, got, want)
		}
	}
}

func TestShared(t *testing.T) {
	a := new(account.Account)
	var all sync.WaitGroup
	got := make([]*int, 20)
	for i := range got {
		all.Go(func() { got[i] = account.Shared(a, "answer", func() *int { return new(int) }) })
	}
	all.Wait()
	if slices.ContainsFunc(got, func(p *int) bool { return p != got[0] }) {
		t.Error("not everybody got the same")
	}
	if other := account.Shared(a, "question", func() *int { return new(int) }); other == got[0] {
		t.Error("two facts are one")
	}
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "answer is shared as two types") {
			t.Errorf("panic %v", p)
		}
	}()
	account.Shared(a, "answer", func() *string { return new(string) })
}
