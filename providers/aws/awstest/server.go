package awstest

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// Server answers for one [World]. It is an [http.Handler]; Start gives it a
// loopback address of its own, whose URL is for AWS_ENDPOINT_URL, and returns what
// stops it. Calls counts the requests by operation, "s3:GetBucketAcl", Log lists
// them and Writes counts those that would have changed something. Clients need its
// Transport where the SDK puts something before the host that no resolver knows,
// such as s3control's account id; and with it they need no endpoint setting at all,
// but can be recorded talking to s3.eu-west-1.amazonaws.com.
type Server struct {
	*loopback.Server[Fault, Call]

	settings loopback.Settings[Fault]
	world    *World
	pageSize int
	stored   bool

	mu       sync.Mutex
	sessions map[string]session
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
func WithLatency(d time.Duration) Option { return func(s *Server) { s.settings.Latency += d } }

// WithFault adds a fault to those of the world. It is met before them.
func WithFault(faults ...Fault) Option {
	return func(s *Server) { s.settings.Faults = slices.Concat(faults, s.settings.Faults) }
}

// WithPageSize makes no page of any listing longer than n; zero leaves that to the
// world.
func WithPageSize(n int) Option { return func(s *Server) { s.pageSize = cmp.Or(n, s.pageSize) } }

// WithStoredACLs makes GetBucketAcl return grants that are not in force, as
// emulators do and AWS does not.
func WithStoredACLs() Option { return func(s *Server) { s.stored = true } }

// WithAddr sets where Start listens: a loopback address and a port.
func WithAddr(addr string) Option { return func(s *Server) { s.settings.Addr = addr } }

// NewServer makes a server for w. Servers of one world share nothing else.
func NewServer(w *World, opts ...Option) *Server {
	s := &Server{
		settings: loopback.Settings[Fault]{Latency: w.latency, Faults: w.faults},
		world:    w, pageSize: w.pageSize, stored: w.storedACLs, sessions: map[string]session{},
	}
	for _, opt := range opts {
		opt(s)
	}
	s.Server = loopback.New(s.settings, s.exchange)
	return s
}

// exchange is how a request is counted, meets a fault and is answered.
func (s *Server) exchange(r *http.Request) loopback.Exchange[Fault, Call] {
	q := s.read(r)
	return loopback.Exchange[Fault, Call]{
		Operation: q.call(), Question: [3]string{q.subject, q.accountID(), q.region}, Writes: q.writes, Meets: q.meets,
		Answer: func(f Fault) (int, func(http.ResponseWriter)) {
			a := f.Kind.spoil(q)
			return a.status, func(w http.ResponseWriter) { a.write(w, q) }
		},
		Entry: func(f Fault, status int) Call {
			return Call{Operation: q.call(), Account: q.accountID(), Region: q.region, Subject: q.subject, Fault: f.Kind, Status: status}
		},
	}
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
