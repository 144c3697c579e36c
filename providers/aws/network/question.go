package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
)

// Questions returns what can be asked about the network in front of a store, in
// the order that decides soonest. There are none for a store without a grant on
// Channel, nor a gap that may hide one.
func Questions(kind *collect.Kind, a *account.Account, region string, r *resource.Resource, e Endpoint) []*collect.Question {
	s := &state{kind: kind, region: regionOf(a, region), endpoint: e}
	for _, g := range r.Grants {
		if g.Via == Channel {
			s.given = append(s.given, g)
		}
	}
	if len(s.given) == 0 && !slices.ContainsFunc(r.Gaps, hidesNetwork) {
		return nil
	}
	s.facts.emulated = s.region.emulated
	s.facts.lists = make(map[string]*list)
	questions := []*collect.Question{
		kind.Question(groupsCall, s.learn(s.learnGroups)),
		kind.Question(subnetsCall, s.learn(s.learnSubnets)),
		kind.Question(tablesCall, s.learn(s.learnTables)),
		kind.Question(aclsCall, s.learn(s.learnACLs)),
	}
	if len(e.Addresses) > 0 && slices.Contains(kind.Calls(), interfacesCall) {
		questions = append(questions, kind.Question(interfacesCall, s.learn(s.learnInterfaces)))
	}
	return questions
}

func hidesNetwork(g resource.Gap) bool {
	return slices.ContainsFunc(g.Hides, func(h resource.Hidden) bool { return h.Via == Channel })
}

// state is what the questions of one store have learned.
type state struct {
	kind     *collect.Kind
	region   *region
	endpoint Endpoint
	given    []resource.Grant // as the listing made them
	facts    facts
	refused  []resource.Gap // of calls inside a question

	// guards, gaps and notes are what was last said, to be said anew.
	guards, gaps, notes []string
}

// learn makes a question of a function that learns facts: what they say all
// together is written anew.
func (s *state) learn(learn func(context.Context) error) collect.AskFunc {
	return func(ctx context.Context, r *resource.Resource) error {
		if err := learn(ctx); err != nil {
			return err
		}
		s.tell(r)
		return nil
	}
}

func (s *state) learnGroups(ctx context.Context) error {
	groups, err := s.region.askGroups(ctx)
	if err != nil {
		return err
	}
	var ids []string
	wanted := slices.Clone(s.endpoint.SecurityGroups)
	for _, i := range s.facts.interfaces {
		wanted = append(wanted, i.groups...)
	}
	for _, id := range wanted {
		if groups[id] == nil {
			continue
		}
		for _, r := range groups[id].rules {
			if tcp(r.protocol, r.ports, s.endpoint.Port) != no {
				ids = append(ids, r.lists...)
			}
		}
	}
	if len(ids) > 0 {
		if err := s.learnOwners(ctx); err != nil {
			return err
		}
	}
	if err := s.learnLists(ctx, ids); err != nil {
		return err
	}
	s.facts.groups = groups
	return nil
}

func (s *state) learnSubnets(ctx context.Context) (err error) {
	s.facts.subnets, err = s.region.askSubnets(ctx)
	if err != nil {
		s.facts.subnets = nil
		return err
	}
	if s.facts.tables != nil { // it may follow other tables than was known before
		return s.learnTables(ctx)
	}
	return nil
}

func (s *state) learnTables(ctx context.Context) error {
	tables, err := s.region.askTables(ctx)
	if err != nil {
		return err
	}
	known := s.facts
	known.tables = tables
	var ids []string
	places, _ := known.places(s.endpoint)
	for _, p := range places {
		for _, t := range known.tablesOf(p) {
			if !slices.ContainsFunc(t.routes, func(r route) bool { return r.opens() != no }) {
				continue // it leads nowhere, whatever else is in it
			}
			for _, r := range t.routes {
				if r.list != "" {
					ids = append(ids, r.list)
				}
			}
		}
	}
	if err := s.learnLists(ctx, ids); err != nil {
		return err
	}
	s.facts.tables = tables
	return nil
}

func (s *state) learnACLs(ctx context.Context) (err error) {
	acls, err := s.region.askACLs(ctx)
	if err != nil {
		return err
	}
	s.facts.acls = acls
	return nil
}

// learnInterfaces looks for the store's own interfaces where it makes a
// difference in which subnet it is.
func (s *state) learnInterfaces(ctx context.Context) error {
	if r := s.region.decide(&s.facts, s.endpoint); s.facts.complete() && !r.differs {
		return nil
	}
	found, err := s.region.askInterfaces(ctx, s.endpoint.Addresses)
	if err != nil {
		return err
	}
	for _, a := range s.endpoint.Addresses {
		if !slices.ContainsFunc(found, func(i iface) bool { return slices.Contains(i.addresses, a) }) {
			return nil // not all of them are this account's to see
		}
	}
	s.facts.interfaces = found
	if s.facts.groups != nil { // the interfaces' own groups may refer to other lists
		if err := s.learnGroups(ctx); err != nil {
			return err
		}
	}
	if s.facts.tables != nil {
		return s.learnTables(ctx)
	}
	return nil
}

// learnLists looks prefix lists up. One that is refused is a gap of its own.
func (s *state) learnLists(ctx context.Context, ids []string) error {
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if _, known := s.facts.lists[id]; known {
			continue
		}
		l, err := s.region.askList(ctx, id)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			s.refuse(listCall, "prefix list "+id+": ", err)
		}
		s.facts.lists[id] = l
	}
	return nil
}

