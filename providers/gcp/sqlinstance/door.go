package sqlinstance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/sqladmin/v1"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/authorisednetwork"
)

// everyWay is what a guard of the whole instance stands on.
var everyWay = []resource.Channel{authorisednetwork.Network, authorisednetwork.Consumer}

// addresses are what the listing says of where an instance can be reached.
type addresses struct {
	public []string
	others int // that nobody outside can use
	// doubtful are those of a type that is not known, types their types.
	doubtful, types []string
}

// count sorts an address by its type. OUTGOING is where connections of the
// instance itself come from, and takes none.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances (IpMapping)
func (a *addresses) count(list []*sqladmin.IpMapping) {
	for _, m := range list {
		if m == nil {
			m = &sqladmin.IpMapping{}
		}
		switch m.Type {
		case "PRIMARY", "MIGRATED_1ST_GEN":
			a.public = append(a.public, m.IpAddress)
		case "PRIVATE", "OUTGOING":
			a.others++
		default:
			a.doubtful = append(a.doubtful, m.IpAddress)
			a.types = append(a.types, authorisednetwork.Quote(m.Type))
		}
	}
}

// addresses counts those of the instance and of the nodes of a read pool.
func (i *instance) addresses() addresses {
	var a addresses
	a.count(i.IpAddresses)
	for _, n := range i.Nodes {
		if n != nil {
			a.count(n.IpAddresses)
		}
	}
	if i.Ipv6Address != "" {
		a.public = append(a.public, i.Ipv6Address)
	}
	return a
}

// addAddress says whether there is a public address. The addresses are the fact;
// ipv4Enabled is what the owner asked for. Where the two contradict each other,
// or there is no address at all, the guard may be there or not.
func (i *instance) addAddress() {
	a := i.addresses()
	asked := i.Settings != nil && i.Settings.IpConfiguration != nil && i.Settings.IpConfiguration.Ipv4Enabled
	why := ""
	switch {
	case i.elsewhere():
		return
	case len(a.public) > 0:
		i.store.Set("public_address", true, i.store.Cited("ipAddresses: "+authorisednetwork.Quote(a.public[0])+" of type PRIMARY"))
		return
	case len(a.types) > 0:
		why = fmt.Sprintf("addresses of the types %q are not known", a.types)
	case asked:
		why = "a public address is asked for (ipv4Enabled), and none is listed"
	case i.Settings == nil:
		why = "no public address is listed, and neither are the instance's settings"
	case a.others == 0 && !i.needsNone():
		why = "it says nothing of the instance's addresses"
	default:
		from := i.store.Cited(fmt.Sprintf("ipAddresses: %d, none of type PRIMARY", a.others))
		i.store.Set("public_address", false, from)
		i.store.Close("no public address", from, authorisednetwork.Network)
		return
	}
	i.store.Doubt(why, "public_address", authorisednetwork.Network)
}

// needsNone reports whether an instance is as it should be without any address:
// one that is reached by Private Service Connect alone, or is being made.
//
// Source: https://cloud.google.com/sql/docs/mysql/about-private-service-connect
func (i *instance) needsNone() bool {
	return i.State == "PENDING_CREATE" || i.psc().PscEnabled
}

func (i *instance) psc() sqladmin.PscConfig {
	if i.Settings == nil || i.Settings.IpConfiguration == nil || i.Settings.IpConfiguration.PscConfig == nil {
		return sqladmin.PscConfig{}
	}
	return *i.Settings.IpConfiguration.PscConfig
}

// serving are the states in which an instance answers, or may again any moment.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances (SqlInstanceState)
var serving = []string{
	"", "RUNNABLE", "PENDING_DELETE", "PENDING_CREATE", "MAINTENANCE", "FAILED", "ONLINE_MAINTENANCE", "REPAIRING",
}

func (i *instance) addState() {
	switch {
	case i.State == "SUSPENDED":
		i.store.Close("suspended", i.store.Cited("state=SUSPENDED"), everyWay...)
	case !slices.Contains(serving, i.State):
		i.store.Doubt(fmt.Sprintf("state %q is not known", authorisednetwork.Quote(i.State)), "", everyWay...)
	case i.State != "" && i.State != "RUNNABLE":
		i.store.Note("its state is " + i.State)
	}
}

