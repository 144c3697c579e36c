package firewall

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

var connect = []resource.Action{resource.Connect}

func TestAdmit(t *testing.T) {
	for name, c := range map[string]struct {
		rules       Rules
		count       func(*Rules)
		least, most resource.Reach
		named       []string
	}{
		"no rules": {count: func(*Rules) {}},
		"no rules, where that is everybody": {
			rules: Rules{Unruled: true}, count: func(*Rules) {}, least: resource.ReachInternet, most: resource.ReachInternet,
		},
		"a rule, where none is everybody": {
			rules: Rules{Unruled: true}, count: func(r *Rules) { r.Prefix("203.0.113.7") },
			least: resource.ReachListed, most: resource.ReachListed, named: []string{"203.0.113.7/32"},
		},
		"a range": {
			count: func(r *Rules) { r.Range("203.0.113.0", "203.0.113.127") },
			least: resource.ReachListed, most: resource.ReachListed, named: []string{"203.0.113.0/25"},
		},
		"everything": {count: func(r *Rules) { r.Range("0.0.0.0", "255.255.255.255") }, least: resource.ReachInternet, most: resource.ReachInternet},
		"everything but the first address": {
			count: func(r *Rules) { r.Range("0.0.0.1", "255.255.255.255") }, least: resource.ReachInternet, most: resource.ReachInternet,
		},
		"two halves": {
			count: func(r *Rules) { r.Range("0.0.0.0", "127.255.255.255"); r.Range("128.0.0.0", "255.255.255.255") },
			least: resource.ReachInternet, most: resource.ReachInternet,
		},
		"sixteen million": {
			count: func(r *Rules) { r.Prefix("54.0.0.0/8") },
			least: resource.ReachBroad, most: resource.ReachBroad, named: []string{"54.0.0.0/8"},
		},
		"private space": {count: func(r *Rules) { r.Range("10.0.0.0", "10.255.255.255") }},
		"IPv6": {
			count: func(r *Rules) { r.Range("2001:db8::", "2001:db8::ffff") },
			least: resource.ReachListed, most: resource.ReachListed, named: []string{"2001:db8::/112"},
		},
		"all of IPv6": {count: func(r *Rules) { r.Prefix("::/0") }, least: resource.ReachInternet, most: resource.ReachInternet},
		"all of Azure": {
			rules: Rules{Zero: ZeroAzure}, count: func(r *Rules) { r.Range("0.0.0.0", "0.0.0.0") },
			least: resource.ReachProvider, most: resource.ReachProvider,
		},
		"all of Azure, as an address": {
			rules: Rules{Zero: ZeroAzure}, count: func(r *Rules) { r.Prefix("0.0.0.0") }, least: resource.ReachProvider, most: resource.ReachProvider,
		},
		"zero is nobody": {rules: Rules{Zero: ZeroNobody}, count: func(r *Rules) { r.Prefix("0.0.0.0/32") }},
		"zero is not documented": {
			count: func(r *Rules) { r.Prefix("0.0.0.0") }, least: resource.ReachPrivate, most: resource.ReachProvider,
		},
		"everything by its prefix is not zero": {
			rules: Rules{Zero: ZeroNobody}, count: func(r *Rules) { r.Prefix("0.0.0.0/0") }, least: resource.ReachInternet, most: resource.ReachInternet,
		},
		"Azure next to the internet": {
			count: func(r *Rules) { r.Azure(); r.Everybody() }, least: resource.ReachInternet, most: resource.ReachInternet,
		},
		"reversed":       {count: func(r *Rules) { r.Range("203.0.113.9", "203.0.113.1") }, most: resource.ReachInternet},
		"two families":   {count: func(r *Rules) { r.Range("203.0.113.9", "2001:db8::") }, most: resource.ReachInternet},
		"half a range":   {count: func(r *Rules) { r.Range("203.0.113.9", "") }, most: resource.ReachInternet},
		"a zone":         {count: func(r *Rules) { r.Range("fe80::1%eth0", "fe80::2%eth0") }, most: resource.ReachInternet},
		"no address":     {count: func(r *Rules) { r.Prefix("example.com") }, most: resource.ReachInternet},
		"the public tag": {count: func(r *Rules) { r.Tag("internet") }, least: resource.ReachInternet, most: resource.ReachInternet},
		"the Azure tag":  {count: func(r *Rules) { r.Tag("AzureCloud.westeurope") }, least: resource.ReachProvider, most: resource.ReachProvider},
		"a private tag":  {count: func(r *Rules) { r.Tag("VirtualNetwork") }},
		"another tag":    {count: func(r *Rules) { r.Tag("PowerPlatform") }, most: resource.ReachProvider},
		"a tag next to a range": {
			count: func(r *Rules) { r.Tag("Sql"); r.Prefix("203.0.113.0/24") },
			least: resource.ReachListed, most: resource.ReachProvider, named: []string{"203.0.113.0/24"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.count(&c.rules)
			a := c.rules.Admit()
			if a.Reach() != c.least || a.MayReach() != c.most || a.Doubtful() != (c.least < c.most) {
				t.Errorf("reaches %v to %v, want %v to %v", a.Reach(), a.MayReach(), c.least, c.most)
			}
			if (a.Why() == "") == a.Doubtful() {
				t.Errorf("doubtful %v, because %q", a.Doubtful(), a.Why())
			}
			grants := a.Grants(Network, resource.CredentialOwn, connect)
			if widest(grants) != c.least {
				t.Errorf("grants %+v", grants)
			}
			if len(grants) > 0 {
				if diff := cmp.Diff(c.named, grants[0].To.Named); diff != "" {
					t.Errorf("named (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func widest(grants []resource.Grant) resource.Reach {
	reach := resource.ReachPrivate
	for _, g := range grants {
		reach = max(reach, g.To.Reach)
	}
	return reach
}

// The addresses and all of Azure are two audiences, of which neither hides the
// other.
func TestAzureNextToRanges(t *testing.T) {
	r := Rules{Zero: ZeroAzure}
	r.Range("0.0.0.0", "0.0.0.0")
	r.Prefix("203.0.113.0/24")
	grants := r.Admit().Grants(Network, resource.CredentialOwn, connect)
	if len(grants) != 2 || grants[0].To.Reach != resource.ReachListed || grants[1].To.Reach != resource.ReachProvider || grants[1].To.Named != nil {
		t.Errorf("grants %+v", grants)
	}
}

// A firewall in front of something that asks for no credential keeps out whom it
// does not admit, and no more than is known.
func TestGuard(t *testing.T) {
	on := []resource.Channel{"container"}
	for name, c := range map[string]struct {
		count  func(*Rules)
		stands bool
		cap    resource.Audience
		shield []resource.Shield
	}{
		"nobody":    {func(*Rules) {}, true, resource.Nobody, nil},
		"somebody":  {func(r *Rules) { r.Prefix("203.0.113.7") }, true, resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNone}, nil},
		"everybody": {func(r *Rules) { r.Everybody() }, false, resource.Audience{}, nil},
		"anybody": {
			func(r *Rules) { r.Odd("?") }, false, resource.Audience{}, []resource.Shield{{On: on, Cap: resource.Nobody}},
		},
		"maybe Azure": {
			func(r *Rules) { r.Prefix("0.0.0.0") }, true,
			resource.Audience{Reach: resource.ReachProvider, Credential: resource.CredentialNone},
			[]resource.Shield{{On: on, Cap: resource.Nobody}},
		},
	} {
		var r Rules
		c.count(&r)
		g, stands := r.Admit().Guard("firewall", on)
		if stands != c.stands || !cmp.Equal(g.Cap, c.cap) {
			t.Errorf("%s: stands %v: %+v", name, stands, g)
		}
		if diff := cmp.Diff(c.shield, r.Admit().Shields(on)); diff != "" {
			t.Errorf("%s: shields (-want +got):\n%s", name, diff)
		}
	}
}

// countIn counts in one of the rules that a cloud may answer with.
func countIn(t *rapid.T, r *Rules, label string) {
	addresses := []string{"0.0.0.0", "0.0.0.1", "10.0.0.0", "127.255.255.255", "128.0.0.0", "203.0.113.7", "255.255.255.255", "2001:db8::1", "", "x"}
	switch rapid.IntRange(0, 3).Draw(t, label) {
	case 0:
		r.Range(rapid.SampledFrom(addresses).Draw(t, label+" start"), rapid.SampledFrom(addresses).Draw(t, label+" end"))
	case 1:
		r.Prefix(rapid.SampledFrom(addresses).Draw(t, label+" prefix") + rapid.SampledFrom([]string{"", "/0", "/1", "/8", "/33"}).Draw(t, label+" bits"))
	case 2:
		r.Tag(rapid.SampledFrom([]string{"Internet", "*", "AzureCloud", "Sql.WestUS", "VirtualNetwork", ""}).Draw(t, label+" tag"))
	default:
		r.Odd(rapid.String().Draw(t, label+" text"))
	}
}

// Another rule never admits less, and neither does the order change anything.
func TestMoreRulesNeverNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Rules{Zero: Zero(rapid.IntRange(0, 2).Draw(t, "zero"))}
		before := r.Admit()
		for range rapid.IntRange(1, 8).Draw(t, "rules") {
			countIn(t, &r, "rule")
			after := r.Admit()
			if after.Reach() < before.Reach() || after.MayReach() < before.MayReach() || !after.Admitted.Covers(before.Admitted) {
				t.Fatalf("%v to %v becomes %v to %v", before.Reach(), before.MayReach(), after.Reach(), after.MayReach())
			}
			if after.MayReach() < after.Reach() || widest(after.Grants(Network, resource.CredentialOwn, connect)) != after.Reach() {
				t.Fatalf("reaches %v to %v, grants %+v", after.Reach(), after.MayReach(), after.Grants(Network, resource.CredentialOwn, connect))
			}
			before = after
		}
	})
}

// The union is exact: an address gets in if one of the rules admits it.
func TestUnionIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Rules
		address := func(label string) netip.Addr {
			return netip.AddrFrom4([4]byte{203, 0, 113, byte(rapid.IntRange(0, 31).Draw(t, label))})
		}
		probe, in := address("probe"), false
		for range rapid.IntRange(0, 5).Draw(t, "rules") {
			lo, hi := address("lo"), address("hi")
			if hi.Less(lo) {
				lo, hi = hi, lo
			}
			r.Range(lo.String(), hi.String())
			in = in || !probe.Less(lo) && !hi.Less(probe)
		}
		if got := r.Admit().Admitted.Contains(probe); got != in {
			t.Fatalf("%v is admitted: %v, want %v", probe, got, in)
		}
	})
}

