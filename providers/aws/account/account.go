// Package account is how every collector of this provider reaches AWS: one
// account, one identity, one transport. Clients made from an [Account] name
// every request after its SDK operation, can only make declared read-only
// calls, retry throttled answers, and honour a custom endpoint.
package account

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/andon-audit/andon/pkg/collect"
)

// Options say which account to reach, and how.
type Options struct {
	// Profile names a profile of the shared AWS configuration; empty means the
	// SDK's default chain.
	Profile string
	// Regions limits the audit; empty means the account's enabled regions.
	Regions []string
	// RoleARN is assumed before anything is read; ExternalID goes with it.
	RoleARN, ExternalID string
	// Endpoint is a custom endpoint for every service, as AWS_ENDPOINT_URL
	// gives it.
	Endpoint string
	// Transport carries the requests. It is given a named call with each (see
	// collect.CallOf) and decides what may leave.
	Transport http.RoundTripper
	// Offline uses placeholder credentials and reads no configuration of this
	// machine: for recordings and loopback servers.
	Offline bool
	// Home is where global services are asked, and Custom says that the answers
	// do not come from Amazon: for recordings, which cannot tell by themselves.
	Home   string
	Custom bool
	// Attempts is how often a throttled or failed call is tried; 0 means 6.
	Attempts int
	// Backoff waits before a retry; nil means the SDK's exponential backoff
	// with jitter, of at most 20 s.
	Backoff func(attempt int) time.Duration
}

// Account is one AWS account reached with one identity.
type Account struct {
	ID string
	// Partition is "aws", "aws-cn", "aws-us-gov", …
	Partition string
	// Custom reports that the endpoint is not Amazon's: an emulator or an
	// S3-compatible store, for which Amazon's documentation promises nothing.
	Custom bool
	config aws.Config
	shared sync.Map
}

// homeRegion is where global services are asked when nothing else is
// configured.
const homeRegion = "us-east-1"

// Open finds credentials and asks which account they belong to. Its errors say
// what to do next.
func Open(ctx context.Context, o Options) (*Account, error) {
	cfg, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("find AWS credentials: %w (set AWS_PROFILE or --profile, or configure one of the SDK's credential sources)", plain(err))
	}
	cfg.APIOptions = append(cfg.APIOptions, nameCalls)
	if cfg.BaseEndpoint != nil {
		only, err := url.Parse(*cfg.BaseEndpoint)
		if err != nil || only.Host == "" {
			return nil, fmt.Errorf("read AWS configuration: the endpoint %q is not a URL with a host", *cfg.BaseEndpoint)
		}
		cfg.APIOptions = append(cfg.APIOptions, oneHost(only.Host))
	}
	cfg.HTTPClient = &http.Client{Transport: collect.NewLimit(collect.NewBreaker(o.Transport)), CheckRedirect: stay}
	cfg.Retryer = o.retryer
	if o.RoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(assume(cfg, o))
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
			return nil, fmt.Errorf("assume role %s: %w (does its trust policy let you in, under this --external-id?)", o.RoleARN, plain(err))
		}
	}
	a := &Account{Custom: o.Custom || cfg.BaseEndpoint != nil, config: cfg}
	identity, err := sts.NewFromConfig(cfg, o.atOnce).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, fmt.Errorf("find out which AWS account this is: %w", plain(err))
	}
	a.ID = aws.ToString(identity.Account)
	a.Partition = partition(aws.ToString(identity.Arn))
	if a.ID == "" {
		return nil, errors.New("find out which AWS account this is: the answer of sts:GetCallerIdentity names no account")
	}
	return a, nil
}

func load(ctx context.Context, o Options) (aws.Config, error) {
	if o.Offline {
		cfg := aws.Config{Region: cmp.Or(o.Home, homeRegion), Credentials: credentials.NewStaticCredentialsProvider("offline", "offline", "")}
		if o.Endpoint != "" {
			cfg.BaseEndpoint = aws.String(o.Endpoint)
		}
		return cfg, nil
	}
	// The SDK's own remarks go to standard error past our logger, and are about
	// connections; what concerns a verdict comes back as an error.
	options := []func(*config.LoadOptions) error{config.WithDefaultRegion(homeRegion), config.WithLogger(logging.Nop{})}
	if o.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Endpoint != "" {
		options = append(options, config.WithBaseEndpoint(o.Endpoint))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("read AWS configuration: %w", plain(err))
	}
	if len(o.Regions) > 0 && os.Getenv("AWS_REGION") == "" && cfg.Region == homeRegion {
		cfg.Region = o.Regions[0]
	}
	return cfg, nil
}

