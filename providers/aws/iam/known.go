package iam

import (
	"time"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/interval"
)

// known is the part of the address and time dimensions where requests are known
// to work. A dimension that no statement asks for is -1: all of it works.
type known struct {
	space    *space
	addrDim  int
	timeDim  int
	addrs    netset.Set
	times    interval.Set
	allAddrs bool
}

func (s *space) knownYet() known {
	k := known{space: s, addrDim: -1, timeDim: s.index(dimTime)}
	if s.world.path == pathInternet {
		k.addrDim = s.index(dimAddress)
	}
	k.allAddrs = k.addrDim < 0
	return k
}

func (k *known) full() bool { return k.allAddrs && (k.timeDim < 0 || k.times.Full()) }

// add takes in where else a found request works.
func (k *known) add(f *search, allow *box) {
	if k.addrDim >= 0 {
		k.addrs = k.addrs.Union(f.working(allow, k.addrDim))
		k.allAddrs = k.addrs.Covers(k.space.dims[k.addrDim].dom.addrs)
	}
	if k.timeDim >= 0 {
		k.times = k.times.Union(f.workingTimes(allow, k.timeDim))
	}
}

// outside is what a request has to satisfy to tell something new.
func (k *known) outside() []literal {
	if !k.allAddrs {
		return []literal{{&atom{dim: k.addrDim, addrs: k.addrs}, true}}
	}
	return []literal{{&atom{dim: k.timeDim, numbers: k.times}, true}}
}

// limit states the network and the times of an admission.
func (k *known) limit(g *Admission) {
	g.Network = k.space.world.network(k.addrs, k.addrDim >= 0)
	if k.timeDim >= 0 {
		g.From, g.Until = limits(k.times)
	}
}

func (w *world) network(addrs netset.Set, limited bool) Network {
	switch {
	case w.path == pathEndpoint:
		return Network{Reach: ReachEndpoint}
	case w.path == pathService:
		return Network{Reach: ReachService}
	case !limited:
		return Network{Reach: ReachInternet, ShareIPv4: 1}
	}
	n := Network{Reach: ReachListed, ShareIPv4: addrs.ShareIPv4()}
	switch {
	case addrs.Internet():
		n.Reach = ReachInternet
		return n
	case addrs.Broad():
		n.Reach = ReachBroad
	}
	n.Prefixes = addrs.Prefixes()
	n.Prefixes = n.Prefixes[:min(len(n.Prefixes), MaxPrefixes)]
	return n
}

// limits returns the ends of the times that work, where they have any.
func limits(times interval.Set) (from, until string) {
	ranges := times.Ranges()
	if len(ranges) == 0 {
		return "", ""
	}
	if lo := ranges[0].Lo; lo != minInt {
		from = stamp(lo)
	}
	if hi := ranges[len(ranges)-1].Hi; hi != maxInt {
		until = stamp(hi)
	}
	return from, until
}

func stamp(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339) }
