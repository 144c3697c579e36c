package resourcepolicy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/iam"
)

const queue = "arn:aws:sqs:eu-west-1:111111111111:orders"

func attach(prefix, arn string) Attachment {
	return Attachment{
		Source: Source{Call: prefix + ":GetPolicy", Of: arn, Pointer: "/Policy"},
		Target: iam.Target{Service: prefix, Resources: []string{arn}, Account: "111111111111"},
		Door:   services[prefix].door, Can: Abilities(prefix),
		Organisation: func() (string, error) { return "o-exampleorgid", nil },
	}
}

func parse(t interface{ Fatal(...any) }, statements ...string) *iam.Policy {
	policy, err := Parse(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`, Source{Call: "sqs:GetPolicy", Of: queue})
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func statement(effect, principal, action, condition string) string {
	return fmt.Sprintf(`{"Effect":%q,"Principal":%s,"Action":%q,"Resource":"*","Condition":{%s}}`, effect, principal, action, condition)
}

func assess(t interface{ Fatal(...any) }, policy *iam.Policy, at Attachment) (*resource.Resource, exposure.Range) {
	judged, err := Judge(policy, at)
	if err != nil {
		t.Fatal(err)
	}
	r := new(resource.Resource)
	judged.Describe(r)
	return r, exposure.Assess(r).Range
}

func TestJudge(t *testing.T) {
	everybody, other := `"*"`, `{"AWS":"222222222222"}`
	for name, c := range map[string]struct {
		prefix, arn, statement string
		want                   exposure.Range
	}{
		"anybody where no signature is needed":  {"sqs", queue, statement("Allow", everybody, "sqs:SendMessage", ""), exposure.Range{Least: exposure.Public, Most: exposure.Public}},
		"anybody where it may be needed":        {"sns", "arn:aws:sns:eu-west-1:111111111111:a", statement("Allow", everybody, "sns:Publish", ""), exposure.Range{Least: exposure.Tenant, Most: exposure.Public}},
		"anybody where it is needed":            {"kms", "arn:aws:kms:eu-west-1:111111111111:key/k", statement("Allow", everybody, "kms:Decrypt", ""), exposure.Range{Least: exposure.Tenant, Most: exposure.Tenant}},
		"anybody, for what outsiders cannot do": {"kms", "arn:aws:kms:eu-west-1:111111111111:key/k", statement("Allow", everybody, "kms:PutKeyPolicy", ""), exposure.Range{}},
		"one other account":                     {"sqs", queue, statement("Allow", other, "sqs:SendMessage", ""), exposure.Range{Least: exposure.Shared, Most: exposure.Shared}},
		"the owner's organisation":              {"sqs", queue, statement("Allow", everybody, "sqs:SendMessage", `"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}`), exposure.Range{}},
		"somebody else's organisation":          {"sqs", queue, statement("Allow", everybody, "sqs:SendMessage", `"StringEquals":{"aws:PrincipalOrgID":"o-somebodyelse"}`), exposure.Range{Least: exposure.Shared, Most: exposure.Shared}},
		"a service for whoever asks":            {"sqs", queue, statement("Allow", `{"Service":"sns.amazonaws.com"}`, "sqs:SendMessage", ""), exposure.Range{Least: exposure.Tenant, Most: exposure.Tenant}},
		"nobody":                                {"sqs", queue, statement("Deny", everybody, "sqs:*", ""), exposure.Range{}},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := assess(t, parse(t, c.statement), attach(c.prefix, c.arn))
			if got != c.want {
				t.Errorf("%v, want %v; %+v", got, c.want, r)
			}
		})
	}
}

