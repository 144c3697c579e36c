// Package bigquerydataset collects BigQuery datasets: the access list of a dataset
// lets others read and change all that is in it, and what it authorises (views,
// routines, whole datasets) shows it to whoever may use that. kind.yaml declares
// every call; none reads a row.
package bigquerydataset

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/bigqueryaccess"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.bigquery.dataset.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's datasets.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return bigqueryaccess.NewDatasets(Kind, c, scope)
}
