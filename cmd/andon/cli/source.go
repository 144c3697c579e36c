package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers"
	"github.com/andon-audit/andon/providers/aws"
)

// source says where the stores come from: a live account or a recording.
type source struct {
	aws         aws.Options
	replay      string
	record      string
	kinds       []string
	concurrency int
}

func (f *source) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.aws.Profile, "profile", "", "profile of the shared AWS configuration (default: the SDK's chain)")
	flags.StringArrayVar(&f.aws.Regions, "region", nil, "AWS region to audit, repeatable (default: every enabled region)")
	flags.StringVar(&f.aws.RoleARN, "role-arn", "", "IAM role to assume first")
	flags.StringVar(&f.aws.ExternalID, "external-id", "", "external id for --role-arn")
	flags.StringVar(&f.aws.Endpoint, "endpoint", "", "custom endpoint for every AWS service (default: AWS_ENDPOINT_URL)")
	flags.StringVar(&f.replay, "replay", "", "folder of a recording to audit offline, instead of an account")
	flags.StringVar(&f.record, "record", "", "folder to record every answer into, for --replay")
	flags.StringArrayVar(&f.kinds, "kind", nil, "kind of store to audit, repeatable (default: every kind, see andon kinds)")
	flags.IntVar(&f.concurrency, "concurrency", collect.DefaultConcurrency, "stores examined at the same time")
	must(cmd.MarkFlagDirname("replay"))
	must(cmd.MarkFlagDirname("record"))
	must(cmd.RegisterFlagCompletionFunc("kind", words(kindNames()...)))
}

func kindNames() []string {
	var names []string
	for _, k := range providers.Kinds() {
		names = append(names, string(k.Name))
	}
	return names
}

// opened is a source ready to be collected from.
type opened struct {
	provider collect.Provider
	calls    func() map[string]int
	name     string // "live" or "replay"
	close    func() error
}

// check finds mistakes before anything is asked.
func (f *source) check() error {
	if f.aws.ExternalID != "" && f.aws.RoleARN == "" {
		return usagef("--external-id is only of use with --role-arn")
	}
	if f.replay != "" && f.record != "" {
		return usagef("--record and --replay exclude each other")
	}
	if f.concurrency < 1 || f.concurrency > 1024 {
		return usagef("--concurrency %d: must be between 1 and 1024", f.concurrency)
	}
	known := kindNames()
	for _, kind := range f.kinds {
		if !slices.Contains(known, kind) {
			return usagef("--kind %s: not a kind (there are: %s)", kind, strings.Join(known, ", "))
		}
	}
	return nil
}

// given reports whether any flag says where the stores come from.
func (f *source) given() bool {
	return f.aws.Profile != "" || len(f.aws.Regions) > 0 || f.aws.RoleARN != "" || f.aws.Endpoint != "" ||
		f.replay != "" || f.record != "" || len(f.kinds) > 0
}

func (f *source) kindFilter() []resource.Kind {
	var kinds []resource.Kind
	for _, k := range f.kinds {
		kinds = append(kinds, resource.Kind(k))
	}
	return kinds
}

// open reaches the account or the recording.
func (f *source) open(ctx context.Context) (*opened, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	out := &opened{name: "live", close: func() error { return nil }}
	var transport http.RoundTripper
	options := f.aws
	if f.replay != "" {
		tapes, err := tape.ReadDir(f.replay)
		if err != nil {
			return nil, usage(err)
		}
		transport, out.name = tape.NewPlayer(tapes...), "replay"
		options = asRecorded(options, tapes)
	} else {
		live := newTransport(f.concurrency)
		transport = collect.NewPace(live, aws.Throttled)
		out.close = func() error { live.CloseIdleConnections(); return nil }
	}
	var recorder *tape.Recorder
	if f.record != "" {
		started, file, err := startRecording(transport, f.record)
		if err != nil {
			return nil, usage(err)
		}
		recorder, transport = started, started
		out.close = func() error { return errors.Join(recorder.Err(), file.Close()) }
	}
	readOnly := collect.NewReadOnly(transport, aws.Calls()...)
	options.Transport = readOnly
	out.calls = readOnly.Calls
	provider, err := aws.Open(ctx, options)
	if err != nil {
		err = errors.Join(usage(err), out.close())
		if recorder != nil {
			err = errors.Join(err, os.Remove(filepath.Join(f.record, tapeFile))) // there is nothing in it to replay
		}
		return nil, err
	}
	out.provider = provider
	if recorder != nil && provider.Custom() {
		recorder.Attach(endpointSection, "custom")
	}
	return out, nil
}

// endpointSection of a recording says that its answers are not Amazon's.
const endpointSection = "endpoint"

// asRecorded returns the options under which a recording gives the answers it
// gave when it was made. A throttled answer is followed by its retry, at once.
func asRecorded(o aws.Options, tapes []*tape.Tape) aws.Options {
	o.Offline, o.Endpoint, o.RoleARN, o.Backoff = true, "", "", func(int) time.Duration { return 0 }
	for _, t := range tapes {
		if _, custom := t.Attached[endpointSection]; custom {
			o.Custom = true
		}
		for _, e := range t.Exchanges {
			if e.Call.Name == "sts:GetCallerIdentity" {
				o.Home = e.Call.Region
			}
		}
	}
	return o
}

// newTransport is a transport that gives up early on a dead host and keeps a
// connection for each store that is examined at the same time.
func newTransport(concurrency int) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   concurrency,
		IdleConnTimeout:       90 * time.Second,
	}
}

const tapeFile = "tape.txtar"

func startRecording(next http.RoundTripper, dir string) (*tape.Recorder, io.Closer, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, nil, fmt.Errorf("start recording: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, tapeFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, nil, fmt.Errorf("start recording: %w (a recording is never overwritten: name a new folder)", err)
	}
	return tape.NewRecorder(next, file, aws.SecretCalls...), file, nil
}
