package hierarchy_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
)

const organisationKey = "cloudresourcemanager:organizations.get v3/organizations/9"

func TestAncestors(t *testing.T) {
	const project = `{"resourceId":{"type":"project","id":"tconnect"}}`
	for name, test := range map[string]struct {
		answer string
		want   []string
		err    string
	}{
		"in a folder":              {inFolder, []string{"projects/111", "folders/5", "organizations/9"}, ""},
		"in no organisation":       {`{"ancestor":[` + project + `]}`, []string{"projects/111"}, ""},
		"named by its number":      {`{"ancestor":[{"resourceId":{"type":"project","id":"111"}}]}`, []string{"projects/111"}, ""},
		"nothing":                  {`{}`, nil, "the answer names no ancestor, not even the project"},
		"another project":          {`{"ancestor":[{"resourceId":{"type":"project","id":"other"}}]}`, nil, "the answer does not begin with the project"},
		"no project":               {`{"ancestor":[{"resourceId":{"type":"folder","id":"5"}}]}`, nil, "the answer does not begin with the project"},
		"a type that is not known": {`{"ancestor":[` + project + `,{"resourceId":{"type":"galaxy","id":"5"}}]}`, nil, `an ancestor is neither a folder nor an organisation: "galaxy"`},
		"an id that is none":       {`{"ancestor":[` + project + `,{"resourceId":{"type":"folder","id":"5/../6"}}]}`, nil, "an ancestor is neither a folder nor an organisation"},
		"a project in a project":   {`{"ancestor":[` + project + `,` + project + `]}`, nil, "an ancestor is neither a folder nor an organisation"},
		"a folder twice":           {`{"ancestor":[` + project + `,{"resourceId":{"type":"folder","id":"5"}},{"resourceId":{"type":"folder","id":"5"}}]}`, nil, "the ancestors are in no order"},
		"above the organisation":   {`{"ancestor":[` + project + `,{"resourceId":{"type":"organization","id":"9"}},{"resourceId":{"type":"folder","id":"5"}}]}`, nil, "the ancestors are in no order"},
		"refused":                  {"403", nil, "cloudresourcemanager:projects.getAncestry"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			e.answers[ancestryKey] = test.answer
			got, err := hierarchy.Of(e.client(t, true), "tconnect").Ancestors(t.Context())
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("ancestors (-want +got):\n%s", diff)
			}
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if call, ok := errors.AsType[*api.CallError](err); err != nil && (!ok || call.Gone) {
				t.Errorf("error %v does not name its call", err)
			}
		})
	}
}

func TestAncestorsOfAProjectWithoutNumber(t *testing.T) {
	e := newEstate()
	e.answers["cloudresourcemanager:projects.getAncestry v1/projects/example.com%3Aold:getAncestry"] = `{"ancestor":[{"resourceId":{"type":"project","id":"example.com:old"}}]}`
	got, err := hierarchy.Of(e.client(t, false), "example.com:old").Ancestors(t.Context())
	if diff := cmp.Diff([]string{"projects/example.com:old"}, got); diff != "" || err != nil {
		t.Errorf("%v, ancestors (-want +got):\n%s", err, diff)
	}
}

func TestOrganisation(t *testing.T) {
	for name, test := range map[string]struct {
		ancestry, answer string
		want             hierarchy.Organisation
		ok               bool
		err              string
	}{
		"an organisation": {
			inFolder, `{"name":"organizations/9","displayName":"Example.com","directoryCustomerId":"C0example"}`,
			hierarchy.Organisation{Name: "organizations/9", Domain: "example.com", Customer: "C0example"},
			true, "",
		},
		"one that says little": {inFolder, `{"name":"organizations/9"}`, hierarchy.Organisation{Name: "organizations/9"}, true, ""},
		"none":                 {`{"ancestor":[{"resourceId":{"type":"project","id":"tconnect"}}]}`, "", hierarchy.Organisation{}, false, ""},
		"another":              {inFolder, `{"name":"organizations/8"}`, hierarchy.Organisation{}, false, "the answer is not about organizations/9"},
		"refused":              {inFolder, "403", hierarchy.Organisation{}, false, "cloudresourcemanager:organizations.get"},
		"ancestors refused":    {"403", "", hierarchy.Organisation{}, false, "cloudresourcemanager:projects.getAncestry"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			e.answers[ancestryKey], e.answers[organisationKey] = test.ancestry, test.answer
			got, ok, err := hierarchy.Of(e.client(t, true), "tconnect").Organisation(t.Context())
			if got != test.want || ok != test.ok || (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%+v, %t, %v", got, ok, err)
			}
		})
	}
}

