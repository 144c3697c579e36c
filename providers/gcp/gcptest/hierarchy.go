package gcptest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// disables reports whether the world keeps a service from a project. It may
// be written as sqladmin or as sqladmin.googleapis.com.
func (p *project) disables(service string) bool {
	return slices.Contains(p.Disabled, service) || slices.Contains(p.Disabled, service+googleHosts)
}

func (p *project) resource() object {
	out := object{
		"name": "projects/" + p.Number, "projectId": p.ID, "state": string(p.State), "displayName": p.Name,
		"createTime": longAgo, "updateTime": longAgo,
	}
	if p.Parent != "" {
		out["parent"] = p.Parent
	}
	out["etag"] = etag(out)
	return out
}

// former renders a project as the first version of Resource Manager does, in
// which gcloud asks.
//
// Source: https://cloud.google.com/resource-manager/reference/rest/v1/projects#Project
func (p *project) former() object {
	out := object{
		"projectNumber": p.Number, "projectId": p.ID, "lifecycleState": string(p.State), "name": p.Name, "createTime": longAgo,
	}
	if kind, id, ok := strings.Cut(p.Parent, "s/"); ok {
		out["parent"] = object{"type": kind, "id": id}
	}
	return out
}

func (f *folder) resource() object {
	out := object{
		"name": "folders/" + f.ID, "parent": f.Parent, "displayName": f.Name, "state": string(f.State),
		"createTime": longAgo, "updateTime": longAgo,
	}
	out["etag"] = etag(out)
	return out
}

// searchProjects finds every project. Of a query it understands the one term
// state:ACTIVE and leaves the others unread.
func searchProjects(q *request) answer {
	active := strings.Contains(q.query.Get("query"), "state:ACTIVE")
	return q.projects("projects", func(p *project) bool { return !active || p.State == "ACTIVE" }, (*project).resource)
}

// listProjects answers with the projects right below a folder or an organisation.
func listProjects(q *request) answer {
	if a, bad := q.checkParent(); bad {
		return a
	}
	parent, deleted := q.query.Get("parent"), q.query.Get("showDeleted") == "true"
	return q.projects("projects", func(p *project) bool {
		return p.Parent == parent && (deleted || p.State == "ACTIVE")
	}, (*project).resource)
}

func (q *request) projects(key string, chosen func(*project) bool, resource func(*project) object) answer {
	var found []int
	for i := range q.world.projectCount() {
		if chosen(q.world.projectAt(i)) {
			found = append(found, i)
		}
	}
	return q.list(object{}, key, len(found), 300, 1000, func(i int) any { return resource(q.world.projectAt(found[i])) })
}

func listFolders(q *request) answer { return q.folders((*folder).resource) }

func (q *request) folders(resource func(*folder) object) answer {
	if a, bad := q.checkParent(); bad {
		return a
	}
	var found []*folder
	for _, f := range q.world.folders {
		if f.Parent == q.query.Get("parent") && (f.State == "ACTIVE" || q.query.Get("showDeleted") == "true") {
			found = append(found, f)
		}
	}
	return q.list(object{}, "folders", len(found), 300, 1000, func(i int) any { return resource(found[i]) })
}

func (q *request) checkParent() (a answer, bad bool) {
	switch parent := q.query.Get("parent"); {
	case parent == "":
		return q.invalid("A parent is required."), true
	case !q.world.holds(parent):
		return q.denied(), true
	}
	return answer{}, false
}

func getProject(q *request) answer { return ok(q.project.resource()) }

func getFormerProject(q *request) answer { return ok(q.project.former()) }

func listFormerProjects(q *request) answer {
	return q.projects("projects", func(*project) bool { return true }, (*project).former)
}

// listFormerFolders is the second version of a listing, which spells the state
// in another way.
func listFormerFolders(q *request) answer {
	return q.folders(func(f *folder) object {
		out := f.resource()
		out["lifecycleState"] = out["state"]
		delete(out, "state")
		delete(out, "updateTime")
		return out
	})
}

func getFormerOrganization(q *request) answer {
	a := getOrganization(q)
	if out, isObject := a.document.(object); isObject && a.status == http.StatusOK {
		a.document = over(object{
			"name": out["name"], "displayName": out["displayName"],
			"owner":          over(nil, object{"directoryCustomerId": out["directoryCustomerId"]}),
			"lifecycleState": out["state"], "creationTime": out["createTime"],
		}, nil)
	}
	return a
}

func getOrganization(q *request) answer {
	o := q.world.organization(q.values["organizationsId"])
	if o == nil {
		return q.denied()
	}
	out := object{
		"name": "organizations/" + o.ID, "displayName": o.Domain, "directoryCustomerId": o.Customer, "state": "ACTIVE",
		"createTime": longAgo, "updateTime": longAgo,
	}
	out["etag"] = etag(out)
	return ok(withoutEmpty(out))
}

// withoutEmpty leaves out the members that are empty texts.
func withoutEmpty(members object) object {
	for key, value := range members {
		if value == "" {
			delete(members, key)
		}
	}
	return members
}

