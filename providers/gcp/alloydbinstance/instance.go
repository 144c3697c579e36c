package alloydbinstance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/alloydb/v1"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/authorisednetwork"
)

// instance is one entry of the listing while it is described.
type instance struct {
	*alloydb.Instance
	store *authorisednetwork.Listed
}

// describe makes a store of an entry, the place-th of the listing.
func (c *collector) describe(found *alloydb.Instance, odd error, place int) *resource.Resource {
	name := fmt.Sprintf("entry %d of the listing", place)
	id := "projects/" + c.scope.Account + "/instances/#" + strconv.Itoa(place)
	if found != nil && found.Name != "" {
		name, id = short(found.Name), found.Name
	}
	r := &resource.Resource{
		ID:   resource.ID("//alloydb.googleapis.com/" + id),
		Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
	}
	i := instance{found, &authorisednetwork.Listed{Resource: r, Call: listCall, Permission: Kind.Lists[0].Permission, Pointer: "/instances"}}
	if found == nil || odd != nil {
		detail := "there is nothing in it"
		if odd != nil {
			detail = "it cannot be read: " + odd.Error()
		}
		i.store.Unread(detail, "authorised_networks", "connectors_required", "data_api", "psc", "public_address", "ssl_required", "tls_mode")
		return r
	}
	i.identify()
	i.addAddress()
	i.addState()
	i.addConnectors()
	i.addNetworks(c.client.Now())
	i.addConsumers(authorisednetwork.Owner{Project: c.scope.Account, Number: c.client.Number(c.scope.Account)})
	i.addTLS()
	i.addDataAPI()
	if i.Name == "" {
		i.store.Nameless()
	}
	return r
}

// short is what a reader calls an instance: its cluster and its own name.
func short(name string) string {
	_, path, found := strings.Cut(name, "/clusters/")
	cluster, rest, below := strings.Cut(path, "/instances/")
	if !found || !below {
		return name
	}
	return cluster + "/" + rest
}

func (i *instance) identify() {
	i.store.Created, _ = time.Parse(time.RFC3339, i.CreateTime) // what is no time stays unknown
	i.store.Tags = i.Labels
	i.store.SetText("instance_type", i.InstanceType, "instanceType")
	i.store.SetText("version", i.MaintenanceVersionName, "maintenanceVersionName")
	switch i.InstanceType {
	case "READ_POOL":
		i.store.Note("it is a read pool with an address and networks of its own")
	case "SECONDARY":
		i.store.Note("it is a replica of a cluster in another region, with an address and networks of its own")
	}
}

func (i *instance) networkConfig() alloydb.InstanceNetworkConfig {
	if i.NetworkConfig == nil {
		return alloydb.InstanceNetworkConfig{}
	}
	return *i.NetworkConfig
}

// everyWay is what a guard of the whole instance stands on.
var everyWay = []resource.Channel{authorisednetwork.Network, authorisednetwork.Consumer}

// addAddress says whether there is a public address. The address is the fact,
// enablePublicIp what the owner asked for. An address that nobody asked for is
// that of an Express instance with a public DNS name; whom that one answers is
// not documented.
//
// Source: https://cloud.google.com/alloydb/docs/reference/rest/v1/projects.locations.clusters.instances
// (publicIpAddress)
func (i *instance) addAddress() {
	asked := i.networkConfig().EnablePublicIp
	switch {
	case i.PublicIpAddress != "":
		i.store.Set("public_address", true, i.store.Cited(authorisednetwork.Said("publicIpAddress", i.PublicIpAddress)))
		if !asked {
			i.store.Hide("it has a public address that was not asked for by enablePublicIp: whom it answers is not documented", authorisednetwork.Anybody())
		}
	case asked:
		i.store.Doubt("a public address is asked for (enablePublicIp), and none is listed", "public_address", authorisednetwork.Network)
	default:
		from := i.store.Cited("enablePublicIp and publicIpAddress are not set")
		i.store.Set("public_address", false, from)
		i.store.Close("no public address", from, authorisednetwork.Network)
	}
}

// serving are the states in which an instance answers, or may again any moment.
//
// Source: https://cloud.google.com/alloydb/docs/reference/rest/v1/projects.locations.clusters.instances (State)
var serving = []string{
	"", "READY", "CREATING", "DELETING", "MAINTENANCE", "FAILED", "BOOTSTRAPPING", "PROMOTING", "SWITCHOVER", "STOPPING", "STARTING",
}

// addState reads whether it is stopped. The policy to be stopped is only what the
// owner asked for, which holds once the state says so.
func (i *instance) addState() {
	policy := i.ActivationPolicy
	switch {
	case i.State == "STOPPED":
		i.store.Close("stopped", i.store.Cited("state=STOPPED"), everyWay...)
	case !slices.Contains(serving, i.State):
		i.store.Doubt(fmt.Sprintf("state %q is not known", authorisednetwork.Quote(i.State)), "", everyWay...)
	case policy != "" && policy != "ACTIVATION_POLICY_UNSPECIFIED" && policy != "ALWAYS":
		i.store.Doubt(fmt.Sprintf("what the activation policy %q does in the state %q is not known",
			authorisednetwork.Quote(policy), i.State), "", everyWay...)
	case i.State != "" && i.State != "READY":
		i.store.Note("its state is " + i.State)
	}
}

