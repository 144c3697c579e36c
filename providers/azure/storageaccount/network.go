package storageaccount

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// networkACLs are the network rules of an account.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list#networkruleset
type networkACLs struct {
	Bypass          json.RawMessage   `json:"bypass"`
	DefaultAction   json.RawMessage   `json:"defaultAction"`
	IPRules         []json.RawMessage `json:"ipRules"`
	IPv6Rules       []json.RawMessage `json:"ipv6Rules"`
	VirtualNetworks []json.RawMessage `json:"virtualNetworkRules"`
	ResourceAccess  []json.RawMessage `json:"resourceAccessRules"`
}

// addNetwork adds who gets to the account by its own network rules: with a
// credential of the owner, and without one as far as something asks for none.
func (a *account) addNetwork(r *resource.Resource) {
	var acls networkACLs
	admission, because := firewall.Open(), a.cite("networkAcls is not set")
	switch {
	case isNull(a.NetworkACLs):
		r.Set("network_default_action", "Allow", because)
		r.Set("network_bypass", []string{}, because)
	case json.Unmarshal(a.NetworkACLs, &acls) != nil:
		rules := new(firewall.Rules)
		rules.Odd("networkAcls")
		admission = rules.Admit()
		g := listGap(resource.Malformed, "networkAcls cannot be read", "network_default_action", "network_bypass")
		g.Hides = []resource.Hidden{{Via: trustedChannel, To: resource.Audience{Reach: resource.ReachInternet}}}
		r.Gaps = append(r.Gaps, g)
	default:
		admission, because = a.admit(r, acls)
		if admission.Reach() < resource.ReachInternet {
			a.addSubnets(r, acls.VirtualNetworks)
		}
		a.addTrusted(r, acls.ResourceAccess)
		a.addBypass(r, acls.Bypass)
	}
	a.addressed = admission.MayReach() > resource.ReachPrivate
	a.everywhere = isNull(a.NetworkACLs) || arm.Is(defaultAction(acls), "Allow")
	connect := []resource.Action{resource.Connect}
	r.Grants = append(r.Grants, admission.Grants(firewall.Network, resource.CredentialOwn, connect, because)...)
	r.Notes = append(r.Notes, admission.Notes...)
	if g, stands := admission.Guard("storage firewall", slices.Clone(anonymousChannels), because); stands {
		r.Guards = append(r.Guards, g)
	}
	if why, hidden := admission.Hides(firewall.Network, resource.CredentialOwn, connect); len(hidden) > 0 {
		g := listGap(resource.Undecided, "networkAcls: "+why)
		g.Hides, g.Shields = hidden, admission.Shields(slices.Clone(anonymousChannels))
		r.Gaps = append(r.Gaps, g)
	}
}

// admit judges the address rules, which count only where everybody else is denied:
// under a word that is not known, nobody is known to get in, and anybody may.
// There are no rules for private addresses, and none for 0.0.0.0 that Microsoft
// documents.
//
// Source: https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
func (a *account) admit(r *resource.Resource, acls networkACLs) (firewall.Admission, resource.Evidence) {
	var action *string
	odd := json.Unmarshal(acls.DefaultAction, &action) != nil || action == nil
	if odd {
		action = new(string)
		r.Gaps = append(r.Gaps, listGap(resource.Malformed, "networkAcls.defaultAction is no text", "network_default_action"))
	} else {
		r.Set("network_default_action", firewall.Quote(*action), a.cite("networkAcls.defaultAction="+firewall.Quote(*action)))
	}
	count := len(acls.IPRules) + len(acls.IPv6Rules)
	because := a.cite(fmt.Sprintf("networkAcls: defaultAction=%s, %d address rules", firewall.Quote(*action), count))
	if arm.Is(*action, "Allow") {
		return firewall.Open(), because
	}
	rules := new(firewall.Rules)
	if !arm.Is(*action, "Deny") {
		rules.Odd("defaultAction=" + *action)
		return rules.Admit(), because
	}
	for _, raw := range slices.Concat(acls.IPRules, acls.IPv6Rules) {
		addRule(rules, raw)
	}
	return rules.Admit(), because
}

// defaultAction is what happens to those whom no rule names, or "".
func defaultAction(acls networkACLs) (action string) {
	_ = json.Unmarshal(acls.DefaultAction, &action) // what is no text is no action
	return action
}

func addRule(rules *firewall.Rules, raw json.RawMessage) {
	var rule struct {
		Value  *string `json:"value"`
		Action *string `json:"action"`
	}
	switch {
	case json.Unmarshal(raw, &rule) != nil || rule.Value == nil:
		rules.Odd(string(raw))
	case rule.Action != nil && !arm.Is(*rule.Action, "Allow"):
		rules.Odd(*rule.Action + " " + *rule.Value)
	default:
		rules.Prefix(*rule.Value)
	}
}

// subnetRule admits one subnet.
type subnetRule struct {
	ID    *string `json:"id"`
	State *string `json:"state"`
}

// inForce reports whether a rule is known to count: its subnet may be gone.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list#state
func (s subnetRule) inForce() bool { return s.State == nil || arm.Is(*s.State, "Succeeded") }

