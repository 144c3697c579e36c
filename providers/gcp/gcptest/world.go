package gcptest

import (
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// World is one estate of Google Cloud, or a part of one, as its owners
// configured it. It is made by [Parse] and never changes afterwards: servers may
// share it.
type World struct {
	organizations []*organization
	folders       []*folder
	projects      []*project
	generated     *generator
	faults        []Fault
	pageSize      int
	latency       time.Duration

	byProject map[string]*project // by id and by number
	buckets   map[string]*bucket  // every declared bucket: names are global in Cloud Storage
}

// Parse reads a world from YAML. It refuses unknown keys, stock that no call
// reads and references that lead nowhere, and names the line of each.
func Parse(yamlText []byte) (*World, error) { return worldfile.Parse(yamlText, (*worldFile).world) }

// The types below are the YAML schema. They are unexported so that every world
// a server meets has passed the checks of Parse.
type worldFile struct {
	Organizations []*organization `yaml:"organizations"`
	Folders       []*folder       `yaml:"folders"`
	Projects      projects        `yaml:"projects"`
	Faults        []Fault         `yaml:"faults"`
	PageSize      int             `yaml:"page_size"`
	Latency       time.Duration   `yaml:"latency"`
}

// projects is a list, or a mapping of one that is declared and one that is
// generated.
type projects struct {
	Declared []*project `yaml:"declared"`
	Generate *generator `yaml:"generate"`
}

func (p *projects) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return worldfile.Strict(n, &p.Declared)
	}
	type plain projects
	return worldfile.Strict(n, (*plain)(p))
}

type organization struct {
	ID       string          `yaml:"id"`
	Domain   string          `yaml:"domain"`
	Customer string          `yaml:"customer"`
	Deny     []*item         `yaml:"deny"`
	Roles    []*item         `yaml:"roles"`
	Access   []*accessPolicy `yaml:"access_policies"`

	line int
}

// accessPolicy is one of Access Context Manager. Its members are those of the
// API, next to the perimeters.
type accessPolicy struct {
	item

	perimeters []*item
}

type folder struct {
	ID     string  `yaml:"id"`
	Name   string  `yaml:"name"`
	Parent string  `yaml:"parent"`
	State  state   `yaml:"state"`
	Deny   []*item `yaml:"deny"`

	line int
}

type project struct {
	ID          string             `yaml:"id"`
	Number      string             `yaml:"number"`
	Name        string             `yaml:"name"`
	Parent      string             `yaml:"parent"`
	State       state              `yaml:"state"`
	Disabled    []string           `yaml:"disabled"`
	OrgPolicies map[string]*item   `yaml:"org_policies"`
	Deny        []*item            `yaml:"deny"`
	Roles       []*item            `yaml:"roles"`
	Locations   []string           `yaml:"locations"`
	Stock       map[string][]*item `yaml:"stock"`
	HMACKeys    []*item            `yaml:"hmac_keys"`

	world    *World
	buckets  []*bucket           // declared, by name
	things   map[string]*thing   // of the other services but bigquery, by service and name
	kept     map[string][]*thing // the same, by service and shape, sorted
	datasets map[string]*dataset // of bigquery, by id
	index    int                 // among the generated; -1 for a declared one
	line     int
}

// state is the life cycle of a project or a folder.
type state string

func (v *state) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(v, n, "ACTIVE", "DELETE_REQUESTED")
}

func (o *organization) UnmarshalYAML(n *yaml.Node) error {
	type plain organization
	o.line = n.Line
	return worldfile.Strict(n, (*plain)(o))
}

func (f *folder) UnmarshalYAML(n *yaml.Node) error {
	type plain folder
	f.line = n.Line
	return worldfile.Strict(n, (*plain)(f))
}

func (p *project) UnmarshalYAML(n *yaml.Node) error {
	type plain project
	p.line, p.index = n.Line, -1
	return worldfile.Strict(n, (*plain)(p))
}