func (i *instance) clientConfig() alloydb.ClientConnectionConfig {
	if i.ClientConnectionConfig == nil {
		return alloydb.ClientConnectionConfig{}
	}
	return *i.ClientConnectionConfig
}

// addConnectors reads whether connectors are enforced, which leaves direct
// connections from authorised networks without an answer.
//
// Source: https://cloud.google.com/alloydb/docs/reference/rest/v1/projects.locations.clusters.instances
// (ClientConnectionConfig.requireConnectors)
func (i *instance) addConnectors() {
	required := i.clientConfig().RequireConnectors
	from := i.store.Cited("clientConnectionConfig.requireConnectors=" + strconv.FormatBool(required))
	i.store.Set("connectors_required", required, from)
	if required {
		i.store.Close("connector enforcement", from, authorisednetwork.Network)
	}
}

// addNetworks adds whom the authorised external networks admit together. Without
// any, only connectors get in, and these ask IAM.
//
// Source: https://cloud.google.com/alloydb/docs/connect-public-ip
func (i *instance) addNetworks(now time.Time) {
	var entries []authorisednetwork.Entry
	texts := []string{}
	for _, n := range i.networkConfig().AuthorizedExternalNetworks {
		if n == nil {
			n = &alloydb.AuthorizedNetwork{}
		}
		entries = append(entries, authorisednetwork.Entry{Range: n.CidrRange})
		texts = append(texts, authorisednetwork.Quote(n.CidrRange))
	}
	from := i.store.Cited(authorisednetwork.Said("networkConfig.authorizedExternalNetworks", strings.Join(texts, ", ")))
	i.store.Set("authorised_networks", texts, from)
	senders := authorisednetwork.IPv4()
	if i.PublicIpAddress != "" {
		senders = authorisednetwork.Families(i.PublicIpAddress)
	}
	a := authorisednetwork.Admit(entries, senders, now)
	i.store.Grant(a.Grants(from)...)
	i.store.Note(a.Notes...)
	why, hidden := a.Hides()
	i.store.Hide(why, hidden...)
	if len(texts) == 0 && i.PublicIpAddress != "" {
		i.store.Note("it has a public address and no authorised networks: whoever holds alloydb.instances.connect can come in from anywhere by a connector")
	}
}

// addConsumers adds the projects that may connect by Private Service Connect.
func (i *instance) addConsumers(owner authorisednetwork.Owner) {
	var psc alloydb.PscInstanceConfig
	if i.PscInstanceConfig != nil {
		psc = *i.PscInstanceConfig
	}
	i.store.Set("psc", psc.ServiceAttachmentLink != "", i.store.Cited(authorisednetwork.Said("pscInstanceConfig.serviceAttachmentLink", psc.ServiceAttachmentLink)))
	consumers := authorisednetwork.NewConsumers(owner)
	for _, project := range psc.AllowedConsumerProjects {
		consumers.Allow(project)
	}
	for _, c := range psc.PscAutoConnections {
		if c == nil {
			c = &alloydb.PscAutoConnectionConfig{}
		}
		consumers.AllowNetwork(c.ConsumerNetwork, c.ConsumerProject)
	}
	i.store.Grant(consumers.Grants(i.store.Cited("pscInstanceConfig: allowedConsumerProjects, pscAutoConnections"))...)
	why, hidden := consumers.Hides()
	i.store.Hide(why, hidden...)
}

// addTLS reads how TLS is enforced. Without a word it is.
//
// Source: https://cloud.google.com/alloydb/docs/reference/rest/v1/projects.locations.clusters.instances (SslMode)
func (i *instance) addTLS() {
	mode := ""
	if configured := i.clientConfig().SslConfig; configured != nil {
		mode = configured.SslMode
	}
	i.store.SetText("tls_mode", mode, "clientConnectionConfig.sslConfig.sslMode")
	required := false
	switch mode {
	case "", "SSL_MODE_UNSPECIFIED", "ENCRYPTED_ONLY", "SSL_MODE_REQUIRE", "SSL_MODE_VERIFY_CA":
		required = true
	case "ALLOW_UNENCRYPTED_AND_ENCRYPTED", "SSL_MODE_ALLOW":
	default:
		i.store.Doubt(fmt.Sprintf("TLS mode %q is not known", authorisednetwork.Quote(mode)), "ssl_required")
		return
	}
	i.store.Set("ssl_required", required, i.store.Cited(authorisednetwork.Said("clientConnectionConfig.sslConfig.sslMode", mode)))
}

// addDataAPI reads whether SQL can be run by the API. Without a word only
// Google's own services can, on behalf of whom IAM lets use them.
//
// Source: https://cloud.google.com/alloydb/docs/reference/rest/v1/projects.locations.clusters.instances (DataApiAccess)
func (i *instance) addDataAPI() {
	access := i.DataApiAccess
	switch access {
	case "ENABLED":
		i.store.Note("whoever IAM lets run SQL by the AlloyDB API can do so from anywhere, whatever its networks")
	case "", "DEFAULT_DATA_API_ENABLED_FOR_GOOGLE_CLOUD_SERVICES", "DISABLED":
	default:
		i.store.Doubt(fmt.Sprintf("access by the Data API of %q is not known", authorisednetwork.Quote(access)), "data_api")
		return
	}
	i.store.Set("data_api", access == "ENABLED", i.store.Cited(authorisednetwork.Said("dataApiAccess", access)))
}
