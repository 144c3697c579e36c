package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/examples"
	"github.com/andon-audit/andon/providers/aws/awstest"
)

func (s *session) demoCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "demo [VERB ARGS...]",
		Short: "Start a loopback cloud with a demo estate, to try every verb without an account",
		Long: `Starts a small AWS on this machine, reachable from this machine alone, with the
estate of examples/toyota in it. Without a verb it prints the environment that
points andon at it and runs until it is interrupted; with a verb it runs that
verb against it and ends.`,
		Example: `  andon demo audit
  andon demo explain tconnect-telemetry
  andon demo                                  then, in another terminal, use what it prints`,
		RunE: func(cmd *cobra.Command, args []string) error {
			world, err := awstest.Parse(examples.ToyotaWorld)
			if err != nil {
				return fmt.Errorf("read demo estate: %w", err)
			}
			url, stop, err := awstest.NewServer(world, awstest.WithAddr(addr)).Start()
			if err != nil {
				return usagef("start demo: %w", err)
			}
			defer stop()
			if len(args) > 0 {
				return s.demoVerb(url, args)
			}
			fmt.Fprintf(s.stdout, "export AWS_ENDPOINT_URL=%s AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo AWS_REGION=us-east-1\n", url)
			fmt.Fprintln(s.stderr, "The demo cloud runs until you press Ctrl-C. Set the line above in another terminal and try: andon audit")
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:0", "loopback address to listen on")
	return cmd
}

// demoVerb runs a verb against the demo cloud, with credentials that only that
// cloud accepts.
func (s *session) demoVerb(url string, args []string) error {
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_REGION": "us-east-1",
	} {
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("point at demo: %w", err)
		}
	}
	s.exit = Run(args, s.stdin, s.stdout, s.stderr)
	return nil
}
