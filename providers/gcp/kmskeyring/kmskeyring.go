// Package kmskeyring collects Cloud KMS key rings: whoever a ring's policy lets
// in may use every key in it, also those that are made later. kind.yaml
// declares every call; none uses a key.
package kmskeyring

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.kms.key_ring.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's key rings.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		// Conditions may be about the keys in the ring.
		//
		// Source: https://cloud.google.com/iam/docs/conditions-resource-attributes
		Kind: Kind, Store: "cloudkms.key",
		Chains: []iampolicy.Chain{
			{Lists: []string{"cloudkms:projects.locations.list", "cloudkms:projects.locations.keyRings.list"}, Policy: []string{"cloudkms:projects.locations.keyRings.getIamPolicy"}, Size: 1000},
		},
	}, c, scope)
}
