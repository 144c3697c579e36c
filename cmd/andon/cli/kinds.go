package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers"
)

// kindsCommand lists what andon knows.
func (s *session) kindsCommand() *cobra.Command {
	var brief bool
	var format string
	var of []string
	cmd := &cobra.Command{
		Use:   "kinds [KIND...]",
		Short: "List the kinds of stores: what makes each public, what is read, what cannot be seen",
		Long: `Lists the kinds of data stores that andon audits. Of every kind, or of those that
are named, it tells what makes such a store public, the ways in, each call with
the permission it needs, and what andon cannot see. --brief gives a line a kind.`,
		Example: `  andon kinds --brief
  andon kinds --cloud gcp
  andon kinds aws.s3.bucket
  andon kinds --format json`,
		ValidArgsFunction: completeKinds,
		RunE: func(_ *cobra.Command, args []string) error {
			kinds, err := chosenKinds(args, of)
			if err != nil {
				return err
			}
			switch {
			case format == "json":
				return writeKindsJSON(s.stdout, kinds)
			case format != "table":
				return usagef("--format %s: must be table or json", format)
			case brief:
				return writeOverview(s.stdout, s.page(s.stdout), kinds)
			default:
				return writeKinds(s.stdout, s.page(s.stdout), kinds)
			}
		},
	}
	cmd.Flags().StringArrayVar(&of, "cloud", nil, "cloud whose kinds are listed, repeatable (default: every cloud)")
	cmd.Flags().BoolVar(&brief, "brief", false, "a line for each kind")
	cmd.Flags().StringVar(&format, "format", "table", "format: table or json")
	must(cmd.RegisterFlagCompletionFunc("cloud", words(cloudNames()...)))
	must(cmd.RegisterFlagCompletionFunc("format", words("table", "json")))
	return cmd
}

// completeKinds offers the kinds with their titles.
func completeKinds(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var offered []string
	for _, k := range providers.Kinds() {
		if !slices.Contains(args, string(k.Name)) {
			offered = append(offered, string(k.Name)+"\t"+k.Title)
		}
	}
	return offered, cobra.ShellCompDirectiveNoFileComp
}

// chosenKinds returns the named kinds of the named clouds, in the order of all
// kinds. No name stands for all.
func chosenKinds(names, of []string) ([]*collect.Kind, error) {
	for _, name := range of {
		if err := checkCloud(name); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		k := resource.Kind(name)
		if !slices.Contains(kindNames(), name) {
			return nil, usagef("no kind %q (there are: %s)", name, strings.Join(kindNames(), ", "))
		}
		if len(of) > 0 && !slices.Contains(of, k.Provider()) {
			return nil, usagef("kind %s: --cloud leaves %s out", name, k.Provider())
		}
	}
	return slices.DeleteFunc(providers.Kinds(), func(k *collect.Kind) bool {
		return len(names) > 0 && !slices.Contains(names, string(k.Name)) || len(of) > 0 && !slices.Contains(of, k.Name.Provider())
	}), nil
}

// writeOverview writes a line for each kind.
func writeOverview(out io.Writer, page report.Page, kinds []*collect.Kind) error {
	if err := writeColumns(out, func(w io.Writer) {
		fmt.Fprintln(w, "KIND\tCLASS\tTITLE")
		for _, k := range kinds {
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.Name, k.Class, page.Text(k.Title))
		}
	}); err != nil {
		return err
	}
	notes := []string{"andon kinds KIND tells what is read, what makes it public and what cannot be seen"}
	for _, c := range clouds() {
		if slices.ContainsFunc(kinds, func(k *collect.Kind) bool { return k.Name.Provider() == c.name }) {
			notes = append(notes, c.blind...)
		}
	}
	for _, note := range notes {
		if _, err := fmt.Fprintln(out, "# "+strings.Join(page.Wrap(note, page.Cells()-2), "\n# ")); err != nil {
			return err
		}
	}
	return nil
}

