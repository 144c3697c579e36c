package audit

import (
	"slices"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/policy"
	"github.com/andon-audit/andon/pkg/resource"
)

// Vocabulary is what policies may mention: what every kind declares.
func Vocabulary(kinds []*collect.Kind) policy.Vocabulary {
	v := policy.Vocabulary{Settings: make(map[string]policy.Type), Actions: resource.Actions()}
	for _, k := range kinds {
		v.Kinds = append(v.Kinds, k.Name)
		if !slices.Contains(v.Classes, k.Class) {
			v.Classes = append(v.Classes, k.Class)
		}
		for via := range k.Channels {
			if !slices.Contains(v.Channels, via) {
				v.Channels = append(v.Channels, via)
			}
		}
		for name, setting := range k.Settings {
			v.Settings[name] = policy.Type(setting.Type)
		}
	}
	slices.Sort(v.Channels)
	return v
}
