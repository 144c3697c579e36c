package report_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/report/reporttest"
)

func TestTextSpellsWhatIsHidden(t *testing.T) {
	for in, want := range map[string]string{
		"plain-name_1.txt":   "plain-name_1.txt",
		"a b":                "a b",
		`C:\x`:               `C:\x`,
		"a\nb\r\tc":          `a\nb\r\tc`,
		"\x1b[2J\x07\x00":    `\x1b[2J\x07\x00`,
		"\u009b31m":          `\u009b31m`,
		"invoice\u202egnp":   `invoice\u202egnp`,
		"\ufeffa\u200db":     `\ufeffa\u200db`,
		"\xff\xc3(":          `\xff\xc3(`,
		"\U000e0041":         `\U000e0041`,
		"a\u00a0b\u2800":     `a\u00a0b\u2800`,
		"車両 データ":             "車両 データ",
		"cafe\u0301":         "cafe\u0301",
		"\u0301a":            `\u0301a`,
		"a\u0301\u0301":      "a\u0301\u0301",
		"x\ufe0f\u3164":      `x\ufe0f\u3164`,
		"replacement \ufffd": "replacement \ufffd",
	} {
		if got := report.Text(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestTextStacksFewMarks(t *testing.T) {
	got := report.Text("a" + strings.Repeat("\u0301", 50))
	if n := strings.Count(got, "\u0301"); n != 4 {
		t.Errorf("%d marks on one letter", n)
	}
}

func TestTextOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := reporttest.Text(t, "text")
		got := report.Text(s)
		if err := reporttest.Harmless([]byte(got), 0, ""); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got, "\n") {
			t.Fatal("a new line")
		}
		if report.Text(got) != got {
			t.Fatalf("%q changes again", got)
		}
	})
}

func TestPageOfAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := report.Page{TTY: true, Unicode: rapid.Bool().Draw(t, "unicode")}
		s := reporttest.Text(t, "text")
		width := rapid.IntRange(4, 60).Draw(t, "width")
		if got := page.Fit(s, width); report.Width(got) > width || !utf8.ValidString(got) {
			t.Fatalf("Fit(%d) is %d wide: %q", width, report.Width(got), got)
		}
		if got := page.Pad(s, width); report.Width(got) != width {
			t.Fatalf("Pad(%d) is %d wide: %q", width, report.Width(got), got)
		}
		lines := page.Wrap(s, width)
		for _, line := range lines {
			if report.Width(line) > width {
				t.Fatalf("Wrap(%d) has %q", width, line)
			}
		}
		if blankless(strings.Join(lines, "")) != blankless(page.Text(s)) {
			t.Fatalf("Wrap lost text: %q", lines)
		}
	})
}

func blankless(s string) string { return strings.ReplaceAll(s, " ", "") }

func TestFitKeepsBothEnds(t *testing.T) {
	page := report.Page{TTY: true, Unicode: true}
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"tconnect-telemetry", 18, "tconnect-telemetry"},
		{"tconnect-telemetry", 11, "tconn…metry"},
		{"車両位置情報", 12, "車両位置情報"},
		{"車両位置情報", 8, "車両…報"},
		{"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301…e\u0301"},
		{"abc", 1, "…"},
	} {
		if got := page.Fit(c.in, c.width); got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.in, c.width, got, c.want)
		}
	}
	if got := (report.Page{TTY: true}).Fit("tconnect-telemetry", 11); got != "tconn..etry" {
		t.Errorf("in ASCII: %q", got)
	}
	if got := (report.Page{}).Fit("tconnect-telemetry", 11); got != "tconnect-telemetry" {
		t.Errorf("in a pipe: %q", got)
	}
}

func TestWrapBreaksAtSpacesThenCommas(t *testing.T) {
	page := report.Page{TTY: true}
	for in, want := range map[string]string{
		"one two three":      "one two|three",
		"one,two,three,four": "one,two,|three,four",
		"onetwothreefour":    "onetwothree|four",
		"":                   "",
	} {
		if got := strings.Join(page.Wrap(in, 11), "|"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
