// Package computesnapshot collects Compute Engine snapshots: a snapshot's
// policy can let others make disks of it, and read all that it holds. kind.yaml
// declares every call; none uses a snapshot.
package computesnapshot

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.compute.snapshot.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's snapshots.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "compute.snapshot", Type: "compute.googleapis.com/Snapshot",
		Chains: []iampolicy.Chain{
			{Lists: []string{"compute:snapshots.list"}, Policy: []string{"compute:snapshots.getIamPolicy"}, Size: 500, Key: "items"},
		},
	}, c, scope)
}
