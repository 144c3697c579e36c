package servernetwork

import (
	"encoding/json"

	"github.com/andon-audit/andon/providers/azure/arm"
)

// Members are those of one object of an answer, by name.
type Members map[string]json.RawMessage

// decodeMembers reads an object; null is none.
func decodeMembers(raw json.RawMessage) (m Members, ok bool) {
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return nil, false
	}
	return m, true
}

// Value is what stands at a place of an answer. The zero value is nothing.
type Value struct {
	// Set says that something stands there; null is nothing.
	Set bool
	// Odd says that what stands there, or on the way there, has another type than
	// it should have, or stands there in several spellings. Nothing else of the value is filled in then but Set.
	Odd  bool
	Text string
	Flag bool
	List []json.RawMessage
}

// find follows a path of member names, however they are written.
func (m Members) find(path []string) (raw json.RawMessage, odd bool) {
	for i, name := range path {
		if raw, odd = arm.Member(m, name); odd {
			return nil, true
		}
		if raw == nil || string(raw) == "null" {
			return nil, false
		}
		if i == len(path)-1 {
			break
		}
		var ok bool
		if m, ok = decodeMembers(raw); !ok {
			return nil, true
		}
	}
	return raw, false
}

func value[T any](m Members, path []string, into func(*Value) *T) Value {
	raw, odd := m.find(path)
	if odd {
		return Value{Set: true, Odd: true}
	}
	if raw == nil {
		return Value{}
	}
	var v Value
	if json.Unmarshal(raw, into(&v)) != nil {
		return Value{Set: true, Odd: true}
	}
	v.Set = true
	return v
}

// Text returns the text at a path of member names. Empty text is nothing.
func (m Members) Text(path ...string) Value {
	v := value(m, path, func(v *Value) *string { return &v.Text })
	if v.Text == "" && !v.Odd {
		return Value{}
	}
	return v
}

// Flag returns true or false at a path of member names.
func (m Members) Flag(path ...string) Value {
	return value(m, path, func(v *Value) *bool { return &v.Flag })
}

// List returns the entries at a path of member names.
func (m Members) List(path ...string) Value {
	return value(m, path, func(v *Value) *[]json.RawMessage { return &v.List })
}
