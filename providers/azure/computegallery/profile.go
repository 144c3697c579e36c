package computegallery

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
)

// The ways in.
const (
	gallery      resource.Channel = "gallery"
	namedGallery resource.Channel = "named-gallery"
)

// The settings.
const (
	sharing   = "sharing"
	community = "community_enabled"
)

// profile is a gallery while its sharing profile is read.
type profile struct {
	*resource.Resource
	client *arm.Client
	scope  resource.Scope
	// names are the outsiders that groups name, unknown the subscriptions that may be
	// outsiders', doubts what may name more.
	names, unknown, doubts []string
}

// describe reads a sharing profile. Without one, or without a word of permission,
// the gallery is shared by roles alone.
//
// Source: https://learn.microsoft.com/azure/virtual-machines/share-gallery and
// https://learn.microsoft.com/javascript/api/@azure/arm-compute/knowngallerysharingpermissiontypes
func (p *profile) describe(raw json.RawMessage) error {
	var has struct {
		Permissions *string         `json:"permissions"`
		Groups      json.RawMessage `json:"groups"`
		Community   *struct {
			Enabled json.RawMessage `json:"communityGalleryEnabled"`
			Names   json.RawMessage `json:"publicNames"`
		} `json:"communityGalleryInfo"`
	}
	if !given(raw) {
		p.Set(sharing, "", p.evidence("", "sharingProfile is not set"))
		return nil
	}
	if err := json.Unmarshal(raw, &has); err != nil {
		return collect.Malformed(getCall, "sharingProfile: %w", err)
	}
	permissions := ""
	if has.Permissions != nil {
		permissions = strings.TrimSpace(*has.Permissions)
	}
	p.Set(sharing, firewall.Quote(permissions), p.evidence("/sharingProfile", "permissions="+firewall.Quote(permissions)))
	var enabled, publicNames json.RawMessage
	if has.Community != nil {
		enabled, publicNames = has.Community.Enabled, has.Community.Names
	}
	on, told := boolean(enabled)
	if told {
		p.Set(community, on, p.evidence("/sharingProfile/communityGalleryInfo", "communityGalleryEnabled="+strconv.FormatBool(on)))
	}
	switch {
	case arm.Is(permissions, "Community"):
		p.addCommunity(on, told, publicNames)
	case permissions != "" && !arm.Is(permissions, "Private", "Groups"):
		p.doubt("the permission "+strconv.Quote(firewall.Quote(permissions))+" is not known", everybody(), nil)
	case has.Community != nil && (on || !told):
		p.doubt("the permission is no longer Community, and the community may still be let in", []resource.Hidden{{Via: gallery, To: resource.AnyTenant}}, nil)
	}
	p.addGroups(has.Groups, arm.Is(permissions, "Groups"))
	return nil
}

// addCommunity lets every customer of Azure in. communityGalleryEnabled is what
// Azure itself says of whether the gallery is live; not to say so is not to say no.
//
// Source: https://learn.microsoft.com/azure/virtual-machines/share-gallery-community
func (p *profile) addCommunity(on, told bool, publicNames json.RawMessage) {
	const at = "/sharingProfile/permissions"
	g := resource.Grant{
		To: resource.AnyTenant, Can: []resource.Action{resource.Restore}, Via: gallery,
		Because: []resource.Evidence{p.evidence(at, "Community")},
	}
	var names []string
	if json.Unmarshal(publicNames, &names) == nil && len(names) > 0 {
		g.Witness = &resource.Witness{
			Principal: "any Azure subscription", Action: "Microsoft.Compute/virtualMachines/write",
			Resource: "/CommunityGalleries/" + firewall.Quote(names[0]),
		}
	}
	p.Grants = append(p.Grants, g)
	switch {
	case !told:
		p.doubt("it does not say whether community sharing is enabled", nil,
			[]resource.Shield{{On: []resource.Channel{gallery}, Cap: resource.Nobody}}, community)
	case !on:
		p.Guards = append(p.Guards, resource.Guard{
			Name: "community sharing is not enabled", On: []resource.Channel{gallery}, Cap: resource.Nobody,
			Because: []resource.Evidence{p.evidence("/sharingProfile/communityGalleryInfo/communityGalleryEnabled", "false")},
		})
	}
}

