//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// front is a reverse proxy before moto. It notes every request, supplies what
// moto lacks, and breaks the answers it is told to break.
type front struct {
	*httptest.Server
	faults []*fault

	mu    sync.Mutex
	notes []note
}

// note is one request as it came by.
type note struct {
	call   string // "s3:GetBucketPolicy"
	of     string // the bucket or access point, "" for the account
	method string
	target string
}

// fault breaks some answers.
type fault struct {
	call, of string        // which requests; an empty of means all
	times    int           // how many of them, 0 means every one
	after    time.Duration // how long they wait first
	answer   http.HandlerFunc
}

// newFront starts a front that ends with the test.
func newFront(t *testing.T, faults ...*fault) *front {
	t.Helper()
	f := &front{faults: faults}
	f.Server = httptest.NewServer(f.handler())
	t.Cleanup(f.Close)
	return f
}

func (f *front) handler() http.Handler {
	target, err := url.Parse(server.url)
	if err != nil {
		panic(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: estateMemory.complete,
		// An audit that is interrupted hangs up; that is no news.
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, of := callOf(r)
		f.mu.Lock()
		f.notes = append(f.notes, note{call, of, r.Method, r.URL.RequestURI()})
		broken := f.fault(call, of)
		f.mu.Unlock()
		if broken != nil {
			select {
			case <-time.After(broken.after):
			case <-r.Context().Done(): // whoever asked has hung up
				return
			}
			if broken.answer != nil {
				broken.answer(w, r)
				return
			}
		}
		if !estateMemory.answer(w, r, call, of) {
			proxy.ServeHTTP(w, r)
		}
	})
}

// fault returns the fault that strikes a request; f.mu is held.
func (f *front) fault(call, of string) *fault {
	for i, b := range f.faults {
		if b == nil || b.call != "*" && b.call != call || b.of != "" && b.of != of {
			continue
		}
		if b.times == 1 {
			f.faults[i] = nil
		}
		if b.times > 1 {
			b.times--
		}
		return b
	}
	return nil
}

// seen returns the requests that came by since the front began.
func (f *front) seen() []note {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.notes)
}

// subresources of a bucket, as their query spells them, with the operations that
// read them.
var subresources = map[string]string{
	"acl": "GetBucketAcl", "encryption": "GetBucketEncryption", "ownershipControls": "GetBucketOwnershipControls",
	"policy": "GetBucketPolicy", "policyStatus": "GetBucketPolicyStatus", "publicAccessBlock": "GetPublicAccessBlock",
	"requestPayment": "GetBucketRequestPayment", "website": "GetBucketWebsite",
}

// controlPaths are the paths of S3 Control, most specific first.
var controlPaths = []struct{ prefix, suffix, call string }{
	{"configuration/publicAccessBlock", "", "GetPublicAccessBlock"},
	{"accesspointforobjectlambda", "", "ListAccessPointsForObjectLambda"},
	{"accesspoint/", "/policy", "GetAccessPointPolicy"},
	{"accesspoint/", "", "GetAccessPoint"},
	{"accesspoint", "", "ListAccessPoints"},
	{"mrap/instances/", "/policy", "GetMultiRegionAccessPointPolicy"},
	{"mrap/instances", "", "ListMultiRegionAccessPoints"},
}

// callOf names a request as andon's own report does. A request that it does not
// know keeps its method and target for a name.
func callOf(r *http.Request) (call, of string) {
	unknown := r.Method + " " + r.URL.RequestURI()
	if r.Method == http.MethodPost && r.URL.Path == "/" {
		return postCall(r), ""
	}
	if rest, ok := strings.CutPrefix(r.URL.Path, "/v20180820/"); ok && r.Method == http.MethodGet {
		for _, p := range controlPaths {
			if middle, ok := strings.CutPrefix(rest, p.prefix); ok && strings.HasSuffix(middle, p.suffix) {
				return "s3control:" + p.call, strings.Trim(strings.TrimSuffix(middle, p.suffix), "/")
			}
		}
		return unknown, ""
	}
	of = strings.Trim(r.URL.Path, "/")
	switch {
	case r.Method != http.MethodGet || strings.Contains(of, "/"):
		return unknown, of
	case of == "" && r.URL.Query().Get("x-id") == "ListDirectoryBuckets":
		return "s3:ListDirectoryBuckets", ""
	case of == "":
		return "s3:ListBuckets", ""
	}
	for key := range r.URL.Query() {
		if operation, ok := subresources[key]; ok {
			return "s3:" + operation, of
		}
	}
	return unknown, of
}

