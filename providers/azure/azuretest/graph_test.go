package azuretest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

const graphWorld = `
tenant: {id: 11111111-1111-1111-1111-111111111111}
management_groups:
- {id: corp, name: The company}
- {id: cars, name: Cars, parent: corp}
subscriptions:
- id: aaaaaaaa-0000-0000-0000-000000000001
  name: Connected cars
  management_group: cars
  resources:
  - type: Microsoft.Storage/storageAccounts
    name: telemetry
    group: Data
    location: WestEurope
    kind: StorageV2
    sku: {name: Standard_LRS}
    properties: {allowBlobPublicAccess: null}
    children: {blobServices/default/containers: [{name: public}]}
  - {type: Microsoft.Storage/storageAccounts, name: late, indexed: false}
  - {type: Microsoft.Sql/servers, name: crm, tags: {team: cars}}
  odd: {Microsoft.Storage/storageAccounts: [null, 7]}
- id: aaaaaaaa-0000-0000-0000-000000000002
  management_group: corp
  resources: [{type: Microsoft.Storage/storageAccounts, name: dealers}]
- {id: aaaaaaaa-0000-0000-0000-000000000003}
`

// query sends a body to the graph, and decodes what it answers.
func (c tenancy) query(t *testing.T, body string) (status int, document object, header http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, manager+graphPath+"?api-version=2024-04-01", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer x")
	a, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	if err := json.NewDecoder(a.Body).Decode(&document); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return a.StatusCode, document, a.Header
}

// found is what a query of the whole tenant finds: names where it says them.
func (c tenancy) found(t *testing.T, kql string) []string {
	t.Helper()
	status, document, _ := c.query(t, string(loopback.Render(object{"query": kql})))
	data, ok := document["data"].([]any)
	if status != http.StatusOK || !ok {
		t.Fatalf("%s: %d %v", kql, status, document)
	}
	return names(data)
}

// wrong is how a query is refused: the codes of the details, and the last token.
func wrong(document object) (code, details string) {
	refusal, _ := document["error"].(object)
	list, _ := refusal["details"].([]any)
	for _, entry := range list {
		detail, _ := entry.(object)
		details = strings.TrimSpace(details + " " + textOf(detail["code"]) + " " + textOf(detail["token"]))
	}
	return textOf(refusal["code"]), details
}

func TestGraph(t *testing.T) {
	c := start(t, graphWorld)
	status, document, header := c.query(t, `{"query": "Resources | where name == 'telemetry'", "subscriptions": ["AAAAAAAA-0000-0000-0000-000000000001"]}`)
	row := object{
		"id": cars + "/resourceGroups/Data/providers/Microsoft.Storage/storageAccounts/telemetry", "name": "telemetry", "type": "microsoft.storage/storageaccounts",
		"tenantId": "11111111-1111-1111-1111-111111111111", "kind": "StorageV2", "location": "westeurope", "resourceGroup": "data",
		"subscriptionId": "aaaaaaaa-0000-0000-0000-000000000001", "managedBy": "", "sku": object{"name": "Standard_LRS"}, "plan": nil,
		"properties": object{"allowBlobPublicAccess": nil}, "tags": nil, "identity": nil, "zones": nil, "extendedLocation": nil,
	}
	same(t, document, object{"totalRecords": 1.0, "count": 1.0, "resultTruncated": "false", "facets": []any{}, "data": []any{row}})
	same(t, []any{status, header.Get("X-Ms-User-Quota-Remaining"), header.Get("X-Ms-User-Quota-Resets-After"), header.Get("X-Ms-Tenant-Subscription-Limit-Hit")},
		[]any{200, "14", "00:00:05", ""})
	_, document, _ = c.query(t, `{"query": "resources | where name == 'crm' | project name, tags", "options": {"resultFormat": "table", "authorizationScopeFilter": "AtScopeAndBelow"}}`)
	same(t, document["data"], any(object{
		"columns": []any{object{"name": "name", "type": "string"}, object{"name": "tags", "type": "object"}},
		"rows":    []any{[]any{"crm", object{"team": "cars"}}},
	}))
	same(t, c.Log()[0], Call{Operation: graphCall, Subscription: "aaaaaaaa-0000-0000-0000-000000000001", Subject: graphPath, Status: 200})
	if c.Writes() != 0 {
		t.Error("a query writes nothing")
	}
	if status, code := c.refused(t, "POST "+graphPath, "Authorization", ""); status != http.StatusUnauthorized || code != "AuthenticationFailed" {
		t.Errorf("without a token: %d %s", status, code)
	}
	if status, code := c.refused(t, "POST "+graphPath+"?x=1"); status != http.StatusBadRequest || code != "MissingApiVersionParameter" {
		t.Errorf("without a version: %d %s", status, code)
	}
}

