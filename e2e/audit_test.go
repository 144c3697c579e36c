//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/andon-audit/andon/e2e/internal/andon"
)

const (
	bucketKind = "aws.s3.bucket"
	pointKind  = "aws.s3.access_point"
	multiKind  = "aws.s3.multi_region_access_point"
	lambdaKind = "aws.s3.object_lambda_access_point"
	directory  = "aws.s3.directory_bucket"
)

// TestVerdicts builds each account and compares every verdict, at both depths,
// with what AWS's rules make of the store.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, e := range estates {
		t.Run(e.account, func(t *testing.T) {
			t.Parallel()
			e.build(t, newFront(t))
			for _, depth := range []string{"verdict", "full"} {
				t.Run(depth, func(t *testing.T) {
					f := newFront(t)
					r, out := audit(t, f.URL, e, "--depth", depth)
					e.compare(t, r, depth)
					if want := e.exit(depth); out.Exit != want {
						t.Errorf("exit %d, want %d; stderr: %s", out.Exit, want, out.Stderr)
					}
					checkReadOnly(t, f.seen())
					checkCalls(t, e, r, f.seen(), depth)
				})
			}
		})
	}
}

// row is what the tables say of one store.
type row struct {
	kind, name, region string
	expected
}

func (e *estate) rows() []row {
	var rows []row
	for _, b := range e.buckets {
		rows = append(rows, row{bucketKind, b.name, cmp.Or(b.region, home), b.expected})
	}
	for _, p := range e.points {
		kind, region := pointKind, home
		if p.multi {
			kind, region = multiKind, ""
		}
		rows = append(rows, row{kind, p.name, region, p.expected})
	}
	for _, h := range e.holdings {
		rows = append(rows, row{h.kind, h.name, h.region, h.expected})
	}
	return rows
}

// compare holds a report against the tables: nothing missing, nothing extra,
// every verdict as stated.
func (e *estate) compare(t *testing.T, r *andon.Report, depth string) {
	t.Helper()
	reported := make(map[string]andon.Store)
	for _, s := range r.Stores {
		key := s.Kind + " " + s.Name
		if _, twice := reported[key]; twice {
			t.Errorf("%s is reported twice", key)
		}
		reported[key] = s
	}
	for _, want := range e.rows() {
		key := want.kind + " " + want.name
		s, ok := reported[key]
		if !ok {
			t.Errorf("%s is missing", key)
			continue
		}
		delete(reported, key)
		want.compare(t, s, depth)
		if s.Scope.Account != e.account || s.Scope.Region != want.region {
			t.Errorf("%s is in %s %s, want %s %s", key, s.Scope.Account, s.Scope.Region, e.account, want.region)
		}
	}
	for key := range reported {
		t.Errorf("%s is extra: nobody made it", key)
	}
}

// at is the level that a depth must show.
func (want row) at(depth string) string {
	if depth == "verdict" {
		return cmp.Or(want.quick, want.want)
	}
	return want.want
}

func (want row) compare(t *testing.T, s andon.Store, depth string) {
	t.Helper()
	got, level := s.Settled, want.at(depth)
	if got.String() != level {
		t.Errorf("%s %s at depth %s: got %s, want %s, because %s (missing: %v)", want.kind, want.name, depth, got, level, want.why, s.Missing)
	}
	if !s.Exposure.Holds(want.want) {
		t.Errorf("%s %s at depth %s: the truth, %s, is outside what andon thinks possible, %s", want.kind, want.name, depth, want.want, s.Exposure)
	}
	if isOpen(level) && !slices.ContainsFunc(s.Findings, andon.Finding.Alarms) {
		t.Errorf("%s %s at depth %s is %s, and no policy of high severity fails", want.kind, want.name, depth, level)
	}
	if level == "public" && !slices.ContainsFunc(s.Grants, func(g andon.Grant) bool { return g.Opens.Least == "public" && g.Witness != nil }) {
		t.Errorf("%s %s is public, and no grant of it has a witness", want.kind, want.name)
	}
}

