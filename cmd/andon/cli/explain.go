package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report/explain"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers"
)

// explainFlags are the flags of andon explain.
type explainFlags struct {
	source
	rules
}

func (s *session) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain NAME|ID",
		Short: "Show the evidence behind the verdict over one store",
		Long: `Asks everything about one store (or all stores of that name) and shows what
follows from which answer: who is let in, the request that would succeed, what
keeps others out, what would open if a guard were lifted, and which questions
nobody answered. The id of a store is its ARN in AWS, its resource id in Azure and
its full resource name in Google Cloud.

Which clouds are asked: see andon audit --help.

Exit code 0 means that the store is not exposed, 3 that it is, 4 that something
could not be read, 2 that there is no such store.`,
		Example: `  andon explain tconnect-telemetry
  andon explain arn:aws:s3:::tconnect-telemetry
  andon explain //pubsub.googleapis.com/projects/tconnect/topics/orders
  andon explain tconnect-telemetry --replay examples/toyota`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("explain needs the name or the id of one store")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return s.explain(cmd.Context(), &f, args[0]) },
	}
	f.source.register(cmd)
	f.rules.register(cmd)
	must(cmd.Flags().Set("depth", "full"))
	cmd.Flags().Lookup("depth").DefValue = "full"
	return cmd
}

func (s *session) explain(ctx context.Context, f *explainFlags, name string) error {
	set, err := f.load()
	if err != nil {
		return err
	}
	src, err := s.open(ctx, &f.source)
	if err != nil {
		return err
	}
	chosen := &chosenStore{session: s, name: name}
	progress := s.startProgress(false)
	summary, err := audit.Run(ctx, audit.Options{
		Policies: set, FailOn: finding.High, Sink: chosen, Tool: "andon " + Version, Now: time.Now, Source: src.name,
		Provider: src.provider, Calls: src.calls, Kinds: f.kindFilter(), Concurrency: f.concurrency, Progress: progress.count,
		Only: chosen.is,
	})
	progress.stop()
	if err := errors.Join(scopeError(err), src.close()); err != nil {
		return err
	}
	if chosen.shown == 0 {
		return chosen.missing(summary)
	}
	s.exit = summary.Exit
	return nil
}

// chosenStore is a sink that explains the stores of one name and passes over
// the others.
type chosenStore struct {
	*session
	name  string
	shown int

	mu   sync.Mutex // listings run side by side
	near []string
}

func (c *chosenStore) is(r *resource.Resource) bool {
	if r.Name == c.name || string(r.ID) == c.name {
		return true
	}
	if strings.Contains(strings.ToLower(r.Name), strings.ToLower(c.name)) {
		c.suggest(r.Name)
	}
	return false
}

// suggested is how many names of a similar sound are offered.
const suggested = 5

// suggest keeps the first few names in order, whatever the order of the listings.
func (c *chosenStore) suggest(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := slices.BinarySearch(c.near, name)
	if !known {
		c.near = slices.Insert(c.near, at, name)
		c.near = c.near[:min(len(c.near), suggested)]
	}
}

// Begin implements finding.Sink.
func (c *chosenStore) Begin(finding.Run) error { return nil }

// Store implements finding.Sink.
func (c *chosenStore) Store(store *finding.Store) error {
	if c.shown > 0 {
		fmt.Fprintln(c.stdout)
	}
	c.shown++
	return explain.Write(c.stdout, store, explain.Options{Page: c.page(c.stdout), Blind: blind(store.Resource.Kind)})
}

// End implements finding.Sink.
func (c *chosenStore) End(*finding.Summary) error { return nil }

func (c *chosenStore) missing(summary *finding.Summary) error {
	hint := ""
	if len(c.near) > 0 {
		var names []string
		for _, name := range c.near {
			names = append(names, c.page(c.stderr).Text(name))
		}
		hint = "; did you mean " + strings.Join(names, " or ") + "?"
	}
	if summary.Incomplete {
		hint += "; some of what there is could not be listed, so it may exist all the same"
	}
	return usagef("no store has the name or id %q%s", c.name, hint)
}

// blind returns what andon cannot see of a kind.
func blind(name resource.Kind) []string {
	for _, k := range providers.Kinds() {
		if k.Name == name {
			return k.Blind
		}
	}
	return nil
}
