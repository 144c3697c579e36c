// Package gcptape tells the conformance suite how Google Cloud speaks: how its
// services word a refusal, which words they may add to and where secrets could
// hide. Its own test runs the suite on every Google kind; a kind adds nothing but
// its recordings:
//
//	go test ./providers/gcp/gcptape -run TestKinds/pubsubtopic
//
// Worlds are those of package gcptest. They are recorded at Google's own host
// names, so that collectors take the endpoint for genuine, and with what guards
// an organisation. It is for tests: nothing that is shipped imports it.
package gcptape

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

// Dialect is Google Cloud's; see conformance.Dialect.
type Dialect struct{}

var _ conformance.Dialect = Dialect{}

// Now is when recordings are judged: expiries are before or after it.
var Now = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// Open returns the real provider on a transport, without this machine's
// configuration and without waiting between attempts.
func Open(ctx context.Context, transport http.RoundTripper) (collect.Provider, error) {
	return gcp.Open(ctx, gcp.Options{Options: api.Options{
		Transport: transport, Offline: true, Attempts: 3, Ancestors: true,
		Backoff: func(int) time.Duration { return 0 }, Now: func() time.Time { return Now },
	}})
}

// Serve implements conformance.Dialect.
func (Dialect) Serve(world []byte, page int) (http.RoundTripper, func(), error) {
	w, err := gcptest.Parse(world)
	if err != nil {
		return nil, nil, err
	}
	return gcptest.NewServer(w, gcptest.WithPageSize(page)).Serve()
}

// Identity implements conformance.Dialect.
func (Dialect) Identity() []string { return gcp.IdentityCalls() }

// jsonServices word their refusals as the first of Google's JSON interfaces did.
var jsonServices = []string{"storage", "bigquery", "compute", "sqladmin"}

// Refuse implements conformance.Dialect.
func (Dialect) Refuse(call collect.Call, why resource.Reason) []tape.Exchange {
	service, _, _ := strings.Cut(call.Name, ":")
	shape := modern
	if slices.Contains(jsonServices, service) {
		shape = older
	}
	var answers []tape.Exchange
	for _, r := range refusals[why] {
		answers = append(answers, tape.Exchange{
			Call: call, Status: r.status, Header: http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, Body: []byte(shape(r)),
		})
	}
	return answers
}

type refusal struct {
	status          int
	reason, message string
	word            string // the status of newer services
}

var refusals = map[resource.Reason][]refusal{
	resource.Denied: {
		{http.StatusForbidden, "forbidden", "The caller does not have permission", "PERMISSION_DENIED"},
	},
	resource.Throttled: {
		{http.StatusTooManyRequests, "rateLimitExceeded", "Quota exceeded for quota metric 'Read requests'.", "RESOURCE_EXHAUSTED"},
		{http.StatusForbidden, "rateLimitExceeded", "Exceeded rate limits.", "PERMISSION_DENIED"},
	},
	resource.Failed: {
		{http.StatusInternalServerError, "backendError", "Internal error encountered.", "INTERNAL"},
		{http.StatusForbidden, "SECURITY_POLICY_VIOLATED", "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: R", "PERMISSION_DENIED"},
	},
}

func older(r refusal) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"errors":[{"domain":"global","reason":%q,"message":%q}]}}`, r.status, r.message, r.reason, r.message)
}

func modern(r refusal) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":%q,"domain":"googleapis.com"}]}}`,
		r.status, r.message, r.word, r.reason)
}

// Bare implements conformance.Dialect: members that are empty are left out of
// Google's answers, so that a listing of nothing has nothing in it.
func (Dialect) Bare() []string {
	var calls []string
	for _, r := range api.Routes() {
		if strings.HasSuffix(r.Call, ".list") || strings.HasSuffix(r.Call, "List") || strings.HasSuffix(r.Call, ".listPolicies") || strings.HasSuffix(r.Call, ".search") {
			calls = append(calls, r.Call)
		}
	}
	return calls
}

// Documents implements conformance.Dialect: no answer carries a document as text.
func (Dialect) Documents(e tape.Exchange, _ func(string) string) (tape.Exchange, bool) {
	return e, false
}

// Plant implements conformance.Dialect: headers and members that no collector
// reads, and the passwords that owners of databases type into their settings.
func (Dialect) Plant(e tape.Exchange, secret string) []tape.Exchange {
	return []tape.Exchange{conformance.PlantJSON(e, secret, []string{"Authorization", "Set-Cookie", "X-Goog-Api-Key", "X-Goog-Meta-Token"}, map[string]any{
		"rootPassword": secret, "secret": secret, "privateKey": map[string]any{"data": secret},
	})}
}