// exit derives the exit code from the tables.
func (e *estate) exit(depth string) int {
	exposed, open := false, false
	for _, want := range e.rows() {
		level := want.at(depth)
		exposed = exposed || isOpen(level)
		open = open || strings.Contains(level, "..")
	}
	switch {
	case exposed && open:
		return 5
	case exposed:
		return 3
	case open:
		return 4
	}
	return 0
}

// isOpen reports whether a level means strangers.
func isOpen(level string) bool { return level == "public" || level == "tenant" }

// question matches the names of the calls that ask for configuration. The
// services that are not S3 take them as a POST.
var question = regexp.MustCompile(`^[a-z0-9]+:(Describe|List|Get)[A-Za-z]+$`)

// answers are calls with the name of a question that give out data, or
// credentials. (Of sts:AssumeRole andon lives.)
var answers = []string{
	"secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue", "kinesis:GetRecords", "kinesis:GetShardIterator", "dynamodb:GetItem",
	"ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "redshift:GetClusterCredentials", "kms:GetPublicKey", "glacier:GetJobOutput",
}

// checkReadOnly reads the front's notes: andon may ask for configuration, and
// for nothing else.
func checkReadOnly(t *testing.T, notes []note) {
	t.Helper()
	if len(notes) == 0 {
		t.Error("the front saw no request at all")
	}
	for _, n := range notes {
		known := question.MatchString(n.call) && !slices.Contains(answers, n.call) || n.call == "sts:AssumeRole"
		s3 := strings.HasPrefix(n.call, "s3:") || strings.HasPrefix(n.call, "s3control:")
		if known && (n.method == http.MethodGet || n.method == http.MethodPost && !s3) {
			continue
		}
		t.Errorf("andon sent %s %s (%s), which does not read configuration", n.method, n.target, n.call)
	}
}

// budget is what a bucket may cost in the default depth. It is one more than on
// Amazon's own endpoint, where the ACL itself shows that ACLs are disabled.
const budget = 5

// networkCalls describe the network of a whole region. All stores in it share the
// answers.
var networkCalls = []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeRouteTables", "ec2:DescribeNetworkAcls"}

// checkCalls holds the report's count of calls against what came by, and the
// calls for each bucket against the budget.
func checkCalls(t *testing.T, e *estate, r *andon.Report, notes []note, depth string) {
	t.Helper()
	if r.Summary.Calls != len(notes) {
		t.Errorf("andon counts %d calls, the front saw %d", r.Summary.Calls, len(notes))
	}
	came, perBucket := make(map[string]int), make(map[string]int)
	for _, n := range notes {
		came[n.call]++
		if strings.HasPrefix(n.call, "s3:") && n.of != "" {
			perBucket[n.of]++
		}
	}
	for call, n := range came {
		if r.Summary.ByCall[call] != n {
			t.Errorf("andon counts %d calls of %s, the front saw %d", r.Summary.ByCall[call], call, n)
		}
	}
	for _, call := range networkCalls {
		if n := came[call]; n > 1 {
			t.Errorf("%s was asked %d times about one region", call, n)
		}
	}
	for _, b := range e.buckets {
		s := r.Store(t, b.name)
		most := s.Calls
		for _, p := range e.points {
			if p.bucket == b.name {
				most += r.Store(t, p.name).Calls // an access point asks about the bucket behind it, on its own account
			}
		}
		if n := perBucket[b.name]; n < s.Calls || n > most {
			t.Errorf("%s: andon counts %d calls, and at most %d with its access points; the front saw %d", b.name, s.Calls, most, n)
		}
		if depth != "verdict" {
			continue
		}
		if s.Calls > budget {
			t.Errorf("%s: %d calls, want at most %d", b.name, s.Calls, budget)
		}
		if e.block == allFour && s.Calls != 0 {
			t.Errorf("%s is behind the account's whole block and cost %d calls", b.name, s.Calls)
		}
		if b.block == allFour && s.Calls != 1 {
			t.Errorf("%s is behind its own whole block and cost %d calls, want 1", b.name, s.Calls)
		}
	}
}

