package awstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
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
	stored   bool
	faults   []Fault

	// inFlight is held for reading by every answer under way, so that stopping
	// can wait for them. (A WaitGroup must not grow while somebody waits for it.)
	inFlight sync.RWMutex

	mu       sync.Mutex
	log      []Call
	calls    map[string]int
	writes   int
	met      map[question]int
	sessions map[string]session
	dial     string // where Start listens
}

// Call is one request that the server understood.
type Call struct {
	Operation string    // "s3:GetBucketAcl"; "s3:PUT /bucket?acl" for calls that are not modelled
	Account   string    // whose credentials, or the account that was asked about
	Region    string    // that the request was signed for
	Subject   string    // the bucket, access point, role or target; empty for listings
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

// WithStoredACLs makes GetBucketAcl return grants that are not in force, as
// emulators do and AWS does not.
func WithStoredACLs() Option { return func(s *Server) { s.stored = true } }

// WithAddr sets where Start listens: a loopback address and a port.
func WithAddr(addr string) Option { return func(s *Server) { s.addr = addr } }

// NewServer makes a server for w. Servers of one world share nothing else.
func NewServer(w *World, opts ...Option) *Server {
	s := &Server{
		world: w, addr: "127.0.0.1:0", latency: w.latency, pageSize: w.pageSize, stored: w.storedACLs,
		faults: w.faults, calls: map[string]int{}, met: map[question]int{}, sessions: map[string]session{},
	}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Start listens on loopback and returns the URL to use as AWS_ENDPOINT_URL. The
// returned function stops the server and waits until no answer is under way.
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

// Transport returns a transport that dials this server whatever host a request
// names, in plain HTTP even where the URL says https. Real clients need it where
// the SDK puts something before the host that no resolver knows, such as
// s3control's account id; and with it they need no endpoint setting at all, but
// can be recorded talking to s3.eu-west-1.amazonaws.com. It works after Start,
// and its owner closes its idle connections.
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

// Calls counts the requests by operation, "s3:GetBucketAcl". Requests that a
// fault spoiled count too.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.calls)
}

// Log lists the requests in the order in which their answers were decided.
func (s *Server) Log() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Writes counts the requests that would have changed something. All of them
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
	pause(r.Context(), delay)
	if fault == Timeout || fault == Hang {
		s.record(q, fault, 0)
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	a := fault.spoil(q, func() answer { return q.answer() })
	s.record(q, fault, a.status)
	a.write(w, q)
}

func (s *Server) record(q *request, fault FaultKind, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[q.call()]++
	if q.writes {
		s.writes++
	}
	s.log = append(s.log, Call{
		Operation: q.call(), Account: q.accountID(), Region: q.region, Subject: q.subject, Fault: fault, Status: status,
	})
}

// handler answers one operation.
type handler func(*request) answer

// answer is the right answer, before any fault.
func (q *request) answer() answer {
	handle := operations[q.call()]
	switch {
	case q.writes:
		return q.fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed: nothing can be changed here.")
	case handle == nil:
		return q.unmodelled()
	case q.caller == nil && (q.protocol == restXML || q.protocol == wrappedXML):
		return q.denied()
	case q.caller == nil:
		return q.fail(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	return handle(q)
}

func (q *request) unmodelled() answer {
	switch q.protocol {
	case awsJSON:
		return q.fail(http.StatusBadRequest, "UnknownOperationException", "%s is not modelled", q.operation)
	case queryXML, ec2XML:
		return q.fail(http.StatusBadRequest, "InvalidAction", "%s is not modelled", q.operation)
	default:
		return q.fail(http.StatusNotImplemented, "NotImplemented", "%s is not modelled", q.operation)
	}
}
