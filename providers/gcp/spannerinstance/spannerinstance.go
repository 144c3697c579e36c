// Package spannerinstance collects Spanner instances: whoever an instance's
// policy lets in may use every database in it. kind.yaml declares every call;
// none reads a row.
package spannerinstance

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.spanner.instance.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's Spanner instances.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		// Conditions may be about the databases and the backups of the instance.
		//
		// Source: https://cloud.google.com/iam/docs/conditions-resource-attributes
		Kind: Kind, Store: "spanner.database",
		Chains: []iampolicy.Chain{
			{Lists: []string{"spanner:projects.instances.list"}, Policy: []string{"spanner:projects.instances.getIamPolicy"}, Size: 1000},
		},
	}, c, scope)
}
