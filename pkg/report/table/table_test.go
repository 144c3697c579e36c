package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/report/reporttest"
)

var _ finding.Sink = (*Sink)(nil)

func written(t testing.TB, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := reporttest.Tell(New(&b, o)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for _, width := range []int{45, 60, 80, 120} {
		for _, color := range []bool{false, true} {
			for _, unicode := range []bool{false, true} {
				page := report.Page{Width: width, Color: color, Unicode: unicode, TTY: true}
				name := fmt.Sprintf("tty-%d-%s-%s.txt", width, word(color, "color", "plain"), word(unicode, "unicode", "ascii"))
				t.Run(name, func(t *testing.T) { reporttest.Golden(t, name, written(t, Options{Page: page})) })
			}
		}
	}
	for _, unicode := range []bool{false, true} {
		name := fmt.Sprintf("pipe-%s.tsv", word(unicode, "unicode", "ascii"))
		t.Run(name, func(t *testing.T) {
			reporttest.Golden(t, name, written(t, Options{Page: report.Page{Unicode: unicode}}))
		})
	}
}

func word(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}

// TestIncompleteRunNeverLooksClean: what could not be read is said on every page.
func TestIncompleteRunNeverLooksClean(t *testing.T) {
	for name, page := range map[string]report.Page{"tty": {TTY: true, Unicode: true}, "pipe": {}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			s := New(&b, Options{Page: page})
			tell(t, s, nil, &finding.Summary{Exit: 4, Incomplete: true, Reason: "interrupted", Coverage: []finding.Coverage{
				{Kind: "aws.s3.bucket", State: finding.Skipped}, {Kind: "aws.s3.access_point", State: finding.Refused, Call: "s3control:ListAccessPoints"},
			}})
			for _, want := range []string{"1 of 2 listings incomplete", "this is not a clean result", "s3control:ListAccessPoints", "1 listing skipped", "exit 4: no exposures found, but coverage incomplete (interrupted)"} {
				if !strings.Contains(b.String(), want) {
					t.Errorf("%q is missing:\n%s", want, b.String())
				}
			}
		})
	}
}

func TestCleanRun(t *testing.T) {
	var b bytes.Buffer
	stores := []*finding.Store{reporttest.Private()}
	summary := reporttest.Summary(stores)
	summary.Coverage, summary.Incomplete, summary.Exit = summary.Coverage[1:3], false, 0
	tell(t, New(&b, Options{Page: report.Page{TTY: true, Unicode: true}}), stores, summary)
	reporttest.Golden(t, "clean.txt", b.Bytes())
}

func tell(t testing.TB, s *Sink, stores []*finding.Store, summary *finding.Summary) {
	t.Helper()
	if err := s.Begin(reporttest.Run()); err != nil {
		t.Fatal(err)
	}
	for _, store := range stores {
		if err := s.Store(store); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.End(summary); err != nil {
		t.Fatal(err)
	}
}

func TestInjections(t *testing.T) {
	for name, text := range reporttest.Injections {
		t.Run(name, func(t *testing.T) {
			s := reporttest.Telemetry()
			s.Resource.Name, s.Findings[0].Title, s.Resource.Scope.Region = text, text, text
			for page, allowed := range map[report.Page]string{{TTY: true, Unicode: true}: "", {Unicode: true}: "\t"} {
				var b bytes.Buffer
				tell(t, New(&b, Options{Page: page}), []*finding.Store{s}, reporttest.Summary(nil))
				if err := reporttest.Harmless(b.Bytes(), 0, allowed); err != nil {
					t.Error(err)
				}
				if rows := strings.Count(b.String(), "\t") / (len(header) - 1); !page.TTY && rows != 4 {
					t.Errorf("%d rows, want 4:\n%s", rows, b.String())
				}
			}
		})
	}
}

func TestAnyStoreIsHarmless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := report.Page{
			Width: rapid.IntRange(report.MinWidth, 130).Draw(t, "width"), TTY: rapid.Bool().Draw(t, "tty"),
			Color: rapid.Bool().Draw(t, "color"), Unicode: rapid.Bool().Draw(t, "unicode"),
		}
		var b bytes.Buffer
		s := New(&b, Options{Page: page, Rows: rapid.IntRange(1, 4).Draw(t, "rows")})
		if err := s.Begin(reporttest.Run()); err != nil {
			t.Fatal(err)
		}
		var stores []*finding.Store
		for range rapid.IntRange(0, 4).Draw(t, "stores") {
			store := reporttest.Store(t)
			stores = append(stores, store)
			if err := s.Store(store); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.End(reporttest.Summary(stores)); err != nil {
			t.Fatal(err)
		}
		width, allowed := 0, "\t"
		if page.TTY {
			width, allowed = page.Width, ""
		}
		if err := reporttest.Harmless(b.Bytes(), width, allowed); err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if !page.TTY {
			oneRowAFailure(t, b.String())
		}
	})
}

