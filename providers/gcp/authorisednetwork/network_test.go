package authorisednetwork

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

var now = time.Date(2026, time.November, 1, 12, 0, 0, 0, time.UTC)

func ranges(texts ...string) []Entry {
	entries := make([]Entry, 0, len(texts))
	for _, text := range texts {
		entries = append(entries, Entry{Range: text})
	}
	return entries
}

func TestAdmit(t *testing.T) {
	ipv6 := Families("2001:db8::1")
	for name, c := range map[string]struct {
		entries []Entry
		senders netset.Set
		reach   resource.Reach
		named   []string
		unread  int
		notes   int
	}{
		"nobody":                          {},
		"everybody":                       {entries: ranges("0.0.0.0/0"), reach: resource.ReachInternet},
		"two halves":                      {entries: ranges("0.0.0.0/1", "128.0.0.0/1"), reach: resource.ReachInternet},
		"all but one small network":       {entries: complement("203.0.113.0/24"), reach: resource.ReachInternet, notes: 1},
		"one half":                        {entries: ranges("128.0.0.0/1"), reach: resource.ReachBroad, named: []string{"128.0.0.0/1"}},
		"a /8":                            {entries: ranges("54.0.0.0/8"), reach: resource.ReachBroad, named: []string{"54.0.0.0/8"}},
		"an address without a length":     {entries: ranges("203.0.113.7"), reach: resource.ReachListed, named: []string{"203.0.113.7/32"}},
		"host bits":                       {entries: ranges("203.0.113.7/24"), reach: resource.ReachListed, named: []string{"203.0.113.0/24"}},
		"neighbours join":                 {entries: ranges("203.0.113.128/25", "203.0.113.0/25"), reach: resource.ReachListed, named: []string{"203.0.113.0/24"}},
		"private space":                   {entries: ranges("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"), notes: 3},
		"carrier-grade and documentation": {entries: ranges("100.64.0.0/10", "203.0.113.0/30"), reach: resource.ReachListed, named: []string{"203.0.113.0/30"}, notes: 1},
		"IPv6 to an IPv4 address":         {entries: ranges("::/0"), notes: 1},
		"IPv6 to an IPv6 address":         {entries: ranges("::/0"), senders: ipv6, reach: resource.ReachInternet},
		"mapped IPv4":                     {entries: ranges("::ffff:203.0.113.0/120"), reach: resource.ReachListed, named: []string{"203.0.113.0/24"}},
		"no range": {
			entries: ranges("", "everybody", "10.0.0.0/33", " 203.0.113.0/24", "203.0.113.0/24,198.51.100.0/24", "fe80::1%eth0", "010.1.2.3"),
			unread:  7,
		},
		"expired": {entries: []Entry{{"0.0.0.0/0", "2026-11-01T11:59:59Z"}}, notes: 1},
		"expired in another zone": {
			entries: []Entry{{"0.0.0.0/0", "2026-11-01T20:59:59+09:00"}}, notes: 1,
		},
		"expires this moment": {entries: []Entry{{"203.0.113.7", "2026-11-01T12:00:00Z"}}, reach: resource.ReachListed, named: []string{"203.0.113.7/32"}, notes: 1},
		"expires later":       {entries: []Entry{{"203.0.113.7", "2026-11-01T12:00:00.5Z"}}, reach: resource.ReachListed, named: []string{"203.0.113.7/32"}, notes: 1},
		"the start of time":   {entries: []Entry{{"203.0.113.7", "1970-01-01T00:00:00Z"}}, reach: resource.ReachListed, named: []string{"203.0.113.7/32"}},
		"the start of time in another zone": {
			entries: []Entry{{"203.0.113.7", "1970-01-01T09:00:00+09:00"}}, reach: resource.ReachListed, named: []string{"203.0.113.7/32"},
		},
		"no time":              {entries: []Entry{{"203.0.113.7", "2026-11-01"}}, reach: resource.ReachListed, named: []string{"203.0.113.7/32"}, notes: 1},
		"expired and no range": {entries: []Entry{{"everybody", "2020-01-01T00:00:00Z"}}, notes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			senders := c.senders
			if senders.Empty() {
				senders = IPv4()
			}
			a := Admit(c.entries, senders, now)
			if a.Reach() != c.reach || len(a.Unread) != c.unread || len(a.Notes) != c.notes {
				t.Errorf("reach %v, unread %q, notes %q", a.Reach(), a.Unread, a.Notes)
			}
			why, hidden := a.Hides()
			if (why != "") != (c.unread > 0) || (len(hidden) > 0) != (c.unread > 0) {
				t.Errorf("hides %v: %q", hidden, why)
			}
			var named []string
			for _, g := range a.Grants(resource.Evidence{Call: "c"}) {
				named = g.To.Named
				if g.To.Credential != resource.CredentialOwn || g.Via != Network || len(g.Because) != 1 || g.To.Reach != c.reach {
					t.Errorf("grant %+v", g)
				}
			}
			if diff := cmp.Diff(c.named, named); diff != "" {
				t.Errorf("named (-want +got):\n%s", diff)
			}
		})
	}
}

