package servernetwork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/azure/arm"
	"github.com/andon-audit/andon/providers/azure/firewall"
	"github.com/andon-audit/andon/providers/azure/perimeter"
)

// Row is one type of database.
type Row struct {
	Kind *collect.Kind
	// Type is what ids are of, "Microsoft.Sql/servers".
	Type string
	// Access is where publicNetworkAccess stands among the properties; nil where
	// the type has none.
	Access []string
	// Perimeter is the call that reads the network security perimeter of a store,
	// or "" where the type cannot be in one.
	Perimeter string
	// Trusted are the channels of services and resources that a store trusts by
	// name: its own public network access leaves them open, and a perimeter does not.
	Trusted []resource.Channel
	// Rules are the child listings of address rules.
	Rules []Rules
	// Describe adds what the listing says beyond publicNetworkAccess.
	Describe func(s *Server)
	// Unauthenticated says that some stores of the type can be set to ask for no
	// credential.
	Unauthenticated bool
	// Holding is what it takes to get into a store; nil means a credential of the
	// owner.
	Holding func(r *resource.Resource) resource.Credential
	// More are questions beyond those about rules.
	More func(a Asking) []*collect.Question
}

// Rules is one child listing of address rules.
type Rules struct {
	Call string
	// Start and End are the members of a rule's properties.
	Start, End string
	// Unruled and Zero are what no rules and 0.0.0.0 mean; see firewall.Rules.
	Unruled bool
	Zero    firewall.Zero
	// Setting is the key under which the ranges are recorded.
	Setting string
	// Doubt returns why it is not known whether the rules are in force, or "".
	Doubt func(r *resource.Resource) string
	// Beyond returns what may let somebody in beside the rules, or "".
	Beyond string
}

// Asking is what a question about one store is asked with.
type Asking struct {
	Client *arm.Client
	Scope  resource.Scope
	ID     arm.ID
}

type collector struct {
	Row
	client *arm.Client
	scope  resource.Scope
}

// New returns the collector of a row in one subscription.
func New(row Row, c *arm.Client, scope resource.Scope) collect.Collector {
	return &collector{Row: row, client: c, scope: scope}
}

// Kind implements collect.Collector.
func (c *collector) Kind() *collect.Kind { return c.Row.Kind }

func (c *collector) listCall() string { return c.Row.Kind.Lists[0].Call }

// List implements collect.Collector. An entry that cannot be read stays, as a
// store of which nothing is known, and the last error says so.
func (c *collector) List(ctx context.Context) iter.Seq2[*resource.Resource, error] {
	return c.client.Stores(ctx, c.listCall(), c.scope.Account, func(item arm.Item) (*resource.Resource, error) {
		s := c.describe(item)
		if s.nameless {
			return s.Resource, errors.New("it has no id that could be asked about")
		}
		return s.Resource, nil
	})
}

// describe makes a store of an entry.
func (c *collector) describe(item arm.Item) *Server {
	record := item.Record()
	s := &Server{
		Resource: &resource.Resource{
			ID: resource.ID(record.ID), Kind: c.Row.Kind.Name, Class: c.Row.Kind.Class, Name: record.Name,
			Scope: c.scope, Tags: record.Tags, Created: record.Created,
		},
		Record: record, Client: c.client, Permission: c.Row.Kind.Lists[0].Permission, row: c.Row,
	}
	id, err := c.idOf(record.ID)
	if err != nil {
		s.anonymous(err)
		return s
	}
	if s.Name == "" {
		s.Name = id.Name()
	}
	if err := record.Into(&s.Properties); err != nil || s.Properties == nil {
		s.unread("its properties cannot be read", c.Row.Kind.Missing(s.Resource)...)
		return s
	}
	s.addAccess()
	if c.Describe != nil {
		c.Describe(s)
	}
	return s
}

// idOf reads the id of a listed store, which has to be of the subscription that
// was listed.
func (c *collector) idOf(text string) (arm.ID, error) {
	return arm.ParseListed(text, c.Type, c.scope.Account)
}

// Questions implements collect.Collector.
func (c *collector) Questions(r *resource.Resource) []*collect.Question {
	id, err := c.idOf(string(r.ID))
	if err != nil {
		return nil
	}
	a := Asking{Client: c.client, Scope: c.scope, ID: id}
	var questions []*collect.Question
	for _, rules := range c.Rules {
		questions = append(questions, c.Row.Kind.Question(rules.Call, a.ask(c.Row, rules)))
	}
	if c.More != nil {
		questions = append(questions, c.More(a)...)
	}
	if c.Perimeter != "" {
		questions = append(questions, c.door(id, r).Question(c.Row.Kind, c.client, c.Perimeter))
	}
	return questions
}

