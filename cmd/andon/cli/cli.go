// Package cli is andon's command line: one file a verb. Results go to stdout,
// everything else to stderr. [Run] neither exits nor touches the process's own
// streams, so that a test can run it.
package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/audit"
)

// Version is the released version; a build from source shows its revision too.
const Version = "0.1.0"

// Exit codes that do not come from an audit.
const (
	exitInternal = 1
	exitUsage    = 2
)

// session is one invocation: its streams and what all verbs share.
type session struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	log            zerolog.Logger
	verbosity      int
	color          string
	logFormat      string
	started        bool // the command line was understood
	// served, where it is not nil, are the only clouds there are: andon demo
	// serves these, and must not lead to others. trusted, where it is not nil, are
	// the only certificates that a live run trusts: those of these clouds.
	served  []string
	trusted *x509.CertPool
	exit    int
}

// usageError is a mistake of the caller: a flag, a configuration, a policy or a
// recording that cannot be used. There is no verdict.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Run executes one command line and returns the process's exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	return newSession(stdin, stdout, stderr).run(args)
}

func newSession(stdin io.Reader, stdout, stderr io.Writer) *session {
	return &session{stdin: stdin, stdout: stdout, stderr: stderr, log: zerolog.Nop()}
}

func (s *session) run(args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(s.stderr, "andon: internal error: %v\nThis is a defect of andon; please report it. There is no verdict.\n", p)
			s.log.Debug().Bytes("stack", debug.Stack()).Msg("panic")
			code = exitInternal
		}
	}()
	ctx, stop := signals(context.Background())
	defer stop()
	root := s.root()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return s.fail(ctx, err)
	}
	return s.exit
}

// signals ends the context at the first SIGINT or SIGTERM, with a cause that
// tells them apart. A second one ends the process at once.
func signals(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	received := make(chan os.Signal, 1)
	signal.Notify(received, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case sig := <-received:
			signal.Stop(received)
			if sig == syscall.SIGTERM {
				cancel(audit.ErrTerminated)
			} else {
				cancel(context.Canceled)
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(received); cancel(nil) }
}

// fail prints an error as one sentence and returns its exit code.
func (s *session) fail(ctx context.Context, err error) int {
	if cause := context.Cause(ctx); cause != nil {
		fmt.Fprintln(s.stderr, "andon: interrupted before there was anything to report")
		if errors.Is(cause, audit.ErrTerminated) {
			return audit.ExitTerminated
		}
		return audit.ExitInterrupted
	}
	fmt.Fprintln(s.stderr, "andon: "+strings.TrimSpace(err.Error()))
	if _, ok := errors.AsType[usageError](err); ok || !s.started {
		return exitUsage
	}
	return exitInternal
}

func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "andon",
		Short: "Find every public cloud data store, and prove it",
		Long: `andon finds every bucket, database and other cloud data store that is public
instead of private, proves it, and keeps watching. It only ever reads
configuration: never data, never a write.

Exit codes:
  0    everything in scope was read, nothing at or above --fail-on
  1    internal error: no verdict
  2    usage, configuration, policy or recording error: no verdict
  3    findings at or above --fail-on
  4    no such findings, but something could not be read
  5    both 3 and 4
  130  interrupted, 143 terminated: what was known is reported, marked incomplete`,
		Example: `  andon audit                                 audit the clouds of your credentials
  andon audit --profile prod --depth full     ask everything, latent exposures included
  andon audit --replay examples/toyota        try it offline
  andon explain my-bucket                     the evidence behind one verdict
  andon demo audit                            the same verbs against a loopback cloud`,
		Version:           Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              noArguments,
		PersistentPreRunE: func(*cobra.Command, []string) error { return s.startLog() },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(s.stdin)
	root.SetOut(s.stdout)
	root.SetErr(s.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.CountVarP(&s.verbosity, "verbose", "v", "log more to stderr: -v what is done, -vv every call")
	flags.StringVar(&s.color, "color", "auto", "colours: auto, always or never (NO_COLOR is honoured)")
	flags.StringVar(&s.logFormat, "log-format", "auto", "log lines on stderr: auto, text or json")
	must(root.RegisterFlagCompletionFunc("color", words("auto", "always", "never")))
	must(root.RegisterFlagCompletionFunc("log-format", words("auto", "text", "json")))
	root.AddCommand(s.auditCommand(), s.explainCommand(), s.policyCommand(), s.kindsCommand(), s.permissionsCommand(),
		s.schemaCommand(), s.demoCommand(), s.versionCommand())
	return root
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command %q (see %s --help)", args[0], cmd.CommandPath())
	}
	return nil
}

// startLog sets up logging: to stderr, warnings and worse unless asked for more.
func (s *session) startLog() error {
	s.started = true
	out := s.stderr
	switch s.logFormat {
	case "json":
	case "text", "auto":
		if s.logFormat == "text" || isTerminal(s.stderr) {
			out = zerolog.ConsoleWriter{Out: s.stderr, NoColor: !s.colored(s.stderr), TimeFormat: "15:04:05"}
		}
	default:
		return usagef("--log-format %s: must be auto, text or json", s.logFormat)
	}
	switch s.color {
	case "auto", "always", "never":
	default:
		return usagef("--color %s: must be auto, always or never", s.color)
	}
	level := max(zerolog.WarnLevel-zerolog.Level(s.verbosity), zerolog.DebugLevel)
	s.log = zerolog.New(out).Level(level).With().Timestamp().Logger()
	return nil
}

func words(all ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// must panics on a defect of the program: a completion for a flag that does not
// exist.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
