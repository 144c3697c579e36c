package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/audit"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/report/json"
	"github.com/andon-audit/andon/pkg/report/ndjson"
	"github.com/andon-audit/andon/pkg/report/table"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers"
)

// auditFlags are the flags of andon audit.
type auditFlags struct {
	source
	rules
	format        string
	output        string
	failOn        string
	inventory     string
	saveInventory string
	noProgress    bool
}

var formats = []string{"table", "json", "ndjson"}

func (s *session) auditCommand() *cobra.Command {
	var f auditFlags
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List every data store, judge it, and report",
		Long: `Lists the data stores of AWS accounts, Azure subscriptions and Google Cloud
projects, decides for each whether it is public instead of private, and reports it
with the evidence.

Which clouds are audited: those that --cloud names; else those that the kinds of
--kind are of; else those of which a flag is given, since each flag that says what
to audit is of one cloud; else every cloud for which this machine has credentials,
which is then said on stderr. What is not chosen is not asked, and a cloud that is
chosen and cannot be opened is an error: name the clouds wherever nobody reads
stderr. A recording (--replay) holds one cloud or several.

By default only the questions whose answer can still change a verdict are asked
(--depth verdict). --depth full asks everything: it also shows what would become
public if one guard were lifted, and evaluates the posture policies.

Exit code 0 means that everything was read and nothing at or above --fail-on was
found; 3 findings, 4 something could not be read, 5 both, 2 a usage error.`,
		Example: `  andon audit
  andon audit --profile prod --region eu-west-1 --region us-east-1
  andon audit --role-arn arn:aws:iam::123456789012:role/andon --external-id cord
  andon audit --project tconnect --project dealers
  andon audit --organization 900000000001
  andon audit --subscription 11111111-2222-3333-4444-555555555555
  andon audit --cloud aws --cloud gcp
  andon audit --format ndjson --output report.ndjson
  andon audit --replay examples/toyota --depth full
  AWS_ENDPOINT_URL=http://127.0.0.1:5000 andon audit`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.audit(cmd.Context(), &f) },
	}
	f.source.register(cmd)
	f.rules.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "table", "format of the report: table, json or ndjson")
	flags.StringVarP(&f.output, "output", "o", "", "file to write the report to (default: stdout)")
	flags.StringVar(&f.failOn, "fail-on", "high", "severity from which a finding counts in the exit code: info, low, medium, high or critical")
	flags.StringVar(&f.inventory, "inventory", "", "file of an inventory to judge instead of an account (- for stdin)")
	flags.StringVar(&f.saveInventory, "save-inventory", "", "file to save the inventory to, for --inventory")
	flags.BoolVar(&f.noProgress, "no-progress", false, "no progress line on stderr")
	must(cmd.RegisterFlagCompletionFunc("format", words(formats...)))
	must(cmd.RegisterFlagCompletionFunc("fail-on", words("info", "low", "medium", "high", "critical")))
	return cmd
}

func (s *session) audit(ctx context.Context, f *auditFlags) (err error) {
	failOn, err := finding.ParseSeverity(f.failOn)
	if err != nil {
		return usagef("--fail-on %s: must be info, low, medium, high or critical", f.failOn)
	}
	if err := f.check(); err != nil {
		return err
	}
	set, err := f.load()
	if err != nil {
		return err
	}
	out, err := s.create(f.output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	sink, err := s.sink(f.format, out)
	if err != nil {
		return err
	}
	options := audit.Options{
		Policies: set, FailOn: failOn, Sink: sink, Tool: "andon " + Version, Now: time.Now,
		Kinds: s.kinds(f, set), Concurrency: f.concurrency,
	}
	saved, err := s.create(f.saveInventory)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, saved.close()) }()
	if f.saveInventory != "" {
		options.Inventory = saved
	}
	summary, err := s.runAudit(ctx, f, options)
	if summary != nil {
		s.exit = summary.Exit
	}
	return err
}

// kinds are those to list: the ones asked for, else those that a selected policy
// may be about. What is not listed for want of a policy is said. An inventory to
// save is of everything.
func (s *session) kinds(f *auditFlags, set *policy.Set) []resource.Kind {
	if chosen := f.kindFilter(); len(chosen) > 0 || f.saveInventory != "" || f.inventory != "" {
		return chosen
	}
	var concerned []resource.Kind
	all := providers.Kinds()
	for _, k := range all {
		if set.Concerns(k.Name, k.Class) {
			concerned = append(concerned, k.Name)
		}
	}
	if len(concerned) == 0 || len(concerned) == len(all) {
		return nil
	}
	s.log.Warn().Int("kinds", len(all)-len(concerned)).Msg("not listed, since no selected policy is about them (name them with --kind)")
	return concerned
}

