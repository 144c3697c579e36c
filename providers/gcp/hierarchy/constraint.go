package hierarchy

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

const effectiveCall = "orgpolicy:projects.policies.getEffectivePolicy"

// Enforcement says whether a boolean constraint is enforced.
type Enforcement uint8

// The enforcements.
const (
	Undecided   Enforcement = iota // the answer was read and does not decide
	NotEnforced                    // any configuration is acceptable
	Enforced                       // the constraint holds, for what exists, too, if it is retroactive
)

// EffectivePolicy is what a boolean constraint comes to for a project.
type EffectivePolicy struct {
	Enforcement Enforcement
	// Why says of an Undecided one what does not decide; it is "" otherwise.
	Why string
	// Because is where the answer says so. Where it is Undecided it points at
	// the whole answer.
	Because resource.Evidence
}

// EffectivePolicy returns what a boolean constraint, "storage.publicAccessPrevention",
// comes to for the project: policies of everything above it are merged, and
// conditions evaluated, by Google. It is asked once for each constraint. An
// error is a refused or malformed answer; the refused call is named in it.
//
// Source: https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy
func (p *Project) EffectivePolicy(ctx context.Context, constraint string) (EffectivePolicy, error) {
	name := "projects/" + p.id + "/policies/" + constraint
	fact := api.Shared(p.client, "hierarchy "+name, func() *collect.Once[EffectivePolicy] { return new(collect.Once[EffectivePolicy]) })
	return fact.Get(ctx, func(ctx context.Context) (EffectivePolicy, error) {
		var answer policy
		path := "v2/projects/" + segment(p.id) + "/policies/" + segment(constraint) + ":getEffectivePolicy"
		if err := p.client.Ask(ctx, api.Request{Service: "orgpolicy", Path: path}, &answer); err != nil {
			return EffectivePolicy{}, failed(effectiveCall, err)
		}
		return answer.effective(resource.Evidence{Call: effectiveCall, Of: name}), nil
	})
}

// policy is the answer, without what is only tried out (dryRunSpec).
type policy struct {
	Spec *struct {
		Rules []json.RawMessage `json:"rules"`
	} `json:"spec"`
}

// rule is one rule, with every member that a rule for a boolean constraint can
// have. A rule of another shape says something else.
type rule struct {
	Enforce    *bool           `json:"enforce"`
	Condition  json.RawMessage `json:"condition"`
	Parameters json.RawMessage `json:"parameters"`
}

// effective reads the one rule that an evaluated boolean policy has: evaluated
// policies have no conditions.
//
// Source: https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/organizations.policies#policyspec
// (exactly one rule without a condition)
func (p policy) effective(from resource.Evidence) EffectivePolicy {
	undecided := func(why string) EffectivePolicy { return EffectivePolicy{Why: why, Because: from} }
	if p.Spec == nil {
		return undecided("the effective policy says nothing that is in force")
	}
	if len(p.Spec.Rules) != 1 {
		return undecided(fmt.Sprintf("the effective policy has %d rules, and one decides", len(p.Spec.Rules)))
	}
	var only rule
	switch err := strict(p.Spec.Rules[0], &only); {
	case err != nil || only.Enforce == nil:
		return undecided("the rule of the effective policy is not one of a boolean constraint")
	case present(only.Condition):
		return undecided("the rule of the effective policy has a condition")
	case present(only.Parameters) && string(only.Parameters) != "{}":
		return undecided("the rule of the effective policy has parameters")
	}
	from.Pointer = "/spec/rules/0/enforce"
	from.Quote = fmt.Sprintf("enforce=%t", *only.Enforce)
	if *only.Enforce {
		return EffectivePolicy{Enforcement: Enforced, Because: from}
	}
	return EffectivePolicy{Enforcement: NotEnforced, Because: from}
}
