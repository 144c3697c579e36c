// Package keyvault collects Azure key vaults. Every request to a vault is signed
// in with Microsoft Entra, so that no vault is public; its network settings and
// its network security perimeter say who can try. What lets strangers in are
// access policies of a tenant that is not the owner's: those of a vault that still
// trusts the tenant that its subscription came from, as far as the network lets
// them come. All of it but the perimeter stands in the listing, which never holds
// keys, secrets or their names.
package keyvault

import (
	"context"
	_ "embed"
	"encoding/json"
	"iter"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of azure.keyvault.vault.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

const (
	listCall      = "keyvault:vaults.list"
	perimeterCall = "keyvault:networkSecurityPerimeterConfigurations.list"

	typeName = "Microsoft.KeyVault/vaults"
)

type collector struct {
	client *arm.Client
	scope  resource.Scope
}

// New returns the collector of a subscription's key vaults.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return &collector{client: c, scope: scope}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// List lists the vaults. An entry that cannot be told from others is a store of
// which nothing is known, and the last error says so as well.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.client.Stores(ctx, listCall, c.scope.Account, c.describe)
}

// properties are read one by one, so that an odd one does not hide the others.
type properties struct {
	Tenant   json.RawMessage `json:"tenantId"`
	Policies json.RawMessage `json:"accessPolicies"`
	Roles    json.RawMessage `json:"enableRbacAuthorization"`
	Public   json.RawMessage `json:"publicNetworkAccess"`
	Network  json.RawMessage `json:"networkAcls"`
	Purge    json.RawMessage `json:"enablePurgeProtection"`
	Machines json.RawMessage `json:"enabledForDeployment"`
	Template json.RawMessage `json:"enabledForTemplateDeployment"`
}

// vault is one entry while it is described.
type vault struct {
	*resource.Resource
	client *arm.Client
	record arm.Record
	has    properties
}

// describe makes a store of an entry. The error says why the entry has no id or no
// name to go by, and the store is known by its place alone.
func (c *collector) describe(item arm.Item) (r *resource.Resource, unnamed error) {
	record := item.Record()
	r, unnamed = record.Store(Kind, typeName, c.scope)
	v := vault{client: c.client, record: record, Resource: r}
	readable := record.Into(&v.has) == nil
	if readable {
		v.addSettings()
		v.addPolicies()
		v.addNetwork()
	}
	switch {
	case unnamed != nil:
		v.unnamed(unnamed)
	case !readable:
		v.unread("its properties cannot be read")
	}
	return v.Resource, unnamed
}