func (s *state) learnOwners(ctx context.Context) error {
	owners, err := s.region.askOwners(ctx)
	if err != nil && ctx.Err() != nil {
		return err
	}
	if err != nil {
		if !slices.ContainsFunc(s.refused, func(g resource.Gap) bool { return g.Call == ownersCall }) {
			s.refuse(ownersCall, "", err)
		}
		return nil
	}
	s.facts.owners = owners
	return nil
}

func (s *state) refuse(call, about string, err error) {
	refusal := account.Refusal(err)
	if malformed, ok := errors.AsType[*collect.MalformedError](err); ok {
		refusal = collect.Refusal{Reason: resource.Malformed, Detail: malformed.Error()}
	}
	s.refused = append(s.refused, s.gap(call, refusal.Reason, about+refusal.String()))
}

// gap is the declared gap of a call.
func (s *state) gap(call string, reason resource.Reason, detail string) resource.Gap {
	return s.kind.Question(call, nil).Gap(reason, detail)
}

// tell writes what the facts say onto the store, in place of what was said
// before.
func (s *state) tell(r *resource.Resource) {
	found := s.region.decide(&s.facts, s.endpoint)
	s.tellGrants(r, found)
	guards := s.stageGuards(found)
	r.Guards = append(slices.DeleteFunc(r.Guards, func(g resource.Guard) bool { return slices.Contains(s.guards, g.Name) }), guards...)
	s.guards = nil
	for _, g := range guards {
		s.guards = append(s.guards, g.Name)
	}
	gaps := s.doubtGaps(found)
	r.Gaps = append(slices.DeleteFunc(slices.Clone(r.Gaps), func(g resource.Gap) bool { return slices.Contains(s.gaps, g.Call+" "+g.Detail) }), gaps...)
	s.gaps = nil
	for _, g := range gaps {
		s.gaps = append(s.gaps, g.Call+" "+g.Detail)
	}
	r.Notes = append(slices.DeleteFunc(r.Notes, func(n string) bool { return slices.Contains(s.notes, n) }), found.notes...)
	s.notes = found.notes
}

// tellGrants narrows the listing's grants to the addresses that are left, where
// these can be named, and adds what lets them through.
func (s *state) tellGrants(r *resource.Resource, found *reach) {
	n := 0
	for i := range r.Grants {
		if r.Grants[i].Via != Channel || n == len(s.given) {
			continue
		}
		g := s.given[n]
		n++
		most := found.most()
		if most == resource.ReachListed {
			g.To.Reach, g.To.Named = resource.ReachListed, names(found.admitted.most)
		}
		if most != resource.ReachPrivate {
			g.Because = slices.Clone(g.Because)
			for _, s := range found.stages {
				g.Because = append(g.Because, s.because...)
			}
		}
		if addr, ok := found.admitted.least.Sample(); ok {
			g.Witness = s.witness(r, found, addr)
		}
		r.Grants[i] = g
	}
}

func (s *state) witness(r *resource.Resource, found *reach, addr netip.Addr) *resource.Witness {
	w := &resource.Witness{
		Principal: "anyone", Action: "connect", Resource: string(r.ID),
		Context: map[string]string{"source address": addr.String()},
	}
	if s.endpoint.Port != 0 {
		w.Action = fmt.Sprintf("connect tcp/%d", s.endpoint.Port)
	}
	for _, stage := range found.stages {
		if len(stage.rules) > 0 {
			w.Context[strings.Join(stage.names, ", ")] = strings.Join(stage.rules, "; ")
		}
	}
	return w
}

// stageGuards makes a guard of each gate. Its cap is how wide the gate itself
// is, and how wide what is left behind it where that is narrower than this gate
// and those before it are each: then only together do they keep somebody out.
func (s *state) stageGuards(found *reach) []resource.Guard {
	var guards []resource.Guard
	before := resource.ReachInternet
	for i := range found.stages {
		stage := &found.stages[i]
		reach := stage.own()
		if stage.joint() < min(before, reach) {
			reach = stage.joint()
		}
		before = stage.joint()
		if len(stage.because) == 0 {
			continue // nothing was read that could be cited, so it lets everything through
		}
		guards = append(guards, resource.Guard{
			Name: stage.title(reach), On: []resource.Channel{Channel}, Cap: upTo(reach), Because: slices.Clone(stage.because),
		})
	}
	return guards
}

// title is the gate's name, with the rule that decides where it closes.
func (s *stage) title(reach resource.Reach) string {
	name := strings.Join(s.names, ", ")
	if reach > resource.ReachPrivate || len(s.rules) == 0 || strings.HasPrefix(name, "security group") {
		return name
	}
	return name + " (" + strings.Join(s.rules, "; ") + ")"
}

// upTo is the audience that a reach leaves, whatever it holds.
func upTo(reach resource.Reach) resource.Audience {
	if reach == resource.ReachPrivate {
		return resource.Nobody
	}
	return resource.Audience{Reach: reach, Credential: resource.CredentialNone}
}

// doubtGaps are what was refused inside a question and what does not decide. At
// best nobody gets through who is not proven to.
func (s *state) doubtGaps(found *reach) []resource.Gap {
	gaps := slices.Clone(s.refused)
	for _, d := range found.doubts {
		gaps = append(gaps, s.gap(d.call, resource.Undecided, d.detail))
	}
	for i := range gaps {
		gaps[i].Hides = nil
		gaps[i].Shields = []resource.Shield{{On: []resource.Channel{Channel}, Cap: upTo(found.least())}}
	}
	return gaps
}
