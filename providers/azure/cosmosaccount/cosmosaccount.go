// Package cosmosaccount collects accounts of Azure Cosmos DB: without address or
// virtual network rules an account is open to everybody who holds a key or a
// token, unless it has a private endpoint. All of it stands in the listing but for
// the perimeter. kind.yaml declares every call; none reads data or keys.
package cosmosaccount

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.cosmosdb.account.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// row is what is peculiar to the type. Trusted access "is disabled in secured by
// perimeter mode", and the bypass by name is such; the analytical store is another
// thing, of which Microsoft says no more than that its combination with a perimeter
// is not supported.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-transition
// and https://learn.microsoft.com/azure/cosmos-db/how-to-configure-nsp
var row = servernetwork.Row{
	Kind: Kind, Type: "Microsoft.DocumentDB/databaseAccounts", Access: []string{"publicNetworkAccess"},
	Perimeter: "cosmosdb:networkSecurityPerimeterConfigurations.list", Trusted: []resource.Channel{bypassChannel}, Describe: describe,
}

// New returns the collector of a subscription's accounts.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return servernetwork.New(row, c, scope)
}

// The ways in that no guard of the public endpoint covers.
const (
	bypassChannel     resource.Channel = "resource-access"
	analyticalChannel resource.Channel = "analytical-store"
)

func describe(s *servernetwork.Server) {
	s.SetText("minimum_tls", "minimalTlsVersion")
	s.SetNot("local_auth", "disableLocalAuth")
	s.SetEndpoints()
	if kind := s.Record.Kind; kind != "" {
		s.Set("api", firewall.Quote(kind), s.Cited("kind="+kind))
	}
	a := account{Server: s, rules: firewall.Rules{Zero: firewall.ZeroAzure}}
	a.readAddresses()
	a.readNetworks()
	a.readBypass()
	a.readAnalytical()
	a.add()
}

// account is one account while its rules are read.
type account struct {
	*servernetwork.Server
	rules    firewall.Rules
	ranges   []string
	networks []string
	// doubtful says that the virtual network rules, or whether they count, cannot
	// be read.
	doubtful bool
	filtered servernetwork.Value
}

// readAddresses reads ipRules, and ipRangeFilter of older versions.
//
// Source: https://learn.microsoft.com/azure/cosmos-db/how-to-configure-firewall
func (a *account) readAddresses() {
	list := a.Properties.List("ipRules")
	filter := a.Properties.Text("ipRangeFilter")
	texts, odd := servernetwork.Strings(list.List, "ipAddressOrRange")
	for text := range strings.SplitSeq(filter.Text, ",") {
		if text = strings.TrimSpace(text); text != "" {
			texts = append(texts, text)
		}
	}
	for _, text := range texts {
		a.rules.Prefix(text)
		a.ranges = append(a.ranges, firewall.Quote(text))
	}
	for i := range odd {
		a.rules.Odd(fmt.Sprintf("odd rule %d", i+1))
	}
	if list.Odd {
		a.rules.Odd("ipRules")
	}
	if filter.Odd {
		a.rules.Odd("ipRangeFilter")
	}
	if a.ranges == nil {
		a.ranges = []string{}
	}
	a.Set("ip_rules", a.ranges, a.Cited("ipRules: "+strings.Join(firewall.Names(a.ranges), ", ")))
}

// readNetworks reads the subnets that are admitted, and whether that counts.
//
// Source: https://learn.microsoft.com/azure/cosmos-db/how-to-configure-vnet-service-endpoint
func (a *account) readNetworks() {
	list := a.Properties.List("virtualNetworkRules")
	ids, odd := servernetwork.Strings(list.List, "id")
	a.filtered = a.SetFlag("virtual_network_filter", "isVirtualNetworkFilterEnabled")
	a.networks, a.doubtful = ids, list.Odd || odd > 0
	if a.doubtful {
		a.Hide("its virtual network rules cannot be read", servernetwork.Anybody())
		return
	}
	whole := make([]string, 0, len(ids))
	for _, id := range ids {
		whole = append(whole, servernetwork.Whole(id))
	}
	from := a.Cited(fmt.Sprintf("virtualNetworkRules: %d", len(ids)))
	a.Set("virtual_networks", whole, from)
	a.Elsewhere("subnets", ids, from)
}

