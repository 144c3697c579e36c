package sqlinstance

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/api/sqladmin/v1"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/authorisednetwork"
)

// instance is one entry of the listing while it is described.
type instance struct {
	*sqladmin.DatabaseInstance
	store *authorisednetwork.Listed
}

// elsewhere reports whether an entry only stands for a server outside of Google
// Cloud, from which instances replicate. Nothing of Google's answers for it, and
// it has no settings that could let somebody in; one that has is like any other.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances (SqlInstanceType)
func (i *instance) elsewhere() bool {
	if i.InstanceType != onPremises || i.Settings == nil || i.Settings.IpConfiguration == nil {
		return i.InstanceType == onPremises
	}
	return len(i.Settings.IpConfiguration.AuthorizedNetworks) == 0
}

const onPremises = "ON_PREMISES_INSTANCE"

// describe makes a store of an entry, the place-th of the listing.
func (c *collector) describe(found *sqladmin.DatabaseInstance, odd error, place int) *resource.Resource {
	name := fmt.Sprintf("entry %d of the listing", place)
	id := "#" + strconv.Itoa(place)
	if found != nil && found.Name != "" {
		name, id = found.Name, found.Name
	}
	r := &resource.Resource{
		ID:   resource.ID("//cloudsql.googleapis.com/projects/" + c.scope.Account + "/instances/" + id),
		Kind: Kind.Name, Class: Kind.Class, Name: name, Scope: c.scope,
	}
	i := instance{found, &authorisednetwork.Listed{Resource: r, Call: listCall, Permission: Kind.Lists[0].Permission, Pointer: "/items"}}
	switch {
	case found == nil:
		i.store.Unread("there is nothing in it", append([]string{"public_address"}, settingsOf...)...)
		return r
	case odd != nil:
		i.store.Unread("it cannot be read: "+odd.Error(), append([]string{"public_address"}, settingsOf...)...)
		return r
	}
	i.identify()
	i.addAddress()
	i.addState()
	switch {
	case i.Settings != nil:
		i.addSettings(c.client.Now(), authorisednetwork.Owner{Project: c.scope.Account, Number: c.client.Number(c.scope.Account)})
	case !i.elsewhere():
		i.store.Unread("it says nothing of the instance's settings", settingsOf...)
	}
	if i.Name == "" {
		i.store.Nameless()
	}
	return r
}

// settingsOf are the settings that stand in an instance's own settings.
var settingsOf = []string{
	"authorised_networks", "connectors_required", "data_api", "deletion_protection", "psc", "ssl_required", "tls_mode",
}

func (i *instance) identify() {
	i.store.Created, _ = time.Parse(time.RFC3339, i.CreateTime) // what is no time stays unknown
	if i.Settings != nil {
		i.store.Tags = i.Settings.UserLabels
	}
	i.store.SetText("instance_type", i.InstanceType, "instanceType")
	i.store.SetText("version", i.DatabaseVersion, "databaseVersion")
	i.store.SetText("replica_of", i.MasterInstanceName, "masterInstanceName")
	switch {
	case i.elsewhere():
		i.store.Note("it stands for a server outside of Google Cloud, whose own network is not looked at")
	case i.InstanceType == "READ_POOL_INSTANCE":
		i.store.Note("it is a read pool with an address and networks of its own")
	case i.MasterInstanceName != "" || i.InstanceType == "READ_REPLICA_INSTANCE":
		i.store.Note("it is a replica with an address and networks of its own")
	}
}

// addSettings adds what the owner configured: who is let in, and what keeps out.
func (i *instance) addSettings(now time.Time, owner authorisednetwork.Owner) {
	i.addConnectors()
	i.addActivation()
	i.addNetworks(now)
	i.addConsumers(owner)
	i.addTLS()
	i.addDataAPI()
	protected := i.Settings.DeletionProtectionEnabled
	i.store.Set("deletion_protection", protected, i.store.Cited("settings.deletionProtectionEnabled="+strconv.FormatBool(protected)))
}

// addTLS reads how TLS is enforced. sslMode wins over requireSsl, which is older.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances (IpConfiguration)
func (i *instance) addTLS() {
	configured := i.Settings.IpConfiguration
	if configured == nil {
		return // said with the authorised networks
	}
	i.store.SetText("tls_mode", configured.SslMode, "settings.ipConfiguration.sslMode")
	required := configured.RequireSsl
	from := i.store.Cited("settings.ipConfiguration.requireSsl=" + strconv.FormatBool(required))
	if configured.SslMode != "" {
		from = i.store.Cited("settings.ipConfiguration.sslMode=" + configured.SslMode)
	}
	switch configured.SslMode {
	case "":
	case "ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED":
		required = true
	case "ALLOW_UNENCRYPTED_AND_ENCRYPTED":
		required = false
	default:
		i.store.Doubt(fmt.Sprintf("TLS mode %q is not known", authorisednetwork.Quote(configured.SslMode)), "ssl_required")
		return
	}
	i.store.Set("ssl_required", required, from)
}

// addDataAPI reads whether SQL can be run by the API. Without a word it cannot.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances (DataApiAccess)
func (i *instance) addDataAPI() {
	access := i.Settings.DataApiAccess
	switch access {
	case "ALLOW_DATA_API":
		i.store.Note("whoever IAM lets run SQL by the Cloud SQL API can do so from anywhere, whatever its networks")
	case "", "DATA_API_ACCESS_UNSPECIFIED", "DISALLOW_DATA_API":
	default:
		i.store.Doubt(fmt.Sprintf("access by the Data API of %q is not known", authorisednetwork.Quote(access)), "data_api")
		return
	}
	i.store.Set("data_api", access == "ALLOW_DATA_API", i.store.Cited(authorisednetwork.Said("settings.dataApiAccess", access)))
}
