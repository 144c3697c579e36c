package cosmosaccount

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

const subscription = "aaaaaaaa-0000-0000-0000-000000000001"

// answer is a transport that answers every listing with one entry.
type answer string

func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Request: req, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"value":[` + string(a) + `]}`)),
	}, nil
}

// listed is the account as it is described from the listing alone.
func listed(t testing.TB, properties string) *resource.Resource {
	t.Helper()
	entry := fmt.Sprintf(`{"id":"/subscriptions/%s/resourceGroups/rg/providers/Microsoft.DocumentDB/databaseAccounts/telemetry","name":"telemetry","properties":%s}`, subscription, properties)
	client, err := arm.Open(t.Context(), arm.Options{Transport: answer(entry), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range New(client, resource.Scope{Provider: "azure", Account: subscription}).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Fatal("no account")
	return nil
}

// drawn are properties of an account, each of which may be missing.
func drawn(r *rapid.T) map[string]any {
	p := make(map[string]any)
	maybe := func(key string, values ...any) {
		if i := rapid.IntRange(-1, len(values)-1).Draw(r, key); i >= 0 {
			p[key] = values[i]
		}
	}
	maybe("publicNetworkAccess", nil, "Enabled", "Disabled", "SecuredByPerimeter", "Perhaps")
	maybe("isVirtualNetworkFilterEnabled", nil, true, false)
	maybe("virtualNetworkRules", nil, []any{}, []any{map[string]any{"id": "/subscriptions/" + subscription + "/x"}})
	maybe("privateEndpointConnections", nil, []any{},
		[]any{map[string]any{"properties": map[string]any{"privateLinkServiceConnectionState": map[string]any{"status": "Approved"}}}})
	maybe("networkAclBypass", nil, "None", "AzureServices", "Weird")
	maybe("networkAclBypassResourceIds", nil, []any{}, []any{"/subscriptions/" + subscription + "/x/y"}, []any{"/subscriptions/other/x/y"}, []any{"everything"})
	maybe("enableAnalyticalStorage", nil, true, false)
	var rules []any
	for i := range rapid.IntRange(0, 3).Draw(r, "rules") {
		rules = append(rules, map[string]any{"ipAddressOrRange": address(r, fmt.Sprint("address ", i))})
	}
	p["ipRules"] = rules
	return p
}

func address(r *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"0.0.0.0", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "203.0.113.7", "10.0.0.0/8", "everywhere"}).Draw(r, label)
}

func judged(t testing.TB, p map[string]any) exposure.Range {
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return exposure.Assess(listed(t, string(text))).Range
}

// TestAnotherAddressNeverNarrows: but for the first rule of all, which closes an
// account that was open to everybody.
func TestAnotherAddressNeverNarrows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawn(r)
		rules, _ := p["ipRules"].([]any)
		if len(rules) == 0 {
			return
		}
		before := judged(t, p)
		p["ipRules"] = append(rules, map[string]any{"ipAddressOrRange": address(r, "another")})
		if after := judged(t, p); after.Least < before.Least || after.Most < before.Most {
			r.Fatalf("%v becomes %v", before, after)
		}
	})
}

// TestOddMembersWiden: a member of another type than it should have leaves what
// was true possible.
func TestOddMembersWiden(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawn(r)
		before := judged(t, p)
		key := rapid.SampledFrom([]string{
			"publicNetworkAccess", "isVirtualNetworkFilterEnabled", "virtualNetworkRules", "privateEndpointConnections", "ipRules",
			"networkAclBypass", "networkAclBypassResourceIds", "enableAnalyticalStorage",
		}).Draw(r, "odd")
		p[key] = map[string]any{"odd": 7}
		if after := judged(t, p); !after.Contains(before) {
			r.Fatalf("with an odd %s %v becomes %v", key, before, after)
		}
	})
}

// TestPastWhatCloses: neither disabled access nor a private endpoint covers the
// resources that pass the firewall, or the analytical store.
func TestPastWhatCloses(t *testing.T) {
	const (
		closed   = `"privateEndpointConnections":[{"properties":{"privateLinkServiceConnectionState":{"status":"Approved"}}}],"publicNetworkAccess":`
		own      = `"networkAclBypassResourceIds":["/subscriptions/` + subscription + `/resourceGroups/rg"]`
		stranger = `"networkAclBypassResourceIds":["/subscriptions/other/resourceGroups/rg"]`
	)
	for _, access := range []string{`"Enabled"`, `"Disabled"`} {
		for said, want := range map[string]exposure.Level{
			`"networkAclBypass":null`:                        exposure.Private,
			`"networkAclBypass":"none",` + stranger:          exposure.Private,
			`"networkAclBypass":"AzureServices"`:             exposure.Private,
			`"networkAclBypass":"AzureServices",` + own:      exposure.Private,
			`"networkAclBypass":"azureservices",` + stranger: exposure.Shared,
			stranger:                               exposure.Shared,
			`"networkAclBypass":"Weird"`:           exposure.Reachable,
			`"networkAclBypass":7`:                 exposure.Reachable,
			`"networkAclBypassResourceIds":["x"]`:  exposure.Reachable,
			`"networkAclBypassResourceIds":[null]`: exposure.Reachable,
			`"enableAnalyticalStorage":false`:      exposure.Private,
			`"enableAnalyticalStorage":true`:       exposure.Reachable,
			`"enableAnalyticalStorage":"yes"`:      exposure.Reachable,
		} {
			got := exposure.Assess(listed(t, "{"+closed+access+","+said+"}")).Range
			if got.Least != exposure.Private || got.Most != want {
				t.Errorf("%s with access %s: %v, want private..%v", said, access, got, want)
			}
		}
	}
}

// FuzzDescribe: whatever an entry holds, it is described, with evidence and in
// declared words.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte(`{"ipRules":[null,{"ipAddressOrRange":"\u001b[31m"}],"ipRangeFilter":",,","networkAclBypassResourceIds":[7]}`))
	f.Add([]byte(`{"virtualNetworkRules":[{"id":"/subscriptions//"}],"isVirtualNetworkFilterEnabled":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		r := listed(t, string(text))
		for key, s := range r.Settings {
			if Kind.Settings[key].Type == "" || s.From.Call == "" || s.From.Quote == "" {
				t.Errorf("setting %s: %+v", key, s)
			}
		}
		for _, g := range r.Grants {
			if Kind.Channels[g.Via] == "" || len(g.Because) == 0 || g.To.Credential != resource.CredentialOwn {
				t.Errorf("grant %+v", g)
			}
		}
	})
}
