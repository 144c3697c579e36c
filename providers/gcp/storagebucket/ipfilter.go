package storagebucket

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
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
	alone bool     // it is on, and the listing does not tell what it lets through
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
	f, err := decodeFilter(text)
	if err != nil {
		b.doubtFilter(r, listCall, resource.Nobody, "the IP filter has a form that is not known", "ip_filter")
		return
	}
	from := b.cite("ipFilter.mode=" + f.Mode)
	switch f.Mode {
	case filterOff:
		r.Set("ip_filter", false, from)
	case filterOn:
		r.Set("ip_filter", true, from)
		if b.filter.alone = f.silent(); !b.filter.alone {
			b.judgeFilter(r, f, b.cite)
		}
	default:
		b.doubtFilter(r, listCall, resource.Nobody, fmt.Sprintf("the mode %q of the IP filter is not known", f.Mode), "ip_filter")
	}
}

func decodeFilter(text json.RawMessage) (f ipFilter, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(&f)
	return f, err
}

// silent reports whether a filter that is on does not tell what it lets through.
func (f ipFilter) silent() bool { return f.Public == nil && f.Networks == nil }

// askBucket reads the filter of a bucket of which the listing tells no more than
// that it is on.
//
// Source: https://cloud.google.com/storage/docs/list-ip-filter and
// https://cloud.google.com/storage/docs/get-ip-filter
func (b *bucket) askBucket(ctx context.Context, r *resource.Resource) error {
	var answer struct {
		Name     string          `json:"name"`
		IPFilter json.RawMessage `json:"ipFilter"`
	}
	request := api.Request{Service: "storage", Path: "storage/v1/b/" + url.PathEscape(b.name) + "?projection=noAcl"}
	if err := b.client.Ask(ctx, request, &answer); err != nil {
		return b.failed(getCall, err)
	}
	if answer.Name == "" {
		return collect.Malformed(getCall, "no bucket in it")
	}
	f, err := decodeFilter(answer.IPFilter)
	if err != nil || f.Mode != filterOn || f.silent() {
		b.doubtFilter(r, getCall, resource.Nobody, "the listing says that the IP filter is on, and the bucket does not tell what it lets through")
		return nil //nolint:nilerr // it is told as a doubt
	}
	b.judgeFilter(r, f, func(quote string) resource.Evidence {
		return resource.Evidence{Call: getCall, Of: b.name, Pointer: "/ipFilter", Quote: quote}
	})
	return nil
}

// judgeFilter adds a filter that is on, as wide as the networks that it lets
// through.
func (b *bucket) judgeFilter(r *resource.Resource, f ipFilter, cite func(quote string) resource.Evidence) {
	call := cite("").Call
	var ranges []string
	if f.Public != nil {
		ranges = f.Public.Ranges
	}
	addresses, err := netset.Parse(ranges...)
	if err != nil {
		b.doubtFilter(r, call, resource.Nobody, fmt.Sprintf("the IP filter: %v", err))
		return
	}
	reach := addresses.Reach()
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
		Name: "IP filter", On: everyChannel, Cap: most, Because: []resource.Evidence{cite("ipFilter: " + spell(ranges, foreign))},
	})
	if most.Reach > least.Reach {
		b.doubtFilter(r, call, least, "the IP filter lets every service agent of Google Cloud through; whether one acts here for a stranger is not documented")
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
func (b *bucket) doubtFilter(r *resource.Resource, call string, limit resource.Audience, why string, settings ...string) {
	r.Gaps = append(r.Gaps, resource.Gap{
		Call: call, Permission: "storage.buckets.getIpFilter", Reason: resource.Undecided, Detail: why,
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
		r.Gaps = append(r.Gaps, Kind.Question(testCall, nil).Gap(resource.Denied,
			"this identity may not see whether the bucket has an IP filter, which could keep strangers out"))
	default:
		r.Set("ip_filter", false, resource.Evidence{Call: testCall, Of: b.name, Pointer: fmt.Sprintf("/permissions/%d", i), Quote: permission})
	}
	return nil
}