// check finds mistakes before any file is written.
func (f *auditFlags) check() error {
	if !slices.Contains(formats, f.format) {
		return usagef("--format %s: must be table, json or ndjson", f.format)
	}
	if f.inventory != "" && f.source.given() {
		return usagef("--inventory judges what was collected before: it excludes --profile, --region and every other flag that says what to audit")
	}
	if sameFile(f.output, f.inventory) || sameFile(f.saveInventory, f.inventory) || f.output != "" && f.output == f.saveInventory {
		return usagef("--inventory, --save-inventory and --output must be different files")
	}
	return f.source.check()
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

func (s *session) runAudit(ctx context.Context, f *auditFlags, o audit.Options) (*finding.Summary, error) {
	if f.inventory != "" {
		return s.judgeInventory(ctx, f.inventory, o)
	}
	src, err := s.open(ctx, &f.source)
	if err != nil {
		return nil, err
	}
	progress := s.startProgress(f.noProgress)
	o.Provider, o.Calls, o.Source, o.Progress = src.provider, src.calls, src.name, progress.count
	summary, err := audit.Run(ctx, o)
	progress.stop()
	if closeErr := src.close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("end recording: %w", closeErr))
	}
	return summary, scopeError(err)
}

// scopeError tells what an account cannot offer (an unknown region, refused
// credentials) from a defect.
func scopeError(err error) error {
	if err != nil && errors.Is(err, audit.ErrNoScopes) {
		return usage(err)
	}
	return err
}

func (s *session) judgeInventory(ctx context.Context, name string, o audit.Options) (*finding.Summary, error) {
	// Nearly all that is allocated here lives for one store. A lazier collector
	// is faster by an eighth, for some tens of MiB that do not grow with the file.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	o.Source = "inventory"
	if name == "-" {
		return audit.Judge(ctx, s.stdin, o)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, usagef("--inventory: %w", err)
	}
	summary, err := audit.Judge(ctx, file, o)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, audit.ErrInventory) {
		err = usagef("--inventory %s: %w", name, err)
	}
	return summary, err
}

func (s *session) sink(format string, out *output) (finding.Sink, error) {
	switch format {
	case "table":
		return table.New(out, table.Options{Page: s.page(out.raw)}), nil
	case "json":
		return json.New(out), nil
	case "ndjson":
		return ndjson.New(out), nil
	}
	return nil, usagef("--format %s: must be table, json or ndjson", format)
}

// output is where a report goes: stdout, or a file of its own.
type output struct {
	*bufio.Writer
	raw  io.Writer
	file *os.File
}

// create opens the named file, or stdout for "". A report may name stores and
// accounts, so only the owner may read the file.
func (s *session) create(name string) (*output, error) {
	if name == "" {
		return &output{Writer: bufio.NewWriterSize(s.stdout, 64<<10), raw: s.stdout}, nil
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, usagef("write report: %w", err)
	}
	return &output{Writer: bufio.NewWriterSize(file, 64<<10), raw: file, file: file}, nil
}

func (o *output) close() error {
	err := o.Flush()
	if o.file != nil {
		err = errors.Join(err, o.file.Close())
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// rules are the flags that choose and load policies.
type rules struct {
	depth    string
	policies string
	only     []string
	trusted  []string
	config   string
}

func (r *rules) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.depth, "depth", "verdict", "verdict asks only what decides exposure, full asks everything")
	flags.StringVar(&r.policies, "policies", "", "folder of policies to use instead of the built-in ones")
	flags.StringArrayVar(&r.only, "policy", nil, "policy to apply, by id or pattern, repeatable (default: every policy)")
	flags.StringArrayVar(&r.trusted, "trusted-account", nil, "foreign account that may share stores, in Azure a tenant, in Google Cloud a domain or project, as a finding names it, repeatable")
	flags.StringVar(&r.config, "config", "", "configuration file (default: andon.yaml in this folder, where there is one)")
	must(cmd.MarkFlagDirname("policies"))
	must(cmd.RegisterFlagCompletionFunc("depth", words("verdict", "full")))
}

// load returns the policies of the run, at its depth.
func (r *rules) load() (*policy.Set, error) {
	depth, err := policy.ParseDepth(r.depth)
	if err != nil {
		return nil, usagef("--depth %s: must be verdict or full", r.depth)
	}
	config, err := readConfig(r.config)
	if err != nil {
		return nil, err
	}
	config.TrustedAccounts = append(config.TrustedAccounts, r.trusted...)
	if err := checkTrusted(config.TrustedAccounts); err != nil {
		return nil, err
	}
	set, err := loadPolicies(r.policies, config)
	if err != nil {
		return nil, err
	}
	if len(r.only) > 0 {
		if set, err = set.Select(r.only...); err != nil {
			return nil, usagef("--policy: %w", err)
		}
	}
	return set.For(depth), nil
}
