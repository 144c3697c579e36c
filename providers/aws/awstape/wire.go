package awstape

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
)

// Refuse implements conformance.Dialect.
func (Dialect) Refuse(call collect.Call, why resource.Reason) []tape.Exchange {
	spoken := protocolOf(call)
	var answers []tape.Exchange
	for _, r := range refusals[spoken][why] {
		answers = append(answers, tape.Exchange{
			Call: call, Status: r.status, Header: http.Header{"Content-Type": {contentTypes[spoken]}},
			Body: fmt.Appendf(nil, shapes[spoken], r.code, r.message),
		})
	}
	return answers
}

// protocol is how a family of services words its errors.
type protocol string

const (
	restXML    protocol = "s3"
	wrappedXML protocol = "s3control"
	queryXML   protocol = "query"
	ec2XML     protocol = "ec2"
	plainJSON  protocol = "json"
	pathJSON   protocol = "rest-json"
)

// protocols are the protocols of the services that speak none of the JSON ones.
var protocols = map[string]protocol{
	"s3": restXML, "s3control": wrappedXML, "ec2": ec2XML,
	"sts": queryXML, "rds": queryXML, "redshift": queryXML, "sns": queryXML,
	"opensearch": pathJSON, "efs": pathJSON, "backup": pathJSON, "glacier": pathJSON,
}

func protocolOf(call collect.Call) protocol {
	service, _, _ := strings.Cut(call.Name, ":")
	return cmp.Or(protocols[service], plainJSON)
}

var shapes = map[protocol]string{
	restXML:    `<?xml version="1.0" encoding="UTF-8"?>` + "\n<Error><Code>%s</Code><Message>%s</Message><RequestId>R</RequestId><HostId>H</HostId></Error>",
	wrappedXML: `<?xml version="1.0" encoding="UTF-8"?>` + "\n<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error><RequestId>R</RequestId></ErrorResponse>",
	queryXML:   `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>R</RequestId></ErrorResponse>`,
	ec2XML:     `<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>R</RequestID></Response>`,
	plainJSON:  `{"__type":%q,"Message":%q}`,
	pathJSON:   `{"code":%q,"message":%q}`,
}

var contentTypes = map[protocol]string{
	restXML: "application/xml", wrappedXML: "application/xml", queryXML: "text/xml", ec2XML: "text/xml", plainJSON: "application/x-amz-json-1.1",
	pathJSON: "application/json",
}

type refusal struct {
	status        int
	code, message string
}

