//go:build e2e

package differential

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mask is one thing that the simulator does otherwise than AWS documents, or
// that AWS leaves open and the two sides settle differently.
type mask struct {
	name string
	why  string // the page of the IAM User Guide, and what follows from it
	// repair edits the policy into one that means the same for this request, in
	// words that the simulator reads as meant.
	repair func(p *policy, r request)
}

var masks = []mask{
	{
		name: "0.0.0.0/0 matches no address",
		why:  "Condition operators, IP address: a value is a CIDR range, and this one holds every IPv4 address",
		repair: conditions(func(_ site, c *condition) {
			if at := slices.Index(c.values, "0.0.0.0/0"); at >= 0 && c.address() {
				c.values = append(slices.Delete(c.values, at, at+1), "0.0.0.0/1", "128.0.0.0/1")
			}
		}),
	},
	{
		name: "a single address is compared as text, and not at all with the other family",
		why:  "Condition operators, IP address: an address without prefix is the range of that one address",
		repair: conditions(func(_ site, c *condition) {
			for i, v := range c.values {
				if addr, err := netip.ParseAddr(v); err == nil && c.address() {
					c.values[i] = netip.PrefixFrom(addr, addr.BitLen()).String()
				}
			}
		}),
	},
	{
		name: "variables before version 2012-10-17",
		why:  "Variables and tags: with an older Version or none, variables are literal text",
		repair: func(p *policy, r request) {
			if p.Version == "2012-10-17" {
				return
			}
			p.Version = "2012-10-17"
			escape := func(pattern string) string { return strings.ReplaceAll(pattern, "${", "${$}{") }
			resources(func(_ site, values []string, _ bool) {
				for i := range values {
					values[i] = escape(values[i])
				}
			})(p, r)
			conditions(func(_ site, c *condition) {
				for i, v := range c.values {
					if c.wild() {
						c.values[i] = escape(v)
					} else if c.text() && strings.Contains(v, "${") {
						c.literally(i, r)
					}
				}
			})(p, r)
		},
	},
	{
		name: "a negated operator with a variable that has no value does not match",
		why:  "Variables and tags, policy variables with no value: inverted operators match against a null value",
		repair: conditions(func(at site, c *condition) {
			if at.policy.Version != "2012-10-17" || !c.negated() {
				return
			}
			for i, v := range c.values {
				if unresolved(v, at.request) {
					c.values[i] = nothing
				}
			}
		}),
	},
	{
		name: "NotResource with a variable that has no value does not match",
		why:  "Variables and tags, policy variables with no value: no value is equal to or like it, so it excludes nothing",
		repair: resources(func(at site, values []string, not bool) {
			for i, v := range values {
				if not && unresolved(v, at.request) {
					values[i] = nothing
				}
			}
		}),
	},
	{
		name: "an empty value of a variable counts as none",
		why:  "Variables and tags, default values: the default stands in for a key that the request lacks; tags may have empty values",
		repair: func(p *policy, r request) {
			if p.Version != "2012-10-17" {
				return
			}
			empty := func(v string) string {
				return variable.ReplaceAllStringFunc(v, func(token string) string {
					if have := r.value(variable.FindStringSubmatch(token)[1]); len(have) == 1 && have[0] == "" {
						return ""
					}
					return token
				})
			}
			resources(func(_ site, values []string, _ bool) {
				for i := range values {
					values[i] = empty(values[i])
				}
			})(p, r)
			conditions(func(_ site, c *condition) {
				for i := range c.values {
					c.values[i] = empty(c.values[i])
				}
			})(p, r)
		},
	},
	{
		name: "${*}, ${?} and ${$} stay as they are in exact comparisons",
		why:  "Variables and tags, predefined policy variables: they have fixed values, the characters themselves",
		repair: conditions(func(at site, c *condition) {
			if at.policy.Version != "2012-10-17" || !c.text() || c.wild() {
				return
			}
			for i, v := range c.values {
				c.values[i] = strings.NewReplacer("${*}", "*", "${?}", "?", "${$}", "$").Replace(v)
			}
		}),
	},
	{
		name: "seconds since 1970 are compared with milliseconds",
		why:  "Condition operators, date: values are in ISO 8601 or in epoch (UNIX) time, which counts seconds",
		repair: conditions(func(_ site, c *condition) {
			if !strings.HasPrefix(c.base, "Date") {
				return
			}
			// Requests have aws:EpochTime in seconds, which are numbers, and
			// every other date in ISO 8601.
			for i, v := range c.values {
				if at := instant(v); c.is("aws:EpochTime") {
					c.values[i] = strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', -1, 64)
				} else {
					c.values[i] = at.UTC().Format("2006-01-02T15:04:05.999Z")
				}
			}
			if c.is("aws:EpochTime") {
				c.base = strings.Replace(c.base, "Date", "Numeric", 1)
			}
		}),
	},
	{
		name: "\"*\" is no ARN",
		why:  "Condition operators, ARN: each of the six components is checked, and nothing is said of fewer; the engine takes a lone wildcard for any ARN, as in Resource",
		repair: conditions(func(_ site, c *condition) {
			if !c.arn() {
				return
			}
			for i, v := range c.values {
				if v == "*" {
					c.values[i] = "arn:*:*:*:*:*"
				}
			}
		}),
	},
	{
		name: "IfExists does not rescue ForAnyValue",
		why:  "Condition operators, ...IfExists: an absent key evaluates to true; Multivalued context keys: ForAnyValue is false without one. Undecided, so the engine denies",
		repair: conditions(func(at site, c *condition) {
			if at.statement.Effect == "Deny" && c.set == "ForAnyValue:" && c.ifExists && at.request.value(c.key) == nil {
				c.drop = true
			}
		}),
	},
	{
		name: "a multivalued key without a set operator never matches",
		why:  "Single-valued vs. multivalued context keys: a set operator is required, and what happens without one is not said. Undecided, so the engine denies",
		repair: conditions(func(at site, c *condition) {
			if at.statement.Effect == "Deny" && c.set == "" && c.base != "Null" && c.multivalued() && at.request.value(c.key) != nil {
				c.set = "ForAnyValue:"
			}
		}),
	},
	{
		name: "a short ARN is completed with wildcards, and no wildcard crosses a colon",
		why:  "JSON policy elements: Resource, and ARNs: documented both ways. Undecided, so the engine denies",
		repair: resources(func(at site, values []string, not bool) {
			deny := (at.statement.Effect == "Deny") != not
			for i, v := range values {
				switch {
				case deny && crosses(v, at.request.Resource):
					values[i] = strings.ReplaceAll(at.request.Resource, "${", "?{")
				case strings.Count(v, ":") < 5 && v != "*":
					values[i] = nothing
				}
			}
		}),
	},
	{
		name: "the session of a role",
		why:  "JSON policy elements: Principal: a policy may name one session, and the engine's requests know the role only. Undecided, so the engine denies",
		repair: func(p *policy, _ request) {
			for i := range p.Statement {
				s := &p.Statement[i]
				sessions(s.Principal["AWS"], s.Effect == "Deny")
				sessions(s.NotPrincipal["AWS"], s.Effect == "Allow")
			}
		},
	},
}

