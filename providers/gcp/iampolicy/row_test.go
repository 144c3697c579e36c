package iampolicy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// places answers by path, with a status before each body.
type places map[string]string

func (p places) RoundTrip(req *http.Request) (*http.Response, error) {
	status, body := http.StatusForbidden, `{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}`
	switch answer, found := p[req.URL.RequestURI()]; {
	case found && strings.HasPrefix(answer, "501"):
		status, body = http.StatusNotImplemented, `{"error":{"code":501,"message":"not here","status":"UNIMPLEMENTED"}}`
	case found:
		status, body = http.StatusOK, answer
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

var rings = iampolicy.Row{
	Kind: shared, Store: "cloudkms.key",
	Chains: []iampolicy.Chain{{
		Lists:  []string{"cloudkms:projects.locations.list", "cloudkms:projects.locations.keyRings.list"},
		Policy: []string{"cloudkms:projects.locations.keyRings.getIamPolicy"},
	}},
}

const (
	locations = "/v1/projects/tconnect/locations"
	both      = `{"locations":[{"name":"projects/tconnect/locations/a"},{"name":"projects/tconnect/locations/b"}]}`
	inA       = locations + "/a/keyRings"
	inB       = locations + "/b/keyRings"
	ringA     = `{"keyRings":[{"name":"projects/tconnect/locations/a/keyRings/r"}]}`
)

func TestList(t *testing.T) {
	for name, c := range map[string]struct {
		answers places
		stores  string
		reason  resource.Reason // of the error at the end; empty for none
	}{
		"all":                            {places{locations: both, inA: ringA, inB: `{}`}, "a/r", ""},
		"the service is offered nowhere": {places{locations: "501"}, "", resource.Unsupported},
		"in no place":                    {places{locations: both, inA: "501", inB: "501"}, "", resource.Failed},
		"one place does not offer it":    {places{locations: both, inA: ringA, inB: "501"}, "a/r", resource.Failed},
		"one place does not offer it, one refuses":   {places{locations: both, inA: "501"}, "", resource.Denied},
		"one place refuses":                          {places{locations: both, inA: ringA}, "a/r", resource.Denied},
		"a page that leads to itself":                {places{locations: both, inA: `{"nextPageToken":"x"}`, inA + "?pageToken=x": `{"nextPageToken":"x"}`, inB: `{}`}, "", resource.Malformed},
		"an entry without a name hides no other":     {places{locations: both, inA: `{"keyRings":[{},null,{"name":"projects/tconnect/locations/a/keyRings/r"}]}`, inB: `{}`}, "(without a name, 1) (without a name, 2) a/r", resource.Malformed},
		"a name of another form is a store all same": {places{locations: both, inA: `{"keyRings":[{"name":"projects/tconnect/locations/a/keyRings/../x"}]}`, inB: `{}`}, "a/..", ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := api.Open(t.Context(), api.Options{Offline: true, Transport: c.answers, Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			collector := iampolicy.New(rings, client, resource.Scope{Provider: "gcp", Account: "tconnect"})
			var names []string
			var reason resource.Reason
			for r, err := range collector.List(t.Context()) {
				if err != nil {
					reason = client.Refusal(err).Reason
					continue
				}
				names = append(names, r.Name)
				if asked := len(collector.Questions(r)) > 0; !asked && exposure.Assess(r).Most != exposure.Public {
					t.Errorf("%s is asked nothing about, and is taken for %v", r.Name, exposure.Assess(r).Range)
				}
			}
			if got := strings.Join(names, " "); !strings.HasPrefix(got, c.stores) || reason != c.reason {
				t.Errorf("%q, %q; want %q, %q", got, reason, c.stores, c.reason)
			}
		})
	}
}
