// Package sqlinstance collects Cloud SQL instances: a public address with
// authorised networks lets strangers up to the login of the database, and
// Private Service Connect lets other projects. All of it stands in the listing.
// Replicas and read pools have addresses and networks of their own and are stores
// of their own. kind.yaml declares every call; none reads data.
package sqlinstance

import (
	"context"
	_ "embed"
	"iter"
	"net/url"
	"slices"

	"google.golang.org/api/sqladmin/v1"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/authorisednetwork"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.sql.instance.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

const (
	service  = "sqladmin"
	listCall = service + ":instances.list"
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

// List yields the instances in the order of the listing.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return authorisednetwork.Listing[sqladmin.DatabaseInstance]{
		Client: c.client, Call: listCall, Project: c.scope.Account,
		Path: "v1/projects/" + url.PathEscape(c.scope.Account) + "/instances", Key: "items",
		Rename:   func(i *sqladmin.DatabaseInstance, name string) { i.Name = name },
		Describe: c.describe, Missing: unlisted,
	}.Stores(ctx)
}

// harmless are the warnings that say nothing about what is listed.
//
// Source: https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances/list (ApiWarning)
var harmless = []string{"COMPROMISED_CREDENTIALS", "INTERNAL_STATE_FAILURE"}

// unlisted names what a listing was made without. A warning that is not known
// may say so, too.
func unlisted(page *authorisednetwork.Page) []string {
	var missing []string
	var warnings []*sqladmin.ApiWarning
	if err := page.Into("warnings", &warnings); err != nil {
		missing = append(missing, "its warnings are of a form that is not known")
	}
	for _, w := range warnings {
		switch {
		case w == nil:
			missing = append(missing, "a warning without a word")
		case w.Code == "REGION_UNREACHABLE" && w.Region != "":
			missing = append(missing, w.Region+" did not answer")
		case !slices.Contains(harmless, w.Code):
			missing = append(missing, "it warns of "+w.Code)
		}
	}
	return missing
}
