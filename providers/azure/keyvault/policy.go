package keyvault

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// accessPolicy is the way in by the vault's own list of principals.
const accessPolicy resource.Channel = "access-policy"

// access is what the policies of one tenant allow together.
type access struct {
	tenant     string
	principals int
	can        map[resource.Action]bool
	odd        bool // permissions that cannot be read
	unknown    bool // permissions that nobody knows
}

// addPolicies reads whose tenants the access policies are of. With roles in their
// place they are ignored.
//
// A vault answers to the principals of one tenant, its own tenantId, and every
// policy has to be of that one. A subscription that moves to another tenant leaves
// it as it was. What a policy of a third tenant does is not documented. The list is
// required, and so not said to be empty where it is missing.
//
// Source: https://learn.microsoft.com/javascript/api/@azure/arm-keyvault/accesspolicyentry,
// https://learn.microsoft.com/azure/key-vault/general/move-subscription and
// https://learn.microsoft.com/azure/key-vault/general/rbac-guide
func (v *vault) addPolicies() {
	roles, given, ok := arm.Bool(v.has.Roles)
	switch {
	case !ok:
		v.Gaps = append(v.Gaps, v.gap(resource.Malformed, "enableRbacAuthorization cannot be read", nil,
			[]resource.Shield{{On: []resource.Channel{accessPolicy}, Cap: resource.Nobody}}, "rbac"))
	case roles:
		v.set("rbac", true, "enableRbacAuthorization=true")
		v.Guards = append(v.Guards, resource.Guard{
			Name: "roles in place of access policies", On: []resource.Channel{accessPolicy}, Cap: resource.Nobody,
			Because: []resource.Evidence{v.record.Evidence("enableRbacAuthorization=true")},
		})
	default:
		v.set("rbac", false, firewall.Said("enableRbacAuthorization", "false", given))
	}
	tenant, _, ok := arm.Text(v.has.Tenant)
	if ok && tenant != "" {
		v.set("tenant", firewall.Quote(tenant), firewall.Said("tenantId", tenant, true))
	}
	var entries []json.RawMessage
	if len(v.has.Policies) > 0 && json.Unmarshal(v.has.Policies, &entries) != nil {
		v.Gaps = append(v.Gaps, v.gap(resource.Malformed, "accessPolicies is no list", outsiders(), nil, "access_policies"))
		return
	}
	if own, _ := v.client.OwnTenant(v.Scope.Account, tenant); entries == nil && tenant != "" && !own {
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "it trusts the tenant "+firewall.Quote(tenant)+" and does not say whom of it its access policies name",
			[]resource.Hidden{{Via: accessPolicy, To: resource.Outsiders(firewall.Quote(strings.ToLower(tenant)))}}, nil, "access_policies"))
		return
	}
	v.set("access_policies", float64(len(entries)), fmt.Sprintf("accessPolicies: %d", len(entries)))
	for _, a := range v.tenants(entries) {
		v.addTenant(a, strings.EqualFold(a.tenant, tenant))
	}
}

// tenants sorts policies by tenant, in a fixed order. One that cannot be read may
// be of any.
func (v *vault) tenants(entries []json.RawMessage) []*access {
	var tenants []*access
	odd := 0
	for _, raw := range entries {
		var entry *struct {
			Tenant      string                     `json:"tenantId"`
			Permissions map[string]json.RawMessage `json:"permissions"`
		}
		if json.Unmarshal(raw, &entry) != nil || entry == nil || entry.Tenant == "" {
			odd++
			continue
		}
		name := firewall.Quote(strings.ToLower(entry.Tenant))
		i := slices.IndexFunc(tenants, func(a *access) bool { return a.tenant == name })
		if i < 0 {
			i, tenants = len(tenants), append(tenants, &access{tenant: name, can: make(map[resource.Action]bool)})
		}
		tenants[i].principals++
		if entry.Permissions == nil { // required, and so not said to be none
			tenants[i].odd = true
		}
		for _, words := range entry.Permissions {
			tenants[i].allow(words)
		}
	}
	if odd > 0 {
		v.Gaps = append(v.Gaps, v.gap(resource.Malformed, fmt.Sprintf("%d of the access policies cannot be read", odd), outsiders(), nil))
	}
	slices.SortFunc(tenants, func(a, b *access) int { return strings.Compare(a.tenant, b.tenant) })
	return tenants
}

