package awstest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// stock is what an account keeps in the services that are not modelled one by
// one: collections of items, each in the members of the service's own answers.
// The calls over them are rows of a table, see stockCalls.
type stock map[string][]*item

// item is one thing in stock. Keys that begin with a lower-case letter are the
// world's own where their names are those below, and members otherwise: some
// services name their members that way.
type item struct {
	Region region
	// Gone items are listed and then not found.
	Gone bool
	// Public marks what everybody may use: snapshots shared with all.
	Public bool

	members *yaml.Node // a mapping
}

func (i *item) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("what is in stock is a mapping of members")
	}
	i.members = &yaml.Node{Kind: yaml.MappingNode}
	for k := 0; k < len(n.Content); k += 2 {
		key, value := n.Content[k], n.Content[k+1]
		if err := i.take(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (i *item) take(key, value *yaml.Node) error {
	switch key.Value {
	case "region":
		return value.Load(&i.Region)
	case "gone":
		return value.Load(&i.Gone)
	case "public":
		return value.Load(&i.Public)
	case "<<":
		return i.merge(value)
	}
	i.set(key, value)
	return nil
}

// set puts a member in the place of one that was merged in, or after the others.
func (i *item) set(key, value *yaml.Node) {
	for k := 0; k < len(i.members.Content); k += 2 {
		if i.members.Content[k].Value == key.Value {
			i.members.Content[k+1] = value
			return
		}
	}
	i.members.Content = append(i.members.Content, key, value)
}

// merge takes over the members of another item; it stands before its own.
func (i *item) merge(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	var other item
	if err := other.UnmarshalYAML(n); err != nil {
		return err
	}
	i.Region = cmp.Or(i.Region, other.Region)
	for k := 0; k < len(other.members.Content); k += 2 {
		i.set(other.members.Content[k], other.members.Content[k+1])
	}
	return nil
}

// checkStock refuses collections that no call reads.
func (a *account) checkStock() error {
	for name, items := range a.Stock {
		if !slices.ContainsFunc(stockCalls, func(c stockCall) bool { return c.of == name }) {
			return worldfile.At(a.line, "stock: no call reads %q", name)
		}
		if slices.Contains(items, nil) {
			return worldfile.At(a.line, "stock: an entry of %s is empty", name)
		}
	}
	return nil
}

// stockCall is one reading call over a collection.
type stockCall struct {
	call string // "rds:DescribeDBInstances"
	of   string // the collection
	// list is the member of the answer that holds the items; empty where the
	// answer is about one. bare lists the key alone, as names.
	list string
	bare bool
	// in wraps the answer about one item; empty puts its members at the top.
	in string
	// by is the parameter that chooses items, key the member it is compared
	// with. A listing without the parameter is about all of them.
	by, key string
	// show are the members in the answer; none means all but hide.
	show, hide []string
	// missing answers for an item that is not there, absent for one that has
	// none of the members shown.
	missing, absent failure
	// unset is answered where the world says nothing: a setting of a region has
	// a default.
	unset [][2]string
	// limit, token and next name the parameters and the member of paging.
	// Without a token the answer is whole.
	limit, token, next string
	// only leaves out items the request does not ask for.
	only func(*request, *item) bool
	// filters name members by the filters of an ec2 request.
	filters map[string]string
}

// failure is an error answer.
type failure struct {
	status int
	code   string
}

// serve answers the call from the caller's stock in the request's region.
func (c stockCall) serve(q *request) answer {
	found := c.choose(q)
	if c.list == "" {
		return c.one(q, found)
	}
	if len(found) == 0 && c.missing.code != "" && len(q.values(c.by)) > 0 {
		return q.fail(c.missing.status, c.missing.code, "%s does not exist", strings.Join(q.values(c.by), ", "))
	}
	next := ""
	if c.token != "" {
		var ok bool
		if found, next, ok = paginate(q, found, func(i *item) string { return i.get(c.key) }, c.limit, c.token, 1000); !ok {
			return q.fail(http.StatusBadRequest, "InvalidNextToken", "the token is not one of ours")
		}
	}
	return q.render(c.listing(found, next))
}

// choose returns the items the request is about, sorted by their key.
func (c stockCall) choose(q *request) []*item {
	wanted := q.values(c.by)
	var found []*item
	for _, i := range q.caller.Stock[c.of] {
		if i.Region != "" && string(i.Region) != q.region {
			continue
		}
		chosen := len(wanted) == 0 || slices.Contains(wanted, i.get(c.key))
		if chosen && (c.only == nil || c.only(q, i)) && c.passes(q, i) {
			found = append(found, i)
		}
	}
	if c.key != "" {
		slices.SortStableFunc(found, func(x, y *item) int { return cmp.Compare(x.get(c.key), y.get(c.key)) })
	}
	return found
}

func (c stockCall) passes(q *request, i *item) bool {
	for filter, member := range c.filters {
		if !slices.ContainsFunc(i.all(member), func(value string) bool { return q.filters(filter, value) }) && !q.filters(filter, "") {
			return false
		}
	}
	return true
}

func (c stockCall) one(q *request, found []*item) answer {
	if len(found) == 0 && c.unset != nil {
		return q.render(members(c.unset))
	}
	if len(found) == 0 || found[0].Gone {
		return q.fail(c.missing.status, c.missing.code, "%s does not exist", q.subject)
	}
	shown := c.shown(found[0])
	if len(shown.Content) == 0 && c.absent.code != "" {
		return q.fail(c.absent.status, c.absent.code, "%s has none", q.subject)
	}
	if c.in != "" {
		shown = mapping(c.in, shown)
	}
	return q.render(shown)
}

func (c stockCall) listing(found []*item, next string) *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, i := range found {
		if c.bare {
			list.Content = append(list.Content, i.member(c.key))
			continue
		}
		list.Content = append(list.Content, c.shown(i))
	}
	out := mapping(c.list, list)
	if next != "" {
		out.Content = append(out.Content, text(c.next), text(next))
	}
	return out
}

func (c stockCall) shown(i *item) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for k := 0; k < len(i.members.Content); k += 2 {
		name := i.members.Content[k].Value
		if len(c.show) > 0 && slices.Contains(c.show, name) || len(c.show) == 0 && !slices.Contains(c.hide, name) {
			out.Content = append(out.Content, i.members.Content[k], i.members.Content[k+1])
		}
	}
	return out
}

