//go:build e2e

package azurite

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/e2e/internal/andon"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// longest is how long one run may take.
const longest = 30 * time.Second

// cloud is a loopback Azure: Resource Manager and Microsoft Entra.
type cloud struct {
	server      *azuretest.Server
	url         string
	certificate string // a file
}

func serve(t testing.TB, w *azuretest.World, options ...azuretest.Option) *cloud {
	t.Helper()
	c := &cloud{server: azuretest.NewServer(w, options...), certificate: filepath.Join(t.TempDir(), "certificate.pem")}
	url, stop, err := c.server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c.url = url
	if err := os.WriteFile(c.certificate, c.server.Certificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// environment is all that a run needs to reach a cloud: a service principal, and
// where Azure is.
func (c *cloud) environment() map[string]string {
	return map[string]string{
		"AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": "22222222-2222-2222-2222-222222222222", "AZURE_CLIENT_SECRET": secret,
		"AZURE_AUTHORITY_HOST": c.url, "ANDON_AZURE_ENDPOINT": c.url, "AZURE_CORE_INSTANCE_DISCOVERY": "false",
		"SSL_CERT_FILE": c.certificate,
	}
}

// secret must not stand in anything that a run says.
const secret = "not-to-be-repeated"

// command is andon with an environment. Whatever is not meant for loopback fails.
func command(t testing.TB, environment map[string]string, args ...string) *exec.Cmd {
	t.Helper()
	all := append(andon.Offline(), "AWS_EC2_METADATA_DISABLED=true", "GCE_METADATA_HOST="+noMetadata(t))
	for name, value := range environment {
		all = append(all, name+"="+value)
	}
	return andon.Command(t, longest, all, args...)
}

// noMetadata stands in for the metadata server of a virtual machine that has no
// service account: the clouds that a run finds must not depend on the machine.
func noMetadata(t testing.TB) (host string) {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// audit runs andon audit in an environment and reads its report.
func audit(t testing.TB, c *cloud, environment map[string]string, args ...string) (*andon.Report, andon.Said) {
	t.Helper()
	r, out := andon.AuditOf(t, c.server, command(t, environment, append([]string{"audit", "--format", "json"}, args...)...))
	discreet(t, out)
	return r, out
}

// discreet fails where a run says the client's secret.
func discreet(t testing.TB, out andon.Said) {
	t.Helper()
	if strings.Contains(out.Stdout+out.Stderr, secret) {
		t.Error("the client's secret stands in what the run says")
	}
}
