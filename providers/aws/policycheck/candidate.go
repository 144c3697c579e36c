package policycheck

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/aws/iam"
)

// candidate is an edit of a statement that has yet to be decided. Its operations
// have paths within the statement.
type candidate struct {
	kind  EditKind
	text  string
	patch []Operation
	// source says that it ties a service to whom it acts for.
	source bool
}

// owner is what is known of whose resource it is.
type owner struct{ account, org, partition string }

func ownerOf(q Question) owner {
	o := owner{account: q.Account, org: q.Org, partition: "aws"}
	fields := strings.SplitN(q.Resource, ":", 6)
	if len(fields) < 6 {
		return o
	}
	o.partition = fields[1]
	if o.account == "" && len(fields[4]) == 12 && strings.Trim(fields[4], "0123456789") == "" {
		o.account = fields[4]
	}
	return o
}

// candidates yields the edits of a statement that may close it, smallest first.
func (l *closer) candidates(node any) iter.Seq[candidate] {
	return func(yield func(candidate) bool) {
		statement, ok := node.(map[string]any)
		if !ok {
			return
		}
		var later []candidate
		for _, list := range lists(statement) {
			c, naming, ok := l.shorten(statement, list)
			switch {
			case !ok:
			case !naming:
				later = append(later, c)
			case !yield(c):
				return
			}
		}
		for _, c := range slices.Concat(l.owner.conditions(statement), l.owner.principals(statement), later) {
			if !yield(c) {
				return
			}
		}
	}
}

// entry is one of the alternatives that an element of a statement lists.
type entry struct {
	holder string // pointer to the list, or to the value when it is alone
	index  int
	of     int // how many entries the holder has
	value  any
}

func (e entry) text() string { return fmt.Sprint(e.value) }

// list is an element of a statement in which more entries let in more.
type list struct {
	kind    EditKind
	name    string // in words
	entries []entry
	// naming reports whether an entry is one name: taking it out leaves everybody
	// else who is listed as they are.
	naming func(entry) bool
	secret bool
}

// lists returns the elements of a statement that could be shorter, in the order
// in which edits are preferred.
func lists(statement map[string]any) []list {
	var found []list
	conditions, _ := statement["Condition"].(map[string]any)
	for _, operator := range slices.Sorted(maps.Keys(conditions)) {
		if widens(operator) {
			continue
		}
		block, _ := conditions[operator].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(block)) {
			found = append(found, list{
				kind: NarrowCondition, name: "the condition " + operator + " " + key, secret: iam.SecretKey(key),
				entries: entries(pointer("Condition", operator, key), block[key]),
				naming:  func(e entry) bool { return !isAddress(operator) && !strings.ContainsAny(e.text(), "*?$") },
			})
		}
	}
	if principals, ok := statement["Principal"].(map[string]any); ok {
		all := list{kind: RemovePrincipals, name: "the principals", naming: isNamed}
		for _, kind := range slices.Sorted(maps.Keys(principals)) {
			all.entries = append(all.entries, entries(pointer("Principal", kind), principals[kind])...)
		}
		found = append(found, all)
	}
	return append(found,
		list{kind: RemoveActions, name: "the actions", entries: entries("/Action", statement["Action"]), naming: nothing},
		list{kind: RemoveResources, name: "the resources", entries: entries("/Resource", statement["Resource"]), naming: nothing},
	)
}

// widens reports whether a condition operator lets in more the fewer values it
// is given.
func widens(operator string) bool {
	operator = strings.ToLower(operator)
	return strings.Contains(operator, "not") || operator == "null"
}

func isAddress(operator string) bool { return strings.Contains(strings.ToLower(operator), "ipaddress") }

func isNamed(e entry) bool { return e.text() != "*" }

func nothing(entry) bool { return false }

// entries returns the items of a list, or the value itself when it is alone.
func entries(holder string, value any) []entry {
	items, ok := value.([]any)
	if !ok && value != nil {
		items = []any{value}
	}
	var all []entry
	for i, item := range items {
		all = append(all, entry{holder: holder, index: i, of: len(items), value: item})
	}
	return all
}

// shorten keeps the entries of a list that close the statement when they stand
// alone: since the entries are alternatives, these close it together and no
// others do. Naming says that only names are taken out.
func (l *closer) shorten(statement map[string]any, of list) (c candidate, naming, ok bool) {
	if len(of.entries) < 2 {
		return candidate{}, false, false
	}
	var out []entry
	for _, e := range of.entries {
		if _, ok := l.closes(statement, []Operation{of.only(e)}); !ok {
			out = append(out, e)
		}
	}
	if len(out) == 0 || len(out) == len(of.entries) {
		return candidate{}, false, false
	}
	naming = !slices.ContainsFunc(out, func(e entry) bool { return !of.naming(e) })
	return candidate{kind: of.kind, text: "take " + of.spell(out) + " out of " + of.name, patch: without(out)}, naming, true
}

