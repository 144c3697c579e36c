// Package pubsubtopic collects Pub/Sub topics: a topic's policy can let others
// publish to it, or attach a subscription and read all that is published.
// kind.yaml declares every call; none reads a message.
package pubsubtopic

import (
	_ "embed"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.pubsub.topic.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's topics.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		Kind: Kind, Store: "pubsub.topic",
		Chains: []iampolicy.Chain{{
			Lists: []string{"pubsub:projects.topics.list"}, Policy: []string{"pubsub:projects.topics.getIamPolicy"}, Size: 1000,
		}},
		Describe: describe,
	}, c, scope)
}

// describe tells the key that messages are encrypted under.
//
// Source: https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics
func describe(e *iampolicy.Entry, r *resource.Resource) {
	var t struct {
		KMSKeyName string `json:"kmsKeyName"`
	}
	if e.Into(&t) != nil {
		return
	}
	r.Set("kms_key", t.KMSKeyName, e.Evidence(t.KMSKeyName))
}
