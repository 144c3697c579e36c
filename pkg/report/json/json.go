// Package json writes a run as one JSON document:
//
//	{"schema":"andon.report.v1","run":{…},"stores":[…],"summary":{…}}
//
// Use it for scripts that want the whole at once; package ndjson tells the same
// as a stream. It is written as the run goes, one store a line, and holds no
// store back: memory does not grow with them. Whatever ended the run, End closes
// the document; one that was cut before that does not parse.
package json

import (
	"io"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report/document"
)

// Sink writes the document. It implements finding.Sink.
type Sink struct {
	stream *document.Stream
	stores int
}

// New returns a Sink that writes to w.
func New(w io.Writer) *Sink { return &Sink{stream: document.NewStream(w)} }

// Begin opens the document and tells the run.
func (s *Sink) Begin(run finding.Run) error {
	return s.stream.Add(func(b []byte) []byte {
		b = append(b, `{"schema":"`+document.Version+`","run":{`...)
		return append(document.AppendRun(b, &run), "},\n\"stores\":["...)
	})
}

// Store adds a store.
func (s *Sink) Store(store *finding.Store) error {
	separator := ",\n{"
	if s.stores == 0 {
		separator = "\n{"
	}
	s.stores++
	return s.stream.Add(func(b []byte) []byte {
		return append(document.AppendStore(append(b, separator...), store), '}')
	})
}

// End tells the summary, closes the document and writes what is left of it.
func (s *Sink) End(summary *finding.Summary) error {
	err := s.stream.Add(func(b []byte) []byte {
		b = append(b, "\n],\n\"summary\":{"...)
		return append(document.AppendSummary(b, summary), "}}\n"...)
	})
	if err != nil {
		return err
	}
	return s.stream.Flush()
}
