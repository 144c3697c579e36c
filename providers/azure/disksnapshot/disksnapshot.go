// Package disksnapshot collects snapshots of managed disks, which can be exported
// by a URL that carries its own credential. What decides stands in the listing and
// is shared with disks; see package diskaccess.
package disksnapshot

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/diskaccess"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.compute.snapshot.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a subscription's snapshots.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return diskaccess.New(c, scope, Kind, "Microsoft.Compute/snapshots")
}
