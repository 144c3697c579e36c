package gcptest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A service is found by its host, or below a general endpoint by its name.
func TestWhereRequestsArrive(t *testing.T) {
	c := startExample(t)
	for _, tc := range []struct{ what, call string }{
		{"GET pubsub.googleapis.com/v1/projects/tconnect/topics", "pubsub:projects.topics.list"},
		{"GET " + c.url + "/pubsub/v1/projects/tconnect/topics", "pubsub:projects.topics.list"},
		{"GET storage.googleapis.com/storage/v1/b/private/iam?optionsRequestedPolicyVersion=3", "storage:buckets.getIamPolicy"},
		{"GET www.googleapis.com/storage/v1/b/private/iam?optionsRequestedPolicyVersion=3", "storage:buckets.getIamPolicy"},
		{"GET " + c.url + "/storage/storage/v1/b/private/iam?optionsRequestedPolicyVersion=3", "storage:buckets.getIamPolicy"},
		{"GET " + c.url + "/storage/v1/b/private/iam?optionsRequestedPolicyVersion=3", "storage:buckets.getIamPolicy"},
		{"GET " + c.url + "/compute/compute/v1/projects/tconnect/global/images", "compute:images.list"},
		{"GET " + c.url + "/bigquery/v2/projects/tconnect/datasets", "bigquery:datasets.list"},
		{"GET " + c.url + "/sql/v1/projects/tconnect/instances", "sqladmin:instances.list"},
		{"GET " + c.url + "/sql/sql/v1beta4/projects/tconnect/instances/crm", "sqladmin:instances.get"},
		{"GET " + c.url + "/secretmanager/v1/projects/tconnect/secrets", "secretmanager:projects.secrets.list"},
		{"GET " + c.url + "/secretmanager/v1/projects/tconnect/locations/europe-west3/secrets", "secretmanager:projects.locations.secrets.list"},
		{"GET iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%252Fprojects%252Ftconnect/denypolicies", "iam:policies.listPolicies"},
	} {
		before := c.Calls()[tc.call]
		if c.get(t, tc.what); c.Calls()[tc.call] != before+1 {
			t.Errorf("%s is no %s: %v", tc.what, tc.call, c.Calls())
		}
	}
}

