package collect

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/andon-audit/andon/pkg/resource"
)

// house is a cloud in memory: its scopes are rooms, and each room has one shelf
// of boxes.
type house struct {
	rooms   []resource.Scope
	problem error
	shelves map[string]*shelf // by region
}

// shelf collects the boxes of one room.
type shelf struct {
	kind  *Kind
	room  resource.Scope
	boxes []string
	// listed is told of each box before it is handed over; broken ends the
	// listing, breaks does so with a panic. A deaf listing goes on until nobody
	// takes its boxes.
	listed func(box string)
	broken error
	breaks string
	deaf   bool
	// ask answers the question about a box: nothing to tell where it is nil.
	ask func(ctx context.Context, r *resource.Resource, call string) error
	// asks are the calls that are asked about each box.
	asks []string
}

// errDenied and errGone are what this cloud refuses with.
var (
	errDenied = errors.New("denied")
	errGone   = errors.New("gone")
)

func newHouse(shelves ...*shelf) *house {
	h := &house{shelves: make(map[string]*shelf)}
	for i, s := range shelves {
		s.room = resource.Scope{Provider: "test", Account: "home", Region: string(rune('a' + i))}
		if s.kind == nil {
			s.kind = MustParseKind([]byte(box))
		}
		h.rooms = append(h.rooms, s.room)
		h.shelves[s.room.Region] = s
	}
	return h
}

func (h *house) Name() string { return "test" }

func (h *house) Scopes(context.Context) ([]resource.Scope, error) { return h.rooms, h.problem }

func (h *house) Collectors(room resource.Scope) []Collector {
	return []Collector{h.shelves[room.Region]}
}

func (h *house) Refusal(err error) Refusal {
	switch {
	case errors.Is(err, errDenied):
		return Refusal{Reason: resource.Denied, Code: "AccessDenied", Detail: "not yours", Call: "test:ListMoreBoxes"}
	case errors.Is(err, errGone):
		return Refusal{Reason: resource.Failed, Gone: true}
	}
	return Refusal{Reason: resource.Failed, Detail: err.Error()}
}

func (s *shelf) Kind() *Kind { return s.kind }

func (s *shelf) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		for _, name := range s.boxes {
			if ctx.Err() != nil && !s.deaf {
				yield(nil, ctx.Err())
				return
			}
			if s.listed != nil {
				s.listed(name)
			}
			r := &resource.Resource{ID: resource.ID(s.room.Region + "/" + name), Kind: s.kind.Name, Name: name, Scope: s.room}
			if !yield(r, nil) {
				return
			}
		}
		if s.breaks != "" {
			panic(s.breaks)
		}
		if s.broken != nil {
			yield(nil, s.broken)
		}
	}
}

func (s *shelf) Questions(*resource.Resource) []*Question {
	var questions []*Question
	for _, call := range s.asks {
		questions = append(questions, s.kind.Question(call, func(ctx context.Context, r *resource.Resource) error {
			if s.ask == nil {
				return nil
			}
			return s.ask(ctx, r, call)
		}))
	}
	return questions
}

// collected runs a runner and returns what it handed over.
func collected(ctx context.Context, r Runner) (all []*resource.Resource, ledger Ledger, err error) {
	ledger, err = r.Run(ctx, func(store *resource.Resource) error {
		all = append(all, store)
		return nil
	})
	return all, ledger, err
}

func ids(stores []*resource.Resource) []string {
	var all []string
	for _, s := range stores {
		all = append(all, string(s.ID))
	}
	return all
}

// gapsOf spells a store's gaps as "call reason".
func gapsOf(r *resource.Resource) []string {
	var all []string
	for _, g := range r.Gaps {
		all = append(all, g.Call+" "+string(g.Reason))
	}
	slices.Sort(all)
	return all
}
