package policycheck_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/policycheck"
)

func TestSmallestChange(t *testing.T) {
	const (
		byAccount = `add-condition: add the condition StringEquals aws:PrincipalAccount "123456789012"`
		byOrg     = `add-condition: add the condition StringEquals aws:PrincipalOrgID "o-ownedbyacme"`
		bySource  = `add-condition: add the condition StringEquals aws:SourceAccount "123456789012"`
		removal   = "remove-statement: remove the statement"
		oai       = "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE"
	)
	known := policycheck.Question{Service: "s3", Account: owner}
	member := policycheck.Question{Service: "s3", Account: owner, Org: orgID}
	queue := policycheck.Question{Service: "sqs", Resource: "arn:aws:sqs:eu-west-1:" + owner + ":jobs"}
	tests := []struct {
		name, document string
		question       policycheck.Question
		want           []string // pointer, kind and text of each edit
	}{
		{"nothing is known of the owner", policy(allow(`"*"`, "s3:GetObject", "")), policycheck.Question{Service: "s3"}, []string{"/Statement/0 " + removal}},
		{"the account is known", policy(allow(`"*"`, "s3:GetObject", "")), known, []string{"/Statement/0 " + byAccount}},
		{"the organisation leaves more", policy(allow(`"*"`, "s3:GetObject", "")), member, []string{"/Statement/0 " + byOrg}},
		{"the account is told by the resource", policy(allow(`"*"`, "sqs:SendMessage", "")), queue, []string{"/Statement/0 " + byAccount}},
		{"one statement that is an object", `{"Statement":` + allow(`"*"`, "s3:GetObject", "") + `}`, known, []string{"/Statement " + byAccount}},
		{"a condition beside others", policy(allow(`"*"`, "s3:GetObject", where(`"stringequals":{"aws:UserAgent":"x"}`))), known, []string{"/Statement/0 " + byAccount}},
		{"a service", policy(allow(`{"Service":"sns.amazonaws.com"}`, "sqs:SendMessage", "")), queue, []string{"/Statement/0 " + bySource}},
		{
			"a service of the organisation's", policy(allow(`{"Service":"sns.amazonaws.com"}`, "s3:PutObject", "")), member,
			[]string{`/Statement/0 add-condition: add the condition StringEquals aws:SourceOrgID "o-ownedbyacme"`},
		},
		{
			"everybody, but only through a service", policy(allow(`"*"`, "sqs:SendMessage", where(`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}`))), queue,
			[]string{"/Statement/0 " + bySource},
		},
		{
			"one account of two", policy(allow(`{"AWS":["`+owner+`","`+supplier+`"]}`, "s3:GetObject", "")), known,
			[]string{`/Statement/0 remove-principals: take "210987654321" out of the principals`},
		},
		{
			"an account and a service beside the owner", policy(allow(`{"AWS":["`+supplier+`","`+owner+`"],"Service":"sns.amazonaws.com"}`, "sqs:SendMessage", "")), queue,
			[]string{`/Statement/0 remove-principals: take "210987654321", "sns.amazonaws.com" out of the principals`},
		},
		{"an account alone", policy(allow(`{"AWS":"`+supplier+`"}`, "s3:GetObject", "")), known, []string{"/Statement/0 " + removal}},
		{
			"a foreign organisation beside the owner's", policy(allow(`"*"`, "s3:GetObject", where(`"StringEquals":{"aws:PrincipalOrgID":["o-somebodyelse","`+orgID+`"]}`))), member,
			[]string{`/Statement/0 narrow-condition: take "o-somebodyelse" out of the condition StringEquals aws:PrincipalOrgID`},
		},
		{
			"a broad network beside a private one", policy(allow(`"*"`, "s3:GetObject", where(`"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}`))),
			policycheck.Question{Service: "s3"},
			[]string{`/Statement/0 narrow-condition: take "0.0.0.0/0" out of the condition IpAddress aws:SourceIp`},
		},
		{
			"shared secrets are not shown", policy(
				allow(`"*"`, "s3:GetObject", where(`"StringEquals":{"aws:Referer":["hunter2","letmein"]}`)),
				`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:Referer":"hunter2"}}}`,
			),
			policycheck.Question{Service: "s3"},
			[]string{"/Statement/0 narrow-condition: take 1 of the 2 values out of the condition StringEquals aws:Referer"},
		},
		{
			"a member of no account beside everybody", policy(allow(`{"AWS":["`+oai+`","*"]}`, "s3:GetObject", "")), known,
			[]string{`/Statement/0 replace-principal: put "arn:aws:iam::123456789012:root" in place of the principal "*"`},
		},
		{
			"another partition", policy(allow(`{"AWS":"*","CanonicalUser":[]}`, "sqs:SendMessage", "")),
			policycheck.Question{Service: "sqs", Resource: "arn:aws-cn:sqs:cn-north-1:" + owner + ":jobs"},
			[]string{`/Statement/0 replace-principal: put "arn:aws-cn:iam::123456789012:root" in place of the principal "*"`},
		},
		{
			"a member of no account, the owner unknown", policy(allow(`{"AWS":["`+oai+`","*"]}`, "s3:GetObject", "")),
			policycheck.Question{Service: "s3"},
			[]string{`/Statement/0 remove-principals: take "*" out of the principals`},
		},
		{
			"what is denied need not go", policy(
				`{"Effect":"Allow","Principal":{"AWS":["`+oai+`","*"]},"Action":["s3:GetObject","s3:PutObject"],"Resource":"*"}`,
				`{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"`+orgID+`"}}}`,
			),
			policycheck.Question{Service: "s3", Org: orgID},
			[]string{`/Statement/0 remove-actions: take "s3:PutObject" out of the actions`},
		},
		{
			"everybody but one", policy(`{"Effect":"Allow","NotPrincipal":{"AWS":"` + supplier + `"},"Action":"sqs:SendMessage","Resource":"*"}`), queue,
			[]string{"/Statement/0 " + byAccount},
		},
		{
			"users of an identity provider", policy(`{"Effect":"Allow","Principal":{"Federated":"token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`),
			policycheck.Question{Service: "sts", Account: owner},
			[]string{"/Statement/0 " + removal},
		},
		{
			"every statement that admits, and no other", policy(
				allow(`{"AWS":"`+owner+`"}`, "s3:*", ""), allow(`"*"`, "s3:GetObject", ""),
				allow(`"*"`, "s3:GetObject", where(`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`)), allow(`{"AWS":"`+supplier+`"}`, "s3:ListBucket", ""),
			), known, []string{"/Statement/1 " + byAccount, "/Statement/2 " + byAccount, "/Statement/3 " + removal},
		},
		{"an undecided one", policy(allow(`{"CanonicalUser":"79a59df900b949e5"}`, "s3:GetObject", "")), known, []string{"/Statement/0 " + removal}},
		{"no resource policy", policy(`{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`), known, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			report := check(t, test.document, test.question)
			var got []string
			for _, e := range edits(report) {
				got = append(got, fmt.Sprintf("%s %s: %s", e.Pointer, e.Kind, e.Text))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("edits (-want +got):\n%s", diff)
			}
		})
	}
}

