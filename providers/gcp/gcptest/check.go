package gcptest

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// longAgo is the creation date of everything whose date a world leaves out.
const longAgo = "2020-01-02T03:04:05Z"

var (
	projectID  = regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`)
	digitsOnly = regexp.MustCompile(`^[1-9][0-9]{0,18}$`)
	location   = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
)

// someLocations are those of a project that does not say.
var someLocations = []string{"europe-west1", "us-east1"}

// world checks the file, fills in what Google would have filled in and builds
// the indexes that the server reads.
func (f *worldFile) world() (*World, error) {
	if len(f.Projects.Declared) == 0 && f.Projects.Generate == nil {
		return nil, errors.New("no projects")
	}
	if err := errors.Join(worldfile.Holes(f.Organizations, 0, "organizations"), worldfile.Holes(f.Folders, 0, "folders"), worldfile.Holes(f.Projects.Declared, 0, "projects")); err != nil {
		return nil, err
	}
	w := &World{
		organizations: f.Organizations, folders: f.Folders, projects: f.Projects.Declared, generated: f.Projects.Generate,
		faults: f.Faults, pageSize: f.PageSize, latency: f.Latency,
		byProject: map[string]*project{}, buckets: map[string]*bucket{},
	}
	problems := []error{w.checkAbove(), w.indexProjects(), w.checkGenerator()}
	for _, p := range w.projects {
		problems = append(problems, p.check())
	}
	return w, errors.Join(problems...)
}

// checkAbove looks at organisations and folders.
func (w *World) checkAbove() error {
	var problems []error
	seen := map[string]bool{}
	for _, o := range w.organizations {
		problems = append(problems, o.check())
		if seen["organizations/"+o.ID] {
			problems = append(problems, worldfile.At(o.line, "organization %s is declared twice", o.ID))
		}
		seen["organizations/"+o.ID] = true
	}
	for _, f := range w.folders {
		if err := worldfile.Holes(f.Deny, f.line, "deny"); err != nil {
			return err
		}
		if !digitsOnly.MatchString(f.ID) {
			problems = append(problems, worldfile.At(f.line, "folder id %q is no number", f.ID))
		}
		if seen["folders/"+f.ID] {
			problems = append(problems, worldfile.At(f.line, "folder %s is declared twice", f.ID))
		}
		seen["folders/"+f.ID] = true
		f.Name, f.State = cmp.Or(f.Name, "Folder "+f.ID), cmp.Or(f.State, "ACTIVE")
		problems = append(problems, nameless(f.Deny, "name"))
	}
	for _, f := range w.folders {
		if chain := w.above(f.Parent); len(chain) == 0 || !strings.HasPrefix(chain[len(chain)-1], "organizations/") {
			problems = append(problems, worldfile.At(f.line, "folder %s: the parent %q leads to no organization", f.ID, f.Parent))
		}
	}
	return errors.Join(problems...)
}

func (o *organization) check() error {
	if err := errors.Join(worldfile.Holes(o.Deny, o.line, "deny"), worldfile.Holes(o.Roles, o.line, "roles"), worldfile.Holes(o.Access, o.line, "access_policies")); err != nil {
		return err
	}
	problems := []error{nameless(o.Deny, "name"), nameless(o.Roles, "name")}
	if !digitsOnly.MatchString(o.ID) {
		problems = append(problems, worldfile.At(o.line, "organization id %q is no number", o.ID))
	}
	for _, r := range o.Roles {
		if name, _ := r.members["name"].(string); !strings.HasPrefix(name, "organizations/"+o.ID+"/roles/") {
			problems = append(problems, worldfile.At(r.line, "role %s is not of organization %s", name, o.ID))
		}
	}
	for _, a := range o.Access {
		name, err := a.name("name")
		perimeters, problem := a.children("perimeters")
		a.perimeters = perimeters
		problems = append(problems, err, problem, nameless(a.perimeters, "name"))
		for _, p := range a.perimeters {
			if own, _ := p.members["name"].(string); !strings.HasPrefix(own, name+"/servicePerimeters/") {
				problems = append(problems, worldfile.At(p.line, "perimeter %s is not of %s", own, name))
			}
		}
	}
	return errors.Join(problems...)
}

// nameless refuses items without a name, and two of one name.
func nameless(items []*item, key string) error {
	seen := map[string]bool{}
	for _, i := range items {
		name, err := i.name(key)
		if err != nil {
			return err
		}
		if seen[name] {
			return worldfile.At(i.line, "%s is declared twice", name)
		}
		seen[name] = true
	}
	return nil
}

func (w *World) indexProjects() error {
	var problems []error
	for _, p := range w.projects {
		p.world = w
		p.Number = cmp.Or(p.Number, inventedNumber(p.ID))
		p.Name, p.State = cmp.Or(p.Name, p.ID), cmp.Or(p.State, "ACTIVE")
		if !projectID.MatchString(p.ID) {
			problems = append(problems, worldfile.At(p.line, "%q cannot be a project id", p.ID))
		}
		if !digitsOnly.MatchString(p.Number) {
			problems = append(problems, worldfile.At(p.line, "project number %q is no number", p.Number))
		}
		if w.byProject[p.ID] != nil || w.byProject[p.Number] != nil {
			problems = append(problems, worldfile.At(p.line, "project %s or its number is declared twice", p.ID))
		}
		w.byProject[p.ID], w.byProject[p.Number] = p, p
		if p.Parent != "" && len(w.above(p.Parent)) == 0 {
			problems = append(problems, worldfile.At(p.line, "project %s: no %q in this world", p.ID, p.Parent))
		}
	}
	return errors.Join(problems...)
}

// inventedNumber is that of a project whose world does not say: twelve digits.
func inventedNumber(id string) string { return "1" + (number("project", id) + "00000000000")[:11] }

func (p *project) check() error {
	p.things, p.kept, p.datasets = map[string]*thing{}, map[string][]*thing{}, map[string]*dataset{}
	if len(p.Locations) == 0 {
		p.Locations = someLocations
	}
	if err := errors.Join(worldfile.Holes(p.Deny, p.line, "deny"), worldfile.Holes(p.Roles, p.line, "roles"), worldfile.Holes(p.HMACKeys, p.line, "hmac_keys")); err != nil {
		return err
	}
	problems := []error{nameless(p.Deny, "name"), nameless(p.Roles, "name"), nameless(p.HMACKeys, "accessId")}
	for _, r := range p.Roles {
		if name, _ := r.members["name"].(string); !strings.HasPrefix(name, "projects/"+p.ID+"/roles/") {
			problems = append(problems, worldfile.At(r.line, "role %s is not of project %s", name, p.ID))
		}
	}
	for _, l := range p.Locations {
		if !location.MatchString(l) {
			problems = append(problems, worldfile.At(p.line, "%q is no location", l))
		}
	}
	for _, service := range p.Disabled {
		if !served(strings.TrimSuffix(service, googleHosts)) {
			problems = append(problems, worldfile.At(p.line, "disabled: %q is no service of this cloud", service))
		}
	}
	for constraint, policy := range p.OrgPolicies {
		if policy == nil {
			problems = append(problems, worldfile.At(p.line, "org_policies: %s is empty", constraint))
		}
	}
	return errors.Join(append(problems, p.checkStock())...)
}

func (p *project) checkStock() error {
	var problems []error
	for _, service := range slices.Sorted(maps.Keys(p.Stock)) {
		items := p.Stock[service]
		if err := worldfile.Holes(items, p.line, "stock: "+service); err != nil {
			return err
		}
		read := stockReaders[service]
		switch {
		case slices.Contains(named, service):
			problems = append(problems, p.stocked(service, items))
		case read != nil:
			problems = append(problems, read(p, items))
		default:
			problems = append(problems, worldfile.At(p.line, "stock: no call reads %q", service))
		}
	}
	return errors.Join(append(problems, p.rooted())...)
}

// stockReaders read what a project keeps in the services that answer each in
// its own way.
var stockReaders = map[string]func(*project, []*item) error{
	"bigquery": (*project).stockDatasets,
	"compute":  (*project).stockCompute,
	"sqladmin": (*project).stockSQL,
	"storage":  (*project).stockBuckets,
}

// served reports whether a service is one of those that this cloud has.
func served(service string) bool {
	return slices.ContainsFunc(Operations(), func(call string) bool { return strings.HasPrefix(call, service+":") })
}

// above lists what a parent is and what is above it, the nearest first; nothing
// where the chain is broken.
func (w *World) above(parent string) []string {
	var chain []string
	for parent != "" {
		if slices.Contains(chain, parent) || !w.holds(parent) {
			return nil
		}
		chain = append(chain, parent)
		f := w.folder(strings.TrimPrefix(parent, "folders/"))
		if f == nil || !strings.HasPrefix(parent, "folders/") {
			break
		}
		parent = f.Parent
	}
	return chain
}

// holds reports whether there is an organisation or a folder of a name.
func (w *World) holds(name string) bool {
	if id, ok := strings.CutPrefix(name, "organizations/"); ok {
		return w.organization(id) != nil
	}
	id, ok := strings.CutPrefix(name, "folders/")
	return ok && w.folder(id) != nil
}

func (w *World) organization(id string) *organization {
	for _, o := range w.organizations {
		if o.ID == id {
			return o
		}
	}
	return nil
}

func (w *World) folder(id string) *folder {
	for _, f := range w.folders {
		if f.ID == id {
			return f
		}
	}
	return nil
}

// byID spells a name with the id of its project where it has the number.
func (w *World) byID(name string) string {
	rest, ok := strings.CutPrefix(name, "projects/")
	if !ok {
		return name
	}
	given, below, more := strings.Cut(rest, "/")
	p := w.project(given)
	if p == nil {
		return name
	}
	if more {
		return "projects/" + p.ID + "/" + below
	}
	return "projects/" + p.ID
}
