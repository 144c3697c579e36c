// Package gcp is the provider of Google Cloud: the projects that one identity
// can see, or those it is told to look at.
//
// A plugin is one folder with a kind.yaml in it; kinds.go, the registry, is
// generated from them.
package gcp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
)

//go:generate go run ../internal/kindlist

// Name is the cloud's name in scopes and kinds.
const Name = "gcp"

// Options say which projects to audit, and how Google Cloud is reached.
type Options struct {
	// Projects are ids of projects. Without any, Organization and Folders say
	// where to look for them; without these, every project is audited that the
	// identity can see.
	Projects []string
	// Organization and Folders are numbers, with or without "organizations/" or
	// "folders/" before them.
	Organization string
	Folders      []string
	api.Options
}

// kind is one folder below this package.
type kind struct {
	declaration *collect.Kind
	regional    bool
	collector   func(*api.Client, resource.Scope) collect.Collector
}

// Kinds returns the declarations of every kind.
func Kinds() []*collect.Kind {
	declarations := make([]*collect.Kind, 0, len(kinds))
	for _, k := range kinds {
		declarations = append(declarations, k.declaration)
	}
	return declarations
}

// Calls that find out which projects there are.
const (
	searchCall  = "cloudresourcemanager:projects.search"
	getCall     = "cloudresourcemanager:projects.get"
	listCall    = "cloudresourcemanager:projects.list"
	foldersCall = "cloudresourcemanager:folders.list"
)

// IdentityCalls returns the calls that find out which projects there are.
func IdentityCalls() []string { return []string{searchCall, getCall, listCall, foldersCall} }

// Calls returns every call this provider may make, sorted: the allow-list of
// its transport. All of them read configuration; none reads data or writes.
func Calls() []string {
	calls := IdentityCalls()
	for _, k := range kinds {
		calls = append(calls, k.declaration.Calls()...)
	}
	slices.Sort(calls)
	return slices.Compact(calls)
}

// SecretCalls answer with credentials; there is none.
var SecretCalls []string

// Throttled reports whether an answer asks to slow down; see collect.Pace.
func Throttled(answer *http.Response) bool { return api.Throttled(answer) }

// Provider audits projects of Google Cloud.
type Provider struct {
	client  *api.Client
	options Options
}