// nothing is a value that no request has: an ARN, so that ARN operators read it.
const nothing = "arn:aws:iam::000000000000:role/nothing"

// variable matches a policy variable with its key and default.
var variable = regexp.MustCompile(`\$\{([^},*?$]+)(, '([^']*)')?\}`)

// unresolved reports whether a value has a variable that the request cannot
// fill in.
func unresolved(v string, r request) bool {
	return slices.ContainsFunc(variable.FindAllStringSubmatch(v, -1), func(m []string) bool { return m[2] == "" && r.value(m[1]) == nil })
}

// crosses reports whether a pattern of a resource matches when its wildcards
// cross the colons of the ARN.
func crosses(pattern, resource string) bool {
	if strings.Contains(pattern, "${") {
		return false
	}
	wild := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile("^" + wild + "(:.*)?$").MatchString(resource)
}

// sessions replaces the sessions among principals by their role, or by nobody.
func sessions(names []string, role bool) {
	for i, name := range names {
		head, session, ok := strings.Cut(name, ":assumed-role/")
		if !ok {
			continue
		}
		names[i] = nothing
		if role {
			roleName, _, _ := strings.Cut(session, "/")
			names[i] = strings.Replace(head, ":sts:", ":iam:", 1) + ":role/" + roleName
		}
	}
}

