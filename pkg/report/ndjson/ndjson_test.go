package ndjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report/ndjson"
	"github.com/andon-audit/andon/pkg/report/reporttest"
)

var _ finding.Sink = (*ndjson.Sink)(nil)

func TestGolden(t *testing.T) {
	var b bytes.Buffer
	if err := reporttest.Tell(ndjson.New(&b)); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "report.ndjson", b.Bytes())
}

func TestLinesAreTypedAndOrdered(t *testing.T) {
	var b bytes.Buffer
	if err := reporttest.Tell(ndjson.New(&b)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i, line := range lines {
		var head struct{ Type, Schema string }
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		want := "store"
		if i == 0 {
			want = "run"
		} else if i == len(lines)-1 {
			want = "summary"
		}
		if head.Type != want || head.Schema != "andon.report.v1" {
			t.Errorf("line %d is %+v, want type %s", i+1, head, want)
		}
	}
}

// TestOnlyWholeLinesAreWritten holds what a reader of a killed run relies on.
func TestOnlyWholeLinesAreWritten(t *testing.T) {
	var w pieces
	s := ndjson.New(&w)
	if err := s.Begin(reporttest.Run()); err != nil {
		t.Fatal(err)
	}
	if len(w) != 1 {
		t.Error("the run line was held back")
	}
	for range 2000 {
		if err := s.Store(reporttest.Telemetry()); err != nil {
			t.Fatal(err)
		}
	}
	if len(w) < 10 {
		t.Errorf("only %d writes for 2,000 stores: they are held back", len(w))
	}
	for _, piece := range w {
		if piece[len(piece)-1] != '\n' {
			t.Fatal("a write ends inside a line")
		}
	}
}

type pieces [][]byte

func (p *pieces) Write(b []byte) (int, error) {
	*p = append(*p, bytes.Clone(b))
	return len(b), nil
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteErrorEndsTheRun(t *testing.T) {
	if err := reporttest.Tell(ndjson.New(full{})); err == nil {
		t.Error("no error")
	}
}

// BenchmarkStore writes the estate's stores in turn; BenchmarkPrivate the one
// that most estates are made of.
func BenchmarkStore(b *testing.B) { benchmark(b, reporttest.Stores()) }

func BenchmarkPrivate(b *testing.B) { benchmark(b, []*finding.Store{reporttest.Private()}) }

func benchmark(b *testing.B, stores []*finding.Store) {
	var w counter
	s := ndjson.New(&w)
	if err := s.Begin(reporttest.Run()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Store(stores[i%len(stores)]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(w)/float64(b.N), "bytes/store")
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return io.Discard.Write(b)
}
