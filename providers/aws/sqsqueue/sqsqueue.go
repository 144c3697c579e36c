// Package sqsqueue collects Amazon SQS queues: a queue's policy can let anybody
// send, receive and delete messages, signed or not. kind.yaml declares every
// call.
package sqsqueue

import (
	"context"
	_ "embed"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of aws.sqs.queue.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = true

const (
	listCall       = "sqs:ListQueues"
	attributesCall = "sqs:GetQueueAttributes"
)

// pageSize must be given for ListQueues to say that there are more queues.
const pageSize = 1000

type queues struct {
	resourcepolicy.Service
	client *sqs.Client
}

// New returns the collector of an account's queues in one region.
func New(a *account.Account, scope resource.Scope, _ []string) collect.Collector {
	q := &queues{client: sqs.NewFromConfig(a.Config(scope.Region))}
	q.Service = resourcepolicy.Service{
		Kind: Kind, Account: a, Scope: scope, Prefix: "sqs", List: q.list,
		Call: attributesCall, Pointer: "/Attributes/Policy", Of: url,
		Gone: []string{"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"},
		Questions: func(s *resourcepolicy.Store, _ *resource.Resource, _ *collect.Question) []*collect.Question {
			return []*collect.Question{s.Question(attributesCall, func(ctx context.Context, r *resource.Resource) error { return q.ask(ctx, s, r) })}
		},
	}
	return resourcepolicy.New(q.Service)
}

func (q *queues) list(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	pages := sqs.NewListQueuesPaginator(q.client, &sqs.ListQueuesInput{MaxResults: aws.Int32(pageSize)})
	return account.List(ctx, pages, func(page *sqs.ListQueuesOutput) ([]string, error) { return page.QueueUrls, nil }, q.describe)
}

// describe names a queue by the end of its URL, which is its name.
func (q *queues) describe(at *string) *resource.Resource {
	name := (*at)[strings.LastIndex(*at, "/")+1:]
	r := q.Resource(name, q.ARN(name))
	r.Set("url", *at, q.Listed("/QueueUrls", *at, *at))
	return r
}

func url(r *resource.Resource) string {
	at, _ := r.Settings["url"].Value.(string)
	return at
}

// asked are the attributes that one call answers.
var asked = []types.QueueAttributeName{
	types.QueueAttributeNameQueueArn, types.QueueAttributeNamePolicy, types.QueueAttributeNameKmsMasterKeyId,
	types.QueueAttributeNameSqsManagedSseEnabled, types.QueueAttributeNameCreatedTimestamp,
}

func (q *queues) ask(ctx context.Context, s *resourcepolicy.Store, r *resource.Resource) error {
	answer, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(s.Of), AttributeNames: asked})
	if err != nil {
		return err
	}
	if answer.Attributes["QueueArn"] == "" {
		return collect.Malformed(attributesCall, "no ARN of the queue in it")
	}
	if seconds, err := strconv.ParseInt(answer.Attributes["CreatedTimestamp"], 10, 64); err == nil {
		r.Created = time.Unix(seconds, 0).UTC()
	}
	if err := encryption(s, r, answer.Attributes); err != nil {
		return err
	}
	var text *string
	if policy, ok := answer.Attributes["Policy"]; ok && policy != "" {
		text = &policy
	}
	return s.Judge(ctx, r, text)
}

// encryption adds what server-side encryption closes: queues that have it
// answer signed requests only.
//
// Source: Amazon SQS Developer Guide, "Encryption at rest in Amazon SQS" ("all
// requests to queues with SSE enabled must use HTTPS and Signature Version 4").
func encryption(s *resourcepolicy.Store, r *resource.Resource, attributes map[string]string) error {
	from := resource.Evidence{Call: attributesCall, Of: s.Of, Pointer: "/Attributes"}
	key, managed := attributes["KmsMasterKeyId"], attributes["SqsManagedSseEnabled"]
	switch {
	case key != "":
		from.Pointer, from.Quote = "/Attributes/KmsMasterKeyId", key
		r.Set("encryption", "sse-kms", from)
		resourcepolicy.AddKey(r, key, resourcepolicy.Keyed, from)
	case managed == "true":
		from.Pointer, from.Quote = "/Attributes/SqsManagedSseEnabled", managed
		r.Set("encryption", "sse-sqs", from)
	case managed == "false" || managed == "":
		r.Set("encryption", "none", from)
		return nil
	default:
		return collect.Malformed(attributesCall, "SqsManagedSseEnabled is %q", managed)
	}
	r.Guards = append(r.Guards, resource.Guard{
		Name: "server-side encryption", On: []resource.Channel{resourcepolicy.Policy}, Cap: resource.AnyTenant, Because: []resource.Evidence{from},
	})
	return nil
}
