// Package secret collects Secret Manager secrets, those that Google replicates
// and those that stay in one region: a secret's policy can let others read its
// value. kind.yaml declares every call; none reads a value.
package secret

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.secretmanager.secret.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's secrets, global and regional.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		// Conditions may be about the versions of a secret. Every request needs a
		// credential, and for such a service allUsers are the accounts of Google.
		//
		// Sources: https://cloud.google.com/iam/docs/conditions-resource-attributes,
		// https://cloud.google.com/secret-manager/docs/accessing-the-api,
		// https://cloud.google.com/iam/docs/principals-overview#allusers
		Kind: Kind, Store: "secretmanager.secret", Anonymity: iampolicy.AnonymousRefused,
		Chains: []iampolicy.Chain{
			{Lists: []string{"secretmanager:projects.secrets.list"}, Policy: []string{"secretmanager:projects.secrets.getIamPolicy"}, Size: 1000},
			{Lists: []string{"secretmanager:projects.locations.list", "secretmanager:projects.locations.secrets.list"}, Policy: []string{"secretmanager:projects.locations.secrets.getIamPolicy"}, Size: 1000, Regional: true},
		},
		Describe: describe,
	}, c, scope)
}

// secret is what is looked at of a listed secret.
//
// Source: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets
type secret struct {
	Rotation *struct {
		Period string `json:"rotationPeriod"`
	} `json:"rotation"`
	ExpireTime string `json:"expireTime"`
}

func describe(e *iampolicy.Entry, r *resource.Resource) {
	var s secret
	if e.Into(&s) != nil {
		return
	}
	r.Set("rotated", s.Rotation != nil && s.Rotation.Period != "", e.Evidence(""))
	r.Set("expires", s.ExpireTime != "", e.Evidence(s.ExpireTime))
}
