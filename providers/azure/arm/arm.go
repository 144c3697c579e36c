// Package arm is how every collector of this provider reaches Azure Resource
// Manager: one identity, one transport. Requests are named by the route they take
// (routes.tsv: method, path and api-version), so that a call cannot pass for
// another; what is in no route never leaves, and so nothing can be written.
// Throttled and failed answers are tried again, listings are followed to their
// end and never to another host, and custom endpoints are honoured.
package arm

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

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azarm "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/andon-audit/andon/providers/internal/restapi"
)

// Options say how Azure is reached.
type Options struct {
	// Cloud is "public" (also ""), "usgov" or "china": where Resource Manager and
	// Microsoft Entra are, and whom tokens are for.
	Cloud string
	// Endpoint is a custom root of Resource Manager, https://127.0.0.1:9000 or the
	// one of an Azure Stack. Empty means the cloud's own.
	Endpoint string
	// Audience is whom tokens for a custom endpoint are for, where that is not the
	// cloud's own.
	Audience string
	// Authority is a custom root of Microsoft Entra; it has to be https. Empty
	// means the cloud's own.
	Authority string
	// TenantID is where developer tools and workload identities sign in; empty
	// leaves that to them.
	TenantID string
	// DisableInstanceDiscovery asks an authority for tokens without asking
	// Microsoft first whether it is one: for private clouds, which Microsoft does
	// not know.
	DisableInstanceDiscovery bool
	// Transport carries the requests. It is given a named call with each (see
	// collect.CallOf) and decides what may leave.
	Transport http.RoundTripper
	// Tokens carries the requests to Microsoft Entra; nil means Go's own transport.
	Tokens http.RoundTripper
	// Offline uses no credentials and reads no configuration of this machine:
	// for recordings and loopback servers.
	Offline bool
	// Custom says that the answers do not come from Microsoft: for recordings,
	// which cannot tell by themselves.
	Custom bool
	// Attempts is how often a throttled or failed call is tried; 0 means 7.
	Attempts int
	// Backoff waits before a retry, attempt counting from 1; nil means what the
	// answer asks for, if that is no more than 5 minutes, or else exponential
	// backoff. A call that got no answer is tried again at once where it is given.
	Backoff func(attempt int) time.Duration
	// Now tells the time, against which expiries are judged; nil means the clock.
	Now func() time.Time
}

// Client is Azure Resource Manager, reached with one identity.
type Client struct {
	// Custom reports that an endpoint is not Microsoft's, for which Microsoft's
	// documentation promises nothing.
	Custom bool

	now           func() time.Time
	root          *url.URL // its path ends in '/'
	arm           *azarm.Client
	shared        sync.Map
	subscriptions sync.Map // Subscription, by id in lower case
}

