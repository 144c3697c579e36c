// Package computeimage collects Compute Engine images: an image's policy can
// let others make disks of it, and read all that it holds. kind.yaml declares
// every call; none uses an image.
package computeimage

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.compute.image.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's images.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "compute.image", Type: "compute.googleapis.com/Image",
		Chains: []iampolicy.Chain{
			{Lists: []string{"compute:images.list"}, Policy: []string{"compute:images.getIamPolicy"}, Size: 500, Key: "items"},
		},
	}, c, scope)
}
