package arm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
)

// CallError says which call an error belongs to, where a collector makes several.
type CallError struct {
	Call string
	// Subscription is the id of the subscription that was asked about, or "".
	Subscription string
	// Gone says that an answer of 404 means that the store is no longer there:
	// the call was about the store itself, which had been listed.
	Gone bool
	Err  error
}

// Error implements error.
func (e *CallError) Error() string { return e.Call + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// Failed names the call that an error belongs to, and the subscription that was
// asked about; nil stays nil.
func Failed(call, subscription string, err error) error {
	if err == nil {
		return nil
	}
	return &CallError{Call: call, Subscription: subscription, Err: err}
}

// FailedOf is Failed for a call about a store that was listed: where Azure says
// that there is no such thing, the store is gone.
func FailedOf(call, subscription string, err error) error {
	if err == nil {
		return nil
	}
	return &CallError{Call: call, Subscription: subscription, Gone: true, Err: err}
}

// Refusal reads an error of a call.
func (c *Client) Refusal(err error) collect.Refusal {
	r := collect.Refusal{Reason: resource.Failed, Detail: detail(err)}
	about, named := errors.AsType[*CallError](err)
	if named {
		r.Call = about.Call
	}
	if malformed(err) {
		r.Reason = resource.Malformed
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
	r.Code = code(answer)
	switch {
	case answer.StatusCode == http.StatusTooManyRequests || slices.Contains(limitedCodes, r.Code):
		r.Reason = resource.Throttled
	case unregistered(answer.StatusCode, r.Code):
		r.Reason = resource.Unsupported
	case answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusUnauthorized:
		r.Reason = resource.Denied
	case answer.StatusCode == http.StatusNotFound:
		r.Gone = named && about.Gone && slices.Contains(goneCodes, r.Code)
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

// goneCodes are how Azure says that a resource is not, or no longer, there.
// Others of the same status speak of subscriptions, types and versions; a bare
// NotFound may speak of anything, such as what a store that is there never had.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-not-found
var goneCodes = []string{"ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound"}

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
		return shortened(e.ErrorCode)
	}
	return fmt.Sprintf("HTTP %d", e.StatusCode)
}

func malformed(err error) bool {
	if _, ok := errors.AsType[*collect.MalformedError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// maxDetail bounds, in bytes, what is kept of a message that a cloud wrote.
const maxDetail = 240

// shortened puts hostile text on one line of bounded length.
func shortened(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "�")), " ")
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

// detail is the shortest sentence that says what went wrong: Azure's own message
// where there is one, else the innermost cause.
func detail(err error) string {
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return shortened(plain(err).Error())
	}
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if answer.RawResponse != nil {
		// A refusal may come in any form; what cannot be read has no message in it.
		text, _ := runtime.Payload(answer.RawResponse)
		_ = json.Unmarshal(text, &body)
	}
	if body.Error.Message != "" {
		return shortened(body.Error.Message)
	}
	return "HTTP status " + http.StatusText(answer.StatusCode)
}

// plain strips wrapping down to what a reader can act on, and addresses that
// only this program understands.
func plain(err error) error {
	if unanswered, ok := errors.AsType[*collect.UnansweredError](err); ok {
		return unanswered
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		if u.Timeout() {
			return fmt.Errorf("no full answer within %v", collect.AttemptLimit)
		}
		return plain(u.Err)
	}
	if c, ok := errors.AsType[*CallError](err); ok {
		return plain(c.Err)
	}
	if m, ok := errors.AsType[*collect.MalformedError](err); ok {
		return m.Err
	}
	return err
}
