package iam

import (
	"slices"
	"strconv"
)

// Effect is the outcome of evaluating a request, and what a statement has.
type Effect uint8

// The effects. A statement has Allow or ExplicitDeny.
const (
	ImplicitDeny Effect = iota // no statement matched
	Allow
	ExplicitDeny
)

// String returns the effect's name.
func (e Effect) String() string {
	return [...]string{"ImplicitDeny", "Allow", "ExplicitDeny"}[e]
}

// Policy is a policy document that was read by Parse. Policies are immutable.
type Policy struct {
	// Version is the policy language: "2012-10-17", "2008-10-17", or "" when
	// the document has none, which means the older one.
	Version    string
	ID         string
	Statements []Statement
}

// variables reports whether "${...}" is more than literal text (IAM User
// Guide, "IAM policy elements: Variables and tags": only since 2012-10-17).
func (p *Policy) variables() bool { return p.Version == "2012-10-17" }

// Statement is one statement of a policy.
type Statement struct {
	Sid    string
	Effect Effect // Allow or ExplicitDeny
	// Pointer finds the statement in the document, RFC 6901: "/Statement/0", or
	// "/Statement" when it is a single object.
	Pointer string

	principal  principals
	actions    actionList
	resources  resourceList
	conditions []condition
}

// principals is the Principal or NotPrincipal element.
type principals struct {
	present bool // absent in identity policies
	not     bool
	entries []principal
}

type principalKind uint8

const (
	principalEveryone      principalKind = iota // "*"
	principalAuthenticated                      // any AWS principal, a synthetic form for ACL groups
	principalAccount                            // a whole account
	principalARN                                // one user, role or session
	principalOAI                                // a CloudFront origin access identity
	principalService                            // an AWS service, or "*"
	principalFederated                          // an identity provider, or "*"
	principalCanonical                          // an S3 canonical user id
	principalGone                               // the unique id that AWS shows for a deleted user or role
	principalInvalid                            // a form that AWS does not accept
)

// principal is one entry of a principal element. Name is the account id, the
// ARN, the service and so on; Account is set where the form tells it.
type principal struct {
	kind    principalKind
	name    string
	account string
	pointer string
}

// actionList is the Action or NotAction element, in lower case: actions match
// in any case.
type actionList struct {
	not      bool
	patterns []string
}

// resourceList is the Resource or NotResource element.
type resourceList struct {
	present bool
	not     bool
	values  []value
}

// condition is one key of one operator block. Its values are alternatives.
type condition struct {
	operator operator
	key      string // as written
	folded   string // in lower case: keys match in any case
	pointer  string
	values   []value
}

// With returns the policy with more statements after its own.
func (p *Policy) With(extra ...Statement) *Policy {
	q := *p
	q.Statements = slices.Concat(p.Statements, extra)
	return &q
}

// AllowAnyone returns a statement that lets everybody do the actions on the
// resources, also without credentials. Use it with With for grants that live
// outside the policy but are subject to its denials, such as an S3 ACL grant to
// AllUsers. Pointer is what findings will cite.
func AllowAnyone(sid, pointer string, actions, resources []string) Statement {
	return allow(sid, pointer, actions, resources, principal{kind: principalEveryone, name: "*", pointer: pointer})
}

// AllowAccounts is AllowAnyone for every authenticated AWS principal and
// nobody else, such as an S3 ACL grant to AuthenticatedUsers.
func AllowAccounts(sid, pointer string, actions, resources []string) Statement {
	return allow(sid, pointer, actions, resources, principal{kind: principalAuthenticated, name: "any AWS account", pointer: pointer})
}

func allow(sid, pointer string, actions, resources []string, who principal) Statement {
	s := Statement{
		Sid: sid, Effect: Allow, Pointer: pointer,
		principal: principals{present: true, entries: []principal{who}},
		resources: resourceList{present: true},
	}
	for _, a := range actions {
		s.actions.patterns = append(s.actions.patterns, fold(a))
	}
	for i, r := range resources {
		s.resources.values = append(s.resources.values, value{text: r, pointer: pointer + "/Resource/" + strconv.Itoa(i)})
	}
	return s
}
