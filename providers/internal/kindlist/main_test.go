package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRegistriesAreFresh(t *testing.T) {
	registries, err := filepath.Glob(filepath.Join("..", "..", "*", registry))
	if err != nil || len(registries) == 0 {
		t.Fatalf("found no registry: %v", err)
	}
	for _, file := range registries {
		dir, err := filepath.Abs(filepath.Dir(file))
		if err != nil {
			t.Fatal(err)
		}
		want, err := generate(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale, run go generate ./providers/... (-want +got):\n%s", file, diff)
		}
	}
}
