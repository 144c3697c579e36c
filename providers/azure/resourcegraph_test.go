package azure

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// The provider asks Resource Manager, and Azure Resource Graph is a second witness
// of what there is: the tests below ask it with a client of their own. andon does
// not, because it leaves out without a word what the caller may not read, hears of
// changes late, and knows no containers and no firewall rules.

const (
	graph     = "resourcegraph:resources"
	graphURL  = "https://management.azure.com/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
	unheardOf = "late"
	tenant    = "11111111-1111-1111-1111-111111111111"
	client    = "22222222-2222-2222-2222-222222222222"
)

// typesOf are the types of every kind's stores, as their listings name them.
func typesOf() map[string]resource.Kind {
	types := make(map[string]resource.Kind)
	for _, k := range Kinds() {
		for _, listing := range k.Lists {
			_, kind, _ := strings.Cut(arm.RouteOf(listing.Call).Path, "/providers/")
			types[strings.ToLower(kind)] = k.Name
		}
	}
	return types
}

// estate is a world with two stores of every kind in each of two subscriptions,
// one that the graph has not heard of, and what is no store.
func estate() string {
	text := "tenant: {id: " + tenant + "}\nsubscriptions:\n"
	for _, id := range []string{cars, dealers} {
		text += "- id: " + id + "\n  resources:\n  - {type: Microsoft.Network/virtualNetworks, name: net, children: {subnets: [{name: inside}]}}\n"
		for _, kind := range slices.Sorted(maps.Keys(typesOf())) {
			text += "  - {type: " + kind + ", name: one}\n  - {type: " + kind + ", name: Two, group: Other}\n"
		}
	}
	return text + "  - {type: Microsoft.Storage/storageAccounts, name: " + unheardOf + ", indexed: false}\n"
}

// witness asks Azure Resource Graph, with a token of Microsoft Entra.
type witness struct {
	client *http.Client
	tokens azcore.TokenCredential
}

// audited serves a world; it returns a provider that signs in to it, and a witness.
func audited(t *testing.T, text string, faults ...azuretest.Fault) (*azuretest.Server, *Provider, witness) {
	t.Helper()
	server, o := start(t, text, faults...)
	through := &http.Client{Transport: server.Transport()}
	t.Cleanup(through.CloseIdleConnections)
	for name, value := range map[string]string{
		"AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential", "AZURE_TENANT_ID": tenant, "AZURE_CLIENT_ID": client, "AZURE_CLIENT_SECRET": "secret",
	} {
		t.Setenv(name, value)
	}
	o.Offline, o.Tokens, o.Attempts = false, through.Transport, 1
	tokens, err := azidentity.NewClientSecretCredential(tenant, client, "secret", &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{Transport: through},
	})
	if err != nil {
		t.Fatal(err)
	}
	return server, open(t, o), witness{through, tokens}
}

// ids lists what the graph knows of the types of stores, in lower case, to the
// last page.
func (w witness) ids(t *testing.T) []string {
	t.Helper()
	types := "'" + strings.Join(slices.Sorted(maps.Keys(typesOf())), "', '") + "'"
	kql := "Resources | where type in~ (" + types + ") | project id, type | order by id asc"
	var ids []string
	for token := ""; ; {
		page := w.ask(t, kql, token)
		for _, row := range page.Data {
			ids = append(ids, strings.ToLower(row.ID))
		}
		if token = page.Token; token == "" {
			if len(ids) != page.Total || page.Truncated != "false" {
				t.Fatalf("%d rows of %d, truncated: %s", len(ids), page.Total, page.Truncated)
			}
			return ids
		}
	}
}

type page struct {
	Total     int    `json:"totalRecords"`
	Truncated string `json:"resultTruncated"`
	Token     string `json:"$skipToken"`
	Data      []struct {
		ID string `json:"id"`
	} `json:"data"`
}

