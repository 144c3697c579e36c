package gcptest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/gcp/api"
)

// request is one API call as the server understands it.
type request struct {
	server *Server
	world  *World

	service  string // "pubsub"
	location string // of a regional host, or ""
	google   bool   // the host is one of Google's, not a general endpoint
	path     string // below the service's root, escaped
	call     string // "pubsub:projects.topics.list"
	known    bool   // that call is a route
	writes   bool
	values   map[string]string // of the route's template
	query    url.Values
	body     object
	subject  string

	named   string   // the project that is asked about, by id or number, or ""
	project *project // the same, if the world holds it
	billed  *project // that the call is counted for, if the request says so
	bucket  *bucket  // that is asked about
	fault   Fault    // that the answer meets
}

// maxBody bounds, in bytes, what is read of a request.
const maxBody = 1 << 20

// read understands a request.
func (s *Server) read(r *http.Request) *request {
	q := &request{server: s, world: s.world, query: r.URL.Query()}
	q.find(r)
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil || len(body) > 0 && json.Unmarshal(body, &q.body) != nil {
		q.body = nil
	}
	if !q.known {
		q.call = q.service + ":" + r.Method + " " + q.path
		q.writes = r.Method != http.MethodGet && r.Method != http.MethodHead
		return q
	}
	q.about()
	q.billed = s.world.project(r.Header.Get("X-Goog-User-Project"))
	return q
}

// root is one way to read where a request goes.
type root struct {
	service, location, path string
	google                  bool
}

// find matches the request with a route, by its host or by the first segment of
// its path.
func (q *request) find(r *http.Request) {
	for _, root := range rootsOf(r.Host, strings.TrimPrefix(r.URL.EscapedPath(), "/")) {
		if q.service == "" {
			q.service, q.location, q.path = root.service, root.location, root.path
		}
		call, values, ok := match(root.service, r.Method, root.path)
		if ok {
			q.service, q.location, q.path, q.google = root.service, root.location, root.path, root.google
			q.call, q.values, q.known = call, values, true
			return
		}
	}
}

const googleHosts = ".googleapis.com"

// rootsOf lists the ways to read where a request goes, the likeliest first.
// Below a general endpoint the first segment names the service; it may be the
// first of Google's own path at the same time, because an endpoint of Cloud
// Storage is http://127.0.0.1:9000/ for some clients.
//
// Source: https://cloud.google.com/storage/docs/regional-endpoints (the host
// SERVICE.LOCATION.rep.googleapis.com).
func rootsOf(host, path string) []root {
	name, _, _ := strings.Cut(host, ":")
	first, rest, _ := strings.Cut(path, "/")
	if service, ok := strings.CutSuffix(name, googleHosts); ok && service != "www" {
		if regional, ok := strings.CutSuffix(service, ".rep"); ok {
			service, location, _ := strings.Cut(regional, ".")
			return []root{{service, location, path, true}}
		}
		return []root{{service, "", path, true}}
	}
	if alias, ok := otherNames[first]; ok {
		first = alias
	}
	return []root{{first, "", rest, false}, {first, "", path, false}}
}

// otherNames are the services that gcloud calls by another name.
var otherNames = map[string]string{"sql": "sqladmin"}

// match finds the route of a request, among those of andon first.
func match(service, method, path string) (call string, values map[string]string, ok bool) {
	if route, values, ok := api.Match(service, method, path); ok {
		return route.Call, values, true
	}
	for _, r := range otherRoutes() {
		if r.service == service && r.method == method {
			if values, ok := r.match(path); ok {
				return r.call, values, true
			}
		}
	}
	return "", nil, false
}

// about says which project and which thing a request is about.
func (q *request) about() {
	switch q.service {
	case "storage":
		q.aboutStorage()
	case "iam":
		q.aboutIAM()
	default:
		q.named = firstOf(q.values, "projectsId", "projectId", "project")
		q.project = q.world.project(q.named)
		q.subject = q.aboutName()
	}
}

func firstOf(values map[string]string, keys ...string) string {
	for _, key := range keys {
		if value := values[key]; value != "" {
			return value
		}
	}
	return ""
}

