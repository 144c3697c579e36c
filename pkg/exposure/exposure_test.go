package exposure

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/resource"
)

// The properties are the contract of this package: they get far more random
// stores than the usual hundred, since judging one takes microseconds. A
// -rapid.checks on the command line still wins.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "5000"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Channels and guards as S3 has them, for the examples below.
const (
	acl    resource.Channel = "acl"
	policy resource.Channel = "policy"
)

var (
	accountBlock = resource.Guard{Name: "account block", On: []resource.Channel{acl, policy}, Cap: resource.Nobody}
	bucketBlock  = resource.Guard{Name: "bucket block", On: []resource.Channel{acl, policy}, Cap: resource.Nobody}
	aclsOff      = resource.Guard{Name: "ACLs off", On: []resource.Channel{acl}, Cap: resource.Nobody}
	signedOnly   = resource.Guard{Name: "requester pays", On: []resource.Channel{acl, policy}, Cap: resource.AnyTenant}
	blockOff     = resource.Guard{Name: "block, off", On: []resource.Channel{acl, policy}, Cap: resource.Anyone}
	encrypted    = resource.Guard{Name: "encryption", On: []resource.Channel{policy}, Can: []resource.Action{resource.Read}, Cap: resource.Nobody}
)

func grant(to resource.Audience, via resource.Channel, can ...resource.Action) resource.Grant {
	return resource.Grant{To: to, Via: via, Can: can}
}

func publicRead() []resource.Grant {
	return []resource.Grant{grant(resource.Anyone, policy, resource.Read)}
}

func shielded(by resource.Guard) resource.Gap {
	return resource.Gap{
		Call: "of " + by.Name, Reason: resource.Denied,
		Shields: []resource.Shield{{On: by.On, Can: by.Can, Cap: by.Cap}},
	}
}

func hiding(to resource.Audience, via resource.Channel, reason resource.Reason, can ...resource.Action) resource.Gap {
	return resource.Gap{Call: "of " + string(via), Reason: reason, Hides: []resource.Hidden{{Via: via, To: to, Can: can}}}
}

func TestAssess(t *testing.T) {
	outsider := resource.Outsiders("210987654321")
	for name, c := range map[string]struct {
		store   resource.Resource
		want    Range
		settled Range
	}{
		"nobody is let in": {
			want: Range{Private, Private}, settled: Range{Private, Private},
		},
		"the Toyota case": {
			store: resource.Resource{Grants: publicRead()},
			want:  Range{Public, Public}, settled: Range{Public, Public},
		},
		"a guard stops everybody": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{accountBlock}},
			want:  Range{Private, Private}, settled: Range{Private, Private},
		},
		"a guard on another channel stops nobody": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{aclsOff}},
			want:  Range{Public, Public}, settled: Range{Public, Public},
		},
		"a guard for one action leaves the other open": {
			store: resource.Resource{
				Grants: []resource.Grant{grant(resource.Anyone, policy, resource.Read, resource.List)},
				Guards: []resource.Guard{encrypted},
			},
			want: Range{Public, Public}, settled: Range{Public, Public},
		},
		"two guards narrow more than either": {
			store: resource.Resource{
				Grants: publicRead(),
				Guards: []resource.Guard{signedOnly, {Name: "vpc", On: []resource.Channel{policy}, Cap: resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNone}}},
			},
			want: Range{Shared, Shared}, settled: Range{Shared, Shared},
		},
		"the worst grant counts": {
			store: resource.Resource{Grants: []resource.Grant{grant(outsider, policy, resource.Read), grant(resource.AnyTenant, acl, resource.List)}},
			want:  Range{Tenant, Tenant}, settled: Range{Tenant, Tenant},
		},
		"a refused grant could be anybody": {
			store: resource.Resource{Gaps: []resource.Gap{hiding(resource.Anyone, policy, resource.Denied)}},
			want:  Range{Private, Public}, settled: Range{Private, Public},
		},
		"a question nobody asked is not settled against the store": {
			store: resource.Resource{Gaps: []resource.Gap{hiding(resource.Anyone, policy, resource.NotAsked)}},
			want:  Range{Private, Public}, settled: Range{Private, Private},
		},
		"a known guard stands before a hidden grant": {
			store: resource.Resource{Guards: []resource.Guard{accountBlock}, Gaps: []resource.Gap{hiding(resource.Anyone, policy, resource.Denied)}},
			want:  Range{Private, Private}, settled: Range{Private, Private},
		},
		"a guard for one action does not stand before a grant of who knows what": {
			store: resource.Resource{Guards: []resource.Guard{encrypted}, Gaps: []resource.Gap{hiding(resource.Anyone, policy, resource.Denied)}},
			want:  Range{Private, Public}, settled: Range{Private, Public},
		},
		"a refused guard may or may not be there": {
			store: resource.Resource{Grants: publicRead(), Gaps: []resource.Gap{shielded(accountBlock)}},
			want:  Range{Private, Public}, settled: Range{Private, Public},
		},
		"a refused guard cannot close what it would let pass": {
			store: resource.Resource{Grants: publicRead(), Gaps: []resource.Gap{shielded(signedOnly)}},
			want:  Range{Tenant, Public}, settled: Range{Tenant, Public},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Assess(&c.store)
			if got.Range != c.want || got.Settled != c.settled {
				t.Errorf("range %v, settled %v; want %v and %v", got.Range, got.Settled, c.want, c.settled)
			}
		})
	}
}

