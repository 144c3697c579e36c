//go:build e2e

package differential

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/andon-audit/andon/providers/aws/iam"
)

const (
	owner    = "111122223333"
	foreign  = "555566667777"
	stranger = "999988887777"
	org      = "o-abcdefghij"
)

// service is one AWS service that policies are drawn for.
type service struct {
	target    iam.Target
	weight    int // how many of ten policies are its
	actions   map[string][]string
	patterns  []string // of actions
	resources []string // patterns, for policies
	keys      []key
}

var services = []service{
	{
		target: iam.Target{Service: "s3", Resources: []string{"arn:aws:s3:::data", "arn:aws:s3:::data/*"}, Account: owner, Org: org},
		weight: 6,
		actions: map[string][]string{
			"s3:GetObject": objects, "s3:PutObject": objects, "s3:GetObjectAcl": objects, "s3:DeleteObject": objects,
			"s3:ListBucket": buckets, "s3:GetBucketPolicy": buckets, "s3:GetBucketLocation": buckets,
		},
		patterns: []string{"s3:GetObject", "s3:getobject", "s3:*", "s3:Get*", "*", "S3:ListBucket", "s3:PutObject", "s3:?etObject", "s3:*Object*", "s3:GetBucket*", "s3:GetObject?"},
		resources: []string{
			"*", "arn:aws:s3:::data", "arn:aws:s3:::data/*", "arn:aws:s3:::data*", "arn:aws:s3:::data/public/*", "arn:aws:s3:::data/*.log",
			"arn:aws:s3:::other/*", "arn:aws:s3:::data/?", "arn:aws:s3:::data/a:*", "arn:aws:s3:*:*:data/*", "arn:*:s3:::data/*", "arn:aws-cn:s3:::data/*",
			"arn:aws:s3:::data/${aws:username}/*", "arn:aws:s3:::data/${aws:PrincipalTag/team, 'none'}/*", "arn:aws:s3:::data/${aws:PrincipalTag/team}",
			"arn:aws:s3:::${aws:PrincipalAccount}/*", "arn:aws:s3:::data/${*}", "arn:aws:s3:::data/${$}{x}", "arn:aws:s3*", "arn:aws:s3:*", "arn:*:data/*",
		},
		keys: []key{
			{"s3:prefix", text, []string{"home/", "home/*", "home/${aws:username}/*", "", "*/x", "${*}", "a?c", "${aws:PrincipalTag/team, 'none'}/", "${aws:username}"}},
			{"s3:x-amz-acl", text, []string{"public-read", "bucket-owner-full-control", "bucket-*"}},
			{"s3:max-keys", number, []string{"0", "10", "1000"}},
			{"s3:TlsVersion", number, []string{"1.2", "1.3"}},
			{"s3:ExistingObjectTag/team", text, []string{"red", "blue", "${aws:PrincipalTag/team}"}},
		},
	},
	{
		target:    iam.Target{Service: "sqs", Resources: []string{"arn:aws:sqs:us-east-1:" + owner + ":jobs"}, Org: org},
		weight:    1,
		actions:   map[string][]string{"sqs:SendMessage": {"arn:aws:sqs:us-east-1:" + owner + ":jobs", "arn:aws:sqs:us-east-1:" + owner + ":jobs-dead"}, "sqs:ReceiveMessage": {"arn:aws:sqs:us-east-1:" + owner + ":jobs"}},
		patterns:  []string{"sqs:*", "SQS:SendMessage", "sqs:Receive*", "*"},
		resources: []string{"*", "arn:aws:sqs:us-east-1:" + owner + ":jobs", "arn:aws:sqs:*:*:jobs*", "arn:aws:sqs:us-?ast-1:" + owner + ":*", "arn:aws:sqs:eu-*:" + owner + ":jobs"},
	},
	{
		target:    iam.Target{Service: "sns", Resources: []string{"arn:aws:sns:us-east-1:" + owner + ":news"}, Org: org},
		weight:    1,
		actions:   map[string][]string{"sns:Publish": {"arn:aws:sns:us-east-1:" + owner + ":news"}, "sns:Subscribe": {"arn:aws:sns:us-east-1:" + owner + ":news", "arn:aws:sns:eu-west-1:" + owner + ":news"}},
		patterns:  []string{"sns:*", "SNS:Subscribe", "sns:Pub*", "*"},
		resources: []string{"*", "arn:aws:sns:us-east-1:" + owner + ":news", "arn:aws:sns:*:" + owner + ":n?ws", "arn:aws:sns:us-*:*:*"},
		keys: []key{
			{"sns:Protocol", text, []string{"https", "email", "http*"}},
			{"sns:Endpoint", text, []string{"*@example.com", "https://example.com/*"}},
		},
	},
	{
		target:    iam.Target{Service: "kms", Resources: []string{"arn:aws:kms:us-east-1:" + owner + ":key/1234abcd"}, Org: org},
		weight:    1,
		actions:   map[string][]string{"kms:Decrypt": {"arn:aws:kms:us-east-1:" + owner + ":key/1234abcd"}, "kms:DescribeKey": {"arn:aws:kms:us-east-1:" + owner + ":key/1234abcd"}},
		patterns:  []string{"kms:*", "kms:Decrypt", "kms:De*", "*"},
		resources: []string{"*", "arn:aws:kms:us-east-1:" + owner + ":key/*", "arn:aws:kms:*:*:key/1234abcd"},
		keys: []key{
			{"kms:CallerAccount", text, []string{owner, foreign, "9*"}},
			{"kms:ViaService", text, []string{"s3.us-east-1.amazonaws.com", "s3.*.amazonaws.com"}},
			{"kms:EncryptionContextKeys", list, []string{"team", "app", "t*"}},
		},
	},
	{
		target:    iam.Target{Service: "secretsmanager", Resources: []string{"arn:aws:secretsmanager:us-east-1:" + owner + ":secret:db-AbCdEf"}, Org: org},
		weight:    1,
		actions:   map[string][]string{"secretsmanager:GetSecretValue": {"arn:aws:secretsmanager:us-east-1:" + owner + ":secret:db-AbCdEf"}},
		patterns:  []string{"secretsmanager:*", "secretsmanager:GetSecretValue", "secretsmanager:Put*", "*"},
		resources: []string{"*", "arn:aws:secretsmanager:*:" + owner + ":secret:db-??????", "arn:aws:secretsmanager:us-east-1:" + owner + ":secret:${aws:username}-*"},
		keys:      []key{{"secretsmanager:VersionStage", text, []string{"AWSCURRENT", "AWS*"}}},
	},
}

