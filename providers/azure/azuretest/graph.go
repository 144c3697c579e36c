package azuretest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/andon-audit/andon/providers/internal/loopback"
)

// Azure Resource Graph answers for many subscriptions at once, and leaves out what
// the caller may not read without a word.
//
// Source: https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
const (
	graphCall = "resourcegraph:resources"
	graphPath = "/providers/Microsoft.ResourceGraph/resources"

	// mostSubscriptions are those that one query looks at.
	//
	// Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
	mostSubscriptions = 10_000
	mostRows          = 1000
	maxBody           = 1 << 20
)

// graphRequest is the body of a query.
type graphRequest struct {
	Subscriptions    []string     `json:"subscriptions"`
	ManagementGroups []string     `json:"managementGroups"`
	Query            string       `json:"query"`
	Options          graphOptions `json:"options"`
}

type graphOptions struct {
	Top    *int   `json:"$top"`
	Skip   int    `json:"$skip"`
	Token  string `json:"$skipToken"`
	Format string `json:"resultFormat"`
	// Filter is about role assignments, which are in no table that is served, and
	// Partial about tenants of more subscriptions than are looked at.
	Filter  string `json:"authorizationScopeFilter"`
	Partial bool   `json:"allowPartialScopes"`
}

// isGraph reports whether a request is a query. It is sent by POST and changes
// nothing.
func (q *request) isGraph() bool {
	return q.method == http.MethodPost && strings.EqualFold(q.path, graphPath)
}

// readGraph reads the body of a query. One that is about one subscription is that
// subscription's, to faults and in the log.
func (q *request) readGraph(body io.Reader) {
	decoder := json.NewDecoder(io.LimitReader(body, maxBody))
	decoder.DisallowUnknownFields()
	if q.graphError = decoder.Decode(&q.graph); q.graphError == nil && len(q.graph.Subscriptions) == 1 {
		q.subscription = q.world.subscription(q.graph.Subscriptions[0])
	}
	q.page = q.graph.Query + "\n" + q.graph.Options.Token
}

// resourceGraph answers a query.
func (q *request) resourceGraph() answer {
	if wrong := q.wrongRequest(); wrong != nil {
		return q.badQuery(wrong)
	}
	parsed, err := parseQuery(q.graph.Query)
	if err != nil {
		return q.invalidQuery(err)
	}
	scope, more := q.subscriptionsInScope()
	if len(scope) == 0 {
		return q.badQuery(graphDetail("NoValidSubscriptionsInQueryRequest",
			"There must be at least one subscription that is eligible to contain resources. Given: '%s'.", strings.Join(q.graph.Subscriptions, ",")))
	}
	rows := q.resourceRows(scope)
	if parsed.table == resourceContainers {
		rows = q.containerRows(scope)
	}
	a := q.found(parsed, slices.Collect(parsed.run(rows)))
	if more {
		a.header = map[string]string{"X-Ms-Tenant-Subscription-Limit-Hit": "true"}
	}
	return a
}

// wrongRequest says what is wrong with a request beside the query itself; nil where
// nothing is. How the service words most of it is not documented; that it refuses
// it is.
func (q *request) wrongRequest() any {
	o, why := q.graph.Options, ""
	switch {
	case q.graphError != nil:
		why = fmt.Sprintf("The request content was invalid and could not be deserialized: %v", q.graphError)
	case o.size() < 1 || o.size() > mostRows || o.Skip < 0:
		why = fmt.Sprintf("$top is from 1 to %d, and $skip is not negative.", mostRows)
	case !slices.Contains([]string{"", "objectArray", "table"}, o.Format):
		why = "resultFormat is objectArray or table."
	case !slices.Contains([]string{"", "AtScopeAndBelow", "AtScopeAndAbove", "AtScopeExact", "AtScopeAboveAndBelow"}, o.Filter):
		why = "authorizationScopeFilter is none that is known."
	case len(q.graph.Subscriptions) > 0 && len(q.graph.ManagementGroups) > 0:
		why = "A query is about subscriptions or about management groups."
	}
	if why != "" {
		return graphDetail("InvalidRequestContent", "%s", why)
	}
	for _, id := range q.graph.Subscriptions {
		if !uuid.MatchString(strings.ToLower(id)) {
			return graphDetail("SubscriptionsContainInvalidGuids", "'%s' is no GUID.", id)
		}
	}
	return nil
}