// postCall reads the operation of a POST: JSON services name it in a header, the
// query protocol in the body.
func postCall(r *http.Request) string {
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return serviceOf(r) + ":" + operation
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "unreadable"
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return "unreadable"
	}
	return serviceOf(r) + ":" + form.Get("Action")
}

var credentialScope = regexp.MustCompile(`Credential=[^/]+/\d+/([^/]+)/([^/]+)/`)

// regionOf and serviceOf read what a request was signed for.
func regionOf(r *http.Request) string  { return scope(r, 1) }
func serviceOf(r *http.Request) string { return scope(r, 2) }

func scope(r *http.Request, part int) string {
	if m := credentialScope.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		return m[part]
	}
	return ""
}

// memory is what AWS would know about the estate and moto does not keep: who
// pays for requests, and where a bucket lives in the answer of ListBuckets. It
// also knows that there is no directory bucket and no Object Lambda access point.
type memory struct {
	mu     sync.Mutex
	payer  map[string]string
	region map[string]string
}

var estateMemory = &memory{payer: make(map[string]string), region: make(map[string]string)}

var payerElement = regexp.MustCompile(`<Payer>(\w+)</Payer>`)

// answer answers in moto's place, where moto would take the request for another.
func (m *memory) answer(w http.ResponseWriter, r *http.Request, call, of string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	paying := r.URL.Query().Has("requestPayment")
	switch {
	case r.Method == http.MethodPut && paying:
		body, err := io.ReadAll(r.Body)
		if found := payerElement.FindSubmatch(body); err == nil && found != nil {
			m.payer[of] = string(found[1])
		}
	case paying:
		payer := m.payer[of]
		if payer == "" {
			payer = "BucketOwner"
		}
		fmt.Fprintf(w, `<RequestPaymentConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Payer>%s</Payer></RequestPaymentConfiguration>`, payer)
	case r.Method == http.MethodPut && of != "" && !strings.Contains(of, "/") && len(r.URL.Query()) == 0:
		m.region[of] = regionOf(r) // CreateBucket, which moto answers
		return false
	case call == "s3control:ListAccessPoints" && regionOf(r) != home:
		// moto lists every access point in every region, and calls them all
		// access points of us-east-1, which is where this estate has them.
		fmt.Fprint(w, `<ListAccessPointsResult xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><AccessPointList></AccessPointList></ListAccessPointsResult>`)
	case call == "s3control:ListAccessPointsForObjectLambda":
		fmt.Fprint(w, `<ListAccessPointsForObjectLambdaResult xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><ObjectLambdaAccessPointList></ObjectLambdaAccessPointList></ListAccessPointsForObjectLambdaResult>`)
	case call == "s3:ListDirectoryBuckets":
		fmt.Fprint(w, `<ListAllMyDirectoryBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets></Buckets></ListAllMyDirectoryBucketsResult>`)
	default:
		return false
	}
	return true
}

// complete adds the regions of the buckets to an answer of ListBuckets.
func (m *memory) complete(answer *http.Response) error {
	if call, _ := callOf(answer.Request); call != "s3:ListBuckets" {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read the list of buckets: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text := string(body)
	for bucket, region := range maps.All(m.region) {
		name := "<Name>" + bucket + "</Name>"
		text = strings.ReplaceAll(text, name, name+"<BucketRegion>"+region+"</BucketRegion>")
	}
	answer.Body = io.NopCloser(strings.NewReader(text))
	answer.ContentLength = int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// s3Error answers as S3 does.
func s3Error(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>broken on purpose</Message></Error>`, code)
	}
}

// text answers 200 with a body of its own.
func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}
