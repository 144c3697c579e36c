package hierarchy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

const (
	listDeniesCall = "iam:policies.listPolicies"
	getDenyCall    = "iam:policies.get"
)

// attachment is what is known of the deny policies of one project, folder or
// organisation.
type attachment struct {
	denials []denial
	lost    []error
}

// denial is one deny rule that is, or may be, about strangers.
type denial struct {
	// policy is what a reader calls the policy: "no-strangers of folders/5".
	policy string
	from   resource.Evidence // the rule
	// denied and excepted are permissions, or groups of them.
	denied, excepted []string
	// spared: there are principals that the rule does not deny.
	spared bool
	// doubt says why the rule may not hold, or may not be about everybody; ""
	// for one that does and is.
	doubt string
	// opaque: the rule was not understood. It may deny anything.
	opaque bool
}

// denyRule is a deny rule, with all its members.
//
// Source: https://cloud.google.com/iam/docs/reference/rest/v2/policies#denyrule
type denyRule struct {
	DeniedPrincipals     []string        `json:"deniedPrincipals"`
	ExceptionPrincipals  []string        `json:"exceptionPrincipals"`
	DeniedPermissions    []string        `json:"deniedPermissions"`
	ExceptionPermissions []string        `json:"exceptionPermissions"`
	DenialCondition      json.RawMessage `json:"denialCondition"`
}

// askDenies finds the deny policies attached to the project and, in a run that
// looks above it, to its folders and its organisation: they hold for everything
// inside.
//
// Source: https://cloud.google.com/iam/docs/deny-overview (inheritance)
func (f *finder) askDenies(ctx context.Context, r *resource.Resource) error {
	p := f.project
	points := []string{"projects/" + p.id}
	if p.client.Ancestors {
		ancestors, err := p.Ancestors(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.lost(r, err)
		default:
			points = append(points, ancestors[1:]...)
		}
	}
	var all []denial
	for _, point := range points {
		a, err := attachedTo(ctx, p.client, point)
		if err != nil {
			return err
		}
		all = append(all, a.denials...)
		for _, err := range a.lost {
			f.lost(r, err)
		}
	}
	f.judgeDenials(r, all)
	return nil
}

// attachedTo returns what is attached to a point, asking for it once a run.
func attachedTo(ctx context.Context, c *api.Client, point string) (*attachment, error) {
	fact := api.Shared(c, "hierarchy denies "+point, func() *collect.Once[*attachment] { return new(collect.Once[*attachment]) })
	return fact.Get(ctx, func(ctx context.Context) (*attachment, error) {
		a := askAttachment(ctx, c, point)
		return a, ctx.Err()
	})
}

// askAttachment lists the policies of a point, which come without their rules,
// and asks for each. One that cannot be read takes nothing from the others.
//
// Source: https://cloud.google.com/iam/docs/reference/rest/v2/policies/listPolicies
func askAttachment(ctx context.Context, c *api.Client, point string) *attachment {
	type listing struct {
		Policies []struct {
			Name string `json:"name"`
		} `json:"policies"`
		Next string `json:"nextPageToken"`
	}
	a := new(attachment)
	parent := "policies/" + segment("cloudresourcemanager.googleapis.com/"+point) + "/denypolicies"
	err := pages(ctx, c, listDeniesCall, "v2/"+parent, nil, func(l listing) string {
		for _, p := range l.Policies {
			a.ask(ctx, c, point, parent, p.Name)
		}
		return l.Next
	})
	if err != nil {
		a.lost = append(a.lost, err)
	}
	return a
}

func (a *attachment) ask(ctx context.Context, c *api.Client, point, parent, name string) {
	_, id, ok := strings.Cut(name, "/denypolicies/")
	if !ok || id == "" || strings.Contains(id, "/") {
		a.lost = append(a.lost, failed(listDeniesCall, collect.Malformed(listDeniesCall, "%.80q is not the name of a deny policy", name)))
		return
	}
	var answer denyPolicy
	own := parent + "/" + segment(id)
	if err := c.Ask(ctx, api.Request{Service: "iam", Path: "v2/" + own}, &answer); err != nil {
		a.lost = append(a.lost, failed(getDenyCall, err))
		return
	}
	if answer.Name == "" {
		a.lost = append(a.lost, failed(getDenyCall, collect.Malformed(getDenyCall, "the answer has no name in it")))
		return
	}
	a.denials = append(a.denials, answer.denials(id+" of "+point, own)...)
}

// denyPolicy is the answer of policies.get.
type denyPolicy struct {
	Name    string            `json:"name"`
	Kind    string            `json:"kind"`
	Deleted string            `json:"deleteTime"`
	Rules   []json.RawMessage `json:"rules"`
}

