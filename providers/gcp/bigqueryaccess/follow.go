package bigqueryaccess

import (
	"context"
	"fmt"
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// How far authorisations are followed from one dataset: through so many views,
// routines and datasets, so many views in each dataset that is authorised as a
// whole, among so many of its tables. What is beyond is a gap.
const (
	maxFollowed = 100
	maxInside   = 50
	maxTables   = 20_000
)

var reading = []resource.Action{resource.Read}

// writing is what a stored procedure can do that a dataset authorises, and a
// function or a view cannot.
//
// Source: https://cloud.google.com/bigquery/docs/authorized-routines
var writing = []resource.Action{resource.Write, resource.Delete}

const (
	procedures = "a routine may be a stored procedure, which may change what is stored; of which sort it is was not read"
	unread     = "whether it selects from this dataset was not read"
)

// follower walks from a dataset to whoever sees it through what it authorises.
type follower struct {
	judge  *judge
	kind   *collect.Kind
	client *api.Client
	r      *resource.Resource
	seen   map[string]bool
	queue  []step
	walked int
}

// step is something authorised, and how the walk came to it.
type step struct {
	authorised
	entry resource.Evidence // where the entry stands
	// by is the dataset that authorises it, where that is not the one that the
	// walk began at, and whole says that it came with a whole dataset: whether
	// the first dataset is what it reads cannot be told then.
	by    string
	whole bool
}

func (s step) note() string {
	note := "through the authorised " + s.String()
	if s.by != "" {
		note += ", by way of " + s.by
	}
	return note
}

// hides is what an answer about the step may reveal.
func (s step) hides() []resource.Hidden {
	can := reading
	if s.procedure() {
		can = slices.Concat(reading, writing)
	}
	return []resource.Hidden{
		{Via: View, To: resource.AnyTenant, Can: can},
		{Via: iampolicy.Named, To: resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNamed}, Can: can},
	}
}

// procedure reports whether the step may be a stored procedure that the first
// dataset authorises.
func (s step) procedure() bool {
	return s.by == "" && (s.about.Part == "routines" || s.every == "routines")
}

// follow adds whoever is let into a dataset through what it authorises, what
// that authorises in turn among it.
//
// Source: https://cloud.google.com/bigquery/docs/authorized-views,
// https://cloud.google.com/bigquery/docs/authorized-routines and
// https://cloud.google.com/bigquery/docs/authorized-datasets
func (f *follower) follow(ctx context.Context, a *Access) error {
	f.seen = make(map[string]bool)
	f.add(a, "")
	for len(f.queue) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := f.queue[0]
		f.queue = f.queue[1:]
		f.walked++
		switch {
		case f.walked > maxFollowed:
			if i := slices.IndexFunc(f.queue, step.procedure); i >= 0 {
				s = f.queue[i] // the one that may let most
			}
			addGap(f.r, resource.Gap{
				Call: GetDataset, Reason: resource.Undecided, Hides: s.hides(),
				Detail: fmt.Sprintf("more than %d views, routines and datasets are authorised, and not all were followed", maxFollowed),
			})
			return nil
		case s.every != "":
			f.list(ctx, s)
		default:
			f.ask(ctx, s)
		}
	}
	return ctx.Err()
}

// add queues what a dataset authorises. Entries about it that were not understood
// may authorise anything.
func (f *follower) add(a *Access, by string) {
	for _, x := range a.authorised {
		f.push(step{authorised: x, entry: resource.Evidence{Call: GetDataset, Of: a.About.Name(), Pointer: x.at}, by: by})
	}
	for _, o := range a.odd {
		if o.through {
			s := step{authorised: authorised{every: "routines"}, by: by}
			addGap(f.r, resource.Gap{Call: GetDataset, Reason: o.reason, Detail: a.About.String() + o.detail, Hides: s.hides()})
		}
	}
}

// push queues a step that was not taken yet.
func (f *follower) push(s step) {
	if key := s.String(); !f.seen[key] {
		f.seen[key] = true
		f.queue = append(f.queue, s)
	}
}

// part is what is asked about a view or a routine.
type part struct {
	list, policy string
	listing      listing
	store, kind  string
}

var parts = map[string]part{
	"tables":   {ListTables, TablePolicy, tableListing, "bigquery.table", "Table"},
	"routines": {ListRoutines, RoutinePolicy, routineListing, "bigquery.routine", "Routine"},
}

// ask adds whoever may query a view or call a routine: by its own policy, by its
// dataset's access list, and as those who own it.
func (f *follower) ask(ctx context.Context, s step) {
	p := parts[s.about.Part]
	policy, policyErr := policyOf(ctx, f.client, p.policy, s.about)
	dataset, datasetErr := Get(ctx, f.client, s.about.of())
	if gone(policyErr) || gone(datasetErr) {
		f.r.Notes = append(f.r.Notes, s.String()+" is authorised and does not exist")
		return
	}
	d := f.judge.door(f.kind, p.store, p.kind, s.about)
	d.only = reading
	if s.procedure() {
		d.perhaps, d.perhapsWhy = writing, procedures
	}
	if s.by != "" || s.whole {
		d.doubt = unread
	}
	from := iampolicy.Source{Call: p.policy, Of: s.about.Name(), Open: View, Named: iampolicy.Named, Note: s.note()}
	if policyErr == nil {
		d.addPolicy(ctx, f.r, policy, from)
	} else {
		f.miss(ctx, s, p.policy, policyErr)
	}
	if s.about.Project != f.judge.project {
		d.addOwner(ctx, f.r, s.about.Project, s.entry, from)
	}
	if datasetErr != nil {
		f.miss(ctx, s, GetDataset, datasetErr)
		return
	}
	d.addAccess(ctx, f.r, dataset, from)
	f.add(dataset, dataset.About.String())
}

// miss adds the gap of a call about a step that was not answered.
func (f *follower) miss(ctx context.Context, s step, call string, err error) {
	if ctx.Err() != nil {
		return // the whole question was not answered
	}
	q := f.kind.Question(call, nil)
	q.Hides, q.Shields, q.Settings = s.hides(), nil, nil
	addGap(f.r, gapOf(f.client, q, api.Failed(call, s.about.Project, err), s.String()))
}

// list queues the views or the routines of a dataset that is authorised as a
// whole. A table of a type that is not known may be a view.
func (f *follower) list(ctx context.Context, s step) {
	p := parts[s.every]
	views, tables := 0, 0
	for item, err := range p.listing.inside(ctx, f.client, s.about) {
		if gone(err) {
			return
		}
		if err != nil {
			f.miss(ctx, s, p.list, err)
			return
		}
		tables++
		if !stored(item) {
			views++
		}
		if views > maxInside || tables > maxTables {
			addGap(f.r, resource.Gap{
				Call: p.list, Reason: resource.Undecided, Hides: s.hides(),
				Detail: fmt.Sprintf("%s: there are more than were followed", s.String()),
			})
			return
		}
		if item.Named && !stored(item) {
			f.push(step{authorised: authorised{at: s.at, about: item.About}, entry: s.entry, by: s.by, whole: true})
		}
	}
}

// stored reports whether a listed table holds rows of its own, and so shows those
// of no other.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table.FIELDS.type
func stored(i *Item) bool {
	var table struct {
		Type string `json:"type"`
	}
	if i.About.Part != "tables" || i.Into(&table) != nil {
		return false
	}
	return slices.Contains([]string{"TABLE", "EXTERNAL", "SNAPSHOT"}, table.Type)
}
