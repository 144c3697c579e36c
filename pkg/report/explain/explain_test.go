package explain_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/report/explain"
	"github.com/andon-audit/andon/pkg/report/reporttest"
	"github.com/andon-audit/andon/pkg/resource"
)

func written(t testing.TB, s *finding.Store, p report.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := explain.Write(&b, s, explain.Options{Page: p}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, s := range map[string]*finding.Store{
		"telemetry": reporttest.Telemetry(), "dealers": reporttest.Dealers(), "interval": reporttest.Interval(),
		"neutralised": reporttest.Neutralised(), "unreadable": reporttest.Unreadable(), "private": reporttest.Private(),
		"gone": reporttest.Gone(), "shared": reporttest.Shared(), "hostile": reporttest.Hostile(),
		"japanese": reporttest.Japanese(), "long": reporttest.Long(),
	} {
		t.Run(name, func(t *testing.T) {
			reporttest.Golden(t, name+".txt", written(t, s, report.Page{Width: 80, Unicode: true, TTY: true}))
		})
	}
}

func TestGoldenPages(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		for _, color := range []bool{false, true} {
			for _, unicode := range []bool{false, true} {
				page := report.Page{Width: width, Color: color, Unicode: unicode, TTY: true}
				name := fmt.Sprintf("pages-%d-%t-%t.txt", width, color, unicode)
				t.Run(name, func(t *testing.T) { reporttest.Golden(t, name, written(t, reporttest.Telemetry(), page)) })
			}
		}
	}
	reporttest.Golden(t, "pages-pipe.txt", written(t, reporttest.Hostile(), report.Page{Unicode: true}))
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestWriteError(t *testing.T) {
	if err := explain.Write(full{}, reporttest.Private(), explain.Options{}); err == nil {
		t.Error("no error")
	}
}

func TestAnyStoreIsHarmless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := report.Page{
			Width: rapid.IntRange(report.MinWidth, 130).Draw(t, "width"), TTY: rapid.Bool().Draw(t, "tty"),
			Color: rapid.Bool().Draw(t, "color"), Unicode: rapid.Bool().Draw(t, "unicode"),
		}
		var b bytes.Buffer
		if err := explain.Write(&b, reporttest.Store(t), explain.Options{Page: page}); err != nil {
			t.Fatal(err)
		}
		width := 0
		if page.TTY {
			width = page.Width
		}
		if err := reporttest.Harmless(b.Bytes(), width, ""); err != nil {
			t.Fatal(err)
		}
		if !page.Unicode && strings.ContainsFunc(b.String(), func(r rune) bool { return r > 0x7e }) {
			t.Fatal("beyond ASCII")
		}
	})
}

// TestNothingIsLeftOut holds what an explanation owes: every call, quote and
// name that the store has.
func TestNothingIsLeftOut(t *testing.T) {
	for _, s := range reporttest.Stores() {
		got := string(written(t, s, report.Page{Unicode: true}))
		var want []string
		for _, g := range s.Resource.Grants {
			for _, e := range g.Because {
				want = append(want, e.Call, e.Pointer, e.Quote)
			}
			want = append(want, g.To.Named...)
		}
		for _, g := range s.Resource.Guards {
			want = append(want, g.Name, g.Because[0].Call, g.Because[0].Quote)
		}
		for _, g := range s.Resource.Gaps {
			want = append(want, g.Call, g.Permission, g.Detail)
		}
		for _, f := range s.Findings {
			if f.Outcome == finding.Fail {
				want = append(want, f.Title, f.Fix)
			}
		}
		for _, w := range append(want, s.Resource.Notes...) {
			if !strings.Contains(got, report.Text(w)) {
				t.Errorf("%s: %q is missing", s.Resource.Name, w)
			}
		}
	}
}

// TestUnknownIsNeverPrivate: a store that something could still open is not
// said to be closed.
func TestUnknownIsNeverPrivate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := reporttest.Store(t)
		var b bytes.Buffer
		if err := explain.Write(&b, s, explain.Options{}); err != nil {
			t.Fatal(err)
		}
		closed := strings.Contains(b.String(), "\n  Nobody outside") || strings.Contains(b.String(), "\nWHY IT IS PRIVATE\n")
		private := !s.Resource.Gone && s.Assessment.Settled == exposure.Range{}
		if closed != private {
			t.Fatalf("settled %v, but:\n%s", s.Assessment.Settled, b.String())
		}
	})
}

// TestWhatLeavesDoubt: a request that a guard may refuse is not said to succeed
// from anywhere, and an answer that leaves something open is not said to be of no
// consequence.
func TestWhatLeavesDoubt(t *testing.T) {
	const past, open = "\n  only past  registry firewall", "images: left open by its answer\n"
	r := resource.Resource{
		ID: "images", Name: "images", Kind: "azure.containerregistry.registry", Class: "image-repository",
		Grants: []resource.Grant{{
			To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: "anonymous-pull",
			Witness: &resource.Witness{Principal: "anonymous", Action: "docker pull", Resource: "cars.azurecr.io"},
		}},
	}
	told := func() string {
		return string(written(t, &finding.Store{Resource: r, Assessment: exposure.Assess(&r)}, report.Page{}))
	}
	if text := told(); strings.Contains(text, past) || !strings.Contains(text, "docker pull") {
		t.Errorf("without a guard:\n%s", text)
	}
	r.Guards = []resource.Guard{{
		Name: "registry firewall", On: []resource.Channel{"anonymous-pull"},
		Cap: resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNone},
	}}
	r.Gaps = []resource.Gap{{
		Call: "images", Reason: resource.Undecided, Shields: []resource.Shield{{On: []resource.Channel{"anonymous-pull"}, Cap: resource.Nobody}},
	}}
	if text := told(); strings.Contains(text, "does not decide") || !strings.Contains(text, open) {
		t.Errorf("with a gap:\n%s", text)
	}
	r.Gaps = nil
	if text := told(); !strings.Contains(text, past) {
		t.Errorf("behind a guard:\n%s", text)
	}
}

// TestLeftEdgeIsOurs: spaces in a foreign text cannot carry the rest of it to
// where sections begin.
func TestLeftEdgeIsOurs(t *testing.T) {
	fake := strings.Repeat(" ", 70) + "FAKE " + strings.Repeat(" ", 70) + "FAKE"
	s := reporttest.Telemetry()
	r := &s.Resource
	r.Name, r.ID, r.Scope.Region, r.Tags["x"], r.Notes = fake, resource.ID(fake), fake, fake, []string{fake}
	s.Findings[0].Title, s.Findings[0].Fix, s.Findings[0].Why = fake, fake, fake
	p := &s.Assessment.Paths[0].Grant
	p.Note, p.To.Named, p.Because[0].Quote, p.Witness.Resource = fake, []string{fake}, fake, fake
	p.To.Reach, p.To.Credential = resource.ReachListed, resource.CredentialNamed
	for width := report.MinWidth; width < 130; width++ {
		got := string(written(t, s, report.Page{Width: width, TTY: true, Unicode: true}))
		if strings.Contains(got, "\nFAKE") {
			t.Fatalf("width %d:\n%s", width, got)
		}
	}
}
