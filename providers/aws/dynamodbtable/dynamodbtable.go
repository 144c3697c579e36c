// Package dynamodbtable collects Amazon DynamoDB tables: a table's policy can
// let other accounts read and write its items. kind.yaml declares every call.
package dynamodbtable

import (
	"context"
	_ "embed"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.dynamodb.table.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall     = "dynamodb:ListTables"
	policyCall   = "dynamodb:GetResourcePolicy"
	describeCall = "dynamodb:DescribeTable"
)

type tables struct {
	resourcepolicy.Service
	client *dynamodb.Client
}

// New returns the collector of an account's tables in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	t := &tables{client: dynamodb.NewFromConfig(a.Config(scope.Region))}
	t.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "dynamodb", List: t.list,
		Call: policyCall, Pointer: "/Policy", Read: t.read,
		None: []string{"PolicyNotFoundException"}, Gone: []string{"ResourceNotFoundException", "TableNotFoundException"},
		// The policy of a table is that of its indexes, too.
		Resources: func(arn string) []string { return []string{arn, arn + "/index/*"} },
		Questions: func(s *resourcepolicy.Store, _ *resource.Resource, policy *collect.Question) []*collect.Question {
			return []*collect.Question{policy, s.Question(describeCall, func(ctx context.Context, r *resource.Resource) error { return t.askKey(ctx, s, r) })}
		},
	}
	return resourcepolicy.New(t.Service)
}

func (t *tables) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return account.List(ctx, dynamodb.NewListTablesPaginator(t.client, nil), entries, t.describe)
}

func entries(page *dynamodb.ListTablesOutput) ([]string, error) {
	if page.TableNames == nil {
		return nil, collect.Malformed(listCall, "no list of tables in it")
	}
	return page.TableNames, nil
}

func (t *tables) describe(name *string) *resource.Resource {
	return t.Resource(*name, t.ARN("table/"+*name))
}

// read reads a table's policy. DynamoDB refuses policies that it calls public
// when they are attached; one that is there is judged like any other.
//
// Source: Amazon DynamoDB Developer Guide, "Blocking public access with
// resource-based policies in DynamoDB".
func (t *tables) read(ctx context.Context, arn string) (*string, error) {
	answer, err := t.client.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: aws.String(arn)})
	if err != nil {
		return nil, err
	}
	if answer.Policy == nil {
		return nil, collect.Malformed(policyCall, "no policy in it")
	}
	return answer.Policy, nil
}

// askKey asks under which key the table is encrypted: without a description of
// it that is a key that DynamoDB owns, which keeps nobody out.
//
// Source: Amazon DynamoDB API Reference, SSEDescription; Developer Guide,
// "DynamoDB resource-based policy considerations", cross-account considerations.
func (t *tables) askKey(ctx context.Context, s *resourcepolicy.Store, r *resource.Resource) error {
	answer, err := t.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(r.Name)})
	if err != nil {
		return err
	}
	if answer.Table == nil || aws.ToString(answer.Table.TableArn) == "" {
		return collect.Malformed(describeCall, "no table in it")
	}
	r.Created = aws.ToTime(answer.Table.CreationDateTime)
	from := resource.Evidence{Call: describeCall, Of: r.Name, Pointer: "/Table"}
	sse := answer.Table.SSEDescription
	if sse == nil || sse.Status == types.SSEStatusDisabled {
		r.Set("kms_key", "", from)
		return nil
	}
	key := aws.ToString(sse.KMSMasterKeyArn)
	if sse.SSEType == types.SSETypeAes256 || key == "" {
		return collect.Malformed(describeCall, "encryption of type %q under key %q is not known", sse.SSEType, key)
	}
	from.Pointer, from.Quote = "/Table/SSEDescription/KMSMasterKeyArn", key
	r.Set("kms_key", key, from)
	resourcepolicy.AddKey(r, key, everything, from)
	return nil
}

// everything that is done with a table's items takes its key.
var everything = []resource.Action{resource.Read, resource.Write, resource.Delete}
