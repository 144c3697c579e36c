package network

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/andon-audit/andon/pkg/netset"
)

// The facts of a region, in what is kept of the answers: positions are those
// inside one item of a listing, counted from 1, and lead back to it.

// group is a security group.
type group struct {
	id    string
	rules []rule
}

// rule is one inbound permission of a security group.
type rule struct {
	position int
	protocol string
	ports    portRange
	sources  []netip.Prefix
	lists    []string // prefix lists
	groups   []string // security groups whose members may connect
}

// subnet is a subnet with its effective VPC Block Public Access.
type subnet struct {
	id, vpc, zone string
	blocks        []netip.Prefix
	mode          string
}

// table is a route table.
type table struct {
	id, vpc string
	routes  []route
	links   []link
}

// link associates a route table with a subnet, with a gateway, or, as main
// table, with the rest of its VPC.
type link struct {
	position        int
	subnet, gateway string
	main            bool
	state           string
}

// stands reports whether the association is in force.
func (l link) stands() answer {
	switch l.state {
	case "", "associated":
		return yes
	case "disassociated", "failed":
		return no
	}
	return maybe
}

// route is one route. Where list is given, the prefix list is its destination.
type route struct {
	position int
	to       netip.Prefix
	list     string
	via      target
	gateway  string // the target's id
	state    string
	// rank settles between routes to the same destination, lower first: those
	// made by hand, those by prefix list, those that were propagated.
	rank int
}

// target is what sort of thing a route leads to.
type target int8

const (
	elsewhere       target = iota // to something that is not the internet
	unknownTarget                 // to something that is not known
	internetGateway               // to the internet, both ways
	middlebox                     // to an interface or endpoint that may pass it on
	local                         // stays in the VPC
)

// acl is a network ACL.
type acl struct {
	id      string
	subnets []string
	in, out []entry // by rule number

	mu       sync.Mutex
	inbound  map[uint16]span // by port
	outbound *span
	uneven   *bool
}

// entry is one rule of a network ACL.
type entry struct {
	position int
	number   int32
	protocol string
	ports    portRange
	block    netip.Prefix
	action   string // allow, deny
}

// list is a managed prefix list.
type list struct {
	id       string
	prefixes []netip.Prefix
	texts    []string // the same, as the answer spells them
}

func (l *list) span() span {
	s := span{}
	for _, p := range l.prefixes {
		s = s.union(blockSpan(p))
	}
	return s
}

// listOwner says whose a prefix list is.
type listOwner struct{ name, owner string }

// iface is a network interface of the store.
type iface struct {
	id, subnet, vpc string
	groups          []string
	addresses       []netip.Addr
}

// facts is what is known of a region, for one store. A nil map was not read.
type facts struct {
	groups  map[string]*group
	subnets map[string]*subnet
	tables  map[string]*table
	acls    map[string]*acl
	// lists are the prefix lists that were looked up; a nil one could not be
	// read.
	lists map[string]*list
	// owners are the owners of lists; nil when they could not be read or were
	// not needed.
	owners map[string]listOwner
	// interfaces are the store's own, all of them, or nil.
	interfaces []iface
	// emulated says that the answers are not Amazon's: VPC Block Public Access
	// that is not mentioned there does not exist.
	emulated bool
}

// place is where a store listens, or may: one subnet with the groups in front.
type place struct {
	subnet, vpc string
	groups      []string
}

// places returns where the store may listen, and whether it listens in all of
// these places. One place without a subnet stands for not knowing any.
func (f *facts) places(e Endpoint) (places []place, everywhere bool) {
	for _, i := range f.interfaces {
		places = append(places, place{i.subnet, i.vpc, i.groups})
	}
	if len(places) > 0 {
		return places, true
	}
	ids := slices.Clone(e.Subnets)
	if len(ids) == 0 && e.VPC != "" {
		for id, s := range f.subnets {
			if isOr(s.vpc, e.VPC) && (e.Zone == "" || isOr(s.zone, e.Zone)) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		p := place{id, e.VPC, e.SecurityGroups}
		if s := f.subnets[id]; s != nil {
			p.vpc = s.vpc
		}
		places = append(places, p)
	}
	if len(places) == 0 {
		return []place{{"", e.VPC, e.SecurityGroups}}, false
	}
	return places, e.Everywhere
}

// isOr reports whether a text is another, or does not say.
func isOr(text, other string) bool { return text == "" || text == other }

// families returns the public addresses that can send to the endpoint at all.
func (e Endpoint) families() span {
	var s netset.Set
	if e.IPv4 {
		s = s.Union(netset.Of(netip.PrefixFrom(netip.IPv4Unspecified(), 0)))
	}
	if e.IPv6 {
		s = s.Union(netset.Of(netip.PrefixFrom(netip.IPv6Unspecified(), 0)))
	}
	if s.Empty() {
		return span{netset.Set{}, netset.Public()}
	}
	known := s.Intersect(netset.Public())
	if e.MaybeIPv6 {
		return span{known, known.Union(sixes())}
	}
	return exactly(known)
}

// sixes are the IPv6 addresses of the internet.
func sixes() netset.Set {
	return netset.Of(netip.PrefixFrom(netip.IPv6Unspecified(), 0)).Intersect(netset.Public())
}
