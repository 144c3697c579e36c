// Package perimeter says what a Network Security Perimeter does to a store of
// Azure. A perimeter turns publicNetworkAccess round: a store that its owner left
// open is closed where its perimeter is enforced and admits nobody, and one that
// its owner closed is open to whom the perimeter's inbound rules admit.
//
// Use it from every kind that can be put into a perimeter. [Door.Describe] reads
// publicNetworkAccess, which stands in the listing; [Door.Question] asks for the
// perimeter, which does not.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
package perimeter

import (
	"encoding/json"
	"slices"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// Channel is the way in by the inbound rules of a perimeter.
const Channel resource.Channel = "perimeter"

// Setting is the key that the perimeter of a store is told under: its name and
// mode, or "" where there is none.
const Setting = "perimeter"

// PublicNetworkAccess is the name of the guard that the property of this name is.
const PublicNetworkAccess = "public network access"

// Door is the way into one store, as far as a perimeter rules over it.
type Door struct {
	// ID is the store's.
	ID arm.ID
	// PublicNetworkAccess is the property as it came, nil where there is none:
	// that means Enabled, as null does.
	PublicNetworkAccess json.RawMessage
	// Rules are the channels that only the store's own rules admit to, Trusted
	// those of services and resources that it trusts by name.
	Rules, Trusted []resource.Channel
	// Can is what somebody who gets in can do, and Credential what it takes
	// besides.
	Can        []resource.Action
	Credential resource.Credential
	// Cite is the evidence of something that the listing says of the store.
	Cite func(quote string) resource.Evidence
	// Learn, if set, is told what came of the question, for grants that need no
	// credential.
	Learn func(*resource.Resource, Inbound)
}

// Inbound is whom the perimeter of a store admits.
type Inbound struct {
	// Associated says that the store is in a perimeter.
	Associated bool
	// Admission is who gets in by address.
	Admission firewall.Admission
	// Strangers says that it admits subscriptions, or members of other perimeters,
	// that may be somebody else's.
	Strangers bool
	// Certain says that the perimeter is known to be in force: where it is not,
	// whoever it admits may be admitted or not.
	Certain bool
	// Because is where that stands.
	Because []resource.Evidence
}

// word reads publicNetworkAccess.
func (d Door) word() (word string, readable bool) {
	if len(d.PublicNetworkAccess) == 0 || string(d.PublicNetworkAccess) == "null" {
		return "", true
	}
	return word, json.Unmarshal(d.PublicNetworkAccess, &word) == nil
}

// Describe adds what publicNetworkAccess says, as the setting
// "public_network_access". Disabled and SecuredByPerimeter put the store's own
// rules out of force, whether it is in a perimeter or not. A word that is not
// known may do that, too.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
func (d Door) Describe(r *resource.Resource) {
	word, readable := d.word()
	said := "publicNetworkAccess=" + firewall.Quote(word)
	switch {
	case readable && word == "":
		r.Set("public_network_access", "Enabled", d.Cite("publicNetworkAccess is not set"))
	case !readable:
		d.doubt(r, "publicNetworkAccess is no text")
	case arm.Is(word, "Enabled"):
		r.Set("public_network_access", "Enabled", d.Cite(said))
	case arm.Is(word, "Disabled"), arm.Is(word, secured):
		r.Set("public_network_access", firewall.Quote(word), d.Cite(said))
		r.Guards = append(r.Guards, resource.Guard{
			Name: PublicNetworkAccess, On: slices.Clone(d.Rules), Cap: resource.Nobody, Because: []resource.Evidence{d.Cite(said)},
		})
	default:
		r.Set("public_network_access", firewall.Quote(word), d.Cite(said))
		d.doubt(r, "what "+said+" means is not known")
	}
}

// secured is the word that leaves a store to its perimeter.
const secured = "SecuredByPerimeter"

// doubt adds the gap of a publicNetworkAccess that may close the store.
func (d Door) doubt(r *resource.Resource, detail string) {
	g := resource.Gap{
		Call: d.Cite("").Call, Reason: resource.Undecided, Detail: detail,
		Shields: []resource.Shield{{On: slices.Concat(d.Rules, d.Trusted), Cap: resource.Nobody}},
	}
	if r.Settings["public_network_access"].Value == nil {
		g.Settings = []string{"public_network_access"}
	}
	r.Gaps = append(r.Gaps, g)
}

// Closed reports whether publicNetworkAccess is known to put the store's own
// rules out of force.
func (d Door) Closed() bool {
	word, _ := d.word()
	return arm.Is(word, "Disabled", secured)
}
