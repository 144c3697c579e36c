// Package ndjson writes a run as JSON Lines: a line of type "run", one of type
// "store" for each store in the order of the listing, and one of type
// "summary". Use it for anything that reads a stream: log shippers, jq, a
// report over millions of stores.
//
// Every line is a whole object that names its type and the format's version,
// and is written only as a whole. A stream without a summary line was cut
// short and is no verdict.
package ndjson

import (
	"io"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report/document"
)

// Sink writes the lines. It implements finding.Sink.
type Sink struct {
	stream *document.Stream
}

// New returns a Sink that writes to w.
func New(w io.Writer) *Sink { return &Sink{document.NewStream(w)} }

// Begin writes the run line at once, so that a reader sees that a run is on.
func (s *Sink) Begin(run finding.Run) error {
	err := s.stream.Add(func(b []byte) []byte {
		return closeLine(document.AppendRun(openLine(b, "run"), &run))
	})
	if err != nil {
		return err
	}
	return s.stream.Flush()
}

// Store writes a store line.
func (s *Sink) Store(store *finding.Store) error {
	return s.stream.Add(func(b []byte) []byte {
		return closeLine(document.AppendStore(openLine(b, "store"), store))
	})
}

// End writes the summary line and everything still held back.
func (s *Sink) End(summary *finding.Summary) error {
	err := s.stream.Add(func(b []byte) []byte {
		return closeLine(document.AppendSummary(openLine(b, "summary"), summary))
	})
	if err != nil {
		return err
	}
	return s.stream.Flush()
}

func openLine(b []byte, kind string) []byte {
	b = append(b, `{"type":"`...)
	b = append(b, kind...)
	return append(b, `","schema":"`+document.Version+`"`...)
}

func closeLine(b []byte) []byte { return append(b, "}\n"...) }
