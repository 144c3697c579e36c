package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// canned is an answer, to be given as often as it takes.
type canned struct {
	status     int
	body       string
	retryAfter string
	location   string
}

// answering returns a transport that gives the answers in turn, the last again
// and again, and notes what was asked.
func answering(asked *[]collect.Call, answers ...canned) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		call, _ := collect.CallOf(req.Context())
		*asked = append(*asked, call)
		c := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		header := http.Header{"Content-Type": {"application/json"}}
		if c.retryAfter != "" {
			header.Set("Retry-After", c.retryAfter)
		}
		if c.location != "" {
			header.Set("Location", c.location)
		}
		return &http.Response{StatusCode: c.status, Header: header, Body: io.NopCloser(strings.NewReader(c.body)), Request: req}, nil
	})
}

func open(t *testing.T, o api.Options) *api.Client {
	t.Helper()
	o.Offline = true
	if o.Backoff == nil {
		o.Backoff = func(int) time.Duration { return 0 }
	}
	c, err := api.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var topics = api.Request{Service: "pubsub", Path: "v1/projects/tconnect/topics?pageSize=3&alt=json"}

func TestAskNamesTheCall(t *testing.T) {
	for name, c := range map[string]struct {
		request api.Request
		want    collect.Call
	}{
		"a listing": {topics, collect.Call{Name: "pubsub:projects.topics.list", Input: "v1/projects/tconnect/topics?pageSize=3"}},
		"a body": {
			api.Request{Service: "spanner", Method: "POST", Path: "v1/projects/p/instances/i:getIamPolicy", Body: map[string]int{"b": 2, "a": 1}},
			collect.Call{Name: "spanner:projects.instances.getIamPolicy", Input: `v1/projects/p/instances/i:getIamPolicy {"a":1,"b":2}`},
		},
		"a regional endpoint": {
			api.Request{Service: "secretmanager", Location: "europe-west3", Path: "v1/projects/p/locations/europe-west3/secrets"},
			collect.Call{Name: "secretmanager:projects.locations.secrets.list", Region: "europe-west3", Input: "v1/projects/p/locations/europe-west3/secrets"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []collect.Call
			client := open(t, api.Options{Transport: answering(&asked, canned{status: http.StatusOK, body: `{}`})})
			var into json.RawMessage
			if err := client.Ask(t.Context(), c.request, &into); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]collect.Call{c.want}, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNothingElseLeaves: a request that is in no route is refused before it gets
// to the transport, whoever makes it.
func TestNothingElseLeaves(t *testing.T) {
	var asked []collect.Call
	client := open(t, api.Options{Transport: answering(&asked, canned{status: http.StatusOK, body: `{}`})})
	for _, c := range []struct{ service, method, url string }{
		{"pubsub", "PUT", "https://pubsub.googleapis.com/v1/projects/p/topics/t"},
		{"pubsub", "DELETE", "https://pubsub.googleapis.com/v1/projects/p/topics/t"},
		{"pubsub", "POST", "https://pubsub.googleapis.com/v1/projects/p/topics/t:publish"},
		{"pubsub", "GET", "https://pubsub.example.com/v1/projects/p/topics"},
		{"pubsub", "GET", "http://pubsub.googleapis.com/v1/projects/p/topics"},
		{"pubsub", "GET", "https://evil.rep.googleapis.com/v1/projects/p/topics"},
		{"pubsub", "GET", "https://pubsub.googleapis.com.evil.example/v1/projects/p/topics"},
		{"storage", "GET", "https://storage.googleapis.com/storage/v1/b/b1/o/a.csv?alt=media"},
		{"storage", "GET", "https://storage.googleapis.com/download/storage/v1/b/b1/o/a.csv"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := client.HTTP(c.service).Do(req)
		if err == nil {
			_ = got.Body.Close()
		}
		if _, forbidden := errors.AsType[*collect.ForbiddenError](err); !forbidden {
			t.Errorf("%s %s: %v", c.method, c.url, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("left: %v", asked)
	}
}

const denied = `{"error":{"code":403,"message":"Permission 'pubsub.topics.list' denied\n on resource","status":"PERMISSION_DENIED",` +
	`"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED","domain":"iam.googleapis.com"}]}}`

func disabled(consumer string) string {
	return `{"error":{"code":403,"message":"Pub/Sub API has not been used in project ` + consumer + ` before or it is disabled.","status":"PERMISSION_DENIED",` +
		`"details":[{"reason":"SERVICE_DISABLED","metadata":{"consumer":"projects/` + consumer + `","service":"pubsub.googleapis.com"}}]}}`
}

func TestRefusal(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   collect.Refusal
		tries  int
	}{
		"a permission is missing": {
			403, denied,
			collect.Refusal{Reason: resource.Denied, Code: "IAM_PERMISSION_DENIED", Detail: "Permission 'pubsub.topics.list' denied on resource"},
			1,
		},
		"no identity": {401, `{"error":{"code":401,"message":"no","status":"UNAUTHENTICATED"}}`, collect.Refusal{Reason: resource.Denied, Code: "UNAUTHENTICATED", Detail: "no"}, 1},
		"an older service": {
			403, `{"error":{"code":403,"message":"no","errors":[{"reason":"forbidden","domain":"global","message":"no"}]}}`,
			collect.Refusal{Reason: resource.Denied, Code: "forbidden", Detail: "no"},
			1,
		},
		"a perimeter": {
			403, `{"error":{"code":403,"message":"Request is prohibited by organization's policy.","details":[{"reason":"SECURITY_POLICY_VIOLATED"}]}}`,
			collect.Refusal{Reason: resource.Failed, Code: "SECURITY_POLICY_VIOLATED", Detail: "Request is prohibited by organization's policy."},
			1,
		},
		"not enabled where it was asked": {
			403, disabled("111111111111"),
			collect.Refusal{Reason: resource.Unsupported, Code: "SERVICE_DISABLED", Detail: "Pub/Sub API has not been used in project 111111111111 before or it is disabled."},
			1,
		},
		"not enabled where the call is counted": {
			403, disabled("999999999999"),
			collect.Refusal{Reason: resource.Denied, Code: "SERVICE_DISABLED", Detail: "Pub/Sub API has not been used in project 999999999999 before or it is disabled."},
			1,
		},
		"not enabled, as older services say it": {
			403, `{"error":{"code":403,"message":"Cloud SQL Admin API has not been used in project 111111111111 before or it is disabled.","errors":[{"reason":"accessNotConfigured"}]}}`,
			collect.Refusal{Reason: resource.Unsupported, Code: "accessNotConfigured", Detail: "Cloud SQL Admin API has not been used in project 111111111111 before or it is disabled."},
			1,
		},
		"too often": {
			429, `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`,
			collect.Refusal{Reason: resource.Throttled, Code: "RESOURCE_EXHAUSTED", Detail: "Quota exceeded"},
			3,
		},
		"too often, as older services say it": {
			403, `{"error":{"code":403,"message":"Exceeded rate limits","errors":[{"reason":"rateLimitExceeded"}]}}`,
			collect.Refusal{Reason: resource.Throttled, Code: "rateLimitExceeded", Detail: "Exceeded rate limits"},
			3,
		},
		"an error of Google's": {500, `{"error":{"code":500,"message":"Internal error","status":"INTERNAL"}}`, collect.Refusal{Reason: resource.Failed, Code: "INTERNAL", Detail: "Internal error"}, 3},
		"a bad request":        {400, `{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}`, collect.Refusal{Reason: resource.Failed, Code: "INVALID_ARGUMENT", Detail: "bad"}, 1},
		"nothing there":        {404, `{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}`, collect.Refusal{Reason: resource.Failed, Code: "NOT_FOUND", Detail: "gone"}, 1},
		"not offered":          {501, `{}`, collect.Refusal{Reason: resource.Unsupported, Code: "HTTP 501", Detail: "HTTP status Not Implemented"}, 1},
		"half an answer":       {200, `{"topics":[`, collect.Refusal{Reason: resource.Malformed}, 1},
		"another type":         {200, `[]`, collect.Refusal{Reason: resource.Malformed}, 1},
		"a sign-in page":       {200, `<html>`, collect.Refusal{Reason: resource.Malformed}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []collect.Call
			client := open(t, api.Options{Transport: answering(&asked, canned{status: c.status, body: c.body}), Attempts: 3})
			client.Know("tconnect", "111111111111")
			client.Know("quota", "999999999999")
			var into struct{ Topics []any }
			err := api.Failed("pubsub:projects.topics.list", "tconnect", client.Ask(t.Context(), topics, &into))
			if c.want.Reason == resource.Malformed {
				c.want.Detail = client.Refusal(err).Detail // the decoder's own words
			}
			c.want.Call = "pubsub:projects.topics.list"
			if diff := cmp.Diff(c.want, client.Refusal(err)); diff != "" {
				t.Error(diff)
			}
			if len(asked) != c.tries {
				t.Errorf("tried %d times, want %d", len(asked), c.tries)
			}
		})
	}
}

// Only a store that was listed can be gone: a project or a role that is not there
// is a failure like every other.
func TestGone(t *testing.T) {
	var asked []collect.Call
	client := open(t, api.Options{Transport: answering(&asked, canned{status: 404, body: `{"error":{"code":404,"message":"gone","status":"NOT_FOUND"}}`})})
	err := client.Ask(t.Context(), topics, new(any))
	if r := client.Refusal(api.FailedOf("c", "p", err)); !r.Gone {
		t.Errorf("%+v", r)
	}
	if r := client.Refusal(api.Failed("c", "p", err)); r.Gone {
		t.Errorf("%+v", r)
	}
	if api.Failed("c", "p", nil) != nil || api.FailedOf("c", "p", nil) != nil {
		t.Error("nothing failed")
	}
}

// TestRetryAfterIsHonoured, also when it asks for more than a minute.
func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []collect.Call
		client, err := api.Open(t.Context(), api.Options{Offline: true, Transport: answering(&asked,
			canned{status: 429, body: `{"error":{"code":429}}`, retryAfter: "90"}, canned{status: 200, body: `{"topics":[]}`})})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := client.Ask(t.Context(), topics, new(any)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 90*time.Second || len(asked) != 2 {
			t.Errorf("%d requests in %v", len(asked), took)
		}
	})
}

// dripping is a body that never ends and never says more.
type dripping struct{ done <-chan struct{} }

func (d dripping) Read([]byte) (int, error) { <-d.done; return 0, io.ErrUnexpectedEOF }
func (dripping) Close() error               { return nil }

// An answer that begins and never ends is given up after a minute, once.
func TestAttemptLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		client, err := api.Open(t.Context(), api.Options{Offline: true, Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			tried++
			return &http.Response{StatusCode: 200, Header: make(http.Header), Body: dripping{req.Context().Done()}, Request: req}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r := client.Refusal(client.Ask(t.Context(), topics, new(any)))
		if took := time.Since(began); took != collect.AttemptLimit || tried != 1 {
			t.Errorf("%d attempts took %v", tried, took)
		}
		if r.Reason != resource.Failed && r.Reason != resource.Malformed {
			t.Errorf("%+v", r)
		}
	})
}

// endless is an answer without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// An answer that does not end is given up, whichever client reads it.
func TestLargeAnswersEnd(t *testing.T) {
	client := open(t, api.Options{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: make(http.Header), Body: io.NopCloser(endless{}), Request: req}, nil
	})})
	generated, err := storage.NewService(t.Context(), option.WithHTTPClient(client.HTTP("storage")))
	if err != nil {
		t.Fatal(err)
	}
	_, err = generated.Buckets.GetIamPolicy("b").Context(t.Context()).Do()
	for name, err := range map[string]error{"generated": err, "our own": client.Ask(t.Context(), topics, new(any))} {
		if r := client.Refusal(err); r.Reason != resource.Malformed || !strings.Contains(r.Detail, fmt.Sprint(restapi.MaxAnswer)) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Where nobody listens, nobody will in a second: it is told at once.
func TestNobodyListens(t *testing.T) {
	tried := 0
	client := open(t, api.Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		tried++
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	})})
	r := client.Refusal(client.Ask(t.Context(), topics, new(any)))
	if r.Reason != resource.Failed || tried != 1 || r.Detail != "dial: connection refused" {
		t.Errorf("%+v after %d", r, tried)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked []collect.Call
	client := open(t, api.Options{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		cancel()
		return answering(&asked, canned{status: 503, body: `{}`}).RoundTrip(req)
	})})
	if err := client.Ask(ctx, topics, new(any)); !errors.Is(err, context.Canceled) || len(asked) != 1 {
		t.Errorf("%v after %d", err, len(asked))
	}
}

