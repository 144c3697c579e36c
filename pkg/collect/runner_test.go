package collect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/resource"
)

// everyCall are the questions of a box, in order.
var everyCall = []string{"test:GetHouse", "test:GetLid", "test:GetKeys", "test:GetLock"}

// TestOrderIsFixed holds that stores come in the order of the listings, however
// long each listing and each answer takes.
func TestOrderIsFixed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		delay := rapid.IntRange(0, 50)
		var shelves []*shelf
		var want []string
		for i := range rapid.IntRange(1, 20).Draw(rt, "rooms") {
			s := &shelf{asks: []string{"test:GetLid"}}
			listing := make(map[string]time.Duration)
			asking := make(map[string]time.Duration)
			for j := range rapid.IntRange(0, 4).Draw(rt, "boxes") {
				name := fmt.Sprint(j)
				s.boxes = append(s.boxes, name)
				listing[name] = time.Duration(delay.Draw(rt, "listing")) * time.Millisecond
				asking[name] = time.Duration(delay.Draw(rt, "asking")) * time.Millisecond
				want = append(want, string(rune('a'+i))+"/"+name)
			}
			s.listed = func(name string) { time.Sleep(listing[name]) }
			s.ask = func(_ context.Context, r *resource.Resource, _ string) error { time.Sleep(asking[r.Name]); return nil }
			shelves = append(shelves, s)
		}
		width := rapid.IntRange(1, 8).Draw(rt, "concurrency")
		var got []string
		synctest.Test(t, func(t *testing.T) {
			stores, _, err := collected(t.Context(), Runner{Provider: newHouse(shelves...), Concurrency: width})
			if err != nil {
				t.Error(err)
			}
			got = ids(stores)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("order (-want +got):\n%s", diff)
		}
	})
}