// addSubnets reads whose virtual networks are admitted: a rule may name one of
// another tenant. Those of a subscription that is not audited may be anybody's.
//
// Source: https://learn.microsoft.com/azure/storage/common/storage-network-security-virtual-networks
func (a *account) addSubnets(r *resource.Resource, rules []json.RawMessage) {
	var foreign, maybe []string
	own := 0
	for _, raw := range rules {
		var rule subnetRule
		if json.Unmarshal(raw, &rule) != nil || rule.ID == nil {
			maybe = append(maybe, firewall.Quote(string(raw)))
			continue
		}
		id, err := arm.ParseID(*rule.ID, "Microsoft.Network/virtualNetworks/subnets")
		mine, known := a.client.Own(a.id.Subscription, id.Subscription)
		switch {
		case err != nil || !known || !mine && !rule.inForce():
			maybe = append(maybe, firewall.Quote(*rule.ID))
		case mine:
			own++
		default:
			foreign = append(foreign, firewall.Quote(*rule.ID))
		}
	}
	if own > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("its network rules admit %d subnets of audited subscriptions", own))
	}
	to := func(named []string) resource.Audience {
		return resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialOwn, Named: firewall.Names(named)}
	}
	can := []resource.Action{resource.Connect}
	if len(foreign) > 0 {
		r.Grants = append(r.Grants, resource.Grant{
			To: to(foreign), Can: can, Via: firewall.Network, Note: "subnets of another tenant",
			Because: []resource.Evidence{a.cite(fmt.Sprintf("networkAcls.virtualNetworkRules: %d of another tenant", len(foreign)))},
		})
	}
	if len(maybe) > 0 {
		g := listGap(resource.Undecided, "whether virtual networks that its network rules admit belong to somebody else is not known: "+strings.Join(firewall.Names(maybe), ", "))
		g.Hides = []resource.Hidden{{Via: firewall.Network, To: to(maybe), Can: can}}
		r.Gaps = append(r.Gaps, g)
	}
}

// addTrusted adds the resources of other tenants that the account trusts by name.
// They stay trusted where public network access is disabled.
//
// Source: https://learn.microsoft.com/azure/storage/common/storage-network-security-resource-instances
// and https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
func (a *account) addTrusted(r *resource.Resource, rules []json.RawMessage) {
	var foreign, maybe []string
	for _, raw := range rules {
		var rule struct {
			Tenant   *string `json:"tenantId"`
			Resource *string `json:"resourceId"`
		}
		if json.Unmarshal(raw, &rule) != nil || rule.Tenant == nil || rule.Resource == nil {
			maybe = append(maybe, firewall.Quote(string(raw)))
			continue
		}
		name := "tenant " + firewall.Quote(*rule.Tenant) + ": " + firewall.Quote(*rule.Resource)
		switch own, known := a.client.OwnTenant(a.id.Subscription, *rule.Tenant); {
		case !known, *rule.Tenant == "":
			maybe = append(maybe, name)
		case !own:
			foreign = append(foreign, name)
		}
	}
	can := []resource.Action{resource.Connect}
	if len(foreign) > 0 {
		r.Grants = append(r.Grants, resource.Grant{
			To:  resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNamed, Named: firewall.Names(foreign)},
			Can: can, Via: trustedChannel, Because: []resource.Evidence{a.cite(fmt.Sprintf("networkAcls.resourceAccessRules: %d of other tenants", len(foreign)))},
		})
	}
	if len(maybe) > 0 {
		named := firewall.Names(maybe)
		g := listGap(resource.Undecided, "whether resources that it trusts belong to another tenant is not known: "+strings.Join(named, ", "))
		g.Hides = []resource.Hidden{{
			Via: trustedChannel, To: resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNamed, Named: named}, Can: can,
		}}
		r.Gaps = append(r.Gaps, g)
	}
}

// addBypass reads what the network rules do not apply to: a list of words in one
// text. Services that Microsoft trusts are no door for everybody; logs and metrics
// are one, for whoever holds a credential. Where public network access is disabled
// later, "resource instances and exceptions that you previously configured [...]
// will remain in effect".
//
// Source: https://learn.microsoft.com/azure/storage/common/storage-network-security#exceptions
// and https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations
func (a *account) addBypass(r *resource.Resource, raw json.RawMessage) {
	var text string
	if !isNull(raw) && json.Unmarshal(raw, &text) != nil {
		g := listGap(resource.Malformed, "networkAcls.bypass is no text", "network_bypass")
		g.Hides = []resource.Hidden{{Via: trustedChannel, To: resource.Audience{Reach: resource.ReachInternet}}}
		r.Gaps = append(r.Gaps, g)
		return
	}
	because := a.cite("networkAcls.bypass=" + firewall.Quote(text))
	words := []string{}
	var exceptions, unknown []string
	for word := range strings.SplitSeq(text, ",") {
		word = firewall.Quote(word)
		if word == "" || arm.Is(word, "None") {
			continue
		}
		words = append(words, word)
		switch {
		case arm.Is(word, "AzureServices"):
			r.Notes = append(r.Notes, "services that Microsoft trusts get past its network rules")
		case arm.Is(word, "Logging", "Metrics"):
			exceptions = append(exceptions, strings.ToLower(word))
		default:
			unknown = append(unknown, word)
		}
	}
	r.Set("network_bypass", words, because)
	if len(exceptions) > 0 {
		r.Grants = append(r.Grants, resource.Grant{
			To: resource.Audience{Reach: resource.ReachInternet}, Can: []resource.Action{resource.Read}, Via: trustedChannel,
			Because: []resource.Evidence{because}, Note: "only the account's own " + strings.Join(firewall.Names(exceptions), " and "),
		})
	}
	if len(unknown) > 0 {
		g := listGap(resource.Undecided, fmt.Sprintf("what the bypass %q lets past its network rules is not known", firewall.Names(unknown)))
		g.Hides = []resource.Hidden{{Via: trustedChannel, To: resource.Audience{Reach: resource.ReachInternet}}}
		r.Gaps = append(r.Gaps, g)
	}
}
