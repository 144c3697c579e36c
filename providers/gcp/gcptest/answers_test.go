package gcptest

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/gcp/api"
)

var update = flag.Bool("update", false, "write the answers that the server gives today")

// questions are one of each call, and those whose answers differ in kind.
var questions = []string{
	"GET accesscontextmanager.googleapis.com/v1/accessPolicies/77/servicePerimeters",
	"GET accesscontextmanager.googleapis.com/v1/accessPolicies/78/servicePerimeters",
	"GET accesscontextmanager.googleapis.com/v1/accessPolicies",
	"GET accesscontextmanager.googleapis.com/v1/accessPolicies?parent=folders/500000000001",
	"GET accesscontextmanager.googleapis.com/v1/accessPolicies?parent=organizations/1",
	"GET accesscontextmanager.googleapis.com/v1/accessPolicies?parent=organizations/900000000001",
	"GET alloydb.googleapis.com/v1/projects/sandbox/locations/-/clusters",
	"GET alloydb.googleapis.com/v1/projects/sandbox/locations/-/clusters/-/instances",
	"GET alloydb.googleapis.com/v1/projects/tconnect/locations/-/clusters",
	"GET artifactregistry.googleapis.com/v1/projects/tconnect/locations",
	"GET artifactregistry.googleapis.com/v1/projects/tconnect/locations/-/repositories",
	"GET artifactregistry.googleapis.com/v1/projects/tconnect/locations/us-east1/repositories",
	"GET artifactregistry.googleapis.com/v1/projects/tconnect/locations/us-east1/repositories/apps:getIamPolicy",
	"GET artifactregistry.googleapis.com/v1beta2/projects/tconnect/locations",
	"GET artifactregistry.googleapis.com/v1beta2/projects/tconnect/locations/us-east1/repositories",
	"GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets",
	"GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/none",
	"GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales?accessPolicyVersion=3",
	"GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales/routines",
	"GET bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales/tables",
	"POST bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales/routines/mask:getIamPolicy {}",
	"POST bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales/tables/orders:getIamPolicy {}",
	"POST bigquery.googleapis.com/bigquery/v2/projects/tconnect/datasets/sales/tables/public_orders:getIamPolicy {}",
	"GET bigtableadmin.googleapis.com/v2/projects/tconnect/instances",
	"GET bigtableadmin.googleapis.com/v2/projects/tconnect/instances/wide/tables",
	"POST bigtableadmin.googleapis.com/v2/projects/tconnect/instances/wide/tables/positions:getIamPolicy {}",
	"POST bigtableadmin.googleapis.com/v2/projects/tconnect/instances/wide:getIamPolicy {}",
	"GET cloudkms.googleapis.com/v1/projects/tconnect/locations",
	"GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings",
	"GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings/none/cryptoKeys",
	"GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings/ring/cryptoKeys",
	"GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings/ring/cryptoKeys/key:getIamPolicy",
	"GET cloudkms.googleapis.com/v1/projects/tconnect/locations/global/keyRings/ring:getIamPolicy",
	"GET cloudresourcemanager.googleapis.com/v1/organizations/900000000001",
	"GET cloudresourcemanager.googleapis.com/v1/projects",
	"GET cloudresourcemanager.googleapis.com/v1/projects/tconnect",
	"GET cloudresourcemanager.googleapis.com/v2/folders?parent=organizations/900000000001",
	"GET cloudresourcemanager.googleapis.com/v3/folders?parent=organizations/900000000001",
	"GET cloudresourcemanager.googleapis.com/v3/organizations/900000000001",
	"GET cloudresourcemanager.googleapis.com/v3/projects/111111111111",
	"GET cloudresourcemanager.googleapis.com/v3/projects/unseen",
	"GET cloudresourcemanager.googleapis.com/v3/projects?parent=folders/500000000001",
	"GET cloudresourcemanager.googleapis.com/v3/projects:search?query=state:ACTIVE",
	"POST cloudresourcemanager.googleapis.com/v1/projects/sandbox:getAncestry {}",
	"POST cloudresourcemanager.googleapis.com/v1/projects/tconnect:getAncestry {}",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/aggregated/disks",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/global/images",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/global/images/golden/getIamPolicy",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/global/machineImages",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/global/machineImages/worker/getIamPolicy",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/global/snapshots",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/global/snapshots/today/getIamPolicy",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/global/snapshots/yesterday/getIamPolicy",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/regions/europe-west1/disks/mirrored/getIamPolicy",
	"GET compute.googleapis.com/compute/v1/projects/tconnect/zones/us-east1-b/disks/data/getIamPolicy",
	"GET compute.googleapis.com/compute/v1/projects/unseen/global/images",
	"GET iam.googleapis.com/v1/organizations/900000000001/roles/reader",
	"GET iam.googleapis.com/v1/projects/tconnect/roles/lister",
	"GET iam.googleapis.com/v1/projects/tconnect/roles/none",
	"GET iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Forganizations%2F900000000001/denypolicies",
	"GET iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2Ftconnect/denypolicies",
	"GET iam.googleapis.com/v2/policies/cloudresourcemanager.googleapis.com%2Fprojects%2Ftconnect/denypolicies/no-strangers",
	"GET orgpolicy.googleapis.com/v2/projects/111111111111/policies/storage.publicAccessPrevention:getEffectivePolicy",
	"GET orgpolicy.googleapis.com/v2/projects/sandbox/policies/storage.publicAccessPrevention:getEffectivePolicy",
	"GET pubsub.googleapis.com/v1/projects/tconnect/snapshots",
	"GET pubsub.googleapis.com/v1/projects/tconnect/snapshots/before:getIamPolicy",
	"GET pubsub.googleapis.com/v1/projects/tconnect/subscriptions",
	"GET pubsub.googleapis.com/v1/projects/tconnect/subscriptions/billing:getIamPolicy",
	"GET pubsub.googleapis.com/v1/projects/tconnect/topics",
	"GET pubsub.googleapis.com/v1/projects/tconnect/topics/none:getIamPolicy",
	"GET pubsub.googleapis.com/v1/projects/tconnect/topics/orders:getIamPolicy",
	"GET pubsub.googleapis.com/v1/projects/tconnect/schemas",
	"GET pubsub.googleapis.com/v1/projects/unseen/topics",
	"GET secretmanager.europe-west3.rep.googleapis.com/v1/projects/tconnect/locations/europe-west3/secrets",
	"GET secretmanager.europe-west3.rep.googleapis.com/v1/projects/tconnect/locations/europe-west3/secrets/regional:getIamPolicy",
	"GET secretmanager.googleapis.com/v1/projects/tconnect/locations",
	"GET secretmanager.googleapis.com/v1/projects/tconnect/locations/europe-west3/secrets",
	"GET secretmanager.googleapis.com/v1/projects/tconnect/secrets",
	"GET secretmanager.googleapis.com/v1/projects/tconnect/secrets/token:getIamPolicy",
	"GET spanner.googleapis.com/v1/projects/tconnect/instances",
	"GET spanner.googleapis.com/v1/projects/tconnect/instances/cars/backups",
	"GET spanner.googleapis.com/v1/projects/tconnect/instances/cars/databases",
	"POST spanner.googleapis.com/v1/projects/tconnect/instances/cars/backups/nightly:getIamPolicy {}",
	"POST spanner.googleapis.com/v1/projects/tconnect/instances/cars/databases/owners:getIamPolicy {}",
	"POST spanner.googleapis.com/v1/projects/tconnect/instances/cars:getIamPolicy {}",
	"GET sqladmin.googleapis.com/v1/projects/tconnect/instances",
	"GET sqladmin.googleapis.com/v1/projects/tconnect/instances/crm",
	"GET sqladmin.googleapis.com/v1/projects/tconnect/instances/none",
	"GET storage.googleapis.com/storage/v1/b",
	"GET storage.googleapis.com/storage/v1/b/none/iam",
	"GET storage.googleapis.com/storage/v1/b/private",
	"GET storage.googleapis.com/storage/v1/b/private/iam",
	"GET storage.googleapis.com/storage/v1/b/private/iam?optionsRequestedPolicyVersion=3",
	"GET storage.googleapis.com/storage/v1/b/private/iam/testPermissions?permissions=storage.objects.get&permissions=storage.objects.list",
	"GET storage.googleapis.com/storage/v1/b/scratch/iam",
	"GET storage.googleapis.com/storage/v1/b/telemetry-2013/iam",
	"GET storage.googleapis.com/storage/v1/b/telemetry-2013/managedFolders",
	"GET storage.googleapis.com/storage/v1/b/telemetry-2013/managedFolders/none%2F/iam",
	"GET storage.googleapis.com/storage/v1/b/telemetry-2013/managedFolders/reports%2F/iam",
	"GET storage.googleapis.com/storage/v1/b/telemetry-2013/o?prefix=2013/&delimiter=/",
	"GET storage.googleapis.com/storage/v1/b/telemetry-2013/o?projection=full",
	"GET storage.googleapis.com/storage/v1/b/telemetry-2013/o?projection=full&fields=items(name,acl(entity,role)),nextPageToken",
	"GET storage.googleapis.com/storage/v1/b?project=sandbox&projection=full",
	"GET storage.googleapis.com/storage/v1/b?project=tconnect",
	"GET storage.googleapis.com/storage/v1/b?project=tconnect&projection=full",
	"GET storage.googleapis.com/storage/v1/b?project=tconnect&softDeleted=true",
	"GET storage.googleapis.com/storage/v1/projects/tconnect/hmacKeys",
}

