package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/providers/aws"
)

// permissionsCommand prints the least an identity needs.
func (s *session) permissionsCommand() *cobra.Command {
	var kinds []string
	var beyond string
	cmd := &cobra.Command{
		Use:   "permissions CLOUD",
		Short: "Print the least-privilege, read-only permissions that an audit needs",
		Long: `Prints an IAM policy that allows exactly the calls that the kinds declare: reads of
configuration, none of data, and no write. With --kind it allows the audit of
those kinds alone.

With --beyond it holds only what a policy that AWS maintains does not allow, for
an identity to which that policy is attached as well. Known are
  ` + strings.Join(managedNames(true), "\n  ") + `
Of newer versions of them, andon may ask for an action that they allow by now.

A managed policy holds at most ` + report.Thousands(aws.PolicyLimit) + ` characters. Where that is not enough, several
policies are printed, one after the other.`,
		Example: `  andon permissions aws
  andon permissions aws --kind aws.s3.bucket --kind aws.s3.access_point
  andon permissions aws --beyond SecurityAudit > andon-beyond.json
  aws iam create-policy --policy-name andon --policy-document "$(andon permissions aws)"`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] != aws.Name {
				return usagef("permissions needs the name of a cloud (there is: %s)", aws.Name)
			}
			return nil
		},
		ValidArgs: []string{aws.Name},
		RunE:      func(*cobra.Command, []string) error { return s.permissions(kinds, beyond) },
	}
	cmd.Flags().StringArrayVar(&kinds, "kind", nil, "kind of store to be audited, repeatable (default: every kind, see andon kinds)")
	cmd.Flags().StringVar(&beyond, "beyond", "", "managed policy to leave out what it allows: "+strings.Join(managedNames(false), ", "))
	must(cmd.RegisterFlagCompletionFunc("kind", completeKinds))
	must(cmd.RegisterFlagCompletionFunc("beyond", words(managedNames(false)...)))
	return cmd
}

func (s *session) permissions(names []string, beyond string) error {
	for _, name := range names {
		if !slices.Contains(kindNames(), name) {
			return usagef("--kind %s: not a kind (there are: %s)", name, strings.Join(kindNames(), ", "))
		}
	}
	kinds, err := chosenKinds(names)
	if err != nil {
		return err
	}
	document := aws.Permissions(kinds...)
	if beyond != "" {
		m, err := managedPolicy(beyond)
		if err != nil {
			return err
		}
		document = document.Beyond(m)
		// What this rests on is said beside the policy, which has no room for it.
		fmt.Fprintf(s.stderr, "andon: %s that %s %s of %s does not allow\n",
			report.Count(len(document.Actions()), "action"), m.Name, m.Version, m.Date)
	}
	parts := document.Split(aws.PolicyLimit)
	if len(parts) > 1 {
		fmt.Fprintf(s.stderr, "andon: %d policies, since one holds at most %s characters\n", len(parts), report.Thousands(aws.PolicyLimit))
	}
	for _, part := range parts {
		if err := writeJSON(s.stdout, part); err != nil {
			return fmt.Errorf("print permissions: %w", err)
		}
	}
	return nil
}

// managedPolicy finds a policy by its name, whatever its case.
func managedPolicy(name string) (aws.ManagedPolicy, error) {
	for _, m := range aws.ManagedPolicies() {
		if strings.EqualFold(m.Name, name) {
			return m, nil
		}
	}
	return aws.ManagedPolicy{}, usagef("--beyond %s: not a managed policy that andon knows (there are: %s)", name, strings.Join(managedNames(false), ", "))
}

func managedNames(dated bool) []string {
	var names []string
	for _, m := range aws.ManagedPolicies() {
		if dated {
			names = append(names, fmt.Sprintf("%-15s %s of %s", m.Name, m.Version, m.Date))
		} else {
			names = append(names, m.Name)
		}
	}
	return names
}