func mapping(key string, value *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text(key), value}}
}

func members(pairs [][2]string) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for _, p := range pairs {
		out.Content = append(out.Content, text(p[0]), text(p[1]))
	}
	return out
}

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// member finds a member by its path, "Endpoint.Port"; nil where there is none.
func (i *item) member(path string) *yaml.Node {
	if found := walk(i.members, strings.Split(path, ".")); len(found) > 0 {
		return found[0]
	}
	return nil
}

func (i *item) get(path string) string {
	if n := i.member(path); n != nil {
		return n.Value
	}
	return ""
}

// all returns the values at a path that may lead through lists.
func (i *item) all(path string) []string {
	var out []string
	for _, n := range walk(i.members, strings.Split(path, ".")) {
		out = append(out, n.Value)
	}
	return out
}

func walk(n *yaml.Node, path []string) []*yaml.Node {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.SequenceNode {
		var out []*yaml.Node
		for _, entry := range n.Content {
			out = append(out, walk(entry, path)...)
		}
		return out
	}
	if len(path) == 0 {
		return []*yaml.Node{n}
	}
	for k := 0; n.Kind == yaml.MappingNode && k < len(n.Content); k += 2 {
		if n.Content[k].Value == path[0] {
			return walk(n.Content[k+1], path[1:])
		}
	}
	return nil
}

// values returns what a request gives for a parameter: once, as a numbered list
// of a form, or as a list in a JSON document.
func (q *request) values(name string) []string {
	if name == "" {
		return nil
	}
	out := slices.Clone(q.params[name])
	for key, given := range q.params {
		if strings.HasPrefix(key, name+".") {
			out = append(out, given...)
		}
	}
	slices.Sort(out)
	return out
}

// render writes an answer in the request's protocol.
func (q *request) render(document *yaml.Node) answer {
	if q.protocol == queryXML || q.protocol == ec2XML {
		return q.renderXML(document)
	}
	var out strings.Builder
	if err := renderJSON(&out, document); err != nil {
		return q.fail(http.StatusInternalServerError, "InternalFailure", "%v", err)
	}
	return jsonAnswer(http.StatusOK, json.RawMessage(out.String()))
}
