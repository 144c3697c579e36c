package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/policycheck"
)

// maxPolicy bounds, in bytes, what is read of a policy document; AWS accepts at
// most 20 KiB for S3 and 32 KiB for KMS.
const maxPolicy = 1 << 20

func (s *session) policyCheckCommand() *cobra.Command {
	var q policycheck.Question
	var format string
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Judge one AWS resource policy, offline: whom it lets in, with a witness",
		Long: `Reads one resource policy from a file (- for stdin) and decides whom it lets in
from outside: anyone, any AWS account, a service acting for a stranger, a federated
user, a stranger's VPC endpoint, the accounts it names. Each class that gets in is
shown with a concrete request that would succeed. A change that closes the policy is
printed only when the changed policy was decided, too, and is private: the one that
edits the fewest statements and takes the least away from the owner's account and
organisation, which --account and --org tell. Nothing but the policy is looked at.

The verdict is unknown where a class may get in that would make it worse. One doubt
is about the service and not about the policy: Amazon does not document whether SNS
answers requests without a signature. The verdict on a topic for everybody is then
what is proven, tenant; the exposure and the undecided reason show the rest.

Exit code 0 means that no outsider is admitted, 3 that one is, 4 that it could not
be decided, 2 that the document is not a policy that AWS would accept.`,
		Example: `  andon policy check bucket-policy.json --service s3 --resource arn:aws:s3:::my-bucket --account 123456789012
  aws sqs get-queue-attributes ... | jq -r .Attributes.Policy | andon policy check - --service sqs`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("check needs the file of one policy (- for stdin)")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return s.policyCheck(args[0], q, format) },
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Service, "service", "s3", "service the policy belongs to: "+strings.Join(policycheck.Services(), ", "))
	flags.StringVar(&q.Resource, "resource", "", "ARN of the resource the policy is attached to (default: any of the service)")
	flags.StringVar(&q.Account, "account", "", "account that owns the resource")
	flags.StringVar(&q.Org, "org", "", "organisation of that account")
	flags.StringVar(&format, "format", "table", "table or json")
	must(cmd.RegisterFlagCompletionFunc("service", words(policycheck.Services()...)))
	must(cmd.RegisterFlagCompletionFunc("format", words("table", "json")))
	return cmd
}

