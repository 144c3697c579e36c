package gcptest

import (
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// computeRoot is what the links of Compute Engine begin with.
const computeRoot = "https://www.googleapis.com/compute/v1/"

// collections are where Compute Engine keeps what it has, by the world's word
// for it.
var collections = map[string]string{
	"disk": "disks", "image": "images", "machineImage": "machineImages", "snapshot": "snapshots",
}

// stockCompute reads what a project keeps in Compute Engine. A disk is of a zone
// or of a region, everything else is global.
func (p *project) stockCompute(items []*item) error {
	for _, i := range items {
		of, err := i.text("of")
		if err != nil {
			return err
		}
		place, err := i.place()
		if err != nil {
			return err
		}
		name, err := i.name("name")
		if err != nil {
			return err
		}
		policy, err := i.child("policy")
		if err != nil {
			return err
		}
		switch {
		case collections[of] == "":
			return worldfile.At(i.line, "of: %q is none of disk, image, machineImage, snapshot", of)
		case (of == "disk") == (place == "global"):
			return worldfile.At(i.line, "%s %s: a disk has a zone or a region, and nothing else has", of, name)
		case strings.Contains(name, "/"):
			return worldfile.At(i.line, "%s: the name is without what is above it", name)
		}
		t := &thing{
			item: *i, of: "compute", name: "projects/" + p.ID + "/" + place + "/" + collections[of] + "/" + name,
			shape: of, policy: policy,
		}
		if err := p.keep(t); err != nil {
			return err
		}
	}
	return nil
}

// place takes the zone or the region of a thing.
func (i *item) place() (string, error) {
	zone, err := i.text("zone")
	if err != nil {
		return "", err
	}
	region, err := i.text("region")
	switch {
	case err != nil:
		return "", err
	case zone != "" && region != "":
		return "", worldfile.At(i.line, "a disk is of a zone or of a region, not of both")
	case zone != "":
		return "zones/" + zone, nil
	case region != "":
		return "regions/" + region, nil
	}
	return "global", nil
}

// scope is "zones/us-east1-b", "regions/us-east1" or "global".
func (t *thing) scope() string {
	parts := strings.Split(t.name, "/")
	return strings.Join(parts[2:len(parts)-2], "/")
}

func (t *thing) computeResource() object {
	defaults := object{
		"kind": "compute#" + t.shape, "id": number("compute", t.name), "selfLink": computeRoot + t.name,
		"creationTimestamp": longAgo, "status": "READY",
	}
	project, _, _ := strings.Cut(strings.TrimPrefix(t.name, "projects/"), "/")
	if kind, place, placed := strings.Cut(t.scope(), "s/"); placed {
		defaults[kind] = computeRoot + "projects/" + project + "/" + kind + "s/" + place
	}
	return t.with(defaults)
}

// listCompute answers with the images, snapshots or machine images of a project.
func listCompute(of string) handler {
	return func(q *request) answer {
		found := q.project.kept["compute "+of]
		id := "projects/" + q.project.ID + "/global/" + collections[of]
		out := object{"kind": "compute#" + of + "List", "id": id, "selfLink": computeRoot + id}
		return q.list(out, "items", len(found), 500, 500, func(i int) any { return found[i].computeResource() })
	}
}

// aggregateDisks answers with the disks of all zones and regions, by where they
// are. A place without disks on the page says so.
//
// Source: https://cloud.google.com/compute/docs/reference/rest/v1/disks/aggregatedList
func aggregateDisks(q *request) answer {
	var found []*thing
	for _, t := range q.project.kept["compute disk"] {
		if q.reaches(t.name, t.scope()) {
			found = append(found, t)
		}
	}
	s, understood := q.page(len(found), 500, 500)
	if !understood {
		return q.invalid("Invalid value for the page size or the page token.")
	}
	items := object{}
	for _, scope := range q.diskScopes() {
		items[scope] = object{"warning": warning("NO_RESULTS_ON_PAGE", scope)}
		if !q.reaches(scope, "projects/"+q.project.ID+"/"+scope) {
			items[scope] = object{"warning": warning("UNREACHABLE", scope)}
		}
	}
	for _, t := range found[s.from:s.to] {
		scoped, _ := items[t.scope()].(object)
		disks, _ := scoped["disks"].([]any)
		items[t.scope()] = object{"disks": append(disks, t.computeResource())}
	}
	id := "projects/" + q.project.ID + "/aggregated/disks"
	out := q.without(object{"kind": "compute#diskAggregatedList", "id": id, "selfLink": computeRoot + id, "items": items})
	if s.next != "" {
		out["nextPageToken"] = s.next
	}
	return ok(out)
}

// diskScopes are the regions of the project, and wherever it has disks.
func (q *request) diskScopes() []string {
	var scopes []string
	for _, l := range q.project.Locations {
		scopes = append(scopes, "regions/"+l)
	}
	for _, t := range q.project.kept["compute disk"] {
		scopes = append(scopes, t.scope())
	}
	return slices.Compact(sorted(scopes))
}

func warning(code, scope string) object {
	return object{
		"code": code, "message": "There are no results for scope '" + scope + "' on this page.",
		"data": []any{object{"key": "scope", "value": scope}},
	}
}

func getComputePolicy(q *request) answer {
	t := q.project.things["compute "+q.subject]
	if t == nil {
		return q.missing()
	}
	return q.iam(t.policy)
}
