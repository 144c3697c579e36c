package policycheck

import (
	"slices"

	"github.com/andon-audit/andon/providers/aws/iam"
)

// Change is the smallest change that closes a policy, of those that are tried.
// It is decided: the changed document was judged by the same question, and
// nobody from outside gets in, nor is there a doubt about anybody.
//
// Size is measured in this order:
//
//  1. The number of statements that are edited. Somebody gets in who passes one
//     Allow statement and all the Deny statements, so exactly those Allow
//     statements must be edited that are not closed by themselves, and each by
//     itself: no proper part of a Change closes the policy.
//  2. What an edit takes away from those who are no outsiders: how many of the
//     actions it leaves them that principals of the owner's account, services
//     acting for that account, and the members of its organisation had.
//  3. The order of the kinds of edits, see [EditKind].
//
// An edit never lets in anybody whom the statement did not let in.
type Change struct {
	// Edits are in the order of their statements, at most one for each. There
	// are none when no change was found that is decided to close the policy.
	Edits []Edit
	// After is the report on the changed policy; nil without Edits.
	After *Report
	// Hints say in words what else may do: they are not decided.
	Hints []string
}

// EditKind is what an edit does to its statement. The constants stand in the
// order in which edits are preferred that leave equally much. First of all are
// those that take nothing but names out of a list, such as a foreign account;
// "*" and ranges of addresses are no names.
type EditKind string

// The kinds of edits.
const (
	AddCondition     EditKind = "add-condition"     // tie the caller to the owner's account or organisation
	ReplacePrincipal EditKind = "replace-principal" // the owner's account in place of "*"
	NarrowCondition  EditKind = "narrow-condition"  // fewer values in a condition
	RemovePrincipals EditKind = "remove-principals"
	RemoveActions    EditKind = "remove-actions"
	RemoveResources  EditKind = "remove-resources"
	RemoveStatement  EditKind = "remove-statement"
)

// Edit changes one statement.
type Edit struct {
	// Statement is the statement's index in the document, Pointer leads to it.
	Statement int
	Pointer   string
	Sid       string
	Kind      EditKind
	// Text says it in words.
	Text string
	// Patch is the edit by itself, as operations on the whole document.
	Patch []Operation
}

// Patch returns all edits as one JSON Patch (RFC 6902). It begins with the last
// statement, so that removing one does not move those that follow.
func (c *Change) Patch() []Operation {
	var patch []Operation
	for _, e := range slices.Backward(c.Edits) {
		patch = append(patch, e.Patch...)
	}
	return patch
}

// Bounds on the search, far beyond the policies that AWS stores: how many Allow
// statements are looked at, and how many edits of them are decided.
const (
	maxAllows    = 200
	maxDecisions = 1000
)

// closer looks for the smallest change of one policy.
type closer struct {
	check
	document any
	policy   *iam.Policy
	denials  []iam.Statement
	left     int // edits that may still be decided
}

// change returns the smallest change that closes a policy, nil where it is
// closed as it is.
func (c check) change(document []byte, policy *iam.Policy, now *Report) *Change {
	if now.Private() {
		return nil
	}
	tree, err := decode(document)
	if err != nil {
		return new(Change)
	}
	l := &closer{check: c, document: tree, policy: policy, left: maxDecisions}
	for _, s := range policy.Statements {
		if s.Effect == iam.ExplicitDeny {
			l.denials = append(l.denials, s)
		}
	}
	change := new(Change)
	switch {
	case l.forIdentity():
		return change
	case len(policy.Statements)-len(l.denials) > maxAllows:
		change.Hints = []string{"the policy has too many statements to look for a change"}
		return change
	}
	for i, s := range policy.Statements {
		if s.Effect == iam.Allow && !l.report(l.alone(s)).Private() {
			change.Edits = append(change.Edits, l.smallest(i))
		}
	}
	if change.After = l.decide(change); change.After == nil {
		change.Edits = nil
	}
	change.Hints = l.hints(change)
	return change
}

// forIdentity reports whether a statement names no principal. Such a document
// belongs to a user or a role, and to empty it would close nothing.
func (l *closer) forIdentity() bool {
	return slices.ContainsFunc(l.policy.Statements, func(s iam.Statement) bool {
		return at(l.document, s.Pointer+"/Principal") == nil && at(l.document, s.Pointer+"/NotPrincipal") == nil
	})
}

// decide applies a change to the document and returns the report on it, nil
// unless it is closed.
func (l *closer) decide(change *Change) *Report {
	changed := &iam.Policy{Version: l.policy.Version}
	if !change.removesAll(l.policy) {
		text, err := encode(apply(l.document, change.Patch()))
		if err != nil {
			return nil
		}
		if changed, err = iam.Parse(text); err != nil {
			return nil
		}
	}
	if after := l.report(changed); after.Private() {
		return after
	}
	return nil
}

