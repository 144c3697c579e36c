package tape

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A tape reads like this.
const sample = `A recorded account; this line is a comment.

-- README --
What the recording shows.
-- sts:GetCallerIdentity us-east-1 --
200
Content-Type: text/xml
Length: 13

<Arn>me</Arn>
-- s3:GetBucketPolicy eu-west-1 {"Bucket":"b"} --
403
Content-Type: application/xml
Length: 0


-- s3:ListBuckets - {} --
200
Length: 4
Body: base64

AP+ACg==
`

func TestParse(t *testing.T) {
	got, err := Parse("sample.txtar", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := &Tape{
		Exchanges: []Exchange{
			{
				Call:   collect.Call{Name: "sts:GetCallerIdentity", Region: "us-east-1"},
				Status: 200, Header: http.Header{"Content-Type": {"text/xml"}}, Body: []byte("<Arn>me</Arn>"),
			},
			{
				Call:   collect.Call{Name: "s3:GetBucketPolicy", Region: "eu-west-1", Input: `{"Bucket":"b"}`},
				Status: 403, Header: http.Header{"Content-Type": {"application/xml"}},
			},
			{
				Call:   collect.Call{Name: "s3:ListBuckets", Input: "{}"},
				Status: 200, Body: []byte("\x00\xff\x80\n"),
			},
		},
		Attached: map[string][]byte{"README": []byte("What the recording shows.\n")},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("tape (-want +got):\n%s", diff)
	}
}

// A damaged recording is never played as a smaller one: the error names the
// file and the line of the section.
func TestDamage(t *testing.T) {
	const (
		identity = "-- sts:GetCallerIdentity us-east-1 --\n200\nLength: 13\n\n<Arn>me</Arn>\n"
		damaged  = "read tape t.txtar:6: recording of s3:ListBuckets is damaged: "
	)
	list := func(rest string) string { return identity + "-- s3:ListBuckets - {} --\n" + rest }
	for name, c := range map[string]struct{ text, want string }{
		"garbage":               {"<html>Sign in</html>", "read tape t.txtar:1: no section in it: not a recording, or a damaged one"},
		"cut in the first name": {"-- sts:GetCallerId", "read tape t.txtar:1: no section in it: not a recording, or a damaged one"},
		"cut after the name":    {list(""), damaged + "no empty line between head and body"},
		"cut in the head":       {list("200\nLength: 1"), damaged + "no empty line between head and body"},
		"cut in the body":       {list("200\nLength: 10\n\n<Buckets"), damaged + "the body has 8 bytes, 10 were recorded"},
		"cut in base64":         {list("200\nLength: 4\nBody: base64\n\nAP+AC"), damaged + "decode body: illegal base64 data at input byte 4"},
		"body too long":         {list("200\nLength: 1\n\nabc\n"), damaged + "the body has 3 bytes, 1 were recorded"},
		"next name swallowed":   {list("200\nLength: 1\n\na\n-- s3:GetB"), damaged + "the body has 12 bytes, 1 were recorded"},
		"no length":             {list("200\n\nabc\n"), damaged + `length "" is not a number`},
		"odd length":            {list("200\nLength: 1e3\n\nabc\n"), damaged + `length "1e3" is not a number`},
		"negative length":       {list("200\nLength: -1\n\n"), damaged + `length "-1" is not a number`},
		"no status":             {list("OK\nLength: 1\n\na\n"), damaged + `"OK" is not an HTTP status`},
		"status out of range":   {list("0\nLength: 1\n\na\n"), damaged + `"0" is not an HTTP status`},
		"a header without name": {list("200\nLength 1\n\na\n"), damaged + `"Length 1" is not a header`},
		"line ends of DOS":      {strings.ReplaceAll(list("200\nLength: 1\n\na\n"), "\n", "\r\n"), "read tape t.txtar:1: recording of sts:GetCallerIdentity is damaged: no empty line between head and body"},
		"after a long comment":  {strings.Repeat("comment\n", 10) + list("OK\n\n"), strings.Replace(damaged, ":6:", ":16:", 1) + `"OK" is not an HTTP status`},
	} {
		t.Run(name, func(t *testing.T) {
			tape, err := Parse("t.txtar", []byte(c.text))
			if err == nil {
				t.Fatalf("read without complaint: %+v", tape)
			}
			if err.Error() != c.want {
				t.Errorf("error %s\nwant  %s", err, c.want)
			}
		})
	}
}

// TestRoundTrip holds that an answer comes back as it was, whatever is in it.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(anyExchange), 1, 4).Draw(t, "exchanges")
		var text []byte
		for _, e := range want {
			text = append(text, e.Format()...)
		}
		tape, err := Parse("t.txtar", text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := cmp.Diff(want, tape.Exchanges, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("read back (-want +got):\n%s\nfrom\n%s", diff, text)
		}
	})
}

