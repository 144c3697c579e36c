package gcptest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// thing is one item of a service that names its things in full, and where it
// stands among them.
type thing struct {
	item

	of     string // the service
	name   string // "projects/p/topics/t"
	shape  string // "projects/*/topics/*"
	policy object // nil where none was ever set
}

// named are the services that name their things in full and answer about them
// alike: a listing below a parent, a policy below a name.
//
// Source: https://google.aip.dev/122, https://google.aip.dev/132
var named = []string{
	"alloydb", "artifactregistry", "bigtableadmin", "cloudkms", "pubsub", "secretmanager", "spanner",
}

// wildcards are the services whose parents may be "-", for all of them.
//
// Source: https://cloud.google.com/alloydb/docs/reference/rest/v1/projects.locations.clusters/list
var wildcards = []string{"alloydb"}

// shapes are what the named services keep, from the routes of their listings:
// "projects/*/topics/*" of pubsub.
var shapes = sync.OnceValue(func() map[string][]string {
	out := map[string][]string{}
	for _, r := range allRoutes() {
		if !slices.Contains(named, r.service) || !strings.HasSuffix(r.call, ".list") || strings.HasSuffix(r.call, ".locations.list") {
			continue
		}
		_, template, _ := strings.Cut(r.path, "/") // behind the version
		if shape := shapeOf(template) + "/*"; !slices.Contains(out[r.service], shape) {
			out[r.service] = append(out[r.service], shape)
		}
	}
	return out
})

// shapeOf replaces the names in a path, or the variables in a template, by *.
func shapeOf(path string) string {
	segments := strings.Split(path, "/")
	for i := 1; i < len(segments); i += 2 {
		segments[i] = "*"
	}
	return strings.Join(segments, "/")
}

// fits reports whether a name is one below a parent: the same, but for the
// parts that the parent leaves open.
func fits(service, parent, name string) bool {
	given, own := strings.Split(parent, "/"), strings.Split(name, "/")
	if len(given) > len(own) {
		return false
	}
	for i, segment := range given {
		if segment != own[i] && !(segment == "-" && slices.Contains(wildcards, service)) {
			return false
		}
	}
	return true
}

// listThings answers with what is kept below a parent.
func listThings(q *request) answer {
	collection := q.path[strings.LastIndex(q.path, "/")+1:]
	if strings.Contains(q.subject+"/", "/-/") && !slices.Contains(wildcards, q.service) {
		return q.invalid("%s: '-' does not stand for a part of this name.", q.subject)
	}
	if a, bad := q.misplaced(); bad {
		return a
	}
	if !q.hasParent() {
		return q.missing()
	}
	var found []*thing
	for _, t := range q.project.kept[q.service+" "+shapeOf(q.subject)+"/"+collection+"/*"] {
		if fits(q.service, q.subject, t.name) && q.reaches(t.name) {
			found = append(found, t)
		}
	}
	return q.list(q.without(object{}), collection, len(found), 100, 1000, func(i int) any { return found[i].with(nil) })
}

// hasParent reports whether what is listed below is there: projects, locations
// and all of something always are.
func (q *request) hasParent() bool {
	shape := shapeOf(q.subject)
	if !slices.Contains(shapes()[q.service], shape) || strings.Contains(q.subject+"/", "/-/") {
		return true
	}
	return slices.ContainsFunc(q.project.kept[q.service+" "+shape], func(t *thing) bool {
		return fits(q.service, q.subject, t.name)
	})
}

// misplaced refuses what Google serves at another host: regional secrets only at
// the endpoint of their location, and global ones only at the global endpoint.
// A general endpoint serves both.
//
// Source: https://cloud.google.com/secret-manager/docs/locations (a regional
// endpoint lets through only what is about a resource in its location) and
// https://cloud.google.com/secret-manager/docs/create-regional-secrets
func (q *request) misplaced() (a answer, bad bool) {
	if q.service != "secretmanager" || !q.google {
		return answer{}, false
	}
	location := ""
	if strings.Contains(q.call, ".locations.secrets.") {
		location = q.values["locationsId"]
	}
	if location == q.location {
		return answer{}, false
	}
	return q.invalid("%s is not served at this endpoint.", q.subject), true
}

func getThingPolicy(q *request) answer {
	if a, bad := q.misplaced(); bad {
		return a
	}
	t := q.project.things[q.service+" "+q.subject]
	if t == nil {
		return q.missing()
	}
	return q.iam(t.policy)
}

// listLocations answers with those of the project, and those that something of
// the service is in.
func listLocations(q *request) answer {
	locations := slices.Clone(q.project.Locations)
	for _, t := range q.project.things {
		if parts := strings.Split(t.name, "/"); t.of == q.service && len(parts) > 4 && parts[2] == "locations" {
			locations = append(locations, parts[3])
		}
	}
	locations = slices.Compact(sorted(locations))
	return q.list(object{}, "locations", len(locations), 100, 1000, func(i int) any {
		return object{"name": "projects/" + q.project.ID + "/locations/" + locations[i], "locationId": locations[i]}
	})
}

// keep files a thing under its name and what it is.
func (p *project) keep(t *thing) error {
	if p.things[t.of+" "+t.name] != nil {
		return worldfile.At(t.line, "%s is declared twice", t.name)
	}
	p.things[t.of+" "+t.name] = t
	p.kept[t.of+" "+t.shape] = append(p.kept[t.of+" "+t.shape], t)
	return nil
}

// stocked reads what a project keeps in a named service.
func (p *project) stocked(service string, items []*item) error {
	for _, i := range items {
		name, err := i.name("name")
		if err != nil {
			return err
		}
		policy, err := i.child("policy")
		if err != nil {
			return err
		}
		t := &thing{item: *i, of: service, name: p.world.byID(name), shape: shapeOf(name), policy: policy}
		switch segments := strings.Split(name, "/"); {
		case len(segments)%2 == 1 || slices.Contains(segments, "") || !slices.Contains(shapes()[service], t.shape):
			return worldfile.At(i.line, "no call of %s reads %s", service, name)
		case !strings.HasPrefix(t.name, "projects/"+p.ID+"/"):
			return worldfile.At(i.line, "%s is not of project %s", name, p.ID)
		}
		if err := p.keep(t); err != nil {
			return err
		}
	}
	return nil
}

// rooted refuses things below what is not there, which nobody would ever find
// but where all of it can be asked about at once.
func (p *project) rooted() error {
	for _, key := range slices.Sorted(maps.Keys(p.kept)) {
		slices.SortFunc(p.kept[key], func(x, y *thing) int { return cmp.Compare(x.name, y.name) })
		for _, t := range p.kept[key] {
			if !slices.Contains(named, t.of) || slices.Contains(wildcards, t.of) {
				continue
			}
			parent := above(t.name)
			if slices.Contains(shapes()[t.of], shapeOf(parent)) && p.things[t.of+" "+parent] == nil {
				return worldfile.At(t.line, "%s is below %s, which is not in stock", t.name, parent)
			}
		}
	}
	return nil
}

// above is the name that another is below.
func above(name string) string {
	segments := strings.Split(name, "/")
	return strings.Join(segments[:len(segments)-2], "/")
}
