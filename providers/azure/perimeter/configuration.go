package perimeter

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// configuration is what the store knows of its perimeter: the association as it
// is in force, and the rules of its profile.
//
// Source: https://learn.microsoft.com/rest/api/storagerp/network-security-perimeter-configurations/list
type configuration struct {
	State  string `json:"provisioningState"`
	Issues []struct {
		Properties struct {
			Type     string `json:"issueType"`
			Severity string `json:"severity"`
		} `json:"properties"`
	} `json:"provisioningIssues"`
	Perimeter struct {
		ID   string `json:"id"`
		GUID string `json:"perimeterGuid"`
	} `json:"networkSecurityPerimeter"`
	Association struct {
		Name string `json:"name"`
		Mode string `json:"accessMode"`
	} `json:"resourceAssociation"`
	Profile struct {
		Name  string             `json:"name"`
		Rules *[]json.RawMessage `json:"accessRules"`
	} `json:"profile"`
}

// rule is one access rule of a profile.
type rule struct {
	Name       string          `json:"name"`
	Properties *ruleProperties `json:"properties"`
}

// ruleProperties say whom a rule admits.
//
// Source: https://learn.microsoft.com/rest/api/networkmanager/network-security-perimeter-access-rules/get
type ruleProperties struct {
	Direction     string            `json:"direction"`
	Prefixes      []json.RawMessage `json:"addressPrefixes"`
	Tags          []json.RawMessage `json:"serviceTags"`
	Subscriptions []struct {
		ID string `json:"id"`
	} `json:"subscriptions"`
	Perimeters []json.RawMessage `json:"networkSecurityPerimeters"`

	// further are the names of members that may admit somebody else.
	further []string
}

// ruleMembers are those that are read, or admit nobody.
var ruleMembers = []string{"direction", "addressPrefixes", "serviceTags", "subscriptions", "networkSecurityPerimeters", "provisioningState"}

// UnmarshalJSON reads the members that are known, and the names of the others that
// hold something.
func (p *ruleProperties) UnmarshalJSON(text []byte) error {
	type plain ruleProperties
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	for name, value := range members {
		if !arm.Is(name, ruleMembers...) && !slices.Contains([]string{"null", "[]", "{}", `""`}, string(value)) {
			p.further = append(p.further, name)
		}
	}
	slices.Sort(p.further)
	return json.Unmarshal(text, (*plain)(p))
}

// Question asks for the perimeter of a store. The call lists the store's own
// networkSecurityPerimeterConfigurations; the kind declares what it hides (what
// Can and Credential say, from the whole internet, by Channel), what it shields
// (Rules and Trusted, to nobody) and that it fills in Setting.
func (d Door) Question(k *collect.Kind, c *arm.Client, call string) *collect.Question {
	return k.Question(call, func(ctx context.Context, r *resource.Resource) error {
		j := judgement{Door: d, call: call, client: c, permission: permissionOf(k, call)}
		for item, err := range c.List(ctx, call, d.ID.Values()...) {
			if err != nil {
				return arm.FailedOf(call, d.ID, err)
			}
			j.add(item)
		}
		j.conclude(r)
		return nil
	})
}

func permissionOf(k *collect.Kind, call string) string {
	return k.Reads[slices.IndexFunc(k.Reads, func(r collect.Reading) bool { return r.Call == call })].Permission
}

// judgement joins the configurations of one store, of which there is one at most.
type judgement struct {
	Door
	call, permission string
	client           *arm.Client

	names, modes []string
	enforced     int
	count        int
	rules        firewall.Rules
	inbound      int
	maybe        []string // subscriptions that may be another customer's
	doubts       []string // why the perimeter may do more, or less, than it says
}

func (j *judgement) doubt(format string, args ...any) {
	j.doubts = append(j.doubts, fmt.Sprintf(format, args...))
}

