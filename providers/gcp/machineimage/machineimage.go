// Package machineimage collects Compute Engine machine images: a machine
// image's policy can let others start the machine that it is a copy of, with
// all its disks. kind.yaml declares every call; none uses one.
package machineimage

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.compute.machine_image.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's machine images.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "compute.machineImage",
		Chains: []iampolicy.Chain{
			{Lists: []string{"compute:machineImages.list"}, Policy: []string{"compute:machineImages.getIamPolicy"}, Size: 500, Key: "items"},
		},
	}, c, scope)
}
