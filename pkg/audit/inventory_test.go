package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// save runs the estate and returns its summary, report and inventory.
func save(t *testing.T, e *estate) (*finding.Summary, *report, string) {
	t.Helper()
	r := new(report)
	var saved bytes.Buffer
	o := options(t, e, r)
	o.Inventory = &saved
	summary, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return summary, r, saved.String()
}

func inventoryOf(t *testing.T, boxes ...string) string {
	t.Helper()
	_, _, text := save(t, &estate{boxes: boxes})
	return text
}

// TestJudgeWhatRunSaved holds that an inventory loses nothing on which a verdict
// rests: judged again it gives the same findings, levels, coverage and exit code.
func TestJudgeWhatRunSaved(t *testing.T) {
	partial := &collect.PartialScopesError{Scope: home, Kind: "test.room", Refusal: collect.Refusal{Reason: resource.Denied}}
	for name, e := range map[string]estate{
		"nothing there":             {},
		"all of it":                 {boxes: []string{"open", "shared", "closed", "gone"}},
		"a policy refused":          {boxes: []string{"open", "refused"}},
		"the listing refused":       {boxes: []string{"closed"}, listing: errRefused},
		"not even the listing":      {listing: errRefused},
		"a listing not offered":     {listing: errNotOffered},
		"scopes that were refused":  {boxes: []string{"open"}, scopes: partial},
		"more than one batch of it": {boxes: strings.Fields(strings.Repeat("open closed shared ", 400))},
	} {
		t.Run(name, func(t *testing.T) {
			first, told, inventory := save(t, &e)
			r := new(report)
			o := options(t, nil, r)
			var again bytes.Buffer
			o.Source, o.Inventory = "inventory", &again
			second, err := Judge(t.Context(), strings.NewReader(inventory), o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, second, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("summary (-saved +judged):\n%s", diff)
			}
			if diff := cmp.Diff(spell(t, told.stores), spell(t, r.stores)); diff != "" {
				t.Errorf("stores (-saved +judged):\n%s", diff)
			}
			if diff := cmp.Diff(inventory, again.String()); diff != "" {
				t.Errorf("saved again (-saved +again):\n%s", diff)
			}
			if r.run.Source != "inventory" {
				t.Errorf("the source is %s", r.run.Source)
			}
		})
	}
}