// size is how many rows are asked for.
func (o graphOptions) size() int {
	if o.Top == nil {
		return mostRows
	}
	return *o.Top
}

// found answers with a page of the rows that a query finds. A token leads on only
// where rows have an id and the query does not limit itself.
//
// Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/paging-results
// and the examples of the REST reference
func (q *request) found(parsed *query, rows []object) answer {
	listing := []string{q.graph.Query, strings.Join(q.graph.Subscriptions, ","), strings.Join(q.graph.ManagementGroups, ",")}
	from := min(q.graph.Options.Skip, len(rows))
	if token := q.graph.Options.Token; token != "" {
		var ok bool
		if from, ok = loopback.FromToken(token, len(rows), listing...); !ok {
			return q.badQuery(graphDetail("InvalidSkipToken", "The skip token is not one of this query."))
		}
	}
	size := q.graph.Options.size()
	if q.server.pageSize > 0 {
		size = min(size, q.server.pageSize)
	}
	to := min(len(rows), from+size)
	document := object{
		"totalRecords": len(rows), "count": to - from, "resultTruncated": "false", "facets": []any{},
		"data": q.data(parsed.columns, rows[from:to]),
	}
	switch {
	case to == len(rows):
	case !parsed.limited && slices.Contains(parsed.columns, "id"):
		document["$skipToken"] = loopback.Token(to, listing...)
	default: // there is more, and nothing leads there
		document["resultTruncated"] = "true"
	}
	return ok(document)
}

// data spells rows in the form that was asked for.
func (q *request) data(columns []string, rows []object) any {
	out := make([]any, 0, len(rows)+1)
	if q.fault.Kind == NullRecords {
		out = append(out, nil)
	}
	if q.graph.Options.Format != "table" {
		for _, row := range rows {
			out = append(out, row)
		}
		return out
	}
	heads := make([]any, 0, len(columns))
	for _, column := range columns {
		kind := "object"
		if slices.Contains(textColumns, column) {
			kind = "string"
		}
		heads = append(heads, object{"name": column, "type": kind})
	}
	for _, row := range rows {
		cells := make([]any, 0, len(columns))
		for _, column := range columns {
			cells = append(cells, row[column])
		}
		out = append(out, cells)
	}
	return object{"columns": heads, "rows": out}
}

// subscriptionsInScope are those that a query is about and the caller may read, as
// many as one query looks at; more says that there are others.
func (q *request) subscriptionsInScope() (scope []*subscription, more bool) {
	for i := range q.world.count() {
		s := q.world.at(i)
		if !q.inScope(s) || !q.readable("/subscriptions/"+s.ID) {
			continue
		}
		if len(scope) == mostSubscriptions {
			return scope, true
		}
		scope = append(scope, s)
	}
	return scope, false
}

func (q *request) inScope(s *subscription) bool {
	if groups := q.graph.ManagementGroups; len(groups) > 0 {
		return slices.ContainsFunc(groups, func(id string) bool { return q.world.under(s.Group, id) })
	}
	asked := q.graph.Subscriptions
	return len(asked) == 0 || slices.ContainsFunc(asked, func(id string) bool { return strings.EqualFold(id, s.ID) })
}

// readable reports whether the caller may read what is at a path: whether no fault
// that lasts denies it.
func (q *request) readable(path string) bool {
	probe := q.server.about(http.MethodGet, path)
	return !slices.ContainsFunc(q.server.settings.Faults, func(f Fault) bool {
		return f.Kind == AccessDenied && f.Times == 0 && loopback.Matches(f.Call, probe.call) && probe.meets(f)
	})
}

