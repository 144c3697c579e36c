// Package pubsubsnapshot collects Pub/Sub snapshots: whoever may seek to one
// can take again every message that it keeps. kind.yaml declares every call;
// none takes a message.
package pubsubsnapshot

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.pubsub.snapshot.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's snapshots of subscriptions.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "pubsub.snapshot",
		Chains: []iampolicy.Chain{
			{Lists: []string{"pubsub:projects.snapshots.list"}, Policy: []string{"pubsub:projects.snapshots.getIamPolicy"}, Size: 1000},
		},
		Describe: describe,
	}, c, scope)
}

// describe tells the topic whose messages are kept.
//
// Source: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.snapshots
func describe(e *iampolicy.Entry, r *resource.Resource) {
	var s struct {
		Topic string `json:"topic"`
	}
	if e.Into(&s) != nil {
		return
	}
	r.Set("topic", s.Topic, e.Evidence(s.Topic))
}
