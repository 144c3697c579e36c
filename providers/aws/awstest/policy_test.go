package awstest

import (
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestPolicyText(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"keys in order", `{Version: 2012-10-17, Statement: [], Id: x}`, `{"Version":"2012-10-17","Statement":[],"Id":"x"}`},
		{"types", `{a: 1, b: true, c: null, d: "1", e: "true", f: 1.5, g: yes}`, `{"a":1,"b":true,"c":null,"d":"1","e":"true","f":1.5,"g":"yes"}`},
		{"no escapes", `{a: "<&>"}`, `{"a":"<&>"}`},
		{"key twice in a string", `'{"a":1,"a":2}'`, `{"a":1,"a":2}`},
		{"broken", `'{"Statement"'`, `{"Statement"`},
		{"aliases", `{a: &x [1, 2], b: *x}`, `{"a":[1,2],"b":[1,2]}`},
		{"octal", `{a: 0o17}`, `{"a":"0o17"}`},
		{"block text", "|\n  {\n  }", "{\n}"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p policy
			if err := yaml.Load([]byte(tc.yaml), &p); err != nil {
				t.Fatal(err)
			}
			same(t, p.text, tc.want)
		})
	}
}

// AWS's own labels, from its description of what public means.
func TestPublicPolicies(t *testing.T) {
	statement := func(rest string) string {
		return `{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*",` + rest + `}]}`
	}
	anyone := func(condition string) string { return statement(`"Principal":"*","Condition":` + condition) }
	for _, tc := range []struct {
		name, policy string
		want         bool
	}{
		{"everybody", statement(`"Principal":"*"`), true},
		{"everybody, as a list", statement(`"Principal":{"AWS":["*"]}`), true},
		{"a single statement", `{"Statement":{"Effect":"Allow","Principal":"*"}}`, true},
		{"an account", statement(`"Principal":{"AWS":"arn:aws:iam::111111111111:root"}`), false},
		{"a service", statement(`"Principal":{"Service":"cloudfront.amazonaws.com"}`), false},
		{"a login of the web", statement(`"Principal":{"Federated":"graph.facebook.com"}`), true},
		{"everybody else", statement(`"NotPrincipal":{"AWS":"arn:aws:iam::111111111111:root"}`), true},
		{"a denial", `{"Statement":[{"Effect":"Deny","Principal":"*"}]}`, false},
		{"nothing", emptyPolicy, false},
		{"no JSON", `{"Statement"`, true},
		{"a VPC", anyone(`{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}`), false},
		{"VPCs", anyone(`{"StringLike":{"aws:SourceVpc":"vpc-*"}}`), true},
		{"an organisation", anyone(`{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}`), false},
		{"a variable", anyone(`{"StringEquals":{"aws:PrincipalAccount":"${aws:PrincipalTag/x}"}}`), true},
		{"not an organisation", anyone(`{"StringNotEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}`), true},
		{"for all values", anyone(`{"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-a/r-b/"}}`), true},
		{"for any value", anyone(`{"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":"o-a/r-b/"}}`), false},
		{"a header", anyone(`{"StringLike":{"aws:Referer":"https://example.com/"}}`), true},
		{"a network", anyone(`{"IpAddress":{"aws:SourceIp":["192.0.2.0/24","198.51.100.7"]}}`), false},
		{"a private network", anyone(`{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), false},
		{"a broad network", anyone(`{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}`), true},
		{"a broad IPv6 network", anyone(`{"IpAddress":{"aws:SourceIp":"2000::/3"}}`), true},
		{"an access point's account", anyone(`{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-east-1:111111111111:accesspoint/*"}}`), false},
		{"any access point", anyone(`{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:*:*:accesspoint/x"}}`), true},
	} {
		if got := (&policy{tc.policy}).isPublic(nil, true); got != tc.want {
			t.Errorf("%s: %t", tc.name, got)
		}
	}
	point := anyone(`{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-east-1:111111111111:accesspoint/x"}}`)
	if !(&policy{point}).isPublic(nil, false) {
		t.Error("an access point that is open to callers of itself is public")
	}
	if (&policy{point}).isPublic(no, false) {
		t.Error("a world overrules")
	}
}
