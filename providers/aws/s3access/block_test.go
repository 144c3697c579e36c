package s3access_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	control "github.com/aws/aws-sdk-go-v2/service/s3control/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/account"
	"github.com/andon-audit/andon/providers/aws/s3access"
)

// channels are all ways into an S3 store, by what stops them.
var channels = []resource.Channel{
	s3access.ACL, s3access.NamedACL, s3access.Policy, s3access.DisputedPolicy, s3access.LimitedPolicy, "undelegated",
}

func blockOf(f s3access.Flags) s3access.Block {
	return s3access.Block{
		Flags: f, Owner: "bucket",
		Answer: resource.Evidence{Call: "s3:GetPublicAccessBlock", Of: "ours", Pointer: "/PublicAccessBlockConfiguration"},
	}
}

// TestWhatEachSwitchStops holds, for every switch, the channels on which
// strangers no longer get in: two of the switches only refuse new grants.
func TestWhatEachSwitchStops(t *testing.T) {
	for name, test := range map[string]struct {
		flags s3access.Flags
		stops []resource.Channel
	}{
		"none":                  {s3access.Flags{}, nil},
		"BlockPublicAcls":       {s3access.Flags{BlockACLs: true}, nil},
		"IgnorePublicAcls":      {s3access.Flags{IgnoreACLs: true}, []resource.Channel{s3access.ACL}},
		"BlockPublicPolicy":     {s3access.Flags{BlockPolicy: true}, nil},
		"RestrictPublicBuckets": {s3access.Flags{RestrictBuckets: true}, []resource.Channel{s3access.Policy}},
		"all":                   {s3access.Flags{BlockACLs: true, IgnoreACLs: true, BlockPolicy: true, RestrictBuckets: true}, []resource.Channel{s3access.ACL, s3access.Policy}},
	} {
		t.Run(name, func(t *testing.T) {
			block := blockOf(test.flags)
			var stops []resource.Channel
			for _, via := range channels {
				store := &resource.Resource{
					Grants: []resource.Grant{{To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: via}},
					Guards: block.Guards(s3access.ACL, s3access.Policy),
				}
				if exposure.Assess(store).Range == (exposure.Range{}) {
					stops = append(stops, via)
				}
			}
			if diff := cmp.Diff(test.stops, stops); diff != "" {
				t.Errorf("channels (-want +got):\n%s", diff)
			}
			if block.Complete() != (name == "all") {
				t.Errorf("complete: %t", block.Complete())
			}
		})
	}
}

// A block is shown with the switch it rests on, also when it closes nothing.
func TestGuardsCiteTheirSwitch(t *testing.T) {
	for _, test := range []struct {
		flags s3access.Flags
		ways  []resource.Channel
		want  []string
	}{
		{
			s3access.Flags{IgnoreACLs: true, RestrictBuckets: true},
			[]resource.Channel{s3access.ACL, s3access.Policy},
			[]string{
				"bucket Block Public Access (IgnorePublicAcls) on [acl]: /PublicAccessBlockConfiguration/IgnorePublicAcls IgnorePublicAcls=true",
				"bucket Block Public Access (RestrictPublicBuckets) on [policy]: /PublicAccessBlockConfiguration/RestrictPublicBuckets RestrictPublicBuckets=true",
			},
		},
		{
			s3access.Flags{IgnoreACLs: true},
			[]resource.Channel{s3access.Policy},
			[]string{"bucket Block Public Access on [policy]: /PublicAccessBlockConfiguration "},
		},
	} {
		var got []string
		for _, g := range blockOf(test.flags).Guards(test.ways...) {
			got = append(got, fmt.Sprintf("%s on %v: %s %s", g.Name, g.On, g.Because[0].Pointer, g.Because[0].Quote))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("guards (-want +got):\n%s", diff)
		}
	}
}

