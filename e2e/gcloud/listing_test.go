//go:build e2e

package gcloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// project is one as gcloud lists it.
type project struct {
	ID     string `json:"projectId"`
	State  string `json:"lifecycleState"`
	Parent struct {
		Type, ID string
	}
}

// inventory is what Google's client finds, as andon names it.
type inventory struct {
	client *client

	mu   sync.Mutex
	keys []string // kind and id
}

func (i *inventory) add(kind, id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, kind+" "+id)
}

// named is what most services list: things by their full names, or links.
type named struct {
	Name     string
	SelfLink string
}

// walk lists what a project has of some kinds, as a person at a terminal would:
// what is found in one listing says where the next one looks.
type walk func(ctx context.Context, i *inventory, p project) error

// walks are the listings of every kind that Google's client has. The kinds name
// what each finds.
var walks = []struct {
	kinds []string
	walk  walk
}{
	{[]string{"gcp.storage.bucket"}, listBuckets},
	{[]string{"gcp.sql.instance"}, listSQL},
	{[]string{"gcp.pubsub.topic"}, plain("gcp.pubsub.topic", "pubsub", "pubsub", "topics", "list")},
	{[]string{"gcp.pubsub.subscription"}, plain("gcp.pubsub.subscription", "pubsub", "pubsub", "subscriptions", "list")},
	{[]string{"gcp.pubsub.snapshot"}, plain("gcp.pubsub.snapshot", "pubsub", "pubsub", "snapshots", "list")},
	{[]string{"gcp.secretmanager.secret"}, listSecrets},
	{[]string{"gcp.kms.key_ring", "gcp.kms.key"}, listKeys},
	{[]string{"gcp.spanner.instance", "gcp.spanner.database", "gcp.spanner.backup"}, listSpanner},
	{[]string{"gcp.bigtable.instance", "gcp.bigtable.table"}, listBigtable},
	{[]string{"gcp.artifactregistry.repository"}, plain("gcp.artifactregistry.repository", "artifactregistry", "artifacts", "repositories", "list", "--location=all")},
	{[]string{"gcp.alloydb.instance"}, plain("gcp.alloydb.instance", "alloydb", "alloydb", "instances", "list", "--cluster=-", "--region=-")},
	{[]string{"gcp.compute.image"}, linked("gcp.compute.image", "images", "list", "--no-standard-images")},
	{[]string{"gcp.compute.machine_image"}, linked("gcp.compute.machine_image", "machine-images", "list")},
	{[]string{"gcp.compute.snapshot"}, linked("gcp.compute.snapshot", "snapshots", "list")},
	{[]string{"gcp.compute.disk"}, linked("gcp.compute.disk", "disks", "list")},
	{[]string{"gcp.bigquery.dataset", "gcp.bigquery.table", "gcp.bigquery.routine"}, listBigQuery},
}

// all lists every kind in every project.
func (i *inventory) all(ctx context.Context, projects []project) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range projects {
		for _, w := range walks {
			group.Go(func() error { return w.walk(ctx, i, p) })
		}
	}
	return group.Wait()
}

// list runs one listing in a project.
func (i *inventory) list(ctx context.Context, p project, args ...string) ([]named, error) {
	var found []named
	err := i.client.document(ctx, &found, append(args, "--project="+p.ID)...)
	return found, err
}

// full is a full resource name.
//
// Source: https://cloud.google.com/iam/docs/full-resource-names
func full(service, name string) string { return "//" + service + ".googleapis.com/" + name }

// plain is one listing of full names.
func plain(kind, service string, args ...string) walk {
	return func(ctx context.Context, i *inventory, p project) error {
		_, err := i.take(ctx, p, kind, service, args...)
		return err
	}
}

// take lists full names, adds them, and returns them.
func (i *inventory) take(ctx context.Context, p project, kind, service string, args ...string) ([]named, error) {
	found, err := i.list(ctx, p, args...)
	for _, f := range found {
		i.add(kind, full(service, f.Name))
	}
	return found, err
}

// linked is one listing of Compute Engine, which names things by links.
func linked(kind string, args ...string) walk {
	return func(ctx context.Context, i *inventory, p project) error {
		found, err := i.list(ctx, p, append([]string{"compute"}, args...)...)
		for _, f := range found {
			_, name, ok := strings.Cut(f.SelfLink, "/compute/v1/")
			if !ok {
				return fmt.Errorf("%s is linked as %q", kind, f.SelfLink)
			}
			i.add(kind, full("compute", name))
		}
		return err
	}
}

func listBuckets(ctx context.Context, i *inventory, p project) error {
	found, err := i.list(ctx, p, "storage", "buckets", "list")
	for _, f := range found {
		i.add("gcp.storage.bucket", "//storage.googleapis.com/"+f.Name)
	}
	return err
}

func listSQL(ctx context.Context, i *inventory, p project) error {
	found, err := i.list(ctx, p, "sql", "instances", "list")
	for _, f := range found {
		i.add("gcp.sql.instance", full("cloudsql", "projects/"+p.ID+"/instances/"+f.Name))
	}
	return err
}

