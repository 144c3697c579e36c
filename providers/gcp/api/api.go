// Package api is how every collector of this provider reaches Google Cloud: one
// identity, one transport. Requests are named by their own method and path
// against Google's discovery documents (routes.tsv), so that a call cannot pass
// for another; what is in no route never leaves. Throttled and failed answers
// are tried again, and custom endpoints are honoured.
package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/auth/httptransport"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

// Options say how Google Cloud is reached.
type Options struct {
	// Endpoint is a custom endpoint for every service, each below its own name:
	// http://127.0.0.1:9000 serves Pub/Sub at http://127.0.0.1:9000/pubsub/.
	// Empty means Google's own hosts.
	Endpoint string
	// Endpoints are custom roots of single services, by name: "storage". They
	// win over Endpoint. See Environment.
	Endpoints map[string]string
	// QuotaProject is billed and counted for the calls; empty leaves that to the
	// credentials.
	QuotaProject string
	// Transport carries the requests. It is given a named call with each (see
	// collect.CallOf) and decides what may leave.
	Transport http.RoundTripper
	// Offline uses no credentials and reads no configuration of this machine:
	// for recordings and loopback servers.
	Offline bool
	// Custom says that the answers do not come from Google: for recordings,
	// which cannot tell by themselves.
	Custom bool
	// Ancestors and Deep: see Client.
	Ancestors, Deep bool
	// Attempts is how often a throttled or failed call is tried; 0 means 6.
	Attempts int
	// Backoff waits before a retry; nil means what the answer asks for, or else
	// exponential backoff of at most 20 s.
	Backoff func(attempt int) time.Duration
	// Now tells the time, against which expiries are judged; nil means the clock.
	Now func() time.Time
}

// Scope is what tokens are asked for. The read-only scope is refused by most
// services that have an IAM policy to read (Pub/Sub, Secret Manager, Cloud KMS,
// buckets.getIamPolicy), so that what keeps andon from writing is the transport
// and the role, not the token.
//
// Source: the scopes of each method in Google's discovery documents.
const Scope = "https://www.googleapis.com/auth/cloud-platform"

// Client is Google Cloud, reached with one identity.
type Client struct {
	// Custom reports that an endpoint is not Google's, for which Google's
	// documentation promises nothing.
	Custom bool
	// Project is the project that the credentials name, or "".
	Project string
	now     func() time.Time
	roots   map[string]string
	general string
	sender  http.RoundTripper // retries, and sends
	creds   *auth.Credentials
	quota   string
	shared  sync.Map
	numbers sync.Map // of projects, by id
	ids     sync.Map // of projects, by id and by number
	// Ancestors says that what guards a project from its folders and its
	// organisation is to be read, too; see hierarchy.
	Ancestors bool
	// Deep says that every object of a bucket with ACLs is to be looked at.
	Deep bool
}

// Open finds credentials. Nothing is asked yet. Its errors say what to do next.
func Open(ctx context.Context, o Options) (*Client, error) {
	c := &Client{
		Custom: o.Custom || o.Endpoint != "" || len(o.Endpoints) > 0,
		now:    o.Now, roots: make(map[string]string), quota: o.QuotaProject,
		sender: newSender(o), Ancestors: o.Ancestors, Deep: o.Deep,
	}
	if c.now == nil {
		c.now = time.Now //nolint:forbidigo // the one place where it enters; recordings are judged at a time of their own
	}
	if err := c.direct(o); err != nil {
		return nil, err
	}
	if o.Offline || c.unauthenticated() {
		return c, nil
	}
	creds, err := credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{Scope}, DisableAsyncRefresh: true})
	if err == nil {
		_, err = creds.Token(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("find Google credentials: %w (run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS)", restapi.Plain(err))
	}
	c.creds = creds
	if project, err := creds.ProjectID(ctx); err == nil {
		c.Project = project
	}
	return c, nil
}

// direct reads the custom endpoints.
func (c *Client) direct(o Options) error {
	for service, endpoint := range o.Endpoints {
		root, err := restapi.Root(endpoint, "http")
		if err != nil {
			return fmt.Errorf("read the endpoint of %s: %w", service, err)
		}
		c.roots[service] = root.String()
	}
	if o.Endpoint == "" {
		return nil
	}
	root, err := restapi.Root(o.Endpoint, "http")
	if err != nil {
		return fmt.Errorf("read the endpoint of Google Cloud: %w", err)
	}
	c.general = root.String()
	return nil
}

// unauthenticated reports that no token is to be sent: an emulator that answers
// without TLS would show it to everybody on the way.
func (c *Client) unauthenticated() bool { return strings.HasPrefix(c.general, "http://") }

