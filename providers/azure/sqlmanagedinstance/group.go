package sqlmanagedinstance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

// groupProperties are those of a network security group.
type groupProperties struct {
	Rules    []json.RawMessage `json:"securityRules"`
	Defaults []json.RawMessage `json:"defaultSecurityRules"`
}

// ruleProperties are those of a security rule.
//
// Source: https://learn.microsoft.com/rest/api/virtualnetwork/network-security-groups/get (SecurityRule)
type ruleProperties struct {
	Access            string            `json:"access"`
	Direction         string            `json:"direction"`
	Protocol          string            `json:"protocol"`
	Priority          *int              `json:"priority"`
	SourcePort        string            `json:"sourcePortRange"`
	SourcePorts       []string          `json:"sourcePortRanges"`
	Source            string            `json:"sourceAddressPrefix"`
	Sources           []string          `json:"sourceAddressPrefixes"`
	SourceGroups      []json.RawMessage `json:"sourceApplicationSecurityGroups"`
	Destination       string            `json:"destinationAddressPrefix"`
	Destinations      []string          `json:"destinationAddressPrefixes"`
	DestinationGroups []json.RawMessage `json:"destinationApplicationSecurityGroups"`
	DestinationPort   string            `json:"destinationPortRange"`
	DestinationPorts  []string          `json:"destinationPortRanges"`
	name, pointer     string
}

// span is where packets come from: addresses, and Azure's own, which no rule
// spells out.
type span struct {
	addresses netset.Set
	azure     bool
}

// union adds Azure's own to every address there is: rules that name all of IPv4,
// in one part or in several, leave nobody out.
func (s span) union(t span) span {
	all := s.addresses.Union(t.addresses)
	return span{all, s.azure || t.azure || all.Covers(netset.Of(wholeIPv4))}
}

func (s span) minus(t span) span {
	return span{s.addresses.Subtract(t.addresses), s.azure && !t.azure}
}

func (s span) empty() bool { return s.reach() == resource.ReachPrivate }

func (s span) admission() firewall.Admission {
	var rules firewall.Rules
	for _, p := range s.addresses.Prefixes() {
		rules.Prefix(p.String())
	}
	if s.azure {
		rules.Azure()
	}
	a := rules.Admit()
	a.Notes = nil
	return a
}

func (s span) reach() resource.Reach { return s.admission().Reach() }

func (s span) grants(because []resource.Evidence) []resource.Grant {
	return s.admission().Grants(servernetwork.Network, resource.CredentialOwn, servernetwork.Connect(), because...)
}

// everywhere is every address that the endpoint can be reached from, those of
// Azure included. It is IPv4: instances cannot be in networks that have IPv6.
//
// Source: https://learn.microsoft.com/azure/azure-sql/managed-instance/connectivity-architecture-overview
// (networking constraints)
func everywhere() span { return span{netset.Of(wholeIPv4), true} }

var wholeIPv4 = netip.MustParsePrefix("0.0.0.0/0")

// verdict is what the rules of a group come to at the port: who gets through for
// certain, and who may.
type verdict struct {
	least, most span
	allowing    []*ruleProperties
	doubts      []string
}

func (v *verdict) why() string {
	return "rules of the network security group cannot be told for certain: " + strings.Join(firewall.Names(v.doubts), "; ")
}

func (v *verdict) doubt(name, why string) {
	v.doubts = append(v.doubts, firewall.Quote(name)+": "+why)
}

// judge reads the rules in the order in which they are applied, the lowest number
// first, until one matches. What no rule matches is denied.
//
// Source: https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview
func (g *groupProperties) judge(subnet []string) verdict {
	var v verdict
	rules, readable := g.ordered(&v)
	if !readable {
		v.most = everywhere()
		return v
	}
	at := parsed(subnet)
	var denied, maybeDenied span // for certain, and perhaps
	for _, r := range rules {
		certain, possible := r.applies(at, &v)
		from := r.from(&v)
		if !possible {
			continue
		}
		if !certain {
			from.whole, from.least = span{}, span{}
		}
		switch {
		case arm.Is(r.Access, "Allow"):
			if through := from.least.minus(maybeDenied); !through.empty() {
				v.allowing = append(v.allowing, r)
				v.least = v.least.union(through)
			}
			v.most = v.most.union(from.most.minus(denied))
		case arm.Is(r.Access, "Deny"):
			if from.most.azure && !from.whole.azure {
				v.doubt(r.name, "what it denies cannot be told to the last address")
			}
			denied, maybeDenied = denied.union(from.whole), maybeDenied.union(from.most)
		default:
			v.doubt(r.name, fmt.Sprintf("access %q", firewall.Quote(r.Access)))
			v.most, maybeDenied = v.most.union(from.most.minus(denied)), maybeDenied.union(from.most)
		}
	}
	return v
}

