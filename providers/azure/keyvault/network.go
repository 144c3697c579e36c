package keyvault

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

// resourceAccess is the way in for what the network rules do not apply to.
const resourceAccess resource.Channel = "resource-access"

// trusted are the channels on which services that Microsoft trusts may come, which
// only a network security perimeter stops.
var trusted = []resource.Channel{accessPolicy, resourceAccess}

// networkACLs are the network rules of a vault. Addresses are IPv4.
//
// Source: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/list-by-subscription (NetworkRuleSet)
type networkACLs struct {
	Default  json.RawMessage   `json:"defaultAction"`
	Bypass   json.RawMessage   `json:"bypass"`
	Rules    []json.RawMessage `json:"ipRules"`
	Networks []json.RawMessage `json:"virtualNetworkRules"`
}

// passage is how far callers may be from a vault by its own network rules.
type passage struct {
	least, most resource.Reach
	// bypassed says that services which Microsoft trusts pass, or may.
	bypassed bool
	why      string // most is more than least
	because  resource.Evidence
}

// door is the vault as far as a perimeter rules over it.
func door(id arm.ID, access json.RawMessage, cite func(string) resource.Evidence) perimeter.Door {
	return perimeter.Door{
		ID: id, PublicNetworkAccess: access, Rules: []resource.Channel{firewall.Network}, Trusted: trusted,
		Can: servernetwork.Connect(), Cite: cite,
	}
}

// addNetwork adds who gets to the vault by its own network rules. Whoever does has
// to be signed in with Microsoft Entra, by a tenant that the vault trusts. The
// rules hold for every caller, whomever the access policies name: "any user
// connecting to your key vault from outside those sources is denied access". They
// are about keys, secrets and certificates, and not about managing the vault.
//
// Source: https://learn.microsoft.com/azure/key-vault/general/network-security
// and https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints
func (v *vault) addNetwork() {
	d := door(arm.ID{}, v.has.Public, v.record.Evidence)
	d.Describe(v.Resource)
	p := v.addRules()
	if d.Closed() {
		word, _, _ := arm.Text(v.has.Public)
		p = passage{bypassed: p.bypassed, because: v.record.Evidence("publicNetworkAccess=" + firewall.Quote(word))}
	} else if p.least == resource.ReachInternet {
		v.Notes = append(v.Notes, "its own network settings let requests from anywhere through; each has to be signed in with Microsoft Entra")
	}
	v.closeToOutsiders(p, d.Closed())
}

// addRules reads networkAcls. Without it, everybody gets through.
func (v *vault) addRules() passage {
	const rules = "networkAcls"
	var acls *networkACLs
	switch {
	case len(v.has.Network) > 0 && json.Unmarshal(v.has.Network, &acls) != nil:
		v.Gaps = append(v.Gaps, v.gap(resource.Malformed, rules+" cannot be read", []resource.Hidden{servernetwork.Anybody(), whoPasses()}, nil,
			"network_default_action", "network_rules", "virtual_networks", "trusted_services"))
		return passage{most: resource.ReachInternet, bypassed: true, why: rules + " cannot be read", because: v.record.Evidence(rules + " cannot be read")}
	case acls == nil:
		quote := rules + " is not set"
		v.set("network_default_action", "Allow", quote)
		v.set("network_rules", []string{}, quote)
		v.set("virtual_networks", []string{}, quote)
		return v.admit(firewall.Open(), v.record.Evidence(quote))
	}
	admission, because := v.addressed(acls)
	p := v.admit(admission, because)
	p.bypassed = v.bypass(acls.Bypass)
	v.addSubnets(acls.Networks, &p)
	return p
}

// addressed judges the address rules, which count only where everybody else is
// denied. What 0.0.0.0 alone admits is not documented, nor what rules without an
// action do.
func (v *vault) addressed(acls *networkACLs) (firewall.Admission, resource.Evidence) {
	action, given, ok := arm.Text(acls.Default)
	because := firewall.Said("networkAcls.defaultAction", action, given)
	var rules firewall.Rules
	values := v.count(&rules, acls.Rules)
	switch {
	case !ok:
		v.Gaps = append(v.Gaps, v.gap(resource.Malformed, "networkAcls.defaultAction cannot be read", nil, nil, "network_default_action"))
	case !given:
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "what "+because+" means is not documented", nil, nil, "network_default_action"))
	default:
		v.set("network_default_action", firewall.Quote(action), because)
	}
	because += "; ipRules: " + strings.Join(firewall.Names(values), ", ")
	switch {
	case arm.Is(action, "Allow"):
		return firewall.Open(), v.record.Evidence(because)
	case !arm.Is(action, "Deny"):
		rules.Odd("defaultAction=" + action)
	}
	return rules.Admit(), v.record.Evidence(because)
}

// count counts in the address rules, and returns them as they stand there.
func (v *vault) count(rules *firewall.Rules, entries []json.RawMessage) []string {
	values := []string{}
	for _, raw := range entries {
		var rule struct {
			Value string `json:"value"`
		}
		if json.Unmarshal(raw, &rule) != nil || rule.Value == "" {
			rules.Odd(string(raw))
			continue
		}
		rules.Prefix(rule.Value)
		values = append(values, firewall.Quote(rule.Value))
	}
	slices.Sort(values)
	values = slices.Compact(values)
	v.set("network_rules", values, "networkAcls.ipRules: "+strings.Join(firewall.Names(values), ", "))
	return values
}