// getAncestry lists what is above a project, the nearest first, the project
// itself before all.
//
// Source: https://cloud.google.com/resource-manager/reference/rest/v1/projects/getAncestry
func getAncestry(q *request) answer {
	ancestors := []any{ancestor("project", q.project.ID)}
	for _, name := range q.world.above(q.project.Parent) {
		kind, id, _ := strings.Cut(name, "s/")
		ancestors = append(ancestors, ancestor(kind, id))
	}
	return ok(object{"ancestor": ancestors})
}

func ancestor(kind, id string) object { return object{"resourceId": object{"type": kind, "id": id}} }

// effectivePolicy answers for a constraint of the project what is in force, as
// the world says; where it says nothing, the constraint is not enforced.
//
// Source: https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy
func effectivePolicy(q *request) answer {
	constraint := q.values["policiesId"]
	spec := object{"rules": []any{object{"enforce": false}}}
	if policy := q.project.OrgPolicies[constraint]; policy != nil {
		spec = policy.with(nil)
	}
	return ok(object{"name": "projects/" + q.project.Number + "/policies/" + constraint, "spec": spec})
}

func getRole(q *request) answer {
	roles := []*item(nil)
	if q.project != nil {
		roles = q.project.Roles
	} else if o := q.world.organization(q.values["organizationsId"]); o != nil {
		roles = o.Roles
	} else {
		return q.denied()
	}
	i := slices.IndexFunc(roles, func(r *item) bool { return r.members["name"] == q.subject })
	if i < 0 {
		return q.fail(http.StatusNotFound, "NOT_FOUND", "notFound", "The role named %s was not found.", q.subject)
	}
	return ok(tagged(roles[i].with(object{"stage": "GA"})))
}

// tagged gives a resource an etag of its content, if it has none.
func tagged(members object) object {
	if _, given := members["etag"]; !given {
		members["etag"] = etag(members)
	}
	return members
}

const denyHost = "cloudresourcemanager.googleapis.com/"

// attached finds the deny policies that are attached to a project, a folder or an
// organisation, and the name under which Google answers about it.
func (q *request) attached() (policies []*item, to string, found bool) {
	attached, ok := strings.CutPrefix(q.attachment(), denyHost)
	if !ok || q.values["policiesId1"] != "denypolicies" {
		return nil, "", false
	}
	if q.project != nil {
		return q.project.Deny, "projects/" + q.project.Number, true
	}
	if o := q.world.organization(strings.TrimPrefix(attached, "organizations/")); o != nil {
		return o.Deny, attached, true
	}
	if f := q.world.folder(strings.TrimPrefix(attached, "folders/")); f != nil {
		return f.Deny, attached, true
	}
	return nil, "", false
}

// denyPolicy renders a deny policy under the name that Google gives it: requests
// may name a project by its id, answers always by its number.
//
// Source: https://cloud.google.com/iam/docs/reference/rest/v2/policies
func denyPolicy(i *item, to string) object {
	name, _ := i.members["name"].(string)
	out := i.with(object{"kind": "DenyPolicy", "createTime": longAgo, "updateTime": longAgo})
	out["name"] = "policies/" + url.QueryEscape(denyHost+to) + "/denypolicies/" + name
	out["uid"] = loopback.Digest("deny", to, name)[:32]
	return tagged(out)
}

// listDenyPolicies answers without rules, as Google documents: the metadata of
// policies, and not their content.
func listDenyPolicies(q *request) answer {
	policies, to, found := q.attached()
	if !found {
		return q.denied()
	}
	return q.list(object{}, "policies", len(policies), 1000, 1000, func(i int) any {
		out := denyPolicy(policies[i], to)
		delete(out, "rules")
		return out
	})
}

func getDenyPolicy(q *request) answer {
	policies, to, found := q.attached()
	if !found {
		return q.denied()
	}
	i := slices.IndexFunc(policies, func(p *item) bool { return p.members["name"] == q.values["policiesId2"] })
	if i < 0 {
		return q.missing()
	}
	return ok(denyPolicy(policies[i], to))
}

func listAccessPolicies(q *request) answer {
	if a, bad := q.checkParent(); bad {
		return a
	}
	parent := q.query.Get("parent")
	o := q.world.organization(strings.TrimPrefix(parent, "organizations/"))
	if o == nil {
		return q.invalid("The parent %s is no organization.", parent)
	}
	return q.list(object{}, "accessPolicies", len(o.Access), 100, 1000, func(i int) any {
		return tagged(o.Access[i].with(object{"parent": parent, "title": "default policy"}))
	})
}

func listPerimeters(q *request) answer {
	for _, o := range q.world.organizations {
		for _, policy := range o.Access {
			if policy.members["name"] != q.subject {
				continue
			}
			return q.list(object{}, "servicePerimeters", len(policy.perimeters), 100, 1000, func(i int) any {
				return tagged(policy.perimeters[i].with(object{"perimeterType": "PERIMETER_TYPE_REGULAR"}))
			})
		}
	}
	return q.denied()
}
