package bigqueryaccess

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

// datasets is the collector of datasets.
type datasets struct {
	kind   *collect.Kind
	client *api.Client
	scope  resource.Scope
}

// NewDatasets returns the collector of a project's datasets. It fills in the
// settings type, kms_key and authorised.
func NewDatasets(k *collect.Kind, c *api.Client, scope resource.Scope) collect.Collector {
	return &datasets{kind: k, client: c, scope: scope}
}

// Kind implements collect.Collector.
func (c *datasets) Kind() *collect.Kind { return c.kind }

// List implements collect.Collector.
func (c *datasets) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return func(yield func(*resource.Resource, error) bool) {
		for item, err := range Datasets(ctx, c.client, c.scope.Account) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(item.Resource(c.kind, c.scope, item.About.Dataset), nil) {
				return
			}
		}
	}
}

// Questions implements collect.Collector.
func (c *datasets) Questions(r *resource.Resource) []*collect.Question {
	about, ok := Parse(strings.TrimPrefix(string(r.ID), Prefix))
	if !ok {
		return nil
	}
	q := &datasetQuestions{datasets: c, about: about, judge: newJudge(c.client, c.scope.Account, c.kind)}
	// An entry's condition may be about the tables in the dataset as well as about
	// the dataset, so that what it is asked about is not known.
	q.own = q.judge.door(c.kind, "bigquery.dataset", "", about)
	access := c.kind.Question(GetDataset, q.askAccess)
	q.through = c.kind.Question(TablePolicy, q.askThrough)
	return append([]*collect.Question{access, q.through, q.judge.organisation},
		hierarchy.Of(c.client, c.scope.Account).Questions(c.kind, hierarchy.Guarded{
			Service: service, Store: "bigquery.dataset",
			// Whom a deny policy means by whoever reads through a view is not
			// documented; a perimeter is around the data, whoever asks.
			Open: []resource.Channel{iampolicy.Open, View}, Named: []resource.Channel{iampolicy.Named}, Disputed: []resource.Channel{View},
		})...)
}

// datasetQuestions are the questions about one dataset.
type datasetQuestions struct {
	*datasets
	about   Reference
	judge   *judge
	own     *door
	through *collect.Question
}

func (q *datasetQuestions) askAccess(ctx context.Context, r *resource.Resource) error {
	a, err := Get(ctx, q.client, q.about)
	if err != nil {
		return api.FailedOf(GetDataset, q.scope.Account, err)
	}
	q.own.addAccess(ctx, r, a, iampolicy.Source{Open: iampolicy.Open, Named: iampolicy.Named})
	q.describe(r, a)
	if a.Type == "PUBLIC" && !anybody(r) {
		// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset.FIELDS.type
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: GetDataset, Reason: resource.Undecided, Detail: "it calls itself PUBLIC, and its access list lets nobody in from outside",
			Hides: []resource.Hidden{{Via: iampolicy.Open, To: resource.AnyTenant}},
		})
	}
	if !a.shows() {
		q.through.Hides = nil
	}
	return nil
}

// anybody reports whether strangers are let in, or may be for all that is known.
func anybody(r *resource.Resource) bool {
	return slices.ContainsFunc(r.Grants, func(g resource.Grant) bool { return g.Via == iampolicy.Open })
}

// shows reports whether anything shows the dataset to others, or may.
func (a *Access) shows() bool {
	return len(a.authorised) > 0 || slices.ContainsFunc(a.odd, func(o oddity) bool { return o.through })
}

func (q *datasetQuestions) describe(r *resource.Resource, a *Access) {
	r.Created = a.Created
	from := resource.Evidence{Call: GetDataset, Of: q.about.Name()}
	at := func(pointer, quote string) resource.Evidence {
		e := from
		if quote != "" {
			e.Pointer, e.Quote = pointer, quote
		}
		return e
	}
	if a.Type != "" {
		r.Set("type", a.Type, at("/type", a.Type))
	}
	r.Set("kms_key", a.KMSKey, at("/defaultEncryptionConfiguration/kmsKeyName", a.KMSKey))
	from.Pointer = "/access"
	r.Set("authorised", a.Authorised(), from)
}

// askThrough follows what the dataset authorises.
func (q *datasetQuestions) askThrough(ctx context.Context, r *resource.Resource) error {
	a, err := Get(ctx, q.client, q.about)
	if err != nil {
		return api.FailedOf(GetDataset, q.scope.Account, err)
	}
	f := follower{judge: q.judge, kind: q.kind, client: q.client, r: r}
	return f.follow(ctx, a)
}
