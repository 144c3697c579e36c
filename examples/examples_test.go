package examples

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/aws/awstest"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/azuretest"
	"github.com/andon-audit/andon/providers/gcp"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

var update = flag.Bool("update", false, "record the estates again")

// TestToyotaTapeIsFresh holds the recording to the world it was recorded from:
// the same questions get the same bytes.
func TestToyotaTapeIsFresh(t *testing.T) {
	got := slices.Concat([]byte(comment), record(t, amazon(t)), record(t, google(t)), record(t, microsoft(t)))
	file := filepath.Join("toyota", "tape.txtar")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the worlds give: run go test ./examples -update and review the difference", file)
	}
}

const comment = "A recorded estate; README.md tells what each store shows. Recorded from world.yaml, world-gcp.yaml and world-azure.yaml.\n\n"

// loopback is a cloud that serves a world, and the provider that asks it.
type loopback struct {
	transport http.RoundTripper
	open      func(http.RoundTripper) (collect.Provider, error)
}

func amazon(t *testing.T) loopback {
	t.Helper()
	w, err := awstest.Parse(ToyotaWorld)
	if err != nil {
		t.Fatal(err)
	}
	server := awstest.NewServer(w)
	return loopback{transport: serve(t, server.Start, server.Transport), open: func(transport http.RoundTripper) (collect.Provider, error) {
		return aws.Open(t.Context(), aws.Options{
			Offline: true, Transport: collect.NewReadOnly(transport, aws.Calls()...), Backoff: atOnce,
		})
	}}
}

func google(t *testing.T) loopback {
	t.Helper()
	w, err := gcptest.Parse(ToyotaGoogleWorld)
	if err != nil {
		t.Fatal(err)
	}
	server := gcptest.NewServer(w)
	return loopback{transport: serve(t, server.Start, server.Transport), open: func(transport http.RoundTripper) (collect.Provider, error) {
		return gcp.Open(t.Context(), gcp.Options{Options: api.Options{
			Offline: true, Transport: collect.NewReadOnly(transport, gcp.Calls()...), Backoff: atOnce,
		}})
	}}
}

func microsoft(t *testing.T) loopback {
	t.Helper()
	w, err := azuretest.Parse(ToyotaAzureWorld)
	if err != nil {
		t.Fatal(err)
	}
	server := azuretest.NewServer(w)
	return loopback{transport: serve(t, server.Start, server.Transport), open: func(transport http.RoundTripper) (collect.Provider, error) {
		return azure.Open(t.Context(), azure.Options{Options: arm.Options{
			Offline: true, Transport: collect.NewReadOnly(transport, azure.Calls()...), Backoff: atOnce,
		}})
	}}
}

func serve(t *testing.T, start func() (string, func(), error), transport func() *http.Transport) http.RoundTripper {
	t.Helper()
	_, stop, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	wire := transport()
	t.Cleanup(wire.CloseIdleConnections)
	return wire
}

func atOnce(int) time.Duration { return 0 }

// record asks everything about a world and returns the answers as sections of a
// tape, sorted, since answers arrive in any order.
func record(t *testing.T, cloud loopback) []byte {
	t.Helper()
	var recorded bytes.Buffer
	provider, err := cloud.open(tape.NewRecorder(cloud.transport, &recorded, aws.SecretCalls...))
	if err != nil {
		t.Fatal(err)
	}
	runner := collect.Runner{Provider: provider}
	if _, err := runner.Run(t.Context(), func(*resource.Resource) error { return nil }); err != nil {
		t.Fatal(err)
	}
	parsed, err := tape.Parse("recorded", recorded.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(parsed.Exchanges, func(a, b tape.Exchange) int {
		return cmp.Or(cmp.Compare(a.Call.Name, b.Call.Name), cmp.Compare(a.Call.Region, b.Call.Region), cmp.Compare(a.Call.Input, b.Call.Input))
	})
	var out []byte
	for _, e := range parsed.Exchanges {
		out = append(out, e.Format()...)
	}
	return out
}

// TestPermissionsAreFresh holds what is published to what the kinds declare.
func TestPermissionsAreFresh(t *testing.T) {
	policy, err := json.MarshalIndent(aws.Permissions(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	role, err := yaml.Dump(gcp.Permissions().Role, yaml.WithIndent(2))
	if err != nil {
		t.Fatal(err)
	}
	definition, err := json.MarshalIndent(azure.Permissions().Role, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"aws.json": append(policy, '\n'), "gcp.yaml": role, "azure.json": append(definition, '\n')} {
		file := filepath.Join("permissions", name)
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the kinds declare: run go test ./examples -update", file)
		}
	}
}
