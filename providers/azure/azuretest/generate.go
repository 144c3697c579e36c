package azuretest

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// generator stands for many subscriptions full of storage accounts and holds none
// of them: each is computed from its number, which is in its name, so that a name
// leads straight back to it.
type generator struct {
	Count     int      `yaml:"count"`
	Accounts  int      `yaml:"accounts"` // of each subscription
	Prefix    string   `yaml:"prefix"`
	Group     string   `yaml:"management_group"`
	Locations []string `yaml:"locations"` // taken in turn by the accounts of a subscription
	Seed      uint64   `yaml:"seed"`

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
	maxSubscriptions = 100_000
	maxAccounts      = 100_000
	accountType      = "Microsoft.Storage/storageAccounts"
	accountGroup     = "data"
)

var accountPrefix = regexp.MustCompile(`^[a-z][a-z0-9]{1,10}$`)

func (w *World) checkGenerator() error {
	g := w.generated
	if g == nil {
		return nil
	}
	g.world, g.Prefix = w, cmp.Or(g.Prefix, "estate")
	if len(g.Locations) == 0 {
		g.Locations = []string{"westeurope"}
	}
	switch {
	case g.Count < 1 || g.Count > maxSubscriptions || g.Accounts < 0 || g.Accounts > maxAccounts:
		return worldfile.At(g.line, "generate needs a count of 1 to %d and 0 to %d accounts", maxSubscriptions, maxAccounts)
	case !accountPrefix.MatchString(g.Prefix):
		return worldfile.At(g.line, "prefix %q makes no names of storage accounts", g.Prefix)
	case g.Group != "" && w.group(g.Group) == nil:
		return worldfile.At(g.line, "generate: there is no management group %s", g.Group)
	}
	for _, s := range w.subscriptions {
		if g.named(s.ID) != nil {
			return worldfile.At(g.line, "generate: subscription %s is declared as well", s.ID)
		}
	}
	return nil
}

// idStart is what ids of generated subscriptions begin with.
const idStart = "99999999-0000-4000-8000-"

func (g *generator) subscription(i int) *subscription {
	return &subscription{
		ID: fmt.Sprintf("%s%012d", idStart, i), Name: fmt.Sprintf("%s %05d", g.Prefix, i), Tenant: g.world.tenant.ID, State: "Enabled", Group: g.Group,
		index: i, world: g.world,
	}
}

// named finds a subscription by its id; nil when it is not one of ours.
func (g *generator) named(id string) *subscription {
	if g == nil {
		return nil
	}
	i, ours := numbered(id, idStart, 12)
	if !ours || i >= g.Count {
		return nil
	}
	return g.subscription(i)
}

// numbered reads the number behind a prefix.
func numbered(name, prefix string, digits int) (int, bool) {
	text, ok := strings.CutPrefix(name, prefix)
	i, err := strconv.Atoi(text)
	return i, ok && err == nil && i >= 0 && len(text) == digits && text[0] != '+'
}

func (g *generator) accountPrefix(subscription int) string {
	return fmt.Sprintf("%s%05d", g.Prefix, subscription)
}

// accountNamed finds an account by its id; nil when it is not one of ours.
func (g *generator) accountNamed(subscription int, id string) *thing {
	i, ours := numbered(last(id), g.accountPrefix(subscription), 5)
	if !ours || i >= g.Accounts {
		return nil
	}
	if t := g.account(subscription, i); strings.EqualFold(t.id, id) {
		return t
	}
	return nil
}

