package json_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/finding"
	report "github.com/andon-audit/andon/pkg/report/json"
	"github.com/andon-audit/andon/pkg/report/reporttest"
)

var _ finding.Sink = (*report.Sink)(nil)

func TestGolden(t *testing.T) {
	var b bytes.Buffer
	if err := reporttest.Tell(report.New(&b)); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "report.json", b.Bytes())
}

func TestInterruptedRunIsADocument(t *testing.T) {
	for name, stores := range map[string][]*finding.Store{"before any store": nil, "after one": reporttest.Stores()[:1]} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			s := report.New(&b)
			if err := s.Begin(reporttest.Run()); err != nil {
				t.Fatal(err)
			}
			for _, store := range stores {
				if err := s.Store(store); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.End(&finding.Summary{Incomplete: true, Reason: "interrupted", Exit: 130}); err != nil {
				t.Fatal(err)
			}
			var doc struct {
				Stores  []any
				Summary struct {
					Incomplete bool
					Coverage   []any
				}
			}
			if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
				t.Fatalf("%v\n%s", err, b.Bytes())
			}
			if len(doc.Stores) != len(stores) || doc.Stores == nil || doc.Summary.Coverage == nil || !doc.Summary.Incomplete {
				t.Errorf("got %s", b.Bytes())
			}
		})
	}
}

func TestHostileTextSurvivesAndIsHarmless(t *testing.T) {
	var b bytes.Buffer
	if err := reporttest.Tell(report.New(&b)); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if r < ' ' && r != '\n' || r >= 0x7f && r <= 0x9f || r == 0x202e || r == 0x200d {
			t.Fatalf("raw %U in the document", r)
		}
	}
	var doc struct{ Stores []struct{ Name string } }
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for i, s := range reporttest.Stores() {
		if doc.Stores[i].Name != s.Resource.Name {
			t.Errorf("name %q became %q", s.Resource.Name, doc.Stores[i].Name)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteErrorEndsTheRun(t *testing.T) {
	err := reporttest.Tell(report.New(full{}))
	if err == nil || !strings.Contains(err.Error(), "write report: no space left") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkStore(b *testing.B) {
	stores := reporttest.Stores()
	s := report.New(io.Discard)
	if err := s.Begin(reporttest.Run()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Store(stores[i%len(stores)]); err != nil {
			b.Fatal(err)
		}
	}
}
