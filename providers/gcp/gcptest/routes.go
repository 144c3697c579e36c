package gcptest

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/andon-audit/andon/providers/gcp/api"
)

// otherRoute is a read that andon does not make and that is served all the same,
// because Google's own gcloud makes it, or because of what is listed below.
type otherRoute struct{ service, call, method, path string }

// allRoutes are andon's and the others.
func allRoutes() []otherRoute {
	all := slices.Clone(otherRoutes())
	for _, r := range api.Routes() {
		all = append(all, otherRoute{r.Service, r.Call, r.Method, r.Path})
	}
	return all
}

var otherRoutes = sync.OnceValue(func() []otherRoute {
	const repositories = "v1beta2/projects/{projectsId}/locations/{locationsId}/repositories"
	return []otherRoute{
		{"alloydb", "alloydb:projects.locations.clusters.list", "GET", "v1/projects/{projectsId}/locations/{locationsId}/clusters"},
		{"artifactregistry", "artifactregistry:v1beta2.projects.locations.list", "GET", "v1beta2/projects/{projectsId}/locations"},
		{"artifactregistry", "artifactregistry:v1beta2.projects.locations.repositories.list", "GET", repositories},
		{"cloudresourcemanager", "cloudresourcemanager:v1.organizations.get", "GET", "v1/organizations/{organizationsId}"},
		{"cloudresourcemanager", "cloudresourcemanager:v1.projects.get", "GET", "v1/projects/{projectsId}"},
		{"cloudresourcemanager", "cloudresourcemanager:v1.projects.list", "GET", "v1/projects"},
		{"cloudresourcemanager", "cloudresourcemanager:v2.folders.list", "GET", "v2/folders"},
		{"sqladmin", "sqladmin:instances.get", "GET", "v1/projects/{project}/instances/{instance}"},
		{"sqladmin", "sqladmin:instances.get", "GET", "sql/v1beta4/projects/{project}/instances/{instance}"},
		{"sqladmin", "sqladmin:instances.list", "GET", "sql/v1beta4/projects/{project}/instances"},
	}
})

// match reads the values of the route's template out of a path.
func (r otherRoute) match(path string) (map[string]string, bool) {
	pattern, given := strings.Split(r.path, "/"), strings.Split(path, "/")
	if len(pattern) != len(given) {
		return nil, false
	}
	values := map[string]string{}
	for i, segment := range pattern {
		name, variable := strings.CutPrefix(segment, "{")
		plain, err := url.PathUnescape(given[i])
		switch {
		case !variable && segment != given[i], err != nil, plain == "":
			return nil, false
		case variable && strings.Contains(given[i], ":"):
			return nil, false
		case variable:
			values[strings.TrimSuffix(name, "}")] = plain
		}
	}
	return values, true
}

// handlers answer the calls of every service. Those of the services that name
// their things in full follow from the routes.
var handlers = sync.OnceValue(func() map[string]handler {
	out := map[string]handler{
		"accesscontextmanager:accessPolicies.list":                   listAccessPolicies,
		"accesscontextmanager:accessPolicies.servicePerimeters.list": listPerimeters,
		"bigquery:datasets.get":                                      getDataset,
		"bigquery:datasets.list":                                     listDatasets,
		"bigquery:routines.getIamPolicy":                             getPartPolicy,
		"bigquery:routines.list":                                     listRoutines,
		"bigquery:tables.getIamPolicy":                               getPartPolicy,
		"bigquery:tables.list":                                       listTables,
		"cloudresourcemanager:folders.list":                          listFolders,
		"cloudresourcemanager:organizations.get":                     getOrganization,
		"cloudresourcemanager:projects.get":                          getProject,
		"cloudresourcemanager:projects.getAncestry":                  getAncestry,
		"cloudresourcemanager:projects.list":                         listProjects,
		"cloudresourcemanager:projects.search":                       searchProjects,
		"cloudresourcemanager:v1.organizations.get":                  getFormerOrganization,
		"cloudresourcemanager:v1.projects.get":                       getFormerProject,
		"cloudresourcemanager:v1.projects.list":                      listFormerProjects,
		"cloudresourcemanager:v2.folders.list":                       listFormerFolders,
		"compute:disks.aggregatedList":                               aggregateDisks,
		"compute:disks.getIamPolicy":                                 getComputePolicy,
		"compute:images.getIamPolicy":                                getComputePolicy,
		"compute:images.list":                                        listCompute("image"),
		"compute:machineImages.getIamPolicy":                         getComputePolicy,
		"compute:machineImages.list":                                 listCompute("machineImage"),
		"compute:regionDisks.getIamPolicy":                           getComputePolicy,
		"compute:snapshots.getIamPolicy":                             getComputePolicy,
		"compute:snapshots.list":                                     listCompute("snapshot"),
		"iam:organizations.roles.get":                                getRole,
		"iam:policies.get":                                           getDenyPolicy,
		"iam:policies.listPolicies":                                  listDenyPolicies,
		"iam:projects.roles.get":                                     getRole,
		"orgpolicy:projects.policies.getEffectivePolicy":             effectivePolicy,
		"sqladmin:instances.get":                                     getSQL,
		"sqladmin:instances.list":                                    listSQL,
		"storage:buckets.get":                                        getBucket,
		"storage:buckets.getIamPolicy":                               getBucketPolicy,
		"storage:buckets.list":                                       listBuckets,
		"storage:buckets.testIamPermissions":                         testIAMPermissions,
		"storage:managedFolders.getIamPolicy":                        getManagedFolderPolicy,
		"storage:managedFolders.list":                                listManagedFolders,
		"storage:objects.list":                                       listObjects,
		"storage:projects.hmacKeys.list":                             listHMACKeys,
	}
	for _, r := range allRoutes() {
		switch {
		case !slices.Contains(named, r.service):
		case strings.HasSuffix(r.call, ".locations.list"):
			out[r.call] = listLocations
		case strings.HasSuffix(r.call, ".list"):
			out[r.call] = listThings
		case strings.HasSuffix(r.call, ".getIamPolicy"):
			out[r.call] = getThingPolicy
		}
	}
	return out
})