func TestViews(t *testing.T) {
	store := &resource.Resource{
		Grants: []resource.Grant{
			grant(resource.Anyone, policy, resource.List),
			grant(resource.AnyTenant, acl, resource.Read),
			grant(resource.Outsiders("210987654321"), policy, resource.Write),
			grant(resource.Audience{Reach: resource.ReachInternet, Credential: resource.CredentialOwn}, "network", resource.AnyAction),
		},
		Gaps: []resource.Gap{hiding(resource.Anyone, acl, resource.NotAsked, resource.Write)},
	}
	for name, c := range map[string]struct {
		view  View
		want  Range
		paths int
	}{
		"everything":                            {View{}, Range{Public, Public}, 4},
		"one action":                            {View{Can: []resource.Action{resource.Read}}, Range{Tenant, Tenant}, 2},
		"an action the kind does not name":      {View{Can: []resource.Action{resource.Delete}}, Range{Reachable, Reachable}, 1},
		"one channel":                           {View{Via: []resource.Channel{acl}}, Range{Tenant, Public}, 1},
		"one action on one channel":             {View{Can: []resource.Action{resource.Write}, Via: []resource.Channel{policy}}, Range{Shared, Shared}, 1},
		"what is worth a call":                  {View{Can: []resource.Action{resource.Write}, Asks: []resource.Channel{acl}}, Range{Reachable, Public}, 2},
		"what is not worth a call is left out":  {View{Can: []resource.Action{resource.Write}, Asks: []resource.Channel{policy}}, Range{Reachable, Reachable}, 2},
		"a channel that the store knows nobody": {View{Via: []resource.Channel{"replica"}}, Range{Private, Private}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.view.Assess(store)
			if got.Range != c.want || len(got.Paths) != c.paths {
				t.Errorf("%v by %d paths, want %v by %d", got.Range, len(got.Paths), c.want, c.paths)
			}
		})
	}

	// What was asked and refused counts even where nobody would have asked.
	store.Gaps[0].Reason = resource.Denied
	if got := (View{Can: []resource.Action{resource.Write}, Asks: []resource.Channel{policy}}).Range(store); got.Most != Public {
		t.Errorf("a refused answer on a channel that is not worth a call is passed over: %v", got)
	}
}

