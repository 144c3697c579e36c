package azuretest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/azure/arm"
)

const (
	cars = "/subscriptions/aaaaaaaa-0000-0000-0000-000000000001"
	idle = "/subscriptions/aaaaaaaa-0000-0000-0000-000000000002"
	data = cars + "/resourceGroups/data/providers"
)

const example = `
tenant: {id: 11111111-1111-1111-1111-111111111111}
management_groups:
- {id: corp, name: The company}
- {id: cars, parent: corp}
- {id: labs, parent: corp}
subscriptions:
- id: aaaaaaaa-0000-0000-0000-000000000001
  name: Connected cars
  management_group: cars
  unregistered: [microsoft.cache]
  resources:
  - type: Microsoft.Storage/storageAccounts
    name: telemetry
    group: data
    properties: {publicNetworkAccess: Enabled, allowBlobPublicAccess: null}
    children:
      blobServices/default: {properties: {staticWebsite: {enabled: true}}}
      blobServices/default/containers:
      - {name: public, properties: {publicAccess: Container}}
      - null
      - {name: private, type: T, properties: {publicAccess: None}}
  - {type: Microsoft.Storage/storageAccounts, name: second, location: eastus, tags: {team: cars}}
  - type: Microsoft.Compute/galleries
    name: art
    group: data
    properties: {sharingProfile: {permissions: Groups, groups: [{type: AADTenants, ids: [x]}]}}
  - {id: /subscriptions/aaaaaaaa-0000-0000-0000-000000000001/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v, children: {subnets: [{name: mi, properties: {addressPrefix: 10.0.0.0/24}}]}}
  odd: {Microsoft.Storage/storageAccounts: [null, 7, {name: 3}]}
- id: aaaaaaaa-0000-0000-0000-000000000002
  tenant: 22222222-2222-2222-2222-222222222222
  state: Warned
`

func TestListings(t *testing.T) {
	c := start(t, example)
	for what, want := range map[string][]string{
		"/subscriptions": {
			`{"authorizationSource":"RoleBased","displayName":"Connected cars","id":"` + cars + `","managedByTenants":[],"state":"Enabled",` +
				`"subscriptionId":"aaaaaaaa-0000-0000-0000-000000000001","tenantId":"11111111-1111-1111-1111-111111111111"}`,
			`{"authorizationSource":"RoleBased","displayName":"aaaaaaaa-0000-0000-0000-000000000002","id":"` + idle + `","managedByTenants":[],"state":"Warned",` +
				`"subscriptionId":"aaaaaaaa-0000-0000-0000-000000000002","tenantId":"22222222-2222-2222-2222-222222222222"}`,
		},
		groups + "corp/descendants":                                                           {"cars", "labs", "aaaaaaaa-0000-0000-0000-000000000001"},
		groups + "CARS/descendants":                                                           {"aaaaaaaa-0000-0000-0000-000000000001"},
		groups + "labs/descendants":                                                           nil,
		cars + "/providers/Microsoft.Storage/storageAccounts":                                 {"null", "7", `{"name":3}`, "telemetry", "second"},
		strings.ToUpper(cars) + "/PROVIDERS/microsoft.storage/STORAGEACCOUNTS":                {"null", "7", `{"name":3}`, "telemetry", "second"},
		data + "/Microsoft.Storage/storageAccounts":                                           {"telemetry"},
		data + "/Microsoft.Storage/storageAccounts/telemetry/blobServices/default/containers": {"public", "null", "private"},
		data + "/Microsoft.Storage/storageAccounts/TELEMETRY/blobservices/default/Containers": {"public", "null", "private"},
		data + "/Microsoft.Storage/storageAccounts/telemetry/localUsers":                      nil,
		cars + "/providers/Microsoft.Sql/servers":                                             nil,
		idle + "/providers/Microsoft.Storage/storageAccounts":                                 nil,
	} {
		entries, _ := c.all(t, "GET "+what)
		same(t, names(entries), want)
	}
}