func edits(r *policycheck.Report) []policycheck.Edit {
	if r.Change == nil {
		return nil
	}
	return r.Change.Edits
}

// Hints tell what would allow a smaller change, or what cannot be decided here.
func TestHints(t *testing.T) {
	anybody := allow(`"*"`, "s3:GetObject", "")
	provider := `{"Effect":"Allow","Principal":{"Federated":"token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}`
	const unknownOwner = "if the owner's account and organisation are given, a condition that names them may do instead of removing a statement"
	tests := []struct {
		name, document string
		question       policycheck.Question
		want           []string
	}{
		{"a condition", policy(anybody), policycheck.Question{Service: "s3", Account: owner}, nil},
		{
			"the last statement", policy(anybody),
			policycheck.Question{Service: "s3"},
			[]string{"no statement is left: remove the policy", unknownOwner},
		},
		{"one of two", policy(anybody, `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*"}`), policycheck.Question{Service: "s3"}, []string{unknownOwner}},
		{
			"an identity provider", policy(provider),
			policycheck.Question{Service: "sts", Account: owner, Org: orgID},
			[]string{
				"no statement is left: remove the policy",
				"a condition on the audience or the subject of the identity provider, which only its owner knows, may do instead of removing a statement",
			},
		},
		{
			"more statements than are looked at", policy(slices.Repeat([]string{anybody}, 201)...),
			policycheck.Question{Service: "s3"},
			[]string{"the policy has too many statements to look for a change"},
		},
		{
			"more edits than are decided", policy(slices.Repeat([]string{`{"Effect":"Allow","Principal":"*","Action":["s3:GetObject` + strings.Repeat(`","s3:PutObject`, 1001) + `"],"Resource":"*"}`}, 1)...),
			policycheck.Question{Service: "s3", Account: owner, Org: orgID},
			[]string{"the policy is long: not every smaller change was tried", "no statement is left: remove the policy"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, check(t, test.document, test.question).Change.Hints); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
		})
	}
}

