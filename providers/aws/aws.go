// Package aws is the provider of Amazon Web Services: one account, reached with
// one identity, listed in its enabled regions.
//
// The kinds are the folders below it that hold a kind.yaml; kinds.go is
// generated from them.
package aws

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
)

//go:generate go run ../internal/kindlist

// Name is the cloud's name in scopes and kinds.
const Name = "aws"

// Options say which account to audit, and how; see account.Options.
type Options = account.Options

// kind is one folder below this package.
type kind struct {
	declaration *collect.Kind
	regional    bool
	collector   func(*account.Account, resource.Scope, []string) collect.Collector
}

// Kinds returns the declarations of every kind.
func Kinds() []*collect.Kind {
	declarations := make([]*collect.Kind, 0, len(kinds))
	for _, k := range kinds {
		declarations = append(declarations, k.declaration)
	}
	return declarations
}

// identityCalls are made to find out who and where this is.
var identityCalls = []string{callerIdentity, "sts:AssumeRole", "ec2:DescribeRegions"}

// SecretCalls answer with credentials; recordings leave them out.
var SecretCalls = []string{"sts:AssumeRole"}

// Calls returns every call this provider may make, sorted: the allow-list of
// its transport. All of them read configuration; none reads data or writes.
func Calls() []string {
	calls := slices.Clone(identityCalls)
	for _, k := range kinds {
		calls = append(calls, k.declaration.Calls()...)
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// Throttled reports whether an answer asks to slow down; see collect.Pace.
func Throttled(answer *http.Response) bool { return account.Throttled(answer) }

// Provider audits one AWS account.
type Provider struct {
	account *account.Account
	regions []string // asked for; empty means the enabled ones
}

// Open finds credentials and the account they belong to. Nothing is listed yet.
func Open(ctx context.Context, o Options) (*Provider, error) {
	a, err := account.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Provider{account: a, regions: o.Regions}, nil
}

// Custom reports that the endpoint is not Amazon's: an emulator or an
// S3-compatible store.
func (p *Provider) Custom() bool { return p.account.Custom }

// Name implements collect.Provider.
func (p *Provider) Name() string { return Name }

// Blind says what of an account is not looked at, whatever the kind.
//
// Of a Region that is disabled AWS says that its resources cannot be accessed or
// configured, and that charges for them go on; not that they stop answering.
// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/manage-account-payment.html
// https://docs.aws.amazon.com/accounts/latest/reference/API_DisableRegion.html
var Blind = []string{
	"Regions that are not enabled for the account are not looked at, since no identity of it can read them. " +
		"A region that was disabled later may still hold stores; AWS does not say whether they still answer.",
}

// Scopes returns the account itself, for what is listed once, and its regions:
// those that need no opt-in, and those that were opted into.
func (p *Provider) Scopes(ctx context.Context) ([]resource.Scope, error) {
	scopes := []resource.Scope{{Provider: Name, Account: p.account.ID}}
	enabled, err := p.enabledRegions(ctx)
	regions := p.regions
	switch {
	case ctx.Err() != nil:
		return nil, cmp.Or(err, ctx.Err())
	case err != nil && len(regions) == 0:
		return p.withoutRegions(scopes, err)
	case err == nil && len(regions) == 0:
		regions = enabled
	case err == nil:
		if err := p.check(ctx, regions, enabled); err != nil {
			return nil, err
		}
	case !p.account.Custom && !wellFormed(regions):
		return nil, fmt.Errorf("--region %s: not the name of an AWS region", strings.Join(regions, ", "))
	}
	for _, region := range regions {
		scopes = append(scopes, resource.Scope{Provider: Name, Account: p.account.ID, Region: region})
	}
	return scopes, nil
}

// withoutRegions goes on with the home region alone and says so: what is listed
// once for the account does not depend on the list of regions.
func (p *Provider) withoutRegions(scopes []resource.Scope, err error) ([]resource.Scope, error) {
	refusal := account.Refusal(err)
	refusal.Detail = "the enabled regions could not be listed, only the home region was read (name regions with --region): " + refusal.Detail
	home := resource.Scope{Provider: Name, Account: p.account.ID, Region: p.account.Config("").Region}
	return append(scopes, home), &collect.PartialScopesError{
		Scope: scopes[0], Kind: "aws.region", Permission: "ec2:DescribeRegions", Refusal: refusal,
	}
}

func (p *Provider) enabledRegions(ctx context.Context) ([]string, error) {
	answer, err := ec2.NewFromConfig(p.account.Config("")).DescribeRegions(ctx, &ec2.DescribeRegionsInput{AllRegions: sdk.Bool(false)})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range answer.Regions {
		names = append(names, sdk.ToString(r.RegionName))
	}
	if len(names) == 0 {
		return nil, collect.Malformed("ec2:DescribeRegions", "no region in it")
	}
	slices.Sort(names)
	return names, nil
}

// notEnabled is the state of a region that exists and that the account may not use.
const notEnabled = "not-opted-in"

// check returns an error for the first region asked for that is not enabled. Only
// then are the others asked about: a run that names none, or the right ones, costs
// no further call.
func (p *Provider) check(ctx context.Context, asked, enabled []string) error {
	i := slices.IndexFunc(asked, func(name string) bool { return !slices.Contains(enabled, name) })
	if i < 0 {
		return nil
	}
	region, all := asked[i], strings.Join(enabled, ", ")
	known, err := p.states(ctx)
	state, exists := known[region]
	switch {
	case err == nil && !exists && !p.account.Custom:
		return fmt.Errorf("--region %s: there is no such region in partition %s (enabled: %s)", region, p.account.Partition, all)
	case err == nil && state == notEnabled:
		return fmt.Errorf("--region %s: not enabled for account %s, so nothing in it can be read; "+
			"enable it (aws account enable-region --region-name %s) or leave it out (enabled: %s)", region, p.account.ID, region, all)
	default:
		return fmt.Errorf("--region %s: not a region that is enabled for this account (enabled: %s)", region, all)
	}
}

// states returns the opt-in state of every region of the partition.
func (p *Provider) states(ctx context.Context) (map[string]string, error) {
	answer, err := ec2.NewFromConfig(p.account.Config("")).DescribeRegions(ctx, &ec2.DescribeRegionsInput{AllRegions: sdk.Bool(true)})
	if err != nil {
		return nil, err
	}
	states := make(map[string]string, len(answer.Regions))
	for _, r := range answer.Regions {
		states[sdk.ToString(r.RegionName)] = sdk.ToString(r.OptInStatus)
	}
	return states, nil
}

// wellFormed accepts names like "eu-west-1" and "us-gov-east-1".
func wellFormed(regions []string) bool {
	return !slices.ContainsFunc(regions, func(name string) bool {
		parts := strings.Split(name, "-")
		last := parts[len(parts)-1]
		return len(parts) < 3 || len(last) != 1 || last[0] < '1' || last[0] > '9'
	})
}

// Collectors implements collect.Provider.
func (p *Provider) Collectors(scope resource.Scope) []collect.Collector {
	var collectors []collect.Collector
	for _, k := range kinds {
		if k.regional == (scope.Region != "") {
			collectors = append(collectors, k.collector(p.account, scope, p.regions))
		}
	}
	return collectors
}

// Refusal implements collect.Provider.
func (p *Provider) Refusal(err error) collect.Refusal { return account.Refusal(err) }
