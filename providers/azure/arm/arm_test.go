package arm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
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

// sent is one request that got out.
type sent struct {
	call   collect.Call
	method string
	host   string
	header http.Header
}

// answering returns a transport that gives the answers in turn, the last again
// and again, and notes what was asked.
func answering(asked *[]sent, answers ...canned) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		call, _ := collect.CallOf(req.Context())
		*asked = append(*asked, sent{call, req.Method, req.URL.Host, req.Header})
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
		return &http.Response{StatusCode: c.status, Status: fmt.Sprint(c.status), Header: header, Body: io.NopCloser(strings.NewReader(c.body)), Request: req}, nil
	})
}

func atOnce(int) time.Duration { return 0 }

func open(t *testing.T, o arm.Options) *arm.Client {
	t.Helper()
	o.Offline = true
	c, err := arm.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	sub      = "aaaaaaaa-0000-0000-0000-000000000001"
	accounts = "storage:storageAccounts.list"
	path     = "subscriptions/" + sub + "/providers/Microsoft.Storage/storageAccounts"
	version  = "api-version=2025-08-01"
)

// list reads a listing to its end.
func list(ctx context.Context, c *arm.Client, call string, values ...string) (entries []string, err error) {
	for item, failed := range c.List(ctx, call, values...) {
		if failed != nil {
			return entries, failed
		}
		entries = append(entries, string(item.Raw))
	}
	return entries, nil
}

func TestRequestsAreNamed(t *testing.T) {
	var asked []sent
	client := open(t, arm.Options{Transport: answering(&asked, canned{status: 200, body: `{"value":[]}`}), Backoff: atOnce})
	if _, err := list(t.Context(), client, accounts, strings.ToUpper(sub)); err != nil {
		t.Fatal(err)
	}
	if _, err := list(t.Context(), client, "resources:subscriptions.list"); err != nil {
		t.Fatal(err)
	}
	var into json.RawMessage
	if err := client.Get(t.Context(), "computerp:galleries.get", &into, sub, "a group", "art"); err != nil {
		t.Fatal(err)
	}
	var calls []collect.Call
	for _, s := range asked {
		calls = append(calls, s.call)
		if s.method != http.MethodGet || s.host != "management.azure.com" || s.header.Get("Authorization") != "Bearer offline" || s.header.Get("Accept") != "application/json" {
			t.Errorf("%+v", s)
		}
	}
	want := []collect.Call{
		{Name: accounts, Region: sub, Input: "subscriptions/" + strings.ToUpper(sub) + "/providers/Microsoft.Storage/storageAccounts?" + version},
		{Name: "resources:subscriptions.list", Input: "subscriptions?api-version=2022-12-01"},
		{
			Name: "computerp:galleries.get", Region: sub,
			Input: "subscriptions/" + sub + "/resourceGroups/a%20group/providers/Microsoft.Compute/galleries/art?%24expand=SharingProfile%2FGroups&api-version=2025-03-03",
		},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Error(diff)
	}
}

// TestGetTwice: what is asked for by itself decides as a listed store does, and
// nobody says which of two members of one name counts.
func TestGetTwice(t *testing.T) {
	for body, readable := range map[string]bool{
		`{"properties":{"staticWebsite":{"enabled":false},"cors":{}}}`:             true,
		`{"properties":{"staticWebsite":{"enabled":true,"enabled":false}}}`:        false,
		`{"properties":{"staticWebsite":{"enabled":true}},"Properties":{}}`:        false,
		`{"properties":{"rules":[{"enabled":true},{"enabled":1,"Enabled":null}]}}`: false,
		`[{}]`: false, `null`: false, `{"properties":`: false,
	} {
		var asked []sent
		client := open(t, arm.Options{Transport: answering(&asked, canned{status: 200, body: body}), Backoff: atOnce})
		var into map[string]any
		err := client.Get(t.Context(), "storage:blobServices.get", &into, sub, "g", "a")
		if (err == nil) != readable || !readable && (into != nil || client.Refusal(err).Reason != resource.Malformed) {
			t.Errorf("%s: %v: %v", body, err, into)
		}
	}
}

