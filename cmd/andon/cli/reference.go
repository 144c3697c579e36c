package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/report/schema"
	"github.com/andon-audit/andon/providers"
	"github.com/andon-audit/andon/providers/aws"
)

// kindsCommand lists what andon knows.
func (s *session) kindsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "kinds [KIND]",
		Short: "List the kinds of stores: what makes each public, what is read, what cannot be seen",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("kinds takes one kind, or none for all")
			}
			return nil
		},
		ValidArgs: kindNames(),
		RunE: func(_ *cobra.Command, args []string) error {
			found := false
			for _, k := range providers.Kinds() {
				if len(args) == 1 && string(k.Name) != args[0] {
					continue
				}
				found = true
				fmt.Fprintf(s.stdout, "%s  (%s)\n  %s\n\n  PUBLIC WHEN  %s\n\n  READS\n", k.Name, k.Class, k.Title, k.Public)
				for _, l := range k.Lists {
					fmt.Fprintf(s.stdout, "    %s  needs %s\n", l.Call, l.Permission)
				}
				for _, r := range k.Reads {
					fmt.Fprintf(s.stdout, "    %s  needs %s\n", r.Call, r.Permission)
				}
				fmt.Fprintf(s.stdout, "\n  CANNOT SEE\n    - %s\n\n", strings.Join(k.Blind, "\n    - "))
			}
			if !found {
				return usagef("no kind %q (there are: %s)", args[0], strings.Join(kindNames(), ", "))
			}
			return nil
		},
	}
}

// permissionsCommand prints the least an identity needs.
func (s *session) permissionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "permissions CLOUD",
		Short: "Print the least-privilege, read-only permissions that an audit needs",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != aws.Name {
				return usagef("permissions needs the name of a cloud (there is: %s)", aws.Name)
			}
			return nil
		},
		ValidArgs: []string{aws.Name},
		RunE: func(*cobra.Command, []string) error {
			encoder := json.NewEncoder(s.stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(aws.Permissions())
		},
	}
}

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
