package authorisednetwork

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

var owner = Owner{Project: "tconnect", Number: "111111111111"}

func TestConsumers(t *testing.T) {
	type endpoint struct{ network, project string }
	for name, c := range map[string]struct {
		owner     Owner
		allow     []string
		endpoints []endpoint
		named     []string
		want      exposure.Range
	}{
		"nobody":      {owner: owner},
		"itself":      {owner: owner, allow: []string{"tconnect", "111111111111", "projects/tconnect", "projects/111111111111"}},
		"an outsider": {owner: owner, allow: []string{"supplier"}, named: []string{"supplier"}, want: exposure.Range{Least: exposure.Shared, Most: exposure.Shared}},
		"outsiders, sorted and once": {
			owner: owner, allow: []string{"supplier", "222222222222", "projects/supplier", "example.com:legacy"},
			named: []string{"222222222222", "example.com:legacy", "supplier"}, want: exposure.Range{Least: exposure.Shared, Most: exposure.Shared},
		},
		"a number, and its own is not known": {
			owner: Owner{Project: "tconnect"}, allow: []string{"222222222222"}, want: exposure.Range{Least: exposure.Private, Most: exposure.Shared},
		},
		"an id, and its own number is not known": {
			owner: Owner{Project: "tconnect"}, allow: []string{"supplier", "tconnect"}, named: []string{"supplier"},
			want: exposure.Range{Least: exposure.Shared, Most: exposure.Shared},
		},
		"no project":   {owner: owner, allow: []string{"*"}, want: exposure.Range{Least: exposure.Private, Most: exposure.Reachable}},
		"empty":        {owner: owner, allow: []string{""}, want: exposure.Range{Least: exposure.Private, Most: exposure.Reachable}},
		"every folder": {owner: owner, allow: []string{"folders/5"}, want: exposure.Range{Least: exposure.Private, Most: exposure.Reachable}},
		"an endpoint of its own": {
			owner: owner, endpoints: []endpoint{{"projects/tconnect/global/networks/default", "tconnect"}},
		},
		"an endpoint in a shared network": {
			owner: owner, endpoints: []endpoint{{"projects/host/global/networks/default", "tconnect"}},
			named: []string{"host"}, want: exposure.Range{Least: exposure.Shared, Most: exposure.Shared},
		},
		"an endpoint by its full URL": {
			owner: owner, endpoints: []endpoint{{"https://www.googleapis.com/compute/v1/projects/host/global/networks/default", ""}},
			named: []string{"host"}, want: exposure.Range{Least: exposure.Shared, Most: exposure.Shared},
		},
		"an endpoint without its network": {
			owner: owner, endpoints: []endpoint{{"", "supplier"}}, named: []string{"supplier"},
			want: exposure.Range{Least: exposure.Shared, Most: exposure.Shared},
		},
		"an endpoint without a word": {owner: owner, endpoints: []endpoint{{}}, want: exposure.Range{Least: exposure.Private, Most: exposure.Reachable}},
		"a network of nobody's":      {owner: owner, endpoints: []endpoint{{"default", ""}}, want: exposure.Range{Least: exposure.Private, Most: exposure.Reachable}},
	} {
		t.Run(name, func(t *testing.T) {
			consumers := NewConsumers(c.owner)
			for _, project := range c.allow {
				consumers.Allow(project)
			}
			for _, e := range c.endpoints {
				consumers.AllowNetwork(e.network, e.project)
			}
			var named []string
			for _, g := range consumers.Grants() {
				named = g.To.Named
			}
			if diff := cmp.Diff(c.named, named); diff != "" {
				t.Errorf("named (-want +got):\n%s", diff)
			}
			if got := rangeOf(consumers); got != c.want {
				t.Errorf("range %v, want %v", got, c.want)
			}
		})
	}
}

// rangeOf is the verdict over a store that only consumers get to.
func rangeOf(c *Consumers) exposure.Range {
	l := &Listed{Resource: new(resource.Resource)}
	l.Grant(c.Grants()...)
	why, hidden := c.Hides()
	l.Hide(why, hidden...)
	return exposure.View{}.Range(l.Resource)
}

func TestMoreConsumersNeverNarrow(t *testing.T) {
	words := []string{"tconnect", "111111111111", "222222222222", "supplier", "*", "", "projects/supplier", "projects/host/global/networks/n"}
	rapid.Check(t, func(t *rapid.T) {
		owner := Owner{Project: "tconnect", Number: rapid.SampledFrom([]string{"", "111111111111"}).Draw(t, "number")}
		c := NewConsumers(owner)
		before := rangeOf(c)
		for i := range rapid.IntRange(1, 8).Draw(t, "consumers") {
			first, second := rapid.SampledFrom(words).Draw(t, fmt.Sprint("first ", i)), rapid.SampledFrom(words).Draw(t, fmt.Sprint("second ", i))
			if rapid.Bool().Draw(t, fmt.Sprint("endpoint ", i)) {
				c.AllowNetwork(first, second)
			} else {
				c.Allow(first)
			}
			after := rangeOf(c)
			if after.Least < before.Least || after.Most < before.Most {
				t.Fatalf("%q makes %v of %v", first, after, before)
			}
			before = after
		}
	})
}

func FuzzConsumers(f *testing.F) {
	f.Add("tconnect", "projects/host/global/networks/default")
	f.Add("*", "\x00/projects//")
	f.Add("example.com:legacy", "")
	f.Fuzz(func(t *testing.T, project, network string) {
		c := NewConsumers(owner)
		c.Allow(project)
		own := slices.Contains([]string{"tconnect", "111111111111", "projects/tconnect", "projects/111111111111"}, project)
		if (rangeOf(c).Most == exposure.Private) != own {
			t.Errorf("%q is %v", project, rangeOf(c))
		}
		c.AllowNetwork(network, "")
		for _, g := range c.Grants() {
			for _, name := range g.To.Named {
				if len(name) > maxText+len("…") {
					t.Errorf("%d bytes of a name", len(name))
				}
			}
		}
	})
}

func TestBounded(t *testing.T) {
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("p%02d", 19-i))
	}
	got := bounded(many)
	if len(got) != maxNames+1 || got[0] != "p00" || got[maxNames] != "and 12 more" || many[0] != "p19" {
		t.Errorf("%q of %q", got, many)
	}
}
