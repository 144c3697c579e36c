// Package efsfilesystem collects Amazon EFS file systems: a policy that can let
// in other accounts, and mount targets, where whoever gets there needs nothing
// else unless the policy says so. kind.yaml declares every call.
package efsfilesystem

import (
	"context"
	_ "embed"
	"iter"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/efs"
	"github.com/aws/aws-sdk-go-v2/service/efs/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.efs.file_system.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall   = "efs:DescribeFileSystems"
	policyCall = "efs:DescribeFileSystemPolicy"
)

type fileSystems struct {
	resourcepolicy.Service
	client *efs.Client
}

// New returns the collector of an account's file systems in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	s := &fileSystems{client: efs.NewFromConfig(a.Config(scope.Region))}
	s.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "elasticfilesystem", List: s.list,
		Call: policyCall, Pointer: "/Policy", Read: s.read, None: []string{"PolicyNotFound"}, Gone: []string{"FileSystemNotFound"},
		Of: func(r *resource.Resource) string { return r.Name }, Questions: s.questions,
	}
	return resourcepolicy.New(s.Service)
}

func (s *fileSystems) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return account.List(ctx, efs.NewDescribeFileSystemsPaginator(s.client, &efs.DescribeFileSystemsInput{}), entries, s.describe)
}

func entries(page *efs.DescribeFileSystemsOutput) ([]types.FileSystemDescription, error) {
	if page.FileSystems == nil {
		return nil, collect.Malformed(listCall, "no list of file systems in it")
	}
	return page.FileSystems, nil
}

// describe names a file system by its id: the name that its owner gave it is a
// tag, and need not be the only one of its kind.
func (s *fileSystems) describe(found *types.FileSystemDescription) *resource.Resource {
	id := aws.ToString(found.FileSystemId)
	arn := aws.ToString(found.FileSystemArn)
	if arn == "" {
		arn = s.ARN("file-system/" + id)
	}
	r := s.Resource(id, arn)
	r.Created = aws.ToTime(found.CreationTime)
	for _, t := range found.Tags {
		if r.Tags == nil {
			r.Tags = make(map[string]string, len(found.Tags))
		}
		r.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if found.Encrypted != nil {
		r.Set("encrypted", *found.Encrypted, s.Listed("/FileSystems", id, "Encrypted="+strconv.FormatBool(*found.Encrypted)))
	}
	return r
}

func (s *fileSystems) read(ctx context.Context, id string) (*string, error) {
	answer, err := s.client.DescribeFileSystemPolicy(ctx, &efs.DescribeFileSystemPolicyInput{FileSystemId: aws.String(id)})
	if err != nil {
		return nil, err
	}
	if aws.ToString(answer.Policy) == "" { // without one there is an error
		return nil, collect.Malformed(policyCall, "no policy in it")
	}
	return answer.Policy, nil
}

// questions are about the policy, and about where the file system is mounted.
func (s *fileSystems) questions(store *resourcepolicy.Store, r *resource.Resource, policy *collect.Question) []*collect.Question {
	p := &policyOf{store: store}
	store.Answer = p.answer
	m := &mounts{fileSystems: s, id: r.Name}
	return append([]*collect.Question{policy, store.Question(targetsCall, m.ask)}, m.network()...)
}
