package azuretape_test

import (
	"testing"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/policies"
	"github.com/andon-audit/andon/providers"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/azuretape"
)

// TestKinds holds every Azure kind to the promises of package conformance, in runs
// that ask what decides the shipped policies and no more:
//
//	go test ./providers/azure/azuretape -run TestKinds/storageaccount -update
func TestKinds(t *testing.T) {
	set, err := policy.Load(policies.FS, audit.Vocabulary(providers.Kinds()), policy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	set = set.For(policy.Verdict)
	conformance.RunKinds(t, "..", len(azure.Kinds()), conformance.Suite{
		Dialect: azuretape.Dialect{}, Open: azuretape.Open, Wants: set.Wants, Proves: set.Proves,
	})
}
