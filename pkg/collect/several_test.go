package collect

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/resource"
)

// town is a house of another cloud, which reads its errors in its own words.
type town struct {
	*house
	name string
}

func newTown(name string, shelves ...*shelf) *town {
	h := newHouse(shelves...)
	for i, s := range shelves {
		s.room.Provider = name
		h.rooms[i] = s.room
	}
	return &town{h, name}
}

func (t *town) Name() string { return t.name }

func (t *town) Refusal(err error) Refusal {
	r := t.house.Refusal(err)
	if r.Code != "" {
		r.Code = t.name + r.Code
	}
	return r
}

func TestSeveral(t *testing.T) {
	refuse := func(_ context.Context, _ *resource.Resource, call string) error {
		if call == "test:GetLid" {
			return errDenied
		}
		return nil
	}
	asks := []string{"test:GetHouse", "test:GetLid"}
	a := newTown("a", &shelf{boxes: []string{"x"}, asks: asks, ask: refuse}, &shelf{boxes: []string{"y"}, broken: errDenied})
	b := newTown("b", &shelf{boxes: []string{"z", "gone"}, asks: asks, ask: func(ctx context.Context, r *resource.Resource, call string) error {
		if r.Name == "gone" {
			return fmt.Errorf("look at box: %w", errGone)
		}
		return refuse(ctx, r, call)
	}})
	stores, ledger, err := collected(t.Context(), Runner{Provider: Several(a, b)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a/x", "b/y", "a/z", "a/gone"}, ids(stores)); diff != "" {
		t.Errorf("stores (-want +got):\n%s", diff)
	}
	if !stores[3].Gone {
		t.Error("what its own cloud calls gone is not")
	}
	// Each error is told in the words of the cloud that it came from.
	if lid := stores[0].Gaps[0]; len(ledger) != 3 || lid.Detail != "aAccessDenied: not yours" || lid.Reason != resource.Denied {
		t.Errorf("the first cloud's refusal: %+v", lid)
	}
	if lid := stores[2].Gaps[0]; lid.Detail != "bAccessDenied: not yours" || lid.Permission == "" {
		t.Errorf("the second cloud's refusal: %+v", lid)
	}
	if r := ledger[1].Refused; r == nil || r.Code != "aAccessDenied" || r.Call != "test:ListMoreBoxes" {
		t.Errorf("the refused listing: %+v", ledger[1])
	}
	if ledger[2].Scope.Provider != "b" || ledger[2].Stores != 2 || ledger[2].Gone != 1 {
		t.Errorf("the second cloud's line: %+v", ledger[2])
	}
}

// What is known of an error whatever the cloud stays known: a malformed answer,
// the end of the run.
func TestSeveralKeepsWhatErrorsAre(t *testing.T) {
	a := newTown("a", &shelf{boxes: []string{"x"}, broken: Malformed("test:ListBoxes", "odd")})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		b := newTown("b", &shelf{boxes: []string{"y"}, asks: []string{"test:GetLid"}, ask: func(ctx context.Context, _ *resource.Resource, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}})
		stores, ledger, err := collected(ctx, Runner{Provider: Several(a, b)})
		if !errors.Is(err, context.Canceled) || len(stores) != 2 {
			t.Fatalf("%d stores, %v", len(stores), err)
		}
		if r := ledger[0].Refused; r == nil || r.Reason != resource.Malformed || r.Detail != "odd" || r.Call != "test:ListBoxes" {
			t.Errorf("the malformed listing: %+v", r)
		}
		if gap := stores[1].Gaps[0]; gap.Detail != "interrupted: the run was interrupted" {
			t.Errorf("the interrupted question: %+v", gap)
		}
	})
	if r := Several(a, newTown("b")).Refusal(errDenied); r.Reason != resource.Failed || r.Detail != "denied" {
		t.Errorf("an error of no cloud: %+v", r)
	}
}

// narrowing is a shelf where one answer settles what the next question may hide.
type narrowing struct{ *shelf }

func (n narrowing) Questions(r *resource.Resource) []*Question {
	questions := n.shelf.Questions(r)
	questions[0].Ask = func(context.Context, *resource.Resource) error {
		questions[1].Hides = nil
		return nil
	}
	return questions
}

// narrow is a house of such shelves.
type narrow struct{ *town }

func (n narrow) Collectors(room resource.Scope) []Collector {
	return []Collector{narrowing{n.shelves[room.Region]}}
}