// TestGraphFinds: resources are found by what the language says of them. What is
// in a resource, what stands oddly in a listing, and what came a moment ago are
// not in the graph.
func TestGraphFinds(t *testing.T) {
	c := start(t, graphWorld)
	for _, tc := range []struct {
		kql  string
		want []string
	}{
		{"Resources", []string{"crm", "telemetry", "dealers"}},
		{"RESOURCES | where type =~ 'Microsoft.Storage/storageAccounts'", []string{"telemetry", "dealers"}},
		{"resources | where type == 'Microsoft.Storage/storageAccounts'", nil},
		{"resources | where type == 'microsoft.storage/storageaccounts'", []string{"telemetry", "dealers"}},
		{"resources\n| where type in~ ('microsoft.SQL/servers', \"microsoft.cache/redis\") // both", []string{"crm"}},
		{"resources | where type in ('microsoft.sql/servers', 'x')", []string{"crm"}},
		{"resources | where type in ('microsoft.SQL/servers')", nil},
		{"resources | where type =~ 'microsoft.sql/servers' and resourceGroup == 'RG'", nil},
		{"resources | where resourceGroup == 'data' | where location =~ 'WestEurope'", []string{"telemetry"}},
		{"resources | project name, id, type | order by name asc", []string{"crm", "dealers", "telemetry"}},
		{"resources | sort by name", []string{"telemetry", "dealers", "crm"}},
		{"resources | order by type desc, name desc", []string{"telemetry", "dealers", "crm"}},
		{"resources | order by id asc | limit 1", []string{"telemetry"}},
		{"resources | take 2 | order by name asc", []string{"crm", "telemetry"}},
		{"resources | limit 0", nil},
		{"ResourceContainers | where type == 'microsoft.resources/subscriptions' | order by id asc | project name", []string{"Connected cars", "aaaaaaaa-0000-0000-0000-000000000002", "aaaaaaaa-0000-0000-0000-000000000003"}},
		{"resourcecontainers | where type =~ 'microsoft.resources/subscriptions/resourceGroups' | order by name desc", []string{"rg", "rg", "Data"}},
		{"resourcecontainers | where type =~ 'microsoft.management/managementgroups'", []string{"corp", "cars"}},
	} {
		same(t, c.found(t, tc.kql), tc.want)
	}
	_, document, _ := c.query(t, `{"query": "ResourceContainers | where name in ('Connected cars', 'cars') | project properties"}`)
	same(t, document["data"], any([]any{
		object{"properties": object{
			"displayName": "Cars", "tenantId": "11111111-1111-1111-1111-111111111111",
			"details": object{"managementGroupAncestorsChain": []any{object{"name": "corp", "displayName": "The company"}}},
		}},
		object{"properties": object{
			"state": "Enabled", "managementGroupAncestorsChain": []any{object{"name": "cars", "displayName": "Cars"}, object{"name": "corp", "displayName": "The company"}},
		}},
	}))
}

