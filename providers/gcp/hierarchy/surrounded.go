package hierarchy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/role"
)

// judgePerimeters adds the guard that the project's perimeter is, or the doubt
// about it. A project is in one enforced perimeter at most: in the one that names
// the project itself, or else its nearest folder. So one that was not read may
// take the place of a folder's, and of none that names the project.
//
// Source: https://docs.cloud.google.com/vpc-service-controls/docs/folder-membership
// (evaluation precedence for resource membership)
func (f *finder) judgePerimeters(r *resource.Resource, found *perimeters, ancestors []string) {
	around, level := surrounding(found.all, ancestors)
	obscure := f.obscure(found.all, ancestors)
	switch {
	case len(around) > 1:
		for _, p := range around {
			f.doubtPerimeter(r, p, "another one says, too, that "+level+" is in it, and a project is in one at most")
		}
	case len(around) == 1 && (level == ancestors[0] || len(found.lost)+len(obscure) == 0):
		f.addPerimeter(r, around[0], level, ancestors)
		return
	case len(around) == 1:
		f.doubtPerimeter(r, around[0], "a perimeter that was not read or not understood may be nearer, and take its place")
	}
	for _, p := range obscure {
		f.doubtPerimeter(r, p, p.doubt)
	}
}

// surrounding returns the perimeters that name the nearest of the ancestors that
// any perimeter names, and which that is.
func surrounding(all []*perimeter, ancestors []string) (around []*perimeter, level string) {
	for _, level := range ancestors {
		for _, p := range all {
			if p.doubt == "" && slices.Contains(p.config.Resources, level) {
				around = append(around, p)
			}
		}
		if len(around) > 0 {
			return around, level
		}
	}
	return nil, ""
}

// obscure returns the perimeters that may or may not be around the project, with
// the doubt said.
func (f *finder) obscure(all []*perimeter, ancestors []string) []*perimeter {
	unnumbered := f.project.client.Number(f.project.id) == ""
	var found []*perimeter
	for _, p := range all {
		doubt := p.doubt
		isStrange := func(name string) bool { return !within(name) }
		isProject := func(name string) bool { return numbered(name, "projects") }
		isAbove := func(name string) bool { return slices.Contains(ancestors, name) }
		switch {
		case p.opaque:
		case slices.ContainsFunc(p.config.Resources, isStrange):
			doubt = "it holds something of a form that is not known"
		case unnumbered && slices.ContainsFunc(p.config.Resources, isProject):
			doubt = "it names projects by their number, and the number of " + f.project.id + " is not known"
		case doubt != "" && slices.ContainsFunc(p.config.Resources, isAbove):
		default:
			continue
		}
		told := *p
		told.doubt = doubt
		found = append(found, &told)
	}
	return found
}

// within reports whether a name is of a form that perimeters hold: projects,
// folders, and networks, which hold no store.
func within(name string) bool {
	return numbered(name, "projects") || numbered(name, "folders") || strings.HasPrefix(name, "//compute.googleapis.com/")
}

// uncovered are permissions that a perimeter around a service may leave open:
// subscriptions that are older than it are not blocked.
//
// Source: https://cloud.google.com/vpc-service-controls/docs/supported-products
// (Pub/Sub)
var uncovered = map[string][]string{
	"pubsub.googleapis.com": {"pubsub.subscriptions.consume", "pubsub.topics.attachSubscription"},
}

// addPerimeter adds what the perimeter that the project is in comes to. What has
// no access level and no ingress rule lets in nobody from outside, whatever IAM
// and access control lists say; whoever has credentials stays out as well.
//
// Source: https://cloud.google.com/vpc-service-controls/docs/overview (access from
// unauthorised networks is denied, even to data that IAM policies expose, and with
// stolen credentials); public objects of Cloud Storage stay in its caches until
// they expire: https://cloud.google.com/vpc-service-controls/docs/supported-products
func (f *finder) addPerimeter(r *resource.Resource, p *perimeter, level string, ancestors []string) {
	restricted := p.restricts(f.guarded.Service)
	if restricted == no {
		return
	}
	if restricted == maybe {
		f.doubtPerimeter(r, p, "it restricts services of a form that is not known")
		return
	}
	if len(p.config.AccessLevels) > 0 {
		f.doubtPerimeter(r, p, "it admits who meets an access level, and what that asks for was not read")
		return
	}
	limit, on := resource.Nobody, f.guarded.all()
	for i, text := range p.config.IngressPolicies {
		switch who := admits(text, f.guarded.Service, ancestors); {
		case who == strangers:
			f.doubtPerimeter(r, p, fmt.Sprintf("its ingress rule %d may admit anybody", i+1))
			return
		case who == some:
			limit, on = resource.Outsiders(), f.guarded.open()
		}
	}
	open := role.Actions(f.guarded.Store, uncovered[f.guarded.Service])
	f.guard(r, resource.Guard{
		Name: p.title(), On: on, Can: without(open), Cap: limit,
		Because: []resource.Evidence{{Call: listPerimetersCall, Of: p.policy, Pointer: "/servicePerimeters", Quote: p.id + ": " + level + ", " + f.guarded.Service}},
	})
	if len(open) > 0 {
		f.doubt(r, listPerimetersCall, p.title()+" may not keep it in: subscriptions that are older than a perimeter are not blocked", resource.Shield{
			On: f.guarded.all(), Can: open, Cap: resource.Nobody,
		})
	}
	if limit.Reach != resource.ReachPrivate {
		f.doubt(r, listPerimetersCall, p.title()+" has ingress rules for principals or networks that they name; whether these are the owner's own, and whether those that are let in by name are among them, was not decided", resource.Shield{
			On: f.guarded.all(), Cap: resource.Nobody,
		})
	}
}

// without returns the actions that are not left open; nil stands for all.
func without(open []resource.Action) []resource.Action {
	if len(open) == 0 {
		return nil
	}
	return slices.DeleteFunc(resource.Actions(), func(a resource.Action) bool { return slices.Contains(open, a) })
}

func (f *finder) doubtPerimeter(r *resource.Resource, p *perimeter, why string) {
	if p.restricts(f.guarded.Service) == no {
		return
	}
	f.doubt(r, listPerimetersCall, p.title()+" may keep outsiders out: "+why, resource.Shield{On: f.guarded.all(), Cap: resource.Nobody})
}

// title is what an owner calls the perimeter.
func (p *perimeter) title() string { return "VPC Service Controls perimeter " + p.name }

// restricts reports whether a perimeter restricts a service.
func (p *perimeter) restricts(service string) verdict {
	switch {
	case p.opaque:
		return maybe
	case slices.Contains(p.config.RestrictedServices, service):
		return yes
	case slices.ContainsFunc(p.config.RestrictedServices, func(s string) bool { return !isService(s) }):
		return maybe
	default:
		return no
	}
}

func isService(name string) bool {
	own, ok := strings.CutSuffix(name, ".googleapis.com")
	return ok && own != "" && !strings.ContainsAny(own, "*/ ")
}
