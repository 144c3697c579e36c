package collect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/andon-audit/andon/pkg/resource"
)

// Runner collects the stores of a provider: it lists every scope, asks the
// questions that can still matter, and hands the stores over in a fixed order,
// whatever the order of the answers.
type Runner struct {
	Provider Provider
	// Wants reports whether an unanswered question can still change what is
	// being decided. Nil asks every question.
	Wants func(*resource.Resource, resource.Gap) bool
	// Proves reports whether an unanswered question could settle the worst that
	// is already known of a store: of the wanted questions those come first.
	// Nil keeps the declared order.
	Proves func(*resource.Resource, resource.Gap) bool
	// Budgeted holds each store to its kind's budget of questions.
	Budgeted bool
	// Kinds limits the run; empty means all.
	Kinds []resource.Kind
	// Concurrency is the number of stores examined at the same time; 0 means
	// DefaultConcurrency. A store that waits because its cloud asks for it does
	// not count.
	Concurrency int
	// Progress, when set, is called after each store, from one goroutine.
	Progress func(scope resource.Scope, stores int)
	// Only, when set, passes over every listed store that it does not choose.
	Only func(*resource.Resource) bool
}

// ErrNoScopes is wrapped by Run's error when the provider found nothing that
// could be listed.
var ErrNoScopes = errors.New("find scopes")

// DefaultConcurrency suits a cloud that answers in some tens of milliseconds.
const DefaultConcurrency = 32

// listAhead is how many listings run at the same time, listAbreast how many of
// them in one scope, so that a scope that does not answer leaves room for the
// others. listBuffer is how many listed stores each may hold before it waits,
// listHeld how many all of them together, whatever the number of scopes.
const (
	listAhead   = 32
	listAbreast = 8
	listBuffer  = 64
	listHeld    = 1024
)

// job is one listed store on its way through the questions.
type job struct {
	unit      *unit
	collector Collector
	item      *resource.Resource
	held      bool // it counts among those that are listed and wait
	ready     chan struct{}
}

// unit is one collector's listing. What it needs while it runs is made when it
// begins and dropped when its stores were fed: there are many more units than
// listings under way.
type unit struct {
	scope     resource.Scope
	collector Collector
	begin     sync.Once
	jobs      chan *job
	turn      chan struct{} // closed when its stores are the next to be examined
	line      Line
}

func (u *unit) open() {
	u.begin.Do(func() { u.jobs, u.turn = make(chan *job, listBuffer), make(chan struct{}) })
}

// Run collects and calls yield for each store, in the order of scopes,
// collectors and listings, from the calling goroutine. It returns the ledger,
// also together with an error: the error of Scopes, of yield or of ctx. When
// ctx ends, the stores already listed are still handed over, with their open
// questions as gaps.
func (r *Runner) Run(ctx context.Context, yield func(*resource.Resource) error) (Ledger, error) {
	scopes, err := r.Provider.Scopes(ctx)
	missing, partial := missingScopes(err)
	if err != nil && !partial {
		return nil, fmt.Errorf("%w: %w", ErrNoScopes, err)
	}
	units := r.units(scopes)
	width := r.Concurrency
	if width <= 0 {
		width = DefaultConcurrency
	}
	inner, stop := context.WithCancel(ctx)
	defer stop()
	group, inner := errgroup.WithContext(inner)
	places := newSeats(width)
	ordered, held := make(chan *job, places.mostEver()), make(chan struct{}, listHeld)
	group.Go(func() error { r.list(inner, units, held); return nil })
	group.Go(func() error {
		feed(units, held, func(j *job) {
			place := places.take()
			ordered <- j
			group.Go(func() error { r.examine(inner, j, place); return nil })
		})
		close(ordered)
		return nil
	})
	err = r.deliver(ordered, places, yield, stop)
	_ = group.Wait()
	return append(missing.ledger(), ledgerOf(units)...), errors.Join(err, ctx.Err())
}

func (r *Runner) units(scopes []resource.Scope) []*unit {
	var units []*unit
	for _, scope := range scopes {
		for _, c := range r.Provider.Collectors(scope) {
			name := c.Kind().Name
			if len(r.Kinds) > 0 && !slices.Contains(r.Kinds, name) {
				continue
			}
			units = append(units, &unit{scope: scope, collector: c, line: Line{Scope: scope, Kind: name}})
		}
	}
	return units
}

// list runs the listings, of those that may run the earliest first. Within a
// scope they start in order, and a scope whose listings ended may go on: so the
// one being delivered is running, or is the next to start.
func (r *Runner) list(ctx context.Context, units []*unit, held chan<- struct{}) {
	waiting, ended := slices.Clone(units), make(chan resource.Scope)
	running, abreast := 0, make(map[resource.Scope]int)
	for len(waiting) > 0 || running > 0 {
		next := slices.IndexFunc(waiting, func(u *unit) bool { return abreast[u.scope] < listAbreast })
		if next < 0 || running == listAhead {
			abreast[<-ended]--
			running--
			continue
		}
		u := waiting[next]
		waiting = slices.Delete(waiting, next, next+1)
		abreast[u.scope]++
		running++
		u.open()
		go func() {
			defer func() { ended <- u.scope }()
			defer close(u.jobs)
			r.listUnit(ctx, u, held)
		}()
	}
}

func (r *Runner) listUnit(ctx context.Context, u *unit, held chan<- struct{}) {
	defer func() {
		if p := recover(); p != nil {
			u.line.refuse(Refusal{Reason: resource.Failed, Detail: fmt.Sprintf("listing failed: %v", p)}, u.collector.Kind())
		}
	}()
	if err := ctx.Err(); err != nil {
		u.line.refuse(r.refusal(ctx, err), u.collector.Kind())
		return
	}
	for item, err := range u.collector.List(ctx) {
		if err != nil {
			u.line.refuse(r.refusal(ctx, err), u.collector.Kind())
			return
		}
		if r.Only != nil && !r.Only(item) {
			continue
		}
		if !u.hand(ctx, item, held) {
			u.line.refuse(r.refusal(ctx, ctx.Err()), u.collector.Kind())
			return
		}
	}
}

