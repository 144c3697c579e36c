package iam

import "github.com/andon-audit/andon/pkg/resource"

// Audience says in andon's terms who a class is when it must come from a
// network. An account that anybody can open is no credential of the owner's: a
// class of strangers who sign is "any tenant". A class this function does not
// know is taken for the widest.
func Audience(c Class, n Network) resource.Audience {
	to := c.audience()
	switch n.Reach {
	case ReachBroad:
		to.Reach = min(to.Reach, resource.ReachBroad)
	case ReachListed:
		to.Reach = min(to.Reach, resource.ReachListed)
		for _, prefix := range n.Prefixes {
			to.Named = append(to.Named, prefix.String())
		}
	case ReachInternet, ReachEndpoint, ReachService:
	}
	return to
}

func (c Class) audience() resource.Audience {
	switch c {
	case Anonymous:
		return resource.Anyone
	case AnyAccount, Federated:
		return resource.AnyTenant
	case AnyService:
		return resource.Audience{Reach: resource.ReachProvider, Credential: resource.CredentialTenant}
	case StrangerVPCE:
		return resource.Audience{Reach: resource.ReachProvider, Credential: resource.CredentialNone}
	case Org:
		return resource.Nobody
	}
	if id, ok := c.Account(); ok {
		return resource.Outsiders(id)
	}
	if id, ok := c.Organisation(); ok {
		return resource.Outsiders(id)
	}
	return resource.Anyone
}
