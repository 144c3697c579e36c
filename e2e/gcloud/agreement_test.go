//go:build e2e

package gcloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/andon-audit/andon/e2e/internal/andon"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

// pages are so short that every longer listing has several.
const pages = 2

// TestAgreement lists an organisation with andon and with Google's client: the
// same projects, in them the same stores of every kind, no more and no fewer.
func TestAgreement(t *testing.T) {
	t.Parallel()
	ours := serve(t, "estate.yaml", gcptest.WithPageSize(pages))
	r, out := audit(t, ours, "--organization", organisation, "--depth", "full")
	if out.Exit != 5 { // buckets are public, and of some services nobody has written down whether anonymous callers count
		t.Errorf("exit %d, want 5; stderr: %s", out.Exit, out.Stderr)
	}
	for _, c := range r.Summary.Coverage {
		if c.State != "complete" && c.State != "partial" {
			t.Errorf("%s of %s is %s: %s", c.Kind, c.Scope.Account, c.State, c.Detail)
		}
	}

	theirs := serve(t, "estate.yaml", gcptest.WithPageSize(pages))
	g := newClient(t, theirs)
	i := inventory{client: g}
	policies := make([]any, len(judged))
	group, ctx := errgroup.WithContext(t.Context())
	group.Go(func() error {
		projects, err := g.inside(ctx, organisation)
		if ids := idsOf(projects); err == nil && !slices.Equal(ids, []string{"dealers", "tconnect"}) {
			return fmt.Errorf("gcloud finds the projects %v", ids)
		}
		return errors.Join(err, i.all(ctx, projects))
	})
	for n, j := range judged {
		group.Go(func() error { return g.policy(ctx, &policies[n], j.policy) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	heard(t, theirs)
	agree(t, i.keys, r)
	for _, l := range listening {
		if s := r.StoreOf(t, "tconnect", l.kind, l.name); s.Settled.String() != l.level {
			t.Errorf("%s is %s, want %s: %s (missing: %v)", s.ID, s.Settled, l.level, l.why, s.Missing)
		}
	}
	for n, j := range judged {
		t.Run(j.kind+" "+j.name, func(t *testing.T) { j.check(t, policies[n], r.StoreOf(t, "tconnect", j.kind, j.name)) })
	}
}

// agree holds what both clients found against each other.
func agree(t *testing.T, theirs []string, r *andon.Report) {
	t.Helper()
	ours := make([]string, 0, len(r.Stores))
	kinds := make(map[string]bool)
	for key, s := range r.ByKey(t) {
		ours = append(ours, key)
		kinds[s.Kind] = true
	}
	for key, times := range counted(theirs) {
		if times > 1 {
			t.Errorf("gcloud lists %s %d times", key, times)
		}
	}
	alone := func(some, others []string) []string {
		found := slices.DeleteFunc(slices.Clone(some), func(key string) bool { return slices.Contains(others, key) })
		slices.Sort(found)
		return found
	}
	for _, key := range alone(theirs, ours) {
		t.Errorf("gcloud finds %s, and andon does not", key)
	}
	for _, key := range alone(ours, theirs) {
		t.Errorf("andon finds %s, and gcloud does not", key)
	}
	// An agreement over nothing would prove nothing.
	for _, k := range gcp.Kinds() {
		if !kinds[string(k.Name)] {
			t.Errorf("the estate has no %s", k.Name)
		}
	}
	t.Logf("gcloud finds %d stores and andon %d, of %d kinds", len(theirs), len(ours), len(kinds))
}

func counted(keys []string) map[string]int {
	times := make(map[string]int)
	for _, key := range keys {
		times[key]++
	}
	return times
}

// heard makes sure that Google's client was understood: an answer that failed
// may have cost it a part of a listing.
func heard(t *testing.T, c *cloud) {
	t.Helper()
	for _, call := range c.server.Log() {
		if call.Status != 200 {
			t.Errorf("%s about %q was answered with %d", call.Operation, call.Subject, call.Status)
		}
	}
	if n := c.server.Writes(); n != 0 {
		t.Errorf("gcloud made %d requests that are no reads", n)
	}
}

func idsOf(projects []project) []string {
	var ids []string
	for _, p := range projects {
		ids = append(ids, p.ID)
	}
	slices.Sort(ids)
	return ids
}

// judgement is one store whose policy Google's client prints.
type judgement struct {
	kind, name string
	level      string
	why        string
	// call is where andon says that it read the policy, policy what prints it.
	call   string
	policy []string
	// strangers are the members who are not the organisation's for certain, with
	// their roles; andon must name exactly these.
	strangers []string
}

const (
	everybody = "allUsers"
	accounts  = "allAuthenticatedUsers"
	somebody  = "user:b@gmail.com"
	partner   = "user:c@partner.example"
)

// judged are stores of every kind whose policy gcloud or bq can print. They
// print none of Pub/Sub's snapshots, of regional disks and of routines.
var judged = []judgement{
	{
		"gcp.storage.bucket", "telemetry-2013", "public", "a bucket may be read by anyone whom its policy calls allUsers",
		"storage:buckets.getIamPolicy", gcloudArgs("storage buckets get-iam-policy gs://telemetry-2013"),
		[]string{everybody + " roles/storage.objectViewer"},
	},
	{
		"gcp.storage.bucket", "acl-open", "public", "an ACL shows in the policy as a legacy role, and READER lists objects",
		"storage:buckets.getIamPolicy", gcloudArgs("storage buckets get-iam-policy gs://acl-open"),
		[]string{everybody + " roles/storage.legacyBucketReader"},
	},
	{
		"gcp.storage.bucket", "with-partner", "shared", "a condition that always holds, of a policy of version 3",
		"storage:buckets.getIamPolicy", gcloudArgs("storage buckets get-iam-policy gs://with-partner"),
		[]string{somebody + " roles/storage.objectViewer"},
	},
	{
		"gcp.storage.bucket", "quiet", "private", "a policy of the project's own members",
		"storage:buckets.getIamPolicy", gcloudArgs("storage buckets get-iam-policy gs://quiet"), nil,
	},
	{
		"gcp.pubsub.topic", "orders", "tenant..public", "allUsers, of whom Pub/Sub's documentation does not say whether they need an account",
		"pubsub:projects.topics.getIamPolicy", gcloudArgs("pubsub topics get-iam-policy orders"),
		[]string{everybody + " roles/pubsub.subscriber"},
	},
	{
		"gcp.pubsub.subscription", "billing", "private..shared", "a member of another domain, which may be the organisation's, too",
		"pubsub:projects.subscriptions.getIamPolicy", gcloudArgs("pubsub subscriptions get-iam-policy billing"),
		[]string{partner + " roles/pubsub.subscriber"},
	},
	{
		"gcp.secretmanager.secret", "token", "tenant", "whoever has a Google account",
		"secretmanager:projects.secrets.getIamPolicy", gcloudArgs("secrets get-iam-policy token"),
		[]string{accounts + " roles/secretmanager.secretAccessor"},
	},
	{
		"gcp.secretmanager.secret", "europe-west3/regional", "shared", "a regional secret, with a member who is of no organisation",
		"secretmanager:projects.locations.secrets.getIamPolicy", gcloudArgs("secrets get-iam-policy regional --location=europe-west3"),
		[]string{somebody + " roles/secretmanager.secretAccessor"},
	},
	{
		"gcp.kms.key_ring", "global/ring", "private", "a ring that nobody was let into",
		"cloudkms:projects.locations.keyRings.getIamPolicy", gcloudArgs("kms keyrings get-iam-policy ring --location=global"), nil,
	},
	{
		"gcp.kms.key", "global/ring/key", "tenant", "whoever has a Google account",
		"cloudkms:projects.locations.keyRings.cryptoKeys.getIamPolicy", gcloudArgs("kms keys get-iam-policy key --keyring=ring --location=global"),
		[]string{accounts + " roles/cloudkms.cryptoKeyDecrypter"},
	},
	{
		"gcp.spanner.instance", "cars", "private", "an instance that nobody was let into",
		"spanner:projects.instances.getIamPolicy", gcloudArgs("spanner instances get-iam-policy cars"), nil,
	},
	{
		"gcp.spanner.database", "cars/owners", "shared", "a member who is of no organisation",
		"spanner:projects.instances.databases.getIamPolicy", gcloudArgs("spanner databases get-iam-policy owners --instance=cars"),
		[]string{somebody + " roles/spanner.databaseReader"},
	},
	{
		"gcp.spanner.backup", "cars/nightly", "tenant", "whoever has a Google account",
		"spanner:projects.instances.backups.getIamPolicy", gcloudArgs("spanner backups get-iam-policy nightly --instance=cars"),
		[]string{accounts + " roles/spanner.restoreAdmin"},
	},
	{
		"gcp.bigtable.instance", "wide", "private", "an instance that nobody was let into",
		"bigtableadmin:projects.instances.getIamPolicy", gcloudArgs("bigtable instances get-iam-policy wide"), nil,
	},
	{
		"gcp.bigtable.table", "wide/positions", "tenant..public", "allUsers, of whom Bigtable's documentation does not say whether they need an account",
		"bigtableadmin:projects.instances.tables.getIamPolicy", gcloudArgs("bigtable tables get-iam-policy positions --instance=wide"),
		[]string{everybody + " roles/bigtable.reader"},
	},
	{
		"gcp.artifactregistry.repository", "us-east1/apps", "public", "a repository may be public",
		"artifactregistry:projects.locations.repositories.getIamPolicy", gcloudArgs("artifacts repositories get-iam-policy apps --location=us-east1"),
		[]string{everybody + " roles/artifactregistry.reader"},
	},
	{
		"gcp.compute.image", "golden", "tenant", "whoever has a Google account",
		"compute:images.getIamPolicy", gcloudArgs("compute images get-iam-policy golden"),
		[]string{accounts + " roles/compute.imageUser"},
	},
	{
		"gcp.compute.machine_image", "worker", "shared", "a member who is of no organisation",
		"compute:machineImages.getIamPolicy", gcloudArgs("compute machine-images get-iam-policy worker"),
		[]string{somebody + " roles/compute.admin"},
	},
	{
		"gcp.compute.snapshot", "yesterday", "private", "a member of the organisation's own domain",
		"compute:snapshots.getIamPolicy", gcloudArgs("compute snapshots get-iam-policy yesterday"), nil,
	},
	{
		"gcp.compute.disk", "us-east1-b/data", "shared", "a member who is of no organisation; its namesakes in another zone and another project are private",
		"compute:disks.getIamPolicy", gcloudArgs("compute disks get-iam-policy data --zone=us-east1-b"),
		[]string{somebody + " roles/compute.storageAdmin"},
	},
	{
		"gcp.bigquery.table", "inner.ledger", "shared", "a member who is of no organisation",
		"bigquery:tables.getIamPolicy", bqArgs("get-iam-policy --table inner.ledger"),
		[]string{somebody + " roles/bigquery.dataViewer"},
	},
}

// listening are stores whose level does not hang on a policy that gcloud prints.
var listening = []struct{ kind, name, level, why string }{
	{"gcp.sql.instance", "crm", "reachable", "a public address that every address may connect to"},
	{"gcp.sql.instance", "inner", "private", "an address of a private network alone"},
	{"gcp.alloydb.instance", "main/primary", "reachable", "a public address that every address may connect to"},
	{"gcp.alloydb.instance", "main/reader", "private", "no public address"},
	{"gcp.bigquery.dataset", "sales", "tenant", "an access entry for every Google account"},
	{"gcp.storage.bucket", "prevented", "private", "public access prevention, and members of the organisation alone"},
}

func gcloudArgs(line string) []string { return strings.Fields("gcloud " + line) }

func bqArgs(line string) []string { return strings.Fields("bq " + line) }

// check holds a policy as it was printed against what andon says of the store.
func (j judgement) check(t *testing.T, printed any, s andon.Store) {
	t.Helper()
	if got := s.Settled.String(); got != j.level {
		t.Errorf("%s is %s, want %s: %s (missing: %v)", s.ID, got, j.level, j.why, s.Missing)
	}
	if got := outsiders(printed); !slices.Equal(got, j.strangers) {
		t.Errorf("%s: gcloud prints a policy that lets in %q, want %q", s.ID, got, j.strangers)
	}
	var cited []string
	for _, granted := range s.Grants {
		for _, e := range granted.Evidence {
			if e.Call != j.call {
				continue
			}
			if quoted, err := resolve(printed, e.Pointer); err != nil || quoted != e.Quote {
				t.Errorf("%s: andon quotes %q at %s, gcloud prints %v (%v)", s.ID, e.Quote, e.Pointer, quoted, err)
			}
			if binding, of, ok := strings.Cut(e.Pointer, "/members/"); ok && of != "" {
				role, err := resolve(printed, binding+"/role")
				if err != nil {
					t.Error(err)
				}
				cited = append(cited, fmt.Sprint(e.Quote, " ", role))
			}
		}
	}
	for _, m := range s.Missing {
		for _, stranger := range j.strangers {
			member, _, _ := strings.Cut(stranger, " ")
			if m.Call == j.call && strings.HasPrefix(m.Detail, member+": ") { // undecided, and said to be
				cited = append(cited, stranger)
			}
		}
	}
	slices.Sort(cited)
	if cited = slices.Compact(cited); !slices.Equal(cited, j.strangers) {
		t.Errorf("%s: andon names %q of the policy, want %q", s.ID, cited, j.strangers)
	}
}

// policy prints a policy with gcloud or bq.
func (g *client) policy(ctx context.Context, into any, args []string) error {
	if args[0] == "bq" {
		return g.bigquery(ctx, into, "tconnect", args[1:]...)
	}
	return g.document(ctx, into, append(args[1:], "--project=tconnect")...)
}

// outsiders are the members of a policy who are neither of the organisation's
// domain nor of its projects, each with the role.
func outsiders(policy any) []string {
	document, _ := policy.(map[string]any)
	bindings, _ := document["bindings"].([]any)
	var found []string
	for _, b := range bindings {
		binding, _ := b.(map[string]any)
		members, _ := binding["members"].([]any)
		for _, m := range members {
			member := fmt.Sprint(m)
			if strings.HasSuffix(member, "@example.com") || strings.HasSuffix(member, ".iam.gserviceaccount.com") || strings.HasPrefix(member, "project") {
				continue
			}
			found = append(found, fmt.Sprint(member, " ", binding["role"]))
		}
	}
	slices.Sort(found)
	return found
}

// resolve follows a JSON pointer without escapes.
//
// Source: https://www.rfc-editor.org/rfc/rfc6901
func resolve(document any, pointer string) (string, error) {
	at := document
	for segment := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch v := at.(type) {
		case map[string]any:
			at = v[segment]
		case []any:
			n, err := strconv.Atoi(segment)
			if err != nil || n < 0 || n >= len(v) {
				return "", fmt.Errorf("resolve %s: no element %s", pointer, segment)
			}
			at = v[n]
		default:
			return "", fmt.Errorf("resolve %s: nothing at %s", pointer, segment)
		}
	}
	text, isText := at.(string)
	if !isText {
		return "", fmt.Errorf("resolve %s: %v is not a text", pointer, at)
	}
	return text, nil
}

// TestEveryWalkHasItsKinds fails for a kind that Google's client is not asked to
// list, also where it is not installed: whoever adds one finds out what it has.
func TestEveryWalkHasItsKinds(t *testing.T) {
	t.Parallel()
	var walked []string
	for _, w := range walks {
		walked = append(walked, w.kinds...)
	}
	var declared []string
	for _, k := range gcp.Kinds() {
		declared = append(declared, string(k.Name))
	}
	slices.Sort(walked)
	slices.Sort(declared)
	if diff := cmp.Diff(declared, walked); diff != "" {
		t.Errorf("kinds of andon (-) that Google's client does not list here (+):\n%s", diff)
	}
}