func (s *session) policyCheck(name string, q policycheck.Question, format string) error {
	if format != "table" && format != "json" {
		return usagef("--format %s: must be table or json", format)
	}
	if q.Account != "" {
		if err := checkAccounts([]string{q.Account}); err != nil {
			return err
		}
	}
	document, err := s.readPolicy(name)
	if err != nil {
		return err
	}
	checked, err := policycheck.Check(document, q)
	if syntax, ok := errors.AsType[*iam.SyntaxError](err); ok {
		return usagef("read policy %s: %w", name, syntax)
	}
	if err != nil {
		return usage(err)
	}
	judged := judgeCheck(checked)
	s.exit = judged.exit()
	if format == "json" {
		encoder := json.NewEncoder(s.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(judged)
	}
	return judged.write(s.stdout, s.page(s.stdout))
}

func (s *session) readPolicy(name string) ([]byte, error) {
	in := s.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, usagef("read policy: %w", err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	document, err := io.ReadAll(io.LimitReader(in, maxPolicy+1))
	if err != nil {
		return nil, usagef("read policy: %w", err)
	}
	if len(document) > maxPolicy {
		return nil, usagef("read policy %s: larger than %d bytes", name, maxPolicy)
	}
	return document, nil
}

// checkJSON is the published form of a policy check. Fields are only ever added.
type checkJSON struct {
	Schema    string         `json:"schema"`
	Service   string         `json:"service"`
	Verdict   string         `json:"verdict"`
	Exposure  exposure.Range `json:"exposure"`
	Admitted  []admittedJSON `json:"admitted"`
	Undecided []string       `json:"undecided"`
	ClosedBy  []closedJSON   `json:"closed_by"`
	AWSPublic *awsPublicJSON `json:"aws_public,omitempty"`
	// Changes are the edits of Change as text.
	Changes []string    `json:"changes"`
	Change  *changeJSON `json:"change,omitempty"`
	// Notes tell what stands in front of the service beside its policies, and
	// which actions have no effect for other accounts.
	Notes []string `json:"notes,omitempty"`
}

// changeJSON is the smallest change that closes the policy. It is left out where
// the policy is private already.
type changeJSON struct {
	// Decided is the verdict on the changed policy, "private"; it is "unknown",
	// and there are no edits, when no change was found that is decided to close
	// the policy.
	Decided string     `json:"decided"`
	Edits   []editJSON `json:"edits"`
	// Patch is all edits as a JSON Patch (RFC 6902) of the policy document.
	Patch []policycheck.Operation `json:"patch"`
	// Hints say in words what else may do. They are not decided.
	Hints []string `json:"hints,omitempty"`
}

type editJSON struct {
	Statement int                  `json:"statement"` // its index
	Sid       string               `json:"sid,omitempty"`
	Pointer   string               `json:"pointer"`
	Edit      policycheck.EditKind `json:"edit"`
	Text      string               `json:"text"`
}

type admittedJSON struct {
	Class      string         `json:"class"`
	Level      exposure.Level `json:"level"`
	Actions    []string       `json:"actions"`
	Statement  string         `json:"statement"`
	Conditions []string       `json:"conditions,omitempty"`
	Network    networkJSON    `json:"network"`
	From       string         `json:"from,omitempty"`
	Until      string         `json:"until,omitempty"`
	Witness    witnessJSON    `json:"witness"`
}

type networkJSON struct {
	Reach     string   `json:"reach"`
	Prefixes  []string `json:"prefixes,omitempty"`
	ShareIPv4 float64  `json:"share_ipv4"`
}

type witnessJSON struct {
	Principal string              `json:"principal"`
	Action    string              `json:"action"`
	Resource  string              `json:"resource"`
	Context   map[string][]string `json:"context,omitempty"`
}

type closedJSON struct {
	Class string   `json:"class"`
	By    []string `json:"by"`
}

// awsPublicJSON is AWS's own notion of public, which Block Public Access goes by.
type awsPublicJSON struct {
	Public     bool     `json:"public"`
	Uncertain  bool     `json:"uncertain"`
	Statements []string `json:"statements,omitempty"`
	Reason     string   `json:"reason,omitempty"`
}

func judgeCheck(r *policycheck.Report) *checkJSON {
	c := &checkJSON{
		Schema: "andon.policy-check.v1", Service: r.Service,
		Admitted: []admittedJSON{}, Undecided: []string{}, ClosedBy: []closedJSON{}, Changes: []string{}, Change: changed(r.Change),
		Notes: r.Notes,
	}
	// proven leaves out what is open about the service: whoever gets in for
	// certain is worth more to a reader than "unknown".
	var proven exposure.Range
	for _, a := range r.Admitted {
		level := exposure.LevelOf(a.To)
		c.Exposure.Least, c.Exposure.Most = max(c.Exposure.Least, level), max(c.Exposure.Most, exposure.LevelOf(a.Most))
		proven.Least, proven.Most = max(proven.Least, level), max(proven.Most, level)
		c.Admitted = append(c.Admitted, admitted(a, level))
	}
	for _, d := range r.Undecided {
		level := exposure.LevelOf(d.To)
		c.Exposure.Most, proven.Most = max(c.Exposure.Most, level), max(proven.Most, level)
		c.Undecided = append(c.Undecided, string(d.Class)+": "+d.Reason)
	}
	if r.Unsigned != "" {
		c.Undecided = append(c.Undecided, string(iam.Anonymous)+": "+r.Unsigned)
	}
	for _, closed := range r.Closed {
		c.ClosedBy = append(c.ClosedBy, closedJSON{Class: string(closed.Class), By: closed.By})
	}
	if b := r.BPA; b != nil {
		c.AWSPublic = &awsPublicJSON{Public: b.Public, Uncertain: b.Uncertain, Statements: b.Statements, Reason: b.Reason}
	}
	if c.Change != nil {
		for _, e := range c.Change.Edits {
			c.Changes = append(c.Changes, e.Pointer+": "+e.Text)
		}
	}
	c.Verdict = proven.Verdict()
	return c
}

func changed(c *policycheck.Change) *changeJSON {
	if c == nil {
		return nil
	}
	out := &changeJSON{
		Decided: "unknown", Edits: []editJSON{}, Patch: append([]policycheck.Operation{}, c.Patch()...), Hints: c.Hints,
	}
	if c.After != nil {
		out.Decided = judgeCheck(c.After).Verdict
	}
	for _, e := range c.Edits {
		out.Edits = append(out.Edits, editJSON{Statement: e.Statement, Sid: e.Sid, Pointer: e.Pointer, Edit: e.Kind, Text: e.Text})
	}
	return out
}

func admitted(a policycheck.Admission, level exposure.Level) admittedJSON {
	out := admittedJSON{
		Class: string(a.Class), Level: level, Actions: a.Actions, Statement: a.Allow, Conditions: a.Conditions, From: a.From, Until: a.Until,
		Network: networkJSON{Reach: string(a.Network.Reach), ShareIPv4: a.Network.ShareIPv4},
		Witness: witnessJSON{
			Principal: strings.TrimSpace(a.Witness.Principal.Kind + " " + a.Witness.Principal.ID),
			Action:    a.Witness.Action, Resource: a.Witness.Resource, Context: a.Witness.Shown(),
		},
	}
	for _, prefix := range a.Network.Prefixes {
		out.Network.Prefixes = append(out.Network.Prefixes, prefix.String())
	}
	return out
}

// exit is the exit code: an outsider who gets in outweighs a doubt.
func (c *checkJSON) exit() int {
	switch {
	case c.Exposure.Least > exposure.Private:
		return audit.ExitFindings
	case !c.Exposure.Decided():
		return audit.ExitIncomplete
	default:
		return audit.ExitClean
	}
}

const shownActions = 6 // of an admission, before "and N more"

func (c *checkJSON) write(w io.Writer, page report.Page) error {
	var out strings.Builder
	line := func(indent, text string) {
		for _, l := range page.Indent(indent, len(indent), text) {
			out.WriteString(l + "\n")
		}
	}
	line("", strings.ToUpper(c.Verdict)+"  "+c.Service+" policy, "+c.Exposure.String())
	for _, a := range c.Admitted {
		out.WriteByte('\n')
		line("", "ADMITTED "+a.Class+" ("+a.Level.String()+") by "+a.Statement)
		actions := a.Actions[:min(len(a.Actions), shownActions)]
		more := ""
		if n := len(a.Actions) - len(actions); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		line("  ", "can       "+strings.Join(actions, ", ")+more)
		line("  ", fmt.Sprintf("from      %s %s (%.4g %% of the public IPv4 addresses)", a.Network.Reach, strings.Join(a.Network.Prefixes, ", "), 100*a.Network.ShareIPv4))
		for _, condition := range a.Conditions {
			line("  ", "where     "+condition)
		}
		line("  ", "witness   "+a.Witness.Principal+" "+a.Witness.Action+" "+a.Witness.Resource)
		for _, key := range slices.Sorted(maps.Keys(a.Witness.Context)) {
			line("            ", key+" = "+strings.Join(a.Witness.Context[key], ", "))
		}
	}
	for _, reason := range c.Undecided {
		line("", "UNDECIDED "+reason)
	}
	for _, closed := range c.ClosedBy {
		line("", "CLOSED    "+closed.Class+" by "+strings.Join(closed.By, ", "))
	}
	if c.AWSPublic != nil {
		line("", fmt.Sprintf("AWS       Block Public Access calls it public: %t. %s", c.AWSPublic.Public, c.AWSPublic.Reason))
	}
	for _, note := range c.Notes {
		line("", "NOTE      "+note)
	}
	c.Change.write(line)
	_, err := io.WriteString(w, out.String())
	return err
}

func (c *changeJSON) write(line func(indent, text string)) {
	if c == nil {
		return
	}
	const closeIt, under = "CLOSE IT  ", "          "
	for i, e := range c.Edits {
		at := e.Pointer
		if e.Sid != "" {
			at += " (" + e.Sid + ")"
		}
		indent := closeIt
		if i > 0 {
			indent = under
		}
		line(indent, at+": "+e.Text)
	}
	if len(c.Edits) == 0 {
		line(closeIt, "no change was found that is decided to close the policy")
	} else {
		line(under, "decided: with this change the policy is "+c.Decided)
	}
	for _, hint := range c.Hints {
		line(under, "hint: "+hint)
	}
}