var (
	buckets = []string{"arn:aws:s3:::data", "arn:aws:s3:::data", "arn:aws:s3:::other", "arn:aws:s3:::data2"}
	objects = []string{
		"arn:aws:s3:::data/x", "arn:aws:s3:::data/public/x", "arn:aws:s3:::data/public/a.log", "arn:aws:s3:::data/A.log", "arn:aws:s3:::data/alice/x", "arn:aws:s3:::data/red/x",
		"arn:aws:s3:::data/red", "arn:aws:s3:::data/none/x", "arn:aws:s3:::data/a:b", "arn:aws:s3:::data/${aws:username}/x", "arn:aws:s3:::other/x", "arn:aws:s3:::data//x",
	}
)

// kind says which operators and near misses suit a condition key.
type kind int

const (
	text kind = iota
	arn
	address
	number
	date
	boolean
	list // the request holds a set of texts
)

// key is a condition key with values that policies give it.
type key struct {
	name   string
	kind   kind
	values []string
}

// global are the keys of every service.
var global = []key{
	{"aws:SourceIp", address, []string{"0.0.0.0/0", "::/0", "0.0.0.0/1", "198.51.100.0/24", "198.51.100.7", "198.51.100.7/32", "10.0.0.0/8", "54.0.0.0/7", "2001:db8::/31", "2001:db8::1", "2001:DB8:0::/48"}},
	{"aws:VpcSourceIp", address, []string{"10.0.0.0/8", "10.1.2.3"}},
	{"aws:PrincipalOrgID", text, []string{org, "o-*", "o-zzzzzzzzzz", "${aws:ResourceOrgID}", "O-ABCDEFGHIJ"}},
	{"aws:PrincipalOrgPaths", list, []string{org + "/*", "o-*/r-ab12/*", "*", org + "/r-ab12/ou-1/"}},
	{"aws:PrincipalArn", arn, []string{"arn:aws:iam::" + owner + ":role/app", "arn:aws:iam::*:role/app", "arn:aws:iam::" + foreign + ":*", "*", "arn:aws:iam::*:user/${aws:username}", "arn:aws:*::*:federated-user/*"}},
	{"aws:PrincipalAccount", text, []string{owner, foreign, "9*", "anonymous", "??????????77", "${aws:ResourceAccount}"}},
	{"aws:PrincipalType", text, []string{"User", "AssumedRole", "Anonymous", "*User", "Account"}},
	{"aws:username", text, []string{"alice", "a*", "Alice", "bob", "${aws:PrincipalTag/team, 'alice'}"}},
	{"aws:userid", text, []string{"AIDAEXAMPLEEXAMPLE123", "AROAEXAMPLEEXAMPLE123:*", "anonymous", "*:session"}},
	{"aws:PrincipalTag/team", text, []string{"red", "blue", "r*", "${aws:username}", "${aws:ResourceTag/team, 'red'}", "cmVk"}},
	{"aws:SourceVpce", text, []string{"vpce-0123456789abcdef0", "vpce-*"}},
	{"aws:SourceVpc", text, []string{"vpc-01234567", "vpc-*"}},
	{"aws:SourceArn", arn, []string{"arn:aws:sns:us-east-1:" + owner + ":topic", "arn:aws:sns:*:*:*", "arn:aws:s3:::*", "arn:aws:*:*:" + owner + ":*", "arn:aws:s3:::${aws:PrincipalTag/team}", "arn:aws:s?s:us-east-1:" + owner + ":t*"}},
	{"aws:SourceAccount", text, []string{owner, foreign, "*", "${aws:ResourceAccount}"}},
	{"aws:PrincipalIsAWSService", boolean, []string{"true", "false"}},
	{"aws:PrincipalServiceName", text, []string{"cloudtrail.amazonaws.com", "*.amazonaws.com"}},
	{"aws:PrincipalServiceNamesList", list, []string{"cloudtrail.amazonaws.com", "sns.*"}},
	{"aws:SecureTransport", boolean, []string{"true", "false", "True"}},
	{"aws:MultiFactorAuthPresent", boolean, []string{"true", "false"}},
	{"aws:MultiFactorAuthAge", number, []string{"3600", "60"}},
	{"aws:Referer", text, []string{"https://example.com/*", "secret", "https://*.example.com/", "secret${*}", "${?}", "cost${$}"}},
	{"aws:UserAgent", text, []string{"curl*", "Mozilla/5.0 (X11)"}},
	{"aws:CurrentTime", date, dates},
	{"aws:TokenIssueTime", date, dates},
	{"aws:EpochTime", date, dates},
	{"aws:TagKeys", list, []string{"a", "b", "b*", "B"}},
	{"aws:CalledVia", list, []string{"athena.amazonaws.com", "*.amazonaws.com"}},
	{"aws:ResourceAccount", text, []string{owner, foreign}},
	{"aws:RequestTag/team", text, []string{"red", "${aws:PrincipalTag/team}"}},
}

