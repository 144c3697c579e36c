package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/providers"
)

// TestKindsAreComplete holds that whatever a kind declares is shown: in the
// overview by name, in detail and as JSON all of it.
func TestKindsAreComplete(t *testing.T) {
	kinds := providers.Kinds()
	overview := printed(t, func(out *bytes.Buffer) error { return writeOverview(out, report.Page{}, kinds) })
	for _, k := range kinds {
		only := []*collect.Kind{k}
		detail := printed(t, func(out *bytes.Buffer) error { return writeKinds(out, report.Page{Unicode: true}, only) })
		asJSON := printed(t, func(out *bytes.Buffer) error { return writeKindsJSON(out, only) })
		if !strings.Contains(overview, "\n"+string(k.Name)+" ") || !strings.Contains(overview, k.Title) {
			t.Errorf("%s is not in the overview", k.Name)
		}
		said := append([]string{string(k.Name), string(k.Class), k.Title, k.Public}, k.Blind...)
		for channel, meaning := range k.Channels {
			said = append(said, string(channel), meaning)
		}
		for _, l := range k.Lists {
			said = append(said, l.Call, l.Permission)
		}
		for _, r := range k.Reads {
			said = append(said, r.Call, r.Permission)
		}
		for _, fact := range said {
			quoted := printed(t, func(out *bytes.Buffer) error { return writeJSON(out, fact) })
			if !strings.Contains(detail, strings.TrimSpace(fact)) || !strings.Contains(asJSON, strings.TrimSpace(quoted)) {
				t.Errorf("%s does not show %q", k.Name, fact)
			}
		}
		var doc kindsJSON
		if err := json.Unmarshal([]byte(asJSON), &doc); err != nil || len(doc.Kinds) != 1 || len(doc.Kinds[0].Settings) != len(k.Settings) {
			t.Errorf("%s as JSON: %v", k.Name, err)
		}
	}
}

// On a terminal no line is longer than the page, and every paragraph keeps its
// indent.
func TestKindsFitTheTerminal(t *testing.T) {
	page := report.Page{Width: 72, TTY: true, Unicode: true}
	text := printed(t, func(out *bytes.Buffer) error { return writeKinds(out, page, providers.Kinds()) })
	for line := range strings.Lines(text) {
		if report.Width(strings.TrimSuffix(line, "\n")) > page.Cells() {
			t.Errorf("too long: %s", line)
		}
	}
}

func printed(t *testing.T, write func(*bytes.Buffer) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
