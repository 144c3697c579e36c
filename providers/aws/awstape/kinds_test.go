package awstape_test

import (
	"testing"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/policies"
	"github.com/andon-audit/andon/providers"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/aws/awstape"
)

// TestKinds holds every AWS kind to the promises of package conformance, in runs
// that ask what decides the shipped policies and no more:
//
//	go test ./providers/aws/awstape -run TestKinds/s3bucket -update
func TestKinds(t *testing.T) {
	set, err := policy.Load(policies.FS, audit.Vocabulary(providers.Kinds()), policy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	set = set.For(policy.Verdict)
	conformance.RunKinds(t, "..", len(aws.Kinds()), conformance.Suite{
		Dialect: awstape.Dialect{}, Open: awstape.Open, Wants: set.Wants, Proves: set.Proves,
	})
}