// aboutName is the name of what is asked about: the path without version and
// verb, and of listings the parent.
func (q *request) aboutName() string {
	if parent := q.query.Get("parent"); parent != "" {
		return q.world.byID(parent)
	}
	segments := strings.Split(q.path, "/")
	for len(segments) > 0 && segments[0] != "projects" && segments[0] != "organizations" && segments[0] != "accessPolicies" {
		segments = segments[1:]
	}
	for i, segment := range segments {
		segment, _, _ = strings.Cut(segment, ":")
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = plain
		}
	}
	if q.service == "compute" {
		if n := len(segments) - 1; segments[n] == "getIamPolicy" {
			return q.world.byID(strings.Join(segments[:n], "/"))
		}
		return q.world.byID("projects/" + q.named) // of what is global, or in any place
	}
	if n := len(segments); n%2 == 1 {
		segments = segments[:n-1] // the collection of a listing
	}
	return q.world.byID(strings.Join(segments, "/"))
}

// aboutIAM names roles by their names, and deny policies by what they are
// attached to.
func (q *request) aboutIAM() {
	if !strings.HasPrefix(q.call, "iam:policies.") {
		q.named = q.values["projectsId"]
		q.project = q.world.project(q.named)
		q.subject = q.aboutName()
		return
	}
	attached := strings.TrimPrefix(q.attachment(), denyHost)
	if id, ok := strings.CutPrefix(attached, "projects/"); ok {
		q.named, q.project = id, q.world.project(id)
	}
	q.subject = q.world.byID(attached)
	if name := q.values["policiesId2"]; name != "" {
		q.subject += "/denypolicies/" + name
	}
}

// attachment is what deny policies are attached to, in its full name. Google's
// own clients escape it twice.
func (q *request) attachment() string {
	name := q.values["policiesId"]
	if plain, err := url.PathUnescape(name); err == nil {
		return plain
	}
	return name
}

func (q *request) aboutStorage() {
	if name := q.values["bucket"]; name != "" {
		q.subject, q.bucket = name, q.world.bucket(name)
		if q.bucket != nil {
			q.project, q.named = q.bucket.owner, q.bucket.owner.ID
		}
		if folder := q.values["managedFolder"]; folder != "" {
			q.subject += "/managedFolders/" + folder
		}
		return
	}
	q.named = firstOf(q.values, "projectId")
	if q.named == "" {
		q.named = q.query.Get("project")
	}
	q.project = q.world.project(q.named)
	q.subject = q.world.byID("projects/" + q.named)
}

// option reads a text of the query, or else of the body, where it is further in.
func (q *request) option(query string, path ...string) string {
	if text := q.query.Get(query); text != "" {
		return text
	}
	at := q.body
	for i, key := range path {
		if i == len(path)-1 {
			return textOf(at[key])
		}
		at, _ = at[key].(object)
	}
	return ""
}

func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		text, _ := json.Marshal(v) // a number of JSON: cannot fail
		return string(text)
	}
	return ""
}

// handler answers one operation.
type handler func(*request) answer

// answer is the right answer, before any fault.
func (q *request) answer() answer {
	switch {
	case q.writes:
		return q.denied()
	case !q.known:
		return q.fail(http.StatusNotFound, "NOT_FOUND", "notFound", "The requested URL /%s was not found on this server.", q.path)
	case q.named != "" && (q.project == nil || q.project.State == "DELETE_REQUESTED" && q.service != "cloudresourcemanager"):
		return q.denied() // Google does not tell what is not there from what is not to be seen
	case q.project != nil && q.project.disables(q.service):
		return q.serviceDisabled(q.project)
	case q.billed != nil && q.billed.disables(q.service):
		return q.serviceDisabled(q.billed)
	case q.values["bucket"] != "" && q.bucket == nil:
		return q.fail(http.StatusNotFound, "NOT_FOUND", "notFound", "The specified bucket does not exist.")
	}
	handle := handlers()[q.call]
	if handle == nil {
		return q.fail(http.StatusNotImplemented, "UNIMPLEMENTED", "notImplemented", "%s is not modelled", q.call)
	}
	a := handle(q)
	if fields := q.query.Get("fields"); a.status == http.StatusOK && fields != "" {
		a.document = choose(a.document, fields)
	}
	return a
}

// Operations lists the calls that are served, by andon's names for them.
func Operations() []string {
	return slices.Sorted(maps.Keys(handlers()))
}
