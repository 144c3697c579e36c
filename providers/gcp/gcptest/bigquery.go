package gcptest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// dataset is one of BigQuery, with what is in it.
type dataset struct {
	item

	id       string
	owner    *project
	tables   []*thing
	routines []*thing
}

// stockDatasets reads what a project keeps in BigQuery.
func (p *project) stockDatasets(items []*item) error {
	for _, i := range items {
		id, err := i.name("datasetId")
		if err != nil {
			return err
		}
		if p.datasets[id] != nil {
			return worldfile.At(i.line, "dataset %s is declared twice", id)
		}
		d := &dataset{id: id, owner: p}
		if d.tables, err = i.parts("tables", "tableId"); err != nil {
			return err
		}
		if d.routines, err = i.parts("routines", "routineId"); err != nil {
			return err
		}
		delete(i.members, "datasetId")
		d.item = *i
		p.datasets[id] = d
	}
	return nil
}

// parts takes the tables or the routines of a dataset, sorted by their ids.
func (i *item) parts(of, key string) ([]*thing, error) {
	items, err := i.children(of)
	if err != nil {
		return nil, err
	}
	if err := nameless(items, key); err != nil {
		return nil, err
	}
	var parts []*thing
	for _, part := range items {
		policy, err := part.child("policy")
		if err != nil {
			return nil, err
		}
		id, err := part.text(key)
		if err != nil {
			return nil, err
		}
		parts = append(parts, &thing{item: *part, of: "bigquery", name: id, shape: of, policy: policy})
	}
	slices.SortFunc(parts, func(x, y *thing) int { return strings.Compare(x.name, y.name) })
	return parts, nil
}

func (d *dataset) reference() object { return object{"projectId": d.owner.ID, "datasetId": d.id} }

// projectAccess is who reaches a dataset that was made without saying so.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset (access)
func projectAccess() []any {
	return []any{
		object{"role": "WRITER", "specialGroup": "projectWriters"},
		object{"role": "OWNER", "specialGroup": "projectOwners"},
		object{"role": "READER", "specialGroup": "projectReaders"},
	}
}

func (d *dataset) resource() object {
	return tagged(d.with(object{
		"kind": "bigquery#dataset", "id": d.owner.ID + ":" + d.id, "datasetReference": d.reference(), "location": "US", "type": "DEFAULT",
		"selfLink": "https://bigquery.googleapis.com/bigquery/v2/projects/" + d.owner.ID + "/datasets/" + d.id,
		"access":   projectAccess(), "creationTime": "1577934245000", "lastModifiedTime": "1577934245000",
	}))
}

// listedDataset are the members of a dataset that a listing shows.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/list#DatasetListDatasets
var listedDataset = []string{
	"catalogSource", "datasetReference", "externalDatasetReference", "friendlyName", "id", "kind", "labels", "location", "type",
}

// listDatasets leaves out hidden datasets unless all are asked for: those whose
// names begin with an underscore, which BigQuery makes for results.
func listDatasets(q *request) answer {
	var found []*dataset
	for _, id := range slices.Sorted(maps.Keys(q.project.datasets)) {
		d := q.project.datasets[id]
		if strings.HasPrefix(id, "_") && q.query.Get("all") != "true" {
			continue
		}
		if where, _ := d.resource()["location"].(string); q.reaches(id, where) {
			found = append(found, d)
		}
	}
	out := q.without(object{"kind": "bigquery#datasetList"})
	return q.bigqueryList(out, "datasets", len(found), func(i int) any { return only(found[i].resource(), listedDataset) })
}

// bigqueryList gives a page its etag; it has one, other than most lists.
func (q *request) bigqueryList(out object, key string, n int, entry func(int) any) answer {
	a := q.list(out, key, n, 50, 1000, entry)
	if document, isObject := a.document.(object); isObject && a.status == http.StatusOK {
		tagged(document)
	}
	return a
}

func only(members object, keys []string) object {
	members = maps.Clone(members)
	maps.DeleteFunc(members, func(key string, _ any) bool { return !slices.Contains(keys, key) })
	return members
}

// getDataset hides conditions from those who do not ask for version 3, and the
// access from those who ask for metadata alone.
func getDataset(q *request) answer {
	d := q.project.datasets[q.values["datasetsId"]]
	if d == nil {
		return q.missing()
	}
	version := 1
	if text := q.query.Get("accessPolicyVersion"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n != 0 && n != 1 && n != conditional {
			return q.invalid("The access policy version %s is not valid.", text)
		}
		version = n
	}
	out := d.resource()
	if q.query.Get("datasetView") == "METADATA" {
		delete(out, "access")
	}
	entries, isList := out["access"].([]any)
	if version >= conditional || !isList {
		return ok(out)
	}
	shown := make([]any, 0, len(entries))
	for _, entry := range entries {
		shown = append(shown, withoutCondition(entry))
	}
	out["access"] = shown
	return ok(out)
}

// listedTable are the members of a table that a listing shows.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/list#body.TableList.FIELDS.tables
var listedTable = []string{
	"clustering", "creationTime", "expirationTime", "friendlyName", "id", "kind", "labels", "rangePartitioning",
	"requirePartitionFilter", "tableReference", "timePartitioning", "type", "view",
}

func listTables(q *request) answer {
	d := q.project.datasets[q.values["datasetsId"]]
	if d == nil {
		return q.missing()
	}
	out := object{"kind": "bigquery#tableList", "totalItems": len(d.tables)}
	return q.bigqueryList(out, "tables", len(d.tables), func(i int) any {
		t := d.tables[i]
		reference := d.reference()
		reference["tableId"] = t.name
		return only(t.with(object{
			"kind": "bigquery#table", "id": d.owner.ID + ":" + d.id + "." + t.name, "tableReference": reference, "type": "TABLE",
			"creationTime": "1577934245000",
		}), listedTable)
	})
}

// listedRoutine are the members of a routine that a listing shows unless others
// are asked for.
//
// Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/routines/list
var listedRoutine = []string{"creationTime", "etag", "language", "lastModifiedTime", "routineReference", "routineType"}

func listRoutines(q *request) answer {
	d := q.project.datasets[q.values["datasetsId"]]
	if d == nil {
		return q.missing()
	}
	keys := slices.Concat(listedRoutine, strings.Split(q.query.Get("readMask"), ","))
	return q.list(object{}, "routines", len(d.routines), 50, 1000, func(i int) any {
		reference := d.reference()
		reference["routineId"] = d.routines[i].name
		return only(tagged(d.routines[i].with(object{
			"routineReference": reference, "routineType": "SCALAR_FUNCTION", "language": "SQL",
			"creationTime": "1577934245000", "lastModifiedTime": "1577934245000",
		})), keys)
	})
}

// getPartPolicy answers with the policy of a table or a routine.
func getPartPolicy(q *request) answer {
	d := q.project.datasets[q.values["datasetsId"]]
	if d == nil {
		return q.missing()
	}
	parts, id := d.tables, q.values["tablesId"]
	if id == "" {
		parts, id = d.routines, q.values["routinesId"]
	}
	i := slices.IndexFunc(parts, func(t *thing) bool { return t.name == id })
	if i < 0 {
		return q.missing()
	}
	return q.iam(parts[i].policy)
}
