package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/policy"
)

func (s *session) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "List, show and test policies",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(s.policyListCommand(), s.policyShowCommand(), s.policyTestCommand(), s.policyCheckCommand())
	return cmd
}

func (s *session) policyListCommand() *cobra.Command {
	var f rules
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the policies, one line each",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			set, err := f.load()
			if err != nil {
				return err
			}
			return writeColumns(s.stdout, func(w io.Writer) {
				fmt.Fprintln(w, "POLICY\tSEVERITY\tDEPTH\tTITLE")
				for _, p := range set.Policies() {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.ID, p.Severity, p.Depth, p.Title)
				}
			})
		},
	}
	f.register(cmd)
	must(cmd.Flags().Set("depth", "full"))
	cmd.Flags().Lookup("depth").DefValue = "full"
	return cmd
}

func (s *session) policyShowCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one policy as JSON, with its expressions and examples",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("show needs the id of one policy (see andon policy list)")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := loadPolicies(dir, policy.Config{})
			if err != nil {
				return err
			}
			if set, err = set.Select(args[0]); err != nil {
				return usage(err)
			}
			encoder := json.NewEncoder(s.stdout)
			encoder.SetIndent("", "  ")
			for _, p := range set.Policies() {
				if err := encoder.Encode(p); err != nil {
					return fmt.Errorf("show policy: %w", err)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "policies", "", "folder of policies to use instead of the built-in ones")
	return cmd
}

func writeColumns(out io.Writer, rows func(io.Writer)) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	rows(w)
	return w.Flush()
}
