package gcptest

import (
	"fmt"
	"maps"
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// object is a JSON object.
type object = map[string]any

// item is one thing of a world in the members of the REST resource that it is
// answered as. Which of them are the world's own depends on the service; they
// are taken out by child, children and text.
type item struct {
	members object

	node *yaml.Node // where the members stand
	line int
}

// UnmarshalYAML reads members as JSON has them: a moment is a text, and a member
// that is null is left out, in answers, too.
func (i *item) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("what is in stock is a mapping of members")
	}
	var members map[string]any
	if err := n.Load(&members); err != nil {
		return err
	}
	plain, err := worldfile.JSON(members)
	if err != nil {
		return err
	}
	i.members, _ = plain.(object)
	i.node, i.line = n, n.Line
	return nil
}

// text takes a member that is the world's own.
func (i *item) text(key string) (string, error) {
	value, given := i.members[key]
	delete(i.members, key)
	switch v := value.(type) {
	case string:
		return v, nil
	case int:
		return strconv.Itoa(v), nil
	}
	if !given {
		return "", nil
	}
	return "", worldfile.At(i.line, "%s is not a text", key)
}

// child takes a mapping that is the world's own; nil where there is none.
func (i *item) child(key string) (object, error) {
	value, given := i.members[key]
	delete(i.members, key)
	if !given || value == nil {
		return nil, nil
	}
	mapping, ok := value.(object)
	if !ok {
		return nil, worldfile.At(i.line, "%s is not a mapping", key)
	}
	return mapping, nil
}

// children takes a list of items that is the world's own.
func (i *item) children(key string) ([]*item, error) {
	value, given := i.members[key]
	delete(i.members, key)
	if !given || value == nil {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, worldfile.At(i.line, "%s is not a list", key)
	}
	out := make([]*item, 0, len(list))
	for index, value := range list {
		members, ok := value.(object)
		line := i.lineOf(key, index)
		if !ok {
			return nil, worldfile.At(line, "%s: entry %d is not a mapping", key, index+1)
		}
		out = append(out, &item{members: maps.Clone(members), line: line})
	}
	return out, nil
}

// lineOf finds where an entry of a list stands; merged ones stand elsewhere.
func (i *item) lineOf(key string, index int) int {
	if i.node == nil {
		return i.line
	}
	for k := 0; k+1 < len(i.node.Content); k += 2 {
		list := i.node.Content[k+1]
		if i.node.Content[k].Value == key && list.Kind == yaml.SequenceNode && index < len(list.Content) {
			return list.Content[index].Line
		}
	}
	return i.line
}

// name reads the member that names an item, and refuses an item without one.
func (i *item) name(key string) (string, error) {
	name, ok := i.members[key].(string)
	if !ok || name == "" {
		return "", worldfile.At(i.line, "an item needs its %s, a text", key)
	}
	return name, nil
}

// with returns the members over defaults. What is null is left out.
func (i *item) with(defaults object) object { return over(defaults, i.members) }

func over(defaults, members object) object {
	out := maps.Clone(defaults)
	if out == nil {
		out = make(object, len(members))
	}
	maps.Copy(out, members)
	maps.DeleteFunc(out, func(_ string, value any) bool { return value == nil })
	return out
}
