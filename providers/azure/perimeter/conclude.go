package perimeter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

func (j *judgement) cite(quote string) resource.Evidence {
	return resource.Evidence{Call: j.call, Of: j.ID.String(), Pointer: "/value", Quote: quote}
}

// conclude adds what the perimeter does to the store.
func (j *judgement) conclude(r *resource.Resource) {
	if j.count == 0 {
		j.unassociated(r)
		return
	}
	name := strings.Join(firewall.Names(j.names), ", ")
	mode := strings.Join(firewall.Names(j.modes), ", ")
	if j.enforced > 0 && j.enforced < j.count {
		j.doubt("it is in several perimeters, of which one is enforced and another is not")
	}
	r.Set(Setting, name+" ("+mode+")", j.cite("networkSecurityPerimeter "+name+", accessMode "+mode))
	a := j.rules.Admit()
	r.Notes = append(r.Notes, a.Notes...)
	because := j.cite(fmt.Sprintf("networkSecurityPerimeter %s, accessMode %s: %d inbound rules", name, mode, j.inbound))
	if len(j.doubts) == 0 {
		j.certain(r, name, a, because)
	} else {
		j.uncertain(r, a, because)
	}
	j.strangers(r)
	if j.Learn != nil {
		j.Learn(r, Inbound{
			Associated: true, Admission: a, Strangers: len(j.maybe) > 0, Certain: len(j.doubts) == 0, Because: []resource.Evidence{because},
		})
	}
}

// unassociated is a store in no perimeter. Where it is left to one all the same,
// nobody gets in, not even the services that it trusts.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
func (j *judgement) unassociated(r *resource.Resource) {
	because := j.cite("no networkSecurityPerimeterConfigurations")
	r.Set(Setting, "", because)
	if word, _ := j.word(); strings.EqualFold(word, secured) && len(j.Trusted) > 0 {
		r.Guards = append(r.Guards, resource.Guard{
			Name: PublicNetworkAccess, On: slices.Clone(j.Trusted), Cap: resource.Nobody,
			Because: []resource.Evidence{because, j.Cite("publicNetworkAccess=" + secured)},
		})
	}
	if j.Learn != nil {
		j.Learn(r, Inbound{Certain: true, Because: []resource.Evidence{because}})
	}
}

// certain adds a perimeter that is in force: enforced, it alone rules; otherwise
// it admits whom its rules do, and leaves the rest to the store's own.
func (j *judgement) certain(r *resource.Resource, name string, a firewall.Admission, because resource.Evidence) {
	if j.enforced == j.count {
		r.Guards = append(r.Guards, resource.Guard{
			Name: "network security perimeter " + name, On: slices.Concat(j.Rules, j.Trusted), Cap: resource.Nobody,
			Because: []resource.Evidence{because},
		})
	} else {
		r.Notes = append(r.Notes, "the network security perimeter "+name+" is in transition: it adds to the store's own rules and replaces none")
		j.secured(r)
	}
	r.Grants = append(r.Grants, a.Grants(Channel, j.Credential, j.Can, because)...)
	if why, hidden := a.Hides(Channel, j.Credential, j.Can); len(hidden) > 0 {
		r.Gaps = append(r.Gaps, j.gap("inbound rules of the network security perimeter "+name+": "+why, hidden, nil))
	}
}

// secured doubts what a store that is left to a perimeter in transition trusts by
// name: "Trusted access is disabled in secured by perimeter mode", and is "Allowed"
// in the table of that mode.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
// (impact on public, private, trusted, and perimeter access)
func (j *judgement) secured(r *resource.Resource) {
	word, _ := j.word()
	lets := func(g resource.Grant) bool { return slices.Contains(j.Trusted, g.Via) }
	if strings.EqualFold(word, secured) && slices.ContainsFunc(r.Grants, lets) {
		r.Gaps = append(r.Gaps, j.gap("whether what it trusts by name gets in while it is left to a perimeter in transition is not documented clearly", nil, j.Trusted))
	}
}

// uncertain adds a perimeter that may be in force or not.
func (j *judgement) uncertain(r *resource.Resource, a firewall.Admission, because resource.Evidence) {
	var hidden []resource.Hidden
	for _, g := range a.Grants(Channel, j.Credential, j.Can, because) {
		hidden = append(hidden, resource.Hidden{Via: g.Via, To: g.To, Can: g.Can})
	}
	_, more := a.Hides(Channel, j.Credential, j.Can)
	r.Gaps = append(r.Gaps, j.gap(strings.Join(j.doubts, "; "), append(hidden, more...), slices.Concat(j.Rules, j.Trusted)))
}

// strangers adds the subscriptions that a rule admits and nobody knows: they may
// be another customer's.
func (j *judgement) strangers(r *resource.Resource) {
	if len(j.maybe) == 0 {
		return
	}
	named := firewall.Names(j.maybe)
	to := resource.Audience{Reach: resource.ReachListed, Credential: j.Credential, Named: named}
	r.Gaps = append(r.Gaps, j.gap(
		"whether what the perimeter admits belongs to somebody else is not known: "+strings.Join(named, ", "),
		[]resource.Hidden{{Via: Channel, To: to, Can: slices.Clone(j.Can)}}, nil))
}

func (j *judgement) gap(detail string, hidden []resource.Hidden, shielded []resource.Channel) resource.Gap {
	g := resource.Gap{Call: j.call, Permission: j.permission, Reason: resource.Undecided, Detail: detail, Hides: hidden}
	if len(shielded) > 0 {
		g.Shields = []resource.Shield{{On: shielded, Cap: resource.Nobody}}
	}
	return g
}
