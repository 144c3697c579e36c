package arm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

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
		return id.quotedIn(message)
	}
	return false
}

// quoted is something between quotation marks.
var quoted = regexp.MustCompile(`'[^']*'|"[^"]*"`)

// quotedIn reports whether a message quotes the store, by its name, its type and
// name or its id, and nothing that is in it.
func (id ID) quotedIn(message string) bool {
	name, typed, whole := Key(id.Name()), Key(id.Type+"/"+id.Name()), Key(id.String())
	found := false
	for _, text := range quoted.FindAllString(message, -1) {
		switch text = Key(text[1 : len(text)-1]); {
		case slices.Contains([]string{name, typed, whole}, text):
			found = true
		case strings.HasPrefix(text, name+"/"), strings.HasPrefix(text, Key(id.Type)+"/"), strings.HasPrefix(text, whole+"/"):
			return false
		}
	}
	return found
}

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