// oneRowAFailure checks that every line of a pipe is a whole row or a remark.
func oneRowAFailure(t *rapid.T, out string) {
	for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		if cells := strings.Split(line, "\t"); len(cells) != len(header) {
			t.Fatalf("%d cells in %q", len(cells), line)
		}
	}
}

// TestMemoryIsBounded feeds many more failures than the table keeps, in an
// order that replaces rows all the time.
func TestMemoryIsBounded(t *testing.T) {
	const rows, stores = 7, 5000
	var b bytes.Buffer
	s := New(&b, Options{Rows: rows, Page: report.Page{TTY: true, Unicode: true}})
	base := []*finding.Store{reporttest.Telemetry(), reporttest.Interval(), reporttest.Neutralised()}
	for i := range stores {
		store := *base[i%len(base)]
		store.Resource.Name = fmt.Sprintf("bucket-%05d", stores-i)
		if err := s.Store(&store); err != nil {
			t.Fatal(err)
		}
		if s.failures.held > rows || len(s.failures.kept) > rows || cap(s.failures.kept) > 2*rows {
			t.Fatalf("holds %d failures in %d groups after %d stores", s.failures.held, len(s.failures.kept), i)
		}
		if len(s.unread.kept) > rows || len(s.latent.kept) > rows {
			t.Fatalf("holds %d unread and %d latent after %d stores", len(s.unread.kept), len(s.latent.kept), i)
		}
	}
	if err := s.End(reporttest.Summary(nil)); err != nil {
		t.Fatal(err)
	}
	third := stores/3 + 1
	failed := third*3 + third // three of each first, one of each second store
	for _, want := range []string{
		"s3 bucket-00002", report.Thousands(failed-rowsShown(b.String())) + " more not shown, the worst are",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing:\n%s", want, b.String())
		}
	}
}

// rowsShown counts rows by their severity.
func rowsShown(out string) int {
	return strings.Count(out, "\n CRIT") + strings.Count(out, "\n HIGH") + strings.Count(out, "\n MED") + strings.Count(out, "\n LOW")
}

func TestWorstKeepsTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 9).Draw(t, "limit")
		all := rapid.SliceOfDistinct(rapid.IntRange(0, 1000), rapid.ID[int]).Draw(t, "all")
		w := newWorst(limit, func(a, b int) int { return a - b }, one)
		for _, x := range all {
			w.add(x)
		}
		got := w.sorted()
		slices.Sort(all)
		if want := all[:min(limit, len(all))]; !slices.Equal(got, want) || w.dropped != len(all)-len(want) {
			t.Fatalf("kept %v, dropped %d, want %v", got, w.dropped, want)
		}
	})
}

func TestNextIsSafeToPaste(t *testing.T) {
	for name, want := range map[string]bool{"tconnect-telemetry": true, "arn:aws:s3:::x/y": true, "a b": false, "$(reboot)": false, "-rf": false, "": false, "車": false} {
		if typeable(name) != want {
			t.Errorf("%q: got %t", name, !want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteError(t *testing.T) {
	if err := reporttest.Tell(New(full{}, Options{})); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %v", err)
	}
}

// BenchmarkStore tells stores of which most fall behind the worst.
func BenchmarkStore(b *testing.B) {
	s := New(io.Discard, Options{})
	stores := reporttest.Stores()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := s.Store(stores[i%len(stores)]); err != nil {
			b.Fatal(err)
		}
	}
}
