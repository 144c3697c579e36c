//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/andon-audit/andon/e2e/internal/andon"
)

// faulty is a small account: each fault strikes one bucket, and the others must
// be judged as if nothing had happened.
var faulty = &estate{account: "777777777777", buckets: []bucket{
	{name: "faulty", policy: worldPolicy, acl: worldRead, expected: expected{want: "public", why: "its policy and its ACL let in anyone"}},
	{name: "beside-open", policy: worldPolicy, expected: expected{want: "public", why: "its policy lets in anyone"}},
	{name: "beside-closed", policy: worldPolicy, block: allFour, expected: expected{want: "private", why: "its block closes the policy"}},
	{name: "beside-private", expected: expected{want: "private", why: "nothing opens it"}},
}}

func faultyFront(t *testing.T, faults ...*fault) *front {
	t.Helper()
	faulty.build(t, newFront(t))
	return newFront(t, faults...)
}

const truncated = `<?xml version="1.0" encoding="UTF-8"?><AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>75aa57f0`

// TestFaults breaks one answer at a time. A fault may only widen the verdict
// over the store it strikes, and must be told.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   fault
		verdict string // of the bucket "faulty"
		reason  string // why its question has no answer
		exit    int
	}{
		"policy denied": {
			fault{call: "s3:GetBucketPolicy", of: "faulty", answer: s3Error(http.StatusForbidden, "AccessDenied")}, "unknown", "denied", 5,
		},
		"ACL denied": {
			fault{call: "s3:GetBucketAcl", of: "faulty", answer: s3Error(http.StatusForbidden, "AccessDenied")}, "public", "denied", 5,
		},
		"block denied": {
			fault{call: "s3:GetPublicAccessBlock", of: "faulty", answer: s3Error(http.StatusForbidden, "AccessDenied")}, "unknown", "denied", 5,
		},
		"slow down once": {
			fault{call: "s3:GetBucketPolicy", of: "faulty", times: 1, answer: s3Error(http.StatusServiceUnavailable, "SlowDown")}, "public", "", 3,
		},
		"internal error always": {
			fault{call: "s3:GetBucketPolicy", of: "faulty", answer: s3Error(http.StatusInternalServerError, "InternalError")}, "unknown", "error", 5,
		},
		"truncated ACL": {
			fault{call: "s3:GetBucketAcl", of: "faulty", answer: text(truncated)}, "public", "malformed", 5,
		},
		"truncated policy": {
			fault{call: "s3:GetBucketPolicy", of: "faulty", answer: text(`{"Version":"2012-10-17","Stat`)}, "unknown", "malformed", 5,
		},
		"not XML at all": {
			fault{call: "s3:GetPublicAccessBlock", of: "faulty", answer: text("<html>Service unavailable")}, "unknown", "malformed", 5,
		},
		"deleted in between": {
			fault{call: "*", of: "faulty", answer: s3Error(http.StatusNotFound, "NoSuchBucket")}, "gone", "", 3,
		},
		"deleted half way": {
			fault{call: "s3:GetBucketAcl", of: "faulty", answer: s3Error(http.StatusNotFound, "NoSuchBucket")}, "gone", "", 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := faultyFront(t, &c.fault)
			r, out := audit(t, f.URL, faulty, "--depth", "full")
			s := r.Store(t, "faulty")
			if s.Verdict != c.verdict {
				t.Errorf("faulty is %s, want %s", s.Verdict, c.verdict)
			}
			if s.Verdict != "gone" && !s.Exposure.Holds("public") {
				t.Errorf("faulty is %s: the fault made it look safer", s.Exposure)
			}
			if out.Exit != c.exit {
				t.Errorf("exit %d, want %d; stderr: %s", out.Exit, c.exit, out.Stderr)
			}
			if c.reason != "" && !slices.ContainsFunc(s.Missing, func(m andon.Missing) bool { return m.Call == c.fault.call && m.Reason == c.reason }) {
				t.Errorf("the report does not say that %s is missing (%s): %v", c.fault.call, c.reason, s.Missing)
			}
			for _, b := range faulty.buckets[1:] {
				if got := r.Store(t, b.name).Exposure.String(); got != b.want {
					t.Errorf("%s is %s, want %s: the fault of another bucket hid it", b.name, got, b.want)
				}
			}
		})
	}
}

// TestRefusedListing refuses the one call that everything hangs on: the run must
// not look like an empty account.
func TestRefusedListing(t *testing.T) {
	t.Parallel()
	f := faultyFront(t, &fault{call: "s3:ListBuckets", answer: s3Error(http.StatusForbidden, "AccessDenied")})
	r, out := audit(t, f.URL, faulty)
	if out.Exit != 4 || !r.Summary.Incomplete {
		t.Errorf("exit %d, incomplete=%t, want 4 and an incomplete report", out.Exit, r.Summary.Incomplete)
	}
	if !slices.ContainsFunc(r.Summary.Coverage, func(c andon.Coverage) bool {
		return c.Kind == bucketKind && c.State == "refused" && c.Call == "s3:ListBuckets"
	}) {
		t.Error("the report does not say that s3:ListBuckets was refused")
	}
}

