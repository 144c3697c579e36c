package tape

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
)

// MissingError says that a call is not on the tape.
type MissingError struct{ Call collect.Call }

// Error implements error.
func (e *MissingError) Error() string {
	return fmt.Sprintf("play %s %s: not in this recording", e.Call.Name, e.Call.Input)
}

// RetryableError tells the AWS SDK not to try again.
func (e *MissingError) RetryableError() bool { return false }

// Player is a transport that answers from a tape. Several answers to the same
// call are played in the order in which they were recorded; the last repeats.
type Player struct {
	mu      sync.Mutex
	answers map[collect.Call][]Exchange
}

// NewPlayer returns a player of tapes.
func NewPlayer(tapes ...*Tape) *Player {
	p := &Player{answers: make(map[collect.Call][]Exchange)}
	for _, t := range tapes {
		for _, e := range t.Exchanges {
			p.answers[e.Call] = append(p.answers[e.Call], e)
		}
	}
	return p
}

// RoundTrip implements http.RoundTripper.
func (p *Player) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	call, _ := collect.CallOf(req.Context())
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := p.answers[call]
	if len(queue) == 0 {
		return nil, &MissingError{Call: call}
	}
	if len(queue) > 1 {
		p.answers[call] = queue[1:]
	}
	return queue[0].response(req), nil
}

// ReadDir reads every *.txtar of a folder. The folder must hold at least one
// exchange.
func ReadDir(dir string) ([]*Tape, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	defer func() { _ = root.Close() }()
	return ReadFS(root.FS(), dir)
}

// ReadFS is ReadDir for a file system; name is used in errors.
func ReadFS(fsys fs.FS, name string) ([]*Tape, error) {
	files, err := fs.Glob(fsys, "*.txtar")
	if err != nil {
		return nil, fmt.Errorf("open recording %s: %w", name, err)
	}
	var tapes []*Tape
	exchanges := 0
	var failed error
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("open recording %s: %w", path.Join(name, file), err))
			continue
		}
		t, err := Parse(path.Join(name, file), text)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		tapes = append(tapes, t)
		exchanges += len(t.Exchanges)
	}
	if failed == nil && exchanges == 0 {
		failed = fmt.Errorf("open recording %s: no *.txtar file with recorded answers in it", name)
	}
	return tapes, failed
}
