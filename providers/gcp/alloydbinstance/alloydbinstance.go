// Package alloydbinstance collects AlloyDB instances: a public address with
// authorised external networks lets strangers up to the login of the database,
// and Private Service Connect lets other projects. All of it stands in the
// listing. Secondaries and read pools have addresses and networks of their own and
// are stores of their own. kind.yaml declares every call; none reads data.
package alloydbinstance

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"

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

// List yields the instances of every cluster in the order of the listing. Where
// locations did not answer, the last error says which.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		var missing []string
		place := 0
		path := "v1/projects/" + url.PathEscape(c.scope.Account) + "/locations/-/clusters/-/instances"
		for page, err := range authorisednetwork.Pages(ctx, c.client, listCall, path, "instances") {
			if err != nil {
				yield(nil, api.Failed(listCall, c.scope.Account, err))
				return
			}
			for _, text := range page.Entries {
				place++
				found, odd := authorisednetwork.Decode(text, func(i *alloydb.Instance, name string) { i.Name = name })
				if odd != nil {
					missing = append(missing, "an entry cannot be read")
				}
				if !yield(c.describe(found, odd, place), nil) {
					return
				}
			}
			var unreachable []string
			if err := page.Into("unreachable", &unreachable); err != nil {
				unreachable = []string{"some, in a form that is not known"}
			}
			for _, place := range unreachable {
				missing = append(missing, place+" did not answer")
			}
		}
		if missing = slices.Compact(slices.Sorted(slices.Values(missing))); len(missing) > 0 {
			yield(nil, api.Failed(listCall, c.scope.Account, fmt.Errorf("the listing is not whole: %s", strings.Join(missing, ", "))))
		}
	}
}