func TestQuestions(t *testing.T) {
	var asked []string
	learn := func(_ context.Context, r *resource.Resource, call string) error {
		asked = append(asked, call)
		switch call {
		case "test:GetLid":
			r.Grants = append(r.Grants, resource.Grant{To: resource.Anyone, Via: "lid", Can: []resource.Action{resource.Read}})
			r.Set("lid", true, resource.Evidence{Call: call})
		case "test:GetKeys":
			return errDenied
		case "test:GetLock":
			// An answer may leave something open.
			r.Gaps = append(r.Gaps, resource.Gap{Call: call, Reason: resource.Undecided, Detail: "worn"})
		}
		return nil
	}
	for name, c := range map[string]struct {
		wants    func(*resource.Resource, resource.Gap) bool
		proves   func(*resource.Resource, resource.Gap) bool
		budgeted bool
		asked    []string
		gaps     []string
		calls    int
		saved    int
	}{
		"all are asked": {
			asked: everyCall, calls: 3,
			gaps: []string{"test:GetKeys denied", "test:GetLock undecided"},
		},
		"none that cannot matter": {
			wants: func(_ *resource.Resource, g resource.Gap) bool { return len(g.Hides) > 0 },
			asked: []string{"test:GetLid", "test:GetKeys"}, calls: 2, saved: 2,
			gaps: []string{"test:GetHouse not-asked", "test:GetKeys denied", "test:GetLock not-asked"},
		},
		"until it is settled": {
			wants: func(r *resource.Resource, _ resource.Gap) bool { return len(r.Grants) == 0 },
			asked: []string{"test:GetHouse", "test:GetLid"}, calls: 1, saved: 2,
			gaps: []string{"test:GetKeys not-asked", "test:GetLock not-asked"},
		},
		"an earlier one that has come to matter": {
			wants: func(r *resource.Resource, g resource.Gap) bool {
				return g.Call == "test:GetLid" || g.Call == "test:GetHouse" && len(r.Grants) > 0
			},
			asked: []string{"test:GetLid", "test:GetHouse"}, calls: 1, saved: 2,
			gaps: []string{"test:GetKeys not-asked", "test:GetLock not-asked"},
		},
		"what proves the worst that is known comes first": {
			wants:  func(*resource.Resource, resource.Gap) bool { return true },
			proves: func(r *resource.Resource, g resource.Gap) bool { return len(r.Grants) > 0 && g.Call == "test:GetLock" },
			asked:  []string{"test:GetHouse", "test:GetLid", "test:GetLock", "test:GetKeys"}, calls: 3,
			gaps: []string{"test:GetKeys denied", "test:GetLock undecided"},
		},
		"within the budget, which shared questions do not touch": {
			wants: func(*resource.Resource, resource.Gap) bool { return true }, budgeted: true,
			asked: []string{"test:GetHouse", "test:GetLid", "test:GetKeys"}, calls: 2, saved: 1,
			gaps: []string{"test:GetKeys denied", "test:GetLock not-asked"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked = nil
			h := newHouse(&shelf{boxes: []string{"x"}, asks: everyCall, ask: learn})
			stores, ledger, err := collected(t.Context(), Runner{Provider: h, Wants: c.wants, Proves: c.proves, Budgeted: c.budgeted})
			if err != nil || len(stores) != 1 {
				t.Fatalf("%d stores, %v", len(stores), err)
			}
			r := stores[0]
			if diff := cmp.Diff(c.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.gaps, gapsOf(r)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
			if r.Calls != c.calls || r.Saved != c.saved {
				t.Errorf("%d calls made and %d saved, want %d and %d", r.Calls, r.Saved, c.calls, c.saved)
			}
			unread := map[string]int{}
			if slices.Contains(c.gaps, "test:GetKeys denied") {
				unread["test:GetKeys"] = 1
			}
			if diff := cmp.Diff(unread, ledger[0].Gaps, cmpopts.EquateEmpty()); diff != "" || ledger[0].Unread != len(unread) {
				t.Errorf("%d unread, gaps in the ledger (-want +got):\n%s", ledger[0].Unread, diff)
			}
		})
	}
}

// What is being decided is decided on the store with every open question on it.
func TestWantsSeesEveryGap(t *testing.T) {
	var seen [][]string
	h := newHouse(&shelf{boxes: []string{"x"}, asks: []string{"test:GetLid", "test:GetKeys"}})
	_, _, err := collected(t.Context(), Runner{Provider: h, Wants: func(r *resource.Resource, g resource.Gap) bool {
		seen = append(seen, append(gapsOf(r), "about "+g.Call))
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"test:GetKeys not-asked", "test:GetLid not-asked", "about test:GetLid"},
		{"test:GetKeys not-asked", "about test:GetKeys"},
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
}

// A refusal, whatever its shape, leaves the store in the report with a gap that
// holds everything the answer could have hidden. Its neighbours are untouched.
func TestRefusedAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		ask  func() error
		want resource.Gap
	}{
		"denied":    {func() error { return errDenied }, resource.Gap{Reason: resource.Denied, Detail: "AccessDenied: not yours"}},
		"failed":    {func() error { return errors.New("500") }, resource.Gap{Reason: resource.Failed, Detail: "500"}},
		"malformed": {func() error { return Malformed("test:GetLid", "no lid in it") }, resource.Gap{Reason: resource.Malformed, Detail: "no lid in it"}},
		"odd":       {func() error { var none *resource.Resource; none.Set("x", 1, resource.Evidence{}); return nil }, resource.Gap{Reason: resource.Malformed, Detail: "unexpected answer: runtime error: invalid memory address or nil pointer dereference"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(&shelf{boxes: []string{"x", "y", "z"}, asks: []string{"test:GetLid"}, ask: func(_ context.Context, r *resource.Resource, _ string) error {
				if r.Name == "y" {
					return c.ask()
				}
				return nil
			}})
			stores, ledger, err := collected(t.Context(), Runner{Provider: h})
			if err != nil || len(stores) != 3 {
				t.Fatalf("%d stores, %v", len(stores), err)
			}
			declared := h.shelves["a"].kind.Question("test:GetLid", nil).Gap(c.want.Reason, c.want.Detail)
			if diff := cmp.Diff([]resource.Gap{declared}, stores[1].Gaps); diff != "" {
				t.Errorf("gap (-want +got):\n%s", diff)
			}
			if len(stores[0].Gaps)+len(stores[2].Gaps) != 0 {
				t.Errorf("gaps of the neighbours: %v %v", stores[0].Gaps, stores[2].Gaps)
			}
			want := Line{
				Scope: h.rooms[0], Kind: "test.storage.box", Stores: 3, Unread: 1,
				Gaps: map[string]int{"test:GetLid": 1}, First: &declared,
			}
			if diff := cmp.Diff(Ledger{want}, ledger); diff != "" || ledger[0].Complete() {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}

func TestGone(t *testing.T) {
	h := newHouse(&shelf{boxes: []string{"x"}, asks: everyCall, ask: func(_ context.Context, r *resource.Resource, call string) error {
		if call == "test:GetKeys" {
			return errGone
		}
		r.Grants = append(r.Grants, resource.Grant{To: resource.Anyone, Via: "lid"})
		r.Guards = append(r.Guards, resource.Guard{Name: "lock"})
		return nil
	}})
	stores, ledger, err := collected(t.Context(), Runner{Provider: h})
	if err != nil || len(stores) != 1 {
		t.Fatalf("%d stores, %v", len(stores), err)
	}
	if r := stores[0]; !r.Gone || len(r.Grants)+len(r.Guards)+len(r.Gaps) != 0 {
		t.Errorf("there is nothing left to judge in %+v", r)
	}
	if line := ledger[0]; line.Gone != 1 || line.Stores != 1 || !line.Complete() {
		t.Errorf("ledger: %+v", line)
	}
}

// A listing that breaks keeps what came before, is loud in the ledger, and does
// not take other listings with it.
func TestRefusedListing(t *testing.T) {
	for name, c := range map[string]struct {
		shelf shelf
		want  Refusal
		needs string
	}{
		"refused": {
			shelf{broken: errDenied},
			Refusal{Reason: resource.Denied, Code: "AccessDenied", Detail: "not yours", Call: "test:ListMoreBoxes"},
			"test:ListMore",
		},
		"an error that names no call": {
			shelf{broken: errors.New("500")},
			Refusal{Reason: resource.Failed, Detail: "500", Call: "test:ListBoxes"},
			"test:List",
		},
		"an odd answer": {
			shelf{breaks: "index out of range"},
			Refusal{Reason: resource.Failed, Detail: "listing failed: index out of range", Call: "test:ListBoxes"},
			"test:List",
		},
	} {
		t.Run(name, func(t *testing.T) {
			broken := c.shelf
			broken.boxes = []string{"x", "y"}
			h := newHouse(&broken, &shelf{boxes: []string{"z"}})
			stores, ledger, err := collected(t.Context(), Runner{Provider: h})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"a/x", "a/y", "b/z"}, ids(stores)); diff != "" {
				t.Errorf("stores (-want +got):\n%s", diff)
			}
			want := Ledger{
				{Scope: h.rooms[0], Kind: "test.storage.box", Stores: 2, Refused: &c.want, Permission: c.needs},
				{Scope: h.rooms[1], Kind: "test.storage.box", Stores: 1},
			}
			if diff := cmp.Diff(want, ledger, cmpopts.EquateEmpty()); diff != "" || ledger[0].Complete() || !ledger[1].Complete() {
				t.Errorf("ledger (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScopes(t *testing.T) {
	h := newHouse(&shelf{boxes: []string{"x"}})
	h.problem = &PartialScopesError{
		Scope: resource.Scope{Provider: "test"}, Kind: "test.room", Permission: "test:Rooms",
		Refusal: Refusal{Reason: resource.Denied, Code: "AccessDenied"},
	}
	stores, ledger, err := collected(t.Context(), Runner{Provider: h})
	if err != nil || len(stores) != 1 || len(ledger) != 2 {
		t.Fatalf("a part of the scopes: %d stores, %d lines, %v", len(stores), len(ledger), err)
	}
	if first := ledger[0]; first.Complete() || first.Kind != "test.room" || first.Permission != "test:Rooms" || first.Refused.Code != "AccessDenied" {
		t.Errorf("ledger: %+v", first)
	}

	h.problem = errDenied
	stores, ledger, err = collected(t.Context(), Runner{Provider: h})
	if !errors.Is(err, ErrNoScopes) || !errors.Is(err, errDenied) || err.Error() != "find scopes: denied" || len(stores)+len(ledger) != 0 {
		t.Errorf("no scopes: %d stores, %d lines, %v", len(stores), len(ledger), err)
	}
}

func TestChoices(t *testing.T) {
	other := MustParseKind([]byte(box))
	other.Name = "test.storage.crate"
	h := newHouse(&shelf{boxes: []string{"x", "y"}}, &shelf{kind: other, boxes: []string{"x"}})
	stores, ledger, err := collected(t.Context(), Runner{Provider: h, Kinds: []resource.Kind{"test.storage.crate"}})
	if err != nil || len(ledger) != 1 || !cmp.Equal(ids(stores), []string{"b/x"}) {
		t.Errorf("one kind: %v, %d lines, %v", ids(stores), len(ledger), err)
	}
	told := 0
	stores, ledger, err = collected(t.Context(), Runner{
		Provider: h, Only: func(r *resource.Resource) bool { return r.Name == "x" },
		Progress: func(_ resource.Scope, n int) { told += n },
	})
	if err != nil || ledger[0].Stores != 1 || !cmp.Equal(ids(stores), []string{"a/x", "b/x"}) || told != 2 {
		t.Errorf("one name: %v, %+v, %v; progress of %d", ids(stores), ledger[0], err, told)
	}
}

// TestCancellation holds that an interrupted run hands over what was listed,
// shows in the ledger what was not, and leaves nothing running: synctest fails
// where a goroutine stays behind.
func TestCancellation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		slow := func(ctx context.Context, r *resource.Resource, _ string) error {
			if r.Name == "x" {
				return nil
			}
			<-ctx.Done() // an answer that never comes
			return ctx.Err()
		}
		listed := 0
		endless := &shelf{asks: []string{"test:GetLid"}, ask: slow, listed: func(string) { listed++ }, deaf: true}
		for i := range 10_000 {
			endless.boxes = append(endless.boxes, fmt.Sprint(i))
		}
		h := newHouse(&shelf{boxes: []string{"x", "y"}, asks: []string{"test:GetLid"}, ask: slow}, endless, &shelf{boxes: []string{"z"}, listed: func(string) { <-ctx.Done() }})
		time.AfterFunc(time.Second, cancel)
		started := time.Now()
		stores, ledger, err := collected(ctx, Runner{Provider: h, Concurrency: 4})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(started); took != time.Second {
			t.Errorf("it took %v to stop", took-time.Second)
		}
		if len(stores) < 3 || stores[0].Name != "x" || stores[1].Name != "y" {
			t.Fatalf("handed over: %v", ids(stores))
		}
		for _, r := range stores[1:] {
			if r.Name != "z" && !slices.Equal(gapsOf(r), []string{"test:GetLid error"}) {
				t.Fatalf("%s was never answered about, and has gaps %v", r.ID, gapsOf(r))
			}
		}
		if len(ledger) != 3 || ledger[0].Unread != 1 || ledger[0].Refused != nil {
			t.Fatalf("ledger: %+v", ledger)
		}
		if r := ledger[1].Refused; r == nil || r.String() != "interrupted: the run was interrupted" || ledger[1].Permission != "test:List" {
			t.Errorf("the listing that was cut short: %+v", ledger[1])
		}
		if ledger[1].Stores < listed-1 || listed == len(endless.boxes) {
			t.Errorf("%d boxes were listed and %d handed over", listed, ledger[1].Stores)
		}
	})
}

func TestCancelledBeforeTheStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := newHouse(&shelf{boxes: []string{"x"}, listed: func(string) { t.Error("listed all the same") }})
	stores, ledger, err := collected(ctx, Runner{Provider: h})
	if !errors.Is(err, context.Canceled) || len(stores) != 0 || len(ledger) != 1 || ledger[0].Complete() {
		t.Errorf("%d stores, ledger %+v, %v", len(stores), ledger, err)
	}
}

// Where nobody takes the stores any more, nothing more is asked.
func TestYieldError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		var asked atomic.Int32
		s := &shelf{asks: []string{"test:GetLid"}, ask: func(ctx context.Context, _ *resource.Resource, _ string) error {
			asked.Add(1)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			return ctx.Err()
		}}
		for i := range 1000 {
			s.boxes = append(s.boxes, fmt.Sprint(i))
		}
		yielded := 0
		runner := Runner{Provider: newHouse(s), Concurrency: 2}
		_, err := runner.Run(t.Context(), func(*resource.Resource) error {
			if yielded++; yielded == 3 {
				return full
			}
			return nil
		})
		if !errors.Is(err, full) || errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if yielded != 3 || asked.Load() > 6 {
			t.Errorf("%d stores handed over, %d asked about", yielded, asked.Load())
		}
	})
}

// TestMemoryIsBounded holds that listings wait for those who read the report:
// what is in flight depends on the concurrency, never on the estate.
func TestMemoryIsBounded(t *testing.T) {
	inFlight := func(rooms, boxes, width int) int {
		var most int
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			listed, taken := 0, 0
			var shelves []*shelf
			for range rooms {
				s := &shelf{asks: []string{"test:GetLid"}, listed: func(string) { mu.Lock(); listed++; mu.Unlock() }}
				for i := range boxes {
					s.boxes = append(s.boxes, fmt.Sprint(i))
				}
				shelves = append(shelves, s)
			}
			runner := Runner{Provider: newHouse(shelves...), Concurrency: width}
			_, err := runner.Run(t.Context(), func(*resource.Resource) error {
				if taken%1000 == 0 {
					synctest.Wait() // everybody else has gone as far as they can
					mu.Lock()
					most = max(most, listed-taken)
					mu.Unlock()
				}
				taken++
				return nil
			})
			if err != nil || taken != rooms*boxes {
				t.Fatalf("%d of %d stores, %v", taken, rooms*boxes, err)
			}
		})
		return most
	}
	for _, c := range []struct{ rooms, boxes, width int }{{1, 20_000, 4}, {3, 10_000, 32}, {40, 500, 8}} {
		// A listing fills its buffer and holds one box in its hands; between
		// the listings and the report there is room for five times the width.
		bound := min(c.rooms, listAhead+1)*(listBuffer+1) + 5*c.width + 2
		if got := inFlight(c.rooms, c.boxes, c.width); got > bound {
			t.Errorf("%d stores in %d rooms at width %d: %d in flight, want at most %d", c.rooms*c.boxes, c.rooms, c.width, got, bound)
		}
	}
}

func TestRefusalText(t *testing.T) {
	for want, r := range map[string]Refusal{
		"AccessDenied: not yours": {Code: "AccessDenied", Detail: "not yours"},
		"AccessDenied":            {Code: "AccessDenied"},
		"connection reset":        {Detail: "connection reset"},
		"":                        {},
	} {
		if r.String() != want {
			t.Errorf("%+v is spelt %q, want %q", r, r, want)
		}
	}
}
