package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
)

// path is one destination of a route: routes by prefix list have many.
type path struct {
	to    netip.Prefix
	route *route
	opens answer // leads to an internet gateway that is there
}

// opens reports whether what the route takes goes to the internet.
func (r *route) opens() answer {
	switch {
	case r.via == unknownTarget:
		return maybe
	case r.via != internetGateway || r.state == "blackhole":
		return no
	case r.state == "active":
		return yes
	}
	return maybe
}

// paths spells out the routes of a table, most specific first. A route whose
// destination is not known is returned apart.
//
// Source: Amazon VPC User Guide, "Route priority": the longest prefix wins; among
// equals the local route, then static routes, routes by prefix list, propagated
// routes.
func (f *facts) paths(t *table) (known []path, unknown []*route) {
	for i := range t.routes {
		r := &t.routes[i]
		prefixes := []netip.Prefix{r.to}
		if r.list != "" {
			prefixes = []netip.Prefix{{}}
			if l := f.lists[r.list]; l != nil {
				prefixes = l.prefixes
			}
		}
		for _, p := range prefixes {
			if p.IsValid() {
				known = append(known, path{p, r, r.opens()})
			} else {
				unknown = append(unknown, r)
			}
		}
	}
	slices.SortStableFunc(known, func(a, b path) int {
		return cmp.Or(cmp.Compare(b.to.Bits(), a.to.Bits()), cmp.Compare(a.route.rank, b.route.rank))
	})
	return known, unknown
}

// toInternet returns the addresses to which a table sends packets by an
// internet gateway. Of each address the most specific path decides; what is not
// known is taken once for the worst and once for the best.
func (f *facts) toInternet(t *table) span {
	known, unknown := f.paths(t)
	s := span{longest(known, yes), longest(known, maybe)}
	for _, r := range unknown {
		if r.opens() != no {
			s.most = netset.All()
		}
		if r.opens() != yes {
			s.least = netset.Set{}
		}
	}
	return s
}

// longest returns the addresses whose most specific path opens at least so sure.
func longest(paths []path, sure answer) netset.Set {
	var open netset.Set
	left := netset.All()
	for _, p := range paths {
		to := netset.Of(p.to)
		if p.opens >= sure {
			open = open.Union(left.Intersect(to))
		}
		left = left.Subtract(to)
	}
	return open
}

// by returns the path that a packet to an address takes; nil where there is none.
func by(paths []path, addr netip.Addr) *path {
	for i := range paths {
		if paths[i].to.Contains(addr) {
			return &paths[i]
		}
	}
	return nil
}

// tableOf returns the route table of a place; nil where it is not there. other is
// set where an association is being made or undone: the place may follow that
// table as well.
func (f *facts) tableOf(p place) (t, other *table) {
	if p.subnet == "" {
		return nil, nil // it may have a table of its own
	}
	for _, id := range sortedKeys(f.tables) {
		for _, l := range f.tables[id].links {
			if l.subnet == "" || l.subnet != p.subnet {
				continue
			}
			switch l.stands() {
			case yes:
				t = f.tables[id]
			case maybe:
				other = f.tables[id]
			case no:
			}
		}
	}
	if t == nil {
		t = f.mainTable(p.vpc)
	}
	return t, other
}

// mainTable is the table that subnets of a VPC follow without one of their own.
func (f *facts) mainTable(vpc string) *table {
	if vpc == "" {
		return nil
	}
	for _, id := range sortedKeys(f.tables) {
		t := f.tables[id]
		if t.vpc == vpc && slices.ContainsFunc(t.links, func(l link) bool { return l.main }) {
			return t
		}
	}
	return nil
}

// diverted returns the route by which packets that arrive at the internet
// gateway of a VPC are sent through something else on their way to a place, with
// its table.
//
// Source: Amazon VPC User Guide, "Gateway route tables".
func (f *facts) diverted(p place) (*table, *route) {
	s := f.subnets[p.subnet]
	for _, id := range sortedKeys(f.tables) {
		t := f.tables[id]
		if t.vpc != p.vpc || !slices.ContainsFunc(t.links, func(l link) bool { return strings.HasPrefix(l.gateway, "igw-") && l.stands() != no }) {
			continue
		}
		for i := range t.routes {
			if r := &t.routes[i]; r.via != local && meets(r.to, s) {
				return t, r
			}
		}
	}
	return nil, nil
}

// meets reports whether a route is about a subnet, or may be.
func meets(to netip.Prefix, s *subnet) bool {
	if !to.IsValid() || s == nil || len(s.blocks) == 0 {
		return true
	}
	return slices.ContainsFunc(s.blocks, func(b netip.Prefix) bool { return !b.IsValid() || b.Overlaps(to) })
}
