package report_test

import (
	"testing"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/report"
	"github.com/andon-audit/andon/pkg/report/reporttest"
	"github.com/andon-audit/andon/pkg/resource"
)

func TestEveryExitCodeHasAMeaning(t *testing.T) {
	for _, code := range []int{0, 1, 2, 3, 4, 5, 75, 130, 143} {
		if report.ExitMeaning(code) == report.ExitMeaning(99) {
			t.Errorf("%d has none", code)
		}
	}
}

func TestKind(t *testing.T) {
	for kind, want := range map[resource.Kind]string{
		"aws.s3.bucket": "s3", "aws.s3.access_point": "s3 access point", "azure.blob.container": "blob container",
		"gcp.storage.bucket": "storage", "odd": "odd",
	} {
		if got := report.Kind(kind); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 stores", 1: "1 store", 999: "999 stores", 1203: "1,203 stores", 1000000: "1,000,000 stores", -1234: "-1,234 stores", -123: "-123 stores"} {
		if got := report.Count(n, "store"); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestWho(t *testing.T) {
	audience := func(r resource.Reach, c resource.Credential, named ...string) resource.Audience {
		return resource.Audience{Reach: r, Credential: c, Named: named}
	}
	for _, c := range []struct {
		a    resource.Audience
		want string
	}{
		{resource.Nobody, "nobody outside"},
		{resource.Anyone, "anyone"},
		{resource.AnyTenant, "any AWS account"},
		{resource.Outsiders("999999999999"), "account 999999999999"},
		{resource.Outsiders("111111111111", "222222222222", "333333333333"), "accounts 111111111111, 222222222222 +1 more"},
		{resource.Outsiders("arn:aws:iam::999999999999:root"), "arn:aws:iam::999999999999:root"},
		{resource.Outsiders(), "named outsiders"},
		{audience(resource.ReachListed, resource.CredentialNone, "203.0.113.0/24"), "anyone at 203.0.113.0/24"},
		{audience(resource.ReachListed, resource.CredentialTenant, "203.0.113.0/24"), "any AWS account at 203.0.113.0/24"},
		{audience(resource.ReachListed, resource.CredentialOwn, "203.0.113.0/24"), "203.0.113.0/24, with a credential of the owner"},
		{audience(resource.ReachProvider, resource.CredentialNone), "any AWS account"},
		{audience(resource.ReachProvider, resource.CredentialOwn), "any AWS network, with a credential"},
		{audience(resource.ReachBroad, resource.CredentialNone), "anyone in a wide address range"},
		{audience(resource.ReachInternet, resource.CredentialOwn), "anyone with a credential of the owner"},
		{audience(resource.ReachInternet, resource.CredentialNamed, "999999999999"), "anyone with a credential of account 999999999999"},
	} {
		if got := report.Who("aws", c.a); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.a, got, c.want)
		}
	}
}

// TestOpeningsFollowTheJudge: a guard that stops one action of a grant takes
// that action, and no other, off the list.
func TestOpeningsFollowTheJudge(t *testing.T) {
	r := reporttest.Dealers().Resource
	r.Guards = []resource.Guard{
		{Name: "no deletes", On: []resource.Channel{"acl"}, Can: []resource.Action{resource.Delete}, Cap: resource.Nobody},
		{Name: "writers", On: []resource.Channel{"acl"}, Can: []resource.Action{resource.Write}, Cap: resource.AnyTenant},
	}
	openings := report.Openings(&r, exposure.Assess(&r).Paths)
	var got []string
	for _, o := range openings {
		got = append(got, o.String())
	}
	if len(got) != 2 || got[0] != "anyone: list" || got[1] != "any AWS account: write" {
		t.Errorf("got %q", got)
	}
}

// TestOpeningsOfOneLevel: whoever gets at what is in a store comes before whoever
// gets to its door.
func TestOpeningsOfOneLevel(t *testing.T) {
	office := resource.Audience{Reach: resource.ReachListed, Named: []string{"203.0.113.0/24"}}
	r := resource.Resource{
		Grants: []resource.Grant{
			{To: office, Can: []resource.Action{resource.Connect}, Via: "network"},
			{To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: "anonymous-pull"},
		},
		Guards: []resource.Guard{{Name: "firewall", On: []resource.Channel{"anonymous-pull"}, Cap: resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNone}}},
	}
	openings := report.Openings(&r, exposure.Assess(&r).Paths)
	if len(openings) != 2 || openings[0].String() != "named outsiders: read" {
		t.Errorf("got %v", openings)
	}
}

func TestOpeningBehindAnUnreadGuardIsNotProven(t *testing.T) {
	r := reporttest.Dealers().Resource
	r.Gaps = []resource.Gap{{Reason: resource.Denied, Shields: []resource.Shield{{On: []resource.Channel{"acl"}, Cap: resource.Nobody}}}}
	openings := report.Openings(&r, exposure.Assess(&r).Paths)
	if len(openings) != 1 || openings[0].Proven() || openings[0].String() != "perhaps anyone: list, write, delete" {
		t.Errorf("got %v", openings)
	}
}

func TestUnreadAndVerdict(t *testing.T) {
	for _, c := range []struct {
		store   *finding.Store
		unread  bool
		verdict string
	}{
		{reporttest.Telemetry(), false, "public"},
		{reporttest.Interval(), true, "unknown"},
		{reporttest.Unreadable(), true, "unknown"},
		{reporttest.Neutralised(), false, "private"},
		{reporttest.Private(), false, "private"},
		{reporttest.Gone(), false, "gone"},
		{reporttest.Shared(), false, "shared"},
	} {
		if got := report.Unread(c.store); got != c.unread {
			t.Errorf("%s: unread %t", c.store.Resource.Name, got)
		}
		if got := report.Verdict(c.store); got != c.verdict {
			t.Errorf("%s: verdict %q, want %q", c.store.Resource.Name, got, c.verdict)
		}
	}
}
