package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

var (
	partner = resource.Outsiders("210987654321")
	shut    = resource.Nobody
)

func bucket(edit func(*resource.Resource)) *resource.Resource {
	b := &resource.Resource{ID: "arn:aws:s3:::b", Kind: "aws.s3.bucket", Class: "bucket", Name: "b"}
	if edit != nil {
		edit(b)
	}
	return b
}

func grant(to resource.Audience, via resource.Channel, can ...resource.Action) resource.Grant {
	return resource.Grant{To: to, Via: via, Can: can}
}

// between returns a bucket whose range is exactly least to most.
func between(least, most exposure.Level) *resource.Resource {
	to := map[exposure.Level]resource.Audience{
		exposure.Private:   resource.Nobody,
		exposure.Shared:    partner,
		exposure.Reachable: {Reach: resource.ReachInternet, Credential: resource.CredentialOwn},
		exposure.Tenant:    resource.AnyTenant,
		exposure.Public:    resource.Anyone,
	}
	return bucket(func(b *resource.Resource) {
		b.Grants = []resource.Grant{grant(to[least], "acl", resource.Read)}
		if most > least {
			b.Gaps = []resource.Gap{{Call: "s3:GetBucketPolicy", Reason: resource.Denied, Hides: []resource.Hidden{{Via: "policy", To: to[most]}}}}
		}
	})
}

// outcome evaluates a set of one policy.
func outcome(s *Set, store *resource.Resource) (finding.Outcome, finding.Finding) {
	a := exposure.Assess(store)
	for _, f := range s.Evaluate(store, &a) {
		return f.Outcome, f
	}
	return None, finding.Finding{}
}

// TestOutcomeOverEveryRange spells out, for requirements of every shape, what
// each of the fifteen ranges gives. Rows go by the least level, columns by the
// most: + pass, - fail, ? unknown.
func TestOutcomeOverEveryRange(t *testing.T) {
	for _, c := range []struct {
		require string
		want    [5]string
	}{
		{"exposure.level < level.tenant", [5]string{"+++??", ".++??", "..+??", "...--", "....-"}},
		{"exposure.level == level.private", [5]string{"+????", ".----", "..---", "...--", "....-"}},
		{"exposure.level != level.tenant", [5]string{"+++??", ".++??", "..+??", "...-?", "....+"}},
		{"level.public > exposure.level", [5]string{"++++?", ".+++?", "..++?", "...+?", "....-"}},
		{"true", [5]string{"+++++", ".++++", "..+++", "...++", "....+"}},
		// The same through CEL instead of the table.
		{`exposure.level < level.tenant && resource.name == "b"`, [5]string{"+++??", ".++??", "..+??", "...--", "....-"}},
		{`exposure.level != level.tenant || resource.region != ""`, [5]string{"+++??", ".++??", "..+??", "...-?", "....+"}},
	} {
		set := mustLoad(t, "require: '"+c.require+"'")
		for least := exposure.Private; least <= exposure.Public; least++ {
			row := strings.Repeat(".", int(least))
			for most := least; most <= exposure.Public; most++ {
				got, _ := outcome(set, between(least, most))
				row += map[finding.Outcome]string{finding.Pass: "+", finding.Fail: "-", finding.Unknown: "?"}[got]
			}
			if row != c.want[least] {
				t.Errorf("%s from %s: got %s, want %s", c.require, least, row, c.want[least])
			}
		}
	}
}

