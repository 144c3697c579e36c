package reporttest

import (
	"time"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

const (
	policy resource.Channel = "policy"
	acl    resource.Channel = "acl"
)

// The parts of the cloud that the estate lies in.
var (
	tokyo   = resource.Scope{Provider: "aws", Account: "123456789012", Region: "ap-northeast-1"}
	ireland = resource.Scope{Provider: "aws", Account: "210987654321", Region: "eu-west-1"}
)

// Tell tells the whole run to a sink: Begin, every store, End.
func Tell(sink finding.Sink) error {
	stores := Stores()
	if err := sink.Begin(Run()); err != nil {
		return err
	}
	for _, s := range stores {
		if err := sink.Store(s); err != nil {
			return err
		}
	}
	return sink.End(Summary(stores))
}

// Run is how the run begins.
func Run() finding.Run {
	return finding.Run{
		ID: "2026-08-22T06:00:00Z-1", Tool: "andon 0.1.0", Source: "replay", Depth: "verdict",
		Started:  time.Date(2026, 8, 22, 6, 0, 0, 0, time.UTC),
		Policies: []string{"bucket-block-missing", "bucket-public-read", "bucket-public-write", "bucket-shared", "bucket-tenant"},
		FailOn:   finding.High,
	}
}

// Stores are the estate, in the order of the listing.
func Stores() []*finding.Store {
	return []*finding.Store{
		Telemetry(), Dealers(), Interval(), Neutralised(), Unreadable(), Private(), Gone(), Shared(),
		Hostile(), Japanese(), Long(),
	}
}

// Summary is how the run ends.
func Summary(stores []*finding.Store) *finding.Summary {
	s := &finding.Summary{
		Finished:   time.Date(2026, 8, 22, 6, 0, 41, 0, time.UTC),
		Incomplete: true, Reason: "something could not be read",
		Coverage: []finding.Coverage{
			{Scope: tokyo, Kind: "aws.s3.bucket", State: finding.Partial, Stores: 8, Unread: 2, Gaps: map[string]int{"s3:GetBucketPolicy": 1, "s3:GetBucketAcl": 1}, Call: "s3:GetBucketPolicy", Permission: "s3:GetBucketPolicy", Detail: "AccessDenied"},
			{Scope: tokyo, Kind: "aws.s3.access_point", State: finding.Complete, Stores: 1},
			{Scope: ireland, Kind: "aws.s3.bucket", State: finding.Complete, Stores: 2},
			{Scope: ireland, Kind: "aws.s3.access_point", State: finding.Refused, Call: "s3control:ListAccessPoints", Permission: "s3:ListAccessPoints", Detail: "AccessDenied: explicit deny\n\x1b[2Jin a service control policy"},
		},
		Levels: map[string]int{}, Outcomes: map[finding.Outcome]int{}, Failed: map[string]int{},
		Calls: 31, Saved: 17, ByCall: map[string]int{"s3:ListBuckets": 2, "s3:GetBucketPolicy": 9},
		Exit: 5,
	}
	for _, store := range stores {
		s.Stores++
		if store.Resource.Gone {
			s.Gone++
			continue
		}
		s.Levels[store.Assessment.Settled.Verdict()]++
		for _, f := range store.Findings {
			s.Outcomes[f.Outcome]++
			if f.Outcome == finding.Fail {
				s.Failed[f.Severity.String()]++
			}
		}
	}
	return s
}

// Telemetry is public by its policy and fails twice; the witness proves it.
func Telemetry() *finding.Store {
	r := bucket("tconnect-telemetry", tokyo)
	r.Created = time.Date(2013, 11, 6, 1, 2, 3, 0, time.UTC)
	r.Tags = map[string]string{"data": "telemetry", "owner": "connected"}
	r.Set("block.account.policy", false, answer("s3control:GetPublicAccessBlock", "123456789012", "", "NoSuchPublicAccessBlockConfiguration"))
	r.Guards = []resource.Guard{absent("account Block Public Access", "s3control:GetPublicAccessBlock", "123456789012", "NoSuchPublicAccessBlockConfiguration")}
	r.Grants = []resource.Grant{
		{
			To: resource.Anyone, Can: []resource.Action{resource.Read, resource.List}, Via: policy,
			Because: []resource.Evidence{answer("s3:GetBucketPolicy", r.Name, "/Policy#/Statement/0", `{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"]}`)},
			Witness: &resource.Witness{
				Principal: "anonymous", Action: "s3:GetObject", Resource: "arn:aws:s3:::tconnect-telemetry/andon",
				Context: map[string]string{"aws:SecureTransport": "true", "aws:SourceIp": "198.51.100.7"},
			},
			Note: "only over TLS",
		},
		{
			To: resource.Outsiders("999999999999"), Can: []resource.Action{resource.Write}, Via: policy,
			Because: []resource.Evidence{answer("s3:GetBucketPolicy", r.Name, "/Policy#/Statement/1", `{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"s3:PutObject"}`)},
		},
	}
	r.Gaps = []resource.Gap{notAsked("s3:GetBucketAcl", acl)}
	r.Calls, r.Saved = 3, 1
	return judged(r,
		failed("bucket-public-read", finding.Critical, "Anyone on the internet can read or list this bucket", "Turn on Block Public Access for the account, then remove Statement 0 of the bucket policy."),
		failed("bucket-shared", finding.Medium, "Accounts outside the allow-list can use this bucket", "Add the account to the allow-list or remove Statement 1."),
		settingFailed("bucket-block-missing", finding.Low, "The bucket's own Block Public Access is off"),
		finding.Finding{Policy: "bucket-public-write", Severity: finding.Critical, Title: "Anyone can write", Outcome: finding.Pass},
	)
}

// Dealers is public by its ACL, to write as well.
func Dealers() *finding.Store {
	r := bucket("dealer-inspection", tokyo)
	r.Grants = []resource.Grant{{
		To: resource.Anyone, Can: []resource.Action{resource.List, resource.Write, resource.Delete}, Via: acl,
		Because: []resource.Evidence{answer("s3:GetBucketAcl", r.Name, "/AccessControlPolicy/AccessControlList/Grant[2]", "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI> WRITE")},
		Witness: &resource.Witness{Principal: "anonymous", Action: "s3:PutObject", Resource: "arn:aws:s3:::dealer-inspection/andon"},
	}}
	r.Calls, r.Saved = 4, 0
	return judged(r,
		failed("bucket-public-read", finding.Critical, "Anyone on the internet can read or list this bucket", "Remove the ACL grant named in the evidence."),
		failed("bucket-public-write", finding.Critical, "Anyone on the internet can change this bucket", "Remove the ACL grant named in the evidence."),
	)
}

// Interval is open to any AWS account at least; its ACL could not be read.
func Interval() *finding.Store {
	r := bucket("map-tiles", tokyo)
	r.Grants = []resource.Grant{{
		To: resource.AnyTenant, Can: []resource.Action{resource.List}, Via: policy,
		Because: []resource.Evidence{answer("s3:GetBucketPolicy", r.Name, "/Policy#/Statement/0", `"Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*"}}`)},
		Witness: &resource.Witness{Principal: "arn:aws:iam::444455556666:user/u", Action: "s3:ListBucket", Resource: "arn:aws:s3:::map-tiles"},
	}}
	r.Gaps = []resource.Gap{refused("s3:GetBucketAcl", acl)}
	r.Calls = 4
	return judged(r,
		unknown("bucket-public-read", finding.Critical, "Anyone on the internet can read or list this bucket", r.Gaps),
		failed("bucket-tenant", finding.High, "Anyone with an AWS account can use this bucket", "Name the accounts instead of every principal."),
	)
}

// Neutralised has a public policy that the account's block stops.
func Neutralised() *finding.Store {
	r := bucket("photo-share", ireland)
	r.Grants = []resource.Grant{{
		To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: policy,
		Because: []resource.Evidence{answer("s3:GetBucketPolicy", r.Name, "/Policy#/Statement/0", `"Principal":"*"`)},
	}}
	r.Guards = []resource.Guard{{
		Name: "account Block Public Access", On: []resource.Channel{policy, acl}, Cap: resource.Nobody,
		Because: []resource.Evidence{answer("s3control:GetPublicAccessBlock", "210987654321", "/PublicAccessBlockConfiguration", "RestrictPublicBuckets=true")},
	}}
	r.Notes = []string{"the bucket is configured as a website, which says that it was meant to be public"}
	r.Calls = 2
	return judged(r, finding.Finding{Policy: "bucket-public-read", Severity: finding.Critical, Title: "Anyone on the internet can read or list this bucket", Outcome: finding.Pass})
}

// Unreadable has a policy that nobody may read.
func Unreadable() *finding.Store {
	r := bucket("vin-archive", tokyo)
	r.Gaps = []resource.Gap{refused("s3:GetBucketPolicy", policy)}
	r.Calls, r.Saved = 4, 2
	return judged(r, unknown("bucket-public-read", finding.Critical, "Anyone on the internet can read or list this bucket", r.Gaps))
}

// Private is closed and proven so.
func Private() *finding.Store {
	r := bucket("payroll", ireland)
	r.Guards = []resource.Guard{{
		Name: "account Block Public Access", On: []resource.Channel{policy, acl}, Cap: resource.Nobody,
		Because: []resource.Evidence{answer("s3control:GetPublicAccessBlock", "210987654321", "/PublicAccessBlockConfiguration", "all four settings on")},
	}}
	r.Gaps = []resource.Gap{notAsked("s3:GetBucketPolicy", policy), notAsked("s3:GetBucketAcl", acl)}
	r.Saved = 4
	return judged(r, finding.Finding{Policy: "bucket-public-read", Severity: finding.Critical, Title: "Anyone on the internet can read or list this bucket", Outcome: finding.Pass})
}

// Gone was deleted between the listing and the reading.
func Gone() *finding.Store {
	r := bucket("scratch-2026-08", tokyo)
	r.Gone = true
	r.Calls = 1
	return judged(r)
}

// Shared lets named outsiders in; the finding is waived.
func Shared() *finding.Store {
	r := bucket("supplier-exchange", tokyo)
	r.Kind, r.Class, r.ID = "aws.s3.access_point", "access-point", "arn:aws:s3:ap-northeast-1:123456789012:accesspoint/supplier-exchange"
	r.Grants = []resource.Grant{{
		To: resource.Outsiders("444455556666", "777788889999", "999999999999"), Can: []resource.Action{resource.List, resource.Read}, Via: policy,
		Because: []resource.Evidence{answer("s3control:GetAccessPointPolicy", r.Name, "/GetAccessPointPolicyResult/Policy#/Statement/0", "")},
	}}
	waived := failed("bucket-shared", finding.Medium, "Accounts outside the allow-list can use this store", "")
	waived.Outcome = finding.Waived
	return judged(r, waived)
}

// Hostile is named and tagged by somebody who wants to write on the reader's terminal.
func Hostile() *finding.Store {
	r := bucket("\x1b[2J\x1b]0;pwned\ainvoice\u202egnp.exe\nCRIT\tfake", tokyo)
	r.Tags = map[string]string{"=cmd|' /C calc'!A0\r\n": "\xff\xfe\u009b31m", "<script>": "`$(reboot)`"}
	r.Grants = []resource.Grant{{
		To: resource.Anyone, Can: []resource.Action{resource.Read}, Via: policy, Note: "until\x1b[8m 2027",
		Because: []resource.Evidence{answer("s3:GetBucketPolicy", r.Name, "/Policy#/Statement/0", "\x1b]8;;http://evil.example\x1b\\click\u2066\u200d\U000e0041")},
		Witness: &resource.Witness{Principal: "anonymous", Action: "s3:GetObject", Resource: string(r.ID) + "/x", Context: map[string]string{"aws:Referer\x00": "\u2028"}},
	}}
	r.Notes = []string{"a note with a line\nbreak and a bell\a"}
	return judged(r, failed("bucket-public-read", finding.Critical, "Anyone on the internet can read or list this bucket", "Remove it\x1b[0m."))
}

// Japanese has a name two cells a character wide.
func Japanese() *finding.Store {
	r := bucket("車両位置情報-テレマティクス-バックアップ-二〇一三年", tokyo)
	r.Grants = []resource.Grant{{
		To: resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNone, Named: []string{"203.0.113.0/24"}}, Can: []resource.Action{resource.Read}, Via: policy,
		Because: []resource.Evidence{answer("s3:GetBucketPolicy", r.Name, "/Policy#/Statement/0", `"Sid":"取引先のみ許可"`)},
	}}
	return judged(r, failed("bucket-shared", finding.Medium, "Accounts outside the allow-list can use this bucket", ""))
}