// TestNothingElseLeaves: a request that is in no route is refused before it gets
// to the transport, whoever makes it, and is not tried again.
func TestNothingElseLeaves(t *testing.T) {
	var asked []sent
	client := open(t, arm.Options{Transport: answering(&asked, canned{status: 200, body: `{}`})})
	for _, c := range []struct{ method, url string }{
		{"PUT", "https://management.azure.com/" + path + "/new?" + version},
		{"DELETE", "https://management.azure.com/" + path + "?" + version},
		{"POST", "https://management.azure.com/" + path + "?" + version},
		{"POST", "https://management.azure.com/subscriptions/" + sub + "/providers/Microsoft.Storage/register?api-version=2022-12-01"},
		{"POST", "https://management.azure.com/subscriptions/" + sub + "/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a/listKeys?" + version},
		{"POST", "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"},
		{"GET", "https://management.azure.com/" + path + "?api-version=2015-06-15"},
		{"GET", "https://management.azure.com/" + path},
		{"GET", "https://management.azure.com/" + path + "/x?" + version},
		{"GET", "https://management.azure.com:8443/" + path + "?" + version},
		{"GET", "https://management.azure.com.evil.example/" + path + "?" + version},
		{"GET", "https://user@management.azure.com/" + path + "?" + version},
		{"GET", "https://evil.example/" + path + "?" + version},
	} {
		err := client.Send(t.Context(), c.method, c.url, strings.NewReader("{}"))
		if _, forbidden := errors.AsType[*collect.ForbiddenError](err); !forbidden {
			t.Errorf("%s %s: %v", c.method, c.url, err)
		}
		if r := client.Refusal(err); r.Reason != resource.Failed {
			t.Errorf("%+v", r)
		}
	}
	if len(asked) != 0 {
		t.Errorf("%d requests got out: %v", len(asked), asked)
	}
	if err := client.Send(t.Context(), "GET", "https://management.azure.com:443/"+path+"?"+version, nil); err != nil || len(asked) != 1 {
		t.Errorf("the port that https has anyway: %v", err)
	}
}