// ordered decodes the rules and sorts them. One that cannot be read may come
// before all others.
func (g *groupProperties) ordered(v *verdict) (rules []*ruleProperties, readable bool) {
	readable = true
	for _, list := range []struct {
		member string
		raw    []json.RawMessage
	}{{"securityRules", g.Rules}, {"defaultSecurityRules", g.Defaults}} {
		for i, raw := range list.raw {
			var rule struct {
				Name       string          `json:"name"`
				Properties *ruleProperties `json:"properties"`
			}
			if json.Unmarshal(raw, &rule) != nil || rule.Properties == nil || rule.Properties.Priority == nil {
				v.doubt(fmt.Sprintf("%s %d", list.member, i+1), "it cannot be read")
				readable = false
				continue
			}
			r := rule.Properties
			r.name, r.pointer = rule.Name, fmt.Sprintf("/properties/%s/%d", list.member, i)
			rules = append(rules, r)
		}
	}
	slices.SortStableFunc(rules, func(a, b *ruleProperties) int { return cmp.Compare(*a.Priority, *b.Priority) })
	return rules, readable
}

// applies reports whether a rule is about packets to the public data endpoint,
// for certain or perhaps.
func (r *ruleProperties) applies(subnet netset.Set, v *verdict) (certain, possible bool) {
	certain, possible = true, true
	narrow := func(what string, sure, may bool) {
		if may && !sure && possible {
			v.doubt(r.name, what)
		}
		certain, possible = certain && sure && may, possible && may
	}
	narrow(fmt.Sprintf("direction %q", firewall.Quote(r.Direction)), arm.Is(r.Direction, "Inbound"), !arm.Is(r.Direction, "Outbound"))
	narrow(fmt.Sprintf("protocol %q", firewall.Quote(r.Protocol)), arm.Is(r.Protocol, "Tcp", "*"), !arm.Is(r.Protocol, "Udp", "Icmp", "Esp", "Ah"))
	narrow(fmt.Sprintf("ports %q", firewall.Quote(strings.Join(r.ports(), ","))), some(r.ports(), portMatches), maybe(r.ports(), portMatches))
	sure, may := r.fromPorts()
	narrow(fmt.Sprintf("source ports %q", firewall.Quote(strings.Join(r.sourcePorts(), ","))), sure, may)
	sure, may = r.to(subnet)
	narrow("its destination", sure, may)
	return certain, possible
}

func (r *ruleProperties) ports() []string { return listed(r.DestinationPorts, r.DestinationPort) }

func (r *ruleProperties) sourcePorts() []string { return listed(r.SourcePorts, r.SourcePort) }

// fromPorts reports whether a rule is about packets from whatever port somebody
// sends them from. They choose it: to deny some ports stops nobody, to allow some
// lets everybody through who knows of it. Where a rule names none at all, nobody says
// which it means: whichever they are, strangers choose theirs among those that are
// allowed, and those that are denied may not be all.
func (r *ruleProperties) fromPorts() (certain, possible bool) {
	if len(r.sourcePorts()) == 0 {
		return arm.Is(r.Access, "Allow"), true
	}
	every := func(ports string) match {
		first, last, _ := strings.Cut(ports, "-")
		low, wrong := strconv.ParseUint(first, 10, 16)
		high, alsoWrong := strconv.ParseUint(cmp.Or(last, first), 10, 16)
		switch {
		case ports == "*" || wrong == nil && alsoWrong == nil && low <= 1 && high == 65535:
			return yes
		case arm.Is(r.Access, "Allow") && wrong == nil && alsoWrong == nil && low <= high:
			return yes
		}
		return perhaps
	}
	return some(r.sourcePorts(), every), maybe(r.sourcePorts(), every)
}

