// Package bigtableinstance collects Bigtable instances: whoever an instance's
// policy lets in may use every table in it. kind.yaml declares every call; none
// reads a row.
package bigtableinstance

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.bigtable.instance.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's Bigtable instances.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		// Perimeters restrict both services of Bigtable under one name. Conditions
		// may be about the tables and the backups of the instance.
		//
		// Sources: https://cloud.google.com/vpc-service-controls/docs/supported-products,
		// https://cloud.google.com/iam/docs/conditions-resource-attributes
		Kind: Kind, Store: "bigtable.table", Restricted: "bigtable.googleapis.com",
		Chains: []iampolicy.Chain{
			{Lists: []string{"bigtableadmin:projects.instances.list"}, Policy: []string{"bigtableadmin:projects.instances.getIamPolicy"}},
		},
	}, c, scope)
}
