package network

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/andon-audit/andon/pkg/netset"
)

// The ports a client may have sent from, to which the answer goes. Systems use
// parts of this range, and a client chooses its own.
//
// Source: Amazon VPC User Guide, "Ephemeral ports".
const (
	ephemeralLo = 1024
	ephemeralHi = 65535
)

// inboundTo returns the addresses whose packets to a TCP port are let in.
func (a *acl) inboundTo(port uint16) span {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.inbound[port]; ok {
		return s
	}
	if a.inbound == nil {
		a.inbound = make(map[uint16]span)
	}
	a.inbound[port] = firstMatch(a.in, port)
	return a.inbound[port]
}

// answers returns the addresses to which answers are let out, to one ephemeral
// port at least: an address to which every one of them is denied gets none.
func (a *acl) answers() span {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.outbound == nil {
		var s span
		for _, port := range corners(a.out) {
			s = s.union(firstMatch(a.out, port))
		}
		a.outbound = &s
	}
	return *a.outbound
}

// corners returns one ephemeral port of each stretch of ports that the entries
// treat alike.
func corners(entries []entry) []uint16 {
	ports := []uint16{ephemeralLo}
	for _, e := range entries {
		for _, edge := range []int32{e.ports.from, e.ports.to + 1} {
			if e.ports.given && edge > ephemeralLo && edge <= ephemeralHi {
				ports = append(ports, uint16(edge))
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// firstMatch returns the addresses that entries, in their order, allow on a TCP
// port: of each address the first entry that matches decides, and none denies.
// What is not known is taken once for the worst and once for the best.
func firstMatch(entries []entry, port uint16) span {
	least, most := netset.Set{}, netset.Set{}
	leastLeft, mostLeft := netset.All(), netset.All()
	for _, e := range entries {
		match, covered := tcp(e.protocol, e.ports, port), blockSpan(e.block)
		if match == no {
			continue
		}
		if match == maybe {
			covered.least = netset.Set{}
		}
		switch e.action {
		case "allow":
			least = least.Union(leastLeft.Intersect(covered.least))
			most = most.Union(mostLeft.Intersect(covered.most))
			leastLeft, mostLeft = leastLeft.Subtract(covered.least), mostLeft.Subtract(covered.most)
		case "deny":
			leastLeft, mostLeft = leastLeft.Subtract(covered.most), mostLeft.Subtract(covered.least)
		default:
			most = most.Union(mostLeft.Intersect(covered.most))
			leastLeft, mostLeft = leastLeft.Subtract(covered.most), mostLeft.Subtract(covered.most)
		}
	}
	return span{least, most}
}

// partly reports whether answers to some public address are let out to some
// ephemeral ports and not to others.
func (a *acl) partly() bool {
	answered := netset.Public().Intersect(a.answers().most)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.uneven == nil {
		a.uneven = new(slices.ContainsFunc(corners(a.out), func(port uint16) bool { return !firstMatch(a.out, port).most.Covers(answered) }))
	}
	return *a.uneven
}

// fate returns the entry that decides about a packet; nil where none matches.
func fate(entries []entry, addr netip.Addr, port uint16) *entry {
	for i := range entries {
		e := &entries[i]
		if tcp(e.protocol, e.ports, port) != no && (!e.block.IsValid() || e.block.Contains(addr)) {
			return e
		}
	}
	return nil
}

// defaultRule is the number of the rule "*", which every ACL ends with.
const defaultRule = 32767

func (e *entry) name() string {
	if e.number == defaultRule {
		return "rule *"
	}
	return "rule " + strconv.Itoa(int(e.number))
}