// A denial in the policy beside counts, and is cited where it stands.
func TestBeside(t *testing.T) {
	at := attach("glacier", "arn:aws:glacier:eu-west-1:111111111111:vaults/v")
	open := parse(t, statement("Allow", `"*"`, "glacier:GetJobOutput", ""))
	at.Beside = &Beside{Source: Source{Call: "glacier:GetVaultLock", Of: "v", Pointer: "/Policy"}}
	if _, got := assess(t, open, at); got.Least != exposure.Tenant {
		t.Errorf("beside nothing: %v", got)
	}
	at.Beside.Policy = parse(t, statement("Allow", `"*"`, "glacier:DeleteArchive", ""), statement("Deny", `"*"`, "glacier:*", `"StringNotEquals":{"aws:PrincipalAccount":"111111111111"}`))
	r, got := assess(t, open, at)
	if got.Most != exposure.Private || len(r.Guards) != 1 {
		t.Fatalf("%v; %+v", got, r)
	}
	for _, e := range r.Guards[0].Because {
		if e.Call != "glacier:GetVaultLock" || !strings.HasPrefix(e.Pointer, "/Policy#/Statement/1") {
			t.Errorf("cites %+v", e)
		}
	}
}

func TestOrganisationThatIsNotTold(t *testing.T) {
	theirs := parse(t, statement("Allow", `"*"`, "sqs:SendMessage", `"StringEquals":{"aws:PrincipalOrgID":"o-somebodyelse"}`))
	at := attach("sqs", queue)
	at.Organisation = func() (string, error) { return "", collect.Malformed(account.OrganisationCall, "nothing in it") }
	r, got := assess(t, theirs, at)
	if got.Most != exposure.Shared || !slices.ContainsFunc(r.Gaps, func(g resource.Gap) bool { return g.Call == account.OrganisationCall && g.Reason == resource.Malformed }) {
		t.Errorf("%v; %+v", got, r.Gaps)
	}
	at.Organisation = func() (string, error) { return "", context.Canceled }
	if _, err := Judge(theirs, at); !errors.Is(err, context.Canceled) {
		t.Errorf("the end of a run became %v", err)
	}
	at.Organisation = func() (string, error) { t.Error("asked for a policy that names none"); return "", nil }
	assess(t, parse(t, statement("Allow", `"*"`, "sqs:SendMessage", "")), at)
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{}", "null", `{"Statement":[`, `{"Version":"2012-10-17","Statement":[]}{}`} {
		_, err := Parse(text, Source{Call: "sqs:GetPolicy", Of: queue})
		if malformed, ok := errors.AsType[*collect.MalformedError](err); !ok || malformed.Call != "sqs:GetPolicy" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Whatever two policies say: a denial beside never opens, and a narrower door
// never opens further.
func TestNothingMoreOpens(t *testing.T) {
	principals := rapid.SampledFrom([]string{`"*"`, `{"AWS":"222222222222"}`, `{"AWS":"111111111111"}`, `{"Service":"sns.amazonaws.com"}`})
	actions := rapid.SampledFrom([]string{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:*", "*"})
	conditions := rapid.SampledFrom([]string{"", `"StringEquals":{"aws:SourceAccount":"111111111111"}`, `"IpAddress":{"aws:SourceIp":"198.51.100.0/24"}`, `"StringNotEquals":{"aws:PrincipalAccount":"111111111111"}`})
	statements := func(effect string) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			return statement(effect, principals.Draw(t, "principal"), actions.Draw(t, "action"), conditions.Draw(t, "condition"))
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		policy := parse(t, rapid.SliceOfN(statements("Allow"), 1, 3).Draw(t, "policy")...)
		at := attach("sqs", queue)
		_, alone := assess(t, policy, at)
		signed := at
		signed.Door = Door{To: resource.AnyTenant}
		if _, got := assess(t, policy, signed); got.Most > alone.Most || got.Most > exposure.Tenant {
			t.Fatalf("%v for signed requests, %v for all", got, alone)
		}
		at.Beside = &Beside{Source: Source{Call: "sqs:GetOther"}, Policy: parse(t, statements("Deny").Draw(t, "beside"))}
		if _, got := assess(t, policy, at); got.Most > alone.Most {
			t.Fatalf("%v beside a denial, %v without", got, alone)
		}
	})
}
