//go:build e2e

package azurite

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/azure/azuretest"
)

const (
	tenant       = "11111111-1111-1111-1111-111111111111"
	subscription = "aaaaaaaa-0000-0000-0000-000000000001"
	group        = "cars"
)

// container is one of an account. Without a word, its level is null.
type container struct{ name, access string }

// open reports whether the container's level lets in whoever has no credential.
func (c container) open() bool { return c.access == "Blob" || c.access == "Container" }

// account is a storage account, of Resource Manager and of the emulator.
type account struct {
	name       string
	permits    any            // allowBlobPublicAccess: true, false or nil
	properties map[string]any // beside that
	website    bool
	containers []container
	// Of an account that something other than its containers' levels closes, the
	// name of that; and the verdict, which is not the emulator's to say.
	closedBy string
	verdict  string
	why      string
}

// latent reports whether the account permits what none of its containers does.
func (a account) latent() bool {
	return a.permits != false && !slices.ContainsFunc(a.containers, container.open)
}

// everyLevel are containers of each of them.
var everyLevel = []container{{"downloads", "Blob"}, {"telemetry", "Container"}, {"ledgers", "None"}, {"unset", ""}}

// estate is all that is compared.
func estate() []account {
	fixed := []account{
		{
			name: "vehicles", permits: true, verdict: "public", containers: everyLevel,
			why: "the account permits what its containers say",
		},
		{
			name: "vehicleslegacy", permits: nil, verdict: "public", containers: everyLevel,
			// Source: https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-configure
			why: "an account that never said so permits it",
		},
		{
			name: "vehiclesblob", permits: true, verdict: "public", containers: []container{{"firmware", "Blob"}, {"keys", "None"}},
			why: "whoever knows a blob's name reads it",
		},
		{
			name: "vehiclesquiet", permits: true, verdict: "reachable", containers: []container{{"ledgers", "None"}, {"unset", ""}},
			why: "no container lets anybody in: what is left is the owner's keys from everywhere",
		},
		{
			name: "vehiclesroot", permits: true, verdict: "public", containers: []container{{"$root", "Container"}, {"ledgers", "None"}},
			why: "the root container is a container",
		},
		{
			name: "vehiclesoff", permits: false, verdict: "reachable", containers: everyLevel, closedBy: "allowBlobPublicAccess",
			// Source: https://learn.microsoft.com/azure/storage/blobs/anonymous-read-access-prevent
			why: "the account's switch takes precedence over the level of a container",
		},
		{
			name: "vehicleswalled", permits: true, verdict: "shared", containers: everyLevel, closedBy: "storage firewall",
			properties: map[string]any{"networkAcls": map[string]any{
				"bypass": "None", "defaultAction": "Deny", "ipRules": []any{map[string]any{"value": "203.0.113.0/24", "action": "Allow"}}, "virtualNetworkRules": []any{},
			}},
			// Source: https://learn.microsoft.com/azure/storage/common/storage-network-security
			why: "network rules apply to anonymous requests too",
		},
		{
			name: "vehiclesdark", permits: true, verdict: "private", containers: everyLevel, closedBy: "public network access",
			properties: map[string]any{"publicNetworkAccess": "Disabled"},
			// Source: https://learn.microsoft.com/azure/storage/common/storage-network-security
			why: "without public network access nothing but private endpoints answers",
		},
		{
			name: "vehiclessite", permits: false, website: true, verdict: "public", containers: []container{{"$web", "None"}}, closedBy: "allowBlobPublicAccess",
			// Source: https://learn.microsoft.com/azure/storage/blobs/storage-blob-static-website
			why: "a static website is public whatever the account says; its blob endpoint is not",
		},
	}
	return append(fixed, drawn()...)
}

const (
	seed            = 20260101
	drawnAccounts   = 6
	drawnContainers = 8 // andon names no more of a level in words
)

// drawn are accounts whose containers have levels as they come, in the spelling of
// any client: Resource Manager compares them without case.
func drawn() []account {
	r := rand.New(rand.NewPCG(seed, 1))
	accounts := make([]account, 0, drawnAccounts)
	for i := range drawnAccounts {
		a := account{name: fmt.Sprintf("drawn%d", i), permits: true, verdict: "reachable", why: "the widest level of its containers"}
		for n := range drawnContainers {
			c := container{fmt.Sprintf("c%d-%x", n, r.Uint32()), []string{"None", "", "Blob", "Container"}[r.IntN(4)]}
			if c.open() {
				a.verdict = "public"
			}
			a.containers = append(a.containers, c)
		}
		accounts = append(accounts, a)
	}
	return accounts
}

// names are those of the accounts.
func names(accounts []account) []string {
	var found []string
	for _, a := range accounts {
		found = append(found, a.name)
	}
	return found
}

// document is the account in Resource Manager. Its blob endpoint is the
// emulator's.
func (a account) document(blobs string) map[string]any {
	properties := map[string]any{
		"publicNetworkAccess": "Enabled", "allowBlobPublicAccess": a.permits, "supportsHttpsTrafficOnly": true,
		"networkAcls":      map[string]any{"bypass": "AzureServices", "defaultAction": "Allow", "ipRules": []any{}, "virtualNetworkRules": []any{}},
		"primaryEndpoints": map[string]any{"blob": blobs + "/" + a.name + "/"},
	}
	for key, value := range a.properties {
		properties[key] = value
	}
	containers := make([]any, 0, len(a.containers))
	for _, c := range a.containers {
		var access any
		if c.access != "" {
			access = c.access
		}
		containers = append(containers, map[string]any{"name": c.name, "properties": map[string]any{"publicAccess": access}})
	}
	return map[string]any{
		"type": "Microsoft.Storage/storageAccounts", "name": a.name, "group": group, "kind": "StorageV2", "properties": properties,
		"children": map[string]any{
			"blobServices/default":            map[string]any{"properties": map[string]any{"staticWebsite": map[string]any{"enabled": a.website}}},
			"blobServices/default/containers": containers,
		},
	}
}

// world is the subscription in which the accounts are. JSON is YAML, too.
func world(t testing.TB, blobs string, accounts []account, faults ...map[string]any) *azuretest.World {
	t.Helper()
	resources := make([]any, 0, len(accounts))
	for _, a := range slices.Backward(accounts) { // whatever the order
		resources = append(resources, a.document(blobs))
	}
	text, err := json.Marshal(map[string]any{
		"tenant":        map[string]any{"id": tenant},
		"subscriptions": []any{map[string]any{"id": subscription, "name": "Connected cars", "resources": resources}},
		"faults":        faults,
	})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := azuretest.Parse(text)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, strings.ReplaceAll(string(text), `{"children"`, "\n"+`{"children"`))
	}
	return parsed
}
