package gcptest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/pubsub/v1"
	"google.golang.org/api/sqladmin/v1"
	"google.golang.org/api/storage/v1"
)

// Google's own clients decode what the server says, at their own hosts.
func TestStorageClient(t *testing.T) {
	c := startExample(t, WithPageSize(1))
	client, err := storage.NewService(t.Context(), option.WithHTTPClient(c.client))
	if err != nil {
		t.Fatal(err)
	}
	buckets := map[string]*storage.Bucket{}
	if err := client.Buckets.List("tconnect").Projection("full").ReturnPartialSuccess(true).Pages(t.Context(), func(page *storage.Buckets) error {
		for _, b := range page.Items {
			buckets[b.Name] = b
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	open, closed := buckets["telemetry-2013"], buckets["private"]
	if len(buckets) != 2 || open.ProjectNumber != 111111111111 || open.Location != "EU" || open.Acl[0].Entity != "allUsers" ||
		open.DefaultObjectAcl[0].Role != "READER" || open.IamConfiguration.UniformBucketLevelAccess.Enabled {
		t.Errorf("open bucket: %+v", open)
	}
	if !closed.IamConfiguration.UniformBucketLevelAccess.Enabled || closed.IamConfiguration.PublicAccessPrevention != "enforced" ||
		closed.Acl != nil || closed.IpFilter.PublicNetworkSource.AllowedIpCidrRanges[0] != "192.0.2.0/24" {
		t.Errorf("closed bucket: %+v", closed)
	}
	policy, err := client.Buckets.GetIamPolicy("private").OptionsRequestedPolicyVersion(3).Do()
	if err != nil || policy.Bindings[0].Condition.Title != "soon" || policy.Version != 3 {
		t.Errorf("policy: %+v, %v", policy, err)
	}
	if _, err := client.Buckets.GetIamPolicy("private").Do(); refusal(err) != "400 badRequest" {
		t.Errorf("a policy with conditions, asked for without them: %v", err)
	}
	if _, err := client.Buckets.GetIamPolicy("nowhere").Do(); refusal(err) != "404 notFound" {
		t.Errorf("no bucket: %v", err)
	}
	folder, err := client.ManagedFolders.GetIamPolicy("telemetry-2013", "reports/").Do()
	if err != nil || folder.Bindings[0].Members[0] != "allUsers" {
		t.Errorf("managed folder: %+v, %v", folder, err)
	}
	var objects []string
	if err := client.Objects.List("telemetry-2013").Projection("full").Fields("items(name,acl)", "nextPageToken").Pages(t.Context(), func(page *storage.Objects) error {
		for _, o := range page.Items {
			objects = append(objects, o.Name+" "+o.Acl[0].Entity)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	same(t, objects, []string{"2013/11/positions.csv allUsers", "2013/12/positions.csv project-owners-111111111111"})
	may, err := client.Buckets.TestIamPermissions("private", []string{"storage.buckets.get", "storage.buckets.getIpFilter"}).Do()
	if err != nil || len(may.Permissions) != 2 {
		t.Errorf("permissions: %+v, %v", may, err)
	}
}

func TestPubSubClient(t *testing.T) {
	c := startExample(t)
	// A general endpoint, as andon and gcloud use it.
	client, err := pubsub.NewService(t.Context(), option.WithHTTPClient(http.DefaultClient), option.WithEndpoint(c.url+"/pubsub/"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	topics, err := client.Projects.Topics.List("projects/tconnect").Do()
	if err != nil || len(topics.Topics) != 1 || topics.Topics[0].Name != "projects/tconnect/topics/orders" {
		t.Fatalf("%+v, %v", topics, err)
	}
	policy, err := client.Projects.Topics.GetIamPolicy(topics.Topics[0].Name).OptionsRequestedPolicyVersion(3).Do()
	if err != nil || policy.Bindings[0].Role != "roles/pubsub.subscriber" || !slices.Equal(policy.Bindings[0].Members, []string{"allUsers"}) {
		t.Errorf("%+v, %v", policy, err)
	}
	if _, err := client.Projects.Topics.List("projects/unseen").Do(); !strings.Contains(refusal(err), "403") {
		t.Errorf("a project that is not there: %v", err)
	}
	if _, err := client.Projects.Topics.Create("projects/tconnect/topics/new", &pubsub.Topic{}).Do(); !strings.Contains(refusal(err), "403") || c.Writes() != 1 {
		t.Errorf("a write: %v, %d counted", err, c.Writes())
	}
}

func TestSQLClient(t *testing.T) {
	c := startExample(t)
	client, err := sqladmin.NewService(t.Context(), option.WithHTTPClient(c.client))
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.Instances.List("tconnect").Do()
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	i := list.Items[0]
	if i.IpAddresses[0].Type != "PRIMARY" || i.Settings.IpConfiguration.AuthorizedNetworks[0].Value != "0.0.0.0/0" || i.State != "RUNNABLE" {
		t.Errorf("%+v", i)
	}
	unreachable := startExample(t, WithFault(Fault{Call: "sqladmin:*", Kind: Unreachable, Names: []string{"europe-west1"}}))
	if client, err = sqladmin.NewService(t.Context(), option.WithHTTPClient(unreachable.client)); err != nil {
		t.Fatal(err)
	}
	if list, err = client.Instances.List("tconnect").Do(); err != nil || len(list.Items) != 0 || list.Warnings[0].Code != "REGION_UNREACHABLE" {
		t.Errorf("%+v, %v", list, err)
	}
}

// refusal is the status of an error and the reason that it gives.
func refusal(err error) string {
	answer, ok := errors.AsType[*googleapi.Error](err)
	if !ok {
		return "no answer"
	}
	reason := ""
	if len(answer.Errors) > 0 {
		reason = " " + answer.Errors[0].Reason
	}
	return strconv.Itoa(answer.Code) + reason
}
