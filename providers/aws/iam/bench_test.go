package iam

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkCases parses a labelled case and decides all of its classes. The
// promise is at least 20,000 policies a second on one core at the median.
func BenchmarkCases(b *testing.B) {
	type job struct {
		text   []byte
		target Target
	}
	var jobs []job
	for _, c := range loadCases(b) {
		if p, err := Parse(c.Policy); err == nil && c.Kind != "validity" {
			jobs = append(jobs, job{c.Policy, c.target(p)})
		}
	}
	took := make([]time.Duration, 0, 1<<16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		j := jobs[i%len(jobs)]
		start := time.Now()
		p, err := Parse(j.text)
		if err != nil {
			b.Fatal(err)
		}
		DecideAll(p, j.target)
		if took = append(took, time.Since(start)); len(took) == cap(took) {
			took = took[:0]
		}
	}
	slices.Sort(took)
	if len(took) > 0 {
		median := took[len(took)/2]
		b.ReportMetric(float64(median.Nanoseconds()), "median-ns")
		b.ReportMetric(float64(time.Second/max(median, 1)), "policies/s-at-median")
	}
}

// hostilePolicies try to make the engine take for ever: exponential automata,
// deep lists of denials that can be escaped in many ways, and sheer size.
func hostilePolicies() map[string]string {
	statement := func(effect, action, resource, condition string) string {
		return fmt.Sprintf(`{"Effect":%q,"Principal":"*","Action":%q,"Resource":%q,"Condition":{%s}}`, effect, action, resource, condition)
	}
	document := func(statements []string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	all := make(map[string]string)

	list := []string{statement("Allow", "s3:GetObject", "arn:aws:s3:::data/*", "")}
	for i := range 60 {
		list = append(list, statement("Deny", "s3:GetObject", fmt.Sprintf("arn:aws:s3:::data/*%c?????????????????????%c*", 'a'+i%26, 'z'-i%25), ""))
	}
	all["exponential globs"] = document(list)

	all["an exponential product"] = document([]string{
		statement("Allow", "s3:GetObject", "arn:aws:s3:::data/*", `"StringLike":{"aws:Referer":"*a`+strings.Repeat("?", 25)+`b"}`),
		statement("Deny", "s3:GetObject", "*", `"StringLike":{"aws:Referer":["*b"]}`),
	})

	list = []string{statement("Allow", "s3:GetObject", "*", "")}
	for i := range 30 {
		list = append(list, statement("Deny", "*", "*", fmt.Sprintf(`"StringNotEquals":{"aws:RequestTag/a%d":"v","aws:RequestTag/b%d":"v"}`, i, i)))
	}
	for _, x := range []string{"StringEquals", "StringNotEquals"} {
		for _, y := range []string{"StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"} {
			list = append(list, statement("Deny", "*", "*", fmt.Sprintf(`%q:{"aws:Referer":"v"},%q:{"aws:UserAgent":"v"},"Null":{"aws:SourceIp":"false"}`, x, y)))
		}
	}
	all["a contradiction after thirty choices"] = document(list)

	list = []string{statement("Allow", "s3:*", "*", `"StringLike":{"aws:UserAgent":"*a*b*c*"}`)}
	for i := range 90 {
		list = append(list, statement("Deny", "s3:*", "*", fmt.Sprintf(
			`"StringLike":{"aws:UserAgent":"*%d*","aws:Referer":"*%d*","s3:prefix":"?*%d"},"StringNotLike":{"s3:delimiter":"*%d"}`, i, i, i, i)))
	}
	all["deep denials"] = document(list)

	list = []string{statement("Allow", "s3:GetObject", "arn:aws:s3:::data/*", `"StringLike":{"aws:Referer":["x","y"],"aws:UserAgent":["x","y"]}`)}
	for i := range 24 {
		list = append(list, statement("Deny", "s3:GetObject", "*", fmt.Sprintf(
			`"StringEquals":{"aws:Referer":%q,"aws:UserAgent":%q,"aws:RequestTag/k%d":"v"}`, []string{"x", "y"}[i%2], []string{"x", "y"}[i/2%2], i)))
		list = append(list, statement("Deny", "s3:GetObject", "*", fmt.Sprintf(`"StringNotEquals":{"aws:RequestTag/k%d":"v"}`, i)))
	}
	all["denials that close each other's ways out"] = document(list)

	var wild []string
	for i := range 2500 {
		wild = append(wild, fmt.Sprintf(`"*%d*"`, i))
	}
	all["thousands of wildcards"] = document([]string{
		statement("Allow", "s3:GetObject", "arn:aws:s3:::data/*", `"StringLike":{"aws:Referer":"*7*77*777*7777*"}`),
		`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:Referer":[` + strings.Join(wild, ",") + `]}}}`,
	})

	var ranges []string
	for i := range 1000 {
		ranges = append(ranges, fmt.Sprintf(`"%d.%d.0.0/17"`, 1+i%200, i%256))
	}
	all["many ranges"] = document([]string{
		statement("Allow", "s3:*", "*", ""),
		`{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":[` + strings.Join(ranges, ",") + `]}}}`,
	})

	var accounts []string
	for i := range 400 {
		accounts = append(accounts, fmt.Sprintf(`"arn:aws:iam::%012d:root"`, 100000000000+i))
	}
	all["many accounts"] = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":[` + strings.Join(accounts, ",") +
		`]},"Action":"s3:*","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*a*b*c*"}}}}`
	all["many accounts and an exponential product"] = document([]string{
		strings.TrimSuffix(strings.TrimPrefix(all["many accounts"], `{"Version":"2012-10-17","Statement":`), `}`),
		statement("Deny", "s3:*", "*", `"StringLike":{"aws:Referer":["*b"]},"StringNotLike":{"s3:prefix":"*a`+strings.Repeat("?", 25)+`b"}`),
		statement("Deny", "s3:*", "*", `"StringNotLike":{"aws:Referer":"*a`+strings.Repeat("?", 25)+`b"}`),
	})
	return all
}

// No policy may take long or much: it ends Undecided instead.
func TestHostilePoliciesEnd(t *testing.T) {
	for name, text := range hostilePolicies() {
		t.Run(name, func(t *testing.T) {
			if len(text) > 60<<10 {
				t.Fatalf("%d bytes is no policy", len(text))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			p, err := Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			var outcomes []string
			for _, d := range DecideAll(p, bucket)[:6] {
				outcomes = append(outcomes, string(d.Class)+" "+string(d.Outcome))
			}
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			t.Logf("%d bytes, %v, %d MiB allocated: %s", len(text), took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, strings.Join(outcomes, ", "))
			if took > 3*time.Second { // a second, on a machine with nothing else to do
				t.Errorf("took %v", took)
			}
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostilePolicies() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, err := Parse([]byte(text))
				if err != nil {
					b.Fatal(err)
				}
				DecideAll(p, bucket)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	var texts []json.RawMessage
	for _, c := range loadCases(b) {
		texts = append(texts, c.Policy)
	}
	for i := 0; b.Loop(); i++ {
		_, _ = Parse(texts[i%len(texts)])
	}
}
