package network

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/netset"
)

// The properties draw from a small world: few addresses, ports and prefixes, so
// that rules overlap and every packet can be walked through them one by one.
var (
	drawnBlocks = prefixes(
		"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "203.0.113.0/24", "203.0.113.128/25", "203.0.113.7/32", "10.0.0.0/8",
		"::/0", "2000::/3", "2001:db8::/32", "2001:db8::7/128",
	)
	packets = []netip.Addr{
		netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.200"), netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("54.1.2.3"),
		netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("2001:db8::8"), netip.MustParseAddr("2600::1"),
	}
	drawnPorts = []portRange{{5432, 5432, true}, {0, 65535, true}, {1, 1023, true}, {1024, 65535, true}, {1024, 40000, true}, {40001, 65535, true}, {6000, 7000, true}}
)

func drawProtocol(t *rapid.T) string {
	return rapid.SampledFrom([]string{"-1", "tcp", "6", "udp", "17", "1"}).Draw(t, "protocol")
}

func drawEntries(t *rapid.T, name string) []entry {
	entries := make([]entry, rapid.IntRange(0, 6).Draw(t, name))
	for i := range entries {
		entries[i] = entry{
			position: i + 1, number: int32(10 * (i + 1)), protocol: drawProtocol(t), ports: rapid.SampledFrom(drawnPorts).Draw(t, "ports"),
			block: rapid.SampledFrom(drawnBlocks).Draw(t, "block"), action: rapid.SampledFrom([]string{"allow", "allow", "deny"}).Draw(t, "action"),
		}
	}
	return entries
}

func drawRoutes(t *rapid.T) []route {
	routes := make([]route, rapid.IntRange(0, 6).Draw(t, "routes"))
	seen := make(map[netip.Prefix]bool)
	for i := range routes {
		r := route{position: i + 1, to: rapid.SampledFrom(drawnBlocks).Draw(t, "to"), state: rapid.SampledFrom([]string{"active", "active", "blackhole"}).Draw(t, "state")}
		r.via = rapid.SampledFrom([]target{internetGateway, internetGateway, elsewhere, middlebox}).Draw(t, "via")
		if rapid.IntRange(0, 4).Draw(t, "by list") == 0 {
			r.list, r.rank = rapid.SampledFrom([]string{"pl-1", "pl-2"}).Draw(t, "list"), 2
		} else if r.rank = 1; seen[r.to] {
			r.rank = 3
		}
		seen[r.to] = true
		routes[i] = r
	}
	return routes
}

func drawGroup(t *rapid.T, id string) *group {
	g := &group{id: id}
	for i := range rapid.IntRange(0, 3).Draw(t, id) {
		r := rule{position: i + 1, protocol: drawProtocol(t), ports: rapid.SampledFrom(drawnPorts).Draw(t, "ports")}
		r.sources = rapid.SliceOfN(rapid.SampledFrom(drawnBlocks), 0, 2).Draw(t, "sources")
		if rapid.IntRange(0, 3).Draw(t, "by list") == 0 {
			r.lists = []string{rapid.SampledFrom([]string{"pl-1", "pl-2"}).Draw(t, "list")}
		}
		g.rules = append(g.rules, r)
	}
	return g
}

