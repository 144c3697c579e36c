package bigqueryaccess_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/bigqueryaccess"
	"github.com/andon-audit/andon/providers/gcp/bigquerydataset"
	"github.com/andon-audit/andon/providers/gcp/bigquerytable"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// audited is a loopback project that is audited for one kind.
type audited struct {
	*api.Client
	collector collect.Collector
}

var scope = resource.Scope{Provider: "gcp", Account: "tconnect"}

func (p audited) Name() string { return "gcp" }
func (p audited) Scopes(context.Context) ([]resource.Scope, error) {
	return []resource.Scope{scope}, nil
}

func (p audited) Collectors(resource.Scope) []collect.Collector {
	return []collect.Collector{p.collector}
}
func (p audited) Refusal(err error) collect.Refusal { return p.Client.Refusal(err) }

type maker func(*api.Client, resource.Scope) collect.Collector

// run audits datasets, or what of, that are written as in worlds of gcptest.
func run(t interface {
	Helper()
	Fatal(...any)
	Cleanup(func())
}, of maker, datasets ...string,
) (map[string]*resource.Resource, map[string]int, collect.Ledger) {
	t.Helper()
	w, err := gcptest.Parse([]byte("projects:\n- id: tconnect\n  number: \"111111111111\"\n  stock:\n    bigquery:\n    - " + strings.Join(datasets, "\n    - ") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	server := gcptest.NewServer(w)
	_, stop, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	transport := server.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	wire := collect.NewReadOnly(transport, append(bigquerydataset.Kind.Calls(), bigquerytable.Kind.Calls()...)...)
	client, err := api.Open(context.Background(), api.Options{
		Transport: wire, Offline: true, Attempts: 1, Now: func() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	client.Know("tconnect", "111111111111")
	found := make(map[string]*resource.Resource)
	runner := collect.Runner{Provider: audited{client, of(client, scope)}, Concurrency: 1}
	ledger, err := runner.Run(context.Background(), func(r *resource.Resource) error {
		found[r.Name] = r
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, wire.Calls(), ledger
}

func view(dataset, table string) string {
	return fmt.Sprintf("{view: {projectId: tconnect, datasetId: %s, tableId: %s}}", dataset, table)
}

// However long a chain of authorisations is, the walk ends, and what was not
// followed is a gap.
func TestChainIsBounded(t *testing.T) {
	const length = 130
	var datasets []string
	for i := range length {
		datasets = append(datasets, fmt.Sprintf("{datasetId: d%03d, access: [%s], tables: [{tableId: v, type: VIEW}]}", i, view(fmt.Sprintf("d%03d", i+1), "v")))
	}
	datasets = append(datasets, fmt.Sprintf("{datasetId: d%03d, access: [{role: READER, iamMember: allUsers}], tables: [{tableId: v, type: VIEW}]}", length))
	found, calls, _ := run(t, bigquerydataset.New, datasets...)
	for name, want := range map[string]string{"d000": "private..tenant", "d100": "private..tenant", "d129": "tenant", "d130": "tenant"} {
		if got := exposure.Assess(found[name]).Range.String(); got != want {
			t.Errorf("%s is %s, want %s: %+v", name, got, want, found[name].Gaps)
		}
	}
	if got := calls[bigqueryaccess.GetDataset]; got != length+1 {
		t.Errorf("%d datasets are asked about %d times", length+1, got)
	}
	if got := calls[bigqueryaccess.TablePolicy]; got != length {
		t.Errorf("%d policies are asked for %d times", length, got)
	}
}

// Of a dataset that is authorised as a whole so many views are followed, and no
// more.
func TestWholeDatasetIsBounded(t *testing.T) {
	tables := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("{tableId: v%02d, type: VIEW}", i), fmt.Sprintf("{tableId: t%02d, type: TABLE}", i))
		}
		return strings.Join(all, ", ")
	}
	whole := "{dataset: {dataset: {projectId: tconnect, datasetId: %s}, targetTypes: [VIEWS]}}"
	found, _, _ := run(t, bigquerydataset.New,
		"{datasetId: few, access: ["+fmt.Sprintf(whole, "fifty")+"]}",
		"{datasetId: fifty, access: [{role: OWNER, specialGroup: projectOwners}], tables: ["+tables(50)+"]}",
		"{datasetId: many, access: ["+fmt.Sprintf(whole, "more")+"]}",
		"{datasetId: more, access: [{role: OWNER, specialGroup: projectOwners}], tables: ["+tables(51)+"]}",
	)
	for name, want := range map[string]string{"few": "private", "many": "private..tenant"} {
		if got := exposure.Assess(found[name]).Range.String(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// Whatever a graph of authorisations looks like, the walk ends; a dataset whose
// authorised view is in an open one is open; and one from which no path leads to
// an open one is private.
func TestGraphs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "datasets")
		edges, open := make([][]int, n), make([]bool, n)
		var datasets []string
		for i := range n {
			edges[i] = rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 0, n, rapid.ID[int]).Draw(t, "authorised")
			open[i] = rapid.IntRange(0, 3).Draw(t, "open") == 0
			entries := []string{"{role: OWNER, specialGroup: projectOwners}"}
			if open[i] {
				entries = append(entries, "{role: READER, iamMember: allUsers}")
			}
			for _, to := range edges[i] {
				entries = append(entries, view(fmt.Sprintf("d%d", to), "v"))
			}
			datasets = append(datasets, fmt.Sprintf("{datasetId: d%d, access: [%s], tables: [{tableId: v, type: VIEW}]}", i, strings.Join(entries, ", ")))
		}
		found, _, _ := run(t, bigquerydataset.New, datasets...)
		for i := range n {
			want := exposure.Range{}
			if open[i] || slices.ContainsFunc(edges[i], func(to int) bool { return open[to] }) {
				want = exposure.Range{Least: exposure.Tenant, Most: exposure.Tenant}
			} else if slices.ContainsFunc(reached(edges, i), func(to int) bool { return open[to] }) {
				want.Most = exposure.Tenant
			}
			if got := exposure.Assess(found[fmt.Sprintf("d%d", i)]).Range; got != want {
				t.Fatalf("d%d is %v, want %v", i, got, want)
			}
		}
	})
}

func reached(edges [][]int, from int) []int {
	found := slices.Clone(edges[from])
	for i := 0; i < len(found); i++ {
		for _, to := range edges[found[i]] {
			if !slices.Contains(found, to) {
				found = append(found, to)
			}
		}
	}
	return found
}

// The witness of a grant names the permission that its role has.
func TestWitness(t *testing.T) {
	found, _, _ := run(t, bigquerydataset.New, "{datasetId: open, access: [{role: READER, iamMember: allUsers}]}")
	want := &resource.Witness{Principal: "any Google account", Action: "bigquery.tables.getData", Resource: "projects/tconnect/datasets/open"}
	if g := found["open"].Grants; len(g) != 1 || !reflect.DeepEqual(g[0].Witness, want) {
		t.Errorf("%+v", g)
	}
}

// The access of a dataset is asked for once, however many tables are in it.
func TestTablesShareTheirDataset(t *testing.T) {
	var tables []string
	for i := range 40 {
		tables = append(tables, fmt.Sprintf("{tableId: t%02d}", i))
	}
	found, calls, ledger := run(t, bigquerytable.New, "{datasetId: d, tables: ["+strings.Join(tables, ", ")+"]}")
	if len(found) != 40 || calls[bigqueryaccess.GetDataset] != 1 || len(ledger) != 1 || !ledger[0].Complete() {
		t.Errorf("%d tables, %d questions, %+v", len(found), calls[bigqueryaccess.GetDataset], ledger)
	}
}

// Whatever the order of the questions, the answers come to the same.
func TestOrderOfQuestions(t *testing.T) {
	datasets := []string{
		"{datasetId: named, access: [{role: READER, userByEmail: bob@partner.example}, {role: READER, groupByEmail: friends@googlegroups.com}]}",
		"{datasetId: shown, access: [" + view("named", "v") + ", {role: OWNER, specialGroup: projectOwners}]}",
		"{datasetId: nobody, access: []}",
	}
	datasets[0] = strings.TrimSuffix(datasets[0], "}") + ", tables: [{tableId: v, type: VIEW}]}"
	for name, want := range map[string]string{"named": "private..shared", "shown": "private..shared", "nobody": "private"} {
		rapid.Check(t, func(t *rapid.T) {
			reorder := func(c *api.Client, s resource.Scope) collect.Collector {
				return shuffled{bigquerydataset.New(c, s), func(all []*collect.Question) []*collect.Question {
					return rapid.Permutation(all).Draw(t, "order")
				}}
			}
			found, _, _ := run(t, reorder, datasets...)
			if got := exposure.Assess(found[name]).Range.String(); got != want {
				t.Fatalf("%s is %s, want %s: %+v", name, got, want, found[name].Gaps)
			}
		})
	}
}

// shuffled is a collector whose questions come in another order.
type shuffled struct {
	collect.Collector
	reorder func([]*collect.Question) []*collect.Question
}

func (c shuffled) Questions(r *resource.Resource) []*collect.Question {
	if r.Name == "nobody" {
		return c.Collector.Questions(r)
	}
	return c.reorder(c.Collector.Questions(r))
}
