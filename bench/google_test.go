package bench

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

// An organisation of Google Cloud: many projects, each with as many buckets.
const (
	manyProjects      = 500
	bucketsOfProject  = 40
	organisation      = "900000000001"
	organisationWorld = `organizations: [{id: "` + organisation + `", domain: example.com, customer: C0example}]` + "\nprojects:\n"
)

// BenchmarkProjects audits an organisation of 500 projects and 20,000 buckets
// behind a loopback Google Cloud that takes 50 ms for each answer, and next to it
// one such project: what the organisation needs of memory beyond the project is
// what grows with an estate. The projects are used for storage alone: either the
// services that new projects begin with are enabled in them, and each other one
// costs the refusals that say so, or all are, and are empty.
func BenchmarkProjects(b *testing.B) {
	for _, c := range []struct {
		name     string
		projects int
		world    func(projects int) string
		rest     finding.State // of the services that new projects begin without
	}{
		{"usual=1", 1, usualProjects, finding.Skipped},
		{"usual=500", manyProjects, usualProjects, finding.Skipped},
		{"enabled=1", 1, enabledProjects, finding.Complete},
		{"enabled=500", manyProjects, enabledProjects, finding.Complete},
	} {
		b.Run(c.name, func(b *testing.B) {
			server, url := serveGoogle(b, c.world(c.projects))
			for b.Loop() {
				o := auditGoogle(b, server, url, c.projects, c.projects*bucketsOfProject)
				b.Logf("verdicts: %v", o.summary.Levels)
				covered(b, o.summary, c.rest)
			}
		})
	}
}

// BenchmarkEmptyProject audits one project with every service enabled and nothing
// in it: what it costs to find nothing.
func BenchmarkEmptyProject(b *testing.B) {
	server, url := serveGoogle(b, organisationWorld+"- {id: estate-00000, parent: organizations/"+organisation+"}\n")
	for b.Loop() {
		o := auditGoogle(b, server, url, 1, 0)
		covered(b, o.summary, finding.Complete)
	}
}

// serveGoogle starts a loopback Google Cloud of a world.
func serveGoogle(b *testing.B, world string) (server *gcptest.Server, url string) {
	b.Helper()
	parsed, err := gcptest.Parse([]byte(world))
	if err != nil {
		b.Fatal(err)
	}
	server = gcptest.NewServer(parsed, gcptest.WithLatency(latency))
	url, stop, err := server.Start()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	return server, url
}

// auditGoogle audits the organisation behind a URL and reports what it took.
func auditGoogle(b *testing.B, server *gcptest.Server, url string, projects, stores int) outcome {
	b.Helper()
	before := server.Calls()
	o := run(b, nil, "--organization", organisation, "--gcp-endpoint", url)
	o.report(b, stores)
	calls := server.Calls()
	for call, n := range before {
		calls[call] -= n
	}
	if !maps.Equal(calls, o.summary.ByCall) {
		b.Errorf("answered %v, and the audit counts %v", calls, o.summary.ByCall)
	}
	if writes := server.Writes(); writes > 0 {
		b.Errorf("%d requests would have changed something", writes)
	}
	b.ReportMetric(float64(o.summary.Calls)/float64(projects), "calls/project")
	b.Logf("calls: %v", calls)
	return o
}

// covered holds that what new projects begin with was listed to its end
// everywhere, and the rest is in one state.
func covered(b *testing.B, s finding.Summary, rest finding.State) {
	b.Helper()
	for _, c := range s.Coverage {
		want := rest
		if slices.Contains(begun, strings.Split(string(c.Kind), ".")[1]) {
			want = finding.Complete
		}
		if c.State != want {
			b.Errorf("%s in %s: %s, want %s; %d unread: %s", c.Kind, c.Scope.Account, c.State, want, c.Unread, c.Detail)
		}
	}
}

// shape is what a bucket may be, with its share of a hundred.
type shape struct {
	share   int
	members string
}

// shapes are mostly private with uniform access, some old, hardly any shared.
var shapes = []shape{
	{60, `iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: inherited}`},
	{20, `iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: enforced}`},
	{12, `iamConfiguration: {uniformBucketLevelAccess: {enabled: false}}`},
	{2, `iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: enforced}, policy: {bindings: [{role: roles/storage.objectViewer, members: [allUsers]}]}`},
	{2, `iamConfiguration: {uniformBucketLevelAccess: {enabled: true}, publicAccessPrevention: inherited}, policy: {bindings: [{role: roles/storage.objectViewer, members: [allUsers]}]}`},
	{2, `iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}, policy: {bindings: [{role: roles/storage.objectViewer, members: ["user:dealer@example.net"]}]}`},
	{2, `iamConfiguration: {uniformBucketLevelAccess: {enabled: false}}, acl: [{entity: allUsers, role: READER}]`},
}

// begun are the services that are enabled in a new project, of those that are
// audited.
//
// Source: https://cloud.google.com/service-usage/docs/enabled-service#default
var begun = []string{"bigquery", "storage"}

// usualProjects is the world of projects in which nobody enabled anything.
func usualProjects(projects int) string {
	draw, out := rand.New(rand.NewPCG(3, 4)), new(strings.Builder)
	out.WriteString(organisationWorld)
	disabled := strings.Join(otherServices(), ", ")
	for p := range projects {
		fmt.Fprintf(out, "- id: estate-%05d\n  parent: organizations/%s\n  disabled: [%s]\n  stock:\n    storage:\n", p, organisation, disabled)
		for i := range bucketsOfProject {
			at, members := draw.IntN(100), ""
			for _, s := range shapes {
				if members = s.members; at < s.share {
					break
				}
				at -= s.share
			}
			fmt.Fprintf(out, "    - {name: estate-%05d-%05d, location: EU, %s}\n", p, i, members)
		}
	}
	return out.String()
}

// otherServices are those in which a kind is listed and which new projects begin
// without.
func otherServices() []string {
	services := make(map[string]bool)
	for _, k := range gcp.Kinds() {
		for _, l := range k.Lists {
			if service, _, _ := strings.Cut(l.Call, ":"); !slices.Contains(begun, service) {
				services[service] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(services))
}

// enabledProjects is the world of projects in which every service is enabled.
func enabledProjects(projects int) string {
	return organisationWorld + fmt.Sprintf("  generate: {count: %d, buckets: %d, parent: organizations/%s, seed: 1}\n", projects, bucketsOfProject, organisation)
}
