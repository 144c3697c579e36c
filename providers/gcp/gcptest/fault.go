package gcptest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback"
	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
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
	Timeout         FaultKind = loopback.Timeout   // no answer until the client gives up
	Hang            FaultKind = loopback.Hang      // another name for Timeout
	Truncated       FaultKind = loopback.Truncated // the answer stops in the middle, and its length agrees
	WrongType       FaultKind = loopback.WrongType // well formed, but every value has another type
	NotJSON         FaultKind = "not-json"         // status 200 and the sign-in page of a proxy
	NotFound        FaultKind = "not-found"        // it was there a moment ago
	Unreachable     FaultKind = "unreachable"      // a listing does without the names, and says so if the service can
	LacksPermission FaultKind = "lacks-permission" // testIamPermissions answers without the names, a bucket without its IP filter
	Latency         FaultKind = loopback.Latency   // the right answer, late
)

// UnmarshalYAML reads the word of a fault.
func (k *FaultKind) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(k, n, AccessDenied, Perimeter, Throttle, InternalError, Timeout,
		Hang, Truncated, WrongType, NotJSON, NotFound, Unreachable,
		LacksPermission, Latency)
}

// UnmarshalYAML refuses faults that would never happen.
func (f *Fault) UnmarshalYAML(n *yaml.Node) error {
	type plain Fault
	if err := worldfile.Strict(n, (*plain)(f)); err != nil {
		return err
	}
	if err := f.Rule().Check(Operations()); err != nil {
		return err
	}
	switch {
	case f.Kind == Unreachable && len(f.Names) == 0:
		return fmt.Errorf("fault on %q does not say which names are unreachable", f.Call)
	case f.Kind != Unreachable && f.Kind != LacksPermission && len(f.Names) > 0:
		return fmt.Errorf("fault on %q has names, which %s does not go by", f.Call, f.Kind)
	case f.Kind == Unreachable && !f.tellable():
		return fmt.Errorf("no call that matches %q can say what is unreachable", f.Call)
	case f.Kind == LacksPermission && !loopback.Matches(f.Call, testPermissions):
		return fmt.Errorf("only %s says which permissions somebody has, not %q", testPermissions, f.Call)
	}
	return nil
}

const testPermissions = "storage:buckets.testIamPermissions"

// Rule implements [loopback.Fault].
func (f Fault) Rule() loopback.Rule {
	return loopback.Rule{Call: f.Call, Kind: string(f.Kind), Times: f.Times, Latency: f.Latency}
}

// tellable reports whether some call of the fault has a way to say that a part
// of the answer is missing.
func (f *Fault) tellable() bool {
	for call := range maps.Keys(unreachableMembers) {
		if loopback.Matches(f.Call, call) {
			return true
		}
	}
	return false
}

// meets reports whether a fault of this call is about this request.
func (q *request) meets(f Fault) bool {
	if f.Kind == Unreachable && unreachableMembers[q.call] == "" || f.Kind == LacksPermission && q.call != testPermissions {
		return false
	}
	return (f.Subject == "" || loopback.Matches(f.Subject, q.subject)) && (f.Project == "" || q.project != nil && f.Project == q.project.ID)
}

// spoil turns the right answer into the one the fault asks for.
func (q *request) spoil() answer {
	switch q.fault.Kind {
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
		return answer{status: http.StatusOK, contentType: "text/html; charset=UTF-8", body: []byte(loopback.SignInPage)}
	case Truncated, WrongType, Timeout, Hang, Unreachable, LacksPermission, Latency:
	}
	a := q.answer()
	a.body = loopback.Spoil(q.fault.Kind, a.bytes())
	return a
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
	return slices.ContainsFunc(q.server.settings.Faults, func(f Fault) bool {
		return f.Kind == LacksPermission && f.Times == 0 && (f.Subject == "" || loopback.Matches(f.Subject, b.name)) &&
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
