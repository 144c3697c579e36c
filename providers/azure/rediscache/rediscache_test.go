package rediscache

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

const subscription = "aaaaaaaa-0000-0000-0000-000000000001"

// answer is a transport that answers the listing of caches with one entry, and
// that of rules with none.
type answer string

func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	body := string(a)
	if strings.HasSuffix(req.URL.Path, "/firewallRules") {
		body = ""
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Request: req, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"value":[` + body + `]}`)),
	}, nil
}

// whole is a cache without rules, with every question about it asked.
func whole(t testing.TB, properties string) *resource.Resource {
	t.Helper()
	entry := fmt.Sprintf(`{"id":"/subscriptions/%s/resourceGroups/rg/providers/Microsoft.Cache/Redis/sessions","name":"sessions","properties":%s}`, subscription, properties)
	client, err := arm.Open(t.Context(), arm.Options{Transport: answer(entry), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	c := New(client, resource.Scope{Provider: "azure", Account: subscription})
	for r, err := range c.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range c.Questions(r) {
			if err := q.Ask(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	t.Fatal("no cache")
	return nil
}

// A cache that asks for no credential is public as far as it can be reached; that
// it asks for one has to be known.
func TestAuthentication(t *testing.T) {
	for properties, want := range map[string]exposure.Range{
		`{}`:                          {Least: exposure.Reachable, Most: exposure.Reachable},
		`{"redisConfiguration":null}`: {Least: exposure.Reachable, Most: exposure.Reachable},
		`{"redisConfiguration":{"authnotrequired":null}}`:                                                                 {Least: exposure.Reachable, Most: exposure.Reachable},
		`{"redisConfiguration":{"authnotrequired":"false"}}`:                                                              {Least: exposure.Reachable, Most: exposure.Reachable},
		`{"redisConfiguration":{"authnotrequired":false}}`:                                                                {Least: exposure.Reachable, Most: exposure.Reachable},
		`{"redisConfiguration":{"authnotrequired":"TRUE"}}`:                                                               {Least: exposure.Public, Most: exposure.Public},
		`{"redisConfiguration":{"AuthNotRequired":true}}`:                                                                 {Least: exposure.Public, Most: exposure.Public},
		`{"redisConfiguration":{"authnotrequired":"perhaps"}}`:                                                            {Least: exposure.Reachable, Most: exposure.Public},
		`{"redisConfiguration":{"authnotrequired":1}}`:                                                                    {Least: exposure.Reachable, Most: exposure.Public},
		`{"redisConfiguration":[]}`:                                                                                       {Least: exposure.Reachable, Most: exposure.Public},
		`{"subnetId":"x","redisConfiguration":{"authnotrequired":"true"}}`:                                                {Least: exposure.Private, Most: exposure.Public},
		`{"subnetId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"}`:        {},
		`{"subnetId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.ClassicNetwork/virtualNetworks/v/subnets/n"}`: {},
		`{"subnetId":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/n"}`:                  {Least: exposure.Private, Most: exposure.Reachable},
		`{"publicNetworkAccess":"disabled","redisConfiguration":"odd"}`:                                                   {Least: exposure.Private, Most: exposure.Private},
		`{"publicNetworkAccess":"odd","redisConfiguration":{"authnotrequired":true}}`:                                     {Least: exposure.Private, Most: exposure.Public},
		`null`: {Least: exposure.Private, Most: exposure.Public},
	} {
		if got := exposure.Assess(whole(t, properties)).Range; got != want {
			t.Errorf("%s is %v, want %v", properties, got, want)
		}
	}
}

// FuzzDescribe: whatever an entry holds, it is described, in declared words.
func FuzzDescribe(f *testing.F) {
	f.Add([]byte(`{"redisConfiguration":{"authnotrequired":"\u001b[31m"},"subnetId":[],"minimumTlsVersion":1.2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		r := whole(t, string(text))
		for key, s := range r.Settings {
			if Kind.Settings[key].Type == "" || s.From.Call == "" || s.From.Quote == "" {
				t.Errorf("setting %s: %+v", key, s)
			}
		}
		for _, g := range r.Grants {
			if Kind.Channels[g.Via] == "" || len(g.Because) == 0 {
				t.Errorf("grant %+v", g)
			}
		}
	})
}
