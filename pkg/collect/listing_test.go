package collect

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/andon-audit/andon/pkg/resource"
)

// A connection that timed out is no interruption of the run, though its error
// calls itself a deadline.
func TestTimeoutIsNoInterruption(t *testing.T) {
	late := fmt.Errorf("dial: %w", context.DeadlineExceeded)
	_, ledger, err := collected(t.Context(), Runner{Provider: newHouse(&shelf{broken: late}, &shelf{boxes: []string{"1"}})})
	if err != nil || ledger[0].Refused == nil || ledger[0].Refused.Code == "interrupted" || ledger[1].Stores != 1 {
		t.Errorf("%+v, %v", ledger, err)
	}
}

// street is a house with several shelves in each room.
type street struct {
	*house
	shelves map[string][]*shelf
}

func (s *street) Collectors(room resource.Scope) (all []Collector) {
	for _, shelf := range s.shelves[room.Region] {
		all = append(all, shelf)
	}
	return all
}

// TestDeadScopeLeavesRoom holds that the other scopes are listed while one hangs,
// however many listings the hanging one has.
func TestDeadScopeLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead, alive := &shelf{}, &shelf{boxes: []string{"1"}}
		s := &street{house: newHouse(dead, alive), shelves: make(map[string][]*shelf)}
		release := make(chan struct{})
		for range 3 * listAhead {
			s.shelves["a"] = append(s.shelves["a"], &shelf{
				kind: dead.kind, room: dead.room, boxes: []string{"x"}, listed: func(string) { <-release }, broken: errDenied,
			})
		}
		var listed atomic.Int32
		for range 3 {
			s.shelves["b"] = append(s.shelves["b"], &shelf{
				kind: alive.kind, room: alive.room, boxes: []string{"1", "2"}, listed: func(string) { listed.Add(1) },
			})
		}
		done := make(chan Ledger)
		go func() {
			_, ledger, err := collected(t.Context(), Runner{Provider: s})
			if err != nil {
				t.Error(err)
			}
			done <- ledger
		}()
		synctest.Wait()
		if got := listed.Load(); got != 6 {
			t.Errorf("%d of 6 boxes were listed while the first scope hung", got)
		}
		close(release)
		ledger := <-done
		for _, line := range ledger {
			if (line.Refused != nil) != (line.Scope.Region == "a") {
				t.Errorf("%+v", line)
			}
		}
	})
}

// TestListingsNeverWaitForEachOther holds that any mix of scopes and listings
// ends, also where a listing holds more than fits between it and the reader.
func TestListingsNeverWaitForEachOther(t *testing.T) {
	for _, c := range []struct{ rooms, shelves, boxes int }{{1, 40, 1}, {3, 30, 2 * listBuffer}, {20, 3, 2 * listBuffer}, {2, 9, 1}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var corners []*shelf
				for range c.rooms {
					corners = append(corners, &shelf{})
				}
				s := &street{house: newHouse(corners...), shelves: make(map[string][]*shelf)}
				var want []string
				for _, corner := range corners {
					for i := range c.shelves {
						shelf := &shelf{kind: corner.kind, room: corner.room}
						for j := range c.boxes {
							shelf.boxes = append(shelf.boxes, fmt.Sprintf("%d.%d", i, j))
							want = append(want, fmt.Sprintf("%s/%d.%d", corner.room.Region, i, j))
						}
						s.shelves[corner.room.Region] = append(s.shelves[corner.room.Region], shelf)
					}
				}
				stores, _, err := collected(t.Context(), Runner{Provider: s, Concurrency: 2})
				if err != nil || strings.Join(ids(stores), " ") != strings.Join(want, " ") {
					t.Errorf("%d stores of %d, %v", len(stores), len(want), err)
				}
			})
		})
	}
}

// TestStoresThatWaitAreBounded holds that what is listed ahead does not grow with
// the number of scopes: while the first store hangs, no more is listed than fits.
func TestStoresThatWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var listed atomic.Int32
		release := make(chan struct{})
		var shelves []*shelf
		for range 200 {
			s := &shelf{listed: func(string) { listed.Add(1) }, asks: []string{"test:GetLid"}, ask: func(context.Context, *resource.Resource, string) error {
				<-release
				return nil
			}}
			for i := range listBuffer / 2 {
				s.boxes = append(s.boxes, fmt.Sprint(i))
			}
			shelves = append(shelves, s)
		}
		done := make(chan int)
		go func() {
			stores, _, err := collected(t.Context(), Runner{Provider: newHouse(shelves...), Concurrency: 1})
			if err != nil {
				t.Error(err)
			}
			done <- len(stores)
		}()
		synctest.Wait()
		if got, most := int(listed.Load()), listHeld+2*listBuffer+listAhead; got > most || got < listHeld {
			t.Errorf("%d stores are listed and wait, want at least %d and at most %d", got, listHeld, most)
		}
		close(release)
		if got := <-done; got != 200*listBuffer/2 {
			t.Errorf("%d stores came out", got)
		}
	})
}
