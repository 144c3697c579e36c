package bigqueryaccess

import (
	"cmp"
	"context"
	"iter"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// contents is the collector of what is in datasets: tables, or routines.
type contents struct {
	part
	declared *collect.Kind
	client   *api.Client
	scope    resource.Scope
	describe func(i *Item, r *resource.Resource)
}

// NewTables returns the collector of a project's tables, views among them.
// Describe adds what a listed entry says of a table.
func NewTables(k *collect.Kind, c *api.Client, scope resource.Scope, describe func(i *Item, r *resource.Resource)) collect.Collector {
	return &contents{part: parts["tables"], declared: k, client: c, scope: scope, describe: describe}
}

// NewRoutines returns the collector of a project's routines: functions and stored
// procedures. Describe adds what a listed entry says of a routine.
func NewRoutines(k *collect.Kind, c *api.Client, scope resource.Scope, describe func(i *Item, r *resource.Resource)) collect.Collector {
	return &contents{part: parts["routines"], declared: k, client: c, scope: scope, describe: describe}
}

// Kind implements collect.Collector.
func (c *contents) Kind() *collect.Kind { return c.declared }

// List implements collect.Collector. A dataset that cannot be listed does not hide
// the others: the first that failed is told last. One that was deleted meanwhile
// holds nothing.
func (c *contents) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		var failed error
		for dataset, err := range Datasets(ctx, c.client, c.scope.Account) {
			if err != nil || !dataset.Named {
				failed = cmp.Or(failed, err)
				continue
			}
			for item, err := range c.listing.inside(ctx, c.client, dataset.About) {
				if err != nil {
					failed = cmp.Or(failed, lost(err))
				} else if !yield(c.resource(item), nil) {
					return
				}
			}
			if ctx.Err() != nil {
				failed = ctx.Err()
				break
			}
		}
		if failed != nil {
			yield(nil, failed)
		}
	}
}

// lost returns the error of a listing by which something was missed.
func lost(err error) error {
	if gone(err) {
		return nil
	}
	return err
}

func (c *contents) resource(i *Item) *resource.Resource {
	r := i.Resource(c.declared, c.scope, i.About.Dataset+"."+i.About.ID)
	if !i.Named {
		return r
	}
	var entry struct {
		Created string `json:"creationTime"`
	}
	if i.Into(&entry) == nil {
		r.Created = moment(entry.Created)
	}
	c.describe(i, r)
	return r
}

// Questions implements collect.Collector. What the dataset says holds for all that
// is in it, and is asked once for them.
func (c *contents) Questions(r *resource.Resource) []*collect.Question {
	about, ok := Parse(strings.TrimPrefix(string(r.ID), Prefix))
	if !ok || about.Part == "" {
		return nil
	}
	j := newJudge(c.client, c.scope.Account, c.declared)
	own := j.door(c.declared, c.store, c.kind, about)
	return append([]*collect.Question{
		c.declared.Question(GetDataset, func(ctx context.Context, r *resource.Resource) error {
			a, err := Get(ctx, c.client, about.of())
			if err != nil {
				return api.Failed(GetDataset, c.scope.Account, err)
			}
			own.addAccess(ctx, r, a, iampolicy.Source{
				Open: iampolicy.Open, Named: iampolicy.Named, Note: "inherited from the dataset " + about.Dataset,
			})
			return nil
		}),
		c.declared.Question(c.policy, func(ctx context.Context, r *resource.Resource) error {
			p, err := askPolicy(ctx, c.client, c.policy, about)
			if err != nil {
				return api.FailedOf(c.policy, c.scope.Account, err)
			}
			own.addPolicy(ctx, r, p, iampolicy.Source{Call: c.policy, Of: about.Name(), Open: iampolicy.Open, Named: iampolicy.Named})
			return nil
		}),
		j.organisation,
	}, hierarchy.Of(c.client, c.scope.Account).Questions(c.declared, hierarchy.Guarded{
		Service: service, Store: c.store, Open: []resource.Channel{iampolicy.Open}, Named: []resource.Channel{iampolicy.Named},
	})...)
}