// drawFacts draws a region in which everything is known.
func drawFacts(t *rapid.T) *facts {
	f := &facts{
		groups:  map[string]*group{"sg-1": drawGroup(t, "sg-1"), "sg-2": drawGroup(t, "sg-2")},
		subnets: map[string]*subnet{}, tables: map[string]*table{}, acls: map[string]*acl{},
		lists:  map[string]*list{},
		owners: map[string]listOwner{"pl-1": {"office", "111111111111"}, "pl-2": {"com.amazonaws.global.cloudfront.origin-facing", "AWS"}},
	}
	for _, id := range []string{"pl-1", "pl-2"} {
		l := &list{id: id, prefixes: rapid.SliceOfNDistinct(rapid.SampledFrom(drawnBlocks), 0, 3, rapid.ID).Draw(t, id)}
		for _, p := range l.prefixes {
			l.texts = append(l.texts, p.String())
		}
		f.lists[id] = l
	}
	main := &table{id: "rtb-main", vpc: "vpc-1", links: []link{{main: true, state: "associated"}}, routes: drawRoutes(t)}
	own := &table{id: "rtb-own", vpc: "vpc-1", routes: drawRoutes(t)}
	f.tables[main.id], f.tables[own.id] = main, own
	for i := range rapid.IntRange(1, 2).Draw(t, "subnets") {
		id := fmt.Sprintf("subnet-%d", i+1)
		f.subnets[id] = &subnet{id: id, vpc: "vpc-1", mode: rapid.SampledFrom([]string{"off", "off", "off", "block-ingress"}).Draw(t, "mode")}
		if rapid.Bool().Draw(t, "own table") {
			own.links = append(own.links, link{subnet: id, state: "associated"})
		}
		a := &acl{id: "acl-" + id, subnets: []string{id}, in: drawEntries(t, "in"), out: drawEntries(t, "out")}
		f.acls[a.id] = a
	}
	return f
}

func drawEndpoint(t *rapid.T) Endpoint {
	e := Endpoint{IPv4: rapid.Bool().Draw(t, "IPv4"), Port: 5432, VPC: "vpc-1", SecurityGroups: []string{"sg-1", "sg-2"}, Everywhere: rapid.Bool().Draw(t, "everywhere")}
	e.IPv6 = !e.IPv4 || rapid.Bool().Draw(t, "IPv6")
	return e
}

// walk sends one packet through everything, rule by rule, as the documentation
// tells it, and reports whether an answer comes back: maybe where it is sent by
// an appliance.
func walk(f *facts, e Endpoint, p place, addr netip.Addr) answer {
	if addr.Is4() && !e.IPv4 || addr.Is6() && !e.IPv6 || f.subnets[p.subnet].mode != "off" {
		return no
	}
	return min(sure(walkGroups(f, e, addr)), walkRoutes(f, p, addr), sure(walkACL(f.acls["acl-"+p.subnet], e, addr)))
}

func sure(passes bool) answer {
	if passes {
		return yes
	}
	return no
}

func walkTCP(protocol string, ports portRange, port int) bool {
	return protocol == "-1" || (protocol == "6" || protocol == "tcp") && int(ports.from) <= port && port <= int(ports.to)
}

func walkGroups(f *facts, e Endpoint, addr netip.Addr) bool {
	for _, id := range e.SecurityGroups {
		for _, r := range f.groups[id].rules {
			sources := slices.Clone(r.sources)
			for _, l := range r.lists {
				sources = append(sources, f.lists[l].prefixes...)
			}
			if walkTCP(r.protocol, r.ports, int(e.Port)) && slices.ContainsFunc(sources, func(p netip.Prefix) bool { return p.Contains(addr) }) {
				return true
			}
		}
	}
	return false
}

func walkRoutes(f *facts, p place, addr netip.Addr) answer {
	t := f.tables["rtb-main"]
	if slices.ContainsFunc(f.tables["rtb-own"].links, func(l link) bool { return l.subnet == p.subnet }) {
		t = f.tables["rtb-own"]
	}
	bits, rank, open := -1, 0, no
	for _, r := range t.routes {
		to := []netip.Prefix{r.to}
		if r.list != "" {
			to = f.lists[r.list].prefixes
		}
		for _, d := range to {
			if d.Contains(addr) && (d.Bits() > bits || d.Bits() == bits && r.rank < rank) {
				bits, rank, open = d.Bits(), r.rank, sure(r.via == internetGateway && r.state == "active")
				if r.via == middlebox && r.state == "active" {
					open = maybe
				}
			}
		}
	}
	return open
}