// addGroups names the subscriptions and tenants of others that may use the
// images. Groups under another permission may be left over, or in force.
//
// Source: https://learn.microsoft.com/azure/virtual-machines/share-gallery-direct
func (p *profile) addGroups(raw json.RawMessage, inForce bool) {
	var groups []json.RawMessage
	switch err := json.Unmarshal(raw, &groups); {
	case !given(raw) && !inForce:
		return
	case !given(raw) || err != nil:
		p.doubts = append(p.doubts, "the groups are not told")
	}
	for _, raw := range groups {
		p.addGroup(raw)
	}
	names := firewall.Names(p.names)
	switch {
	case len(names) > 0 && inForce:
		p.Grants = append(p.Grants, resource.Grant{
			To: resource.Outsiders(names...), Can: []resource.Action{resource.Restore}, Via: namedGallery,
			Because: []resource.Evidence{p.evidence("/sharingProfile/groups", "groups: "+strings.Join(names, ", "))},
		})
	case len(names) > 0:
		p.doubts = append(p.doubts, "groups are named, and the permission is not Groups")
	}
	if unknown := firewall.Names(p.unknown); len(unknown) > 0 {
		p.doubt("whose the subscriptions "+strings.Join(unknown, ", ")+" are is not known: they are not audited",
			[]resource.Hidden{{Via: namedGallery, To: resource.Outsiders(unknown...)}}, nil)
	}
	if doubts := firewall.Names(p.doubts); len(doubts) > 0 {
		p.doubt(strings.Join(doubts, "; "), []resource.Hidden{{Via: namedGallery, To: resource.Outsiders(names...)}}, nil)
	}
}

// addGroup sorts the members of a group into the owner's own and others.
func (p *profile) addGroup(raw json.RawMessage) {
	var group struct {
		Type string    `json:"type"`
		IDs  []*string `json:"ids"`
	}
	if !given(raw) || json.Unmarshal(raw, &group) != nil {
		p.doubts = append(p.doubts, "a group cannot be read")
		return
	}
	if !arm.Is(group.Type, "Subscriptions", "AADTenants") {
		p.doubt("groups of the type "+strconv.Quote(firewall.Quote(group.Type))+" are not known", everybody(), nil)
		return
	}
	if group.IDs == nil {
		p.doubts = append(p.doubts, "a group does not say whom it names")
	}
	for _, id := range group.IDs {
		if id == nil || *id == "" {
			p.doubts = append(p.doubts, "a group has a member without an id")
			continue
		}
		name := firewall.Quote(strings.ToLower(*id))
		if arm.Is(group.Type, "Subscriptions") {
			p.addSubscription(name)
		} else {
			p.addTenant(name)
		}
	}
}

// addSubscription: those of this audit say which tenant they trust; of the others,
// their ids do not say whose they are.
func (p *profile) addSubscription(id string) {
	s, _ := p.client.Subscription(id)
	own, known := p.client.OwnTenant(p.scope.Account, s.Tenant)
	switch {
	case strings.EqualFold(id, p.scope.Account):
	case !known || s.Tenant == "":
		p.unknown = append(p.unknown, id)
	case !own:
		p.names = append(p.names, id)
	}
}

func (p *profile) addTenant(id string) {
	own, known := p.client.OwnTenant(p.scope.Account, id)
	switch {
	case !known:
		p.doubts = append(p.doubts, "whether the tenant "+id+" is the own one is not known")
	case own:
		p.Notes = append(p.Notes, "every subscription of the own tenant may use the images")
	default:
		p.names = append(p.names, id)
	}
}

func (p *profile) doubt(detail string, hides []resource.Hidden, shields []resource.Shield, settings ...string) {
	p.Gaps = append(p.Gaps, resource.Gap{
		Call: getCall, Permission: Kind.Reads[0].Permission, Reason: resource.Undecided, Detail: detail,
		Hides: hides, Shields: shields, Settings: settings,
	})
}

func (p *profile) evidence(at, quote string) resource.Evidence {
	return resource.Evidence{Call: getCall, Of: string(p.ID), Pointer: "/properties" + at, Quote: quote}
}

// given reports whether a member is there, and not null.
func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// boolean reads a member; told is false where it is absent, null or odd.
func boolean(raw json.RawMessage) (value, told bool) {
	var b *bool
	if json.Unmarshal(raw, &b) != nil || b == nil {
		return false, false
	}
	return *b, true
}
