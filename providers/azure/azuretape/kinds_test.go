package azuretape_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/conformance"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/policies"
	"github.com/andon-audit/andon/providers"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/azuretape"
)

// TestKinds holds every Azure kind to the promises of package conformance. A new
// kind is examined as soon as it has a folder, and fails until it has recordings:
//
//	go test ./providers/azure/azuretape -run TestKinds/storageaccount -update
func TestKinds(t *testing.T) {
	declarations, err := filepath.Glob("../*/kind.yaml")
	if err != nil || len(declarations) != len(azure.Kinds()) {
		t.Fatalf("there are %d kinds and %d declarations: %v", len(azure.Kinds()), len(declarations), err)
	}
	set := shipped(t)
	for _, file := range declarations {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(file)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			conformance.Run(t, conformance.Suite{
				Kind: collect.MustParseKind(text), Folder: filepath.Join(folder, "testdata"),
				Dialect: azuretape.Dialect{}, Open: azuretape.Open, Wants: set.Wants, Proves: set.Proves,
			})
		})
	}
}

// shipped is what a run asks that decides the shipped policies and no more.
func shipped(t *testing.T) *policy.Set {
	t.Helper()
	words := policy.Vocabulary{Settings: make(map[string]policy.Type), Actions: resource.Actions()}
	for _, k := range slices.Concat(providers.Kinds(), azure.Kinds()) {
		words.Kinds = append(words.Kinds, k.Name)
		words.Classes = append(words.Classes, k.Class)
		words.Channels = slices.AppendSeq(words.Channels, maps.Keys(k.Channels))
		for name, s := range k.Settings {
			words.Settings[name] = policy.Type(s.Type)
		}
	}
	set, err := policy.Load(policies.FS, words, policy.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return set.For(policy.Verdict)
}
