package servernetwork

import (
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// subscriptionOf reads the subscription out of an id of any type.
func subscriptionOf(id string) (subscription string, ok bool) {
	parts := strings.Split(id, "/")
	if len(parts) < 4 || parts[0] != "" || !strings.EqualFold(parts[1], "subscriptions") || parts[2] == "" {
		return "", false
	}
	return parts[2], true
}

// Elsewhere adds who is let in by the ids of what is: subnets, services. Those of
// the owner's are not from outside; of others it may not be known.
func (s *Server) Elsewhere(what string, ids []string, from resource.Evidence) {
	var foreign, doubtful []string
	for _, id := range ids {
		subscription, ok := subscriptionOf(id)
		if !ok {
			s.Hide("one of the "+what+" is no id", Anybody())
			continue
		}
		switch own, known := s.Client.Own(s.Scope.Account, subscription); {
		case !known:
			doubtful = append(doubtful, firewall.Quote(subscription))
		case !own:
			foreign = append(foreign, firewall.Quote(subscription))
		}
	}
	if len(foreign) > 0 {
		s.Grant(resource.Grant{
			To: From(resource.ReachListed, firewall.Names(foreign)...), Can: Connect(), Via: Network, Because: []resource.Evidence{from},
			Note: what + " of subscriptions of another tenant",
		})
	}
	if len(doubtful) > 0 {
		s.Hide("whether "+what+" of the subscriptions "+strings.Join(firewall.Names(doubtful), ", ")+" belong to the owner is not known",
			resource.Hidden{Via: Network, To: From(resource.ReachListed, firewall.Names(doubtful)...), Can: Connect()})
	}
}
