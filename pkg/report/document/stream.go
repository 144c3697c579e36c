package document

import (
	"fmt"
	"io"
)

// flushAt is how much a Stream gathers before it writes.
const flushAt = 64 << 10

// Stream gathers whole objects and writes them in large pieces. Its memory is
// one piece and the largest object.
type Stream struct {
	to io.Writer
	b  []byte
}

// NewStream returns a Stream that writes to w.
func NewStream(w io.Writer) *Stream { return &Stream{to: w, b: make([]byte, 0, 2*flushAt)} }

// Add lets object append itself, and writes when enough has come together.
func (s *Stream) Add(object func(b []byte) []byte) error {
	s.b = object(s.b)
	if len(s.b) < flushAt {
		return nil
	}
	return s.Flush()
}

// Flush writes what was gathered.
func (s *Stream) Flush() error {
	_, err := s.to.Write(s.b)
	s.b = s.b[:0]
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
