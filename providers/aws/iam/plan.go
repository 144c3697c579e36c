package iam

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
	"github.com/andon-audit/andon/providers/aws/iam/internal/reference"
)

// plan is a policy prepared for one target: everything that does not depend on
// who asks.
type plan struct {
	policy      *Policy
	target      Target
	service     *reference.Service // nil when the reference lacks it
	partition   string
	region      string
	accessPoint string // the target's ARN when it is an access point
	named       *literals
	ids         []string // account ids that a fresh stranger must not have
	strangers   []glob.Pattern
	fresh       string
	families    []arnFamily
	scopes      []scope   // by statement
	asked       [][]asked // by statement: its conditions
	room        int       // atoms that all statements together can have
	actions     []permission
	groups      []group
	// carried are the condition keys that depend on the action, carriedVariables
	// the numbers of those that policy variables stand for.
	carried          []carriedKey
	carriedVariables []int
	// guesses is set when the reference does not tell everything about some
	// action: whether it exists, or carries the keys that the policy asks for.
	guesses bool

	budget    glob.Budget // what all classes together may still cost
	steps     int
	allowance glob.Budget // what the class that is being decided was given

	// What was needed once and may be again. Classes and their worlds are decided
	// one after the other.
	used       []glob.Pattern // names of actions
	principals []domain       // of principals, by account
	elsewhere  *netset.Set    // see unlistedAddresses
	bound      []binding      // of the world that is being decided
	scratch    scratch
}

// scope is the Resource element of a statement, compiled once unless policy
// variables make it depend on who asks.
type scope struct {
	pointer        string // of the element
	ready          bool
	within, across []glob.Pattern // wildcards stay within ARN components, or cross them
	uncertain      string         // pointer to a value where the two differ
	touches        []bool         // by family: the statement may be about it
}

// asked is a condition of the policy with what does not depend on who asks.
type asked struct {
	*condition
	carried int // the number of its key if that depends on the action, -1 otherwise
	// fixed is set when its values as text mean the same to everybody; patterns
	// are these, once they were needed.
	fixed    bool
	patterns []glob.Pattern
	addrs    *netset.Set // see fillAddresses
}

// arnFamily is one ARN pattern of the target.
type arnFamily struct {
	dom domain
}

func newFamily(pattern glob.Pattern, sample string) arnFamily {
	return arnFamily{domain{present: true, clauses: []glob.Clause{{Any: []glob.Pattern{pattern}}}, samples: []string{sample}}}
}

// prepare does what the classes of a policy share.
func prepare(p *Policy, t Target) *plan {
	t = t.complete()
	t.Service = canonicalService(t.Service)
	pl := &plan{policy: p, target: t, partition: t.partition(), region: t.region(), named: p.literals()}
	full := glob.NewBudget()
	pl.budget = glob.Budget{States: full.States * classesInFull, Work: full.Work * classesInFull}
	pl.steps = maxSteps * classesInFull
	pl.service, _ = reference.Lookup(t.Service)
	pl.ids = pl.named.accounts
	if t.Account != "" && !slices.Contains(pl.ids, t.Account) {
		pl.ids = append(slices.Clone(pl.ids), t.Account)
	}
	pl.strangers = namedAccountARNs(pl.partition, pl.ids)
	pl.fresh = freshAccount(pl.ids)
	if pl.accessPoint = t.AccessPoint; pl.accessPoint == "" && len(t.Resources) > 0 && strings.Contains(t.Resources[0], ":accesspoint/") {
		pl.accessPoint = t.Resources[0]
	}
	pl.addFamilies()
	pl.addScopes()
	pl.addActions()
	pl.addConditions()
	pl.addGroups()
	return pl
}

// unlistedAddresses returns the public addresses outside the ranges of the policy
// that are not broad by themselves.
func (p *plan) unlistedAddresses() netset.Set {
	if p.elsewhere == nil {
		elsewhere := netset.Public().Subtract(p.listedAddresses())
		p.elsewhere = &elsewhere
	}
	return *p.elsewhere
}

func (p *plan) listedAddresses() netset.Set {
	var listed []netip.Prefix
	for i := range p.policy.Statements {
		for _, c := range p.policy.Statements[i].conditions {
			if c.operator.family != familyAddress {
				continue
			}
			for _, v := range c.values {
				if r := prefixOf(v); r.Addr().Is4() && r.Bits() > 8 || r.Addr().Is6() && r.Bits() >= netset.BroadIPv6Bits {
					listed = append(listed, r)
				}
			}
		}
	}
	return netset.Of(listed...)
}

// canonicalService accepts the names that people use for a prefix.
func canonicalService(name string) string {
	switch name = fold(name); name {
	case "opensearch":
		return "es"
	case "efs":
		return "elasticfilesystem"
	}
	return name
}

// freshAccount returns an account number that is none of the given.
func freshAccount(named []string) string {
	for n := 444455556666; ; n++ {
		if id := strconv.Itoa(n); !slices.Contains(named, id) {
			return id
		}
	}
}

