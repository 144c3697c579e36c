package conformance

import (
	"encoding/json"
	"maps"

	"github.com/andon-audit/andon/pkg/collect/tape"
)

// PlantJSON is what clouds that speak JSON plant, see Dialect: a copy of an answer
// with the secret in headers, and with members in each of its objects whose members
// the cloud named.
func PlantJSON(e tape.Exchange, secret string, headers []string, members map[string]any) tape.Exchange {
	e.Header = e.Header.Clone()
	for _, name := range headers {
		e.Header.Set(name, secret)
	}
	var answer any
	if json.Unmarshal(e.Body, &answer) == nil {
		if body, err := json.Marshal(plant(answer, members)); err == nil {
			e.Body = body
		}
	}
	return e
}

func plant(v any, members map[string]any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plant(v[i], members)
		}
	case map[string]any:
		if structured(v) {
			for key := range v {
				v[key] = plant(v[key], members)
			}
			maps.Copy(v, members)
		}
	}
	return v
}

// structured reports whether an object has members that the cloud named, and is no
// map of the owner's own words, such as labels and tags.
func structured(object map[string]any) bool {
	for _, value := range object {
		if _, text := value.(string); !text {
			return true
		}
	}
	return len(object) == 0 || object["name"] != nil || object["kind"] != nil || object["type"] != nil || object["id"] != nil
}