// complement lists the ranges around one.
func complement(text string) []Entry {
	left := netset.Of(netip.MustParsePrefix("0.0.0.0/0")).Subtract(netset.Of(netip.MustParsePrefix(text)))
	var entries []Entry
	for _, p := range left.Prefixes() {
		entries = append(entries, Entry{Range: p.String()})
	}
	return entries
}

func TestFamilies(t *testing.T) {
	for name, c := range map[string]struct {
		addresses []string
		both      bool
	}{
		"none":            {},
		"IPv4":            {addresses: []string{"203.0.113.10"}},
		"mapped":          {addresses: []string{"::ffff:203.0.113.10"}},
		"IPv6":            {addresses: []string{"2001:db8::1"}, both: true},
		"one of each":     {addresses: []string{"203.0.113.10", "2001:db8::1"}, both: true},
		"not an address":  {addresses: []string{"203.0.113"}, both: true},
		"without a text":  {addresses: []string{""}, both: true},
		"several of IPv4": {addresses: []string{"203.0.113.10", "203.0.113.11"}},
	} {
		got := Families(c.addresses...)
		if got.Equal(netset.All()) != c.both || !got.Covers(IPv4()) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func drawEntry(t *rapid.T, name string) Entry {
	e := Entry{Range: rapid.SampledFrom([]string{
		"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "54.0.0.0/8", "203.0.113.0/24", "203.0.113.9", "10.0.0.0/8", "::/0", "2001:db8::/32", "everybody", "",
	}).Draw(t, name)}
	if rapid.Bool().Draw(t, name+" drawn range") {
		bytes := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, name+" address")
		e.Range = fmt.Sprintf("%s/%d", netip.AddrFrom4([4]byte(bytes)), rapid.IntRange(0, 32).Draw(t, name+" bits"))
	}
	e.Expires = rapid.SampledFrom([]string{"", "", "1970-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "soon"}).Draw(t, name+" expiry")
	return e
}

func drawEntries(t *rapid.T) []Entry {
	var entries []Entry
	for i := range rapid.IntRange(0, 6).Draw(t, "entries") {
		entries = append(entries, drawEntry(t, fmt.Sprint("entry ", i)))
	}
	return entries
}

// wide is the worst that an admission may be.
func wide(a Admission) resource.Reach {
	_, hidden := a.Hides()
	if len(hidden) > 0 {
		return resource.ReachInternet
	}
	return a.Reach()
}

func TestAddingANetworkNeverNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries, one := drawEntries(t), drawEntry(t, "one more")
		senders := rapid.SampledFrom([]netset.Set{IPv4(), netset.All()}).Draw(t, "senders")
		at := rapid.IntRange(0, len(entries)).Draw(t, "at")
		before := Admit(entries, senders, now)
		after := Admit(slices.Insert(slices.Clone(entries), at, one), senders, now)
		if !after.Admitted.Covers(before.Admitted) || after.Reach() < before.Reach() || wide(after) < wide(before) {
			t.Fatalf("%v admits %v, and with %v only %v", entries, before.Admitted, one, after.Admitted)
		}
	})
}

func TestExpiredNetworksNeverCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries, one := drawEntries(t), drawEntry(t, "expired")
		ago := rapid.Int64Range(1, int64(20*365*24*time.Hour)).Draw(t, "ago")
		one.Expires = now.Add(-time.Duration(ago)).Format(time.RFC3339Nano)
		before, after := Admit(entries, IPv4(), now), Admit(append(slices.Clone(entries), one), IPv4(), now)
		if !after.Admitted.Equal(before.Admitted) || !slices.Equal(after.Unread, before.Unread) {
			t.Fatalf("%v counts", one)
		}
	})
}

func TestHalvesAreTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")
		whole := netip.PrefixFrom(netip.AddrFrom4([4]byte(bytes)), rapid.IntRange(0, 31).Draw(t, "bits")).Masked()
		pieces := split(whole)
		for range rapid.IntRange(0, 4).Draw(t, "splits") {
			i := rapid.IntRange(0, len(pieces)-1).Draw(t, "piece")
			if pieces[i].Bits() < 32 {
				pieces = append(slices.Delete(slices.Clone(pieces), i, i+1), split(pieces[i])...)
			}
		}
		texts := make([]string, 0, len(pieces))
		for _, p := range rapid.Permutation(pieces).Draw(t, "order") {
			texts = append(texts, p.String())
		}
		a, b := Admit(ranges(whole.String()), IPv4(), now), Admit(ranges(texts...), IPv4(), now)
		if !a.Admitted.Equal(b.Admitted) || a.Reach() != b.Reach() || !slices.Equal(a.names(), b.names()) {
			t.Fatalf("%v is %v, and as %v it is %v", whole, a.Reach(), texts, b.Reach())
		}
	})
}

func split(p netip.Prefix) []netip.Prefix {
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	bytes := p.Addr().As4()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	return []netip.Prefix{low, netip.PrefixFrom(netip.AddrFrom4(bytes), p.Bits()+1)}
}

// FuzzAdmit holds hostile texts to what every admission promises: nobody outside
// of the senders is admitted, what is not admitted nor expired is said, and texts
// are bounded.
func FuzzAdmit(f *testing.F) {
	f.Add("0.0.0.0/0", "")
	f.Add("203.0.113.7", "1970-01-01T00:00:00Z")
	f.Add("::ffff:0.0.0.0/96", "2020-01-01T00:00:00Z")
	f.Add("everybody\x1b[31m", "next year")
	f.Fuzz(func(t *testing.T, text, expires string) {
		a := Admit([]Entry{{text, expires}}, IPv4(), now)
		if !IPv4().Intersect(netset.Public()).Covers(a.Admitted) {
			t.Errorf("%q admits %v", text, a.Admitted)
		}
		p, err := netset.ParsePrefix(text)
		if over, _ := (Entry{text, expires}).over(now); !over && (err != nil) != (len(a.Unread) == 1) {
			t.Errorf("%q is read as %v, unread %q", text, p, a.Unread)
		}
		for _, said := range slices.Concat(a.Unread, a.Notes) {
			if len(said) > 8*maxText {
				t.Errorf("%d bytes are said", len(said))
			}
		}
		for _, g := range a.Grants() {
			if len(g.To.Named) > maxNames+1 {
				t.Errorf("names %v", g.To.Named)
			}
		}
	})
}

func TestQuote(t *testing.T) {
	if got := Quote("short"); got != "short" {
		t.Error(got)
	}
	long := strings.Repeat("é", maxText)
	if got := Quote(long); !strings.HasPrefix(long, strings.TrimSuffix(got, "…")) || len(got) > maxText+len("…") || !strings.HasSuffix(got, "…") {
		t.Error(got)
	}
}
