// Package containerregistry collects Azure container registries. Whoever its network
// lets through can sign in, if they hold a credential. Pulling without signing in is
// a setting of the whole registry: whoever gets there then gets every image. All of
// it stands in the listing.
package containerregistry

import (
	"context"
	_ "embed"
	"encoding/json"
	"iter"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.containerregistry.registry.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

const (
	listCall = "containerregistry:registries.list"
	typeName = "Microsoft.ContainerRegistry/registries"
)

type collector struct {
	client *arm.Client
	scope  resource.Scope
}

// New returns the collector of a subscription's registries.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return &collector{client: c, scope: scope}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// Questions returns none: the listing tells everything.
func (c *collector) Questions(*resource.Resource) []*collect.Question { return nil }

// List lists the registries. An entry that cannot be told from others is a store
// of which nothing is known, and the last error says so as well.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.client.Stores(ctx, listCall, c.scope.Account, c.describe)
}

// properties are read one by one, so that an odd one does not hide the others.
type properties struct {
	Anonymous json.RawMessage `json:"anonymousPullEnabled"`
	Admin     json.RawMessage `json:"adminUserEnabled"`
	Public    json.RawMessage `json:"publicNetworkAccess"`
	Rules     json.RawMessage `json:"networkRuleSet"`
	Bypass    json.RawMessage `json:"networkRuleBypassOptions"`
	Server    json.RawMessage `json:"loginServer"`
	Policies  json.RawMessage `json:"policies"`
}

// registry is one entry while it is described.
type registry struct {
	*resource.Resource
	record arm.Record
	has    properties
}

// describe makes a store of an entry. The error says why the entry has no id or no
// name to go by, and the store is known by its place alone.
func (c *collector) describe(item arm.Item) (r *resource.Resource, unnamed error) {
	record := item.Record()
	r, unnamed = record.Store(Kind, typeName, c.scope)
	s := registry{record: record, Resource: r}
	if record.Into(&s.has) != nil {
		s.unread("its properties cannot be read")
		return s.Resource, unnamed
	}
	s.addSettings()
	s.addAnonymous()
	s.addNetwork()
	s.addTier()
	if unnamed != nil {
		// What lacks a name may lack more: what seems to keep others out only may, and
		// that nothing is said of its network does not open it.
		s.unread(unnamed.Error())
		s.Gaps[len(s.Gaps)-1].Shields = append(firewall.Unguard(s.Resource), resource.Shield{On: []resource.Channel{firewall.Network}, Cap: resource.Nobody})
	}
	return s.Resource, unnamed
}
