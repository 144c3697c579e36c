package providers

import (
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/gcp"
)

// Kinds of every cloud stand in one list, each under its own name.
func TestKinds(t *testing.T) {
	all := Kinds()
	if want := len(aws.Kinds()) + len(azure.Kinds()) + len(gcp.Kinds()); len(all) != want {
		t.Errorf("%d kinds, want %d", len(all), want)
	}
	for i, k := range all {
		if i > 0 && all[i-1].Name >= k.Name {
			t.Errorf("%s comes after %s", k.Name, all[i-1].Name)
		}
		if p := k.Name.Provider(); p != aws.Name && p != azure.Name && p != gcp.Name {
			t.Errorf("%s is of no cloud", k.Name)
		}
	}
	for name, kinds := range map[string][]*collect.Kind{aws.Name: aws.Kinds(), azure.Name: azure.Kinds(), gcp.Name: gcp.Kinds()} {
		if i := slices.IndexFunc(kinds, func(k *collect.Kind) bool { return k.Name.Provider() != name }); i >= 0 {
			t.Errorf("%s is listed among those of %s", kinds[i].Name, name)
		}
	}
}

// A policy says settings.x of whatever kind: one name has one type.
func TestSettingsAgree(t *testing.T) {
	types, first := make(map[string]string), make(map[string]resource.Kind)
	for _, k := range Kinds() {
		for name, s := range k.Settings {
			if of, known := types[name]; known && of != s.Type {
				t.Errorf("setting %s is a %s of %s and a %s of %s", name, of, first[name], s.Type, k.Name)
			}
			types[name], first[name] = s.Type, k.Name
		}
	}
}

// Recordings and counts tell the clouds apart by the names of their calls, and a
// transport that lets out the calls of one lets out none of another. Those that
// find out what there is to audit are among them.
func TestCallsOfCloudsDiffer(t *testing.T) {
	of := make(map[string]string)
	for cloud, calls := range map[string][]string{aws.Name: aws.Calls(), azure.Name: azure.Calls(), gcp.Name: gcp.Calls()} {
		for _, call := range calls {
			if other, taken := of[call]; taken && other != cloud {
				t.Errorf("%s is a call of %s and of %s", call, other, cloud)
			}
			of[call] = cloud
			if service, operation, ok := strings.Cut(call, ":"); !ok || service == "" || operation == "" {
				t.Errorf("%q is not a service and an operation", call)
			}
		}
	}
	for cloud, identity := range map[string][]string{azure.Name: azure.IdentityCalls(), gcp.Name: gcp.IdentityCalls(), aws.Name: {"sts:GetCallerIdentity"}} {
		for _, call := range identity {
			if of[call] != cloud {
				t.Errorf("%s, by which %s is found, is a call of %q", call, cloud, of[call])
			}
		}
	}
}
