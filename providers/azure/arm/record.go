package arm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/internal/restapi"
)

// Item is one entry of a listing, as it came.
type Item struct {
	// Call is the listing.
	Call string
	// Place counts the entries before it, over all pages.
	Place int
	// Raw is the entry as it came, which may be null.
	Raw json.RawMessage
}

// Into decodes an entry, which has to be an object, into a value.
func (i Item) Into(value any) error { return decode(i.Call, i.Raw, value) }

// Evidence cites a listing for something that an entry of it says. The place in
// the list changes with paging, and is not told.
func (i Item) Evidence(of, quote string) resource.Evidence {
	return resource.Evidence{Call: i.Call, Of: of, Pointer: "/value", Quote: quote}
}

// Record is what every resource of Resource Manager says of itself. Members of
// another type than they should have are left out, and named in Odd: one odd tag
// does not hide a store.
type Record struct {
	ID, Name, Type, Location, Kind string
	Tags                           map[string]string
	SKU                            SKU
	Created                        time.Time // of systemData; often unknown
	// Properties is what only this type of resource has, or nil.
	Properties json.RawMessage
	// Odd are the members that could not be read, "" the whole entry.
	Odd []string

	Item Item
}

// SKU is what was bought.
type SKU struct {
	Name string `json:"name"`
	Tier string `json:"tier"`
}

// Record reads the members that every resource has.
func (i Item) Record() Record {
	r := Record{Item: i}
	var members map[string]json.RawMessage
	if i.Into(&members) != nil {
		r.Odd = []string{""}
		return r
	}
	var system struct {
		CreatedAt string `json:"createdAt"`
	}
	for _, m := range []struct {
		name string
		into any
	}{
		{"id", &r.ID},
		{"name", &r.Name},
		{"type", &r.Type},
		{"location", &r.Location},
		{"kind", &r.Kind},
		{"tags", &r.Tags},
		{"sku", &r.SKU},
		{"systemData", &system},
	} {
		if raw, odd := Member(members, m.name); odd || raw != nil && json.Unmarshal(raw, m.into) != nil {
			r.Odd = append(r.Odd, m.name)
		}
	}
	if twice(i.Raw, 1) == "" { // a map keeps the last of two
		r.Properties, _ = Member(members, "properties") // odd ones are nil, which is no object
	}
	r.Created, _ = time.Parse(time.RFC3339, system.CreatedAt) // what is no time stays unknown
	return r
}

// Member finds a member by its name, however it is written; without one, it is
// nil. Where it stands there in several spellings, it is odd and nil: nobody says
// which of them counts, the expected one or another.
func Member(members map[string]json.RawMessage, name string) (raw json.RawMessage, odd bool) {
	found := 0
	for key, value := range members {
		if strings.EqualFold(key, name) {
			raw = value
			found++
		}
	}
	if found > 1 {
		return nil, true
	}
	return raw, false
}

// Into decodes the properties, which have to be an object and to have no member
// twice, into a value.
func (r Record) Into(properties any) error { return decodeOnce(r.Item.Call, r.Properties, properties) }

// everyDepth has twice look into everything that is inside of an object.
const everyDepth = math.MaxInt

// twice returns the first member of an object, or of one inside of it to some depth
// (1: of itself alone), that has the name of another one, however it is written; ""
// where there is none.
func twice(text []byte, depth int) string {
	d := json.NewDecoder(bytes.NewReader(text))
	var open []map[string]bool // the names seen in each object that is open; nil for a list, or deeper
	for named := false; ; {    // named says that a value follows its name
		token, err := d.Token()
		if err != nil {
			return "" // the end, or what is found when it is decoded
		}
		name, text := token.(string)
		switch top := len(open) - 1; {
		case token == json.Delim('{') && len(open) < depth:
			open, named = append(open, make(map[string]bool)), false
		case token == json.Delim('{'), token == json.Delim('['):
			open, named = append(open, nil), false
		case token == json.Delim('}'), token == json.Delim(']'):
			open = open[:top]
		case text && !named && top >= 0 && open[top] != nil:
			folded := strings.ToLower(strings.ToUpper(name)) // as far as package json folds
			if open[top][folded] {
				return name
			}
			open[top][folded], named = true, true
		default:
			named = false
		}
	}
}