// listSecrets lists the global secrets, and those of each location.
func listSecrets(ctx context.Context, i *inventory, p project) error {
	const kind, service = "gcp.secretmanager.secret", "secretmanager"
	if _, err := i.take(ctx, p, kind, service, "secrets", "list"); err != nil {
		return err
	}
	locations, err := i.list(ctx, p, "secrets", "locations", "list")
	if err != nil {
		return err
	}
	return each(ctx, locations, func(ctx context.Context, l named) error {
		_, err := i.take(ctx, p, kind, service, "secrets", "list", "--location="+last(l.Name))
		return err
	})
}

// listKeys lists the key rings of each location, and the keys of each ring.
func listKeys(ctx context.Context, i *inventory, p project) error {
	locations, err := i.list(ctx, p, "kms", "locations", "list")
	if err != nil {
		return err
	}
	return each(ctx, locations, func(ctx context.Context, l named) error {
		location := "--location=" + last(l.Name)
		rings, err := i.take(ctx, p, "gcp.kms.key_ring", "cloudkms", "kms", "keyrings", "list", location)
		if err != nil {
			return err
		}
		return each(ctx, rings, func(ctx context.Context, ring named) error {
			_, err := i.take(ctx, p, "gcp.kms.key", "cloudkms", "kms", "keys", "list", location, "--keyring="+last(ring.Name))
			return err
		})
	})
}

func listSpanner(ctx context.Context, i *inventory, p project) error {
	instances, err := i.take(ctx, p, "gcp.spanner.instance", "spanner", "spanner", "instances", "list")
	if err != nil {
		return err
	}
	return each(ctx, instances, func(ctx context.Context, instance named) error {
		in := "--instance=" + last(instance.Name)
		if _, err := i.take(ctx, p, "gcp.spanner.database", "spanner", "spanner", "databases", "list", in); err != nil {
			return err
		}
		_, err := i.take(ctx, p, "gcp.spanner.backup", "spanner", "spanner", "backups", "list", in)
		return err
	})
}

func listBigtable(ctx context.Context, i *inventory, p project) error {
	instances, err := i.take(ctx, p, "gcp.bigtable.instance", "bigtableadmin", "bigtable", "instances", "list")
	if err != nil || len(instances) == 0 {
		return err
	}
	var names []string
	for _, instance := range instances {
		names = append(names, last(instance.Name))
	}
	_, err = i.take(ctx, p, "gcp.bigtable.table", "bigtableadmin", "bigtable", "tables", "list", "--instances="+strings.Join(names, ","))
	return err
}

// listBigQuery lists the datasets, hidden ones among them, and what is in each.
func listBigQuery(ctx context.Context, i *inventory, p project) error {
	type reference struct{ DatasetID, TableID, RoutineID string }
	type entry struct {
		DatasetReference, TableReference, RoutineReference reference
	}
	const everything = "--max_results=1000" // bq shows 50 otherwise, and does not say so
	var datasets []entry
	if err := i.client.bigquery(ctx, &datasets, p.ID, "ls", "--all", everything); err != nil {
		return err
	}
	return each(ctx, datasets, func(ctx context.Context, d entry) error {
		id := d.DatasetReference.DatasetID
		name := "projects/" + p.ID + "/datasets/" + id
		i.add("gcp.bigquery.dataset", full("bigquery", name))
		var tables, routines []entry
		if err := i.client.bigquery(ctx, &tables, p.ID, "ls", everything, id); err != nil {
			return err
		}
		for _, t := range tables {
			i.add("gcp.bigquery.table", full("bigquery", name+"/tables/"+t.TableReference.TableID))
		}
		if err := i.client.bigquery(ctx, &routines, p.ID, "ls", "--routines", everything, id); err != nil {
			return err
		}
		for _, r := range routines {
			i.add("gcp.bigquery.routine", full("bigquery", name+"/routines/"+r.RoutineReference.RoutineID))
		}
		return nil
	})
}

// each runs do for every one, side by side.
func each[T any](ctx context.Context, of []T, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range of {
		group.Go(func() error { return do(ctx, one) })
	}
	return group.Wait()
}

func last(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// inside finds the projects below an organisation: gcloud lists projects with
// their parents, and folders one level at a time. It asks for active projects
// alone; the loopback cloud leaves that filter to who asks.
func (g *client) inside(ctx context.Context, organisation string) ([]project, error) {
	var listed []project
	if err := g.document(ctx, &listed, "projects", "list"); err != nil {
		return nil, err
	}
	parents := []string{"organization/" + organisation}
	for at := 0; at < len(parents); at++ {
		kind, id, _ := strings.Cut(parents[at], "/")
		var folders []named
		if err := g.document(ctx, &folders, "resource-manager", "folders", "list", "--"+kind+"="+id); err != nil {
			return nil, err
		}
		for _, f := range folders {
			parents = append(parents, "folder/"+last(f.Name))
		}
	}
	return slices.DeleteFunc(listed, func(p project) bool {
		return p.State != "ACTIVE" || !slices.Contains(parents, p.Parent.Type+"/"+p.Parent.ID)
	}), nil
}
