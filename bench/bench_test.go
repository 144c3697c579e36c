// Package bench measures the built binary as a whole process: time, peak memory
// and API calls over estates far larger than a test would hold. Nothing here
// asserts a time; `make bench` prints figures and their ratio to an ideal.
package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/pkg/finding"
	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws"
	"github.com/andon-audit/andon/providers/aws/awstest"
)

// binary is the program under measurement; `make bench` builds it.
const binary = "../bin/andon"

// outcome is what a run of the binary showed.
type outcome struct {
	wall    time.Duration
	peak    float64 // MiB
	summary finding.Summary
}

// BenchmarkJudge judges an inventory of a million buckets with realistic
// policies, from NDJSON to NDJSON.
func BenchmarkJudge(b *testing.B) {
	const stores = 1_000_000
	inventory := filepath.Join(b.TempDir(), "inventory.ndjson")
	writeInventory(b, inventory, stores)
	size, err := os.Stat(inventory)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		o := run(b, nil, "--inventory", inventory)
		if o.summary.Stores != stores {
			b.Fatalf("judged %d stores, want %d", o.summary.Stores, stores)
		}
		b.ReportMetric(o.wall.Seconds(), "wall-s")
		b.ReportMetric(o.peak, "peak-MiB")
		b.ReportMetric(float64(stores)/o.wall.Seconds(), "stores/s")
		b.ReportMetric(float64(size.Size())/(1<<20), "inventory-MiB")
		b.Logf("verdicts: %v", o.summary.Levels)
	}
}

// BenchmarkCollect audits 10,000 buckets of a loopback AWS that takes 50 ms for
// each answer.
func BenchmarkCollect(b *testing.B) {
	const buckets = 10_000
	_, url := serve(b, manyBuckets(buckets), awstest.WithLatency(latency))
	for b.Loop() {
		audit(b, url, buckets)
	}
}

// BenchmarkEstate audits 10,000 stores of nearly every kind, in the 17 regions of an
// account behind the same latency. Amazon itself is asked a quarter less: what its
// documentation promises is not taken for granted of an endpoint of one's own.
func BenchmarkEstate(b *testing.B) {
	const stores = 10_000
	_, url := serve(b, estate(stores), awstest.WithLatency(latency))
	for b.Loop() {
		o := audit(b, url, stores)
		b.Logf("verdicts: %v", o.summary.Levels)
		for _, c := range o.summary.Coverage {
			if c.State != finding.Complete {
				b.Errorf("%s in %q: %s, %d unread: %s", c.Kind, c.Scope.Region, c.State, c.Unread, c.Detail)
			}
		}
	}
}

// BenchmarkEmpty audits the same account before anybody put anything into it:
// what it costs to find nothing, and which calls a region takes.
func BenchmarkEmpty(b *testing.B) {
	server, url := serve(b, emptyEstate(), awstest.WithLatency(latency))
	for b.Loop() {
		audit(b, url, 0)
		calls := make(map[string]int)
		for _, c := range server.Log() {
			if c.Region == "eu-west-1" { // not the home region, where global services are asked
				calls[c.Operation]++
			}
		}
		total := 0
		for _, n := range calls {
			total += n
		}
		b.ReportMetric(float64(total), "calls/region")
		b.Logf("calls of a region: %v", calls)
	}
}

// latency is what the loopback AWS takes for each answer.
const latency = 50 * time.Millisecond

// audit audits the account behind a URL and reports what it took.
func audit(b *testing.B, url string, stores int) outcome {
	b.Helper()
	o := run(b, []string{"AWS_ENDPOINT_URL=" + url})
	o.report(b, stores)
	return o
}

// report reports what an audit behind that latency took. The ideal is a run that
// waits for as many answers at a time as it may, from the first to the last.
func (o outcome) report(b *testing.B, stores int) {
	b.Helper()
	if o.summary.Stores != stores {
		b.Errorf("audited %d stores, want %d", o.summary.Stores, stores)
	}
	ideal := time.Duration(o.summary.Calls) * latency / collect.DefaultConcurrency
	b.ReportMetric(float64(o.summary.Calls), "calls")
	b.ReportMetric(float64(o.summary.Saved), "saved")
	b.ReportMetric(o.wall.Seconds(), "wall-s")
	b.ReportMetric(o.wall.Seconds()/ideal.Seconds(), "x-ideal")
	b.ReportMetric(o.peak, "peak-MiB")
	b.ReportMetric(float64(stores)/o.wall.Seconds(), "stores/s")
}

