package awstest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// request is an HTTP request read as an API call.
type request struct {
	world  *World
	server *Server

	protocol  protocol
	service   string
	operation string // as the service names it, or the method and path of a call nobody models
	subject   string // the bucket, access point, role or target; empty for listings and the account itself
	asked     string // the account an s3control call is about
	region    string

	caller    *account // nil when the request is not signed
	principal string
	params    url.Values // of the URL, the form or the JSON document
	writes    bool
}

// maxBody is far above anything a reading call sends.
const maxBody = 1 << 20

func (q *request) call() string { return q.service + ":" + q.operation }

func (q *request) accountID() string {
	switch {
	case q.asked != "":
		return q.asked
	case q.caller != nil:
		return q.caller.ID
	}
	return ""
}

// read classifies a request: the credential scope names the service, and where
// that is no help its shape does.
func (s *Server) read(r *http.Request) *request {
	body, _ := io.ReadAll(io.LimitReader(r.Body, maxBody)) // half a body is an unknown call
	scope := readScope(r)
	q := &request{world: s.world, server: s, region: scope.region, params: r.URL.Query()}
	q.caller, q.principal = s.identify(scope.accessKey)
	scope.service = cmp.Or(signingNames[scope.service], scope.service)
	switch target := r.Header.Get("X-Amz-Target"); {
	case target != "":
		q.readJSON(target, scope.service, body)
	case isForm(r):
		q.readForm(scope.service, body)
	case q.readRoute(r, scope.service, body):
	case r.Header.Get("X-Amz-Account-Id") != "" || strings.HasPrefix(r.URL.Path, controlPath):
		q.readControl(r)
	default:
		q.readS3(r, scope.service)
	}
	if chosen := q.values(stockCallsByName[q.call()].by); len(chosen) > 0 {
		q.subject = strings.Join(chosen, ",")
	}
	return q
}

// scope is the credential scope of a Signature Version 4 request. Signatures
// are not verified: this is a model of configuration, not of authentication.
type scope struct{ accessKey, region, service string }

func readScope(r *http.Request) scope {
	credential := r.URL.Query().Get("X-Amz-Credential")
	if _, after, found := strings.Cut(r.Header.Get("Authorization"), "Credential="); found {
		credential, _, _ = strings.Cut(after, ",")
	}
	parts := strings.Split(credential, "/")
	switch len(parts) {
	case 5: // key/date/region/service/aws4_request
		return scope{parts[0], parts[2], parts[3]}
	case 4: // key/date/service/aws4_request: the asymmetric form, whose regions are a header
		return scope{parts[0], r.Header.Get("X-Amz-Region-Set"), parts[2]}
	}
	return scope{}
}

// identify maps an access key to its account. Keys that no account claims
// belong to the first one, so that a world works with any credentials.
func (s *Server) identify(accessKey string) (*account, string) {
	if accessKey == "" {
		return nil, ""
	}
	if a := s.world.keys[accessKey]; a != nil {
		return a, a.principal()
	}
	if session, ok := s.session(accessKey); ok {
		return session.account, session.arn
	}
	first := s.world.accounts[0]
	return first, first.principal()
}

