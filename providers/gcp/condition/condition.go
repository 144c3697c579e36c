// Package condition evaluates IAM Conditions in three values: an expression
// holds, does not hold, or hangs on something that nobody read.
package condition

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// Value is a truth value of Kleene's logic.
type Value uint8

// The truth values. The zero one claims nothing.
const (
	Unknown Value = iota
	False
	True
)

// Facts are what is known of every request that a grant is about.
type Facts struct {
	// Now is when the requests are made; zero is not known.
	Now time.Time
	// Service, Type and Name are the resource of the requests
	// ("storage.googleapis.com", "storage.googleapis.com/Bucket",
	// "projects/_/buckets/b"), each empty where it is not known. A condition of a
	// container's policy is asked of what is in it, too, by other types and
	// names: they are known only if every request is for this very resource.
	Service, Type, Name string
}

// The bounds of an expression. They are this package's own: what is beyond them
// is not evaluated, whatever IAM does with it.
const (
	maxLength  = 12_000  // bytes
	maxNodes   = 10_000  // of the syntax tree
	maxDepth   = 100     // of the syntax tree
	maxLoops   = 4       // within one another, since each is taken at every step of the outer ones
	maxCost    = 20_000  // CEL cost units, about 2 ms
	maxMemory  = 100_000 // elements of what is computed
	maxPattern = 2_000   // instructions of a regular expression
)

// The sentences that say why.
const (
	unconditional = "there is no condition"
	holds         = "the condition holds"
	holdsNot      = "the condition does not hold"
	tooLong       = "the condition is too long to be evaluated"
	unreadable    = "the condition is not an expression that this program can read"
	unevaluable   = "the condition cannot be evaluated"
)

// Evaluate evaluates an expression, and says in one short plain sentence, which
// quotes nothing foreign, why it is what it is. An empty expression is True. What
// cannot be read or evaluated here is Unknown, since IAM may be able to. Losing a
// fact never turns True into False, nor False into True.
//
// A time zone by name is looked up in the machine's database; where that lacks
// it, the value is Unknown.
//
// A binding gives its role only where its condition is true, whereas a deny rule
// also denies where its condition cannot be evaluated.
//
// Sources: https://docs.cloud.google.com/iam/docs/conditions-overview,
// https://docs.cloud.google.com/iam/docs/conditions-attribute-reference
func Evaluate(expression string, f Facts) (v Value, why string) {
	if expression == "" {
		return True, unconditional
	}
	if len(expression) > maxLength {
		return Unknown, tooLong
	}
	tree, ok := parse(expression)
	if !ok {
		return Unknown, unreadable
	}
	if loops(tree) > maxLoops {
		return Unknown, unevaluable
	}
	known := f.known()
	vars, err := cel.PartialVars(known, missing(tree, known)...)
	if err != nil {
		return Unknown, unevaluable
	}
	program, err := program(tree)
	if err != nil {
		return Unknown, unreadable
	}
	result, _, err := program.Eval(vars)
	if err != nil {
		return Unknown, unevaluable
	}
	switch result := result.(type) {
	case types.Bool:
		if result {
			return True, holds
		}
		return False, holdsNot
	case *types.Unknown:
		return Unknown, depends(result)
	}
	return Unknown, unevaluable
}

// parse reads an expression without checking its types: IAM's declarations are
// not published, and one that this program does not know must not spoil what is
// decided without it.
func parse(expression string) (*cel.Ast, bool) {
	env, err := environment()
	if err != nil || !utf8.ValidString(expression) {
		return nil, false
	}
	tree, issues := env.Parse(expression)
	return tree, issues.Err() == nil
}

func program(tree *cel.Ast) (cel.Program, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	return env.Program(tree, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(maxCost), cel.MemoryLimit(maxMemory))
}

// known are the variables of the facts.
func (f Facts) known() map[string]any {
	request, resource := map[string]any{}, map[string]any{}
	if !f.Now.IsZero() {
		request["time"] = f.Now
	}
	for name, value := range map[string]string{"service": f.Service, "type": f.Type, "name": f.Name} {
		if value != "" {
			resource[name] = value
		}
	}
	return map[string]any{"request": request, "resource": resource}
}

// attributes are those that Google documents: the only names of an expression
// that are repeated.
//
// Source: https://docs.cloud.google.com/iam/docs/conditions-attribute-reference
var attributes = []string{
	"api", "destination.ip", "destination.port",
	"request.auth", "request.host", "request.path", "request.time",
	"resource.name", "resource.service", "resource.type", resourceTags, resourcePart,
}

// depends says on what an unknown value hangs.
func depends(unknown *types.Unknown) string {
	var names []string
	for _, id := range unknown.IDs() {
		trails, _ := unknown.GetAttributeTrails(id)
		for _, t := range trails {
			name := t.Variable()
			if path := t.QualifierPath(); len(path) > 0 {
				name = fmt.Sprintf("%s.%v", name, path[0])
			}
			if !slices.Contains(attributes, name) {
				name = "something that is not known"
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return "the condition depends on " + strings.Join(slices.Compact(names), ", ")
}
