package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
)

// Several returns one provider of several clouds: their scopes one cloud after
// the other, each scope with the collectors of its own cloud, and each error
// read by the cloud that it came from. The providers differ in their names, and
// there is at least one; anything else is a defect of the caller, and panics.
//
// A cloud whose scopes cannot be found does not lose the others: the ledger
// shows it as refused. It is an error only where none has any.
func Several(providers ...Provider) Provider {
	if len(providers) == 0 {
		panic("collect: several of no provider")
	}
	s := several{named: make(map[string]Provider)}
	for _, p := range providers {
		if s.named[p.Name()] != nil {
			panic("collect: two providers are called " + p.Name())
		}
		s.providers, s.named[p.Name()] = append(s.providers, p), p
	}
	if len(providers) == 1 {
		return providers[0]
	}
	return &s
}

// several implements Provider.
type several struct {
	providers []Provider
	named     map[string]Provider
}

// Name implements Provider: the names of all.
func (s *several) Name() string {
	names := make([]string, 0, len(s.providers))
	for _, p := range s.providers {
		names = append(names, p.Name())
	}
	return strings.Join(names, ", ")
}

// Scopes implements Provider.
func (s *several) Scopes(ctx context.Context) ([]resource.Scope, error) {
	var scopes []resource.Scope
	var missing PartialScopesErrors
	var failed []error
	for _, p := range s.providers {
		found, err := p.Scopes(ctx)
		if ctx.Err() != nil {
			return nil, cmp.Or(err, ctx.Err())
		}
		parts, partial := missingScopes(err)
		if err != nil && !partial {
			failed = append(failed, fmt.Errorf("%s: %w", p.Name(), err))
			found, parts = nil, PartialScopesErrors{without(ctx, p, err)}
		}
		scopes, missing = append(scopes, found...), append(missing, parts...)
	}
	switch {
	case len(failed) == len(s.providers):
		return nil, inOneSentence(failed)
	case len(missing) > 0:
		return scopes, missing
	default:
		return scopes, nil
	}
}

// without is the ledger's line of a cloud of which no scope was found.
func without(ctx context.Context, p Provider, err error) *PartialScopesError {
	refusal := (&Runner{Provider: p}).refusal(ctx, err)
	refusal.Detail = "nothing of this cloud could be listed: " + refusal.Detail
	return &PartialScopesError{Scope: resource.Scope{Provider: p.Name()}, Kind: resource.Kind(p.Name() + ".scope"), Refusal: refusal}
}

func inOneSentence(errs []error) error {
	err := errs[0]
	for _, next := range errs[1:] {
		err = fmt.Errorf("%w; %w", err, next)
	}
	return err
}

// Collectors implements Provider.
func (s *several) Collectors(scope resource.Scope) []Collector {
	p := s.named[scope.Provider]
	if p == nil {
		return nil
	}
	collectors := p.Collectors(scope)
	signed := make([]Collector, 0, len(collectors))
	for _, c := range collectors {
		signed = append(signed, signedCollector{c, p})
	}
	return signed
}

// Refusal implements Provider.
func (s *several) Refusal(err error) Refusal {
	if signed, ok := errors.AsType[*signedError](err); ok {
		return signed.provider.Refusal(signed.err)
	}
	return Refusal{Reason: resource.Failed, Detail: err.Error()} // of no cloud
}

// signedError is an error with the provider that can read it: an error does not
// know by itself which cloud it came from.
type signedError struct {
	provider Provider
	err      error
}

// Error implements error.
func (e *signedError) Error() string { return e.err.Error() }

// Unwrap returns the error as the provider's collector gave it.
func (e *signedError) Unwrap() error { return e.err }

func signed(p Provider, err error) error {
	if err == nil {
		return nil
	}
	return &signedError{p, err}
}

// signedCollector is a collector whose errors are signed.
type signedCollector struct {
	Collector
	provider Provider
}

// List implements Collector.
func (c signedCollector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		for r, err := range c.Collector.List(ctx) {
			if !yield(r, signed(c.provider, err)) {
				return
			}
		}
	}
}

// Questions implements Collector. The questions stay the collector's own, which
// may change what one of them hides once another is answered.
func (c signedCollector) Questions(r *resource.Resource) []*Question {
	questions := c.Collector.Questions(r)
	for _, q := range questions {
		ask := q.Ask
		q.Ask = func(ctx context.Context, r *resource.Resource) error { return signed(c.provider, ask(ctx, r)) }
	}
	return questions
}

// PartialScopesErrors are several parts that Scopes could not find, each a line
// of the ledger, in its order.
type PartialScopesErrors []*PartialScopesError

// Error implements error.
func (e PartialScopesErrors) Error() string {
	texts := make([]string, 0, len(e))
	for _, part := range e {
		texts = append(texts, part.Error())
	}
	return strings.Join(texts, "; ")
}

// missingScopes returns what an error of Scopes says is missing. It is not
// partial where the error is another one, or nil.
func missingScopes(err error) (parts PartialScopesErrors, partial bool) {
	if parts, ok := errors.AsType[PartialScopesErrors](err); ok {
		return parts, true
	}
	if one, ok := errors.AsType[*PartialScopesError](err); ok {
		return PartialScopesErrors{one}, true
	}
	return nil, false
}

func (e PartialScopesErrors) ledger() Ledger {
	lines := make(Ledger, 0, len(e))
	for _, part := range e {
		lines = append(lines, Line{Scope: part.Scope, Kind: part.Kind, Permission: part.Permission, Refused: &part.Refusal})
	}
	return lines
}
