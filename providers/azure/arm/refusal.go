package arm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

// Failed names the call that an error belongs to, and the subscription that was
// asked about; nil stays nil.
func Failed(call, subscription string, err error) error {
	return restapi.Failed(call, subscription, err)
}

// storeError says which store, one that was listed, an error is about.
type storeError struct {
	store ID
	error
}

// Unwrap returns the cause.
func (e *storeError) Unwrap() error { return e.error }

// FailedOf is Failed for a call about a store that was listed, or about what is in
// it: where Azure says that there is no such store, it is gone.
func FailedOf(call string, store ID, err error) error {
	if err == nil {
		return nil
	}
	return &storeError{store, restapi.Failed(call, store.Subscription, err)}
}

// Refusal reads an error of a call.
func (c *Client) Refusal(err error) collect.Refusal {
	r, _ := restapi.Refusal(err)
	if r.Reason == resource.Malformed {
		return r
	}
	if _, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		r.Reason, r.Code = resource.Denied, "AuthenticationFailed"
		return r
	}
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return r
	}
	r.Code, r.Detail = code(answer), restapi.Detail(message(answer), answer.StatusCode)
	switch {
	case answer.StatusCode == http.StatusTooManyRequests || slices.Contains(limitedCodes, r.Code):
		r.Reason = resource.Throttled
	case unregistered(answer.StatusCode, r.Code):
		r.Reason = resource.Unsupported
	case answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized:
		r.Reason = resource.Denied
	case answer.StatusCode == http.StatusNotFound:
		about, listed := errors.AsType[*storeError](err)
		r.Gone = listed && about.store.gone(r.Code, message(answer))
	case answer.StatusCode == http.StatusNotImplemented:
		r.Reason = resource.Unsupported
	}
	return r
}

// Status returns the HTTP status of an error, or 0.
func Status(err error) int {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return answer.StatusCode
	}
	return 0
}

// Code returns Azure's own word for a refusal, or "".
func Code(err error) string {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return code(answer)
	}
	return ""
}

// limitedCodes are how Azure says that it was asked too often.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
var limitedCodes = []string{"TooManyRequests", "SubscriptionRequestsThrottled", "ResourceRequestsThrottled", "TenantRequestsThrottled"}

// gone reports whether an answer of 404 says that the store is no longer there.
// ResourceNotFound and ParentResourceNotFound quote what is missing: that is the
// store, or else something in it or beside it, which a store that is there may
// never have had. With its resource group, the store is gone. Other codes speak of
// subscriptions, types and versions, and a bare NotFound may speak of anything.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found
// and https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-parent-resource
func (id ID) gone(code, message string) bool {
	switch code {
	case "ResourceGroupNotFound":
		return true
	case "ResourceNotFound", "ParentResourceNotFound":
		return id.missing(message)
	}
	return false
}

// missing reports whether a message says of the store that it was not found: in the
// words of Resource Manager, or in those of Microsoft.Sql and the services that are
// made like it. To quote the store for something else that is missing says nothing.
//
// Source: https://github.com/Azure/azure-powershell (src/Sql/Sql.Test/ScenarioTests)
func (id ID) missing(message string) bool {
	found := notFound.FindStringSubmatch(message)
	if found == nil {
		return false
	}
	what, kind, name := found[1]+found[2], found[3], found[4]
	return Is(what, id.Name(), id.Type+"/"+id.Name(), id.String()) || Is(kind, id.Type) && Is(name, id.Name())
}

var notFound = regexp.MustCompile(
	`(?i)^The Resource '([^']+)' under resource group|Parent resource '([^']+)' (?:could )?not|^The requested resource of type '([^']+)' with name '([^']+)' was not found`)

// unregistered reports whether a refusal says that the subscription has never
// used the service, or has turned it off, which it can only do when nothing of it
// is left. An api-version that a cloud does not know says nothing of the kind.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types#unregister-resource-provider
// and https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
func unregistered(status int, code string) bool {
	return status == http.StatusConflict && code == "MissingSubscriptionRegistration"
}

// code is Azure's own word for a refusal.
func code(e *azcore.ResponseError) string {
	if plainWord(e.ErrorCode) && e.ErrorCode != "" {
		return restapi.Line(e.ErrorCode)
	}
	return fmt.Sprintf("HTTP %d", e.StatusCode)
}

// message is Azure's own sentence on a refusal, or "".
func message(e *azcore.ResponseError) string {
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if e.RawResponse != nil {
		// A refusal may come in any form; what cannot be read has no message in it.
		text, _ := runtime.Payload(e.RawResponse)
		_ = json.Unmarshal(text, &body)
	}
	return body.Error.Message
}
