package network

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

// The calls that the facts come from.
const (
	groupsCall     = "ec2:DescribeSecurityGroups"
	subnetsCall    = "ec2:DescribeSubnets"
	tablesCall     = "ec2:DescribeRouteTables"
	aclsCall       = "ec2:DescribeNetworkAcls"
	listCall       = "ec2:GetManagedPrefixListEntries"
	ownersCall     = "ec2:DescribeManagedPrefixLists"
	interfacesCall = "ec2:DescribeNetworkInterfaces"
)

// gate is one gate in front of one place.
type gate struct {
	call   string // that it was read by
	name   string
	passes span
	doubts []string // why the two sets of passes differ
	// cite says what decides about a packet from an address: where that stands,
	// in how many words, and what a reader calls it.
	cite func(netip.Addr) (because []resource.Evidence, rule string)
	// shared are the addresses it admits by a prefix list of AWS's own, from
	// which any customer's traffic comes.
	shared span
	notes  []string // what explains and changes nothing
}

// unread is a gate about which something is missing.
func unread(call, name, format string, args ...any) gate {
	return gate{
		call: call, name: name, passes: anything(), doubts: []string{fmt.Sprintf(format, args...)},
		cite: func(netip.Addr) ([]resource.Evidence, string) { return nil, "" },
	}
}

// gates returns the gates in front of a place, in order, as far as their facts
// were read.
func (f *facts) gates(p place, port uint16) []gate {
	var all []gate
	if f.subnets != nil {
		all = append(all, f.blockGate(p))
	}
	if f.tables != nil {
		all = append(all, f.routeGate(p))
	}
	if f.groups != nil {
		all = append(all, f.groupGate(p.groups, port))
	}
	if f.acls != nil {
		all = append(all, f.aclGate(p, port))
	}
	return all
}

// complete reports whether every gate was read.
func (f *facts) complete() bool {
	return f.subnets != nil && f.tables != nil && f.groups != nil && f.acls != nil
}

const blockName = "VPC Block Public Access"

// blockGate is VPC Block Public Access as it stands for the subnet, with
// exclusions and organisation policies already counted in.
//
// Source: Amazon EC2 API Reference, type BlockPublicAccessStates.
func (f *facts) blockGate(p place) gate {
	s := f.subnets[p.subnet]
	if s == nil {
		return unread(subnetsCall, blockName, "the subnet %sis not in the answer", spaced(p.subnet))
	}
	if s.mode == "" && f.emulated {
		return gate{call: subnetsCall, name: blockName, passes: exactly(netset.All()), cite: func(netip.Addr) ([]resource.Evidence, string) {
			return []resource.Evidence{evidence(subnetsCall, s.id, subnetPointer(s.id), "")}, ""
		}}
	}
	g := gate{call: subnetsCall, name: blockName, cite: func(netip.Addr) ([]resource.Evidence, string) {
		if s.mode == "" {
			return []resource.Evidence{evidence(subnetsCall, s.id, subnetPointer(s.id), "")}, ""
		}
		return []resource.Evidence{evidence(subnetsCall, s.id, subnetPointer(s.id)+"/blockPublicAccessStates/internetGatewayBlockMode", s.mode)}, s.mode
	}}
	switch s.mode {
	case "off":
		g.passes = exactly(netset.All())
	case "block-ingress", "block-bidirectional":
	default:
		g.passes = anything()
		g.doubts = []string{fmt.Sprintf("the mode of VPC Block Public Access of subnet %s, %q, is not known", s.id, s.mode)}
	}
	return g
}

// routeGate is where answers to clients are sent.
func (f *facts) routeGate(p place) gate {
	tables := f.tablesOf(p)
	if len(tables) == 0 {
		return unread(tablesCall, "route table", "the route table of the subnet %sis not in the answer: neither one of its own nor a main table of its VPC", spaced(p.subnet))
	}
	t := tables[0]
	g := gate{call: tablesCall, name: "route table " + t.id, passes: f.toInternet(t), cite: func(addr netip.Addr) ([]resource.Evidence, string) {
		return f.citeRoute(t, addr)
	}}
	g.doubts = f.routeDoubts(t)
	for _, other := range tables[1:] {
		g.passes = g.passes.either(f.toInternet(other))
		g.doubts = append(g.doubts, fmt.Sprintf("subnet %s is being moved from or to route table %s", p.subnet, other.id))
	}
	if edge, r := f.diverted(p); edge != nil {
		g.passes = span{netset.Set{}, g.passes.most.Union(f.byMiddlebox(t))}
		g.doubts = append(g.doubts, fmt.Sprintf("route table %s of the internet gateway sends packets by %s first, which may drop them", edge.id, cmp.Or(r.gateway, "something unknown")))
	}
	return g
}

