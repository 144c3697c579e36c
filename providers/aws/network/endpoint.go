package network

import (
	"net/netip"
	"sync"

	"github.com/andon-audit/andon/pkg/resource"
)

// Channel is the way in that every kind with a public address declares.
const Channel resource.Channel = "network"

// Endpoint is where a store listens, as its listing says.
type Endpoint struct {
	// IPv4 and IPv6 say in which families it has an address that the internet
	// can send to; one of them at least. IPv6 is for services that expose it
	// themselves: a global address alone does not make a database answer.
	IPv4, IPv6 bool
	// MaybeIPv6 says that the listing does not tell whether there is an IPv6
	// address besides the IPv4 one.
	MaybeIPv6 bool
	// Port is the TCP port; 0 where the listing does not tell.
	Port uint16
	// SecurityGroups are the ids of all groups in front of it.
	SecurityGroups []string
	// VPC is the id of its VPC, empty where the listing does not tell.
	VPC string
	// Subnets are those that it may be in. Empty means every subnet of the VPC,
	// in Zone (an availability zone's name) where that is given.
	Subnets []string
	Zone    string
	// Everywhere says that it listens in each of the subnets, so that a way into
	// one of them is enough. Otherwise it is in one, and nobody knows which.
	Everywhere bool
	// Addresses are all its public IPv4 addresses where the listing tells them.
	// Where the subnets differ they find the interfaces, and with them the subnet
	// and the groups, if the kind declares ec2:DescribeNetworkInterfaces.
	Addresses []netip.Addr
}

// Grant is what a public address alone gives: anybody may connect who can send
// a packet, holding what the store asks for.
func Grant(credential resource.Credential, because ...resource.Evidence) resource.Grant {
	return resource.Grant{
		To:  resource.Audience{Reach: resource.ReachInternet, Credential: credential},
		Can: []resource.Action{resource.Connect}, Via: Channel, Because: because,
	}
}

// Endpoints keeps what a listing said about where stores listen until their
// questions are wanted. The zero value is ready, and safe for concurrent use.
type Endpoints struct{ byStore sync.Map }

// Put remembers where a store listens.
func (s *Endpoints) Put(r *resource.Resource, e Endpoint) { s.byStore.Store(r, e) }

// Take returns what was remembered of a store, and forgets it.
func (s *Endpoints) Take(r *resource.Resource) Endpoint {
	found, _ := s.byStore.LoadAndDelete(r)
	e, _ := found.(Endpoint)
	return e
}