// denials reads the rules that may be about strangers.
func (p denyPolicy) denials(policy, of string) []denial {
	if p.Deleted != "" {
		return nil
	}
	var all []denial
	for i, text := range p.Rules {
		d := denial{policy: policy, from: resource.Evidence{Call: getDenyCall, Of: of, Pointer: fmt.Sprintf("/rules/%d/denyRule", i)}}
		if p.Kind != "" && p.Kind != "DenyPolicy" {
			d.opaque, d.doubt = true, "it is a policy of another kind"
		} else if !d.read(text) {
			continue
		}
		all = append(all, d)
	}
	return all
}

// read reads a rule; false says that it is not about strangers.
func (d *denial) read(text json.RawMessage) bool {
	var outer struct {
		DenyRule    json.RawMessage `json:"denyRule"`
		Description string          `json:"description"`
	}
	var inner denyRule
	if strict(text, &outer) != nil || !present(outer.DenyRule) || strict(outer.DenyRule, &inner) != nil {
		d.opaque, d.doubt = true, "one of its rules has a form that is not known"
		return true
	}
	d.denied, d.excepted, d.spared = inner.DeniedPermissions, inner.ExceptionPermissions, len(inner.ExceptionPrincipals) > 0
	switch {
	case !slices.Contains(inner.DeniedPrincipals, everybody) && !slices.ContainsFunc(inner.DeniedPrincipals, strange):
		return false
	case present(inner.DenialCondition):
		d.doubt = "it has a condition, which looks at the tags of what is asked for"
	case !slices.Contains(inner.DeniedPrincipals, everybody):
		d.doubt = "it denies principals of a form that is not known"
	case slices.ContainsFunc(inner.ExceptionPrincipals, strange):
		d.doubt = "it spares principals of a form that is not known"
	}
	return true
}

// everybody is whoever is on the internet, with or without a Google account.
//
// Source: https://cloud.google.com/iam/docs/principal-identifiers#v2
const everybody = "principalSet://goog/public:all"

// known are how the other principals of deny rules begin: each names somebody.
var known = []string{
	"principal://goog/subject/", "principalSet://goog/group/", "principalSet://goog/cloudIdentityCustomerId/",
	"principal://iam.googleapis.com/", "principalSet://iam.googleapis.com/", "principalSet://cloudresourcemanager.googleapis.com/",
}

// strange reports whether a principal is of a form that is not known, so that it
// may be anybody.
func strange(principal string) bool {
	principal = strings.TrimPrefix(principal, "deleted:")
	return !slices.ContainsFunc(known, func(form string) bool { return strings.HasPrefix(principal, form) && principal != form })
}

// verdict is whether a rule denies a permission.
type verdict uint8

const (
	no verdict = iota
	maybe
	yes
)

// denies reports whether a rule denies a permission, spelled as deny policies
// do, and which of the denied ones says so.
func (d *denial) denies(permission string) (v verdict, at int) {
	if d.opaque {
		return maybe, -1
	}
	v, at = covered(d.denied, permission)
	if excepted, _ := covered(d.excepted, permission); v == no || excepted == yes {
		return no, -1
	} else if excepted == maybe || d.doubt != "" {
		v = maybe
	}
	return v, at
}

// covered reports whether a list holds a permission, by itself or in a group.
func covered(list []string, permission string) (v verdict, at int) {
	at = -1
	for i, entry := range list {
		if m := matches(entry, permission); m > v {
			v, at = m, i
		}
	}
	return v, at
}

// matches reports whether a permission is what an entry says, or in the group
// that it says. SERVICE/RESOURCE.*, SERVICE/*.VERB and SERVICE/*.* are groups,
// of all that there is and will be; an entry of any other form is not understood.
//
// Source: https://cloud.google.com/iam/docs/deny-overview#permission-groups
func matches(entry, permission string) verdict {
	service, resources, verb, ok := parts(entry)
	if !ok {
		return maybe
	}
	ownService, ownResources, ownVerb, _ := parts(permission)
	if service == ownService && (resources == "*" || resources == ownResources) && (verb == "*" || verb == ownVerb) {
		return yes
	}
	return no
}

func parts(permission string) (service, resources, verb string, ok bool) {
	service, rest, ok := strings.Cut(permission, "/")
	dot := strings.LastIndex(rest, ".")
	if !ok || service == "" || dot <= 0 || dot == len(rest)-1 {
		return "", "", "", false
	}
	resources, verb = rest[:dot], rest[dot+1:]
	whole := func(s string) bool { return s == "*" || !strings.Contains(s, "*") }
	return service, resources, verb, !strings.ContainsAny(service, "*") && !strings.Contains(rest, "/") && whole(resources) && whole(verb)
}
