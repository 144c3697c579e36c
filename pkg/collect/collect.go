// Package collect is the contract between andon and the clouds, and the runner
// that holds both sides to it.
//
// A [Provider] knows the scopes of one cloud (accounts and regions, projects,
// subscriptions). A [Collector] lists the stores of one kind in one scope and
// knows which [Question]s can be asked about each. The [Runner] lists, asks
// only what can still matter, turns every refusal into a gap, and keeps the
// ledger of what was seen.
//
// Collectors describe; they never judge, and this package does not either.
package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/andon-audit/andon/pkg/resource"
)

// Provider is one cloud, reached with one identity.
type Provider interface {
	// Name is the cloud's short name: "aws".
	Name() string
	// Scopes returns what this identity can list, in a fixed order. An error
	// means that nothing can be audited: no credentials, no such region; only a
	// *PartialScopesError or PartialScopesErrors come with scopes.
	Scopes(ctx context.Context) ([]resource.Scope, error)
	// Collectors returns the collectors of a scope in a fixed order. It makes
	// no call.
	Collectors(scope resource.Scope) []Collector
	// Refusal reads an error that a collector's call returned.
	Refusal(err error) Refusal
}

// Collector lists the stores of one kind in one scope.
type Collector interface {
	// Kind returns the declaration: every call made here is declared in it.
	Kind() *Kind
	// List yields every store once, in a fixed order, from listing calls alone.
	// Only a refused listing or the end of ctx ends the sequence early, with
	// one last error; what was listed before stays.
	List(ctx context.Context) iter.Seq2[*resource.Resource, error]
	// Questions returns what can be asked about a store, in the order that
	// decides soonest. It is called once for each store, with the pointer that
	// List yielded: a listing may give one name twice. The questions are that
	// store's own, and may share what they learn. It makes no call.
	Questions(r *resource.Resource) []*Question
}

// Question is one detail call about one store.
type Question struct {
	// Call is the API operation, Permission what it needs. Call and permission
	// names differ in places.
	Call, Permission string
	// Hides and Shields say what an answer may reveal: who may be let in, what
	// may keep others out. Until it is answered the resource carries them as a
	// gap.
	Hides   []resource.Hidden
	Shields []resource.Shield
	// Settings are the keys the answer fills in.
	Settings []string
	// Shared questions are about the whole scope: asked once, whatever the
	// number of stores, and not counted against a store's budget.
	Shared bool
	// Ask makes the call and adds what it learned to r: grants, guards,
	// settings, and gaps for what an answer left open. An error means that
	// nothing was learned; the runner records it as a gap.
	Ask AskFunc
}

// AskFunc makes a detail call about a store and adds what it learned.
type AskFunc func(ctx context.Context, r *resource.Resource) error

// Gap returns what the resource lacks while the question has no answer.
func (q *Question) Gap(reason resource.Reason, detail string) resource.Gap {
	return resource.Gap{
		Call: q.Call, Permission: q.Permission, Reason: reason, Detail: detail,
		Hides: q.Hides, Shields: q.Shields, Settings: q.Settings,
	}
}

// Refusal is what an error from a cloud means.
type Refusal struct {
	Reason resource.Reason
	// Code is the cloud's own word ("AccessDenied"), Detail one short sentence
	// without secrets.
	Code, Detail string
	// Gone says that the store no longer exists.
	Gone bool
	// Call and Permission name the refused operation where the error knows it.
	Call string
}

// MalformedError says that an answer arrived and could not be understood.
type MalformedError struct {
	Call string
	Err  error
}

// Error implements error.
func (e *MalformedError) Error() string { return fmt.Sprintf("read answer of %s: %v", e.Call, e.Err) }

// Unwrap returns the cause.
func (e *MalformedError) Unwrap() error { return e.Err }

// Malformed returns a *MalformedError with a formatted reason.
func Malformed(call, format string, args ...any) error {
	return &MalformedError{Call: call, Err: fmt.Errorf(format, args...)}
}

// Once holds a fact of a scope that is asked for at most once: the first caller
// asks, the others wait. A refusal is remembered like an answer; only a call
// that was cancelled is asked again. The zero value is ready.
type Once[T any] struct {
	mu    sync.Mutex
	done  bool
	value T
	err   error
}

// Get returns the fact, asking for it if nobody has.
func (o *Once[T]) Get(ctx context.Context, ask func(context.Context) (T, error)) (value T, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.value, o.err
	}
	value, err = ask(ctx)
	if err != nil && (errors.Is(err, context.Canceled) || ctx.Err() != nil) {
		return value, err
	}
	o.done, o.value, o.err = true, value, err
	return value, err
}

// PartialScopesError says that Scopes could find only a part of what there may
// be. The scopes returned with it are audited, and the ledger shows the rest as
// refused.
type PartialScopesError struct {
	Scope      resource.Scope
	Kind       resource.Kind
	Permission string
	Refusal    Refusal
}

// Error implements error.
func (e *PartialScopesError) Error() string {
	return fmt.Sprintf("find scopes of %s: %s", e.Scope, e.Refusal.String())
}