// Long has a name that fits no column.
func Long() *finding.Store {
	r := bucket("arn:aws:s3:us-gov-west-1:123456789012:accesspoint/a-name-that-goes-on-and-on-and-on-until-it-fits-nowhere/object/prefix/that/is/deep", tokyo)
	r.Grants = []resource.Grant{{
		To: resource.Audience{Reach: resource.ReachInternet, Credential: resource.CredentialOwn}, Can: []resource.Action{resource.Connect, resource.AnyAction}, Via: policy,
		Because: []resource.Evidence{answer("s3:GetBucketPolicy", r.Name, "/Policy#/Statement/0", "")},
	}}
	return judged(r, failed("bucket-reachable", finding.Medium, "Anyone can reach this store", ""))
}

func bucket(name string, in resource.Scope) resource.Resource {
	return resource.Resource{ID: resource.ID("arn:aws:s3:::" + name), Kind: "aws.s3.bucket", Class: "bucket", Name: name, Scope: in}
}

func answer(call, of, pointer, quote string) resource.Evidence {
	return resource.Evidence{Call: call, Of: of, Pointer: pointer, Quote: quote}
}

// absent is a guard that was looked for and stops nobody.
func absent(name, call, of, quote string) resource.Guard {
	return resource.Guard{Name: name, On: []resource.Channel{policy, acl}, Cap: resource.Anyone, Because: []resource.Evidence{answer(call, of, "", quote)}}
}

