package arm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
)

// TestStores: whatever is odd, no entry is left out, and the listing is not whole.
func TestStores(t *testing.T) {
	const good, odd = `{"name":"a"}`, `{}`
	for name, c := range map[string]struct {
		answers []canned
		names   []string
		wrong   string
		reason  resource.Reason
	}{
		"all well":   {answers: []canned{{status: 200, body: `{"value":[` + good + `]}`}}, names: []string{"a"}},
		"odd ones":   {answers: []canned{{status: 200, body: `{"value":[` + odd + `,` + good + `,` + odd + `]}`}}, names: []string{"entry 1", "a", "entry 3"}, wrong: "entry 1: it is odd", reason: resource.Malformed},
		"none":       {answers: []canned{{status: 200, body: `{"value":[]}`}}},
		"refused":    {answers: []canned{{status: 403, body: `{"error":{"code":"AuthorizationFailed","message":"no"}}`}}, wrong: "no", reason: resource.Denied},
		"half of it": {answers: []canned{{status: 200, body: `{"value":[` + odd + `],"nextLink":"https://evil.example/"}`}}, names: []string{"entry 1"}, wrong: "another host", reason: resource.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []sent
			client := open(t, arm.Options{Transport: answering(&asked, c.answers...), Backoff: atOnce})
			var names []string
			var failed []error
			for r, err := range client.Stores(t.Context(), accounts, sub, func(item arm.Item) (*resource.Resource, error) {
				if record := item.Record(); record.Name != "" {
					return &resource.Resource{Name: record.Name}, nil
				}
				return &resource.Resource{Name: fmt.Sprint("entry ", item.Place+1)}, errors.New("it is odd")
			}) {
				if err != nil {
					failed = append(failed, err)
					continue
				}
				names = append(names, r.Name)
			}
			if diff := cmp.Diff(c.names, names); diff != "" {
				t.Error(diff)
			}
			if (c.wrong == "") != (len(failed) == 0) || len(failed) > 1 {
				t.Fatalf("%v, want %q", failed, c.wrong)
			}
			for _, err := range failed {
				if r := client.Refusal(err); r.Reason != c.reason || r.Call != accounts || !strings.Contains(r.Detail, c.wrong) {
					t.Errorf("%+v, want %q", r, c.wrong)
				}
			}
		})
	}
}

func TestStoresStop(t *testing.T) {
	var asked []sent
	client := open(t, arm.Options{Transport: answering(&asked, canned{status: 200, body: `{"value":[{}],"nextLink":"/` + path + `?$skiptoken=a"}`}), Backoff: atOnce})
	odd := func(arm.Item) (*resource.Resource, error) { return new(resource.Resource), errors.New("odd") }
	for _, err := range client.Stores(t.Context(), accounts, sub, odd) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if len(asked) != 1 {
		t.Errorf("%d pages were asked for", len(asked))
	}
}

func TestStoreOfARecord(t *testing.T) {
	kind, scope := &collect.Kind{Name: "azure.storage.account", Class: "bucket"}, resource.Scope{Account: sub}
	for raw, c := range map[string]struct{ id, name, lacks string }{
		`{"id":"/subscriptions/` + sub + `/resourceGroups/g/providers/` + accountType + `/a","name":"a"}`: {
			"/subscriptions/" + sub + "/resourceGroups/g/providers/" + accountType + "/a", "a", "",
		},
		`{"id":"/subscriptions/other/resourceGroups/g/providers/` + accountType + `/a","name":"a"}`: {lacks: "in another subscription"},
		`{"id":"/subscriptions/` + sub + `/a","name":"a"}`:                                          {lacks: "is not the id"},
		`{"name":"a"}`: {lacks: "no id or no name"},
		`{"id":"/a"}`:  {lacks: "no id or no name"},
		`null`:         {lacks: "no id or no name"},
	} {
		record := arm.Item{Call: accounts, Place: 6, Raw: json.RawMessage(raw)}.Record()
		s, err := record.Store(kind, accountType, scope)
		if (err == nil) != (c.lacks == "") || err != nil && !strings.Contains(err.Error(), c.lacks) {
			t.Errorf("%s: %v, want %q", raw, err, c.lacks)
		}
		if c.lacks != "" {
			c.id, c.name = "/subscriptions/"+sub+"/providers/"+accountType+"/#7", "entry 7 of the listing"
		}
		if string(s.ID) != c.id || s.Name != c.name || s.Kind != kind.Name || s.Class != kind.Class || s.Scope != scope {
			t.Errorf("%s is %+v", raw, s)
		}
	}
}
