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
	case r.state == "blackhole":
		return no
	case r.via == middlebox && !r.toService():
		return maybe
	case r.via != internetGateway:
		return no
	case r.state == "active":
		return yes
	}
	return maybe
}

// toService reports whether a route is one of a gateway endpoint, which takes
// packets to a service of AWS (S3, DynamoDB) and no further. Such routes are by
// prefix list.
//
// Source: Amazon VPC AWS PrivateLink Guide, "Gateway endpoints", section
// "Routing".
func (r *route) toService() bool {
	return r.list != "" && strings.HasPrefix(r.gateway, "vpce-")
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

// tablesOf returns the tables that a place may follow, first the one that it
// does; none where that is not there. There is more than one where associations
// are being made or undone, or were between two pages of the answer.
func (f *facts) tablesOf(p place) []*table {
	if p.subnet == "" {
		return nil // it may have a table of its own
	}
	sure, unsure := f.linked(func(_ *table, l link) bool { return l.subnet == p.subnet })
	if len(sure) == 0 && p.vpc != "" {
		// the main table, which subnets follow without one of their own
		main, unsureMain := f.linked(func(t *table, l link) bool { return l.main && t.vpc == p.vpc })
		sure, unsure = main, append(unsure, unsureMain...)
	}
	if len(sure) == 0 {
		return nil
	}
	return append(sure, unsure...)
}

// linked returns the tables with an association that is in force, and those with
// one that may be.
func (f *facts) linked(is func(*table, link) bool) (sure, unsure []*table) {
	for _, id := range sortedKeys(f.tables) {
		t, stands := f.tables[id], no
		for _, l := range f.tables[id].links {
			if is(t, l) {
				stands = max(stands, l.stands())
			}
		}
		switch stands {
		case yes:
			sure = append(sure, t)
		case maybe:
			unsure = append(unsure, t)
		case no:
		}
	}
	return sure, unsure
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
