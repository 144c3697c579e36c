package gcptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Fault is something that goes wrong with the calls it matches.
type Fault struct {
	// Call is an operation as Calls names it, "pubsub:projects.topics.list", or
	// a pattern of several: "pubsub:*", "*.getIamPolicy", "*".
	Call string `yaml:"call"`
	// Subject is the name of what is asked about, or a pattern of it; empty
	// means any. It is the resource name, "projects/p/topics/t"; of listings the
	// parent, "projects/p"; of a bucket its name alone, "telemetry", with what is
	// in it behind, "telemetry/managedFolders/reports/"; of deny policies what
	// they are attached to. Projects are named by their id, however the request
	// named them.
	Subject string `yaml:"subject"`
	// Project narrows the fault to one project, by id; empty means any.
	Project string `yaml:"project"`
	// Kind says what goes wrong.
	Kind FaultKind `yaml:"fault"`
	// Names are what an unreachable fault leaves out of a listing, and what a
	// lacks-permission fault leaves out of an answer; without them the latter
	// leaves out everything.
	Names []string `yaml:"names"`
	// Times limits the fault to the first answers given to each distinct
	// question, so that the outcome does not depend on the order of concurrent
	// calls. Zero means always.
	Times int `yaml:"times"`
	// Latency is how long the answer takes longer. It goes with every kind.
	Latency time.Duration `yaml:"latency"`
}

// FaultKind is a way for a call to go wrong.
type FaultKind string

// The ways for a call to go wrong. Each answers in the format of the service it
// meets.
const (
	AccessDenied    FaultKind = "access-denied"
	Perimeter       FaultKind = "perimeter" // VPC Service Controls refuse
	Throttle        FaultKind = "throttle"  // 429, with Retry-After: 1
	InternalError   FaultKind = "internal-error"
	Timeout         FaultKind = "timeout"          // no answer until the client gives up
	Hang            FaultKind = "hang"             // another name for Timeout
	Truncated       FaultKind = "truncated"        // the answer stops in the middle, and its length agrees
	WrongType       FaultKind = "wrong-type"       // well formed, but every value has another type
	NotJSON         FaultKind = "not-json"         // status 200 and the sign-in page of a proxy
	NotFound        FaultKind = "not-found"        // it was there a moment ago
	Unreachable     FaultKind = "unreachable"      // a listing does without the names, and says so if the service can
	LacksPermission FaultKind = "lacks-permission" // testIamPermissions answers without the names, a bucket without its IP filter
	Latency         FaultKind = "latency"          // the right answer, late
)

// UnmarshalYAML reads the word of a fault.
func (k *FaultKind) UnmarshalYAML(n *yaml.Node) error {
	return set(k, n, string(AccessDenied), string(Perimeter), string(Throttle), string(InternalError), string(Timeout),
		string(Hang), string(Truncated), string(WrongType), string(NotJSON), string(NotFound), string(Unreachable),
		string(LacksPermission), string(Latency))
}

// UnmarshalYAML refuses faults that would never happen.
func (f *Fault) UnmarshalYAML(n *yaml.Node) error {
	type plain Fault
	if err := strict(n, (*plain)(f)); err != nil {
		return err
	}
	switch {
	case f.Kind == "":
		return fmt.Errorf("fault on %q does not say which", f.Call)
	case f.Kind == Latency && f.Latency <= 0:
		return fmt.Errorf("fault on %q adds no latency", f.Call)
	case !knownCall(f.Call):
		return fmt.Errorf("no call matches %q", f.Call)
	case f.Kind == Unreachable && len(f.Names) == 0:
		return fmt.Errorf("fault on %q does not say which names are unreachable", f.Call)
	case f.Kind != Unreachable && f.Kind != LacksPermission && len(f.Names) > 0:
		return fmt.Errorf("fault on %q has names, which %s does not go by", f.Call, f.Kind)
	case f.Kind == Unreachable && !f.tellable():
		return fmt.Errorf("no call that matches %q can say what is unreachable", f.Call)
	case f.Kind == LacksPermission && !matches(f.Call, testPermissions):
		return fmt.Errorf("only %s says which permissions somebody has, not %q", testPermissions, f.Call)
	}
	return nil
}

const testPermissions = "storage:buckets.testIamPermissions"

func knownCall(pattern string) bool {
	return slices.ContainsFunc(Operations(), func(call string) bool { return matches(pattern, call) })
}

// tellable reports whether some call of the fault has a way to say that a part
// of the answer is missing.
func (f *Fault) tellable() bool {
	for call := range maps.Keys(unreachableMembers) {
		if matches(f.Call, call) {
			return true
		}
	}
	return false
}

