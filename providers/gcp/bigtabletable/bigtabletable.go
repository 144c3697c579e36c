// Package bigtabletable collects Bigtable tables: a table's policy, and that of
// its instance, can let others read it. kind.yaml declares every call; none
// reads a row.
package bigtabletable

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.bigtable.table.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's Bigtable tables.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		// Perimeters restrict both services of Bigtable under one name. Conditions
		// may be about the views of the table.
		//
		// Sources: https://cloud.google.com/vpc-service-controls/docs/supported-products,
		// https://cloud.google.com/bigtable/docs/access-control
		Kind: Kind, Store: "bigtable.table", Restricted: "bigtable.googleapis.com",
		Chains: []iampolicy.Chain{
			{Lists: []string{"bigtableadmin:projects.instances.list", "bigtableadmin:projects.instances.tables.list"}, Policy: []string{"bigtableadmin:projects.instances.tables.getIamPolicy"}},
		},
		Parents: []string{"bigtableadmin:projects.instances.getIamPolicy"},
	}, c, scope)
}
