// Package authorisednetwork says who can get to the door of a managed database
// of Google Cloud: which addresses its authorised networks admit, and which
// projects may connect by Private Service Connect.
//
// Use it from a kind whose listing carries both (Cloud SQL, AlloyDB). It judges
// the configured entries together and never one by one: the answer is a set of
// source addresses, so that two ranges of half the internet each are the
// internet, and ranges of private space admit nobody from outside. An entry that
// cannot be read widens what may be admitted; an entry that has expired counts
// for nothing.
//
// Whoever gets to the door still needs a credential of the owner: every grant
// here bears [resource.CredentialOwn].
package authorisednetwork

import (
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
)

// The channels that a kind declares.
const (
	// Network is the way in by the public address.
	Network resource.Channel = "network"
	// Consumer is the way in by a Private Service Connect endpoint of another
	// project.
	Consumer resource.Channel = "consumer"
)

// Anybody is what a gap hides that may be a door open to the whole internet.
func Anybody() resource.Hidden {
	return resource.Hidden{
		Via: Network, To: resource.Audience{Reach: resource.ReachInternet, Credential: resource.CredentialOwn},
		Can: []resource.Action{resource.Connect},
	}
}

// AnyConsumer is what a gap hides that may be a project of any customer.
func AnyConsumer() resource.Hidden {
	return resource.Hidden{
		Via: Consumer, To: resource.Audience{Reach: resource.ReachProvider, Credential: resource.CredentialOwn},
		Can: []resource.Action{resource.Connect},
	}
}

// Limits on what is repeated of an owner's texts: bytes of one, and how many.
const (
	maxText  = 120
	maxNames = 8
)

// Quote shortens a text of the cloud for a reader.
func Quote(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
