package iam

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// labelled is a case that somebody else labelled, see testdata/README.md.
type labelled struct {
	ID, Source, License, Service, Kind, Expected string

	Policy  json.RawMessage
	Context struct {
		Kind                        string
		AllowedAccounts             []string `json:"allowed_accounts"`
		AllowedOrgs                 []string `json:"allowed_orgid"`
		Principal, Action, Resource string
	}
}

func loadCases(t testing.TB) []labelled {
	t.Helper()
	text, err := os.ReadFile("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var cases []labelled
	for line := range bytes.Lines(text) {
		var c labelled
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// target is what the case's policy is attached to: the resources it names
// itself, because the cases do not tell.
func (c labelled) target(p *Policy) Target {
	t := Target{Service: c.Service}
	for _, s := range p.Statements {
		for _, v := range s.resources.values {
			if strings.Contains(v.text, ":::") && c.Service == "s3" {
				bucket, _, _ := strings.Cut(v.text, "/")
				t.Resources = []string{bucket, bucket + "/*"}
			}
		}
	}
	return t
}

// judge answers a case in the words of its label.
func (c labelled) judge() string {
	p, err := Parse(c.Policy)
	if c.Kind == "validity" {
		if err != nil {
			return "invalid"
		}
		return "valid"
	}
	if err != nil {
		return "unreadable"
	}
	t := c.target(p)
	switch c.Kind {
	case "bpa-public-verdict":
		if BPAPublic(p, c.policyKind(), t).Public {
			return "public"
		}
		return "private"
	case "request-decision":
		r := Request{Principal: Principal{Kind: c.Context.Principal}, Action: c.Context.Action, Resource: c.Context.Resource}
		if Evaluate(p, r) == Allow {
			return "Allowed"
		}
		return "Denied"
	}
	answer := "closed"
	for _, class := range p.Classes(t) {
		switch d := Decide(p, t, class); {
		case !c.asks(class) || d.Outcome == NotAdmitted:
		case d.Outcome == Admitted:
			return "admitted"
		default:
			answer = "undecided"
		}
	}
	return answer
}

func (c labelled) policyKind() PolicyKind {
	switch c.Context.Kind {
	case "access-point":
		return AccessPointPolicy
	case "vpc-access-point":
		return VPCAccessPointPolicy
	}
	return BucketPolicy
}

// asks reports whether the tool behind a label asks about a class.
func (c labelled) asks(class Class) bool {
	crossAccount := c.Kind == "cross-account-verdict"
	if account, ok := class.Account(); ok {
		return crossAccount && !slices.Contains(c.Context.AllowedAccounts, account)
	}
	if class == Org {
		return crossAccount && len(c.Context.AllowedOrgs) == 0
	}
	return class == Anonymous || class == AnyAccount
}

// disagreement is a case where a label and the engine differ for a reason.
type disagreement struct{ ID, Ours, Rule string }

func TestLabelledCases(t *testing.T) {
	text, err := os.ReadFile("testdata/disagreements.json")
	if err != nil {
		t.Fatal(err)
	}
	var table []disagreement
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	argued := make(map[string]disagreement)
	for _, d := range table {
		if d.Rule == "" {
			t.Errorf("%s: a disagreement needs the rule it rests on", d.ID)
		}
		argued[d.ID] = d
	}
	agreed := 0
	for _, c := range loadCases(t) {
		got, want := c.judge(), c.Expected
		d, differs := argued[c.ID]
		delete(argued, c.ID)
		if differs {
			want = d.Ours
		}
		switch {
		case got != want:
			t.Errorf("%s (%s): %s, want %s", c.ID, c.Kind, got, want)
		case differs && got == c.Expected:
			t.Errorf("%s: listed as a disagreement, but agrees", c.ID)
		case !differs:
			agreed++
		}
	}
	for id := range argued {
		t.Errorf("%s: listed as a disagreement, but there is no such case", id)
	}
	t.Logf("%d cases agree with their label, %d differ for a documented reason", agreed, len(table))
}
