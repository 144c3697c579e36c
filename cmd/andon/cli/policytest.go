package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
)

func (s *session) policyTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test DIR",
		Short: "Run the examples of a folder of policies",
		Long: `Loads the policies of a folder and runs the examples they carry through the same
engine as an audit. An example that names a recording ("given: aws/mine/open") is
replayed from aws/mine/open.txtar in that folder, as andon audit --record writes it.

Exit code 0 means that every example came out as it says, 3 that one did not,
2 that a policy or a recording cannot be used.`,
		Example: "  andon policy test ./my-policies",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("test needs the folder of the policies")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return s.policyTest(cmd.Context(), args[0]) },
	}
}

func (s *session) policyTest(ctx context.Context, dir string) error {
	set, err := loadPolicies(dir, policy.Config{})
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return usagef("test policies: %w", err)
	}
	defer func() { _ = root.Close() }()
	passed, failed := 0, 0
	var unusable error
	for _, result := range set.Test(ctx, "", recordings{root.FS()}) {
		switch {
		case result.OK():
			passed++
			continue
		case result.Err != nil:
			unusable = errors.Join(unusable, fmt.Errorf("%s, example %q: %w", result.Policy, result.Example.Name, result.Err))
		default:
			failed++
			fmt.Fprintf(s.stdout, "%s: example %q is %s, wants %s\n", result.Policy, result.Example.Name, result.Got, result.Example.Want)
		}
	}
	fmt.Fprintf(s.stdout, "%d examples passed, %d failed\n", passed, failed)
	if unusable != nil {
		return usagef("test policies of %s:\n%w", dir, unusable)
	}
	if failed > 0 {
		s.exit = 3
	}
	return nil
}

// recordings replays the tapes that examples name. It implements policy.Givens.
type recordings struct{ fsys fs.FS }

// Given implements policy.Givens.
func (r recordings) Given(ctx context.Context, name, denied string, depth policy.Depth, want *policy.Set) ([]resource.Resource, error) {
	text, err := fs.ReadFile(r.fsys, name+".txtar")
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	played, err := tape.Parse(name+".txtar", text)
	if err != nil {
		return nil, err
	}
	tapes := []*tape.Tape{played}
	replay := opened{clouds: onTapes(tapes)}
	transport := refusing{next: tape.NewPlayer(played), call: denied}
	err = replay.reach(ctx, new(source), nil, func(*cloud) reach { return reach{transport: transport, tapes: tapes, attempts: 1} })
	if err != nil {
		return nil, err
	}
	runner := collect.Runner{Provider: replay.provider, Budgeted: depth == policy.Verdict, Wants: want.Wants, Proves: want.Proves}
	if depth == policy.Full {
		runner.Wants = nil
	}
	var stores []resource.Resource
	_, err = runner.Run(ctx, func(found *resource.Resource) error {
		stores = append(stores, *found)
		return nil
	})
	return stores, err
}

// refusing answers one call as a cloud does that lacks a permission.
type refusing struct {
	next http.RoundTripper
	call string
}

// RoundTrip implements http.RoundTripper.
func (r refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	if call, _ := collect.CallOf(req.Context()); r.call == "" || call.Name != r.call {
		return r.next.RoundTrip(req)
	}
	return &http.Response{
		Status: "403 Forbidden", StatusCode: http.StatusForbidden, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: io.NopCloser(strings.NewReader("")), Request: req,
	}, nil
}
