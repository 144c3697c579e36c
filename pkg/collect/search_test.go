package collect

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/resource"
)

func TestFound(t *testing.T) {
	failed := errors.New("no")
	for name, c := range map[string]struct {
		accounts []string
		err      error
		refusal  Refusal
		want     []resource.Scope
		told     string
	}{
		"sorted, each once": {
			accounts: []string{"b", "a", "b"}, want: []resource.Scope{{Provider: "cloud", Account: "a"}, {Provider: "cloud", Account: "b"}},
		},
		"none": {told: "this identity sees no room (grant it a key, or name rooms with --room)"},
		"none, and refused": {
			err: failed, refusal: Refusal{Reason: resource.Denied, Code: "Forbidden", Detail: "not yours"},
			told: "list rooms (the house): Forbidden: not yours (name one that this identity may see, or grant it a key there)",
		},
		"none, and not there": {
			err: failed, refusal: Refusal{Reason: resource.Failed, Gone: true, Detail: "no such house"},
			told: "list rooms (the house): no such house (name one that this identity may see, or grant it a key there)",
		},
		"none, and nobody answers": {
			err: failed, refusal: Refusal{Reason: resource.Failed, Detail: "connection refused"}, told: "list rooms (the house): connection refused",
		},
		"some, and refused": {
			accounts: []string{"a"}, err: failed, refusal: Refusal{Reason: resource.Denied, Detail: "not yours", Call: "rooms.list"},
			want: []resource.Scope{{Provider: "cloud", Account: "a"}}, told: "find scopes of " + resource.Scope{Provider: "cloud", Account: "the house"}.String() + ": not every room could be found: not yours",
		},
	} {
		t.Run(name, func(t *testing.T) {
			search := Search{
				Provider: "cloud", Unit: "room", Where: "the house", Role: "a key", Flag: "--room",
				Permission: func(call string) string { return "may " + call },
				Refusal: func(err error) Refusal {
					if !errors.Is(err, failed) {
						t.Errorf("asked what %v means", err)
					}
					return c.refusal
				},
			}
			scopes, err := search.Found(c.accounts, c.err)
			if diff := cmp.Diff(c.want, scopes); diff != "" {
				t.Error(diff)
			}
			if (err != nil) != (c.told != "") || err != nil && err.Error() != c.told {
				t.Errorf("got  %v\nwant %s", err, c.told)
			}
			if partial, ok := errors.AsType[*PartialScopesError](err); ok != (len(c.want) > 0 && c.err != nil) || ok && (partial.Permission != "may rooms.list" || partial.Kind != "cloud.room") {
				t.Errorf("%+v", partial)
			}
		})
	}
}