// Evidence cites the listing for something that it says of this resource.
func (r Record) Evidence(quote string) resource.Evidence { return r.Item.Evidence(r.ID, quote) }

// ID is the name of a resource for good.
type ID struct {
	Subscription, Group string
	// Type is "Microsoft.Storage/storageAccounts", as it was asked for.
	Type string
	// Names are the resource's own and, before it, those it is in.
	Names []string
}

// ParseID reads the id of a resource of a type: hostile text until it has that
// form. A type of several parts, "Microsoft.Network/virtualNetworks/subnets", has
// as many names.
//
// Source: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
func ParseID(id, of string) (ID, error) {
	namespace, types, _ := strings.Cut(of, "/")
	pattern := "subscriptions/{}/resourceGroups/{}/providers/" + namespace
	for t := range strings.SplitSeq(types, "/") {
		pattern += "/" + t + "/{}"
	}
	rest, rooted := strings.CutPrefix(id, "/")
	want, given := strings.Split(pattern, "/"), strings.Split(rest, "/")
	malformed := func() (ID, error) {
		return ID{}, fmt.Errorf("%q is not the id of a resource of type %s", restapi.Line(id), of)
	}
	if !rooted || len(want) != len(given) {
		return malformed()
	}
	var values []string
	for i, segment := range want {
		switch {
		case segment == "{}" && segmental(given[i]):
			values = append(values, given[i])
		case segment == "{}" || !strings.EqualFold(segment, given[i]):
			return malformed()
		}
	}
	return ID{Subscription: values[0], Group: values[1], Type: of, Names: values[2:]}, nil
}

// ParseListed is ParseID for an entry of the listing of a subscription, which has
// to be of that subscription.
func ParseListed(id, of, subscription string) (ID, error) {
	parsed, err := ParseID(id, of)
	if err != nil {
		return ID{}, err
	}
	if !strings.EqualFold(parsed.Subscription, subscription) {
		return ID{}, fmt.Errorf("%q is in another subscription than the one that was listed", restapi.Line(id))
	}
	return parsed, nil
}

// Name is the resource's own name.
func (id ID) Name() string { return id.Names[len(id.Names)-1] }

// Values fill the templates of routes about the resource and what is in it.
func (id ID) Values(more ...string) []string {
	values := append([]string{id.Subscription, id.Group}, id.Names...)
	return append(values, more...)
}

// String spells the id.
func (id ID) String() string {
	namespace, types, _ := strings.Cut(id.Type, "/")
	text := "/subscriptions/" + id.Subscription + "/resourceGroups/" + id.Group + "/providers/" + namespace
	for i, t := range strings.Split(types, "/") {
		text += "/" + t + "/" + id.Names[i]
	}
	return text
}

// Key is the same for every spelling of an id: Resource Manager compares without
// case, and answers in several.
func Key(id string) string { return strings.ToLower(strings.TrimSuffix(id, "/")) }

// Is reports whether a word is one of those given, which Resource Manager writes
// in capitals here and in small letters there.
func Is(word string, of ...string) bool {
	for _, known := range of {
		if strings.EqualFold(word, known) {
			return true
		}
	}
	return false
}

// Bool reads a member. Given is false where it is absent or null; ok is false
// where it is something else.
func Bool(raw json.RawMessage) (value, given, ok bool) {
	var b *bool
	if len(raw) > 0 && json.Unmarshal(raw, &b) != nil {
		return false, true, false
	}
	if b == nil {
		return false, false, true
	}
	return *b, true, true
}

// Text reads a member like Bool does; "" counts as absent.
func Text(raw json.RawMessage) (value string, given, ok bool) {
	var t *string
	if len(raw) > 0 && json.Unmarshal(raw, &t) != nil {
		return "", true, false
	}
	if t == nil {
		return "", false, true
	}
	value = strings.TrimSpace(*t)
	return value, value != "", true
}