// The patch of a change is one that any tool can apply: the last statement goes
// first.
func TestPatchOfSeveralStatements(t *testing.T) {
	document := policy(
		allow(`{"AWS":"`+supplier+`"}`, "s3:GetObject", ""), allow(`{"AWS":["`+supplier+`","`+owner+`","333333333333"]}`, "s3:GetObject", ""),
		allow(`"*"`, "s3:GetObject", where(`"stringEquals":{"aws:UserAgent":"a/b"}`)),
	)
	got, err := json.Marshal(check(t, document, policycheck.Question{Service: "s3", Account: owner}).Change.Patch())
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"op":"add","path":"/Statement/2/Condition/stringEquals/aws:PrincipalAccount","value":"123456789012"},` +
		`{"op":"remove","path":"/Statement/1/Principal/AWS/2"},{"op":"remove","path":"/Statement/1/Principal/AWS/0"},` +
		`{"op":"remove","path":"/Statement/0"}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
}

// case is a labelled policy of package iam's corpus.
type labelled struct {
	ID, Service string
	Policy      json.RawMessage
}

func corpus(t *testing.T) []labelled {
	t.Helper()
	text, err := os.ReadFile("../iam/testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var cases []labelled
	for line := range bytes.Lines(text) {
		var c labelled
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		if _, err := iam.Parse(c.Policy); err == nil && slices.Contains(policycheck.Services(), c.Service) {
			cases = append(cases, c)
		}
	}
	return cases
}

var owners = []policycheck.Question{{}, {Account: owner}, {Org: orgID}, {Account: owner, Org: orgID}}

// TestChangesOfKnownPolicies holds every change of the corpus to its promise.
func TestChangesOfKnownPolicies(t *testing.T) {
	changes := 0
	for _, c := range corpus(t) {
		for _, q := range owners {
			q.Service = c.Service
			if holdsPromise(t, c.Policy, q) {
				changes++
			}
		}
	}
	if changes < 200 {
		t.Errorf("%d changes in the corpus: it holds more than that", changes)
	}
	t.Logf("%d changes hold their promise", changes)
}

// TestChangesOfAnyPolicy holds changes of invented policies to their promise.
func TestChangesOfAnyPolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var statements []string
		for range rapid.IntRange(1, 4).Draw(t, "statements") {
			statements = append(statements, anyStatement(t))
		}
		q := rapid.SampledFrom(owners).Draw(t, "owner")
		q.Service = "s3"
		holdsPromise(t, []byte(policy(statements...)), q)
	})
}