// TestRefusedAccountBlock refuses a fact of the whole account: every store it
// may close is unknown, and none is called open or closed without it.
func TestRefusedAccountBlock(t *testing.T) {
	t.Parallel()
	f := faultyFront(t, &fault{call: "s3control:GetPublicAccessBlock", answer: s3Error(http.StatusForbidden, "AccessDenied")})
	r, out := audit(t, f.URL, faulty)
	for name, want := range map[string]string{"faulty": "private..public", "beside-open": "private..public", "beside-closed": "private", "beside-private": "private"} {
		if got := r.Store(t, name).Settled.String(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if out.Exit != 4 {
		t.Errorf("exit %d, want 4", out.Exit)
	}
}

// TestRefusedOrganisation refuses the name of the owner's organisation: a policy
// that names one may then mean the owner's or somebody else's.
func TestRefusedOrganisation(t *testing.T) {
	t.Parallel()
	e := &estate{account: "999999999990", buckets: []bucket{
		{name: "some-organisation", policy: policy(allow(anyone, reading, when("StringEquals", "aws:PrincipalOrgID", "o-exampleorg1")))},
	}}
	e.build(t, newFront(t))
	f := newFront(t, &fault{call: "organizations:DescribeOrganization", answer: denied})
	r, out := audit(t, f.URL, e)
	if got := r.Store(t, "some-organisation").Exposure.String(); got != "private..shared" {
		t.Errorf("some-organisation is %s, want private..shared", got)
	}
	if out.Exit != 4 {
		t.Errorf("exit %d, want 4", out.Exit)
	}
}

// TestRefusedNetwork refuses one fact about the network of a region at a time:
// whatever it could close may be open, and nothing else changes.
func TestRefusedNetwork(t *testing.T) {
	t.Parallel()
	e := estateOf(t, databaseAccount)
	e.build(t, newFront(t))
	flags := []string{"--kind", instanceKind, "--region", ireland}
	for _, call := range networkCalls {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			r, out := auditRaw(t, newFront(t, &fault{call: call, answer: unauthorised}).URL, e, flags...)
			for _, want := range instances {
				s := r.Store(t, want.name)
				if !s.Exposure.Holds(want.want) {
					t.Errorf("%s: the truth, %s, is outside what andon thinks possible, %s", want.name, want.want, s.Exposure)
				}
			}
			for name, want := range map[string]string{"db-open": "private..reachable", "db-hidden": "private"} {
				if got := r.Store(t, name).Settled.String(); got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
			if !slices.ContainsFunc(r.Store(t, "db-open").Missing, func(m andon.Missing) bool { return m.Call == call && m.Reason == "denied" }) {
				t.Errorf("the report does not say that %s was denied: %v", call, r.Store(t, "db-open").Missing)
			}
			if !r.Summary.Incomplete || out.Exit != 4 && out.Exit != 5 {
				t.Errorf("exit %d, incomplete=%t, want 4 or 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
			}
		})
	}
	t.Run("rds:DescribeDBInstances", func(t *testing.T) {
		t.Parallel()
		f := newFront(t, &fault{call: "rds:DescribeDBInstances", answer: unauthorised})
		r, out := auditRaw(t, f.URL, e, flags...)
		if out.Exit != 4 || !r.Summary.Incomplete {
			t.Errorf("exit %d, incomplete=%t, want 4 and an incomplete report", out.Exit, r.Summary.Incomplete)
		}
		if slices.ContainsFunc(f.seen(), func(n note) bool { return slices.Contains(networkCalls, n.call) }) {
			t.Error("the network was read, and no store was found in it")
		}
	})
}

// unauthorised refuses as EC2 does, or as the other services of the query protocol.
func unauthorised(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusForbidden)
	const failed = `<Error><Type>Sender</Type><Code>%s</Code><Message>broken on purpose</Message></Error>`
	if serviceOf(r) == "ec2" {
		fmt.Fprintf(w, `<Response><Errors>`+failed+`</Errors><RequestID>e2e</RequestID></Response>`, "UnauthorizedOperation")
		return
	}
	fmt.Fprintf(w, `<ErrorResponse>`+failed+`<RequestId>e2e</RequestId></ErrorResponse>`, "AccessDenied")
}

// denied refuses as AWS's JSON services do.
func denied(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"broken on purpose"}`)
}

// TestNoVerdict reaches nothing at all: one sentence, no report, exit 2.
func TestNoVerdict(t *testing.T) {
	t.Parallel()
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + dead.Addr().String()
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	f := faultyFront(t)
	for name, c := range map[string]struct {
		cmd  *exec.Cmd
		says string
	}{
		"dead port":          {command(t, endpoint, "audit"), "refused"},
		"no credentials":     {unsigned(command(t, f.URL, "audit")), "credentials"},
		"unknown flag":       {command(t, f.URL, "audit", "--no-such-flag"), "--no-such-flag"},
		"unknown region":     {command(t, f.URL, "audit", "--region", "mars-north-1"), "mars-north-1"},
		"unknown depth":      {command(t, f.URL, "audit", "--depth", "abyss"), "abyss"},
		"endpoint not a URL": {command(t, "not a url", "audit"), "not a url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := andon.Run(t, c.cmd)
			if out.Exit != 2 {
				t.Errorf("exit %d, want 2", out.Exit)
			}
			said := strings.TrimSpace(out.Stderr)
			if !strings.Contains(said, c.says) || strings.Count(said, "\n") > 1 || strings.Contains(said, "goroutine ") {
				t.Errorf("stderr should be one clear sentence that names %q:\n%s", c.says, out.Stderr)
			}
			if out.Stdout != "" {
				t.Errorf("a report although there is no verdict:\n%s", out.Stdout)
			}
		})
	}
}

// unsigned takes the credentials away.
func unsigned(cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool {
		return strings.HasPrefix(v, "AWS_ACCESS_KEY_ID=") || strings.HasPrefix(v, "AWS_SECRET_ACCESS_KEY=")
	})
	return cmd
}

// TestInterrupted sends the two signals to a run that is slow. What was known by
// then is reported, marked incomplete.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal os.Signal
		exit   int
	}{
		"SIGINT":  {os.Interrupt, 130},
		"SIGTERM": {syscall.SIGTERM, 143},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := faultyFront(t, &fault{call: "s3:GetBucketPolicy", of: "faulty", after: 30 * time.Second, answer: s3Error(http.StatusInternalServerError, "InternalError")})
			cmd := command(t, f.URL, slices.Concat([]string{"audit", "--format", "json", "--role-arn", faulty.role()}, faulty.selection())...)
			stdout, err := os.Create(t.TempDir() + "/report.json")
			if err != nil {
				t.Fatal(err)
			}
			cmd.Stdout = stdout
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			await(t, f, note{call: "s3:GetBucketPolicy", of: "faulty"})
			began := time.Now()
			if err := cmd.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			if _, ok := errors.AsType[*exec.ExitError](err); !ok || cmd.ProcessState.ExitCode() != c.exit {
				t.Errorf("exit %d, want %d (%v)", cmd.ProcessState.ExitCode(), c.exit, err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("andon took %v to end", took)
			}
			text, err := os.ReadFile(stdout.Name())
			if err != nil {
				t.Fatal(err)
			}
			r := andon.Read(t, string(text))
			if !r.Summary.Incomplete || r.Summary.Exit != c.exit || r.Summary.Reason == "" {
				t.Errorf("the report does not say that it was cut short: %+v", r.Summary)
			}
			for _, s := range r.Stores {
				if s.Name == "faulty" && !s.Exposure.Holds("public") {
					t.Errorf("faulty was not read and is called %s", s.Exposure)
				}
			}
		})
	}
}

// await waits until a request has come by.
func await(t *testing.T, f *front, want note) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if slices.ContainsFunc(f.seen(), func(n note) bool { return n.call == want.call && n.of == want.of }) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s was never asked about %s", want.call, want.of)
}

// TestFormats compares what the three formats say of one account.
func TestFormats(t *testing.T) {
	t.Parallel()
	f := faultyFront(t)
	lines := andon.Run(t, command(t, f.URL, slices.Concat([]string{"audit", "--format", "ndjson", "--role-arn", faulty.role()}, faulty.selection())...))
	for line := range strings.Lines(lines.Stdout) {
		var member struct{ Type string }
		if err := json.Unmarshal([]byte(line), &member); err != nil || member.Type == "" {
			t.Errorf("a line of NDJSON is no typed object: %v: %s", err, line)
		}
	}
	table := andon.Run(t, command(t, f.URL, slices.Concat([]string{"audit", "--role-arn", faulty.role()}, faulty.selection())...))
	for _, b := range faulty.buckets[:2] {
		for _, out := range []andon.Said{lines, table} {
			if !strings.Contains(out.Stdout, b.name) {
				t.Errorf("%s is missing:\n%s", b.name, out.Stdout)
			}
		}
	}
	if table.Exit != lines.Exit {
		t.Errorf("exit %d as a table, %d as NDJSON", table.Exit, lines.Exit)
	}
}
