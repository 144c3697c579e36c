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
	"slices"
	"strings"

	"google.golang.org/api/alloydb/v1"
	"google.golang.org/api/option"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
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
		for page, err := range c.pages(ctx) {
			if err != nil {
				yield(nil, api.Failed(listCall, c.scope.Account, err))
				return
			}
			for _, found := range page.Instances {
				place++
				if !yield(c.describe(found, place), nil) {
					return
				}
			}
			missing = append(missing, page.Unreachable...)
		}
		if missing = slices.Compact(slices.Sorted(slices.Values(missing))); len(missing) > 0 {
			yield(nil, api.Failed(listCall, c.scope.Account, fmt.Errorf("locations that did not answer: %s", strings.Join(missing, ", "))))
		}
	}
}

// pages yields the pages of the listing over all locations and clusters. An
// error is the last that it yields.
//
// Source: https://cloud.google.com/alloydb/docs/reference/rest/v1/projects.locations.clusters.instances/list
// (an aggregated list by locations/-/clusters/-)
func (c *collector) pages(ctx context.Context) iter.Seq2[*alloydb.ListInstancesResponse, error] {
	return func(yield func(*alloydb.ListInstancesResponse, error) bool) {
		s, err := alloydb.NewService(ctx, option.WithHTTPClient(c.client.HTTP(service)), option.WithEndpoint(c.client.Root(service, "")))
		if err != nil {
			yield(nil, fmt.Errorf("make client: %w", err))
			return
		}
		call := s.Projects.Locations.Clusters.Instances.List("projects/" + c.scope.Account + "/locations/-/clusters/-").Context(ctx)
		seen := make(map[string]bool)
		for {
			page, err := call.Do()
			if !yield(page, err) || err != nil || page.NextPageToken == "" {
				return
			}
			if seen[page.NextPageToken] {
				yield(nil, collect.Malformed(listCall, "it names a page for the second time"))
				return
			}
			seen[page.NextPageToken] = true
			call.PageToken(page.NextPageToken)
		}
	}
}
