package account

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
)

// codes of AWS errors that andon tells apart; everything else is an error whose
// cause is reported as AWS gave it.
var (
	deniedCodes = []string{
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Unauthorized", "AuthFailure", "AllAccessDisabled",
		"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException", "OptInRequired", "ExpiredToken", "SignatureDoesNotMatch",
	}
	goneCodes = []string{"NoSuchBucket", "NoSuchAccessPoint", "NoSuchMultiRegionAccessPoint"}
	// strangerCodes are how services say that they do not know the credentials.
	strangerCodes    = []string{"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"}
	unsupportedCodes = []string{"NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "InvalidAction", "UnknownOperationException"}
)

// Code returns AWS's code of an error, or "".
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// stranger explains a region that does not know credentials which another just
// took: in opt-in Regions IAM data exists only once the Region is enabled, and
// session tokens of the global STS endpoint are valid only in Regions that are
// enabled by default.
// https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
const stranger = " (a region answers so if it is not enabled for the account, or if the session is from the global STS endpoint)"

// Refusal reads an error of the AWS SDK.
func Refusal(err error) collect.Refusal {
	r := collect.Refusal{Reason: resource.Failed, Code: Code(err), Call: failedCall(err)}
	r.Detail = detail(err)
	if slices.Contains(strangerCodes, r.Code) {
		r.Detail += stranger
	}
	_, throttling := retry.DefaultThrottleErrorCodes[r.Code]
	switch {
	case slices.Contains(goneCodes, r.Code):
		r.Gone = true
	case slices.Contains(deniedCodes, r.Code):
		r.Reason = resource.Denied
	case throttling || r.Code == "SlowDown" || status(err) == http.StatusTooManyRequests:
		r.Reason = resource.Throttled
	case slices.Contains(unsupportedCodes, r.Code) || noSuchHost(err):
		r.Reason = resource.Unsupported
	case status(err) == http.StatusForbidden:
		r.Reason = resource.Denied
	case isMalformed(err):
		r.Reason = resource.Malformed
	}
	return r
}

// Throttled reports whether an HTTP answer asks to slow down, as far as its
// head tells: S3 answers 503, the query and JSON services 400 with a code in
// the body, newer ones 429.
func Throttled(answer *http.Response) bool {
	if answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable {
		return true
	}
	return strings.Contains(answer.Header.Get("X-Amzn-Errortype"), "Throttl")
}

// noSuchHost reports that a service has no endpoint in a region: its name does
// not resolve although the region's other services answer.
func noSuchHost(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound
}

// isMalformed reports an answer that was read to its end and not understood.
func isMalformed(err error) bool {
	_, slow := errors.AsType[*collect.SlowError](err)
	_, ok := errors.AsType[*smithy.DeserializationError](err)
	return ok && !slow
}

func status(err error) int {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return r.HTTPStatusCode()
	}
	return 0
}

func failedCall(err error) string {
	if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		return CallName(op.Service(), op.Operation())
	}
	return ""
}

// maxDetail bounds, in bytes, what is kept of a message that a cloud wrote.
const maxDetail = 240

// detail is the shortest sentence that says what went wrong: AWS's own message
// where there is one, else the innermost cause.
func detail(err error) string {
	text := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		text = api.ErrorMessage()
	} else {
		text = plain(err).Error()
	}
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "…"
	}
	return text
}

// plain strips the SDK's wrapping ("operation error STS: …, exceeded maximum
// number of attempts, …, request id …") down to what a reader can act on.
func plain(err error) error {
	if unanswered, ok := errors.AsType[*collect.UnansweredError](err); ok {
		return unanswered
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return errors.New(api.ErrorCode() + ": " + api.ErrorMessage())
	}
	if slow, ok := errors.AsType[*collect.SlowError](err); ok {
		return slow
	}
	if send, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return send.Err
	}
	if d, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return d.Err
	}
	if c, ok := errors.AsType[*smithy.CanceledError](err); ok {
		return c.Err
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return response.Err
	}
	if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		return op.Err
	}
	return err
}
