// Package servernetwork collects the databases of Azure that a public endpoint
// and address rules let strangers up to: servers whose rules are a child listing,
// and accounts whose rules stand in their own.
//
// Use it from the folder of a kind, which fills in a [Row]: the type, the calls,
// where publicNetworkAccess stands, which rules there are and what having none
// means. What is peculiar to a type is added by the row's own functions, with the
// methods of [Server].
//
// Whoever gets to such an endpoint still needs a credential of the owner, unless
// the row says otherwise: a grant bears [resource.CredentialOwn]. A member that is null or missing is
// not false but unset, words are compared without case, and a word that is not
// known, or a member of another type than it should have, leaves open what it
// decides about.
package servernetwork

import (
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// Network is the way in by the public endpoint.
const Network = firewall.Network

// Connect is what whoever gets to the endpoint can do there.
func Connect() []resource.Action { return []resource.Action{resource.Connect} }

// From is an audience that reaches the endpoint from somewhere, and needs a
// credential of the owner there.
func From(reach resource.Reach, names ...string) resource.Audience {
	return resource.Audience{Reach: reach, Credential: resource.CredentialOwn, Named: names}
}

// Anybody is what a gap hides that may be an endpoint open to the whole internet.
func Anybody() resource.Hidden {
	return resource.Hidden{Via: Network, To: From(resource.ReachInternet), Can: Connect()}
}
