package azuretest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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
	limits   *limits // nil for none

	// inFlight is held for reading by every answer under way, so that stopping
	// can wait for them. (A WaitGroup must not grow while somebody waits for it.)
	inFlight sync.RWMutex

	mu     sync.Mutex
	log    []Call
	calls  map[string]int
	writes int
	met    map[question]int
	dial   string // where Start listens

	identity tls.Certificate

	closed  chan struct{}
	closing sync.Once
}

// Call is one request that the server understood.
type Call struct {
	Operation    string    // "storage:storageAccounts.list"; "arm:PUT /subscriptions/..." for what is no route
	Subscription string    // the id of the subscription that was asked about, if one was
	Subject      string    // what was asked about, see Fault
	Fault        FaultKind // that spoiled the answer, if one did
	Status       int       // zero when no answer was given
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
		calls: map[string]int{}, met: map[question]int{}, closed: make(chan struct{}), identity: certified(),
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Start listens on loopback, with TLS, and returns the URL to use as the endpoint
// of Resource Manager and as the authority of Microsoft Entra. The returned
// function stops the server and waits until no answer is under way; a server that
// was stopped no longer waits for a fault.
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
	secured := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{s.identity}, MinVersion: tls.VersionTLS12})
	return "https://" + listener.Addr().String(), s.serve(quiet{secured}), nil
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

// quiet is a listener whose connections do not show that they are secured: whoever
// does not trust the certificate is told so by its client, and the server would
// log it to stderr.
type quiet struct{ net.Listener }

// Accept implements net.Listener.
func (q quiet) Accept() (net.Conn, error) {
	conn, err := q.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return struct{ net.Conn }{conn}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Transport returns a transport that dials this server whatever host a request
// names, and trusts it. With it clients need no endpoint setting at all, but talk
// to management.azure.com and to login.microsoftonline.com. It works after Start,
// and its owner closes its idle connections.
func (s *Server) Transport() *http.Transport {
	trusted := x509.NewCertPool()
	trusted.AddCert(s.identity.Leaf)
	return &http.Transport{
		MaxIdleConnsPerHost: 256,
		DialContext:         s.dialSelf,
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := s.dialSelf(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			secured := tls.Client(conn, &tls.Config{RootCAs: trusted, ServerName: loopbackHost, MinVersion: tls.VersionTLS12})
			if err := secured.HandshakeContext(ctx); err != nil {
				_ = conn.Close()
				return nil, err
			}
			return secured, nil
		},
	}
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

// Calls counts the requests by operation, "storage:storageAccounts.list".
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
// is neither a GET nor asks for a token. All of them were refused; a tool that
// audits makes none.
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
	a := q.spoil()
	if wait := s.limits.wait(q); wait > 0 {
		a = q.throttled(wait)
	}
	s.record(q, fault.Kind, a.status)
	a.write(w)
}

func (s *Server) record(q *request, fault FaultKind, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[q.call]++
	if q.writes {
		s.writes++
	}
	id := ""
	if q.subscription != nil {
		id = q.subscription.ID
	}
	s.log = append(s.log, Call{Operation: q.call, Subscription: id, Subject: q.path, Fault: fault, Status: status})
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