// routeDoubts says which routes of a table are not understood.
func (f *facts) routeDoubts(t *table) []string {
	var doubts []string
	known, unknown := f.paths(t)
	for _, r := range unknown {
		if r.list != "" {
			doubts = append(doubts, fmt.Sprintf("a route of %s leads to prefix list %s, which was not read", t.id, r.list))
		} else {
			doubts = append(doubts, fmt.Sprintf("route %d of %s has a destination that is not known", r.position, t.id))
		}
	}
	for _, p := range known {
		switch {
		case p.opens != maybe:
		case p.route.via == middlebox:
			doubts = append(doubts, fmt.Sprintf("route %d of %s sends answers by %s, which may pass them on", p.route.position, t.id, p.route.gateway))
		default:
			doubts = append(doubts, fmt.Sprintf("route %d of %s has a target or a state that is not known: %q %q", p.route.position, t.id, p.route.gateway, p.route.state))
		}
	}
	return slices.Compact(doubts)
}

// byMiddlebox returns what a table sends to interfaces and endpoints that may
// pass it on to the internet gateway.
func (f *facts) byMiddlebox(t *table) netset.Set {
	var s netset.Set
	known, unknown := f.paths(t)
	for _, p := range known {
		if p.route.via == middlebox && p.route.state != "blackhole" {
			s = s.Union(netset.Of(p.to))
		}
	}
	if slices.ContainsFunc(unknown, func(r *route) bool { return r.via == middlebox }) {
		return netset.All()
	}
	return s
}

func (f *facts) citeRoute(t *table, addr netip.Addr) ([]resource.Evidence, string) {
	known, _ := f.paths(t)
	pointer := `/DescribeRouteTablesResponse/routeTableSet/item[routeTableId="` + t.id + `"]`
	p := by(known, addr)
	if p == nil {
		return []resource.Evidence{evidence(tablesCall, t.id, pointer, "")}, "no route to " + addr.String()
	}
	quote := p.to.String() + " to " + cmp.Or(p.route.gateway, "an unknown target")
	if p.route.state != "active" && p.route.state != "" {
		quote += " (" + p.route.state + ")"
	}
	because := []resource.Evidence{evidence(tablesCall, t.id, fmt.Sprintf("%s/routeSet/item[%d]", pointer, p.route.position), quote)}
	if p.route.list != "" {
		because = append(because, f.citeList(p.route.list, p.to))
	}
	return because, quote
}

// groupGate is the union of the inbound rules of all groups on the port.
func (f *facts) groupGate(ids []string, port uint16) gate {
	name := "security group " + strings.Join(ids, ", ")
	if len(ids) == 0 {
		g := unread(groupsCall, "security groups", "the listing names no security group")
		g.shared = anything()
		return g
	}
	if len(ids) > 1 {
		name = "security groups " + strings.Join(ids, ", ")
	}
	g := gate{call: groupsCall, name: name, cite: func(addr netip.Addr) ([]resource.Evidence, string) {
		return f.citeGroups(ids, addr, port)
	}}
	for _, id := range ids {
		sg := f.groups[id]
		if sg == nil {
			g.passes, g.shared = g.passes.union(anything()), g.shared.union(anything())
			g.doubts = append(g.doubts, fmt.Sprintf("security group %s is not in the answer", id))
			continue
		}
		for i := range sg.rules {
			f.addRule(&g, sg, &sg.rules[i], port)
		}
	}
	return g
}

