package storagebucket

import (
	raw "google.golang.org/api/storage/v1"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// version3 asks for conditions, which older versions leave out.
//
// Source: https://cloud.google.com/iam/docs/policies#versions
const version3 = 3

// policyOf reads an answer. One without bindings is a policy that lets nobody in;
// one without anything that a policy has is none.
func policyOf(call string, answer *raw.Policy) (*iampolicy.Policy, error) {
	if answer == nil || answer.Etag == "" && answer.Kind == "" && answer.Bindings == nil {
		return nil, collect.Malformed(call, "there is no policy in the answer")
	}
	p := &iampolicy.Policy{Version: int(answer.Version), ETag: answer.Etag}
	for _, given := range answer.Bindings {
		if given == nil {
			return nil, collect.Malformed(call, "a binding has nothing in it")
		}
		b := iampolicy.Binding{Role: given.Role, Members: given.Members}
		if given.Condition != nil {
			b.Condition = &iampolicy.Condition{Title: given.Condition.Title, Expression: given.Condition.Expression}
		}
		p.Bindings = append(p.Bindings, b)
	}
	return p, nil
}

// failed names the call that an error belongs to. Where Google says that there is
// no such bucket, it was deleted since it was listed.
func (b *bucket) failed(call string, err error) error { return api.FailedOf(call, b.project, err) }
