package gcptest

import (
	"maps"
	"slices"
	"strconv"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// noPolicy is what Google answers where nothing was ever granted: there are no
// bindings, not an empty list of them.
const noPolicy = "ACAB"

// iam renders the policy of a thing in the version that was asked for.
//
// Source: https://cloud.google.com/spanner/docs/reference/rest/v1/GetPolicyOptions
// (versions other than 0, 1 and 3 are refused).
func (q *request) iam(policy object) answer {
	if version := q.requestedVersion(); version != 0 && version != 1 && version != conditional {
		return q.invalid("The policy version %d is not valid.", version)
	}
	if policy == nil {
		return ok(object{"etag": noPolicy})
	}
	return ok(tagged(q.versioned(policy)))
}

// conditional is the version of policies that can hold conditions.
const conditional = 3

// versioned hides conditions from those who do not ask for version 3: a binding
// with one is answered without it, under a role that says so.
//
// Source: https://cloud.google.com/iam/docs/policies#versions and
// https://cloud.google.com/iam/docs/troubleshooting-withcond
func (q *request) versioned(policy object) object {
	policy = maps.Clone(policy)
	if q.requestedVersion() >= conditional {
		return policy
	}
	bindings, isList := policy["bindings"].([]any)
	if !isList {
		return policy
	}
	shown := make([]any, 0, len(bindings))
	for _, b := range bindings {
		shown = append(shown, withoutCondition(b))
	}
	policy["bindings"] = shown
	if policy["version"] != nil {
		policy["version"] = 1
	}
	return policy
}

func withoutCondition(binding any) any {
	if !hasCondition(binding) {
		return binding
	}
	members := maps.Clone(binding.(object))
	role, _ := members["role"].(string)
	members["role"] = role + "_withcond_" + loopback.Digest(string(render(members["condition"])))[:20]
	delete(members, "condition")
	return members
}

func hasCondition(binding any) bool {
	members, isObject := binding.(object)
	return isObject && members["condition"] != nil
}

// requestedVersion is the version of the policy that a request asks for, under
// the name that its service has for it; without one it is the first.
func (q *request) requestedVersion() int {
	for _, text := range []string{
		q.option("options.requestedPolicyVersion", "options", "requestedPolicyVersion"),
		q.query.Get("optionsRequestedPolicyVersion"),
	} {
		if text == "" {
			continue
		}
		version, err := strconv.Atoi(text)
		if err != nil {
			return -1
		}
		return version
	}
	return 1
}

// bindingsOf reads the bindings of a policy that was declared, to add to them.
func bindingsOf(policy object) []any {
	bindings, _ := policy["bindings"].([]any)
	return slices.Clone(bindings)
}

// grant adds a member to the unconditional binding of a role.
func grant(bindings []any, role, member string) []any {
	for i, b := range bindings {
		binding, isObject := b.(object)
		if !isObject || binding["role"] != role || binding["condition"] != nil {
			continue
		}
		members, _ := binding["members"].([]any)
		if !slices.Contains(members, any(member)) {
			binding = maps.Clone(binding)
			binding["members"] = append(slices.Clone(members), member)
			bindings[i] = binding
		}
		return bindings
	}
	return append(bindings, object{"role": role, "members": []any{member}})
}
