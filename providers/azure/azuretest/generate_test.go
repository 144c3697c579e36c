package azuretest

import (
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

const estate = `
management_groups: [{id: corp}]
subscriptions:
  declared: [{id: aaaaaaaa-0000-0000-0000-000000000001, resources: [{type: Microsoft.Storage/storageAccounts, name: declared}]}]
  generate: {count: 30, accounts: 200, prefix: bench, management_group: corp, seed: 7}
`

const third = "/subscriptions/99999999-0000-4000-8000-000000000003"

func TestGenerated(t *testing.T) {
	c := start(t, estate)
	all, _ := c.all(t, "GET /subscriptions")
	below, _ := c.all(t, "GET "+groups+"corp/descendants")
	if len(all) != 31 || len(below) != 30 {
		t.Fatalf("%d and %d", len(all), len(below))
	}
	accounts, _ := c.all(t, "GET "+third+"/providers/Microsoft.Storage/storageAccounts")
	if len(accounts) != 200 || !slices.IsSorted(names(accounts)) {
		t.Fatalf("%d accounts", len(accounts))
	}
	paged, _ := start(t, estate, WithPageSize(7)).all(t, "GET "+third+"/providers/Microsoft.Storage/storageAccounts")
	same(t, paged, accounts)
	other, _ := start(t, strings.Replace(estate, "seed: 7", "seed: 8", 1)).all(t, "GET "+third+"/providers/Microsoft.Storage/storageAccounts")
	if string(loopback.Render(other)) == string(loopback.Render(accounts)) {
		t.Error("another seed makes the same accounts")
	}
	servers, _ := c.all(t, "GET "+third+"/providers/Microsoft.Sql/servers")
	if len(servers) != 0 {
		t.Errorf("%v", servers)
	}
}

// TestGeneratedNames: every account that is listed can be asked about, and none
// other.
func TestGeneratedNames(t *testing.T) {
	c := start(t, estate)
	accounts, _ := c.all(t, "GET "+third+"/providers/Microsoft.Storage/storageAccounts")
	for _, entry := range accounts {
		id := textOf(entry.(object)["id"])
		same(t, c.get(t, "GET "+id), entry.(object))
		c.get(t, "GET "+id+"/blobServices/default")
		c.all(t, "GET "+id+"/blobServices/default/containers")
	}
	const inside = third + "/resourceGroups/data/providers/Microsoft.Storage/storageAccounts/"
	for _, path := range []string{
		inside + "bench0000300200", inside + "bench000030020", inside + "bench0000400001", inside + "bench00003+0001",
		third + "/resourceGroups/other/providers/Microsoft.Storage/storageAccounts/bench0000300001",
		"/subscriptions/99999999-0000-4000-8000-000000000030", "/subscriptions/99999999-0000-4000-8000-00000000001x",
	} {
		if status, _ := c.refused(t, "GET "+path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestGeneratedMix: every shape occurs, about as often as it should.
func TestGeneratedMix(t *testing.T) {
	w, err := Parse([]byte(estate))
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for i := range w.generated.Count {
		for k := range w.generated.Accounts {
			seen[kindOf(w.generated.account(i, k))]++
		}
	}
	all := w.generated.Count * w.generated.Accounts
	for kind, percent := range map[string]int{"closed": 58, "unreachable": 16, "firewalled": 10, "latent": 10, "unset": 3, "public": 2, "website": 1} {
		if got := seen[kind] * 100; got < all*percent*6/10 || got > all*percent*14/10 {
			t.Errorf("%s: %d of %d, want about %d%%", kind, seen[kind], all, percent)
		}
	}
}

func kindOf(t *thing) string {
	properties, _ := t.members["properties"].(object)
	website := t.children["blobservices/default"].object["properties"].(object)["staticWebsite"].(object)["enabled"] == true
	containers := t.children["blobservices/default/containers"].list
	allowed, set := properties["allowBlobPublicAccess"].(bool)
	switch {
	case website:
		return "website"
	case properties["publicNetworkAccess"] == "Disabled":
		return "unreachable"
	case properties["networkAcls"] != nil:
		return "firewalled"
	case !set:
		return "unset"
	case !allowed:
		return "closed"
	case strings.Contains(string(loopback.Render(containers)), `"Blob"`):
		return "public"
	}
	return "latent"
}

// TestGeneratorHoldsNothing: a hundred thousand subscriptions cost no more memory
// than thirty.
func TestGeneratorHoldsNothing(t *testing.T) {
	w, err := Parse([]byte(strings.Replace(estate, "count: 30, accounts: 200", "count: 100000, accounts: 100000", 1)))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range 100 {
		s := w.at(1 + i*997)
		if a := s.resourceAt(accountType, 99_999); w.subscription(s.ID).resource(a.id).name != a.name {
			t.Fatalf("%s is lost", a.id)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("%d bytes are held", grown)
	}
}