func (w witness) ask(t *testing.T, kql, skip string) (found page) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": kql, "options": map[string]any{"$skipToken": skip}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, graphURL, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.tokens.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://management.azure.com/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Token)
	a, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	answer, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", a.Status, answer, err)
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// reported runs the provider and returns the ids of its stores, in lower case, and
// the ledger.
func reported(t *testing.T, p *Provider) ([]string, collect.Ledger) {
	t.Helper()
	var ids []string
	ledger, err := (&collect.Runner{Provider: p}).Run(t.Context(), func(r *resource.Resource) error {
		ids = append(ids, strings.ToLower(string(r.ID)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return ids, ledger
}

// TestNothingIsSilentlyAbsent: every store that the graph lists is in the report,
// and every store of the report is in the graph, but for what it hears of late.
func TestNothingIsSilentlyAbsent(t *testing.T) {
	_, p, w := audited(t, estate())
	listed := w.ids(t)
	stores, ledger := reported(t, p)
	if want := 4 * len(typesOf()); len(listed) != want {
		t.Errorf("the graph lists %d, want %d", len(listed), want)
	}
	late := slices.IndexFunc(stores, func(id string) bool { return strings.HasSuffix(id, "/"+unheardOf) })
	if late < 0 {
		t.Fatal("what the graph has not heard of is not in the report")
	}
	if diff := cmp.Diff(listed, slices.Delete(stores, late, late+1)); diff != "" {
		t.Error(diff)
	}
	for _, line := range ledger {
		if line.Refused != nil {
			t.Errorf("%+v", line)
		}
	}
}

// TestRefusalsAreLines: what may not be read is absent from the graph, and a line
// of the ledger.
func TestRefusalsAreLines(t *testing.T) {
	_, _, whole := audited(t, estate())
	all := whole.ids(t)
	for name, tc := range map[string]struct {
		fault  azuretest.Fault
		absent int
	}{
		"a subscription":           {azuretest.Fault{Call: "*", Subscription: cars}, 2 * len(typesOf())},
		"a type of a subscription": {azuretest.Fault{Call: "sql:servers.list", Subscription: dealers}, 2},
		"a type":                   {azuretest.Fault{Call: "keyvault:*"}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			tc.fault.Kind = azuretest.AccessDenied
			_, p, w := audited(t, estate(), tc.fault)
			listed := w.ids(t)
			stores, ledger := reported(t, p)
			if len(all)-len(listed) != tc.absent {
				t.Errorf("the graph lists %d of %d, want %d less", len(listed), len(all), tc.absent)
			}
			for _, id := range all {
				line := lineOf(t, ledger, id)
				known := slices.Contains(listed, id)
				if slices.Contains(stores, id) != known || (line.Refused == nil) != known {
					t.Errorf("%s: in the graph %t, in the report %t, %+v", id, known, slices.Contains(stores, id), line.Refused)
				}
				if !known && (line.Refused.Reason != resource.Denied || !strings.HasSuffix(line.Permission, "/read")) {
					t.Errorf("%s: %+v, needs %q", id, line.Refused, line.Permission)
				}
			}
		})
	}
}

// lineOf is the line of the ledger that speaks of a store.
func lineOf(t *testing.T, ledger collect.Ledger, id string) collect.Line {
	t.Helper()
	account, below, _ := strings.Cut(strings.TrimPrefix(id, "/subscriptions/"), "/")
	_, kind, _ := strings.Cut(below, "/providers/")
	kind = kind[:strings.LastIndexByte(kind, '/')]
	i := slices.IndexFunc(ledger, func(l collect.Line) bool { return l.Scope.Account == account && l.Kind == typesOf()[kind] })
	if i < 0 {
		t.Fatalf("no line of the ledger speaks of %s", id)
	}
	return ledger[i]
}

// TestGraphIsNotAsked: an audit does not ask the graph, and andon's own transport
// lets no query out.
func TestGraphIsNotAsked(t *testing.T) {
	server, p, w := audited(t, estate())
	reported(t, p)
	for _, ctx := range []context.Context{t.Context(), collect.WithCall(t.Context(), collect.Call{Name: graph})} {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, graphURL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := collect.NewReadOnly(w.client.Transport, Calls()...).RoundTrip(r)
		if err == nil {
			_ = a.Body.Close()
		}
		if _, forbidden := errors.AsType[*collect.ForbiddenError](err); !forbidden {
			t.Errorf("a query gets out: %v", err)
		}
	}
	if n := server.Calls()[graph]; n != 0 || server.Calls()[listCall] == 0 {
		t.Errorf("the graph was asked %d times, of %v", n, server.Calls())
	}
}