func (j *judgement) add(item arm.Item) {
	j.count++
	var c configuration
	if err := item.Record().Into(&c); err != nil {
		j.names = append(j.names, "?")
		j.rules.Odd("the perimeter itself")
		j.doubt("a perimeter cannot be read")
		return
	}
	name := nameOf(c)
	j.names, j.modes = append(j.names, name), append(j.modes, firewall.Quote(c.Association.Mode))
	switch {
	case arm.Is(c.Association.Mode, "Enforced"):
		j.enforced++
	case arm.Is(c.Association.Mode, "Learning", "Transition"):
	default:
		j.doubt("what the access mode %q of the perimeter %s does is not documented", firewall.Quote(c.Association.Mode), name)
	}
	if !arm.Is(c.State, "Succeeded") {
		j.doubt("the perimeter %s may not be in force: its provisioningState is %q", name, firewall.Quote(c.State))
	}
	for _, issue := range c.Issues {
		if !arm.Is(issue.Properties.Severity, "Warning") {
			j.doubt("the perimeter %s may not be in force: it reports %q", name, firewall.Quote(issue.Properties.Type))
		}
	}
	if c.Profile.Rules == nil {
		j.rules.Odd("of profile " + c.Profile.Name)
		return
	}
	for _, raw := range *c.Profile.Rules {
		j.addRule(raw)
	}
}

// nameOf is what the perimeter's owner calls it.
func nameOf(c configuration) string {
	id, err := arm.ParseID(c.Perimeter.ID, "Microsoft.Network/networkSecurityPerimeters")
	switch {
	case err == nil:
		return firewall.Quote(id.Name())
	case c.Perimeter.GUID != "":
		return firewall.Quote(c.Perimeter.GUID)
	}
	return "without a name"
}

// addRule counts in a rule. A subscription stands for the resources in it, with
// identities of their own; one of this audit and of the store's tenant is the
// owner's. What a prefix of 0.0.0.0 alone admits, Microsoft does not say. A member
// that is not known may admit somebody else.
//
// Source: https://learn.microsoft.com/azure/private-link/network-security-perimeter-concepts
// (supported access rule types)
func (j *judgement) addRule(raw json.RawMessage) {
	var r rule
	if json.Unmarshal(raw, &r) != nil || r.Properties == nil {
		j.inbound++
		j.rules.Odd(firewall.Quote(string(raw)))
		return
	}
	p := r.Properties
	if arm.Is(p.Direction, "Outbound") {
		return
	}
	j.inbound++
	if !arm.Is(p.Direction, "Inbound") {
		j.doubt("the direction %q of the rule %s is not known", firewall.Quote(p.Direction), firewall.Quote(r.Name))
	}
	texts(p.Prefixes, j.rules.Prefix, j.rules.Odd)
	texts(p.Tags, j.rules.Tag, j.rules.Odd)
	for _, s := range p.Subscriptions {
		j.addSubscription(s.ID)
	}
	if len(p.Perimeters) > 0 {
		j.maybe = append(j.maybe, "the perimeters of rule "+firewall.Quote(r.Name))
	}
	for _, name := range p.further {
		j.rules.Odd("rule " + r.Name + ": " + name)
	}
	if len(p.Prefixes)+len(p.Tags)+len(p.Subscriptions)+len(p.Perimeters)+len(p.further) == 0 {
		j.rules.Odd("rule " + r.Name)
	}
}

// texts reads a list of texts, of which each entry counts by itself.
func texts(list []json.RawMessage, add, odd func(string)) {
	for _, raw := range list {
		var text *string
		if json.Unmarshal(raw, &text) != nil || text == nil {
			odd(string(raw))
			continue
		}
		add(*text)
	}
}

func (j *judgement) addSubscription(id string) {
	const prefix = "/subscriptions/"
	if len(id) > len(prefix) && arm.Is(id[:len(prefix)], prefix) {
		id = id[len(prefix):]
	}
	if own, _ := j.client.Own(j.ID.Subscription, id); !own {
		j.maybe = append(j.maybe, "subscription "+firewall.Quote(id))
	}
}