// hand puts a listed store among those that wait, once there is room: everywhere
// together, and among its own. The unit that is being fed needs room among its own
// alone, so that it never waits for those behind it. It reports false when ctx has
// ended.
func (u *unit) hand(ctx context.Context, item *resource.Resource, held chan<- struct{}) bool {
	j := &job{unit: u, collector: u.collector, item: item, ready: make(chan struct{})}
	select {
	case held <- struct{}{}:
		j.held = true
	case <-u.turn:
	case <-ctx.Done():
		return false
	}
	select {
	case u.jobs <- j:
		return true
	case <-ctx.Done():
		return false
	}
}

// feed has listed stores examined in the order of the report. It keeps going when
// ctx has ended: what was listed is handed over all the same.
func feed(units []*unit, held <-chan struct{}, examine func(*job)) {
	for _, u := range units {
		u.open()
		close(u.turn)
		for j := range u.jobs {
			if j.held {
				<-held
			}
			examine(j)
		}
		u.jobs, u.turn, u.collector = nil, nil, nil
	}
}

func (r *Runner) examine(ctx context.Context, j *job, place *seat) {
	defer place.end()
	e := examination{runner: r, item: j.item, kind: j.collector.Kind(), pending: j.collector.Questions(j.item)}
	e.run(place.context(ctx))
	close(j.ready)
}

// deliver yields stores in order. After an error it stops the run and drains
// what is left, so that no goroutine stays behind.
func (r *Runner) deliver(ordered <-chan *job, places *seats, yield func(*resource.Resource) error, stop func()) error {
	var failed error
	for j := range ordered {
		<-j.ready
		places.handedOver()
		if failed != nil {
			continue
		}
		j.unit.line.count(j.item)
		if failed = yield(j.item); failed != nil {
			stop()
			continue
		}
		if r.Progress != nil {
			r.Progress(j.item.Scope, 1)
		}
	}
	return failed
}

// refusal reads an error. A connection that timed out calls itself a deadline,
// too: only where ctx has ended was the run interrupted.
func (r *Runner) refusal(ctx context.Context, err error) Refusal {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return Refusal{Reason: resource.Failed, Code: "interrupted", Detail: "the run was interrupted"}
	}
	if malformed, ok := errors.AsType[*MalformedError](err); ok {
		return Refusal{Reason: resource.Malformed, Call: malformed.Call, Detail: malformed.Err.Error()}
	}
	return r.Provider.Refusal(err)
}

// examination asks one store's questions.
type examination struct {
	runner  *Runner
	item    *resource.Resource
	kind    *Kind
	pending []*Question
	known   []resource.Gap // gaps that asking left behind
}

func (e *examination) run(ctx context.Context) {
	e.known = e.item.Gaps
	e.setGaps()
	for {
		next := e.next()
		if next < 0 {
			break
		}
		q := e.pending[next]
		e.pending = slices.Delete(slices.Clone(e.pending), next, next+1)
		e.ask(ctx, q)
		e.setGaps()
		if e.item.Gone {
			e.item.Gaps, e.item.Grants, e.item.Guards = nil, nil, nil
			return
		}
	}
	e.item.Saved = len(e.pending)
}

// next returns the question to ask now, or -1 when none can still matter or the
// store's budget is spent: a wanted question that proves what is known, else the
// first wanted one.
func (e *examination) next() int {
	if proof := e.first(e.runner.Proves, false); proof >= 0 {
		return proof
	}
	return e.first(e.runner.Wants, true)
}

// first returns the first affordable question of which ask says yes; otherwise
// is the answer where nobody was given to ask.
func (e *examination) first(ask func(*resource.Resource, resource.Gap) bool, otherwise bool) int {
	return slices.IndexFunc(e.pending, func(q *Question) bool {
		switch {
		case !e.affords(q):
			return false
		case ask == nil:
			return otherwise
		default:
			return ask(e.item, q.Gap(resource.NotAsked, ""))
		}
	})
}

func (e *examination) affords(q *Question) bool {
	return q.Shared || !e.runner.Budgeted || e.kind.Budget == 0 || e.item.Calls < e.kind.Budget
}

func (e *examination) ask(ctx context.Context, q *Question) {
	e.item.Gaps = e.known
	if !q.Shared {
		e.item.Calls++
	}
	err := e.safely(ctx, q)
	e.known = e.item.Gaps
	if err == nil {
		return
	}
	refusal := e.runner.refusal(ctx, err)
	if refusal.Gone {
		e.item.Gone = true
		return
	}
	e.known = append(e.known, q.Gap(refusal.Reason, refusal.String()))
}

// safely asks, and turns a panic over an odd answer into a malformed one: one
// odd store never hides another.
func (e *examination) safely(ctx context.Context, q *Question) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = Malformed(q.Call, "unexpected answer: %v", p)
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	return q.Ask(ctx, e.item)
}

// setGaps shows the resource with every open question as a gap.
func (e *examination) setGaps() {
	gaps := slices.Clip(e.known)
	for _, q := range e.pending {
		gaps = append(gaps, q.Gap(resource.NotAsked, ""))
	}
	e.item.Gaps = gaps
}

// String spells a refusal as "AccessDenied: the cloud's own sentence".
func (r Refusal) String() string {
	switch {
	case r.Code == "":
		return r.Detail
	case r.Detail == "":
		return r.Code
	default:
		return r.Code + ": " + r.Detail
	}
}