// TestNoTokenInTheClear: an endpoint without TLS is never shown a credential, and
// is reached without any.
func TestNoTokenInTheClear(t *testing.T) {
	var asked []sent
	client, err := arm.Open(t.Context(), arm.Options{
		Endpoint: "http://127.0.0.1:9/azure", Transport: answering(&asked, canned{status: 200, body: `{"value":[{}]}`}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := list(t.Context(), client, accounts, sub); err != nil || len(entries) != 1 || !client.Custom {
		t.Errorf("%v, %v", entries, err)
	}
	if got := asked[0].header.Get("Authorization"); got != "" || asked[0].call.Name != accounts {
		t.Errorf("sent %q with %v", got, asked[0].call)
	}
}

// TestNothingIsRegistered: where a subscription never used a service, the SDK
// would register it, which is a write.
func TestNothingIsRegistered(t *testing.T) {
	var asked []sent
	client := open(t, arm.Options{Transport: answering(&asked, canned{
		status: 409, body: `{"error":{"code":"MissingSubscriptionRegistration","message":"The subscription is not registered to use namespace 'Microsoft.Storage'."}}`,
	})})
	_, err := list(t.Context(), client, accounts, sub)
	want := collect.Refusal{
		Reason: resource.Unsupported, Code: "MissingSubscriptionRegistration", Call: accounts,
		Detail: "The subscription is not registered to use namespace 'Microsoft.Storage'.",
	}
	if diff := cmp.Diff(want, client.Refusal(arm.Failed(accounts, sub, err))); diff != "" {
		t.Error(diff)
	}
	if len(asked) != 1 || asked[0].method != http.MethodGet {
		t.Errorf("%v", asked)
	}
}

func TestPages(t *testing.T) {
	link := func(text string) string { return fmt.Sprintf(`{"value":[{"name":"a"},null],"nextLink":%q}`, text) }
	for name, c := range map[string]struct {
		pages []string
		want  []string
		next  string // what the second page is asked as
		wrong string // what is wrong with the listing
	}{
		"one":   {pages: []string{`{"value":[{"name":"a"}]}`}, want: []string{`{"name":"a"}`}},
		"none":  {pages: []string{`{"value":[]}`}},
		"ended": {pages: []string{`{"value":[],"nextLink":null}`}},
		"ended with nothing": {
			pages: []string{`{"value":[1],"nextLink":""}`}, want: []string{"1"},
		},
		"odd entries": {pages: []string{`{"value":[null,7,[],{}]}`}, want: []string{"null", "7", "[]", "{}"}},
		"two pages": {
			pages: []string{link("https://management.azure.com/" + path + "?" + version + "&$skiptoken=t%2B1"), `{"value":["b"]}`},
			want:  []string{`{"name":"a"}`, "null", `"b"`}, next: path + "?%24skiptoken=t%2B1&" + version,
		},
		"a link with the port, in another case": {
			pages: []string{link("https://MANAGEMENT.azure.com:443/" + strings.ToUpper(path) + "/?$skiptoken=t"), `{"value":[]}`},
			want:  []string{`{"name":"a"}`, "null"}, next: path + "?%24skiptoken=t&" + version,
		},
		"a link of another version": {
			pages: []string{link("https://management.azure.com/" + path + "?api-version=2015-06-15&$skiptoken=t"), `{"value":[]}`},
			want:  []string{`{"name":"a"}`, "null"}, next: path + "?%24skiptoken=t&" + version,
		},
		"a link without a host": {
			pages: []string{link("/" + path + "?$skiptoken=t"), `{"value":[]}`},
			want:  []string{`{"name":"a"}`, "null"}, next: path + "?%24skiptoken=t&" + version,
		},
		"a link to another host": {
			pages: []string{link("https://evil.example/" + path + "?" + version)}, want: []string{`{"name":"a"}`, "null"}, wrong: "another host",
		},
		"a link to another port": {
			pages: []string{link("https://management.azure.com:8443/" + path + "?" + version)}, want: []string{`{"name":"a"}`, "null"}, wrong: "another host",
		},
		"a link in the clear": {
			pages: []string{link("http://management.azure.com:443/" + path + "?" + version)}, want: []string{`{"name":"a"}`, "null"}, wrong: "another host",
		},
		"a link with a password": {
			pages: []string{link("https://u:p@management.azure.com/" + path + "?" + version)}, want: []string{`{"name":"a"}`, "null"}, wrong: "another host",
		},
		"a link to another listing": {
			pages: []string{link("https://management.azure.com/subscriptions?api-version=2022-12-01")}, want: []string{`{"name":"a"}`, "null"}, wrong: "another listing",
		},
		"a link that is none": {pages: []string{link("https://%zz/")}, want: []string{`{"name":"a"}`, "null"}, wrong: "at no URL"},
		"a link to itself": {
			pages: []string{link("https://management.azure.com/" + path + "?" + version)}, want: []string{`{"name":"a"}`, "null", `{"name":"a"}`, "null"}, wrong: "for the second time",
		},
		"a link of another type": {pages: []string{`{"value":[{}],"nextLink":7}`}, wrong: "cannot unmarshal"},
		"no list":                {pages: []string{`{}`}, wrong: "without a list"},
		"a null list":            {pages: []string{`{"value":null}`}, wrong: "without a list"},
		"a list of another type": {pages: []string{`{"value":{"a":1}}`}, wrong: "cannot unmarshal"},
		"half of one":            {pages: []string{`{"value":[{"na`}, wrong: "unexpected end"},
		"nothing":                {pages: []string{``}, wrong: "not an object"},
		"an array":               {pages: []string{`[]`}, wrong: "not an object"},
		"a sign-in page":         {pages: []string{`<!DOCTYPE html>`}, wrong: "not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []sent
			var answers []canned
			for _, page := range c.pages {
				answers = append(answers, canned{status: 200, body: page})
			}
			client := open(t, arm.Options{Transport: answering(&asked, answers...), Backoff: atOnce})
			got, err := list(t.Context(), client, accounts, sub)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%v, want %q", err, c.wrong)
			}
			if err != nil && client.Refusal(err).Reason != resource.Malformed {
				t.Errorf("%+v", client.Refusal(err))
			}
			if c.next != "" && (len(asked) != 2 || asked[1].call.Input != c.next) {
				t.Errorf("%v, want %s", asked, c.next)
			}
			for _, s := range asked {
				if s.host != "management.azure.com" {
					t.Errorf("asked %s", s.host)
				}
			}
		})
	}
}

func TestPlacesCountOverPages(t *testing.T) {
	var asked []sent
	client := open(t, arm.Options{Transport: answering(&asked,
		canned{status: 200, body: `{"value":[1,2],"nextLink":"/` + path + `?$skiptoken=a"}`}, canned{status: 200, body: `{"value":[3]}`})})
	var places []int
	for item, err := range client.List(t.Context(), accounts, sub) {
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, item.Place)
	}
	if !slices.Equal(places, []int{0, 1, 2}) {
		t.Error(places)
	}
}