func anyStatement(t *rapid.T) string {
	some := func(name string, from ...string) string {
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 3, rapid.ID[string]).Draw(t, name)
		return `["` + strings.Join(chosen, `","`) + `"]`
	}
	principal := rapid.SampledFrom([]string{"*", "AWS", "Service", "both"}).Draw(t, "principal")
	aws := `"AWS":` + some("accounts", "*", owner, supplier, "arn:aws:iam::"+owner+":role/app", "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE")
	service := `"Service":` + some("services", "sns.amazonaws.com", "cloudfront.amazonaws.com")
	who := map[string]string{"*": `"*"`, "AWS": "{" + aws + "}", "Service": "{" + service + "}", "both": "{" + aws + "," + service + "}"}[principal]
	conditions := map[string]string{
		"StringEquals":    `"aws:PrincipalOrgID":` + some("organisations", orgID, "o-somebodyelse"),
		"IpAddress":       `"aws:SourceIp":` + some("addresses", "0.0.0.0/0", "10.0.0.0/8", "203.0.113.0/24"),
		"StringLike":      `"aws:SourceAccount":` + some("sources", owner, supplier, "*"),
		"StringNotEquals": `"aws:PrincipalAccount":` + some("exceptions", owner, supplier),
	}
	var blocks []string
	for _, operator := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"StringEquals", "IpAddress", "StringLike", "StringNotEquals"}), 0, 2, rapid.ID[string]).Draw(t, "operators") {
		blocks = append(blocks, `"`+operator+`":{`+conditions[operator]+`}`)
	}
	effect := rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect")
	return `{"Effect":"` + effect + `","Principal":` + who + `,"Action":` + some("actions", "s3:GetObject", "s3:PutObject", "s3:*") +
		`,"Resource":` + some("resources", "*", "arn:aws:s3:::ours/*", "arn:aws:s3:::ours") + where(strings.Join(blocks, ",")) + `}`
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// holdsPromise checks what a Change says of itself: it closes the policy, no
// part of it does, it lets nobody in, and it is the same every time. It reports
// whether there was one.
func holdsPromise(t fataler, document []byte, q policycheck.Question) bool {
	t.Helper()
	report, err := policycheck.Check(document, q)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	again, _ := policycheck.Check(document, q)
	if diff := cmp.Diff(edits(report), edits(again)); diff != "" {
		t.Fatalf("%s: another change the second time:\n%s", document, diff)
	}
	if report.Change == nil || len(report.Change.Edits) == 0 {
		return false
	}
	if after := patched(t, document, report.Change.Patch()); !isPrivate(t, after, q) {
		t.Fatalf("%s: not closed by %v: %s", document, report.Change.Edits, after)
	} else {
		neverWidens(t, document, after, q)
	}
	for i := range report.Change.Edits {
		part := policycheck.Change{Edits: slices.Delete(slices.Clone(report.Change.Edits), i, i+1)}
		if after := patched(t, document, part.Patch()); isPrivate(t, after, q) {
			t.Fatalf("%s: closed without %v", document, report.Change.Edits[i])
		}
	}
	return true
}

// isPrivate decides a document; without any statement it lets nobody in.
func isPrivate(t fataler, document []byte, q policycheck.Question) bool {
	t.Helper()
	if statements(document) == 0 {
		return true
	}
	report, err := policycheck.Check(document, q)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return report.Private()
}

func statements(document []byte) int {
	var p struct{ Statement json.RawMessage }
	var list []any
	if json.Unmarshal(document, &p) == nil && json.Unmarshal(p.Statement, &list) == nil {
		return len(list)
	}
	return len(p.Statement)
}

// neverWidens looks for somebody, the owner's own account among them, who can do
// more after a change than before.
func neverWidens(t fataler, document, after []byte, q policycheck.Question) {
	t.Helper()
	if statements(after) == 0 {
		return
	}
	was, is := mustParse(t, document), mustParse(t, after)
	target := iam.Target{Service: q.Service, Account: q.Account, Org: q.Org}
	for _, class := range append(was.Classes(target), iam.Foreign(owner)) {
		could := abilities(iam.Decide(was, target, class))
		for ability := range abilities(iam.Decide(is, target, class)) {
			if !could[ability] {
				t.Fatalf("%s: %s can %s only after the change to %s", document, class, ability, after)
			}
		}
	}
}

func mustParse(t fataler, document []byte) *iam.Policy {
	t.Helper()
	p, err := iam.Parse(document)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return p
}

func abilities(d iam.Decision) map[string]bool {
	found := make(map[string]bool)
	for _, g := range d.Grants {
		for _, action := range g.Actions {
			found[fmt.Sprint(g.Witness.Principal.Kind, g.Network.ShareIPv4 > 0, action)] = true
		}
	}
	return found
}
