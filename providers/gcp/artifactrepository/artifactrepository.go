// Package artifactrepository collects Artifact Registry repositories, those
// that host gcr.io among them: a repository's policy can let others pull what
// is in it. kind.yaml declares every call; none pulls an artefact.
package artifactrepository

import (
	_ "embed"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/iampolicy"
)

//go:embed kind.yaml
var declaration []byte

// Kind is the declaration of gcp.artifactregistry.repository.
var Kind = collect.MustParseKind(declaration)

// Regional reports whether the kind is listed region by region.
const Regional = false

// New returns the collector of a project's repositories.
func New(c *api.Client, scope resource.Scope) collect.Collector {
	return iampolicy.New(iampolicy.Row{
		// What allUsers may read is there for anyone on the internet, without
		// authentication.
		//
		// Source: https://cloud.google.com/artifact-registry/docs/access-control#public
		Kind: Kind, Store: "artifactregistry.repository", Anonymity: iampolicy.AnonymousAnswered,
		Chains: []iampolicy.Chain{
			{Lists: []string{"artifactregistry:projects.locations.list", "artifactregistry:projects.locations.repositories.list"}, Policy: []string{"artifactregistry:projects.locations.repositories.getIamPolicy"}, Size: 1000},
		},
		Describe: describe,
	}, c, scope)
}

// repository is what is looked at of a listed repository.
//
// Source: https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories
type repository struct {
	Format string `json:"format"`
	Mode   string `json:"mode"`
	// Virtual is set where the repository stands in front of others.
	Virtual struct {
		Upstreams []struct {
			Repository string `json:"repository"`
		} `json:"upstreamPolicies"`
	} `json:"virtualRepositoryConfig"`
}

func describe(e *iampolicy.Entry, r *resource.Resource) {
	var x repository
	if e.Into(&x) != nil {
		return
	}
	r.Set("format", x.Format, e.Evidence(x.Format))
	r.Set("mode", x.Mode, e.Evidence(x.Mode))
	upstreams := []string{}
	for _, u := range x.Virtual.Upstreams {
		upstreams = append(upstreams, u.Repository)
	}
	r.Set("upstreams", upstreams, e.Evidence(strings.Join(upstreams, ", ")))
	if len(upstreams) > 0 {
		r.Notes = append(r.Notes, "whoever may read this repository may read, through it, those behind it: "+strings.Join(upstreams, ", "))
	}
}