// addFamilies turns the target's ARNs into languages. The free part of an ARN
// is never empty: there is no object without a key.
func (p *plan) addFamilies() {
	for _, arn := range p.target.Resources {
		pattern := glob.Like(arn)
		if head, ok := strings.CutSuffix(arn, "*"); ok {
			pattern = glob.Join(glob.Like(head), glob.Repeat(glob.Any, 1), glob.Run(glob.Any))
		}
		p.families = append(p.families, newFamily(pattern, strings.ReplaceAll(arn, "*", "x")))
	}
	if len(p.families) == 0 {
		p.families = []arnFamily{newFamily(glob.Run(glob.Any), "*")}
	}
}

// answersUnsigned reports whether the audited service answers requests without
// a signature at all. Access points never do (Amazon S3 User Guide, "Access
// points restrictions and limitations"), and most services check the signature
// before any policy.
func (p *plan) answersUnsigned() bool {
	switch p.target.Service {
	case "s3":
		return p.accessPoint == ""
	case "s3express", "s3-object-lambda", "s3-outposts", "s3tables", "s3vectors", "kms", "secretsmanager", "ecr", "dynamodb",
		"kinesis", "glacier", "backup", "sts":
		return false
	}
	return true // SQS, SNS, OpenSearch, NFS, Lambda URLs, and services not known here
}

// needsResource reports whether the audited service refuses statements without
// a Resource element. Others, such as ECR and IAM trust policies, take the
// resource that the policy is attached to.
func (p *plan) needsResource() bool {
	return strings.HasPrefix(p.target.Service, "s3")
}

// refusals says why AWS would not accept the document as a policy of this
// resource. Such a policy is not in force as it stands, so that nobody gets in
// by it proves nothing.
func (p *plan) refusals() []string {
	var reasons []string
	for i := range p.policy.Statements {
		s := &p.policy.Statements[i]
		switch {
		case !s.principal.present:
			reasons = append(reasons, s.Pointer+": the statement names no principal, so this is not a resource policy")
		case p.needsResource() && !s.resources.present:
			reasons = append(reasons, s.Pointer+": the service requires a Resource element")
		case p.needsResource() && s.Effect == Allow && !p.applies(i):
			reasons = append(reasons, s.Pointer+": none of the actions applies to the statement's resources")
		}
	}
	return reasons
}

// applies reports whether some action of a statement applies to some resource
// of the target that the statement covers. It also does when the statement is
// not about the target at all.
func (p *plan) applies(i int) bool {
	about := false
	for f := range p.families {
		if !p.scopes[i].touches[f] {
			continue
		}
		about = true
		for _, g := range p.groups {
			if g.family == f && g.statements[i] {
				return true
			}
		}
	}
	return !about
}

// addScopes compiles the Resource elements and finds out which of them are about
// the target at all.
func (p *plan) addScopes() {
	p.scopes = make([]scope, len(p.policy.Statements))
	for i := range p.policy.Statements {
		s, list := &p.scopes[i], &p.policy.Statements[i].resources
		s.pointer, s.ready = p.policy.Statements[i].Pointer+"/Resource", true
		for _, v := range list.values {
			if p.policy.variables() && hasVariable(v.text) {
				s.ready = false
				break
			}
			within, across := resourcePatterns(v.text)
			if !sameReading(within, across) {
				s.uncertain = v.pointer
			}
			s.within, s.across = append(s.within, within...), append(s.across, across...)
		}
		for _, f := range p.families {
			s.touches = append(s.touches, !s.ready || !list.present || list.not || f.meets(s.across))
		}
	}
}

// addConditions prepares the conditions.
func (p *plan) addConditions() {
	p.asked = make([][]asked, len(p.policy.Statements))
	for i := range p.policy.Statements {
		conditions := p.policy.Statements[i].conditions
		p.room += len(conditions) + 2
		if len(conditions) == 0 {
			continue
		}
		p.asked[i] = make([]asked, len(conditions))
		for j := range conditions {
			c := &conditions[j]
			p.asked[i][j] = asked{condition: c, carried: p.carry(c.key, c.folded), fixed: p.fixed(c)}
		}
	}
	for _, key := range p.named.variables {
		if k := p.carry(key, key); k >= 0 {
			p.carriedVariables = append(p.carriedVariables, k)
		}
	}
}

// fixed reports whether the values of a condition are certain and the same
// whoever asks.
func (p *plan) fixed(c *condition) bool {
	return !slices.ContainsFunc(c.values, func(v value) bool {
		return p.policy.variables() && hasVariable(v.text) || c.operator.family == familyARN && !isARN(v.text)
	})
}

// meets reports whether patterns may match an ARN of the family.
func (f arnFamily) meets(patterns []glob.Pattern) bool {
	_, ok, err := glob.Find(append([]glob.Clause{{Any: patterns}}, f.dom.clauses...), glob.NewBudget(), f.dom.samples...)
	return ok || err != nil
}

// sameReading reports whether two compilations of a value are one.
func sameReading(within, across []glob.Pattern) bool {
	return len(within) == len(across) && len(within) > 0 && &within[0] == &across[0]
}
