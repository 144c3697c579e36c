package gcptest

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// generator stands for many projects full of buckets and holds none of them:
// each is computed from its number, which is in its name, so that a name leads
// straight back to it.
type generator struct {
	Count   int    `yaml:"count"`
	Buckets int    `yaml:"buckets"` // of each project
	Prefix  string `yaml:"prefix"`
	Parent  string `yaml:"parent"`
	Seed    uint64 `yaml:"seed"`

	world *World
	line  int
}

func (g *generator) UnmarshalYAML(n *yaml.Node) error {
	type plain generator
	g.line = n.Line
	return worldfile.Strict(n, (*plain)(g))
}

// The numbers in names are of so many digits that names sort like numbers.
const (
	maxProjects = 100_000
	maxBuckets  = 100_000
)

func (w *World) checkGenerator() error {
	g := w.generated
	if g == nil {
		return nil
	}
	g.world, g.Prefix = w, cmp.Or(g.Prefix, "estate")
	switch {
	case g.Count < 1 || g.Count > maxProjects || g.Buckets < 0 || g.Buckets > maxBuckets:
		return worldfile.At(g.line, "generate needs a count of 1 to %d and 0 to %d buckets", maxProjects, maxBuckets)
	case !projectID.MatchString(g.id(0)):
		return worldfile.At(g.line, "prefix %q makes no project ids", g.Prefix)
	case g.Parent != "" && len(w.above(g.Parent)) == 0:
		return worldfile.At(g.line, "generate: no %q in this world", g.Parent)
	}
	for name := range w.byProject {
		if g.named(name) != nil {
			return worldfile.At(g.line, "generate: project %s is declared as well", name)
		}
	}
	return nil
}

func (g *generator) id(i int) string { return fmt.Sprintf("%s-%05d", g.Prefix, i) }

// firstNumber is that of the first generated project.
const firstNumber = 700_000_000_000

func (g *generator) project(i int) *project {
	return &project{
		ID: g.id(i), Number: strconv.Itoa(firstNumber + i), Name: g.id(i), Parent: g.Parent, State: "ACTIVE",
		Locations: someLocations, world: g.world, index: i,
	}
}

// named finds a project by its id or its number; nil when it is not one of ours.
func (g *generator) named(name string) *project {
	if g == nil {
		return nil
	}
	if digits, ok := strings.CutPrefix(name, g.Prefix+"-"); ok {
		if i, err := strconv.Atoi(digits); err == nil && i >= 0 && i < g.Count && g.id(i) == name {
			return g.project(i)
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= firstNumber && n < firstNumber+g.Count {
		return g.project(n - firstNumber)
	}
	return nil
}

func (g *generator) bucketName(project, i int) string {
	return fmt.Sprintf("%s-%05d-%s", g.id(project), i, worldfile.Purposes[g.random(project, i, 0)%uint64(len(worldfile.Purposes))])
}

// bucketNamed finds a bucket by its name; nil when it is not one of ours.
func (g *generator) bucketNamed(name string) *bucket {
	if g == nil {
		return nil
	}
	rest, ok := strings.CutPrefix(name, g.Prefix+"-")
	parts := strings.Split(rest, "-")
	if !ok || len(parts) < 3 {
		return nil
	}
	project, err := strconv.Atoi(parts[0])
	i, err2 := strconv.Atoi(parts[1])
	if err != nil || err2 != nil || project < 0 || project >= g.Count || i < 0 || i >= g.Buckets || g.bucketName(project, i) != name {
		return nil
	}
	return g.bucket(g.project(project), i)
}

// shapesOfBuckets are what a bucket may be, each with its share of a hundred:
// mostly private with uniform access, some old, hardly any public.
var shapesOfBuckets = []struct {
	share uint64
	make  func(object, *bucket)
}{
	{62, func(m object, _ *bucket) { m["iamConfiguration"] = access(true, "inherited") }},
	{20, func(m object, _ *bucket) { m["iamConfiguration"] = access(true, "enforced") }},
	{12, func(object, *bucket) {}},
	{2, func(m object, b *bucket) { // public, and kept from being so
		m["iamConfiguration"] = access(true, "enforced")
		b.policy = publicPolicy()
	}},
	{2, func(m object, b *bucket) {
		m["iamConfiguration"] = access(true, "inherited")
		b.policy = publicPolicy()
	}},
	{2, func(_ object, b *bucket) { b.acl = append(b.acl, object{"entity": "allUsers", "role": "READER"}) }},
}

func access(uniform bool, prevention string) object {
	return object{"uniformBucketLevelAccess": object{"enabled": uniform}, "publicAccessPrevention": prevention}
}

func publicPolicy() object {
	return object{"bindings": []any{object{"role": "roles/storage.objectViewer", "members": []any{"allUsers"}}}}
}

// bucket computes the i-th bucket of a project.
func (g *generator) bucket(p *project, i int) *bucket {
	b := &bucket{name: g.bucketName(p.index, i), owner: p, acl: projectPrivate(p), initial: projectPrivate(p)}
	members := object{"name": b.name}
	share := g.random(p.index, i, 1) % 100
	for _, shape := range shapesOfBuckets {
		if share < shape.share {
			shape.make(members, b)
			break
		}
		share -= shape.share
	}
	b.item = item{members: members}
	b.uniform = isUniform(members)
	return b
}

// random is drawn for a bucket of a project, and what is decided.
func (g *generator) random(project, bucket int, purpose uint64) uint64 {
	return worldfile.Draw(g.Seed, uint64(project)*maxBuckets*2+uint64(bucket)*2+purpose)
}

// projectCount and projectAt go through the declared projects and, behind them,
// the generated ones.
func (w *World) projectCount() int {
	n := len(w.projects)
	if w.generated != nil {
		n += w.generated.Count
	}
	return n
}

func (w *World) projectAt(i int) *project {
	if i < len(w.projects) {
		return w.projects[i]
	}
	return w.generated.project(i - len(w.projects))
}

// project finds one by its id or its number; nil when the world has none.
func (w *World) project(name string) *project {
	if p := w.byProject[name]; p != nil {
		return p
	}
	return w.generated.named(name)
}

// bucket finds one by its name; nil when the world has none.
func (w *World) bucket(name string) *bucket {
	if b := w.buckets[name]; b != nil {
		return b
	}
	return w.generated.bucketNamed(name)
}

func (p *project) bucketCount() int {
	if p.index >= 0 {
		return p.world.generated.Buckets
	}
	return len(p.buckets)
}

func (p *project) bucketAt(i int) *bucket {
	if p.index >= 0 {
		return p.world.generated.bucket(p, i)
	}
	return p.buckets[i]
}
