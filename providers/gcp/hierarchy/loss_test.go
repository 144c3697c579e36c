package hierarchy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/gcp/hierarchy"
)

// anyEstate draws deny policies and perimeters of every shape, known and
// unknown.
func anyEstate(t *rapid.T) *estate {
	e := newEstate()
	e.answers[ancestryKey] = inFolder
	permissions := append(denied(resource.Read, resource.List), "storage.googleapis.com/*.*", "storage.googleapis.com/objects.*", "storage.googleapis.com/*.list", "obj*")
	principals := []string{all, all, all, "principalSet://goog/group/x@example.com", "principalSet://goog/public:unheard"}
	for _, point := range []string{"projects/tconnect", "folders/5", "organizations/9"} {
		for i := range rapid.IntRange(0, 2).Draw(t, "policies") {
			var rules []any
			for range rapid.IntRange(0, 2).Draw(t, "rules") {
				rule := object{
					"deniedPrincipals":  rapid.SliceOfN(rapid.SampledFrom(principals), 1, 2).Draw(t, "principals"),
					"deniedPermissions": rapid.SliceOfNDistinct(rapid.SampledFrom(permissions), 0, 5, rapid.ID).Draw(t, "permissions"),
				}
				for member, value := range map[string]any{
					"exceptionPrincipals":  []string{"principal://goog/subject/a@example.com"},
					"exceptionPermissions": []string{"storage.googleapis.com/objects.get"},
					"denialCondition":      object{"expression": "resource.hasTagKey('1/x')"},
				} {
					if rapid.IntRange(0, 4).Draw(t, member) == 0 {
						rule[member] = value
					}
				}
				rules = append(rules, denyRule(rule))
			}
			e.deny(t, point, fmt.Sprintf("p%d", i), rules...)
		}
	}
	e.answers[policiesKey] = `{"accessPolicies":[{"name":"accessPolicies/77"},{"name":"accessPolicies/78"}]}`
	taken := make(map[string]bool)
	e.answers[perimetersKey] = text(object{"servicePerimeters": perimetersOf(t, taken)})
	e.answers[strings.Replace(perimetersKey, "77", "78", 1)] = text(object{"servicePerimeters": perimetersOf(t, taken)})
	return e
}

// perimetersOf draws perimeters. As Google has it, what one that is enforced and
// regular names, no other does.
func perimetersOf(t *rapid.T, taken map[string]bool) []any {
	var found []any
	for i := range rapid.IntRange(0, 2).Draw(t, "perimeters") {
		resources := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"projects/111", "projects/222", "folders/5", "folders/6", "zones/1"}), 0, 2, rapid.ID).Draw(t, "resources")
		status := object{
			"resources":          resources,
			"restrictedServices": rapid.SliceOfN(rapid.SampledFrom([]string{"storage.googleapis.com", "storage.googleapis.com", "bigquery.googleapis.com", "*"}), 0, 2).Draw(t, "services"),
		}
		if rapid.IntRange(0, 4).Draw(t, "levels") == 0 {
			status["accessLevels"] = []string{"accessPolicies/77/accessLevels/x"}
		}
		for range rapid.IntRange(0, 1).Draw(t, "ingress") {
			from := rapid.SampledFrom([]object{
				{"identityType": "ANY_IDENTITY", "sources": []any{object{"accessLevel": "*"}}},
				{"identities": []string{"user:a@example.com"}, "sources": []any{object{"accessLevel": "*"}}},
				{"identityType": "ANY_IDENTITY", "sources": []any{object{"resource": "projects/333"}}},
			}).Draw(t, "from")
			to := object{"resources": []string{rapid.SampledFrom([]string{"*", "projects/111", "projects/222"}).Draw(t, "to")}, "operations": []any{object{"serviceName": "storage.googleapis.com"}}}
			status["ingressPolicies"] = []any{object{"ingressFrom": from, "ingressTo": to}}
		}
		p := regular(fmt.Sprintf("s%d", i), status)
		switch rapid.IntRange(0, 5).Draw(t, "type") {
		case 0:
			p["perimeterType"] = "PERIMETER_TYPE_BRIDGE"
		case 1:
			p["spec"] = p["status"]
			delete(p, "status")
		default:
			free := slices.DeleteFunc(resources, func(name string) bool { return taken[name] && name != "zones/1" })
			for _, name := range free {
				taken[name] = true
			}
			status["resources"] = free
		}
		found = append(found, p)
	}
	return found
}

var disputed = hierarchy.Guarded{
	Service: guarded.Service, Store: guarded.Store,
	Open: []resource.Channel{"policy", "acl"}, Named: []resource.Channel{"named-policy", "named-acl"}, Disputed: []resource.Channel{"acl", "named-acl"},
}

// open lets everybody in on every channel.
func open(r *resource.Resource) *resource.Resource {
	for _, via := range disputed.Open {
		r.Grants = append(r.Grants, resource.Grant{To: resource.Anyone, Can: resource.Actions(), Via: via})
	}
	for _, via := range disputed.Named {
		r.Grants = append(r.Grants, resource.Grant{To: resource.Outsiders("a@example.com"), Can: resource.Actions(), Via: via})
	}
	return r
}

