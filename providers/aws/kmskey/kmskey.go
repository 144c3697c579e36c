// Package kmskey collects AWS KMS keys that customers manage: a key's policy and
// its grants can let other accounts use it. kind.yaml declares every call.
package kmskey

import (
	"context"
	_ "embed"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.kms.key.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

// granted is the way in by a grant of the key.
const granted resource.Channel = "grant"

const (
	listCall     = "kms:ListKeys"
	aliasesCall  = "kms:ListAliases"
	policyCall   = "kms:GetKeyPolicy"
	grantsCall   = "kms:ListGrants"
	describeCall = "kms:DescribeKey"
)

type keys struct {
	resourcepolicy.Service
	client *kms.Client
}

// New returns the collector of an account's own keys in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	k := &keys{client: resourcepolicy.KeyClient(a, scope.Region)}
	k.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "kms", List: k.list,
		Call: policyCall, Pointer: "/Policy", Read: k.read, Of: func(r *resource.Resource) string { return r.Name },
		Gone: []string{"NotFoundException"},
		Questions: func(s *resourcepolicy.Store, _ *resource.Resource, policy *collect.Question) []*collect.Question {
			return []*collect.Question{policy, s.Question(grantsCall, k.askGrants), s.Question(describeCall, k.askState)}
		},
	}
	return resourcepolicy.New(k.Service)
}

// list yields the keys whose aliases do not say that AWS manages them. Where
// the aliases cannot be read it yields all of them, and says so at the end.
//
// Source: AWS Key Management Service Developer Guide, "Create aliases": the
// prefix alias/aws/ is reserved for AWS managed keys.
func (k *keys) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		aliases, refused := k.aliases(ctx)
		found := account.List(ctx, kms.NewListKeysPaginator(k.client, nil), entries, func(key *types.KeyListEntry) *resource.Resource {
			return k.describe(key, aliases[aws.ToString(key.KeyId)])
		})
		for r, err := range found {
			if !yield(r, err) || err != nil {
				return
			}
		}
		if refused != nil {
			yield(nil, refused)
		}
	}
}

func entries(page *kms.ListKeysOutput) ([]types.KeyListEntry, error) {
	if page.Keys == nil {
		return nil, collect.Malformed(listCall, "no list of keys in it")
	}
	return page.Keys, nil
}

// aliases returns the names of the region's keys by their ids.
func (k *keys) aliases(ctx context.Context) (map[string][]string, error) {
	names := make(map[string][]string)
	pages := kms.NewListAliasesPaginator(k.client, nil)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if page.Aliases == nil {
			return nil, collect.Malformed(aliasesCall, "no list of aliases in it")
		}
		for _, a := range page.Aliases {
			key := aws.ToString(a.TargetKeyId)
			names[key] = append(names[key], aws.ToString(a.AliasName))
		}
	}
	return names, nil
}

func (k *keys) describe(key *types.KeyListEntry, aliases []string) *resource.Resource {
	if slices.ContainsFunc(aliases, resourcepolicy.AWSManaged) {
		return nil
	}
	id := aws.ToString(key.KeyId)
	r := k.Resource(id, aws.ToString(key.KeyArn))
	if r.ID == "" {
		r.ID = resource.ID(k.ARN("key/" + id))
	}
	if len(aliases) > 0 {
		slices.Sort(aliases)
		r.Set("aliases", aliases, resource.Evidence{Call: aliasesCall, Of: id, Pointer: "/Aliases", Quote: strings.Join(aliases, ", ")})
	}
	return r
}

func (k *keys) read(ctx context.Context, id string) (*string, error) {
	text, err := resourcepolicy.KeyPolicy(ctx, k.client, id)
	return &text, err
}

func (k *keys) askGrants(ctx context.Context, r *resource.Resource) error {
	all, err := resourcepolicy.KeyGrants(ctx, k.client, r.Name)
	if err != nil {
		return err
	}
	for _, g := range all {
		to, gap := g.Outside(k.Account.ID, granted)
		if to != nil {
			r.Grants = append(r.Grants, *to)
		}
		if gap != nil {
			r.Gaps = append(r.Gaps, *gap)
		}
	}
	return nil
}

// unusable are the states in which a key does nothing but be described. In
// those that are not here it works, or will in a moment.
//
// Source: AWS Key Management Service Developer Guide, "Key states of AWS KMS
// keys".
var unusable = []types.KeyState{
	types.KeyStateDisabled, types.KeyStatePendingDeletion, types.KeyStatePendingReplicaDeletion, types.KeyStatePendingImport,
}

// askState asks whether the key can be used at all, and who manages it.
func (k *keys) askState(ctx context.Context, r *resource.Resource) error {
	answer, err := k.client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(r.Name)})
	if err != nil {
		return err
	}
	if answer.KeyMetadata == nil {
		return collect.Malformed(describeCall, "no key in it")
	}
	state := answer.KeyMetadata.KeyState
	if !slices.Contains(state.Values(), state) {
		return collect.Malformed(describeCall, "key state %q is not known", state)
	}
	r.Created = aws.ToTime(answer.KeyMetadata.CreationDate)
	from := resource.Evidence{Call: describeCall, Of: r.Name, Pointer: "/KeyMetadata/KeyState", Quote: string(state)}
	r.Set("key_state", string(state), from)
	if slices.Contains(unusable, state) {
		r.Guards = append(r.Guards, resource.Guard{
			Name: "key state (" + string(state) + ")", On: []resource.Channel{resourcepolicy.Policy, granted},
			Can: []resource.Action{resource.Read, resource.Write, resource.TakeOver}, Cap: resource.Nobody, Because: []resource.Evidence{from},
		})
	}
	return nil
}
