//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
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
		asked := askedBy(r)
		r = r.WithContext(context.WithValue(r.Context(), asking{}, asked))
		call, of := asked.call, asked.of
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

// inquiry is what a request wants.
type inquiry struct {
	call, of string
	form     url.Values // of the query protocol
}

// asking is where a request keeps what it wants, for its answer to be read by.
type asking struct{}

// askedBy names a request as andon's own report does. A request that it does not
// know keeps its method and target for a name.
func askedBy(r *http.Request) inquiry {
	service := cmp.Or(serviceNames[serviceOf(r)], serviceOf(r))
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return inquiry{call: service + ":" + operation}
	}
	if r.Method == http.MethodPost && r.URL.Path == "/" {
		form := formOf(r)
		return inquiry{call: service + ":" + form.Get("Action"), form: form}
	}
	for _, p := range restPaths[service] {
		if ok, err := path.Match(p.path, strings.TrimSuffix(r.URL.Path, "/")); ok && err == nil && p.method == r.Method {
			return inquiry{call: service + ":" + p.call}
		}
	}
	call, of := s3Call(r)
	return inquiry{call: call, of: of}
}

// serviceNames are the services that are signed for by another name than andon
// calls them by.
var serviceNames = map[string]string{"es": "opensearch", "elasticfilesystem": "efs", "redshift-serverless": "redshiftserverless"}

// restPaths are the questions of the services beside S3 that have paths.
var restPaths = map[string][]struct{ method, path, call string }{
	"opensearch": {
		{http.MethodGet, "/2021-01-01/domain", "ListDomainNames"},
		{http.MethodPost, "/2021-01-01/opensearch/domain-info", "DescribeDomains"},
	},
	"efs": {
		{http.MethodGet, "/2015-02-01/file-systems", "DescribeFileSystems"},
		{http.MethodGet, "/2015-02-01/file-systems/*/policy", "DescribeFileSystemPolicy"},
		{http.MethodGet, "/2015-02-01/mount-targets", "DescribeMountTargets"},
		{http.MethodGet, "/2015-02-01/mount-targets/*/security-groups", "DescribeMountTargetSecurityGroups"},
	},
	"glacier": {
		{http.MethodGet, "/*/vaults", "ListVaults"},
		{http.MethodGet, "/*/vaults/*/access-policy", "GetVaultAccessPolicy"},
		{http.MethodGet, "/*/vaults/*/lock-policy", "GetVaultLock"},
	},
	"backup": {
		{http.MethodGet, "/backup-vaults", "ListBackupVaults"},
		{http.MethodGet, "/backup-vaults/*/access-policy", "GetBackupVaultAccessPolicy"},
	},
}

// s3Call names a request to S3 or S3 Control.
func s3Call(r *http.Request) (call, of string) {
	unknown := r.Method + " " + r.URL.RequestURI()
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

// formOf reads the body of the query protocol, which names its operation there,
// and leaves it to be read again.
func formOf(r *http.Request) url.Values {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	return form
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
// pays for requests, where a bucket lives in the answer of ListBuckets, which
// subnets VPC Block Public Access covers, where clusters and search domains stand.
// It also knows that there is no directory bucket and no Object Lambda access
// point, and that nothing blocks the sharing of snapshots and images; and it looks
// up network interfaces by public address.
type memory struct {
	mu     sync.Mutex
	payer  map[string]string
	region map[string]string
	shut   map[string]bool   // subnets
	stands map[string]string // clusters of RDS, with the subnet group of their instances, and of Redshift, with their VPC and nodes
	vpcs   map[string]string // subnets, with their VPC
}

var estateMemory = &memory{
	payer: make(map[string]string), region: make(map[string]string), shut: make(map[string]bool), stands: make(map[string]string), vpcs: make(map[string]string),
}

// place notes the VPC of a subnet, and whether VPC Block Public Access covers it.
func (m *memory) place(subnet, vpc string, blocked bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.vpcs[subnet], m.shut[subnet] = vpc, blocked
}

// stand notes where a cluster stands: what AWS says of it beside its name.
func (m *memory) stand(cluster, where string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stands[cluster] = where
}

// subnetGroup is a subnet group as the answers of RDS spell it.
func subnetGroup(g rdstypes.DBSubnetGroup) string {
	var subnets strings.Builder
	for _, s := range g.Subnets {
		fmt.Fprintf(&subnets, "<Subnet><SubnetIdentifier>%s</SubnetIdentifier><SubnetAvailabilityZone><Name>%s</Name></SubnetAvailabilityZone><SubnetStatus>Active</SubnetStatus></Subnet>",
			aws.ToString(s.SubnetIdentifier), aws.ToString(s.SubnetAvailabilityZone.Name))
	}
	return fmt.Sprintf("<DBSubnetGroup><DBSubnetGroupName>%s</DBSubnetGroupName><VpcId>%s</VpcId><SubnetGroupStatus>Complete</SubnetGroupStatus><Subnets>%s</Subnets></DBSubnetGroup>",
		aws.ToString(g.DBSubnetGroupName), aws.ToString(g.VpcId), subnets.String())
}

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
	case call == "ec2:DescribeNetworkInterfaces":
		unfilter(r)
		return false
	case call == "s3:ListDirectoryBuckets":
		fmt.Fprint(w, `<ListAllMyDirectoryBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets></Buckets></ListAllMyDirectoryBucketsResult>`)
	case call == "ec2:GetSnapshotBlockPublicAccessState":
		fmt.Fprint(w, `<GetSnapshotBlockPublicAccessStateResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>e2e</requestId><state>unblocked</state></GetSnapshotBlockPublicAccessStateResponse>`)
	case call == "ec2:GetImageBlockPublicAccessState":
		fmt.Fprint(w, `<GetImageBlockPublicAccessStateResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>e2e</requestId><imageBlockPublicAccessState>unblocked</imageBlockPublicAccessState></GetImageBlockPublicAccessStateResponse>`)
	default:
		return false
	}
	return true
}