// addRule adds what one rule admits to a port.
func (f *facts) addRule(g *gate, sg *group, r *rule, port uint16) {
	match := tcp(r.protocol, r.ports, port)
	if match == no {
		return
	}
	if len(r.groups) > 0 {
		g.notes = append(g.notes, "members of security group "+strings.Join(r.groups, ", ")+" may connect: a public host among them would be a way in")
	}
	var sources span
	for _, p := range r.sources {
		sources = sources.union(blockSpan(p))
		if !p.IsValid() {
			g.doubts = append(g.doubts, fmt.Sprintf("rule %d of %s has a source that is not known", r.position, sg.id))
		}
	}
	for _, id := range r.lists {
		admitted, doubt := f.listSpan(id)
		if doubt != "" {
			g.doubts = append(g.doubts, fmt.Sprintf("rule %d of %s: %s", r.position, sg.id, doubt))
		}
		if _, known := f.owners[id]; !known && f.owners != nil {
			g.doubts = append(g.doubts, "whose prefix list "+id+" is is not known")
		}
		if match == maybe {
			admitted.least = netset.Set{}
		}
		sources = sources.union(admitted)
		g.shared = g.shared.union(f.sharedOf(id, admitted))
	}
	if match == maybe {
		sources.least = netset.Set{}
		g.doubts = append(g.doubts, fmt.Sprintf("rule %d of %s may speak of the port or not: protocol %q", r.position, sg.id, r.protocol))
	}
	g.passes = g.passes.union(sources)
}

func (f *facts) listSpan(id string) (span, string) {
	l := f.lists[id]
	if l == nil {
		return anything(), "prefix list " + id + " was not read"
	}
	s := l.span()
	if !s.most.Equal(s.least) {
		return s, "prefix list " + id + " has an entry that is not known"
	}
	return s, ""
}

// sharedOf returns what a list admits of AWS's own ranges. Those of the gateway
// endpoints (S3, DynamoDB) are addresses that a service answers from, and nobody
// can send from.
func (f *facts) sharedOf(id string, admitted span) span {
	o, known := f.owners[id]
	switch {
	case !known:
		return span{netset.Set{}, admitted.most}
	case o.owner != "AWS" || strings.HasSuffix(o.name, ".s3") || strings.HasSuffix(o.name, ".dynamodb"):
		return span{}
	}
	return admitted
}

// maxCited bounds the rules and names that are told of one store.
const maxCited = 8

// citeGroups cites the rules that let anybody outside in, first those that let
// in an address; where there is none, the groups.
func (f *facts) citeGroups(ids []string, addr netip.Addr, port uint16) ([]resource.Evidence, string) {
	var first, others, groups []resource.Evidence
	for _, id := range ids {
		sg := f.groups[id]
		if sg == nil {
			continue
		}
		pointer := `/DescribeSecurityGroupsResponse/securityGroupInfo/item[groupId="` + id + `"]`
		groups = append(groups, evidence(groupsCall, id, pointer, ""))
		for i := range sg.rules {
			if r := &sg.rules[i]; tcp(r.protocol, r.ports, port) != no {
				with, without := f.citeRule(r, id, pointer, addr)
				first, others = append(first, with...), append(others, without...)
			}
		}
	}
	rules := append(first, others...)
	if len(rules) == 0 {
		return groups, "no rule lets anybody outside in"
	}
	return rules[:min(len(rules), maxCited)], rules[0].Quote
}

// citeRule cites the sources of a rule that are outside: those that hold the
// address, and the others.
func (f *facts) citeRule(r *rule, id, pointer string, addr netip.Addr) (with, without []resource.Evidence) {
	pointer = fmt.Sprintf("%s/ipPermissions/item[%d]", pointer, r.position)
	quote := id + " rule " + r.ports.describe(r.protocol) + " from "
	for _, p := range r.sources {
		if p.IsValid() && netset.Of(p).Intersect(netset.Public()).Empty() {
			continue
		}
		e := evidence(groupsCall, id, pointer, quote+sourceText(p))
		if !p.IsValid() || p.Contains(addr) {
			with = append(with, e)
		} else {
			without = append(without, e)
		}
	}
	for _, l := range r.lists {
		e := evidence(groupsCall, id, pointer, quote+"prefix list "+l)
		if p, ok := f.listed(l, addr); ok {
			with = append(with, e, f.citeList(l, p))
		} else {
			without = append(without, e)
		}
	}
	return with, without
}

// listed returns the entry of a prefix list that holds an address.
func (f *facts) listed(id string, addr netip.Addr) (netip.Prefix, bool) {
	l := f.lists[id]
	if l == nil {
		return netip.Prefix{}, false
	}
	i := slices.IndexFunc(l.prefixes, func(p netip.Prefix) bool { return p.IsValid() && p.Contains(addr) })
	if i < 0 {
		return netip.Prefix{}, false
	}
	return l.prefixes[i], true
}

func sourceText(p netip.Prefix) string {
	if !p.IsValid() {
		return "an unknown source"
	}
	return p.String()
}

