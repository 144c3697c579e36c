package arm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

// credential finds who andon is on this machine, and makes sure that there is a
// token. Without TLS no token is ever sent: an emulator that answers so would
// show it to everybody on the way.
func (o Options) credential(ctx context.Context, place cloud.Configuration, root *url.URL) (azcore.TokenCredential, error) {
	switch {
	case root.Scheme == "http":
		return nil, nil //nolint:nilnil // the SDK's way to send no token
	case o.Offline:
		return offline{}, nil
	}
	if u, err := url.Parse(place.ActiveDirectoryAuthorityHost); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("read the authority of Microsoft Entra: %q is not a URL with https and a host", place.ActiveDirectoryAuthorityHost)
	}
	watched := &watch{next: o.Tokens}
	if watched.next == nil {
		watched.next = http.DefaultTransport
	}
	found, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: policy.ClientOptions{
			Cloud: place, Retry: o.tokenRetry(), Transport: &http.Client{Transport: watched, Timeout: collect.AttemptLimit},
		},
		DisableInstanceDiscovery: o.DisableInstanceDiscovery, TenantID: o.TenantID,
	})
	if err == nil {
		_, err = found.GetToken(ctx, policy.TokenRequestOptions{
			EnableCAE: true, Scopes: []string{place.Services[cloud.ResourceManager].Audience + "/.default"},
		})
	}
	if err != nil {
		return nil, fmt.Errorf("find Azure credentials: %w", watched.explain(ctx, err))
	}
	return found, nil
}

// tokenRetry tries a token endpoint less patiently than Resource Manager: nobody
// can do anything before it answers.
func (o Options) tokenRetry() policy.RetryOptions {
	retry := policy.RetryOptions{MaxRetries: 2}
	if o.Backoff != nil {
		retry.RetryDelay = atOnce
	}
	return retry
}

// offline is the identity of recordings, which nobody asks for a token.
type offline struct{}

// GetToken implements azcore.TokenCredential.
func (offline) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "offline", ExpiresOn: time.Date(9999, time.January, 1, 0, 0, 0, 0, time.UTC)}, nil
}

// watch remembers how a token endpoint failed to answer: the SDK keeps only the
// words.
type watch struct {
	next http.RoundTripper

	mu   sync.Mutex
	host string
	err  error
}

// RoundTrip implements http.RoundTripper. The metadata service of virtual
// machines, which is not reached by https, is asked by everybody and rarely there.
func (w *watch) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(req)
	if req.URL.Scheme == "https" {
		w.mu.Lock()
		w.host, w.err = req.URL.Host, err
		w.mu.Unlock()
	}
	return answer, err
}

// howTo says how to sign in.
const howTo = "run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"

// explain makes one sentence of what the SDK tells on a page.
func (w *watch) explain(ctx context.Context, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch failed, refused := errors.AsType[*azidentity.AuthenticationFailedError](err); {
	case ctx.Err() != nil:
		return ctx.Err()
	case w.err != nil:
		return fmt.Errorf("the token endpoint %s does not answer: %w", w.host, restapi.Plain(w.err))
	case refused && failed.RawResponse != nil:
		return fmt.Errorf("%s (%s)", described(failed.RawResponse), howTo)
	case refused:
		return fmt.Errorf("%s (%s)", restapi.Line(lastLine(err.Error())), howTo)
	default:
		return fmt.Errorf("nothing on this machine gives a token (%s)", howTo)
	}
}

// described is what Microsoft Entra says of a refusal, without the numbers of its
// own records.
//
// Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func described(answer *http.Response) string {
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	text, err := runtime.Payload(answer)
	if err != nil || json.Unmarshal(text, &body) != nil || body.Description == "" {
		return tokenSource(answer.Request) + " answers " + answer.Status
	}
	first, _, _ := strings.Cut(body.Description, "\n")
	first, _, _ = strings.Cut(first, " Trace ID:")
	return restapi.Line(strings.TrimSpace(first))
}

// tokenSource names who was asked for a token: the metadata service of a virtual
// machine is the one that is not reached by https.
func tokenSource(req *http.Request) string {
	switch {
	case req == nil || req.URL == nil:
		return "the token endpoint"
	case req.URL.Scheme == "http":
		return "the metadata service " + req.URL.Host
	default:
		return "the token endpoint " + req.URL.Host
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
