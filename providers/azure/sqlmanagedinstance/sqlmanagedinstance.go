// Package sqlmanagedinstance collects instances of Azure SQL Managed Instance:
// strangers get to one only by its public data endpoint, and only as far as the
// network security group of its subnet lets them. kind.yaml declares every call;
// none reads data.
package sqlmanagedinstance

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/servernetwork"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.sql.managed_instance.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

const (
	subnetCall = "network:subnets.get"
	groupCall  = "network:networkSecurityGroups.get"
	groupType  = "Microsoft.Network/networkSecurityGroups"
)

// Port is where the public data endpoint listens.
//
// Source: https://learn.microsoft.com/azure/azure-sql/managed-instance/public-endpoint-overview
const Port = 3342

var row = servernetwork.Row{
	Kind: Kind, Type: "Microsoft.Sql/managedInstances", Describe: describe, More: questions,
}

// New returns the collector of a subscription's instances.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return servernetwork.New(row, c, scope)
}

// describe adds what the listing says. Without a word on the public endpoint it
// may be there or not: no default is documented. A stopped instance is like a
// virtual machine that was deallocated; the other states have their names from
// there and from provisioningState, for the interface names none.
//
// Source: https://learn.microsoft.com/azure/azure-sql/managed-instance/instance-stop-start-how-to
func describe(s *servernetwork.Server) {
	const member = "publicDataEndpointEnabled"
	endpoint := s.SetFlag("public_endpoint", member)
	switch {
	case endpoint.Odd: // the setting is missing, and the endpoint with it
		s.Doubt("whether it has a public data endpoint cannot be read")
	case !endpoint.Set:
		s.Doubt("it says nothing of a public data endpoint", "public_endpoint")
	case !endpoint.Flag:
		s.Close("public data endpoint off", s.Cited(servernetwork.Said(endpoint, member)))
	}
	s.SetText("subnet", "subnetId")
	s.SetText("minimum_tls", "minimalTlsVersion")
	s.SetText("proxy_override", "proxyOverride")
	s.State("Ready", "Creating", "Updating", "Deleting", "Starting", "Stopping")
	s.SetFlag("entra_only", "administrators", "azureADOnlyAuthentication")
	s.SetEndpoints()
}

// questions asks for the subnet, which says which network security group it has,
// and for that.
func questions(a servernetwork.Asking) []*collect.Question {
	return []*collect.Question{
		Kind.Question(subnetCall, func(ctx context.Context, r *resource.Resource) error {
			p, err := placeOf(ctx, a, r)
			if err != nil {
				return err
			}
			if p.why != "" {
				r.Gaps = append(r.Gaps, resource.Gap{
					Call: subnetCall, Reason: resource.Undecided, Detail: p.why, Hides: []resource.Hidden{servernetwork.Anybody()},
					Settings: []string{"network_security_group"},
				})
				return nil
			}
			r.Set("network_security_group", p.group.String(), p.because)
			return nil
		}),
		Kind.Question(groupCall, func(ctx context.Context, r *resource.Resource) error {
			p, err := placeOf(ctx, a, r)
			if err != nil || p.why != "" {
				return ctx.Err() // what is missing is told where the subnet is asked for
			}
			d, err := doorOf(ctx, a, p)
			if err != nil {
				return err
			}
			d.add(r)
			return nil
		}),
	}
}

// reachable reads the id of something that may be asked about: of the store's own
// subscription or another of this audit.
func reachable(a servernetwork.Asking, text, of string) (id arm.ID, why string) {
	id, err := arm.ParseID(text, of)
	if err != nil {
		return id, fmt.Sprintf("%q is no id of its %s", firewall.Quote(text), of[strings.LastIndexByte(of, '/')+1:])
	}
	if _, audited := a.Client.Subscription(id.Subscription); !audited && !strings.EqualFold(id.Subscription, a.Scope.Account) {
		return id, "its network is in the subscription " + id.Subscription + ", which is not audited"
	}
	return id, ""
}

// place is the subnet of an instance.
type place struct {
	// why says why its network security group cannot be asked for, or "".
	why      string
	group    arm.ID
	prefixes []string
	because  resource.Evidence
}

// placeOf asks for the subnet of an instance, once for all the instances in it.
func placeOf(ctx context.Context, a servernetwork.Asking, r *resource.Resource) (*place, error) {
	text, _ := r.Settings["subnet"].Value.(string)
	subnet, why := reachable(a, text, servernetwork.SubnetType)
	if why != "" {
		return &place{why: why}, nil
	}
	return once(a, subnet, func() *collect.Once[*place] { return new(collect.Once[*place]) }).Get(ctx, func(ctx context.Context) (*place, error) {
		return askPlace(ctx, a, subnet)
	})
}

