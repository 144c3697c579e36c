package worldfile

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// file is the world of a toy cloud.
type file struct {
	Things []*thing `yaml:"things"`
}

type thing struct {
	Name  string `yaml:"name"`
	State state  `yaml:"state"`

	line int
}

func (v *thing) UnmarshalYAML(n *yaml.Node) error {
	type plain thing
	v.line = n.Line
	return Strict(n, (*plain)(v))
}

type state string

func (v *state) UnmarshalYAML(n *yaml.Node) error { return Word(v, n, "on", "off") }

// world refuses things without a name.
func (f *file) world() (*file, error) {
	problems := []error{Holes(f.Things, 0, "things")}
	for _, v := range f.Things {
		if v != nil && v.Name == "" {
			problems = append(problems, At(v.line, "%w", errNameless))
		}
	}
	return f, errors.Join(problems...)
}

var errNameless = errors.New("a thing needs its name")

// TestMistakes: each is told with its line, and all are told together.
func TestMistakes(t *testing.T) {
	for text, want := range map[string][]string{
		"thing: []\n":                                    {"parse world: ", `line 1: unknown key "thing"`},
		"things:\n- {nam: a}\n":                          {`line 2: unknown key "nam"`},
		"things:\n- {name: a, state: no}\n":              {`line 2: "no" is none of on, off`},
		"things:\n- {name: a, state: [on]}\n":            {`line 2: "" is none of on, off`},
		"things:\n- {name: a}\n- {state: off}\n":         {"parse world: ", "line 3: a thing needs its name"},
		"things:\n- {name: a}\n- \n":                     {"parse world: things: entry 2 is empty"},
		"things:\n- {nam: a}\n- {name: b, state: maybe}": {"line 2", "line 3"},
		"things: [": {"line 2: did not find"},
	} {
		_, err := Parse([]byte(text), (*file).world)
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s\n%v, want %s", text, err, part)
			}
		}
	}
	if _, err := Parse([]byte("things: [{state: on}]"), (*file).world); !errors.Is(err, errNameless) {
		t.Error(err)
	}
	w, err := Parse([]byte("things: [{name: a, state: on}]"), (*file).world)
	if err != nil || w.Things[0].State != "on" {
		t.Errorf("%+v, %v", w, err)
	}
}

func TestJSON(t *testing.T) {
	moment := time.Date(2020, time.January, 2, 3, 4, 5, 0, time.UTC)
	got, err := JSON(map[string]any{"a": []any{nil, 1, moment}, "b": map[string]any{"c": 1.5}})
	if want := any(map[string]any{"a": []any{nil, 1, "2020-01-02T03:04:05Z"}, "b": map[string]any{"c": 1.5}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for want, v := range map[string]any{
		"keys of members are texts": map[string]any{"a": []any{map[any]any{1: 2}}}, "is no number": math.NaN(), "nothing that JSON can say": 1i,
	} {
		if _, err := JSON(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestDraw: every seed draws another number for every question, and the same again.
func TestDraw(t *testing.T) {
	drawn := make(map[uint64]bool)
	for seed := range uint64(10) {
		for question := range uint64(100) {
			drawn[Draw(seed, question)] = true
		}
	}
	if len(drawn) != 1000 || !drawn[Draw(7, 7)] {
		t.Errorf("%d different numbers", len(drawn))
	}
}