// Latent names what stands between a store and the public, and nothing else.
func TestLatent(t *testing.T) {
	both := []resource.Grant{grant(resource.Anyone, policy, resource.Read), grant(resource.AnyTenant, acl, resource.List)}
	for name, c := range map[string]struct {
		store resource.Resource
		want  []Latent
	}{
		"nothing is held back": {
			store: resource.Resource{Guards: []resource.Guard{accountBlock, bucketBlock}},
		},
		"a single guard": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{accountBlock}},
			want:  []Latent{{[]string{"account block"}, Public}},
		},
		"either of two narrows in its own way": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{accountBlock, signedOnly}},
			want:  []Latent{{[]string{"account block"}, Tenant}},
		},
		"guards behind each other are lifted together": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{accountBlock, bucketBlock}},
			want:  []Latent{{[]string{"account block", "bucket block"}, Public}},
		},
		"a guard in several parts is one guard": {
			store: resource.Resource{Grants: both, Guards: []resource.Guard{
				{Name: "account block", On: []resource.Channel{acl}, Cap: resource.Nobody},
				{Name: "account block", On: []resource.Channel{policy}, Cap: resource.Nobody},
			}},
			want: []Latent{{[]string{"account block"}, Public}},
		},
		"a guard that is off stops nobody": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{blockOff, accountBlock, bucketBlock}},
			want:  []Latent{{[]string{"account block", "bucket block"}, Public}},
		},
		"a guard on another channel stops nobody": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{aclsOff, accountBlock, bucketBlock}},
			want:  []Latent{{[]string{"account block", "bucket block"}, Public}},
		},
		"a guard on no channel at all, which says only what was found, is not one": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{{Name: "nowhere", Cap: resource.Nobody}, accountBlock, bucketBlock}},
			want:  []Latent{{[]string{"account block", "bucket block"}, Public}},
		},
		"what is open already is not latent": {
			store: resource.Resource{Grants: both, Guards: []resource.Guard{aclsOff}},
		},
		"a guard nobody could read may still hold": {
			store: resource.Resource{Grants: publicRead(), Guards: []resource.Guard{accountBlock}, Gaps: []resource.Gap{shielded(bucketBlock)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Assess(&c.store).Latent); diff != "" {
				t.Errorf("latent (-want +got):\n%s", diff)
			}
		})
	}
}

