// Package storagebucket collects Cloud Storage buckets: it lists the buckets of
// a project and describes what lets outsiders into each (its policy, access
// control lists, managed folders) and what keeps them out. kind.yaml declares
// every call and what its answer may hide; none reads an object.
package storagebucket

import (
	_ "embed"
	"slices"
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.storage.bucket.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// The channels of kind.yaml.
const (
	policyChannel      resource.Channel = "policy"
	namedPolicyChannel resource.Channel = "named-policy"
	aclChannel         resource.Channel = "acl"
	namedACLChannel    resource.Channel = "named-acl"
	objectACLChannel   resource.Channel = "object-acl"
	folderChannel      resource.Channel = "folder"
	namedFolderChannel resource.Channel = "named-folder"
)

// openChannels are those of grants to everybody or to every account,
// listChannels those that access control lists decide, and everyChannel is all
// there are.
var (
	openChannels = []resource.Channel{policyChannel, aclChannel, objectACLChannel, folderChannel}
	listChannels = []resource.Channel{aclChannel, namedACLChannel, objectACLChannel}
	everyChannel = []resource.Channel{
		policyChannel, namedPolicyChannel, aclChannel, namedACLChannel, objectACLChannel, folderChannel, namedFolderChannel,
	}
)

// The calls of kind.yaml that are made here.
const (
	listCall      = "storage:buckets.list"
	policyCall    = "storage:buckets.getIamPolicy"
	testCall      = "storage:buckets.testIamPermissions"
	getCall       = "storage:buckets.get"
	objectsCall   = "storage:objects.list"
	foldersCall   = "storage:managedFolders.list"
	folderCall    = "storage:managedFolders.getIamPolicy"
	keysCall      = "storage:projects.hmacKeys.list"
	effectiveCall = "orgpolicy:projects.policies.getEffectivePolicy"
)

const service = "storage.googleapis.com"

type collector struct {
	client  *api.Client
	project string
	scope   resource.Scope
	// listed are the buckets between their listing and their questions, by the
	// store that was listed: what the listing says of one decides what is asked about it.
	listed sync.Map
}

// New returns the collector of a project's buckets.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return &collector{client: c, project: scope.Account, scope: scope}
}

// Kind implements collect.Collector.
func (c *collector) Kind() *collect.Kind { return Kind }

// Questions implements collect.Collector. The order is the one that decides
// soonest: what closes everything first, then who is let in, doors that are
// rarely used last.
func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	found, ok := c.listed.LoadAndDelete(r)
	b, isBucket := found.(*bucket)
	if !ok || !isBucket {
		return nil // one that the listing went without: its gap hides everything
	}
	var questions []*collect.Question
	if !b.prevented {
		questions = append(questions, Kind.Question(effectiveCall, b.askEffective))
	}
	questions = append(questions, Kind.Question(policyCall, b.askPolicy))
	if b.uniform != yes {
		questions = append(questions, Kind.Question(objectsCall, b.askObjects))
	}
	if b.uniform != no {
		questions = append(questions, Kind.Question(foldersCall, b.askFolders))
	}
	if !b.filter.shown {
		questions = append(questions, Kind.Question(testCall, b.askFilter))
	}
	if b.filter.alone {
		questions = append(questions, Kind.Question(getCall, b.askBucket))
	}
	questions = append(questions, b.organisation)
	questions = append(questions, hierarchy.Of(c.client, c.project).Questions(Kind, hierarchy.Guarded{
		Service: service, Store: "storage.bucket",
		Open:  []resource.Channel{policyChannel},
		Named: []resource.Channel{namedPolicyChannel, namedACLChannel},
		// Permissions of a bucket are not all that a managed folder's policy gives.
		Disputed: slices.Concat(listChannels, []resource.Channel{folderChannel, namedFolderChannel}),
	})...)
	return append(questions, Kind.Question(keysCall, c.askKeys))
}

// verdict is what is known of something that is or is not so.
type verdict uint8

const (
	unread verdict = iota
	no
	yes
)
