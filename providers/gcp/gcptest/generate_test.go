package gcptest

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
)

const estate = `
organizations: [{id: "9"}]
projects:
  declared:
  - {id: tconnect, number: "5", stock: {storage: [{name: declared}]}}
  generate: {count: 30, buckets: 200, prefix: bench, parent: organizations/9, seed: 7}
`

func TestGenerated(t *testing.T) {
	c := start(t, estate)
	projects, _ := c.pages(t, "cloudresourcemanager.googleapis.com/v3/projects:search", "projects")
	ids := texts(projects, "projectId")
	if len(ids) != 31 || ids[0] != "tconnect" || !slices.IsSorted(ids[1:]) {
		t.Fatalf("%v", ids)
	}
	below, _ := c.pages(t, "cloudresourcemanager.googleapis.com/v3/projects?parent=organizations/9", "projects")
	same(t, texts(below, "projectId"), ids[1:])

	buckets, _ := c.pages(t, "storage.googleapis.com/storage/v1/b?project=bench-00003&projection=full", "items")
	names := texts(buckets, "name")
	if len(names) != 200 || !slices.IsSorted(names) {
		t.Fatalf("%d buckets", len(names))
	}
	byNumber, _ := start(t, estate, WithPageSize(7)).pages(t, "storage.googleapis.com/storage/v1/b?project=700000000003&projection=full", "items")
	same(t, byNumber, buckets)
	other, _ := start(t, strings.Replace(estate, "seed: 7", "seed: 8", 1)).pages(t, "storage.googleapis.com/storage/v1/b?project=bench-00003&projection=full", "items")
	if slices.Equal(texts(other, "name"), names) {
		t.Error("another seed makes the same buckets")
	}
}

// Every bucket that is listed can be asked about, and none other.
func TestGeneratedNames(t *testing.T) {
	c := start(t, estate)
	buckets, _ := c.pages(t, "storage.googleapis.com/storage/v1/b?project=bench-00029", "items")
	for _, name := range texts(buckets, "name") {
		policy := c.get(t, "GET storage.googleapis.com/storage/v1/b/"+name+"/iam")
		if policy["resourceId"] != "projects/_/buckets/"+name {
			t.Errorf("%v", policy)
		}
	}
	for _, name := range []string{
		"bench-00030-00000-logs", "bench-00029-00200-logs", "bench-00029-00000-nothing", "bench-29-0-logs", "bench--0001-00000-logs", "bench-", "bench",
		texts(buckets, "name")[0] + "x",
	} {
		if status, _ := c.ask(t, "GET storage.googleapis.com/storage/v1/b/"+name+"/iam"); status != http.StatusNotFound {
			t.Errorf("%s: %d", name, status)
		}
	}
	for _, project := range []string{"bench-00030", "bench-1", "bench-", "700000000030", "699999999999"} {
		if status, _ := c.ask(t, "GET cloudresourcemanager.googleapis.com/v3/projects/"+project); status != http.StatusForbidden {
			t.Errorf("%s: %d", project, status)
		}
	}
	same(t, c.get(t, "GET pubsub.googleapis.com/v1/projects/bench-00000/topics"), object{})
	same(t, c.get(t, "GET bigquery.googleapis.com/bigquery/v2/projects/bench-00000/datasets")["datasets"], nil)
}

// Every shape occurs, about as often as it should.
func TestGeneratedMix(t *testing.T) {
	w, err := Parse([]byte(estate))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i := range w.generated.Count {
		for k := range w.generated.Buckets {
			seen[kindOf(w.generated.bucket(w.generated.project(i), k))]++
		}
	}
	all := w.generated.Count * w.generated.Buckets
	for kind, percent := range map[string]int{
		"uniform": 62, "prevented": 20, "fine-grained": 12, "public but prevented": 2, "public": 2, "public by its ACL": 2,
	} {
		if got := seen[kind] * 100; got < all*percent*7/10 || got > all*percent*13/10 {
			t.Errorf("%s: %d of %d, want about %d%%", kind, seen[kind], all, percent)
		}
	}
}

func kindOf(b *bucket) string {
	configuration, _ := b.members["iamConfiguration"].(object)
	prevented := configuration["publicAccessPrevention"] == "enforced"
	switch {
	case prevented && b.policy != nil:
		return "public but prevented"
	case b.policy != nil:
		return "public"
	case prevented:
		return "prevented"
	case len(b.acl) > 3:
		return "public by its ACL"
	case b.uniform:
		return "uniform"
	}
	return "fine-grained"
}

// A hundred thousand projects cost no more memory than thirty.
func TestGeneratorHoldsNothing(t *testing.T) {
	w, err := Parse([]byte(strings.Replace(estate, "count: 30, buckets: 200", "count: 100000, buckets: 100000", 1)))
	if err != nil {
		t.Fatal(err)
	}
	c := cloud{Server: NewServer(w)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range 100 {
		p := c.world.projectAt(1 + i*997)
		if b := p.bucketAt(99_999); c.world.bucket(b.name) == nil || c.world.bucket(b.name).owner.ID != p.ID {
			t.Fatalf("%s is lost", b.name)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes are held", grown)
	}
}