// TestGraphRefuses: what is not understood is an error, and never an answer.
func TestGraphRefuses(t *testing.T) {
	c := start(t, graphWorld)
	for _, tc := range []struct{ body, want string }{
		{`{"query": "Resources | summarize count()"}`, "InvalidQuery InvalidQueryLanguage summarize"},
		{`{"query": "Resources | parse id with * '/providers/' x"}`, "ParserFailure *"},
		{`{"query": "Resources | where name contains 'a'"}`, "InvalidQuery ParserFailure contains"},
		{`{"query": "Resources | where name == 'a' or name == 'b'"}`, "InvalidQuery ParserFailure or"},
		{`{"query": "Resources | where (name == 'a')"}`, "InvalidQuery InvalidQuery ("},
		{`{"query": "Resources | where name == a"}`, "InvalidQuery ParserFailure a"},
		{`{"query": "Resources | where name == 'a"}`, "InvalidQuery ParserFailure '"},
		{`{"query": "Resources | where name in ('a'"}`, "InvalidQuery ParserFailure"},
		{`{"query": "Resources | where name in 'a'"}`, "InvalidQuery ParserFailure 'a'"},
		{`{"query": "Resources | where Name == 'a'"}`, "InvalidQuery InvalidQuery Name"},
		{`{"query": "Resources | where properties == 'a'"}`, "InvalidQuery InvalidQuery properties"},
		{`{"query": "Resources | where properties.x == 'a'"}`, "InvalidQuery ParserFailure ."},
		{`{"query": "Resources | project name | where id == 'a'"}`, "InvalidQuery InvalidQuery id"},
		{`{"query": "Resources | project tolower(name)"}`, "InvalidQuery InvalidQuery tolower"},
		{`{"query": "Resources | project n = name"}`, "InvalidQuery ParserFailure ="},
		{`{"query": "Resources | order name"}`, "InvalidQuery ParserFailure name"},
		{`{"query": "Resources | order by tags"}`, "InvalidQuery InvalidQuery tags"},
		{`{"query": "Resources | order by name nulls first"}`, "InvalidQuery ParserFailure nulls"},
		{`{"query": "Resources | limit many"}`, "InvalidQuery ParserFailure many"},
		{`{"query": "Resources |"}`, "InvalidQuery InvalidQueryLanguage"},
		{`{"query": "Resources where name == 'a'"}`, "InvalidQuery ParserFailure where"},
		{`{"query": "SecurityResources"}`, "DisallowedLogicalTableName"},
		{`{"query": ""}`, "DisallowedLogicalTableName"},
		{`{"query": 7}`, "InvalidRequestContent"},
		{`{`, "InvalidRequestContent"},
		{`{"query": "Resources", "facets": [{"expression": "location"}]}`, "InvalidRequestContent"},
		{`{"query": "Resources", "options": {"$top": 1001}}`, "InvalidRequestContent"},
		{`{"query": "Resources", "options": {"$top": 0}}`, "InvalidRequestContent"},
		{`{"query": "Resources", "options": {"$skip": -1}}`, "InvalidRequestContent"},
		{`{"query": "Resources", "options": {"resultFormat": "csv"}}`, "InvalidRequestContent"},
		{`{"query": "Resources", "options": {"authorizationScopeFilter": "All"}}`, "InvalidRequestContent"},
		{`{"query": "Resources", "options": {"$skipToken": "x"}}`, "InvalidSkipToken"},
		{`{"query": "Resources", "subscriptions": ["aaaaaaaa-0000-0000-0000-000000000001"], "managementGroups": ["corp"]}`, "InvalidRequestContent"},
		{`{"query": "Resources", "subscriptions": ["x"]}`, "SubscriptionsContainInvalidGuids"},
		{`{"query": "Resources", "subscriptions": ["aaaaaaaa-0000-0000-0000-00000000000f"]}`, "NoValidSubscriptionsInQueryRequest"},
		{`{"query": "Resources", "managementGroups": ["none"]}`, "NoValidSubscriptionsInQueryRequest"},
	} {
		status, document, _ := c.query(t, tc.body)
		if code, details := wrong(document); status != http.StatusBadRequest || code != "BadRequest" || !strings.HasSuffix(details, tc.want) {
			t.Errorf("%s: %d %s, %q, want %q", tc.body, status, code, details, tc.want)
		}
	}
	_, document, _ := c.query(t, "{\"query\": \"Resources\\n  | where  name <> 'a'\"}")
	same(t, document, object{"error": object{
		"code": "BadRequest", "message": document["error"].(object)["message"], "details": []any{
			object{"code": "InvalidQuery", "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."},
			object{"code": "ParserFailure", "message": "ParserFailure", "line": 2.0, "characterPositionInLine": 16.0, "token": "<"},
		},
	}})
}

