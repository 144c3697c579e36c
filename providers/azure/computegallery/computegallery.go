// Package computegallery collects Azure compute galleries, which hold images of
// virtual machines. A gallery that is shared with the community is Azure's way to
// publish images to every customer; one that is shared with groups names
// subscriptions and tenants. Roles, by which most galleries are shared, are not
// read.
package computegallery

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

// Kind is the declaration of azure.compute.gallery.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

const (
	listCall = "computerp:galleries.list"
	getCall  = "computerp:galleries.get"
	typeName = "Microsoft.Compute/galleries"
)

type collector struct {
	client *arm.Client
	scope  resource.Scope
}

// New returns the collector of a subscription's galleries.
func New(c *arm.Client, scope resource.Scope) collect.Collector {
	return &collector{client: c, scope: scope}
}

func (c *collector) Kind() *collect.Kind { return Kind }

// List lists the galleries. An entry that cannot be told from others is a store
// of which nothing is known, and the last error says so as well.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.client.Stores(ctx, listCall, c.scope.Account, c.describe)
}

// describe makes a store of an entry. What it is shared with is told in full only
// where that is asked for; a listing that says that it is not shared is enough.
// The error says why the entry has no id or no name to go by, and the store is
// known by its place alone.
//
// Source: https://learn.microsoft.com/rest/api/compute/galleries/get ($expand)
func (c *collector) describe(item arm.Item) (r *resource.Resource, unnamed error) {
	record := item.Record()
	r, unnamed = record.Store(Kind, typeName, c.scope)
	var has struct {
		Profile json.RawMessage `json:"sharingProfile"`
	}
	// What has no properties is asked about, like everything that says nothing of sharing.
	_ = record.Into(&has)
	var profile struct {
		Permissions string          `json:"permissions"`
		Groups      json.RawMessage `json:"groups"`
		Community   json.RawMessage `json:"communityGalleryInfo"`
	}
	private := json.Unmarshal(has.Profile, &profile) == nil && arm.Is(profile.Permissions, "Private") &&
		!given(profile.Groups) && !given(profile.Community)
	if private {
		r.Set(sharing, profile.Permissions, record.Evidence("sharingProfile.permissions="+firewall.Quote(profile.Permissions)))
	}
	if unnamed != nil {
		r.Settings = nil
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: listCall, Permission: Kind.Lists[0].Permission, Reason: resource.Malformed, Detail: unnamed.Error(),
			Hides: everybody(), Settings: []string{sharing, community},
		})
	}
	return r, unnamed
}

// everybody is whom a gallery may be shared with, for all that is known.
func everybody() []resource.Hidden {
	return []resource.Hidden{{Via: gallery, To: resource.AnyTenant}, {Via: namedGallery, To: resource.Outsiders()}}
}

// Questions asks for the sharing profile, unless the listing said that there is
// nothing in it, or the store has no name to ask by.
func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	_, told := r.Settings[sharing]
	if told || len(r.Gaps) > 0 {
		return nil
	}
	return []*collect.Question{Kind.Question(getCall, c.askProfile)}
}

func (c *collector) askProfile(ctx context.Context, r *resource.Resource) error {
	id, err := arm.ParseID(string(r.ID), typeName)
	if err != nil {
		return collect.Malformed(listCall, "%w", err)
	}
	var answer struct {
		ID         string          `json:"id"`
		Properties json.RawMessage `json:"properties"`
	}
	if err := c.client.Get(ctx, getCall, &answer, id.Values()...); err != nil {
		return arm.FailedOf(getCall, id, err)
	}
	var has *struct {
		Profile json.RawMessage `json:"sharingProfile"`
	}
	if arm.Key(answer.ID) != arm.Key(string(r.ID)) || json.Unmarshal(answer.Properties, &has) != nil || has == nil {
		return collect.Malformed(getCall, "it does not describe the gallery")
	}
	p := profile{Resource: r, client: c.client, scope: c.scope}
	return p.describe(has.Profile)
}
