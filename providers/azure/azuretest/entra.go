package azuretest

import (
	"net/http"
	"strings"
)

// entra reads a request to Microsoft Entra, and reports whether it is one.
//
// Source: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc and
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func (q *request) entra() bool {
	switch {
	case q.method == http.MethodGet && strings.HasSuffix(q.path, "/.well-known/openid-configuration"):
		q.call, q.reader = openIDCall, (*request).openID
	case q.method == http.MethodGet && strings.HasSuffix(q.path, "/discovery/instance"):
		q.call, q.reader = instanceCall, (*request).instance
	case q.method == http.MethodPost && strings.HasSuffix(q.path, "/oauth2/v2.0/token"):
		q.call, q.reader = tokenCall, (*request).grant
	}
	return q.reader != nil
}

// tenantRoot is where the endpoints of the tenant that was asked for are.
func (q *request) tenantRoot() string { return "https://" + q.host + "/" + q.segments()[0] }

func (q *request) openID() answer {
	root := q.tenantRoot()
	return ok(object{
		"issuer": root + "/v2.0", "authorization_endpoint": root + "/oauth2/v2.0/authorize", "token_endpoint": root + "/oauth2/v2.0/token",
		"jwks_uri": root + "/discovery/v2.0/keys",
	})
}

func (q *request) instance() answer {
	return ok(object{
		"tenant_discovery_endpoint": "https://" + q.host + "/" + q.world.tenant.ID + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  []any{object{"preferred_network": q.host, "preferred_cache": q.host, "aliases": []any{q.host}}},
	})
}

// grant gives a token to everybody. It opens nothing but this server.
func (q *request) grant() answer {
	return ok(object{"token_type": "Bearer", "expires_in": 86399, "ext_expires_in": 86399, "access_token": "loopback"})
}

// noToken is how Microsoft Entra refuses a client.
//
// Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func (q *request) noToken() answer {
	return answer{status: http.StatusUnauthorized, document: object{
		"error":             "invalid_client",
		"error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: 0 Correlation ID: 0 Timestamp: 2020-01-02 03:04:05Z",
		"error_codes":       []any{7000215},
	}}
}
