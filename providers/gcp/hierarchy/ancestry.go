package hierarchy

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/gcp/api"
)

const (
	ancestryCall     = "cloudresourcemanager:projects.getAncestry"
	organisationCall = "cloudresourcemanager:organizations.get"
)

// Organisation is an organisation resource.
type Organisation struct {
	// Name is "organizations/123".
	Name string
	// Domain is the primary domain of its customer, Customer the customer's id in
	// Cloud Identity or Google Workspace ("C012ab3cd"); "" where it does not say.
	Domain, Customer string
}

// Ancestors returns the project itself ("projects/123" where its number is known,
// else "projects/its-id"), its folders and its organisation, nearest first. An
// error is a refused or malformed answer; the refused call is named in it.
func (p *Project) Ancestors(ctx context.Context) ([]string, error) {
	above, err := p.above.Get(ctx, p.askAncestry)
	if err != nil {
		return nil, err
	}
	self := p.client.Number(p.id)
	if self == "" {
		self = p.id
	}
	return append([]string{"projects/" + self}, above...), nil
}

// collections are the types of ancestors, as their names begin.
var collections = map[string]string{"folder": "folders", "organization": "organizations"}

// askAncestry asks for what the project is in. The answer begins with the
// project itself and ends with the root; a type that is not known may stand for
// something with guards of its own, so that nothing can be said.
//
// Source: https://cloud.google.com/resource-manager/reference/rest/v1/projects/getAncestry
func (p *Project) askAncestry(ctx context.Context) ([]string, error) {
	var answer struct {
		Ancestor []struct {
			ResourceID struct {
				Type string `json:"type"`
				ID   string `json:"id"`
			} `json:"resourceId"`
		} `json:"ancestor"`
	}
	err := p.client.Ask(ctx, api.Request{
		Service: "cloudresourcemanager", Method: http.MethodPost,
		Path: "v1/projects/" + segment(p.id) + ":getAncestry", Body: struct{}{},
	}, &answer)
	if err != nil {
		return nil, failed(ancestryCall, err)
	}
	var above []string
	for i, a := range answer.Ancestor {
		kind, id := a.ResourceID.Type, a.ResourceID.ID
		name := collections[kind] + "/" + id
		switch {
		case i == 0 && kind == "project" && id != "" && (id == p.id || id == p.client.Number(p.id)):
		case i == 0:
			return nil, failed(ancestryCall, collect.Malformed(ancestryCall, "the answer does not begin with the project"))
		case !numbered(name, "folders") && !numbered(name, "organizations"):
			return nil, failed(ancestryCall, collect.Malformed(ancestryCall, "an ancestor is neither a folder nor an organisation: %.40q", kind))
		case slices.ContainsFunc(above, func(n string) bool { return n == name || numbered(n, "organizations") }):
			return nil, failed(ancestryCall, collect.Malformed(ancestryCall, "the ancestors are in no order"))
		default:
			above = append(above, name)
		}
	}
	if len(answer.Ancestor) == 0 {
		return nil, failed(ancestryCall, collect.Malformed(ancestryCall, "the answer names no ancestor, not even the project"))
	}
	return above, nil
}

// Organisation returns the organisation of the project; false says that it is in
// none. An error is a refused or malformed answer; the refused call is named in
// it.
//
// Source: https://cloud.google.com/resource-manager/reference/rest/v3/organizations
// (displayName is the primary domain of the customer)
func (p *Project) Organisation(ctx context.Context) (Organisation, bool, error) {
	ancestors, err := p.Ancestors(ctx)
	if err != nil {
		return Organisation{}, false, err
	}
	name, ok := organisationOf(ancestors)
	if !ok {
		return Organisation{}, false, nil
	}
	fact := api.Shared(p.client, "hierarchy "+name, func() *collect.Once[Organisation] { return new(collect.Once[Organisation]) })
	organisation, err := fact.Get(ctx, func(ctx context.Context) (Organisation, error) { return askOrganisation(ctx, p.client, name) })
	return organisation, err == nil, err
}

func organisationOf(ancestors []string) (name string, ok bool) {
	i := slices.IndexFunc(ancestors, func(a string) bool { return numbered(a, "organizations") })
	if i < 0 {
		return "", false
	}
	return ancestors[i], true
}

func askOrganisation(ctx context.Context, c *api.Client, name string) (Organisation, error) {
	var answer struct {
		Name     string `json:"name"`
		Domain   string `json:"displayName"`
		Customer string `json:"directoryCustomerId"`
	}
	if err := c.Ask(ctx, api.Request{Service: "cloudresourcemanager", Path: "v3/" + name}, &answer); err != nil {
		return Organisation{}, failed(organisationCall, err)
	}
	if answer.Name != name {
		return Organisation{}, failed(organisationCall, collect.Malformed(organisationCall, "the answer is not about %s", name))
	}
	return Organisation{Name: name, Domain: strings.ToLower(answer.Domain), Customer: answer.Customer}, nil
}
