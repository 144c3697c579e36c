package gcptest

import (
	"os"
	"strings"
	"testing"
)

// The documentation is the example that the tests run.
func TestExampleIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimRight(world(t, "example"), "\n"), "\n") {
		comment := "//\t" + line + "\n"
		if line == "" {
			comment = "//\n"
		}
		if !strings.Contains(string(doc), comment) {
			t.Errorf("line %d of the example is not in doc.go: %s", i+1, line)
		}
	}
}

// inProject makes a world with one line, the third, in its project.
func inProject(line string) string { return "projects:\n- id: tconnect\n  " + line + "\n" }

func inStock(service, item string) string {
	return inProject("stock: {" + service + ": [" + item + "]}")
}

const bare = "projects:\n- id: tconnect\n"

func TestMistakes(t *testing.T) {
	organized := "organizations:\n- {id: \"9\", %s}\n" + bare
	for _, tc := range []struct{ name, world, want string }{
		{"nothing", "faults: []\n", "no projects"},
		{"no YAML", "projects: [", "line 2: did not find"},
		{"unknown key at the top", "project: []\n", `line 1: unknown key "project"`},
		{"unknown key of a project", inProject("stok: {}"), `line 3: unknown key "stok"`},
		{"unknown key of an organisation", "organizations: [{id: \"9\", doman: x}]\n" + bare, `line 1: unknown key "doman"`},
		{"unknown key of a folder", "folders: [{id: \"9\", parnt: x}]\n" + bare, `line 1: unknown key "parnt"`},
		{"unknown key of a generator", "projects: {generate: {cont: 1}}", `line 1: unknown key "cont"`},
		{"unknown key of projects", "projects: {generat: {}}", `line 1: unknown key "generat"`},
		{"empty project", "projects: [null]\n", "projects: entry 1 is empty"},
		{"empty item", inStock("pubsub", "{name: projects/tconnect/topics/x}, null"), "line 2: stock: pubsub: entry 2 is empty"},
		{"empty deny policy", inProject("deny: [null]"), "line 2: deny: entry 1 is empty"},
		{"empty deny policy of a folder", "folders:\n- {id: \"5\", deny: [null]}\n" + bare, "line 2: deny: entry 1 is empty"},
		{"empty access policy", strings.Replace(organized, "%s", "access_policies: [null]", 1), "line 2: access_policies: entry 1 is empty"},
		{"project id", "projects:\n- id: T\n", `line 2: "T" cannot be a project id`},
		{"project number", "projects:\n- {id: tconnect, number: x1}\n", `line 2: project number "x1" is no number`},
		{"project twice", "projects:\n- id: tconnect\n- id: tconnect\n", "line 3: project tconnect or its number"},
		{"number twice", "projects:\n- {id: tconnect, number: \"5\"}\n- {id: another, number: \"5\"}\n", "line 3: project another or its number"},
		{"state", inProject("state: GONE"), `line 3: "GONE" is none of ACTIVE`},
		{"parent", inProject("parent: folders/5"), `line 2: project tconnect: no "folders/5" in this world`},
		{"disabled", inProject("disabled: [storag]"), `line 2: disabled: "storag" is no service`},
		{"location", inProject("locations: [Europe]"), `line 2: "Europe" is no location`},
		{"org policy", inProject("org_policies: {a.b: null}"), "line 2: org_policies: a.b is empty"},
		{"organisation", "organizations:\n- id: x\n" + bare, `line 2: organization id "x" is no number`},
		{"organisation twice", "organizations:\n- id: \"9\"\n- id: \"9\"\n" + bare, "line 3: organization 9 is declared twice"},
		{"organisation's role", strings.Replace(organized, "%s", "roles: [{name: organizations/8/roles/x}]", 1), "line 2: role organizations/8/roles/x is not of organization 9"},
		{"access policy", strings.Replace(organized, "%s", "access_policies: [{title: x}]", 1), "line 2: an item needs its name"},
		{"perimeter", strings.Replace(organized, "%s", "access_policies: [{name: accessPolicies/1, perimeters: [{name: accessPolicies/2/servicePerimeters/x}]}]", 1), "is not of accessPolicies/1"},
		{"perimeters", strings.Replace(organized, "%s", "access_policies: [{name: accessPolicies/1, perimeters: {}}]", 1), "parse world: line 2: perimeters is not a list"},
		{"folder", "folders:\n- {id: x, parent: organizations/9}\n" + bare, `line 2: folder id "x" is no number`},
		{"folder twice", "folders:\n- id: \"5\"\n- id: \"5\"\n" + bare, "line 3: folder 5 is declared twice"},
		{"folder without a parent", "folders:\n- id: \"5\"\n" + bare, "line 2: folder 5: the parent \"\" leads to no organization"},
		{"folders in a circle", "folders:\n- {id: \"5\", parent: folders/6}\n- {id: \"6\", parent: folders/5}\n" + bare, "line 2: folder 5: the parent \"folders/6\" leads"},
		{"deny policy", inProject("deny: [{rules: []}]"), "line 3: an item needs its name"},
		{"deny policy twice", inProject("deny: [{name: a}, {name: a}]"), "line 3: a is declared twice"},
		{"role", inProject("roles: [{name: projects/other/roles/x}]"), "line 3: role projects/other/roles/x is not of project tconnect"},
		{"HMAC key", inProject("hmac_keys: [{state: ACTIVE}]"), "line 3: an item needs its accessId"},
		{"unknown service", inStock("redis", "{name: x}"), `line 2: stock: no call reads "redis"`},
		{"item that is none", inStock("pubsub", "orders"), "parse world: line 3: what is in stock is a mapping"},
		{"nameless", inStock("pubsub", "{topic: x}"), "line 3: an item needs its name"},
		{"shape", inStock("pubsub", "{name: projects/tconnect/schemas/x}"), "line 3: no call of pubsub reads projects/tconnect/schemas/x"},
		{"half a name", inStock("pubsub", "{name: projects/tconnect/topics}"), "line 3: no call of pubsub reads"},
		{"no id", inStock("pubsub", "{name: projects/tconnect/topics/}"), "line 3: no call of pubsub reads"},
		{"another project's", inStock("pubsub", "{name: projects/other/topics/x}"), "line 3: projects/other/topics/x is not of project tconnect"},
		{"item twice", inStock("pubsub", "{name: projects/tconnect/topics/x}, {name: projects/tconnect/topics/x}"), "line 3: projects/tconnect/topics/x is declared twice"},
		{"policy", inStock("pubsub", "{name: projects/tconnect/topics/x, policy: []}"), "line 3: policy is not a mapping"},
		{"below nothing", inStock("spanner", "{name: projects/tconnect/instances/i/databases/d}"), "line 3: projects/tconnect/instances/i/databases/d is below projects/tconnect/instances/i, which is not in stock"},
		{"key that is no text", inStock("pubsub", "{name: projects/tconnect/topics/x, labels: {1: a}}"), "parse world: line 3: keys of members are texts"},
		{"number that is none", inStock("pubsub", "{name: projects/tconnect/topics/x, a: .nan}"), "parse world: line 3: NaN is no number of JSON"},
		{"bucket name", inStock("storage", "{name: Abc}"), `line 3: "Abc" cannot be a bucket name`},
		{"bucket twice", inStock("storage", "{name: abc}, {name: abc}"), "line 3: bucket abc is declared twice"},
		{"bucket of two projects", inStock("storage", "{name: abc}") + "- id: another\n  stock: {storage: [{name: abc}]}\n", "line 5: bucket abc is declared twice"},
		{"objects", inStock("storage", "{name: abc, objects: {}}"), "line 3: objects is not a list"},
		{"object", inStock("storage", "{name: abc, objects: [a]}"), "line 3: objects: entry 1 is not a mapping"},
		{"nameless object", inStock("storage", "{name: abc, objects: [{}]}"), "line 3: an item needs its name"},
		{"managed folder", inStock("storage", "{name: abc, managedFolders: [{name: a}]}"), "line 3: managed folder a of bucket abc does not end in a slash"},
		{"managed folder's policy", inStock("storage", "{name: abc, managedFolders: [{name: a/, policy: x}]}"), "line 3: policy is not a mapping"},
		{"kind of compute", inStock("compute", "{name: a, of: instance}"), `line 3: of: "instance" is none of`},
		{"disk without a place", inStock("compute", "{name: a, of: disk}"), "line 3: disk a: a disk has a zone or a region"},
		{"image with a place", inStock("compute", "{name: a, of: image, zone: z}"), "line 3: image a: a disk has a zone or a region"},
		{"disk with two places", inStock("compute", "{name: a, of: disk, zone: z, region: r}"), "line 3: a disk is of a zone or of a region"},
		{"nameless disk", inStock("compute", "{of: disk, zone: z}"), "line 3: an item needs its name"},
		{"compute name", inStock("compute", "{name: a/b, of: image}"), "line 3: a/b: the name is without"},
		{"nameless instance", inStock("sqladmin", "{databaseVersion: x}"), "line 3: an item needs its name"},
		{"instance twice", inStock("sqladmin", "{name: a}, {name: a}"), "line 3: a is declared twice"},
		{"nameless dataset", inStock("bigquery", "{access: []}"), "line 3: an item needs its datasetId"},
		{"dataset twice", inStock("bigquery", "{datasetId: a}, {datasetId: a}"), "line 3: dataset a is declared twice"},
		{"nameless table", inStock("bigquery", "{datasetId: a, tables: [{type: VIEW}]}"), "line 3: an item needs its tableId"},
		{"routine twice", inStock("bigquery", "{datasetId: a, routines: [{routineId: r}, {routineId: r}]}"), "line 3: r is declared twice"},
		{"generator", "projects: {generate: {count: 0}}", "line 1: generate needs a count"},
		{"prefix", "projects: {generate: {count: 1, prefix: B}}", `line 1: prefix "B" makes no project ids`},
		{"generator's parent", "projects: {generate: {count: 1, parent: folders/1}}", `line 1: generate: no "folders/1"`},
		{"generated and declared", "projects:\n  declared: [{id: bench-00000}]\n  generate: {count: 1, prefix: bench}\n", "line 3: generate: project bench-00000 is declared as well"},
		{"call of a fault", bare + "faults: [{call: \"pubsub:topics.list\", fault: throttle}]\n", `line 3: no call matches "pubsub:topics.list"`},
		{"kind of a fault", bare + "faults: [{call: \"*\", fault: fire}]\n", `line 3: "fire" is none of access-denied`},
		{"fault without a kind", bare + "faults: [{call: \"*\"}]\n", `line 3: fault on "*" does not say which`},
		{"latency without one", bare + "faults: [{call: \"*\", fault: latency}]\n", `line 3: fault on "*" adds no latency`},
		{"key of a fault", bare + "faults: [{call: \"*\", kind: throttle}]\n", `line 3: unknown key "kind"`},
		{"unreachable without names", bare + "faults: [{call: \"*\", fault: unreachable}]\n", "line 3: fault on \"*\" does not say which names"},
		{"unreachable that nobody can tell", bare + "faults: [{call: \"pubsub:*\", fault: unreachable, names: [a]}]\n", "no call that matches \"pubsub:*\" can say"},
		{"names for nothing", bare + "faults: [{call: \"*\", fault: throttle, names: [a]}]\n", "has names, which throttle does not go by"},
		{"permission of another call", bare + "faults: [{call: \"pubsub:*\", fault: lacks-permission}]\n", "only storage:buckets.testIamPermissions"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse([]byte(tc.world))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v\nwant %s", err, tc.want)
			}
		})
	}
}

