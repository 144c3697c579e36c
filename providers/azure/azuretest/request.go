package azuretest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/andon-audit/andon/providers/azure/arm"
)

// request is one API call as the server understands it.
type request struct {
	server *Server
	world  *World

	method string
	host   string
	path   string // "/subscriptions/..."
	query  url.Values
	call   string // "storage:storageAccounts.list"
	signed bool   // a token came with it
	writes bool   // it is no read
	reader func(*request) answer
	page   string // that is asked for, beside the path

	graph      graphRequest // the body of a query
	graphError error        // why it could not be read

	subscription *subscription // that the path names, if the world has it
	fault        Fault
}

// The calls of Microsoft Entra.
const (
	tokenCall    = "entra:token"
	openIDCall   = "entra:openid-configuration"
	instanceCall = "entra:discovery-instance"
)

// Operations lists the calls that package arm makes, those that get a token and the
// query of Azure Resource Graph.
func Operations() []string {
	calls := []string{tokenCall, openIDCall, instanceCall, graphCall}
	for _, r := range arm.Routes() {
		calls = append(calls, r.Call)
	}
	slices.Sort(calls)
	return calls
}

// read finds out what is asked.
func (s *Server) read(r *http.Request) *request {
	q := s.about(r.Method, strings.TrimSuffix(r.URL.EscapedPath(), "/"))
	q.host, q.query, q.signed = r.Host, r.URL.Query(), strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
	q.page = q.query.Get(skipToken)
	if q.call == graphCall {
		q.readGraph(r.Body)
	}
	return q
}

// about is the call that a path is asked by.
func (s *Server) about(method, path string) *request {
	q := &request{server: s, world: s.world, method: method, path: path}
	if q.entra() {
		return q
	}
	q.reader, q.writes = (*request).resourceManager, method != http.MethodGet && method != http.MethodHead
	q.call = "arm:" + method + " " + q.path
	for _, route := range arm.Routes() {
		if _, ok := route.Values(strings.TrimPrefix(q.path, "/")); ok && route.Method == method {
			q.call = route.Call
			break
		}
	}
	if q.isGraph() {
		q.call, q.writes = graphCall, false
	}
	if segments := q.segments(); len(segments) > 1 && strings.EqualFold(segments[0], "subscriptions") {
		q.subscription = s.world.subscription(segments[1])
	}
	return q
}

func (q *request) segments() []string {
	segments := strings.Split(strings.TrimPrefix(q.path, "/"), "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = plain
		}
	}
	return segments
}

func (q *request) copyOfQuery() url.Values { return maps.Clone(q.query) }

// answer is what the world says.
func (q *request) answer() answer { return q.reader(q) }

// resourceManager answers for Azure Resource Manager.
func (q *request) resourceManager() answer {
	switch {
	case !q.signed:
		return q.unsigned()
	case q.writes:
		return q.refuse(http.StatusMethodNotAllowed, "MethodNotAllowed", "This is a world to be read: %s is not allowed.", q.method)
	case q.query.Get(arm.Version) == "":
		return q.refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	}
	if q.call == graphCall {
		return q.resourceGraph()
	}
	s := q.segments()
	is := func(i int, word string) bool { return i < len(s) && strings.EqualFold(s[i], word) }
	switch {
	case is(0, "subscriptions") && len(s) == 1:
		return q.list(q.world.count(), func(i int) any { return q.world.at(i).document() })
	case is(0, "subscriptions") && q.subscription == nil:
		return q.refuse(http.StatusNotFound, "SubscriptionNotFound", "The subscription '%s' could not be found.", s[1])
	case is(0, "subscriptions") && len(s) == 2:
		return ok(q.subscription.document())
	case is(0, "providers") && is(1, "Microsoft.Management") && is(2, "managementGroups") && is(4, "descendants") && len(s) == 5:
		return q.descendants(s[3])
	case is(2, "providers") && len(s) == 5:
		return q.ofType(s[3], s[4], "")
	case is(2, "resourceGroups") && is(4, "providers") && len(s) == 7:
		return q.ofType(s[5], s[6], s[3])
	case is(2, "resourceGroups") && is(4, "providers") && len(s) > 7:
		return q.resource(s)
	}
	return q.unknown()
}

// document is what Resource Manager says of a subscription.
func (s *subscription) document() object {
	return object{
		"id": "/subscriptions/" + s.ID, "subscriptionId": s.ID, "displayName": s.Name, "tenantId": s.Tenant, "state": string(s.State),
		"authorizationSource": "RoleBased", "managedByTenants": []any{},
	}
}