// What an answer tells about a question that was not asked yet is seen, alone or
// among others.
func TestSeveralSeesQuestionsNarrow(t *testing.T) {
	for _, others := range [][]Provider{nil, {newTown("b")}} {
		a := narrow{newTown("a", &shelf{boxes: []string{"x"}, asks: []string{"test:GetHouse", "test:GetLid"}})}
		stores, _, err := collected(t.Context(), Runner{
			Provider: Several(append([]Provider{a}, others...)...),
			Wants:    func(_ *resource.Resource, g resource.Gap) bool { return g.Call == "test:GetHouse" || len(g.Hides) > 0 },
		})
		if err != nil || len(stores) != 1 {
			t.Fatalf("%d stores, %v", len(stores), err)
		}
		if gaps := stores[0].Gaps; len(gaps) != 1 || gaps[0].Reason != resource.NotAsked || gaps[0].Hides != nil {
			t.Errorf("with %d others: %+v", len(others), gaps)
		}
	}
}

// part is a part of the scopes that could not be found.
func part(provider, call string) *PartialScopesError {
	return &PartialScopesError{
		Scope: resource.Scope{Provider: provider, Account: "home"}, Kind: resource.Kind(provider + ".room"), Permission: call,
		Refusal: Refusal{Reason: resource.Denied, Code: "AccessDenied"},
	}
}

func TestSeveralScopes(t *testing.T) {
	shelves := func() *shelf { return &shelf{boxes: []string{"x"}} }
	for name, c := range map[string]struct {
		a, b   error
		stores int
		lines  []string // of the ledger, those that are refused with what is said
		err    string
	}{
		"all": {stores: 2, lines: []string{"a test.storage.box", "b test.storage.box"}},
		"a part of one": {
			b: part("b", "b:Rooms"), stores: 2,
			lines: []string{"b b.room b:Rooms AccessDenied", "a test.storage.box", "b test.storage.box"},
		},
		"parts of both, of one several": {
			a: PartialScopesErrors{part("a", "a:Rooms"), part("a", "a:Halls")}, b: part("b", "b:Rooms"), stores: 2,
			lines: []string{
				"a a.room a:Rooms AccessDenied", "a a.room a:Halls AccessDenied", "b b.room b:Rooms AccessDenied",
				"a test.storage.box", "b test.storage.box",
			},
		},
		"one cloud lost": {
			a: errDenied, stores: 1,
			lines: []string{"a a.scope  aAccessDenied: nothing of this cloud could be listed: not yours", "b test.storage.box"},
		},
		"the other, for an answer that nobody understands": {
			b: Malformed("b:ListRooms", "no room in it"), stores: 1,
			lines: []string{"b b.scope  nothing of this cloud could be listed: no room in it", "a test.storage.box"},
		},
		"one lost, of the other a part": {
			a: errDenied, b: part("b", "b:Rooms"), stores: 1,
			lines: []string{
				"a a.scope  aAccessDenied: nothing of this cloud could be listed: not yours", "b b.room b:Rooms AccessDenied", "b test.storage.box",
			},
		},
		"both lost": {a: errDenied, b: errors.New("no such room"), err: "find scopes: a: denied; b: no such room"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newTown("a", shelves()), newTown("b", shelves())
			a.problem, b.problem = c.a, c.b
			stores, ledger, err := collected(t.Context(), Runner{Provider: Several(a, b)})
			if c.err != "" {
				if err == nil || err.Error() != c.err || !errors.Is(err, ErrNoScopes) || !errors.Is(err, c.a) || !errors.Is(err, c.b) {
					t.Errorf("error %v", err)
				}
				if len(stores)+len(ledger) != 0 {
					t.Errorf("%d stores, ledger %+v", len(stores), ledger)
				}
				return
			}
			if err != nil || len(stores) != c.stores {
				t.Errorf("%d stores, %v", len(stores), err)
			}
			var lines []string
			for _, l := range ledger {
				line := l.Scope.Provider + " " + string(l.Kind)
				if l.Refused != nil {
					line += " " + l.Permission + " " + l.Refused.String()
				}
				if l.Complete() != (l.Refused == nil) {
					t.Errorf("%+v is complete: %t", l, l.Complete())
				}
				lines = append(lines, line)
			}
			if diff := cmp.Diff(c.lines, lines); diff != "" {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}

// A run that ends while scopes are looked for has lost no cloud: it was
// interrupted.
func TestSeveralScopesInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a, b := newTown("a", &shelf{boxes: []string{"x"}}), newTown("b", &shelf{boxes: []string{"x"}})
	cancel()
	for _, problem := range []error{nil, errDenied} {
		b.problem = problem
		scopes, err := Several(b, a).Scopes(ctx)
		if len(scopes) != 0 || err == nil || problem != nil && !errors.Is(err, problem) || problem == nil && !errors.Is(err, context.Canceled) {
			t.Errorf("scopes %v, %v", scopes, err)
		}
	}
}

func TestSeveralIsWhole(t *testing.T) {
	a, b := newTown("a"), newTown("b")
	if one := Several(a); one != Provider(a) {
		t.Errorf("several of one are %v", one)
	}
	both := Several(a, b)
	if both.Name() != "a, b" {
		t.Errorf("called %s", both.Name())
	}
	if of := both.Collectors(resource.Scope{Provider: "c"}); of != nil {
		t.Errorf("collectors of a cloud that is not there: %v", of)
	}
	for _, wrong := range [][]Provider{nil, {a, newTown("a")}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("no panic over %v", wrong)
				}
			}()
			Several(wrong...)
		}()
	}
}