var dates = []string{"2026-01-01T00:00:00Z", "2026-01-01", "2026-01", "2025-12-31T23:30:00-01:00", "2026-01-01T00:00:00.500Z", "1767225600", "1900000000", "2031-06-01T12:00Z"}

// named are principals as policies spell them.
var named = []principals{
	everyone, everyone,
	{"AWS": {"*"}},
	{"AWS": {"*"}},
	{"AWS": {foreign}},
	{"AWS": {owner, "arn:aws:iam::" + foreign + ":root"}},
	{"AWS": {"arn:aws:iam::" + foreign + ":role/app"}},
	{"AWS": {"arn:aws:iam::" + foreign + ":role/ci/deploy", "arn:aws:iam::" + foreign + ":user/alice"}},
	{"AWS": {"arn:aws:iam::" + owner + ":user/a/bob"}, "Service": {"cloudtrail.amazonaws.com"}},
	{"AWS": {"arn:aws:sts::" + foreign + ":assumed-role/app/one"}},
	{"AWS": {"arn:aws:sts::" + foreign + ":federated-user/guest"}},
	{"AWS": {"AIDAEXAMPLEEXAMPLE123", "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1EXAMPLE"}},
	{"Service": {"cloudtrail.amazonaws.com", "sns.amazonaws.com"}},
	{"Federated": {"accounts.google.com"}},
	{"CanonicalUser": {canonical}},
}

const canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"

// senders are principals as requests have them.
var senders = []request{
	sender("anonymous", ""), sender("anonymous", ""), sender("anonymous", ""),
	sender("aws", "arn:aws:iam::"+foreign+":root"),
	sender("aws", "arn:aws:iam::"+foreign+":role/app"),
	inSession(sender("aws", "arn:aws:iam::"+foreign+":role/app"), "app/one"),
	inSession(sender("aws", "arn:aws:iam::"+foreign+":role/app"), "app/two"),
	inSession(sender("aws", "arn:aws:iam::"+foreign+":role/ci/deploy"), "deploy/one"),
	sender("aws", "arn:aws:iam::"+foreign+":user/alice"),
	sender("aws", "arn:aws:sts::"+foreign+":federated-user/guest"),
	sender("aws", "arn:aws:iam::"+owner+":root"),
	sender("aws", "arn:aws:iam::"+owner+":role/app"),
	sender("aws", "arn:aws:iam::"+owner+":user/a/bob"),
	sender("aws", "arn:aws:iam::"+stranger+":user/alice"),
	inSession(sender("aws", "arn:aws:iam::"+stranger+":role/app"), "app/one"),
	sender("service", "cloudtrail.amazonaws.com"),
	sender("service", "sns.amazonaws.com"),
	sender("federated", "accounts.google.com"),
	sender("canonical", canonical),
}

func sender(kind, id string) request {
	return request{Request: iam.Request{Principal: iam.Principal{Kind: kind, ID: id}}}
}

func inSession(r request, name string) request {
	r.session = "arn:aws:sts::" + strings.Split(r.Principal.ID, ":")[4] + ":assumed-role/" + name
	return r
}

// draw draws policies and requests.
type draw struct{ *rand.Rand }

func (d draw) once(in int) bool { return d.IntN(in) == 0 }

func pick[T any](d draw, from []T) T { return from[d.IntN(len(from))] }

// some returns one or two different elements.
func some[T comparable](d draw, from []T) []T {
	first := pick(d, from)
	if second := pick(d, from); d.once(3) && second != first {
		return []T{first, second}
	}
	return []T{first}
}

func (d draw) service() *service {
	var bag []*service
	for i := range services {
		bag = append(bag, slices.Repeat([]*service{&services[i]}, services[i].weight)...)
	}
	return pick(d, bag)
}

func (d draw) policy(s *service) policy {
	p := policy{Version: pick(d, []string{"2012-10-17", "2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", ""})}
	for range 1 + d.IntN(3) {
		p.Statement = append(p.Statement, d.statement(s, "Allow"))
	}
	for range d.IntN(3) {
		p.Statement = append(p.Statement, d.statement(s, "Deny"))
	}
	d.Shuffle(len(p.Statement), func(i, j int) { p.Statement[i], p.Statement[j] = p.Statement[j], p.Statement[i] })
	return p
}

