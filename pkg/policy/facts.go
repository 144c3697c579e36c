package policy

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
)

// world is everything an expression can see at one moment of an evaluation. It
// is the value of every variable: the fields take what they show out of it, so
// that nothing is copied and nothing can be nil.
type world struct {
	resource *resource.Resource
	config   *Config
	level    exposure.Level
	latent   exposure.Level
	named    []string
	// unknown are the facts that must count as unknown.
	unknown []*cel.AttributePatternType
}

// ResolveName implements cel.Activation.
func (w *world) ResolveName(name string) (any, bool) {
	if _, ok := roots[name]; ok {
		return w, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (w *world) Parent() cel.Activation { return nil }

// UnknownAttributePatterns implements cel.PartialActivation.
func (w *world) UnknownAttributePatterns() []*cel.AttributePatternType { return w.unknown }

// AsPartialActivation is what cel-go looks for; without it the unknown facts
// would quietly count as known.
func (w *world) AsPartialActivation() (interpreter.PartialActivation, bool) { return w, true }

// field is one fact that expressions can name.
type field struct {
	typ *cel.Type
	get func(*world) any
}

// fields are the facts of one variable, by name.
type fields map[string]field

// roots are the variables of the language. The fields of settings come from the
// vocabulary.
var roots = map[string]fields{
	"resource": {
		"id":       {cel.StringType, func(w *world) any { return string(w.resource.ID) }},
		"kind":     {cel.StringType, func(w *world) any { return string(w.resource.Kind) }},
		"class":    {cel.StringType, func(w *world) any { return string(w.resource.Class) }},
		"provider": {cel.StringType, func(w *world) any { return w.resource.Kind.Provider() }},
		"name":     {cel.StringType, func(w *world) any { return w.resource.Name }},
		"account":  {cel.StringType, func(w *world) any { return w.resource.Scope.Account }},
		"region":   {cel.StringType, func(w *world) any { return w.resource.Scope.Region }},
		"created":  {cel.TimestampType, func(w *world) any { return w.resource.Created }},
		"tags":     {cel.MapType(cel.StringType, cel.StringType), func(w *world) any { return w.resource.Tags }},
	},
	"exposure": {
		"level":  {cel.IntType, func(w *world) any { return int64(w.level) }},
		"latent": {cel.IntType, func(w *world) any { return int64(w.latent) }},
		"named":  {cel.ListType(cel.StringType), func(w *world) any { return w.named }},
	},
	"level": levelFields(),
	"config": {
		"trusted_accounts": {cel.ListType(cel.StringType), func(w *world) any { return w.config.TrustedAccounts }},
	},
	"settings": nil,
}

func levelFields() fields {
	all := make(fields)
	for _, l := range exposure.Levels() {
		all[l.String()] = field{cel.IntType, func(*world) any { return int64(l) }}
	}
	return all
}

// The facts that the rest of the package knows by name.
const (
	readLevel    = "exposure.level"
	readLatent   = "exposure.latent"
	readNamed    = "exposure.named"
	readCreated  = "resource.created"
	readTags     = "resource.tags"
	readSettings = "settings."
)

// language is the CEL environment of one vocabulary.
type language struct {
	env        *cel.Env
	vocabulary *Vocabulary
	types      provider
}

func newLanguage(v *Vocabulary) (*language, error) {
	settings, err := settingFields(v.Settings)
	if err != nil {
		return nil, err
	}
	base, err := cel.NewEnv(ext.Strings(), ext.Sets(), ext.Network(), cel.CrossTypeNumericComparisons(true))
	if err != nil {
		return nil, fmt.Errorf("build policy language: %w", err)
	}
	own := provider{Provider: base.CELTypeProvider(), roots: make(map[string]fields, len(roots))}
	options := []cel.EnvOption{cel.CustomTypeProvider(own)}
	for name, fs := range roots {
		own.roots[typePrefix+name] = fs
		options = append(options, cel.Variable(name, cel.ObjectType(typePrefix+name)))
	}
	own.roots[typePrefix+"settings"] = settings
	env, err := base.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("build policy language: %w", err)
	}
	return &language{env: env, vocabulary: v, types: own}, nil
}

func settingFields(known map[string]Type) (fields, error) {
	all := make(fields, len(known))
	for name, t := range known {
		typ, err := t.cel()
		if err != nil {
			return nil, fmt.Errorf("build policy language: setting %q: %w", name, err)
		}
		all[name] = field{typ, func(w *world) any { return w.resource.Settings[name].Value }}
	}
	return all, nil
}

// fieldNames lists every field of every variable, for suggestions.
func (l *language) fieldNames() []string {
	var names []string
	for _, fs := range l.types.roots {
		for name := range fs {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// typePrefix keeps the variables' types apart from the variables.
const typePrefix = "andon."

// provider teaches CEL the fields of the variables without reflection.
type provider struct {
	types.Provider
	roots map[string]fields
}

// FindStructType implements types.Provider.
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.roots[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	fs, ok := p.roots[name]
	if !ok {
		return p.Provider.FindStructFieldNames(name)
	}
	var names []string
	for field := range fs {
		names = append(names, field)
	}
	return names, true
}

// FindStructFieldType implements types.Provider.
func (p provider) FindStructFieldType(name, fieldName string) (*types.FieldType, bool) {
	if !strings.HasPrefix(name, typePrefix) {
		return p.Provider.FindStructFieldType(name, fieldName)
	}
	f, ok := p.roots[name][fieldName]
	if !ok {
		return nil, false
	}
	return &types.FieldType{
		Type:    f.typ,
		IsSet:   func(any) bool { return true },
		GetFrom: func(target any) (any, error) { return f.get(target.(*world)), nil },
	}, true
}
