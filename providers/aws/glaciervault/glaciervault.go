// Package glaciervault collects Amazon Glacier vaults: a vault's access policy
// and its lock policy decide together whether other accounts may retrieve and
// delete archives. kind.yaml declares every call.
package glaciervault

import (
	"context"
	_ "embed"
	"iter"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glacier"
	"github.com/aws/aws-sdk-go-v2/service/glacier/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.glacier.vault.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall   = "glacier:ListVaults"
	accessCall = "glacier:GetVaultAccessPolicy"
	lockCall   = "glacier:GetVaultLock"
)

// none is how Glacier says that there is no such policy, and that there is no
// such vault: nobody gets into that either.
const none = "ResourceNotFoundException"

type vaults struct {
	resourcepolicy.Service
	client *glacier.Client
}

// New returns the collector of an account's vaults in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	v := &vaults{client: glacier.NewFromConfig(a.Config(scope.Region))}
	v.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "glacier", List: v.list,
		Call: accessCall, Pointer: "/Policy", Read: v.read, Of: func(r *resource.Resource) string { return r.Name }, None: []string{none},
		Questions: func(s *resourcepolicy.Store, _ *resource.Resource, policy *collect.Question) []*collect.Question {
			one := &vault{vaults: v, store: s}
			s.Answer = one.answerAccess
			return []*collect.Question{policy, s.Question(lockCall, one.askLock)}
		},
	}
	return resourcepolicy.New(v.Service)
}

func (v *vaults) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := glacier.NewListVaultsPaginator(v.client, &glacier.ListVaultsInput{AccountId: aws.String(v.Account.ID)})
	return account.List(ctx, pages, entries, v.describe)
}

func entries(page *glacier.ListVaultsOutput) ([]types.DescribeVaultOutput, error) {
	if page.VaultList == nil {
		return nil, collect.Malformed(listCall, "no list of vaults in it")
	}
	return page.VaultList, nil
}

func (v *vaults) describe(found *types.DescribeVaultOutput) *resource.Resource {
	name := aws.ToString(found.VaultName)
	r := v.Resource(name, aws.ToString(found.VaultARN))
	if r.ID == "" {
		r.ID = resource.ID(v.ARN("vaults/" + name))
	}
	if created, err := time.Parse(time.RFC3339, aws.ToString(found.CreationDate)); err == nil {
		r.Created = created
	}
	return r
}

func (v *vaults) read(ctx context.Context, name string) (*string, error) {
	answer, err := v.client.GetVaultAccessPolicy(ctx, &glacier.GetVaultAccessPolicyInput{AccountId: aws.String(v.Account.ID), VaultName: aws.String(name)})
	if err != nil {
		return nil, err
	}
	if answer.Policy == nil || answer.Policy.Policy == nil {
		return nil, collect.Malformed(accessCall, "no policy in it")
	}
	return answer.Policy.Policy, nil
}

// vault is one vault with its two policies. Each is judged past the denials of
// the other, so that both are judged again when the second is known.
//
// Source: Amazon Glacier Developer Guide, "Vault Lock Policies" and "Vault
// Access Policies": both kinds can be attached to a vault, and an explicit Deny
// in any policy overrides.
type vault struct {
	*vaults
	store        *resourcepolicy.Store
	access, lock *iam.Policy
	said         []resource.Gap // by what was judged before
}

func (v *vault) lockSource() resourcepolicy.Source {
	return resourcepolicy.Source{Call: lockCall, Of: v.store.Of, Pointer: "/Policy"}
}

func (v *vault) answerAccess(ctx context.Context, r *resource.Resource, p *iam.Policy) error {
	v.access = p
	return v.judge(ctx, r)
}

func (v *vault) askLock(ctx context.Context, r *resource.Resource) error {
	answer, err := v.client.GetVaultLock(ctx, &glacier.GetVaultLockInput{AccountId: aws.String(v.Account.ID), VaultName: aws.String(r.Name)})
	from := resource.Evidence{Call: lockCall, Of: r.Name}
	if account.Code(err) == none {
		from.Quote = none
		r.Set("lock_state", "", from)
		return nil
	}
	if err != nil {
		return err
	}
	state := aws.ToString(answer.State)
	if answer.Policy == nil || !slices.Contains([]string{"InProgress", "Locked"}, state) {
		return collect.Malformed(lockCall, "no policy in it, or a state that is not known: %q", state)
	}
	if v.lock, err = resourcepolicy.Parse(aws.ToString(answer.Policy), v.lockSource()); err != nil {
		return err
	}
	from.Pointer, from.Quote = "/State", state
	r.Set("lock_state", state, from)
	if state == "InProgress" {
		r.Notes = append(r.Notes, "the vault lock is in progress: its policy counts now, and lapses within a day unless it is completed")
	}
	return v.judge(ctx, r)
}

// judge describes what the policies that are known let in, instead of what was
// described before.
func (v *vault) judge(ctx context.Context, r *resource.Resource) error {
	first := v.store.Attachment(ctx)
	first.Beside = &resourcepolicy.Beside{Source: v.lockSource(), Policy: v.lock}
	second := v.store.Attachment(ctx)
	second.Source, second.Beside = v.lockSource(), &resourcepolicy.Beside{Source: first.Source, Policy: v.access}
	var all resourcepolicy.Judged
	for _, at := range []resourcepolicy.Attachment{first, second} {
		policy := map[string]*iam.Policy{accessCall: v.access, lockCall: v.lock}[at.Call]
		if policy == nil {
			continue
		}
		judged, err := resourcepolicy.Judge(policy, at)
		if err != nil {
			return err
		}
		all.Grants, all.Gaps, all.Closed = append(all.Grants, judged.Grants...), append(all.Gaps, judged.Gaps...), append(all.Closed, judged.Closed...)
	}
	r.Grants, r.Guards = nil, nil
	r.Gaps = slices.DeleteFunc(slices.Clone(r.Gaps), v.saidBefore)
	v.said = all.Gaps
	all.Describe(r)
	return nil
}

func (v *vault) saidBefore(g resource.Gap) bool {
	return slices.ContainsFunc(v.said, func(said resource.Gap) bool { return said.Call == g.Call && said.Detail == g.Detail })
}