// complain reports where a disturbed answer makes the store look safer than it
// is, or more surely open than it is.
func complain(t rapid.TB, e *estate, truth *resource.Resource, disturbance string) {
	t.Helper()
	found := open(e.examine(t, true, disputed))
	for _, via := range disputed.Open {
		compare(t, truth, found, via, disturbance)
	}
	for _, via := range disputed.Named {
		compare(t, truth, found, via, disturbance)
	}
}

func compare(t rapid.TB, truth, found *resource.Resource, via resource.Channel, disturbance string) {
	t.Helper()
	for _, action := range resource.Actions() {
		view := exposure.View{Can: []resource.Action{action}, Via: []resource.Channel{via}}
		was, is := view.Range(truth), view.Range(found)
		if !is.Contains(was) {
			t.Fatalf("%s: %s via %s is %s, which does not contain the truth, %s\n%s", disturbance, action, via, is, was, strings.Join(told(found), "\n"))
		}
	}
}

// TestLosingAnAnswerWidens holds that no answer that is refused, cut off, or
// emptied where that says nothing, adds a guard or hides that there may be one.
func TestLosingAnAnswerWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEstate(t)
		truth := open(e.examine(t, true, disputed))
		for _, key := range slices.Sorted(keys(e.asked)) {
			complain(t, e.without(key, "403"), truth, key+" refused")
			if body := e.answers[key]; body != "" {
				complain(t, e.without(key, body[:len(body)/2]), truth, key+" cut off")
			}
			if strings.HasPrefix(key, "iam:policies.get ") || key == ancestryKey {
				complain(t, e.without(key, "{}"), truth, key+" emptied")
			}
		}
	})
}

func keys(asked map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range asked {
			if !yield(key) {
				return
			}
		}
	}
}

// TestUnknownMembersAndWordsWiden holds that a member that is not known, in any
// message of any answer, and a word that is not, never make a guard.
func TestUnknownMembersAndWordsWiden(t *testing.T) {
	words := []string{"PERIMETER_TYPE_REGULAR", "PERIMETER_TYPE_BRIDGE", "ANY_IDENTITY", "DenyPolicy", "public:all", `"folder"`, `"organization"`, `"project"`}
	rapid.Check(t, func(t *rapid.T) {
		e := anyEstate(t)
		truth := open(e.examine(t, true, disputed))
		for _, key := range slices.Sorted(keys(e.asked)) {
			body := e.answers[key]
			for i := range strings.Count(body, "{") {
				complain(t, e.without(key, insert(body, i)), truth, fmt.Sprintf("%s with another member in message %d", key, i))
			}
			for _, word := range words {
				unseen := strings.ReplaceAll(body, word, strings.TrimSuffix(word, `"`)+"Unseen"+strings.Repeat(`"`, strings.Count(word, `"`)/2))
				complain(t, e.without(key, unseen), truth, key+" with another word than "+word)
			}
		}
	})
}

// insert adds a member to the message that the i-th brace opens.
func insert(body string, i int) string {
	at := 0
	for range i + 1 {
		at += strings.Index(body[at:], "{") + 1
	}
	comma := ","
	if body[at] == '}' {
		comma = ""
	}
	return body[:at] + `"andonUnseen":{"x":1}` + comma + body[at:]
}

// FuzzAnswers holds that hostile answers neither crash nor, unless they are
// messages of Google's own form, make a guard.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"name":"x","kind":"DenyPolicy","rules":[{"denyRule":{"deniedPrincipals":["principalSet://goog/public:all"],"deniedPermissions":["storage.googleapis.com/*.*"]}}]}`),
		[]byte(`{"servicePerimeters":[{"name":"accessPolicies/77/servicePerimeters/a","status":{"resources":["projects/111"],"restrictedServices":["storage.googleapis.com"]}}]}`))
	f.Add([]byte(`{"name":"x","rules":[null,{},[],{"denyRule":null}]}`), []byte(`{"servicePerimeters":[null,{"name":"a","status":{"ingressPolicies":[null]}}]}`))
	f.Fuzz(func(t *testing.T, policy, perimeters []byte) {
		e := newEstate()
		e.answers[ancestryKey] = inFolder
		e.deny(t, "projects/tconnect", "p")
		e.perimeters()
		e.answers[getKey("projects/tconnect", "p")], e.answers[perimetersKey] = string(policy), string(perimeters)
		for _, g := range e.examine(t, true, disputed).Guards {
			from := policy
			if g.Because[0].Call == "accesscontextmanager:accessPolicies.servicePerimeters.list" {
				from = perimeters
			}
			if !json.Valid(from) || !bytes.Contains(bytes.ToLower(from), []byte("name")) {
				t.Errorf("%q makes the guard %s", from, g.Name)
			}
		}
	})
}
