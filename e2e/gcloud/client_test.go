//go:build e2e

package gcloud

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/e2e/internal/andon"
)

// client is Google's own: gcloud, and bq for BigQuery, which comes with it.
type client struct {
	gcloud, bq string
	discovery  string // the description of BigQuery that bq brings along
	environ    []string
	url        string
	slots      chan struct{} // each call is a Python that starts anew
}

// installed finds gcloud, or says why nothing is compared with it.
func installed(t testing.TB) (gcloud, bq string) {
	t.Helper()
	gcloud, err := exec.LookPath("gcloud")
	if err == nil {
		bq, err = exec.LookPath("bq")
	}
	switch {
	case err == nil:
		return gcloud, bq
	case os.Getenv("ANDON_GCLOUD") == "absent":
		t.Skipf("SKIPPED: NOTHING IS COMPARED WITH GOOGLE'S OWN CLIENT (%v): ANDON_GCLOUD=absent says that it need not be", err)
	case os.Getenv("CI") == "true" || os.Getenv("ANDON_E2E") == "required":
		t.Fatalf("find Google's own client: %v (install the Google Cloud CLI, or say with ANDON_GCLOUD=absent that nothing is compared with it)", err)
	default:
		t.Skipf("SKIPPED: NOTHING IS COMPARED WITH GOOGLE'S OWN CLIENT: %v (ANDON_E2E=required makes this a failure)", err)
	}
	return "", ""
}

// overrides are the services by gcloud's name for them, and the roots below which
// its generated clients expect their paths.
var overrides = map[string]string{
	"ALLOYDB": "alloydb/", "ARTIFACTREGISTRY": "artifactregistry/", "BIGTABLEADMIN": "bigtableadmin/", "CLOUDKMS": "cloudkms/",
	"CLOUDRESOURCEMANAGER": "cloudresourcemanager/", "COMPUTE": "compute/v1/", "IAM": "iam/", "PUBSUB": "pubsub/",
	"SECRETMANAGER": "secretmanager/", "SPANNER": "spanner/", "SQL": "sql/", "STORAGE": "storage/v1/",
}

// newClient points Google's client at a cloud. It has no configuration and no
// credentials, and reaches nothing but loopback.
func newClient(t testing.TB, c *cloud) *client {
	t.Helper()
	gcloud, bq := installed(t)
	home := t.TempDir()
	environ := append(
		andon.Offline(), "PATH="+os.Getenv("PATH"), "HOME="+home, "CLOUDSDK_CONFIG="+filepath.Join(home, "gcloud"),
		"CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true", "CLOUDSDK_CORE_CHECK_GCE_METADATA=false", "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true", "CLOUDSDK_SURVEY_DISABLE_PROMPTS=true",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "CLOUDSDK_CORE_DISABLE_FILE_LOGGING=true",
	)
	for service, root := range overrides {
		environ = append(environ, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+service+"="+c.url+"/"+root)
	}
	g := &client{gcloud: gcloud, bq: bq, environ: environ, url: c.url, slots: make(chan struct{}, runtime.NumCPU()+1)}
	root, err := g.execute(t.Context(), gcloud, "info", "--format=value(installation.sdk_root)")
	if err != nil {
		t.Fatal(err)
	}
	// Left alone, bq asks the endpoint what the service is like.
	g.discovery = filepath.Join(strings.TrimSpace(string(root)), "platform", "bq", "discovery_next", "bigquery.json")
	if _, err := os.Stat(g.discovery); err != nil {
		t.Fatalf("find the description of BigQuery that bq brings along: %v", err)
	}
	return g
}

// document runs gcloud and decodes what it prints.
func (g *client) document(ctx context.Context, into any, args ...string) error {
	return g.decode(ctx, into, g.gcloud, append(args, "--format=json")...)
}

// bigquery runs bq and decodes what it prints. A token keeps it from asking for
// an account; the loopback cloud does not look at it.
func (g *client) bigquery(ctx context.Context, into any, project string, args ...string) error {
	flags := []string{"--api=" + g.url, "--discovery_file=" + g.discovery, "--oauth_access_token=none", "--project_id=" + project, "--format=json"}
	return g.decode(ctx, into, g.bq, append(flags, args...)...)
}

func (g *client) decode(ctx context.Context, into any, name string, args ...string) error {
	text, err := g.execute(ctx, name, args...)
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(text)) == 0 { // bq says nothing where there is nothing
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read what %s %s prints: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, text)
	}
	return nil
}

func (g *client) execute(ctx context.Context, name string, args ...string) ([]byte, error) {
	g.slots <- struct{}{}
	defer func() { <-g.slots }()
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = g.environ
	cmd.WaitDelay = time.Second // the launcher's Python may outlive it
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run %s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// TestClient says with which client of Google's andon is compared, if with any.
func TestClient(t *testing.T) {
	t.Parallel()
	gcloud, _ := installed(t)
	text, err := exec.CommandContext(t.Context(), gcloud, "version", "--format=value(\"Google Cloud SDK\")").Output()
	if err != nil {
		t.Fatalf("ask gcloud for its version: %v", err)
	}
	t.Logf("andon is compared with gcloud of the Google Cloud SDK %s", strings.TrimSpace(string(text)))
}
