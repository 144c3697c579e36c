package account_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
)

// A dead endpoint is tried three times, not six times for each question, and
// says in one sentence that it is dead.
func TestDeadEndpoint(t *testing.T) {
	const call = "s3:GetBucketAcl"
	for name, failure := range map[string]error{
		"nobody connects":   &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded},
		"nobody listens":    &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED},
		"nobody knows":      &net.DNSError{Err: "server misbehaving", Name: "s3.eu-west-1.amazonaws.com", IsTemporary: true},
		"nobody says hello": errHandshake{},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			o, waits := c.offline(), 0
			o.Backoff = func(int) time.Duration { waits++; return 0 }
			a := open(t, o)
			tried := 0
			c.next = roundTrip(func(*http.Request) (*http.Response, error) { tried++; return nil, failure })
			for range 3 {
				err := questions[call](t.Context(), a)
				r := account.Refusal(err)
				want := "s3 in eu-west-1 does not answer: given up after 3 failed connections, the last: " + failure.Error()
				if r.Reason != resource.Failed || r.Detail != want || r.Code != "" || r.Call != call || !errors.Is(err, failure) {
					t.Errorf("%+v\nwant  %s", r, want)
				}
			}
			if tried != collect.EndpointFailures || waits != collect.EndpointFailures-1 {
				t.Errorf("tried %d times, waited %d times", tried, waits)
			}
		})
	}
}

// errHandshake is a timeout that is no dial, as of a TLS handshake.
type errHandshake struct{}

func (errHandshake) Error() string   { return "net/http: TLS handshake timeout" }
func (errHandshake) Timeout() bool   { return true }
func (errHandshake) Temporary() bool { return true }

// A name that does not exist is no dead endpoint: the service is not offered.
func TestNoSuchHostIsNotRetried(t *testing.T) {
	c := start(t)
	a := open(t, c.offline())
	tried := 0
	c.next = roundTrip(func(*http.Request) (*http.Response, error) {
		tried++
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
	})
	for i := range 5 {
		r := account.Refusal(questions["s3:GetBucketAcl"](t.Context(), a))
		if r.Reason != resource.Unsupported || tried != i+1 {
			t.Errorf("%+v after %d requests", r, tried)
		}
	}
}

// dripping is a body that never ends and never says more.
type dripping struct{ done <-chan struct{} }

func (d dripping) Read([]byte) (int, error) { <-d.done; return 0, io.ErrUnexpectedEOF }
func (dripping) Close() error               { return nil }

// An answer that begins and never ends is given up after a minute, once; it is
// no interruption of the run.
func TestAttemptLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		o := account.Options{Offline: true, Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			call, _ := collect.CallOf(req.Context())
			if call.Name == "sts:GetCallerIdentity" {
				body := `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
					`<Arn>arn:aws:iam::111111111111:user/andon</Arn><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`
				return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
			}
			tried++
			return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: dripping{req.Context().Done()}, Request: req}, nil
		})}
		a := open(t, o)
		began := time.Now()
		r := account.Refusal(questions["s3control:ListAccessPoints"](t.Context(), a))
		if took := time.Since(began); took != collect.AttemptLimit || tried != 1 {
			t.Errorf("%d attempts took %v", tried, took)
		}
		if r.Reason != resource.Failed || r.Detail != "no full answer within 1m0s" || r.Call != "s3control:ListAccessPoints" {
			t.Errorf("%+v", r)
		}
	})
}

// Credentials that one region just took and another does not know: what that may
// mean is said.
func TestRefusalOfAStranger(t *testing.T) {
	for code, explained := range map[string]bool{
		"InvalidClientTokenId": true, "UnrecognizedClientException": true, "AuthFailure": true, "AccessDenied": false, "ExpiredToken": false,
	} {
		cloud := start(t)
		a := open(t, cloud.offline())
		cloud.next = roundTrip(func(req *http.Request) (*http.Response, error) {
			body := "<Error><Code>" + code + "</Code><Message>The security token included in the request is invalid.</Message></Error>"
			return &http.Response{StatusCode: http.StatusForbidden, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
		})
		r := account.Refusal(questions["s3:GetBucketAcl"](t.Context(), a))
		if r.Reason != resource.Denied || strings.Contains(r.Detail, "not enabled for the account") != explained {
			t.Errorf("%s: %+v", code, r)
		}
	}
}
