package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/report/schema"
)

func (s *session) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema report",
		Short:     "Print the JSON Schema of the report",
		ValidArgs: []string{"report"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != "report" {
				return usagef("schema needs the name of a schema (there is: report)")
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			_, err := s.stdout.Write(schema.Report)
			return err
		},
	}
}

func (s *session) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.stdout, "andon %s\n", Version)
			return err
		},
	}
}
