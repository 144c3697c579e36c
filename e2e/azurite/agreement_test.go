//go:build e2e

package azurite

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/e2e/internal/andon"
	"github.com/andon-audit/andon/providers/azure/azuretest"
)

// TestAgreement holds what andon says of each container against what somebody
// without a credential is given of it.
func TestAgreement(t *testing.T) {
	t.Parallel()
	accounts := estate()
	e := startEmulator(t, names(accounts)...)
	for _, a := range accounts {
		for _, c := range a.containers {
			e.fill(t, a.name, c)
		}
	}
	azure := serve(t, world(t, e.url, accounts), azuretest.WithPageSize(3)) // shorter than most listings
	// By itself, andon does not ask for containers that the account shuts anyway.
	r, out := audit(t, azure, azure.environment(), "--depth", "full")
	if len(r.Stores) != len(accounts) {
		t.Errorf("%d stores, want %d; stderr: %s", len(r.Stores), len(accounts), out.Stderr)
	}
	var total tally
	for _, a := range accounts {
		if a := e.anonymous(t, a.name, call{method: http.MethodGet, query: "comp=list"}); a.status != http.StatusForbidden {
			t.Errorf("Azurite tells everybody the containers of an account, with %d: %s", a.status, a.body)
		}
		t.Run(a.name, func(t *testing.T) {
			e.compare(t, a, r.StoreOf(t, subscription, "azure.storage.account", a.name), &total)
		})
	}
	t.Logf("%d containers in %d accounts: Azurite answers whoever has no credential for %d of them, and refuses everything of %d; %d witnesses answer",
		total.open+total.shut, len(accounts), total.open, total.shut, total.witnesses)
	// An agreement over nothing would prove nothing.
	if total.open < 20 || total.shut < 20 || total.witnesses < 10 {
		t.Error("too little was compared")
	}
}

// tally counts what was compared.
type tally struct{ open, shut, witnesses int }

// compare tries the containers of one account.
func (e *emulator) compare(t *testing.T, a account, s andon.Store, total *tally) {
	if s.Verdict != a.verdict {
		t.Errorf("the verdict is %s, want %s: %s", s.Verdict, a.verdict, a.why)
	}
	if len(s.Missing) > 0 {
		t.Errorf("what could not be told is %v", s.Missing)
	}
	e.walk(t, a, s, total) // before anything was deleted, if anything can be
	said := claims(t, s)
	for _, c := range a.containers {
		given := lenient(t, c, e.given(t, a.name, c.name))
		if diff := cmp.Diff(given, said[c.name].can); diff != "" {
			t.Errorf("container %s at %q: Azurite gives (-), andon says (+):\n%s", c.name, c.access, diff)
		}
		if len(given) == 0 {
			total.shut++
			continue
		}
		total.open++
		said[c.name].check(t, a, c.name)
	}
	if latent := slices.ContainsFunc(s.Grants, func(g andon.Grant) bool { return slices.Contains(g.GuardedBy, noneIsOpen) }); latent != a.latent() {
		t.Errorf("andon tells that the next container may be public: %t, want %t", latent, a.latent())
	}
	for name := range said {
		if !slices.ContainsFunc(a.containers, func(c container) bool { return c.name == name }) {
			t.Errorf("andon names the container %q, which is not there", name)
		}
	}
}

// claim is what andon says that whoever has no credential can do with a container.
type claim struct {
	can   []string
	grant andon.Grant
}

// noneIsOpen closes what an account permits and no container does.
const noneIsOpen = "no container with anonymous access"

// claims reads the grants of an account: which containers each is about stands in
// its evidence.
func claims(t *testing.T, s andon.Store) map[string]claim {
	t.Helper()
	found := make(map[string]claim)
	for _, g := range s.Grants {
		if g.Via != "container" {
			continue
		}
		if len(g.Evidence) == 0 || g.Evidence[0].Call != "storage:blobContainers.list" || !strings.EqualFold(g.Evidence[0].Of, s.ID) {
			t.Errorf("a grant without its evidence: %v", g)
			continue
		}
		_, named, ok := strings.Cut(g.Evidence[0].Quote, ": ")
		if !ok {
			t.Errorf("evidence that names no container: %q", g.Evidence[0].Quote)
		}
		for name := range strings.SplitSeq(named, ", ") {
			if _, twice := found[name]; twice {
				t.Errorf("two grants name the container %s", name)
			}
			found[name] = claim{can: slices.Sorted(slices.Values(g.Can)), grant: g}
		}
	}
	return found
}

// check holds a grant against what closes the account: where nothing does, it
// opens to everybody; where something does, that is named, and it does not.
func (c claim) check(t *testing.T, a account, name string) {
	t.Helper()
	public := andon.Levels{Least: "public", Most: "public"}
	switch {
	case a.closedBy == "" && (c.grant.Opens != public || len(c.grant.GuardedBy) > 0):
		t.Errorf("container %s opens %s, guarded by %q; want public, and nothing: %s", name, c.grant.Opens, c.grant.GuardedBy, a.why)
	case a.closedBy != "" && (c.grant.Opens.Most == "public" || !slices.Contains(c.grant.GuardedBy, a.closedBy)):
		t.Errorf("container %s opens %s, guarded by %q; want less than public, and %s: %s", name, c.grant.Opens, c.grant.GuardedBy, a.closedBy, a.why)
	}
}

// walk follows the witnesses of an account: requests of which andon says that they
// would succeed. They are sent as they stand, with the name of a blob for the one
// that is to be filled in.
func (e *emulator) walk(t *testing.T, a account, s andon.Store, total *tally) {
	t.Helper()
	for _, g := range s.Grants {
		if g.Via != "container" {
			continue
		}
		if g.Witness == nil {
			t.Errorf("no witness: %v", g)
			continue
		}
		rest, ours := strings.CutPrefix(g.Witness.Resource, e.url+"/"+a.name+"/")
		if !ours || g.Witness.Principal != "anonymous" {
			t.Errorf("the witness %v is no anonymous request to %s", *g.Witness, a.name)
			continue
		}
		path, query, _ := strings.Cut(strings.ReplaceAll(rest, "{blob}", blob), "?")
		reply := e.anonymous(t, a.name, call{method: http.MethodGet, path: path, query: query})
		if reply.status != http.StatusOK {
			t.Errorf("the witness %v is answered with %d: %s", *g.Witness, reply.status, reply.body)
		}
		total.witnesses++
	}
}
