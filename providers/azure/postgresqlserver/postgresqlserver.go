// Package postgresqlserver collects flexible servers of Azure Database for
// PostgreSQL: one that is not in a virtual network has a public endpoint, and its
// firewall rules let strangers up to the login. kind.yaml declares every call;
// none reads data.
package postgresqlserver

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.postgresql.flexible_server.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// row is what is peculiar to the type. No rules block; 0.0.0.0 stands for all of
// Azure, other customers included.
//
// Source: https://learn.microsoft.com/azure/postgresql/flexible-server/concepts-networking-public
var row = servernetwork.Row{
	Kind: Kind, Type: "Microsoft.DBforPostgreSQL/flexibleServers", Access: []string{"network", "publicNetworkAccess"},
	Rules: []servernetwork.Rules{{
		Call: "postgresql:firewallRules.list", Start: "startIpAddress", End: "endIpAddress", Zero: firewall.ZeroAzure, Setting: "firewall_rules",
	}},
	Describe: describe,
}

// New returns the collector of a subscription's servers.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return servernetwork.New(row, c, scope)
}

// describe adds what the listing says. The states are those of the interface.
//
// Source: https://learn.microsoft.com/rest/api/postgresql/servers/list-by-subscription (ServerState)
func describe(s *servernetwork.Server) {
	s.Delegated("network", "delegatedSubnetResourceId")
	s.State("Ready", "Dropping", "Disabled", "Starting", "Stopping", "Updating", "Restarting", "Inaccessible", "Provisioning")
	s.SetText("version", "version")
	s.SetSwitch("password_authentication", "authConfig", "passwordAuth")
	s.SetSwitch("entra_authentication", "authConfig", "activeDirectoryAuth")
	s.SetEndpoints()
}