// Answers are written as text where that is safe, for those who read and compare
// recordings; an editor or a checkout that changes line ends must not damage them.
func TestReadableBodies(t *testing.T) {
	for body, readable := range map[string]bool{
		"<a>\n  <b>ü</b>\n</a>\n":         true,
		"":                                true,
		"<a>\r\n</a>":                     false,
		"\xff":                            false,
		"-- README --":                    false,
		"x\n-- s3:ListBuckets - {} --\ny": false,
	} {
		text := string(Exchange{Call: acl, Status: 200, Body: []byte(body)}.Format())
		if strings.Contains(text, "Body: base64") == readable {
			t.Errorf("%q is written as\n%s", body, text)
		}
	}
}

// TestTruncation holds that a recording which stops in the middle is noticed,
// wherever that is, unless nothing but whole answers and line ends were lost.
func TestTruncation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(anyExchange), 1, 3).Draw(t, "exchanges")
		var text []byte
		for _, e := range want {
			text = append(text, e.Format()...)
		}
		cut := rapid.IntRange(1, len(text)-1).Draw(t, "cut")
		tape, err := Parse("t.txtar", text[:cut])
		if err != nil {
			return
		}
		if diff := cmp.Diff(want[:len(tape.Exchanges)], tape.Exchanges, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("cut at %d and read as something else (-want +got):\n%s\nfrom\n%s", cut, diff, text[:cut])
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("-- a:b --\n"))
	f.Add([]byte("-- a:b - --\n200\nLength: 0\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tape, err := Parse("t.txtar", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "read tape t.txtar:") {
				t.Fatalf("the error names no line: %v", err)
			}
			return
		}
		for _, e := range tape.Exchanges {
			again, err := Parse("again.txtar", e.Format())
			if err != nil {
				t.Fatalf("%+v cannot be read back: %v", e, err)
			}
			want := Exchange{Call: e.Call, Status: e.Status, Header: keptOnly(e.Header), Body: e.Body}
			if diff := cmp.Diff([]Exchange{want}, again.Exchanges, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("read back (-want +got):\n%s", diff)
			}
		}
	})
}

func keptOnly(header http.Header) http.Header {
	left := make(http.Header)
	for _, key := range kept {
		if value := header.Get(key); value != "" {
			left.Set(key, value)
		}
	}
	return left
}

func anyExchange(t *rapid.T) Exchange {
	return Exchange{
		Call: collect.Call{
			Name:   rapid.SampledFrom([]string{"s3:GetBucketAcl", "sts:GetCallerIdentity"}).Draw(t, "call"),
			Region: rapid.SampledFrom([]string{"", "eu-west-1"}).Draw(t, "region"),
			Input:  rapid.SampledFrom([]string{"", "{}", `{"Bucket":"a -- b"}`, `{"Prefix":" "}`}).Draw(t, "input"),
		},
		Status: rapid.SampledFrom([]int{200, 301, 403, 503}).Draw(t, "status"),
		Header: keptOnly(http.Header{
			"Content-Type": {rapid.SampledFrom([]string{"", "application/xml", "text/html; charset=utf-8"}).Draw(t, "type")},
			"Retry-After":  {rapid.SampledFrom([]string{"", "3"}).Draw(t, "retry")},
		}),
		Body: anyBody(t),
	}
}

// anyBody draws answers that look like the tape they are written to.
func anyBody(t *rapid.T) []byte {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "\n", "\n\n", "\r", "\r\n", "-- s3:GetBucketAcl - {} --", "-- x --", "--  --", "-- ", " --", "200", "Length: 3",
			"Body: base64", "<a>ü</a>", "\xff", "\xc3", "\x00",
		}),
		rapid.String(),
	)
	return []byte(strings.Join(rapid.SliceOfN(piece, 0, 5).Draw(t, "body"), rapid.SampledFrom([]string{"", "\n"}).Draw(t, "joint")))
}