// complete adds to moto's answers what AWS says besides.
func (m *memory) complete(answer *http.Response) error {
	asked, _ := answer.Request.Context().Value(asking{}).(inquiry)
	change, ok := map[string]func(string, inquiry) string{
		"s3:ListBuckets": m.regions, "ec2:DescribeSubnets": m.blocks,
		"rds:DescribeDBInstances": m.places, "redshift:DescribeClusters": m.places, "opensearch:DescribeDomains": m.domains,
		"ec2:DescribeNetworkInterfaces": m.interfaces,
	}[asked.call]
	if !ok || answer.StatusCode != http.StatusOK {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", asked.call, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	text := change(string(body), asked)
	answer.Body = io.NopCloser(strings.NewReader(text))
	answer.ContentLength = int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// regions says where each bucket of a list lives.
func (m *memory) regions(text string, _ inquiry) string {
	for bucket, region := range maps.All(m.region) {
		name := "<Name>" + bucket + "</Name>"
		text = strings.ReplaceAll(text, name, name+"<BucketRegion>"+region+"</BucketRegion>")
	}
	return text
}

// places says where the clusters of a list stand.
func (m *memory) places(text string, _ inquiry) string {
	return clusterElement.ReplaceAllStringFunc(text, func(element string) string {
		return element + m.stands[clusterElement.FindStringSubmatch(element)[1]]
	})
}

// unfilter takes the filters out of a question about network interfaces: moto
// answers 500 to one by public address.
func unfilter(r *http.Request) {
	form := formOf(r)
	maps.DeleteFunc(form, func(key string, _ []string) bool { return strings.HasPrefix(key, "Filter.") })
	body := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// interfaces leaves out of a list of network interfaces those without one of the
// public addresses that were asked for.
func (m *memory) interfaces(text string, asked inquiry) string {
	return entries(text, func(entry string) bool {
		address := publicElement.FindStringSubmatch(entry)
		return address != nil && asked.has("Filter.1.Value.", address[1])
	})
}

// domains says in which VPC a domain is.
func (m *memory) domains(text string, _ inquiry) string {
	return domainMember.ReplaceAllStringFunc(text, func(member string) string {
		return strings.Replace(member, "{", `{"VPCId": "`+m.vpcs[domainMember.FindStringSubmatch(member)[1]]+`", `, 1)
	})
}

var (
	clusterElement = regexp.MustCompile(`<(?:DB)?ClusterIdentifier>([^<]+)</(?:DB)?ClusterIdentifier>`)
	domainMember   = regexp.MustCompile(`"VPCOptions": \{[^}]*"SubnetIds": \["([^"]+)"`)
	publicElement  = regexp.MustCompile(`<publicIp>([^<]+)</publicIp>`)
	subnetElement  = regexp.MustCompile(`<subnetId>([^<]+)</subnetId>`)
)

// blocks says of each subnet what VPC Block Public Access makes of it.
func (m *memory) blocks(text string, _ inquiry) string {
	return subnetElement.ReplaceAllStringFunc(text, func(element string) string {
		mode := "off"
		if m.shut[subnetElement.FindStringSubmatch(element)[1]] {
			mode = "block-bidirectional"
		}
		return element + "<blockPublicAccessStates><internetGatewayBlockMode>" + mode + "</internetGatewayBlockMode></blockPublicAccessStates>"
	})
}

// has reports whether a list of the query protocol holds a value.
func (a inquiry) has(list, value string) bool {
	for key, values := range maps.All(a.form) {
		if strings.HasPrefix(key, list) && slices.Contains(values, value) {
			return true
		}
	}
	return false
}

// entries keeps some of the entries of the one list in an answer of EC2.
func entries(text string, keep func(string) bool) string {
	const opens, closes = "<item>", "</item>"
	var kept strings.Builder
	for depth, start, i := 0, 0, 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], opens):
			if depth == 0 {
				start = i
			}
			depth++
			i += len(opens)
		case strings.HasPrefix(text[i:], closes):
			depth--
			i += len(closes)
			if entry := text[start:i]; depth == 0 && keep(entry) {
				kept.WriteString(entry)
			}
		default:
			if depth == 0 {
				kept.WriteByte(text[i])
			}
			i++
		}
	}
	return kept.String()
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
