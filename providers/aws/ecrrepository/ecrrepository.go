// Package ecrrepository collects private Amazon ECR repositories: a repository's
// policy can let other accounts pull and push images. kind.yaml declares every
// call.
package ecrrepository

import (
	"context"
	_ "embed"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.ecr.repository.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall   = "ecr:DescribeRepositories"
	policyCall = "ecr:GetRepositoryPolicy"
)

type repositories struct {
	resourcepolicy.Service
	client *ecr.Client
}

// New returns the collector of an account's private repositories in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	c := &repositories{client: ecr.NewFromConfig(a.Config(scope.Region))}
	c.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "ecr", List: c.list,
		Call: policyCall, Pointer: "/policyText", Read: c.read, Of: func(r *resource.Resource) string { return r.Name },
		None: []string{"RepositoryPolicyNotFoundException"}, Gone: []string{"RepositoryNotFoundException"},
	}
	return resourcepolicy.New(c.Service)
}

func (c *repositories) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return account.List(ctx, ecr.NewDescribeRepositoriesPaginator(c.client, nil), entries, c.describe)
}

func entries(page *ecr.DescribeRepositoriesOutput) ([]types.Repository, error) {
	if page.Repositories == nil {
		return nil, collect.Malformed(listCall, "no list of repositories in it")
	}
	return page.Repositories, nil
}

func (c *repositories) describe(found *types.Repository) *resource.Resource {
	name := aws.ToString(found.RepositoryName)
	r := c.Resource(name, aws.ToString(found.RepositoryArn))
	if r.ID == "" {
		r.ID = resource.ID(c.ARN("repository/" + name))
	}
	r.Created = aws.ToTime(found.CreatedAt)
	if found.EncryptionConfiguration != nil {
		used := string(found.EncryptionConfiguration.EncryptionType)
		r.Set("encryption", used, c.Listed("/repositories", name, "encryptionType="+used))
	}
	return r
}

func (c *repositories) read(ctx context.Context, name string) (*string, error) {
	answer, err := c.client.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: aws.String(name)})
	if err != nil {
		return nil, err
	}
	if answer.PolicyText == nil {
		return nil, collect.Malformed(policyCall, "no policy in it")
	}
	return answer.PolicyText, nil
}