// TestGraphPages: a token leads on, to the same query alone; and there is none
// where rows have no id or the query says how many it wants.
func TestGraphPages(t *testing.T) {
	const all = `{"query": "Resources | project id, name | order by id asc"`
	for _, tc := range []struct {
		opts         []Option
		options      string
		pages, count int
	}{
		{nil, `"$top": 1000`, 1, 3},
		{nil, `"$top": 1`, 3, 3},
		{[]Option{WithPageSize(2)}, `"$top": 1000`, 2, 3},
		{nil, `"$top": 1, "$skip": 1`, 2, 2},
		{nil, `"$skip": 9`, 1, 0},
	} {
		c, token, pages, count := start(t, graphWorld, tc.opts...), "", 0, 0
		for {
			status, document, _ := c.query(t, all+`, "options": {`+tc.options+`, "$skipToken": "`+token+`"}}`)
			if status != http.StatusOK || document["totalRecords"] != 3.0 || document["resultTruncated"] != "false" {
				t.Fatalf("%d %v", status, document)
			}
			pages, count, token = pages+1, count+len(document["data"].([]any)), textOf(document["$skipToken"])
			if token == "" {
				break
			}
		}
		same(t, []int{pages, count}, []int{tc.pages, tc.count})
	}
	c := start(t, graphWorld)
	_, document, _ := c.query(t, all+`, "options": {"$top": 1}}`)
	token := textOf(document["$skipToken"])
	if status, document, _ := c.query(t, `{"query": "Resources | project id", "options": {"$skipToken": "`+token+`"}}`); status != http.StatusBadRequest {
		t.Errorf("a token of another query: %v", document)
	}
	for _, kql := range []string{"Resources | project name", "Resources | project id | limit 2"} {
		if _, document, _ := c.query(t, `{"query": "`+kql+`", "options": {"$top": 1}}`); document["resultTruncated"] != "true" || document["$skipToken"] != nil || document["count"] != 1.0 {
			t.Errorf("%s: %v", kql, document)
		}
	}
	same(t, c.found(t, "Resources | project id, name | limit 2"), []string{"crm", "telemetry"})
}

func TestGraphScopes(t *testing.T) {
	c := start(t, graphWorld)
	for _, tc := range []struct {
		scope string
		want  []string
	}{
		{`"subscriptions": ["aaaaaaaa-0000-0000-0000-000000000002", "aaaaaaaa-0000-0000-0000-00000000000f"]`, []string{"dealers"}},
		{`"subscriptions": ["aaaaaaaa-0000-0000-0000-000000000003"]`, nil},
		{`"managementGroups": ["CORP"]`, []string{"crm", "telemetry", "dealers"}},
		{`"managementGroups": ["cars"]`, []string{"crm", "telemetry"}},
	} {
		_, document, _ := c.query(t, `{"query": "Resources", `+tc.scope+`}`)
		data, _ := document["data"].([]any)
		same(t, names(data), tc.want)
	}
	_, document, _ := c.query(t, `{"query": "ResourceContainers | project name", "managementGroups": ["cars"]}`)
	data, _ := document["data"].([]any)
	same(t, names(data), []string{"cars", "Connected cars", "Data", "rg"})
}

// TestGraphIsSilent: what the caller may not read is absent, and nothing says so.
func TestGraphIsSilent(t *testing.T) {
	const one, two = "aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"
	for name, tc := range map[string]struct {
		fault Fault
		want  []string
	}{
		"a subscription":                {Fault{Call: "*", Subscription: one}, []string{"dealers"}},
		"a type":                        {Fault{Call: "storage:storageAccounts.list"}, []string{"crm"}},
		"a type of a subscription":      {Fault{Call: "storage:*", Subscription: two}, []string{"crm", "telemetry"}},
		"a resource":                    {Fault{Call: "*", Subject: "*/telemetry"}, []string{"crm", "dealers"}},
		"what is in a resource":         {Fault{Call: "storage:*", Subject: "*/telemetry/*"}, []string{"crm", "telemetry", "dealers"}},
		"for a moment is not forbidden": {Fault{Call: "*", Subscription: one, Times: 1}, []string{"crm", "telemetry", "dealers"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.fault.Kind = AccessDenied
			same(t, start(t, graphWorld, WithFault(tc.fault)).found(t, "Resources"), tc.want)
		})
	}
	c := start(t, graphWorld, WithFault(Fault{Call: "resources:*", Kind: AccessDenied}))
	if _, document, _ := c.query(t, `{"query": "Resources"}`); !strings.Contains(string(loopback.Render(document)), "NoValidSubscriptionsInQueryRequest") {
		t.Errorf("whoever may read nothing: %v", document)
	}
}

