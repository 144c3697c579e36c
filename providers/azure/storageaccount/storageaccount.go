// Package storageaccount collects Azure storage accounts: it lists those of a
// subscription, and describes who gets to each (its perimeter, network rules and
// exceptions) and who needs no credential there (containers, the static website).
// kind.yaml declares every call and what its answer may hide; none reads data, and
// none asks for a key.
package storageaccount

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.storage.account.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// The channels of kind.yaml that are this kind's own.
const (
	containerChannel   resource.Channel = "container"
	nextChannel        resource.Channel = "next-container"
	websiteChannel     resource.Channel = "website"
	mountChannel       resource.Channel = "nfs"
	trustedChannel     resource.Channel = "resource-access"
	replicationChannel resource.Channel = "replication"
)

// anonymousChannels are those that ask for no credential, ruledChannels those that
// the account's own network rules govern.
var (
	anonymousChannels = []resource.Channel{containerChannel, nextChannel, websiteChannel, mountChannel}
	ruledChannels     = append(slices.Clone(anonymousChannels), firewall.Network)
)

// The calls of kind.yaml.
const (
	listCall        = "storage:storageAccounts.list"
	containersCall  = "storage:blobContainers.list"
	blobCall        = "storage:blobServices.get"
	perimeterCall   = "storage:networkSecurityPerimeterConfigurations.list"
	replicationCall = "storage:objectReplicationPolicies.list"
	usersCall       = "storage:localUsers.list"
	sharesCall      = "storage:fileShares.list"
	tablesCall      = "storage:tables.list"
	queuesCall      = "storage:queues.list"
)

const resourceType = "Microsoft.Storage/storageAccounts"

type collector struct {
	client *arm.Client
	scope  resource.Scope
	// listed are the accounts between their listing and their questions, by the store
	// that was listed: what the listing says of one decides what is asked about it.
	listed sync.Map
}

// New returns the collector of a subscription's storage accounts.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return &collector{client: c, scope: scope}
}

// Kind implements collect.Collector.
func (c *collector) Kind() *collect.Kind { return Kind }

// List implements collect.Collector.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.client.Stores(ctx, listCall, c.scope.Account, func(item arm.Item) (*resource.Resource, error) {
		r, named := c.describe(item)
		if !named {
			return r, errors.New("it is no storage account of this subscription")
		}
		return r, nil
	})
}

// describe makes a store of an entry of the listing, and reports whether the entry
// says which account it is about.
func (c *collector) describe(item arm.Item) (r *resource.Resource, named bool) {
	record := item.Record()
	id, err := arm.ParseListed(record.ID, resourceType, c.scope.Account)
	if err != nil {
		return c.nameless(item, record), false
	}
	r = &resource.Resource{
		ID: resource.ID(record.ID), Kind: Kind.Name, Class: Kind.Class, Name: id.Name(), Scope: c.scope,
		Created: record.Created, Tags: record.Tags,
	}
	a := &account{collector: c, id: id, kind: record.Kind, cite: record.Evidence}
	if record.Into(&a.properties) != nil {
		a.properties = properties{}
		a.unread = true
	}
	a.describe(r)
	c.listed.Store(r, a)
	return r, true
}

// nameless is an entry that does not say which account it is about, so that
// nothing can be asked about it. Anything may be open in it.
func (c *collector) nameless(item arm.Item, record arm.Record) *resource.Resource {
	place := strconv.Itoa(item.Place)
	r := &resource.Resource{
		ID:   resource.ID("/subscriptions/" + c.scope.Account + "/providers/" + resourceType + "/#" + place),
		Kind: Kind.Name, Class: Kind.Class, Name: "entry " + place + " of the listing", Scope: c.scope,
	}
	detail := "the entry is no storage account of this subscription"
	if record.Name != "" {
		detail = fmt.Sprintf("the entry %q is no storage account of this subscription", firewall.Quote(record.Name))
	}
	g := listGap(resource.Malformed, detail)
	for _, via := range anonymousChannels {
		g.Hides = append(g.Hides, resource.Hidden{Via: via, To: resource.Anyone})
	}
	for _, via := range []resource.Channel{firewall.Network, perimeter.Channel, trustedChannel, replicationChannel} {
		g.Hides = append(g.Hides, resource.Hidden{Via: via, To: resource.Audience{Reach: resource.ReachInternet}})
	}
	r.Gaps = append(r.Gaps, g)
	return r
}

// listGap is a gap of the listing, which is refused as a whole or not at all.
func listGap(why resource.Reason, detail string, settings ...string) resource.Gap {
	return resource.Gap{Call: listCall, Permission: Kind.Lists[0].Permission, Reason: why, Detail: detail, Settings: settings}
}

// Questions implements collect.Collector. Containers and the website come first:
// they alone let in somebody who holds nothing.
func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	found, ok := c.listed.LoadAndDelete(r)
	if !ok {
		return nil
	}
	a, ok := found.(*account)
	if !ok {
		return nil
	}
	var questions []*collect.Question
	if !arm.Is(a.kind, "FileStorage") {
		questions = append(questions, a.containers(), a.website())
	}
	a.perimeter = a.door.Question(Kind, c.client, perimeterCall)
	a.watchPerimeter()
	questions = append(questions, a.perimeter, a.replication())
	if !a.loginsOff {
		questions = append(questions, Kind.Question(usersCall, a.askUsers))
	}
	return append(questions,
		a.shares(), Kind.Question(tablesCall, a.askTables), Kind.Question(queuesCall, a.askQueues))
}