func TestHostileNamesAreNotAsked(t *testing.T) {
	var asked []sent
	client := open(t, arm.Options{Transport: answering(&asked, canned{status: 200, body: `{}`})})
	for _, name := range []string{"", "..", "a/b", "a?b", "a#b", "a\nb", `a\b`} {
		if err := client.Get(t.Context(), "storage:blobServices.get", new(any), sub, "g", name); err == nil {
			t.Errorf("%q is asked for", name)
		}
	}
	if len(asked) != 0 {
		t.Errorf("%v", asked)
	}
}

// TestRetries shows which answers are worth another attempt, and that what is
// tried again succeeds as if nothing had been.
func TestRetries(t *testing.T) {
	good := canned{status: 200, body: `{"value":[1]}`}
	for name, c := range map[string]struct {
		answers []canned
		tries   int
		works   bool
		reason  resource.Reason
	}{
		"throttled once":        {[]canned{{status: 429, body: `{}`, retryAfter: "17"}, good}, 2, true, ""},
		"unavailable once":      {[]canned{{status: 503}, good}, 2, true, ""},
		"broken once":           {[]canned{{status: 500}, good}, 2, true, ""},
		"throttled for good":    {[]canned{{status: 429, body: `{"error":{"code":"TooManyRequests","message":"slower"}}`}}, 7, false, resource.Throttled},
		"denied":                {[]canned{{status: 403, body: `{"error":{"code":"AuthorizationFailed"}}`}}, 1, false, resource.Denied},
		"not signed in":         {[]canned{{status: 401}}, 1, false, resource.Denied},
		"not found":             {[]canned{{status: 404}}, 1, false, resource.Failed},
		"no such version":       {[]canned{{status: 400, body: `{"error":{"code":"NoRegisteredProviderFound"}}`}}, 1, false, resource.Failed},
		"redirected":            {[]canned{{status: 302, location: "https://evil.example/"}}, 1, false, resource.Failed},
		"answered with nothing": {[]canned{{status: 204}}, 1, false, resource.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []sent
			client := open(t, arm.Options{Transport: answering(&asked, c.answers...), Backoff: atOnce})
			_, err := list(t.Context(), client, accounts, sub)
			if (err == nil) != c.works || len(asked) != c.tries {
				t.Errorf("%v after %d attempts, want %d", err, len(asked), c.tries)
			}
			if err != nil && client.Refusal(err).Reason != c.reason {
				t.Errorf("%+v", client.Refusal(err))
			}
		})
	}
}

