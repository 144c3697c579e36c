// Package kinesisstream collects Amazon Kinesis data streams: a stream's policy
// can let other accounts read and write its records. kind.yaml declares every
// call.
package kinesisstream

import (
	"context"
	_ "embed"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.kinesis.stream.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall     = "kinesis:ListStreams"
	policyCall   = "kinesis:GetResourcePolicy"
	describeCall = "kinesis:DescribeStreamSummary"
)

type streams struct {
	resourcepolicy.Service
	client *kinesis.Client
}

// New returns the collector of an account's streams in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	c := &streams{client: kinesis.NewFromConfig(a.Config(scope.Region))}
	c.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "kinesis", List: c.list,
		Call: policyCall, Pointer: "/Policy", Read: c.read, Gone: []string{"ResourceNotFoundException"},
		Questions: func(s *resourcepolicy.Store, _ *resource.Resource, policy *collect.Question) []*collect.Question {
			return []*collect.Question{policy, s.Question(describeCall, func(ctx context.Context, r *resource.Resource) error { return c.askKey(ctx, s, r) })}
		},
	}
	return resourcepolicy.New(c.Service)
}

func (c *streams) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return account.List(ctx, kinesis.NewListStreamsPaginator(c.client, nil), c.entries, c.describe)
}

// entries takes the names where an endpoint gives no summaries.
func (c *streams) entries(page *kinesis.ListStreamsOutput) ([]types.StreamSummary, error) {
	if page.StreamSummaries == nil && page.StreamNames == nil {
		return nil, collect.Malformed(listCall, "no list of streams in it")
	}
	if len(page.StreamSummaries) > 0 {
		return page.StreamSummaries, nil
	}
	var all []types.StreamSummary
	for _, name := range page.StreamNames {
		all = append(all, types.StreamSummary{StreamName: aws.String(name), StreamARN: aws.String(c.ARN("stream/" + name))})
	}
	return all, nil
}

func (c *streams) describe(s *types.StreamSummary) *resource.Resource {
	r := c.Resource(aws.ToString(s.StreamName), aws.ToString(s.StreamARN))
	r.Created = aws.ToTime(s.StreamCreationTimestamp)
	return r
}

// noPolicy is how Kinesis spells the policy of a stream that has none.
const noPolicy = "{}"

func (c *streams) read(ctx context.Context, arn string) (*string, error) {
	answer, err := c.client.GetResourcePolicy(ctx, &kinesis.GetResourcePolicyInput{ResourceARN: aws.String(arn)})
	switch {
	case err != nil:
		return nil, err
	case answer.Policy == nil:
		return nil, collect.Malformed(policyCall, "no policy in it")
	case aws.ToString(answer.Policy) == noPolicy:
		return nil, nil
	}
	return answer.Policy, nil
}

// askKey asks under which key the stream is encrypted: whoever reads or writes
// records of an encrypted stream must be let in by the key, too.
//
// Source: Amazon Kinesis Data Streams Developer Guide, "Permissions to use
// user-generated KMS keys".
func (c *streams) askKey(ctx context.Context, s *resourcepolicy.Store, r *resource.Resource) error {
	answer, err := c.client.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamARN: aws.String(s.ARN)})
	if err != nil {
		return err
	}
	if answer.StreamDescriptionSummary == nil {
		return collect.Malformed(describeCall, "no summary in it")
	}
	from := resource.Evidence{Call: describeCall, Of: s.ARN, Pointer: "/StreamDescriptionSummary"}
	switch used := answer.StreamDescriptionSummary.EncryptionType; used {
	case types.EncryptionTypeNone:
		r.Set("kms_key", "", from)
	case types.EncryptionTypeKms:
		key := aws.ToString(answer.StreamDescriptionSummary.KeyId)
		if key == "" {
			return collect.Malformed(describeCall, "no key in it")
		}
		from.Pointer, from.Quote = "/StreamDescriptionSummary/KeyId", key
		r.Set("kms_key", key, from)
		resourcepolicy.AddKey(r, key, resourcepolicy.Keyed, from)
	default:
		return collect.Malformed(describeCall, "encryption %q is not known", used)
	}
	return nil
}
