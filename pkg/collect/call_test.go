package collect

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answer(status int) *http.Response {
	return &http.Response{StatusCode: status, Header: make(http.Header), Body: http.NoBody}
}

// openBody tells whether a request's body was closed.
type openBody struct {
	io.Reader
	closed bool
}

func (b *openBody) Close() error { b.closed = true; return nil }

// post sends a request of the named call ("" for none) and returns its body.
func post(ctx context.Context, transport http.RoundTripper, call, region string) (*openBody, error) {
	if call != "" {
		ctx = WithCall(ctx, Call{Name: call, Region: region})
	}
	body := &openBody{Reader: strings.NewReader("Action=DeleteBucket")}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://cloud.example/", body)
	if err != nil {
		return body, err
	}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return body, err
	}
	return body, answer.Body.Close()
}

// TestReadOnly holds the promise on which andon is let into an account: what is
// not declared does not leave the process.
func TestReadOnly(t *testing.T) {
	sent := 0
	guard := NewReadOnly(roundTrip(func(req *http.Request) (*http.Response, error) {
		sent++
		return answer(http.StatusOK), req.Body.Close()
	}), "s3:GetBucketAcl", "s3:ListBuckets")

	for call, want := range map[string]string{
		"s3:DeleteBucket":    "send s3:DeleteBucket: not among the declared read-only calls",
		"s3:GetBucketAcl ":   "send s3:GetBucketAcl : not among the declared read-only calls",
		"s3:getbucketacl":    "send s3:getbucketacl: not among the declared read-only calls",
		"ec2:GetBucketAcl":   "send ec2:GetBucketAcl: not among the declared read-only calls",
		"an unnamed request": "send an unnamed request: not among the declared read-only calls",
		"":                   "send an unnamed request: not among the declared read-only calls",
	} {
		body, err := post(t.Context(), guard, call, "")
		if _, forbidden := errors.AsType[*ForbiddenError](err); !forbidden || err.Error() != want {
			t.Errorf("%q: error %v, want %s", call, err, want)
		}
		if !body.closed {
			t.Errorf("%q: the body was left open", call)
		}
	}
	if sent != 0 {
		t.Fatalf("%d forbidden requests were sent", sent)
	}

	for _, call := range []string{"s3:GetBucketAcl", "s3:ListBuckets", "s3:GetBucketAcl"} {
		if _, err := post(t.Context(), guard, call, ""); err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
	calls := guard.Calls()
	if diff := cmp.Diff(map[string]int{"s3:GetBucketAcl": 2, "s3:ListBuckets": 1}, calls); diff != "" || sent != 3 {
		t.Errorf("%d requests sent, counted (-want +got):\n%s", sent, diff)
	}
	calls["s3:GetBucketAcl"] = 0
	if guard.Calls()["s3:GetBucketAcl"] != 2 {
		t.Error("the caller can change the count")
	}
}