func notAsked(call string, via resource.Channel) resource.Gap {
	return resource.Gap{Call: call, Permission: call, Reason: resource.NotAsked, Hides: []resource.Hidden{{Via: via, To: resource.Anyone}}}
}

func refused(call string, via resource.Channel) resource.Gap {
	g := notAsked(call, via)
	g.Reason, g.Detail = resource.Denied, "AccessDenied: no identity-based policy allows it"
	return g
}

func judged(r resource.Resource, findings ...finding.Finding) *finding.Store {
	s := &finding.Store{Resource: r, Assessment: exposure.Assess(&r), Findings: findings}
	if r.Gone {
		s.Assessment, s.Findings = exposure.Assessment{}, nil
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		f.ID = finding.NewID(f.Policy, r.ID)
		if f.Outcome == finding.Unknown || f.Policy == "bucket-block-missing" || f.Policy == "bucket-tenant" {
			f.Exposure = s.Assessment.Settled
			if f.Policy == "bucket-tenant" {
				f.Paths = s.Assessment.Paths
			}
			continue
		}
		for _, p := range s.Assessment.Paths {
			if f.Policy == "bucket-shared" == (p.Range.Most == exposure.Shared) || len(s.Assessment.Paths) == 1 {
				f.Paths = append(f.Paths, p)
				f.Exposure.Least = max(f.Exposure.Least, p.Range.Least)
				f.Exposure.Most = max(f.Exposure.Most, p.Range.Most)
			}
		}
		f.Latent = s.Assessment.Latent
		for _, g := range r.Guards {
			if len(f.Paths) > 0 && len(f.Paths[0].Guards) > 0 && g.Name == f.Paths[0].Guards[0] {
				f.Guards = append(f.Guards, g)
			}
		}
	}
	return s
}

