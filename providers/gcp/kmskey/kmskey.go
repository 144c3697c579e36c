// Package kmskey collects Cloud KMS keys: a key's policy, and that of the ring
// it is in, can let others decrypt with it. kind.yaml declares every call; none
// uses a key.
package kmskey

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.kms.key.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's keys.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		// Conditions may be about the versions of the key.
		//
		// Source: https://cloud.google.com/iam/docs/conditions-resource-attributes
		Kind: Kind, Store: "cloudkms.key",
		Chains: []iampolicy.Chain{
			{Lists: []string{"cloudkms:projects.locations.list", "cloudkms:projects.locations.keyRings.list", "cloudkms:projects.locations.keyRings.cryptoKeys.list"}, Policy: []string{"cloudkms:projects.locations.keyRings.cryptoKeys.getIamPolicy"}, Size: 1000},
		},
		Parents:  []string{"cloudkms:projects.locations.keyRings.getIamPolicy"},
		Describe: describe,
	}, c, scope)
}

// key is what is looked at of a listed key.
//
// Source: https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys
type key struct {
	Purpose        string `json:"purpose"`
	RotationPeriod string `json:"rotationPeriod"`
}

func describe(e *iampolicy.Entry, r *resource.Resource) {
	var k key
	if e.Into(&k) != nil {
		return
	}
	r.Set("purpose", k.Purpose, e.Evidence(k.Purpose))
	r.Set("rotated", k.RotationPeriod != "", e.Evidence(k.RotationPeriod))
}