func (d draw) statement(s *service, effect string) statement {
	st := statement{Effect: effect}
	switch who := pick(d, named); {
	case d.once(8):
		st.NotPrincipal = who
	case d.once(2):
		st.Principal = everyone
	default:
		st.Principal = who
	}
	switch actions := some(d, s.patterns); {
	case d.once(7):
		st.NotAction = actions
	case d.once(2):
		st.Action = []string{"*"}
	default:
		st.Action = actions
	}
	switch resources := some(d, s.resources); {
	case d.once(7):
		st.NotResource = resources
	case d.once(3):
		st.Resource = []string{"*"}
	default:
		st.Resource = resources
	}
	// A Deny with few conditions stops nearly everything, an Allow with many
	// lets nothing through.
	conditions := d.IntN(3)
	if effect == "Deny" {
		conditions = 1 + d.IntN(2)
	}
	for range conditions {
		st.condition(d, pick(d, slices.Concat(global, s.keys, s.keys)))
	}
	return st
}

// condition adds a condition on a key. The names of keys and operators are
// spelled in any case now and then.
func (st *statement) condition(d draw, k key) {
	name, values := d.operator(k), some(d, k.values)
	if name == "Null" {
		values = some(d, []string{"true", "false"})
	}
	keyName := k.name
	if d.once(10) {
		name, keyName = strings.ToUpper(name), strings.ToLower(keyName)
	}
	st.put(name, keyName, values)
}

// put adds a condition, unless the statement has one with this operator and key.
// Both match in any case, and a policy that spells one in two ways is refused.
func (st *statement) put(operator, key string, values []string) bool {
	block := make(map[string][]string)
	for have, conditions := range st.Condition {
		if strings.EqualFold(have, operator) {
			operator, block = have, conditions
		}
	}
	for have := range block {
		if strings.EqualFold(have, key) {
			return false
		}
	}
	if st.Condition == nil {
		st.Condition = make(map[string]map[string][]string)
	}
	block[key] = values
	st.Condition[operator] = block
	return true
}

