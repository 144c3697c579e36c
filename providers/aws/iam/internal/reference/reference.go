// Package reference knows which actions and condition keys the audited AWS
// services have, and to which types of resource each action applies. The facts
// are those of the AWS Service Authorization Reference.
package reference

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

//go:embed reference.txt
var text string

// Service is what one IAM prefix offers.
type Service struct {
	Actions []Action // sorted by Folded
	types   map[string]string
	keys    map[string]Key
}

// Action is one permission.
type Action struct {
	Name   string   // as the reference spells it: "s3:GetObject"
	Folded string   // in lower case, because actions match in any case
	Types  []string // types of resource it applies to; none: only to "*"
}

// Key is one condition key of a service.
type Key struct {
	Name string
	Type string // "String", "ARN", "Bool", "Numeric", "Date", or "ArrayOf" one of them
}

// Lookup returns the service with an IAM prefix, if the reference has it.
func Lookup(prefix string) (*Service, bool) {
	s, ok := services()[prefix]
	return s, ok
}

var services = sync.OnceValue(func() map[string]*Service {
	all := make(map[string]*Service)
	var current *Service
	var prefix string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "service":
			current = &Service{types: make(map[string]string), keys: make(map[string]Key)}
			all[fields[1]], prefix = current, fields[1]+":"
		case "type":
			current.types[fields[1]] = fields[2]
		case "key":
			name, _, _ := strings.Cut(fields[1], "${")
			name, _, _ = strings.Cut(name, "<")
			current.keys[strings.ToLower(name)] = Key{fields[1], fields[2]}
		case "action":
			current.Actions = append(current.Actions, Action{prefix + fields[1], strings.ToLower(prefix + fields[1]), fields[2:]})
		}
	}
	for _, s := range all {
		slices.SortFunc(s.Actions, func(a, b Action) int { return strings.Compare(a.Folded, b.Folded) })
	}
	return all
})

// Has reports whether the service has an action, "s3:getobject" in lower case.
func (s *Service) Has(action string) bool {
	_, found := slices.BinarySearchFunc(s.Actions, action, func(a Action, name string) int { return strings.Compare(a.Folded, name) })
	return found
}

// Key returns the service's own condition key with a name in lower case,
// "s3:prefix" or "s3:existingobjecttag/colour".
func (s *Service) Key(folded string) (Key, bool) {
	if k, ok := s.keys[folded]; ok {
		return k, true
	}
	// Keys that end in a caller's name are listed up to it: "s3:ExistingObjectTag/".
	for _, sep := range []string{"/", ":"} {
		if i := strings.LastIndex(folded, sep); i > 0 {
			if k, ok := s.keys[folded[:i+1]]; ok && (strings.Contains(k.Name, "<") || strings.Contains(k.Name, "${")) {
				return k, true
			}
		}
	}
	return Key{}, false
}

// TypesOf returns the resource types whose ARN format an ARN has, the most
// specific ones only. The free part of the ARN may be '*'.
func (s *Service) TypesOf(arn string) []string {
	var names []string
	best := -1
	for name, format := range s.types {
		specific, ok := matchFormat(format, arn)
		switch {
		case !ok || specific < best:
		case specific > best:
			best, names = specific, []string{name}
		default:
			names = append(names, name)
		}
	}
	return names
}

// matchFormat compares an ARN with a format such as
// "arn:${Partition}:s3:::${BucketName}/${ObjectName}" and counts the literal
// characters that agree.
func matchFormat(format, arn string) (specific int, ok bool) {
	want, have := strings.SplitN(format, ":", 6), strings.SplitN(arn, ":", 6)
	if len(want) != 6 || len(have) != 6 {
		return 0, false
	}
	for i := range 5 {
		if strings.HasPrefix(want[i], "${") || want[i] == "*" {
			continue
		}
		if want[i] != have[i] {
			return 0, false
		}
		specific += len(want[i])
	}
	n, ok := matchPath(want[5], have[5])
	return specific + n, ok
}

// matchPath compares what follows the account. A placeholder stands for one
// segment, except the last one after a literal, which takes the rest: names of
// secrets and repositories contain slashes, names of buckets do not.
func matchPath(format, path string) (specific int, ok bool) {
	lone := strings.HasPrefix(format, "${") && strings.Count(format, "${") == 1 && strings.HasSuffix(format, "}")
	if lone {
		return 0, !strings.Contains(path, "/")
	}
	for {
		start := strings.Index(format, "${")
		if start < 0 {
			return specific + len(format), format == path
		}
		if !strings.HasPrefix(path, format[:start]) {
			return 0, false
		}
		specific += start
		path = path[start:]
		end := strings.Index(format, "}") + 1
		if format = format[end:]; format == "" {
			return specific, path != ""
		}
		stop := strings.IndexByte(path, format[0])
		if stop <= 0 {
			return 0, false
		}
		path = path[stop:]
	}
}

// AppliesTo reports whether the action applies to one of the types.
func (a Action) AppliesTo(types []string) bool {
	for _, t := range a.Types {
		if slices.Contains(types, t) {
			return true
		}
	}
	return false
}