// TestRedirectsAreNotFollowed: an answer never sends andon elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	var asked []collect.Call
	client := open(t, api.Options{Transport: answering(&asked, canned{status: 302, body: `{}`, location: elsewhere.URL})})
	if err := client.Ask(t.Context(), topics, new(any)); err == nil || len(asked) != 1 {
		t.Errorf("%v after %d", err, len(asked))
	}
}

func TestRoots(t *testing.T) {
	for name, c := range map[string]struct {
		o                 api.Options
		service, location string
		want              string
		custom            bool
	}{
		"Google's":            {service: "pubsub", want: "https://pubsub.googleapis.com/"},
		"Google's in a place": {service: "secretmanager", location: "europe-west3", want: "https://secretmanager.europe-west3.rep.googleapis.com/"},
		"one for all":         {o: api.Options{Endpoint: "http://127.0.0.1:9"}, service: "pubsub", want: "http://127.0.0.1:9/pubsub/", custom: true},
		"one for all, in a place": {
			o: api.Options{Endpoint: "127.0.0.1:9/"}, service: "secretmanager", location: "europe-west3", want: "http://127.0.0.1:9/secretmanager/", custom: true,
		},
		"one of its own":     {o: api.Options{Endpoints: map[string]string{"storage": "127.0.0.1:9"}}, service: "storage", want: "http://127.0.0.1:9/", custom: true},
		"another's own":      {o: api.Options{Endpoints: map[string]string{"storage": "127.0.0.1:9"}}, service: "pubsub", want: "https://pubsub.googleapis.com/", custom: true},
		"with a secret path": {o: api.Options{Endpoint: "https://user:pw@host/x/?key=1#f"}, service: "pubsub", want: "https://host/x/pubsub/", custom: true},
	} {
		t.Run(name, func(t *testing.T) {
			client := open(t, c.o)
			if got := client.Root(c.service, c.location); got != c.want || client.Custom != c.custom {
				t.Errorf("%q (custom %t), want %q", got, client.Custom, c.want)
			}
		})
	}
	for _, endpoint := range []string{"ftp://host", "http://", "::"} {
		if _, err := api.Open(t.Context(), api.Options{Offline: true, Endpoint: endpoint}); err == nil {
			t.Errorf("%q is an endpoint", endpoint)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:9023")
	t.Setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL", "http://127.0.0.1:1/sql/")
	t.Setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_BIGQUERY", "http://127.0.0.1:2/bigquery/v2/")
	t.Setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB", "")
	want := map[string]string{"storage": "127.0.0.1:9023", "sqladmin": "http://127.0.0.1:1/sql/", "bigquery": "http://127.0.0.1:2"}
	if diff := cmp.Diff(want, api.Environment()); diff != "" {
		t.Error(diff)
	}
}

// TestNoTokenInTheClear: an endpoint without TLS is never shown a credential,
// and is reached without any.
func TestNoTokenInTheClear(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/credentials.json")
	var header http.Header
	client, err := api.Open(t.Context(), api.Options{
		Endpoint: "http://127.0.0.1:9", QuotaProject: "billing",
		Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			header = req.Header
			return answering(new([]collect.Call), canned{status: 200, body: `{}`}).RoundTrip(req)
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Ask(t.Context(), topics, new(any)); err != nil {
		t.Fatal(err)
	}
	if header.Get("Authorization") != "" || header.Get("X-Goog-User-Project") != "billing" {
		t.Errorf("%v", header)
	}
}

func TestNoCredentials(t *testing.T) {
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/credentials.json")
	_, err := api.Open(t.Context(), api.Options{Transport: http.DefaultTransport})
	if err == nil || !strings.Contains(err.Error(), "gcloud auth application-default login") {
		t.Errorf("%v", err)
	}
}

func TestProjects(t *testing.T) {
	client := open(t, api.Options{})
	client.Know("tconnect", "111111111111")
	client.Know("unread", "")
	for given, want := range map[string]string{"tconnect": "tconnect", "111111111111": "tconnect", "unread": "unread", "other": "", "": ""} {
		if id, audited := client.ID(given); id != want || audited != (want != "") {
			t.Errorf("%q is %q (%t), want %q", given, id, audited, want)
		}
	}
	if client.Number("tconnect") != "111111111111" || client.Number("unread") != "" || client.Number("other") != "" {
		t.Error("numbers")
	}
}