func walkACL(a *acl, e Endpoint, addr netip.Addr) bool {
	allowed := func(entries []entry, port int) bool {
		for _, x := range entries {
			if walkTCP(x.protocol, x.ports, port) && x.block.Contains(addr) {
				return x.action == "allow"
			}
		}
		return false
	}
	if !allowed(a.in, int(e.Port)) {
		return false
	}
	for _, port := range []int{1024, 1025, 5431, 5432, 5433, 5999, 6000, 7000, 7001, 39999, 40000, 40001, 65535} {
		if allowed(a.out, port) {
			return true
		}
	}
	return false
}

// What is computed for sets is what happens to every packet.
func TestDecideAgreesWithAWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, e := drawFacts(t), drawEndpoint(t)
		r := f.decide(e)
		places, _ := f.places(e)
		for _, addr := range packets {
			in, perhaps := 0, 0
			for _, p := range places {
				gatesAgree(t, f, e, p, addr)
				switch walk(f, e, p, addr) {
				case yes:
					in++
				case maybe:
					perhaps++
				case no:
				}
			}
			least := in == len(places) || e.Everywhere && in > 0
			if r.admitted.least.Contains(addr) != least || r.admitted.most.Contains(addr) != (in+perhaps > 0) {
				t.Fatalf("%v gets through in %d and perhaps in %d of %d places (everywhere: %t), at least %v at most %v",
					addr, in, perhaps, len(places), e.Everywhere, r.admitted.least.Contains(addr), r.admitted.most.Contains(addr))
			}
		}
		if !netset.Public().Covers(r.admitted.most) {
			t.Fatal("somebody gets in who is not of the internet")
		}
		capsAgree(t, &r)
	})
}

// gatesAgree compares each gate by itself, since most packets stop at one of them.
func gatesAgree(t *rapid.T, f *facts, e Endpoint, p place, addr netip.Addr) {
	gates := f.gates(p, e.Port)
	for i, passes := range []answer{
		sure(f.subnets[p.subnet].mode == "off"), walkRoutes(f, p, addr), sure(walkGroups(f, e, addr)), sure(walkACL(f.acls["acl-"+p.subnet], e, addr)),
	} {
		if gates[i].passes.least.Contains(addr) != (passes == yes) || gates[i].passes.most.Contains(addr) != (passes != no) {
			t.Fatalf("%s lets %v through: %v, and %v is computed", gates[i].name, addr, passes, gates[i].passes)
		}
	}
}

// A prefix list instead of the prefixes in it changes nothing.
func TestListsAreTheirPrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, e := drawFacts(t), drawEndpoint(t)
		before := f.decide(e)
		for _, g := range f.groups {
			for i := range g.rules {
				for _, l := range g.rules[i].lists {
					g.rules[i].sources = append(slices.Clone(g.rules[i].sources), f.lists[l].prefixes...)
				}
				g.rules[i].lists = nil
			}
		}
		after := f.decide(e)
		if !after.admitted.least.Equal(before.admitted.least) || !after.admitted.most.Equal(before.admitted.most) {
			t.Fatalf("%v becomes %v", before.admitted, after.admitted)
		}
	})
}

func TestMoreRulesNeverAdmitLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, e := drawFacts(t), drawEndpoint(t)
		before := f.decide(e)
		f.groups["sg-1"].rules = append(f.groups["sg-1"].rules, drawGroup(t, "more").rules...)
		after := f.decide(e)
		if !after.admitted.least.Covers(before.admitted.least) || !after.admitted.most.Covers(before.admitted.most) {
			t.Fatalf("%v becomes %v", before.admitted, after.admitted)
		}
	})
}

func TestDenyInFrontNeverAdmitsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, e := drawFacts(t), drawEndpoint(t)
		before := f.decide(e)
		deny := entry{number: 1, protocol: drawProtocol(t), ports: rapid.SampledFrom(drawnPorts).Draw(t, "ports"), block: rapid.SampledFrom(drawnBlocks).Draw(t, "block"), action: "deny"}
		for id, a := range f.acls {
			in, out := slices.Clone(a.in), slices.Clone(a.out)
			if rapid.Bool().Draw(t, "inbound") {
				in = slices.Insert(in, 0, deny)
			} else {
				out = slices.Insert(out, 0, deny)
			}
			f.acls[id] = &acl{id: a.id, subnets: a.subnets, in: in, out: out}
		}
		after := f.decide(e)
		if !before.admitted.least.Covers(after.admitted.least) || !before.admitted.most.Covers(after.admitted.most) {
			t.Fatalf("%v becomes %v", before.admitted, after.admitted)
		}
	})
}

// losses are the ways in which a fact can be missing.
var losses = map[string]func(*rapid.T, *facts, *Endpoint){
	"groups not read":  func(_ *rapid.T, f *facts, _ *Endpoint) { f.groups = nil },
	"subnets not read": func(_ *rapid.T, f *facts, _ *Endpoint) { f.subnets = nil },
	"tables not read":  func(_ *rapid.T, f *facts, _ *Endpoint) { f.tables = nil },
	"acls not read":    func(_ *rapid.T, f *facts, _ *Endpoint) { f.acls = nil },
	"owners not read":  func(_ *rapid.T, f *facts, _ *Endpoint) { f.owners = nil },
	"a list refused":   func(_ *rapid.T, f *facts, _ *Endpoint) { f.lists["pl-1"] = nil },
	"an entry of a list unknown": func(_ *rapid.T, f *facts, _ *Endpoint) {
		l := *f.lists["pl-2"]
		l.prefixes, l.texts = append(slices.Clone(l.prefixes), netip.Prefix{}), append(slices.Clone(l.texts), "")
		if len(l.prefixes) > 1 {
			l.prefixes, l.texts = l.prefixes[1:], l.texts[1:]
			f.lists["pl-2"] = &l
		}
	},
	"a group gone": func(_ *rapid.T, f *facts, _ *Endpoint) { delete(f.groups, "sg-2") },
	"a subnet gone": func(_ *rapid.T, f *facts, e *Endpoint) {
		if len(e.Subnets) > 0 { // else nobody knows that there should be one
			delete(f.subnets, "subnet-1")
		}
	},
	"all subnets gone": func(_ *rapid.T, f *facts, _ *Endpoint) { f.subnets = map[string]*subnet{} },
	"main table gone":  func(_ *rapid.T, f *facts, _ *Endpoint) { delete(f.tables, "rtb-main") },
	"acl gone":         func(_ *rapid.T, f *facts, _ *Endpoint) { delete(f.acls, "acl-subnet-1") },
	"port not told":    func(_ *rapid.T, _ *facts, e *Endpoint) { e.Port = 0 },
	"family not told":  func(_ *rapid.T, _ *facts, e *Endpoint) { e.IPv4, e.IPv6 = false, false },
	"a family not told": func(_ *rapid.T, _ *facts, e *Endpoint) {
		if e.IPv4 && e.IPv6 {
			e.IPv6, e.MaybeIPv6 = false, true
		}
	},
	"zone not told": func(_ *rapid.T, f *facts, _ *Endpoint) {
		if s := f.subnets["subnet-1"]; s != nil {
			f.subnets["subnet-1"] = &subnet{id: s.id, mode: s.mode}
		}
	},
	"groups not told":   func(_ *rapid.T, _ *facts, e *Endpoint) { e.SecurityGroups = nil },
	"place not told":    func(_ *rapid.T, _ *facts, e *Endpoint) { e.VPC = "" },
	"mode unknown":      func(_ *rapid.T, f *facts, _ *Endpoint) { f.subnets["subnet-1"].mode = "later" },
	"route target":      func(t *rapid.T, f *facts, _ *Endpoint) { ofRoute(t, f, func(r *route) { r.via = unknownTarget }) },
	"route state":       func(t *rapid.T, f *facts, _ *Endpoint) { ofRoute(t, f, func(r *route) { r.state = "later" }) },
	"route destination": func(t *rapid.T, f *facts, _ *Endpoint) { ofRoute(t, f, func(r *route) { r.to = netip.Prefix{} }) },
	"association":       func(_ *rapid.T, f *facts, _ *Endpoint) { ofLinks(f, func(l *link) { l.state = "later" }) },
	"rule protocol":     func(t *rapid.T, f *facts, _ *Endpoint) { ofRule(t, f, func(r *rule) { r.protocol = "later" }) },
	"rule ports":        func(t *rapid.T, f *facts, _ *Endpoint) { ofRule(t, f, func(r *rule) { r.ports = portRange{} }) },
	"entry action":      func(t *rapid.T, f *facts, _ *Endpoint) { ofEntry(t, f, func(e *entry) { e.action = "later" }) },
	"entry protocol":    func(t *rapid.T, f *facts, _ *Endpoint) { ofEntry(t, f, func(e *entry) { e.protocol = "later" }) },
	"entry ports":       func(t *rapid.T, f *facts, _ *Endpoint) { ofEntry(t, f, func(e *entry) { e.ports = portRange{} }) },
	"entry block":       func(t *rapid.T, f *facts, _ *Endpoint) { ofEntry(t, f, func(e *entry) { e.block = netip.Prefix{} }) },
}

