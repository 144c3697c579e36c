package arm

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

const (
	retries = 6
	// longestWait is how long an answer may ask to wait. The limit of listings of
	// storage accounts is counted over five minutes, the SDK gives up at one.
	//
	// Source: https://learn.microsoft.com/azure/storage/common/scalability-targets-resource-provider
	longestWait = 5 * time.Minute
)

// atOnce is no delay: of a delay of 0 the SDK makes the longest there is.
const atOnce = time.Nanosecond

// retry is how the SDK tries again.
func (o Options) retry() policy.RetryOptions {
	r := policy.RetryOptions{MaxRetries: retries, MaxRetryDelay: longestWait, ShouldRetry: worthAnother}
	if o.Attempts > 0 {
		r.MaxRetries = int32(min(o.Attempts, 100)) - 1
	}
	if r.MaxRetries == 0 {
		r.MaxRetries = -1 // 0 is the SDK's own number
	}
	if o.Backoff != nil {
		r.RetryDelay = atOnce // none but what the policy of waiting says
	}
	return r
}

// retriable are the answers that another attempt may change.
var retriable = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// worthAnother reports whether a request is worth another attempt.
func worthAnother(answer *http.Response, err error) bool {
	if err != nil {
		return !restapi.Final(err)
	}
	return slices.Contains(retriable, answer.StatusCode)
}

// Throttled reports whether an HTTP answer asks to slow down, as far as its
// head tells.
func Throttled(answer *http.Response) bool {
	return restapi.Throttled(answer)
}

// attempts counts the attempts at one call.
type attempts struct{ made int }

type policyFunc func(*policy.Request) (*http.Response, error)

// Do implements policy.Policy.
func (f policyFunc) Do(req *policy.Request) (*http.Response, error) { return f(req) }

// counting and waiting put Options.Backoff in the place of what answers ask for.
func (o Options) counting() []policy.Policy {
	if o.Backoff == nil {
		return nil
	}
	return []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		req.SetOperationValue(&attempts{})
		return req.Next()
	})}
}