// TestGraphFaults: the world's faults meet queries as they meet every call.
func TestGraphFaults(t *testing.T) {
	const all = `{"query": "Resources | project name"}`
	c := start(t, graphWorld, WithFault(Fault{Call: graphCall, Kind: AccessDenied}))
	status, document, _ := c.query(t, all)
	if code, details := wrong(document); status != http.StatusForbidden || code != "AccessDenied" || details != "AccessDenied" {
		t.Errorf("%d %v", status, document)
	}
	c = start(t, graphWorld, WithFault(Fault{Call: "resourcegraph:*", Kind: Throttle, RetryAfter: 70, Times: 1}))
	for _, body := range []string{all, `{"query": "Resources"}`} { // each is a question of its own
		status, document, header := c.query(t, body)
		if code, details := wrong(document); status != http.StatusTooManyRequests || code != "RateLimiting" || details != "RateLimiting" {
			t.Errorf("%d %v", status, document)
		}
		same(t, []string{header.Get("Retry-After"), header.Get("X-Ms-User-Quota-Remaining"), header.Get("X-Ms-User-Quota-Resets-After")}, []string{"70", "0", "00:01:10"})
		if status, _, _ := c.query(t, body); status != http.StatusOK {
			t.Errorf("a throttle that passed: %d", status)
		}
	}
	c = start(t, graphWorld, WithFault(Fault{Call: "*", Kind: NullRecords}))
	same(t, c.found(t, "Resources | project name"), []string{"null", "crm", "telemetry", "dealers"})
	_, document, _ = start(t, graphWorld, WithFault(Fault{Call: "*", Kind: WrongType})).query(t, all)
	same(t, []any{document["data"], document["resultTruncated"]}, []any{"unexpected", 7.0})
	if _, half := start(t, graphWorld, WithFault(Fault{Call: "*", Kind: Truncated})).ask(t, "POST "+graphPath); json.Valid([]byte(half)) {
		t.Errorf("%s is whole", half)
	}
}

// TestGraphQuota: a principal has so many queries in a window.
func TestGraphQuota(t *testing.T) {
	at := &clock{now: time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)}
	c := start(t, graphWorld, WithGraphQuota(at.tell))
	asked := func(want ...any) {
		t.Helper()
		status, _, header := c.query(t, `{"query": "Resources"}`)
		same(t, []any{status, header.Get("X-Ms-User-Quota-Remaining"), header.Get("X-Ms-User-Quota-Resets-After")}, want)
	}
	asked(200, "14", "00:00:05")
	at.pass(1500 * time.Millisecond)
	for range GraphQueries - 2 {
		c.query(t, `{"query": "nonsense"}`)
	}
	asked(200, "0", "00:00:04")
	asked(429, "0", "00:00:04")
	at.pass(3500 * time.Millisecond)
	asked(200, "14", "00:00:05")
	if status, _ := c.ask(t, "GET /subscriptions"); status != http.StatusOK {
		t.Error("Resource Manager has no part in the quota")
	}
}

// TestGraphOfMany: of more subscriptions than one query looks at it says so, and
// no more.
func TestGraphOfMany(t *testing.T) {
	c := start(t, "subscriptions: {generate: {count: 10001, accounts: 1, prefix: bench}}")
	_, document, header := c.query(t, `{"query": "Resources | where type =~ 'microsoft.storage/storageaccounts' | project id"}`)
	same(t, []any{document["totalRecords"], document["count"], header.Get("X-Ms-Tenant-Subscription-Limit-Hit")}, []any{10000.0, 1000.0, "true"})
	_, document, header = c.query(t, `{"query": "ResourceContainers | project id", "subscriptions": ["99999999-0000-4000-8000-000000010000"]}`)
	same(t, []any{document["data"], header.Get("X-Ms-Tenant-Subscription-Limit-Hit")}, []any{[]any{
		object{"id": "/subscriptions/99999999-0000-4000-8000-000000010000"}, object{"id": "/subscriptions/99999999-0000-4000-8000-000000010000/resourceGroups/data"},
	}, ""})
}

// FuzzQuery: whatever is asked is understood or refused.
func FuzzQuery(f *testing.F) {
	for _, kql := range []string{
		"Resources | where type =~ 'x' and name in~ ('a', \"b\") | project id, name | order by id asc, name | limit 3", "// no\nresourcecontainers|take 1", "a '", "é",
	} {
		f.Add(kql)
	}
	f.Fuzz(func(t *testing.T, kql string) {
		q, err := parseQuery(kql)
		if (q == nil) == (err == nil) {
			t.Errorf("%v, %v", q, err)
		}
	})
}
