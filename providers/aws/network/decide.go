package network

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

// reach is what the facts say of an endpoint: every address of admitted.least
// gets through, none outside admitted.most does.
type reach struct {
	admitted span
	// shared are the admitted addresses from which any AWS customer can send.
	shared span
	stages []stage
	doubts []doubt
	notes  []string
	// differs says that it matters in which of several subnets the store is.
	differs bool
	// sample is an address that gets through, or as far as any.
	sample netip.Addr
}

// stage is one gate over all places where the store may listen.
type stage struct {
	names []string
	// alone is what may pass this gate, through what may pass those before it, too.
	alone, through netset.Set
	shared         netset.Set // addresses from which any AWS customer can send
	because        []resource.Evidence
	rules          []string // which decide about the sample, in words
}

// own is how wide the gate is by itself, joint together with those before it.
func (s *stage) own() resource.Reach   { return widest(s.alone, s.shared) }
func (s *stage) joint() resource.Reach { return widest(s.through, s.shared) }

// doubt is why an answer does not decide.
type doubt struct{ call, detail string }

// decide joins the gates that were read.
func (f *facts) decide(e Endpoint) reach {
	base := e.families()
	places, everywhere := f.places(e)
	fronts := make([]front, len(places))
	var r reach
	for i, p := range places {
		fronts[i] = f.front(p, e.Port, base)
		r.add(fronts[i], i == 0, everywhere)
	}
	if !f.complete() {
		r.admitted.least, r.shared.least = netset.Set{}, netset.Set{}
	}
	if !everywhere {
		r.compare(fronts)
	}
	r.stages = joinStages(base, fronts)
	r.pick(base)
	r.cite(fronts)
	if e.MaybeIPv6 && !r.admitted.most.Intersect(sixes()).Empty() {
		r.doubts = append(r.doubts, doubt{groupsCall, "the listing does not tell whether it has an IPv6 address"})
	}
	if !e.IPv4 && !e.IPv6 {
		r.doubts = append(r.doubts, doubt{groupsCall, "the listing does not tell in which address family it listens"})
	}
	return r
}

// front is what stands in front of one place.
type front struct {
	place
	gates           []gate
	through, shared span
}

func (f *facts) front(p place, port uint16, base span) front {
	x := front{place: p, gates: f.gates(p, port), through: base}
	if f.groups == nil {
		x.shared = anything() // a prefix list of AWS's own may be among the sources
	}
	for _, g := range x.gates {
		x.through = x.through.intersect(g.passes)
		x.shared = x.shared.union(g.shared)
	}
	x.shared = x.shared.intersect(base)
	return x
}

// add counts one more place in.
func (r *reach) add(x front, first, everywhere bool) {
	shared := x.shared.intersect(x.through)
	switch {
	case first:
		r.admitted, r.shared = x.through, shared
	case everywhere:
		r.admitted, r.shared = r.admitted.union(x.through), r.shared.union(shared)
	default:
		r.admitted, r.shared = r.admitted.either(x.through), r.shared.either(shared)
	}
	for _, g := range x.gates {
		for _, text := range g.doubts {
			if d := (doubt{g.call, text}); !slices.Contains(r.doubts, d) {
				r.doubts = append(r.doubts, d)
			}
		}
		for _, text := range g.notes {
			if !slices.Contains(r.notes, text) {
				r.notes = append(r.notes, text)
			}
		}
	}
}

// compare adds a doubt where the places differ in one of which a store listens.
func (r *reach) compare(fronts []front) {
	var names []string
	differ := false
	for _, x := range fronts {
		names = append(names, x.subnet)
		first := fronts[0].through
		differ = differ || !x.through.most.Equal(first.most) || !x.through.least.Equal(first.least)
	}
	if r.differs = differ && r.most() != r.least(); r.differs {
		r.doubts = append(r.doubts, doubt{subnetsCall, "it listens in one of the subnets " + strings.Join(names, ", ") + ", which differ"})
	}
}

// joinStages joins, gate by gate, what passes in any of the places.
func joinStages(base span, fronts []front) []stage {
	stages := make([]stage, len(fronts[0].gates))
	for _, x := range fronts {
		through := base.most
		for k, g := range x.gates {
			s := &stages[k]
			if !slices.Contains(s.names, g.name) {
				s.names = append(s.names, g.name)
			}
			own := g.passes.most.Intersect(base.most)
			through = through.Intersect(own)
			s.alone, s.through = s.alone.Union(own), s.through.Union(through)
			s.shared = s.shared.Union(x.shared.most)
		}
	}
	return stages
}

// pick chooses the address by which gates are explained: one that gets through,
// else one that gets as far as any.
func (r *reach) pick(base span) {
	sets := []netset.Set{base.most}
	for _, s := range r.stages {
		sets = append(sets, s.through)
	}
	sets = append(sets, r.admitted.most, r.admitted.least)
	for _, s := range slices.Backward(sets) {
		if addr, ok := s.Sample(); ok {
			r.sample = addr
			return
		}
	}
}

// cite lets each gate say what it does with the sample: where it gets through,
// the gates in front of that place. A gate that was not read there is explained
// by the other places.
func (r *reach) cite(fronts []front) {
	chosen := fronts
	for _, sure := range []func(front) netset.Set{
		func(x front) netset.Set { return x.through.least }, func(x front) netset.Set { return x.through.most },
	} {
		if i := slices.IndexFunc(fronts, func(x front) bool { return sure(x).Contains(r.sample) }); i >= 0 {
			chosen = fronts[i : i+1]
			break
		}
	}
	for k := range r.stages {
		for _, x := range chosen {
			r.stages[k].cite(x.gates[k], r.sample)
		}
		for _, x := range fronts {
			if len(r.stages[k].because) == 0 {
				r.stages[k].cite(x.gates[k], r.sample)
			}
		}
	}
}

func (s *stage) cite(g gate, addr netip.Addr) {
	because, rule := g.cite(addr)
	for _, e := range because {
		if len(s.because) < maxCited && !slices.Contains(s.because, e) {
			s.because = append(s.because, e)
		}
	}
	if rule != "" && !slices.Contains(s.rules, rule) {
		s.rules = append(s.rules, rule)
	}
}

// most and least are how wide it is at most and at least.
func (r *reach) most() resource.Reach  { return widest(r.admitted.most, r.shared.most) }
func (r *reach) least() resource.Reach { return widest(r.admitted.least, r.shared.least) }

// widest is the width of a set of which some addresses are anybody's who is a
// customer of AWS.
func widest(s, shared netset.Set) resource.Reach {
	w := s.Reach()
	if !shared.Intersect(s).Empty() {
		w = max(w, resource.ReachProvider)
	}
	return w
}

// names spells a set for readers: its first prefixes, and how many more.
func names(s netset.Set) []string { return netset.Names(s.Prefixes(), maxCited) }