// writeKinds writes all that is declared about each kind.
func writeKinds(out io.Writer, page report.Page, kinds []*collect.Kind) error {
	l := leaf{page: page}
	for i, k := range kinds {
		if i > 0 {
			l.lines = append(l.lines, "")
		}
		l.kind(k)
	}
	for _, c := range clouds() {
		if len(c.blind) > 0 && slices.ContainsFunc(kinds, func(k *collect.Kind) bool { return k.Name.Provider() == c.name }) {
			l.lines = append(l.lines, "", "Of "+c.title+", whatever the kind")
			l.cannotSee(c.blind)
		}
	}
	_, err := fmt.Fprintln(out, strings.Join(l.lines, "\n"))
	return err
}

// leaf is a page of reference being written.
type leaf struct {
	page  report.Page
	lines []string
}

func (l *leaf) kind(k *collect.Kind) {
	l.lines = append(l.lines, fmt.Sprintf("%s  (%s)", k.Name, k.Class))
	l.text("  ", k.Title)
	l.heading("PUBLIC WHEN")
	l.text("    ", k.Public)
	l.heading("WAYS IN")
	for _, channel := range slices.Sorted(maps.Keys(k.Channels)) {
		l.item(string(channel) + ": " + k.Channels[channel])
	}
	l.heading("READS")
	for _, listing := range k.Lists {
		l.item(needs(listing.Call, listing.Permission, "listing"))
	}
	for _, r := range k.Reads {
		once := ""
		if r.Shared {
			once = "asked once for all stores"
		}
		l.item(needs(r.Call, r.Permission, once))
	}
	l.cannotSee(k.Blind)
}

func (l *leaf) cannotSee(blind []string) {
	l.heading("CANNOT SEE")
	for _, b := range blind {
		l.text("    - ", b)
	}
}

func needs(call, permission, remark string) string {
	line := call + "  needs " + permission
	if remark != "" {
		line += "  (" + remark + ")"
	}
	return line
}

func (l *leaf) heading(words string) { l.lines = append(l.lines, "", "  "+words) }

// text writes a paragraph, whose further lines stand under its first.
func (l *leaf) text(lead, words string) { l.hang(lead, len(lead), words) }

// item writes a paragraph of a list, whose further lines stand further right.
func (l *leaf) item(words string) { l.hang("    ", 6, words) }

func (l *leaf) hang(lead string, indent int, words string) {
	for _, line := range l.page.Wrap(words, l.page.Cells()-indent) {
		l.lines = append(l.lines, lead+line)
		lead = strings.Repeat(" ", indent)
	}
}

// The JSON form of kinds. Members are added, and never renamed or removed.
type (
	kindsJSON struct {
		Kinds []kindJSON `json:"kinds"`
	}
	kindJSON struct {
		Kind       resource.Kind               `json:"kind"`
		Class      resource.Class              `json:"class"`
		Title      string                      `json:"title"`
		Public     string                      `json:"public"`
		Channels   map[resource.Channel]string `json:"channels"`
		Lists      []callJSON                  `json:"lists"`
		Reads      []callJSON                  `json:"reads"`
		Settings   map[string]settingJSON      `json:"settings"`
		Blind      []string                    `json:"blind"`
		References []string                    `json:"references"`
	}
	callJSON struct {
		Call       string `json:"call"`
		Permission string `json:"permission"`
		// Shared is true where the call is made once for all stores of a scope.
		Shared bool `json:"shared,omitempty"`
	}
	settingJSON struct {
		Type string `json:"type"`
		Doc  string `json:"doc"`
	}
)

func writeKindsJSON(out io.Writer, kinds []*collect.Kind) error {
	doc := kindsJSON{Kinds: []kindJSON{}}
	for _, k := range kinds {
		row := kindJSON{
			Kind: k.Name, Class: k.Class, Title: k.Title, Public: k.Public, Channels: k.Channels,
			Lists: []callJSON{}, Reads: []callJSON{}, Settings: make(map[string]settingJSON),
			Blind: slices.Concat(k.Blind, blindOf(k.Name)), References: k.References,
		}
		for _, l := range k.Lists {
			row.Lists = append(row.Lists, callJSON{Call: l.Call, Permission: l.Permission})
		}
		for _, r := range k.Reads {
			row.Reads = append(row.Reads, callJSON{Call: r.Call, Permission: r.Permission, Shared: r.Shared})
		}
		for key, s := range k.Settings {
			row.Settings[key] = settingJSON{s.Type, s.Doc}
		}
		doc.Kinds = append(doc.Kinds, row)
	}
	return writeJSON(out, doc)
}

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