// describe spells protocol and ports: "tcp/5432", "tcp/0-65535", "all".
func (r portRange) describe(protocol string) string {
	switch {
	case protocol == "-1":
		return "all"
	case protocol == "6":
		protocol = "tcp"
	}
	if !r.given {
		return protocol
	}
	if r.from == r.to {
		return fmt.Sprintf("%s/%d", protocol, r.from)
	}
	return fmt.Sprintf("%s/%d-%d", protocol, r.from, r.to)
}

// aclGate is the subnet's network ACL, for the packet and for the answer to it.
func (f *facts) aclGate(p place, port uint16) gate {
	acls := f.aclsOf(p.subnet)
	if len(acls) == 0 {
		return unread(aclsCall, "network ACL", "the network ACL of the subnet %sis not in the answer", spaced(p.subnet))
	}
	a := acls[0]
	g := gate{
		call: aclsCall, name: "network ACL " + a.id, passes: a.inboundTo(port).intersect(a.answers()),
		cite: func(addr netip.Addr) ([]resource.Evidence, string) { return a.citeEntries(addr, port) },
	}
	if !g.passes.most.Equal(g.passes.least) {
		g.doubts = []string{fmt.Sprintf("network ACL %s has a rule that is not known", a.id)}
	}
	for _, other := range acls[1:] {
		g.passes = g.passes.either(other.inboundTo(port).intersect(other.answers()))
		g.doubts = append(g.doubts, fmt.Sprintf("subnet %s is in network ACL %s as well", p.subnet, other.id))
	}
	if a.partly() {
		g.notes = []string{"network ACL " + a.id + " lets answers out to some ports of some clients only"}
	}
	return g
}

// aclsOf returns the ACLs that a subnet is in: one, or more where it was moved
// between two pages of the answer.
func (f *facts) aclsOf(subnet string) []*acl {
	var all []*acl
	for _, id := range sortedKeys(f.acls) {
		if subnet != "" && slices.Contains(f.acls[id].subnets, subnet) {
			all = append(all, f.acls[id])
		}
	}
	return all
}

// citeEntries cites the entry that decides about a packet, and the one that
// decides about the answer to it where that matters.
func (a *acl) citeEntries(addr netip.Addr, port uint16) ([]resource.Evidence, string) {
	in := a.citeEntry(fate(a.in, addr, port))
	if !a.inboundTo(port).most.Contains(addr) {
		return []resource.Evidence{in}, "inbound " + in.Quote
	}
	out := a.citeEntry(fate(a.out, addr, a.answerPort(addr)))
	if !a.answers().most.Contains(addr) {
		return []resource.Evidence{out}, "outbound " + out.Quote
	}
	return []resource.Evidence{in, out}, "inbound " + in.Quote + ", outbound " + out.Quote
}

// answerPort returns an ephemeral port on which an address gets its answer, else
// the first of them.
func (a *acl) answerPort(addr netip.Addr) uint16 {
	for _, port := range corners(a.out) {
		if firstMatch(a.out, port).most.Contains(addr) {
			return port
		}
	}
	return ephemeralLo
}

func (a *acl) citeEntry(e *entry) resource.Evidence {
	pointer := `/DescribeNetworkAclsResponse/networkAclSet/item[networkAclId="` + a.id + `"]`
	if e == nil {
		return evidence(aclsCall, a.id, pointer, "no rule allows it")
	}
	return evidence(aclsCall, a.id, fmt.Sprintf("%s/entrySet/item[%d]", pointer, e.position), e.name()+" "+e.verb())
}

func (e *entry) verb() string {
	switch e.action {
	case "allow":
		return "allows"
	case "deny":
		return "denies"
	}
	return "has an unknown action"
}

func evidence(call, of, pointer, quote string) resource.Evidence {
	return resource.Evidence{Call: call, Of: of, Pointer: pointer, Quote: quote}
}

func subnetPointer(id string) string {
	return `/DescribeSubnetsResponse/subnetSet/item[subnetId="` + id + `"]`
}

// citeList cites an entry of a list that was read.
func (f *facts) citeList(id string, p netip.Prefix) resource.Evidence {
	text := f.lists[id].texts[slices.Index(f.lists[id].prefixes, p)]
	return evidence(listCall, id, `/GetManagedPrefixListEntriesResponse/entrySet/item[cidr="`+text+`"]/cidr`, text)
}

func spaced(id string) string {
	if id == "" {
		return ""
	}
	return id + " "
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
