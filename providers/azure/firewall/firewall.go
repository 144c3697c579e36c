// Package firewall says who gets to the door of a store of Azure by its address
// rules: ranges, prefixes and single addresses of both families, and the rule
// that stands for all of Azure.
//
// Use it from a kind that reads such rules. It judges the rules of a store
// together and never one by one: what they admit is a set of source addresses, so
// that two ranges of half the internet each are the internet, and ranges of
// private space admit nobody from outside. What "no rules" means differs from
// type to type, and so does 0.0.0.0: the kind says which. A rule that cannot be
// read widens what may be admitted.
package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

// Channels that kinds declare.
const (
	// Network is the way in from an address, with a credential of the owner.
	Network resource.Channel = "network"
)

// Zero is what a rule for 0.0.0.0 alone means to a type of store.
type Zero uint8

// The meanings. The zero value is the careful one.
const (
	// ZeroUndocumented: Microsoft says nothing; the rule may stand for all of Azure.
	ZeroUndocumented Zero = iota
	// ZeroAzure: every address of Azure's own, those of other customers' resources
	// included.
	ZeroAzure
	// ZeroNobody: the address itself, from which no packet comes.
	ZeroNobody
)

// Rules are the address rules of one store, as they are counted in. The zero
// value has none; without any, nobody is admitted unless Unruled says so.
type Rules struct {
	// Unruled says that a store without any rule is open to every address.
	Unruled bool
	// Zero is what 0.0.0.0 alone means.
	Zero Zero

	count  int
	sets   []netset.Set
	azure  bool
	maybe  bool     // a rule for 0.0.0.0 may stand for all of Azure
	tags   []string // of which other customers may be a part
	unread []string
	notes  []string
}

// zeroAddress stands for all of Azure where a type's rules say so.
var zeroAddress = netip.IPv4Unspecified()

// Range counts in the addresses from start to end, both included. Start and end
// of different families, or out of order, cannot be read.
func (r *Rules) Range(start, end string) {
	lo, first := netip.ParseAddr(start)
	hi, second := netip.ParseAddr(end)
	text := Quote(start) + "-" + Quote(end)
	if first != nil || second != nil || lo.Zone() != "" || hi.Zone() != "" {
		r.Odd(text)
		return
	}
	between := netset.Between(lo, hi)
	switch {
	case between.Empty():
		r.Odd(text)
	case lo.Unmap() == zeroAddress && hi.Unmap() == zeroAddress:
		r.zero()
	default:
		r.add(text, between)
	}
}

// Prefix counts in a CIDR or a single address.
func (r *Rules) Prefix(text string) {
	p, err := netset.ParsePrefix(text)
	switch {
	case err != nil:
		r.Odd(Quote(text))
	case p == netip.PrefixFrom(zeroAddress, 32):
		r.zero()
	default:
		r.add(p.String(), netset.Of(p))
	}
}

// Azure counts in a rule for every address of Azure's own, those of other
// customers' resources included.
func (r *Rules) Azure() {
	r.count++
	r.azure = true
}

// Everybody counts in a rule for every address.
func (r *Rules) Everybody() {
	r.count++
	r.sets = append(r.sets, netset.All())
}

// Tag counts in a service tag: a name that Microsoft gives to a range of
// addresses. Those of Azure's own services are shared by its customers; a tag
// that is not known may be one of them.
//
// Source: https://learn.microsoft.com/azure/virtual-network/service-tags-overview
func (r *Rules) Tag(tag string) {
	family, _, _ := strings.Cut(tag, ".")
	switch strings.ToLower(family) {
	case "*", "internet":
		r.Everybody()
	case "azurecloud":
		r.Azure()
	case "virtualnetwork", "azureloadbalancer":
		r.count++
		r.note("the service tag " + Quote(tag) + " admits nobody from outside")
	default:
		r.count++
		r.tags = append(r.tags, Quote(tag))
	}
}

// Odd counts in a rule that cannot be read: it may admit anybody. The text is
// what stands there, as far as it is one.
func (r *Rules) Odd(text string) {
	r.count++
	if text = Quote(text); !slices.Contains(r.unread, text) && len(r.unread) <= maxNames {
		r.unread = append(r.unread, text)
	}
}

func (r *Rules) zero() {
	switch r.Zero {
	case ZeroAzure:
		r.Azure()
	case ZeroNobody:
		r.count++
		r.note("the rule for 0.0.0.0 admits nobody")
	default:
		r.count++
		r.maybe = true
	}
}

func (r *Rules) add(text string, s netset.Set) {
	r.count++
	r.sets = append(r.sets, s)
	if s.Intersect(netset.Public()).Empty() {
		r.note("the rule for " + text + " has no address of the internet in it and admits nobody from outside")
	}
}

func (r *Rules) note(text string) {
	if !slices.Contains(r.notes, text) && len(r.notes) < maxNames {
		r.notes = append(r.notes, text)
	}
}

// Len is how many rules were counted in.
func (r *Rules) Len() int { return r.count }

// Admit says what the rules come to together. Another rule never admits less,
// but for the first of a store that is open without any.
func (r *Rules) Admit() Admission {
	a := Admission{
		Azure: r.azure, maybeZero: r.maybe, tags: slices.Compact(slices.Sorted(slices.Values(r.tags))),
		unread: slices.Sorted(slices.Values(r.unread)), Notes: slices.Clone(r.notes),
	}
	if r.count == 0 && r.Unruled {
		return Open()
	}
	a.ranges = union(r.sets)
	a.Admitted = a.ranges.Intersect(netset.Public())
	return a
}

// union joins sets in pairs, so that thousands of rules take no longer than they
// have to.
func union(sets []netset.Set) netset.Set {
	switch len(sets) {
	case 0:
		return netset.Set{}
	case 1:
		return sets[0]
	}
	middle := len(sets) / 2
	return union(sets[:middle]).Union(union(sets[middle:]))
}

// Limits on what is repeated of an owner's texts: bytes of one, and how many.
const (
	maxText  = 240
	maxNames = 8
)

// Said spells a member and its value, or that it is not set.
func Said(member, value string, given bool) string {
	if !given {
		return member + " is not set"
	}
	return member + "=" + Quote(value)
}

// Quote puts a text of the cloud on one line of bounded length.
func Quote(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}

// Names sorts names and leaves out those beyond what a reader takes in.
func Names(names []string) []string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if more := len(names) - maxNames; more > 0 {
		names = append(names[:maxNames:maxNames], fmt.Sprintf("and %d more", more))
	}
	return names
}
