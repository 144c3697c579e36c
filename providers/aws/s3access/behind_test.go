package s3access_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

const accessPoint = "arn:aws:s3:us-east-1:" + owner + ":accesspoint/dealers"

// buckets is a world of buckets that differ in what lies behind an access point.
const buckets = `
accounts:
- id: "` + owner + `"
  buckets:
  - {name: silent, region: us-east-1}
  - name: delegating
    region: us-east-1
    policy:
      Version: 2012-10-17
      Statement:
      - {Effect: Allow, Principal: "*", Action: "s3:*", Resource: ["arn:aws:s3:::delegating", "arn:aws:s3:::delegating/*"], Condition: {StringEquals: {"s3:DataAccessPointAccount": "` + owner + `"}}}
  - name: blocked
    region: us-east-1
    block: {restrict_public_buckets: true}
    policy:
      Version: 2012-10-17
      Statement:
      - {Effect: Allow, Principal: "*", Action: "s3:*", Resource: ["arn:aws:s3:::blocked", "arn:aws:s3:::blocked/*"], Condition: {StringEquals: {"s3:DataAccessPointAccount": "` + owner + `"}}}
  - name: lists
    region: us-east-1
    policy:
      Version: 2012-10-17
      Statement:
      - {Effect: Allow, Principal: "*", Action: "s3:ListBucket", Resource: "arn:aws:s3:::lists"}
  - name: named
    region: us-east-1
    policy:
      Version: 2012-10-17
      Statement:
      - {Effect: Allow, Principal: {AWS: "` + supplier + `"}, Action: "s3:GetObject", Resource: "arn:aws:s3:::named/*"}
  - name: undecided
    region: us-east-1
    policy:
      Version: 2012-10-17
      Statement:
      - {Effect: Allow, Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::undecided/*", Condition: {StringEquals: {"s3:BucketTag/open": "yes"}}}
  - {name: broken, region: us-east-1, policy: '{"Statement":[', policy_is_public: false}
  - {name: refused, region: us-east-1}
faults:
- {call: "s3:GetBucketPolicy", subject: refused, fault: access-denied}
`

// granting is an access point whose policy lets some audiences read.
func granting(to ...resource.Audience) *resource.Resource {
	r := new(resource.Resource)
	for _, audience := range to {
		r.Grants = append(r.Grants, resource.Grant{To: audience, Can: []resource.Action{resource.Read}, Via: s3access.Policy})
	}
	return r
}

func behind(names ...string) []*s3access.Behind {
	var all []*s3access.Behind
	for _, name := range names {
		all = append(all, &s3access.Behind{Bucket: name, Region: "us-east-1", AccessPoint: accessPoint})
	}
	return all
}

func TestConfirm(t *testing.T) {
	a, _ := open(t, buckets)
	service := resource.Audience{Reach: resource.ReachProvider, Credential: resource.CredentialTenant}
	tests := []struct {
		name   string
		to     resource.Audience
		behind []string
		open   bool
	}{
		{"a bucket without a policy", resource.AnyTenant, []string{"silent"}, false},
		{"a bucket that does not exist", resource.AnyTenant, []string{"gone"}, false},
		{"a bucket that delegates", resource.AnyTenant, []string{"delegating"}, true},
		{"a bucket that lets through something else", resource.AnyTenant, []string{"lists"}, false},
		{"a bucket that lets through somebody else", resource.AnyTenant, []string{"named"}, false},
		{"a named account that is let through", resource.Outsiders(supplier), []string{"named"}, true},
		{"a named account that is not", resource.Outsiders("333333333333"), []string{"named"}, false},
		{"a named account behind a delegating bucket", resource.Outsiders("333333333333"), []string{"delegating"}, true},
		{"an organisation behind a delegating bucket", resource.Outsiders("o-somebodyelse"), []string{"delegating"}, true},
		{"an organisation that is not let through", resource.Outsiders("o-somebodyelse"), []string{"named"}, false},
		{"a service that is not let through", service, []string{"named"}, false},
		{"one of two lets through", resource.AnyTenant, []string{"silent", "delegating"}, true},
		{"none of two lets through", resource.AnyTenant, []string{"silent", "named"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := granting(test.to)
			if err := s3access.Confirm(t.Context(), a, store, behind(test.behind...)...); err != nil {
				t.Fatal(err)
			}
			if opened := exposure.Assess(store).Least > exposure.Private; opened != test.open {
				t.Errorf("open: %t, want %t", opened, test.open)
			}
			if test.open {
				if len(store.Guards) != 0 {
					t.Errorf("guards %v in front of what gets through", store.Guards)
				}
				return
			}
			if via := store.Grants[0].Via; via != "undelegated" {
				t.Errorf("kept on channel %s", via)
			}
			if len(store.Guards) != 1 || len(store.Guards[0].Because) != len(test.behind) {
				t.Errorf("guards %v for the buckets %v", store.Guards, test.behind)
			}
		})
	}
}

