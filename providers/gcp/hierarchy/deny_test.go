package hierarchy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/role"
)

const all = "principalSet://goog/public:all"

// denied are the permissions that give the actions on a bucket, as deny policies
// spell them.
func denied(actions ...resource.Action) []string {
	var names []string
	for _, a := range actions {
		for _, p := range role.Granting("storage.bucket", a) {
			names = append(names, role.DenyName(p))
		}
	}
	return names
}

func denyRule(members object) object { return object{"denyRule": members} }

// TestDenyPolicies holds what a deny policy attached to the project comes to.
func TestDenyPolicies(t *testing.T) {
	const (
		guard   = "deny policy p of projects/tconnect: private on [policy named-policy], can "
		get     = "iam:policies.get "
		spelled = get + "undecided: deny policy p of projects/tconnect "
		partly  = spelled + "may deny this to everybody: not every permission that gives it is denied, and which of them a grant comes with is not looked at: private on [policy named-policy], can "
	)
	for name, test := range map[string]struct {
		rules []any
		want  []string
	}{
		"everybody, one permission that alone gives reading": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}})},
			[]string{guard + "[read]"},
		},
		"one of several permissions that give listing": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.list"}})},
			[]string{partly + "[list]"},
		},
		"all that give listing, by two rules": {
			[]any{
				denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": denied(resource.List)[:1]}),
				denyRule(object{"deniedPrincipals": []string{"principalSet://goog/group/x@example.com", all}, "deniedPermissions": denied(resource.List)[1:]}),
			},
			[]string{guard + "[list]"},
		},
		"the whole service": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/*.*"}})},
			[]string{guard + "[list read write delete read-acl take-over configure read-meta]"},
		},
		"one verb": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/*.list"}})},
			[]string{guard + "[list]"},
		},
		"one resource": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.*"}})},
			[]string{guard + "[read write]", partly + "[list delete read-acl take-over configure]"},
		},
		"another service": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"pubsub.googleapis.com/*.*", "storage.googleapis.com.evil/*.*"}})},
			nil,
		},
		"a group that is not one": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/obj*.get"}})},
			[]string{spelled + "may deny this to everybody: one of its permissions has a form that is not known: private on [policy named-policy], can [list read write delete read-acl take-over configure read-meta]"},
		},
		"a group with an exception": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.*"}, "exceptionPermissions": []string{"storage.googleapis.com/objects.get"}})},
			[]string{guard + "[write]", partly + "[list delete read-acl take-over configure]"},
		},
		"an exception that is a group": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.*"}, "exceptionPermissions": []string{"storage.googleapis.com/*.*"}})},
			nil,
		},
		"an exception of an unknown form": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}, "exceptionPermissions": []string{"objects.get"}})},
			[]string{spelled + "may deny this to everybody: one of its permissions has a form that is not known: private on [policy named-policy], can [read]"},
		},
		"somebody, not everybody": {
			[]any{denyRule(object{"deniedPrincipals": []string{"principalSet://goog/cloudIdentityCustomerId/C1", "deleted:principal://goog/subject/a@b.c?uid=1"}, "deniedPermissions": []string{"storage.googleapis.com/*.*"}})},
			nil,
		},
		"principals of an unknown form": {
			[]any{denyRule(object{"deniedPrincipals": []string{"principalSet://goog/public:unheard"}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}})},
			[]string{spelled + "may deny this to everybody: it denies principals of a form that is not known: private on [policy named-policy], can [read]"},
		},
		"everybody but some": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "exceptionPrincipals": []string{"principal://goog/subject/a@b.c"}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}})},
			[]string{
				"deny policy p of projects/tconnect: listed on [policy], can [read]",
				spelled + "spares some principals; whether these are the owner's own, and whether those that are let in by name are among them, was not decided: private on [policy named-policy], can [read]",
			},
		},
		"everybody but some of an unknown form": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "exceptionPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}})},
			[]string{spelled + "may deny this to everybody: it spares principals of a form that is not known: listed on [policy], can [read]"},
		},
		"everybody but some, and a rule that spares nobody": {
			[]any{
				denyRule(object{"deniedPrincipals": []string{all}, "exceptionPrincipals": []string{"principal://goog/subject/a@b.c"}, "deniedPermissions": []string{"storage.googleapis.com/*.*"}}),
				denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": denied(resource.Read, resource.List, resource.Write, resource.Delete, resource.ReadACL, resource.TakeOver, resource.Configure, resource.ReadMeta)}),
			},
			[]string{guard + "[list read write delete read-acl take-over configure read-meta]"},
		},
		"a condition": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}, "denialCondition": object{"expression": "resource.matchTag('1/env', 'prod')"}})},
			[]string{spelled + "may deny this to everybody: it has a condition, which looks at the tags of what is asked for: private on [policy named-policy], can [read]"},
		},
		"a condition, and a rule without": {
			[]any{
				denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}, "denialCondition": object{"expression": "true"}}),
				denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}}),
			},
			[]string{guard + "[read]"},
		},
		"a member that is not known": {
			[]any{denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}, "deniedResources": []string{"x"}})},
			[]string{spelled + "may deny this to everybody: one of its rules has a form that is not known: private on [policy named-policy], can [list read write delete read-acl take-over configure read-meta]"},
		},
		"a rule of another sort": {
			[]any{object{"allowRule": object{}}},
			[]string{spelled + "may deny this to everybody: one of its rules has a form that is not known: private on [policy named-policy], can [list read write delete read-acl take-over configure read-meta]"},
		},
		"no rule": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEstate()
			e.deny(t, "projects/tconnect", "p", test.rules...)
			if diff := cmp.Diff(test.want, told(e.examine(t, false, guarded))); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDenyPoliciesTogether holds that policies close together what none closes
// alone, from wherever they are attached.
func TestDenyPoliciesTogether(t *testing.T) {
	e, list := newEstate(), denied(resource.List)
	e.answers[ancestryKey] = inFolder
	e.deny(t, "projects/tconnect", "near", denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": list[:1]}))
	e.deny(t, "folders/5", "far", denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": list[1:]}))
	want := []string{"deny policies near of projects/tconnect and far of folders/5: private on [policy named-policy], can [list]"}
	r := e.examine(t, true, guarded)
	if diff := cmp.Diff(want, told(r)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	for i, because := range r.Guards[0].Because {
		if because.Call != "iam:policies.get" || because.Quote != list[i] || !strings.HasPrefix(because.Pointer, "/rules/0/denyRule/deniedPermissions/") {
			t.Errorf("evidence %+v", because)
		}
	}
}

// TestDenyPoliciesOfAbove holds that policies of folders and organisations are
// looked for in a run that looks above its projects, and in no other.
func TestDenyPoliciesOfAbove(t *testing.T) {
	rule := denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}})
	e := newEstate()
	e.answers[ancestryKey] = inFolder
	for _, point := range []string{"projects/tconnect", "folders/5", "organizations/9"} {
		e.deny(t, point, "p", rule)
	}
	names := func(ancestors bool) (names []string) {
		for _, g := range e.examine(t, ancestors, guarded).Guards {
			names = append(names, g.Name)
		}
		return names
	}
	if diff := cmp.Diff([]string{"deny policy p of projects/tconnect"}, names(false)); diff != "" {
		t.Errorf("project alone (-want +got):\n%s", diff)
	}
	want := []string{"deny policy p of projects/tconnect", "deny policy p of folders/5", "deny policy p of organizations/9"}
	if diff := cmp.Diff(want, names(true)); diff != "" {
		t.Errorf("organisation (-want +got):\n%s", diff)
	}
}

// TestDenyPolicyThatIsNotInForce: what was deleted denies nothing, and of a kind
// that is not known nobody knows what it does.
func TestDenyPolicyThatIsNotInForce(t *testing.T) {
	rule := denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}})
	e := newEstate()
	e.deny(t, "projects/tconnect", "p", rule)
	deleted := e.without(getKey("projects/tconnect", "p"), text(object{"name": "x", "deleteTime": "2026-01-01T00:00:00Z", "rules": []any{rule}}))
	if got := told(deleted.examine(t, false, guarded)); len(got) > 0 {
		t.Errorf("deleted: %q", got)
	}
	other := e.without(getKey("projects/tconnect", "p"), text(object{"name": "x", "kind": "AccessPolicy", "rules": []any{rule}}))
	got := told(other.examine(t, false, guarded))
	if len(got) != 1 || !strings.Contains(got[0], "undecided: deny policy p of projects/tconnect may deny this to everybody: it is a policy of another kind: private on [policy named-policy]") {
		t.Errorf("of another kind: %q", got)
	}
}

// TestDenyPoliciesAndLists: whether a deny policy overrides an access control
// list is not documented.
func TestDenyPoliciesAndLists(t *testing.T) {
	e, g := newEstate(), guarded
	g.Open, g.Named, g.Disputed = []resource.Channel{"policy", "acl"}, []resource.Channel{"named-policy", "named-acl"}, []resource.Channel{"acl", "named-acl"}
	e.deny(t, "projects/tconnect", "p", denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}}))
	want := []string{
		"deny policy p of projects/tconnect: private on [policy named-policy], can [read]",
		"iam:policies.get undecided: deny policy p of projects/tconnect denies this to everybody; whether it stops what IAM does not grant is not documented: private on [acl named-acl], can [read]",
	}
	if diff := cmp.Diff(want, told(e.examine(t, false, g))); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestGuardsNeedTheirDeclaration: a guard stands on no channel that the kind does
// not declare to be shielded, whatever the collector says.
func TestGuardsNeedTheirDeclaration(t *testing.T) {
	e, g := newEstate(), guarded
	g.Open, g.Disputed = []resource.Channel{"network"}, []resource.Channel{"network"}
	e.answers[ancestryKey] = inFolder
	e.deny(t, "projects/tconnect", "p", denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/*.*"}}))
	e.perimeters(regular("core", object{"resources": []string{"projects/111"}, "restrictedServices": []string{"storage.googleapis.com"}}))
	for _, guard := range e.examine(t, true, g).Guards {
		if diff := cmp.Diff([]resource.Channel{"named-policy"}, guard.On); diff != "" {
			t.Errorf("%s (-want +got):\n%s", guard.Name, diff)
		}
	}
}

// TestUnreadablePolicyTakesNothingFromTheOthers holds partial knowledge.
func TestUnreadablePolicyTakesNothingFromTheOthers(t *testing.T) {
	e := newEstate()
	e.answers[ancestryKey] = inFolder
	for _, point := range []string{"projects/tconnect", "folders/5"} {
		e.deny(t, point, "a", denyRule(object{"deniedPrincipals": []string{all}, "deniedPermissions": []string{"storage.googleapis.com/objects.get"}}))
		e.deny(t, point, "b")
	}
	for name, test := range map[string]struct {
		key, answer, want string
		guards            int
	}{
		"a policy that is refused":       {getKey("projects/tconnect", "a"), "403", "iam:policies.get denied: PERMISSION_DENIED: refused", 1},
		"a policy that is gone":          {getKey("projects/tconnect", "a"), "404", "iam:policies.get error: PERMISSION_DENIED: refused", 1},
		"a policy that is empty":         {getKey("projects/tconnect", "a"), "{}", "iam:policies.get malformed: the answer has no name in it", 1},
		"a policy that is half":          {getKey("projects/tconnect", "a"), `{"name":"x","ru`, "iam:policies.get malformed: unexpected end of JSON input", 1},
		"a policy of other types":        {getKey("projects/tconnect", "a"), `{"name":7}`, "iam:policies.get malformed: ", 1},
		"a listing that is refused":      {listKey("folders/5"), "403", "iam:policies.listPolicies denied: PERMISSION_DENIED: refused", 1},
		"a listing with a strange name":  {listKey("folders/5"), `{"policies":[{"name":"a"}]}`, `iam:policies.listPolicies malformed: "a" is not the name of a deny policy`, 1},
		"a listing that leads to itself": {listKey("folders/5") + "?pageToken=2", `{"nextPageToken":"2"}`, "iam:policies.listPolicies malformed: the page token \"2\" leads back to its own page", 2},
		"the ancestors":                  {ancestryKey, "403", "cloudresourcemanager:projects.getAncestry denied: PERMISSION_DENIED: refused", 1},
	} {
		t.Run(name, func(t *testing.T) {
			changed := e.without(test.key, test.answer)
			if base, _, paged := strings.Cut(test.key, "?"); paged {
				changed.answers[base] = strings.TrimSuffix(changed.answers[base], "}") + `,"nextPageToken":"2"}`
			}
			r := changed.examine(t, true, guarded)
			if len(r.Guards) != test.guards {
				t.Errorf("%d guards, want %d", len(r.Guards), test.guards)
			}
			if got := told(r); !slices.ContainsFunc(got, func(line string) bool {
				return strings.HasPrefix(line, test.want) && strings.Contains(line, "private on [policy")
			}) {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}
