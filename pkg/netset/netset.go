// Package netset is the algebra of network address sets that verdicts about
// reach are made of: unions of admitted ranges minus denied ones, how many
// public addresses are left, and whether that counts as broad.
//
// Use it wherever several address conditions meet, because ranges that look
// narrow one by one can cover the internet together. A Set holds IPv4 and IPv6
// addresses side by side; IPv4-mapped IPv6 addresses count as IPv4. Sets are
// immutable and every operation is exact.
package netset

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"sync"

	"go4.org/netipx"

	"github.com/andon-audit/andon/pkg/resource"
)

// Set is a set of IP addresses. The zero value is empty.
type Set struct{ ips *netipx.IPSet }

// BroadIPv4 is the number of public IPv4 addresses from which a set counts as
// broad: a /8, the width from which Amazon S3 calls a policy public.
const BroadIPv4 = 1 << 24

// BroadIPv6Bits is the prefix length below which an IPv6 prefix counts as
// broad, again Amazon S3's figure.
const BroadIPv6Bits = 32

// All returns every address of both families.
var All = sync.OnceValue(func() Set {
	return Of(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
})

// Public returns the addresses that can be the source of a packet from the
// internet. IPv4 leaves out this-network, private (RFC 1918), shared (RFC
// 6598), loopback, link-local, multicast and reserved space. IPv6 is the global
// unicast block 2000::/3, which leaves out unique local addresses. The ranges
// reserved for documentation stay in: policies under test use them in place
// of real ones.
var Public = sync.OnceValue(func() Set {
	var b netipx.IPSetBuilder
	b.AddPrefix(netip.MustParsePrefix("0.0.0.0/0"))
	for _, unroutable := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	} {
		b.RemovePrefix(netip.MustParsePrefix(unroutable))
	}
	b.AddPrefix(netip.MustParsePrefix("2000::/3"))
	return build(&b)
})

// Of returns the addresses of the prefixes. Host bits are ignored.
func Of(prefixes ...netip.Prefix) Set {
	var b netipx.IPSetBuilder
	for _, p := range prefixes {
		b.AddPrefix(unmap(p))
	}
	return build(&b)
}

// Addrs returns the set of the addresses.
func Addrs(addrs ...netip.Addr) Set {
	var b netipx.IPSetBuilder
	for _, a := range addrs {
		b.Add(a.Unmap().WithZone(""))
	}
	return build(&b)
}

// Between returns the addresses from lo to hi, both included. It is empty when
// they are of different families or out of order.
func Between(lo, hi netip.Addr) Set {
	r := netipx.IPRangeFrom(lo.Unmap().WithZone(""), hi.Unmap().WithZone(""))
	if !r.IsValid() {
		return Set{}
	}
	var b netipx.IPSetBuilder
	b.AddRange(r)
	return build(&b)
}

// ParsePrefix reads "203.0.113.0/24", "2001:db8::/32" or a single address.
// Host bits are ignored, as firewalls and policies do.
func ParsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addr.Prefix(addr.BitLen())
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("parse address range %q: not an address or CIDR", text)
	}
	return p.Masked(), nil
}

// Parse returns the union of address ranges in text form, see ParsePrefix.
func Parse(texts ...string) (Set, error) {
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		p, err := ParsePrefix(text)
		if err != nil {
			return Set{}, err
		}
		prefixes[i] = p
	}
	return Of(prefixes...), nil
}

// unmap turns ::ffff:a.b.c.d/n into its IPv4 form.
func unmap(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96).Masked()
	}
	return p.Masked()
}

func build(b *netipx.IPSetBuilder) Set {
	ips, err := b.IPSet()
	if err != nil {
		panic(fmt.Sprintf("netset: %v", err)) // only invalid prefixes err, and callers have parsed theirs
	}
	return Set{ips}
}

func (s Set) builder() *netipx.IPSetBuilder {
	b := new(netipx.IPSetBuilder)
	if s.ips != nil {
		b.AddSet(s.ips)
	}
	return b
}

// Empty reports whether the set has no address.
func (s Set) Empty() bool { return s.ips == nil || len(s.ips.Ranges()) == 0 }

// Contains reports whether addr is in the set.
func (s Set) Contains(addr netip.Addr) bool {
	return s.ips != nil && s.ips.Contains(addr.Unmap().WithZone(""))
}

// Equal reports whether both sets hold the same addresses.
func (s Set) Equal(t Set) bool {
	if s.Empty() || t.Empty() {
		return s.Empty() == t.Empty()
	}
	return s.ips.Equal(t.ips)
}

// Covers reports whether every address of t is in s.
func (s Set) Covers(t Set) bool { return t.Subtract(s).Empty() }

