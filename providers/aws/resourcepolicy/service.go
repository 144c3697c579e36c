package resourcepolicy

import (
	"context"
	"iter"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
)

// Service is one row of the family: a service whose stores are listed region by
// region, each with a policy of its own. The declaration must name the channel
// policy and the setting has_policy, which the policy's call fills in.
type Service struct {
	Kind    *collect.Kind
	Account *account.Account
	Scope   resource.Scope
	// Prefix is the service's IAM prefix: its door and abilities are known by it.
	Prefix string
	// List yields the stores; Named and account.List help.
	List func(context.Context) iter.Seq2[*resource.Resource, error]
	// Call reads a store's policy and Pointer leads to the text in its answer.
	Call, Pointer string
	// Read makes the call about what Of names; nil means that the answer has no
	// policy in it.
	Read func(ctx context.Context, of string) (*string, error)
	// Of is how the call names a store, its ARN where Of is nil.
	Of func(*resource.Resource) string
	// None are the codes of errors that say that there is no policy, Gone those
	// that say that there is no such store any more.
	None, Gone []string
	// Resources are the ARNs that the policy can be about, where these are more
	// than the store's own.
	Resources func(arn string) []string
	// Questions, where set, returns what is asked beside the policy. It is
	// called once for each store, with the question about its policy.
	Questions func(*Store, *resource.Resource, *collect.Question) []*collect.Question
}

// Store is one store under examination.
type Store struct {
	*Service
	ARN, Of string
	// Answer, when set, is called with the policy that was read, nil for none,
	// instead of judging it: where more than one policy decides.
	Answer func(ctx context.Context, r *resource.Resource, p *iam.Policy) error
}

type collector struct{ Service }

// New returns the collector of a service's stores in one region.
func New(s Service) collect.Collector { return &collector{s} }

func (c *collector) Kind() *collect.Kind { return c.Service.Kind }

func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.Service.List(ctx)
}

func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	s := &Store{Service: &c.Service, ARN: string(r.ID), Of: string(r.ID)}
	if c.Of != nil {
		s.Of = c.Of(r)
	}
	policy := s.Question(c.Call, s.askPolicy)
	if c.Service.Questions == nil {
		return []*collect.Question{policy}
	}
	return c.Service.Questions(s, r, policy)
}

// Resource returns a store as a listing names it.
func (s *Service) Resource(name, arn string) *resource.Resource {
	return &resource.Resource{ID: resource.ID(arn), Kind: s.Kind.Name, Class: s.Kind.Class, Name: name, Scope: s.Scope}
}

// ARN spells the ARN of one of the service's resources.
func (s *Service) ARN(rest string) string {
	return "arn:" + s.Account.Partition + ":" + s.Prefix + ":" + s.Scope.Region + ":" + s.Account.ID + ":" + rest
}

// Question returns a declared question. An answer that there is no such store
// says that it was deleted since it was listed.
func (s *Store) Question(call string, ask collect.AskFunc) *collect.Question {
	return s.Kind.Question(call, func(ctx context.Context, r *resource.Resource) error {
		err := ask(ctx, r)
		if code := account.Code(err); code != "" && slices.Contains(s.Gone, code) {
			r.Gone = true
			return nil
		}
		return err
	})
}

// Source is where the store's policy is read.
func (s *Store) Source() Source { return Source{Call: s.Call, Of: s.Of, Pointer: s.Pointer} }

// Attachment is the store's policy as it is judged.
func (s *Store) Attachment(ctx context.Context) Attachment {
	return Attach(ctx, s.Account, s.Prefix, s.Source(), s.resources())
}

// Attach is a policy of a service that has one way in, the policy.
func Attach(ctx context.Context, a *account.Account, prefix string, from Source, resources []string) Attachment {
	return Attachment{
		Source: from, Target: iam.Target{Service: prefix, Resources: resources, Account: a.ID},
		Organisation: func() (string, error) { return a.Organisation(ctx) },
		Door:         services[prefix].door, Can: Abilities(prefix),
	}
}

func (s *Store) resources() []string {
	if s.Resources == nil {
		return []string{s.ARN}
	}
	return s.Resources(s.ARN)
}

func (s *Store) askPolicy(ctx context.Context, r *resource.Resource) error {
	text, err := s.Read(ctx, s.Of)
	if code := account.Code(err); code != "" && slices.Contains(s.None, code) {
		return s.none(ctx, r, code)
	}
	if err != nil {
		return err
	}
	return s.Judge(ctx, r, text)
}

// none notes that there is no policy.
func (s *Store) none(ctx context.Context, r *resource.Resource, quote string) error {
	r.Set("has_policy", false, resource.Evidence{Call: s.Call, Of: s.Of, Quote: quote})
	if s.Answer != nil {
		return s.Answer(ctx, r, nil)
	}
	return nil
}

// Judge describes what a policy's text lets in; nil stands for none.
func (s *Store) Judge(ctx context.Context, r *resource.Resource, text *string) error {
	if text == nil {
		return s.none(ctx, r, "")
	}
	policy, err := Parse(*text, s.Source())
	if err != nil {
		return err
	}
	r.Set("has_policy", true, resource.Evidence{Call: s.Call, Of: s.Of, Pointer: s.Pointer})
	if s.Answer != nil {
		return s.Answer(ctx, r, policy)
	}
	judged, err := Judge(policy, s.Attachment(ctx))
	if err != nil {
		return err
	}
	judged.Describe(r)
	return nil
}

// Listed is the evidence of what a listing says about one store. Its answer
// comes in pages whose bounds are the service's, so it leads to the list.
func (s *Service) Listed(pointer, of, quote string) resource.Evidence {
	return resource.Evidence{Call: s.Kind.Lists[0].Call, Of: of, Pointer: pointer, Quote: quote}
}