func TestSingleThings(t *testing.T) {
	c := start(t, example)
	same(t, c.get(t, "GET "+cars)["tenantId"], "11111111-1111-1111-1111-111111111111")
	same(t, c.get(t, "GET "+data+"/Microsoft.Storage/storageAccounts/telemetry"), object{
		"id": data + "/Microsoft.Storage/storageAccounts/telemetry", "name": "telemetry", "type": "Microsoft.Storage/storageAccounts", "location": "westeurope",
		"properties": object{"publicNetworkAccess": "Enabled", "allowBlobPublicAccess": nil},
	})
	same(t, c.get(t, "GET "+data+"/Microsoft.Storage/storageAccounts/telemetry/blobServices/default"), object{
		"id": data + "/Microsoft.Storage/storageAccounts/telemetry/blobServices/default", "name": "default", "type": "Microsoft.Storage/storageAccounts/blobServices",
		"properties": object{"staticWebsite": object{"enabled": true}},
	})
	same(t, c.get(t, "GET "+data+"/Microsoft.Storage/storageAccounts/telemetry/blobServices/default/containers/public")["type"], "Microsoft.Storage/storageAccounts/blobServices/containers")
	same(t, c.get(t, "GET "+cars+"/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/MI")["properties"], object{"addressPrefix": "10.0.0.0/24"})
}

// TestGalleries: whom a gallery is shared with is said to who asks for it.
func TestGalleries(t *testing.T) {
	c := start(t, example)
	sharing := func(query string) any {
		return c.get(t, "GET "+data+"/Microsoft.Compute/galleries/art?api-version=2025-03-03"+query)["properties"].(object)["sharingProfile"]
	}
	same(t, sharing(""), any(object{"permissions": "Groups"}))
	same(t, sharing("&$expand=SharingProfile/Groups"), any(object{"permissions": "Groups", "groups": []any{object{"type": "AADTenants", "ids": []any{"x"}}}}))
}

func TestRefusals(t *testing.T) {
	c := start(t, example)
	for what, want := range map[string]struct {
		status int
		code   string
	}{
		"GET /subscriptions/aaaaaaaa-0000-0000-0000-00000000000f":                                 {404, "SubscriptionNotFound"},
		"GET /subscriptions/aaaaaaaa-0000-0000-0000-00000000000f/providers/Microsoft.Sql/servers": {404, "SubscriptionNotFound"},
		"GET " + groups + "none/descendants":                                                      {403, "AuthorizationFailed"},
		"GET " + cars + "/providers/Microsoft.Cache/redis":                                        {409, "MissingSubscriptionRegistration"},
		"GET " + data + "/Microsoft.Cache/redis/r/firewallRules":                                  {409, "MissingSubscriptionRegistration"},
		"GET " + cars + "/providers/Microsoft.Nothing/things":                                     {404, "InvalidResourceType"},
		"GET /nothing": {404, "InvalidResourceType"},
		"GET " + data + "/Microsoft.Storage/storageAccounts/none":                                        {404, "ResourceNotFound"},
		"GET " + data + "/Microsoft.Storage/storageAccounts/second":                                      {404, "ResourceNotFound"}, // in another group
		"GET " + data + "/Microsoft.Storage/storageAccounts/none/blobServices/default":                   {404, "ParentResourceNotFound"},
		"GET " + data + "/Microsoft.Storage/storageAccounts/none/localUsers":                             {404, "ParentResourceNotFound"},
		"GET " + data + "/Microsoft.Storage/storageAccounts/telemetry/fileServices/default":              {404, "ResourceNotFound"},
		"GET " + data + "/Microsoft.Storage/storageAccounts/telemetry/blobServices/default/containers/x": {404, "ResourceNotFound"},
		"GET /subscriptions?x=1":                        {400, "MissingApiVersionParameter"},
		"GET /subscriptions?api-version=1&$skiptoken=x": {400, "InvalidSkipToken"},
	} {
		if status, code := c.refused(t, what); status != want.status || code != want.code {
			t.Errorf("%s: %d %s, want %d %s", what, status, code, want.status, want.code)
		}
	}
	if status, code := c.refused(t, "GET /subscriptions", "Authorization", ""); status != 401 || code != "AuthenticationFailed" || c.Writes() != 0 {
		t.Errorf("without a token: %d %s, %d writes", status, code, c.Writes())
	}
}

