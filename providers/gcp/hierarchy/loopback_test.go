package hierarchy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
)

const estateWorld = `
organizations:
- id: "900000000001"
  domain: example.com
  customer: C0example
  deny:
  - {name: one, rules: [{denyRule: {deniedPrincipals: ["principalSet://goog/public:all"], deniedPermissions: ["storage.googleapis.com/buckets.get"]}}]}
  - {name: two, rules: [{denyRule: {deniedPrincipals: ["principalSet://goog/public:all"], deniedPermissions: ["storage.googleapis.com/*.*"], exceptionPermissions: ["storage.googleapis.com/objects.get"]}}]}
  access_policies:
  - name: accessPolicies/77
    perimeters:
    - {name: accessPolicies/77/servicePerimeters/other, title: other, status: {resources: [projects/222222222222], restrictedServices: [storage.googleapis.com]}}
    - {name: accessPolicies/77/servicePerimeters/core, title: core, status: {resources: [folders/500000000001], restrictedServices: [storage.googleapis.com]}}
folders:
- {id: "500000000001", parent: organizations/900000000001}
projects:
- id: tconnect
  number: "111111111111"
  parent: folders/500000000001
  deny: [{name: readers, rules: [{denyRule: {deniedPrincipals: ["principalSet://goog/public:all"], deniedPermissions: ["storage.googleapis.com/objects.get"]}}]}]
  org_policies: {storage.publicAccessPrevention: {rules: [{enforce: true}]}}
`

// TestLoopback holds that real bytes come to the same in pages of any size.
func TestLoopback(t *testing.T) {
	world, err := gcptest.Parse([]byte(estateWorld))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"VPC Service Controls perimeter core: private on [policy named-policy], can []",
		"deny policy readers of projects/tconnect: private on [policy named-policy], can [read]",
		"deny policy two of organizations/900000000001: private on [policy named-policy], can [list write delete read-acl take-over configure read-meta]",
	}
	for name, options := range map[string][]gcptest.Option{"in one page": nil, "in pages of one": {gcptest.WithPageSize(1)}} {
		t.Run(name, func(t *testing.T) {
			server := gcptest.NewServer(world, options...)
			url, stop, err := server.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			c, err := api.Open(t.Context(), api.Options{Offline: true, Endpoint: url, Transport: server.Transport(), Ancestors: true, Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			c.Know("tconnect", "111111111111")
			project, r := hierarchy.Of(c, "tconnect"), new(resource.Resource)
			for _, q := range project.Questions(bucket, guarded) {
				if err := q.Ask(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, told(r)); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if o, ok, err := project.Organisation(t.Context()); err != nil || !ok || o != (hierarchy.Organisation{Name: "organizations/900000000001", Domain: "example.com", Customer: "C0example"}) {
				t.Errorf("%+v, %t, %v", o, ok, err)
			}
			if p, err := project.EffectivePolicy(t.Context(), "storage.publicAccessPrevention"); err != nil || p.Enforcement != hierarchy.Enforced {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}
