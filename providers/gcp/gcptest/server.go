package gcptest

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

// Server answers for one [World]. It is an [http.Handler]; Start gives it a
// loopback address of its own.
type Server struct {
	world    *World
	addr     string
	latency  time.Duration
	pageSize int
	faults   []Fault

	// inFlight is held for reading by every answer under way, so that stopping
	// can wait for them. (A WaitGroup must not grow while somebody waits for it.)
	inFlight sync.RWMutex

	mu     sync.Mutex
	log    []Call
	calls  map[string]int
	writes int
	met    map[question]int
	dial   string // where Start listens

	closed  chan struct{}
	closing sync.Once
}

// Call is one request that the server understood.
type Call struct {
	Operation string    // "pubsub:projects.topics.list"; "pubsub:PUT v1/projects/p/topics/t" for what is no route
	Project   string    // the id of the project that was asked about, if one was
	Subject   string    // what was asked about, see Fault
	Fault     FaultKind // that spoiled the answer, if one did
	Status    int       // zero when no answer was given
}

// Option changes how a server serves its world.
type Option func(*Server)

// WithLatency delays every answer.
func WithLatency(d time.Duration) Option { return func(s *Server) { s.latency += d } }

// WithFault adds a fault to those of the world. It is met before them.
func WithFault(faults ...Fault) Option {
	return func(s *Server) { s.faults = slices.Concat(faults, s.faults) }
}

// WithPageSize makes no page of any listing longer than n.
func WithPageSize(n int) Option { return func(s *Server) { s.pageSize = n } }

// WithAddr sets where Start listens: a loopback address and a port.
func WithAddr(addr string) Option { return func(s *Server) { s.addr = addr } }

// NewServer makes a server for w. Servers of one world share nothing else.
func NewServer(w *World, opts ...Option) *Server {
	s := &Server{
		world: w, addr: "127.0.0.1:0", latency: w.latency, pageSize: w.pageSize, faults: w.faults,
		calls: map[string]int{}, met: map[question]int{}, closed: make(chan struct{}),
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Start listens on loopback and returns the URL to use as a general endpoint:
// Pub/Sub is served at url/pubsub/, every other service below its own name. The
// returned function stops the server and waits until no answer is under way; a
// server that was stopped no longer waits for a fault.
func (s *Server) Start() (url string, stop func(), err error) {
	host, _, err := net.SplitHostPort(s.addr)
	if err != nil {
		return "", nil, fmt.Errorf("listen on %s: %w", s.addr, err)
	}
	if !isLoopback(host) {
		return "", nil, fmt.Errorf("listen on %s: not a loopback address", s.addr)
	}
	listener, err := net.Listen("tcp", s.addr)
	if err != nil {
		return "", nil, fmt.Errorf("listen on %s: %w", s.addr, err)
	}
	s.mu.Lock()
	s.dial = listener.Addr().String()
	s.mu.Unlock()
	return "http://" + listener.Addr().String(), s.serve(listener), nil
}

func (s *Server) serve(listener net.Listener) (stop func()) {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener) // always an error: the server was closed
	}()
	return sync.OnceFunc(func() {
		s.closing.Do(func() { close(s.closed) }) // lets go of answers that a fault keeps waiting
		_ = server.Close()
		<-done
		s.inFlight.Lock()
		defer s.inFlight.Unlock()
	})
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Transport returns a transport that dials this server whatever host a request
// names, in plain HTTP even where the URL says https. With it clients need no
// endpoint setting at all, but talk to pubsub.googleapis.com and to
// secretmanager.europe-west1.rep.googleapis.com. It works after Start, and its
// owner closes its idle connections.
func (s *Server) Transport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 256, DialContext: s.dialSelf, DialTLSContext: s.dialSelf}
}

func (s *Server) dialSelf(ctx context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	addr := s.dial
	s.mu.Unlock()
	if addr == "" {
		return nil, errors.New("dial loopback cloud: it has not been started")
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, addr)
}

// Calls counts the requests by operation, "pubsub:projects.topics.list".
// Requests that a fault spoiled count too.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Log lists the requests in the order in which they were answered.
func (s *Server) Log() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Writes counts the requests that could have changed something: every one that
// is neither a GET nor one of the few reads that Google made POST. All of them
// were refused; a tool that audits makes none.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// ServeHTTP answers one API call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.inFlight.RLock()
	defer s.inFlight.RUnlock()

	q := s.read(r)
	fault, delay := s.take(q)
	s.pause(r.Context(), delay)
	if fault.Kind == Timeout || fault.Kind == Hang {
		s.record(q, fault.Kind, 0)
		s.hang(r.Context())
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	q.fault = fault
	a := fault.Kind.spoil(q)
	s.record(q, fault.Kind, a.status)
	a.write(w, r)
}

func (s *Server) record(q *request, fault FaultKind, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[q.call]++
	if q.writes {
		s.writes++
	}
	id := ""
	if q.project != nil {
		id = q.project.ID
	}
	s.log = append(s.log, Call{Operation: q.call, Project: id, Subject: q.subject, Fault: fault, Status: status})
}

// pause waits unless the client has gone.
func (s *Server) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.closed:
	}
}

// hang waits until the client gives up.
func (s *Server) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.closed:
	}
}