// only returns the operation that leaves one entry of the list.
func (of list) only(e entry) Operation {
	if of.kind == RemovePrincipals {
		return Operation{Op: "replace", Path: "/Principal", Value: map[string]any{tokens(e.holder)[1]: e.value}}
	}
	return Operation{Op: "replace", Path: e.holder, Value: e.value}
}

const shownEntries = 4 // of those taken out, before "and N more"

func (of list) spell(out []entry) string {
	if of.secret {
		return fmt.Sprintf("%d of the %d values", len(out), len(of.entries))
	}
	var words []string
	for _, e := range out[:min(len(out), shownEntries)] {
		words = append(words, strconv.Quote(e.text()))
	}
	text := strings.Join(words, ", ")
	if more := len(out) - len(words); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// without returns the operations that take entries out: a holder that loses all
// goes as a whole, and lists lose their last entries first, so that an index
// stays right until its turn.
func without(out []entry) []Operation {
	lost := make(map[string]int)
	for _, e := range out {
		lost[e.holder]++
	}
	var patch []Operation
	for _, e := range slices.Backward(out) {
		switch {
		case lost[e.holder] < e.of:
			patch = append(patch, Operation{Op: "remove", Path: e.holder + pointer(strconv.Itoa(e.index))})
		case e.index == 0:
			patch = append(patch, Operation{Op: "remove", Path: e.holder})
		}
	}
	return patch
}

// conditions are the edits that tie the caller to the owner.
func (o owner) conditions(statement map[string]any) []candidate {
	if hasNameless(statement) {
		return nil
	}
	var found []candidate
	for _, tie := range []struct{ key, value string }{
		{"aws:PrincipalOrgID", o.org},
		{"aws:PrincipalAccount", o.account},
		{"aws:SourceOrgID", o.org},
		{"aws:SourceAccount", o.account},
	} {
		if operation, ok := demand(statement, tie.key, tie.value); ok && tie.value != "" {
			found = append(found, candidate{
				kind: AddCondition, patch: []Operation{operation}, source: strings.HasPrefix(tie.key, "aws:Source"),
				text: "add the condition " + equals + " " + tie.key + " " + strconv.Quote(tie.value),
			})
		}
	}
	return found
}

// hasNameless reports whether a statement has a principal that belongs to no
// account: a condition on the account or organisation would lock it out, which
// [closer.ways] cannot see.
func hasNameless(statement map[string]any) bool {
	principals, _ := statement["Principal"].(map[string]any)
	return principals["CanonicalUser"] != nil || slices.ContainsFunc(entries("", principals["AWS"]), func(e entry) bool {
		return strings.Contains(e.text(), ":iam::cloudfront:user/")
	})
}

const equals = "StringEquals"

// demand adds a condition to a statement. The result is false where the
// statement already says something about the key in the same way: to replace
// that could let somebody else in.
func demand(statement map[string]any, key, value string) (Operation, bool) {
	conditions, ok := statement["Condition"].(map[string]any)
	if !ok {
		return Operation{Op: "add", Path: "/Condition", Value: map[string]any{equals: map[string]any{key: value}}}, true
	}
	operator, ok := folded(conditions, equals)
	if !ok {
		return Operation{Op: "add", Path: pointer("Condition", equals), Value: map[string]any{key: value}}, true
	}
	block, _ := conditions[operator].(map[string]any)
	if _, ok := folded(block, key); ok {
		return Operation{}, false
	}
	return Operation{Op: "add", Path: pointer("Condition", operator, key), Value: value}, true
}

// folded finds a member whose name differs in case at most.
func folded(object map[string]any, name string) (string, bool) {
	for member := range object {
		if strings.EqualFold(member, name) {
			return member, true
		}
	}
	return "", false
}

// principals puts the owner's account in place of "*".
func (o owner) principals(statement map[string]any) []candidate {
	if o.account == "" {
		return nil
	}
	root := "arn:" + o.partition + ":iam::" + o.account + ":root"
	c := candidate{kind: ReplacePrincipal, text: `put ` + strconv.Quote(root) + ` in place of the principal "*"`}
	switch principal := statement["Principal"].(type) {
	case string:
		c.patch = []Operation{{Op: "replace", Path: "/Principal", Value: map[string]any{"AWS": root}}}
	case map[string]any:
		for _, e := range entries(pointer("Principal", "AWS"), principal["AWS"]) {
			if e.text() != "*" {
				continue
			}
			path := e.holder
			if _, list := principal["AWS"].([]any); list {
				path += pointer(strconv.Itoa(e.index))
			}
			c.patch = append(c.patch, Operation{Op: "replace", Path: path, Value: root})
		}
	}
	if len(c.patch) == 0 {
		return nil
	}
	return []candidate{c}
}