// TestOneMoreSwitchNeverOpens: whoever is let in, whatever is unknown, a store
// with one more switch on is at no end of its range more exposed.
func TestOneMoreSwitchNeverOpens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var store resource.Resource
		for range rapid.IntRange(0, 4).Draw(t, "grants") {
			store.Grants = append(store.Grants, resource.Grant{To: anyAudience(t), Can: anyActions(t), Via: anyChannel(t)})
		}
		for range rapid.IntRange(0, 2).Draw(t, "gaps") {
			store.Gaps = append(store.Gaps, resource.Gap{
				Reason:  resource.Denied,
				Hides:   []resource.Hidden{{Via: anyChannel(t), To: anyAudience(t), Can: anyActions(t)}},
				Shields: []resource.Shield{{On: []resource.Channel{anyChannel(t)}, Cap: resource.Nobody}},
			})
		}
		fewer, more := anyFlags(t), s3access.Flags{}
		more.BlockACLs = fewer.BlockACLs || rapid.Bool().Draw(t, "BlockPublicAcls too")
		more.IgnoreACLs = fewer.IgnoreACLs || rapid.Bool().Draw(t, "IgnorePublicAcls too")
		more.BlockPolicy = fewer.BlockPolicy || rapid.Bool().Draw(t, "BlockPublicPolicy too")
		more.RestrictBuckets = fewer.RestrictBuckets || rapid.Bool().Draw(t, "RestrictPublicBuckets too")
		ways := [][]resource.Channel{{s3access.ACL, s3access.Policy}, {s3access.Policy}}[rapid.IntRange(0, 1).Draw(t, "ways")]

		before, after := store, store
		before.Guards, after.Guards = blockOf(fewer).Guards(ways...), blockOf(more).Guards(ways...)
		was, is := exposure.Assess(&before).Range, exposure.Assess(&after).Range
		if is.Least > was.Least || is.Most > was.Most {
			t.Errorf("%+v gives %s, %+v gives %s", fewer, was, more, is)
		}
	})
}

func anyFlags(t *rapid.T) s3access.Flags {
	return s3access.Flags{
		BlockACLs: rapid.Bool().Draw(t, "BlockPublicAcls"), IgnoreACLs: rapid.Bool().Draw(t, "IgnorePublicAcls"),
		BlockPolicy: rapid.Bool().Draw(t, "BlockPublicPolicy"), RestrictBuckets: rapid.Bool().Draw(t, "RestrictPublicBuckets"),
	}
}

func anyChannel(t *rapid.T) resource.Channel { return rapid.SampledFrom(channels).Draw(t, "channel") }

func anyAudience(t *rapid.T) resource.Audience {
	return resource.Audience{
		Reach:      resource.Reach(rapid.IntRange(0, int(resource.ReachInternet)).Draw(t, "reach")),
		Credential: resource.Credential(rapid.IntRange(0, int(resource.CredentialNone)).Draw(t, "credential")),
	}
}

func anyActions(t *rapid.T) []resource.Action {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(resource.Actions()), 1, 3, rapid.ID[resource.Action]).Draw(t, "can")
}

// An answer without any of the switches is no answer: it must not be taken for a
// block that is off, nor for one that is on.
func TestReadBlock(t *testing.T) {
	from := resource.Evidence{Call: "s3control:GetAccessPoint", Of: "dealers", Pointer: "/GetAccessPointResult/PublicAccessBlockConfiguration"}
	for name, test := range map[string]struct {
		answer    *control.PublicAccessBlockConfiguration
		want      s3access.Flags
		malformed bool
	}{
		"nothing":     {nil, s3access.Flags{}, true},
		"no switches": {&control.PublicAccessBlockConfiguration{}, s3access.Flags{}, true},
		"one switch":  {&control.PublicAccessBlockConfiguration{IgnorePublicAcls: aws.Bool(true)}, s3access.Flags{IgnoreACLs: true}, false},
		"all off":     {&control.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(false)}, s3access.Flags{}, false},
		"all on": {
			&control.PublicAccessBlockConfiguration{
				BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
			},
			s3access.Flags{BlockACLs: true, IgnoreACLs: true, BlockPolicy: true, RestrictBuckets: true},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			block, err := s3access.ReadBlock("access point", from, test.answer)
			if _, malformed := errors.AsType[*collect.MalformedError](err); malformed != test.malformed || (err != nil) != malformed {
				t.Fatalf("error %v", err)
			}
			if block.Flags != test.want {
				t.Errorf("%+v, want %+v", block.Flags, test.want)
			}
		})
	}
}