// spell writes stores as JSON, in which a list of texts is what it was.
func spell(t *testing.T, stores []*finding.Store) string {
	t.Helper()
	text, err := json.MarshalIndent(stores, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The last line is a contract with every inventory ever saved.
func TestSeal(t *testing.T) {
	inventory := inventoryOf(t, "closed", "refused")
	lines := strings.Split(strings.TrimSuffix(inventory, "\n"), "\n")
	const want = `{"coverage":[{"scope":{"provider":"test","account":"home"},"kind":"test.storage.box","state":"partial","stores":2,"unread":1,` +
		`"call":"test:GetPolicy","permission":"test:Policy","detail":"AccessDenied: not yours","gaps":{"test:GetPolicy":1}}],` +
		`"finished":"2026-11-06T09:00:00Z"}`
	if len(lines) != 3 || lines[2] != want {
		t.Errorf("inventory:\n%s\nwant as its third line:\n%s", inventory, want)
	}
}

// TestIncompleteInventories holds that stores which are missing from a file are
// missed in the report.
func TestIncompleteInventories(t *testing.T) {
	whole := inventoryOf(t, "closed", "closed", "closed")
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	stores, closing := strings.Join(lines[:3], ""), lines[3]+"\n"
	const cut = "the inventory was cut short: the line that closes it is missing, and stores may be"
	for name, c := range map[string]struct {
		inventory string
		reason    string
		exit      int
		coverage  int
	}{
		"whole":                      {whole, "", ExitClean, 1},
		"whole, without a line end":  {strings.TrimSuffix(whole, "\n"), "", ExitClean, 1},
		"two of them":                {whole + whole, "", ExitClean, 2},
		"with empty lines":           {"\n" + strings.ReplaceAll(whole, "\n", "\n\n"), "", ExitClean, 1},
		"nothing":                    {"", cut, ExitIncomplete, 0},
		"without its last line":      {stores, cut, ExitIncomplete, 0},
		"with a finding, and cut":    {inventoryOf(t, "open")[:strings.Index(inventoryOf(t, "open"), "\n")], cut, ExitBoth, 0},
		"cut, behind a whole one":    {whole + stores, cut, ExitIncomplete, 1},
		"a store taken out":          {lines[0] + lines[2] + closing, "the inventory holds 2 stores, and 3 were listed when it was saved", ExitIncomplete, 1},
		"a store put in":             {lines[0] + whole, "the inventory holds 4 stores, and 3 were listed when it was saved", ExitIncomplete, 1},
		"cut, before a whole one":    {stores + whole, "the inventory holds 6 stores, and 3 were listed when it was saved", ExitIncomplete, 1},
		"the first of two is to say": {lines[0] + closing + stores, "the inventory holds 1 stores, and 3 were listed when it was saved", ExitIncomplete, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := new(report)
			summary, err := Judge(t.Context(), strings.NewReader(c.inventory), options(t, nil, r))
			if err != nil {
				t.Fatal(err)
			}
			if summary.Reason != c.reason || summary.Exit != c.exit || summary.Incomplete != (c.exit != ExitClean) || len(summary.Coverage) != c.coverage {
				t.Errorf("exit %d, %d lines of coverage, reason %q", summary.Exit, len(summary.Coverage), summary.Reason)
			}
			if !strings.HasPrefix(r.order, "b") || !strings.HasSuffix(r.order, "e") {
				t.Errorf("told %s", r.order)
			}
		})
	}
}

// A line that cannot be read is a store that would be missing: there is no
// verdict, and the error names the line.
func TestBadInventories(t *testing.T) {
	good := strings.SplitAfter(inventoryOf(t, "closed"), "\n")
	for name, c := range map[string]struct{ text, want string }{
		"not JSON":              {"hello\n", "read inventory: line 1: invalid character 'h' looking for beginning of value"},
		"cut in a store":        {good[0] + good[0][:40], "read inventory: line 2: unexpected EOF"},
		"cut in the last line":  {good[0] + good[1][:20], "read inventory: line 2: unexpected EOF"},
		"something else":        {`{"stores":[]}`, `read inventory: line 1: json: unknown field "stores"`},
		"a list":                {"[]", "read inventory: line 1: json: cannot unmarshal array into Go value of type resource.Resource"},
		"no store":              {"{}", "read inventory: line 1: a store needs an id and a kind"},
		"nothing":               {"null", "read inventory: line 1: a store needs an id and a kind"},
		"no kind":               {`{"id":"x"}`, "read inventory: line 1: a store needs an id and a kind"},
		"two stores in a line":  {strings.TrimSuffix(good[0], "\n") + good[0], "read inventory: line 1: there is more than one value in it"},
		"a word nobody knows":   {strings.Replace(inventoryOf(t, "open"), `"internet"`, `"everywhere"`, 1), `read inventory: line 1: read reach: "everywhere" is none of ["private" "listed" "provider" "broad" "internet"]`},
		"an end that never was": {`{"coverage":[]}`, `read inventory: line 1: json: unknown field "coverage"`},
		"far down":              {strings.Repeat(good[0], 1000) + "oops", "read inventory: line 1001: invalid character 'o' looking for beginning of value"},
		"empty lines count":     {"\n\n" + good[0] + "\n" + "oops", "read inventory: line 5: invalid character 'o' looking for beginning of value"},
		"a line without an end": {strings.Repeat(" ", MaxLine+1), "read inventory: line 1: bufio.Scanner: token too long"},
		"the first of many":     {good[0] + "oops\n" + strings.Repeat("more\n", 5000), "read inventory: line 2: invalid character 'o' looking for beginning of value"},
	} {
		t.Run(name, func(t *testing.T) {
			r := new(report)
			summary, err := Judge(t.Context(), strings.NewReader(c.text), options(t, nil, r))
			if !errors.Is(err, ErrInventory) || summary != nil || strings.HasSuffix(r.order, "e") {
				t.Fatalf("%+v, %v, told %s", summary, err, r.order)
			}
			if err.Error() != c.want {
				t.Errorf("error %s\nwant  %s", err, c.want)
			}
		})
	}

	_, err := Judge(t.Context(), io.MultiReader(strings.NewReader(good[0]), brokenReader{}), options(t, nil, new(report)))
	if want := "read inventory: line 2: input/output error"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestJudgeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	r := new(report)
	r.told = func() {
		if len(r.stores) == 10 {
			cancel(ErrTerminated)
		}
	}
	store := strings.SplitAfter(inventoryOf(t, "closed"), "\n")[0]
	summary, err := Judge(ctx, &endless{line: []byte(store)}, options(t, nil, r))
	if err != nil || summary.Exit != ExitTerminated || !summary.Incomplete || !strings.HasSuffix(r.order, "e") {
		t.Errorf("%+v, %v", summary, err)
	}
}

// endless is an inventory of lines that go on until limit, or for ever.
type endless struct {
	line  []byte
	rest  []byte
	limit int64
	read  atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.limit > 0 && e.read.Load() == e.limit {
			return 0, io.EOF
		}
		e.rest = e.line
		e.read.Add(1)
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// TestJudgeStreams holds that what is in flight depends on the machine, never on
// the inventory: lines wait for those who read the report.
func TestJudgeStreams(t *testing.T) {
	line := []byte(strings.SplitAfter(inventoryOf(t, "closed"), "\n")[0])
	o := options(t, nil, nil)
	synctest.Test(t, func(t *testing.T) {
		inventory := &endless{line: line, limit: 30_000}
		told, most := int64(0), int64(0)
		o.Sink = forgetful(func() {
			if told%5000 == 0 {
				synctest.Wait() // everybody else has gone as far as they can
				most = max(most, inventory.read.Load()-told)
			}
			told++
		})
		if _, err := Judge(t.Context(), inventory, o); err != nil || told != inventory.limit {
			t.Errorf("%d of %d stores, %v", told, inventory.limit, err)
		}
		// The queue, those at work, the batch being told and the one being read.
		workers := int64(runtime.GOMAXPROCS(0))
		if bound := (3*workers+3)*batchLines + 64<<10/int64(len(line)) + 1; most > bound {
			t.Errorf("%d lines in flight, want at most %d", most, bound)
		}
	})
}

// forgetful is a sink that keeps nothing.
type forgetful func()

func (f forgetful) Begin(finding.Run) error { return nil }

func (f forgetful) Store(*finding.Store) error { f(); return nil }

func (f forgetful) End(*finding.Summary) error { return nil }
