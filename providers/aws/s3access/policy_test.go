package s3access_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

// attached is a bucket whose owner is a member of an organisation.
func attached() s3access.Attachment {
	return s3access.Attachment{
		Call: "s3:GetBucketPolicy", Of: "ours", Target: bucketTarget, Kind: iam.BucketPolicy, Door: resource.Anyone,
		Organisation: func() (string, error) { return "o-ownedbyacme", nil },
	}
}

// allow writes a statement that lets a principal, given as JSON, read objects.
func allow(principal, rest string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::ours/*"` + rest + `}`
}

func where(conditions string) string { return `,"Condition":{` + conditions + `}` }

func TestJudge(t *testing.T) {
	tests := []struct {
		name, policy string
		want         []string
		gaps         string
	}{
		{
			"everybody", policy(allow(`"*"`, "")),
			[]string{"policy to internet/none: read"},
			"",
		},
		{
			"every account", policy(allow(`"*"`, where(`"Null":{"aws:PrincipalArn":"false"}`))),
			[]string{"policy to internet/any-tenant: read", "policy to provider/none: read"},
			"",
		},
		{
			"a listed network, which AWS calls no public", policy(allow(`"*"`, where(`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`))),
			[]string{"limited-policy to listed/none (203.0.113.0/24): read"},
			"",
		},
		{
			"everybody by the owner's endpoint", policy(allow(`"*"`, ""), `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}`),
			nil, "",
		},
		{"an account", policy(allow(`{"AWS":"`+supplier+`"}`, "")), []string{
			"limited-policy to listed/named (222222222222): read",
		}, ""},
		{"the owner's account", policy(allow(`{"AWS":"`+owner+`"}`, "")), nil, ""},
		{"the owner's organisation", policy(allow(`"*"`, where(`"StringEquals":{"aws:PrincipalOrgID":"o-ownedbyacme"}`))), []string{"limited-policy to private/own: read"}, ""},
		{
			"another organisation", policy(allow(`"*"`, where(`"StringEquals":{"aws:PrincipalOrgID":"o-somebodyelse"}`))),
			[]string{"limited-policy to listed/named (o-somebodyelse): read"},
			"",
		},
		{
			"a service for anybody", policy(allow(`{"Service":"cloudfront.amazonaws.com"}`, "")),
			[]string{"limited-policy to provider/any-tenant: read"},
			"",
		},
		{
			"a service for anybody, beside everybody", policy(allow(`"*"`, ""), allow(`{"Service":"cloudfront.amazonaws.com"}`, "")),
			[]string{"policy to internet/none: read", "limited-policy to provider/any-tenant: read"},
			"",
		},
		{
			"a service for the owner", policy(allow(`{"Service":"cloudfront.amazonaws.com"}`, where(`"StringEquals":{"aws:SourceAccount":"`+owner+`"}`))),
			nil, "",
		},
		{
			"another canonical user", policy(allow(`{"CanonicalUser":"c0ffee"}`, "")),
			[]string{"limited-policy to listed/named (canonical/c0ffee): read"},
			"",
		},
		{
			"a fact about the bucket that nobody told", policy(allow(`"*"`, where(`"StringEquals":{"s3:BucketTag/open":"yes"}`))),
			nil, "policy internet/none, policy internet/any-tenant, policy internet/any-tenant, policy provider/none",
		},
		{"the owner's canonical user", policy(allow(`{"CanonicalUser":"`+ownerID+`"}`, "")), nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			judged, err := s3access.Judge(test.policy, attached())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, spell(judged.Grants)); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
			if got := hidden(judged.Gaps); got != test.gaps {
				t.Errorf("hidden: %q, want %q", got, test.gaps)
			}
			for _, g := range judged.Grants {
				if b := g.Because[0]; b.Call != "s3:GetBucketPolicy" || b.Of != "ours" || !strings.HasPrefix(b.Pointer, "/Statement/") || b.Quote == "" || g.Witness == nil {
					t.Errorf("because %+v, with the witness %v", b, g.Witness)
				}
			}
		})
	}
}

// disputed lets in one account, by taking back what it allows everybody: AWS does
// not document whether it calls such a policy public.
var disputed = policy(
	allow(`"*"`, ""),
	`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":["`+owner+`","`+supplier+`"]}}}`,
)

// TestChannels holds which policies stand behind which switch.
func TestChannels(t *testing.T) {
	for name, test := range map[string]struct {
		policy string
		want   resource.Channel
	}{
		"AWS calls it public":                    {policy(allow(`"*"`, "")), s3access.Policy},
		"AWS does not":                           {policy(allow(`"*"`, where(`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`))), s3access.LimitedPolicy},
		"nobody says whether a denial counts":    {disputed, s3access.DisputedPolicy},
		"one public statement taints the others": {policy(allow(`{"AWS":"`+supplier+`"}`, ""), allow(`"*"`, "")), s3access.Policy},
	} {
		t.Run(name, func(t *testing.T) {
			judged, err := s3access.Judge(test.policy, attached())
			if err != nil {
				t.Fatal(err)
			}
			if len(judged.Grants) == 0 {
				t.Fatal("nobody is let in")
			}
			for _, g := range judged.Grants {
				if g.Via != test.want {
					t.Errorf("%s by %s, want %s", spell([]resource.Grant{g}), g.Via, test.want)
				}
			}
		})
	}
}

// Nobody without a signature comes by an access point.
func TestDoor(t *testing.T) {
	at := attached()
	at.Door = resource.AnyTenant
	judged, err := s3access.Judge(policy(allow(`"*"`, "")), at)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"policy to internet/any-tenant: read"}, spell(judged.Grants)); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

// A policy inside another answer is entered at the element that holds it.
func TestEvidenceInsideAnAnswer(t *testing.T) {
	at := attached()
	at.Call, at.Pointer = "s3control:GetAccessPointPolicy", "/GetAccessPointPolicyResult/Policy"
	judged, err := s3access.Judge(policy(allow(`"*"`, "")), at)
	if err != nil {
		t.Fatal(err)
	}
	if got := judged.Grants[0].Because[0].Pointer; got != "/GetAccessPointPolicyResult/Policy#/Statement/0" {
		t.Errorf("pointer %s", got)
	}
}

// TestOrganisation holds when it is asked whose organisation a policy means, and
// that nobody is taken for a colleague where the answer is refused.
func TestOrganisation(t *testing.T) {
	named := policy(allow(`"*"`, where(`"StringEquals":{"aws:PrincipalOrgID":"o-ownedbyacme"}`)))
	refused := errors.New("refused")
	colleagues := []string{"limited-policy to private/own: read"}
	for name, test := range map[string]struct {
		policy string
		answer string
		err    error
		asked  bool
		grants []string
		gaps   string
	}{
		"a policy that names none":  {policy: policy(allow(`"*"`, "")), grants: []string{"policy to internet/none: read"}},
		"the owner's":               {policy: named, answer: "o-ownedbyacme", asked: true, grants: colleagues},
		"another's":                 {policy: named, answer: "o-other12345", asked: true, grants: []string{"limited-policy to listed/named (o-ownedbyacme): read"}},
		"the owner belongs to none": {policy: named, answer: "o-none", asked: true, grants: []string{"limited-policy to listed/named (o-ownedbyacme): read"}},
		"refused":                   {policy: named, err: refused, asked: true, grants: colleagues, gaps: "policy listed/named, disputed-policy listed/named, limited-policy listed/named"},
		"garbled":                   {policy: named, err: collect.Malformed("organizations:DescribeOrganization", "no organisation in it"), asked: true, grants: colleagues, gaps: "policy listed/named, disputed-policy listed/named, limited-policy listed/named"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			at := attached()
			at.Organisation = func() (string, error) { asked = true; return test.answer, test.err }
			judged, err := s3access.Judge(test.policy, at)
			if err != nil {
				t.Fatal(err)
			}
			if asked != test.asked {
				t.Errorf("asked: %t", asked)
			}
			if diff := cmp.Diff(test.grants, spell(judged.Grants)); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
			if got := hidden(judged.Gaps); got != test.gaps {
				t.Errorf("hidden: %q, want %q", got, test.gaps)
			}
		})
	}
	at := attached()
	at.Organisation = func() (string, error) { return "", context.Canceled }
	if _, err := s3access.Judge(named, at); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupt: %v", err)
	}
}

// Where nobody documents what AWS calls a policy, Block Public Access may close
// it: the gap says so until the live status is read.
func TestDisputedPolicyMayBeClosed(t *testing.T) {
	store := new(resource.Resource)
	if err := s3access.AddPolicy(store, disputed, attached()); err != nil {
		t.Fatal(err)
	}
	store.Guards = append(store.Guards, blockOf(s3access.Flags{RestrictBuckets: true}).Guards(s3access.Policy)...)
	if got := exposure.Assess(store).String(); got != "private..shared" {
		t.Errorf("behind RestrictPublicBuckets, before the status: %s", got)
	}
}

// What keeps strangers out of a policy is shown, and guards nothing by itself.
func TestOwnConditionsAreShown(t *testing.T) {
	store := new(resource.Resource)
	text := policy(allow(`"*"`, where(`"StringEquals":{"aws:PrincipalAccount":"`+owner+`"}`)))
	if err := s3access.AddPolicy(store, text, attached()); err != nil {
		t.Fatal(err)
	}
	if len(store.Guards) != 1 || len(store.Guards[0].On) != 0 {
		t.Fatalf("guards %v", store.Guards)
	}
	want := []resource.Evidence{{Call: "s3:GetBucketPolicy", Of: "ours", Pointer: "/Statement/0/Condition/StringEquals/aws:PrincipalAccount"}}
	if diff := cmp.Diff(want, store.Guards[0].Because); diff != "" {
		t.Errorf("because (-want +got):\n%s", diff)
	}
}

// TestMalformedIsNeverPrivate: of a text that AWS would not have accepted nothing
// is learned, so that the question about it stays open.
func TestMalformedIsNeverPrivate(t *testing.T) {
	whole := policy(allow(`"*"`, ""))
	cut := func(n int) string { return whole[:n] }
	texts := []string{
		"", "null", "[]", "{}", `{"Statement":[]}`, `{"Statement":null}`, strings.Replace(whole, `"Allow"`, `"allow"`, 1),
		strings.Replace(whole, `"Effect":"Allow"`, `"Effect":"Allow","Effect":"Deny"`, 1), strings.Replace(whole, `"Principal"`, `"Prinzipal"`, 1),
		policy(allow(`"everybody"`, "")), policy(allow(`"*"`, where(`"StringAlike":{"aws:Referer":"x"}`))), whole + whole, "\xff" + whole,
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.SampledFrom(texts), rapid.Map(rapid.IntRange(0, len(whole)-1), cut)).Draw(t, "policy")
		const call = "s3:GetBucketPolicy"
		question := collect.Question{Call: call, Hides: []resource.Hidden{{Via: s3access.Policy, To: resource.Anyone}}}
		store := new(resource.Resource)
		err := s3access.AddPolicy(store, text, attached())
		malformed, ok := errors.AsType[*collect.MalformedError](err)
		if !ok || malformed.Call != call {
			t.Fatalf("error %v", err)
		}
		if diff := cmp.Diff(new(resource.Resource), store); diff != "" {
			t.Fatalf("something was learned (-want +got):\n%s", diff)
		}
		store.Gaps = append(store.Gaps, question.Gap(resource.Malformed, err.Error()))
		if verdict := exposure.Assess(store).Verdict(); verdict != "unknown" {
			t.Errorf("verdict %s", verdict)
		}
	})
}

func TestAbilities(t *testing.T) {
	for _, test := range []struct {
		actions []string
		want    []resource.Action
	}{
		{nil, nil},
		{[]string{"s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"}, []resource.Action{resource.Read, resource.Write}},
		{[]string{"s3:PutBucketAcl", "s3:ListBucket", "s3:DeleteObject"}, []resource.Action{resource.List, resource.Delete, resource.TakeOver}},
		{[]string{"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"}, nil}, // the owner's account alone
		{[]string{"s3:GetBucketTagging", "s3:DescribeJob"}, []resource.Action{resource.ReadMeta}},
		{[]string{"s3:PutBucketTagging"}, []resource.Action{resource.Configure}},
		{[]string{iam.FutureAction}, []resource.Action{resource.AnyAction}},
	} {
		if got := s3access.Abilities(test.actions); !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, want %v", test.actions, got, test.want)
		}
	}
}
