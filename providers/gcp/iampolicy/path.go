package iampolicy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// Path returns the path of a call about something that is called name, as in
// "projects/p/topics/t". A name that is not of the call's form is an error.
func Path(call, name string) (string, error) {
	pattern := strings.Split(api.RouteOf(call).Path, "/")
	given := strings.Split(name, "/")
	var path []string
	at := 0
	for i, segment := range pattern {
		open := strings.HasPrefix(segment, "{")
		switch {
		case at == 0 && !open && segment != given[0], at == len(given) && !open:
			path = append(path, segment) // the version before the name, the verb after it
		case at == len(given) || given[at] == "" || !open && segment != given[at]:
			return "", collect.Malformed(call, "the name %q is not of the form %s", name, strings.Join(pattern[i:], "/"))
		case open:
			_, verb, _ := strings.Cut(segment, "}")
			path = append(path, escape(given[at])+verb)
			at++
		default:
			path = append(path, segment)
			at++
		}
	}
	if at < len(given) {
		return "", collect.Malformed(call, "the name %q is longer than its form", name)
	}
	return strings.Join(path, "/"), nil
}

// Collection returns the path of a listing call below a parent, as in
// "projects/p/locations/l".
func Collection(call, parent string) (string, error) { return Path(call, parent) }

// Ancestor returns the beginning of a name that a call is about: of a key's name
// that of its ring, for the call that reads a ring's policy.
func Ancestor(call, name string) (string, error) {
	segments := 0
	for _, segment := range strings.Split(api.RouteOf(call).Path, "/") {
		if strings.HasPrefix(segment, "{") {
			segments += 2
		}
	}
	given := strings.Split(name, "/")
	if len(given) < segments {
		return "", fmt.Errorf("find the parent of %q for %s: the name is too short", name, call)
	}
	return strings.Join(given[:segments], "/"), nil
}

// values returns what stands at the variables of a name, without the project's:
// every second segment, since Google's names are pairs, but for the word global.
func values(name string) []string {
	segments := strings.Split(name, "/")
	if len(segments) > 2 && segments[2] == "global" {
		segments = slices.Delete(segments, 2, 3)
	}
	var found []string
	for i := 3; i < len(segments); i += 2 {
		found = append(found, segments[i])
	}
	return found
}
