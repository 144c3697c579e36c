package condition

import (
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// Window returns when an expression begins and ceases to hold, if it says
// nothing else: comparisons of request.time with a timestamp, joined by &&. A
// zero time is no bound. It is not ok for any other expression, and for a window
// that is over at now or that never opens. Whether a bound itself is within the
// window is not told.
func Window(expression string, now time.Time) (opens, closes time.Time, ok bool) {
	w, ok := windowOf(expression)
	if !ok {
		return time.Time{}, time.Time{}, false
	}
	if !w.closes.IsZero() && (!w.closes.After(now) || !w.closes.After(w.opens)) {
		return time.Time{}, time.Time{}, false
	}
	return w.opens, w.closes, true
}

// Over reports whether an expression says nothing but when it holds, as for
// Window, and does not hold any more.
func Over(expression string, now time.Time) bool {
	w, ok := windowOf(expression)
	return ok && !w.closes.IsZero() && (!w.closes.After(now) || !w.closes.After(w.opens))
}

func windowOf(expression string) (w window, ok bool) {
	if len(expression) > maxLength {
		return w, false
	}
	tree, ok := parse(expression)
	if !ok {
		return w, false
	}
	ok = w.read(tree.NativeRep().Expr())
	return w, ok
}

type window struct{ opens, closes time.Time }

// read narrows the window by an expression, and reports whether the expression
// is about nothing else.
func (w *window) read(e ast.Expr) bool {
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
		return false
	}
	left, right := e.AsCall().Args()[0], e.AsCall().Args()[1]
	operator := e.AsCall().FunctionName()
	if operator == operators.LogicalAnd {
		return w.read(left) && w.read(right)
	}
	if isRequestTime(right) {
		left, right, operator = right, left, mirrored[operator]
	}
	bound, ok := timestamp(right)
	if !ok || !isRequestTime(left) {
		return false
	}
	switch operator {
	case operators.Less, operators.LessEquals:
		if w.closes.IsZero() || bound.Before(w.closes) {
			w.closes = bound
		}
	case operators.Greater, operators.GreaterEquals:
		if bound.After(w.opens) {
			w.opens = bound
		}
	default:
		return false
	}
	return true
}

// mirrored are the comparisons with their sides exchanged.
var mirrored = map[string]string{
	operators.Less:          operators.Greater,
	operators.LessEquals:    operators.GreaterEquals,
	operators.Greater:       operators.Less,
	operators.GreaterEquals: operators.LessEquals,
}

func isRequestTime(e ast.Expr) bool {
	if e.Kind() != ast.SelectKind || e.AsSelect().IsTestOnly() || e.AsSelect().FieldName() != "time" {
		return false
	}
	operand := e.AsSelect().Operand()
	return operand.Kind() == ast.IdentKind && operand.AsIdent() == "request"
}

// timestamp reads timestamp("...").
func timestamp(e ast.Expr) (time.Time, bool) {
	if e.Kind() != ast.CallKind {
		return time.Time{}, false
	}
	call := e.AsCall()
	if call.FunctionName() != overloads.TypeConvertTimestamp || call.IsMemberFunction() || len(call.Args()) != 1 ||
		call.Args()[0].Kind() != ast.LiteralKind {
		return time.Time{}, false
	}
	text, ok := call.Args()[0].AsLiteral().(types.String)
	if !ok {
		return time.Time{}, false
	}
	t, ok := text.ConvertToType(types.TimestampType).(types.Timestamp)
	return t.Time, ok
}