// once is a fact about something of the network that is asked for once.
func once[T any](a servernetwork.Asking, of arm.ID, fresh func() *collect.Once[T]) *collect.Once[T] {
	return arm.Shared(a.Client, "door of "+arm.Key(of.String()), fresh)
}

// prefixes are the address ranges of a subnet.
type prefixes struct {
	One     string   `json:"addressPrefix"`
	Several []string `json:"addressPrefixes"`
}

func askPlace(ctx context.Context, a servernetwork.Asking, subnet arm.ID) (*place, error) {
	var found struct {
		Properties *struct {
			prefixes
			Group *struct {
				ID string `json:"id"`
			} `json:"networkSecurityGroup"`
		} `json:"properties"`
	}
	if err := a.Client.Get(ctx, subnetCall, &found, subnet.Values()...); err != nil {
		return nil, arm.Failed(subnetCall, subnet.Subscription, err)
	}
	switch {
	case found.Properties == nil:
		return nil, arm.Failed(subnetCall, subnet.Subscription, collect.Malformed(subnetCall, "a subnet without properties"))
	case found.Properties.Group == nil || found.Properties.Group.ID == "":
		return &place{why: "its subnet has no network security group"}, nil
	}
	p := &place{
		prefixes: listed(found.Properties.Several, found.Properties.One),
		because: resource.Evidence{
			Call: subnetCall, Of: subnet.String(), Pointer: "/properties/networkSecurityGroup/id", Quote: servernetwork.Whole(found.Properties.Group.ID),
		},
	}
	p.group, p.why = reachable(a, found.Properties.Group.ID, groupType)
	return p, nil
}

// door is what lies before every instance of one subnet.
type door struct {
	verdict verdict
	because []resource.Evidence
}

// doorOf asks for the network security group of a subnet, once for all the subnets
// that have it.
func doorOf(ctx context.Context, a servernetwork.Asking, p *place) (*door, error) {
	g, err := once(a, p.group, func() *collect.Once[*groupProperties] { return new(collect.Once[*groupProperties]) }).
		Get(ctx, func(ctx context.Context) (*groupProperties, error) { return askGroup(ctx, a, p.group) })
	if err != nil {
		return nil, err
	}
	d := &door{verdict: g.judge(p.prefixes), because: []resource.Evidence{p.because}}
	if len(d.verdict.allowing) == 0 {
		d.because = append(d.because, resource.Evidence{
			Call: groupCall, Of: p.group.String(), Pointer: "/properties/securityRules", Quote: fmt.Sprintf("no rule lets anybody from outside through to port %d", Port),
		})
	}
	for _, rule := range d.verdict.allowing {
		d.because = append(d.because, resource.Evidence{Call: groupCall, Of: p.group.String(), Pointer: rule.pointer, Quote: firewall.Quote(rule.name)})
	}
	return d, nil
}

func askGroup(ctx context.Context, a servernetwork.Asking, group arm.ID) (*groupProperties, error) {
	var answer struct {
		Properties *groupProperties `json:"properties"`
	}
	if err := a.Client.Get(ctx, groupCall, &answer, group.Values()...); err != nil {
		return nil, arm.Failed(groupCall, group.Subscription, err)
	}
	if answer.Properties == nil || answer.Properties.Rules == nil {
		return nil, arm.Failed(groupCall, group.Subscription, collect.Malformed(groupCall, "a network security group without a list of rules"))
	}
	return answer.Properties, nil
}

// add adds whom the door lets through. Where that is nobody, it is the network
// security group that closes the endpoint.
func (d *door) add(r *resource.Resource) {
	least, most := d.verdict.least, d.verdict.most.reach()
	if most == resource.ReachPrivate {
		behind := d.because[:1]
		if endpoint, said := r.Settings["public_endpoint"]; said {
			behind = []resource.Evidence{endpoint.From}
		}
		r.Grants = append(r.Grants, everywhere().grants(behind)...)
		r.Guards = append(r.Guards, resource.Guard{
			Name: "network security group", On: []resource.Channel{servernetwork.Network}, Cap: resource.Nobody, Because: d.because,
		})
		return
	}
	r.Grants = append(r.Grants, least.grants(d.because)...)
	if most > least.reach() {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: groupCall, Reason: resource.Undecided, Detail: d.verdict.why(),
			Hides: []resource.Hidden{{Via: servernetwork.Network, To: servernetwork.From(most), Can: servernetwork.Connect()}},
		})
	}
}