// resourceRows are the resources of subscriptions. What is in a resource, such as
// a container or a firewall rule, is in no table; and what the graph has not heard
// of yet is not there yet.
//
// Source: https://learn.microsoft.com/azure/governance/resource-graph/reference/supported-tables-resources
func (q *request) resourceRows(scope []*subscription) iter.Seq[object] {
	return func(yield func(object) bool) {
		for _, s := range scope {
			for _, kind := range s.types() {
				if !q.readable("/subscriptions/" + s.ID + "/providers/" + kind) {
					continue
				}
				for i := range s.resourceCount(kind) {
					if t := s.resourceAt(kind, i); !t.unindexed && q.readable(t.id) && !yield(t.row(s)) {
						return
					}
				}
			}
		}
	}
}

// types are the types of a subscription's resources, sorted.
func (s *subscription) types() []string {
	if s.index >= 0 {
		return []string{accountType}
	}
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(s.kept)) {
		out = append(out, s.kept[kind][0].kind)
	}
	return out
}

// row is what the graph says of a resource. Types, groups and locations are in
// lower case there.
func (t *thing) row(s *subscription) object {
	out := emptyRow(s.Tenant)
	for _, column := range textColumns {
		if text := textOf(t.members[column]); text != "" {
			out[column] = text
		}
	}
	for _, column := range dynamicColumns {
		out[column] = t.members[column]
	}
	out["subscriptionId"], out["resourceGroup"] = s.ID, strings.ToLower(t.group())
	out["type"], out["location"] = strings.ToLower(t.kind), strings.ToLower(textOf(t.members["location"]))
	return out
}

// group is the resource group that a resource is in.
func (t *thing) group() string { return strings.Split(t.id, "/")[4] }

func emptyRow(tenant string) object {
	out := make(object, len(textColumns)+len(dynamicColumns))
	for _, column := range textColumns {
		out[column] = ""
	}
	for _, column := range dynamicColumns {
		out[column] = nil
	}
	out["tenantId"] = tenant
	return out
}

// containerRows are management groups, unless the query is about subscriptions,
// and subscriptions with the resource groups that something is in.
func (q *request) containerRows(scope []*subscription) iter.Seq[object] {
	return func(yield func(object) bool) {
		for _, g := range q.groupsInScope() {
			if !yield(q.world.groupRow(g)) {
				return
			}
		}
		for _, s := range scope {
			for _, row := range s.containerRows() {
				if !yield(row) {
					return
				}
			}
		}
	}
}

// groupsInScope are the management groups that a query is about and the caller may
// read.
func (q *request) groupsInScope() []*managementGroup {
	if len(q.graph.Subscriptions) > 0 {
		return nil
	}
	asked := q.graph.ManagementGroups
	return slices.DeleteFunc(slices.Clone(q.world.groups), func(g *managementGroup) bool {
		inside := len(asked) == 0 || slices.ContainsFunc(asked, func(id string) bool { return q.world.under(g.ID, id) })
		return !inside || !q.readable(groups+g.ID)
	})
}

func (w *World) groupRow(g *managementGroup) object {
	row := emptyRow(w.tenant.ID)
	row["id"], row["name"], row["type"] = groups+g.ID, g.ID, "microsoft.management/managementgroups"
	row["properties"] = object{"displayName": g.Name, "tenantId": w.tenant.ID, "details": object{"managementGroupAncestorsChain": w.chain(g.Parent)}}
	return row
}

func (s *subscription) containerRows() []object {
	row := emptyRow(s.Tenant)
	row["id"], row["name"], row["type"], row["subscriptionId"] = "/subscriptions/"+s.ID, s.Name, "microsoft.resources/subscriptions", s.ID
	row["properties"] = object{"state": string(s.State), "managementGroupAncestorsChain": s.world.chain(s.Group)}
	rows := []object{row}
	for _, group := range s.groups() {
		row := emptyRow(s.Tenant)
		row["id"], row["name"], row["type"] = "/subscriptions/"+s.ID+"/resourceGroups/"+group, group, "microsoft.resources/subscriptions/resourcegroups"
		row["subscriptionId"], row["resourceGroup"] = s.ID, strings.ToLower(group)
		rows = append(rows, row)
	}
	return rows
}

// groups are the resource groups of a subscription, sorted.
func (s *subscription) groups() []string {
	if s.index >= 0 {
		return []string{accountGroup}
	}
	named := make(map[string]string)
	for _, t := range s.things {
		named[strings.ToLower(t.group())] = t.group()
	}
	return slices.Sorted(maps.Values(named))
}

