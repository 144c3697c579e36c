// Package reference knows which actions and condition keys the audited AWS
// services have, to which types of resource each action applies, and which keys
// its requests carry. The facts are those of the AWS Service Authorization
// Reference.
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
	Actions  []Action // sorted by Folded
	types    []resourceType
	keys     map[string]Key
	families []family
}

// Action is one permission.
type Action struct {
	Name   string // as the reference spells it: "s3:GetObject"
	Folded string // in lower case, because actions match in any case
	Types  Types  // of resource it applies to; none: only to "*"

	keys []bool // by number of the key
}

// Types is a set of a service's types of resource.
type Types uint64

// maxTypes is how many types of resource a service can have.
const maxTypes = 64

type resourceType struct {
	name string
	arn  [arnFields]string // its format: "arn:${Partition}:s3:::${BucketName}"
}

// Key is one condition key of a service, or one of the global keys that only
// some of its actions have: aws:TagKeys and aws:RequestTag/.
type Key struct {
	Name string
	Type string // "String", "ARN", "Bool", "Numeric", "Date", or "ArrayOf" one of them

	number int
}

// family is the keys that begin alike and end in a name of somebody's choice:
// "s3:existingobjecttag/".
type family struct {
	prefix string
	key    Key
}

// Lookup returns the service with an IAM prefix, if the reference has it.
func Lookup(prefix string) (*Service, bool) {
	load, ok := services()[prefix]
	if !ok {
		return nil, false
	}
	return load(), true
}

// services cuts the reference into services. Each is read when it is first
// asked for: most runs are about one or two.
var services = sync.OnceValue(func() map[string]func() *Service {
	const head = "\nservice "
	all := make(map[string]func() *Service)
	_, sections, _ := strings.Cut(text, head)
	for section := range strings.SplitSeq(sections, head) {
		prefix, lines, _ := strings.Cut(section, "\n")
		all[prefix] = sync.OnceValue(func() *Service { return parse(prefix, lines) })
	}
	return all
})

// parse reads the lines of one service, see ./generate.
func parse(prefix, lines string) *Service {
	s := &Service{keys: make(map[string]Key)}
	sets := make(map[string][]bool)
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "type":
			arn, ok := splitARN(fields[2])
			if !ok || len(s.types) == maxTypes {
				panic("reference: service " + prefix + ": bad type " + fields[1])
			}
			s.types = append(s.types, resourceType{fields[1], arn})
		case "key":
			s.addKey(Key{fields[1], fields[2], len(s.keys)})
		case "keys":
			set := make([]bool, len(s.keys))
			for _, name := range fields[2:] {
				if strings.HasPrefix(name, ":") {
					name = prefix + name
				}
				set[s.keys[start(name)].number] = true
			}
			sets[fields[1]] = set
		case "action":
			name := prefix + ":" + fields[1]
			s.Actions = append(s.Actions, Action{name, strings.ToLower(name), s.named(fields[3:]), sets[fields[2]]})
		}
	}
	slices.SortFunc(s.Actions, func(a, b Action) int { return strings.Compare(a.Folded, b.Folded) })
	return s
}

// named returns the types with some names. The published reference is not of one
// mind about their case: actions apply to "Secret" where the type is "secret".
func (s *Service) named(names []string) Types {
	var set Types
	for i, t := range s.types {
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, t.name) }) {
			set |= 1 << i
		}
	}
	return set
}

func (s *Service) addKey(k Key) {
	folded := start(k.Name)
	s.keys[folded] = k
	if len(folded) < len(k.Name) {
		s.families = append(s.families, family{folded, k})
	}
}

// start returns a key's name in lower case, up to where somebody's own name
// begins: "s3:ExistingObjectTag/<key>", "kms:EncryptionContext:${Key}".
func start(name string) string {
	if at := strings.IndexAny(name, "$<"); at >= 0 {
		name = name[:at]
	}
	return strings.ToLower(name)
}

// Has reports whether the service has an action, "s3:getobject" in lower case.
func (s *Service) Has(action string) bool {
	_, found := slices.BinarySearchFunc(s.Actions, action, func(a Action, name string) int { return strings.Compare(a.Folded, name) })
	return found
}

// Key returns the service's condition key with a name in lower case,
// "s3:prefix" or "s3:existingobjecttag/colour".
func (s *Service) Key(folded string) (Key, bool) {
	if k, ok := s.keys[folded]; ok {
		return k, true
	}
	for _, f := range s.families {
		if strings.HasPrefix(folded, f.prefix) {
			return f.key, true
		}
	}
	return Key{}, false
}

// Carries reports whether the reference lists a key of the action's service for
// the action, or for a type of resource that the action applies to. It is known
// to leave some out.
func (a *Action) Carries(k Key) bool { return a.keys[k.number] }

// TypesOf returns the resource types whose ARN format an ARN has, the most
// specific ones only. The free part of the ARN may be '*'.
func (s *Service) TypesOf(arn string) Types {
	have, ok := splitARN(arn)
	if !ok {
		return 0
	}
	var set Types
	best := -1
	for i := range s.types {
		specific, ok := matchFormat(&s.types[i].arn, &have)
		switch {
		case !ok || specific < best:
		case specific > best:
			best, set = specific, 1<<i
		default:
			set |= 1 << i
		}
	}
	return set
}

// Names lists types, for people.
func (s *Service) Names(set Types) []string {
	var names []string
	for i, t := range s.types {
		if set&(1<<i) != 0 {
			names = append(names, t.name)
		}
	}
	return names
}

const arnFields = 6

// splitARN cuts an ARN at its first five colons.
func splitARN(arn string) (fields [arnFields]string, ok bool) {
	for i := range arnFields - 1 {
		if fields[i], arn, ok = strings.Cut(arn, ":"); !ok {
			return fields, false
		}
	}
	fields[arnFields-1] = arn
	return fields, true
}

// matchFormat compares an ARN with a format such as
// "arn:${Partition}:s3:::${BucketName}/${ObjectName}" and counts the literal
// characters that agree.
func matchFormat(want, have *[arnFields]string) (specific int, ok bool) {
	const last = arnFields - 1
	for i := range last {
		if strings.HasPrefix(want[i], "${") || want[i] == "*" {
			continue
		}
		if want[i] != have[i] {
			return 0, false
		}
		specific += len(want[i])
	}
	n, ok := matchPath(want[last], have[last])
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