func (o Options) waiting() []policy.Policy {
	if o.Backoff == nil {
		return nil
	}
	return []policy.Policy{policyFunc(func(req *policy.Request) (*http.Response, error) {
		answer, err := req.Next()
		var count *attempts
		if err != nil || !req.OperationValue(&count) {
			return answer, err
		}
		count.made++
		for _, name := range []string{"Retry-After", "Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
			answer.Header.Del(name)
		}
		if wait := o.Backoff(count.made); wait > 0 {
			answer.Header.Set("Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
		}
		return answer, nil
	})}
}

// transport sends what the SDK made, by way of the namer.
func (c *Client) transport(o Options) policy.Transporter {
	return &http.Client{
		Transport: collect.NewLimit(&namer{client: c, next: collect.NewBreaker(o.Transport)}), CheckRedirect: restapi.Stay,
	}
}

// namer sends every request with the name of its call, and nothing that is no
// route.
type namer struct {
	client *Client
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (n *namer) RoundTrip(req *http.Request) (*http.Response, error) {
	req, err := restapi.Named(req, n.name)
	if err != nil {
		return nil, err
	}
	answer, err := n.next.RoundTrip(req)
	if err == nil {
		call, _ := collect.CallOf(req.Context())
		answer.Body = restapi.Bounded(call.Name, answer.Body)
	}
	return answer, err
}

// name finds the call of a request. Resource Manager counts by subscription, and
// so a subscription is paced like a region of its own.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
func (n *namer) name(req *http.Request) (collect.Call, error) {
	path, ok := n.client.below(req.URL)
	query, err := url.ParseQuery(req.URL.RawQuery)
	route, values, known := Match(req.Method, path, query)
	if !ok || err != nil || !known {
		return collect.Call{}, &collect.ForbiddenError{Call: req.Method + " " + req.URL.Path}
	}
	call := collect.Call{Name: route.Call, Input: input(path, query)}
	if strings.HasPrefix(route.Path, subscriptionPath) && plainWord(values[0]) {
		call.Region = strings.ToLower(values[0])
	}
	return call, nil
}

const subscriptionPath = "subscriptions/{subscriptionId}/"

// plainWord reports whether a text is nothing but letters, digits and hyphens.
func plainWord(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

// below returns the part of a URL that stands below the root of Resource
// Manager, and reports whether it does.
func (c *Client) below(u *url.URL) (path string, ok bool) {
	if u.Scheme != c.root.Scheme || hostPort(u) != hostPort(c.root) || u.User != nil {
		return "", false
	}
	return strings.CutPrefix(u.EscapedPath(), c.root.EscapedPath())
}

// hostPort is the host of a URL, in lower case, with the port, said or not.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" && u.Scheme == "https" {
		port = "443"
	} else if port == "" {
		port = "80"
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// input spells what a request asks for: its path and its query.
func input(path string, query url.Values) string { return path + "?" + query.Encode() }

// Get asks for one thing and decodes the answer, which has to be an object and to
// have no member twice, into a value. The values fill the template of the call's
// route in its order; see ID.Values. Its errors are read by Refusal.
func (c *Client) Get(ctx context.Context, call string, into any, values ...string) error {
	route := RouteOf(call)
	first, err := c.url(route, values)
	if err != nil {
		return err
	}
	body, err := c.ask(ctx, route, first)
	if err != nil {
		return err
	}
	return decodeOnce(call, body, into)
}

// List yields what a listing holds, page by page, in the order of the answers.
// What is null or no object is yielded like any other entry, and told by
// Item.Into; only a page that cannot be read ends the listing. An error is the
// last that it yields. The next page is asked for where the first was, and is of
// the same listing; a link to anywhere else is an error.
func (c *Client) List(ctx context.Context, call string, values ...string) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		route := RouteOf(call)
		next, err := c.url(route, values)
		seen := make(map[string]bool)
		for place := 0; err == nil; {
			var p page
			if p, err = c.page(ctx, route, next); err != nil {
				break
			}
			for _, raw := range p.items {
				if !yield(Item{Call: call, Place: place, Raw: raw}, nil) {
					return
				}
				place++
			}
			if p.next == "" {
				return
			}
			if seen[p.next] {
				err = collect.Malformed(call, "it names a page for the second time")
				break
			}
			seen[p.next] = true
			next, err = c.follow(route, next, p.next)
		}
		yield(Item{Call: call}, err)
	}
}

// page is one answer of a listing.
type page struct {
	items []json.RawMessage
	next  string // link, or ""
}

func (c *Client) page(ctx context.Context, route Route, at *url.URL) (page, error) {
	body, err := c.ask(ctx, route, at)
	if err != nil {
		return page{}, err
	}
	var answer struct {
		Value *[]json.RawMessage `json:"value"`
		Next  *string            `json:"nextLink"`
	}
	if err := decode(route.Call, body, &answer); err != nil {
		return page{}, err
	}
	if answer.Value == nil {
		return page{}, collect.Malformed(route.Call, "a listing without a list")
	}
	p := page{items: *answer.Value}
	if answer.Next != nil {
		p.next = *answer.Next
	}
	return p, nil
}

// follow reads the link to the next page. A link that names no version, or
// another, gets the route's: its answer is read as all the others are.
func (c *Client) follow(route Route, from *url.URL, link string) (*url.URL, error) {
	there, err := from.Parse(link)
	if err != nil {
		return nil, collect.Malformed(route.Call, "its next page is at no URL")
	}
	if hostPort(there) != hostPort(from) || there.Scheme != from.Scheme || there.User != nil {
		return nil, collect.Malformed(route.Call, "its next page is on another host, %q", restapi.Line(there.Host))
	}
	if !strings.EqualFold(strings.TrimSuffix(there.Path, "/"), from.Path) {
		return nil, collect.Malformed(route.Call, "its next page is of another listing")
	}
	query, err := url.ParseQuery(there.RawQuery)
	if err != nil {
		return nil, collect.Malformed(route.Call, "its next page is at no URL")
	}
	for name, value := range route.query() {
		query[name] = value
	}
	next := *from
	next.RawQuery = query.Encode()
	return &next, nil
}

// url is where a call is asked.
func (c *Client) url(route Route, values []string) (*url.URL, error) {
	path, err := route.path(values)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(c.root.String() + path + "?" + route.query().Encode())
	if err != nil {
		return nil, collect.Malformed(route.Call, "%v", err)
	}
	return at, nil
}

// ask sends a request that is in a route and returns the body of its answer.
func (c *Client) ask(ctx context.Context, route Route, at *url.URL) ([]byte, error) {
	req, err := runtime.NewRequest(ctx, route.Method, at.String())
	if err != nil {
		return nil, err
	}
	req.Raw().Header.Set("Accept", "application/json")
	answer, err := c.arm.Pipeline().Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, runtime.NewResponseError(answer)
	}
	return runtime.Payload(answer)
}

// decodeOnce is decode for what decides by itself. Where a member stands there twice,
// in one spelling or in several, nobody says which of them counts, and the answer
// cannot be read.
func decodeOnce(call string, body []byte, into any) error {
	if name := twice(body, everyDepth); name != "" {
		return collect.Malformed(call, "%q stands there twice", restapi.Line(name))
	}
	return decode(call, body, into)
}

// decode reads an answer, which is an object. What follows it is no part of it.
func decode(call string, body []byte, into any) error {
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return collect.Malformed(call, "not an object")
	}
	if err := json.Unmarshal(body, into); err != nil {
		return collect.Malformed(call, "%v", err)
	}
	return nil
}