// chain names the management groups above, the nearest first.
func (w *World) chain(id string) []any {
	out := []any{}
	for g := w.group(id); g != nil; g = w.group(g.Parent) {
		out = append(out, object{"name": g.ID, "displayName": g.Name})
	}
	return out
}

// refuseGraph words an error as Resource Graph does.
//
// Source: https://github.com/Azure/azure-powershell/issues/13762 and
// https://github.com/Azure/azure-cli-extensions/issues/3325
func (q *request) refuseGraph(status int, code string, details ...any) answer {
	id := loopback.Digest(q.call, q.page)
	a := q.refuse(status, code, "Please provide below info when asking for support: timestamp = 2020-01-02T03:04:05.0000000Z, correlationId = %s-%s-%s-%s-%s.",
		id[:8], id[8:12], id[12:16], id[16:20], id[20:32])
	if document, ok := a.document.(object)["error"].(object); ok {
		document["details"] = details
	}
	return a
}

func graphDetail(code, format string, args ...any) object {
	return object{"code": code, "message": fmt.Sprintf(format, args...)}
}

func (q *request) badQuery(details ...any) answer {
	return q.refuseGraph(http.StatusBadRequest, "BadRequest", details...)
}

func (q *request) invalidQuery(err error) answer {
	wrong, ok := errors.AsType[*queryError](err)
	if !ok {
		return q.broken()
	}
	detail := graphDetail(wrong.code, "%s", wrong.message)
	if wrong.code == "DisallowedLogicalTableName" {
		return q.badQuery(detail)
	}
	detail["line"], detail["characterPositionInLine"], detail["token"] = wrong.at.line, wrong.at.column, wrong.at.text
	return q.badQuery(graphDetail("InvalidQuery", "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying."), detail)
}

// What a principal may ask in one window.
//
// Source: https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests
const (
	GraphQueries = 15
	GraphWindow  = 5 * time.Second
)

// WithGraphQuota throttles queries of Azure Resource Graph as Azure does, by the
// clock that is given: a window begins with the first query in it. Queries that
// were throttled count for nothing.
func WithGraphQuota(now func() time.Time) Option {
	return func(s *Server) { s.quota = newLimits(GraphWindow, now) }
}

// metered says with an answer what is left of the quota, or takes the answer back
// where nothing was.
func (q *request) metered(a answer) answer {
	left, rest := GraphQueries-1, GraphWindow
	if q.server.quota != nil {
		left, rest = q.server.quota.spend(budget{}, GraphQueries)
	}
	if left < 0 {
		a = q.rateLimited()
	}
	header := quotaHeader(max(left, 0), wholeSeconds(rest))
	maps.Copy(header, a.header)
	a.header = header
	return a
}

func quotaHeader(left, seconds int) map[string]string {
	return map[string]string{
		"X-Ms-User-Quota-Remaining":    strconv.Itoa(left),
		"X-Ms-User-Quota-Resets-After": fmt.Sprintf("%02d:%02d:%02d", seconds/3600, seconds/60%60, seconds%60),
	}
}

func (q *request) rateLimited() answer {
	return q.refuseGraph(http.StatusTooManyRequests, "RateLimiting", graphDetail("RateLimiting",
		"Client application has been throttled and should not attempt to repeat the request until an amount of time has elapsed. Please see https://aka.ms/resourcegraph-throttling for help."))
}

// refusedQuery is how Resource Graph refuses whom a fault denies or throttles;
// reports false for every other fault.
func (q *request) refusedQuery() (answer, bool) {
	switch {
	case q.call != graphCall:
	case q.fault.Kind == AccessDenied:
		return q.refuseGraph(http.StatusForbidden, "AccessDenied",
			graphDetail("AccessDenied", "Access is denied to the requested resource. The user might not have enough permission.")), true
	case q.fault.Kind == Throttle:
		a, seconds := q.rateLimited(), max(q.fault.RetryAfter, 1)
		maps.Copy(a.header, quotaHeader(0, seconds))
		a.header["Retry-After"] = strconv.Itoa(seconds)
		return a, true
	}
	return answer{}, false
}
