// Package spannerbackup collects Spanner backups: whoever a backup's policy, or
// that of its instance, lets in may restore or copy all that is in it.
// kind.yaml declares every call; none restores.
package spannerbackup

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.spanner.backup.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's Spanner backups.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "spanner.backup", Type: "spanner.googleapis.com/Backup",
		Chains: []iampolicy.Chain{
			{Lists: []string{"spanner:projects.instances.list", "spanner:projects.instances.backups.list"}, Policy: []string{"spanner:projects.instances.backups.getIamPolicy"}, Size: 1000},
		},
		Parents: []string{"spanner:projects.instances.getIamPolicy"},
	}, c, scope)
}
