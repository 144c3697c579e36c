package iam

import (
	"slices"
	"strings"
	"sync"

	"github.com/andon-audit/andon/providers/aws/iam/glob"
	"github.com/andon-audit/andon/providers/aws/iam/internal/reference"
)

// permission is one action of the audited service.
type permission struct {
	name     string // "s3:GetObject"
	folded   string
	families uint64            // bit i: it applies to families[i]
	unlisted bool              // the policy names it, but the reference does not
	listing  *reference.Action // nil when the reference does not have it
}

// group is a set of actions that every statement treats alike, on one family.
type group struct {
	actions  []string
	family   int
	unlisted bool
	// statements[i] tells whether statement i is about these actions.
	statements []bool
	lacks      []bool // by carried key: the actions do not carry it; nil when they have all
}

// FutureAction stands for an action that a service may get later.
const FutureAction = "future action"

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
		p.actions = append(p.actions, permission{name: name, folded: name, families: all, unlisted: p.service != nil})
	}
	slices.SortFunc(p.actions, func(a, b permission) int { return strings.Compare(a.folded, b.folded) })
}

// listedFor is a question that listed answers: a service, and the types of
// resource of each family. A store has no more families than fit.
type listedFor struct {
	service  string
	families int
	types    [4]reference.Types
}

// listedActions remembers the answers of listed, of which there are few: one
// for each combination of resource types.
var listedActions sync.Map // listedFor -> []permission

// listed returns the actions of the reference that apply to the target.
func (p *plan) listed() []permission {
	if p.service == nil {
		return nil
	}
	question := listedFor{service: p.target.Service, families: len(p.families)}
	if len(p.families) > len(question.types) {
		return p.applicable(p.typesOfFamilies())
	}
	copy(question.types[:], p.typesOfFamilies())
	if known, ok := listedActions.Load(question); ok {
		return known.([]permission)
	}
	actions := p.applicable(question.types[:len(p.families)])
	listedActions.Store(question, actions)
	return actions
}

// typesOfFamilies returns the resource types of each family; none for an ARN of
// no known form, and where the target has no ARN.
func (p *plan) typesOfFamilies() []reference.Types {
	types := make([]reference.Types, len(p.families))
	for i, arn := range p.target.Resources {
		types[i] = p.service.TypesOf(arn)
	}
	return types
}

// applicable returns the actions that apply to families of these types.
func (p *plan) applicable(types []reference.Types) []permission {
	var actions []permission
	for i := range p.service.Actions {
		a := &p.service.Actions[i]
		families := uint64(0)
		for f, t := range types {
			// An ARN of no known form may take every action.
			if t == 0 || a.Types&t != 0 {
				families |= 1 << f
			}
		}
		if families != 0 {
			actions = append(actions, permission{name: a.Name, folded: a.Folded, families: families, listing: a})
		}
	}
	return actions
}

// addGroups splits the actions by the statements that are about them, and by the
// keys that these ask for and the actions lack, so that one decision answers for
// a whole group. Actions that no statement allows are left out.
func (p *plan) addGroups() {
	matched := make([][]bool, len(p.policy.Statements))
	for i, s := range p.policy.Statements {
		matched[i] = p.match(s.actions)
	}
	p.guesses = len(p.carried) > 0 && p.allowsFuture()
	var signature []byte
	for f := range p.families {
		index := make(map[string]int)
		for a := range p.actions {
			action := &p.actions[a]
			if action.families&(1<<f) == 0 || !p.allowed(matched, a, f) {
				continue
			}
			about := func(statement int) bool { return matched[statement][a] }
			lacks := p.lacks(action, about)
			signature = appendBits(signature[:0], len(matched), about)
			signature = append(signature, boolBit(action.unlisted))
			signature = appendBits(signature, len(lacks), func(k int) bool { return lacks[k] })
			at, ok := index[string(signature)]
			if !ok {
				at = len(p.groups)
				index[string(signature)] = at
				g := group{family: f, statements: make([]bool, len(matched)), unlisted: action.unlisted, lacks: lacks}
				for i := range matched {
					g.statements[i] = matched[i][a]
				}
				p.groups = append(p.groups, g)
				p.guesses = p.guesses || lacks != nil || action.unlisted
			}
			p.groups[at].actions = append(p.groups[at].actions, action.name)
		}
	}
}

// allowed reports whether some Allow is about an action on a family.
func (p *plan) allowed(matched [][]bool, action, family int) bool {
	for i := range matched {
		if matched[i][action] && p.policy.Statements[i].Effect == Allow && p.scopes[i].touches[family] {
			return true
		}
	}
	return false
}

func appendBits(to []byte, n int, bit func(int) bool) []byte {
	for i := range n {
		if i%8 == 0 {
			to = append(to, 0)
		}
		to[len(to)-1] |= boolBit(bit(i)) << (i % 8)
	}
	return to
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

// about reports whether a statement may be about a group of actions on its
// family of resources.
func (p *plan) about(statement int, g *group) bool {
	return g.statements[statement] && p.scopes[statement].touches[g.family]
}
