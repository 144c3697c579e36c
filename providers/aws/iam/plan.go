package iam

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	actions     []permission
	families    []arnFamily
	groups      []group
	used        []glob.Pattern // names of actions, once needed
	scopes      []scope        // by statement
	budget      glob.Budget    // what all classes together may still cost
	steps       int
}

// scope is the Resource element of a statement, compiled once unless policy
// variables make it depend on who asks.
type scope struct {
	ready          bool
	within, across []glob.Pattern // wildcards stay within ARN components, or cross them
	uncertain      string         // pointer to a value where the two differ
	touches        []bool         // by family: the statement may be about it
}

// permission is one action of the audited service.
type permission struct {
	name     string // "s3:GetObject"
	folded   string
	families uint64 // bit i: it applies to families[i]
	unlisted bool   // the policy names it, but the reference does not
}

// arnFamily is one ARN pattern of the target.
type arnFamily struct {
	dom domain
}

func newFamily(pattern glob.Pattern, sample string) arnFamily {
	return arnFamily{domain{present: true, clauses: []glob.Clause{{Any: []glob.Pattern{pattern}}}, samples: []string{sample}}}
}

// group is a set of actions that every statement treats alike, on one family.
type group struct {
	actions []int
	family  int
	// statements[i] tells whether statement i is about these actions.
	statements []bool
}

// FutureAction stands for an action that a service may get later.
const FutureAction = "future action"

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
	pl.addGroups()
	return pl
}

// listedAddresses returns the address ranges of the policy that are not broad
// by themselves.
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

// addActions lists the service's actions that apply to the target, and those
// that the policy names beyond the reference.
func (p *plan) addActions() {
	p.actions = p.listed()
	var extra []string
	for i := range p.policy.Statements {
		for _, pattern := range p.policy.Statements[i].actions.patterns {
			if strings.HasPrefix(pattern, p.target.Service+":") && !strings.ContainsAny(pattern, "*?") &&
				(p.service == nil || !p.service.Has(pattern)) {
				extra = append(extra, pattern)
			}
		}
	}
	if len(extra) == 0 {
		return
	}
	slices.Sort(extra)
	p.actions = slices.Clone(p.actions)
	all := uint64(1)<<min(len(p.families), 64) - 1
	for _, name := range slices.Compact(extra) {
		p.actions = append(p.actions, permission{name, name, all, p.service != nil})
	}
	slices.SortFunc(p.actions, func(a, b permission) int { return strings.Compare(a.folded, b.folded) })
}

// listedActions remembers the answers of listed, of which there are few: one
// for each combination of resource types.
var listedActions sync.Map

// listed returns the actions of the reference that apply to the target.
func (p *plan) listed() []permission {
	if p.service == nil {
		return nil
	}
	types := make([][]string, len(p.families))
	for i, arn := range p.target.Resources[:min(len(p.target.Resources), len(types))] {
		types[i] = p.service.TypesOf(arn)
	}
	key := p.target.Service + fmt.Sprint(types)
	if known, ok := listedActions.Load(key); ok {
		return known.([]permission)
	}
	var actions []permission
	for _, a := range p.service.Actions {
		families := uint64(0)
		for i, t := range types {
			// An ARN of no known form may take every action.
			if len(t) == 0 || a.AppliesTo(t) {
				families |= 1 << i
			}
		}
		if families != 0 {
			actions = append(actions, permission{a.Name, a.Folded, families, false})
		}
	}
	listedActions.Store(key, actions)
	return actions
}

// addGroups splits the actions by the statements that are about them, so that
// one decision answers for a whole group.
func (p *plan) addGroups() {
	matched := make([][]bool, len(p.policy.Statements))
	for i, s := range p.policy.Statements {
		matched[i] = p.match(s.actions)
	}
	signature := make([]byte, (len(p.policy.Statements)+8)/8)
	for f := range p.families {
		index := make(map[string]int)
		for a, action := range p.actions {
			if action.families&(1<<f) == 0 {
				continue
			}
			clear(signature)
			signature[len(p.policy.Statements)/8] |= boolBit(action.unlisted) << (len(p.policy.Statements) % 8)
			for i := range matched {
				signature[i/8] |= boolBit(matched[i][a]) << (i % 8)
			}
			at, ok := index[string(signature)]
			if !ok {
				at = len(p.groups)
				index[string(signature)] = at
				g := group{family: f, statements: make([]bool, len(matched))}
				for i := range matched {
					g.statements[i] = matched[i][a]
				}
				p.groups = append(p.groups, g)
			}
			p.groups[at].actions = append(p.groups[at].actions, a)
		}
	}
}

func boolBit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// match tells for each action whether an Action or NotAction element covers it.
// The actions are sorted, so the common forms cost a binary search.
func (p *plan) match(list actionList) []bool {
	in := make([]bool, len(p.actions))
	for _, pattern := range list.patterns {
		from, to := 0, len(p.actions)
		star := strings.IndexAny(pattern, "*?")
		if star < 0 {
			from = p.search(pattern)
			if from < to && p.actions[from].folded == pattern {
				in[from] = true
			}
			continue
		}
		if head := pattern[:star]; head != "" {
			from = p.search(head)
			to = p.search(head + "\U0010FFFF")
		}
		simple := pattern[star:] == "*"
		compiled := glob.Like(pattern)
		for a := from; a < to; a++ {
			in[a] = in[a] || simple || compiled.Match(p.actions[a].folded)
		}
	}
	if list.not {
		for a := range in {
			in[a] = !in[a]
		}
	}
	return in
}

func (p *plan) search(name string) int {
	at, _ := slices.BinarySearchFunc(p.actions, name, func(a permission, name string) int {
		return strings.Compare(a.folded, name)
	})
	return at
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

// about reports whether a statement may be about a group of actions on its
// family of resources.
func (p *plan) about(statement int, g *group) bool {
	return g.statements[statement] && p.scopes[statement].touches[g.family]
}

// addScopes compiles the Resource elements and finds out which of them are about
// the target at all.
func (p *plan) addScopes() {
	p.scopes = make([]scope, len(p.policy.Statements))
	for i := range p.policy.Statements {
		s, list := &p.scopes[i], &p.policy.Statements[i].resources
		s.ready = true
		for _, v := range list.values {
			if p.policy.variables() && hasVariable(v.text) {
				s.ready = false
				break
			}
			within, across := arnPatterns(v.text)
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

// meets reports whether patterns may match an ARN of the family.
func (f arnFamily) meets(patterns []glob.Pattern) bool {
	_, ok, err := glob.Find(append([]glob.Clause{{Any: patterns}}, f.dom.clauses...), glob.NewBudget(), f.dom.samples...)
	return ok || err != nil
}

// sameReading reports whether two compilations of a value are one.
func sameReading(within, across []glob.Pattern) bool {
	return len(within) == len(across) && len(within) > 0 && &within[0] == &across[0]
}