// addActivation reads whether the owner stopped it. The policy applies to the
// state RUNNABLE alone, which a stopped instance keeps.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances
// (Settings.activationPolicy; "The instance is running, or has been stopped by owner")
func (i *instance) addActivation() {
	policy := i.Settings.ActivationPolicy
	switch {
	case policy == "" || policy == "ALWAYS" || policy == "ON_DEMAND" || i.State == "SUSPENDED":
	case policy == "NEVER" && i.State == "RUNNABLE":
		i.store.Close("stopped", i.store.Cited("settings.activationPolicy=NEVER"), everyWay...)
	default:
		i.store.Doubt(fmt.Sprintf("what the activation policy %q does in the state %q is not known",
			authorisednetwork.Quote(policy), authorisednetwork.Quote(i.State)), "", everyWay...)
	}
}

// addConnectors reads whether connectors are enforced, which puts every
// authorised network out of force. Without a word they are not.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances (Settings.connectorEnforcement)
func (i *instance) addConnectors() {
	enforcement := i.Settings.ConnectorEnforcement
	from := i.store.Cited(authorisednetwork.Said("settings.connectorEnforcement", enforcement))
	switch enforcement {
	case "", "NOT_REQUIRED":
	case "REQUIRED":
		i.store.Close("connector enforcement", from, authorisednetwork.Network)
	default:
		i.store.Doubt(fmt.Sprintf("connector enforcement %q is not known", authorisednetwork.Quote(enforcement)), "connectors_required", authorisednetwork.Network)
		return
	}
	i.store.Set("connectors_required", enforcement == "REQUIRED", from)
}

// addNetworks adds whom the authorised networks admit together. Without any,
// only connectors get in, and these ask IAM.
//
// Source: https://cloud.google.com/sql/docs/mysql/authorize-networks
func (i *instance) addNetworks(now time.Time) {
	configured := i.Settings.IpConfiguration
	if configured == nil {
		if !i.elsewhere() {
			i.store.Unread("it says nothing of the authorised networks", "authorised_networks", "psc", "ssl_required", "tls_mode")
		}
		return
	}
	var entries []authorisednetwork.Entry
	texts := []string{}
	for _, n := range configured.AuthorizedNetworks {
		if n == nil {
			n = &sqladmin.AclEntry{}
		}
		entries = append(entries, authorisednetwork.Entry{Range: n.Value, Expires: n.ExpirationTime})
		texts = append(texts, authorisednetwork.Quote(n.Value))
	}
	from := i.store.Cited(authorisednetwork.Said("settings.ipConfiguration.authorizedNetworks", strings.Join(texts, ", ")))
	i.store.Set("authorised_networks", texts, from)
	where := i.addresses()
	a := authorisednetwork.Admit(entries, authorisednetwork.Families(append(where.public, where.doubtful...)...), now)
	i.store.Grant(a.Grants(from)...)
	i.store.Note(a.Notes...)
	why, hidden := a.Hides()
	i.store.Hide(why, hidden...)
	if len(texts) == 0 && len(where.public) > 0 && !i.elsewhere() {
		i.store.Note("it has a public address and no authorised networks: whoever holds cloudsql.instances.connect can come in from anywhere by a connector")
	}
}

// addConsumers adds the projects that may connect by Private Service Connect.
func (i *instance) addConsumers(owner authorisednetwork.Owner) {
	if i.Settings.IpConfiguration == nil {
		return
	}
	psc := i.psc()
	from := i.store.Cited(fmt.Sprintf("settings.ipConfiguration.pscConfig: pscEnabled=%t", psc.PscEnabled))
	i.store.Set("psc", psc.PscEnabled, from)
	consumers := authorisednetwork.NewConsumers(owner)
	for _, project := range psc.AllowedConsumerProjects {
		consumers.Allow(project)
	}
	connect(consumers, psc.PscAutoConnections)
	for _, n := range i.Nodes {
		if n != nil {
			connect(consumers, n.PscAutoConnections)
		}
	}
	let := consumers.Grants(i.store.Cited("settings.ipConfiguration.pscConfig: allowedConsumerProjects, pscAutoConnections"))
	i.store.Grant(let...)
	why, hidden := consumers.Hides()
	i.store.Hide(why, hidden...)
	if !psc.PscEnabled && (let != nil || hidden != nil) {
		i.store.Close("no Private Service Connect", from, authorisednetwork.Consumer)
	}
}

func connect(consumers *authorisednetwork.Consumers, connections []*sqladmin.PscAutoConnectionConfig) {
	for _, c := range connections {
		if c == nil {
			c = &sqladmin.PscAutoConnectionConfig{}
		}
		consumers.AllowNetwork(c.ConsumerNetwork, c.ConsumerProject)
	}
}
