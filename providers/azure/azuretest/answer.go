package azuretest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// answer is what goes over the wire.
type answer struct {
	status      int
	document    any
	body        []byte // in place of the document
	contentType string
	header      map[string]string
}

func ok(document any) answer { return answer{status: http.StatusOK, document: document} }

func (a answer) bytes() []byte {
	if a.body != nil {
		return a.body
	}
	return loopback.Render(a.document)
}

func (a answer) write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	if a.contentType != "" {
		header.Set("Content-Type", a.contentType)
	}
	header.Set("Date", "Thu, 02 Jan 2020 03:04:05 GMT")
	for name, text := range a.header {
		header.Set(name, text)
	}
	body := a.bytes()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // whoever does not listen any more has no use for it
}

// refuse words an error as Resource Manager does.
//
// Source: https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors
func (q *request) refuse(status int, code, format string, args ...any) answer {
	return answer{
		status: status, document: object{"error": object{"code": code, "message": fmt.Sprintf(format, args...)}},
		header: map[string]string{"X-Ms-Request-Id": loopback.Digest(q.call, q.path)[:32]},
	}
}

// unsigned is how Resource Manager refuses who shows no token.
func (q *request) unsigned() answer {
	a := q.refuse(http.StatusUnauthorized, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
	a.header["Www-Authenticate"] = `Bearer authorization_uri="https://` + q.host + "/" + q.world.tenant.ID + `", error="invalid_token", error_description="The authentication failed because of missing 'Authorization' header."`
	return a
}

// denied is how Resource Manager refuses who may not.
//
// Source: https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
func (q *request) denied() answer {
	return q.refuse(http.StatusForbidden, "AuthorizationFailed",
		"The client 'andon@example.com' with object id '00000000-0000-0000-0000-00000000000a' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. "+
			"If access was recently granted, please refresh your credentials.", q.action(), q.scope())
}

// action is what the caller is missing, as Azure names it: the types of what is
// asked for.
func (q *request) action() string {
	s := q.segments()
	for i, segment := range s {
		if !strings.EqualFold(segment, "providers") || i+1 >= len(s) {
			continue
		}
		action := s[i+1]
		for t := i + 2; t < len(s); t += 2 {
			action += "/" + s[t]
		}
		return action + "/read"
	}
	return "Microsoft.Resources/subscriptions/read"
}

func (q *request) scope() string {
	if q.subscription != nil && len(q.segments()) == 5 {
		return "/subscriptions/" + q.subscription.ID
	}
	return q.path
}

// throttled is how Resource Manager asks to slow down.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
func (q *request) throttled(seconds int) answer {
	a := q.refuse(http.StatusTooManyRequests, "TooManyRequests", "The request is being throttled as the limit has been reached for operation type - Read_ObservationWindow_00:05:00. For more information, see - https://aka.ms/srpthrottlinglimits")
	a.header["Retry-After"] = strconv.Itoa(max(seconds, 1))
	return a
}

func (q *request) broken() answer {
	return q.refuse(http.StatusInternalServerError, "InternalServerError", "Encountered internal server error.")
}

func (q *request) missing() answer {
	s := q.segments()
	group := ""
	if len(s) > 3 {
		group = s[3]
	}
	return q.refuse(http.StatusNotFound, "ResourceNotFound",
		"The Resource '%s' under resource group '%s' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix", strings.TrimSuffix(q.action(), "/read")+"/"+last(q.path), group)
}

func (q *request) unknown() answer {
	return q.refuse(http.StatusNotFound, "InvalidResourceType", "The resource type could not be found in the namespace of '%s'.", q.path)
}

// unregisteredAnswer is how Resource Manager answers a subscription that never
// used a service.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
func (q *request) unregisteredAnswer(namespace string) answer {
	return q.refuse(http.StatusConflict, "MissingSubscriptionRegistration",
		"The subscription is not registered to use namespace '%s'. See https://aka.ms/rps-not-found for how to register subscriptions.", namespace)
}

// namespace is the service that is asked.
func (q *request) namespace() string {
	namespace, _, _ := strings.Cut(q.action(), "/")
	return namespace
}