func assume(cfg aws.Config, o Options) aws.CredentialsProvider {
	return stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), o.RoleARN, func(r *stscreds.AssumeRoleOptions) {
		r.RoleSessionName = "andon"
		if o.ExternalID != "" {
			r.ExternalID = aws.String(o.ExternalID)
		}
	})
}

// retryer retries what the SDK deems worth it. The SDK's retry quota is off: it
// would give up early on a large, slow account, where Pace slows down instead.
func (o Options) retryer() aws.Retryer { return o.standard() }

func (o Options) standard() *retry.Standard {
	return retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = 6
		if o.Attempts > 0 {
			s.MaxAttempts = o.Attempts
		}
		s.RateLimiter = ratelimit.None
		if o.Backoff != nil {
			s.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) { return o.Backoff(attempt), nil })
		}
	})
}

func (o Options) atOnce(s *sts.Options) { s.Retryer = firstContact{o.standard()} }

// firstContact is the retryer of the first call: an endpoint where nobody
// listens is a mistake to be told at once, not weather to wait out.
type firstContact struct{ aws.RetryerV2 }

// IsErrorRetryable implements aws.Retryer.
func (r firstContact) IsErrorRetryable(err error) bool {
	return !errors.Is(err, syscall.ECONNREFUSED) && r.RetryerV2.IsErrorRetryable(err)
}

// stay refuses redirects: an answer never sends andon to another host.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Config returns the configuration for clients of one region; an empty region
// means the home region.
func (a *Account) Config(region string) aws.Config {
	cfg := a.config.Copy()
	if region != "" {
		cfg.Region = region
	}
	return cfg
}

// nameCalls marks the context of every request with its call, which is what
// recordings, counts and the allow-list go by.
func nameCalls(stack *middleware.Stack) error {
	name := middleware.InitializeMiddlewareFunc("andon:NameCall", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		call := collect.Call{
			Name:   CallName(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)),
			Region: awsmiddleware.GetRegion(ctx),
		}
		if !strings.HasPrefix(call.Name, "sts:") {
			call.Input = canonical(in.Parameters)
		}
		return next.HandleInitialize(collect.WithCall(ctx, call), in)
	})
	return stack.Initialize.Add(name, middleware.After)
}

// oneHost sends every request to the custom endpoint's host. The SDK puts
// account ids in front of it, which name hosts that only Amazon has; the id is
// also in a header.
func oneHost(host string) func(*middleware.Stack) error {
	pin := middleware.FinalizeMiddlewareFunc("andon:OneHost", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if req, ok := in.Request.(*smithyhttp.Request); ok {
			req.URL.Host = host
		}
		return next.HandleFinalize(ctx, in)
	})
	return func(stack *middleware.Stack) error {
		// Before signing, which covers the host.
		return stack.Finalize.Insert(pin, "Signing", middleware.Before)
	}
}

// CallName spells a call as andon does everywhere: "s3control:ListAccessPoints".
func CallName(serviceID, operation string) string {
	return strings.ReplaceAll(strings.ToLower(serviceID), " ", "") + ":" + operation
}

// canonical renders an operation's input as JSON with sorted keys and without
// the members that are not set.
func canonical(parameters any) string {
	text, err := json.Marshal(parameters)
	if err != nil {
		return "{}"
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return "{}"
	}
	for key, value := range members {
		if value == nil || value == "" {
			delete(members, key)
		}
	}
	text, err = json.Marshal(members)
	if err != nil {
		return "{}"
	}
	return string(text)
}

func partition(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	if len(parts) < 2 || parts[1] == "" {
		return "aws"
	}
	return parts[1]
}

// Shared returns the value that all collectors of the account hold in common
// under a key, making it the first time: a fact that is asked for once per
// account, a client per region.
func Shared[T any](a *Account, key string, make func() *T) *T {
	if found, ok := a.shared.Load(key); ok {
		if value, ok := found.(*T); ok {
			return value
		}
	}
	stored, _ := a.shared.LoadOrStore(key, make())
	value, ok := stored.(*T)
	if !ok {
		panic("account: " + key + " is shared as two types")
	}
	return value
}
