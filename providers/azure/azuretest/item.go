package azuretest

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// object is a JSON object.
type object = map[string]any

// value is anything that JSON can say, null included.
type value struct{ plain any }

// UnmarshalYAML reads a value as JSON has it: a moment is a text.
func (v *value) UnmarshalYAML(n *yaml.Node) error {
	var loaded any
	if err := n.Load(&loaded); err != nil {
		return err
	}
	plain, err := worldfile.JSON(loaded)
	v.plain = plain
	return err
}

// values are a list of anything. A null among them stays one.
type values []any

// UnmarshalYAML reads values as JSON has them.
func (v *values) UnmarshalYAML(n *yaml.Node) error {
	var list value
	if err := list.UnmarshalYAML(n); err != nil {
		return err
	}
	plain, ok := list.plain.([]any)
	if !ok {
		return fmt.Errorf("not a list")
	}
	*v = plain
	return nil
}

// item is one resource of a world in the members that it is answered with, and
// those that are the world's own: group, indexed and children.
type item struct {
	members object
	line    int
}

// UnmarshalYAML reads members as JSON has them.
func (i *item) UnmarshalYAML(n *yaml.Node) error {
	i.line = n.Line
	var v value
	if err := v.UnmarshalYAML(n); err != nil {
		return err
	}
	members, ok := v.plain.(object)
	if !ok {
		return fmt.Errorf("a resource is a mapping of members (see odd for what is none)")
	}
	i.members = members
	return nil
}

// text takes a member that has to be a text, if it is there.
func (i *item) text(key string) (string, error) {
	v, given := i.members[key]
	delete(i.members, key)
	text, ok := v.(string)
	if given && !ok {
		return "", worldfile.At(i.line, "%s is not a text", key)
	}
	return text, nil
}

// flag takes a member that has to be true or false, if it is there.
func (i *item) flag(key string, otherwise bool) (bool, error) {
	v, given := i.members[key]
	delete(i.members, key)
	if !given {
		return otherwise, nil
	}
	flag, ok := v.(bool)
	if !ok {
		return false, worldfile.At(i.line, "%s is neither true nor false", key)
	}
	return flag, nil
}