func isForm(r *http.Request) bool {
	return r.Method == http.MethodPost &&
		strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// readForm reads the query protocol of sts, iam and ec2.
func (q *request) readForm(service string, body []byte) {
	if form, err := url.ParseQuery(string(body)); err == nil {
		q.params = form
	}
	q.protocol, q.service, q.operation = queryXML, cmp.Or(service, "sts"), q.params.Get("Action")
	if service == "ec2" {
		q.protocol = ec2XML
	}
	if q.operation == "AssumeRole" {
		q.subject = q.params.Get("RoleArn")
	}
	q.writes = !isReading(q.operation)
}

// readJSON reads JSON 1.0 and 1.1, whose operation stands in a header.
func (q *request) readJSON(target, service string, body []byte) {
	_, operation, _ := strings.Cut(target, ".")
	q.protocol, q.service, q.operation = awsJSON, cmp.Or(service, "organizations"), operation
	q.params = scalars(body)
	for _, key := range []string{"TargetId", "ChildId", "PolicyId"} {
		if q.params.Has(key) {
			q.subject = q.params.Get(key)
			break
		}
	}
	q.writes = !isReading(operation)
}

func scalars(body []byte) url.Values {
	var document map[string]any
	out := url.Values{}
	if json.Unmarshal(body, &document) != nil {
		return out
	}
	for key, value := range document {
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, entry := range list {
			out.Add(key, fmt.Sprint(entry))
		}
	}
	return out
}

// isReading tells a read from a write by its verb, the way IAM's access levels
// do. An operation nobody has heard of is taken for a write.
func isReading(operation string) bool {
	return slices.ContainsFunc([]string{"Describe", "Get", "List", "AssumeRole"}, func(verb string) bool {
		return strings.HasPrefix(operation, verb)
	})
}

const controlPath = "/v20180820/"

// controlOperations maps what follows a resource's name in a path to the call.
var controlOperations = map[string]map[string]string{
	"accesspoint": {
		"": "GetAccessPoint", "policy": "GetAccessPointPolicy", "policyStatus": "GetAccessPointPolicyStatus",
	},
	"accesspointforobjectlambda": {
		"":              "GetAccessPointForObjectLambda",
		"policy":        "GetAccessPointPolicyForObjectLambda",
		"policyStatus":  "GetAccessPointPolicyStatusForObjectLambda",
		"configuration": "GetAccessPointConfigurationForObjectLambda",
	},
	"mrap/instances": {
		"": "GetMultiRegionAccessPoint", "policy": "GetMultiRegionAccessPointPolicy",
		"policystatus": "GetMultiRegionAccessPointPolicyStatus",
	},
}

var controlListings = map[string]string{
	"configuration/publicAccessBlock": "GetPublicAccessBlock",
	"accesspoint":                     "ListAccessPoints",
	"accesspointforobjectlambda":      "ListAccessPointsForObjectLambda",
	"mrap/instances":                  "ListMultiRegionAccessPoints",
}

// readControl reads s3control, whose path names the call and whose header the
// account.
func (q *request) readControl(r *http.Request) {
	q.protocol, q.service, q.asked = wrappedXML, "s3control", r.Header.Get("X-Amz-Account-Id")
	path := strings.TrimPrefix(r.URL.Path, controlPath)
	q.operation = r.Method + " " + path
	q.writes = !isSafe(r.Method)
	if q.writes {
		return
	}
	if operation := controlListings[path]; operation != "" {
		q.operation = operation
		return
	}
	for prefix, operations := range controlOperations {
		rest, found := strings.CutPrefix(path, prefix+"/")
		name, detail, _ := strings.Cut(rest, "/")
		if operation := operations[detail]; found && operation != "" {
			q.operation, q.subject = operation, name
		}
	}
}

func isSafe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// bucketOperations maps the sub-resource in a query string to the call.
var bucketOperations = map[string]string{
	"acl": "GetBucketAcl", "encryption": "GetBucketEncryption", "location": "GetBucketLocation",
	"logging": "GetBucketLogging", "ownershipControls": "GetBucketOwnershipControls", "policy": "GetBucketPolicy",
	"policyStatus": "GetBucketPolicyStatus", "publicAccessBlock": "GetPublicAccessBlock",
	"requestPayment": "GetBucketRequestPayment", "tagging": "GetBucketTagging",
	"versioning": "GetBucketVersioning", "website": "GetBucketWebsite",
}

// readS3 reads S3's own API, path style or virtual-host style.
func (q *request) readS3(r *http.Request, service string) {
	name, key := bucketOf(r)
	q.protocol, q.service, q.subject = restXML, "s3", name
	q.operation = r.Method + " " + r.URL.RequestURI()
	q.writes = !isSafe(r.Method)
	switch {
	case service != "" && service != "s3" && service != "s3express":
		q.service = service // another service's REST, which nobody models
	case r.Method != http.MethodGet || key != "":
		// A write, or a read of data: neither exists here.
	case name == "" && (service == "s3express" || q.params.Get("x-id") == "ListDirectoryBuckets"):
		q.operation = "ListDirectoryBuckets"
	case name == "":
		q.operation = "ListBuckets"
	default:
		q.readSubresource()
	}
}

func (q *request) readSubresource() {
	for parameter := range q.params {
		if operation := bucketOperations[parameter]; operation != "" {
			q.operation = operation
		}
	}
}

// bucketOf finds the bucket in the host where it is there, else in the path.
func bucketOf(r *http.Request) (name, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if name := hostBucket(r.Host); name != "" {
		return name, path
	}
	name, key, _ = strings.Cut(path, "/")
	return name, key
}

func hostBucket(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	for _, suffix := range []string{".127.0.0.1", ".localhost"} {
		if name, found := strings.CutSuffix(host, suffix); found {
			return name
		}
	}
	if !strings.HasSuffix(host, ".amazonaws.com") {
		return ""
	}
	for _, marker := range []string{".s3.", ".s3-", ".s3express-"} {
		if i := strings.LastIndex(host, marker); i > 0 {
			return host[:i]
		}
	}
	return ""
}
