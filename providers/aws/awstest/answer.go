package awstest

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"
)

// answer is one HTTP response.
type answer struct {
	status      int
	contentType string
	header      map[string]string
	body        []byte
}

// protocol is the wire format of a service's answers, errors above all: the
// same refusal looks different in each.
type protocol int

const (
	restXML    protocol = iota // s3: <Error>
	wrappedXML                 // s3control: <ErrorResponse><Error>
	queryXML                   // sts, iam: <ErrorResponse><Error>, a type, RequestId
	ec2XML                     // ec2: <Response><Errors><Error>
	awsJSON                    // organizations, sqs, kms, …: JSON 1.0 and 1.1
	restJSON                   // opensearch, efs, …: JSON at paths
)

// xmlAnswer renders a document. The documents are this package's own types, so
// a failure is a mistake in them.
func xmlAnswer(document any) answer {
	body, err := xml.Marshal(document)
	if err != nil {
		return answer{status: http.StatusInternalServerError, contentType: "text/plain", body: []byte(err.Error())}
	}
	// Quotes need no escape outside attributes, and policies are full of them.
	body = bytes.ReplaceAll(body, []byte("&#34;"), []byte(`"`))
	return answer{status: http.StatusOK, contentType: "application/xml", body: append([]byte(xml.Header), body...)}
}

func jsonAnswer(status int, document any) answer {
	body, err := json.Marshal(document)
	if err != nil {
		return answer{status: http.StatusInternalServerError, contentType: "text/plain", body: []byte(err.Error())}
	}
	return answer{status: status, contentType: "application/x-amz-json-1.1", body: body}
}

type errorBody struct {
	Type       string `xml:",omitempty"` // Sender or Receiver, in the query protocol
	Code       string
	Message    string
	BucketName string `xml:",omitempty"`
	AccountID  string `xml:"AccountId,omitempty"`
	Endpoint   string `xml:",omitempty"`
}

type restError struct {
	XMLName xml.Name `xml:"Error"`
	errorBody
	RequestID string `xml:"RequestId"`
	HostID    string `xml:"HostId"`
}

type wrappedError struct {
	XMLName   xml.Name  `xml:"ErrorResponse"`
	Error     errorBody `xml:"Error"`
	RequestID string    `xml:"RequestId"`
	HostID    string    `xml:"HostId,omitempty"`
}

type ec2Error struct {
	XMLName   xml.Name    `xml:"Response"`
	Errors    []errorBody `xml:"Errors>Error"`
	RequestID string      `xml:"RequestID"`
}

type jsonError struct {
	Type    string `json:"__type"`
	Message string `json:"Message"`
}

// fail renders an error in the request's protocol.
func (q *request) fail(status int, code, format string, args ...any) answer {
	e := errorBody{Code: code, Message: fmt.Sprintf(format, args...)}
	switch q.protocol {
	case restXML:
		e.BucketName = q.subject
		return q.errorAnswer(status, restError{errorBody: e, RequestID: q.id(), HostID: q.hostID()})
	case wrappedXML:
		e.AccountID = q.asked
		return q.errorAnswer(status, wrappedError{Error: e, RequestID: q.id(), HostID: q.hostID()})
	case queryXML:
		e.Type = "Sender"
		if status >= http.StatusInternalServerError {
			e.Type = "Receiver"
		}
		return q.errorAnswer(status, wrappedError{Error: e, RequestID: q.id()})
	case ec2XML:
		return q.errorAnswer(status, ec2Error{Errors: []errorBody{e}, RequestID: q.id()})
	default:
		return jsonAnswer(status, jsonError{Type: code, Message: e.Message})
	}
}

func (q *request) errorAnswer(status int, document any) answer {
	a := xmlAnswer(document)
	a.status = status
	return a
}

func (q *request) denied() answer {
	who := "arn:aws:iam::anonymous"
	if q.caller != nil {
		who = q.principal
	}
	message := "User: %s is not authorized to perform: %s"
	switch q.protocol {
	case awsJSON:
		return q.fail(http.StatusBadRequest, "AccessDeniedException", message, who, q.call())
	case restJSON:
		return q.fail(http.StatusForbidden, "AccessDeniedException", message, who, q.call())
	case ec2XML:
		return q.fail(http.StatusForbidden, "UnauthorizedOperation", message, who, q.call())
	default:
		return q.fail(http.StatusForbidden, "AccessDenied", message, who, q.call())
	}
}

func (q *request) throttled() answer {
	switch q.protocol {
	case awsJSON:
		return q.fail(http.StatusBadRequest, "ThrottlingException", "Rate exceeded")
	case restJSON:
		return q.fail(http.StatusTooManyRequests, "ThrottlingException", "Rate exceeded")
	case ec2XML:
		return q.fail(http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded.")
	case queryXML:
		return q.fail(http.StatusBadRequest, "Throttling", "Rate exceeded")
	default:
		return q.fail(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
	}
}

func (q *request) broken() answer {
	code := "InternalError"
	if p := q.protocol; p == queryXML || p == awsJSON || p == restJSON {
		code = "InternalFailure"
	}
	return q.fail(http.StatusInternalServerError, code, "We encountered an internal error. Please try again.")
}

// id is deterministic, so that two recordings of the same world are the same
// bytes: the same question always has the same request id.
func (q *request) id() string { return strings.ToUpper(q.hash("")) }

func (q *request) hostID() string { return q.hash("a") + q.hash("b") + q.hash("c") }

func (q *request) hash(salt string) string {
	h := fnv.New64a()
	for _, part := range []string{salt, q.call(), q.subject, q.region, q.accountID(), q.params.Encode()} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

func (a answer) write(w http.ResponseWriter, q *request) {
	h := w.Header()
	// A clock reading would make every recording differ from the last.
	h["Date"] = nil
	h.Set("Server", "awstest")
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if p := q.protocol; p == restXML || p == wrappedXML {
		h.Set("X-Amz-Request-Id", q.id())
		h.Set("X-Amz-Id-2", q.hostID())
	} else {
		h.Set("X-Amzn-Requestid", q.id())
	}
	for key, value := range a.header {
		h.Set(key, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that left early loses nothing of ours
}
