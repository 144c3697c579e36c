package bigqueryaccess

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
	"github.com/andon-audit/andon/providers/gcp/role"
)

const organisationCall = "cloudresourcemanager:organizations.get"

// judge judges everything that lets others into one store: its own policy, that
// of what it is in, and those of what it is shown through. It is not for
// concurrent use: the questions of a store are asked one after another.
type judge struct {
	client       *api.Client
	project      string
	organisation *collect.Question
	hides        []resource.Hidden // what that question hides as declared
	asked        bool
	doors        []*door
}

// newJudge returns the judge of a store of a project.
func newJudge(c *api.Client, project string, k *collect.Kind) *judge {
	j := &judge{client: c, project: project}
	j.organisation = k.Question(organisationCall, j.askOrganisation)
	j.hides = j.organisation.Hides
	return j
}

// askOrganisation tells whose principals the policies name, for all of them.
func (j *judge) askOrganisation(ctx context.Context, r *resource.Resource) error {
	j.asked = true
	for _, d := range j.doors {
		if err := d.askOrganisation(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// door is one thing by whose policies others get to the store: the store itself,
// or a view of it. Who they are is told by who the store belongs to.
type door struct {
	judge    *judge
	of       Reference // what witnesses are about
	store    *iampolicy.Store
	question *collect.Question // for the organisation
	// only are the actions on the store that the door opens, whatever it lets
	// do to itself; nil are all of them.
	only []resource.Action
	// perhaps are those that it may open besides, and why.
	perhaps    []resource.Action
	perhapsWhy string
	// doubt says why it may open nothing at all; "" for one that does.
	doubt  string
	quotes map[resource.Evidence]string // what stands there, by place
}

// door adds a door of a type that package role knows. What conditions call it is
// not known where there is no type: they may be about what is in it, too.
func (j *judge) door(k *collect.Kind, store, kind string, of Reference) *door {
	s := iampolicy.Subject{
		Client: j.client, Project: j.project, Store: store, Anonymity: anonymity, Service: service,
	}
	if kind != "" {
		s.Type, s.Name = service+"/"+kind, of.Name()
	}
	d := &door{judge: j, of: of, store: iampolicy.NewStore(s), quotes: make(map[resource.Evidence]string)}
	d.question = d.store.Organisation(k)
	j.doors = append(j.doors, d)
	return d
}

// addPolicy judges an IAM policy.
func (d *door) addPolicy(ctx context.Context, r *resource.Resource, p *iampolicy.Policy, from iampolicy.Source) {
	grants, gaps := len(r.Grants), len(r.Gaps)
	d.store.Add(ctx, r, p, from)
	d.narrow(r, grants, gaps)
	d.tell(ctx, r)
}

// addAccess judges the access list of a dataset.
func (d *door) addAccess(ctx context.Context, r *resource.Resource, a *Access, from iampolicy.Source) {
	from.Call, from.Of = GetDataset, a.About.Name()
	from.Place = func(binding, member int) string {
		if p := a.principals[binding]; member >= 0 {
			return p.at
		}
		return a.principals[binding].roleAt
	}
	for _, p := range a.principals {
		d.quotes[resource.Evidence{Call: from.Call, Of: from.Of, Pointer: p.at}] = p.text
		d.quotes[resource.Evidence{Call: from.Call, Of: from.Of, Pointer: p.roleAt}] = p.role
	}
	grants, gaps := len(r.Grants), len(r.Gaps)
	d.store.Add(ctx, r, a.policy(), from)
	for _, o := range a.odd {
		if !o.through {
			r.Gaps = append(r.Gaps, resource.Gap{
				Call: GetDataset, Reason: o.reason, Detail: a.About.String() + o.detail,
				Hides: []resource.Hidden{{Via: from.Open, To: resource.AnyTenant}},
			})
		}
	}
	d.narrow(r, grants, gaps)
	d.tell(ctx, r)
}

// addOwner judges the project that what is authorised belongs to: whoever is
// anything there gets at it.
func (d *door) addOwner(ctx context.Context, r *resource.Resource, project string, at resource.Evidence, from iampolicy.Source) {
	from.Call, from.Of, from.Place = at.Call, at.Of, func(_, member int) string {
		if member >= 0 {
			return at.Pointer + "/projectId"
		}
		return at.Pointer
	}
	d.quotes[resource.Evidence{Call: at.Call, Of: at.Of, Pointer: at.Pointer + "/projectId"}] = project
	d.quotes[at] = ""
	p := &iampolicy.Policy{Bindings: []iampolicy.Binding{{Role: "roles/bigquery.dataViewer", Members: []string{"projectViewer:" + project}}}}
	d.addPolicy(ctx, r, p, from)
}

func (d *door) askOrganisation(ctx context.Context, r *resource.Resource) error {
	grants, gaps := len(r.Grants), len(r.Gaps)
	err := d.question.Ask(ctx, r)
	d.narrow(r, grants, gaps)
	return err
}

// tell says what the question of the organisation may still hide. Where it has
// been asked already, what it told is known.
func (d *door) tell(ctx context.Context, r *resource.Resource) {
	j := d.judge
	if j.asked && d.question.Hides != nil {
		if err := d.askOrganisation(ctx, r); err != nil {
			r.Gaps = append(r.Gaps, gapOf(j.client, d.question, err, "whose the principals are that "+d.of.String()+" lets in"))
		}
		return
	}
	j.organisation.Hides = nil
	if slices.ContainsFunc(j.doors, func(d *door) bool { return d.question.Hides != nil }) {
		j.organisation.Hides = j.hides
	}
}

// narrow makes of the grants and gaps from the given ones on what they come to
// through this door.
func (d *door) narrow(r *resource.Resource, grants, gaps int) {
	found, doubts := slices.Clone(r.Grants[grants:]), slices.Clone(r.Gaps[gaps:])
	r.Grants, r.Gaps = r.Grants[:grants], r.Gaps[:gaps]
	for _, g := range found {
		d.addGrant(r, g)
	}
	for _, g := range doubts {
		hides := len(g.Hides)
		if g.Hides = d.hides(g.Hides); hides == 0 || len(g.Hides) > 0 {
			addGap(r, g)
		}
	}
	note := hierarchy.Of(d.judge.client, d.judge.project).Beyond()
	open := slices.ContainsFunc(r.Grants, func(g resource.Grant) bool { return g.Via != iampolicy.Named })
	if open && note != "" && !slices.Contains(r.Notes, note) {
		r.Notes = append(r.Notes, note)
	}
}

// hides returns what gaps about the door hide of the store.
func (d *door) hides(all []resource.Hidden) []resource.Hidden {
	if d.only == nil {
		return all
	}
	var kept []resource.Hidden
	for _, h := range all {
		if len(h.Can) == 0 || slices.Contains(h.Can, resource.Read) {
			kept = append(kept, resource.Hidden{Via: h.Via, To: h.To, Can: slices.Concat(d.only, d.perhaps)})
		}
	}
	return kept
}

func (d *door) addGrant(r *resource.Resource, g resource.Grant) {
	if d.only != nil && !slices.Contains(g.Can, resource.Read) {
		return // not what makes the door open
	}
	if g.Witness != nil {
		g.Witness.Resource = d.of.Name()
		g.Witness.Action = witnessed(g)
	}
	for i, e := range g.Because {
		if text, ok := d.quotes[resource.Evidence{Call: e.Call, Of: e.Of, Pointer: e.Pointer}]; ok {
			g.Because[i].Quote = text
		}
	}
	if d.only != nil {
		g.Can = d.only
	}
	switch {
	case d.doubt != "":
		addGap(r, d.hidden(g, slices.Concat(d.only, d.perhaps), d.doubt))
		return
	case len(d.perhaps) > 0:
		addGap(r, d.hidden(g, d.perhaps, d.perhapsWhy))
	}
	same := func(other resource.Grant) bool {
		other.Note, other.Witness = g.Note, g.Witness
		return reflect.DeepEqual(other, g)
	}
	if !slices.ContainsFunc(r.Grants, same) {
		r.Grants = append(r.Grants, g)
	}
}

// witnessed names the permission that a witness would use, where the role is
// known to have the one that reads tables.
func witnessed(g resource.Grant) string {
	const reads = "bigquery.tables.getData"
	for _, e := range g.Because {
		if permissions, _ := role.Predefined(role.Base(e.Quote)); slices.Contains(g.Can, resource.Read) &&
			slices.Contains(permissions, reads) && g.Witness.Action != "bigquery.routines.get" {
			return reads
		}
	}
	return g.Witness.Action
}

// hidden is a gap in the place of a grant of which it is not known whether it
// opens the store, or opens it for more.
func (d *door) hidden(g resource.Grant, can []resource.Action, why string) resource.Gap {
	to := g.To
	to.Named = nil
	return resource.Gap{
		Call: g.Because[0].Call, Reason: resource.Undecided, Detail: g.Note + ": " + why,
		Hides: []resource.Hidden{{Via: g.Via, To: to, Can: can}},
	}
}

// addGap adds a gap, once.
func addGap(r *resource.Resource, g resource.Gap) {
	if !slices.ContainsFunc(r.Gaps, func(other resource.Gap) bool { return reflect.DeepEqual(other, g) }) {
		r.Gaps = append(r.Gaps, g)
	}
}

// gapOf is the gap of a question that was asked on the way to another.
func gapOf(c *api.Client, q *collect.Question, err error, about string) resource.Gap {
	refusal := c.Refusal(err)
	if malformed, ok := errors.AsType[*collect.MalformedError](err); ok {
		refusal = collect.Refusal{Reason: resource.Malformed, Detail: malformed.Err.Error()}
	}
	return q.Gap(refusal.Reason, fmt.Sprintf("%s: %s", about, refusal.String()))
}
