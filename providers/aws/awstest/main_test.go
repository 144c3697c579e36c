package awstest

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	prod   = "111111111111"
	dealer = "222222222222"
)

// cloud is a started server and the real clients of its first account.
type cloud struct {
	*Server
	config aws.Config
}

func start(t testing.TB, text string, opts ...Option) cloud {
	t.Helper()
	w, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(w, opts...)
	url, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	transport := server.Transport()
	t.Cleanup(stop)
	t.Cleanup(transport.CloseIdleConnections)
	return cloud{server, aws.Config{
		Region:           "us-east-1",
		BaseEndpoint:     &url,
		Credentials:      credentials.NewStaticCredentialsProvider("AKIAANY", "secret", ""),
		HTTPClient:       &http.Client{Transport: transport},
		RetryMaxAttempts: 1,
	}}
}

// startExample serves the example world without its faults.
func startExample(t testing.TB, opts ...Option) cloud {
	t.Helper()
	peaceful, _, _ := strings.Cut(world(t, "example"), "\nfaults:")
	return start(t, peaceful, opts...)
}

// world reads one of the worlds in testdata.
func world(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (c cloud) in(region string) cloud { c.config.Region = region; return c }

func (c cloud) as(accessKey string) cloud {
	c.config.Credentials = credentials.NewStaticCredentialsProvider(accessKey, "secret", "")
	return c
}

func (c cloud) s3() *s3.Client {
	return s3.NewFromConfig(c.config, func(o *s3.Options) {
		// With an endpoint of one's own the SDK asks for a session even where S3
		// itself has none, on the control calls of directory buckets.
		o.DisableS3ExpressSessionAuth = aws.Bool(o.BaseEndpoint != nil)
	})
}
func (c cloud) control() *s3control.Client  { return s3control.NewFromConfig(c.config) }
func (c cloud) sts() *sts.Client            { return sts.NewFromConfig(c.config) }
func (c cloud) ec2() *ec2.Client            { return ec2.NewFromConfig(c.config) }
func (c cloud) orgs() *organizations.Client { return organizations.NewFromConfig(c.config) }

// ask is one SDK call; it lets cases of every service share a table.
type ask func(context.Context, cloud) (any, error)

// check compares a decoded answer in full, but for the SDK's own notes on it.
func check(t *testing.T, c cloud, call ask, want any) {
	t.Helper()
	got, err := call(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, notes, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// notes leaves out what the SDK adds to its types.
var notes = cmp.FilterPath(func(p cmp.Path) bool {
	name := p.Last().String()
	return name == ".ResultMetadata" || name == ".noSmithyDocumentSerde"
}, cmp.Ignore())

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	var bad *smithy.DeserializationError
	if errors.As(err, &bad) {
		return "undecodable"
	}
	if err != nil {
		return "error: " + err.Error()
	}
	return ""
}

func day(s string) *time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return &t
}

func ptr[T any](v T) *T { return &v }

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
