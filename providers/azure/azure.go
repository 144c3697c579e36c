// Package azure is the provider of Microsoft Azure: the subscriptions that one
// identity can see, or those it is told to look at.
//
// A plugin is one folder with a kind.yaml in it; kinds.go, the registry, is
// generated from them.
package azure

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

//go:generate go run ../internal/kindlist

// Name is the cloud's name in scopes and kinds.
const Name = "azure"

// Options say which subscriptions to audit, and how Azure is reached.
type Options struct {
	// Subscriptions are ids of subscriptions. Without any, ManagementGroup says
	// where to look for them; without that, every subscription is audited that the
	// identity can see.
	Subscriptions []string
	// ManagementGroup is the id of one, with or without what stands before it in
	// Resource Manager. Subscriptions of the groups below it are audited, too.
	ManagementGroup string
	arm.Options
}

// kind is one folder below this package.
type kind struct {
	declaration *collect.Kind
	regional    bool
	collector   func(*arm.Client, resource.Scope) collect.Collector
}

// Kinds returns the declarations of every kind.
func Kinds() []*collect.Kind {
	declarations := make([]*collect.Kind, 0, len(kinds))
	for _, k := range kinds {
		declarations = append(declarations, k.declaration)
	}
	return declarations
}

// Calls that find out which subscriptions there are.
const (
	listCall  = "resources:subscriptions.list"
	getCall   = "resources:subscriptions.get"
	belowCall = "management:managementGroups.descendants.list"
)

// IdentityCalls returns the calls that find out which subscriptions there are.
func IdentityCalls() []string { return []string{listCall, getCall, belowCall} }

