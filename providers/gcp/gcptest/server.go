package gcptest

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// Server answers for one [World]. It is an [http.Handler]; Start gives it a
// loopback address of its own and returns what stops it. Its URL is a general
// endpoint: Pub/Sub is served at url/pubsub/, every other service below its own
// name. With its Transport clients need no endpoint setting at all, but talk to
// pubsub.googleapis.com and to secretmanager.europe-west1.rep.googleapis.com. Calls
// counts the requests by operation, "pubsub:projects.topics.list", Log lists them
// and Writes counts every one that is neither a GET nor one of the few reads that
// Google made POST.
type Server struct {
	*loopback.Server[Fault, Call]

	settings loopback.Settings[Fault]
	world    *World
	pageSize int
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
	s := &Server{settings: loopback.Settings[Fault]{Latency: w.latency, Faults: w.faults}, world: w, pageSize: w.pageSize}
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
		Operation: q.call, Question: [2]string{q.subject, q.query.Get("pageToken")}, Writes: q.writes, Meets: q.meets,
		Answer: func(f Fault) (int, func(http.ResponseWriter)) {
			q.fault = f
			a := q.spoil()
			return a.status, a.write
		},
		Entry: func(f Fault, status int) Call {
			entry := Call{Operation: q.call, Subject: q.subject, Fault: f.Kind, Status: status}
			if q.project != nil {
				entry.Project = q.project.ID
			}
			return entry
		},
	}
}
