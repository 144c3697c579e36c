package azuretest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// Server answers for one [World]. It is an [http.Handler]; Start gives it a
// loopback address of its own, with TLS, and returns what stops it. Its URL is the
// endpoint of Resource Manager and the authority of Microsoft Entra. With its
// Transport, which trusts it, clients need no endpoint setting at all, but talk to
// management.azure.com and to login.microsoftonline.com. Calls counts the requests
// by operation, "storage:storageAccounts.list", Log lists them and Writes counts
// every one that is neither a GET nor a query nor asks for a token.
type Server struct {
	*loopback.Server[Fault, Call]

	settings loopback.Settings[Fault]
	world    *World
	pageSize int
	limits   *limits // of Azure Storage; nil for none
	quota    *limits // of Azure Resource Graph; nil for none
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
func WithLatency(d time.Duration) Option { return func(s *Server) { s.settings.Latency += d } }

// WithFault adds a fault to those of the world. It is met before them.
func WithFault(faults ...Fault) Option {
	return func(s *Server) { s.settings.Faults = slices.Concat(faults, s.settings.Faults) }
}

// WithPageSize makes no page of any listing longer than n; zero leaves that to the
// world.
func WithPageSize(n int) Option { return func(s *Server) { s.pageSize = cmp.Or(n, s.pageSize) } }

// WithAddr sets where Start listens: a loopback address and a port.
func WithAddr(addr string) Option { return func(s *Server) { s.settings.Addr = addr } }

// NewServer makes a server for w. Servers of one world share nothing else.
func NewServer(w *World, opts ...Option) *Server {
	s := &Server{
		settings: loopback.Settings[Fault]{Latency: w.latency, Faults: w.faults, Identity: loopback.NewIdentity()},
		world:    w, pageSize: w.pageSize,
	}
	for _, opt := range opts {
		opt(s)
	}
	s.Server = loopback.New(s.settings, s.exchange)
	return s
}

// Certificate returns what a client has to trust, as PEM: for SSL_CERT_FILE.
func (s *Server) Certificate() []byte { return s.settings.Identity.PEM() }

// exchange is how a request is counted, meets a fault and is answered.
func (s *Server) exchange(r *http.Request) loopback.Exchange[Fault, Call] {
	q := s.read(r)
	return loopback.Exchange[Fault, Call]{
		Operation: q.call, Question: [2]string{q.path, q.page}, Writes: q.writes, Meets: q.meets,
		Answer: func(f Fault) (int, func(http.ResponseWriter)) {
			q.fault = f
			a := q.spoil()
			if wait := q.wait(); wait > 0 {
				a = q.throttled(wait)
			}
			if q.call == graphCall {
				a = q.metered(a)
			}
			return a.status, a.write
		},
		Entry: func(f Fault, status int) Call {
			entry := Call{Operation: q.call, Subject: q.path, Fault: f.Kind, Status: status}
			if q.subscription != nil {
				entry.Subscription = q.subscription.ID
			}
			return entry
		},
	}
}