// Open finds credentials, and asks for one token. Its errors say what to do next.
func Open(ctx context.Context, o Options) (*Client, error) {
	place, err := o.place()
	if err != nil {
		return nil, err
	}
	root, err := restapi.Root(place.Services[cloud.ResourceManager].Endpoint, "https")
	if err != nil {
		return nil, fmt.Errorf("read the endpoint of Azure Resource Manager: %w", err)
	}
	c := &Client{Custom: o.Custom || o.Endpoint != "" || o.Authority != "", now: o.Now, root: root}
	if c.now == nil {
		c.now = time.Now //nolint:forbidigo // the one place where it enters; recordings are judged at a time of their own
	}
	credential, err := o.credential(ctx, place, root)
	if err != nil {
		return nil, err
	}
	c.arm, err = azarm.NewClient("andon", "v0.0.0", credential, &azarm.ClientOptions{
		// The SDK registers resource providers where it is not told not to: a write.
		DisableRPRegistration: true,
		ClientOptions: policy.ClientOptions{
			Cloud: place, Retry: o.retry(), Transport: c.transport(o),
			PerCallPolicies: append(o.counting(), c.lanes()), PerRetryPolicies: o.waiting(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return c, nil
}

// clouds are Microsoft's, by the names that flags use.
var clouds = map[string]cloud.Configuration{
	"": cloud.AzurePublic, "public": cloud.AzurePublic, "usgov": cloud.AzureGovernment, "china": cloud.AzureChina,
}

// Clouds returns the names of the clouds.
func Clouds() []string { return []string{"public", "usgov", "china"} }

// place is the cloud with the custom endpoints in it.
func (o Options) place() (cloud.Configuration, error) {
	known, ok := clouds[o.Cloud]
	if !ok {
		return cloud.Configuration{}, fmt.Errorf("find cloud %q: Azure has %s", o.Cloud, strings.Join(Clouds(), ", "))
	}
	own := known.Services[cloud.ResourceManager]
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: cmp.Or(o.Authority, known.ActiveDirectoryAuthorityHost),
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {
			Audience: strings.TrimSuffix(cmp.Or(o.Audience, own.Audience), "/"),
			Endpoint: cmp.Or(o.Endpoint, own.Endpoint),
		}},
	}, nil
}

// Environment fills in what this machine's environment says of Microsoft Entra
// and no option does: AZURE_AUTHORITY_HOST, as every client library of Azure
// reads it.
//
// Source: https://learn.microsoft.com/azure/developer/go/sdk/authentication/authentication-overview
func Environment(o Options) Options {
	if o.Cloud == "" && o.Authority == "" {
		o.Authority = os.Getenv("AZURE_AUTHORITY_HOST")
	}
	for _, c := range clouds {
		if strings.TrimSuffix(o.Authority, "/") == strings.TrimSuffix(c.ActiveDirectoryAuthorityHost, "/") && o.Endpoint == "" {
			o.Cloud, o.Authority = nameOf(c), ""
		}
	}
	return o
}

func nameOf(c cloud.Configuration) string {
	for _, name := range Clouds() {
		if clouds[name].ActiveDirectoryAuthorityHost == c.ActiveDirectoryAuthorityHost {
			return name
		}
	}
	return ""
}

// Now is the time against which expiries are judged.
func (c *Client) Now() time.Time { return c.now() }

// Shared returns the value that all collectors hold in common under a key,
// making it the first time: a fact that is asked for once.
func Shared[T any](c *Client, key string, make func() *T) *T {
	return restapi.Shared(&c.shared, key, make)
}

// Subscription is what Resource Manager says of one.
type Subscription struct {
	// ID is a UUID in lower case, Tenant that of the tenant that it trusts, or "".
	ID, Name, Tenant string
}

// Know remembers a subscription of this audit.
func (c *Client) Know(s Subscription) {
	s.ID, s.Tenant = strings.ToLower(s.ID), strings.ToLower(s.Tenant)
	c.subscriptions.Store(s.ID, s)
}

// Subscription returns a subscription of this audit, by its id.
func (c *Client) Subscription(id string) (s Subscription, audited bool) {
	found, audited := c.subscriptions.Load(strings.ToLower(id))
	s, _ = found.(Subscription)
	return s, audited
}

// OwnTenant reports whether a tenant is the one of a subscription: known is false
// where nobody said which that is.
func (c *Client) OwnTenant(subscription, tenant string) (own, known bool) {
	s, _ := c.Subscription(subscription)
	return s.Tenant != "" && strings.EqualFold(s.Tenant, tenant), s.Tenant != ""
}

// Own reports whether a subscription belongs to the owner of a store: it is the
// store's own, or one of this audit in the same tenant. Known is false where that
// cannot be told.
func (c *Client) Own(store, subscription string) (own, known bool) {
	if strings.EqualFold(store, subscription) {
		return true, true
	}
	other, audited := c.Subscription(subscription)
	if !audited || other.Tenant == "" {
		return false, false
	}
	return c.OwnTenant(store, other.Tenant)
}

var _ azcore.TokenCredential = offline{}
