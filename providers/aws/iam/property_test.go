package iam

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The tests of this file draw policies from a grammar and attack the answers of
// Decide with random requests. What a stranger can send is written down here a
// second time, by hand, and not taken from the engine.

const (
	owner    = "111122223333"
	foreign  = "555566667777"
	ownOrg   = "o-abcdefghij"
	stranger = "999988887777"
)

var bucket = Target{
	Service: "s3", Resources: []string{"arn:aws:s3:::data", "arn:aws:s3:::data/*"},
	Account: owner, Org: ownOrg,
}

// keyPool holds, for each condition key, the operators that policies use with
// it and values with near misses.
var keyPool = map[string]struct{ operators, values []string }{
	"aws:SourceIp": {
		[]string{"IpAddress", "NotIpAddress"},
		[]string{"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "198.51.100.0/24", "198.51.100.7", "10.0.0.0/8", "54.0.0.0/7", "::/0", "2001:db8::/31"},
	},
	"aws:PrincipalOrgID":        {stringOps, []string{ownOrg, "o-*", "o-zzzzzzzzzz", "${aws:ResourceOrgID}"}},
	"aws:PrincipalOrgPaths":     {[]string{"ForAnyValue:StringLike", "ForAllValues:StringLike", "ForAnyValue:StringNotLike", "StringLike"}, []string{ownOrg + "/*", "o-*/r-ab12/*", "*"}},
	"aws:PrincipalArn":          {slices.Concat(stringOps, []string{"ArnLike", "ArnNotLike", "ArnEquals"}), []string{"arn:aws:iam::" + owner + ":role/app", "arn:aws:iam::*:role/app", "arn:aws:iam::*:role/a*", "arn:aws:iam::9*:user/*", "*", "arn:aws:iam::" + foreign + ":*", "arn:aws:sts::*:federated-user/*"}},
	"aws:PrincipalAccount":      {stringOps, []string{owner, foreign, "9*", "*", "anonymous", "??????????77"}},
	"aws:PrincipalType":         {stringOps, []string{"User", "AssumedRole", "Anonymous", "*", "Account"}},
	"aws:username":              {stringOps, []string{"alice", "a*", "*", "bob"}},
	"aws:userid":                {stringOps, []string{"AIDAEXAMPLEEXAMPLE123", "AROAEXAMPLEEXAMPLE123:*", "anonymous", "A*", "*:session"}},
	"aws:PrincipalTag/team":     {stringOps, []string{"red", "blue", "*"}},
	"aws:SourceVpce":            {stringOps, []string{"vpce-0123456789abcdef0", "vpce-*", "vpce-0*"}},
	"aws:SourceVpc":             {stringOps, []string{"vpc-01234567", "vpc-*"}},
	"aws:SourceArn":             {slices.Concat(stringOps, []string{"ArnLike", "ArnNotLike"}), []string{"arn:aws:sns:us-east-1:" + owner + ":topic", "arn:aws:sns:*:*:*", "arn:aws:s3:::*", "arn:aws:*:*:" + owner + ":*"}},
	"aws:SourceAccount":         {stringOps, []string{owner, foreign, "*"}},
	"aws:SourceOrgID":           {stringOps, []string{ownOrg, "o-*"}},
	"aws:PrincipalIsAWSService": {[]string{"Bool", "BoolIfExists"}, []string{"true", "false"}},
	"aws:SecureTransport":       {[]string{"Bool", "BoolIfExists", "StringEquals"}, []string{"true", "false"}},
	"aws:Referer":               {stringOps, []string{"https://example.com/*", "secret", "*"}},
	"s3:prefix":                 {stringOps, []string{"home/*", "home/${aws:username}/*", "", "*/x/*"}},
	"s3:max-keys":               {[]string{"NumericLessThan", "NumericEquals", "NumericGreaterThanEquals", "NumericNotEquals"}, []string{"10", "1000", "0"}},
	"s3:TlsVersion":             {[]string{"NumericLessThan", "NumericGreaterThan"}, []string{"1.2", "1.3"}},
	"aws:CurrentTime":           {[]string{"DateLessThan", "DateGreaterThan", "DateEquals"}, []string{"2026-01-01T00:00:00Z", "2031-06-01T00:00:00Z"}},
	"aws:EpochTime":             {[]string{"NumericLessThan", "DateGreaterThanEquals"}, []string{"1900000000"}},
	"aws:TagKeys":               {[]string{"ForAllValues:StringEquals", "ForAnyValue:StringLike", "ForAnyValue:StringNotEquals"}, []string{"a", "b", "b*"}},
	"aws:CalledVia":             {[]string{"ForAnyValue:StringEquals", "ForAllValues:StringEquals"}, []string{"athena.amazonaws.com"}},
	"aws:ResourceAccount":       {stringOps, []string{owner, foreign}},
	"s3:DataAccessPointAccount": {stringOps, []string{owner, "*"}},
	"aws:MultiFactorAuthAge":    {[]string{"NumericLessThan", "Null"}, []string{"3600"}},
	"s3:x-amz-acl":              {stringOps, []string{"bucket-owner-full-control", "public-read"}},
}

var stringOps = []string{"StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIfExists", "StringNotLikeIfExists", "StringEqualsIgnoreCase", "ForAllValues:StringEquals", "ForAnyValue:StringLike", "Null"}

var (
	actionPool   = []string{"s3:GetObject", "s3:*", "s3:Get*", "s3:ListBucket", "*", "s3:PutObject", "s3:GetObjectAcl", "s3:?etObject"}
	resourcePool = []string{"*", "arn:aws:s3:::data", "arn:aws:s3:::data/*", "arn:aws:s3:::data*", "arn:aws:s3:::data/public/*", "arn:aws:s3:::data/*.log", "arn:aws:s3:::other/*", "arn:aws:s3:::data/${aws:username}/*", "arn:aws:s3:*:*:data/*", "arn:aws:s3:::data/${aws:PrincipalTag/team, 'none'}/*"}
	// principalPool ends with forms that only a Deny takes.
	principalPool = []string{
		`"*"`, `{"AWS":"*"}`, `{"AWS":["` + owner + `","arn:aws:iam::` + foreign + `:root"]}`, `{"AWS":"arn:aws:iam::` + foreign + `:role/app"}`,
		`{"Service":"cloudtrail.amazonaws.com"}`, `{"Federated":"accounts.google.com"}`, `{"*":"*"}`,
	}
)

func drawStatement(t *rapid.T, effect string) map[string]any {
	pick := func(pool []string, name string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(pool), 1, 2, rapid.ID[string]).Draw(t, name)
	}
	either := func(plain string, pool []string) (string, any) {
		if rapid.IntRange(0, 5).Draw(t, "not "+plain) == 0 {
			return "Not" + plain, pick(pool, plain)
		}
		return plain, pick(pool, plain)
	}
	s := map[string]any{"Effect": effect}
	action, actions := either("Action", actionPool)
	resource, resources := either("Resource", resourcePool)
	s[action], s[resource] = actions, resources
	principal := "Principal"
	if rapid.IntRange(0, 7).Draw(t, "not principal") == 0 {
		principal = "NotPrincipal"
	}
	from := 0
	if principal == "NotPrincipal" {
		from = 2
	}
	s[principal] = json.RawMessage(rapid.SampledFrom(principalPool[from:]).Draw(t, "principal"))
	conditions := make(map[string]map[string][]string)
	for range rapid.IntRange(0, 3).Draw(t, "conditions") {
		key := rapid.SampledFrom(slices.Sorted(maps.Keys(keyPool))).Draw(t, "key")
		op := rapid.SampledFrom(keyPool[key].operators).Draw(t, "operator")
		values := pick(keyPool[key].values, "values")
		if op == "Null" {
			values = []string{strconv.FormatBool(rapid.Bool().Draw(t, "null"))}
		}
		if conditions[op] == nil {
			conditions[op] = make(map[string][]string)
		}
		conditions[op][key] = values
	}
	s["Condition"] = conditions
	return s
}