// Environment reads the custom endpoints that this machine's environment gives:
// STORAGE_EMULATOR_HOST, as every client library of Cloud Storage does, and
// CLOUDSDK_API_ENDPOINT_OVERRIDES_<SERVICE>, as gcloud does.
func Environment() map[string]string {
	endpoints := make(map[string]string)
	const overrides = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if service, ok := strings.CutPrefix(name, overrides); ok && value != "" {
			service = strings.ToLower(service)
			endpoints[cmp.Or(gcloudNames[service], service)] = value
		}
	}
	if host := os.Getenv("STORAGE_EMULATOR_HOST"); host != "" {
		endpoints["storage"] = host
	}
	// gcloud's endpoints of these end in what their own root does not have.
	for service, below := range map[string]string{"storage": "/storage/v1", "bigquery": "/bigquery/v2", "compute": "/compute/v1"} {
		if endpoint, ok := endpoints[service]; ok {
			endpoints[service] = strings.TrimSuffix(strings.TrimSuffix(endpoint, "/"), below)
		}
	}
	return endpoints
}

// gcloudNames are the services that gcloud calls by another name.
var gcloudNames = map[string]string{"sql": "sqladmin"}

// Root returns the URL below which a service's paths stand; it ends in '/'.
// Location is that of a regional endpoint, or "".
//
// Source: https://cloud.google.com/storage/docs/regional-endpoints (the form
// SERVICE.LOCATION.rep.googleapis.com, common to all services that have them).
func (c *Client) Root(service, location string) string {
	switch root, own := c.roots[service]; {
	case own:
		return root
	case c.general != "":
		return c.general + service + "/"
	case location != "":
		return "https://" + service + "." + location + ".rep.googleapis.com/"
	default:
		return "https://" + service + ".googleapis.com/"
	}
}

// HTTP returns the client for one service: for the generated clients, and for
// Ask.
func (c *Client) HTTP(service string) *http.Client {
	client := &http.Client{Transport: &namer{client: c, service: service, next: c.sender}, CheckRedirect: restapi.Stay}
	if c.creds == nil || strings.HasPrefix(c.Root(service, ""), "http://") {
		return client
	}
	if err := httptransport.AddAuthorizationMiddleware(client, c.creds); err != nil {
		panic("api: " + err.Error()) // there are a client and credentials
	}
	return client
}

// Now is the time against which expiries are judged.
func (c *Client) Now() time.Time { return c.now() }

// namer sends every request with the name of its call, and nothing that is no
// route, and bounds the answer, whichever client reads it.
type namer struct {
	client  *Client
	service string
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (n *namer) RoundTrip(req *http.Request) (*http.Response, error) {
	req, err := restapi.Named(req, n.name)
	if err != nil {
		return nil, err
	}
	if n.client.quota != "" {
		req.Header.Set("X-Goog-User-Project", n.client.quota)
	}
	answer, err := n.next.RoundTrip(req)
	if err == nil {
		call, _ := collect.CallOf(req.Context())
		answer.Body = restapi.Bounded(call.Name, answer.Body)
	}
	return answer, err
}

func (n *namer) name(req *http.Request) (collect.Call, error) {
	root, location := n.client.Root(n.service, ""), ""
	if rest, ok := strings.CutSuffix(req.URL.Host, ".rep.googleapis.com"); ok {
		location = strings.TrimPrefix(rest, n.service+".")
		root = n.client.Root(n.service, location)
	}
	u := *req.URL
	query := u.Query()
	u.RawQuery = ""
	path, ok := strings.CutPrefix(u.String(), root)
	route, _, known := Match(n.service, req.Method, path)
	if !ok || !known {
		return collect.Call{}, &collect.ForbiddenError{Call: req.Method + " " + u.Path}
	}
	return collect.Call{Name: route.Call, Region: location, Input: input(req, path, query)}, nil
}

// input spells what a request asks for: its path, its query without what only
// concerns the wire, and its body.
func input(req *http.Request, path string, query url.Values) string {
	query.Del("alt")
	query.Del("prettyPrint")
	text := path
	if len(query) > 0 {
		text += "?" + query.Encode()
	}
	if body := bodyOf(req); body != "" && body != "{}" {
		text += " " + body
	}
	return text
}

func bodyOf(req *http.Request) string {
	if req.GetBody == nil {
		return ""
	}
	body, err := req.GetBody()
	if err != nil {
		return ""
	}
	defer func() { _ = body.Close() }()
	return compact(body)
}

// Shared returns the value that all collectors hold in common under a key,
// making it the first time: a fact that is asked for once.
func Shared[T any](c *Client, key string, make func() *T) *T {
	return restapi.Shared(&c.shared, key, make)
}
