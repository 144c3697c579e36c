// Package bigquerytable collects BigQuery tables and views: a table has a policy of
// its own, and whoever its dataset lets in may read it, too. kind.yaml declares
// every call; none reads a row.
package bigquerytable

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/bigqueryaccess"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.bigquery.table.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's tables and views.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return bigqueryaccess.NewTables(Kind, c, scope, describe)
}

func describe(i *bigqueryaccess.Item, r *resource.Resource) {
	var table struct {
		Type string `json:"type"`
	}
	if i.Into(&table) == nil && table.Type != "" {
		r.Set("type", table.Type, i.Evidence(table.Type))
	}
}
