package storagebucket

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/member"
	"github.com/andon-audit/andon/providers/gcp/role"
)

func TestMemberOf(t *testing.T) {
	for _, tc := range []struct {
		entity, email, want string
		kind                member.Kind
	}{
		{"allUsers", "", "allUsers", member.Everyone},
		{"allAuthenticatedUsers", "", "allAuthenticatedUsers", member.EveryAccount},
		{"user-a@example.com", "a@example.com", "user:a@example.com", member.Account},
		{"user-00b4903a97", "a@example.com", "user:a@example.com", member.Account},
		{"user-x@p.iam.gserviceaccount.com", "", "serviceAccount:x@p.iam.gserviceaccount.com", member.ServiceAccount},
		{"group-staff@example.com", "", "group:staff@example.com", member.Group},
		{"domain-example.com", "", "domain:example.com", member.Domain},
		{"project-owners-222222222222", "", "projectOwner:222222222222", member.Project},
		{"project-viewers-supplier", "", "projectViewer:supplier", member.Project},
		{"project-friends-222222222222", "", "project-friends-222222222222", member.Unknown},
		{"project-owners", "", "project-owners", member.Unknown},
		{"AllUsers", "", "AllUsers", member.Unknown},
		{"everybody-else", "", "everybody-else", member.Unknown},
		{"", "", "", member.Unknown},
	} {
		got := memberOf(tc.entity, tc.email)
		if kind := member.Parse(got).Kind; got != tc.want || kind != tc.kind {
			t.Errorf("%q (%q) is the member %q of kind %d, want %q of kind %d", tc.entity, tc.email, got, kind, tc.want, tc.kind)
		}
	}
}

// Every word of a list stands for a role that the tables know, and that allows
// what Google documents of the word.
func TestRolesOfLists(t *testing.T) {
	for _, tc := range []struct {
		roles map[string]string
		word  string
		can   resource.Action
		not   resource.Action
	}{
		{bucketRoles, "READER", resource.List, resource.Read},
		{bucketRoles, "WRITER", resource.Delete, resource.TakeOver},
		{bucketRoles, "OWNER", resource.TakeOver, resource.Read},
		{objectRoles, "READER", resource.Read, resource.List},
		{objectRoles, "OWNER", resource.TakeOver, resource.Delete},
	} {
		permissions, known := role.Predefined(tc.roles[tc.word])
		can := fmt.Sprint(role.Actions("storage.bucket", permissions))
		if !known || !strings.Contains(can, string(tc.can)) || strings.Contains(can+" ", " "+string(tc.not)+" ") {
			t.Errorf("%s (%s) allows %s", tc.word, tc.roles[tc.word], can)
		}
	}
}

func TestUniform(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: false,
		`{"uniformBucketLevelAccess":{"enabled":true}}`:                                       true,
		`{"uniformBucketLevelAccess":{"enabled":true},"bucketPolicyOnly":{"enabled":true}}`:   true,
		`{"bucketPolicyOnly":{"enabled":true}}`:                                               true,
		`{"uniformBucketLevelAccess":{"enabled":false},"bucketPolicyOnly":{"enabled":true}}`:  false,
		`{"uniformBucketLevelAccess":{"enabled":true},"bucketPolicyOnly":{"enabled":false}}`:  false,
		`{"uniformBucketLevelAccess":{"enabled":false},"bucketPolicyOnly":{"enabled":false}}`: false,
	} {
		var c configuration
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		if got := c.uniform().Enabled; got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 objects", 1: "1 object", 999: "999 objects", 1000: "1,000 objects", 1234567: "1,234,567 objects"} {
		if got := count(n, "object"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// FuzzShort holds that a name of strangers comes out on one line, bounded, and as
// text.
func FuzzShort(f *testing.F) {
	for _, name := range []string{"a.csv", "\x1b[31mred\nPASS", strings.Repeat("ü", 600), "\xff\xfe", "\u2028", `"quoted\"`, ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := short(name)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) || len(got) > 10*maxName {
			t.Errorf("%q comes out as %q", name, got)
		}
	})
}

// FuzzIPFilter holds that no text crashes, and that only one that was understood
// whole narrows anything.
func FuzzIPFilter(f *testing.F) {
	for _, text := range []string{
		`{"mode":"Enabled","publicNetworkSource":{"allowedIpCidrRanges":["203.0.113.0/24"]}}`,
		`{"mode":"Disabled"}`, `{"mode":"Enabled"}`, `null`, `[]`, `7`, `{"mode":7}`, `{"mode":"Enabled","publicNetworkSource":{"allowedIpCidrRanges":["x"]}}`,
		`{"mode":"Enabled","publicNetworkSource":{},"more":true}`, `{"mode":"Enabled","vpcNetworkSources":[{}],"allowCrossOrgVpcs":true}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := judged(text)
		if len(r.Guards) > 0 && r.Settings["ip_filter"].Value != true {
			t.Errorf("%s: a guard, and no filter that is on: %+v", text, r)
		}
		if on, read := r.Settings["ip_filter"]; read && on.Value == false && len(r.Gaps)+len(r.Guards) > 0 {
			t.Errorf("%s: off, and still %+v", text, r)
		}
	})
}

func judged(text string) *resource.Resource {
	r := new(resource.Resource)
	b := &bucket{collector: &collector{client: new(api.Client), project: "tconnect"}, name: "telemetry", number: "111111111111"}
	b.describeFilter(r, json.RawMessage(text))
	return r
}

// TestFilterKeepsNobodyOutWhomItLetsThrough: the guard is never narrower than any
// of the ranges that the filter lets through.
func TestFilterKeepsNobodyOutWhomItLetsThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ranges []string
		widest := resource.ReachPrivate
		for range rapid.IntRange(0, 4).Draw(t, "ranges") {
			address := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
			prefix := netip.PrefixFrom(address, rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
			ranges = append(ranges, prefix.String())
			widest = max(widest, netset.Of(prefix).Reach())
		}
		text, err := json.Marshal(map[string]any{"mode": filterOn, "publicNetworkSource": map[string]any{"allowedIpCidrRanges": ranges}})
		if err != nil {
			t.Fatal(err)
		}
		r := judged(string(text))
		for _, g := range r.Guards {
			if g.Cap.Reach < widest {
				t.Fatalf("%s: capped at %s, and %s gets through", text, g.Cap.Reach, widest)
			}
		}
		if len(r.Guards) == 0 && widest < resource.ReachListed && len(ranges) == 0 {
			t.Fatalf("%s lets nobody through, and guards nothing", text)
		}
	})
}