// actions are what the permissions of access policies come to. Using a key counts
// as reading what it protects, or as writing.
//
// Source: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/update-access-policy (Permissions)
var actions = map[string]resource.Action{
	"list": resource.List, "listsas": resource.List, "listissuers": resource.ReadMeta, "getissuers": resource.ReadMeta,
	"get": resource.Read, "getsas": resource.Read, "backup": resource.Read, "decrypt": resource.Read, "unwrapkey": resource.Read, "release": resource.Read,
	"set": resource.Write, "setsas": resource.Write, "create": resource.Write, "import": resource.Write, "update": resource.Write,
	"restore": resource.Write, "recover": resource.Write, "encrypt": resource.Write, "wrapkey": resource.Write, "sign": resource.Write,
	"verify": resource.ReadMeta, "rotate": resource.Write, "regeneratekey": resource.Write,
	"delete": resource.Delete, "deletesas": resource.Delete, "purge": resource.Delete,
	"managecontacts": resource.Configure, "manageissuers": resource.Configure, "setissuers": resource.Configure, "deleteissuers": resource.Configure,
	"getrotationpolicy": resource.ReadMeta, "setrotationpolicy": resource.Configure,
	"all": resource.AnyAction,
}

// allow counts the permissions on keys, secrets, certificates or storage. One that
// is not known may be anything, or nothing.
func (a *access) allow(raw json.RawMessage) {
	var words []string
	if json.Unmarshal(raw, &words) != nil {
		a.odd = true
	}
	for _, word := range words {
		if action, known := actions[strings.ToLower(strings.TrimSpace(word))]; known {
			a.can[action] = true
		} else {
			a.unknown = true
		}
	}
}

// sorted lists the actions in their own order.
func (a *access) sorted() []resource.Action {
	return slices.DeleteFunc(resource.Actions(), func(action resource.Action) bool { return !a.can[action] })
}

// addTenant lets in the principals of a tenant, unless it is the owner's.
func (v *vault) addTenant(a *access, trusted bool) {
	own, known := v.client.OwnTenant(v.Scope.Account, a.tenant)
	can := a.sorted()
	hidden := []resource.Hidden{{Via: accessPolicy, To: resource.Outsiders(a.tenant), Can: can}}
	anything := []resource.Hidden{{Via: accessPolicy, To: resource.Outsiders(a.tenant)}}
	if a.odd && !own {
		v.Gaps = append(v.Gaps, v.gap(resource.Malformed, "permissions of the tenant "+a.tenant+" cannot be read", anything, nil))
	}
	if a.unknown && !own {
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "what permissions of the tenant "+a.tenant+" allow is not known", anything, nil))
	}
	switch {
	case own || len(can) == 0:
	case !known:
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "whether the tenant "+a.tenant+" is the own one is not known", hidden, nil))
	case !trusted:
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "what access policies of the tenant "+a.tenant+", which the vault does not trust, let in is not documented", hidden, nil))
	default:
		v.Grants = append(v.Grants, resource.Grant{
			To: resource.Outsiders(a.tenant), Can: can, Via: accessPolicy,
			Because: []resource.Evidence{v.record.Evidence(fmt.Sprintf("tenantId=%s, accessPolicies: %d of this tenant", a.tenant, a.principals))},
			Note:    "principals of the tenant that the vault trusts, which is not that of its subscription",
		})
	}
}

func outsiders() []resource.Hidden {
	return []resource.Hidden{{Via: accessPolicy, To: resource.Outsiders()}}
}
