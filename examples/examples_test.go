package examples

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/aws/awstest"
)

var update = flag.Bool("update", false, "record the estates again")

// TestToyotaTapeIsFresh holds the recording to the world it was recorded from:
// the same questions get the same bytes.
func TestToyotaTapeIsFresh(t *testing.T) {
	got := record(t, ToyotaWorld)
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
		t.Errorf("%s is not what world.yaml gives: run go test ./examples -update and review the difference", file)
	}
}

const comment = "A recorded AWS estate; README.md tells what each store shows. Recorded from world.yaml.\n\n"

// record asks everything about a world and returns the answers as a tape,
// sorted, since answers arrive in any order.
func record(t *testing.T, world []byte) []byte {
	t.Helper()
	w, err := awstest.Parse(world)
	if err != nil {
		t.Fatal(err)
	}
	server := awstest.NewServer(w)
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	wire := server.Transport()
	defer wire.CloseIdleConnections()
	var recorded bytes.Buffer
	collectAll(t, tape.NewRecorder(wire, &recorded, aws.SecretCalls...))
	parsed, err := tape.Parse("recorded", recorded.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(parsed.Exchanges, func(a, b tape.Exchange) int {
		return cmp.Or(cmp.Compare(a.Call.Name, b.Call.Name), cmp.Compare(a.Call.Region, b.Call.Region), cmp.Compare(a.Call.Input, b.Call.Input))
	})
	out := []byte(comment)
	for _, e := range parsed.Exchanges {
		out = append(out, e.Format()...)
	}
	return out
}

func collectAll(t *testing.T, transport http.RoundTripper) {
	t.Helper()
	ctx := context.Background()
	provider, err := aws.Open(ctx, aws.Options{
		Offline: true, Transport: collect.NewReadOnly(transport, aws.Calls()...), Backoff: func(int) time.Duration { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	runner := collect.Runner{Provider: provider}
	if _, err := runner.Run(ctx, func(*resource.Resource) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestPermissionsAreFresh holds the published policy to what the kinds declare.
func TestPermissionsAreFresh(t *testing.T) {
	want, err := json.MarshalIndent(aws.Permissions(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	file := filepath.Join("permissions", "aws.json")
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
