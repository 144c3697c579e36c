package storageaccount

import (
	"encoding/json"
	"fmt"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
)

// properties are what the listing says of an account, each member as it came: one
// that is odd does not hide the others, and null is not false.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list
type properties struct {
	PublicNetworkAccess    json.RawMessage `json:"publicNetworkAccess"`
	NetworkACLs            json.RawMessage `json:"networkAcls"`
	AllowBlobPublicAccess  json.RawMessage `json:"allowBlobPublicAccess"`
	AllowSharedKeyAccess   json.RawMessage `json:"allowSharedKeyAccess"`
	SASPolicy              json.RawMessage `json:"sasPolicy"`
	HTTPSOnly              json.RawMessage `json:"supportsHttpsTrafficOnly"`
	MinimumTLS             json.RawMessage `json:"minimumTlsVersion"`
	Hierarchical           json.RawMessage `json:"isHnsEnabled"`
	SFTP                   json.RawMessage `json:"isSftpEnabled"`
	LocalUsers             json.RawMessage `json:"isLocalUserEnabled"`
	NFS                    json.RawMessage `json:"isNfsV3Enabled"`
	CrossTenantReplication json.RawMessage `json:"allowCrossTenantReplication"`
	CopyScope              json.RawMessage `json:"allowedCopyScope"`
	Endpoints              json.RawMessage `json:"primaryEndpoints"`
}

// account is one entry of the listing while it is described, and later while it is
// asked about.
type account struct {
	*collector
	properties
	id     arm.ID
	kind   string
	cite   func(quote string) resource.Evidence
	door   perimeter.Door
	unread bool // it has no properties that can be read

	anonymousOff bool // it forbids its containers to let anybody in
	anonymousOdd bool // what it says of that cannot be read
	loginsOff    bool // nobody can log in by SFTP
	everywhere   bool // its own network rules let everybody through
	addressed    bool // they let addresses of the internet through, or may

	// What is known of who needs no credential, and of the perimeter, in whatever
	// order that is learnt.
	open      []resource.Grant
	perimeter *collect.Question
	inbound   *perimeter.Inbound
	refused   *collect.Refusal
}

// isNull reports whether a member is absent, or there and empty.
func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

func (a *account) describe(r *resource.Resource) {
	a.door = perimeter.Door{
		ID: a.id, PublicNetworkAccess: a.PublicNetworkAccess, Rules: ruledChannels, Trusted: []resource.Channel{trustedChannel},
		Can: []resource.Action{resource.Connect}, Cite: a.cite, Learn: a.learnPerimeter,
	}
	if a.unread {
		a.describeUnread(r)
		return
	}
	a.door.Describe(r)
	a.addNetwork(r)
	a.addAnonymous(r)
	a.addCredentials(r)
	a.addLogins(r)
	a.addMounts(r)
	a.addCopies(r)
}

// describeUnread is an account of which nothing but its name is known: what it
// admits is not, and what it keeps out is not either.
func (a *account) describeUnread(r *resource.Resource) {
	g := listGap(resource.Malformed, "the entry has no properties that can be read",
		"public_network_access", "network_default_action", "network_bypass", "allow_blob_public_access", "shared_key", "sas_policy",
		"https_only", "minimum_tls", "hierarchical_namespace", "sftp", "nfs", "cross_tenant_replication", "copy_scope")
	for _, via := range []resource.Channel{firewall.Network, trustedChannel} {
		g.Hides = append(g.Hides, resource.Hidden{Via: via, To: resource.Audience{Reach: resource.ReachInternet}})
	}
	g.Hides = append(g.Hides, mounters())
	g.Shields = []resource.Shield{{On: []resource.Channel{containerChannel, websiteChannel, replicationChannel}, Cap: resource.Nobody}}
	r.Gaps = append(r.Gaps, g)
}

// flag records a member that is true or false, and reports whether it is either.
// What stands for null is recorded where Azure says what that means.
func (a *account) flag(r *resource.Resource, key, member string, raw json.RawMessage, null *bool) (value, known bool) {
	if isNull(raw) {
		if null == nil {
			return false, false
		}
		r.Set(key, *null, a.cite(member+" is not set"))
		return *null, true
	}
	if json.Unmarshal(raw, &value) != nil {
		r.Gaps = append(r.Gaps, listGap(resource.Malformed, member+" is neither true nor false", key))
		return false, false
	}
	r.Set(key, value, a.cite(fmt.Sprintf("%s=%t", member, value)))
	return value, true
}

// text records a member that is a text, "" where it is not set.
func (a *account) text(r *resource.Resource, key, member string, raw json.RawMessage) string {
	var value string
	switch {
	case isNull(raw):
		r.Set(key, "", a.cite(member+" is not set"))
	case json.Unmarshal(raw, &value) != nil:
		r.Gaps = append(r.Gaps, listGap(resource.Malformed, member+" is no text", key))
	default:
		r.Set(key, firewall.Quote(value), a.cite(member+"="+firewall.Quote(value)))
	}
	return value
}

