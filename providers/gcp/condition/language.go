package condition

import (
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// What the functions of IAM hang on, in the words of a report.
const (
	resourceTags = "the tags of the resource"
	resourcePart = "a part of an attribute"
)

// tagFunctions are called on resource itself.
//
// Source: https://docs.cloud.google.com/iam/docs/conditions-attribute-reference#resource-tags
var tagFunctions = map[string]bool{"matchTag": true, "matchTagId": true, "hasTagKey": true, "hasTagKeyId": true}

// environment is CEL with the functions that IAM adds to it. All of them are
// unknown here: tags are not read, and how extract cuts a name is only told by
// examples.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.ExpressionNestingDepthLimit(maxDepth),
		cel.RegexProgramSizeLimit(maxPattern),
		unknownMember("extract", 1, resourcePart),
		unknownMember("getAttribute", 2, "api"),
	}
	for name := range tagFunctions {
		options = append(options, unknownMember(name, tagArguments(name), resourceTags))
	}
	return cel.NewEnv(options...)
})

// tagArguments returns how many arguments a tag function has: those that match
// have a key and a value.
func tagArguments(name string) int {
	if strings.HasPrefix(name, "match") {
		return 2
	}
	return 1
}

// unknownMember declares a member function whose value is not known.
func unknownMember(name string, arguments int, hangsOn string) cel.EnvOption {
	parameters := make([]*cel.Type, 1+arguments)
	for i := range parameters {
		parameters[i] = cel.DynType
	}
	return cel.Function(name, cel.MemberOverload("iam_"+name, parameters, cel.DynType,
		cel.OverloadIsNonStrict(),
		cel.FunctionBinding(func(...ref.Val) ref.Val {
			return types.NewUnknown(0, types.NewAttributeTrail(hangsOn))
		})))
}

// missing returns what of an expression's variables is not known. A field of a
// variable is missing by itself; a variable that is used as a whole is missing
// with all its fields, since what it is used for is not known.
func missing(tree *cel.Ast, known map[string]any) []*cel.AttributePatternType {
	var patterns []*cel.AttributePatternType
	seen := map[[2]string]bool{}
	for _, e := range ast.MatchDescendants(ast.NavigateAST(tree.NativeRep()), ast.KindMatcher(ast.IdentKind)) {
		root := strings.TrimPrefix(e.AsIdent(), ".")
		field, what := use(e)
		fields, _ := known[root].(map[string]any)
		if _, ok := fields[field]; what == tagged && fields != nil || what == selected && ok || seen[[2]string{root, field}] {
			continue
		}
		seen[[2]string{root, field}] = true
		pattern := cel.AttributePattern(root)
		if what == selected {
			pattern = pattern.QualString(field)
		}
		patterns = append(patterns, pattern)
	}
	return patterns
}

// usage is what an expression does with a variable.
type usage uint8

const (
	whole    usage = iota
	selected       // one of its fields is read
	tagged         // a tag function is called on it
)

// use returns what an expression does with a variable where it occurs, and the
// field that it reads.
func use(ident ast.NavigableExpr) (field string, what usage) {
	parent, ok := ident.Parent()
	if !ok {
		return "", whole
	}
	switch parent.Kind() {
	case ast.SelectKind:
		return parent.AsSelect().FieldName(), selected
	case ast.CallKind:
		call := parent.AsCall()
		if call.IsMemberFunction() && call.Target().ID() == ident.ID() && tagFunctions[call.FunctionName()] {
			return "", tagged
		}
		if args := call.Args(); call.FunctionName() == operators.Index && len(args) == 2 &&
			args[0].ID() == ident.ID() && args[1].Kind() == ast.LiteralKind {
			if key, ok := args[1].AsLiteral().(types.String); ok {
				return string(key), selected
			}
		}
	}
	return "", whole
}

// loops returns how many loops of an expression are within one another.
func loops(tree *cel.Ast) int {
	deepest := 0
	for _, e := range ast.MatchDescendants(ast.NavigateAST(tree.NativeRep()), ast.KindMatcher(ast.ComprehensionKind)) {
		depth := 1
		for outer, ok := e.Parent(); ok; outer, ok = outer.Parent() {
			if outer.Kind() == ast.ComprehensionKind {
				depth++
			}
		}
		deepest = max(deepest, depth)
	}
	return deepest
}
