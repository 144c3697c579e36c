// Package rediscache collects caches of Azure Cache for Redis: one that is not in
// a virtual network has a public endpoint, which is open to everybody until there
// is a firewall rule. kind.yaml declares every call; none reads data or keys.
package rediscache

import (
	_ "embed"
	"fmt"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.redis.cache.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// row is what is peculiar to the type. Without rules everybody gets in; what
// 0.0.0.0 alone means is not documented.
//
// Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-network-isolation
var row = servernetwork.Row{
	Kind: Kind, Type: "Microsoft.Cache/redis", Access: []string{"publicNetworkAccess"}, Unauthenticated: true, Holding: holding,
	Rules: []servernetwork.Rules{{
		Call: "redis:firewallRules.list", Start: "startIP", End: "endIP", Unruled: true, Setting: "firewall_rules",
	}},
	Describe: describe,
}

// New returns the collector of a subscription's caches.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return servernetwork.New(row, c, scope)
}

func describe(s *servernetwork.Server) {
	addSubnet(s)
	addAuthentication(s)
	s.SetText("version", "redisVersion")
	s.SetText("minimum_tls", "minimumTlsVersion")
	s.SetFlag("non_tls_port", "enableNonSslPort")
	s.SetNot("local_auth", "disableAccessKeyAuthentication")
	s.SetEndpoints()
	approved, doubtful := s.Endpoints()
	if access := s.Access(); !access.Set && approved+doubtful > 0 {
		s.Doubt("it has a private endpoint, and what publicNetworkAccess is then without a word is not documented clearly")
	}
}

// addSubnet reads whether it was put into a virtual network, outside of which
// nobody gets to it.
//
// Source: https://learn.microsoft.com/azure/azure-cache-for-redis/cache-how-to-premium-vnet
// and https://learn.microsoft.com/rest/api/redis/redis/list-by-subscription
// (subnetId, whose pattern takes those of Microsoft.Network and of Microsoft.ClassicNetwork)
func addSubnet(s *servernetwork.Server) {
	const member = "subnetId"
	subnet := s.Properties.Text(member)
	switch {
	case subnet.Odd:
		s.Doubt(member+" cannot be read", "subnet")
	case subnet.Set:
		from := s.Cited(servernetwork.Said(subnet, member))
		s.Set("subnet", servernetwork.Whole(subnet.Text), from)
		s.Inside(subnet.Text, from, servernetwork.SubnetType, "Microsoft.ClassicNetwork/virtualNetworks/subnets")
	}
}

const authentication = "authentication"

// addAuthentication reads whether a credential is asked for, as it is unless the
// owner turned that off.
//
// Source: https://learn.microsoft.com/rest/api/redis/redis/list-by-subscription
// (RedisConfiguration.authnotrequired)
func addAuthentication(s *servernetwork.Server) {
	path := []string{"redisConfiguration", "authnotrequired"}
	off := s.Properties.Text(path...)
	if flag := s.Properties.Flag(path...); flag.Set && !flag.Odd {
		off = servernetwork.Value{Set: true, Text: fmt.Sprint(flag.Flag)}
	}
	from := s.Cited(servernetwork.Said(off, path...))
	switch {
	case off.Odd, off.Set && !arm.Is(off.Text, "true", "false"):
		s.Hide("whether it asks for a credential (authnotrequired) cannot be read",
			resource.Hidden{Via: servernetwork.Network, To: resource.Anyone, Can: servernetwork.Connect()})
	case arm.Is(off.Text, "true"):
		s.Set(authentication, false, from)
	default:
		s.Set(authentication, true, from)
		s.Guards = append(s.Guards, resource.Guard{
			Name: "authentication", On: []resource.Channel{servernetwork.Network},
			Cap: servernetwork.From(resource.ReachInternet), Because: []resource.Evidence{from},
		})
	}
}

// holding is what it takes to get in: an access key or a token of the owner's.
func holding(r *resource.Resource) resource.Credential {
	if r.Settings[authentication].Value == false {
		return resource.CredentialNone
	}
	return resource.CredentialOwn
}