func TestManyRules(t *testing.T) {
	var r Rules
	for i := range 1 << 13 {
		a := netip.AddrFrom4([4]byte{54, byte(i >> 8), byte(i), 1})
		r.Range(a.String(), a.String())
	}
	a := r.Admit()
	if a.Admitted.CountIPv4() != 1<<13 || a.Reach() != resource.ReachListed {
		t.Errorf("%d addresses, %v", a.Admitted.CountIPv4(), a.Reach())
	}
	if named := a.Named(); len(named) != maxNames+1 || named[maxNames] != "and 8184 more" {
		t.Errorf("named %q", named)
	}
}

func TestNames(t *testing.T) {
	many := strings.Split("j i h g f e d c b a a", " ")
	if got := Names(many); len(got) != maxNames+1 || got[0] != "a" || got[maxNames] != "and 2 more" || many[0] != "j" {
		t.Errorf("%q", got)
	}
	if got := Quote("two\n\u2028 lines"); got != "two lines" {
		t.Errorf("quoted as %q", got)
	}
	if got := Quote(strings.Repeat("ü", maxText)); len(got) > maxText+len("…") || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzRules(f *testing.F) {
	for _, s := range [][2]string{{"0.0.0.0", "255.255.255.255"}, {"0.0.0.0", "0.0.0.0"}, {"::ffff:0.0.0.0", "x"}, {"203.0.113.0/24", "\x00\xff"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, start, end string) {
		var r Rules
		r.Range(start, end)
		r.Prefix(start)
		r.Tag(end)
		a := r.Admit()
		if a.MayReach() < a.Reach() || r.Len() != 3 {
			t.Errorf("reaches %v to %v with %d rules", a.Reach(), a.MayReach(), r.Len())
		}
		lo, err := netip.ParseAddr(start)
		if err != nil && a.MayReach() != resource.ReachInternet && a.Reach() != resource.ReachInternet {
			t.Errorf("%q cannot be read, and nobody is let in for it", start)
		}
		if err == nil && lo.Zone() == "" && netset.Public().Contains(lo) && !a.Admitted.Contains(lo) && a.MayReach() != resource.ReachInternet {
			t.Errorf("%v is not admitted", lo)
		}
		for _, text := range slices.Concat(a.Named(), a.Notes, []string{a.Why()}) {
			if len(text) > 16*(maxText+8) {
				t.Errorf("%d bytes of a text", len(text))
			}
		}
	})
}
