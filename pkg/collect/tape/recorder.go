package tape

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
)

// MaxBody is the largest answer that is recorded or played, in bytes. Answers
// of configuration calls are a few kilobytes; a listing page stays under 10 MB.
const MaxBody = 32 << 20

// Recorder is a transport that writes every answer of next to a tape, as it
// arrives.
type Recorder struct {
	next   http.RoundTripper
	secret []string

	mu  sync.Mutex
	out io.Writer
	err error
}

// NewRecorder returns a recorder. Answers of the secret calls hold credentials
// and are left out of the tape.
func NewRecorder(next http.RoundTripper, out io.Writer, secret ...string) *Recorder {
	return &Recorder{next: next, out: out, secret: secret}
}

// RoundTrip implements http.RoundTripper.
func (r *Recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	call, named := collect.CallOf(req.Context())
	answer, err := r.next.RoundTrip(req)
	if err != nil || !named || slices.Contains(r.secret, call.Name) {
		return answer, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, MaxBody+1))
	closeErr := answer.Body.Close()
	if err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", call.Name, err)
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("record %s: the answer is larger than %d bytes", call.Name, MaxBody)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	r.put(Exchange{Call: call, Status: answer.StatusCode, Header: answer.Header, Body: body}.Format())
	return answer, nil
}

// Attach writes a section of text that is no answer. Its name has no colon.
func (r *Recorder) Attach(name, text string) {
	r.put(fmt.Appendf(nil, "-- %s --\n%s\n", name, text))
}

func (r *Recorder) put(section []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		_, r.err = r.out.Write(section)
	}
}

// Err returns the first error of writing the tape. A run with an error here has
// no usable recording.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}
