package network

import (
	"net/netip"

	"github.com/andon-audit/andon/pkg/netset"
)

// span is a set that is known within bounds: every address of least is in it,
// and no address outside most.
type span struct{ least, most netset.Set }

func exactly(s netset.Set) span { return span{s, s} }

// anything is the span of what is not known at all.
func anything() span { return span{netset.Set{}, netset.All()} }

func (s span) union(t span) span { return span{s.least.Union(t.least), s.most.Union(t.most)} }
func (s span) intersect(t span) span {
	return span{s.least.Intersect(t.least), s.most.Intersect(t.most)}
}

// either is what is known of a set that is one of the two.
func (s span) either(t span) span { return span{s.least.Intersect(t.least), s.most.Union(t.most)} }

// answer is yes, no, or not known.
type answer int8

const (
	no answer = iota
	maybe
	yes
)

// portRange is the ports of a rule, as far as it gives them.
type portRange struct {
	from, to int32
	given    bool
}

// has reports whether the range has a port; 0 is a port that is not known.
func (r portRange) has(port uint16) answer {
	switch {
	case !r.given || r.from < 0 || r.to < r.from:
		return maybe
	case r.from <= 1 && r.to >= 65535:
		return yes
	case port == 0:
		return maybe
	case r.from <= int32(port) && int32(port) <= r.to:
		return yes
	}
	return no
}

// tcp reports whether a rule of a protocol and ports speaks of TCP to a port.
// Protocols are named or numbered; -1 is all of them, whatever ports are given.
func tcp(protocol string, ports portRange, port uint16) answer {
	switch protocol {
	case "-1":
		return yes
	case "tcp", "6":
		return ports.has(port)
	case "udp", "icmp", "icmpv6":
		return no
	}
	if otherProtocol(protocol) {
		return no
	}
	return maybe
}

// otherProtocol reports whether a text is the number of a protocol; the caller
// has looked for TCP's.
func otherProtocol(text string) bool {
	if text == "" || len(text) > 3 || len(text) > 1 && text[0] == '0' {
		return false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// block is an address range of a rule or route. One that cannot be read is not
// valid and stands for any.
func block(text string) netip.Prefix {
	p, err := netset.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func blockSpan(p netip.Prefix) span {
	if !p.IsValid() {
		return anything()
	}
	return exactly(netset.Of(p))
}