func failed(id string, severity finding.Severity, title, fix string) finding.Finding {
	return finding.Finding{
		Policy: id, Severity: severity, Title: title, Outcome: finding.Fail, Fix: fix,
		Why: "Anyone who learns the name can take every object.",
	}
}

func settingFailed(id string, severity finding.Severity, title string) finding.Finding {
	return finding.Finding{
		Policy: id, Severity: severity, Title: title, Outcome: finding.Fail, Fix: "Turn on all four settings of the bucket's Block Public Access.",
		Settings: map[string]resource.Setting{
			"block.bucket.policy": {Value: false, From: answer("s3:GetPublicAccessBlock", "tconnect-telemetry", "", "NoSuchPublicAccessBlockConfiguration")},
			"block.bucket.list":   {Value: []string{"a", "b"}, From: answer("s3:GetPublicAccessBlock", "tconnect-telemetry", "", "")},
			"block.bucket.days":   {Value: 1.5, From: answer("s3:GetPublicAccessBlock", "tconnect-telemetry", "", "")},
			"block.bucket.word":   {Value: "off", From: answer("s3:GetPublicAccessBlock", "tconnect-telemetry", "", "")},
		},
	}
}

func unknown(id string, severity finding.Severity, title string, missing []resource.Gap) finding.Finding {
	return finding.Finding{Policy: id, Severity: severity, Title: title, Outcome: finding.Unknown, Missing: missing}
}
