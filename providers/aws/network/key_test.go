package network

import (
	"net/netip"
	"testing"
)

// Decisions are shared between stores only where nothing tells them apart.
func TestDecisionsAreShared(t *testing.T) {
	keys := map[string]string{}
	for name, change := range map[string]func(*facts, *Endpoint){
		"as it is":     func(*facts, *Endpoint) {},
		"port":         func(_ *facts, e *Endpoint) { e.Port = 3306 },
		"family":       func(_ *facts, e *Endpoint) { e.IPv6 = true },
		"groups":       func(_ *facts, e *Endpoint) { e.SecurityGroups = []string{"sg-1", "sg-2"} },
		"group":        func(_ *facts, e *Endpoint) { e.SecurityGroups = []string{"sg-1 sg-2"} },
		"subnets":      func(_ *facts, e *Endpoint) { e.Subnets = nil },
		"everywhere":   func(_ *facts, e *Endpoint) { e.Everywhere = true },
		"zone":         func(_ *facts, e *Endpoint) { e.Zone = "a" },
		"VPC":          func(_ *facts, e *Endpoint) { e.VPC = "vpc-2" },
		"no groups":    func(f *facts, _ *Endpoint) { f.groups = nil },
		"no subnets":   func(f *facts, _ *Endpoint) { f.subnets = nil },
		"no tables":    func(f *facts, _ *Endpoint) { f.tables = nil },
		"no ACLs":      func(f *facts, _ *Endpoint) { f.acls = nil },
		"no owners":    func(f *facts, _ *Endpoint) { f.owners = nil },
		"a list":       func(f *facts, _ *Endpoint) { f.lists["pl-1"] = listOf("pl-1") },
		"refused list": func(f *facts, _ *Endpoint) { f.lists["pl-1"] = nil },
		"interface":    func(f *facts, _ *Endpoint) { f.interfaces = []iface{{id: "eni-1", subnet: "subnet-1"}} },
	} {
		f, e := open(), postgres
		change(f, &e)
		key := f.key(e)
		if other, taken := keys[key]; taken {
			t.Errorf("%s and %s share a decision", name, other)
		}
		keys[key] = name
	}
	one, other := postgres, postgres
	one.Addresses, other.Addresses = []netip.Addr{netip.MustParseAddr("203.0.113.1")}, []netip.Addr{netip.MustParseAddr("203.0.113.2")}
	if f := open(); f.key(one) != f.key(other) {
		t.Error("the addresses, which decide nothing, tell two stores apart")
	}
}
