package arm

import (
	_ "embed" // the table of routes.tsv
	"fmt"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/andon-audit/andon/providers/internal/restapi"
)

// Version is the parameter of a query that names the version of an interface.
const Version = "api-version"

// Route is one request that may leave, and how it looks.
type Route struct {
	// Service is the first part of the call: "storage".
	Service string
	// Call is the operation as andon spells it: "storage:storageAccounts.list".
	Call string
	// Method is GET.
	Method string
	// Path is the template below the root of Resource Manager, as in
	// "subscriptions/{subscriptionId}/providers/Microsoft.Storage/storageAccounts".
	Path string
	// Version is the api-version that is asked for, and whose answers are
	// understood.
	Version string
	// Query is what a request always says beside its version.
	Query url.Values
}

//go:embed routes.tsv
var routeTable string

var routes = sync.OnceValue(func() []Route { return parseRoutes(routeTable) })

// Routes returns every request that may leave, in the order of the table.
func Routes() []Route { return routes() }

// RouteOf returns the route of a call. A call that routes.tsv does not hold is
// a defect of a collector: it panics.
func RouteOf(call string) Route {
	for _, r := range Routes() {
		if r.Call == call {
			return r
		}
	}
	panic("arm: " + call + " is not in routes.tsv")
}

// Match returns the route of a request and the values of its template, in their
// order: path is what stands below the root of Resource Manager, still escaped.
// Paths are compared without case, as Resource Manager does; the api-version has
// to be the route's.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/management/overview
// (names of resources and types are case-insensitive)
func Match(method, path string, query url.Values) (route Route, values []string, ok bool) {
	for _, r := range Routes() {
		if r.Method != method || !r.says(query) {
			continue
		}
		if values, ok := r.Values(path); ok {
			return r, values, true
		}
	}
	return Route{}, nil, false
}

// says reports whether a query is of the route's version, named once, and says
// what the route always says.
func (r Route) says(query url.Values) bool {
	if given := query[Version]; len(given) != 1 || given[0] != r.Version {
		return false
	}
	for name := range r.Query {
		if query.Get(name) != r.Query.Get(name) {
			return false
		}
	}
	return true
}

// Values reads a path below the root of Resource Manager, still escaped, and
// reports whether it is one of the route, whatever the version.
func (r Route) Values(path string) (values []string, ok bool) {
	pattern, given := strings.Split(r.Path, "/"), strings.Split(path, "/")
	if len(pattern) != len(given) {
		return nil, false
	}
	for i, segment := range pattern {
		if !strings.HasPrefix(segment, "{") {
			if !strings.EqualFold(given[i], segment) {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(given[i])
		if err != nil || !segmental(value) {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// segmental reports whether a text can be one segment of a path and no more.
func segmental(text string) bool {
	return text != "" && text != "." && text != ".." && utf8.ValidString(text) && !strings.ContainsAny(text, "/\\?#") && strings.IndexFunc(text, control) < 0
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// path fills in the template. What is no segment of a path cannot be asked for.
func (r Route) path(values []string) (string, error) {
	segments := strings.Split(r.Path, "/")
	next := 0
	for i, segment := range segments {
		if !strings.HasPrefix(segment, "{") {
			continue
		}
		if next == len(values) {
			panic("arm: " + r.Call + " lacks a value for " + segment)
		}
		if !segmental(values[next]) {
			return "", fmt.Errorf("%s: %q is not a name", r.Call, restapi.Line(values[next]))
		}
		segments[i] = url.PathEscape(values[next])
		next++
	}
	if next != len(values) {
		panic("arm: " + r.Call + " is given too many values")
	}
	return strings.Join(segments, "/"), nil
}

// query is the query of a first page.
func (r Route) query() url.Values {
	query := url.Values{Version: {r.Version}}
	for name := range r.Query {
		query.Set(name, r.Query.Get(name))
	}
	return query
}

// parseRoutes reads the table that the program was built with: what is wrong
// with it is a defect of the program.
func parseRoutes(table string) []Route {
	var all []Route
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if len(cells) == 4 {
			cells = append(cells, "")
		}
		if len(cells) != 5 {
			panic(fmt.Sprintf("routes.tsv: %q has %d columns", line, len(cells)))
		}
		query, err := url.ParseQuery(cells[4])
		if err != nil {
			panic(fmt.Sprintf("routes.tsv: %q: %v", line, err))
		}
		service, _, _ := strings.Cut(cells[0], ":")
		all = append(all, Route{Service: service, Call: cells[0], Method: cells[1], Path: cells[2], Version: cells[3], Query: query})
	}
	return all
}
