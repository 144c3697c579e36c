// Package snstopic collects Amazon SNS topics: a topic's policy can let others
// publish to it and subscribe to what is published. kind.yaml declares every
// call.
package snstopic

import (
	"context"
	_ "embed"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.sns.topic.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall       = "sns:ListTopics"
	attributesCall = "sns:GetTopicAttributes"
)

type topics struct {
	resourcepolicy.Service
	client *sns.Client
}

// New returns the collector of an account's topics in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	t := &topics{client: sns.NewFromConfig(a.Config(scope.Region))}
	t.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "sns", List: t.list,
		Call: attributesCall, Pointer: attribute("Policy"), Gone: []string{"NotFound", "NotFoundException"},
		Questions: func(s *resourcepolicy.Store, _ *resource.Resource, _ *collect.Question) []*collect.Question {
			return []*collect.Question{s.Question(attributesCall, func(ctx context.Context, r *resource.Resource) error { return t.ask(ctx, s, r) })}
		},
	}
	return resourcepolicy.New(t.Service)
}

func (t *topics) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return account.List(ctx, sns.NewListTopicsPaginator(t.client, nil), entries, t.describe)
}

func entries(page *sns.ListTopicsOutput) ([]types.Topic, error) {
	if page.Topics == nil {
		return nil, collect.Malformed(listCall, "no list of topics in it")
	}
	return page.Topics, nil
}

func (t *topics) describe(topic *types.Topic) *resource.Resource {
	arn := aws.ToString(topic.TopicArn)
	return t.Resource(arn[strings.LastIndex(arn, ":")+1:], arn)
}

// attribute leads to an attribute in the answer.
func attribute(name string) string {
	return `/GetTopicAttributesResponse/GetTopicAttributesResult/Attributes/entry[key="` + name + `"]/value`
}

// ask reads the policy, which every topic has, and the encryption: under a key,
// publishing takes the key, and subscribing does not.
//
// Source: Amazon SNS Developer Guide, "Managing Amazon SNS encryption keys and
// costs", section "Configuring AWS KMS permissions".
func (t *topics) ask(ctx context.Context, s *resourcepolicy.Store, r *resource.Resource) error {
	answer, err := t.client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: aws.String(s.Of)})
	if err != nil {
		return err
	}
	policy := answer.Attributes["Policy"]
	if policy == "" {
		return collect.Malformed(attributesCall, "no policy in it")
	}
	from := resource.Evidence{Call: attributesCall, Of: s.Of, Pointer: "/GetTopicAttributesResponse/GetTopicAttributesResult/Attributes"}
	key := answer.Attributes["KmsMasterKeyId"]
	if key != "" {
		from.Pointer, from.Quote = attribute("KmsMasterKeyId"), key
		resourcepolicy.AddKey(r, key, []resource.Action{resource.Write}, from)
	}
	r.Set("encrypted", key != "", from)
	return s.Judge(ctx, r, &policy)
}
