package conformance

import (
	"net/http"
	"testing"

	"github.com/andon-audit/andon/pkg/collect/tape"
)

// TestPlantJSON: the secret is in every object that the cloud named, in none of
// the owner's words, and the answer that was given stays as it was.
func TestPlantJSON(t *testing.T) {
	for body, want := range map[string]string{
		`{"items":[{"name":"a"},null,7]}`:            `{"items":[{"key":"S","name":"a"},null,7],"key":"S"}`,
		`{"id":"a","labels":{"team":"b","c":"d"}}`:   `{"id":"a","key":"S","labels":{"c":"d","team":"b"}}`,
		`{"properties":{},"tags":{"environ":"x y"}}`: `{"key":"S","properties":{"key":"S"},"tags":{"environ":"x y"}}`,
		`[]`:   `[]`,
		`none`: `none`,
	} {
		given := tape.Exchange{Header: http.Header{"Date": {"now"}}, Body: []byte(body)}
		planted := PlantJSON(given, "S", []string{"Set-Cookie"}, map[string]any{"key": "S"})
		if string(planted.Body) != want || planted.Header.Get("Set-Cookie") != "S" || planted.Header.Get("Date") != "now" {
			t.Errorf("%s: %s %v", body, planted.Body, planted.Header)
		}
		if string(given.Body) != body || given.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s was changed: %s %v", body, given.Body, given.Header)
		}
	}
}
