package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

// CallError says which call an error belongs to, where a collector makes several.
type CallError = restapi.CallError

// Failed names the call that an error belongs to, and the project that was asked
// about; nil stays nil.
func Failed(call, project string, err error) error { return restapi.Failed(call, project, err) }

// FailedOf is Failed for a call about a store that was listed: where Google says
// that there is no such thing, the store is gone.
func FailedOf(call, project string, err error) error { return restapi.FailedOf(call, project, err) }

// Refusal reads an error of a call.
func (c *Client) Refusal(err error) collect.Refusal {
	r, about := restapi.Refusal(err)
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok || r.Reason == resource.Malformed {
		return r
	}
	r.Code, r.Detail = code(answer), restapi.Detail(answer.Message, answer.Code)
	switch {
	case slices.Contains(limitedReasons, r.Code) || answer.Code == http.StatusTooManyRequests:
		r.Reason = resource.Throttled
	case disabled(r.Code):
		r.Reason = resource.Denied
		if c.consumes(about.Account, answer) {
			r.Reason = resource.Unsupported
		}
	case perimeter(r.Code, answer.Message):
		// No permission would help: the request comes from outside a perimeter.
	case answer.Code == http.StatusForbidden || answer.Code == http.StatusUnauthorized:
		r.Reason = resource.Denied
	case answer.Code == http.StatusNotFound:
		r.Gone = about.Gone
	case answer.Code == http.StatusNotImplemented:
		r.Reason = resource.Unsupported
	}
	return r
}

// Status returns the HTTP status of an error, or 0.
func Status(err error) int {
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return answer.Code
	}
	return 0
}

// disabled reports whether a code says that a service is not enabled.
//
// Source: https://cloud.google.com/service-infrastructure/docs/service-management/reference/rpc/google.api#errorreason
// (SERVICE_DISABLED), and the older accessNotConfigured of the JSON services.
func disabled(code string) bool { return code == "SERVICE_DISABLED" || code == "accessNotConfigured" }

// consumes reports whether the project that a service is not enabled in is the
// one that was asked about. Otherwise it is the one that the call is counted
// for, and the project that was asked about may hold stores all the same.
func (c *Client) consumes(project string, e *googleapi.Error) bool {
	if project == "" {
		return false
	}
	consumer := consumerOf(e)
	number, known := c.numbers.Load(project)
	return consumer == project || known && consumer == number
}

// projectIn finds "in project 123" in the message of an older refusal.
var projectIn = regexp.MustCompile(`in project (\S+) before|of project (\S+) `)

func consumerOf(e *googleapi.Error) string {
	var body struct {
		Error struct {
			Details []struct {
				Metadata map[string]string `json:"metadata"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal([]byte(e.Body), &body) // as in code
	for _, d := range body.Error.Details {
		if consumer := d.Metadata["consumer"]; consumer != "" {
			return strings.TrimPrefix(consumer, "projects/")
		}
	}
	found := projectIn.FindStringSubmatch(e.Message)
	if found == nil {
		return ""
	}
	return found[1] + found[2]
}

// Know remembers a project of this audit and its number, which is how Google names
// it in refusals and perimeters.
func (c *Client) Know(project, number string) {
	c.numbers.Store(project, number)
	c.ids.Store(project, project)
	if number != "" {
		c.ids.Store(number, project)
	}
}

// ID returns the id of a project of this audit, given its id or its number.
func (c *Client) ID(project string) (id string, audited bool) {
	found, audited := c.ids.Load(project)
	id, _ = found.(string)
	return id, audited
}

// Number returns the number of a project that is known, or "".
func (c *Client) Number(project string) string {
	number, _ := c.numbers.Load(project)
	text, _ := number.(string)
	return text
}

// perimeter reports whether a request was refused since it comes from outside a
// VPC Service Controls perimeter.
//
// Source: https://cloud.google.com/vpc-service-controls/docs/troubleshooting
func perimeter(code, message string) bool {
	return code == "SECURITY_POLICY_VIOLATED" || code == "vpcServiceControls" || strings.Contains(message, "vpcServiceControlsUniqueIdentifier")
}

// code is Google's own word for a refusal: the most telling there is.
func code(e *googleapi.Error) string {
	var body struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Reason string `json:"reason"`
			} `json:"details"`
		} `json:"error"`
	}
	// A refusal may come in any form; what cannot be read has no code in it.
	_ = json.Unmarshal([]byte(e.Body), &body)
	for _, d := range body.Error.Details {
		if d.Reason != "" {
			return d.Reason
		}
	}
	for _, item := range e.Errors {
		if item.Reason != "" {
			return item.Reason
		}
	}
	if body.Error.Status != "" {
		return body.Error.Status
	}
	return fmt.Sprintf("HTTP %d", e.Code)
}