var (
	accessDenied = refusal{http.StatusForbidden, "AccessDenied", "Access Denied"}
	slowDown     = refusal{http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate."}
	tooMany      = refusal{http.StatusTooManyRequests, "TooManyRequestsException", "Too many requests."}
	throttling   = refusal{http.StatusBadRequest, "Throttling", "Rate exceeded"}
	internal     = refusal{http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."}
	notThere     = refusal{http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented."}
)

var refusals = map[protocol]map[resource.Reason][]refusal{
	restXML: {
		resource.Denied:    {accessDenied},
		resource.Throttled: {slowDown, tooMany}, resource.Failed: {internal}, resource.Unsupported: {notThere},
	},
	wrappedXML: {
		resource.Denied: {accessDenied}, resource.Throttled: {slowDown, tooMany}, resource.Failed: {internal}, resource.Unsupported: {notThere},
	},
	queryXML: {resource.Denied: {accessDenied}, resource.Throttled: {throttling}, resource.Failed: {internal}},
	ec2XML: {
		resource.Denied:    {{http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation."}},
		resource.Throttled: {{http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."}},
		resource.Failed:    {internal},
	},
	plainJSON: {
		resource.Denied:    {{http.StatusBadRequest, "AccessDeniedException", "You don't have permissions to access this resource."}},
		resource.Throttled: {{http.StatusBadRequest, "TooManyRequestsException", "You have sent too many requests in too short a period of time."}},
		resource.Failed:    {{http.StatusInternalServerError, "ServiceException", "The request could not be completed because of an internal service error."}},
	},
	pathJSON: {
		resource.Denied:    {{http.StatusForbidden, "AccessDeniedException", "User is not authorized to perform this action."}},
		resource.Throttled: {{http.StatusTooManyRequests, "ThrottlingException", "Rate exceeded"}},
		resource.Failed:    {{http.StatusInternalServerError, "InternalServerError", "An internal error occurred."}},
	},
}

// policyText finds the text of a policy inside an XML answer: in an element of
// its own, or as the value of a map's entry.
var policyText = regexp.MustCompile(`(<Policy>|<key>Policy</key><value>)([^<]+)(</Policy>|</value>)`)

var (
	escape   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&#34;", `"`, "&quot;", `"`, "&#39;", "'", "&apos;", "'", "&#xA;", "\n")
)

// Documents implements conformance.Dialect. GetBucketPolicy answers with the
// policy itself, other services with an element or a member that holds its text.
func (Dialect) Documents(e tape.Exchange, change func(string) string) (tape.Exchange, bool) {
	switch {
	case e.Status != http.StatusOK:
		return e, false
	case e.Call.Name == "s3:GetBucketPolicy":
		e.Body = []byte(change(string(e.Body)))
		return e, true
	case strings.HasPrefix(string(e.Body), "{"):
		return inJSON(e, change)
	case !policyText.Match(e.Body):
		return e, false
	}
	e.Body = policyText.ReplaceAllFunc(e.Body, func(element []byte) []byte {
		parts := policyText.FindSubmatch(element)
		return []byte(string(parts[1]) + escape.Replace(change(unescape.Replace(string(parts[2])))) + string(parts[3]))
	})
	return e, true
}

// inJSON changes every member of an answer that holds a policy as a text.
func inJSON(e tape.Exchange, change func(string) string) (tape.Exchange, bool) {
	var answer any
	if json.Unmarshal(e.Body, &answer) != nil {
		return e, false
	}
	found := false
	changed := withTexts(answer, func(text string) string {
		if !strings.HasPrefix(text, "{") || !strings.Contains(text, `"Statement"`) {
			return text
		}
		found = true
		if e.Call.Name == "kinesis:GetResourcePolicy" && change(text) == "{}" {
			return text // how Kinesis says that there is no policy
		}
		return change(text)
	})
	body, err := json.Marshal(changed)
	if err != nil || !found {
		return e, false
	}
	e.Body = body
	return e, true
}

// withTexts returns a JSON value with every string in it changed.
func withTexts(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = withTexts(v[i], change)
		}
	case map[string]any:
		for key := range v {
			v[key] = withTexts(v[key], change)
		}
	}
	return v
}

var rootTag = regexp.MustCompile(`<[A-Za-z][^>]*>`)

// Plant implements conformance.Dialect: headers, elements and comments that no
// decoder knows, and the values that owners of buckets use as passwords.
func (d Dialect) Plant(e tape.Exchange, secret string) []tape.Exchange {
	planted := e
	planted.Header = e.Header.Clone()
	for _, name := range []string{"Authorization", "Set-Cookie", "X-Amz-Security-Token", "X-Amz-Meta-Token"} {
		planted.Header.Set(name, secret)
	}
	if root := rootTag.FindIndex(e.Body); root != nil {
		element := "<!-- " + secret + " --><Credentials><SecretAccessKey>" + secret + "</SecretAccessKey></Credentials>" +
			"<StringToSign>" + secret + "</StringToSign>"
		planted.Body = []byte(string(e.Body[:root[1]]) + element + string(e.Body[root[1]:]))
	} else if rest, ok := strings.CutPrefix(string(e.Body), "{"); ok && rest != "}" {
		planted.Body = []byte(`{"Credentials":{"SecretAccessKey":"` + secret + `"},` + rest)
	}
	all := []tape.Exchange{planted}
	for _, p := range passwords {
		guarded, ok := d.Documents(e, func(text string) string {
			return demand(text, p.operator, p.key, strings.ReplaceAll(p.value, "?", secret))
		})
		if ok {
			all = append(all, guarded)
		}
	}
	return all
}

var passwords = []struct{ operator, key, value string }{
	{"StringEquals", "aws:Referer", "?"},
	{"StringLike", "aws:Referer", "https://?.example/*"},
	{"StringNotEquals", "aws:UserAgent", "?"},
	{"StringEquals", "aws:UserAgent", "?"},
	{"StringEquals", "sts:ExternalId", "?"},
	{"StringOfTomorrow", "aws:Referer", "?"},
	{"NumericEquals", "aws:Referer", "?"},
}

// demand adds a condition to every statement of a policy.
func demand(text, operator, key, value string) string {
	var policy map[string]any
	if json.Unmarshal([]byte(text), &policy) != nil {
		return text
	}
	statements, many := policy["Statement"].([]any)
	if !many {
		statements = []any{policy["Statement"]}
	}
	for _, s := range statements {
		if statement, ok := s.(map[string]any); ok {
			addCondition(statement, operator, key, value)
		}
	}
	changed, err := json.Marshal(policy)
	if err != nil {
		return text
	}
	return string(changed)
}

func addCondition(statement map[string]any, operator, key, value string) {
	conditions, ok := statement["Condition"].(map[string]any)
	if !ok {
		conditions = make(map[string]any)
		statement["Condition"] = conditions
	}
	keys, ok := conditions[operator].(map[string]any)
	if !ok {
		keys = make(map[string]any)
		conditions[operator] = keys
	}
	keys[key] = value
}

// Bare implements conformance.Dialect: a region without queues has no list of
// them.
func (Dialect) Bare() []string { return []string{"sqs:ListQueues"} }
