// Package pubsubsubscription collects Pub/Sub subscriptions: whoever a
// subscription's policy lets in can take its messages, which the owner then
// never sees. kind.yaml declares every call; none pulls a message.
package pubsubsubscription

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.pubsub.subscription.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's subscriptions.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "pubsub.subscription",
		Chains: []iampolicy.Chain{
			{Lists: []string{"pubsub:projects.subscriptions.list"}, Policy: []string{"pubsub:projects.subscriptions.getIamPolicy"}, Size: 1000},
		},
		Describe: describe,
	}, c, scope)
}

// subscription is what is looked at of a listed subscription.
//
// Source: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions
type subscription struct {
	Topic      string `json:"topic"`
	PushConfig struct {
		PushEndpoint string `json:"pushEndpoint"`
	} `json:"pushConfig"`
}

// describe tells whether messages are pushed, and not where to: addresses hold
// tokens.
func describe(e *iampolicy.Entry, r *resource.Resource) {
	var s subscription
	if e.Into(&s) != nil {
		return
	}
	r.Set("topic", s.Topic, e.Evidence(s.Topic))
	r.Set("pushes", s.PushConfig.PushEndpoint != "", e.Evidence(""))
}