// TestSeveralIsTheSum holds that auditing clouds together gives what auditing
// them one by one gives.
func TestSeveralIsTheSum(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var together []Provider
		var want, wantLedger, got, gotLedger []string
		note := func(stores []*resource.Resource, ledger Ledger) (said, lines []string) {
			for _, r := range stores {
				said = append(said, r.Scope.Provider+"/"+string(r.ID)+" "+strings.Join(gapsOf(r), ","))
			}
			for _, l := range ledger {
				lines = append(lines, fmt.Sprintf("%s %s %d %d %t %v", l.Scope, l.Kind, l.Stores, l.Unread, l.Complete(), l.Gaps))
			}
			return said, lines
		}
		for i := range rapid.IntRange(1, 4).Draw(rt, "clouds") {
			var shelves []*shelf
			for range rapid.IntRange(0, 3).Draw(rt, "rooms") {
				s := &shelf{asks: everyCall, boxes: rapid.SliceOfNDistinct(rapid.StringN(1, 3, 3), 0, 4, rapid.ID[string]).Draw(rt, "boxes")}
				refused := rapid.SliceOf(rapid.SampledFrom(everyCall)).Draw(rt, "refused")
				s.ask = func(_ context.Context, _ *resource.Resource, call string) error {
					if slices.Contains(refused, call) {
						return errDenied
					}
					return nil
				}
				if rapid.Bool().Draw(rt, "broken") {
					s.broken = errDenied
				}
				shelves = append(shelves, s)
			}
			alone := newTown(string(rune('a'+i)), shelves...)
			together = append(together, alone)
			stores, ledger, err := collected(t.Context(), Runner{Provider: alone})
			if err != nil {
				rt.Fatal(err)
			}
			said, lines := note(stores, ledger)
			want, wantLedger = append(want, said...), append(wantLedger, lines...)
		}
		stores, ledger, err := collected(t.Context(), Runner{Provider: Several(together...)})
		if err != nil {
			rt.Fatal(err)
		}
		got, gotLedger = note(stores, ledger)
		if diff := cmp.Diff(want, got) + cmp.Diff(wantLedger, gotLedger); diff != "" {
			rt.Fatalf("together (-want +got):\n%s", diff)
		}
	})
}

// moody is a collector of which one question, once answered, changes what the
// next one may hide.
type moody struct{ shelf Collector }

func (m moody) Kind() *Kind { return m.shelf.Kind() }

func (m moody) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return m.shelf.List(ctx)
}

func (m moody) Questions(*resource.Resource) []*Question {
	lid := &Question{Call: "test:GetLid", Hides: []resource.Hidden{{Via: "lid", To: resource.Anyone}}}
	house := &Question{Call: "test:GetHouse", Ask: func(context.Context, *resource.Resource) error {
		lid.Hides = nil
		return nil
	}}
	lid.Ask = func(context.Context, *resource.Resource) error { return errors.New("asked") }
	return []*Question{house, lid}
}

type moodyTown struct{ *town }

func (m moodyTown) Collectors(s resource.Scope) []Collector {
	var all []Collector
	for _, c := range m.town.Collectors(s) {
		all = append(all, moody{c})
	}
	return all
}

// TestSeveralLeaveQuestionsTheirOwn: what a question learns about the others holds
// beside another cloud, too.
func TestSeveralLeaveQuestionsTheirOwn(t *testing.T) {
	wants := func(_ *resource.Resource, g resource.Gap) bool { return g.Call == "test:GetHouse" || len(g.Hides) > 0 }
	for _, p := range []Provider{
		moodyTown{newTown("a", &shelf{boxes: []string{"x"}})},
		Several(moodyTown{newTown("a", &shelf{boxes: []string{"x"}})}, newTown("b", &shelf{})),
	} {
		stores, _, err := collected(t.Context(), Runner{Provider: p, Wants: wants})
		if err != nil || len(stores) != 1 {
			t.Fatalf("%v, %d stores", err, len(stores))
		}
		if gap := stores[0].Gaps[0]; gap.Reason != resource.NotAsked || len(gap.Hides) > 0 {
			t.Errorf("of %s: the lid was asked about, or still hides somebody: %+v", p.Name(), gap)
		}
	}
}
