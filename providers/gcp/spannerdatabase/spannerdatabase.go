// Package spannerdatabase collects Spanner databases: a database's policy, and
// that of its instance, can let others read it. kind.yaml declares every call;
// none reads a row.
package spannerdatabase

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.spanner.database.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's Spanner databases.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "spanner.database", Type: "spanner.googleapis.com/Database",
		Chains: []iampolicy.Chain{
			{Lists: []string{"spanner:projects.instances.list", "spanner:projects.instances.databases.list"}, Policy: []string{"spanner:projects.instances.databases.getIamPolicy"}, Size: 1000},
		},
		Parents:  []string{"spanner:projects.instances.getIamPolicy"},
		Describe: describe,
	}, c, scope)
}

// describe tells whether the database can be dropped.
//
// Source: https://cloud.google.com/spanner/docs/reference/rest/v1/projects.instances.databases
func describe(e *iampolicy.Entry, r *resource.Resource) {
	var d struct {
		EnableDropProtection bool `json:"enableDropProtection"`
	}
	if e.Into(&d) != nil {
		return
	}
	r.Set("drop_protection", d.EnableDropProtection, e.Evidence(""))
}
