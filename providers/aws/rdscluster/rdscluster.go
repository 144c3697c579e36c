// Package rdscluster collects the Multi-AZ DB clusters of Amazon RDS, and every
// cluster of the RDS API whose engine no other kind knows. kind.yaml declares
// every call.
package rdscluster

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/rdsapi"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.rds.cluster.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

// New returns the collector of an account's clusters in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	return rdsapi.NewClusters(Kind, a, scope, rdsapi.RDS, nil)
}
