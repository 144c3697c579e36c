// Package alloydbinstance collects AlloyDB instances: a public address with
// authorised external networks lets strangers up to the login of the database,
// and Private Service Connect lets other projects. All of it stands in the
// listing. Secondaries and read pools have addresses and networks of their own and
// are stores of their own. kind.yaml declares every call; none reads data.
package alloydbinstance

import (
	"context"
	_ "embed"
	"iter"
	"net/url"

	"google.golang.org/api/alloydb/v1"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/authorisednetwork"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.alloydb.instance.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

const (
	service  = "alloydb"
	listCall = service + ":projects.locations.clusters.instances.list"
)

type collector struct {
	client *api.Client
	scope  resource.Scope
}

// New returns the collector of a project's instances.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return &collector{client: c, scope: scope}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// Questions returns none: the listing tells everything.
func (c *collector) Questions(*resource.Resource) []*collect.Question { return nil }

// List yields the instances of every cluster in the order of the listing.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return authorisednetwork.Listing[alloydb.Instance]{
		Client: c.client, Call: listCall, Project: c.scope.Account,
		Path: "v1/projects/" + url.PathEscape(c.scope.Account) + "/locations/-/clusters/-/instances", Key: "instances",
		Rename:   func(i *alloydb.Instance, name string) { i.Name = name },
		Describe: c.describe, Missing: unreachable,
	}.Stores(ctx)
}

// unreachable names the locations that did not answer.
func unreachable(page *authorisednetwork.Page) []string {
	var missing []string
	if err := page.Into("unreachable", &missing); err != nil {
		return []string{"some, in a form that is not known did not answer"}
	}
	for i, place := range missing {
		missing[i] = place + " did not answer"
	}
	return missing
}