func TestEffectivePolicy(t *testing.T) {
	const key = "orgpolicy:projects.policies.getEffectivePolicy v2/projects/tconnect/policies/storage.publicAccessPrevention:getEffectivePolicy"
	for name, test := range map[string]struct {
		answer string
		want   hierarchy.Enforcement
		why    string
	}{
		"enforced":               {`{"spec":{"rules":[{"enforce":true}]}}`, hierarchy.Enforced, ""},
		"not enforced":           {`{"spec":{"rules":[{"enforce":false}]}}`, hierarchy.NotEnforced, ""},
		"empty parameters":       {`{"spec":{"rules":[{"enforce":true,"parameters":{}}]}}`, hierarchy.Enforced, ""},
		"only tried out":         {`{"dryRunSpec":{"rules":[{"enforce":true}]}}`, hierarchy.Undecided, "the effective policy says nothing that is in force"},
		"nothing":                {`{}`, hierarchy.Undecided, "the effective policy says nothing that is in force"},
		"no rule":                {`{"spec":{}}`, hierarchy.Undecided, "the effective policy has 0 rules, and one decides"},
		"two rules":              {`{"spec":{"rules":[{"enforce":true},{"enforce":true}]}}`, hierarchy.Undecided, "the effective policy has 2 rules, and one decides"},
		"a condition":            {`{"spec":{"rules":[{"enforce":true,"condition":{"expression":"x"}}]}}`, hierarchy.Undecided, "the rule of the effective policy has a condition"},
		"parameters":             {`{"spec":{"rules":[{"enforce":true,"parameters":{"a":1}}]}}`, hierarchy.Undecided, "the rule of the effective policy has parameters"},
		"a list":                 {`{"spec":{"rules":[{"denyAll":true}]}}`, hierarchy.Undecided, "the rule of the effective policy is not one of a boolean constraint"},
		"a rule of nothing":      {`{"spec":{"rules":[{}]}}`, hierarchy.Undecided, "the rule of the effective policy is not one of a boolean constraint"},
		"a rule of another type": {`{"spec":{"rules":[{"enforce":"TRUE"}]}}`, hierarchy.Undecided, "the rule of the effective policy is not one of a boolean constraint"},
		"an unknown member":      {`{"spec":{"rules":[{"enforce":true,"except":["x"]}]}}`, hierarchy.Undecided, "the rule of the effective policy is not one of a boolean constraint"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			e.answers[key] = test.answer
			project := hierarchy.Of(e.client(t, true), "tconnect")
			got, err := project.EffectivePolicy(t.Context(), "storage.publicAccessPrevention")
			if err != nil || got.Enforcement != test.want || got.Why != test.why {
				t.Errorf("%+v, %v", got, err)
			}
			from := resource.Evidence{Call: "orgpolicy:projects.policies.getEffectivePolicy", Of: "projects/tconnect/policies/storage.publicAccessPrevention"}
			if test.want != hierarchy.Undecided {
				from.Pointer, from.Quote = "/spec/rules/0/enforce", map[hierarchy.Enforcement]string{hierarchy.Enforced: "enforce=true", hierarchy.NotEnforced: "enforce=false"}[test.want]
			}
			if diff := cmp.Diff(from, got.Because); diff != "" {
				t.Errorf("evidence (-want +got):\n%s", diff)
			}
			if _, err := project.EffectivePolicy(t.Context(), "storage.publicAccessPrevention"); err != nil || e.asked[key] != 1 {
				t.Errorf("asked %d times, %v", e.asked[key], err)
			}
		})
	}
	e := newEstate()
	e.answers[key] = "403"
	if _, err := hierarchy.Of(e.client(t, true), "tconnect").EffectivePolicy(t.Context(), "storage.publicAccessPrevention"); err == nil ||
		e.client(t, true).Refusal(err).Call != "orgpolicy:projects.policies.getEffectivePolicy" || e.client(t, true).Refusal(err).Reason != resource.Denied {
		t.Errorf("error %v", err)
	}
}