// readBypass reads which services of Azure's pass the firewall. They act for those
// who may use the resources that are named, which should be of the owner's tenant:
// whether those of others get through is not documented, nor whether any does
// where public network access is disabled. A private endpoint does not stop them.
//
// Source: https://learn.microsoft.com/azure/cosmos-db/analytical-store-private-endpoints
// (networkAclBypassResourceIds) and
// https://learn.microsoft.com/fabric/mirroring/azure-cosmos-db-private-network
func (a *account) readBypass() {
	a.SetText("bypass", "networkAclBypass")
	bypass := a.Properties.Text("networkAclBypass")
	switch {
	case bypass.Odd:
		a.Hide("who passes its firewall cannot be read", servernetwork.Anybody(), anybody(bypassChannel))
	case bypass.Set && !arm.Is(bypass.Text, "None", "AzureServices"):
		a.Hide(fmt.Sprintf("who passes its firewall with networkAclBypass %q is not known", firewall.Quote(bypass.Text)),
			servernetwork.Anybody(), anybody(bypassChannel))
	}
	list := a.Properties.List("networkAclBypassResourceIds")
	ids, odd := servernetwork.Strings(list.List, "")
	if list.Odd || odd > 0 {
		a.Hide("the resources that pass its firewall cannot be read", servernetwork.Anybody(), anybody(bypassChannel))
	}
	if arm.Is(bypass.Text, "None") {
		return
	}
	var others []string
	for _, id := range ids {
		switch whose, own, ok := a.whose(id); {
		case !ok:
			a.Hide("one of the resources that pass its firewall is no id", servernetwork.Anybody(), anybody(bypassChannel))
		case !own:
			others = append(others, whose)
		}
	}
	if others = firewall.Names(others); len(others) > 0 {
		a.Hide("whether resources of the subscriptions or tenants "+strings.Join(others, ", ")+", which are not known to be its own, pass its firewall is not documented",
			resource.Hidden{Via: bypassChannel, To: servernetwork.From(resource.ReachListed, others...), Can: servernetwork.Connect()})
	}
}

// whose reads out of an id of any type whose the resource is: a subscription's, or a
// tenant's as a workspace of Microsoft Fabric is, whose subscription is all zeros.
// Own is false where it is not known to be of the account's tenant.
func (a *account) whose(id string) (name string, own, ok bool) {
	parts := strings.Split(id, "/")
	switch {
	case len(parts) < 4 || parts[0] != "" || parts[2] == "":
		return "", false, false
	case strings.EqualFold(parts[1], "subscriptions"):
		own, _ = a.Client.Own(a.Scope.Account, parts[2])
	case strings.EqualFold(parts[1], "tenants") && len(parts) > 5 && strings.EqualFold(parts[3], "subscriptions"):
		own, _ = a.Client.OwnTenant(a.Scope.Account, parts[2])
	default:
		return "", false, false
	}
	return firewall.Quote(parts[2]), own, true
}

// readAnalytical reads whether there is an analytical store, which has an endpoint
// of its own: what closes the account is not said to close that, too, and without
// a private endpoint for it its data "will not be blocked from public access".
//
// Source: https://learn.microsoft.com/azure/cosmos-db/analytical-store-private-endpoints
// (Using Synapse serverless SQL pools)
func (a *account) readAnalytical() {
	if on := a.SetFlag("analytical_storage", "enableAnalyticalStorage"); on.Flag || on.Odd {
		a.Hide("it has, or may have, an analytical store, and from where that can be reached is not known", anybody(analyticalChannel))
	}
}

// anybody is what a gap hides that may let in the whole internet by one way.
func anybody(via resource.Channel) resource.Hidden {
	return resource.Hidden{Via: via, To: servernetwork.From(resource.ReachInternet), Can: servernetwork.Connect()}
}

// add adds whom the rules admit together.
func (a *account) add() {
	from := a.Cited("ipRules: " + strings.Join(firewall.Names(a.ranges), ", ") + fmt.Sprintf("; virtualNetworkRules: %d", len(a.networks)))
	switch {
	case a.rules.Len() > 0:
		admission := a.rules.Admit()
		a.Note(admission.Notes...)
		a.Grant(admission.Grants(servernetwork.Network, resource.CredentialOwn, servernetwork.Connect(), from)...)
		why, hidden := admission.Hides(servernetwork.Network, resource.CredentialOwn, servernetwork.Connect())
		a.Hide(why, hidden...)
	case a.doubtful: // said already
	case len(a.networks) > 0 && !a.filtered.Flag:
		a.Hide("it has virtual network rules and no address rules, and whether they count where isVirtualNetworkFilterEnabled is not true is not documented",
			servernetwork.Anybody())
	case len(a.networks) > 0:
	case a.filtered.Flag || a.filtered.Odd:
		a.Hide("its virtual network filter is on without a rule, and what that means is not documented", servernetwork.Anybody())
	default:
		a.addUnruled(from)
	}
}

// addUnruled adds what an account without any rule is: open, unless an approved
// private endpoint closes it. It opens again when the last of those goes.
//
// Source: https://learn.microsoft.com/azure/cosmos-db/how-to-configure-private-endpoints
// (Private Link combined with firewall rules)
func (a *account) addUnruled(from resource.Evidence) {
	a.Grant(firewall.Open().Grants(servernetwork.Network, resource.CredentialOwn, servernetwork.Connect(), from)...)
	switch approved, doubtful := a.Endpoints(); {
	case approved > 0:
		a.Close("approved private endpoint", a.Cited(fmt.Sprintf("privateEndpointConnections: %d approved", approved)))
		if access := a.Access(); !arm.Is(access.Text, "Disabled", "SecuredByPerimeter") {
			a.Note("it has no rules and only its private endpoints keep everybody out: when the last of them is rejected or deleted, it is open to the internet")
		}
	case doubtful > 0:
		a.Doubt("whether it has an approved private endpoint, which would close it, is not known")
	}
}
