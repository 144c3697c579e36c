package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

// MaxNamed is how many outsiders Who names before it counts them.
const MaxNamed = 2

var clouds = map[string]string{"aws": "AWS", "gcp": "Google Cloud", "azure": "Azure"}

// Cloud is a provider's name for people.
func Cloud(provider string) string {
	if name, ok := clouds[provider]; ok {
		return name
	}
	return provider
}

// units are what each cloud calls the part of it that an owner is billed for.
var units = map[string]string{"gcp": "project", "azure": "subscription"}

// Unit is what people call an account of a provider: "account", "project".
func Unit(provider string) string { return cmp.Or(units[provider], "account") }

// Who says in a few words who an audience of a provider's store is: "anyone",
// "any AWS account", "account 999999999999".
func Who(provider string, a resource.Audience) string {
	switch a.Reach {
	case resource.ReachPrivate:
		return "nobody outside"
	case resource.ReachListed:
		return listed(provider, a)
	case resource.ReachProvider:
		if a.Credential >= resource.CredentialTenant {
			return "any " + Cloud(provider) + " account"
		}
		return "any " + Cloud(provider) + " network, with a credential"
	case resource.ReachBroad, resource.ReachInternet:
	}
	return wide(provider, a)
}

func listed(provider string, a resource.Audience) string {
	names := outsiders(a.Named)
	switch a.Credential {
	case resource.CredentialNone:
		return "anyone at " + names
	case resource.CredentialTenant:
		return "any " + Cloud(provider) + " account at " + names
	case resource.CredentialOwn:
		return names + ", with a credential of the owner"
	case resource.CredentialNamed:
	}
	return names
}

func wide(provider string, a resource.Audience) string {
	from := ""
	if a.Reach == resource.ReachBroad {
		from = " in a wide address range"
	}
	switch a.Credential {
	case resource.CredentialNone:
		return "anyone" + from
	case resource.CredentialTenant:
		return "any " + Cloud(provider) + " account" + from
	case resource.CredentialNamed:
		return "anyone" + from + " with a credential of " + outsiders(a.Named)
	case resource.CredentialOwn:
	}
	return "anyone" + from + " with a credential of the owner"
}

// outsiders names a few: "accounts 111111111111, 222222222222 +3 more".
func outsiders(names []string) string {
	if len(names) == 0 {
		return "named outsiders"
	}
	shown := names[:min(len(names), MaxNamed)]
	text := strings.Join(shown, ", ")
	if more := len(names) - len(shown); more > 0 {
		text += " +" + Thousands(more) + " more"
	}
	if !slices.ContainsFunc(shown, func(n string) bool { return !isAccount(n) }) {
		return strings.TrimSuffix("accounts", plural(len(names))) + " " + text
	}
	return text
}

func plural(n int) string {
	if n == 1 {
		return "s"
	}
	return ""
}

// isAccount reports whether a name is an AWS account id, which says nothing
// without its noun.
func isAccount(name string) bool {
	return len(name) == 12 && strings.Trim(name, "0123456789") == ""
}

// behind says who is left of an audience once guards have narrowed it to a
// level. The guards' own wording is not kept in a path, so it speaks of the
// level where the two differ.
func behind(provider string, to resource.Audience, level exposure.Level) string {
	if exposure.LevelOf(to) == level {
		return Who(provider, to)
	}
	return whoAt(provider, level)
}

func whoAt(provider string, level exposure.Level) string {
	switch level {
	case exposure.Public:
		return "anyone"
	case exposure.Tenant:
		return "any " + Cloud(provider) + " account"
	case exposure.Reachable:
		return "anyone with a credential of the owner"
	case exposure.Shared:
		return "named outsiders"
	case exposure.Private:
	}
	return "nobody outside"
}

// Opening is who gets in, what they can do there, and how sure that is.
type Opening struct {
	Who   string
	Can   []resource.Action
	Range exposure.Range
}

// Proven reports whether the evidence shows that an outsider gets in.
func (o Opening) Proven() bool { return o.Range.Least > exposure.Private }

// String spells the opening as "anyone: list, read", and says "perhaps" where
// an unanswered question may still close it.
func (o Opening) String() string {
	text := o.Who + ": " + Actions(o.Can)
	if !o.Proven() {
		return "perhaps " + text
	}
	return text
}

// Actions joins actions in the order of reading: "list, read".
func Actions(can []resource.Action) string {
	can = slices.SortedStableFunc(slices.Values(can), byReading)
	words := make([]string, len(can))
	for i, a := range can {
		words[i] = strings.ReplaceAll(string(a), "-", " ")
	}
	return strings.Join(words, ", ")
}

// Openings says what grants of a store open after its guards, worst first: of those
// of one level, whoever gets at what is in the store comes before whoever gets to
// its door. A guard may stop some of a grant's actions only, so the judge is asked
// about each of them.
func Openings(r *resource.Resource, paths []exposure.Path) []Opening {
	var all []Opening
	for i := range paths {
		for _, action := range paths[i].Grant.Can {
			opened := opens(r, paths[i].Grant, action)
			if opened.Most == exposure.Private {
				continue
			}
			who := behind(r.Scope.Provider, paths[i].Grant.To, opened.Most)
			all = join(all, Opening{Who: who, Can: []resource.Action{action}, Range: opened})
		}
	}
	for i := range all {
		slices.SortStableFunc(all[i].Can, byReading)
	}
	slices.SortStableFunc(all, func(a, b Opening) int {
		return cmp.Or(
			cmp.Compare(b.Range.Least, a.Range.Least), cmp.Compare(b.Range.Most, a.Range.Most), cmp.Compare(a.atTheDoor(), b.atTheDoor()), cmp.Compare(a.Who, b.Who),
		)
	})
	return all
}

// atTheDoor is 1 for whoever can do no more than connect, and 0 for the others.
func (o Opening) atTheDoor() int {
	if slices.Equal(o.Can, []resource.Action{resource.Connect}) {
		return 1
	}
	return 0
}

// opens asks the judge what one action of one grant is worth.
func opens(r *resource.Resource, g resource.Grant, action resource.Action) exposure.Range {
	g.Can = []resource.Action{action}
	alone := resource.Resource{Grants: []resource.Grant{g}, Guards: r.Guards, Gaps: r.Gaps}
	for _, p := range exposure.Assess(&alone).Paths {
		return p.Range
	}
	return exposure.Range{}
}

func join(all []Opening, o Opening) []Opening {
	for i := range all {
		if all[i].Who == o.Who && all[i].Range == o.Range {
			if !slices.Contains(all[i].Can, o.Can[0]) {
				all[i].Can = append(all[i].Can, o.Can[0])
			}
			return all
		}
	}
	return append(all, o)
}

var readingOrder = []resource.Action{
	resource.List, resource.Read, resource.Write, resource.Delete, resource.Restore, resource.Connect,
	resource.ReadACL, resource.ReadMeta, resource.Configure, resource.TakeOver, resource.AnyAction,
}

func byReading(a, b resource.Action) int {
	return cmp.Compare(uint(slices.Index(readingOrder, a)), uint(slices.Index(readingOrder, b)))
}