func (f Fault) applies(q *request) bool {
	if f.Kind == Unreachable && unreachableMembers[q.call] == "" || f.Kind == LacksPermission && q.call != testPermissions {
		return false
	}
	return matches(f.Call, q.call) &&
		(f.Subject == "" || matches(f.Subject, q.subject)) &&
		(f.Project == "" || q.project != nil && f.Project == q.project.ID)
}

// take picks the faults this request meets: the sum of their latencies, and the
// first that does more than delay.
func (s *Server) take(q *request) (Fault, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delay := s.latency
	for i, f := range s.faults {
		if !f.applies(q) || !s.stillDue(i, f, q) {
			continue
		}
		delay += f.Latency
		if f.Kind != Latency {
			return f, delay
		}
	}
	return Fault{}, delay
}

type question struct {
	fault               int
	call, subject, page string
}

func (s *Server) stillDue(i int, f Fault, q *request) bool {
	if f.Times == 0 {
		return true
	}
	key := question{i, q.call, q.subject, q.query.Get("pageToken")}
	s.met[key]++
	return s.met[key] <= f.Times
}

// spoil turns the right answer into the one the fault asks for.
func (k FaultKind) spoil(q *request) answer {
	switch k {
	case AccessDenied:
		return q.denied()
	case Perimeter:
		return q.outsidePerimeter()
	case Throttle:
		return q.throttled()
	case InternalError:
		return q.broken()
	case NotFound:
		return q.missing()
	case NotJSON:
		return answer{status: http.StatusOK, contentType: "text/html; charset=UTF-8", body: []byte(signInPage)}
	case Truncated, WrongType, Timeout, Hang, Unreachable, LacksPermission, Latency:
	}
	a := q.answer()
	if k == Truncated {
		body := a.bytes()
		a.body = body[:len(body)/2]
	}
	if k == WrongType {
		a.body = retype(a.bytes())
	}
	return a
}

// signInPage is what a captive portal answers.
const signInPage = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Sign in</title></head>` +
	`<body><p>Please accept the terms<br>to continue.<p><img src="logo.png"></body></html>`

// retype keeps the shape of an answer and changes the type of every value.
func retype(body []byte) []byte {
	var members object
	if json.Unmarshal(body, &members) != nil {
		return []byte(`"unexpected"`)
	}
	if len(members) == 0 {
		return []byte(`["unexpected"]`)
	}
	for key, value := range members {
		if _, isText := value.(string); isText {
			members[key] = 7
		} else {
			members[key] = "unexpected"
		}
	}
	return render(members)
}

// matches reports whether a pattern in which * stands for any text matches all
// of s.
func matches(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for s = s[len(head):]; ; s = s[1:] {
		if matches(rest, s) {
			return true
		}
		if s == "" {
			return false
		}
	}
}

// unreachableMembers are how the listings say what they do without.
//
// Source: the answers of each listing in Google's discovery documents. Those of
// Pub/Sub, Secret Manager, Cloud KMS and Artifact Registry have no such member.
var unreachableMembers = map[string]string{
	"alloydb:projects.locations.clusters.instances.list": "unreachable",
	"alloydb:projects.locations.clusters.list":           "unreachable",
	"bigquery:datasets.list":                             "unreachable",
	"bigtableadmin:projects.instances.list":              "failedLocations",
	"compute:disks.aggregatedList":                       "unreachables",
	"spanner:projects.instances.list":                    "unreachable",
	"sqladmin:instances.list":                            "warnings",
	"storage:buckets.list":                               "unreachable",
}

// lacks reports whether a fault takes a permission on a bucket from the caller:
// what needs it is then left out of other answers, too.
func (q *request) lacks(b *bucket, permission string) bool {
	return slices.ContainsFunc(q.server.faults, func(f Fault) bool {
		return f.Kind == LacksPermission && f.Times == 0 && (f.Subject == "" || matches(f.Subject, b.name)) &&
			(f.Project == "" || f.Project == b.owner.ID) && (len(f.Names) == 0 || slices.Contains(f.Names, permission))
	})
}

// reaches reports whether a fault leaves an entry in a listing, by its full name
// or the place that it is in.
func (q *request) reaches(names ...string) bool {
	if q.fault.Kind != Unreachable {
		return true
	}
	for _, gone := range q.fault.Names {
		for _, name := range names {
			if name == gone || strings.HasPrefix(name, gone+"/") || strings.Contains(name, "/"+gone+"/") || strings.HasSuffix(gone, "/"+name) {
				return false
			}
		}
	}
	return true
}

// without says in a document what a fault leaves out.
func (q *request) without(document object) object {
	member := unreachableMembers[q.call]
	if q.fault.Kind != Unreachable || member == "" {
		return document
	}
	var names []any
	for _, name := range q.fault.Names {
		names = append(names, name)
	}
	document[member] = names
	return document
}
