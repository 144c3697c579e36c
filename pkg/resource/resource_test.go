package resource

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestInventoryLine holds that a store survives being saved: it takes one line,
// and what is read back is what was written, hostile names included.
func TestInventoryLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyResource(t)
		line, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsAny(line, "\n\r") {
			t.Fatalf("the line is broken: %q", line)
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		var got Resource
		if err := decoder.Decode(&got); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		again, err := json.Marshal(got)
		if err != nil || !bytes.Equal(line, again) {
			t.Fatalf("saved again as %s (%v), first as %s", again, err, line)
		}
		texts(got.Settings)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("read back from %s (-want +got):\n%s", line, diff)
		}
	})
}

// texts makes the lists of texts that JSON reads as []any what they were.
func texts(settings map[string]Setting) {
	for key, s := range settings {
		list, ok := s.Value.([]any)
		if !ok {
			continue
		}
		var all []string
		for _, item := range list {
			text, _ := item.(string)
			all = append(all, text)
		}
		settings[key] = Setting{Value: all, From: s.From}
	}
}

// The form of a line is a contract with every inventory ever saved.
func TestInventoryFormat(t *testing.T) {
	store := Resource{
		ID: "arn:aws:s3:::tconnect-telemetry", Kind: "aws.s3.bucket", Class: "bucket", Name: "tconnect-telemetry",
		Scope:   Scope{Provider: "aws", Account: "123456789012", Region: "ap-northeast-1"},
		Created: time.Date(2013, 11, 6, 2, 14, 7, 0, time.UTC),
		Grants: []Grant{{
			To: Anyone, Can: []Action{List, Read}, Via: "policy",
			Because: []Evidence{{Call: "s3:GetBucketPolicy", Of: "tconnect-telemetry", Pointer: "/Statement/0", Quote: "Allow"}},
			Witness: &Witness{Principal: "anonymous", Action: "s3:GetObject", Resource: "arn:aws:s3:::tconnect-telemetry/any"},
		}},
		Guards: []Guard{{Name: "account Block Public Access", On: []Channel{"policy"}, Can: []Action{Read}, Cap: Nobody}},
		Gaps: []Gap{{
			Call: "s3:GetBucketAcl", Permission: "s3:GetBucketAcl", Reason: Denied, Detail: "AccessDenied",
			Hides:    []Hidden{{Via: "acl", To: Anyone}},
			Shields:  []Shield{{On: []Channel{"acl"}, Cap: Nobody}},
			Settings: []string{"acls_enabled"},
		}},
		Calls: 3, Saved: 1,
	}
	store.Set("website", true, Evidence{Call: "s3:GetBucketWebsite"})
	got, err := json.MarshalIndent(store, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "id": "arn:aws:s3:::tconnect-telemetry",
 "kind": "aws.s3.bucket",
 "class": "bucket",
 "name": "tconnect-telemetry",
 "scope": {
  "provider": "aws",
  "account": "123456789012",
  "region": "ap-northeast-1"
 },
 "created": "2013-11-06T02:14:07Z",
 "settings": {
  "website": {
   "value": true,
   "from": {
    "call": "s3:GetBucketWebsite"
   }
  }
 },
 "grants": [
  {
   "to": {
    "reach": "internet",
    "credential": "none"
   },
   "can": [
    "list",
    "read"
   ],
   "via": "policy",
   "because": [
    {
     "call": "s3:GetBucketPolicy",
     "of": "tconnect-telemetry",
     "pointer": "/Statement/0",
     "quote": "Allow"
    }
   ],
   "witness": {
    "principal": "anonymous",
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::tconnect-telemetry/any"
   }
  }
 ],
 "guards": [
  {
   "name": "account Block Public Access",
   "on": [
    "policy"
   ],
   "can": [
    "read"
   ],
   "cap": {
    "reach": "private",
    "credential": "own"
   },
   "because": null
  }
 ],
 "gaps": [
  {
   "call": "s3:GetBucketAcl",
   "permission": "s3:GetBucketAcl",
   "reason": "denied",
   "detail": "AccessDenied",
   "hides": [
    {
     "via": "acl",
     "to": {
      "reach": "internet",
      "credential": "none"
     }
    }
   ],
   "shields": [
    {
     "on": [
      "acl"
     ],
     "cap": {
      "reach": "private",
      "credential": "own"
     }
    }
   ],
   "settings": [
    "acls_enabled"
   ]
  }
 ],
 "calls": 3,
 "saved": 1
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("inventory line (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	if got := Kind("aws.s3.bucket").Provider(); got != "aws" {
		t.Errorf("the cloud of aws.s3.bucket is %q", got)
	}
	for scope, want := range map[Scope]string{
		{Provider: "aws", Account: "123456789012", Region: "eu-west-1"}: "aws 123456789012 eu-west-1",
		{Provider: "aws", Account: "123456789012"}:                      "aws 123456789012",
	} {
		if scope.String() != want {
			t.Errorf("scope %q, want %q", scope, want)
		}
	}
}

func anyResource(t *rapid.T) Resource {
	text := anyText()
	r := Resource{
		ID: ID(text.Draw(t, "id")), Kind: Kind(text.Draw(t, "kind")), Class: Class(text.Draw(t, "class")), Name: text.Draw(t, "name"),
		Scope:  Scope{Provider: text.Draw(t, "provider"), Account: text.Draw(t, "account"), Region: text.Draw(t, "region")},
		Tags:   rapid.MapOfN(text, text, 0, 2).Draw(t, "tags"),
		Grants: rapid.SliceOfN(rapid.Custom(anyGrant), 0, 2).Draw(t, "grants"),
		Guards: rapid.SliceOfN(rapid.Custom(anyGuard), 0, 2).Draw(t, "guards"),
		Gaps:   rapid.SliceOfN(rapid.Custom(anyGap), 0, 2).Draw(t, "gaps"),
		Gone:   rapid.Bool().Draw(t, "gone"),
		Notes:  rapid.SliceOfN(text, 0, 2).Draw(t, "notes"),
		Calls:  rapid.IntRange(0, 9).Draw(t, "calls"),
		Saved:  rapid.IntRange(0, 9).Draw(t, "saved"),
	}
	if rapid.Bool().Draw(t, "created") {
		r.Created = time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond")).UTC()
	}
	for range rapid.IntRange(0, 2).Draw(t, "settings") {
		r.Set(text.Draw(t, "key"), anyValue(t), anyEvidence(t))
	}
	return r
}

func anyValue(t *rapid.T) any {
	return rapid.OneOf(
		rapid.Bool().AsAny(), anyText().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.SliceOfN(anyText(), 1, 2).AsAny(),
	).Draw(t, "value")
}

func anyEvidence(t *rapid.T) Evidence {
	text := anyText()
	return Evidence{Call: text.Draw(t, "call"), Of: text.Draw(t, "of"), Pointer: text.Draw(t, "pointer"), Quote: text.Draw(t, "quote")}
}

func anyGrant(t *rapid.T) Grant {
	g := Grant{
		To: anyAudience(t), Can: anyActions(t), Via: anyChannel(t), Note: anyText().Draw(t, "note"),
		Because: []Evidence{anyEvidence(t)},
	}
	if rapid.Bool().Draw(t, "witness") {
		text := anyText()
		g.Witness = &Witness{
			Principal: text.Draw(t, "principal"), Action: text.Draw(t, "action"), Resource: text.Draw(t, "resource"),
			Context: rapid.MapOfN(text, text, 0, 2).Draw(t, "context"),
		}
	}
	return g
}

func anyGuard(t *rapid.T) Guard {
	return Guard{
		Name: anyText().Draw(t, "name"), On: []Channel{anyChannel(t)}, Can: anyActions(t), Cap: anyAudience(t),
		Because: []Evidence{anyEvidence(t)},
	}
}

func anyGap(t *rapid.T) Gap {
	text := anyText()
	return Gap{
		Call: text.Draw(t, "call"), Permission: text.Draw(t, "permission"), Detail: text.Draw(t, "detail"),
		Reason:   rapid.SampledFrom([]Reason{NotAsked, Denied, Throttled, Failed, Malformed, Undecided, Unsupported}).Draw(t, "reason"),
		Hides:    []Hidden{{Via: anyChannel(t), To: anyAudience(t), Can: anyActions(t)}},
		Shields:  []Shield{{On: []Channel{anyChannel(t)}, Cap: anyAudience(t), Can: anyActions(t)}},
		Settings: rapid.SliceOfN(text, 0, 2).Draw(t, "settings"),
	}
}

func anyChannel(t *rapid.T) Channel { return Channel(anyText().Draw(t, "channel")) }

func anyActions(t *rapid.T) []Action {
	return rapid.SliceOfN(rapid.SampledFrom(Actions()), 0, 2).Draw(t, "actions")
}