// TestUnreadFacts holds that a fact that was not read leaves the outcome open
// exactly where it could change it, and that the finding says why.
func TestUnreadFacts(t *testing.T) {
	cipher := func(value any) func(*resource.Resource) {
		return func(b *resource.Resource) { b.Set("cipher", value, resource.Evidence{}) }
	}
	refused := resource.Gap{Call: "s3:GetBucketEncryption", Permission: "s3:GetEncryptionConfiguration", Reason: resource.Denied, Settings: []string{"cipher"}}
	gap := func(detail string, settings ...string) resource.Gap {
		return resource.Gap{Call: "policy:sample", Reason: resource.Undecided, Detail: detail, Settings: settings}
	}
	for _, c := range []struct {
		name, require, needs string
		store                *resource.Resource
		want                 finding.Outcome
		missing              []resource.Gap
	}{
		{"read and right", `settings.cipher == "aes"`, "cipher", bucket(cipher("aes")), finding.Pass, nil},
		{"read and wrong", `settings.cipher == "aes"`, "cipher", bucket(cipher("des")), finding.Fail, nil},
		{
			"refused", `settings.cipher == "aes"`, "cipher",
			bucket(func(b *resource.Resource) {
				b.Gaps = []resource.Gap{{Call: "s3:Other", Reason: resource.Denied}, refused}
			}),
			finding.Unknown,
			[]resource.Gap{refused},
		},
		{
			"nobody answers for it", `settings.cipher == "aes"`, "cipher", bucket(nil),
			finding.Unknown,
			[]resource.Gap{gap("no answer gave the setting cipher", "cipher")},
		},
		{
			"of another type", `settings.cipher == "aes"`, "cipher", bucket(cipher(true)),
			finding.Unknown,
			[]resource.Gap{gap("the setting cipher holds bool, which is not its type", "cipher")},
		},
		{"member of a list", `settings.cipher in ["aes", "chacha"]`, "cipher", bucket(nil), finding.Unknown, []resource.Gap{gap("no answer gave the setting cipher", "cipher")}},
		{"cannot matter, or", `settings.cipher == "aes" || exposure.level == level.private`, "cipher", bucket(nil), finding.Pass, nil},
		{"cannot matter, and", `settings.cipher == "aes" && exposure.level == level.public`, "cipher", bucket(nil), finding.Fail, nil},
		{"equal to itself is still unread", `settings.cipher == settings.cipher`, "cipher", bucket(nil), finding.Unknown, []resource.Gap{gap("no answer gave the setting cipher", "cipher")}},
		{"inside a loop", `["aes"].exists(c, c == settings.cipher)`, "cipher", bucket(nil), finding.Unknown, []resource.Gap{gap("no answer gave the setting cipher", "cipher")}},
		{
			"a list through JSON", `settings.origins.exists(o, o == "*")`, "origins",
			bucket(func(b *resource.Resource) { b.Set("origins", []any{"a", "*"}, resource.Evidence{}) }), finding.Pass, nil,
		},
		{
			"a list of something else", `settings.origins.exists(o, o == "*")`, "origins",
			bucket(func(b *resource.Resource) { b.Set("origins", []any{"a", 1.0}, resource.Evidence{}) }),
			finding.Unknown,
			[]resource.Gap{gap("the setting origins holds []interface {}, which is not its type", "origins")},
		},
		{
			"a number", `settings.retention_days >= 30`, "retention_days",
			bucket(func(b *resource.Resource) { b.Set("retention_days", 29.5, resource.Evidence{}) }), finding.Fail, nil,
		},
		{
			"no date of creation", `resource.created > timestamp("2023-04-01T00:00:00Z")`, "", bucket(nil),
			finding.Unknown,
			[]resource.Gap{gap("resource.created is not known")},
		},
		{
			"a date of creation", `resource.created > timestamp("2023-04-01T00:00:00Z")`, "",
			bucket(func(b *resource.Resource) { b.Created = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }), finding.Pass, nil,
		},
		{
			"tags refused", `"owner" in resource.tags`, "",
			bucket(func(b *resource.Resource) {
				b.Gaps = []resource.Gap{{Call: "s3:GetBucketTagging", Reason: resource.Denied, Settings: []string{"tags"}}}
			}),
			finding.Unknown,
			[]resource.Gap{{Call: "s3:GetBucketTagging", Reason: resource.Denied, Settings: []string{"tags"}}},
		},
		{"no tags", `"owner" in resource.tags`, "", bucket(nil), finding.Fail, nil},
		{"an error", `resource.tags["owner"] == "me"`, "", bucket(nil), finding.Unknown, []resource.Gap{gap("no such key: owner")}},
		{
			"too dear", `resource.tags.all(k, resource.tags.all(l, k != "" || l != ""))`, "",
			bucket(func(b *resource.Resource) {
				b.Tags = make(map[string]string)
				for i := range 200 {
					b.Tags[fmt.Sprint(i)] = ""
				}
			}),
			finding.Unknown,
			[]resource.Gap{gap("operation cancelled: actual cost limit exceeded")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines := []string{"require: '" + c.require + "'"}
			if c.needs != "" {
				lines = append(lines, "needs: ["+c.needs+"]")
			}
			got, f := outcome(mustLoad(t, lines...), c.store)
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if diff := cmp.Diff(c.missing, f.Missing); diff != "" {
				t.Errorf("missing (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamedOutsiders(t *testing.T) {
	set := mustLoad(t, "require: exposure.level != level.shared || exposure.named.all(a, a in config.trusted_accounts)")
	set = set.with(Config{TrustedAccounts: partner.Named})
	stranger := resource.Outsiders("999999999999")
	for _, c := range []struct {
		name string
		edit func(*resource.Resource)
		want finding.Outcome
	}{
		{"nobody", nil, finding.Pass},
		{"a partner", func(b *resource.Resource) { b.Grants = []resource.Grant{grant(partner, "policy", resource.Read)} }, finding.Pass},
		{"a stranger", func(b *resource.Resource) { b.Grants = []resource.Grant{grant(stranger, "policy", resource.Read)} }, finding.Fail},
		{"addresses from which the owner's credentials work", func(b *resource.Resource) {
			office := resource.Audience{Reach: resource.ReachListed, Named: []string{"203.0.113.0/24", "and 9 more"}}
			b.Grants = []resource.Grant{grant(office, "perimeter", resource.Connect)}
		}, finding.Pass},
		{"a project from which the owner's credentials work", func(b *resource.Resource) {
			consumer := resource.Audience{Reach: resource.ReachListed, Named: []string{"dealers"}}
			b.Grants = []resource.Grant{grant(consumer, "consumer", resource.Connect)}
		}, finding.Fail},
		{"addresses from which no credential is needed", func(b *resource.Resource) {
			office := resource.Audience{Reach: resource.ReachListed, Credential: resource.CredentialNone, Named: []string{"203.0.113.0/24"}}
			b.Grants = []resource.Grant{grant(office, "perimeter", resource.Read)}
		}, finding.Fail},
		{"a stranger behind a guard", func(b *resource.Resource) {
			b.Grants = []resource.Grant{grant(stranger, "policy", resource.Read)}
			b.Guards = []resource.Guard{{Name: "g", On: []resource.Channel{"policy"}, Cap: shut}}
		}, finding.Pass},
		{"a stranger behind a guard that may exist", func(b *resource.Resource) {
			b.Grants = []resource.Grant{grant(partner, "acl", resource.Read), grant(stranger, "policy", resource.Read)}
			b.Gaps = []resource.Gap{{Call: "c", Reason: resource.Denied, Shields: []resource.Shield{{On: []resource.Channel{"policy"}, Cap: shut}}}}
		}, finding.Unknown},
		{"a partner, and perhaps a stranger", func(b *resource.Resource) {
			b.Grants = []resource.Grant{grant(partner, "policy", resource.Read)}
			b.Gaps = []resource.Gap{{Call: "c", Reason: resource.Denied, Hides: []resource.Hidden{{Via: "acl", To: resource.Outsiders()}}}}
		}, finding.Unknown},
		{"anyone, narrowed to outsiders nobody lists", func(b *resource.Resource) {
			b.Grants = []resource.Grant{grant(resource.Anyone, "policy", resource.Read)}
			b.Guards = []resource.Guard{{Name: "g", On: []resource.Channel{"policy"}, Cap: resource.Outsiders()}}
		}, finding.Unknown},
	} {
		if got, f := outcome(set, bucket(c.edit)); got != c.want {
			t.Errorf("%s: got %s, want %s: %+v", c.name, got, c.want, f.Missing)
		}
	}
}

func TestApplies(t *testing.T) {
	for _, c := range []struct {
		applies string
		store   *resource.Resource
		want    finding.Outcome
	}{
		{`resource.class == "bucket"`, bucket(nil), finding.Pass},
		{`resource.class == "database"`, bucket(nil), None},
		{`resource.provider == "gcp"`, bucket(nil), None},
		{`resource.kind in ["aws.s3.bucket"] && resource.name.startsWith("b")`, bucket(nil), finding.Pass},
		{`resource.name != "b"`, bucket(nil), None},
		{`resource.id == "arn:aws:s3:::b" && resource.account == "" && resource.region == ""`, bucket(nil), finding.Pass},
		{`resource.tags["owner"] == "me"`, bucket(nil), finding.Unknown},
		{`resource.created > timestamp("2023-04-01T00:00:00Z")`, bucket(nil), finding.Unknown},
		{`resource.kind.split(".")[7] == ""`, bucket(nil), finding.Unknown},
		{`resource.class == "bucket"`, bucket(func(b *resource.Resource) { b.Gone = true }), None},
	} {
		set := mustLoad(t, "applies: '"+c.applies+"'")
		for range 2 { // the second time out of the cache
			got, f := outcome(set, c.store)
			if got != c.want || (got == finding.Unknown) != (len(f.Missing) > 0) {
				t.Errorf("%s: got %s, want %s: %+v", c.applies, got, c.want, f.Missing)
			}
		}
	}
}

// TestDepth holds what each depth evaluates, asks for and leaves out.
func TestDepth(t *testing.T) {
	blocked := func(reason resource.Reason) *resource.Resource {
		return bucket(func(b *resource.Resource) {
			b.Guards = []resource.Guard{{Name: "account block", On: []resource.Channel{"acl", "policy"}, Cap: shut}}
			b.Gaps = []resource.Gap{
				{Call: "s3:GetBucketAcl", Reason: resource.NotAsked, Hides: []resource.Hidden{{Via: "acl", To: resource.Anyone}}},
				{Call: "s3:GetBucketPolicy", Reason: reason, Hides: []resource.Hidden{{Via: "policy", To: resource.Anyone}, {Via: "limited-policy", To: resource.AnyTenant}}},
			}
		})
	}
	const limited, public = "looks: {can: [read]}", "require: exposure.level < level.tenant"
	for _, c := range []struct {
		name   string
		lines  []string
		reason resource.Reason
		want   map[Depth]finding.Outcome
		wanted bool // whether the policy question is worth a call at depth verdict
	}{
		{"driving, closed where it asks", []string{limited, public, "asks: [acl, policy]"}, resource.NotAsked, map[Depth]finding.Outcome{Verdict: finding.Pass, Full: finding.Unknown}, false},
		{"driving everywhere", []string{limited, public, "asks: all"}, resource.NotAsked, map[Depth]finding.Outcome{Verdict: finding.Unknown, Full: finding.Unknown}, true},
		{"not driving", []string{limited, public}, resource.NotAsked, map[Depth]finding.Outcome{Verdict: None, Full: finding.Unknown}, false},
		{"not driving, and refused", []string{limited, public}, resource.Denied, map[Depth]finding.Outcome{Verdict: finding.Unknown, Full: finding.Unknown}, false},
		{"driving, and refused", []string{limited, public, "asks: [acl, policy]"}, resource.Denied, map[Depth]finding.Outcome{Verdict: finding.Unknown, Full: finding.Unknown}, false},
		{"full", []string{limited, public, "depth: full"}, resource.NotAsked, map[Depth]finding.Outcome{Verdict: None, Full: finding.Unknown}, false},
	} {
		set := mustLoad(t, c.lines...)
		store := blocked(c.reason)
		for depth, want := range c.want {
			got, f := outcome(set.For(depth), store)
			if got != want {
				t.Errorf("%s: at depth %s got %s, want %s", c.name, depth, got, want)
			}
			if got == finding.Unknown && (len(f.Missing) != 1 || f.Missing[0].Call != "s3:GetBucketPolicy") {
				t.Errorf("%s: at depth %s the policy question is not what is missing: %+v", c.name, depth, f.Missing)
			}
		}
		if got := set.For(Verdict).Wants(store, store.Gaps[1]); got != c.wanted && c.reason == resource.NotAsked {
			t.Errorf("%s: wants = %t, want %t", c.name, got, c.wanted)
		}
		if set.For(Verdict).Wants(store, store.Gaps[0]) {
			t.Errorf("%s: the ACL is guarded, and asked for", c.name)
		}
		if !set.For(Full).Wants(store, store.Gaps[0]) {
			t.Errorf("%s: a full run does not ask everything", c.name)
		}
	}
}

func TestWants(t *testing.T) {
	hides := func(to resource.Audience) resource.Gap {
		return resource.Gap{Call: "s3:GetBucketPolicy", Reason: resource.NotAsked, Hides: []resource.Hidden{{Via: "policy", To: to}}}
	}
	encryption := resource.Gap{Call: "s3:GetBucketEncryption", Reason: resource.NotAsked, Settings: []string{"cipher"}}
	const public, needs = "require: exposure.level < level.tenant", "needs: [cipher]"
	for _, c := range []struct {
		name  string
		lines []string
		edit  func(*resource.Resource)
		gap   resource.Gap
		want  bool
	}{
		{"the answer may open it", []string{public}, nil, hides(resource.Anyone), true},
		{"the answer may open it wider", []string{public}, func(b *resource.Resource) {
			b.Grants = []resource.Grant{grant(resource.AnyTenant, "acl", resource.Read)}
		}, hides(resource.Anyone), true},
		{"it is as open as can be", []string{public}, func(b *resource.Resource) { b.Grants = []resource.Grant{grant(resource.Anyone, "acl", resource.Read)} }, hides(resource.Anyone), false},
		{"only other actions are open", []string{public, "looks: {can: [write]}"}, func(b *resource.Resource) { b.Grants = []resource.Grant{grant(resource.Anyone, "acl", resource.Read)} }, hides(resource.Anyone), true},
		{"another class", []string{public, `applies: resource.class == "database"`}, nil, hides(resource.Anyone), false},
		{"another name", []string{public, `applies: resource.name == "x"`}, nil, hides(resource.Anyone), false},
		{"a setting of no interest", []string{public}, nil, encryption, false},
		{"a needed setting", []string{`require: settings.cipher != ""`, needs}, nil, encryption, true},
		{"a setting that is known", []string{`require: settings.cipher != ""`, needs}, func(b *resource.Resource) { b.Set("cipher", "", resource.Evidence{}) }, encryption, false},
		{"a setting that cannot matter", []string{`require: settings.cipher != "" || exposure.level == level.private`, needs}, nil, encryption, false},
		{"exposure, for a policy about settings", []string{`require: settings.cipher != ""`, needs}, nil, hides(resource.Anyone), false},
		{"a policy of both", []string{`require: settings.cipher != "" || exposure.level == level.private`, needs}, nil, hides(resource.Anyone), true},
	} {
		set := mustLoad(t, append(c.lines, "asks: all")...).For(Verdict)
		store := bucket(c.edit)
		store.Gaps = []resource.Gap{c.gap}
		if got := set.Wants(store, c.gap); got != c.want {
			t.Errorf("%s: got %t, want %t", c.name, got, c.want)
		}
	}
}

// TestFinding holds that a finding is complete.
func TestFinding(t *testing.T) {
	store := bucket(func(b *resource.Resource) {
		b.Grants = []resource.Grant{grant(resource.Anyone, "acl", resource.Read), grant(resource.Anyone, "policy", resource.Write)}
		b.Guards = []resource.Guard{
			{Name: "acl block", On: []resource.Channel{"acl"}, Cap: shut},
			{Name: "policy block", On: []resource.Channel{"policy"}, Cap: shut},
		}
		b.Set("cipher", "aes", resource.Evidence{Call: "s3:GetBucketEncryption"})
		b.Set("acls_enabled", true, resource.Evidence{})
	})
	set := mustLoad(t, "looks: {can: [read]}", `require: exposure.level < level.tenant && settings.cipher != ""`, "needs: [cipher]",
		"fix: {aws.s3.bucket: Close it.}", "severity: low")
	_, got := outcome(set, store)
	want := finding.Finding{
		ID: finding.NewID("sample", store.ID), Policy: "sample", Title: "A sample", Severity: finding.Low,
		Outcome: finding.Pass, Why: "Because.",
		Paths:    []exposure.Path{{Grant: store.Grants[0], Guards: []string{"acl block"}}},
		Guards:   store.Guards[:1],
		Latent:   []exposure.Latent{{Without: []string{"acl block"}, Level: exposure.Public}},
		Settings: map[string]resource.Setting{"cipher": store.Settings["cipher"]},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("passing (-want +got):\n%s", diff)
	}
	store.Guards = nil
	if _, got = outcome(set, store); got.Fix != "Close it." || got.Exposure != (exposure.Range{Least: exposure.Public, Most: exposure.Public}) {
		t.Errorf("failing: fix %q, exposure %s", got.Fix, got.Exposure)
	}

	// A guard that spares the question is the proof of a pass without grants.
	unread := bucket(func(b *resource.Resource) {
		b.Guards = []resource.Guard{{Name: "account block", On: []resource.Channel{"policy"}, Cap: shut}}
		b.Gaps = []resource.Gap{{Call: "c", Reason: resource.NotAsked, Hides: []resource.Hidden{{Via: "policy", To: resource.Anyone}}}}
	})
	if got, f := outcome(mustLoad(t), unread); got != finding.Pass || len(f.Guards) != 1 {
		t.Errorf("guarded and not asked: %s by %d guards", got, len(f.Guards))
	}
}

// TestConcurrentUse is for the race detector, and for the bound on what a set
// remembers about kinds.
func TestConcurrentUse(t *testing.T) {
	set := mustLoad(t, `require: settings.cipher == "aes" || exposure.level == level.private`, "needs: [cipher]")
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 2 * maxPlans {
				store := bucket(func(b *resource.Resource) { b.Kind = resource.Kind(fmt.Sprint("k", i*worker)) })
				if got, _ := outcome(set, store); got != finding.Pass {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	group.Wait()
	if n := len(*set.plans.made.Load()); n > maxPlans {
		t.Errorf("%d plans are remembered", n)
	}
}

func TestSelect(t *testing.T) {
	set := mustLoad(t)
	for _, pattern := range []string{"sample", "s*", "sampl?"} {
		if got, err := set.Select(pattern); err != nil || len(got.Policies()) != 1 {
			t.Errorf("select %q: %v, %v", pattern, got.Policies(), err)
		}
	}
	for pattern, want := range map[string]string{
		"sampel": `select policies: no policy is called "sampel" (did you mean "sample"?)`,
		"x*":     `select policies: no policy is called "x*"`,
		"[":      `select policies: "[" is not a pattern: syntax error in pattern`,
	} {
		if _, err := set.Select("sample", pattern); err == nil || err.Error() != want {
			t.Errorf("select %q: %v, want %s", pattern, err, want)
		}
	}
	if d, err := ParseDepth("full"); d != Full || err != nil {
		t.Errorf("depth: %q, %v", d, err)
	}
	if _, err := ParseDepth("deep"); err == nil {
		t.Error("depth deep is read")
	}
	if set.Depth() != Full || set.For(Verdict).Depth() != Verdict {
		t.Error("a set does not know its depth")
	}
}

// recordings is a Givens of stores by name.
type recordings map[string][]resource.Resource

func (r recordings) Given(_ context.Context, name, denied string, depth Depth, want *Set) ([]resource.Resource, error) {
	stores, ok := r[name+" "+denied]
	if !ok || depth != want.Depth() || len(want.Policies()) != 1 {
		return nil, errors.New("no such recording")
	}
	return stores, nil
}

func TestExamples(t *testing.T) {
	open := *between(exposure.Public, exposure.Public)
	other := open
	other.Name, other.ID = "other", "arn:aws:s3:::other"
	given := recordings{
		"aws/s3bucket/open ":                {open},
		"aws/s3bucket/open s3:GetBucketAcl": {*between(exposure.Private, exposure.Public)},
		"aws/s3bucket/two ":                 {open, other},
	}
	text := sound + `  - {name: d, given: aws/s3bucket/lost, want: pass}
  - {name: e, given: aws/s3bucket/two, want: fail}
  - {name: f, given: aws/s3bucket/two, store: other, want: fail}
  - {name: g, given: aws/s3bucket/two, store: third, want: fail}
  - {name: h, given: {class: queue}, want: none, depth: full}
  - {name: i, given: {class: bucket}, want: fail}
`
	set, err := loadText(text)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range set.Test(t.Context(), "sample", given) {
		got = append(got, fmt.Sprintf("%s %s %t %v", r.Example.Name, r.Got, r.OK(), r.Err))
	}
	want := []string{
		"a pass true <nil>",
		"b fail true <nil>",
		"c unknown true <nil>",
		`d none false run example "d" of policy sample: no such recording`,
		`e fail false run example "e" of policy sample: 2 stores are concerned: choose one with store`,
		"f fail true <nil>",
		`g none false run example "g" of policy sample: "aws/s3bucket/two" holds no store "third"`,
		"h none true <nil>",
		"i pass false <nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if r := set.Test(t.Context(), "", nil)[1]; r.Err == nil {
		t.Error("a recording is run without recordings")
	}
	if r := set.Test(t.Context(), "other", given); r != nil {
		t.Errorf("examples of another policy: %v", r)
	}
}