// run audits with the binary, writing the report to a pipe that is read as it
// comes and of which only the last line is kept.
func run(b *testing.B, environment []string, args ...string) outcome {
	b.Helper()
	cmd := exec.Command(binary, append([]string{"audit", "--format", "ndjson"}, args...)...)
	cmd.Env = append(environment, "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_REGION=us-east-1", "HOME="+b.TempDir())
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	report, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	started := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatalf("%v (run make build first)", err)
	}
	peak := watchPeak(cmd.Process.Pid)
	last := lastLine(b, bufio.NewReaderSize(report, 1<<20))
	_ = cmd.Wait() // findings make the exit code; the summary holds it
	o := outcome{wall: time.Since(started), peak: peak()}
	if o.peak == 0 {
		b.Fatal("the system does not tell the peak memory of a process")
	}
	if err := json.Unmarshal(last, &o.summary); err != nil {
		b.Fatalf("read summary: %v; stderr: %s", err, complaints.String())
	}
	return o
}

// watchPeak returns a function that tells the largest memory of a process in MiB,
// seen until then. What the system keeps of a process that ended is no use: it
// begins with the memory of the one that started it, the loopback AWS included.
func watchPeak(pid int) (peak func() float64) {
	done, result := make(chan struct{}), make(chan float64)
	go func() {
		largest := 0.0
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone when the process is
			_, after, _ := strings.Cut(string(status), "\nVmHWM:")
			kib := 0.0
			_, _ = fmt.Sscan(after, &kib)
			largest = max(largest, kib/1024)
			select {
			case <-tick.C:
			case <-done:
				tick.Stop()
				result <- largest
				return
			}
		}
	}()
	return func() float64 { close(done); return <-result }
}

func lastLine(b *testing.B, r *bufio.Reader) []byte {
	b.Helper()
	var last, line []byte
	for {
		part, prefix, err := r.ReadLine()
		if err != nil {
			return last
		}
		line = append(line, part...)
		if !prefix {
			last, line = append(last[:0], line...), line[:0]
		}
	}
}

// serve starts a loopback AWS of a world.
func serve(b *testing.B, world string, options ...awstest.Option) (server *awstest.Server, url string) {
	b.Helper()
	parsed, err := awstest.Parse([]byte(world))
	if err != nil {
		b.Fatal(err)
	}
	server = awstest.NewServer(parsed, options...)
	url, stop, err := server.Start()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	return server, url
}

// manyBuckets is the world of an account with generated buckets.
func manyBuckets(buckets int) string {
	return fmt.Sprintf(`
accounts:
  - id: %q
    regions: [us-east-1, eu-west-1]
    generate: {buckets: %d, seed: 1}
`, self, buckets)
}

// sample is how many different buckets an inventory is made of.
const sample = 2_000

// writeInventory writes as many lines as asked: those that collecting a sample
// of generated buckets gives, each again under new names.
func writeInventory(b *testing.B, name string, stores int) {
	b.Helper()
	var lines []string
	var names []string
	for r := range collected(b) {
		line, err := json.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		lines, names = append(lines, string(line)), append(names, r.Name)
	}
	file, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriterSize(file, 1<<20)
	for i := range stores {
		k := i % len(lines)
		_, _ = out.WriteString(strings.ReplaceAll(lines[k], names[k], fmt.Sprintf("store-%07d", i)))
		_ = out.WriteByte('\n')
	}
	fmt.Fprintf(out, `{"coverage":[{"scope":{"provider":"aws","account":"123456789012"},"kind":"aws.s3.bucket","state":"complete","stores":%d,"unread":0}],"finished":"2026-01-01T00:00:00Z"}`+"\n", stores)
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
}

// collected asks everything about a sample of buckets, which is what the
// largest inventory holds.
func collected(b *testing.B) func(yield func(*resource.Resource) bool) {
	b.Helper()
	_, url := serve(b, manyBuckets(sample))
	transport := collect.NewReadOnly(http.DefaultTransport, aws.Calls()...)
	provider, err := aws.Open(b.Context(), aws.Options{Offline: true, Endpoint: url, Transport: transport})
	if err != nil {
		b.Fatal(err)
	}
	return func(yield func(*resource.Resource) bool) {
		runner := collect.Runner{Provider: provider}
		_, err := runner.Run(b.Context(), func(r *resource.Resource) error {
			yield(r)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