// TestExplain reads the evidence of single stores as a person would.
func TestExplain(t *testing.T) {
	t.Parallel()
	e := &estate{account: "666666666666", buckets: []bucket{
		{name: "explain-policy", policy: worldPolicy}, {name: "explain-acl", acl: worldRead}, {name: "explain-blocked", policy: worldPolicy, block: allFour},
	}}
	f := newFront(t)
	e.build(t, f)
	for name, want := range map[string][]string{
		"explain-policy":  {"WITNESS", "anonymous", "s3:GetBucketPolicy", "/Statement/0"},
		"explain-acl":     {"WITNESS", "anonymous", "s3:GetBucketAcl", "AllUsers"},
		"explain-blocked": {"RestrictPublicBuckets=true"},
	} {
		out := andon.Run(t, command(t, f.URL, slices.Concat([]string{"explain", name, "--role-arn", e.role()}, e.selection())...))
		for _, word := range want {
			if !strings.Contains(out.Stdout, word) {
				t.Errorf("andon explain %s does not say %q:\n%s%s", name, word, out.Stdout, out.Stderr)
			}
		}
	}
}

// TestBareServer leaves the front out. moto does not know who pays for requests,
// Object Lambda access points or directory buckets: andon must say so, and must
// call nothing safer than it is on that account.
func TestBareServer(t *testing.T) {
	e := &estate{account: bareAccount, buckets: []bucket{
		{name: "bare-open", policy: worldPolicy, expected: expected{want: "public", why: "its policy lets in anyone"}},
		{name: "bare-acl", acl: worldRead, expected: expected{want: "public", why: "its ACL lets in anyone"}},
		{name: "bare-closed", block: allFour, policy: worldPolicy, expected: expected{want: "private", why: "its block closes the policy"}},
		{name: "bare-private", expected: expected{want: "private", why: "nothing opens it"}},
	}, points: []accessPoint{
		{name: "bare-point", bucket: "bare-private", expected: expected{want: "private", why: "it has no policy"}},
	}}
	e.build(t, newFront(t))
	before := len(server.requests())
	r, out := audit(t, server.url, e, "--depth", "full")
	for _, want := range e.rows() {
		if s := r.Store(t, want.name); !s.Exposure.Holds(want.want) {
			t.Errorf("%s: the truth, %s, is outside what andon thinks possible, %s", want.name, want.want, s.Exposure)
		}
	}
	if out.Exit != 5 || !r.Summary.Incomplete {
		t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
	}
	for _, kind := range []string{lambdaKind, directory} {
		if !slices.ContainsFunc(r.Summary.Coverage, func(c andon.Coverage) bool { return c.Kind == kind && c.State != "complete" }) {
			t.Errorf("the report does not say that %s could not be listed", kind)
		}
	}
	if n := len(r.Stores); n != len(e.rows()) {
		t.Errorf("%d stores are reported, the account has %d: %s", n, len(e.rows()), names(r))
	}
	checkServerLog(t, server.requests()[before:])
}

// checkServerLog reads moto's own log, which no front can have touched.
func checkServerLog(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		_, request, ok := strings.Cut(line, `"`)
		request = strings.TrimPrefix(request, "\x1b[33m")
		method, path, _ := strings.Cut(request, " ")
		if ok && method != http.MethodGet && (method != http.MethodPost || !strings.HasPrefix(path, "/ ")) {
			t.Errorf("moto was sent something else than a question: %s", line)
		}
	}
}

func names(r *andon.Report) string {
	count := make(map[string]int)
	for _, s := range r.Stores {
		count[s.Kind+" "+s.Name]++
	}
	return fmt.Sprint(count)
}
