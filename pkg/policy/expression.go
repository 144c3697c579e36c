package policy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"go.yaml.in/yaml/v4"
)

// The bounds of an expression, in CEL cost units; a usual one costs under 100.
const (
	maxEstimatedCost = 1_000_000 // at load, for lists of assumedItems
	maxCost          = 20_000    // in one evaluation, about 2 ms
	assumedItems     = 100
	assumedRunes     = 1_000
)

// expression is one type-checked CEL condition.
type expression struct {
	// reads are the facts it mentions, as "settings.acls_enabled", sorted.
	reads []string
	// plain evaluates when every fact is known, partial when some are not:
	// it costs twice as much.
	plain, partial cel.Program
}

func (e *expression) mentions(fact string) bool { return slices.Contains(e.reads, fact) }

// onlyReads reports whether every fact the expression mentions is one of these
// or belongs to one of these variables ("level.").
func (e *expression) onlyReads(facts ...string) bool {
	return !slices.ContainsFunc(e.reads, func(read string) bool {
		return !slices.ContainsFunc(facts, func(f string) bool {
			return read == f || strings.HasSuffix(f, ".") && strings.HasPrefix(read, f)
		})
	})
}

// settings returns the names of the settings that the expression mentions.
func (e *expression) settings() []string {
	var names []string
	for _, read := range e.reads {
		if name, ok := strings.CutPrefix(read, readSettings); ok {
			names = append(names, name)
		}
	}
	return names
}

// answer is what an expression says about a world.
type answer struct {
	holds bool
	// waits are the unknown facts that left it open; trouble is the error that
	// did. With neither, holds decides.
	waits   []string
	trouble error
}

func (a answer) known() bool { return len(a.waits) == 0 && a.trouble == nil }

// ask evaluates the expression.
func (e *expression) ask(w *world) answer {
	program := e.plain
	if len(w.unknown) > 0 {
		program = e.partial
	}
	value, _, err := program.Eval(w)
	if err != nil {
		return answer{trouble: err}
	}
	switch v := value.(type) {
	case types.Bool:
		return answer{holds: bool(v)}
	case *types.Unknown:
		return answer{waits: trails(v)}
	}
	return answer{trouble: fmt.Errorf("the expression gave %s, not a bool", value.Type().TypeName())}
}

// trails names the facts behind an unknown value.
func trails(unknown *types.Unknown) []string {
	var facts []string
	for _, id := range unknown.IDs() {
		attributes, _ := unknown.GetAttributeTrails(id)
		for _, a := range attributes {
			fact := a.Variable()
			if path := a.QualifierPath(); len(path) > 0 {
				fact = fmt.Sprintf("%s.%v", fact, path[0])
			}
			if !slices.Contains(facts, fact) {
				facts = append(facts, fact)
			}
		}
	}
	slices.Sort(facts)
	return facts
}

// compile type-checks one expression and complains in the document about
// everything that is wrong with it. It returns nil after a complaint.
func (l *language) compile(d *document, source *yaml.Node) *expression {
	before := len(d.problems)
	checked, issues := l.env.Compile(source.Value)
	if issues.Err() != nil {
		for _, e := range issues.Errors() {
			l.reportIssue(d, source, e)
		}
		return nil
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) {
		d.reportWithin(source, 0, fmt.Sprintf("the expression is %s, not bool", t))
		return nil
	}
	walk := &inspection{language: l, document: d, source: source, ast: checked.NativeRep()}
	reads := walk.run()
	if len(d.problems) == before {
		l.checkCost(d, source, checked)
	}
	if len(d.problems) > before {
		return nil
	}
	plain, err := l.program(checked, cel.OptOptimize)
	partial, partialErr := l.program(checked, cel.OptOptimize|cel.OptPartialEval)
	if err := errors.Join(err, partialErr); err != nil {
		d.reportWithin(source, 0, err.Error())
		return nil
	}
	return &expression{reads: reads, plain: plain, partial: partial}
}

func (l *language) program(checked *cel.Ast, options cel.EvalOption) (cel.Program, error) {
	return l.env.Program(checked, cel.EvalOptions(options), cel.CostLimit(maxCost))
}

func (l *language) reportIssue(d *document, source *yaml.Node, issue *cel.Error) {
	message, column := issue.Message, issue.Location.Column()
	if name, ok := strings.CutPrefix(message, "undefined field '"); ok {
		column++ // CEL points at the dot
		message += suggest(strings.TrimSuffix(name, "'"), l.fieldNames())
	}
	d.reportWithin(source, offsetOf(source.Value, issue.Location.Line(), column), message)
}

// offsetOf turns CEL's place (line from one, column from zero) into an offset
// in runes.
func offsetOf(text string, line, column int) int {
	offset := 0
	for _, l := range strings.SplitAfter(text, "\n")[:max(0, line-1)] {
		offset += len([]rune(l))
	}
	return min(max(offset+column, 0), len([]rune(text)))
}

