package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutesAreFresh(t *testing.T) {
	table, err := os.ReadFile(filepath.Join("..", "..", "api", "routes.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := fill(table)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(table)); diff != "" {
		t.Errorf("routes.tsv is stale, run go generate ./providers/gcp/api (-want +got):\n%s", diff)
	}
}

func TestUnknownCalls(t *testing.T) {
	for _, line := range []string{"pubsub/v1\tprojects.topics.lst\n", "pubsub\tprojects.topics.list\n", "pubsub/v7\tprojects.topics.list\n", "pubsub/v1\n"} {
		if filled, err := fill([]byte(line)); err == nil {
			t.Errorf("%q gave %q", line, filled)
		}
	}
}