// addAnonymous reads whether containers may let in whoever has no credential.
// Where nobody ever said so they may: the property has no value until it is set,
// and null permits what true does. (References of later client libraries call the
// default false, which is what new accounts are created with, and told as such.)
//
// Source: https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure
func (a *account) addAnonymous(r *resource.Resource) {
	permitted := true
	allowed, known := a.flag(r, "allow_blob_public_access", "allowBlobPublicAccess", a.AllowBlobPublicAccess, &permitted)
	switch {
	case known && !allowed:
		a.anonymousOff = true
		r.Guards = append(r.Guards, resource.Guard{
			Name: "allowBlobPublicAccess", On: []resource.Channel{containerChannel}, Cap: resource.Nobody,
			Because: []resource.Evidence{a.cite("allowBlobPublicAccess=false")},
		})
	case !known:
		a.anonymousOdd = true
		g := &r.Gaps[len(r.Gaps)-1]
		g.Shields = []resource.Shield{{On: []resource.Channel{containerChannel}, Cap: resource.Nobody}}
	case isNull(a.AllowBlobPublicAccess):
		r.Notes = append(r.Notes, "allowBlobPublicAccess was never set, which permits anonymous access: its containers decide")
	}
}

// addCredentials reads what counts as a credential. Shared keys are accepted
// unless that is turned off.
//
// Source: https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent
func (a *account) addCredentials(r *resource.Resource) {
	accepted := true
	a.flag(r, "shared_key", "allowSharedKeyAccess", a.AllowSharedKeyAccess, &accepted)
	a.flag(r, "https_only", "supportsHttpsTrafficOnly", a.HTTPSOnly, nil)
	if !isNull(a.MinimumTLS) {
		a.text(r, "minimum_tls", "minimumTlsVersion", a.MinimumTLS)
	}
	a.addSASPolicy(r)
}

// addSASPolicy reads how long signatures may be valid. Only an action of Block
// refuses longer ones.
//
// Source: https://learn.microsoft.com/azure/storage/common/sas-expiration-policy
func (a *account) addSASPolicy(r *resource.Resource) {
	if isNull(a.SASPolicy) {
		r.Set("sas_policy", "", a.cite("sasPolicy is not set"))
		return
	}
	var p struct {
		Period *string `json:"sasExpirationPeriod"`
		Action *string `json:"expirationAction"`
	}
	if json.Unmarshal(a.SASPolicy, &p) != nil || p.Period == nil || p.Action == nil {
		r.Gaps = append(r.Gaps, listGap(resource.Malformed, "sasPolicy cannot be read", "sas_policy"))
		return
	}
	text := firewall.Quote(*p.Action) + " after " + firewall.Quote(*p.Period)
	r.Set("sas_policy", text, a.cite("sasPolicy: "+text))
}

// addLogins reads whether users of the account's own can log in, by SFTP. Local
// users are on where nothing else is said, and SFTP is off.
//
// Source: https://learn.microsoft.com/azure/storage/blobs/secure-file-transfer-protocol-support
func (a *account) addLogins(r *resource.Resource) {
	off := false
	a.flag(r, "hierarchical_namespace", "isHnsEnabled", a.Hierarchical, &off)
	sftp, sftpKnown := a.flag(r, "sftp", "isSftpEnabled", a.SFTP, &off)
	users := true
	readable := isNull(a.LocalUsers) || json.Unmarshal(a.LocalUsers, &users) == nil
	a.loginsOff = sftpKnown && !sftp || readable && !users
	if a.loginsOff {
		because := a.cite("isSftpEnabled=" + said(a.SFTP) + ", isLocalUserEnabled=" + said(a.LocalUsers))
		r.Set("local_users", float64(0), because)
		r.Set("password_users", float64(0), because)
	}
}

// said spells a flag that was read.
func said(raw json.RawMessage) string {
	if isNull(raw) {
		return "null"
	}
	return firewall.Quote(string(raw))
}

// addCopies reads where copies may go. Without replication to other tenants there
// is no policy of that kind either: Azure refuses to turn it off before those are
// gone.
//
// Source: https://learn.microsoft.com/azure/storage/blobs/object-replication-prevent-cross-tenant-policies
func (a *account) addCopies(r *resource.Resource) {
	a.text(r, "copy_scope", "allowedCopyScope", a.CopyScope)
	allowed, known := a.flag(r, "cross_tenant_replication", "allowCrossTenantReplication", a.CrossTenantReplication, nil)
	switch {
	case known && !allowed:
		r.Guards = append(r.Guards, resource.Guard{
			Name: "no cross-tenant replication", On: []resource.Channel{replicationChannel}, Cap: resource.Nobody,
			Because: []resource.Evidence{a.cite("allowCrossTenantReplication=false")},
		})
	case !known && !isNull(a.CrossTenantReplication):
		g := &r.Gaps[len(r.Gaps)-1]
		g.Shields = []resource.Shield{{On: []resource.Channel{replicationChannel}, Cap: resource.Nobody}}
	}
}

// endpoint is where the account answers, with a slash at its end, or "". Names are
// never put together: an account may have endpoints in a zone of its own.
func (a *account) endpoint(service string) string {
	var endpoints map[string]json.RawMessage
	var at string
	if json.Unmarshal(a.Endpoints, &endpoints) != nil || json.Unmarshal(endpoints[service], &at) != nil {
		return ""
	}
	if firewall.Quote(at) != at || len(at) < 9 || at[:8] != "https://" || at[len(at)-1] != '/' {
		return ""
	}
	return at
}
