// Package azuretape tells the conformance suite how Azure speaks: how Resource
// Manager words a refusal, which words it may add to and where secrets could
// hide. Its own test runs the suite on every Azure kind; a kind adds nothing but
// its recordings:
//
//	go test ./providers/azure/azuretape -run TestKinds/storageaccount
//
// Worlds are those of package azuretest. They are recorded at Microsoft's own
// host names, so that collectors take the endpoint for genuine. It is for tests:
// nothing that is shipped imports it.
package azuretape

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// Dialect is Azure's; see conformance.Dialect.
type Dialect struct{}

var _ conformance.Dialect = Dialect{}

// Now is when recordings are judged: expiries are before or after it.
var Now = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// Open returns the real provider on a transport, without this machine's
// configuration and without waiting between attempts.
func Open(ctx context.Context, transport http.RoundTripper) (collect.Provider, error) {
	return azure.Open(ctx, azure.Options{Options: arm.Options{
		Transport: transport, Offline: true, Attempts: 3,
		Backoff: func(int) time.Duration { return 0 }, Now: func() time.Time { return Now },
	}})
}

// Serve implements conformance.Dialect.
func (Dialect) Serve(world []byte, page int) (http.RoundTripper, func(), error) {
	w, err := azuretest.Parse(world)
	if err != nil {
		return nil, nil, err
	}
	return azuretest.NewServer(w, azuretest.WithPageSize(page)).Serve()
}

// Identity implements conformance.Dialect.
func (Dialect) Identity() []string { return azure.IdentityCalls() }

// Refuse implements conformance.Dialect.
func (Dialect) Refuse(call collect.Call, why resource.Reason) []tape.Exchange {
	var answers []tape.Exchange
	for _, r := range refusals[why] {
		answers = append(answers, tape.Exchange{
			Call: call, Status: r.status, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
			Body: fmt.Appendf(nil, `{"error":{"code":%q,"message":%q}}`, r.code, r.message),
		})
	}
	return answers
}

type refusal struct {
	status        int
	code, message string
}

var refusals = map[resource.Reason][]refusal{
	resource.Denied: {
		{http.StatusForbidden, "AuthorizationFailed", "The client does not have authorization to perform action over scope or the scope is invalid."},
		{http.StatusUnauthorized, "InvalidAuthenticationToken", "The access token is invalid."},
	},
	resource.Throttled: {
		{http.StatusTooManyRequests, "TooManyRequests", "The request is being throttled as the limit has been reached for operation type - List."},
		{http.StatusTooManyRequests, "SubscriptionRequestsThrottled", "Number of requests for subscription exceeded the limit."},
	},
	resource.Failed: {{http.StatusInternalServerError, "InternalServerError", "Encountered internal server error."}},
}

// Bare implements conformance.Dialect: a listing of nothing says so.
func (Dialect) Bare() []string { return nil }

// Documents implements conformance.Dialect: no answer carries a document as text.
func (Dialect) Documents(e tape.Exchange, _ func(string) string) (tape.Exchange, bool) {
	return e, false
}

// Plant implements conformance.Dialect: headers and members that no collector
// reads, such as the keys and passwords that owners type into their settings.
func (Dialect) Plant(e tape.Exchange, secret string) []tape.Exchange {
	return []tape.Exchange{conformance.PlantJSON(e, secret, []string{"Authorization", "Set-Cookie", "X-Ms-Encryption-Key", "X-Ms-Correlation-Request-Id"}, map[string]any{
		"administratorLoginPassword": secret, "primaryKey": secret, "accessKeys": map[string]any{"secondaryKey": secret},
		"connectionString": secret, "accessSAS": secret,
	})}
}
