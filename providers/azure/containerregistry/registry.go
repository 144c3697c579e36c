package containerregistry

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

// anonymousPull is the way in for whoever does not sign in.
const anonymousPull resource.Channel = "anonymous-pull"

// ruled are the channels that network settings govern, onAnonymousPull those of them
// that ask for no credential.
var (
	ruled           = []resource.Channel{anonymousPull, firewall.Network}
	onAnonymousPull = ruled[:1:1]
)

// addAnonymous reads whether the registry answers pulls of those who do not sign
// in. It is off where nobody turned it on; null says neither.
//
// Source: https://learn.microsoft.com/azure/container-registry/anonymous-pull-access
func (s *registry) addAnonymous() {
	on, given, ok := arm.Bool(s.has.Anonymous)
	switch {
	case !ok || !given && len(s.has.Anonymous) > 0:
		s.Gaps = append(s.Gaps, s.gap(resource.Malformed, "anonymousPullEnabled is neither true nor false", []resource.Hidden{anybody()}, nil, "anonymous_pull"))
	case !given:
		s.set("anonymous_pull", false, "anonymousPullEnabled is not set")
		s.note()
	case !on:
		s.set("anonymous_pull", false, "anonymousPullEnabled=false")
		s.note()
	default:
		s.set("anonymous_pull", true, "anonymousPullEnabled=true")
		s.let()
	}
}

func anybody() resource.Hidden {
	return resource.Hidden{Via: anonymousPull, To: resource.Anyone, Can: []resource.Action{resource.Read, resource.List}}
}

// let adds the grant to whoever pulls. Whether the setting has any effect on a
// registry of another tier than those that offer it is not documented.
func (s *registry) let() {
	g := resource.Grant{
		To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: anonymousPull,
		Because: []resource.Evidence{s.record.Evidence("anonymousPullEnabled=true")},
	}
	if server := word(s.has.Server); server != "" {
		g.Witness = &resource.Witness{Principal: "anonymous", Action: "docker pull", Resource: firewall.Quote(server)}
	}
	s.Grants = append(s.Grants, g)
	if tier := s.tier(); !arm.Is(tier, "Standard", "Premium") {
		s.Gaps = append(s.Gaps, s.gap(resource.Undecided, "whether anonymous pull works in the tier "+strconv.Quote(firewall.Quote(tier))+" is not documented",
			nil, []resource.Shield{{On: onAnonymousPull, Cap: resource.Nobody}}))
	}
}

func (s *registry) tier() string { return cmp.Or(s.record.SKU.Name, s.record.SKU.Tier) }

// note says what everybody who gets to the registry still needs.
func (s *registry) note() {
	s.Notes = append(s.Notes, "every pull has to be signed in, by Microsoft Entra, a token or the admin user; its network only decides from where that can be tried")
}

// addNetwork adds who gets to the registry, with a credential of the owner, and what
// stands in front of anonymous pulls. Without a word the registry answers everybody;
// under Deny, those whom its rules name.
//
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-access-selected-networks
func (s *registry) addNetwork() {
	s.addAccess()
	var set *struct {
		Default json.RawMessage   `json:"defaultAction"`
		Rules   []json.RawMessage `json:"ipRules"`
	}
	if len(s.has.Rules) > 0 && json.Unmarshal(s.has.Rules, &set) != nil {
		s.open("networkRuleSet cannot be read")
		s.doubt(resource.Malformed, "networkRuleSet cannot be read", "network_default_action", "network_rules")
		return
	}
	if set == nil {
		s.set("network_default_action", "Allow", "networkRuleSet is not set")
		s.set("network_rules", []string{}, "networkRuleSet is not set")
		s.open("networkRuleSet is not set")
		return
	}
	action, given, ok := arm.Text(set.Default)
	because := firewall.Said("networkRuleSet.defaultAction", action, given)
	a := s.admission(set.Rules)
	switch {
	case !ok:
		s.open("networkRuleSet.defaultAction cannot be read")
		s.doubt(resource.Malformed, "networkRuleSet.defaultAction cannot be read", "network_default_action")
		return
	case !given || arm.Is(action, "Allow"):
		s.set("network_default_action", "Allow", because)
		s.open(because)
	case arm.Is(action, "Deny"):
		s.set("network_default_action", "Deny", because)
		s.close(a, because)
	default:
		s.set("network_default_action", firewall.Quote(action), because)
		s.open(because)
		s.doubt(resource.Undecided, because+" is not known")
	}
}

// addAccess reads publicNetworkAccess. A registry is none of the types that can be in
// a network security perimeter, and so the word for being left to one has no meaning.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts
// (onboarded private link resources)
func (s *registry) addAccess() {
	if value := word(s.has.Public); arm.Is(value, "SecuredByPerimeter") {
		said := firewall.Said("publicNetworkAccess", value, true)
		s.set("public_network_access", value, said)
		s.doubt(resource.Undecided, "what "+said+" means to a registry is not known")
		return
	}
	perimeter.Door{PublicNetworkAccess: s.has.Public, Rules: ruled, Cite: s.record.Evidence}.Describe(s.Resource)
}

// open adds everybody who holds a credential, as far as nothing else is known to
// stand in the way.
func (s *registry) open(because string) {
	s.Grants = append(s.Grants, firewall.Open().Grants(firewall.Network, resource.CredentialOwn, servernetwork.Connect(), s.record.Evidence(because))...)
}