// door is a store as far as a perimeter rules over it.
func (c *collector) door(id arm.ID, r *resource.Resource) perimeter.Door {
	word, _ := r.Settings[accessSetting].Value.(string)
	access, err := json.Marshal(word)
	if err != nil {
		access = nil // a text always has a form
	}
	return perimeter.Door{
		ID: id, PublicNetworkAccess: access, Rules: []resource.Channel{Network}, Trusted: c.Trusted, Can: Connect(),
		Cite: func(quote string) resource.Evidence {
			return resource.Evidence{Call: c.listCall(), Of: string(r.ID), Pointer: "/value", Quote: quote}
		},
	}
}

// ask reads the rules of one store, and adds whom they admit together.
func (a Asking) ask(row Row, of Rules) collect.AskFunc {
	return func(ctx context.Context, r *resource.Resource) error {
		rules := firewall.Rules{Unruled: of.Unruled, Zero: of.Zero}
		texts := []string{}
		for item, err := range a.Client.List(ctx, of.Call, a.ID.Values()...) {
			if err != nil {
				return arm.FailedOf(of.Call, a.ID, err)
			}
			texts = append(texts, of.count(&rules, item))
		}
		from := Listed(of.Call, r, texts)
		r.Set(of.Setting, texts, from)
		holding := resource.CredentialOwn
		if row.Holding != nil {
			holding = row.Holding(r)
		}
		of.add(r, rules.Admit(), holding, from)
		return nil
	}
}

// count counts a rule in and returns what it is known by.
func (of Rules) count(rules *firewall.Rules, item arm.Item) string {
	var properties Members
	err := item.Record().Into(&properties)
	start, end := properties.Text(of.Start), properties.Text(of.End)
	if err != nil || start.Odd || end.Odd {
		text := fmt.Sprintf("rule %d", item.Place+1)
		rules.Odd(text)
		return text
	}
	rules.Range(start.Text, end.Text)
	return firewall.Quote(start.Text) + "-" + firewall.Quote(end.Text)
}

// quoted is what evidence says of a listing of rules.
func quoted(texts []string) string {
	if len(texts) == 0 {
		return "no rules"
	}
	const most = 4
	if more := len(texts) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(texts[:most], ", "), more)
	}
	return strings.Join(texts, ", ")
}

func (of Rules) add(r *resource.Resource, a firewall.Admission, holding resource.Credential, from resource.Evidence) {
	note(r, a.Notes...)
	gap := func(why string, hidden ...resource.Hidden) {
		if len(hidden) > 0 {
			r.Gaps = append(r.Gaps, resource.Gap{Call: of.Call, Reason: resource.Undecided, Detail: why, Hides: hidden})
		}
	}
	if of.Doubt != nil && a.MayReach() > resource.ReachPrivate {
		if why := of.Doubt(r); why != "" {
			gap(why, resource.Hidden{Via: Network, To: resource.Audience{Reach: a.MayReach(), Credential: holding}, Can: Connect()})
			return
		}
	}
	r.Grants = append(r.Grants, a.Grants(Network, holding, Connect(), from)...)
	why, hidden := a.Hides(Network, holding, Connect())
	gap(why, hidden...)
	if of.Beyond != "" && a.Reach() < resource.ReachProvider && !closed(r) {
		gap(of.Beyond, Anybody())
	}
}

// closed reports whether a guard is known that lets nobody through the endpoint.
func closed(r *resource.Resource) bool {
	return slices.ContainsFunc(r.Guards, func(g resource.Guard) bool {
		return slices.Contains(g.On, Network) && g.Cap.Reach == resource.ReachPrivate
	})
}

func note(r *resource.Resource, texts ...string) {
	for _, text := range texts {
		if !slices.Contains(r.Notes, text) {
			r.Notes = append(r.Notes, text)
		}
	}
}

// RuleText returns a text of a rule's properties, or "" where it has none.
func RuleText(item arm.Item, member string) string {
	var m Members
	if item.Into(&m) != nil {
		return ""
	}
	return m.Text("properties", member).Text
}

// Listed is the evidence of what a listing about a store holds.
func Listed(call string, r *resource.Resource, texts []string) resource.Evidence {
	return resource.Evidence{Call: call, Of: string(r.ID), Pointer: "/value", Quote: quoted(texts)}
}