// admit adds whom the address rules admit.
func (v *vault) admit(a firewall.Admission, because resource.Evidence) passage {
	v.Grants = append(v.Grants, a.Grants(firewall.Network, resource.CredentialOwn, servernetwork.Connect(), because)...)
	v.Notes = append(v.Notes, a.Notes...)
	why, hidden := a.Hides(firewall.Network, resource.CredentialOwn, servernetwork.Connect())
	if len(hidden) > 0 {
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "networkAcls: "+why, hidden, nil))
	}
	return passage{least: a.Reach(), most: a.MayReach(), bypassed: true, why: why, because: because}
}

// bypass reads what the network rules do not apply to, and reports whether services
// that Microsoft trusts pass them: they do where nothing is said. Such a service is
// no door for everybody in Azure. It acts for a principal that the vault lets in.
//
// Source: https://learn.microsoft.com/azure/key-vault/general/overview-vnet-service-endpoints (trusted services)
func (v *vault) bypass(raw json.RawMessage) bool {
	word, given, ok := arm.Text(raw)
	said := firewall.Said("networkAcls.bypass", word, given)
	switch {
	case !ok:
		v.Gaps = append(v.Gaps, v.gap(resource.Malformed, "networkAcls.bypass cannot be read", []resource.Hidden{whoPasses()}, nil, "trusted_services"))
	case arm.Is(word, "None"):
		v.set("trusted_services", false, said)
		return false
	case arm.Is(word, "AzureServices", ""):
		v.set("trusted_services", true, said)
		v.Notes = append(v.Notes, "services that Microsoft trusts get past its network rules")
	default:
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "what "+said+" lets past its network rules is not known", []resource.Hidden{whoPasses()}, nil, "trusted_services"))
	}
	return true
}

// whoPasses is what a bypass that nobody understands may hide.
func whoPasses() resource.Hidden {
	return resource.Hidden{Via: resourceAccess, To: servernetwork.From(resource.ReachInternet), Can: servernetwork.Connect()}
}

// addSubnets adds the virtual networks that are admitted where addresses are not
// all: a rule may name one of another tenant.
//
// Source: https://learn.microsoft.com/azure/virtual-network/virtual-network-service-endpoints-overview
// (Azure Key Vault across tenants)
func (v *vault) addSubnets(rules []json.RawMessage, p *passage) {
	texts := []string{}
	var foreign, maybe []string
	for _, raw := range rules {
		var rule struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(raw, &rule) != nil || rule.ID == "" {
			maybe = append(maybe, firewall.Quote(string(raw)))
			continue
		}
		texts = append(texts, servernetwork.Whole(rule.ID))
		id, err := arm.ParseID(rule.ID, servernetwork.SubnetType)
		own, known := v.client.Own(v.Scope.Account, id.Subscription)
		switch {
		case err != nil || !known:
			maybe = append(maybe, firewall.Quote(rule.ID))
		case !own:
			foreign = append(foreign, firewall.Quote(rule.ID))
		}
	}
	quote := fmt.Sprintf("networkAcls.virtualNetworkRules: %d", len(rules))
	v.set("virtual_networks", texts, quote)
	if p.least == resource.ReachInternet {
		return
	}
	if len(foreign) > 0 {
		p.least, p.most = max(p.least, resource.ReachListed), max(p.most, resource.ReachListed)
		v.Grants = append(v.Grants, resource.Grant{
			To: servernetwork.From(resource.ReachListed, firewall.Names(foreign)...), Can: servernetwork.Connect(), Via: firewall.Network,
			Because: []resource.Evidence{v.record.Evidence(quote)}, Note: "subnets of another tenant",
		})
	}
	if len(maybe) > 0 {
		names := firewall.Names(maybe)
		why := "whether virtual networks that its network rules admit belong to somebody else is not known: " + strings.Join(names, ", ")
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, why, []resource.Hidden{{
			Via: firewall.Network, To: servernetwork.From(resource.ReachListed, names...), Can: servernetwork.Connect(),
		}}, nil))
		p.most, p.why = max(p.most, resource.ReachListed), why
	}
}

// closeToOutsiders puts the network in front of those whom access policies let in.
// Which of them are services that Microsoft trusts, and pass, cannot be told: a
// policy names an object id.
func (v *vault) closeToOutsiders(p passage, closed bool) {
	if let, perhaps := outsidersOf(v.Resource); len(let)+len(perhaps) == 0 || p.least == resource.ReachInternet {
		return
	}
	on := []resource.Channel{accessPolicy}
	shields := []resource.Shield{{On: on, Cap: firewall.Limit(p.least)}}
	if p.bypassed {
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, "whether principals that its access policies name pass its network rules, as services that Microsoft trusts do, is not known", nil, shields))
		return
	}
	if p.most < resource.ReachInternet {
		name := "vault firewall"
		if closed {
			name = perimeter.PublicNetworkAccess
		}
		v.Guards = append(v.Guards, resource.Guard{Name: name, On: on, Cap: firewall.Limit(p.most), Because: []resource.Evidence{p.because}})
	}
	if p.least < p.most {
		v.Gaps = append(v.Gaps, v.gap(resource.Undecided, p.why, nil, shields))
	}
}
