package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/aws/iam/internal/reference"
)

// statementOf returns a policy of statements in JSON.
func parsed(t testing.TB, statements ...string) *Policy {
	t.Helper()
	p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// open is an Allow for everybody to read objects, under conditions.
func open(conditions string) string {
	return `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{` + conditions + `}}`
}

func deny(conditions string) string {
	return `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{` + conditions + `}}`
}

// admittedBy lists the fixed classes that a policy admits or leaves undecided.
func admittedBy(p *Policy, t Target) string {
	var list []string
	for _, d := range DecideAll(p, t) {
		switch d.Outcome {
		case Admitted:
			list = append(list, string(d.Class))
		case Undecided:
			list = append(list, string(d.Class)+"?")
		}
	}
	return strings.Join(list, " ")
}

const everybody = "anonymous any-account via-service federated stranger-vpce organisation"

func TestWhomConditionsLetIn(t *testing.T) {
	const signed = "any-account stranger-vpce organisation"
	for _, test := range []struct{ conditions, want string }{
		{``, everybody},
		// Identity keys compare with values that no stranger has.
		{`"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}`, "organisation"},
		{`"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}`, "organisation"},
		{`"StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}`, "organisation"},
		{`"StringLike":{"aws:PrincipalOrgID":"o-*"}`, signed},
		{`"StringLike":{"aws:PrincipalOrgID":"*"}`, signed},
		{`"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-abcdefghij/*"}`, "organisation"},
		{`"StringEquals":{"aws:PrincipalAccount":"111122223333"}`, ""},
		{`"StringEquals":{"aws:PrincipalAccount":"555566667777"}`, "foreign:555566667777"},
		{`"StringLike":{"aws:PrincipalAccount":"*"}`, "anonymous any-account stranger-vpce organisation"},
		{`"StringLike":{"aws:PrincipalAccount":"????????????"}`, signed},
		{`"StringEquals":{"aws:PrincipalAccount":"anonymous"}`, "anonymous stranger-vpce"},
		// An ARN has six components; that "*" alone keeps anybody out is not certain.
		{`"ArnLike":{"aws:PrincipalArn":"arn:*:*:*:*:*"}`, signed},
		{`"ArnLike":{"aws:PrincipalArn":"*"}`, signed},
		{`"ArnNotLike":{"aws:PrincipalArn":"arn:*:*:*:*:*"}`, "anonymous via-service federated stranger-vpce organisation"},
		{`"ArnNotLike":{"aws:PrincipalArn":"*"}`, "anonymous any-account? via-service federated stranger-vpce organisation"},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy"}`, signed},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:*"}`, ""},
		{`"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:*"}`, everybody},
		// A fresh account cannot be two.
		{`"StringLike":{"aws:PrincipalAccount":"1*"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::2*:role/x"}`, ""},
		{`"StringLike":{"aws:PrincipalAccount":"2*"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::2*:role/x"}`, signed},
		{`"StringEquals":{"aws:username":"alice"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/ali*"}`, signed},
		{`"StringEquals":{"aws:username":"alice"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/bob"}`, ""},
		{`"StringEquals":{"aws:username":"alice"},"StringEquals":{"aws:PrincipalType":"AssumedRole"}`, "error"},
		{`"StringEquals":{"aws:username":"alice","aws:PrincipalType":"AssumedRole"}`, ""},
		{`"StringEquals":{"aws:username":"alice","aws:PrincipalType":"User"}`, signed},
		// A key the request lacks: positive operators fail, negated and IfExists
		// hold, ForAllValues holds, ForAnyValue fails.
		{`"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-abcdefghij"}`, everybody},
		{`"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}`, everybody},
		{`"ForAnyValue:StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}`, "organisation"},
		{`"StringNotEquals":{"aws:PrincipalOrgID":"o-zzzzzzzzzz"}`, "anonymous any-account via-service federated stranger-vpce foreign-org:o-zzzzzzzzzz organisation"},
		{`"Null":{"aws:PrincipalOrgID":"false"}`, signed},
		{`"Null":{"aws:PrincipalArn":"true"}`, "anonymous via-service federated stranger-vpce organisation"},
		// Constants of the resource and forgeable keys limit nobody.
		{`"StringEquals":{"aws:ResourceAccount":"111122223333"}`, everybody},
		{`"StringEquals":{"aws:ResourceAccount":"555566667777"}`, ""},
		{`"StringEquals":{"aws:Referer":"secret"},"Bool":{"aws:SecureTransport":"true"}`, everybody},
		{`"StringEquals":{"aws:PrincipalTag/team":"red"}`, signed},
		{`"Bool":{"aws:MultiFactorAuthPresent":"true"}`, signed},
		// Networks.
		{`"StringEquals":{"aws:SourceVpce":"vpce-0123456789abcdef0"}`, ""},
		{`"StringLike":{"aws:SourceVpc":"vpc-*"}`, "stranger-vpce organisation"},
		{`"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}`, "anonymous any-account via-service? federated organisation"},
		{`"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, ""},
		{`"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}`, "anonymous any-account federated organisation"},
		// By IPv6, and without an address.
		{`"NotIpAddress":{"aws:SourceIp":"0.0.0.0/0"}`, "anonymous any-account via-service? federated stranger-vpce organisation"},
		{`"NotIpAddress":{"aws:SourceIp":["0.0.0.0/0","::/0"]}`, "via-service? stranger-vpce organisation"},
		// The confused deputy.
		{`"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:topic"}`, ""},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:*"}`, "via-service organisation"},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}`, "via-service organisation"},
		{`"StringEquals":{"aws:SourceAccount":"111122223333"}`, ""},
		{`"StringEquals":{"aws:SourceAccount":"555566667777"}`, "foreign:555566667777"},
		{`"StringLike":{"aws:SourceAccount":"*"}`, "via-service organisation"},
		{`"StringEquals":{"aws:SourceOrgID":"o-abcdefghij"}`, "organisation"},
		{`"Bool":{"aws:PrincipalIsAWSService":"true"}`, "via-service organisation"},
		// Numbers and times.
		{`"NumericLessThan":{"aws:MultiFactorAuthAge":"10"}`, signed},
		{`"NumericLessThan":{"aws:MultiFactorAuthAge":"10"},"NumericGreaterThan":{"aws:MultiFactorAuthAge":"9"}`, ""},
		{`"NumericGreaterThanEquals":{"s3:TlsVersion":"1.4"}`, ""},
		{`"NumericGreaterThanEquals":{"s3:TlsVersion":1.2}`, everybody},
		{`"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"},"DateGreaterThan":{"aws:EpochTime":"1577836800"}`, ""},
		// Sets of values.
		{`"ForAllValues:StringEquals":{"aws:CalledVia":["a","b"]},"ForAnyValue:StringEquals":{"aws:CalledVia":["c"]}`, ""},
		{`"ForAllValues:StringEquals":{"aws:CalledVia":["a","b"]},"ForAnyValue:StringEquals":{"aws:CalledVia":["b"]}`, signed},
		// Access points of strangers, and the owner's.
		{`"StringEquals":{"s3:DataAccessPointAccount":"111122223333"}`, ""},
		{`"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:*:*:accesspoint/*"}`, signed},
		{`"StringEquals":{"s3:AccessPointNetworkOrigin":"VPC"}`, "stranger-vpce organisation"},
		// Unknown keys are never trusted.
		{`"StringEquals":{"aws:BrandNewKey":"x"}`, "anonymous? any-account? via-service? federated? stranger-vpce? organisation?"},
	} {
		p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":` + open(test.conditions) + `}`))
		if err != nil {
			if test.want != "error" {
				t.Errorf("%s: %v", test.conditions, err)
			}
			continue
		}
		if got := admittedBy(p, bucket); got != test.want {
			t.Errorf("%s\n admits %q\n   want %q", test.conditions, got, test.want)
		}
	}
}

func TestDenialsCloseExactly(t *testing.T) {
	for _, test := range []struct {
		name       string
		statements []string
		want       string
	}{
		{"outside the organisation", []string{open(""), deny(`"StringNotEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}`)}, "organisation"},
		{"outside the organisation, services exempt", []string{
			open(""),
			deny(`"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-abcdefghij"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}`),
		}, "via-service organisation"},
		{"not through the endpoint", []string{open(""), deny(`"StringNotEquals":{"aws:SourceVpce":"vpce-0123456789abcdef0"}`)}, ""},
		{"not from the office", []string{open(""), deny(`"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}`)}, "anonymous any-account federated organisation"},
		{"not from the office nor the endpoint", []string{
			open(""),
			deny(`"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"},"StringNotEquals":{"aws:SourceVpce":"vpce-0123456789abcdef0"}`),
		}, "anonymous any-account federated organisation"},
		{"only with a name that anybody can take", []string{open(""), deny(`"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy"}`)}, "any-account stranger-vpce organisation"},
		{"with any ARN, spelled out", []string{open(""), deny(`"ArnLike":{"aws:PrincipalArn":"arn:*:*:*:*:*"}`)}, "anonymous via-service federated stranger-vpce organisation"},
		{"with any ARN", []string{open(""), deny(`"ArnLike":{"aws:PrincipalArn":"*"}`)}, "anonymous any-account? via-service federated stranger-vpce organisation"},
		{"without any ARN", []string{open(""), deny(`"ArnNotLike":{"aws:PrincipalArn":"*"}`)}, "any-account stranger-vpce organisation"},
		{"plain HTTP only", []string{open(""), deny(`"Bool":{"aws:SecureTransport":"true"}`)}, "anonymous any-account federated stranger-vpce organisation"},
		{"both ways of SecureTransport", []string{open(""), deny(`"Bool":{"aws:SecureTransport":"true"}`), deny(`"Bool":{"aws:SecureTransport":"false"}`)}, ""},
		{"another action", []string{open(""), `{"Effect":"Deny","Principal":"*","Action":"s3:Put*","Resource":"*"}`}, everybody},
		{"every action but another", []string{open(""), `{"Effect":"Deny","Principal":"*","NotAction":"s3:PutObject","Resource":"*"}`}, ""},
		{"all objects but some", []string{open(""), `{"Effect":"Deny","Principal":"*","Action":"*","NotResource":"arn:aws:s3:::data/public/*"}`}, everybody},
		{"all objects, in two halves", []string{
			open(""), `{"Effect":"Deny","Principal":"*","Action":"*","NotResource":"arn:aws:s3:::data/public/*"}`,
			`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"arn:aws:s3:::data/pub*"}`,
		}, ""},
		{"everybody but the owner", []string{open(""), `{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"*","Resource":"*"}`}, ""},
		{"everybody by another form", []string{open(""), `{"Effect":"Deny","Principal":{"AWS":["*"]},"Action":"*","Resource":"*"}`}, ""},
	} {
		if got := admittedBy(parsed(t, test.statements...), bucket); got != test.want {
			t.Errorf("%s:\n admits %q\n   want %q", test.name, got, test.want)
		}
	}
}

// These are the traps that policy readers with lists of restrictive keys fall
// into.
func TestShapes(t *testing.T) {
	for _, test := range []struct{ name, document, want string }{
		{"a list of AWS principals", `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}`, everybody},
		{"a single statement", `{"Statement":{"Effect":"Allow","Principal":{"*":"*"},"Action":"S3:getobject","Resource":"arn:aws:s3:::data/*"}}`, everybody},
		{"NotPrincipal", `{"Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:GetObject","Resource":"*"}}`, everybody},
		{"NotAction", `{"Statement":{"Effect":"Allow","Principal":"*","NotAction":"s3:GetObject","Resource":"*"}}`, everybody},
		{"another bucket", `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::other","arn:aws:s3:::data2/*"]}}`, ""},
		{"two narrow halves of the internet", `{"Version":"2012-10-17","Statement":[` + open(`"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}`) + `,` + open(`"IpAddress":{"aws:SourceIp":"128.0.0.0/1"}`) + `]}`, "anonymous any-account via-service? federated organisation"},
		{"one good statement before an open one", `{"Version":"2012-10-17","Statement":[` + open(`"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}`) + `,` + open("") + `]}`, everybody},
		{"an old version has no variables", `{"Version":"2008-10-17","Statement":` + open(`"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}`) + `}`, ""},
		{"a service", `{"Statement":{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*"}}`, "via-service organisation"},
		{"a service bound to the owner", `{"Statement":{"Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/E1"}}}}`, ""},
		{"an origin access identity", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}`, ""},
		{"a canonical user", `{"Statement":{"Effect":"Allow","Principal":{"CanonicalUser":"79a5"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}`, "foreign:canonical/79a5?"},
		{"a foreign role", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::555566667777:role/app"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}`, "foreign:555566667777"},
		{"a deleted role", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}`, ""},
		{"half a wildcard", `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::*:role/app"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}`, "any-account? stranger-vpce? organisation?"},
		{"an action that needs another resource", `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data"}}`, "anonymous? any-account? via-service? federated? stranger-vpce? organisation?"},
		{"no principal", `{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}`, "anonymous? any-account? via-service? federated? stranger-vpce? organisation?"},
		{"another organisation", `{"Version":"2012-10-17","Statement":` + open(`"StringEquals":{"aws:PrincipalOrgID":"o-zzzzzzzzzz"}`) + `}`, "foreign-org:o-zzzzzzzzzz"},
	} {
		p, err := Parse([]byte(test.document))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := admittedBy(p, bucket); got != test.want {
			t.Errorf("%s:\n admits %q\n   want %q", test.name, got, test.want)
		}
	}
}

func TestVariables(t *testing.T) {
	for _, test := range []struct{ resource, class, want, witness string }{
		{"arn:aws:s3:::data/${aws:username}/*", string(Anonymous), "not-admitted", ""},
		{"arn:aws:s3:::data/${aws:username}/*", string(AnyAccount), "admitted", "arn:aws:s3:::data/stranger/"},
		{"arn:aws:s3:::data/${aws:username, 'all'}/*", string(Anonymous), "admitted", "arn:aws:s3:::data/all/"},
		{"arn:aws:s3:::data/${*}/*", string(Anonymous), "admitted", "arn:aws:s3:::data/*/"},
		{"arn:aws:s3:::data/${aws:PrincipalAccount}/*", string(Anonymous), "admitted", "arn:aws:s3:::data/anonymous/"},
		{"arn:aws:s3:::${aws:PrincipalAccount}/*", string(AnyAccount), "undecided", ""},
		{"arn:aws:s3:::data/${aws:ResourceAccount}/*", string(Anonymous), "admitted", "arn:aws:s3:::data/111122223333/"},
	} {
		p := parsed(t, `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"`+test.resource+`"}`)
		d := Decide(p, bucket, Class(test.class))
		if string(d.Outcome) != test.want {
			t.Errorf("%s: %s is %s (%s), want %s", test.resource, test.class, d.Outcome, d.Reason, test.want)
			continue
		}
		if test.witness != "" && d.Grants[0].Witness.Resource != test.witness {
			t.Errorf("%s: witness %q, want %q", test.resource, d.Grants[0].Witness.Resource, test.witness)
		}
	}
}

func TestNetworkAndTimeOfAnAdmission(t *testing.T) {
	p := parsed(t,
		open(`"IpAddress":{"aws:SourceIp":["198.51.100.0/24","10.0.0.0/8"]},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}`),
		open(`"IpAddress":{"aws:SourceIp":"203.0.113.0/25"},"DateGreaterThanEquals":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}`),
		deny(`"IpAddress":{"aws:SourceIp":"198.51.100.128/25"}`),
	)
	d := Decide(p, bucket, Anonymous)
	if len(d.Grants) != 1 {
		t.Fatalf("decision %+v", d)
	}
	g := d.Grants[0]
	if got := fmt.Sprint(g.Network.Prefixes); g.Network.Reach != ReachListed || got != "[198.51.100.0/25 203.0.113.0/25]" {
		t.Errorf("network %s %s", g.Network.Reach, got)
	}
	if g.Allow != "/Statement/0" || !slices.Equal(g.Also, []string{"/Statement/1"}) {
		t.Errorf("allowed by %s and %v", g.Allow, g.Also)
	}
	if g.From != "" || !strings.HasPrefix(g.Until, "2026-12-31T23:59:59") {
		t.Errorf("from %q until %q", g.From, g.Until)
	}
	if !slices.Equal(g.Actions, []string{"s3:GetObject"}) || len(g.Conditions) != 2 {
		t.Errorf("actions %v, conditions %q", g.Actions, g.Conditions)
	}
	for conditions, want := range map[string]Reach{
		``: ReachInternet,
		`"IpAddress":{"aws:SourceIp":"54.0.0.0/8"}`:          ReachBroad,
		`"NotIpAddress":{"aws:SourceIp":"198.51.100.7"}`:     ReachInternet,
		`"IpAddress":{"aws:SourceIp":"2001:db8::/31"}`:       ReachBroad,
		`"IpAddress":{"aws:SourceIp":"2001:db8::/32"}`:       ReachListed,
		`"NumericLessThan":{"aws:EpochTime":4102444800}`:     ReachInternet,
		`"StringEquals":{"aws:SourceIp":"198.51.100.7"}`:     ReachListed,
		`"StringLike":{"aws:SourceIp":"*"}`:                  ReachInternet,
		`"IpAddress":{"aws:SourceIp":"::ffff:54.0.0.0/104"}`: ReachBroad,
	} {
		d := Decide(parsed(t, open(conditions)), bucket, Anonymous)
		if len(d.Grants) != 1 || d.Grants[0].Network.Reach != want {
			t.Errorf("%s: %+v, want %s", conditions, d, want)
		}
	}
}

func TestClosedBy(t *testing.T) {
	for _, test := range []struct {
		statements []string
		want       string
	}{
		{[]string{open(`"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij","aws:Referer":"x"}`)}, "[/Statement/0/Condition/StringEquals/aws:PrincipalOrgID]"},
		{[]string{open(""), deny(`"Bool":{"aws:SecureTransport":"true"}`), deny("")}, "[/Statement/2]"},
		{[]string{open(`"StringEquals":{"aws:PrincipalTag/a~b/c":"x"}`)}, "[/Statement/0/Condition/StringEquals/aws:PrincipalTag~1a~0b~1c]"},
		{[]string{`{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}`}, "[]"},
	} {
		d := Decide(parsed(t, test.statements...), bucket, Anonymous)
		if got := fmt.Sprint(d.ClosedBy); d.Outcome != NotAdmitted || got != test.want {
			t.Errorf("%v: %s, closed by %s, want %s", test.statements, d.Outcome, got, test.want)
		}
	}
}

func TestServicesThatNeedSignatures(t *testing.T) {
	for service, arn := range map[string]string{
		"kms": "arn:aws:kms:us-east-1:111122223333:key/1", "secretsmanager": "arn:aws:secretsmanager:us-east-1:111122223333:secret:a/b-1",
		"ecr": "arn:aws:ecr:us-east-1:111122223333:repository/a/b", "dynamodb": "arn:aws:dynamodb:us-east-1:111122223333:table/t",
		"s3": "arn:aws:s3:us-east-1:111122223333:accesspoint/ap/object/*", "kinesis": "arn:aws:kinesis:us-east-1:111122223333:stream/s",
	} {
		p := parsed(t, `{"Effect":"Allow","Principal":"*","Action":"`+service+`:*","Resource":"*"}`)
		target := Target{Service: service, Resources: []string{arn}}
		if d := Decide(p, target, Anonymous); d.Outcome != NotAdmitted || len(d.ClosedBy) == 0 {
			t.Errorf("%s answers unsigned requests: %+v", service, d)
		}
		if d := Decide(p, target, AnyAccount); d.Outcome != Admitted {
			t.Errorf("%s: any account is %s (%s)", service, d.Outcome, d.Reason)
		}
	}
	for service, arn := range map[string]string{"sqs": "arn:aws:sqs:us-east-1:111122223333:q", "sns": "arn:aws:sns:us-east-1:111122223333:t", "opensearch": "arn:aws:es:us-east-1:111122223333:domain/d"} {
		prefix := canonicalService(service)
		p := parsed(t, `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"`+strings.ToUpper(prefix)+`:*","Resource":"`+arn+`"}`)
		if d := Decide(p, Target{Service: service, Resources: []string{arn}}, Anonymous); d.Outcome != Admitted {
			t.Errorf("%s: anonymous is %s (%s)", service, d.Outcome, d.Reason)
		}
	}
}

func TestActionsThatDoNotExistYet(t *testing.T) {
	allow := `{"Effect":"Allow","Principal":"*","Action":"s3:Frob*","Resource":"arn:aws:s3:::data/*"}`
	d := Decide(parsed(t, allow), bucket, Anonymous)
	if d.Outcome == Admitted && !slices.Equal(d.Grants[0].Actions, []string{FutureAction}) || d.Outcome == NotAdmitted {
		t.Errorf("a pattern for later: %+v", d)
	}
	denied := Decide(parsed(t, allow, `{"Effect":"Deny","Principal":"*","Action":"s3:F*","Resource":"*"}`), bucket, Anonymous)
	if denied.Outcome == Admitted {
		t.Errorf("a pattern for later, denied: %+v", denied)
	}
	unlisted := Decide(parsed(t, `{"Effect":"Allow","Principal":"*","Action":"s3:FrobObject","Resource":"arn:aws:s3:::data/*"}`), bucket, Anonymous)
	if unlisted.Outcome != Undecided {
		t.Errorf("an action that the reference lacks: %+v", unlisted)
	}
}

// The policy that SNS gives every new topic.
func TestDefaultTopicPolicyIsPrivate(t *testing.T) {
	p := parsed(t, `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:Publish","SNS:Subscribe"],"Resource":"arn:aws:sns:us-east-1:111122223333:t",
		"Condition":{"StringEquals":{"AWS:SourceOwner":"111122223333"}}}`)
	if got := admittedBy(p, Target{Service: "sns", Resources: []string{"arn:aws:sns:us-east-1:111122223333:t"}}); got != "" {
		t.Errorf("admits %q", got)
	}
}

func TestSyntheticGrants(t *testing.T) {
	empty := parsed(t, `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*"}`)
	acl := empty.With(AllowAnyone("acl", "/AccessControlList/Grant[1]", []string{"s3:PutObject", "s3:ListBucket"}, []string{"arn:aws:s3:::data", "arn:aws:s3:::data/*"}))
	d := Decide(acl, bucket, Anonymous)
	if len(d.Grants) != 1 || !slices.Equal(d.Grants[0].Actions, []string{"s3:ListBucket"}) || d.Grants[0].Allow != "/AccessControlList/Grant[1]" {
		t.Errorf("AllowAnyone beside a Deny: %+v", d)
	}
	if len(empty.Statements) != 1 {
		t.Error("With changed the policy")
	}
	signed := new(Policy).With(AllowAccounts("acl", "/Grant", []string{"s3:GetObject"}, []string{"arn:aws:s3:::data/*"}))
	if got := admittedBy(signed, bucket); got != "any-account stranger-vpce organisation" {
		t.Errorf("AllowAccounts admits %q", got)
	}
}

func TestBPAPublic(t *testing.T) {
	for _, test := range []struct {
		statements        []string
		public, uncertain bool
	}{
		{[]string{open("")}, true, false},
		{[]string{open(`"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}`)}, true, false},
		{[]string{open(`"IpAddress":{"aws:SourceIp":"10.0.0.0/7"}`)}, true, false},
		{[]string{open(`"IpAddress":{"aws:SourceIp":["1.0.0.0/8","2.0.0.0/8"]}`)}, false, false},
		{[]string{open(`"StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLE123:*"}`)}, false, false},
		{[]string{open(`"StringEquals":{"s3:x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:111122223333:key/1"}`)}, false, false},
		{[]string{open(`"StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}`)}, true, false},
		{[]string{open(`"ForAllValues:StringEquals":{"aws:SourceVpc":"vpc-1"}`)}, true, false},
		{[]string{open(`"StringNotEquals":{"aws:SourceVpc":"vpc-1"}`)}, true, false},
		{[]string{open(`"StringEquals":{"aws:PrincipalTag/a":"b"}`)}, true, false},
		{[]string{open(`"StringEquals":{"aws:PrincipalAccount":"111122223333"}`)}, false, true},
		{[]string{open(`"StringEquals":{"aws:SourceVpc":"${aws:username}"}`)}, true, false},
		{[]string{open(""), deny(`"StringNotEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}`)}, true, true},
		{[]string{open(""), deny(`"Bool":{"aws:SecureTransport":"false"}`)}, true, false},
		{[]string{deny("")}, false, false},
		{[]string{`{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}`}, true, false},
		{[]string{`{"Effect":"Allow","Principal":{"Service":"logging.s3.amazonaws.com"},"Action":"s3:*","Resource":"*"}`}, false, false},
	} {
		got := BPAPublic(parsed(t, test.statements...), BucketPolicy, bucket)
		if got.Public != test.public || got.Uncertain != test.uncertain {
			t.Errorf("%v: %+v, want public %v, uncertain %v", test.statements, got, test.public, test.uncertain)
		}
		if got.Public && (len(got.Statements) == 0 || got.Reason == "") {
			t.Errorf("%v: public without saying why: %+v", test.statements, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const good = `"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"`
	for document, pointer := range map[string]string{
		``:                         "",
		`[]`:                       "",
		`{"Statement":[]}`:         "/Statement",
		`{"Version":"2012-10-17"}`: "",
		`{"Statement":{` + good + `},"Statement":{}}`:                                           "/Statement",
		`{"statement":{` + good + `}}`:                                                          "/statement",
		`{"Version":"2020-01-01","Statement":{` + good + `}}`:                                   "/Version",
		`{"Statement":{` + good + `,"Extra":1}}`:                                                "/Statement/Extra",
		`{"Statement":[{` + good + `},{` + good + `,"effect":"Deny"}]}`:                         "/Statement/1/effect",
		`{"Statement":{` + good + `,"NotPrincipal":"*"}}`:                                       "/Statement/NotPrincipal",
		`{"Statement":{` + good + `,"Condition":{"StringIs":{"a":"b"}}}}`:                       "/Statement/Condition/StringIs",
		`{"Statement":{` + good + `,"Condition":{"StringEquals":{"a":"b","A":"c"}}}}`:           "/Statement/Condition/StringEquals/A",
		`{"Statement":{` + good + `,"Condition":{"NullIfExists":{"a":"true"}}}}`:                "/Statement/Condition/NullIfExists",
		`{"Statement":{` + good + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}}`: "/Statement/Condition/IpAddress/aws:SourceIp",
		`{"Statement":{` + good + `,"Condition":{"StringEquals":{"a":null}}}}`:                  "/Statement/Condition/StringEquals/a",
		`{"Statement":{"Effect":"allow","Action":"*","Resource":"*"}}`:                          "/Statement/Effect",
		`{"Statement":{"Effect":"Allow","Principal":{"AWS":[]},"Action":"*"}}`:                  "/Statement/Principal",
		`{"Statement":{"Effect":"Allow","Principal":["*"],"Action":"*"}}`:                       "/Statement/Principal",
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"Get"}}`:                       "/Statement/Action",
		`{"Statement":{"Effect":"Allow","Principal":"*","Resource":"*"}}`:                       "/Statement",
		`{"Statement":{` + good + `}} {}`:                                                       "",
		`{"Id":"\ud800","Statement":{` + good + `}}`:                                            "/Id",
		strings.Repeat(`[`, 1<<20):                                                              "",
		`{"Statement":` + strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100) + `}`:             "/Statement" + strings.Repeat("/0", 16),
		strings.Repeat(" ", maxSize+1):                                                          "",
		"{\"Id\":\"\xff\"}":                                                                     "",
	} {
		_, err := Parse([]byte(document))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%.80s: error %v, want a *SyntaxError", document, err)
			continue
		}
		if syntax.Pointer != pointer || syntax.Reason == "" {
			t.Errorf("%.80s: %v, want pointer %q", document, err, pointer)
		}
	}
}

func TestEvaluate(t *testing.T) {
	p := parsed(t, open(`"StringLike":{"aws:Referer":"https://example.com/*"}`), deny(`"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}`))
	request := func(context map[string][]string) Request {
		return Request{Principal: Principal{Kind: "anonymous"}, Action: "S3:GETOBJECT", Resource: "arn:aws:s3:::data/a:b/c", Context: context}
	}
	for _, test := range []struct {
		context map[string][]string
		want    Effect
	}{
		{nil, ImplicitDeny},
		{map[string][]string{"AWS:referer": {"https://example.com/x"}}, Allow},
		{map[string][]string{"AWS:referer": {"https://example.com/x"}, "aws:SourceIp": {"198.51.100.1"}}, ExplicitDeny},
		{map[string][]string{"AWS:referer": {"https://EXAMPLE.com/x"}}, ImplicitDeny},
	} {
		if got := Evaluate(p, request(test.context)); got != test.want {
			t.Errorf("%v: %v, want %v", test.context, got, test.want)
		}
	}
}

// Where AWS does not say what a policy means, the evaluator lets fewer requests
// through, and the decision is open.
func TestWhatAWSLeavesOpen(t *testing.T) {
	const (
		role    = "arn:aws:iam::" + foreign + ":role/ci/app"
		session = `"Principal":{"AWS":"arn:aws:sts::` + foreign + `:assumed-role/app/one"}`
		anybody = `"Principal":"*"`
		set     = `"StringLike":{"s3:RequestObjectTagKeys":"*"}`
		paths   = `"StringEquals":{"aws:PrincipalTag/path":"${aws:PrincipalOrgPaths}"}`
		without = `"StringNotEquals":{"aws:PrincipalTag/path":"${aws:PrincipalOrgPaths}"}`
	)
	statement := func(effect, who, condition string) string {
		return `{"Effect":"` + effect + `",` + who + `,"Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*","Condition":{` + condition + `}}`
	}
	request := Request{
		Principal: Principal{Kind: "aws", ID: role}, Action: "s3:PutObject", Resource: "arn:aws:s3:::data/x",
		Context: map[string][]string{
			"s3:RequestObjectTagKeys": {"team"}, "aws:PrincipalOrgPaths": {"o-zzzzzzzzzz/r-ab12/"}, "aws:PrincipalTag/path": {"o-zzzzzzzzzz/r-ab12/"},
		},
	}
	for name, test := range map[string]struct {
		statements []string
		want       Effect
	}{
		"an Allow for a session":                        {[]string{statement("Allow", session, ``)}, ImplicitDeny},
		"a Deny for a session":                          {[]string{statement("Allow", anybody, ``), statement("Deny", session, ``)}, ExplicitDeny},
		"an Allow for all but a session":                {[]string{statement("Allow", strings.Replace(session, "P", "NotP", 1), ``)}, ImplicitDeny},
		"an Allow with a set and no set operator":       {[]string{statement("Allow", anybody, set)}, ImplicitDeny},
		"a Deny with a set and no set operator":         {[]string{statement("Allow", anybody, ``), statement("Deny", anybody, set)}, ExplicitDeny},
		"an Allow with a set as a variable":             {[]string{statement("Allow", anybody, paths)}, ImplicitDeny},
		"an Allow with all but a set as a variable":     {[]string{statement("Allow", anybody, without)}, ImplicitDeny},
		"a Deny with a set as a variable":               {[]string{statement("Allow", anybody, ``), statement("Deny", anybody, paths)}, ExplicitDeny},
		"a Deny with all but a set as a variable":       {[]string{statement("Allow", anybody, ``), statement("Deny", anybody, without)}, ExplicitDeny},
		"a Deny for a session of another role is clear": {[]string{statement("Allow", anybody, ``), statement("Deny", strings.Replace(session, "app", "ap", 1), ``)}, Allow},
	} {
		p := parsed(t, test.statements...)
		if got := Evaluate(p, request); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		if d := Decide(p, bucket, Foreign(foreign)); strings.Contains(d.Reason, errWitness.Error()) {
			t.Errorf("%s: %s", name, d.Reason)
		}
	}
	if d := Decide(parsed(t, statement("Allow", anybody, paths)), bucket, AnyAccount); d.Outcome != Undecided {
		t.Errorf("a set as a variable is %s, want undecided", d.Outcome)
	}
}

// Every answer about every key must come from the table, the families or the
// reference; this guards the spelling of the keys.
func TestKeysAreInLowerCase(t *testing.T) {
	for key := range keys {
		if key != fold(key) || !strings.Contains(key, ":") {
			t.Errorf("key %q", key)
		}
	}
	for key := range bpaKeys {
		if key != fold(key) {
			t.Errorf("key %q", key)
		}
	}
}

func TestReferenceHasTheServices(t *testing.T) {
	for _, name := range strings.Fields("s3 s3express s3-object-lambda s3-outposts sqs sns kms secretsmanager ecr dynamodb es kinesis glacier backup elasticfilesystem lambda sts s3tables s3vectors") {
		if s, ok := reference.Lookup(name); !ok || len(s.Actions) < 10 {
			t.Errorf("service %s is missing", name)
		}
	}
	s3, _ := reference.Lookup("s3")
	for arn, want := range map[string]string{
		"arn:aws:s3:::b":   "[bucket]",
		"arn:aws:s3:::b/*": "[object]",
		"arn:aws:s3:us-east-1:111122223333:accesspoint/a":          "[accesspoint]",
		"arn:aws:s3:us-east-1:111122223333:accesspoint/a/object/*": "[accesspointobject]",
		"arn:aws:sqs:us-east-1:111122223333:q":                     "[]",
	} {
		if got := fmt.Sprint(s3.Names(s3.TypesOf(arn))); got != want {
			t.Errorf("%s is %s, want %s", arn, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range loadCases(f) {
		f.Add([]byte(c.Policy))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse(text)
		if err != nil {
			if syntax := new(SyntaxError); !errors.As(err, &syntax) {
				t.Fatalf("error %T is not a *SyntaxError", err)
			}
			return
		}
		for _, s := range p.Statements {
			if !strings.HasPrefix(s.Pointer, "/Statement") {
				t.Fatalf("statement at %q", s.Pointer)
			}
		}
	})
}

func FuzzDecide(f *testing.F) {
	for _, c := range loadCases(f) {
		f.Add([]byte(c.Policy), "arn:aws:s3:::data/x", "198.51.100.7", "x")
	}
	f.Fuzz(func(t *testing.T, text []byte, resource, address, value string) {
		p, err := Parse(text)
		if err != nil || len(text) > 4<<10 {
			return
		}
		decisions := DecideAll(p, bucket)
		_ = BPAPublic(p, BucketPolicy, bucket)
		for _, d := range decisions {
			if strings.Contains(d.Reason, errWitness.Error()) {
				t.Fatalf("%s: %s", d.Class, d.Reason)
			}
			if d.Outcome == Undecided && d.Reason == "" {
				t.Fatalf("%s is undecided without a reason", d.Class)
			}
		}
		if !strings.HasPrefix(resource, "arn:aws:s3:::data/") || len(resource) == len("arn:aws:s3:::data/") {
			return
		}
		q := Request{
			Principal: Principal{Kind: "anonymous"}, Action: "s3:GetObject", Resource: resource,
			Context: map[string][]string{
				"aws:SourceIp": {"198.51.100.7"}, "aws:SecureTransport": {"true"}, "s3:TlsVersion": {"1.2"},
				"aws:Referer": {value}, "aws:CurrentTime": {"2030-01-01T00:00:00Z"}, "aws:EpochTime": {"1893456000"},
				"aws:ResourceAccount": {owner}, "aws:ResourceOrgID": {ownOrg}, "s3:ResourceAccount": {owner},
			},
		}
		if decisions[0].Outcome == NotAdmitted && Evaluate(p, q) == Allow {
			t.Fatalf("anonymous is not admitted, but %+v is allowed", q)
		}
	})
}

func ExampleDecide() {
	p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"},
		{"Effect":"Deny","Principal":"*","Action":"s3:*","NotResource":"arn:aws:s3:::data/public/*"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	d := Decide(p, Target{Service: "s3", Resources: []string{"arn:aws:s3:::data", "arn:aws:s3:::data/*"}}, Anonymous)
	witness, _ := json.Marshal(d.Grants[0].Witness.Resource)
	fmt.Println(d.Outcome, d.Grants[0].Actions, string(witness))
	// Output: admitted [s3:GetObject] "arn:aws:s3:::data/public/"
}
