package azuretest

import (
	"cmp"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// query is the fraction of the Kusto Query Language that is understood: a table
// that is filtered, ordered, cut and projected. Whatever else the language has is
// refused, so that no answer is a wrong one.
//
// Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/query-language
type query struct {
	table   string // in lower case
	steps   []step
	columns []string // of what comes out
	limited bool     // it says itself how much it wants

	rest []token
}

// step is what stands between two pipes.
type step func(iter.Seq[object]) iter.Seq[object]

// The columns of both tables, those that hold texts and those that hold anything.
//
// Source: https://learn.microsoft.com/azure/governance/resource-graph/samples/advanced#show-column-types
var (
	textColumns    = []string{"id", "name", "type", "tenantId", "kind", "location", "resourceGroup", "subscriptionId", "managedBy"}
	dynamicColumns = []string{"sku", "plan", "properties", "tags", "identity", "zones", "extendedLocation"}
)

const (
	resources          = "resources"
	resourceContainers = "resourcecontainers"
)

// queryError is what the service finds wrong with a query.
type queryError struct {
	code, message string
	at            token
}

// Error implements error.
func (e *queryError) Error() string { return e.message }

// token is a word of a query, and where it stands. The last has no text.
type token struct {
	text         string
	line, column int
}

var words = regexp.MustCompile(`^(?:in~|=~|==|[A-Za-z_]\w*|\d+|'[^'\\\n]*'|"[^"\\\n]*"|[|(),])`)

// parseQuery reads a query.
func parseQuery(text string) (*query, error) {
	tokens, err := split(text)
	if err != nil {
		return nil, err
	}
	q := &query{rest: tokens, columns: slices.Concat(textColumns, dynamicColumns)}
	table := q.next()
	q.table = strings.ToLower(table.text)
	if q.table != resources && q.table != resourceContainers {
		return nil, &queryError{code: "DisallowedLogicalTableName", message: fmt.Sprintf("Table %s is invalid, unsupported or disallowed.", table.text), at: table}
	}
	for q.rest[0].text != "" {
		if err := q.expect("|"); err != nil {
			return nil, err
		}
		s, err := q.step()
		if err != nil {
			return nil, err
		}
		q.steps = append(q.steps, s)
	}
	return q, nil
}

func split(text string) ([]token, error) {
	var tokens []token
	for number, line := range strings.Split(text, "\n") {
		for rest := strings.TrimSpace(line); rest != "" && !strings.HasPrefix(rest, "//"); rest = strings.TrimSpace(rest) {
			t := token{text: words.FindString(rest), line: number + 1, column: strings.LastIndex(line, rest)}
			if t.text == "" {
				t.text = rest[:1]
				return nil, unparsed(t)
			}
			tokens, rest = append(tokens, t), rest[len(t.text):]
		}
	}
	return append(tokens, token{line: -1, column: -1}), nil
}

func unparsed(t token) error {
	return &queryError{code: "ParserFailure", message: "ParserFailure", at: t}
}

// next takes a token; at the end it stays there.
func (q *query) next() token {
	t := q.rest[0]
	if t.text != "" {
		q.rest = q.rest[1:]
	}
	return t
}

func (q *query) expect(text string) error {
	if t := q.next(); t.text != text {
		return unparsed(t)
	}
	return nil
}

// takes takes the next token if it is that one.
func (q *query) takes(text string) bool {
	if q.rest[0].text != text {
		return false
	}
	q.next()
	return true
}

func (q *query) step() (step, error) {
	switch operator := q.next(); operator.text {
	case "where":
		return q.where()
	case "project":
		return q.project()
	case "order", "sort":
		return q.order()
	case "limit", "take":
		return q.limit()
	default:
		return nil, &queryError{code: "InvalidQueryLanguage", message: "InvalidQueryLanguage", at: token{operator.text, -1, -1}}
	}
}

// column takes the name of a column; text says that it has to hold texts.
func (q *query) column(operator string, text bool) (string, error) {
	t := q.next()
	if !slices.Contains(q.columns, t.text) || text && !slices.Contains(textColumns, t.text) {
		return "", &queryError{code: "InvalidQuery", message: fmt.Sprintf("'%s' operator: Failed to resolve scalar expression named '%s'", operator, t.text), at: t}
	}
	return t.text, nil
}

func (q *query) literal() (string, error) {
	t := q.next()
	if len(t.text) < 2 || t.text[0] != '\'' && t.text[0] != '"' {
		return "", unparsed(t)
	}
	return t.text[1 : len(t.text)-1], nil
}

// where keeps the rows that meet every condition.
func (q *query) where() (step, error) {
	var all []func(object) bool
	for {
		meets, err := q.condition()
		if err != nil {
			return nil, err
		}
		if all = append(all, meets); !q.takes("and") {
			break
		}
	}
	return func(rows iter.Seq[object]) iter.Seq[object] {
		return func(yield func(object) bool) {
			for row := range rows {
				if !slices.ContainsFunc(all, func(meets func(object) bool) bool { return !meets(row) }) && !yield(row) {
					return
				}
			}
		}
	}, nil
}

// condition compares a column with a text, or with several. A ~ does not look at
// case.
func (q *query) condition() (func(object) bool, error) {
	column, err := q.column("where", true)
	if err != nil {
		return nil, err
	}
	operator := q.next()
	several := operator.text == "in" || operator.text == "in~"
	if !several && operator.text != "==" && operator.text != "=~" {
		return nil, unparsed(operator)
	}
	wanted, err := q.literals(several)
	if err != nil {
		return nil, err
	}
	same := func(a, b string) bool { return a == b }
	if strings.HasSuffix(operator.text, "~") {
		same = strings.EqualFold
	}
	return func(row object) bool {
		return slices.ContainsFunc(wanted, func(text string) bool { return same(text, textOf(row[column])) })
	}, nil
}

// literals takes one text, or several in parentheses.
func (q *query) literals(several bool) ([]string, error) {
	if !several {
		text, err := q.literal()
		return []string{text}, err
	}
	if err := q.expect("("); err != nil {
		return nil, err
	}
	var texts []string
	for {
		text, err := q.literal()
		if err != nil {
			return nil, err
		}
		if texts = append(texts, text); !q.takes(",") {
			return texts, q.expect(")")
		}
	}
}

// project keeps some columns.
func (q *query) project() (step, error) {
	var kept []string
	for {
		column, err := q.column("project", false)
		if err != nil {
			return nil, err
		}
		if kept = append(kept, column); !q.takes(",") {
			break
		}
	}
	q.columns = kept
	return func(rows iter.Seq[object]) iter.Seq[object] {
		return func(yield func(object) bool) {
			for row := range rows {
				out := make(object, len(kept))
				for _, column := range kept {
					out[column] = row[column]
				}
				if !yield(out) {
					return
				}
			}
		}
	}, nil
}

// order sorts by texts, as Kusto does: downwards unless it is told otherwise.
func (q *query) order() (step, error) {
	if err := q.expect("by"); err != nil {
		return nil, err
	}
	var compare []func(a, b object) int
	for {
		column, err := q.column("order", true)
		if err != nil {
			return nil, err
		}
		sign := -1
		if q.takes("asc") {
			sign = 1
		} else {
			q.takes("desc")
		}
		compare = append(compare, func(a, b object) int { return sign * cmp.Compare(textOf(a[column]), textOf(b[column])) })
		if !q.takes(",") {
			break
		}
	}
	return func(rows iter.Seq[object]) iter.Seq[object] {
		sorted := slices.SortedStableFunc(rows, func(a, b object) int {
			for _, by := range compare {
				if c := by(a, b); c != 0 {
					return c
				}
			}
			return 0
		})
		return slices.Values(sorted)
	}, nil
}

// limit keeps the first rows.
func (q *query) limit() (step, error) {
	number := q.next()
	most, err := strconv.Atoi(number.text)
	if err != nil {
		return nil, unparsed(number)
	}
	q.limited = true
	return func(rows iter.Seq[object]) iter.Seq[object] {
		return func(yield func(object) bool) {
			left := most
			for row := range rows {
				if left--; left < 0 || !yield(row) {
					return
				}
			}
		}
	}, nil
}

// run asks the rows of its table.
func (q *query) run(rows iter.Seq[object]) iter.Seq[object] {
	for _, s := range q.steps {
		rows = s(rows)
	}
	return rows
}