// TestPatience: an answer that asks to wait for more than a minute is waited for,
// where the SDK by itself gives up.
func TestPatience(t *testing.T) {
	for name, c := range map[string]struct {
		asks  string
		waits time.Duration
		tries int
	}{
		"a little":          {"17", 17 * time.Second, 2},
		"over a minute":     {"270", 270 * time.Second, 2},
		"the whole window":  {"300", 300 * time.Second, 2},
		"more than that":    {"301", 0, 1},
		"until next spring": {"99999999", 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked []sent
				client := open(t, arm.Options{Transport: answering(&asked,
					canned{status: 429, body: `{"error":{"code":"TooManyRequests"}}`, retryAfter: c.asks}, canned{status: 200, body: `{"value":[]}`})})
				began := time.Now()
				_, err := list(t.Context(), client, accounts, sub)
				if took := time.Since(began); took != c.waits || len(asked) != c.tries {
					t.Errorf("%d attempts took %v: %v", len(asked), took, err)
				}
				if c.tries == 1 && (err == nil || client.Refusal(err).Reason != resource.Throttled) {
					t.Error("nobody says that it was throttled")
				}
			})
		})
	}
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []sent
		var waited []int
		client := open(t, arm.Options{
			Transport: answering(&asked, canned{status: 429, retryAfter: "100"}), Attempts: 4,
			Backoff: func(attempt int) time.Duration {
				waited = append(waited, attempt)
				return time.Duration(attempt) * time.Second
			},
		})
		began := time.Now()
		_, err := list(t.Context(), client, accounts, sub)
		if took := time.Since(began); took != 6*time.Second || len(asked) != 4 || err == nil {
			t.Errorf("%d attempts took %v", len(asked), took)
		}
		if !slices.Equal(waited, []int{1, 2, 3, 4}) {
			t.Error(waited)
		}
	})
}

// TestDefects: what was stopped on this side is not asked for again.
func TestDefects(t *testing.T) {
	for name, cause := range map[string]error{
		"not on the tape": &tape.MissingError{Call: collect.Call{Name: accounts}},
		"not declared":    &collect.ForbiddenError{Call: accounts},
		"given up":        &collect.UnansweredError{Where: "storage", Failures: 3, Err: errors.New("timeout")},
		"nobody listens":  &net.OpError{Op: "dial", Err: errors.New("connection refused")},
	} {
		t.Run(name, func(t *testing.T) {
			tried := 0
			client := open(t, arm.Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) { tried++; return nil, cause })})
			_, err := list(t.Context(), client, accounts, sub)
			if r := client.Refusal(err); tried != 1 || r.Reason != resource.Failed || !strings.HasPrefix(cause.Error(), r.Detail[:4]) {
				t.Errorf("%+v after %d attempts", r, tried)
			}
		})
	}
}

// dripping never ends, and says nothing.
type dripping struct{ done <-chan struct{} }

func (d dripping) Read([]byte) (int, error) { <-d.done; return 0, context.DeadlineExceeded }
func (d dripping) Close() error             { return nil }

func TestSlowAnswersEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		client := open(t, arm.Options{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			tried++
			return &http.Response{StatusCode: 200, Header: make(http.Header), Body: dripping{req.Context().Done()}, Request: req}, nil
		})})
		began := time.Now()
		_, err := list(t.Context(), client, accounts, sub)
		if took := time.Since(began); took != collect.AttemptLimit || tried != 1 {
			t.Errorf("%d attempts took %v", tried, took)
		}
		if r := client.Refusal(err); r.Reason != resource.Failed && r.Reason != resource.Malformed {
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
func (endless) Close() error { return nil }

func TestLargeAnswersEnd(t *testing.T) {
	for _, status := range []int{200, 403} {
		tried := 0
		client := open(t, arm.Options{Backoff: atOnce, Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			tried++
			return &http.Response{StatusCode: status, Header: make(http.Header), Body: endless{}, Request: req}, nil
		})})
		_, err := list(t.Context(), client, accounts, sub)
		if r := client.Refusal(err); r.Reason != resource.Malformed || tried != 1 || !strings.Contains(r.Detail, fmt.Sprint(restapi.MaxAnswer)) {
			t.Errorf("%+v after %d", r, tried)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var asked []sent
	client := open(t, arm.Options{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
		cancel()
		return answering(&asked, canned{status: 503, retryAfter: "200"}).RoundTrip(req)
	})})
	if _, err := list(ctx, client, accounts, sub); !errors.Is(err, context.Canceled) || len(asked) != 1 {
		t.Errorf("%v after %d", err, len(asked))
	}
}