// drawPolicy returns a policy and its statements as JSON.
func drawPolicy(t *rapid.T) (version string, statements []map[string]any) {
	version = rapid.SampledFrom([]string{"2012-10-17", "2012-10-17", "2008-10-17"}).Draw(t, "version")
	for range rapid.IntRange(1, 2).Draw(t, "allows") {
		statements = append(statements, drawStatement(t, "Allow"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "denies") {
		statements = append(statements, drawStatement(t, "Deny"))
	}
	return version, statements
}

func mustParse(t interface{ Fatalf(string, ...any) }, version string, statements []map[string]any) *Policy {
	text, err := json.Marshal(map[string]any{"Version": version, "Statement": statements})
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	p, err := Parse(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return p
}

func show(statements []map[string]any) string {
	text, _ := json.MarshalIndent(statements, "", " ")
	return string(text)
}

// attack draws one request that a member of the class can send.
func attack(r *rand.Rand, c Class) Request {
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	q := Request{Context: make(map[string][]string)}
	set := func(key string, values ...string) { q.Context[key] = []string{pick(values...)} }
	maybe := func(key string, values ...string) {
		if r.IntN(2) == 0 {
			set(key, values...)
		}
	}
	q.Action = pick("s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:GetObjectAcl", "s3:GetBucketLocation", "s3:DeleteObject")
	q.Resource = "arn:aws:s3:::data"
	if strings.Contains(q.Action, "Object") {
		q.Resource += "/" + pick("x", "public/x", "a.log", "alice/x", "red/x", "none/x", "bob/y", "public/a.log", "z/alice/q")
	}
	// Headers and parameters are anybody's choice.
	set("aws:SecureTransport", "true", "false")
	set("s3:TlsVersion", "1.0", "1.2", "1.3")
	set("aws:CurrentTime", "2025-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "2040-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
	q.Context["aws:EpochTime"] = []string{epoch(parseDate(q.Context["aws:CurrentTime"][0]).Num().Int64())}
	maybe("aws:Referer", "https://example.com/", "https://example.com/a", "secret", "x")
	maybe("s3:prefix", "home/", "home/alice/", "home/bob/x", "", "a/x/b", "x")
	maybe("s3:max-keys", "0", "1", "10", "999", "1000", "1001")
	maybe("s3:x-amz-acl", "bucket-owner-full-control", "public-read", "x")
	if r.IntN(2) == 0 {
		q.Context["aws:TagKeys"] = []string{"a", "b", "c", "bb"}[r.IntN(2):][:1+r.IntN(3)]
	}
	q.Context["aws:ResourceAccount"] = []string{owner}
	q.Context["aws:ResourceOrgID"] = []string{ownOrg}
	internet := func() {
		set("aws:SourceIp", "198.51.100.7", "198.51.101.1", "1.2.3.4", "200.1.2.3", "54.0.0.1", "2001:db8::1", "2600::1")
	}
	endpoint := func() {
		set("aws:SourceVpce", "vpce-0a1b2c3d4e5f67890", "vpce-11111111")
		set("aws:SourceVpc", "vpc-0a1b2c3d4e5f67890")
		q.Context["aws:SourceVpcArn"] = []string{"arn:aws:ec2:us-east-1:" + stranger + ":vpc/" + q.Context["aws:SourceVpc"][0]}
		set("aws:VpcSourceIp", "10.1.2.3")
	}
	signed := func(account string) {
		q.Principal = Principal{Kind: "aws", ID: pick("arn:aws:iam::"+account+":role/app", "arn:aws:iam::"+account+":user/alice",
			"arn:aws:iam::"+account+":user/a/bob", "arn:aws:iam::"+account+":root", "arn:aws:iam::"+account+":role/other", "arn:aws:sts::"+account+":federated-user/f")}
		switch kind := typeOf(q.Principal.ID[strings.LastIndex(q.Principal.ID, ":")+1:]); kind {
		case "User":
			set("aws:userid", "AIDASTRANGERSTRANGER2")
		default:
			set("aws:userid", "AROASTRANGERSTRANGER2:session")
		}
		maybe("aws:PrincipalTag/team", "red", "blue", "green")
		maybe("aws:MultiFactorAuthAge", "1", "3600", "9999")
		maybe("aws:CalledVia", "athena.amazonaws.com", "x")
		set("aws:ViaAWSService", "true", "false")
	}
	org := func(id string) {
		q.Context["aws:PrincipalOrgID"] = []string{id}
		q.Context["aws:PrincipalOrgPaths"] = []string{id + pick("/r-ab12/", "/r-ab12/ou-1/")}
	}
	switch c {
	case Anonymous:
		q.Principal.Kind = "anonymous"
		internet()
	case AnyAccount:
		signed(stranger)
		internet()
		if r.IntN(2) == 0 {
			org(pick("o-strangers0", "o-zzzzzzzzz9"))
		}
		if r.IntN(3) == 0 {
			q.Context["s3:DataAccessPointAccount"] = []string{stranger}
			q.Context["s3:DataAccessPointArn"] = []string{"arn:aws:s3:us-east-1:" + stranger + ":accesspoint/x"}
		}
	case StrangerVPCE:
		endpoint()
		if q.Principal.Kind = "anonymous"; r.IntN(2) == 0 {
			signed(stranger)
		}
	case AnyService:
		q.Principal = Principal{"service", pick("cloudtrail.amazonaws.com", "sns.amazonaws.com")}
		q.Context["aws:SecureTransport"] = []string{"true"}
		maybe("aws:SourceAccount", stranger)
		maybe("aws:SourceArn", "arn:aws:sns:us-east-1:"+stranger+":t", "arn:aws:s3:::strangers")
		maybe("aws:SourceOrgID", "o-strangers0")
	case Org:
		signed(stranger)
		internet()
		org(ownOrg)
	case Foreign(foreign):
		signed(foreign)
		internet()
	case Federated:
		q.Principal = Principal{"federated", "accounts.google.com"}
		internet()
	}
	return q
}

var attackers = []Class{Anonymous, AnyAccount, StrangerVPCE, AnyService, Org, Foreign(foreign), Federated}

// Whatever Decide says, no request may contradict it.
func TestNoRequestContradictsADecision(t *testing.T) {
	var admitted, closed, open, attacks int
	rapid.Check(t, func(t *rapid.T) {
		version, statements := drawPolicy(t)
		p := mustParse(t, version, statements)
		seed := rapid.Uint64().Draw(t, "seed")
		for _, c := range attackers {
			d := Decide(p, bucket, c)
			checkDecision(t, p, d, statements)
			switch d.Outcome {
			case Admitted:
				admitted++
				continue
			case Undecided:
				open++
				continue
			}
			closed++
			r := rand.New(rand.NewPCG(seed, 1))
			for range 300 {
				attacks++
				if q := attack(r, c); Evaluate(p, q) == Allow {
					t.Fatalf("%s is not admitted, but %+v is allowed by\n%s", c, q, show(statements))
				}
			}
		}
	})
	t.Logf("%d admitted, %d not admitted, %d undecided; %d attacks", admitted, closed, open, attacks)
	if open > (admitted+closed)/3 {
		t.Errorf("%d of %d decisions are undecided: the engine gives up too easily", open, admitted+closed+open)
	}
}

func checkDecision(t *rapid.T, p *Policy, d Decision, statements []map[string]any) {
	switch {
	case d.Outcome == Undecided && d.Reason == "":
		t.Fatalf("%s is undecided without a reason in\n%s", d.Class, show(statements))
	case strings.Contains(d.Reason, errWitness.Error()):
		t.Fatalf("%s: %s in\n%s", d.Class, d.Reason, show(statements))
	case (d.Outcome == Admitted) != (len(d.Grants) > 0):
		t.Fatalf("%s is %s with %d grants", d.Class, d.Outcome, len(d.Grants))
	}
	for _, g := range d.Grants {
		if Evaluate(p, g.Witness) != Allow {
			t.Fatalf("%s: witness %+v is not allowed by\n%s", d.Class, g.Witness, show(statements))
		}
		if Evaluate(p, listedOnly(g.Witness)) != Allow {
			t.Fatalf("%s: witness %+v rests on keys that its action does not have, by\n%s", d.Class, g.Witness, show(statements))
		}
		if !slices.IsSorted(g.Actions) || len(g.Actions) == 0 || g.Allow == "" {
			t.Fatalf("%s: malformed admission %+v", d.Class, g)
		}
		for _, prefix := range g.Network.Prefixes {
			q := g.Witness
			q.Context = maps.Clone(q.Context)
			q.Context["aws:SourceIp"] = []string{prefix.Addr().String()}
			if len(g.Also) == 0 && len(statements) == 1 && Evaluate(p, q) != Allow {
				t.Fatalf("%s: %v is listed but denied by\n%s", d.Class, prefix, show(statements))
			}
		}
	}
}

// rank orders outcomes by how much they let in.
func rank(o Outcome) int { return slices.Index([]Outcome{NotAdmitted, Undecided, Admitted}, o) }

func TestMoreDenyAdmitsNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version, statements := drawPolicy(t)
		more := slices.Concat(statements, []map[string]any{drawStatement(t, "Deny")})
		less := mustParse(t, version, statements)
		denied := mustParse(t, version, more)
		for _, c := range attackers {
			before, after := Decide(less, bucket, c), Decide(denied, bucket, c)
			if before.Outcome == NotAdmitted && after.Outcome == Admitted || before.Outcome == NotAdmitted && after.Outcome == Undecided && !mentions(after.Reason, len(statements)) {
				t.Fatalf("%s: %s became %s (%s) with one more Deny:\n%s", c, before.Outcome, after.Outcome, after.Reason, show(more))
			}
		}
	})
}

// mentions reports whether a reason is about the statement that was added.
func mentions(reason string, statement int) bool {
	return strings.Contains(reason, fmt.Sprintf("/Statement/%d", statement))
}

func TestLessAllowAdmitsNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version, statements := drawPolicy(t)
		less := mustParse(t, version, statements)
		more := mustParse(t, version, append(slices.Clone(statements), drawStatement(t, "Allow")))
		for _, c := range attackers {
			before, after := Decide(more, bucket, c), Decide(less, bucket, c)
			// The statement that is gone may have named an identity that is a
			// stranger's without it.
			if rank(after.Outcome) > rank(before.Outcome) && after.Outcome == Admitted && stillStranger(more, less) {
				t.Fatalf("%s: %s became %s with one Allow less:\n%s", c, before.Outcome, after.Outcome, show(statements))
			}
		}
	})
}

