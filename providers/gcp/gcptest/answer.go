package gcptest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// answer is one HTTP response: a document, or the bytes that a fault made of it.
type answer struct {
	status      int
	contentType string
	header      map[string]string
	document    any
	body        []byte
}

func ok(document object) answer { return answer{status: http.StatusOK, document: document} }

// bytes renders the document with its keys in order.
func (a answer) bytes() []byte {
	if a.body != nil {
		return a.body
	}
	return render(a.document)
}

func render(document any) []byte { return append(loopback.Render(document), '\n') }

func (a answer) write(w http.ResponseWriter) {
	body := a.bytes()
	h := w.Header()
	// A clock reading would make every recording differ from the last.
	h["Date"] = nil
	h.Set("Server", "gcptest")
	h.Set("Content-Type", "application/json; charset=UTF-8")
	if a.contentType != "" {
		h.Set("Content-Type", a.contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	for key, value := range a.header {
		h.Set(key, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a client that left early loses nothing of ours
}

// legacy are the services whose refusals list errors, each with a reason, and
// their words for a caller who may not and for one who asks too often.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/status-codes,
// https://cloud.google.com/bigquery/docs/error-messages and
// https://cloud.google.com/compute/api-quota (403 rateLimitExceeded)
var legacy = map[string]struct {
	denied  string
	limited int // the status
}{
	"bigquery": {"accessDenied", http.StatusForbidden},
	"compute":  {"forbidden", http.StatusForbidden},
	"sqladmin": {"notAuthorized", http.StatusTooManyRequests},
	"storage":  {"forbidden", http.StatusTooManyRequests},
}

// fail refuses in the form of the service: by status in those that follow
// google.rpc.Status, and by reason in the older ones.
//
// Source: https://google.aip.dev/193
func (q *request) fail(code int, status, reason, format string, args ...any) answer {
	return q.refuse(code, status, reason, fmt.Sprintf(format, args...), "global")
}

func (q *request) refuse(code int, status, reason, message, domain string, details ...any) answer {
	body := object{"code": code, "message": message}
	if _, ok := legacy[q.service]; ok {
		body["errors"] = []any{object{"domain": domain, "reason": reason, "message": message}}
	} else {
		body["status"] = status
	}
	if len(details) > 0 {
		body["status"], body["details"] = status, details
	}
	return answer{status: code, document: object{"error": body}}
}

// errorInfo tells a refusal in words for programs.
//
// Source: https://cloud.google.com/apis/design/errors#error_info
func errorInfo(reason, domain string, metadata object) object {
	return object{
		"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata,
	}
}

// denied says that the caller may not: also of what does not exist, which Google
// keeps to itself.
func (q *request) denied() answer {
	permission, resource := q.permission(), "//"+q.service+googleHosts+"/"+q.subject
	message := fmt.Sprintf("Permission '%s' denied on resource '%s' (or it may not exist).", permission, resource)
	if reason, ok := legacy[q.service]; ok {
		return q.refuse(http.StatusForbidden, "", reason.denied, message, "global")
	}
	return q.refuse(http.StatusForbidden, "PERMISSION_DENIED", "", message, "",
		errorInfo("IAM_PERMISSION_DENIED", "iam.googleapis.com", object{"permission": permission, "resource": q.subject}))
}

// serviceDisabled names the project by its number, as Google does, also where it
// was asked about by its id. It is the one that was asked about, or the one that
// the call is counted for.
//
// Source: https://cloud.google.com/service-infrastructure/docs/service-management/reference/rpc/google.api#errorreason
func (q *request) serviceDisabled(in *project) answer {
	host, consumer := q.service+googleHosts, "projects/"+in.Number
	page := "https://console.developers.google.com/apis/api/" + host + "/overview?project=" + in.Number
	message := fmt.Sprintf("%s has not been used in project %s before or it is disabled. Enable it by visiting %s then retry. "+
		"If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.",
		host, in.Number, page)
	return q.refuse(http.StatusForbidden, "PERMISSION_DENIED", "accessNotConfigured", message, "usageLimits",
		object{
			"@type": "type.googleapis.com/google.rpc.Help",
			"links": []any{object{"description": "Google developers console API activation", "url": page}},
		},
		errorInfo("SERVICE_DISABLED", "googleapis.com", object{"service": host, "consumer": consumer}))
}

// outsidePerimeter is how VPC Service Controls refuse.
//
// Source: https://cloud.google.com/vpc-service-controls/docs/troubleshooting
func (q *request) outsidePerimeter() answer {
	id := loopback.Digest("perimeter", q.call, q.subject)[:48]
	message := "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: " + id
	metadata := object{"service": q.service + googleHosts, "uid": id}
	if q.project != nil {
		metadata["consumer"] = "projects/" + q.project.Number
	}
	return q.refuse(http.StatusForbidden, "PERMISSION_DENIED", "vpcServiceControls", message, "global",
		object{
			"@type":      "type.googleapis.com/google.rpc.PreconditionFailure",
			"violations": []any{object{"type": "VPC_SERVICE_CONTROLS", "description": id}},
		},
		errorInfo("SECURITY_POLICY_VIOLATED", "googleapis.com", metadata))
}

func (q *request) throttled() answer {
	status := http.StatusTooManyRequests
	if service, ok := legacy[q.service]; ok {
		status = service.limited
	}
	a := q.fail(status, "RESOURCE_EXHAUSTED", "rateLimitExceeded", "Quota exceeded for requests per minute.")
	a.header = map[string]string{"Retry-After": "1"}
	return a
}

func (q *request) broken() answer {
	return q.fail(http.StatusInternalServerError, "INTERNAL", "internalError", "Internal error encountered.")
}

func (q *request) missing() answer {
	return q.fail(http.StatusNotFound, "NOT_FOUND", "notFound", "Resource not found: %s.", q.subject)
}

func (q *request) invalid(format string, args ...any) answer {
	return q.fail(http.StatusBadRequest, "INVALID_ARGUMENT", "invalid", format, args...)
}

// permissionPrefixes are the services whose permissions begin with another word.
var permissionPrefixes = map[string]string{
	"bigtableadmin": "bigtable", "cloudresourcemanager": "resourcemanager", "sqladmin": "cloudsql",
}

// permissions are those that do not follow from the call's name.
var permissions = map[string]string{
	"accesscontextmanager:accessPolicies.list":       "accesscontextmanager.policies.list",
	"bigquery:datasets.list":                         "bigquery.datasets.get",
	"cloudresourcemanager:projects.getAncestry":      "resourcemanager.projects.get",
	"cloudresourcemanager:projects.search":           "resourcemanager.projects.get",
	"compute:disks.aggregatedList":                   "compute.disks.list",
	"compute:regionDisks.getIamPolicy":               "compute.disks.getIamPolicy",
	"iam:policies.get":                               "iam.denypolicies.get",
	"iam:policies.listPolicies":                      "iam.denypolicies.list",
	"orgpolicy:projects.policies.getEffectivePolicy": "orgpolicy.policy.get",
	"storage:projects.hmacKeys.list":                 "storage.hmacKeys.list",
}

func (q *request) permission() string {
	if p := permissions[q.call]; p != "" {
		return p
	}
	_, method, _ := strings.Cut(q.call, ":")
	parts := strings.Split(method, ".")
	prefix := q.service
	if other := permissionPrefixes[q.service]; other != "" {
		prefix = other
	}
	if n := len(parts); n >= 2 && q.known {
		return prefix + "." + parts[n-2] + "." + parts[n-1]
	}
	return prefix + ".unknown"
}

// etag and the numbers below are made of what they stand for: nothing is random,
// and nothing tells the time.
func etag(content any) string {
	sum := sha256.Sum256(render(content))
	return base64.StdEncoding.EncodeToString(sum[:8])
}

func number(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return strconv.FormatUint(binary.BigEndian.Uint64(sum[:8])>>2, 10)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
