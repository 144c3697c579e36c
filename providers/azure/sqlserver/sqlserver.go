// Package sqlserver collects logical servers of Azure SQL Database and dedicated
// SQL pools: their firewall rules let strangers up to the login. Rules of single
// databases are kept inside of these, come before the server's and stand in no
// answer of Resource Manager. kind.yaml declares every call; none reads data.
package sqlserver

import (
	"context"
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.sql.server.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

const networksCall = "sql:virtualNetworkRules.list"

// row is what is peculiar to the type. No rules block; 0.0.0.0 stands for all of
// Azure, other customers included.
//
// Source: https://learn.microsoft.com/azure/azure-sql/database/firewall-configure
var row = servernetwork.Row{
	Kind: Kind, Type: "Microsoft.Sql/servers",
	Access: []string{"publicNetworkAccess"}, Perimeter: "sql:networkSecurityPerimeterConfigurations.list",
	Rules: []servernetwork.Rules{
		{
			Call: "sql:firewallRules.list", Start: "startIpAddress", End: "endIpAddress",
			Zero: firewall.ZeroAzure, Setting: "firewall_rules",
			Beyond: "rules of single databases, which come before those of the server, are kept inside of the databases and stand in no answer of Resource Manager",
		},
		{
			Call: "sql:ipv6FirewallRules.list", Start: "startIPv6Address", End: "endIPv6Address",
			Setting: "ipv6_firewall_rules", Doubt: unlessIPv6,
		},
	},
	Describe: describe, More: networks,
}

// New returns the collector of a subscription's servers.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return servernetwork.New(row, c, scope)
}

func describe(s *servernetwork.Server) {
	s.SetText("version", "version")
	s.SetText("minimum_tls", "minimalTlsVersion")
	s.SetFlag("entra_only", "administrators", "azureADOnlyAuthentication")
	s.SetSwitch("ipv6", "isIPv6Enabled")
	s.SetSwitch("outbound_restricted", "restrictOutboundNetworkAccess")
	s.SetEndpoints()
}

// unlessIPv6 returns why IPv6 rules may be dead letters.
func unlessIPv6(r *resource.Resource) string {
	if r.Settings["ipv6"].Value == true {
		return ""
	}
	return "it has IPv6 rules, and whether they count where isIPv6Enabled is not Enabled is not documented"
}

// networks asks for the subnets that are admitted. They are of the owner's tenant.
//
// Source: https://learn.microsoft.com/azure/azure-sql/database/vnet-service-endpoint-rule-overview
// (both subscriptions must be in the same tenant)
func networks(a servernetwork.Asking) []*collect.Question {
	return []*collect.Question{Kind.Question(networksCall, func(ctx context.Context, r *resource.Resource) error {
		subnets := []string{}
		odd := 0
		for item, err := range a.Client.List(ctx, networksCall, a.ID.Values()...) {
			if err != nil {
				return arm.FailedOf(networksCall, a.ID, err)
			}
			if subnet := servernetwork.RuleText(item, "virtualNetworkSubnetId"); subnet != "" {
				subnets = append(subnets, servernetwork.Whole(subnet))
			} else {
				odd++
			}
		}
		if odd > 0 {
			return collect.Malformed(networksCall, "%d rules without a subnet", odd)
		}
		r.Set("virtual_networks", subnets, servernetwork.Listed(networksCall, r, subnets))
		return nil
	})}
}
