package gcptest

import (
	"cmp"
	"net/http"
)

// stockSQL reads the instances of Cloud SQL.
func (p *project) stockSQL(items []*item) error {
	for _, i := range items {
		name, err := i.name("name")
		if err != nil {
			return err
		}
		if err := p.keep(&thing{item: *i, of: "sqladmin", name: name, shape: "instance"}); err != nil {
			return err
		}
	}
	return nil
}

func (p *project) sqlResource(t *thing) object {
	region, _ := t.members["region"].(string)
	region = cmp.Or(region, p.Locations[0])
	out := t.with(object{
		"kind": "sql#instance", "project": p.ID, "region": region, "connectionName": p.ID + ":" + region + ":" + t.name,
		"selfLink": "https://sqladmin.googleapis.com/v1/projects/" + p.ID + "/instances/" + t.name,
		"state":    "RUNNABLE", "backendType": "SECOND_GEN", "instanceType": "CLOUD_SQL_INSTANCE", "createTime": longAgo,
	})
	return tagged(out)
}

// listSQL answers with the instances of a project. A region that cannot be
// reached is a warning.
func listSQL(q *request) answer {
	var found []object
	for _, t := range q.project.kept["sqladmin instance"] {
		resource := q.project.sqlResource(t)
		if region, _ := resource["region"].(string); q.reaches(region, t.name) {
			found = append(found, resource)
		}
	}
	out := object{"kind": "sql#instancesList"}
	if q.fault.Kind == Unreachable {
		var warnings []any
		for _, region := range q.fault.Names {
			warnings = append(warnings, object{
				"code": "REGION_UNREACHABLE", "region": region, "message": "The region " + region + " is unreachable.",
			})
		}
		out["warnings"] = warnings
	}
	return q.list(out, "items", len(found), 500, 500, func(i int) any { return found[i] })
}

func getSQL(q *request) answer {
	t := q.project.things["sqladmin "+q.values["instance"]]
	if t == nil {
		return q.fail(http.StatusNotFound, "NOT_FOUND", "instanceDoesNotExist", "The Cloud SQL instance does not exist.")
	}
	return ok(q.project.sqlResource(t))
}