// Calls returns every call this provider may make, sorted: the allow-list of
// its transport. All of them read configuration; none reads data or writes.
func Calls() []string {
	calls := IdentityCalls()
	for _, k := range kinds {
		calls = append(calls, k.declaration.Calls()...)
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// SecretCalls answer with credentials; there is none.
var SecretCalls []string

// Throttled reports whether an answer asks to slow down; see collect.Pace.
func Throttled(answer *http.Response) bool { return arm.Throttled(answer) }

// Provider audits subscriptions of Azure.
type Provider struct {
	client  *arm.Client
	options Options
}

// groupPath is what Resource Manager writes before the id of a management group.
const groupPath = "/providers/Microsoft.Management/managementGroups/"

// Open finds credentials. Nothing is listed yet.
func Open(ctx context.Context, o Options) (*Provider, error) {
	if len(o.ManagementGroup) > len(groupPath) && strings.EqualFold(o.ManagementGroup[:len(groupPath)], groupPath) {
		o.ManagementGroup = o.ManagementGroup[len(groupPath):]
	}
	o.Subscriptions = slices.Clone(o.Subscriptions)
	for i, id := range o.Subscriptions {
		o.Subscriptions[i] = strings.ToLower(strings.TrimPrefix(id, "/subscriptions/"))
	}
	client, err := arm.Open(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	return &Provider{client: client, options: o}, nil
}

// Custom reports that an endpoint is not Microsoft's: an emulator.
func (p *Provider) Custom() bool { return p.client.Custom }

// Name implements collect.Provider.
func (p *Provider) Name() string { return Name }

// Blind says what of a subscription is not looked at, whatever the kind.
var Blind = []string{
	"Role assignments are not counted: Azure has no principal that stands for everybody, and whom they name has signed in to a tenant that trusts them.",
	"Who is let in by shared access signatures, account keys and connection strings that were handed out, or leaked, stands in no configuration.",
	"Firewalls inside of databases are not seen: rules of single Azure SQL databases, users and passwords.",
	"Resources of other tenants that are managed by Azure Lighthouse are seen as far as they are delegated.",
	"A subscription that this identity cannot see is not reported as missing: Resource Manager lists what the caller may read.",
	"Not covered yet: Synapse, Data Explorer (Kusto), AI Search, Event Hubs, Service Bus, Relay and Event Grid, App Configuration, Databricks, " +
		"Data Factory, Machine Learning, Purview, Recovery Services and backup vaults, Log Analytics, Elastic SAN, Storage Sync, Cognitive Services, " +
		"HDInsight, Analysis Services, Redis Enterprise, managed HSMs, Cosmos DB for MongoDB vCore and for PostgreSQL, Managed Cassandra, " +
		"restore points, single servers of PostgreSQL, MySQL and MariaDB, databases on virtual machines.",
}

// subscription is what Resource Manager says of one.
type subscription struct {
	ID     string `json:"subscriptionId"`
	Name   string `json:"displayName"`
	Tenant string `json:"tenantId"`
	State  string `json:"state"`
}

// Scopes returns the subscriptions, by id.
func (p *Provider) Scopes(ctx context.Context) ([]resource.Scope, error) {
	found, err := p.subscriptions(ctx)
	if ctx.Err() != nil {
		return nil, cmp.Or(err, ctx.Err())
	}
	var ids []string
	for _, f := range found {
		if arm.Is(f.State, "Deleted") {
			continue
		}
		p.client.Know(arm.Subscription{ID: f.ID, Name: f.Name, Tenant: f.Tenant})
		ids = append(ids, strings.ToLower(f.ID))
	}
	search := collect.Search{
		Provider: Name, Unit: "subscription", Where: p.above(), Role: "the role Reader", Flag: "--subscription", Refusal: p.client.Refusal,
		Permission: func(call string) string { return permissions[call] },
	}
	return search.Found(ids, err)
}

// above names where the subscriptions are looked for.
func (p *Provider) above() string {
	return cmp.Or(strings.Join(p.options.Subscriptions, " "), p.options.ManagementGroup, "every subscription")
}

func (p *Provider) subscriptions(ctx context.Context) ([]subscription, error) {
	switch o := p.options; {
	case len(o.Subscriptions) > 0:
		return p.named(ctx)
	case o.ManagementGroup != "":
		return p.below(ctx)
	default:
		return p.visible(ctx)
	}
}

// named asks for the subscriptions that were named. One that cannot be read is
// audited all the same: its stores may be readable, and refusals are shown.
func (p *Provider) named(ctx context.Context) ([]subscription, error) {
	var found []subscription
	var failed error
	for _, id := range p.options.Subscriptions {
		var one subscription
		err := p.client.Get(ctx, getCall, &one, id)
		if err == nil && !strings.EqualFold(one.ID, id) {
			err = collect.Malformed(getCall, "it is of another subscription")
		}
		if err != nil {
			failed, one = errors.Join(failed, arm.Failed(getCall, id, err)), subscription{ID: id}
		}
		found = append(found, one)
	}
	return found, failed
}

// visible lists what the identity sees. An entry that cannot be read does not
// hide the others.
func (p *Provider) visible(ctx context.Context) ([]subscription, error) {
	var found []subscription
	var failed error
	for item, err := range p.client.List(ctx, listCall) {
		if err != nil {
			failed = errors.Join(failed, arm.Failed(listCall, "", err))
			break
		}
		var one subscription
		if err := item.Into(&one); err != nil || one.ID == "" {
			failed = errors.Join(failed, arm.Failed(listCall, "", cmp.Or(err, collect.Malformed(listCall, "a subscription without an id"))))
			continue
		}
		found = append(found, one)
	}
	return found, failed
}

// descendant is a management group or a subscription below one.
type descendant struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// below lists the subscriptions of a management group and of those below it.
// What they are called and whom they trust is said elsewhere; one that the
// identity does not see is audited all the same.
//
// Source: https://learn.microsoft.com/rest/api/managementgroups/management-groups/get-descendants
func (p *Provider) below(ctx context.Context) ([]subscription, error) {
	visible, failed := p.visible(ctx)
	var found []subscription
	for item, err := range p.client.List(ctx, belowCall, p.options.ManagementGroup) {
		if err != nil {
			failed = errors.Join(failed, arm.Failed(belowCall, "", err))
			break
		}
		var one descendant
		switch err := item.Into(&one); {
		case err != nil || one.Name == "" || one.Type == "":
			failed = errors.Join(failed, arm.Failed(belowCall, "", cmp.Or(err, collect.Malformed(belowCall, "an entry without a name or a type"))))
		case strings.HasSuffix(strings.ToLower(one.Type), "/subscriptions"):
			found = append(found, pick(visible, one.Name))
		}
	}
	return found, failed
}

func pick(among []subscription, id string) subscription {
	for _, s := range among {
		if strings.EqualFold(s.ID, id) {
			return s
		}
	}
	return subscription{ID: id}
}

// Collectors implements collect.Provider.
func (p *Provider) Collectors(scope resource.Scope) []collect.Collector {
	var collectors []collect.Collector
	for _, k := range kinds {
		collectors = append(collectors, k.collector(p.client, scope))
	}
	return collectors
}

// Refusal implements collect.Provider.
func (p *Provider) Refusal(err error) collect.Refusal { return p.client.Refusal(err) }
