package azuretest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// thing is a resource of a subscription.
type thing struct {
	id       string // "/subscriptions/.../storageAccounts/telemetry"
	kind     string // "Microsoft.Storage/storageAccounts"
	name     string
	members  object           // as answered
	children map[string]child // by path below the id, in lower case

	unindexed bool // Azure Resource Graph has not heard of it yet
}

// child is what is in a resource: one object, or a list.
type child struct {
	object object
	list   []any // nil for an object
}

// stock reads the resources of a subscription.
func (s *subscription) stock() error {
	s.things, s.kept, s.odd = make(map[string]*thing), make(map[string][]*thing), make(map[string][]any)
	if err := worldfile.Holes(s.Resources, s.line, "resources"); err != nil {
		return err
	}
	var problems []error
	for _, i := range s.Resources {
		t, err := s.thing(i)
		if err == nil && s.things[strings.ToLower(t.id)] != nil {
			err = worldfile.At(i.line, "%s is declared twice", t.id)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s.things[strings.ToLower(t.id)] = t
		s.kept[strings.ToLower(t.kind)] = append(s.kept[strings.ToLower(t.kind)], t)
	}
	for kind, values := range s.Odd {
		if !readType(kind) {
			problems = append(problems, worldfile.At(s.line, "odd: no call reads resources of type %s", kind))
		}
		s.odd[strings.ToLower(kind)] = values
	}
	return errors.Join(problems...)
}

func (s *subscription) thing(i *item) (*thing, error) {
	group, err := i.text("group")
	children, given := i.members["children"]
	delete(i.members, "children")
	indexed, flagErr := i.flag("indexed", true)
	if err := cmp.Or(err, flagErr); err != nil {
		return nil, err
	}
	kind, name := textOf(i.members["type"]), textOf(i.members["name"])
	id := textOf(i.members["id"])
	if id != "" {
		if kind, name, err = typeOf(id, s.ID); err != nil {
			return nil, worldfile.At(i.line, "%v", err)
		}
	}
	if kind == "" || name == "" {
		return nil, worldfile.At(i.line, "a resource needs its type and its name, or its id")
	}
	if strings.Count(name, "/")+1 != strings.Count(kind, "/") {
		return nil, worldfile.At(i.line, "%q has not as many parts as %s", name, kind)
	}
	if !readType(kind) {
		return nil, worldfile.At(i.line, "no call reads resources of type %s", kind)
	}
	if id == "" {
		id = resourceID(s.ID, cmp.Or(group, "rg"), kind, name)
	}
	if _, err := arm.ParseID(id, kind); err != nil {
		return nil, worldfile.At(i.line, "%v", err)
	}
	t := &thing{id: id, kind: kind, name: last(name), children: make(map[string]child), unindexed: !indexed}
	t.members = over(object{"id": id, "type": kind, "name": t.name, "location": "westeurope"}, i.members)
	t.members["name"] = t.name
	if !given || children == nil {
		return t, nil
	}
	paths, ok := children.(object)
	if !ok {
		return nil, worldfile.At(i.line, "children is not a mapping")
	}
	return t, t.adopt(paths, i.line)
}

// adopt reads the children of a resource.
func (t *thing) adopt(paths object, line int) error {
	var problems []error
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if !readPath(t.id + "/" + path) {
			problems = append(problems, worldfile.At(line, "children: no call reads %s of %s", path, t.kind))
			continue
		}
		switch v := paths[path].(type) {
		case object:
			t.children[strings.ToLower(path)] = child{object: t.named(path, v)}
		case []any:
			list := make([]any, 0, len(v))
			for _, entry := range v {
				if members, ok := entry.(object); ok && textOf(members["name"]) != "" {
					entry = t.named(path+"/"+textOf(members["name"]), members)
				}
				list = append(list, entry)
			}
			t.children[strings.ToLower(path)] = child{list: list}
		default:
			problems = append(problems, worldfile.At(line, "children: %s is neither a mapping nor a list", path))
		}
	}
	return errors.Join(problems...)
}

// named fills in what every child says of itself, unless the world does.
func (t *thing) named(path string, members object) object {
	kind := t.kind
	segments := strings.Split(path, "/")
	for i := 0; i < len(segments); i += 2 {
		kind += "/" + segments[i]
	}
	return over(object{"id": t.id + "/" + path, "name": last(path), "type": kind}, members)
}

func last(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// resourceID spells the id of a resource; name has as many parts as kind.
func resourceID(subscription, group, kind, name string) string {
	namespace, types, _ := strings.Cut(kind, "/")
	id := "/subscriptions/" + subscription + "/resourceGroups/" + group + "/providers/" + namespace
	names := strings.Split(name, "/")
	for i, t := range strings.Split(types, "/") {
		id += "/" + t
		if i < len(names) {
			id += "/" + names[i]
		}
	}
	return id
}

// typeOf reads the type and the name out of an id.
func typeOf(id, subscription string) (kind, name string, err error) {
	segments := strings.Split(strings.TrimPrefix(id, "/"), "/")
	if len(segments) < 8 || len(segments)%2 != 0 || segments[4] != "providers" || !strings.EqualFold(segments[1], subscription) {
		return "", "", fmt.Errorf("%q is not the id of a resource of subscription %s", id, subscription)
	}
	kind = segments[5]
	var names []string
	for i := 6; i < len(segments); i += 2 {
		kind += "/" + segments[i]
		names = append(names, segments[i+1])
	}
	return kind, strings.Join(names, "/"), nil
}

// readPath reports whether some call reads a path, whatever the version, or one
// thing of the list that the path leads to.
func readPath(path string) bool {
	path = strings.TrimPrefix(path, "/")
	return slices.ContainsFunc(arm.Routes(), func(r arm.Route) bool {
		_, whole := r.Values(path)
		_, one := r.Values(path + "/x")
		return whole || one
	})
}

// readType reports whether some call reads resources of a type, or what is in
// them.
func readType(kind string) bool {
	return slices.ContainsFunc(arm.Routes(), func(r arm.Route) bool {
		return strings.Contains(strings.ToLower(r.Path+"/"), "/providers/"+strings.ToLower(kind)+"/")
	})
}

func readNamespace(namespace string) bool { return readType(namespace) }

func textOf(v any) string {
	text, _ := v.(string)
	return text
}

// over returns members over defaults.
func over(defaults, members object) object {
	out := maps.Clone(defaults)
	maps.Copy(out, members)
	return out
}