// Grants are closed one by one: what is let through stays where it was.
func TestConfirmClosesSomeGrants(t *testing.T) {
	a, _ := open(t, buckets)
	store := granting(resource.AnyTenant, resource.Outsiders(supplier))
	if err := s3access.Confirm(t.Context(), a, store, behind("named")...); err != nil {
		t.Fatal(err)
	}
	want := []string{"undelegated to internet/any-tenant: read", "policy to listed/named (222222222222): read"}
	if diff := cmp.Diff(want, spell(store.Grants)); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	if got := exposure.Assess(store).String(); got != "shared" {
		t.Errorf("the access point is %s", got)
	}
}

// What cannot be decided was read all the same: it is undecided, not malformed,
// and closes nothing.
func TestConfirmUndecided(t *testing.T) {
	a, _ := open(t, buckets)
	for _, names := range [][]string{{"undecided"}, {"silent", "undecided"}} {
		store := granting(resource.AnyTenant)
		if err := s3access.Confirm(t.Context(), a, store, behind(names...)...); err != nil {
			t.Fatal(err)
		}
		if got := exposure.Assess(store).String(); got != "private..tenant" {
			t.Errorf("behind %v: %s", names, got)
		}
		if len(store.Gaps) != 1 || len(store.Guards) != 0 || store.Grants[0].Via != s3access.Policy {
			t.Fatalf("behind %v: gaps %v, guards %v, grants %v", names, store.Gaps, store.Guards, store.Grants)
		}
		gap := store.Gaps[0]
		if gap.Call != "s3:GetBucketPolicy" || gap.Reason != resource.Undecided || !strings.HasPrefix(gap.Detail, "whom the policy of bucket undecided lets through cannot be decided: ") {
			t.Errorf("gap %+v", gap)
		}
	}
}

// Nothing is learned from an answer that is missing: neither that callers get
// through, nor that they do not.
func TestConfirmWithoutAnswer(t *testing.T) {
	a, _ := open(t, buckets)
	foreign := behind("theirs")
	foreign[0].Owner = supplier
	for name, b := range map[string][]*s3access.Behind{"refused": behind("refused"), "foreign": foreign, "malformed": behind("broken")} {
		t.Run(name, func(t *testing.T) {
			store := granting(resource.AnyTenant)
			err := s3access.Confirm(t.Context(), a, store, b...)
			if err == nil {
				t.Fatal("no error")
			}
			if _, malformed := errors.AsType[*collect.MalformedError](err); malformed != (name == "malformed") {
				t.Errorf("error %v", err)
			}
			if name == "refused" && account.Refusal(err).Reason != resource.Denied {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(granting(resource.AnyTenant), store); diff != "" {
				t.Errorf("the store changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfirmBlocks(t *testing.T) {
	a, _ := open(t, buckets)
	tests := []struct {
		name      string
		confirmed []string // their policies are read first
		behind    []string
		private   bool
	}{
		{"the bucket restricts", nil, []string{"blocked"}, true},
		{"the bucket does not", nil, []string{"delegating"}, false},
		{"one of two does not", nil, []string{"blocked", "delegating"}, false},
		{"the one that does not lets nobody through", []string{"blocked", "silent"}, []string{"blocked", "silent"}, true},
		{"its policy was not read", nil, []string{"blocked", "silent"}, false},
		{"a doubt about its policy is no closed door", []string{"undecided"}, []string{"undecided"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store, all := granting(resource.AnyTenant), behind(test.behind...)
			if len(test.confirmed) > 0 {
				if err := s3access.Confirm(t.Context(), a, store, all...); err != nil {
					t.Fatal(err)
				}
			}
			if err := s3access.ConfirmBlocks(t.Context(), a, store, all...); err != nil {
				t.Fatal(err)
			}
			if got := exposure.Assess(store); (got.Most == exposure.Private) != test.private {
				t.Errorf("the access point is %s, its guards are %v", got, store.Guards)
			}
		})
	}
}

// RestrictPublicBuckets of the bucket behind stops what AWS calls public, and
// nothing else.
func TestConfirmBlocksStopsPublicPoliciesAlone(t *testing.T) {
	a, _ := open(t, buckets)
	for _, via := range s3access.PolicyChannels {
		store := granting(resource.AnyTenant)
		store.Grants[0].Via = via
		if err := s3access.ConfirmBlocks(t.Context(), a, store, behind("blocked")...); err != nil {
			t.Fatal(err)
		}
		if private := exposure.Assess(store).Most == exposure.Private; private != (via == s3access.Policy) {
			t.Errorf("on channel %s: private is %t", via, private)
		}
	}
	foreign := behind("theirs")
	foreign[0].Owner = supplier
	if err := s3access.ConfirmBlocks(t.Context(), a, granting(resource.AnyTenant), foreign...); err == nil {
		t.Error("the block of another account's bucket was read")
	}
}
