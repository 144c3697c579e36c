// Package rdsinstance collects Amazon RDS instances: those that belong to no
// cluster, whatever their engine. kind.yaml declares every call.
package rdsinstance

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/rdsapi"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.rds.instance.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

// New returns the collector of an account's instances in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return rdsapi.NewInstances(Kind, a, scope)
}