func TestPaging(t *testing.T) {
	whole, pages := start(t, example).all(t, "GET "+cars+"/providers/Microsoft.Storage/storageAccounts")
	if pages != 1 {
		t.Errorf("%d pages", pages)
	}
	c := start(t, example, WithPageSize(2))
	single, pages := c.all(t, "GET "+cars+"/providers/Microsoft.Storage/storageAccounts")
	same(t, single, whole)
	if pages != 3 {
		t.Errorf("%d pages", pages)
	}
	// A link is good for one listing alone, and leads to the host that was asked.
	link := textOf(c.get(t, "GET "+c.url+cars+"/providers/Microsoft.Storage/storageAccounts?api-version=1")["nextLink"])
	if !strings.HasPrefix(link, c.url+"/") {
		t.Errorf("%s is not at %s", link, c.url)
	}
	_, token, _ := strings.Cut(link, "skiptoken=")
	if status, code := c.refused(t, "GET "+cars+"/providers/Microsoft.Sql/servers?api-version=1&$skiptoken="+token); status != 400 || code != "InvalidSkipToken" {
		t.Errorf("%d %s", status, code)
	}
}

func TestWritesAreRefused(t *testing.T) {
	c := start(t, example)
	for _, what := range []string{
		"PUT " + data + "/Microsoft.Storage/storageAccounts/new", "PATCH " + data + "/Microsoft.Storage/storageAccounts/telemetry",
		"DELETE " + data + "/Microsoft.Storage/storageAccounts/telemetry", "POST " + cars + "/providers/Microsoft.Cache/register",
		"POST " + data + "/Microsoft.Storage/storageAccounts/telemetry/listKeys",
	} {
		if status, code := c.refused(t, what); status != http.StatusMethodNotAllowed || code != "MethodNotAllowed" {
			t.Errorf("%s: %d %s", what, status, code)
		}
	}
	if c.Writes() != 5 {
		t.Errorf("%d writes", c.Writes())
	}
}

func TestCallsAreCounted(t *testing.T) {
	c := start(t, example)
	c.all(t, "GET /subscriptions")
	c.all(t, "GET "+cars+"/providers/Microsoft.Storage/storageAccounts")
	c.ask(t, "GET "+cars+"/x")
	same(t, c.Calls(), map[string]int{"resources:subscriptions.list": 1, "storage:storageAccounts.list": 1, "arm:GET " + cars + "/x": 1})
	log := c.Log()
	same(t, log[1], Call{Operation: "storage:storageAccounts.list", Subscription: cars[len("/subscriptions/"):], Subject: cars + "/providers/Microsoft.Storage/storageAccounts", Status: 200})
	calls := Operations()
	for _, r := range arm.Routes() {
		if !slices.Contains(calls, r.Call) {
			t.Errorf("%s is not served", r.Call)
		}
	}
}

func TestDeterminism(t *testing.T) {
	first, second := start(t, example, WithPageSize(1)), start(t, example, WithPageSize(1))
	second.ask(t, "GET "+data+"/Microsoft.Storage/storageAccounts/none")
	for _, what := range []string{"GET /subscriptions", "GET " + cars + "/providers/Microsoft.Storage/storageAccounts", "GET " + data + "/Microsoft.Storage/storageAccounts/none"} {
		_, a := first.ask(t, what)
		_, b := second.ask(t, what)
		same(t, a, b)
		_, again := first.ask(t, what)
		same(t, again, a)
	}
}
