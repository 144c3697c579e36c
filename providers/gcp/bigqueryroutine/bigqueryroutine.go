// Package bigqueryroutine collects BigQuery routines, which are functions and
// stored procedures: whoever may read a routine may call it, and reads what it is
// authorised to read. kind.yaml declares every call; none calls a routine.
package bigqueryroutine

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/bigqueryaccess"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.bigquery.routine.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's routines.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return bigqueryaccess.NewRoutines(Kind, c, scope, describe)
}

func describe(i *bigqueryaccess.Item, r *resource.Resource) {
	var routine struct {
		Type     string `json:"routineType"`
		Language string `json:"language"`
	}
	if i.Into(&routine) != nil {
		return
	}
	if routine.Type != "" {
		r.Set("type", routine.Type, i.Evidence(routine.Type))
	}
	if routine.Language != "" {
		r.Set("language", routine.Language, i.Evidence(routine.Language))
	}
}