// aStore is a store that was listed.
var aStore = arm.ID{Subscription: sub, Group: "rg", Type: "Microsoft.Storage/storageAccounts", Names: []string{"cars"}}

// TestGone: a store is gone where Azure says so of the store, and not of what may
// be in it.
func TestGone(t *testing.T) {
	whole := aStore.String()
	type says = map[string]bool
	for message, want := range map[string]says{
		"The Resource 'Microsoft.Storage/storageAccounts/cars' under resource group 'rg' was not found.":     {"ResourceNotFound": true, "NotFound": false},
		"The Resource 'microsoft.storage/STORAGEACCOUNTS/Cars' under resource group 'rg' was not found.":     {"ResourceNotFound": true},
		"The requested resource of type 'Microsoft.Storage/storageAccounts' with name 'cars' was not found.": {"ResourceNotFound": true},

		"Can not perform requested operation on nested resource. Parent resource 'cars' not found.": {"ParentResourceNotFound": true, "NotFound": false},
		"Failed to perform 'read', because the parent resource '" + whole + "' could not be found.": {"ParentResourceNotFound": true},

		"Failed to perform 'read', because the parent resource '" + whole + "/fileServices/default' could not be found.": {"ParentResourceNotFound": false},
		"Can not perform requested operation on nested resource. Parent resource 'cars/default' not found.":              {"ParentResourceNotFound": false, "ResourceNotFound": false},

		"The Resource 'Microsoft.Storage/storageAccounts/cars/queueServices/default' under resource group 'rg' was not found.": {"ResourceNotFound": false},
		"The Resource 'Microsoft.Storage/storageAccounts/bikes' under resource group 'cars' was not found.":                    {"ResourceNotFound": false},
		"The requested resource of type 'Microsoft.Storage/storageAccounts/localUsers' with name 'cars' was not found.":        {"ResourceNotFound": false},

		"The network security perimeter of the resource '" + whole + "' was not found.": {"ResourceNotFound": false},
		"The account doesn't exist: cars":                                               {"ResourceNotFound": false},

		"no": {"ResourceNotFound": false, "ParentResourceNotFound": false, "ResourceGroupNotFound": true, "SubscriptionNotFound": false},
	} {
		for code, gone := range want {
			var asked []sent
			body, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
			if err != nil {
				t.Fatal(err)
			}
			client := open(t, arm.Options{Transport: answering(&asked, canned{status: 404, body: string(body)}), Backoff: atOnce})
			_, err = list(t.Context(), client, accounts, sub)
			if r := client.Refusal(arm.FailedOf(accounts, aStore, err)); r.Gone != gone || r.Code != code {
				t.Errorf("%s %q: gone %t, want %t", code, message, r.Gone, gone)
			}
			if client.Refusal(arm.Failed(accounts, sub, err)).Gone {
				t.Errorf("%s %q: gone, and nobody asked about the store", code, message)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 400)
	for name, c := range map[string]struct {
		status int
		body   string
		about  bool // the call was about a store that was listed
		want   collect.Refusal
	}{
		"denied": {403, `{"error":{"code":"AuthorizationFailed","message":"The client\n may not."}}`, false, collect.Refusal{
			Reason: resource.Denied, Code: "AuthorizationFailed", Detail: "The client may not.",
		}},
		"never there": {404, `{"error":{"code":"ResourceNotFound","message":"no"}}`, false, collect.Refusal{
			Reason: resource.Failed, Code: "ResourceNotFound", Detail: "no",
		}},
		"another thing is not there": {404, `{"error":{"code":"InvalidResourceType","message":"no such version"}}`, true, collect.Refusal{
			Reason: resource.Failed, Code: "InvalidResourceType", Detail: "no such version",
		}},
		"something is not there": {404, `{"error":{"code":"NotFound","message":"no configuration"}}`, true, collect.Refusal{
			Reason: resource.Failed, Code: "NotFound", Detail: "no configuration",
		}},
		"nobody says what": {404, `not found`, true, collect.Refusal{Reason: resource.Failed, Code: "HTTP 404", Detail: "HTTP status Not Found"}},
		"another conflict": {409, `{"error":{"code":"Conflict","message":"busy"}}`, true, collect.Refusal{
			Reason: resource.Failed, Code: "Conflict", Detail: "busy",
		}},
		"not there in this cloud": {501, `{}`, false, collect.Refusal{Reason: resource.Unsupported, Code: "HTTP 501", Detail: "HTTP status Not Implemented"}},
		"a long message": {400, `{"error":{"code":"Bad","message":"` + long + `"}}`, false, collect.Refusal{
			Reason: resource.Failed, Code: "Bad", Detail: long[:240] + "…",
		}},
		"a code that is none": {400, `{"error":{"code":"<b>","message":7}}`, false, collect.Refusal{Reason: resource.Failed, Code: "HTTP 400", Detail: "HTTP status Bad Request"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []sent
			client := open(t, arm.Options{Transport: answering(&asked, canned{status: c.status, body: c.body}), Backoff: atOnce})
			_, err := list(t.Context(), client, accounts, sub)
			failed := arm.Failed(accounts, sub, err)
			if c.about {
				failed = arm.FailedOf(accounts, aStore, err)
			}
			c.want.Call = accounts
			if diff := cmp.Diff(c.want, client.Refusal(failed)); diff != "" {
				t.Error(diff)
			}
			if arm.Status(err) != c.status || arm.Code(err) != c.want.Code {
				t.Errorf("%d %s", arm.Status(err), arm.Code(err))
			}
		})
	}
	if arm.Failed(accounts, sub, nil) != nil || arm.FailedOf(accounts, aStore, nil) != nil || arm.Status(nil) != 0 || arm.Code(nil) != "" {
		t.Error("nothing failed")
	}
}

func TestSubscriptions(t *testing.T) {
	client := open(t, arm.Options{})
	client.Know(arm.Subscription{ID: strings.ToUpper(sub), Name: "Cars", Tenant: "TTTT"})
	client.Know(arm.Subscription{ID: "unread"})
	if s, audited := client.Subscription(sub); !audited || s.Name != "Cars" || s.ID != sub {
		t.Errorf("%+v %t", s, audited)
	}
	if _, audited := client.Subscription("other"); audited {
		t.Error("nobody audits it")
	}
	for _, c := range []struct {
		subscription, tenant string
		own, known           bool
	}{{sub, "tttt", true, true}, {sub, "other", false, true}, {sub, "", false, true}, {"unread", "tttt", false, false}, {"unread", "", false, false}, {"other", "", false, false}} {
		if own, known := client.OwnTenant(c.subscription, c.tenant); own != c.own || known != c.known {
			t.Errorf("%+v: %t %t", c, own, known)
		}
	}
}

func TestOwn(t *testing.T) {
	client := open(t, arm.Options{})
	client.Know(arm.Subscription{ID: sub, Tenant: "t1"})
	client.Know(arm.Subscription{ID: "sister", Tenant: "T1"})
	client.Know(arm.Subscription{ID: "supplier", Tenant: "t2"})
	client.Know(arm.Subscription{ID: "untold"})
	for other, want := range map[string][2]bool{
		strings.ToUpper(sub): {true, true}, "sister": {true, true}, "supplier": {false, true}, "untold": {false, false}, "nobody": {false, false},
	} {
		if own, known := client.Own(sub, other); own != want[0] || known != want[1] {
			t.Errorf("%s: own %t, known %t, want %v", other, own, known, want)
		}
	}
}
