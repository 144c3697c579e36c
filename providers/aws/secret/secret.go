// Package secret collects AWS Secrets Manager secrets: a secret's policy can let
// other accounts read its value, if the key under which it is encrypted lets
// them in, too. kind.yaml declares every call; none reads a value.
package secret

import (
	"context"
	_ "embed"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.secretsmanager.secret.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall   = "secretsmanager:ListSecrets"
	policyCall = "secretsmanager:GetResourcePolicy"
)

// defaultKey encrypts the secrets of which the listing names no key.
//
// Source: AWS Secrets Manager API Reference, SecretListEntry, KmsKeyId.
const defaultKey = "alias/aws/secretsmanager"

type secrets struct {
	resourcepolicy.Service
	client *secretsmanager.Client
}

// New returns the collector of an account's secrets in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	s := &secrets{client: secretsmanager.NewFromConfig(a.Config(scope.Region))}
	s.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "secretsmanager", List: s.list,
		Call: policyCall, Pointer: "/ResourcePolicy", Read: s.read, Gone: []string{"ResourceNotFoundException"},
		Questions: s.questions,
	}
	return resourcepolicy.New(s.Service)
}

func (s *secrets) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return account.List(ctx, secretsmanager.NewListSecretsPaginator(s.client, nil), entries, s.describe)
}

func entries(page *secretsmanager.ListSecretsOutput) ([]types.SecretListEntry, error) {
	if page.SecretList == nil {
		return nil, collect.Malformed(listCall, "no list of secrets in it")
	}
	return page.SecretList, nil
}

// describe adds what the default key closes; another key takes a question.
func (s *secrets) describe(found *types.SecretListEntry) *resource.Resource {
	r := s.Resource(aws.ToString(found.Name), aws.ToString(found.ARN))
	r.Created = aws.ToTime(found.CreatedDate)
	key := aws.ToString(found.KmsKeyId)
	if key == "" {
		key = defaultKey
	}
	from := s.Listed("/SecretList", r.Name, "KmsKeyId="+key)
	r.Set("kms_key", key, from)
	r.Set("rotated", aws.ToBool(found.RotationEnabled), s.Listed("/SecretList", r.Name, ""))
	if resourcepolicy.AWSManaged(key) {
		r.Guards = append(r.Guards, resourcepolicy.ManagedKey(resourcepolicy.Keyed, from))
	}
	return r
}

// questions are about the policy, and about the key where it is the owner's.
func (s *secrets) questions(store *resourcepolicy.Store, r *resource.Resource, policy *collect.Question) []*collect.Question {
	named, _ := r.Settings["kms_key"].Value.(string)
	if resourcepolicy.AWSManaged(named) {
		return []*collect.Question{policy}
	}
	key := &resourcepolicy.Key{Account: s.Account, Region: s.Scope.Region, Named: named}
	grants := store.Question("kms:ListGrants", key.AskGrants)
	keyPolicy := store.Question("kms:GetKeyPolicy", func(ctx context.Context, r *resource.Resource) error {
		err := key.AskPolicy(ctx, r)
		if err == nil && key.Moot() {
			grants.Shields = nil
		}
		return err
	})
	return []*collect.Question{policy, keyPolicy, grants}
}

func (s *secrets) read(ctx context.Context, arn string) (*string, error) {
	answer, err := s.client.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: aws.String(arn)})
	if err != nil {
		return nil, err
	}
	if aws.ToString(answer.ARN) == "" {
		return nil, collect.Malformed(policyCall, "no secret in it")
	}
	return answer.ResourcePolicy, nil
}
