package condition

import (
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, time.November, 22, 12, 30, 0, 0, time.UTC)

// object are the facts of requests for one object.
var object = Facts{
	Now: now, Service: "storage.googleapis.com", Type: "storage.googleapis.com/Object",
	Name: "projects/_/buckets/b/objects/public/a.csv",
}

func TestEvaluate(t *testing.T) {
	const (
		expired  = `request.time < timestamp("2020-10-01T00:00:00Z")`
		open     = `request.time < timestamp("2027-01-01T00:00:00.000Z")`
		unread   = `resource.matchTag("123/env", "prod")`
		isObject = `resource.type == "storage.googleapis.com/Object"`
	)
	atNow := Facts{Now: now}
	tests := []struct {
		name, expression string
		facts            Facts
		want             Value
		why              string
	}{
		{"no condition", "", Facts{}, True, unconditional},
		{"blank is no expression", "  ", atNow, Unknown, unreadable},
		{"expired", expired, atNow, False, holdsNot},
		{"not expired", open, atNow, True, holds},
		{"expired, at a time that is not known", expired, Facts{}, Unknown, "the condition depends on request.time"},
		{"expired and unknown", expired + " && " + unread, atNow, False, holdsNot},
		{"unknown and expired", unread + " && " + expired, atNow, False, holdsNot},
		{"expired or unknown", expired + " || " + unread, atNow, Unknown, "the condition depends on the tags of the resource"},
		{"open or unknown", unread + " || " + open, atNow, True, holds},
		{"not unknown", "!" + unread, atNow, Unknown, "the condition depends on the tags of the resource"},
		{"unknown as a condition", unread + " ? true : false", atNow, Unknown, "the condition depends on the tags of the resource"},
		{"known as a condition", expired + " ? " + unread + " : true", atNow, True, holds},
		{"a prefix of an unknown name", `resource.name.startsWith("projects/_/buckets/b/objects/public/")`, atNow, Unknown, "the condition depends on resource.name"},
		{"a prefix of a known name", `resource.name.startsWith("projects/_/buckets/b/objects/public/")`, object, True, holds},
		{"another prefix of a known name", `resource.name.startsWith("projects/_/buckets/b/objects/secret/")`, object, False, holdsNot},
		{"a suffix and a part", `resource.name.endsWith(".csv") && resource.name.contains("/public/")`, object, True, holds},
		{"a regular expression", `resource.name.matches("^projects/_/buckets/[a-z]/")`, object, True, holds},
		{"type and service", isObject + ` && resource.service == "storage.googleapis.com"`, object, True, holds},
		{"one of some services", `resource.service in ["pubsub.googleapis.com", "storage.googleapis.com"]`, object, True, holds},
		{"a known name beside an unknown tag", unread + ` && resource.name.endsWith(".txt")`, object, False, holdsNot},
		{"a field by its index", `resource["type"] == "storage.googleapis.com/Bucket"`, object, False, holdsNot},
		{"a field by an unknown index", `resource[request.path] == "x"`, object, Unknown, "the condition depends on something that is not known"},
		{"a leading dot", `.resource.name.endsWith(".csv")`, object, True, holds},
		{"a known field is there", `has(resource.name)`, object, True, holds},
		{"an unknown field may be there", `has(resource.labels)`, object, Unknown, "the condition depends on something that is not known"},
		{"tag ids", `resource.matchTagId("tagKeys/1", "tagValues/2") || resource.hasTagKey("1/env") || resource.hasTagKeyId("tagKeys/1")`, object, Unknown, "the condition depends on the tags of the resource"},
		{"a part of a name", `resource.name.extract("/objects/{dir}/") == "public"`, object, Unknown, "the condition depends on a part of an attribute"},
		{"an attribute of the API", `api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith("public/")`, object, Unknown, "the condition depends on api"},
		{"a function of a list that is not known", `api.getAttribute("iam.googleapis.com/modifiedGrantsByRole", []).hasOnly(["roles/x"])`, object, Unknown, "the condition depends on api"},
		{"where the request goes", `destination.ip == "10.0.0.1" && destination.port == 22`, object, Unknown, "the condition depends on destination.ip, destination.port"},
		{"who asks", `request.auth.access_levels.exists(l, l == "x") || "y" in request.auth.access_levels`, object, Unknown, "the condition depends on request.auth"},
		{"host and path", `request.host == "h" || request.path.startsWith("/p")`, object, Unknown, "the condition depends on request.host, request.path"},
		{"what this program has not heard of", `origin.ip == "1.2.3.4" || levels.x`, object, Unknown, "the condition depends on something that is not known"},
		{"a function of that kind", `inIpRange(origin.ip, ["10.0.0.0/8"])`, object, Unknown, "the condition depends on something that is not known"},
		{"an unknown function of known values", `frobnicate(resource.name)`, object, Unknown, unevaluable},
		{"an unknown function that does not matter", `false && frobnicate(resource.name)`, object, False, holdsNot},
		{"an unknown method of resource", `resource.frobnicate("x") && resource.name.endsWith(".csv")`, object, Unknown, "the condition depends on something that is not known"},
		{"a year", `request.time.getFullYear() == 2026`, atNow, True, holds},
		{"an hour of another zone", `request.time.getHours("+09:00") == 21`, atNow, True, holds},
		{"a weekday", `request.time.getDayOfWeek("UTC") == 0`, atNow, True, holds},
		{"a duration", `request.time - timestamp("2026-11-22T00:00:00Z") < duration("13h")`, atNow, True, holds},
		{"a duration from a timestamp", `request.time < timestamp("2026-11-22T00:00:00Z") + duration("3600s")`, atNow, False, holdsNot},
		{"of a list", `["a", "b"].exists(x, resource.name.endsWith(x))`, object, False, holdsNot},
		{"a loop variable that hides an attribute", `[1, 2].all(resource, resource > 0)`, object, True, holds},
		{"an error", `1 / 0 == 1`, atNow, Unknown, unevaluable},
		{"a timestamp that is none", `request.time < timestamp("soon")`, atNow, Unknown, unevaluable},
		{"no truth value", `"true"`, atNow, Unknown, unevaluable},
		{"types that do not fit", `resource.name > 3`, object, Unknown, unevaluable},
		{"no expression", `resource.name ==`, object, Unknown, unreadable},
		{"no text", "resource.name == \"\xff\"", object, Unknown, unreadable},
		{"too long", strings.Repeat(" ", maxLength) + "true", atNow, Unknown, tooLong},
		{"too deep", strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), atNow, Unknown, unreadable},
		{"loops within loops", nested(maxLoops - 1), atNow, True, holds},
		{"too dear", nested(maxLoops), atNow, Unknown, unevaluable},
		{"too many loops", nested(90), atNow, Unknown, unevaluable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, why := Evaluate(tt.expression, tt.facts)
			if got != tt.want || why != tt.why {
				t.Errorf("Evaluate(%.200q) = %d, %q; want %d, %q", tt.expression, got, why, tt.want, tt.why)
			}
		})
	}
}

