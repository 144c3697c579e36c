package storagebucket

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
	raw "google.golang.org/api/storage/v1"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// clients reach Cloud Storage: Google's library for objects and keys, and the
// generated interface below it for what the library leaves out (managed folders,
// tests of permissions) or blurs: it takes a document without anything in it for
// a policy that lets nobody in.
type clients struct {
	library *storage.Client
	raw     *raw.Service
}

// open returns the clients of this run, made once.
func (c *collector) open(ctx context.Context) (*clients, error) {
	once := api.Shared(c.client, "storage clients", func() *collect.Once[*clients] { return new(collect.Once[*clients]) })
	return once.Get(ctx, func(ctx context.Context) (*clients, error) { return newClients(ctx, c.client) })
}

// newClients makes clients that send through the transport of this run and
// nowhere else. Endpoint and client are given, so that STORAGE_EMULATOR_HOST
// changes nothing here (see api.Environment); without WithoutAuthentication the
// library would look for credentials of its own. The transport tries again what
// is worth it, and the clients never do.
func newClients(ctx context.Context, c *api.Client) (*clients, error) {
	client := c.HTTP("storage")
	client.Transport = inOrder{client.Transport}
	options := []option.ClientOption{
		option.WithHTTPClient(client), option.WithEndpoint(c.Root("storage", "") + "storage/v1/"), option.WithoutAuthentication(),
	}
	library, err := storage.NewClient(ctx, append(options, storage.WithDisabledClientMetrics())...)
	if err != nil {
		return nil, fmt.Errorf("make client of Cloud Storage: %w", err)
	}
	library.SetRetry(storage.WithPolicy(storage.RetryNever))
	service, err := raw.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("make client of Cloud Storage: %w", err)
	}
	return &clients{library, service}, nil
}

// inOrder asks for fields in one order. The library takes them out of a map, and
// requests that ask the same have to look the same on a recording.
type inOrder struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (o inOrder) RoundTrip(req *http.Request) (*http.Response, error) {
	query := req.URL.Query()
	if fields := query.Get("fields"); strings.Contains(fields, "items(acl,name)") {
		query.Set("fields", strings.Replace(fields, "items(acl,name)", "items(name,acl)", 1))
		req = req.Clone(req.Context())
		req.URL.RawQuery = query.Encode()
	}
	return o.next.RoundTrip(req)
}
