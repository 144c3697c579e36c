// Package hierarchy knows what stands above a project of Google Cloud and guards
// it: its folders and its organisation, the organisation policies that reach it,
// the deny policies attached to it and to what it is in, and the perimeters of
// VPC Service Controls around it. Each fact is asked once, whatever the number
// of stores, kinds and projects that need it.
//
// It promises that what was not read never guards: a refused, malformed or
// undecided answer comes out as a gap that may shield, and losing an answer
// never adds a guard.
package hierarchy

import (
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

// Project is one project, and what is known of what stands above it. It is safe
// for use by several goroutines.
type Project struct {
	client *api.Client
	id     string
	above  collect.Once[[]string]
}

// Of returns the project with an id: the same one for everybody who shares the
// client.
func Of(c *api.Client, project string) *Project {
	return api.Shared(c, "hierarchy project "+project, func() *Project { return &Project{client: c, id: project} })
}

// beyond is what a run that does not look above its projects leaves out.
const beyond = "guards above the project were not looked at: deny policies of its folders and its organisation, and " +
	"VPC Service Controls perimeters; an audit of the organisation takes them into account"

// Beyond is the sentence for readers of a run that does not look above the
// project: which guards were not looked for. It is "" where they were.
func (p *Project) Beyond() string {
	if p.client.Ancestors {
		return ""
	}
	return beyond
}

// Guarded is a type of store and the channels that guards may stand on. Only
// channels whose traffic Google's APIs authorise belong here: neither deny
// policies nor perimeters stop a connection to a database's own address.
//
// Source: https://cloud.google.com/vpc-service-controls/docs/supported-products
// (Cloud SQL, AlloyDB: perimeters do not protect IP-based data access)
type Guarded struct {
	// Service is "storage.googleapis.com", Store the type as package role knows it.
	Service, Store string
	// Open are the channels of grants to everybody or to every account, Named
	// those of grants to principals that are named.
	Open, Named []resource.Channel
	// Disputed are those of them that IAM does not decide, such as access control lists.
	// Whether a deny policy stops these is not documented, so it leaves them
	// undecided. A perimeter stands on them like on the others.
	Disputed []resource.Channel
}

// open returns the channels of strangers. A disputed one that is not said to be
// of named principals is counted among them.
func (g Guarded) open() []resource.Channel {
	return union(g.Open, slices.DeleteFunc(slices.Clone(g.Disputed), func(c resource.Channel) bool { return slices.Contains(g.Named, c) }))
}

func (g Guarded) all() []resource.Channel { return union(g.open(), g.Named) }

func union[T comparable](a, b []T) []T {
	all := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all
}

// Questions returns what can be asked about the guards of a kind's stores: the
// deny policies and, in a run that looks above its projects, the perimeters. The
// kind declares the calls, and each of them shields the channels that a guard
// found with it may stand on: on a channel that one of the calls behind a guard
// does not declare, nothing guards.
func (p *Project) Questions(k *collect.Kind, g Guarded) []*collect.Question {
	if !p.client.Ancestors {
		f := newFinder(p, k, g, listDeniesCall, getDenyCall)
		return []*collect.Question{k.Question(listDeniesCall, f.askDenies)}
	}
	denies := newFinder(p, k, g, listDeniesCall, getDenyCall, ancestryCall)
	perimeters := newFinder(p, k, g, listPoliciesCall, listPerimetersCall, ancestryCall)
	return []*collect.Question{
		k.Question(listDeniesCall, denies.askDenies),
		k.Question(listPoliciesCall, perimeters.askPerimeters),
	}
}
