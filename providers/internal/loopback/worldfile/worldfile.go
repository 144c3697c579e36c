// Package worldfile reads the worlds of the loopback clouds: YAML that refuses
// unknown keys and misspelt words, and names the line of each mistake.
package worldfile

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Parse reads a file and makes a world of it.
func Parse[File, World any](text []byte, world func(*File) (*World, error)) (*World, error) {
	var file File
	if err := yaml.Load(text, &file, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("parse world: %w", readable(err))
	}
	w, err := world(&file)
	if err != nil {
		return nil, fmt.Errorf("parse world: %w", err)
	}
	return w, nil
}

// Strict decodes a node and keeps refusing unknown keys, which yaml forgets inside
// a custom decoder.
func Strict(n *yaml.Node, v any) error { return n.Load(v, yaml.WithKnownFields()) }

// Word reads a word that is spelt in one way only. It refuses any other, so that a
// typo in a world cannot pass for a setting nobody has seen yet.
func Word[T ~string](v *T, n *yaml.Node, words ...T) error {
	if n.Kind == yaml.ScalarNode && slices.Contains(words, T(n.Value)) {
		*v = T(n.Value)
		return nil
	}
	texts := make([]string, 0, len(words))
	for _, word := range words {
		texts = append(texts, string(word))
	}
	return fmt.Errorf("%q is none of %s", n.Value, strings.Join(texts, ", "))
}

// At is an error about a line; zero is a line that nobody knows.
func At(line int, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if line == 0 {
		return err
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// Holes finds entries of a list that hold nothing, such as a dash left over.
func Holes[T any](list []*T, line int, key string) error {
	if i := slices.Index(list, nil); i >= 0 {
		return At(line, "%s: entry %d is empty", key, i+1)
	}
	return nil
}

// readable turns the decoder's words about Go types into words about the file.
func readable(err error) error {
	var problems []*yaml.LoadError
	if many, ok := errors.AsType[*yaml.LoadErrors](err); ok {
		problems = many.Errors
	} else if one, ok := errors.AsType[*yaml.LoadError](err); ok {
		problems = []*yaml.LoadError{one}
	} else {
		return err
	}
	out := make([]error, 0, len(problems))
	for _, p := range problems {
		out = append(out, At(p.Mark.Line, "%s", unknownField.ReplaceAllString(p.Message, `unknown key "$1"`)))
	}
	return errors.Join(out...)
}

var unknownField = regexp.MustCompile(`^field (\S+) not found in type \S+$`)

// JSON turns what YAML reads into what JSON can say: a moment is a text.
func JSON(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			plain, err := JSON(member)
			if err != nil {
				return nil, err
			}
			out[key] = plain
		}
		return out, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, member := range v {
			plain, err := JSON(member)
			if err != nil {
				return nil, err
			}
			out = append(out, plain)
		}
		return out, nil
	case map[any]any:
		return nil, errors.New("keys of members are texts: put others in quotes")
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is no number of JSON", v)
		}
	case nil, bool, string, int, int64, uint64:
	default:
		return nil, fmt.Errorf("%v is nothing that JSON can say", v)
	}
	return v, nil
}

// Purposes are what the buckets of generated worlds are for.
var Purposes = []string{"telemetry", "backup", "logs", "assets", "exports", "invoices", "ml-training", "images", "config", "archive"}

// Draw is splitmix64 of a seed and of what is drawn for. A generated world holds
// nothing: the same question draws the same number again.
func Draw(seed, question uint64) uint64 {
	z := seed*0x9e3779b97f4a7c15 + question + 1
	z *= 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