// condition is one condition of a statement, taken apart.
type condition struct {
	set      string // "", "ForAllValues:" or "ForAnyValue:"
	base     string // as in suited
	ifExists bool
	key      string
	values   []string
	drop     bool
}

var spelling = func() map[string]string {
	names := map[string]string{"null": "Null"}
	for _, list := range suited {
		for _, name := range list {
			names[strings.ToLower(name)] = name
		}
	}
	return names
}()

func takeApart(operator, key string, values []string) condition {
	c := condition{key: key, values: values}
	rest := strings.ToLower(operator)
	for _, set := range []string{"ForAllValues:", "ForAnyValue:"} {
		if after, ok := strings.CutPrefix(rest, strings.ToLower(set)); ok {
			c.set, rest = set, after
		}
	}
	rest, c.ifExists = strings.CutSuffix(rest, "ifexists")
	c.base = spelling[rest]
	return c
}

func (c *condition) operator() string {
	if c.ifExists {
		return c.set + c.base + "IfExists"
	}
	return c.set + c.base
}

func (c *condition) is(key string) bool { return strings.EqualFold(c.key, key) }
func (c *condition) address() bool      { return strings.HasSuffix(c.base, "IpAddress") }
func (c *condition) arn() bool          { return strings.HasPrefix(c.base, "Arn") }
func (c *condition) text() bool         { return c.arn() || strings.HasPrefix(c.base, "String") }
func (c *condition) wild() bool         { return c.arn() || strings.HasSuffix(c.base, "Like") }
func (c *condition) negated() bool      { return c.text() && strings.Contains(c.base, "Not") }

func (c *condition) multivalued() bool {
	for _, s := range services {
		for _, k := range slices.Concat(global, s.keys) {
			if c.is(k.name) && k.kind == list {
				return true
			}
		}
	}
	return false
}

// literally makes a value of an exact comparison mean its own text, which no
// spelling says to the simulator when the text looks like a variable. But the
// request is known: it has a value that matches, or the text matches nothing.
func (c *condition) literally(at int, r request) {
	same := func(have string) bool {
		return have == c.values[at] || strings.HasSuffix(c.base, "IgnoreCase") && strings.EqualFold(have, c.values[at])
	}
	if !slices.ContainsFunc(r.value(c.key), same) {
		c.values[at] = nothing
		return
	}
	not := ""
	if c.negated() {
		not = "Not"
	}
	c.base, c.values[at] = "String"+not+"Like", "*"
}

// site is where an edit takes place.
type site struct {
	policy    *policy
	statement *statement
	request   request
}

// conditions returns a repair that edits every condition.
func conditions(edit func(at site, c *condition)) func(*policy, request) {
	return func(p *policy, r request) {
		for i := range p.Statement {
			s := &p.Statement[i]
			before := s.Condition
			s.Condition = nil
			for _, operator := range sorted(before) {
				for _, key := range sorted(before[operator]) {
					c := takeApart(operator, key, before[operator][key])
					edit(site{p, s, r}, &c)
					if c.drop || s.put(c.operator(), c.key, c.values) {
						continue
					}
					// The new operator is taken for this key. That happens only
					// with keys that the request has, where IfExists makes no
					// difference.
					c.ifExists = !c.ifExists
					s.put(c.operator(), c.key, c.values)
				}
			}
		}
	}
}

// resources returns a repair that edits every Resource and NotResource.
func resources(edit func(at site, values []string, not bool)) func(*policy, request) {
	return func(p *policy, r request) {
		for i := range p.Statement {
			s := &p.Statement[i]
			edit(site{p, s, r}, s.Resource, false)
			edit(site{p, s, r}, s.NotResource, true)
		}
	}
}
