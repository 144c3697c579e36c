package policy

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"

	"github.com/andon-audit/andon/pkg/resource"
)

// Vocabulary is what policies may mention: everything the collectors declare.
// A word outside it is an error at load, with the place and the nearest word.
type Vocabulary struct {
	// Settings are the settings that collectors read, with their types.
	Settings map[string]Type
	Kinds    []resource.Kind
	Classes  []resource.Class
	Channels []resource.Channel
	Actions  []resource.Action
}

// providers returns the clouds that the kinds belong to.
func (v *Vocabulary) providers() []string {
	var clouds []string
	for _, k := range v.Kinds {
		if !slices.Contains(clouds, k.Provider()) {
			clouds = append(clouds, k.Provider())
		}
	}
	return clouds
}

// Type is the type of a setting's value.
type Type string

// The types of settings, in the words that declarations use.
const (
	Bool    Type = "bool"
	Number  Type = "number"
	Text    Type = "text"
	TextSet Type = "texts" // a list of texts
)

func (t Type) cel() (*cel.Type, error) {
	switch t {
	case Bool:
		return cel.BoolType, nil
	case Number:
		return cel.DoubleType, nil
	case Text:
		return cel.StringType, nil
	case TextSet:
		return cel.ListType(cel.StringType), nil
	}
	return nil, fmt.Errorf("read setting type: %q is none of %q", t, []Type{Bool, Number, Text, TextSet})
}

// holds reports whether a setting's value has the type. A list that came
// through JSON is a []any.
func (t Type) holds(value any) bool {
	switch v := value.(type) {
	case bool:
		return t == Bool
	case float64:
		return t == Number
	case string:
		return t == Text
	case []string:
		return t == TextSet
	case []any:
		return t == TextSet && !slices.ContainsFunc(v, isNoText)
	}
	return false
}

func isNoText(value any) bool {
	_, ok := value.(string)
	return !ok
}

// Config is what the owner of an estate tells the policies about it.
type Config struct {
	// TrustedAccounts are foreign accounts that may share stores.
	TrustedAccounts []string
}

// suggest returns ` (did you mean "x"?)` for the known word nearest to a
// misspelt one, or nothing when none is near.
func suggest[T ~string](word string, known []T) string {
	nearest, fewest := "", 1+max(1, (len(word)+1)/3)
	for _, k := range known {
		if n := edits(word, string(k)); n < fewest || n == fewest && nearest != "" && string(k) < nearest {
			nearest, fewest = string(k), n
		}
	}
	if nearest == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", nearest)
}

// edits counts the letters to insert, drop or replace to turn a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
