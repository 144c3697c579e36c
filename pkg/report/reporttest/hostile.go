package reporttest

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/exposure"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
)

// Injections are texts that try to do more than be read, by what they try.
var Injections = map[string]string{
	"clear the screen":    "a\x1b[2Jb",
	"set the title":       "a\x1b]0;pwned\x07b",
	"eight-bit control":   "a\u009b31mb",
	"new line":            "a\nCRIT fake\r\nb",
	"new column":          "a\tb",
	"carriage return":     "safe\rpublic",
	"backspace":           "public\b\b\b\b\b\bprivate",
	"delete":              "a\x7fb",
	"null":                "a\x00b",
	"right to left":       "invoice\u202egnp.exe",
	"isolate":             "a\u2066b\u2069c",
	"joiner":              "a\u200db\u200cc",
	"zero width space":    "a\u200bb",
	"byte order mark":     "\ufeffa",
	"line separator":      "a\u2028b\u2029c",
	"tag characters":      "a\U000e0041\U000e0042",
	"variation selector":  "a\ufe0fb\U000e0100",
	"filler":              "a\u3164b\u115fc",
	"braille blank":       "a\u2800b",
	"no-break space":      "a\u00a0b",
	"invalid UTF-8":       "a\xff\xfe\xc3(b",
	"surrogate in UTF-8":  "a\xed\xa0\x80b",
	"stacked marks":       "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307b",
	"mark without letter": "\u0301\u0302a",
	"wide":                "車両位置情報テレマティクス",
	"emoji":               "👩🏽‍🚀🇯🇵",
	"formula":             "=cmd|' /C calc'!A0",
	"markup":              "<script>alert(1)</script>|`$(reboot)`",
}

// Text draws a text that may be an injection, a piece of one, or anything.
func Text(t *rapid.T, label string) string {
	injections := slices.Sorted(maps.Values(Injections))
	return rapid.OneOf(
		rapid.SampledFrom(injections),
		rapid.StringN(0, 40, -1),
		rapid.StringOfN(rapid.SampledFrom([]rune("ab -,/:\x1b\x00\n\t\r\u202e\u200d\u0301車👩\u00a0")), 0, 150, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 30), func(b []byte) string { return string(b) }),
	).Draw(t, label)
}

// Store draws a store of any shape in which every text is foreign.
func Store(t *rapid.T) *finding.Store {
	text := func(label string) string { return Text(t, label) }
	r := resource.Resource{
		ID: resource.ID(text("id")), Kind: "aws.s3.bucket", Class: "bucket", Name: text("name"), Tags: map[string]string{text("key"): text("value")},
		Scope: resource.Scope{Provider: "aws", Account: text("account"), Region: text("region")}, Notes: []string{text("note")},
		Gone: rapid.IntRange(0, 9).Draw(t, "gone") == 0,
	}
	channels := []resource.Channel{"acl", "policy", resource.Channel(text("channel"))}
	channel := rapid.SampledFrom(channels)
	action := rapid.SampledFrom([]resource.Action{resource.List, resource.Read, resource.TakeOver, resource.AnyAction, resource.Action("x" + text("action"))})
	audience := func() resource.Audience {
		return resource.Audience{
			Reach:      resource.Reach(rapid.IntRange(0, int(resource.ReachInternet)).Draw(t, "reach")),
			Credential: resource.Credential(rapid.IntRange(0, int(resource.CredentialNone)).Draw(t, "credential")),
			Named:      []string{text("named"), "999999999999", text("named")}[:rapid.IntRange(0, 3).Draw(t, "named")],
		}
	}
	because := []resource.Evidence{{Call: text("call"), Of: text("of"), Pointer: text("pointer"), Quote: text("quote")}}
	for range rapid.IntRange(0, 3).Draw(t, "grants") {
		r.Grants = append(r.Grants, resource.Grant{
			To: audience(), Can: rapid.SliceOfN(action, 1, 3).Draw(t, "can"), Via: channel.Draw(t, "via"), Because: because, Note: text("narrowed"),
			Witness: &resource.Witness{Principal: text("principal"), Action: text("asks"), Resource: text("of"), Context: map[string]string{text("key"): text("value")}},
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "guards") {
		r.Guards = append(r.Guards, resource.Guard{Name: text("guard"), On: []resource.Channel{channel.Draw(t, "on")}, Cap: audience(), Because: because})
	}
	for range rapid.IntRange(0, 2).Draw(t, "gaps") {
		r.Gaps = append(r.Gaps, resource.Gap{
			Call: text("call"), Permission: text("permission"), Detail: text("detail"), Settings: []string{text("setting")},
			Reason:  rapid.SampledFrom([]resource.Reason{resource.NotAsked, resource.Denied, resource.Undecided, resource.Reason(text("reason"))}).Draw(t, "reason"),
			Hides:   []resource.Hidden{{Via: channel.Draw(t, "via"), To: audience()}},
			Shields: []resource.Shield{{On: []resource.Channel{channel.Draw(t, "on")}, Cap: audience()}},
		})
	}
	r.Set(text("setting"), text("value"), because[0])
	s := &finding.Store{Resource: r}
	if !r.Gone {
		s.Assessment = exposure.Assess(&r)
	}
	for range rapid.IntRange(0, 3).Draw(t, "findings") {
		s.Findings = append(s.Findings, finding.Finding{
			ID: text("finding"), Policy: text("policy"), Title: text("title"), Why: text("why"), Fix: text("fix"), Paths: s.Assessment.Paths, Missing: r.Gaps,
			Severity: finding.Severity(rapid.IntRange(0, int(finding.Critical)).Draw(t, "severity")), Exposure: s.Assessment.Settled,
			Outcome: rapid.SampledFrom([]finding.Outcome{finding.Pass, finding.Fail, finding.Unknown, finding.Waived}).Draw(t, "outcome"), Settings: r.Settings,
		})
	}
	return s
}