func (l *language) checkCost(d *document, source *yaml.Node, checked *cel.Ast) {
	estimate, err := l.env.EstimateCost(checked, sizes{})
	switch {
	case err != nil:
		d.reportWithin(source, 0, fmt.Sprintf("estimate cost: %v", err))
	case estimate.Max == math.MaxUint64:
		d.reportWithin(source, 0, "the expression may cost without bound")
	case estimate.Max > maxEstimatedCost:
		d.reportWithin(source, 0, fmt.Sprintf("the expression may cost %d units, which is more than %d: loop less", estimate.Max, maxEstimatedCost))
	}
}

// sizes bounds what comes out of an inventory, for the estimate.
type sizes struct{}

// EstimateSize implements cost.Estimator.
func (sizes) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if node.ComputedSize() != nil {
		return nil
	}
	switch node.Type().Kind() {
	case types.ListKind, types.MapKind:
		return &cost.SizeEstimate{Max: assumedItems}
	case types.StringKind:
		return &cost.SizeEstimate{Max: assumedRunes}
	}
	return nil
}

// EstimateCallCost implements cost.Estimator.
func (sizes) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil
}

// inspection walks a type-checked expression for what types cannot say.
type inspection struct {
	language *language
	document *document
	source   *yaml.Node
	ast      *ast.AST
}

// run returns the facts that the expression mentions, sorted.
func (i *inspection) run() []string {
	var reads []string
	all := ast.MatchDescendants(ast.NavigateAST(i.ast), ast.AllMatcher())
	for _, e := range all {
		switch e.Kind() {
		case ast.IdentKind:
			if fact := i.fact(e); fact != "" && !slices.Contains(reads, fact) {
				reads = append(reads, fact)
			}
		case ast.ComprehensionKind:
			i.checkShadow(e, e.AsComprehension().IterVar())
			i.checkShadow(e, e.AsComprehension().IterVar2())
		case ast.StructKind:
			i.report(e, fmt.Sprintf("%s cannot be built in a policy", e.AsStruct().TypeName()))
		case ast.CallKind:
			i.checkWords(e.AsCall())
		}
	}
	slices.Sort(reads)
	return reads
}

// fact returns the fact that a variable's occurrence reads.
func (i *inspection) fact(ident ast.NavigableExpr) string {
	name := strings.TrimPrefix(ident.AsIdent(), ".")
	if _, ok := roots[name]; !ok {
		return ""
	}
	parent, ok := ident.Parent()
	if !ok || parent.Kind() != ast.SelectKind {
		i.report(ident, fmt.Sprintf("%s is not a value of its own: name one of its fields", name))
		return ""
	}
	if parent.AsSelect().IsTestOnly() {
		i.report(ident, "has() says nothing here: every field exists, and a setting that was not read is unknown")
	}
	return name + "." + parent.AsSelect().FieldName()
}

// checkShadow keeps loop variables from hiding the variables of the language.
func (i *inspection) checkShadow(loop ast.Expr, name string) {
	if _, ok := roots[name]; ok {
		i.report(loop, fmt.Sprintf("%s is taken: call the loop's variable something else", name))
	}
}

// checkWords complains about kinds, classes and providers that nothing has: a
// comparison with them would be silently dead.
func (i *inspection) checkWords(call ast.CallExpr) {
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals, operators.In:
	default:
		return
	}
	args := call.Args()
	for n, a := range args {
		if a.Kind() != ast.SelectKind || a.AsSelect().Operand().Kind() != ast.IdentKind {
			continue
		}
		switch strings.TrimPrefix(a.AsSelect().Operand().AsIdent(), ".") + "." + a.AsSelect().FieldName() {
		case "resource.kind":
			checkLiterals(i, args[1-n], "kind", i.language.vocabulary.Kinds)
		case "resource.class":
			checkLiterals(i, args[1-n], "class", i.language.vocabulary.Classes)
		case "resource.provider":
			checkLiterals(i, args[1-n], "provider", i.language.vocabulary.providers())
		}
	}
}

func checkLiterals[T ~string](i *inspection, e ast.Expr, noun string, known []T) {
	if e.Kind() == ast.ListKind {
		for _, element := range e.AsList().Elements() {
			checkLiterals(i, element, noun, known)
		}
		return
	}
	if e.Kind() != ast.LiteralKind {
		return
	}
	word, ok := e.AsLiteral().(types.String)
	if ok && !slices.Contains(known, T(word)) {
		i.report(e, fmt.Sprintf("unknown %s %q%s", noun, string(word), suggest(string(word), known)))
	}
}

func (i *inspection) report(at ast.Expr, message string) {
	place := i.ast.SourceInfo().GetStartLocation(at.ID())
	i.document.reportWithin(i.source, offsetOf(i.source.Value, place.Line(), place.Column()), message)
}