// listed joins the two members that Resource Manager has for one or several.
func listed(several []string, one string) []string {
	if one == "" {
		return several
	}
	return append(slices.Clip(several), one)
}

type match uint8

const (
	no match = iota
	perhaps
	yes
)

// some reports whether one of the words matches for certain, maybe whether one
// may. A rule without any word may match.
func some(words []string, of func(string) match) bool {
	return slices.ContainsFunc(words, func(w string) bool { return of(w) == yes })
}

func maybe(words []string, of func(string) match) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool { return of(w) != no })
}

// portMatches reads "*", "3342" and "1024-65535".
func portMatches(text string) match {
	if text == "*" {
		return yes
	}
	first, last, ranged := strings.Cut(text, "-")
	if !ranged {
		last = first
	}
	from, wrong := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	to, alsoWrong := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	switch {
	case wrong != nil || alsoWrong != nil || from > to:
		return perhaps
	case from <= Port && Port <= to:
		return yes
	}
	return no
}

// to reports whether a rule's destination is the subnet of the instance.
func (r *ruleProperties) to(subnet netset.Set) (certain, possible bool) {
	words := listed(r.Destinations, r.Destination)
	if len(r.DestinationGroups) > 0 && len(words) == 0 {
		return false, true
	}
	matches := func(text string) match {
		prefix, err := netset.ParsePrefix(text)
		switch {
		case text == "*" || arm.Is(text, "VirtualNetwork"):
			return yes
		case err != nil || subnet.Empty():
			return perhaps
		case netset.Of(prefix).Covers(subnet):
			return yes
		case netset.Of(prefix).Intersect(subnet).Empty():
			return no
		}
		return perhaps
	}
	return some(words, matches), maybe(words, matches)
}

// bounds is a span that is known between two limits. Somebody in every part of
// least is meant for certain; whole are the parts that are meant to the last
// address, as a denial has to be relied on for.
type bounds struct{ whole, least, most span }

// exact is a span that is known.
func exact(s span) bounds { return bounds{s, s, s} }

// from reads where packets of a rule come from. Application security groups are
// made of the owner's own network interfaces.
func (r *ruleProperties) from(v *verdict) bounds {
	var b bounds
	words := listed(r.Sources, r.Source)
	for _, text := range words {
		w := source(text)
		b = bounds{b.whole.union(w.whole), b.least.union(w.least), b.most.union(w.most)}
		if w.least.empty() && !w.most.empty() {
			v.doubt(r.name, fmt.Sprintf("source %q", firewall.Quote(text)))
		}
	}
	if len(words) == 0 && len(r.SourceGroups) == 0 {
		v.doubt(r.name, "it has no source")
		b.most = everywhere()
	}
	return b
}

// source reads one source of a rule. VirtualNetwork and AzureLoadBalancer are the
// owner's own networks and Azure's health probes; AzureCloud is every address of
// Azure's, those that customers use included. Other tags are addresses of Azure's
// services, which may act for other customers.
//
// Source: https://learn.microsoft.com/azure/virtual-network/service-tags-overview
func source(text string) bounds {
	tag, region, regional := strings.Cut(text, ".")
	switch {
	case text == "*" || arm.Is(text, "Internet", "Any"):
		return exact(everywhere())
	case arm.Is(text, "VirtualNetwork", "AzureLoadBalancer"):
		return bounds{}
	case arm.Is(text, "AzureCloud"):
		return exact(span{azure: true})
	case regional && arm.Is(tag, "AzureCloud") && region != "":
		return bounds{least: span{azure: true}, most: span{azure: true}}
	}
	prefix, err := netset.ParsePrefix(text)
	if err != nil {
		return bounds{most: everywhere()}
	}
	given := span{netset.Of(prefix).Intersect(everywhere().addresses), prefix == wholeIPv4}
	return exact(given)
}

// parsed is the union of the prefixes that can be read.
func parsed(prefixes []string) netset.Set {
	var all netset.Set
	for _, text := range prefixes {
		if p, err := netset.ParsePrefix(text); err == nil {
			all = all.Union(netset.Of(p))
		}
	}
	return all
}