// descendants lists the management groups and the subscriptions below one.
//
// Source: https://learn.microsoft.com/rest/api/managementgroups/management-groups/get-descendants
func (q *request) descendants(id string) answer {
	if q.world.group(id) == nil {
		return q.refuse(http.StatusForbidden, "AuthorizationFailed",
			"The client does not have authorization to perform action 'Microsoft.Management/managementGroups/descendants/read' over scope '%s' or the scope is invalid.", groups+id)
	}
	var below []any
	for _, g := range q.world.groups {
		if g.Parent != "" && q.world.under(g.Parent, id) {
			below = append(below, descendant(groups+g.ID, "Microsoft.Management/managementGroups", g.Name, g.Parent))
		}
	}
	for i := range q.world.count() {
		if s := q.world.at(i); q.world.under(s.Group, id) {
			below = append(below, descendant("/subscriptions/"+s.ID, "Microsoft.Management/managementGroups/subscriptions", s.Name, s.Group))
		}
	}
	return q.list(len(below), func(i int) any { return below[i] })
}

const groups = "/providers/Microsoft.Management/managementGroups/"

func descendant(id, kind, name, parent string) object {
	return object{
		"id": id, "type": kind, "name": last(id),
		"properties": object{"displayName": name, "parent": object{"id": groups + parent}},
	}
}

// ofType lists the resources of a type, of one resource group or of all.
func (q *request) ofType(namespace, kind, group string) answer {
	kind = namespace + "/" + kind
	switch {
	case q.unregistered(namespace):
		return q.unregisteredAnswer(namespace)
	case !readType(kind):
		return q.unknown()
	}
	s := q.subscription
	if group == "" {
		odd := s.odd[strings.ToLower(kind)]
		return q.list(len(odd)+s.resourceCount(kind), func(i int) any {
			if i < len(odd) {
				return odd[i]
			}
			return q.shown(s.resourceAt(kind, i-len(odd)), kind)
		})
	}
	var inside []*thing
	for i := range s.resourceCount(kind) {
		if t := s.resourceAt(kind, i); strings.EqualFold(strings.Split(t.id, "/")[4], group) {
			inside = append(inside, t)
		}
	}
	return q.list(len(inside), func(i int) any { return q.shown(inside[i], kind) })
}

// resource answers for one resource, or for what is in one.
func (q *request) resource(s []string) answer {
	if q.unregistered(s[5]) {
		return q.unregisteredAnswer(s[5])
	}
	for end := len(s) - len(s)%2; end >= 8; end -= 2 {
		t := q.subscription.resource("/" + strings.Join(s[:end], "/"))
		if t == nil {
			continue
		}
		if end == len(s) {
			return ok(q.shown(t, t.kind))
		}
		return q.child(t, strings.ToLower(strings.Join(s[end:], "/")), len(s)%2 == 1)
	}
	if len(s) > 8 {
		return q.refuse(http.StatusNotFound, "ParentResourceNotFound", "Failed to perform '%s' on resource(s) of type '%s', because the parent resource '%s' could not be found.",
			"read", s[5]+"/"+s[6], "/"+strings.Join(s[:8], "/"))
	}
	return q.missing()
}

// child answers for what is in a resource: what the world declares, one of a
// declared list, or a list of nothing.
func (q *request) child(t *thing, path string, listed bool) answer {
	found, declared := t.children[path]
	switch {
	case declared && found.list != nil:
		return q.list(len(found.list), func(i int) any { return found.list[i] })
	case declared:
		return ok(found.object)
	case listed && strings.HasSuffix(q.call, ".list"):
		return q.list(0, nil)
	}
	above, name := path[:max(0, strings.LastIndexByte(path, '/'))], last(path)
	for _, entry := range t.children[above].list {
		if members, ok := entry.(object); ok && strings.EqualFold(textOf(members["name"]), name) {
			return answer{status: http.StatusOK, document: members}
		}
	}
	return q.missing()
}

// shown is what a resource says of itself. Whom a gallery is shared with is only
// said to who asks for it.
//
// Source: https://learn.microsoft.com/rest/api/compute/galleries/get ($expand)
func (q *request) shown(t *thing, kind string) any {
	properties, _ := t.members["properties"].(object)
	sharing, _ := properties["sharingProfile"].(object)
	if !strings.EqualFold(kind, "Microsoft.Compute/galleries") || sharing["groups"] == nil || strings.EqualFold(q.query.Get("$expand"), "SharingProfile/Groups") {
		return t.members
	}
	return over(t.members, object{"properties": over(properties, object{"sharingProfile": without(sharing, "groups")})})
}

func without(members object, key string) object {
	out := maps.Clone(members)
	delete(out, key)
	return out
}

// unregistered reports whether the subscription never used a service.
func (q *request) unregistered(namespace string) bool {
	return slices.ContainsFunc(q.subscription.Unregistered, func(n string) bool { return strings.EqualFold(n, namespace) })
}
