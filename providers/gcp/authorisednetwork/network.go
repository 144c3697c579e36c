package authorisednetwork

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

// Entry is one authorised network, as the listing spells it.
type Entry struct {
	// Range is a CIDR or a single address.
	Range string
	// Expires is when the entry stops to count, in RFC 3339; "" is never.
	Expires string
}

// Admission is what a list of authorised networks comes to.
type Admission struct {
	// Admitted are the addresses of the internet that get to the door.
	Admitted netset.Set
	// ranges are Admitted and the private space between: what a reader knows them by.
	ranges netset.Set
	// Unread are the ranges that could not be understood: each may stand for any.
	Unread []string
	// Notes are facts that explain Admitted, in the order of the entries.
	Notes []string
}

// IPv4 returns every IPv4 address.
func IPv4() netset.Set { return netset.Of(netip.MustParsePrefix("0.0.0.0/0")) }

// Families returns the addresses that could send to one of the given public
// addresses: those of the same family. Without any address it is IPv4, which is
// all that Google documents; an address that cannot be read may be of either.
//
// Source: https://cloud.google.com/sql/docs/mysql/configure-ip ("Instances don't
// support IPv6"), https://cloud.google.com/alloydb/docs/connect-public-ip (a
// public IPv4 address)
func Families(addresses ...string) netset.Set {
	senders := IPv4()
	for _, text := range addresses {
		if a, err := netip.ParseAddr(text); err != nil || !a.Unmap().Is4() {
			return netset.All()
		}
	}
	return senders
}

// Admit joins the entries that count at a time. The senders are those that have
// a way to the door at all, see Families. Adding an entry never admits less.
//
// Source: https://cloud.google.com/sql/docs/mysql/authorize-networks (a single
// address or a range in CIDR notation),
// https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances#AclEntry
// (expirationTime)
func Admit(entries []Entry, senders netset.Set, now time.Time) Admission {
	var a Admission
	expired := 0
	for _, e := range entries {
		over, note := e.over(now)
		if over {
			expired++
			continue
		}
		p, err := netset.ParsePrefix(e.Range)
		if err != nil {
			a.Unread = append(a.Unread, Quote(e.Range))
			continue
		}
		a.note(note)
		a.admit(p, senders)
	}
	if expired > 0 {
		a.note(fmt.Sprintf("%d of its authorised networks expired and do not count", expired))
	}
	return a
}

func (a *Admission) admit(p netip.Prefix, senders netset.Set) {
	given := netset.Of(p).Intersect(senders)
	admitted := given.Intersect(netset.Public())
	a.Admitted, a.ranges = a.Admitted.Union(admitted), a.ranges.Union(given)
	switch {
	case !admitted.Empty():
	case given.Empty():
		a.note("the authorised network " + p.String() + " is IPv6 and admits nobody to an IPv4 address")
	default:
		a.note("the authorised network " + p.String() + " has no address of the internet in it and admits nobody from outside")
	}
}

func (a *Admission) note(text string) {
	if text != "" && !slices.Contains(a.Notes, text) && len(a.Notes) < maxNames {
		a.Notes = append(a.Notes, text)
	}
}

// over reports whether an entry has expired, with a note where it has a time that
// a reader should know of. The start of Unix time is how exports spell that there
// is none; what is no time does not end anything.
func (e Entry) over(now time.Time) (expired bool, note string) {
	if e.Expires == "" {
		return false, ""
	}
	end, err := time.Parse(time.RFC3339, e.Expires)
	switch {
	case err != nil:
		return false, fmt.Sprintf("the expiry %q of the authorised network %s is no time, so it counts", Quote(e.Expires), Quote(e.Range))
	case end.Equal(time.Unix(0, 0)):
		return false, ""
	case end.Before(now):
		return true, ""
	}
	return false, fmt.Sprintf("the authorised network %s expires at %s", Quote(e.Range), end.UTC().Format(time.RFC3339))
}

// Reach is how far the admitted addresses reach, in the words of verdicts.
func (a Admission) Reach() resource.Reach { return a.Admitted.Reach() }

// Grants returns the grant to whoever is admitted, or none where nobody is.
// Short of the whole internet it names the ranges.
func (a Admission) Grants(because ...resource.Evidence) []resource.Grant {
	reach := a.Reach()
	if reach == resource.ReachPrivate {
		return nil
	}
	to := resource.Audience{Reach: reach, Credential: resource.CredentialOwn}
	if reach != resource.ReachInternet {
		to.Named = a.names()
	}
	return []resource.Grant{{To: to, Can: []resource.Action{resource.Connect}, Via: Network, Because: because}}
}

// Hides is what the entries that could not be read may hide, and why.
func (a Admission) Hides() (why string, hidden []resource.Hidden) {
	if len(a.Unread) == 0 {
		return "", nil
	}
	return fmt.Sprintf("the authorised networks %q are no address ranges", bounded(a.Unread)), []resource.Hidden{Anybody()}
}

// names spells the admitted ranges: the first of them, and how many more.
func (a Admission) names() []string {
	prefixes := slices.DeleteFunc(a.ranges.Prefixes(), func(p netip.Prefix) bool { return netset.Of(p).Intersect(a.Admitted).Empty() })
	return netset.Names(prefixes, maxNames)
}