// addTier doubts what keeps anybody out in a tier that does not offer it. Rules are
// "available in the Premium" tier, and registries move freely between tiers; whether
// what is left of rules, or of a public network access that is disabled, has any
// effect in another tier is not documented.
//
// Source: https://learn.microsoft.com/azure/container-registry/container-registry-access-selected-networks
// and https://learn.microsoft.com/azure/container-registry/container-registry-skus (changing tiers)
func (s *registry) addTier() {
	tier := s.tier()
	if arm.Is(tier, "Premium") || len(s.Guards) == 0 {
		return
	}
	s.Gaps = append(s.Gaps, s.gap(resource.Undecided, "whether network settings work in the tier "+strconv.Quote(firewall.Quote(tier))+" is not documented", nil, firewall.Unguard(s.Resource)))
}

// admission counts the rules. What a rule for 0.0.0.0 admits is not documented.
func (s *registry) admission(entries []json.RawMessage) firewall.Admission {
	var rules firewall.Rules
	values := []string{}
	for _, raw := range entries {
		var rule *struct {
			Action *string `json:"action"`
			Value  string  `json:"value"`
		}
		if json.Unmarshal(raw, &rule) != nil || rule == nil {
			rules.Odd("an entry that is no rule")
			continue
		}
		values = append(values, firewall.Quote(rule.Value))
		if rule.Action != nil && !arm.Is(*rule.Action, "Allow") {
			rules.Odd(rule.Value)
			continue
		}
		rules.Prefix(rule.Value)
	}
	slices.Sort(values)
	s.set("network_rules", slices.Compact(values), "networkRuleSet.ipRules: "+strings.Join(firewall.Names(values), ", "))
	return rules.Admit()
}

// close adds the firewall, and those whom it admits with a credential. In a tier in
// which it may not work, everybody is admitted as far as it does not; see addTier.
func (s *registry) close(a firewall.Admission, because string) {
	on, from := onAnonymousPull, s.record.Evidence(because)
	var hidden []resource.Hidden
	if arm.Is(s.tier(), "Premium") {
		s.Grants = append(s.Grants, a.Grants(firewall.Network, resource.CredentialOwn, servernetwork.Connect(), from)...)
		_, hidden = a.Hides(firewall.Network, resource.CredentialOwn, servernetwork.Connect())
	} else {
		on = ruled
		s.open(because)
	}
	if g, stands := a.Guard("registry firewall", on, from); stands {
		s.Guards = append(s.Guards, g)
	}
	if shields := a.Shields(on); len(shields) > 0 {
		s.Gaps = append(s.Gaps, s.gap(resource.Undecided, a.Why(), hidden, shields))
	}
	s.Notes = append(s.Notes, a.Notes...)
}

// addSettings adds what explains a registry and lets nobody in.
func (s *registry) addSettings() {
	if on, given, ok := arm.Bool(s.has.Admin); ok {
		s.set("admin_user", on, firewall.Said("adminUserEnabled", strconv.FormatBool(on), given))
	} else {
		s.Gaps = append(s.Gaps, s.gap(resource.Malformed, "adminUserEnabled cannot be read", nil, nil, "admin_user"))
	}
	if bypass, given, ok := arm.Text(s.has.Bypass); ok && given && arm.Is(bypass, "AzureServices", "None") {
		s.set("trusted_services", arm.Is(bypass, "AzureServices"), "networkRuleBypassOptions="+bypass)
	}
	if tier := s.tier(); tier != "" {
		s.set("tier", firewall.Quote(tier), "sku: "+firewall.Quote(tier))
	}
	if server := word(s.has.Server); server != "" {
		s.set("login_server", firewall.Quote(server), "loginServer="+firewall.Quote(server))
	}
	var policies struct {
		Export struct {
			Status string `json:"status"`
		} `json:"exportPolicy"`
	}
	if json.Unmarshal(s.has.Policies, &policies) == nil && arm.Is(policies.Export.Status, "enabled", "disabled") {
		s.set("export", arm.Is(policies.Export.Status, "enabled"), "policies.exportPolicy.status="+policies.Export.Status)
	}
}

func (s *registry) set(key string, value any, quote string) {
	s.Set(key, value, s.record.Evidence(quote))
}

// doubt adds the gap of a member that may close the registry.
func (s *registry) doubt(reason resource.Reason, detail string, settings ...string) {
	s.Gaps = append(s.Gaps, s.gap(reason, detail, nil, []resource.Shield{{On: ruled, Cap: resource.Nobody}}, settings...))
}

// unread adds the gap of an entry that may let in anybody, with a credential or
// without.
func (s *registry) unread(detail string) {
	s.Gaps = append(s.Gaps, s.gap(resource.Malformed, detail, []resource.Hidden{
		{Via: anonymousPull, To: resource.Anyone}, servernetwork.Anybody(),
	}, nil, Kind.Missing(s.Resource)...))
}

func (s *registry) gap(reason resource.Reason, detail string, hides []resource.Hidden, shields []resource.Shield, settings ...string) resource.Gap {
	return resource.Gap{
		Call: listCall, Permission: Kind.Lists[0].Permission, Reason: reason, Detail: detail,
		Hides: hides, Shields: shields, Settings: settings,
	}
}

// word is a text that only explains, or "".
func word(raw json.RawMessage) string {
	value, _, _ := arm.Text(raw)
	return value
}
