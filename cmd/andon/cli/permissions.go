package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/azure"
	"github.com/andon-audit/andon/providers/gcp"
)

// permissionsCommand prints the least an identity needs.
func (s *session) permissionsCommand() *cobra.Command {
	var kinds []string
	var beyond string
	cmd := &cobra.Command{
		Use:   "permissions CLOUD",
		Short: "Print the least-privilege, read-only permissions that an audit needs",
		Long: `Prints what allows exactly the calls that the kinds declare: reads of configuration,
none of data, and no write. For AWS it is an IAM policy, for Azure a custom role, as
the Azure CLI reads it from a file, for Google Cloud one as gcloud does, with the
predefined roles that come closest. With --kind it allows the audit of those kinds
alone. In Azure's, put the subscriptions or management groups in which it can be
assigned in the place of ` + azure.AssignableScope + `.

With --beyond it holds only what a policy or role that the cloud maintains does not
allow, for an identity that has that one as well. Known of AWS are
  ` + strings.Join(managedNames(true), "\n  ") + `
of Azure
  ` + strings.Join(builtInNames(), "\n  ") + `
and of Google Cloud
  ` + strings.Join(predefinedNames(), "\n  ") + `
Of newer versions of them, andon may ask for what they allow by now.

A managed policy of AWS holds at most ` + report.Thousands(aws.PolicyLimit) + ` characters. Where that is not enough,
several policies are printed, one after the other.`,
		Example: `  andon permissions aws
  andon permissions aws --kind aws.s3.bucket --kind aws.s3.access_point
  andon permissions aws --beyond SecurityAudit > andon-beyond.json
  aws iam create-policy --policy-name andon --policy-document "$(andon permissions aws)"
  andon permissions azure > andon.json
  az role definition create --role-definition andon.json
  andon permissions gcp > andon.yaml
  gcloud iam roles create andon --organization 900000000001 --file andon.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(cloudNames(), args[0]) {
				return usagef("permissions needs the name of a cloud (there are: %s)", strings.Join(cloudNames(), ", "))
			}
			return nil
		},
		ValidArgs: cloudNames(),
		RunE:      func(_ *cobra.Command, args []string) error { return s.permissions(args[0], kinds, beyond) },
	}
	cmd.Flags().StringArrayVar(&kinds, "kind", nil, "kind of store to be audited, repeatable (default: every kind, see andon kinds)")
	cmd.Flags().StringVar(&beyond, "beyond", "", "policy or role of the cloud to leave out what it allows: "+strings.Join(slices.Concat(managedNames(false), builtInNames(), predefinedNames()), ", "))
	must(cmd.RegisterFlagCompletionFunc("kind", completeKinds))
	must(cmd.RegisterFlagCompletionFunc("beyond", completeBeyond))
	return cmd
}

// completeBeyond offers what is known of the cloud that was named.
func completeBeyond(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	known := map[string][]string{aws.Name: managedNames(false), azure.Name: builtInNames(), gcp.Name: predefinedNames()}
	if len(args) > 0 {
		return known[args[0]], cobra.ShellCompDirectiveNoFileComp
	}
	var offered []string
	for _, name := range cloudNames() {
		offered = append(offered, known[name]...)
	}
	return offered, cobra.ShellCompDirectiveNoFileComp
}

func (s *session) permissions(name string, names []string, beyond string) error {
	var kinds []*collect.Kind
	c := withNames(clouds(), []string{name})[0]
	for _, kind := range names {
		i := slices.IndexFunc(c.kinds(), func(k *collect.Kind) bool { return k.Name == resource.Kind(kind) })
		if i < 0 {
			return usagef("--kind %s: not a kind of %s (there are: %s)", kind, c.title, strings.Join(kindsOf(c), ", "))
		}
		kinds = append(kinds, c.kinds()[i])
	}
	switch name {
	case azure.Name:
		return s.permissionsAzure(azure.Permissions(kinds...), beyond)
	case gcp.Name:
		return s.permissionsGoogle(gcp.Permissions(kinds...), beyond)
	}
	return s.permissionsAWS(aws.Permissions(kinds...), beyond)
}

// kindsOf are the names of a cloud's kinds.
func kindsOf(c *cloud) []string {
	return slices.DeleteFunc(kindNames(), func(kind string) bool { return resource.Kind(kind).Provider() != c.name })
}

func (s *session) permissionsAWS(document aws.PolicyDocument, beyond string) error {
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

func (s *session) permissionsAzure(bundle azure.Bundle, beyond string) error {
	role := bundle.Role
	if beyond != "" {
		i := slices.IndexFunc(bundle.Roles, func(name string) bool { return strings.EqualFold(name, beyond) })
		if i < 0 {
			return usagef("--beyond %s: not a built-in role that andon knows (there are: %s)", beyond, strings.Join(bundle.Roles, ", "))
		}
		role.Actions = append([]string{}, bundle.Beyond...) // none is written []
		fmt.Fprintf(s.stderr, "andon: %s that %s does not allow\n", report.Count(len(role.Actions), "action"), bundle.Roles[i])
	}
	if err := writeJSON(s.stdout, role); err != nil {
		return fmt.Errorf("print permissions: %w", err)
	}
	return nil
}

func builtInNames() []string { return azure.Permissions().Roles }

// permissionsGoogle prints a custom role. The predefined roles that come closest
// stand before it, in comments: the whole is a file that gcloud reads.
func (s *session) permissionsGoogle(bundle gcp.Bundle, beyond string) error {
	role := bundle.Role
	var text strings.Builder
	if beyond != "" {
		predefined, err := predefinedRole(beyond)
		if err != nil {
			return err
		}
		role.IncludedPermissions = slices.DeleteFunc(slices.Clone(role.IncludedPermissions), predefined.Grants)
		fmt.Fprintf(s.stderr, "andon: %s that %s does not have\n", report.Count(len(role.IncludedPermissions), "permission"), predefined.Name)
	} else {
		writeBundle(&text, bundle)
	}
	definition, err := yaml.Dump(role, yaml.WithIndent(2))
	if err != nil {
		return fmt.Errorf("print permissions: %w", err)
	}
	if _, err := fmt.Fprint(s.stdout, text.String()+string(definition)); err != nil {
		return fmt.Errorf("print permissions: %w", err)
	}
	return nil
}

// writeBundle says what may be granted instead of the role.
func writeBundle(out *strings.Builder, bundle gcp.Bundle) {
	if len(bundle.Roles) == 0 {
		return
	}
	out.WriteString("# This role allows what an audit needs and nothing else. Instead of it, the predefined\n# roles that come closest can be granted, which allow more:\n")
	for _, role := range bundle.Roles {
		out.WriteString("#   " + role + "\n")
	}
	if len(bundle.Beyond) > 0 {
		out.WriteString("# None of them has:\n")
	}
	for _, permission := range bundle.Beyond {
		out.WriteString("#   " + permission + "\n")
	}
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

// predefinedRole finds a role by its name, with or without "roles/". Names of
// roles are case-sensitive.
func predefinedRole(name string) (gcp.PredefinedRole, error) {
	for _, r := range gcp.PredefinedRoles() {
		if r.Name == "roles/"+strings.TrimPrefix(name, "roles/") {
			return r, nil
		}
	}
	return gcp.PredefinedRole{}, usagef("--beyond %s: not a predefined role that andon knows (there are: %s)", name, strings.Join(predefinedNames(), ", "))
}

func predefinedNames() []string {
	var names []string
	for _, r := range gcp.PredefinedRoles() {
		names = append(names, r.Name)
	}
	return names
}
