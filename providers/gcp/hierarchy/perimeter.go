package hierarchy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

const (
	listPoliciesCall   = "accesscontextmanager:accessPolicies.list"
	listPerimetersCall = "accesscontextmanager:accessPolicies.servicePerimeters.list"
)

// perimeters is what is known of the perimeters of an organisation.
type perimeters struct {
	all  []*perimeter
	lost []error
}

// perimeter is a service perimeter as it is enforced.
type perimeter struct {
	// policy is "accessPolicies/77", id its own name below that, name what an
	// owner calls it.
	policy, id, name string
	config           config
	// doubt says why it may be another than it looks like; "" for one that was
	// understood.
	doubt string
	// opaque: nobody knows what is in it, nor what it restricts.
	opaque bool
}

// config is what a perimeter says, with all its members. Each of these has been
// added to the API over time, and ingress policies changed what the others mean.
//
// Source: https://cloud.google.com/access-context-manager/docs/reference/rest/v1/accessPolicies.servicePerimeters#serviceperimeterconfig
type config struct {
	Resources          []string          `json:"resources"`
	AccessLevels       []string          `json:"accessLevels"`
	RestrictedServices []string          `json:"restrictedServices"`
	IngressPolicies    []json.RawMessage `json:"ingressPolicies"`
	// Who may leave, and what networks inside may call, lets nobody in.
	EgressPolicies        json.RawMessage `json:"egressPolicies"`
	VPCAccessibleServices json.RawMessage `json:"vpcAccessibleServices"`
}

// askPerimeters finds the perimeter that the project is in. Only organisations
// have perimeters.
func (f *finder) askPerimeters(ctx context.Context, r *resource.Resource) error {
	ancestors, err := f.project.Ancestors(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		f.lost(r, err)
		return nil
	}
	organisation, ok := organisationOf(ancestors)
	if !ok {
		return nil
	}
	c := f.project.client
	fact := api.Shared(c, "hierarchy perimeters "+organisation, func() *collect.Once[*perimeters] { return new(collect.Once[*perimeters]) })
	found, err := fact.Get(ctx, func(ctx context.Context) (*perimeters, error) {
		all := askOrganisationPerimeters(ctx, c, organisation)
		return all, ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, err := range found.lost {
		f.lost(r, err)
	}
	f.judgePerimeters(r, found, ancestors)
	return nil
}

// askOrganisationPerimeters lists the access policies of an organisation, those
// of its folders and projects among them, and the perimeters of each. One that
// cannot be read takes nothing from the others.
//
// Source: https://cloud.google.com/access-context-manager/docs/scoped-policies
func askOrganisationPerimeters(ctx context.Context, c *api.Client, organisation string) *perimeters {
	type listing struct {
		Policies []struct {
			Name string `json:"name"`
		} `json:"accessPolicies"`
		Next string `json:"nextPageToken"`
	}
	all := new(perimeters)
	err := pages(ctx, c, listPoliciesCall, "v1/accessPolicies", url.Values{"parent": {organisation}}, func(l listing) string {
		for _, p := range l.Policies {
			all.ask(ctx, c, p.Name)
		}
		return l.Next
	})
	if err != nil {
		all.lost = append(all.lost, err)
	}
	return all
}

func (p *perimeters) ask(ctx context.Context, c *api.Client, policy string) {
	type listing struct {
		Perimeters []json.RawMessage `json:"servicePerimeters"`
		Next       string            `json:"nextPageToken"`
	}
	if !numbered(policy, "accessPolicies") {
		p.lost = append(p.lost, failed(listPoliciesCall, collect.Malformed(listPoliciesCall, "%.80q is not the name of an access policy", policy)))
		return
	}
	err := pages(ctx, c, listPerimetersCall, "v1/"+policy+"/servicePerimeters", nil, func(l listing) string {
		for _, text := range l.Perimeters {
			p.add(policy, text)
		}
		return l.Next
	})
	if err != nil {
		p.lost = append(p.lost, err)
	}
}

// add reads one perimeter. A bridge lets projects of several perimeters talk to
// each other and restricts nothing; a perimeter without a status is only tried
// out (spec).
//
// Source: https://cloud.google.com/vpc-service-controls/docs/share-across-perimeters
// and https://cloud.google.com/vpc-service-controls/docs/dry-run-mode
func (p *perimeters) add(policy string, text json.RawMessage) {
	var answer struct {
		Name   string          `json:"name"`
		Title  string          `json:"title"`
		Type   string          `json:"perimeterType"`
		Status json.RawMessage `json:"status"`
	}
	err := json.Unmarshal(text, &answer)
	if err == nil && answer.Name == "" {
		err = errors.New("it has no name")
	}
	if err != nil {
		p.lost = append(p.lost, failed(listPerimetersCall, collect.Malformed(listPerimetersCall, "a perimeter of %s: %v", policy, err)))
		return
	}
	found := &perimeter{policy: policy, id: answer.Name, name: cmp.Or(answer.Title, strings.TrimPrefix(answer.Name, policy+"/servicePerimeters/"))}
	switch answer.Type {
	case "PERIMETER_TYPE_BRIDGE":
		return
	case "", "PERIMETER_TYPE_REGULAR":
	default:
		found.doubt = "it is of a type that is not known"
	}
	if !present(answer.Status) {
		return
	}
	if strict(answer.Status, &found.config) != nil {
		found.opaque, found.doubt = true, "it has a form that is not known"
	}
	p.all = append(p.all, found)
}