// An entry of a list names the line that it stands on, also deep in an item.
func TestLineOfEntry(t *testing.T) {
	_, err := Parse([]byte(inProject("stock:\n    storage:\n    - name: abc\n      objects:\n      - name: a\n      - size: b\n")))
	if err == nil || !strings.Contains(err.Error(), "line 8: an item needs its name") {
		t.Error(err)
	}
}

// Members that are written once and merged twice are those of two items.
func TestMerge(t *testing.T) {
	c := start(t, inProject("stock:\n    pubsub:\n    - &t {name: projects/tconnect/topics/a, labels: {x: y}, kmsKeyName: null}\n"+
		"    - {<<: *t, name: projects/tconnect/topics/b, createTime: 2020-02-03T04:05:06Z}"))
	same(t, c.get(t, "GET pubsub.googleapis.com/v1/projects/tconnect/topics"), object{"topics": []any{
		object{"name": "projects/tconnect/topics/a", "labels": object{"x": "y"}},
		object{"name": "projects/tconnect/topics/b", "labels": object{"x": "y"}, "createTime": "2020-02-03T04:05:06Z"},
	}})
}

// Whatever a world says, it parses or is refused; it never panics.
func FuzzParse(f *testing.F) {
	f.Add(world(f, "example"))
	f.Add(inStock("storage", "{name: abc, acl: x, defaultObjectAcl: [1, {}], iamConfiguration: 3, objects: [{name: a, acl: {}}]}"))
	f.Add(inStock("pubsub", "&a {name: projects/tconnect/topics/a, b: *a}"))
	f.Fuzz(func(_ *testing.T, text string) { _, _ = Parse([]byte(text)) })
}
