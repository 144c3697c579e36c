package policycheck_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/collect/tape"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/awstape"
	"github.com/andon-audit/andon/providers/aws/policycheck"
)

// byPolicy are the channels on which a policy lets in.
var byPolicy = []resource.Channel{"policy", "limited-policy", "disputed-policy", "undelegated", "undecrypted", "clients"}

// TestAgreesWithTheAudit takes every recording of one store with one policy, and
// has that policy checked: whom it lets in is whom the audit found that it lets
// in, and where the audit leaves open whether requests without a signature are
// answered, so does the check. What stands in front of a policy is no part of it.
func TestAgreesWithTheAudit(t *testing.T) {
	declarations, err := filepath.Glob("../*/kind.yaml")
	if err != nil || len(declarations) == 0 {
		t.Fatalf("%d kinds: %v", len(declarations), err)
	}
	for _, file := range declarations {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		kind := collect.MustParseKind(text)
		if _, ok := kind.Channels["policy"]; !ok {
			continue
		}
		t.Run(string(kind.Name), func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "testdata", "*.txtar"))
			if err != nil {
				t.Fatal(err)
			}
			compared, open := 0, 0
			for _, file := range files {
				level, ok := agree(t, kind, file)
				if ok {
					compared++
				}
				if level >= exposure.Tenant {
					open++
				}
			}
			if compared < 2 || open == 0 {
				t.Errorf("%d policies were compared, of which %d let in everybody: too few to tell by", compared, open)
			}
		})
	}
}

// agree compares one recording. The second result is false where it has more
// than a store and a policy, or less.
func agree(t *testing.T, kind *collect.Kind, file string) (exposure.Level, bool) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := tape.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	store, document := only(t, kind, recorded)
	if document == "" {
		return exposure.Private, false
	}
	report, err := policycheck.Check([]byte(document), policycheck.Question{
		Service: strings.Split(string(store.ID), ":")[2], Resource: string(store.ID), Account: store.Scope.Account, Org: organisation(recorded),
	})
	if err != nil {
		return exposure.Private, false // a malformed policy, which has no verdict in the audit, either
	}
	checked, audited := mostOf(report), mostOfPolicy(store)
	if checked != audited {
		t.Errorf("%s: the policy is %s when checked, and %s in the audit: %+v", filepath.Base(file), checked, audited, store.Grants)
	}
	if open := leavesSignatureOpen(store); (report.Unsigned != "") != open {
		t.Errorf("%s: open in the audit whether a signature is needed: %t; in the check: %q", filepath.Base(file), open, report.Unsigned)
	}
	return checked, true
}

// only returns the one store of a recording and the one policy that hangs on it.
func only(t *testing.T, kind *collect.Kind, recorded *tape.Tape) (*resource.Resource, string) {
	t.Helper()
	var documents []string
	for _, e := range recorded.Exchanges {
		if strings.HasPrefix(e.Call.Name, "kms:") && kind.Name != "aws.kms.key" {
			continue
		}
		var found []string
		awstape.Dialect{}.Documents(e, func(text string) string { found = append(found, text); return text })
		documents = append(documents, found...)
	}
	slices.Sort(documents)
	if documents = slices.Compact(documents); len(documents) != 1 {
		return nil, ""
	}
	provider, err := awstape.Open(t.Context(), tape.NewPlayer(recorded))
	if err != nil {
		t.Fatal(err)
	}
	runner := collect.Runner{Provider: provider, Kinds: []resource.Kind{kind.Name}}
	var stores []*resource.Resource
	if _, err := runner.Run(t.Context(), func(r *resource.Resource) error { stores = append(stores, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(stores) != 1 || stores[0].Gone {
		return nil, ""
	}
	return stores[0], documents[0]
}

var organisationID = regexp.MustCompile(`"Id":"(o-[a-z0-9]+)"`)

func organisation(recorded *tape.Tape) string {
	for _, e := range recorded.Exchanges {
		if id := organisationID.FindSubmatch(e.Body); e.Call.Name == "organizations:DescribeOrganization" && id != nil {
			return string(id[1])
		}
	}
	return account.NoOrganisation
}

func mostOf(r *policycheck.Report) exposure.Level {
	most := exposure.Private
	for _, a := range r.Admitted {
		most = max(most, exposure.LevelOf(a.Most))
	}
	return most
}

func mostOfPolicy(r *resource.Resource) exposure.Level {
	most := exposure.Private
	for _, g := range r.Grants {
		if slices.Contains(byPolicy, g.Via) {
			most = max(most, exposure.LevelOf(g.To))
		}
	}
	return most
}

func leavesSignatureOpen(r *resource.Resource) bool {
	return slices.ContainsFunc(r.Gaps, func(g resource.Gap) bool { return strings.Contains(g.Detail, "without a signature") })
}
