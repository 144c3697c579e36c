package storagebucket

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
)

// ipFilter is a bucket's IP filter, with all its members: one that is not known
// may let more through.
//
// Source: https://cloud.google.com/storage/docs/json_api/v1/buckets#resource
type ipFilter struct {
	Mode   string `json:"mode"`
	Public *struct {
		Ranges []string `json:"allowedIpCidrRanges"`
	} `json:"publicNetworkSource"`
	Networks []struct {
		Network string   `json:"network"`
		Ranges  []string `json:"allowedIpCidrRanges"`
	} `json:"vpcNetworkSources"`
	CrossOrganisation bool `json:"allowCrossOrgVpcs"`
	ServiceAgents     bool `json:"allowAllServiceAgentAccess"`
}

// filter is what is known of a bucket's IP filter.
type filter struct {
	shown bool     // the listing has one, on or off
	names []string // what it lets through, where that can be listed
}

// The modes of an IP filter.
const (
	filterOn  = "Enabled"
	filterOff = "Disabled"
)

// describeFilter adds the IP filter that the listing shows. It is for requests of
// everybody, with whatever credentials; it stands beside IAM and grants nothing.
//
// Source: https://cloud.google.com/storage/docs/ip-filtering-overview
func (b *bucket) describeFilter(r *resource.Resource, text json.RawMessage) {
	if len(text) == 0 || string(text) == "null" {
		return
	}
	b.filter.shown = true
	var f ipFilter
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		b.doubtFilter(r, resource.Nobody, "the IP filter has a form that is not known", "ip_filter")
		return
	}
	from := b.cite("ipFilter.mode=" + f.Mode)
	switch f.Mode {
	case filterOff:
		r.Set("ip_filter", false, from)
	case filterOn:
		r.Set("ip_filter", true, from)
		b.judgeFilter(r, f)
	default:
		b.doubtFilter(r, resource.Nobody, fmt.Sprintf("the mode %q of the IP filter is not known", f.Mode), "ip_filter")
	}
}

// judgeFilter adds a filter that is on, as wide as the networks that it lets
// through. A listing may show that there is one without showing these.
//
// Source: https://cloud.google.com/storage/docs/list-ip-filter
func (b *bucket) judgeFilter(r *resource.Resource, f ipFilter) {
	if f.Public == nil && f.Networks == nil {
		b.doubtFilter(r, resource.Nobody, "the IP filter is on, and the listing does not show which networks it lets through")
		return
	}
	var ranges []string
	if f.Public != nil {
		ranges = f.Public.Ranges
	}
	addresses, err := netset.Parse(ranges...)
	if err != nil {
		b.doubtFilter(r, resource.Nobody, fmt.Sprintf("the IP filter: %v", err))
		return
	}
	reach := width(addresses)
	foreign := b.foreign(f)
	if len(foreign) > 0 {
		reach = max(reach, resource.ReachListed)
	}
	if reach == resource.ReachInternet {
		return // it lets everybody through
	}
	least := resource.Audience{Reach: reach, Credential: resource.CredentialNone}
	most := least
	if f.ServiceAgents {
		most.Reach = max(reach, resource.ReachProvider)
	}
	if reach == resource.ReachListed {
		b.filter.names = names(ranges, foreign)
	}
	r.Guards = append(r.Guards, resource.Guard{
		Name: "IP filter", On: everyChannel, Cap: most, Because: []resource.Evidence{b.cite("ipFilter: " + spell(ranges, foreign))},
	})
	if most.Reach > least.Reach {
		b.doubtFilter(r, least, "the IP filter lets every service agent of Google Cloud through; whether one acts here for a stranger is not documented")
	}
}

// foreign returns the networks of other projects that a filter lets through.
// Without allowCrossOrgVpcs they are of the bucket's own organisation.
func (b *bucket) foreign(f ipFilter) []string {
	var found []string
	for _, n := range f.Networks {
		_, path, _ := strings.Cut("/"+n.Network, "/projects/")
		project, _, _ := strings.Cut(path, "/")
		if f.CrossOrganisation && (project == "" || project != b.project && project != b.number) {
			found = append(found, n.Network)
		}
	}
	return found
}

// width says in the words of verdicts from how far a set of addresses reaches.
func width(s netset.Set) resource.Reach {
	switch public := s.Intersect(netset.Public()); {
	case public.Empty():
		return resource.ReachPrivate
	case public.Internet():
		return resource.ReachInternet
	case public.Broad():
		return resource.ReachBroad
	default:
		return resource.ReachListed
	}
}

// maxNames bounds what is told of a list that owners or strangers wrote.
const maxNames = 8

// names are the ranges and networks, sorted, as far as a reader takes them in.
func names(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	all = slices.Compact(all)
	if more := len(all) - maxNames; more > 0 {
		return append(all[:maxNames:maxNames], fmt.Sprintf("and %d more", more))
	}
	return all
}

func spell(lists ...[]string) string {
	if all := names(lists...); len(all) > 0 {
		return strings.Join(all, ", ")
	}
	return "no public address"
}

// doubtFilter keeps open that a filter lets through nobody wider than limit.
func (b *bucket) doubtFilter(r *resource.Resource, limit resource.Audience, why string, settings ...string) {
	r.Gaps = append(r.Gaps, resource.Gap{
		Call: listCall, Permission: "storage.buckets.getIpFilter", Reason: resource.Undecided, Detail: why,
		Shields: []resource.Shield{{On: everyChannel, Cap: limit}}, Settings: settings,
	})
}

// askFilter asks whether this identity would be shown an IP filter, where none was:
// the listing hides it from those who lack one permission, which few roles have.
//
// Source: https://cloud.google.com/storage/docs/access-control/iam-permissions
// (storage.buckets.getIpFilter lists and reads the rules, storage.buckets.list
// alone does not) and
// https://cloud.google.com/storage/docs/json_api/v1/buckets/testIamPermissions
func (b *bucket) askFilter(ctx context.Context, r *resource.Resource) error {
	const permission = "storage.buckets.getIpFilter"
	clients, err := b.open(ctx)
	if err != nil {
		return err
	}
	answer, err := clients.raw.Buckets.TestIamPermissions(b.name, []string{permission}).Context(ctx).Do()
	if err != nil {
		return b.failed(testCall, err)
	}
	i := slices.Index(answer.Permissions, permission)
	switch {
	case answer.Kind == "" && answer.Permissions == nil:
		return collect.Malformed(testCall, "the answer is no test of permissions")
	case i < 0:
		r.Gaps = append(r.Gaps, Kind.Question(testCall, nil).Gap(resource.Undecided,
			"this identity may not see whether the bucket has an IP filter, which could keep strangers out"))
	default:
		r.Set("ip_filter", false, resource.Evidence{Call: testCall, Of: b.name, Pointer: fmt.Sprintf("/permissions/%d", i), Quote: permission})
	}
	return nil
}
