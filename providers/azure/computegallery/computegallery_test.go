package computegallery

import (
	"encoding/json"
	"net/http"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

const subscription = "aaaaaaaa-0000-0000-0000-000000000001"

// open returns a client that knows one subscription and has nobody to ask.
func open(t testing.TB, tenant string) *arm.Client {
	client, err := arm.Open(t.Context(), arm.Options{Offline: true, Transport: http.NewFileTransport(http.Dir(t.TempDir()))})
	if err != nil {
		t.Fatal(err)
	}
	client.Know(arm.Subscription{ID: subscription, Tenant: tenant})
	return client
}

// read judges a gallery by its profile; where that is odd, by the question's gap.
func read(client *arm.Client, raw []byte) *resource.Resource {
	r := &resource.Resource{ID: "/g", Name: "g"}
	p := profile{Resource: r, client: client, scope: resource.Scope{Account: subscription}}
	if err := p.describe(raw); err != nil {
		r.Gaps = append(r.Gaps, Kind.Question(getCall, nil).Gap(resource.Malformed, err.Error()))
	}
	return r
}

// A tenant that nobody can tell from the own one may be an outsider.
func TestUnknownTenant(t *testing.T) {
	raw := []byte(`{"permissions":"Groups","groups":[{"type":"AADTenants","ids":["T2"]}]}`)
	for tenant, want := range map[string]exposure.Range{
		"t1": {Least: exposure.Shared, Most: exposure.Shared}, "t2": {}, "": {Least: exposure.Private, Most: exposure.Shared},
	} {
		if got := exposure.Assess(read(open(t, tenant), raw)).Range; got != want {
			t.Errorf("own tenant %q: %v, want %v", tenant, got, want)
		}
	}
}

// A group that does not say whom it names may name an outsider.
func TestGroupsUntold(t *testing.T) {
	const shared, tenant = exposure.Shared, exposure.Tenant
	for group, want := range map[string]exposure.Level{
		`{"type":"AADTenants"}`: shared, `{"type":"AADTenants","ids":null}`: shared, `{"type":"Subscriptions","ids":[null]}`: shared,
		`{"type":"AADTenants","ids":[""]}`: shared, `{"type":"Planets"}`: tenant, `{"ids":[]}`: tenant, `null`: shared,
		`{"type":"AADTenants","ids":[]}`: exposure.Private,
	} {
		got := exposure.Assess(read(open(t, "t1"), []byte(`{"permissions":"Groups","groups":[`+group+`]}`))).Range
		if got.Least != exposure.Private || got.Most != want {
			t.Errorf("%s: %v, want private..%v", group, got, want)
		}
	}
}

func TestWitness(t *testing.T) {
	r := read(open(t, "t1"), []byte(`{"permissions":"community","communityGalleryInfo":{"communityGalleryEnabled":true,"publicNames":["cars-1"]}}`))
	if len(r.Grants) != 1 || r.Grants[0].Witness == nil || r.Grants[0].Witness.Resource != "/CommunityGalleries/cars-1" {
		t.Errorf("%+v", r.Grants)
	}
}

// New words and values of another type leave what was true possible.
func TestWhatIsNotUnderstoodWidens(t *testing.T) {
	client := open(t, "t1")
	rapid.Check(t, func(d *rapid.T) {
		group := map[string]any{"type": rapid.SampledFrom([]string{"Subscriptions", "AADTenants"}).Draw(d, "type"), "ids": rapid.SliceOfN(rapid.SampledFrom([]string{"t1", "t2", subscription}), 0, 2).Draw(d, "ids")}
		info := map[string]any{"communityGalleryEnabled": rapid.Bool().Draw(d, "enabled")}
		members := map[string]any{"permissions": rapid.SampledFrom([]string{"Private", "Groups", "Community"}).Draw(d, "permissions")}
		switch members["permissions"] {
		case "Groups":
			members["groups"] = []any{group}
		case "Community":
			members["communityGalleryInfo"] = info
		}
		before := exposure.Assess(read(client, text(d, members))).Range
		odd := rapid.SampledFrom([]any{"AndonUnseenWord", 7}).Draw(d, "odd")
		switch rapid.IntRange(0, 2).Draw(d, "place") {
		case 0:
			members["permissions"] = odd
		case 1:
			group["type"] = odd
		case 2:
			info["communityGalleryEnabled"] = odd
		}
		if after := exposure.Assess(read(client, text(d, members))).Range; !after.Contains(before) {
			d.Fatalf("%v becomes %v: %v", before, after, members)
		}
	})
}

func text(t *rapid.T, members map[string]any) []byte {
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func FuzzProfile(f *testing.F) {
	client := open(f, "t1")
	f.Add([]byte(`{"permissions":"Groups","groups":[null,{"type":"x","ids":["\u001b"]}],"communityGalleryInfo":{"publicNames":7}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, g := range read(client, raw).Grants {
			if len(g.Because) == 0 || Kind.Channels[g.Via] == "" {
				t.Errorf("grant %+v", g)
			}
		}
	})
}