// Open finds credentials. Nothing is listed yet.
func Open(ctx context.Context, o Options) (*Provider, error) {
	if o.Organization != "" {
		o.Organization = "organizations/" + strings.TrimPrefix(o.Organization, "organizations/")
	}
	for i, folder := range o.Folders {
		o.Folders[i] = "folders/" + strings.TrimPrefix(folder, "folders/")
	}
	client, err := api.Open(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	return &Provider{client: client, options: o}, nil
}

// Custom reports that an endpoint is not Google's: an emulator.
func (p *Provider) Custom() bool { return p.client.Custom }

// Name implements collect.Provider.
func (p *Provider) Name() string { return Name }

// Blind says what of a project is not looked at, whatever the kind.
var Blind = []string{
	"Projects that are shut down and wait to be deleted are not looked at, since nothing in them can be read.",
	"A service that is not enabled in a project cannot be listed there. What was stored before it was disabled is not seen.",
	"Grants made at the project, folder or organisation are not counted: Google refuses allUsers and allAuthenticatedUsers on " +
		"projects, and whom else they name has access to everything.",
	"Without --organization or --folder, deny policies of folders and the organisation and VPC Service Controls perimeters " +
		"are not read; they could close what is reported as open.",
	"Who is in a group, and whom a workload identity pool takes, is not read.",
	"Who is let in by signed URLs, and by keys that leaked, stands in no configuration.",
	"Not read, though an IAM policy can open them: Dataproc (clusters, jobs, templates), Cloud Run (services, jobs, worker pools), " +
		"Cloud Functions, Healthcare (datasets and their FHIR, DICOM, HL7v2 and consent stores), Vertex AI (datasets, feature stores, " +
		"models), BigLake, Dataplex, Data Catalog, Analytics Hub exchanges and listings, views of log buckets, Backup for GKE, " +
		"Backup and DR, source repositories, Dataform, notebooks.",
	"Not read, of the services that are: Pub/Sub schemas; KMS import jobs and external key managers; Spanner backup schedules; " +
		"Bigtable backups, authorised, logical and materialised views; Compute Engine regional and instant snapshots, storage pools, " +
		"instance templates and backend buckets.",
	"Not read, since they have no IAM policy and no public address of their own: Memorystore, Filestore, NetApp Volumes, Managed Lustre, " +
		"Datastream, Managed Service for Kafka; GKE control planes; databases that somebody runs on virtual machines.",
	"Not read, since security rules and not IAM decide: Firestore, Datastore, Realtime Database, Firebase Storage. A bucket that " +
		"Firebase serves can be open by such rules whatever its policy says.",
}

// project is what Resource Manager says of one.
type project struct {
	Name      string `json:"name"` // projects/NUMBER
	ProjectID string `json:"projectId"`
	State     string `json:"state"`
}

// Scopes returns the projects, by id.
func (p *Provider) Scopes(ctx context.Context) ([]resource.Scope, error) {
	found, err := p.projects(ctx)
	if ctx.Err() != nil {
		return nil, cmp.Or(err, ctx.Err())
	}
	var ids []string
	for _, f := range found {
		if f.ProjectID == "" || f.State == "DELETE_REQUESTED" {
			continue
		}
		p.client.Know(f.ProjectID, strings.TrimPrefix(f.Name, "projects/"))
		ids = append(ids, f.ProjectID)
	}
	search := collect.Search{
		Provider: Name, Unit: "project", Where: p.above(), Role: "roles/browser", Flag: "--project", Refusal: p.client.Refusal,
		Permission: func(string) string { return "resourcemanager.projects.list" },
	}
	return search.Found(ids, err)
}

// above names where the projects are looked for.
func (p *Provider) above() string {
	return cmp.Or(p.options.Organization, strings.Join(p.options.Folders, " "), strings.Join(p.options.Projects, " "), "every project")
}

func (p *Provider) projects(ctx context.Context) ([]project, error) {
	switch o := p.options; {
	case len(o.Projects) > 0:
		return p.named(ctx)
	case o.Organization != "" || len(o.Folders) > 0:
		return p.below(ctx, slices.DeleteFunc(append([]string{o.Organization}, o.Folders...), func(name string) bool { return name == "" }))
	default:
		all, err := p.pages(ctx, searchCall, "v3/projects:search?query="+url.QueryEscape("state:ACTIVE")+"&pageSize=500")
		return all.Projects, err
	}
}

// named asks for the projects that were named. One that cannot be read is audited
// all the same: its stores may be readable, and refusals are shown.
func (p *Provider) named(ctx context.Context) ([]project, error) {
	var found []project
	var failed error
	for _, id := range p.options.Projects {
		var one project
		err := p.client.Ask(ctx, api.Request{Service: "cloudresourcemanager", Path: "v3/projects/" + url.PathEscape(id)}, &one)
		if err != nil || one.ProjectID == "" {
			failed = errors.Join(failed, api.Failed(getCall, id, cmp.Or(err, collect.Malformed(getCall, "no project in it"))))
			one.ProjectID = id
		}
		found = append(found, one)
	}
	return found, failed
}

// below walks the folders. A folder that cannot be listed does not lose the
// others.
func (p *Provider) below(ctx context.Context, parents []string) ([]project, error) {
	var found []project
	var failed error
	seen := make(map[string]bool)
	for len(parents) > 0 && ctx.Err() == nil {
		parent := parents[0]
		parents = parents[1:]
		if seen[parent] {
			continue
		}
		seen[parent] = true
		query := "?parent=" + url.QueryEscape(parent) + "&pageSize=300"
		inside, err := p.pages(ctx, listCall, "v3/projects"+query)
		folders, foldersErr := p.pages(ctx, foldersCall, "v3/folders"+query)
		found, failed = append(found, inside.Projects...), errors.Join(failed, err, foldersErr)
		for _, f := range folders.Folders {
			parents = append(parents, f.Name)
		}
	}
	return found, failed
}

// listing is what a listing of Resource Manager holds: projects or folders.
type listing struct {
	Projects []project `json:"projects"`
	Folders  []struct {
		Name string `json:"name"` // folders/NUMBER
	} `json:"folders"`
	Next string `json:"nextPageToken"`
}

// pages reads a listing to its end. What was read before an error stays.
func (p *Provider) pages(ctx context.Context, call, path string) (listing, error) {
	var all listing
	seen := make(map[string]bool)
	token := ""
	for {
		var page listing
		if err := p.client.Ask(ctx, api.Request{Service: "cloudresourcemanager", Path: path + token}, &page); err != nil {
			return all, api.Failed(call, "", err)
		}
		all.Projects, all.Folders = append(all.Projects, page.Projects...), append(all.Folders, page.Folders...)
		if page.Next == "" {
			return all, nil
		}
		if seen[page.Next] {
			return all, api.Failed(call, "", collect.Malformed(call, "it names a page for the second time"))
		}
		seen[page.Next] = true
		token = "&pageToken=" + url.QueryEscape(page.Next)
	}
}

// Collectors implements collect.Provider.
func (p *Provider) Collectors(scope resource.Scope) []collect.Collector {
	var collectors []collect.Collector
	for _, k := range kinds {
		collectors = append(collectors, k.collector(p.client, scope))
	}
	return collectors
}

// Refusal implements collect.Provider.
func (p *Provider) Refusal(err error) collect.Refusal { return p.client.Refusal(err) }