var suited = map[kind][]string{
	text:    {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike", "BinaryEquals"},
	list:    {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike"},
	arn:     {"ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike", "ArnLike", "ArnNotLike", "StringLike", "StringNotEquals"},
	address: {"IpAddress", "NotIpAddress"},
	number:  {"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
	date:    {"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
	boolean: {"Bool", "Bool", "Bool", "StringEquals", "StringNotEquals"},
}

func (d draw) operator(k key) string {
	if d.once(12) {
		return "Null"
	}
	name := pick(d, suited[k.kind])
	if d.once(4) {
		name += "IfExists"
	}
	if k.kind == list && !d.once(6) || d.once(8) {
		name = pick(d, []string{"ForAllValues:", "ForAnyValue:"}) + name
	}
	return name
}

// request draws a request that has something to do with the policy: its values
// are the policy's own, near misses of these, or absent.
func (d draw) request(s *service, p policy) request {
	r := pick(d, senders)
	r.Action = pick(d, sorted(s.actions))
	r.Resource = pick(d, s.actions[r.Action])
	r.Context = make(map[string][]string)
	asked := make(map[string][]string)
	for _, st := range p.Statement {
		for operator, block := range st.Condition {
			if strings.EqualFold(operator, "Null") {
				continue
			}
			for name, values := range block {
				asked[strings.ToLower(name)] = append(asked[strings.ToLower(name)], values...)
			}
		}
	}
	for _, k := range slices.Concat(global, s.keys) {
		values, named := asked[strings.ToLower(k.name)]
		if named && d.once(4) || !named && !d.once(4) {
			continue
		}
		slices.Sort(values) // maps have no order, and the draw must be the same in every run
		values = append(values, pick(d, k.values))
		r.Context[k.name] = []string{d.value(k, pick(d, values))}
		for k.kind == list && d.once(2) {
			r.Context[k.name] = append(r.Context[k.name], d.value(k, pick(d, values)))
		}
	}
	if d.once(3) {
		r.Context["aws:ResourceOrgID"] = []string{org}
	}
	if d.once(15) {
		r.Context["aws:PrincipalTag/team"] = []string{""}
	}
	if r.Principal.Kind != "aws" {
		delete(r.Context, "aws:PrincipalArn")
	}
	r.identify()
	return r
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// value makes a request's value out of a policy's.
func (d draw) value(k key, of string) string {
	switch k.kind {
	case address:
		return d.address(of)
	case number:
		return d.number(of)
	case date:
		return d.date(k, of)
	case boolean:
		return pick(d, []string{"true", "false", "True"})
	}
	if k.kind == arn && of == "*" {
		of = k.values[0]
	}
	v := d.fill(of)
	if !d.once(4) || k.kind == arn {
		return v
	}
	switch d.IntN(4) {
	case 0:
		return v + "x"
	case 1:
		return strings.ToUpper(v)
	case 2:
		return v[:max(len(v)-1, 0)]
	}
	return of // with its wildcards and variables as text
}

// fill replaces the wildcards and variables of a pattern by text.
func (d draw) fill(pattern string) string {
	var out strings.Builder
	for pattern != "" {
		if inside, ok := strings.CutPrefix(pattern, "${"); ok {
			name, rest, _ := strings.Cut(inside, "}")
			pattern = rest
			if len(name) == 1 {
				out.WriteString(name)
			} else {
				out.WriteString(pick(d, []string{"alice", "red", "none"}))
			}
			continue
		}
		switch c := pattern[0]; c {
		case '*':
			out.WriteString(pick(d, []string{"", "x", "alice", "a/b"}))
		case '?':
			out.WriteByte("axz7"[d.IntN(4)])
		default:
			out.WriteByte(c)
		}
		pattern = pattern[1:]
	}
	return out.String()
}

// address returns the first or last address of a network, or a neighbour.
func (d draw) address(of string) string {
	prefix, err := netip.ParsePrefix(of)
	if err != nil {
		prefix = netip.PrefixFrom(netip.MustParseAddr(of), netip.MustParseAddr(of).BitLen())
	}
	addr := prefix.Masked().Addr()
	switch d.IntN(4) {
	case 0:
		if before := addr.Prev(); before.IsValid() {
			return before.String()
		}
	case 1:
		bytes := addr.AsSlice()
		for bit := prefix.Bits(); bit < addr.BitLen(); bit++ {
			bytes[bit/8] |= 0x80 >> (bit % 8)
		}
		addr, _ = netip.AddrFromSlice(bytes)
	case 2:
		return pick(d, []string{"198.51.100.7", "203.0.113.9", "2600::1", "0.0.0.0"})
	}
	return addr.String()
}

func (d draw) number(of string) string {
	n, err := strconv.ParseFloat(of, 64)
	if err != nil {
		panic(fmt.Sprintf("draw number: %v", err))
	}
	step := pick(d, []float64{0, 0, 1, -1, 0.1, -0.1})
	return strconv.FormatFloat(n+step, 'f', 1+d.IntN(2), 64)
}

// date returns an instant near another. Requests have aws:EpochTime in seconds
// and every other date in ISO 8601.
func (d draw) date(k key, of string) string {
	at := instant(of).Add(pick(d, []time.Duration{0, 0, time.Second, -time.Second, 24 * time.Hour, -24 * time.Hour}))
	if k.name == "aws:EpochTime" {
		return strconv.FormatInt(at.Unix(), 10)
	}
	return at.UTC().Format("2006-01-02T15:04:05.999Z")
}

// instant reads a date of the pool above.
func instant(text string) time.Time {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(seconds, 0)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	panic(fmt.Sprintf("draw date: %q", text))
}
