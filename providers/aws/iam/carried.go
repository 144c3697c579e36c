package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/aws/iam/internal/reference"
)

// Requests for an action carry some of its service's condition keys: those that
// the Service Authorization Reference lists for the action, or for a type of
// resource that it applies to. No GetObject has s3:prefix, so a statement that
// allows s3:GetObject where s3:prefix is "x" allows nothing.
//
// The reference is evidence, not proof: it leaves keys out. It gives the keys
// dynamodb:FirstPartitionKeyValues and kms:CustomerMasterKeySpec to no action at
// all; s3:PutAccessPointPublicAccessBlock lacks even s3:TlsVersion, and
// kms:SynchronizeMultiRegionKey lacks kms:CallerAccount. So a key that is not
// listed may be there or not. A request that is admitted must be so either way,
// and who gets in one way only is Undecided: nobody is kept out by a list that
// may be incomplete.

// carriedKey is a condition key of the policy that depends on the action.
type carriedKey struct {
	reference.Key
	name   string // as the policy spells it
	folded string
}

// carry numbers the keys that depend on the action; all others have -1.
func (p *plan) carry(name, folded string) int {
	key, ok := p.dependsOnAction(folded)
	if !ok {
		return -1
	}
	for k, c := range p.carried {
		if c.folded == folded {
			return k
		}
	}
	p.carried = append(p.carried, carriedKey{key, name, folded})
	return len(p.carried) - 1
}

// dependsOnAction returns the reference's entry for a key that requests for some
// actions carry and others do not. Keys that are bound to who sends a request and
// facts about the resource go by rules of their own.
func (p *plan) dependsOnAction(key string) (reference.Key, bool) {
	prefix, name, _ := strings.Cut(key, ":")
	switch {
	case p.service == nil:
		return reference.Key{}, false
	case prefix == "aws" && name != "tagkeys" && !strings.HasPrefix(name, "requesttag/"), prefix != "aws" && prefix != p.target.Service:
		return reference.Key{}, false
	case key == "kms:calleraccount", name == "resourceaccount", isAccessPointKey(name) && p.accessPoint != "":
		return reference.Key{}, false
	}
	if spec, _ := p.lookup(key); spec.origin == fromStranger || spec.origin == fromResource {
		return reference.Key{}, false
	}
	return p.service.Key(key)
}

// lacks tells which keys are not listed for an action though statements about
// it, or policy variables, ask for them; nil when all are.
func (p *plan) lacks(a *permission, about func(statement int) bool) []bool {
	if len(p.carried) == 0 || a.listing == nil { // nobody knows what an unlisted action carries
		return nil
	}
	var lacks []bool
	check := func(k int) {
		if a.listing.Carries(p.carried[k].Key) {
			return
		}
		if lacks == nil {
			lacks = make([]bool, len(p.carried))
		}
		lacks[k] = true
	}
	for i, conditions := range p.asked {
		for _, c := range conditions {
			if c.carried >= 0 && about(i) {
				check(c.carried)
			}
		}
	}
	for _, k := range p.carriedVariables {
		check(k)
	}
	return lacks
}

// eitherWay returns boxes for requests that may carry some keys or not, and must
// be admitted both ways: an Allow has to match without such a key, too, and a
// Deny must not.
func eitherWay(boxes []box, lacks []bool) []box {
	if !slices.Contains(lacks, true) {
		return boxes
	}
	var sure []box
	for _, b := range boxes {
		atoms, dead := b.atoms, false
		b.atoms = nil
		for _, a := range atoms {
			switch {
			case a.carried < 0 || !lacks[a.carried] || a.absent == (b.effect == Allow):
				b.atoms = append(b.atoms, a)
			case b.effect == Allow:
				dead = true // the condition fails without the key
			}
			// A condition of a Deny that holds without the key is no way out.
		}
		if !dead {
			sure = append(sure, b)
		}
	}
	return sure
}

// pins reports whether a policy variable was fixed to a value that requests
// without some keys do not have.
func (s *space) pins(lacks []bool) bool {
	if lacks == nil || s.world.loose || s.world.pins == nil {
		return false
	}
	return slices.ContainsFunc(s.world.plan.carriedVariables, func(k int) bool { return lacks[k] })
}

// spare lets requests do without some keys, also those that every request has by
// rights. The result ends it.
func (s *space) spare(lacks []bool) (end func()) {
	dims := slices.Clone(s.dims)
	for k, lack := range lacks {
		if at := s.index(s.world.plan.carried[k].folded); lack && at >= 0 {
			s.dims[at].dom.absent = true
		}
	}
	return func() { copy(s.dims, dims) }
}

// missing collects, by carried key, the actions that are admitted only if their
// requests carry a key that the reference does not list for them.
type missing [][]string

func (m *missing) add(p *plan, lacks []bool, actions []string) {
	if *m == nil {
		*m = make(missing, len(p.carried))
	}
	for k, lack := range lacks {
		if lack {
			(*m)[k] = union((*m)[k], actions)
		}
	}
}

// reasons says it in words.
func (m missing) reasons(p *plan) []string {
	var reasons []string
	for k, actions := range m {
		if len(actions) > 0 {
			reasons = append(reasons, "the Service Authorization Reference does not list "+p.carried[k].name+" for "+enumerate(actions))
		}
	}
	return reasons
}

// enumerate names the first few of a list.
func enumerate(names []string) string {
	const few = 3
	if len(names) > few+1 {
		return strings.Join(names[:few], ", ") + " and " + strconv.Itoa(len(names)-few) + " more"
	}
	return strings.Join(names, ", ")
}