// A path names the guards that met its grant: those that narrowed it, once each.
func TestPaths(t *testing.T) {
	store := &resource.Resource{
		Grants: publicRead(),
		Guards: []resource.Guard{aclsOff, blockOff, signedOnly, accountBlock, signedOnly},
		Gaps:   []resource.Gap{shielded(bucketBlock)},
	}
	want := []Path{{Grant: publicRead()[0], Guards: []string{"requester pays", "account block"}, Range: Range{Private, Private}}}
	if diff := cmp.Diff(want, Assess(store).Paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func TestMatters(t *testing.T) {
	list := resource.Guard{Name: "list", On: []resource.Channel{policy}, Can: []resource.Action{resource.List}, Cap: resource.Nobody}
	readAndList := []resource.Grant{grant(resource.Anyone, policy, resource.Read, resource.List)}
	notAsked := func(g resource.Guard) resource.Gap {
		gap := shielded(g)
		gap.Reason = resource.NotAsked
		return gap
	}
	for name, c := range map[string]struct {
		view  View
		store resource.Resource
		gap   resource.Gap
		want  bool
	}{
		"somebody may be let in": {
			gap:  hiding(resource.Anyone, policy, resource.NotAsked),
			want: true,
		},
		"nobody worse than is proven": {
			store: resource.Resource{Grants: publicRead()},
			gap:   hiding(resource.Anyone, acl, resource.NotAsked),
		},
		"a known guard stops whoever is hidden": {
			store: resource.Resource{Guards: []resource.Guard{accountBlock}},
			gap:   hiding(resource.Anyone, acl, resource.NotAsked),
		},
		"a channel that is not worth a call": {
			view: View{Asks: []resource.Channel{policy}},
			gap:  hiding(resource.Anyone, acl, resource.NotAsked),
		},
		"a guard in front of nobody": {
			gap: notAsked(accountBlock),
		},
		"a guard in front of somebody": {
			store: resource.Resource{Grants: publicRead()},
			gap:   notAsked(accountBlock),
			want:  true,
		},
		"a guard in front of somebody who may be there": {
			store: resource.Resource{Gaps: []resource.Gap{hiding(resource.Anyone, policy, resource.Denied)}},
			gap:   notAsked(accountBlock),
			want:  true,
		},
		"a guard in front of a refused grant, on a channel that is not worth a call": {
			view:  View{Asks: []resource.Channel{acl}},
			store: resource.Resource{Gaps: []resource.Gap{hiding(resource.Anyone, policy, resource.Denied)}},
			gap:   notAsked(accountBlock),
			want:  true,
		},
		"a guard that would let them pass": {
			store: resource.Resource{Grants: []resource.Grant{grant(resource.AnyTenant, policy, resource.Read)}},
			gap:   notAsked(signedOnly),
		},
		"a guard for one action while another stays open": {
			store: resource.Resource{Grants: readAndList},
			gap:   notAsked(encrypted),
		},
		"a guard for one action while another answer may close the rest": {
			store: resource.Resource{Grants: readAndList, Gaps: []resource.Gap{notAsked(encrypted), notAsked(list)}},
			gap:   notAsked(encrypted),
			want:  true,
		},
		"guards that close it only together, in one answer": {
			store: resource.Resource{Grants: readAndList},
			gap: resource.Gap{Call: "both", Reason: resource.NotAsked, Shields: slices.Concat(
				notAsked(encrypted).Shields, notAsked(list).Shields)},
			want: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.view.Matters(&c.store, c.gap); got != c.want {
				t.Errorf("matters: %t, want %t", got, c.want)
			}
		})
	}
}

// A bucket that is open unless somebody finds a guard: the guard is looked for
// before anybody looks for more grants.
func TestProves(t *testing.T) {
	for name, c := range map[string]struct {
		store resource.Resource
		gap   resource.Gap
		want  bool
	}{
		"a guard before the worst that is known": {resource.Resource{Grants: publicRead(), Gaps: []resource.Gap{shielded(signedOnly)}}, shielded(signedOnly), true},
		"a guard before nobody":                  {resource.Resource{Gaps: []resource.Gap{shielded(signedOnly)}}, shielded(signedOnly), false},
		"another grant":                          {resource.Resource{Grants: publicRead(), Gaps: []resource.Gap{shielded(signedOnly)}}, hiding(resource.Anyone, acl, resource.NotAsked), false},
		"while something worse may be hidden": {
			resource.Resource{
				Grants: []resource.Grant{grant(resource.AnyTenant, policy, resource.Read)},
				Gaps:   []resource.Gap{shielded(accountBlock), hiding(resource.Anyone, "network", resource.NotAsked)},
			},
			shielded(accountBlock), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (View{}).Proves(&c.store, c.gap); got != c.want {
				t.Errorf("proves: %t, want %t", got, c.want)
			}
		})
	}
}

// BenchmarkAssess judges a bucket as a full run describes the usual one: two
// grants, three guards and the gaps of a few questions.
func BenchmarkAssess(b *testing.B) {
	store := &resource.Resource{
		Grants: []resource.Grant{grant(resource.Anyone, policy, resource.Read, resource.List), grant(resource.AnyTenant, acl, resource.List)},
		Guards: []resource.Guard{accountBlock, signedOnly, encrypted},
		Gaps: []resource.Gap{
			hiding(resource.Anyone, acl, resource.NotAsked, resource.List, resource.Write),
			hiding(resource.Anyone, policy, resource.Denied),
			shielded(bucketBlock),
		},
	}
	b.ReportAllocs()
	for b.Loop() {
		Assess(store)
	}
}