func (c *Change) removesAll(p *iam.Policy) bool {
	return len(c.Edits) == len(p.Statements) && !slices.ContainsFunc(c.Edits, func(e Edit) bool { return e.Kind != RemoveStatement })
}

// smallest returns the smallest edit that closes a statement. Removing it is the
// last resort, and always possible.
func (l *closer) smallest(i int) Edit {
	s := l.policy.Statements[i]
	best, most := candidate{kind: RemoveStatement, text: "remove the statement", patch: []Operation{{Op: "remove"}}}, -1
	had := l.ways(l.alone(s))
	statement := at(l.document, s.Pointer)
	for candidate := range l.candidates(statement) {
		edited, ok := l.closes(statement, candidate.patch)
		if !ok {
			continue
		}
		// An edit that leaves nobody anything is a removal in disguise.
		kept := l.ways(edited)
		if kept > most && (kept > 0 || l.spares(candidate, s)) {
			best, most = candidate, kept
		}
		if most == had {
			break
		}
	}
	return l.edit(i, best)
}

// spares reports whether an edit leaves somebody whom [closer.ways] does not
// count: whom the statement names itself, such as an origin access identity, or
// a source without account in its ARN, such as a bucket, which may be the
// owner's as well as a stranger's.
func (l *closer) spares(c candidate, s iam.Statement) bool {
	if c.source {
		return iam.Decide(l.alone(s), l.target, iam.AnyService).Outcome == iam.Admitted
	}
	return c.kind == NarrowCondition || c.kind == RemovePrincipals
}

// edit makes a candidate's operations speak of the whole document.
func (l *closer) edit(i int, c candidate) Edit {
	s := l.policy.Statements[i]
	e := Edit{Statement: i, Pointer: s.Pointer, Sid: s.Sid, Kind: c.kind, Text: c.text}
	for _, o := range c.patch {
		o.Path = s.Pointer + o.Path
		e.Patch = append(e.Patch, o)
	}
	return e
}

// alone returns a statement with every Deny statement beside it: what the
// statement lets in is independent of other Allow statements.
func (l *closer) alone(s iam.Statement) *iam.Policy {
	return (&iam.Policy{Version: l.policy.Version}).With(s).With(l.denials...)
}

// closes applies operations to a statement and reports whether that closes it.
// Once too many edits were decided, none does.
func (l *closer) closes(statement any, patch []Operation) (*iam.Policy, bool) {
	if l.left--; l.left < 0 {
		return nil, false
	}
	document := map[string]any{"Statement": []any{apply(statement, patch)}}
	if l.policy.Version != "" {
		document["Version"] = l.policy.Version
	}
	text, err := encode(document)
	if err != nil {
		return nil, false
	}
	policy, err := iam.Parse(text)
	if err != nil {
		return nil, false
	}
	edited := l.alone(policy.Statements[0])
	return edited, l.report(edited).Private()
}

// ways counts what principals of the owner's account, services acting for it and
// members of its organisation can do for certain.
func (l *closer) ways(p *iam.Policy) int {
	type way struct {
		class          iam.Class
		signer, action string
	}
	classes := []iam.Class{iam.Org}
	if l.owner.account != "" {
		classes = append(classes, iam.Foreign(l.owner.account))
	}
	found := make(map[way]bool)
	for _, class := range classes {
		for _, g := range iam.Decide(p, l.target, class).Grants {
			for _, action := range g.Actions {
				found[way{class, g.Witness.Principal.Kind, action}] = true
			}
		}
	}
	return len(found)
}

// hints tells what else may do where a change takes more away than its reader
// may want.
func (l *closer) hints(c *Change) []string {
	var hints []string
	if l.left < 0 {
		hints = append(hints, "the policy is long: not every smaller change was tried")
	}
	if !slices.ContainsFunc(c.Edits, func(e Edit) bool { return e.Kind == RemoveStatement }) {
		return hints
	}
	if c.removesAll(l.policy) {
		hints = append(hints, "no statement is left: remove the policy")
	}
	if l.owner.account == "" || l.target.Org == "" {
		hints = append(hints, "if the owner's account and organisation are given, a condition that names them may do instead of removing a statement")
	}
	if slices.ContainsFunc(c.Edits, l.removesProvider) {
		hints = append(hints, "a condition on the audience or the subject of the identity provider, which only its owner knows, may do instead of removing a statement")
	}
	return hints
}

// removesProvider reports whether an edit removes a statement for the users of
// an identity provider.
func (l *closer) removesProvider(e Edit) bool {
	return e.Kind == RemoveStatement && at(l.document, e.Pointer+"/Principal/Federated") != nil
}
