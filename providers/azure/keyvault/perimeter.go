package keyvault

import (
	"encoding/json"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
)

// outsidersOf are those whom access policies let in, and those whom they may, as
// far as it is not known that roles stand in their place.
func outsidersOf(r *resource.Resource) (let []resource.Grant, perhaps []resource.Hidden) {
	roles, known := r.Settings["rbac"].Value.(bool)
	if roles {
		return nil, nil
	}
	for _, g := range r.Grants {
		switch {
		case g.Via == accessPolicy && known:
			let = append(let, g)
		case g.Via == accessPolicy:
			perhaps = append(perhaps, resource.Hidden{Via: g.Via, To: g.To, Can: g.Can})
		}
	}
	for _, g := range r.Gaps {
		for _, h := range g.Hides {
			if h.Via == accessPolicy {
				perhaps = append(perhaps, h)
			}
		}
	}
	return let, perhaps
}

// Questions asks for the perimeter, which replaces the vault's own network rules,
// or adds to them: for its owner's principals and for those whom access policies
// name.
func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	id, err := arm.ParseListed(string(r.ID), typeName, c.scope.Account)
	if err != nil {
		return nil
	}
	word, _ := r.Settings["public_network_access"].Value.(string)
	access, err := json.Marshal(word)
	if err != nil {
		access = nil // a text always has a form
	}
	let, perhaps := outsidersOf(r)
	d := door(id, access, func(quote string) resource.Evidence {
		return resource.Evidence{Call: listCall, Of: string(r.ID), Pointer: "/value", Quote: quote}
	})
	d.Learn = func(r *resource.Resource, in perimeter.Inbound) { through(r, in, let, perhaps) }
	q := d.Question(Kind, c.client, perimeterCall)
	for _, g := range let {
		q.Hides = append(q.Hides, resource.Hidden{Via: perimeter.Channel, To: g.To, Can: g.Can})
	}
	for _, h := range perhaps {
		q.Hides = append(q.Hides, resource.Hidden{Via: perimeter.Channel, To: h.To, Can: h.Can})
	}
	return []*collect.Question{q}
}

// through adds those whom access policies let in as the perimeter admits them.
func through(r *resource.Resource, in perimeter.Inbound, let []resource.Grant, perhaps []resource.Hidden) {
	may := in.Admission.MayReach()
	if in.Strangers {
		may = max(may, resource.ReachListed)
	}
	if !in.Associated || may == resource.ReachPrivate {
		return
	}
	var hidden []resource.Hidden
	for _, g := range let {
		if reach := in.Admission.Reach(); in.Certain && reach > resource.ReachPrivate {
			g.Via, g.To, g.Because = perimeter.Channel, g.To.Meet(firewall.Limit(reach)), append(slices.Clone(g.Because), in.Because...)
			r.Grants = append(r.Grants, g)
			continue
		}
		hidden = append(hidden, resource.Hidden{Via: perimeter.Channel, To: g.To, Can: g.Can})
	}
	for _, h := range perhaps {
		hidden = append(hidden, resource.Hidden{Via: perimeter.Channel, To: h.To, Can: h.Can})
	}
	if len(hidden) > 0 {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: perimeterCall, Permission: Kind.Reads[0].Permission, Reason: resource.Undecided,
			Detail: "whether principals that its access policies name, or may, come in by the network security perimeter is not known", Hides: hidden,
		})
	}
}
