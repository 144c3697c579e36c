package api

import (
	_ "embed" // the table of routes.tsv
	"fmt"
	"net/url"
	"strings"
	"sync"
)

//go:generate go run ../internal/discovery

// Route is one request that may leave: Google's name for it, and how it looks.
type Route struct {
	// Service is the first part of the host name: "pubsub".
	Service string
	// Call is the operation as andon spells it: "pubsub:projects.topics.list".
	Call string
	// Method is GET, or POST for the few reads that Google made so.
	Method string
	// Path is the template below the service's root, as in
	// "v1/projects/{projectsId}/topics/{topicsId}:getIamPolicy".
	Path string
}

//go:embed routes.tsv
var routeTable string

var routes = sync.OnceValue(func() []Route { return parseRoutes(routeTable) })

// Routes returns every request that may leave, sorted by service and call.
func Routes() []Route { return routes() }

// RouteOf returns the route of a call. A call that routes.tsv does not hold is
// a defect of a collector: it panics.
func RouteOf(call string) Route {
	for _, r := range Routes() {
		if r.Call == call {
			return r
		}
	}
	panic("api: " + call + " is not in routes.tsv")
}

// Match returns the route of a request and the values of its template: path is
// what stands below the service's root, still escaped.
func Match(service, method, path string) (route Route, values map[string]string, ok bool) {
	for _, r := range Routes() {
		if r.Service != service || r.Method != method {
			continue
		}
		if values, ok := r.match(path); ok {
			return r, values, true
		}
	}
	return Route{}, nil, false
}

func (r Route) match(path string) (map[string]string, bool) {
	pattern, given := strings.Split(r.Path, "/"), strings.Split(path, "/")
	if len(pattern) != len(given) {
		return nil, false
	}
	values := make(map[string]string)
	for i, segment := range pattern {
		name, verb, variable := template(segment)
		if !variable {
			if given[i] != segment {
				return nil, false
			}
			continue
		}
		value, ok := strings.CutSuffix(given[i], verb)
		unescaped, err := url.PathUnescape(value)
		if !ok || err != nil || unescaped == "" || verb == "" && hasVerb(value) {
			return nil, false
		}
		values[name] = unescaped
	}
	return values, true
}

// template reads "{topicsId}:getIamPolicy" as a variable and a verb.
func template(segment string) (name, verb string, variable bool) {
	inner, ok := strings.CutPrefix(segment, "{")
	if !ok {
		return "", "", false
	}
	name, verb, ok = strings.Cut(inner, "}")
	return name, verb, ok
}

// hasVerb reports whether a segment ends in a custom method: "topic:publish". An
// escaped colon is part of a name.
func hasVerb(segment string) bool { return strings.Contains(segment, ":") }

// parseRoutes reads the table that the program was built with: what is wrong
// with it is a defect of the program.
func parseRoutes(table string) []Route {
	var all []Route
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if len(cells) != 4 {
			panic(fmt.Sprintf("routes.tsv: %q has %d columns", line, len(cells)))
		}
		service, _, _ := strings.Cut(cells[0], "/")
		all = append(all, Route{Service: service, Call: service + ":" + cells[1], Method: cells[2], Path: cells[3]})
	}
	return all
}