func TestBucketBlock(t *testing.T) {
	a, _ := open(t, `
accounts:
- id: "`+owner+`"
  buckets:
  - {name: never, region: us-east-1}
  - {name: "off", region: us-east-1, block: none}
  - {name: half, region: us-east-1, block: {restrict_public_buckets: true}}
  - {name: refused, region: us-east-1, block: all}
  - {name: garbled, region: us-east-1, block: all}
faults:
- {call: "s3:GetPublicAccessBlock", subject: refused, fault: access-denied}
- {call: "s3:GetPublicAccessBlock", subject: garbled, fault: not-xml}
`)
	read := func(bucket string) (s3access.Block, error) {
		return s3access.BucketBlock(t.Context(), s3access.Client(a, "us-east-1"), bucket)
	}
	for bucket, want := range map[string]s3access.Block{
		"never": {Answer: resource.Evidence{Pointer: "/Error/Code", Quote: "NoSuchPublicAccessBlockConfiguration"}},
		"off":   {Answer: resource.Evidence{Pointer: "/PublicAccessBlockConfiguration"}},
		"half":  {Flags: s3access.Flags{RestrictBuckets: true}, Answer: resource.Evidence{Pointer: "/PublicAccessBlockConfiguration"}},
	} {
		want.Owner, want.Answer.Call, want.Answer.Of = "bucket", "s3:GetPublicAccessBlock", bucket
		got, err := read(bucket)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("block of %s (-want +got):\n%s", bucket, diff)
		}
	}
	if _, err := read("refused"); account.Refusal(err).Reason != resource.Denied {
		t.Errorf("a refusal: %v", err)
	}
	if block, err := read("garbled"); err == nil || block.Complete() {
		t.Errorf("a page of a proxy: %+v, error %v", block, err)
	}
}

// The account's block is one question, whatever the number of stores.
func TestAccountBlockIsAskedOnce(t *testing.T) {
	a, server := open(t, `
accounts:
- id: "`+owner+`"
  block: all
`)
	ask := s3access.AskAccountBlock(a, s3access.ACL, s3access.Policy)
	for range 3 {
		var store resource.Resource
		if err := ask(t.Context(), &store); err != nil {
			t.Fatal(err)
		}
		if complete := store.Settings["account_block_complete"]; complete.Value != true || complete.From.Of != owner || len(store.Guards) != 2 {
			t.Errorf("settings %v, guards %v", store.Settings, store.Guards)
		}
	}
	if n := server.Calls()["s3control:GetPublicAccessBlock"]; n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestAccountWithoutBlock(t *testing.T) {
	a, _ := open(t, `
accounts:
- id: "`+owner+`"
`)
	block, err := s3access.AccountBlock(t.Context(), a)
	if err != nil || block.Flags != (s3access.Flags{}) || block.Answer.Quote != "NoSuchPublicAccessBlockConfiguration" {
		t.Errorf("%+v, error %v", block, err)
	}
}

// A refused block adds nothing: neither a guard nor a setting.
func TestRefusedAccountBlock(t *testing.T) {
	a, _ := open(t, `
accounts:
- id: "`+owner+`"
  block: all
faults:
- {call: "s3control:GetPublicAccessBlock", fault: access-denied}
`)
	var store resource.Resource
	if err := s3access.AskAccountBlock(a, s3access.Policy)(t.Context(), &store); account.Refusal(err).Reason != resource.Denied {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff(resource.Resource{}, store); diff != "" {
		t.Errorf("store (-want +got):\n%s", diff)
	}
}
