package azuretest

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// World is one tenant of Azure, or a part of one, as its owners configured it. It
// is made by [Parse] and never changes afterwards: servers may share it.
type World struct {
	tenant        tenant
	groups        []*managementGroup
	subscriptions []*subscription
	generated     *generator
	faults        []Fault
	pageSize      int
	latency       time.Duration
}

// Parse reads a world from YAML. It refuses unknown keys, resources that no call
// reads and references that lead nowhere, and names the line of each.
func Parse(yamlText []byte) (*World, error) { return worldfile.Parse(yamlText, (*worldFile).world) }

// The types below are the YAML schema. They are unexported so that every world
// a server meets has passed the checks of Parse.
type worldFile struct {
	Tenant        tenant             `yaml:"tenant"`
	Groups        []*managementGroup `yaml:"management_groups"`
	Subscriptions subscriptions      `yaml:"subscriptions"`
	Faults        []Fault            `yaml:"faults"`
	PageSize      int                `yaml:"page_size"`
	Latency       time.Duration      `yaml:"latency"`
}

type tenant struct {
	ID     string `yaml:"id"`
	Domain string `yaml:"domain"`
}

// subscriptions is a list, or a mapping of one that is declared and one that is
// generated.
type subscriptions struct {
	Declared []*subscription `yaml:"declared"`
	Generate *generator      `yaml:"generate"`
}

func (s *subscriptions) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return worldfile.Strict(n, &s.Declared)
	}
	type plain subscriptions
	return worldfile.Strict(n, (*plain)(s))
}

type managementGroup struct {
	ID     string `yaml:"id"`
	Name   string `yaml:"name"`
	Parent string `yaml:"parent"`

	line int
}

func (g *managementGroup) UnmarshalYAML(n *yaml.Node) error {
	type plain managementGroup
	g.line = n.Line
	return worldfile.Strict(n, (*plain)(g))
}

type subscription struct {
	ID           string            `yaml:"id"`
	Name         string            `yaml:"name"`
	Tenant       string            `yaml:"tenant"`
	State        state             `yaml:"state"`
	Group        string            `yaml:"management_group"`
	Unregistered []string          `yaml:"unregistered"`
	Resources    []*item           `yaml:"resources"`
	Odd          map[string]values `yaml:"odd"`

	things map[string]*thing   // by id in lower case
	kept   map[string][]*thing // by type in lower case, as declared
	odd    map[string][]any    // by type in lower case
	index  int                 // among the generated; -1 for a declared one
	world  *World
	line   int
}

func (s *subscription) UnmarshalYAML(n *yaml.Node) error {
	type plain subscription
	s.line, s.index = n.Line, -1
	return worldfile.Strict(n, (*plain)(s))
}

// state is the life cycle of a subscription.
type state string

func (v *state) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "Enabled", "Warned", "PastDue", "Disabled", "Deleted")
}

// someTenant is the tenant of a world that does not say.
const someTenant = "11111111-1111-1111-1111-111111111111"

var (
	uuid      = regexp.MustCompile(`^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`)
	groupName = regexp.MustCompile(`^[\w().-]{1,90}$`)
)

// world checks the file, fills in what Azure would have filled in and builds the
// indexes that the server reads.
func (f *worldFile) world() (*World, error) {
	if len(f.Subscriptions.Declared) == 0 && f.Subscriptions.Generate == nil {
		return nil, errors.New("no subscriptions")
	}
	if err := errors.Join(worldfile.Holes(f.Subscriptions.Declared, 0, "subscriptions"), worldfile.Holes(f.Groups, 0, "management_groups")); err != nil {
		return nil, err
	}
	w := &World{
		tenant: f.Tenant, groups: f.Groups, subscriptions: f.Subscriptions.Declared, generated: f.Subscriptions.Generate,
		faults: f.Faults, pageSize: f.PageSize, latency: f.Latency,
	}
	w.tenant.ID = cmp.Or(w.tenant.ID, someTenant)
	problems := []error{w.checkGroups(), w.checkSubscriptions(), w.checkGenerator()}
	if !uuid.MatchString(w.tenant.ID) {
		problems = append(problems, fmt.Errorf("tenant id %q is no UUID in lower case", w.tenant.ID))
	}
	return w, errors.Join(problems...)
}

func (w *World) checkGroups() error {
	var problems []error
	seen := make(map[string]bool)
	for _, g := range w.groups {
		g.Name = cmp.Or(g.Name, g.ID)
		switch {
		case !groupName.MatchString(g.ID):
			problems = append(problems, worldfile.At(g.line, "%q cannot be the id of a management group", g.ID))
		case seen[strings.ToLower(g.ID)]:
			problems = append(problems, worldfile.At(g.line, "management group %s is declared twice", g.ID))
		case !w.rooted(g):
			problems = append(problems, worldfile.At(g.line, "management group %s: the parent %q leads nowhere", g.ID, g.Parent))
		}
		seen[strings.ToLower(g.ID)] = true
	}
	return errors.Join(problems...)
}

// rooted reports whether a management group is below one without a parent.
func (w *World) rooted(g *managementGroup) bool {
	for range w.groups {
		if g == nil || g.Parent == "" {
			break
		}
		g = w.group(g.Parent)
	}
	return g != nil && g.Parent == ""
}

func (w *World) group(id string) *managementGroup {
	for _, g := range w.groups {
		if strings.EqualFold(g.ID, id) {
			return g
		}
	}
	return nil
}

// under reports whether a management group is another, or below it.
func (w *World) under(id, above string) bool {
	for g := w.group(id); g != nil; g = w.group(g.Parent) {
		if strings.EqualFold(g.ID, above) {
			return true
		}
	}
	return false
}

func (w *World) checkSubscriptions() error {
	var problems []error
	seen := make(map[string]bool)
	for _, s := range w.subscriptions {
		s.world = w
		s.Name, s.State, s.Tenant = cmp.Or(s.Name, s.ID), cmp.Or(s.State, "Enabled"), cmp.Or(s.Tenant, w.tenant.ID)
		switch {
		case !uuid.MatchString(s.ID) || !uuid.MatchString(s.Tenant):
			problems = append(problems, worldfile.At(s.line, "subscription %q of tenant %q: one is no UUID in lower case", s.ID, s.Tenant))
		case seen[s.ID]:
			problems = append(problems, worldfile.At(s.line, "subscription %s is declared twice", s.ID))
		case s.Group != "" && w.group(s.Group) == nil:
			problems = append(problems, worldfile.At(s.line, "subscription %s: there is no management group %s", s.ID, s.Group))
		}
		seen[s.ID] = true
		for _, namespace := range s.Unregistered {
			if !readNamespace(namespace) {
				problems = append(problems, worldfile.At(s.line, "unregistered: no call reads %q", namespace))
			}
		}
		problems = append(problems, s.stock())
	}
	return errors.Join(problems...)
}
