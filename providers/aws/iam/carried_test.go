package iam

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/providers/aws/iam/internal/reference"
)

// Whether requests for an action carry a key that the reference does not list
// for it decides nothing: who gets in does so either way.
func TestKeysThatActionsLack(t *testing.T) {
	allow := func(action, resource, condition string) string {
		return `{"Effect":"Allow","Principal":"*","Action":"` + action + `","Resource":"` + resource + `","Condition":{` + condition + `}}`
	}
	denyAll := func(condition string) string {
		return `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{` + condition + `}}`
	}
	const (
		data, objects = "arn:aws:s3:::data", "arn:aws:s3:::data/*"
		prefix        = `"StringEquals":{"s3:prefix":"x"}`
		lacks         = "the Service Authorization Reference does not list "
	)
	for _, test := range []struct {
		name       string
		statements []string
		want       Outcome
		reason     string // part of it
	}{
		{"an Allow asks for a key that is not there", []string{allow("s3:GetObject", objects, prefix)}, Undecided, lacks + "s3:prefix for s3:GetObject"},
		{"an Allow asks that it is there", []string{allow("s3:GetObject", objects, `"Null":{"S3:Prefix":"false"}`)}, Undecided, lacks + "S3:Prefix for s3:GetObject"},
		{"an Allow asks that it is not there", []string{allow("s3:GetObject", objects, `"Null":{"s3:prefix":"true"}`)}, Admitted, ""},
		{"an Allow asks for another value", []string{allow("s3:GetObject", objects, `"StringNotEquals":{"s3:prefix":"x"}`)}, Admitted, ""},
		{"an Allow asks for a value where there is one", []string{allow("s3:GetObject", objects, `"StringEqualsIfExists":{"s3:prefix":"x"}`)}, Admitted, ""},
		{"another action has it", []string{allow("s3:ListBucket", data, prefix)}, Admitted, ""},
		{"a number", []string{allow("s3:ListBucket", data, `"NumericLessThan":{"s3:max-keys":"10"},"NumericGreaterThan":{"s3:max-keys":"8"}`)}, Admitted, ""},
		{"a set of values", []string{allow("s3:TagResource", data, `"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]},"ForAnyValue:StringEquals":{"aws:TagKeys":"b"}`)}, Admitted, ""},
		{"a tag in the request", []string{allow("s3:GetObject", objects, `"StringEquals":{"aws:RequestTag/a/b":"x"}`)}, Undecided, lacks + "aws:RequestTag/a/b for s3:GetObject"},
		{"some of the actions have it", []string{allow("s3:*", `*`, prefix)}, Admitted, "and 101 more: " + lacks + "s3:prefix for s3:AbortMultipartUpload, "},
		{"a type of resource has it", []string{allow("s3:GetObject", objects, `"Null":{"s3:DataAccessPointArn":"true"}`)}, Admitted, ""},
		{"a Deny spares requests with a header, and there is none", []string{allow("s3:GetObject", objects, ""), denyAll(`"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}`)}, Undecided, lacks + "s3:x-amz-server-side-encryption for s3:GetObject"},
		{"a Deny spares requests with a header", []string{allow("s3:PutObject", objects, ""), denyAll(`"StringNotEquals":{"s3:x-amz-server-side-encryption":"AES256"}`)}, Admitted, ""},
		{"a Deny stops requests with a key that is not there", []string{allow("s3:GetObject", objects, ""), denyAll(prefix)}, Admitted, ""},
		{"a Deny of another action", []string{allow("s3:GetObject", objects, ""), `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*","Condition":{"Null":{"s3:prefix":"true"}}}`}, Admitted, ""},
		{"nothing helps", []string{allow("s3:GetObject", objects, prefix), denyAll("")}, NotAdmitted, ""},
		{"a variable that is not there", []string{allow("s3:GetObject", data+"/${s3:prefix}", "")}, Undecided, "the variable ${s3:prefix} can have many values"},
		{"a variable", []string{allow("s3:PutObject", data+"/${s3:x-amz-acl}", "")}, Admitted, ""},
		{"an action for later", []string{allow("s3:Frob*", objects, prefix)}, Undecided, lacks + "s3:prefix for " + FutureAction},
		{"an action for later that needs no key", []string{allow("s3:Frob*", objects, `"StringNotEquals":{"s3:prefix":"x"}`)}, Admitted, ""},
		{"an action that the reference lacks", []string{allow("s3:FrobObject", objects, prefix)}, Undecided, "does not list"},
		{"a key that every request has is not there", []string{allow("s3:GetObject", objects, `"Null":{"s3:TlsVersion":"true"}`)}, NotAdmitted, ""},
		{"a key that every request has is not listed", []string{allow("s3:InitiateReplication", objects, `"Null":{"s3:TlsVersion":"true"}`)}, Undecided, lacks + "s3:TlsVersion for s3:InitiateReplication"},
		{"a Deny stops requests with a key that every request has and that is not listed", []string{allow("s3:InitiateReplication", objects, ""), denyAll(`"NumericLessThan":{"s3:TlsVersion":"1.2"}`)}, Admitted, ""},
		{"a key that every request has", []string{allow("s3:GetObject", objects, `"StringEquals":{"s3:ResourceAccount":"111122223333"},"NumericLessThan":{"s3:TlsVersion":"1.3"}`)}, Admitted, ""},
	} {
		d := Decide(parsed(t, test.statements...), bucket, Anonymous)
		if d.Outcome != test.want || !strings.Contains(d.Reason, test.reason) || test.reason == "" && d.Reason != "" {
			t.Errorf("%s: %s (%s), want %s (%s)", test.name, d.Outcome, d.Reason, test.want, test.reason)
		}
		for _, g := range d.Grants {
			if p := parsed(t, test.statements...); Evaluate(p, listedOnly(g.Witness)) != Allow {
				t.Errorf("%s: the witness %+v rests on keys that its action does not have", test.name, g.Witness)
			}
		}
	}
}

// listedOnly returns a request without the condition keys that the reference
// does not list for its action.
func listedOnly(r Request) Request {
	prefix, _, _ := strings.Cut(r.Action, ":")
	service, ok := reference.Lookup(prefix)
	at := -1
	if ok {
		at = slices.IndexFunc(service.Actions, func(a reference.Action) bool { return a.Name == r.Action })
	}
	if at < 0 {
		return r
	}
	r.Context = maps.Clone(r.Context)
	maps.DeleteFunc(r.Context, func(name string, _ []string) bool {
		key, ok := service.Key(fold(name))
		return ok && !service.Actions[at].Carries(key)
	})
	return r
}

func TestKeysOfTheCallerGoByTheirOwnRules(t *testing.T) {
	key := Target{Service: "kms", Resources: []string{"arn:aws:kms:us-east-1:111122223333:key/1"}}
	p := parsed(t, `{"Effect":"Allow","Principal":"*","Action":"kms:SynchronizeMultiRegionKey","Resource":"*",
		"Condition":{"StringLike":{"kms:CallerAccount":"*"}}}`)
	if d := Decide(p, key, AnyAccount); d.Outcome != Admitted {
		t.Errorf("kms:CallerAccount: %s (%s)", d.Outcome, d.Reason)
	}
}