// Regional secrets are served at the endpoint of their location alone.
func TestRegionalHosts(t *testing.T) {
	c := startExample(t)
	for what, want := range map[string]int{
		"GET secretmanager.europe-west3.rep.googleapis.com/v1/projects/tconnect/locations/europe-west3/secrets":         http.StatusOK,
		"GET secretmanager.us-east1.rep.googleapis.com/v1/projects/tconnect/locations/europe-west3/secrets":             http.StatusBadRequest,
		"GET secretmanager.googleapis.com/v1/projects/tconnect/locations/europe-west3/secrets/regional:getIamPolicy":    http.StatusBadRequest,
		"GET secretmanager.europe-west3.rep.googleapis.com/v1/projects/tconnect/secrets":                                http.StatusBadRequest,
		"GET secretmanager.googleapis.com/v1/projects/tconnect/secrets/token:getIamPolicy":                              http.StatusOK,
		"GET secretmanager.europe-west3.rep.googleapis.com/v1/projects/tconnect/locations/europe-west3/secrets?extra=1": http.StatusOK,
	} {
		if status, body := c.ask(t, what); status != want {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
}

// Whatever would change something is refused in each form, and counted; what is
// only not there is neither.
func TestWrites(t *testing.T) {
	c := startExample(t)
	writes := []string{
		"PUT storage.googleapis.com/storage/v1/b/private/iam {}",
		"POST storage.googleapis.com/storage/v1/b?project=tconnect {}",
		"POST storage.googleapis.com/upload/storage/v1/b/private/o hello",
		"DELETE storage.googleapis.com/storage/v1/b/private",
		"PATCH sqladmin.googleapis.com/v1/projects/tconnect/instances/crm {}",
		"PUT pubsub.googleapis.com/v1/projects/tconnect/topics/new {}",
		"POST pubsub.googleapis.com/v1/projects/tconnect/topics/orders:setIamPolicy {}",
		"POST pubsub.googleapis.com/v1/projects/tconnect/topics/orders:publish {}",
		"POST pubsub.googleapis.com/v1/projects/tconnect/topics {}",
		"POST secretmanager.googleapis.com/v1/projects/tconnect/secrets/token/versions/1:access {}",
		"POST compute.googleapis.com/compute/v1/projects/tconnect/global/images/golden/setIamPolicy {}",
		"POST nothing.googleapis.com/v1/anything {}",
		"GETTING pubsub.googleapis.com/v1/projects/tconnect/topics",
	}
	for i, what := range writes {
		status, body := c.ask(t, what)
		if status != http.StatusForbidden || c.Writes() != i+1 {
			t.Errorf("%s: %d %s, %d counted", what, status, body, c.Writes())
		}
	}
	for _, what := range []string{
		"GET storage.googleapis.com/storage/v1/b/private/o/secret.csv?alt=media",
		"GET pubsub.googleapis.com/v1/projects/tconnect/topics/orders",
		"GET " + c.url + "/",
		"GET " + c.url + "/nothing/v1/anything",
	} {
		if status, body := c.ask(t, what); status != http.StatusNotFound {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
	if c.Writes() != len(writes) {
		t.Errorf("a read was counted as a write")
	}
}

// A project is one, by its id and by its number, and what it keeps is, too.
func TestNumbers(t *testing.T) {
	c := startExample(t)
	for _, path := range []string{
		"pubsub.googleapis.com/v1/projects/%s/topics/orders:getIamPolicy",
		"secretmanager.googleapis.com/v1/projects/%s/secrets/token:getIamPolicy",
		"sqladmin.googleapis.com/v1/projects/%s/instances",
		"compute.googleapis.com/compute/v1/projects/%s/zones/us-east1-b/disks/data/getIamPolicy",
		"iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%%2Fprojects%%2F%s/denypolicies",
		"iam.googleapis.com/v1/projects/%s/roles/lister",
	} {
		path = strings.ReplaceAll(path, "%%", "%")
		same(t, c.get(t, "GET "+strings.Replace(path, "%s", "111111111111", 1)), c.get(t, "GET "+strings.Replace(path, "%s", "tconnect", 1)))
	}
	for _, call := range c.Log() {
		if call.Project != "tconnect" || strings.Contains(call.Subject, "1111") {
			t.Errorf("%+v", call)
		}
	}
}

// A service that is not enabled says so in each form, about the project that was
// asked about and about the one that the call is counted for.
func TestDisabled(t *testing.T) {
	c := start(t, "projects:\n- {id: tconnect, number: \"5\", disabled: [storage.googleapis.com, pubsub]}\n- {id: another, number: \"6\"}\n")
	for what, consumer := range map[string]string{
		"storage.googleapis.com/storage/v1/b?project=tconnect":    "projects/5",
		"pubsub.googleapis.com/v1/projects/tconnect/topics":       "projects/5",
		"pubsub.googleapis.com/v1/projects/another/topics":        "projects/5",
		"storage.googleapis.com/storage/v1/b?project=another":     "projects/5",
		"secretmanager.googleapis.com/v1/projects/5/secrets":      "",
		"spanner.googleapis.com/v1/projects/another/instances":    "",
		"cloudresourcemanager.googleapis.com/v3/projects/another": "",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+what, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Goog-User-Project", "tconnect")
		a, err := c.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(a.Body)
		_ = a.Body.Close()
		disabled := strings.Contains(string(body), `"SERVICE_DISABLED"`) && strings.Contains(string(body), `"consumer":"`+consumer+`"`)
		if disabled != (consumer != "") || disabled != (a.StatusCode == http.StatusForbidden) {
			t.Errorf("%s: %d %s", what, a.StatusCode, body)
		}
	}
}

// A project that is about to be deleted is seen by Resource Manager alone.
func TestDeletedProject(t *testing.T) {
	c := start(t, "projects:\n- {id: tconnect, state: DELETE_REQUESTED}\n- {id: another}\n")
	all := c.get(t, "GET cloudresourcemanager.googleapis.com/v3/projects:search")
	same(t, texts(all["projects"], "projectId"), []string{"tconnect", "another"})
	active := c.get(t, "GET cloudresourcemanager.googleapis.com/v3/projects:search?query=parent:x%20state:ACTIVE")
	same(t, texts(active["projects"], "projectId"), []string{"another"})
	if status, _ := c.ask(t, "GET pubsub.googleapis.com/v1/projects/tconnect/topics"); status != http.StatusForbidden {
		t.Errorf("its topics: %d", status)
	}
}

// Conditions are kept from those who do not ask for version 3.
func TestPolicyVersions(t *testing.T) {
	policy := "{version: 3, bindings: [{role: roles/x, members: [allUsers], condition: {expression: \"true\"}}, {role: roles/y, members: [allUsers]}]}"
	c := start(t, inProject("stock:\n    bigtableadmin: [{name: projects/tconnect/instances/i, policy: "+policy+"}]\n"+
		"    cloudkms: [{name: projects/tconnect/locations/global/keyRings/r, policy: "+policy+"}]\n"+
		"    compute: [{of: image, name: golden, policy: "+policy+"}]\n"+
		"    bigquery: [{datasetId: d, access: [{role: READER, iamMember: allUsers, condition: {expression: \"true\"}}]}]\n"))
	for _, tc := range []struct{ plain, third string }{
		{"POST bigtableadmin.googleapis.com/v2/projects/tconnect/instances/i:getIamPolicy", `{"options":{"requestedPolicyVersion":3}}`},
		{"GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings/r:getIamPolicy", "?options.requestedPolicyVersion=3"},
		{"GET compute.googleapis.com/compute/v1/projects/tconnect/global/images/golden/getIamPolicy", "?optionsRequestedPolicyVersion=3"},
	} {
		third := tc.plain + tc.third
		if strings.HasPrefix(tc.third, "{") {
			third = tc.plain + " " + tc.third
		}
		full, plain := c.get(t, third), c.get(t, tc.plain)
		if roles := texts(full["bindings"], "role"); !slices.Equal(roles, []string{"roles/x", "roles/y"}) || textOf(full["version"]) != "3" {
			t.Errorf("%s: %v", third, full)
		}
		roles := texts(plain["bindings"], "role")
		if !strings.HasPrefix(roles[0], "roles/x_withcond_") || roles[1] != "roles/y" || textOf(plain["version"]) != "1" ||
			strings.Contains(string(render(plain)), "condition\"") {
			t.Errorf("%s: %v", tc.plain, plain)
		}
	}
	for _, version := range []string{"2", "x", "-3"} {
		what := "GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings/r:getIamPolicy?options.requestedPolicyVersion=" + version
		if status, body := c.ask(t, what); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
	const dataset = "GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/d"
	if roles := texts(c.get(t, dataset)["access"], "role"); !strings.HasPrefix(roles[0], "READER_withcond_") {
		t.Errorf("dataset: %v", roles)
	}
	same(t, texts(c.get(t, dataset+"?accessPolicyVersion=3")["access"], "role"), []string{"READER"})
	if status, body := c.ask(t, dataset+"?accessPolicyVersion=2"); status != http.StatusBadRequest {
		t.Errorf("version 2: %d %s", status, body)
	}
	if c.get(t, dataset+"?datasetView=METADATA")["access"] != nil {
		t.Error("the metadata of a dataset tell who has access")
	}
}

// A bucket's ACL shows as legacy roles while it counts, and with its members
// next to those that were there.
func TestLegacyRoles(t *testing.T) {
	c := start(t, inProject(`stock:
    storage:
    - name: uniform
      iamConfiguration: {uniformBucketLevelAccess: {enabled: true}}
      acl: [{entity: allUsers, role: READER}]
      objects: [{name: a, acl: [{entity: allUsers, role: READER}]}]
    - name: old-spelling
      iamConfiguration: {bucketPolicyOnly: {enabled: true}}
    - {name: bare, acl: [], defaultObjectAcl: null}
    - name: mixed
      acl:
      - {entity: allUsers, role: READER}
      - {entity: "user-x@tconnect.iam.gserviceaccount.com", role: WRITER}
      - {entity: "user-y@example.com", role: WRITER}
      - {entity: group-g@example.com, role: OWNER}
      - {entity: domain-example.com, role: OWNER}
      - {entity: project-editors-12, role: READER}
      policy: {bindings: [{role: roles/storage.legacyBucketReader, members: ["user:z@example.com"]}]}
`))
	const at = "GET storage.googleapis.com/storage/v1/b"
	for name, want := range map[string]any{
		"uniform": nil, "old-spelling": nil, "bare": nil,
		"mixed": []any{
			object{"role": "roles/storage.legacyBucketReader", "members": []any{"user:z@example.com", "allUsers", "projectEditor:12"}},
			object{"role": "roles/storage.legacyBucketWriter", "members": []any{"serviceAccount:x@tconnect.iam.gserviceaccount.com", "user:y@example.com"}},
			object{"role": "roles/storage.legacyBucketOwner", "members": []any{"group:g@example.com", "domain:example.com"}},
		},
	} {
		same(t, c.get(t, at+"/"+name+"/iam")["bindings"], want)
	}
	list, _ := c.get(t, at+"?project=tconnect&projection=full")["items"].([]any)
	for _, entry := range list {
		b, _ := entry.(object)
		if hasACL := b["acl"] != nil; hasACL != (b["name"] == "mixed") {
			t.Errorf("%v: %v", b["name"], b["acl"])
		}
		if hasInitial := b["defaultObjectAcl"] != nil; hasInitial != (b["name"] == "mixed") {
			t.Errorf("%v: %v", b["name"], b["defaultObjectAcl"])
		}
	}
	objects, _ := c.get(t, at+"/uniform/o?projection=full")["items"].([]any)
	if o, _ := objects[0].(object); o["name"] != "a" || o["acl"] != nil {
		t.Errorf("object of a uniform bucket: %v", o)
	}
	for _, entry := range c.get(t, at+"?project=tconnect&fields=items(name,acl,owner)")["items"].([]any) {
		if b, _ := entry.(object); len(b) != 1 {
			t.Errorf("noAcl: %v", b)
		}
	}
}

// Hidden datasets are listed for those who ask for all.
func TestHiddenDatasets(t *testing.T) {
	c := start(t, inStock("bigquery", "{datasetId: _anon}, {datasetId: plain}"))
	const list = "GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets"
	same(t, texts(c.get(t, list)["datasets"], "id"), []string{"tconnect:plain"})
	same(t, texts(c.get(t, list+"?all=true")["datasets"], "id"), []string{"tconnect:_anon", "tconnect:plain"})
	same(t, texts(c.get(t, list+"/plain")["access"], "specialGroup"), []string{"projectWriters", "projectOwners", "projectReaders"})
}

// All clusters of all places are one listing in AlloyDB.
func TestWildcards(t *testing.T) {
	c := start(t, inStock("alloydb", "{name: projects/tconnect/locations/a/clusters/c}, {name: projects/tconnect/locations/b/clusters/d},"+
		"{name: projects/tconnect/locations/a/clusters/c/instances/i}, {name: projects/tconnect/locations/b/clusters/d/instances/j}"))
	const at = "GET alloydb.googleapis.com/v1/projects/tconnect/locations/"
	same(t, len(texts(c.get(t, at+"-/clusters")["clusters"], "name")), 2)
	same(t, len(texts(c.get(t, at+"a/clusters")["clusters"], "name")), 1)
	same(t, len(texts(c.get(t, at+"-/clusters/-/instances")["instances"], "name")), 2)
	same(t, len(texts(c.get(t, at+"b/clusters/-/instances")["instances"], "name")), 1)
	same(t, texts(c.get(t, at+"a/clusters/c/instances")["instances"], "name"), []string{"projects/tconnect/locations/a/clusters/c/instances/i"})
}

// Two servers, asked in a different order, answer with the same bytes.
func TestDeterminism(t *testing.T) {
	backwards := slices.Clone(questions)
	slices.Reverse(backwards)
	first, second := transcript(t, questions), transcript(t, slices.Concat(backwards, questions))
	same(t, first, second)
	for question, answer := range first {
		if strings.Contains(answer, "Date:") {
			t.Errorf("%s tells the time: %s", question, answer)
		}
	}
}

func transcript(t *testing.T, questions []string) map[string]string {
	t.Helper()
	c, out := startExample(t), map[string]string{}
	for _, q := range questions {
		a := c.do(t, q)
		var dump bytes.Buffer
		_ = a.Header.Write(&dump)
		_, _ = io.Copy(&dump, a.Body)
		_ = a.Body.Close()
		if before, asked := out[q]; asked && before != dump.String() {
			t.Errorf("%s was answered in two ways", q)
		}
		out[q] = dump.String()
	}
	return out
}

func TestConcurrentCalls(t *testing.T) {
	c := startExample(t, WithFault(Fault{Call: "*", Kind: Throttle, Times: 1}))
	asked := questions[:40]
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, q := range asked {
				_, _ = c.ask(t, q)
			}
		})
	}
	all.Wait()
	throttled, distinct := 0, map[string]bool{}
	for _, call := range c.Log() {
		distinct[call.Operation+" "+call.Subject] = true
		if call.Fault == Throttle {
			throttled++
		}
	}
	if throttled != len(distinct) || len(c.Log()) != 8*len(asked) {
		t.Errorf("%d of %d calls were throttled, %d are distinct", throttled, len(c.Log()), len(distinct))
	}
}

// Whatever is asked, there is an answer; the server never panics.
func FuzzRequest(f *testing.F) {
	for _, q := range questions {
		method, rest, _ := strings.Cut(q, " ")
		url, body, _ := strings.Cut(rest, " ")
		host, path, _ := strings.Cut(url, "/")
		f.Add(method, host, path, body)
	}
	f.Add("GET", "compute.googleapis.com", "compute/v1/projects/x/global/images/y/getIamPolicy?fields=a((b,c/(d", "")
	w, err := Parse([]byte(strings.Split(world(f, "example"), "\nfaults:")[0]))
	if err != nil {
		f.Fatal(err)
	}
	server := NewServer(w)
	f.Fuzz(func(t *testing.T, method, host, path, body string) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://x/"+path, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Host = host
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 599 {
			t.Errorf("%s %s: %d", method, path, w.Code)
		}
	})
}