// nested is an expression that takes 10^n steps.
func nested(n int) string {
	body := "true"
	for range n {
		body = "[0,1,2,3,4,5,6,7,8,9].all(x, " + body + ")"
	}
	return body
}

func TestWindow(t *testing.T) {
	day := func(year int) time.Time { return time.Date(year, time.January, 1, 0, 0, 0, 0, time.UTC) }
	none := time.Time{}
	tests := []struct {
		name, expression string
		opens, closes    time.Time
		ok               bool
	}{
		{"until", `request.time < timestamp("2027-01-01T00:00:00Z")`, none, day(2027), true},
		{"until and including", `request.time <= timestamp("2027-01-01T00:00:00Z")`, none, day(2027), true},
		{"from", `request.time > timestamp("2028-01-01T00:00:00Z")`, day(2028), none, true},
		{"since", `timestamp("2020-01-01T00:00:00Z") <= request.time`, day(2020), none, true},
		{"from and until", `request.time >= timestamp("2028-01-01T00:00:00Z") && request.time < timestamp("2029-01-01T00:00:00Z")`, day(2028), day(2029), true},
		{"the narrowest", `request.time < timestamp("2029-01-01T00:00:00Z") && (timestamp("2027-01-01T00:00:00Z") > request.time && request.time < timestamp("2028-01-01T00:00:00Z"))`, none, day(2027), true},
		{"another zone", `request.time < timestamp("2027-01-01T01:00:00+01:00")`, none, day(2027), true},
		{"over", `request.time < timestamp("2026-01-01T00:00:00Z")`, none, none, false},
		{"never", `request.time < timestamp("2027-01-01T00:00:00Z") && request.time > timestamp("2028-01-01T00:00:00Z")`, none, none, false},
		{"something else, too", `request.time < timestamp("2027-01-01T00:00:00Z") && resource.hasTagKey("x")`, none, none, false},
		{"one of two", `request.time < timestamp("2027-01-01T00:00:00Z") || request.time > timestamp("2028-01-01T00:00:00Z")`, none, none, false},
		{"a moment", `request.time == timestamp("2027-01-01T00:00:00Z")`, none, none, false},
		{"no timestamp", `request.time < timestamp("soon")`, none, none, false},
		{"no text", `request.time < timestamp(5)`, none, none, false},
		{"another attribute", `request.date < timestamp("2027-01-01T00:00:00Z")`, none, none, false},
		{"another variable", `resource.time < timestamp("2027-01-01T00:00:00Z")`, none, none, false},
		{"no condition", "", none, none, false},
		{"no expression", "request.time <", none, none, false},
		{"too long", `request.time < timestamp("2027-01-01T00:00:00Z")` + strings.Repeat(" ", maxLength), none, none, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opens, closes, ok := Window(tt.expression, now)
			if !opens.Equal(tt.opens) || !closes.Equal(tt.closes) || ok != tt.ok {
				t.Errorf("Window(%.200q) = %v, %v, %v; want %v, %v, %v", tt.expression, opens, closes, ok, tt.opens, tt.closes, tt.ok)
			}
		})
	}
}

// TestWindowAgrees holds a window to what the expression evaluates to, within
// it and outside.
func TestWindowAgrees(t *testing.T) {
	for _, expression := range []string{
		`request.time < timestamp("2027-01-01T00:00:00Z")`,
		`request.time > timestamp("2028-01-01T00:00:00Z")`,
		`timestamp("2028-01-01T00:00:00Z") < request.time && request.time <= timestamp("2029-01-01T00:00:00Z")`,
	} {
		opens, closes, ok := Window(expression, now)
		if !ok {
			t.Fatalf("Window(%q) is not ok", expression)
		}
		for _, bound := range []struct {
			at           time.Time
			before, then Value
		}{{opens, False, True}, {closes, True, False}} {
			if bound.at.IsZero() {
				continue
			}
			if v, _ := Evaluate(expression, Facts{Now: bound.at.Add(-time.Second)}); v != bound.before {
				t.Errorf("%s: %d before %v, want %d", expression, v, bound.at, bound.before)
			}
			if v, _ := Evaluate(expression, Facts{Now: bound.at.Add(time.Second)}); v != bound.then {
				t.Errorf("%s: %d after %v, want %d", expression, v, bound.at, bound.then)
			}
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	for b.Loop() {
		Evaluate(`resource.type == "storage.googleapis.com/Object" && request.time < timestamp("2027-01-01T00:00:00Z")`, object)
	}
}
