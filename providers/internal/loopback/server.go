// Package loopback is what the loopback clouds share: a server that listens
// nowhere but on loopback, counts and logs the calls, knows the writes among them
// and lets faults happen. A cloud brings how it reads a request and how it answers;
// package worldfile reads its world.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Server serves one cloud, whose faults are F and whose log is of C. It is an
// [http.Handler]; Start gives it a loopback address of its own.
type Server[F Fault, C any] struct {
	settings Settings[F]
	read     func(*http.Request) Exchange[F, C]

	// inFlight is held for reading by every answer under way, so that stopping
	// can wait for them. (A WaitGroup must not grow while somebody waits for it.)
	inFlight sync.RWMutex

	mu     sync.Mutex
	log    []C
	calls  map[string]int
	writes int
	met    map[meeting]int
	dial   string // where Start listens
}

// Settings are what the options of a cloud change.
type Settings[F Fault] struct {
	Addr     string        // where Start listens, 127.0.0.1:0 where it is empty
	Latency  time.Duration // of every answer
	Faults   []F           // the first that a request meets is the one that counts
	Identity *Identity     // whom clients trust; nil serves plain HTTP
}

// Exchange is one API call as its cloud understands it.
type Exchange[F Fault, C any] struct {
	Operation string       // "s3:GetBucketAcl", as faults and counts name it
	Question  any          // comparable: what else tells it from other requests
	Writes    bool         // it would change something
	Meets     func(F) bool // whether a fault of this operation is about it
	// Answer is the answer under a fault, which is zero where there is none: its
	// status, and what puts it on the wire.
	Answer func(F) (status int, write func(http.ResponseWriter))
	// Entry is what the log says of it. The status is zero when no answer was given.
	Entry func(fault F, status int) C
}

// New makes a server of what understands a request.
func New[F Fault, C any](settings Settings[F], read func(*http.Request) Exchange[F, C]) *Server[F, C] {
	return &Server[F, C]{settings: settings, read: read, calls: make(map[string]int), met: make(map[meeting]int)}
}

// Start listens on loopback and returns the URL of the server. The returned
// function stops it and waits until no answer is under way.
func (s *Server[F, C]) Start() (url string, stop func(), err error) {
	listener, err := listen(s.settings.Addr)
	if err != nil {
		return "", nil, err
	}
	s.mu.Lock()
	s.dial = listener.Addr().String()
	s.mu.Unlock()
	if id := s.settings.Identity; id != nil {
		return "https://" + listener.Addr().String(), s.serve(id.secure(listener)), nil
	}
	return "http://" + listener.Addr().String(), s.serve(listener), nil
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listen on %s: not a loopback address", addr)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return listener, nil
}

func (s *Server[F, C]) serve(listener net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // always an error: the server was closed
	}()
	return sync.OnceFunc(func() {
		cancel() // lets go of answers that a fault keeps waiting
		_ = server.Close()
		<-done
		s.inFlight.Lock()
		defer s.inFlight.Unlock()
	})
}

// Serve starts the server for one client: it returns what reaches it, and what
// stops both.
func (s *Server[F, C]) Serve() (reach http.RoundTripper, stop func(), err error) {
	_, halt, err := s.Start()
	if err != nil {
		return nil, nil, err
	}
	transport := s.Transport()
	return transport, func() { transport.CloseIdleConnections(); halt() }, nil
}

// Transport returns a transport that dials this server whatever host a request
// names, and trusts it; where the server speaks plain HTTP, so does the transport,
// even where the URL says https. With it real clients need no endpoint setting,
// but talk to the hosts that they talk to in production. It works after Start, and
// its owner closes its idle connections.
func (s *Server[F, C]) Transport() *http.Transport {
	secured := s.dialSelf
	if id := s.settings.Identity; id != nil {
		secured = id.dial(s.dialSelf)
	}
	return &http.Transport{MaxIdleConnsPerHost: 256, DialContext: s.dialSelf, DialTLSContext: secured}
}

func (s *Server[F, C]) dialSelf(ctx context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	addr := s.dial
	s.mu.Unlock()
	if addr == "" {
		return nil, errors.New("dial loopback cloud: it has not been started")
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, addr)
}

// Calls counts the requests by operation. Requests that a fault spoiled count too.
func (s *Server[F, C]) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Log lists the requests in the order in which their answers were decided.
func (s *Server[F, C]) Log() []C {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Writes counts the requests that could have changed something. All of them were
// refused; a tool that audits makes none.
func (s *Server[F, C]) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// ServeHTTP answers one API call.
func (s *Server[F, C]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.inFlight.RLock()
	defer s.inFlight.RUnlock()

	x := s.read(r)
	fault, delay := s.take(x)
	pause(r.Context(), delay)
	if kind := fault.Rule().Kind; kind == Timeout || kind == Hang {
		s.record(x, fault, 0)
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	status, write := x.Answer(fault)
	s.record(x, fault, status)
	write(w)
}

func (s *Server[F, C]) record(x Exchange[F, C], fault F, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[x.Operation]++
	if x.Writes {
		s.writes++
	}
	s.log = append(s.log, x.Entry(fault, status))
}

// pause waits unless the client has gone.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
