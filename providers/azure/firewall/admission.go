package firewall

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

// Admission is what the rules of a store come to: who gets to its door. The zero
// value is nobody from outside.
type Admission struct {
	// Admitted are the addresses of the internet that get to the door.
	Admitted netset.Set
	// Azure says that every address of Azure's own does, those of other customers'
	// resources included.
	Azure bool
	// Notes are facts that explain it, in the order of the rules.
	Notes []string

	// ranges are Admitted and the private space between: what a reader knows them by.
	ranges       netset.Set
	maybeZero    bool
	tags, unread []string
}

// Unguard takes the guards from a store and makes shields of them: what seems to
// keep others out only may.
func Unguard(r *resource.Resource) []resource.Shield {
	var shields []resource.Shield
	for _, g := range r.Guards {
		shields = append(shields, resource.Shield{On: g.On, Cap: g.Cap})
	}
	r.Guards = nil
	return shields
}

// Open returns the admission of everybody.
func Open() Admission { return Admission{Admitted: netset.Public(), ranges: netset.All()} }

// Reach is how far the admission reaches at its widest, in the words of verdicts.
// What could not be read is not in it; see Doubtful.
func (a Admission) Reach() resource.Reach {
	reach := a.Admitted.Reach()
	if a.Azure {
		reach = max(reach, resource.ReachProvider)
	}
	return reach
}

// MayReach is how far it may reach, with what could not be read.
func (a Admission) MayReach() resource.Reach {
	switch {
	case len(a.unread) > 0:
		return resource.ReachInternet
	case a.maybeZero || len(a.tags) > 0:
		return max(a.Reach(), resource.ReachProvider)
	}
	return a.Reach()
}

// Doubtful reports whether it may reach further than it is known to.
func (a Admission) Doubtful() bool { return a.MayReach() > a.Reach() }

// Grants returns the grants to whoever is admitted, or none where nobody is:
// one to the addresses, and one to all of Azure where those are not the whole
// internet. Short of that, the first names the ranges.
func (a Admission) Grants(via resource.Channel, holding resource.Credential, can []resource.Action, because ...resource.Evidence) []resource.Grant {
	var grants []resource.Grant
	if reach := a.Admitted.Reach(); reach > resource.ReachPrivate {
		to := resource.Audience{Reach: reach, Credential: holding}
		if reach != resource.ReachInternet {
			to.Named = a.Named()
		}
		grants = append(grants, resource.Grant{To: to, Can: slices.Clone(can), Via: via, Because: because})
	}
	if a.Azure && a.Admitted.Reach() != resource.ReachInternet {
		grants = append(grants, resource.Grant{
			To:  resource.Audience{Reach: resource.ReachProvider, Credential: holding},
			Can: slices.Clone(can), Via: via, Because: because,
			Note: "from any resource in Azure, those of other customers included",
		})
	}
	return grants
}

// Hides is what the rules that could not be read may hide, and why; nothing where
// everything was read or the door is open anyway.
func (a Admission) Hides(via resource.Channel, holding resource.Credential, can []resource.Action) (why string, hidden []resource.Hidden) {
	if !a.Doubtful() {
		return "", nil
	}
	return a.Why(), []resource.Hidden{{
		Via: via, To: resource.Audience{Reach: a.MayReach(), Credential: holding}, Can: slices.Clone(can),
	}}
}

// Why says what could not be read, or "".
func (a Admission) Why() string {
	switch {
	case len(a.unread) > 0:
		return fmt.Sprintf("the address rules %q cannot be read", Names(a.unread))
	case len(a.tags) > 0:
		return fmt.Sprintf("whose addresses the service tags %q stand for is not known; they may be those of other customers", Names(a.tags))
	case a.maybeZero:
		return "what a rule for 0.0.0.0 admits is not documented; it may be all of Azure"
	}
	return ""
}

// Guard is the firewall as it stands in front of grants that need no credential,
// on the channels of those: nobody gets through from further than is admitted.
// There is none where everybody is admitted, or may be.
func (a Admission) Guard(name string, on []resource.Channel, because ...resource.Evidence) (g resource.Guard, stands bool) {
	if a.MayReach() == resource.ReachInternet {
		return resource.Guard{}, false
	}
	return resource.Guard{Name: name, On: on, Cap: Limit(a.MayReach()), Because: because}, true
}

// Shields is the firewall where it may keep out more than Guard says: for the gap
// whose detail is Why.
func (a Admission) Shields(on []resource.Channel) []resource.Shield {
	if !a.Doubtful() {
		return nil
	}
	return []resource.Shield{{On: on, Cap: Limit(a.Reach())}}
}

// Limit is the cap of a firewall that minds nothing but where packets come from.
func Limit(reach resource.Reach) resource.Audience {
	if reach == resource.ReachPrivate {
		return resource.Nobody
	}
	return resource.Audience{Reach: reach, Credential: resource.CredentialNone}
}

// Named spells the admitted ranges: the first of them, and how many more.
func (a Admission) Named() []string {
	prefixes := slices.DeleteFunc(a.ranges.Prefixes(), func(p netip.Prefix) bool { return netset.Of(p).Intersect(netset.Public()).Empty() })
	return netset.Names(prefixes, maxNames)
}
