package iam

import (
	"slices"
	"strings"
)

// caller is who signs a request.
type caller uint8

const (
	callerAnonymous caller = iota
	callerAccount
	callerService
	callerFederated
)

// path is how a request arrives.
type path uint8

const (
	pathInternet path = iota
	pathEndpoint      // a VPC endpoint
	pathService       // from inside AWS
)

// Dimensions that several keys share.
const (
	dimResource  = "resource"
	dimPrincipal = "principal" // the ARN of the caller's user, role or account
	dimOrg       = "org"       // the path of the caller's account in its organisation
	dimSource    = "source"
	dimSourceOrg = "source-org"
	dimVPC       = "vpc" // the ARN of the VPC
	dimVPCEOrg   = "vpce-org"
	dimAddress   = "address"
	dimTime      = "time"
)

// Placeholders, see placeholder.
const (
	ownerAccount = "owner-account"
	ownerOrg     = "o-ownerorganisation"
)

// world is one way in which a class of strangers can send requests. It fixes
// which keys are in the request and which values they can have.
type world struct {
	plan     *plan
	caller   caller
	path     path
	account  string // the caller's account, "" for a fresh one
	orgs     []string
	service  string
	provider string
	// alias is what the policy calls an account whose number it does not tell:
	// "canonical/ID", or a name that is no principal of AWS's.
	alias string
	// loose selects the widest reading of everything that is not certain; the
	// narrowest one otherwise.
	loose bool
	// pins fix what policy variables stand for, by dimension.
	pins map[string]string
}

// worlds returns the ways in for a class. The narrow and the wide reading of a
// world are separate decisions.
func (p *plan) worlds(c Class) []world {
	switch c {
	case Anonymous:
		return []world{{caller: callerAnonymous}}
	case AnyAccount:
		return []world{{caller: callerAccount}}
	case StrangerVPCE:
		return []world{{caller: callerAnonymous, path: pathEndpoint}, {caller: callerAccount, path: pathEndpoint}}
	case AnyService:
		return p.serviceWorlds("", nil)
	case Federated:
		return p.federatedWorlds("")
	case Org:
		orgs := []string{p.target.Org}
		if p.target.Org == "" {
			orgs = append(slices.Clone(p.named.orgs), ownerOrg)
		}
		return p.memberWorlds(orgs)
	}
	if id, ok := c.Organisation(); ok {
		return p.memberWorlds([]string{id})
	}
	account, _ := c.Account()
	if !isAccount(account) {
		return []world{{caller: callerAccount, alias: account}}
	}
	direct := []world{
		{caller: callerAccount, account: account},
		{caller: callerAccount, account: account, path: pathEndpoint},
	}
	return slices.Concat(direct, p.federatedWorlds(account), p.serviceWorlds(account, nil))
}

func (p *plan) memberWorlds(orgs []string) []world {
	return append([]world{
		{caller: callerAccount, orgs: orgs},
		{caller: callerAccount, orgs: orgs, path: pathEndpoint},
	}, p.serviceWorlds("", orgs)...)
}

// UnnamedService stands for a service that the policy does not name.
const UnnamedService = "unnamed.amazonaws.com"

func (p *plan) serviceWorlds(account string, orgs []string) []world {
	var worlds []world
	for _, service := range append(slices.Clone(p.named.services), UnnamedService) {
		worlds = append(worlds, world{caller: callerService, path: pathService, service: service, account: account, orgs: orgs})
	}
	return worlds
}

// federatedWorlds returns a world for every provider: the public ones for
// strangers, or those of one account.
func (p *plan) federatedWorlds(account string) []world {
	const builtIn = "accounts.google.com" // needs no setup in the owner's account
	var worlds []world
	for _, provider := range p.named.providers {
		owner := ""
		if strings.HasPrefix(provider, "arn:") {
			owner = accountOf(provider)
		}
		saml := strings.Contains(provider, ":saml-provider/")
		switch {
		case account == "" && !saml && (owner == "" || owner == p.target.Account || p.target.Account == ""),
			account != "" && owner == account:
			worlds = append(worlds, world{caller: callerFederated, provider: provider})
		}
	}
	if account == "" && !slices.Contains(p.named.providers, builtIn) {
		worlds = append(worlds, world{caller: callerFederated, provider: builtIn})
	}
	return worlds
}
