package netset

import (
	"fmt"
	"math"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/resource"
)

// drawAddr draws from two small corners of each family, so that sets overlap.
func drawAddr(t *rapid.T, name string) netip.Addr {
	low := byte(rapid.IntRange(0, 31).Draw(t, name))
	switch rapid.IntRange(0, 4).Draw(t, name+" corner") {
	case 0:
		return netip.AddrFrom4([4]byte{203, 0, 113, low})
	case 1:
		return netip.AddrFrom4([4]byte{255, 255, 255, 224 + low})
	case 2:
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0xd, 0xb8, 15: low})
	case 3:
		return netip.AddrFrom16(netip.AddrFrom4([4]byte{203, 0, 113, low}).As16()) // mapped
	}
	return netip.AddrFrom4([4]byte{0, 0, 0, low})
}

func drawSet(t *rapid.T, name string) Set {
	var s Set
	for range rapid.IntRange(0, 4).Draw(t, name+" size") {
		a := drawAddr(t, name)
		bits := a.BitLen() - rapid.IntRange(0, 6).Draw(t, name+" host bits")
		s = s.Union(Of(netip.PrefixFrom(a, bits)))
	}
	if rapid.Bool().Draw(t, name+" complement") {
		s = s.Complement()
	}
	return s
}

func TestAlgebraAgreesWithMembership(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, addr := drawSet(t, "a"), drawSet(t, "b"), drawAddr(t, "addr")
		inA, inB := a.Contains(addr), b.Contains(addr)
		for _, check := range []struct {
			name string
			got  Set
			want bool
		}{
			{"union", a.Union(b), inA || inB},
			{"intersect", a.Intersect(b), inA && inB},
			{"subtract", a.Subtract(b), inA && !inB},
			{"complement", a.Complement(), !inA},
		} {
			if check.got.Contains(addr) != check.want {
				t.Fatalf("%s contains %v = %v", check.name, addr, !check.want)
			}
		}
		if !a.Union(b).Covers(a) || !a.Covers(a.Intersect(b)) || !a.Equal(a.Complement().Complement()) {
			t.Fatal("laws of sets do not hold")
		}
		if s, ok := a.Sample(); ok == a.Empty() || ok && !a.Contains(s) {
			t.Fatalf("sample %v of %v", s, a)
		}
	})
}

func TestCountAgreesWithEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSet(t, "s").Intersect(Of(netip.MustParsePrefix("203.0.112.0/22")))
		var n uint64
		for a := netip.MustParseAddr("203.0.112.0"); a.Less(netip.MustParseAddr("203.0.116.0")); a = a.Next() {
			if s.Contains(a) {
				n++
			}
		}
		if s.CountIPv4() != n || s.PublicIPv4() != n {
			t.Fatalf("counted %d and %d, want %d", s.CountIPv4(), s.PublicIPv4(), n)
		}
	})
}

func TestWidth(t *testing.T) {
	eights := make([]string, 0, 256)
	for i := range 256 {
		eights = append(eights, netip.AddrFrom4([4]byte{byte(i)}).String()+"/8")
	}
	var sixteens []string
	for i := range 256 {
		sixteens = append(sixteens, netip.AddrFrom4([4]byte{54, byte(i)}).String()+"/16")
	}
	for _, test := range []struct {
		name            string
		ranges          []string
		broad, internet bool
	}{
		{"everything", []string{"0.0.0.0/0"}, true, true},
		{"two halves", []string{"0.0.0.0/1", "128.0.0.0/1"}, true, true},
		{"one half", []string{"0.0.0.0/1"}, true, false},
		{"every /8 by itself", eights, true, true},
		{"a /8", []string{"54.0.0.0/8"}, true, false},
		{"a /8 in pieces", sixteens, true, false},
		{"a /8 but for a /16", sixteens[1:], false, false},
		{"a private /8", []string{"10.0.0.0/8"}, false, false},
		{"all private ranges", []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}, false, false},
		{"a /9", []string{"54.0.0.0/9"}, false, false},
		{"IPv6 everything", []string{"::/0"}, true, true},
		{"IPv6 /31", []string{"2001:db8::/31"}, true, false},
		{"IPv6 /32", []string{"2001:db8::/32"}, false, false},
		{"nothing", nil, false, false},
	} {
		s, err := Parse(test.ranges...)
		if err != nil {
			t.Fatal(err)
		}
		if s.Broad() != test.broad || s.Internet() != test.internet {
			t.Errorf("%s: broad %v, internet %v", test.name, s.Broad(), s.Internet())
		}
		if (s.Reach() == resource.ReachInternet) != test.internet || (s.Reach() >= resource.ReachBroad) != test.broad {
			t.Errorf("%s reaches %v", test.name, s.Reach())
		}
	}
	allButOne := All().Subtract(Of(netip.MustParsePrefix("192.0.2.1/32")))
	if !allButOne.Internet() {
		t.Error("the internet without one address is not the internet")
	}
}

