package role

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/resource"
)

func TestStores(t *testing.T) {
	want := []string{
		"artifactregistry.repository", "bigquery.dataset", "bigquery.routine", "bigquery.table", "bigtable.table", "cloudkms.key",
		"compute.disk", "compute.image", "compute.machineImage", "compute.snapshot", "pubsub.snapshot", "pubsub.subscription",
		"pubsub.topic", "secretmanager.secret", "spanner.backup", "spanner.database", "storage.bucket", "storage.managedFolder",
	}
	if diff := cmp.Diff(want, Stores()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A row that is not sorted, or stands twice, would hide in a diff.
func TestTablesAreInOrder(t *testing.T) {
	var before string
	for _, cells := range rows("permissions.tsv", permissionTable, 3) {
		if key := cells[0] + "\t" + cells[1]; key <= before {
			t.Errorf("permissions.tsv: %q comes after %q", key, before)
		} else {
			before = key
		}
		words := strings.Split(cells[2], ",")
		if !slices.IsSorted(words) || len(slices.Compact(words)) != strings.Count(cells[2], ",")+1 {
			t.Errorf("permissions.tsv: actions of %s are %q", cells[1], cells[2])
		}
	}
	before = ""
	for _, cells := range rows("roles.tsv", roleTable, 2) {
		if cells[0] <= before {
			t.Errorf("roles.tsv: %q comes after %q", cells[0], before)
		}
		before = cells[0]
		if groups := strings.Split(cells[1], " "); !slices.IsSorted(groups) {
			t.Errorf("roles.tsv: permissions of %s are not sorted", cells[0])
		}
	}
}

func TestActionsAreWords(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+\.[a-zA-Z]+\.[a-zA-Z0-9]+$`)
	for store, able := range stores() {
		for p, actions := range able {
			if !form.MatchString(p) {
				t.Errorf("%s: %q is no permission", store, p)
			}
			if service, _, _ := strings.Cut(store, "."); !strings.HasPrefix(p, service+".") {
				t.Errorf("%s: %s belongs to another service", store, p)
			}
			for _, a := range actions {
				if a == resource.AnyAction || !slices.Contains(resource.Actions(), a) {
					t.Errorf("%s: %s gives %q", store, p, a)
				}
			}
		}
	}
}

// A permission that no predefined role holds is misspelt.
func TestPermissionsExist(t *testing.T) {
	held := make(map[string]bool)
	for name, permissionsOf := range predefined() {
		for _, p := range permissionsOf {
			held[p] = true
			if !permissions()[p] {
				t.Errorf("%s holds %s, which gives nothing", name, p)
			}
		}
		if len(slices.Compact(slices.Clone(permissionsOf))) != len(permissionsOf) {
			t.Errorf("%s holds a permission twice", name)
		}
	}
	for p := range permissions() {
		if !held[p] {
			t.Errorf("no role holds %s", p)
		}
	}
}

// Every store can be read or restored, taken over, looked at and deleted; what
// its permissions say of setting and getting policies is said of all alike.
func TestStoresAreWhole(t *testing.T) {
	for _, store := range Stores() {
		for _, a := range []resource.Action{resource.TakeOver, resource.ReadACL, resource.ReadMeta, resource.Delete} {
			if len(Granting(store, a)) == 0 {
				t.Errorf("nothing gives %s on %s", a, store)
			}
		}
		if len(Granting(store, resource.Read))+len(Granting(store, resource.Restore)) == 0 {
			t.Errorf("nothing gives the contents of %s", store)
		}
		for p := range stores()[store] {
			actions := Actions(store, []string{p})
			if strings.HasSuffix(p, ".getIamPolicy") && !slices.Equal(actions, []resource.Action{resource.ReadACL}) {
				t.Errorf("%s gives %v on %s", p, actions, store)
			}
			takes := p != "bigquery.rowAccessPolicies.setIamPolicy" && strings.HasSuffix(p, ".setIamPolicy")
			if takes != slices.Contains(actions, resource.TakeOver) {
				t.Errorf("%s gives %v on %s", p, actions, store)
			}
		}
	}
}

func TestPredefined(t *testing.T) {
	for _, c := range []struct {
		role, store string
		want        string // actions; "-" for none
	}{
		{"roles/storage.legacyObjectReader", "storage.bucket", "read"},
		{"roles/storage.legacyObjectOwner", "storage.bucket", "configure read read-acl take-over write"},
		{"roles/storage.legacyBucketReader", "storage.bucket", "list read-meta"},
		{"roles/storage.legacyBucketWriter", "storage.bucket", "configure delete list read-meta write"},
		{"roles/storage.legacyBucketOwner", "storage.bucket", "configure delete list read-acl read-meta take-over write"},
		{"roles/storage.objectViewer", "storage.bucket", "list read"},
		{"roles/storage.objectViewer", "storage.managedFolder", "list read read-meta"},
		{"roles/storage.objectCreator", "storage.bucket", "write"},
		{"roles/storage.admin", "storage.bucket", "configure delete list read read-acl read-meta take-over write"},
		{"roles/cloudbuild.builds.builder", "storage.bucket", "delete list read read-meta write"},
		{"roles/viewer", "storage.bucket", "list"}, // folders; basic roles hold no storage.objects.get
		{"roles/viewer", "compute.image", "read-acl read-meta restore"},
		{"roles/compute.imageUser", "compute.image", "read-meta restore"},
		{"roles/browser", "storage.bucket", "-"},
		{"roles/bigquery.metadataViewer", "bigquery.dataset", "list read-acl read-meta"},
		{"roles/bigquery.dataViewer", "bigquery.dataset", "list read read-acl read-meta"},
		{"roles/bigquery.dataViewer", "bigquery.table", "read read-acl read-meta"},
		{"roles/bigquery.dataOwner", "bigquery.routine", "delete read read-acl read-meta take-over write"},
		{"roles/bigquery.jobUser", "bigquery.dataset", "-"},
		{"roles/pubsub.subscriber", "pubsub.topic", "read"},
		{"roles/pubsub.subscriber", "pubsub.subscription", "delete read"},
		{"roles/pubsub.subscriber", "pubsub.snapshot", "restore"},
		{"roles/pubsub.publisher", "pubsub.topic", "write"},
		{"roles/pubsub.publisher", "pubsub.subscription", "-"},
		{"roles/secretmanager.secretAccessor", "secretmanager.secret", "read"},
		{"roles/secretmanager.viewer", "secretmanager.secret", "list read-acl read-meta"},
		{"roles/cloudkms.cryptoKeyDecrypter", "cloudkms.key", "read"},
		{"roles/cloudkms.cryptoKeyEncrypter", "cloudkms.key", "write"},
		{"roles/cloudkms.signer", "cloudkms.key", "write"},
		{"roles/cloudkms.publicKeyViewer", "cloudkms.key", "read-meta"},
		{"roles/spanner.databaseReader", "spanner.database", "connect read read-meta"},
		{"roles/spanner.databaseReader", "spanner.backup", "-"},
		{"roles/spanner.restoreAdmin", "spanner.backup", "read-meta restore"},
		{"roles/bigtable.reader", "bigtable.table", "list read read-meta"},
		{"roles/artifactregistry.reader", "artifactregistry.repository", "list read read-meta"},
		{"roles/artifactregistry.attachmentReader", "artifactregistry.repository", "list read read-meta"},
		{"roles/accessapproval.viewer", "storage.bucket", "-"},
	} {
		held, known := Predefined(c.role)
		if !known {
			t.Errorf("%s is not known", c.role)
		}
		if got := words(Actions(c.store, held)); got != c.want {
			t.Errorf("%s on %s gives %q, want %q", c.role, c.store, got, c.want)
		}
	}
}

func words(actions []resource.Action) string {
	if actions == nil {
		return "-"
	}
	var all []string
	for _, a := range actions {
		all = append(all, string(a))
	}
	return strings.Join(all, " ")
}

func TestUnknownRoles(t *testing.T) {
	for _, name := range []string{
		"", "roles/", "roles/storage.objectviewer", "ROLES/storage.objectViewer", "storage.objectViewer", " roles/viewer", "roles/viewer ",
		"roles/storage.objectViewer_withcond_4a2f", "projects/p/roles/viewer", "roles/nobody.knows", "#",
		"roles/spanner.databaseRoleUser", // its permissions are not published
	} {
		if held, known := Predefined(name); known || held != nil {
			t.Errorf("%q is known and holds %v", name, held)
		}
	}
}

func TestPredefinedIsNotShared(t *testing.T) {
	first, _ := Predefined("roles/storage.objectViewer")
	want := slices.Clone(first)
	slices.Reverse(first)
	if second, _ := Predefined("roles/storage.objectViewer"); !slices.Equal(second, want) {
		t.Errorf("after a caller changed what it was given: %v, want %v", second, want)
	}
}

func TestGranting(t *testing.T) {
	for _, c := range []struct {
		store  string
		action resource.Action
		want   []string
	}{
		{"storage.bucket", resource.Read, []string{"storage.objects.get"}},
		{"storage.bucket", resource.TakeOver, []string{"storage.buckets.setIamPolicy", "storage.managedFolders.setIamPolicy", "storage.objects.setIamPolicy"}},
		{"storage.managedFolder", resource.TakeOver, []string{"storage.managedFolders.setIamPolicy", "storage.objects.setIamPolicy"}},
		{"bigquery.table", resource.Read, []string{"bigquery.tables.export", "bigquery.tables.getData"}},
		{"bigquery.dataset", resource.TakeOver, []string{"bigquery.datasets.setIamPolicy", "bigquery.routines.setIamPolicy", "bigquery.tables.setIamPolicy"}},
		{"pubsub.subscription", resource.Read, []string{"pubsub.subscriptions.consume", "pubsub.subscriptions.update"}},
		{"secretmanager.secret", resource.Read, []string{"secretmanager.versions.access"}},
		{"compute.disk", resource.Restore, []string{"compute.disks.createSnapshot", "compute.disks.useReadOnly"}},
		{"compute.disk", resource.Connect, nil},
		{"nowhere", resource.Read, nil},
	} {
		if diff := cmp.Diff(c.want, Granting(c.store, c.action)); diff != "" {
			t.Errorf("%s on %s: -want +got:\n%s", c.action, c.store, diff)
		}
	}
}

func anyPermissions() *rapid.Generator[[]string] {
	return rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(slices.Sorted(maps.Keys(permissions()))), rapid.String()))
}

// Whoever is denied every permission that gives an action cannot do it, and
// whoever holds one of them can.
func TestGrantingIsTheInverseOfActions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := rapid.SampledFrom(Stores()).Draw(t, "store")
		held := anyPermissions().Draw(t, "held")
		got := Actions(store, held)
		if len(slices.Compact(slices.Clone(got))) != len(got) || !slices.IsSorted(got) {
			t.Fatalf("%v", got)
		}
		for _, a := range resource.Actions() {
			granting := Granting(store, a)
			able := slices.ContainsFunc(held, func(p string) bool { return slices.Contains(granting, p) })
			if able != slices.Contains(got, a) {
				t.Fatalf("%v give %v on %s, and %s takes one of %v", held, got, store, a, granting)
			}
		}
	})
}

func TestMorePermissionsGiveNoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := rapid.SampledFrom(Stores()).Draw(t, "store")
		some, more := anyPermissions().Draw(t, "some"), anyPermissions().Draw(t, "more")
		all := Actions(store, slices.Concat(some, more))
		for _, a := range Actions(store, some) {
			if !slices.Contains(all, a) {
				t.Fatalf("%s is lost", a)
			}
		}
	})
}

func TestCustom(t *testing.T) {
	for _, c := range []struct{ name, parent, id string }{
		{"projects/p/roles/x", "projects/p", "x"},
		{"projects/t-connect/roles/lister.of_things", "projects/t-connect", "lister.of_things"},
		{"projects/example.com:t-connect/roles/Lister", "projects/example.com:t-connect", "Lister"},
		{"organizations/900000000001/roles/reader", "organizations/900000000001", "reader"},
		{"roles/viewer", "", ""},
		{"folders/1/roles/x", "", ""},
		{"organizations/example/roles/x", "", ""},
		{"organizations//roles/x", "", ""},
		{"projects//roles/x", "", ""},
		{"projects/p/roles/", "", ""},
		{"projects/../roles/x", "", ""},
		{"projects/p/roles/..", "", ""},
		{"projects/p/roles/x/y", "", ""},
		{"projects/p/roles/x:undelete", "", ""},
		{"projects/p/roles/x?y", "", ""},
		{"projects/p/roles/x%2fy", "", ""},
		{"projects/p/roles/ü", "", ""},
		{"Projects/p/roles/x", "", ""},
		{"projects/p/serviceAccounts/x", "", ""},
		{"", "", ""},
	} {
		parent, id, ok := Custom(c.name)
		if parent != c.parent || id != c.id || ok != (c.id != "") {
			t.Errorf("%q is %q, %q, %v", c.name, parent, id, ok)
		}
	}
}

func FuzzCustom(f *testing.F) {
	f.Add("projects/p/roles/x")
	f.Add("organizations/1/roles/x_withcond_4a2f")
	f.Add("roles/storage.objectViewer_with_conditionalbinding_9f")
	form := regexp.MustCompile(`^(projects/[-.:a-zA-Z0-9]+|organizations/[0-9]+)/roles/[_.a-zA-Z0-9]+$`)
	f.Fuzz(func(t *testing.T, name string) {
		parent, id, ok := Custom(name)
		if ok && (parent+"/roles/"+id != name || !form.MatchString(name)) || !ok && parent+id != "" {
			t.Errorf("%q is %q, %q, %v", name, parent, id, ok)
		}
		if _, known := Predefined(name); ok && known {
			t.Errorf("%q is both custom and predefined", name)
		}
		if base := Base(name); !strings.HasPrefix(name, base) || base == "" && name != "" {
			t.Errorf("the base of %q is %q", name, base)
		}
	})
}

func TestBase(t *testing.T) {
	for role, want := range map[string]string{
		"roles/bigquery.dataViewer":                               "roles/bigquery.dataViewer",
		"roles/bigquery.dataViewer_withcond_4a2f":                 "roles/bigquery.dataViewer",
		"roles/bigquery.dataViewer_with_conditionalbinding_4A2f":  "roles/bigquery.dataViewer",
		"READER_withcond_0":                                       "READER",
		"projects/p/roles/a_withcond_b_withcond_4a2f":             "projects/p/roles/a_withcond_b",
		"roles/bigquery.dataViewer_withcond_":                     "roles/bigquery.dataViewer_withcond_",
		"roles/bigquery.dataViewer_withcond_../roles/x":           "roles/bigquery.dataViewer_withcond_../roles/x",
		"_withcond_4a2f":                                          "_withcond_4a2f",
		"roles/bigquery.dataViewer_with_conditionalbinding_ 4a2f": "roles/bigquery.dataViewer_with_conditionalbinding_ 4a2f",
		"": "",
	} {
		if got := Base(role); got != want {
			t.Errorf("the base of %q is %q, want %q", role, got, want)
		}
	}
}

func TestDenyName(t *testing.T) {
	for permission, want := range map[string]string{
		"storage.objects.get":                                  "storage.googleapis.com/objects.get",
		"secretmanager.versions.access":                        "secretmanager.googleapis.com/versions.access",
		"cloudkms.cryptoKeyVersions.useToDecrypt":              "cloudkms.googleapis.com/cryptoKeyVersions.useToDecrypt",
		"pubsub.subscriptions.consume":                         "pubsub.googleapis.com/subscriptions.consume",
		"bigquery.tables.getData":                              "bigquery.googleapis.com/tables.getData",
		"spanner.sessions.create":                              "spanner.googleapis.com/sessions.create",
		"resourcemanager.projects.get":                         "",
		"cloudkms.cryptoKeyVersions.useToDecryptViaDelegation": "",
		"storage.objects":                                      "",
		"storage.objects.*":                                    "",
		"":                                                     "",
	} {
		if got := DenyName(permission); got != want {
			t.Errorf("%q is denied as %q, want %q", permission, got, want)
		}
	}
	seen := make(map[string]string)
	for p := range permissions() {
		name := DenyName(p)
		if name == "" && slices.Contains(undeniable, p) {
			continue
		}
		if seen[name] != "" || !strings.Contains(name, ".googleapis.com/") {
			t.Errorf("%s and %q are denied as %q", p, seen[name], name)
		}
		seen[name] = p
	}
}

// A table that is wrong is found when the program is tested and not when it is
// asked.
func TestRowsPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a row with too few columns was read")
		}
	}()
	rows("roles.tsv", "# comment\nroles/x\n", 2)
}

// capable says which types of store a service of testdata/capabilities.tsv
// means, and capabilities which of the actions its words mean.
var (
	capable = map[string][]string{
		"storage": {"storage.bucket"}, "bigquery": {"bigquery.dataset"}, "secretmanager": {"secretmanager.secret"}, "cloudkms": {"cloudkms.key"},
		"pubsub": {"pubsub.topic", "pubsub.subscription", "pubsub.snapshot"}, "spanner": {"spanner.database", "spanner.backup"},
		"bigtable": {"bigtable.table"}, "artifactregistry": {"artifactregistry.repository"},
		"compute": {"compute.image", "compute.machineImage", "compute.snapshot", "compute.disk"},
	}
	capabilities = map[string][]resource.Action{
		"list": {resource.List}, "read": {resource.Read, resource.Restore}, "write": {resource.Write}, "admin": {resource.TakeOver},
		"acl-read": {resource.ReadACL}, "meta": {resource.ReadMeta},
		"use": {resource.Read, resource.Write, resource.ReadMeta}, "use-enc": {resource.Write},
	}
)

// less is where the tables give less than testdata/capabilities.tsv.
var less = map[string]string{
	"roles/bigquery.securityAdmin bigquery write":                   "tables.update changes a table's schema and not its rows",
	"roles/commercebusinessenablement.admin bigquery write":         "datasets.update changes no rows",
	"roles/firebase.managementServiceAgent bigquery write":          "datasets.update changes no rows",
	"roles/securedlandingzone.bqdwProjectRemediator bigquery write": "datasets.update changes no rows",
	"roles/clouddeploymentmanager.serviceAgent bigquery admin":      "datasets.update alone changes no access since 17 March 2026",
	"roles/commercebusinessenablement.admin bigquery admin":         "datasets.update alone changes no access since 17 March 2026",
	"roles/storage.expressModeServiceOutput storage write":          "objects.delete deletes, and adds nothing",
}

// more are the permissions by which the tables give more than
// testdata/capabilities.tsv, where it speaks of the service and the word at all.
var more = map[string]string{
	"cloudkms.cryptoKeyVersions.useToSign":                 "a signature is new contents in the owner's name",
	"cloudkms.cryptoKeyVersions.useToEncryptViaDelegation": "it encrypts, through another service",
	"cloudkms.importJobs.useToImport":                      "key material is brought in",
	"artifactregistry.files.download":                      "a file is contents, whatever its format",
	"artifactregistry.files.upload":                        "a file is contents, whatever its format",
	"artifactregistry.attachments.create":                  "an attachment is contents",
	"bigquery.models.list":                                 "models are in a dataset as tables are",
	"bigquery.models.getData":                              "models are in a dataset as tables are",
	"bigquery.models.export":                               "models are in a dataset as tables are",
	"bigquery.models.create":                               "models are in a dataset as tables are",
	"bigquery.models.updateData":                           "models are in a dataset as tables are",
	"bigquery.routines.list":                               "routines are in a dataset as tables are",
	"bigquery.routines.create":                             "routines are in a dataset as tables are",
	"bigquery.routines.update":                             "routines are in a dataset as tables are",
	"bigquery.propertyGraphs.list":                         "property graphs are in a dataset as tables are",
	"bigquery.tables.create":                               "a new table is new contents of its dataset",
	"compute.machineImages.setIamPolicy":                   "machine images have policies, too",
	"pubsub.snapshots.seek":                                "a snapshot's messages are brought back by seeking",
	"pubsub.subscriptions.update":                          "messages are pushed to the endpoint that an update names",
	"spanner.backups.copy":                                 "a backup is copied into one's own instance",
	"spanner.backups.restoreDatabase":                      "a backup is restored into one's own instance",
	"spanner.backups.setIamPolicy":                         "backups have policies, too",
	"storage.folders.list":                                 "the names of folders are names of what is inside",
	"storage.managedFolders.getIamPolicy":                  "it shows who is let in on a part of the bucket",
	"storage.objects.getIamPolicy":                         "it shows who is let in on objects",
}

func TestCapabilities(t *testing.T) {
	facts, spoken := readCapabilities(t)
	unused, unexplained := maps.Clone(less), maps.Clone(more)
	for name := range predefined() {
		for service, types := range capable {
			for word, actions := range capabilities {
				fact := name + " " + service + " " + word
				by := giving(name, types, actions)
				switch {
				case facts[fact] && len(by) == 0 && less[fact] == "":
					t.Errorf("%s is not given", fact)
				case facts[fact] && len(by) == 0:
					delete(unused, fact)
				case !facts[fact] && spoken[service+" "+word] && word != "use":
					for _, p := range by {
						if more[p] == "" {
							t.Errorf("%s is given by %s", fact, p)
						}
						delete(unexplained, p)
					}
				}
				delete(facts, fact)
			}
		}
	}
	for fact := range facts {
		t.Errorf("%s: the role is not known", fact)
	}
	for fact := range unused {
		t.Errorf("%s: there is no such difference", fact)
	}
	for p := range unexplained {
		t.Errorf("%s makes no difference", p)
	}
}

// giving returns the permissions of a role that give one of the actions on one
// of the types of store.
func giving(name string, types []string, actions []resource.Action) []string {
	var by []string
	held, _ := Predefined(name)
	for _, p := range held {
		for _, store := range types {
			if slices.ContainsFunc(Actions(store, []string{p}), func(a resource.Action) bool { return slices.Contains(actions, a) }) {
				by = append(by, p)
			}
		}
	}
	return by
}

// readCapabilities returns what the file says, as "role service word", and the
// services and words that it speaks of, as "service word".
func readCapabilities(t *testing.T) (facts, spoken map[string]bool) {
	t.Helper()
	text, err := os.ReadFile("testdata/capabilities.tsv")
	if err != nil {
		t.Fatal(err)
	}
	facts, spoken = make(map[string]bool), make(map[string]bool)
	for _, cells := range rows("capabilities.tsv", string(text), 3) {
		for word := range strings.SplitSeq(cells[2], ",") {
			if capable[cells[1]] == nil || capabilities[word] == nil {
				t.Fatalf("%v is not understood", cells)
			}
			facts[cells[0]+" "+cells[1]+" "+word] = true
			spoken[cells[1]+" "+word] = true
		}
	}
	return facts, spoken
}