// Every call answers with the bytes in testdata/answers.txt, which are there to
// be read next to Google's documentation.
func TestAnswers(t *testing.T) {
	c := startExample(t)
	var got strings.Builder
	for _, q := range questions {
		status, body := c.ask(t, q)
		var document any
		if err := json.Unmarshal([]byte(body), &document); err != nil {
			t.Fatalf("%s: %v: %s", q, err, body)
		}
		pretty, err := json.MarshalIndent(document, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		got.WriteString(q + "\n" + strconv.Itoa(status) + " " + string(pretty) + "\n\n")
	}
	const file = "testdata/answers.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	same(t, strings.Split(got.String(), "\n\n"), strings.Split(string(want), "\n\n"))
	for _, operation := range Operations() {
		if c.Calls()[operation] == 0 {
			t.Errorf("no question asks %s", operation)
		}
	}
	if c.Writes() != 0 {
		t.Errorf("%d writes", c.Writes())
	}
}

// Whatever andon may ask is answered.
func TestEveryRouteIsServed(t *testing.T) {
	for _, r := range routesOfAPI() {
		if !slices.Contains(Operations(), r) {
			t.Errorf("%s is in the routes and is not served", r)
		}
	}
}

func routesOfAPI() []string {
	var calls []string
	for _, r := range api.Routes() {
		calls = append(calls, r.Call)
	}
	return calls
}
