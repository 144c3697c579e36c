package keyvault

import (
	"encoding/json"
	"strconv"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

// addSettings adds what explains a vault and lets nobody in. What is not set is off.
//
// Source: https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/list-by-subscription (VaultProperties)
func (v *vault) addSettings() {
	for _, m := range []struct {
		key, member string
		raw         json.RawMessage
	}{
		{"purge_protection", "enablePurgeProtection", v.has.Purge},
		{"machines_may_read", "enabledForDeployment", v.has.Machines},
		{"templates_may_read", "enabledForTemplateDeployment", v.has.Template},
	} {
		if on, given, ok := arm.Bool(m.raw); ok {
			v.set(m.key, on, firewall.Said(m.member, strconv.FormatBool(on), given))
		} else {
			v.Gaps = append(v.Gaps, v.gap(resource.Malformed, m.member+" cannot be read", nil, nil, m.key))
		}
	}
}

func (v *vault) set(key string, value any, quote string) {
	v.Set(key, value, v.record.Evidence(quote))
}

// unread adds the gap of an entry that may let in outsiders, and everybody to its
// door.
func (v *vault) unread(detail string) {
	v.Gaps = append(v.Gaps, v.gap(resource.Malformed, detail, append(outsiders(), servernetwork.Anybody(), whoPasses()), nil, Kind.Missing(v.Resource)...))
}

// unnamed adds the gap of an entry that lacks its name, and may lack more: nobody
// is known to get to it, what seems to keep others out only may, and its perimeter
// cannot be asked for.
func (v *vault) unnamed(why error) {
	g := v.gap(resource.Malformed, why.Error(), append(outsiders(), servernetwork.Anybody(), whoPasses(), resource.Hidden{
		Via: perimeter.Channel, To: servernetwork.From(resource.ReachInternet), Can: servernetwork.Connect(),
	}), []resource.Shield{{On: []resource.Channel{firewall.Network}, Cap: resource.Nobody}}, append(Kind.Missing(v.Resource), perimeter.Setting)...)
	g.Shields = append(g.Shields, firewall.Unguard(v.Resource)...)
	v.Gaps = append(v.Gaps, g)
}

func (v *vault) gap(reason resource.Reason, detail string, hides []resource.Hidden, shields []resource.Shield, settings ...string) resource.Gap {
	return resource.Gap{
		Call: listCall, Permission: Kind.Lists[0].Permission, Reason: reason, Detail: detail,
		Hides: hides, Shields: shields, Settings: settings,
	}
}