func TestReachOfFew(t *testing.T) {
	for text, want := range map[string]resource.Reach{
		"10.0.0.0/8": resource.ReachPrivate, "fc00::/7": resource.ReachPrivate, "203.0.113.7": resource.ReachListed, "2001:db8::/32": resource.ReachListed,
	} {
		if s, err := Parse(text); err != nil || s.Reach() != want {
			t.Errorf("%s reaches %v (%v), want %v", text, s.Reach(), err, want)
		}
	}
	if got := (Set{}).Reach(); got != resource.ReachPrivate {
		t.Errorf("nobody reaches %v", got)
	}
}

func TestNames(t *testing.T) {
	s, err := Parse("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int]string{
		3: "[192.0.2.0/24 198.51.100.0/24 203.0.113.0/24]", 2: "[192.0.2.0/24 198.51.100.0/24 and 1 more]", 0: "[and 3 more]",
	} {
		if got := fmt.Sprint(Names(s.Prefixes(), most)); got != want {
			t.Errorf("at most %d: %s, want %s", most, got, want)
		}
	}
}

func TestShare(t *testing.T) {
	for text, want := range map[string]float64{"0.0.0.0/0": 1, "10.0.0.0/8": 0, "54.0.0.0/8": float64(1<<24) / float64(Public().CountIPv4())} {
		s, _ := Parse(text)
		if got := s.ShareIPv4(); math.Abs(got-want) > 1e-12 {
			t.Errorf("share of %s = %v, want %v", text, got, want)
		}
	}
	if s, _ := Parse("2000::/4"); s.ShareIPv6() != 0.5 {
		t.Errorf("share of 2000::/4 = %v, want 0.5", s.ShareIPv6())
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{"203.0.113.7/24", "203.0.113.0/24", "::ffff:203.0.113.0/120"} {
		s, err := Parse(text)
		if err != nil || !s.Equal(Of(netip.MustParsePrefix("203.0.113.0/24"))) {
			t.Errorf("Parse(%q) = %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "10.0.0.0/33", "10.0.0/8", "fe80::1%eth0", "example.com", "::/129"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("Parse(%q) succeeded", text)
		}
	}
}

func TestBetween(t *testing.T) {
	s := Between(netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.6"))
	if s.CountIPv4() != 4 || !s.Contains(netip.MustParseAddr("192.0.2.6")) || s.Contains(netip.MustParseAddr("192.0.2.7")) {
		t.Errorf("Between = %v", s)
	}
	if !Between(netip.MustParseAddr("192.0.2.6"), netip.MustParseAddr("192.0.2.3")).Empty() ||
		!Between(netip.MustParseAddr("192.0.2.6"), netip.MustParseAddr("2001:db8::")).Empty() {
		t.Error("a reversed or mixed range is not empty")
	}
}

func TestPorts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) Ports {
			a, b := rapid.Uint16Range(0, 20).Draw(t, name), rapid.Uint16Range(0, 20).Draw(t, name)
			return Ports{min(a, b), max(a, b)}
		}
		p, q, port := draw("p"), draw("q"), rapid.Uint16Range(0, 20).Draw(t, "port")
		both, ok := p.Meet(q)
		if (ok && both.Contains(port)) != (p.Contains(port) && q.Contains(port)) {
			t.Fatalf("%v meets %v in %v, %v", p, q, both, ok)
		}
	})
	if got := (Ports{443, 443}).String() + " " + (Ports{8000, 8080}).String(); got != "443 8000-8080" {
		t.Errorf("ports print as %q", got)
	}
}