func ofRoute(t *rapid.T, f *facts, change func(*route)) {
	for _, id := range sortedKeys(f.tables) {
		if routes := f.tables[id].routes; len(routes) > 0 {
			change(&routes[rapid.IntRange(0, len(routes)-1).Draw(t, "route")])
		}
	}
}

func ofLinks(f *facts, change func(*link)) {
	for _, t := range f.tables {
		for i := range t.links {
			if t.links[i].subnet != "" {
				change(&t.links[i])
			}
		}
	}
}

func ofRule(t *rapid.T, f *facts, change func(*rule)) {
	for _, id := range sortedKeys(f.groups) {
		if rules := f.groups[id].rules; len(rules) > 0 {
			change(&rules[rapid.IntRange(0, len(rules)-1).Draw(t, "rule")])
		}
	}
}

func ofEntry(t *rapid.T, f *facts, change func(*entry)) {
	for _, id := range sortedKeys(f.acls) {
		a := f.acls[id]
		changed := &acl{id: a.id, subnets: a.subnets, in: slices.Clone(a.in), out: slices.Clone(a.out)}
		for _, entries := range [][]entry{changed.in, changed.out} {
			if len(entries) > 0 {
				change(&entries[rapid.IntRange(0, len(entries)-1).Draw(t, "entry")])
			}
		}
		f.acls[id] = changed
	}
}

// Losing facts, one or several, never narrows what is known: neither the sets
// nor how wide they are.
func TestLosingAFactWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, e := drawFacts(t), drawEndpoint(t)
		if rapid.Bool().Draw(t, "subnets are named") {
			e.Subnets = sortedKeys(f.subnets)
		}
		before := f.decide(e)
		for range rapid.IntRange(1, 3).Draw(t, "losses") {
			name := rapid.SampledFrom(sortedKeys(losses)).Draw(t, "lost")
			if f.subnets["subnet-1"] == nil && name == "mode unknown" {
				continue
			}
			losses[name](t, f, &e)
			after := f.decide(e)
			if !before.admitted.least.Covers(after.admitted.least) || !after.admitted.most.Covers(before.admitted.most) {
				t.Fatalf("%s: %v..%v becomes %v..%v", name, before.admitted.least, before.admitted.most, after.admitted.least, after.admitted.most)
			}
			if after.least() > before.least() || after.most() < before.most() {
				t.Fatalf("%s: %s..%s becomes %s..%s", name, before.least(), before.most(), after.least(), after.most())
			}
			capsAgree(t, &after)
			before = after
		}
	})
}
