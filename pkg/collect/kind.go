package collect

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/pkg/resource"
)

// Kind is a decoded kind.yaml: what a store is, what is read about it, and what
// cannot be seen. Documentation, permissions, the calls that are allowed to
// leave the machine and the gaps of refused questions all come from it.
type Kind struct {
	Name  resource.Kind  `yaml:"kind"`
	Class resource.Class `yaml:"class"`
	Title string         `yaml:"title"`
	// Public says in one or two sentences what makes such a store public.
	Public string `yaml:"public"`
	// Budget is the number of questions a store may cost when only verdicts are
	// wanted; 0 means as many as there are. Shared questions do not count.
	Budget int `yaml:"budget"`
	// Sparse says that the service is not offered everywhere: an endpoint that
	// does not know the listing call has no store of this kind. For any other
	// kind such an answer is a refusal like every other.
	Sparse bool `yaml:"sparse"`
	// Channels are the ways in, each with a line for readers.
	Channels map[resource.Channel]string `yaml:"channels"`
	Lists    []Listing                   `yaml:"lists"`
	Reads    []Reading                   `yaml:"reads"`
	// Settings are the keys that readings fill in.
	Settings map[string]SettingType `yaml:"settings"`
	// Blind lists honest limits: what andon cannot see of this kind.
	Blind      []string `yaml:"blind"`
	References []string `yaml:"references"`
}

// Listing declares a listing call.
type Listing struct {
	Call       string `yaml:"call"`
	Permission string `yaml:"permission"`
	// Whole says that the service answers it at once, however much there is.
	Whole bool `yaml:"whole"`
}

// Reading declares a detail call and what its answer may hide.
type Reading struct {
	Call       string   `yaml:"call"`
	Permission string   `yaml:"permission"`
	Shared     bool     `yaml:"shared"`
	Hides      []hidden `yaml:"hides"`
	Shields    []shield `yaml:"shields"`
	Settings   []string `yaml:"settings"`
}

// SettingType declares one setting.
type SettingType struct {
	// Type is "bool", "number", "text" or "texts" (a list of texts).
	Type string `yaml:"type"`
	Doc  string `yaml:"doc"`
}

var settingTypes = []string{"bool", "number", "text", "texts"}

type audience struct {
	Reach      resource.Reach      `yaml:"reach"`
	Credential resource.Credential `yaml:"credential"`
}

type hidden struct {
	Via resource.Channel  `yaml:"via"`
	To  audience          `yaml:"to"`
	Can []resource.Action `yaml:"can"`
}

type shield struct {
	On  []resource.Channel `yaml:"on"`
	Can []resource.Action  `yaml:"can"`
	Cap audience           `yaml:"cap"`
}

// ParseKind decodes and checks a kind.yaml. Unknown keys and words, undeclared
// channels and settings, and missing texts are errors.
func ParseKind(text []byte) (*Kind, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var k Kind
	if err := decoder.Decode(&k); err != nil {
		return nil, fmt.Errorf("parse kind.yaml: %w", err)
	}
	if err := k.check(); err != nil {
		return nil, fmt.Errorf("check kind %s: %w", k.Name, err)
	}
	return &k, nil
}

// MustParseKind is ParseKind for a declaration embedded in the program, where
// an error is a defect of the program.
func MustParseKind(text []byte) *Kind {
	k, err := ParseKind(text)
	if err != nil {
		panic(err)
	}
	return k
}

func (k *Kind) check() error {
	if k.Name == "" || k.Class == "" || k.Title == "" || k.Public == "" {
		return fmt.Errorf("kind, class, title and public must be given")
	}
	if len(k.Lists) == 0 || len(k.Channels) == 0 || len(k.References) == 0 {
		return fmt.Errorf("lists, channels and references must be given")
	}
	for _, l := range k.Lists {
		if l.Call == "" || l.Permission == "" {
			return fmt.Errorf("lists: call and permission must be given")
		}
	}
	for name, s := range k.Settings {
		if !slices.Contains(settingTypes, s.Type) || s.Doc == "" {
			return fmt.Errorf("setting %q needs a doc and a type, one of %q", name, settingTypes)
		}
	}
	seen := map[string]bool{}
	for _, r := range k.Reads {
		if seen[r.Call] {
			return fmt.Errorf("%s is declared twice", r.Call)
		}
		seen[r.Call] = true
		if err := k.checkReading(r); err != nil {
			return fmt.Errorf("%s: %w", r.Call, err)
		}
	}
	return nil
}

func (k *Kind) checkReading(r Reading) error {
	if r.Call == "" || r.Permission == "" {
		return fmt.Errorf("call and permission must be given")
	}
	for _, h := range r.Hides {
		if err := k.checkTerms([]resource.Channel{h.Via}, h.Can); err != nil {
			return err
		}
	}
	for _, s := range r.Shields {
		if err := k.checkTerms(s.On, s.Can); err != nil {
			return err
		}
	}
	for _, key := range r.Settings {
		if _, ok := k.Settings[key]; !ok {
			return fmt.Errorf("setting %q is not declared", key)
		}
	}
	return nil
}

// checkTerms refuses words that no grant would ever bear: a question that
// speaks of "reed" hides nothing, and its refusal would look safe.
func (k *Kind) checkTerms(channels []resource.Channel, can []resource.Action) error {
	for _, via := range channels {
		if _, ok := k.Channels[via]; !ok {
			return fmt.Errorf("channel %q is not declared", via)
		}
	}
	for _, action := range can {
		if !slices.Contains(resource.Actions(), action) {
			return fmt.Errorf("action %q is none of %q", action, resource.Actions())
		}
	}
	return nil
}

// Question returns the declared question with the function that asks it. A call
// that kind.yaml does not declare is a defect of the collector: it panics.
func (k *Kind) Question(call string, ask AskFunc) *Question {
	i := slices.IndexFunc(k.Reads, func(r Reading) bool { return r.Call == call })
	if i < 0 {
		panic(fmt.Sprintf("kind %s does not declare %s", k.Name, call))
	}
	r := k.Reads[i]
	q := &Question{Call: r.Call, Permission: r.Permission, Settings: r.Settings, Shared: r.Shared, Ask: ask}
	for _, h := range r.Hides {
		q.Hides = append(q.Hides, resource.Hidden{Via: h.Via, To: h.To.resource(), Can: h.Can})
	}
	for _, s := range r.Shields {
		q.Shields = append(q.Shields, resource.Shield{On: s.On, Can: s.Can, Cap: s.Cap.resource()})
	}
	return q
}

// Calls returns every call the kind declares, listings first.
func (k *Kind) Calls() []string {
	var calls []string
	for _, l := range k.Lists {
		calls = append(calls, l.Call)
	}
	for _, r := range k.Reads {
		calls = append(calls, r.Call)
	}
	return calls
}

// Missing returns the settings that a listing fills in, those of no question, and
// that a store lacks, sorted.
func (k *Kind) Missing(r *resource.Resource) []string {
	var keys []string
	for key := range k.Settings {
		_, read := r.Settings[key]
		if !read && !slices.ContainsFunc(k.Reads, func(r Reading) bool { return slices.Contains(r.Settings, key) }) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (a audience) resource() resource.Audience {
	return resource.Audience{Reach: a.Reach, Credential: a.Credential}
}