// shapesOfAccounts are what an account may be, each with its share of a hundred:
// mostly closed to anonymous readers, some behind a firewall, hardly any public.
var shapesOfAccounts = []struct {
	share uint64
	make  func(properties object, t *thing)
}{
	{58, func(p object, _ *thing) { p["allowBlobPublicAccess"] = false }},
	{16, func(p object, _ *thing) { p["allowBlobPublicAccess"], p["publicNetworkAccess"] = false, "Disabled" }},
	{10, func(p object, _ *thing) {
		p["allowBlobPublicAccess"] = false
		p["networkAcls"] = object{"bypass": "AzureServices", "defaultAction": "Deny", "ipRules": []any{}, "virtualNetworkRules": []any{}}
	}},
	{10, func(p object, t *thing) { // allows public containers, and has none
		p["allowBlobPublicAccess"] = true
		t.contain("logs", "None")
	}},
	{3, func(_ object, t *thing) { t.contain("old", "None") }}, // older than the setting
	{2, func(p object, t *thing) {
		p["allowBlobPublicAccess"] = true
		t.contain("downloads", "Blob")
	}},
	{1, func(p object, t *thing) {
		p["allowBlobPublicAccess"] = false
		t.children["blobservices/default"] = child{object: t.named("blobServices/default", object{"properties": object{"staticWebsite": object{"enabled": true}}})}
	}},
}

// contain adds a container.
func (t *thing) contain(name, access string) {
	const path = "blobServices/default/containers"
	members := t.named(path+"/"+name, object{"properties": object{"publicAccess": access}})
	t.children[strings.ToLower(path)] = child{list: []any{members}}
}

// account computes the i-th account of a subscription.
func (g *generator) account(subscription, i int) *thing {
	name := fmt.Sprintf("%s%05d", g.accountPrefix(subscription), i)
	t := &thing{id: resourceID(g.subscription(subscription).ID, accountGroup, accountType, name), kind: accountType, name: name, children: make(map[string]child)}
	t.children["blobservices/default"] = child{object: t.named("blobServices/default", object{"properties": object{"staticWebsite": object{"enabled": false}}})}
	properties := object{
		"primaryEndpoints": object{"blob": "https://" + name + ".blob.core.windows.net/", "web": "https://" + name + ".z6.web.core.windows.net/"},
	}
	share := g.random(subscription, i) % 100
	for _, shape := range shapesOfAccounts {
		if share < shape.share {
			shape.make(properties, t)
			break
		}
		share -= shape.share
	}
	t.members = object{
		"id": t.id, "name": name, "type": accountType, "location": g.Locations[i%len(g.Locations)], "kind": "StorageV2", "sku": object{"name": "Standard_LRS", "tier": "Standard"},
		"properties": properties,
	}
	return t
}

// random is drawn for an account of a subscription.
func (g *generator) random(subscription, account int) uint64 {
	return worldfile.Draw(g.Seed, uint64(subscription)*maxAccounts+uint64(account))
}

// count and at go through the declared subscriptions and, behind them, the
// generated ones.
func (w *World) count() int {
	n := len(w.subscriptions)
	if w.generated != nil {
		n += w.generated.Count
	}
	return n
}

func (w *World) at(i int) *subscription {
	if i < len(w.subscriptions) {
		return w.subscriptions[i]
	}
	return w.generated.subscription(i - len(w.subscriptions))
}

// subscription finds one by its id; nil when the world has none.
func (w *World) subscription(id string) *subscription {
	for _, s := range w.subscriptions {
		if strings.EqualFold(s.ID, id) {
			return s
		}
	}
	return w.generated.named(strings.ToLower(id))
}

func (s *subscription) resourceCount(kind string) int {
	if s.index < 0 {
		return len(s.kept[strings.ToLower(kind)])
	}
	if strings.EqualFold(kind, accountType) {
		return s.world.generated.Accounts
	}
	return 0
}

func (s *subscription) resourceAt(kind string, i int) *thing {
	if s.index < 0 {
		return s.kept[strings.ToLower(kind)][i]
	}
	return s.world.generated.account(s.index, i)
}

// resource finds one by its id; nil when the subscription has none.
func (s *subscription) resource(id string) *thing {
	if s.index < 0 {
		return s.things[strings.ToLower(id)]
	}
	return s.world.generated.accountNamed(s.index, id)
}