// TestEachFactIsAskedOnce holds the number of calls: for two projects of an
// organisation, each with many stores that are examined at the same time.
func TestEachFactIsAskedOnce(t *testing.T) {
	e := newEstate()
	e.answers[ancestryKey] = inFolder
	e.answers[strings.ReplaceAll(ancestryKey, "tconnect", "tother")] = strings.ReplaceAll(inFolder, "tconnect", "tother")
	e.answers[organisationKey] = `{"name":"organizations/9"}`
	for _, point := range []string{"projects/tconnect", "projects/tother", "folders/5", "organizations/9"} {
		e.deny(t, point, "p")
	}
	e.perimeters()
	c := e.client(t, true)
	var stores sync.WaitGroup
	for _, id := range []string{"tconnect", "tother"} {
		for range 20 {
			stores.Go(func() {
				for _, q := range hierarchy.Of(c, id).Questions(bucket, guarded) {
					if err := q.Ask(t.Context(), new(resource.Resource)); err != nil || !q.Shared {
						t.Error(err, q.Shared)
					}
				}
				if _, _, err := hierarchy.Of(c, id).Organisation(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	stores.Wait()
	if len(e.asked) != 2+1+4+4+2 {
		t.Errorf("%d different requests: %v", len(e.asked), e.asked)
	}
	for key, times := range e.asked {
		if times != 1 {
			t.Errorf("%s was asked %d times", key, times)
		}
	}
}

// TestInterruption: a run that is interrupted learns nothing and remembers
// nothing.
func TestInterruption(t *testing.T) {
	e := newEstate()
	e.answers[ancestryKey] = inFolder
	e.deny(t, "folders/5", "p", denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}}))
	e.perimeters(regular("core", object{"resources": []string{"projects/111"}, "restrictedServices": []string{"storage.googleapis.com"}}))
	c := e.client(t, true)
	questions := hierarchy.Of(c, "tconnect").Questions(bucket, guarded)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := new(resource.Resource)
	for _, q := range questions {
		if err := q.Ask(ctx, r); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", q.Call, err)
		}
	}
	if len(told(r)) > 0 {
		t.Errorf("told %q", told(r))
	}
	for _, q := range questions {
		if err := q.Ask(t.Context(), r); err != nil {
			t.Errorf("%s: error %v", q.Call, err)
		}
	}
	if len(r.Guards) != 2 || len(r.Gaps) != 0 {
		t.Errorf("told %q", told(r))
	}
}

// TestHorizon holds what a run that looks at projects alone asks and says.
func TestHorizon(t *testing.T) {
	calls := func(ancestors bool) (calls []string) {
		for _, q := range hierarchy.Of(newEstate().client(t, ancestors), "tconnect").Questions(bucket, guarded) {
			calls = append(calls, q.Call)
		}
		return calls
	}
	if diff := cmp.Diff([]string{"iam:policies.listPolicies"}, calls(false)); diff != "" {
		t.Errorf("projects alone (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"iam:policies.listPolicies", "accesscontextmanager:accessPolicies.list"}, calls(true)); diff != "" {
		t.Errorf("organisation (-want +got):\n%s", diff)
	}
	if p := hierarchy.Of(newEstate().client(t, true), "tconnect"); p.Beyond() != "" {
		t.Errorf("organisation: %q", p.Beyond())
	}
	if p := hierarchy.Of(newEstate().client(t, false), "tconnect"); !strings.Contains(p.Beyond(), "VPC Service Controls perimeters") {
		t.Errorf("projects alone: %q", p.Beyond())
	}
}

// TestProjectInNoOrganisation: there is nothing to ask beyond the project itself.
func TestProjectInNoOrganisation(t *testing.T) {
	e := newEstate()
	e.answers[ancestryKey] = `{"ancestor":[{"resourceId":{"type":"project","id":"tconnect"}}]}`
	if got := told(e.examine(t, true, guarded)); len(got) > 0 {
		t.Errorf("told %q", got)
	}
	if len(e.asked) != 2 {
		t.Errorf("asked %v", e.asked)
	}
}

// TestUnknownStore: of a store that nobody knows the permissions of, nobody knows
// what a deny policy does.
func TestUnknownStore(t *testing.T) {
	e, g := newEstate(), guarded
	g.Store = "storage.unheard"
	if got := told(e.examine(t, false, g)); len(got) > 0 {
		t.Errorf("without policies: %q", got)
	}
	e.deny(t, "projects/tconnect", "p", denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/*.*"}}))
	r := e.examine(t, false, g)
	if len(r.Guards) != 0 || len(r.Gaps) != 1 || r.Gaps[0].Reason != resource.Undecided || len(r.Gaps[0].Shields[0].Can) != 0 {
		t.Errorf("told %q", told(r))
	}
}

// TestUndeclaredCalls: what a kind does not declare cannot be asked.
func TestUndeclaredCalls(t *testing.T) {
	defer func() {
		if got := recover(); got == nil || !strings.Contains(got.(string), "does not declare iam:policies.") {
			t.Errorf("panic %v", got)
		}
	}()
	bare := *bucket
	bare.Reads = []collect.Reading{}
	hierarchy.Of(newEstate().client(t, false), "tconnect").Questions(&bare, guarded)
}
