package gcptape_test

import (
	"testing"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/policies"
	"github.com/andon-audit/andon/providers"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/gcptape"
)

// TestKinds holds every Google kind to the promises of package conformance, in runs
// that ask what decides the shipped policies and no more:
//
//	go test ./providers/gcp/gcptape -run TestKinds/pubsubtopic -update
func TestKinds(t *testing.T) {
	set, err := policy.Load(policies.FS, audit.Vocabulary(providers.Kinds()), policy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	set = set.For(policy.Verdict)
	conformance.RunKinds(t, "..", len(gcp.Kinds()), conformance.Suite{
		Dialect: gcptape.Dialect{}, Open: gcptape.Open, Wants: set.Wants, Proves: set.Proves,
	})
}