// Union returns the addresses in either set.
func (s Set) Union(t Set) Set {
	if s.Empty() {
		return t
	}
	if t.Empty() {
		return s
	}
	b := s.builder()
	b.AddSet(t.ips)
	return build(b)
}

// Intersect returns the addresses in both sets.
func (s Set) Intersect(t Set) Set {
	if s.Empty() || t.Empty() {
		return Set{}
	}
	b := s.builder()
	b.Intersect(t.ips)
	return build(b)
}

// Subtract returns the addresses of s that are not in t.
func (s Set) Subtract(t Set) Set {
	if s.Empty() || t.Empty() {
		return s
	}
	b := s.builder()
	b.RemoveSet(t.ips)
	return build(b)
}

// Complement returns every other address of both families.
func (s Set) Complement() Set { return All().Subtract(s) }

// Prefixes returns the set as the fewest CIDR prefixes, IPv4 first.
func (s Set) Prefixes() []netip.Prefix {
	if s.ips == nil {
		return nil
	}
	return s.ips.Prefixes()
}

// Ranges returns the set as sorted disjoint ranges, IPv4 first.
func (s Set) Ranges() []netipx.IPRange {
	if s.ips == nil {
		return nil
	}
	return s.ips.Ranges()
}

// CountIPv4 returns how many IPv4 addresses are in the set, public or not.
func (s Set) CountIPv4() uint64 {
	var n uint64
	for _, r := range s.Ranges() {
		if r.From().Is4() {
			n += 1 + uint64(word(r.To())) - uint64(word(r.From()))
		}
	}
	return n
}

func word(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// PublicIPv4 returns how many of the set's IPv4 addresses are public.
func (s Set) PublicIPv4() uint64 { return s.Intersect(Public()).CountIPv4() }

// ShareIPv4 returns the part of the public IPv4 address space that is in the
// set, from 0 to 1.
func (s Set) ShareIPv4() float64 {
	return float64(s.PublicIPv4()) / float64(Public().CountIPv4())
}

// ShareIPv6 returns the part of the public IPv6 address space that is in the
// set, from 0 to 1.
func (s Set) ShareIPv6() float64 {
	part, _ := new(big.Float).SetInt(s.Intersect(Public()).countIPv6()).Float64()
	return part / math.Exp2(125) // 2000::/3
}

func (s Set) countIPv6() *big.Int {
	n := new(big.Int)
	for _, r := range s.Ranges() {
		if r.From().Is6() {
			lo, hi := r.From().As16(), r.To().As16()
			size := new(big.Int).SetBytes(hi[:])
			size.Sub(size, new(big.Int).SetBytes(lo[:]))
			n.Add(n, size.Add(size, big.NewInt(1)))
		}
	}
	return n
}

// Broad reports whether the set's public addresses are so many that naming
// them is no protection: at least BroadIPv4 IPv4 addresses together, or an
// IPv6 prefix shorter than BroadIPv6Bits. Only the union counts: 256 separate
// /16s are as broad as one /8.
func (s Set) Broad() bool {
	public := s.Intersect(Public())
	if public.CountIPv4() >= BroadIPv4 {
		return true
	}
	for _, p := range public.Prefixes() {
		if p.Addr().Is6() && p.Bits() < BroadIPv6Bits {
			return true
		}
	}
	return false
}

// Internet reports whether the set is the whole internet for practical
// purposes: of the public IPv4 or of the public IPv6 addresses, what it leaves
// out would itself not be broad.
func (s Set) Internet() bool {
	missing := Public().Subtract(s)
	if missing.CountIPv4() < BroadIPv4 {
		return true
	}
	for _, p := range missing.Prefixes() {
		if p.Addr().Is6() && p.Bits() < BroadIPv6Bits {
			return false
		}
	}
	return true
}

// Reach says in the words of verdicts from how far the set's addresses reach.
func (s Set) Reach() resource.Reach {
	switch {
	case s.Intersect(Public()).Empty():
		return resource.ReachPrivate
	case s.Internet():
		return resource.ReachInternet
	case s.Broad():
		return resource.ReachBroad
	}
	return resource.ReachListed
}

// Names spells prefixes for a reader: the first of them, and how many more.
func Names(prefixes []netip.Prefix, most int) []string {
	var names []string
	for _, p := range prefixes[:min(len(prefixes), most)] {
		names = append(names, p.String())
	}
	if more := len(prefixes) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return names
}

// Sample returns an address of the set, a public one when it has any.
func (s Set) Sample() (netip.Addr, bool) {
	if public := s.Intersect(Public()).Ranges(); len(public) > 0 {
		return public[0].From(), true
	}
	if ranges := s.Ranges(); len(ranges) > 0 {
		return ranges[0].From(), true
	}
	return netip.Addr{}, false
}

// String spells the set as its prefixes.
func (s Set) String() string { return fmt.Sprint(s.Prefixes()) }