// stillStranger reports whether both policies name the same identities.
func stillStranger(a, b *Policy) bool {
	x, y := a.literals(), b.literals()
	return slices.Equal(x.accounts, y.accounts) && slices.Equal(x.orgs, y.orgs) && slices.Equal(x.variables, y.variables)
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version, statements := drawPolicy(t)
		shuffled := rapid.Permutation(statements).Draw(t, "order")
		a, b := mustParse(t, version, statements), mustParse(t, version, shuffled)
		for _, c := range attackers {
			x, y := Decide(a, bucket, c), Decide(b, bucket, c)
			if x.Outcome != y.Outcome {
				t.Fatalf("%s: %s (%s) or %s (%s) depending on order:\n%s", c, x.Outcome, x.Reason, y.Outcome, y.Reason, show(statements))
			}
			if !slices.Equal(allActions(x), allActions(y)) {
				t.Fatalf("%s: actions depend on order: %v, %v", c, allActions(x), allActions(y))
			}
		}
	})
}

func allActions(d Decision) []string {
	var all []string
	for _, g := range d.Grants {
		all = union(all, g.Actions)
	}
	return all
}

func TestWiderRangeAdmitsNoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(0, 32).Draw(t, "bits")
		wider := rapid.IntRange(0, bits).Draw(t, "wider")
		address := rapid.SampledFrom([]string{"54.1.2.3", "10.1.2.3", "198.51.100.7", "223.255.255.255"}).Draw(t, "address")
		decide := func(bits int) Decision {
			s := map[string]any{
				"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*",
				"Condition": map[string]any{"IpAddress": map[string]any{"aws:SourceIp": fmt.Sprintf("%s/%d", address, bits)}},
			}
			return Decide(mustParse(t, "2012-10-17", []map[string]any{s}), bucket, Anonymous)
		}
		a, b := decide(bits), decide(wider)
		if rank(b.Outcome) < rank(a.Outcome) {
			t.Fatalf("/%d is %s, /%d is %s", bits, a.Outcome, wider, b.Outcome)
		}
		if a.Outcome == Admitted && b.Grants[0].Network.ShareIPv4 < a.Grants[0].Network.ShareIPv4 {
			t.Fatalf("/%d admits a smaller share than /%d", wider, bits)
		}
	})
}
