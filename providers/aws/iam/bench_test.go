package iam

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
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

	list = []string{statement("Allow", "s3:*", "*", "")}
	for _, key := range strings.Fields(`prefix delimiter x-amz-acl x-amz-copy-source x-amz-grant-read x-amz-storage-class versionid
		x-amz-server-side-encryption object-lock-mode object-lock-legal-hold locationconstraint destinationRegion RequestObjectTag/a
		ExistingObjectTag/b BucketTag/c x-amz-content-sha256 authType signatureversion x-amz-metadata-directive AccessGrantScope
		JobSuspendedCause logType x-amz-website-redirect-location if-match x-amz-grant-write`) {
		for i := range 4 {
			list = append(list, statement("Deny", "s3:*", "*", fmt.Sprintf(`"StringNotLike":{"s3:%s":"*%d*a?*"},"StringLike":{"aws:Referer":"*%d"}`, key, i, i)))
		}
	}
	all["keys that every action has others of"] = document(list)

	all["a pattern of no action"] = document([]string{statement("Allow", "*0:GetObject", "*", `"IpAddress":{"aws:SourceIp":"54.0.0.0/8"}`)})

	var wild []string
	for i := range 2300 {
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

// decideAll parses a policy and decides all of its classes.
func decideAll(t testing.TB, text string) []Decision {
	t.Helper()
	p, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return DecideAll(p, bucket)
}

// peak returns how much memory work holds at most at one time. The garbage
// collector runs all the while, so that what is counted is what is held.
func peak(work func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	held := func() uint64 {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before, most := held(), uint64(0)
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			most = max(most, held())
			select {
			case <-done:
				return
			default:
				time.Sleep(50 * time.Microsecond)
			}
		}
	}()
	work()
	close(done)
	<-watched
	return most - min(before, most)
}

// No policy may take long or much: it ends Undecided instead. Those of up to 20
// KiB, which is what a bucket takes, end within a second and 64 MiB.
func TestHostilePoliciesEnd(t *testing.T) {
	const limit = 64 << 20
	for name, text := range hostilePolicies() {
		t.Run(name, func(t *testing.T) {
			if len(text) > 20<<10 {
				t.Fatalf("%d bytes is no bucket policy", len(text))
			}
			start := time.Now()
			var outcomes []string
			for _, d := range decideAll(t, text)[:6] {
				outcomes = append(outcomes, string(d.Class)+" "+string(d.Outcome))
			}
			took := time.Since(start)
			held := peak(func() { decideAll(t, text) })
			t.Logf("%d bytes, %v, %.1f MiB: %s", len(text), took.Round(time.Millisecond), float64(held)/(1<<20), strings.Join(outcomes, ", "))
			if took > 3*time.Second { // a second, on a machine with nothing else to do
				t.Errorf("took %v", took)
			}
			if held > limit {
				t.Errorf("held %d bytes", held)
			}
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, text := range hostilePolicies() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decideAll(b, text)
			}
			b.StopTimer()
			b.ReportMetric(float64(peak(func() { decideAll(b, text) }))/(1<<20), "peak-MiB")
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
