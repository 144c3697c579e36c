package policies_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/policies"
	"github.com/andon-audit/andon/providers/aws/awstape"
	"github.com/andon-audit/andon/providers/azure/azuretape"
	"github.com/andon-audit/andon/providers/gcp/gcptape"
)

// recordings are the collectors' own: "aws/s3bucket/public-acl" is the file
// public-acl.txtar in the testdata of that kind, replayed by the real provider
// through the cloud's real SDK.
type recordings struct{}

var _ policy.Givens = recordings{}

// clouds are how the recordings of each cloud are played.
var clouds = map[string]conformance.Suite{
	"aws": {Dialect: awstape.Dialect{}, Open: awstape.Open},
	"gcp": {Dialect: gcptape.Dialect{}, Open: gcptape.Open},

	"azure": {Dialect: azuretape.Dialect{}, Open: azuretape.Open},
}

// Given implements policy.Givens.
func (recordings) Given(ctx context.Context, name, denied string, depth policy.Depth, want *policy.Set) ([]resource.Resource, error) {
	folder, file := filepath.Split(filepath.FromSlash(name))
	home := filepath.Join("..", "providers", folder)
	text, err := os.ReadFile(filepath.Join(home, "kind.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read declaration of %s: %w", name, err)
	}
	kind, err := collect.ParseKind(text)
	if err != nil {
		return nil, err
	}
	recording, err := conformance.ReadRecording(filepath.Join(home, "testdata", file+".txtar"))
	if err != nil {
		return nil, err
	}
	suite := clouds[kind.Name.Provider()]
	suite.Kind, suite.Proves = kind, want.Proves
	wants := want.Wants
	if depth == policy.Full {
		wants = nil
	}
	stores, err := suite.Replay(ctx, recording, denied, wants)
	if err != nil {
		return nil, err
	}
	given := make([]resource.Resource, 0, len(stores))
	for _, r := range stores {
		given = append(given, *r)
	}
	return given, nil
}

// TestExamplesOnRecordings runs every example that names a recording. Between
// them each policy passes, fails and stays unknown on what a cloud really said.
func TestExamplesOnRecordings(t *testing.T) {
	seen := make(map[string]map[finding.Outcome]bool)
	for _, r := range load(t, policies.FS).Test(t.Context(), "", recordings{}) {
		if r.Example.Given == "" {
			continue
		}
		if !r.OK() {
			t.Errorf("%s: %s: got %s (%v), want %s", r.Policy, r.Example.Name, r.Got, r.Err, r.Example.Want)
		}
		if seen[r.Policy] == nil {
			seen[r.Policy] = make(map[finding.Outcome]bool)
		}
		seen[r.Policy][r.Got] = true
	}
	for _, p := range load(t, policies.FS).Policies() {
		for _, want := range []finding.Outcome{finding.Pass, finding.Fail, finding.Unknown} {
			if !seen[p.ID][want] {
				t.Errorf("%s: no example on a recording gives %s", p.ID, want)
			}
		}
	}
}

// TestExposuresAreProven shows that whoever is told that strangers get in is
// given the request with which they do, and where the cloud said so.
func TestExposuresAreProven(t *testing.T) {
	proven := 0
	for _, r := range load(t, policies.FS).Test(t.Context(), "", recordings{}) {
		if r.Example.Given == "" || r.Got != finding.Fail {
			continue
		}
		for _, path := range r.Finding.Paths {
			if path.Range.Least < exposure.Tenant {
				continue
			}
			if path.Grant.Witness == nil || len(path.Grant.Because) == 0 {
				t.Errorf("%s: %s: nothing proves %+v", r.Policy, r.Example.Name, path.Grant)
			}
			proven++
		}
	}
	if proven == 0 {
		t.Error("no example on a recording shows an exposure")
	}
}
