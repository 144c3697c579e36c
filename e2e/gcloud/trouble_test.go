//go:build e2e

package gcloud

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/andon-audit/andon/e2e/internal/andon"
	"github.com/andon-audit/andon/providers/gcp/gcptest"
)

// calm is the estate of estate.yaml as it is without any trouble.
func calm(t testing.TB) *andon.Report {
	t.Helper()
	r, _ := audit(t, serve(t, "estate.yaml"), "--organization", organisation, "--depth", "full")
	return r
}

// noneLost holds a troubled report against the calm one of the same depth. A store that is missing
// must be owned up to by the coverage of its kind, and of every other nothing may
// be ruled out that is true. It returns how many are missing.
func noneLost(t *testing.T, calm, troubled *andon.Report) int {
	t.Helper()
	found := troubled.ByKey(t)
	lost := 0
	known := calm.ByKey(t)
	for key, was := range known {
		s, ok := found[key]
		if !ok {
			lost++
			if c := troubled.Covers(t, was.Scope.Account, was.Kind); c.State == "complete" || c.State == "partial" {
				t.Errorf("%s is lost, and its listing is said to be %s", key, c.State)
			}
			continue
		}
		if !s.Exposure.Holds(was.Exposure.String()) {
			t.Errorf("%s: the truth, %s, is outside what andon thinks possible, %s", key, was.Exposure, s.Exposure)
		}
	}
	for key := range found {
		if _, ok := known[key]; !ok {
			t.Errorf("%s is reported, and is not there", key)
		}
	}
	return lost
}

// same holds the stores of a project in two reports against each other.
func same(t *testing.T, calm, troubled *andon.Report, project string) {
	t.Helper()
	found := troubled.ByKey(t)
	for _, was := range calm.Of(project) {
		if s, ok := found[was.Key()]; !ok || s.Verdict != was.Verdict || s.Exposure != was.Exposure {
			t.Errorf("%s is %s %s (found: %t), and %s %s without the trouble of others", was.Key(), s.Verdict, s.Exposure, ok, was.Verdict, was.Exposure)
		}
	}
}

// TestRefusedProject spoils every answer about one project, in each of the ways
// in which that happens. The project beside it is judged as if nothing were, and
// the report is no clean one.
func TestRefusedProject(t *testing.T) {
	t.Parallel()
	undisturbed := calm(t)
	for _, test := range []struct {
		fault gcptest.FaultKind
		says  string // in what coverage says of each listing
		// stocked narrows this to kinds that the project has stores of: an answer
		// without any has nothing in it whose type could be another.
		stocked bool
	}{
		{fault: gcptest.AccessDenied, says: "denied"},
		{fault: gcptest.Perimeter, says: "vpcServiceControlsUniqueIdentifier"},
		{fault: gcptest.Truncated},
		{fault: gcptest.WrongType, stocked: true},
		{fault: gcptest.NotJSON},
	} {
		t.Run(string(test.fault), func(t *testing.T) {
			t.Parallel()
			c := serve(t, "estate.yaml", gcptest.WithFault(gcptest.Fault{Call: "*", Project: "dealers", Kind: test.fault}))
			r, out := audit(t, c, "--organization", organisation, "--depth", "full")
			if out.Exit != 5 || !r.Summary.Incomplete {
				t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report; stderr: %s", out.Exit, r.Summary.Incomplete, out.Stderr)
			}
			same(t, undisturbed, r, "tconnect")
			noneLost(t, undisturbed, r)
			of := undisturbed
			if !test.stocked {
				of = nil
			}
			refused(t, of, r, "dealers", test.says)

			alone, out := audit(t, c, "--project", "dealers")
			if out.Exit != 4 || len(alone.Stores) != 0 {
				t.Errorf("alone: exit %d and %d stores, want 4 and none", out.Exit, len(alone.Stores))
			}
			refused(t, of, alone, "dealers", test.says)
		})
	}
}

// refused checks that no kind of a project passes for listed: of all kinds, or of
// those that another report has stores of.
func refused(t *testing.T, of, r *andon.Report, project, says string) {
	t.Helper()
	listings := 0
	for _, c := range r.Summary.Coverage {
		if c.Scope.Account != project || of != nil && !slices.ContainsFunc(of.Of(project), func(s andon.Store) bool { return s.Kind == c.Kind }) {
			continue
		}
		listings++
		if c.State == "complete" || c.State == "partial" || c.Call == "" || !strings.Contains(c.Detail, says) {
			t.Errorf("%s of %s is %s: %s %q, want a refusal that says %q", c.Kind, project, c.State, c.Call, c.Detail, says)
		}
		if says == "denied" && c.Permission == "" {
			t.Errorf("%s of %s does not say which permission is missing: %q", c.Kind, project, c.Detail)
		}
	}
	if listings == 0 {
		t.Errorf("the report does not speak of %s at all", project)
	}
}

// TestPerimeterInBetween refuses one policy from within a perimeter. That is no
// missing permission, and must not be told as one.
func TestPerimeterInBetween(t *testing.T) {
	t.Parallel()
	c := serve(t, "estate.yaml", gcptest.WithFault(gcptest.Fault{Call: "storage:buckets.getIamPolicy", Subject: "telemetry-2013", Kind: gcptest.Perimeter}))
	r, out := audit(t, c, "--organization", organisation, "--depth", "full")
	if out.Exit != 5 {
		t.Errorf("exit %d, want 5", out.Exit)
	}
	s := r.StoreOf(t, "tconnect", bucketKind, "telemetry-2013")
	if s.Verdict != "unknown" || s.Exposure.String() != "private..public" {
		t.Errorf("telemetry-2013 is %s %s, want unknown private..public", s.Verdict, s.Exposure)
	}
	if !slices.ContainsFunc(s.Missing, func(m andon.Missing) bool {
		return m.Call == "storage:buckets.getIamPolicy" && strings.Contains(m.Detail, "vpcServiceControlsUniqueIdentifier")
	}) {
		t.Errorf("the report does not say that a perimeter refuses: %v", s.Missing)
	}
	noneLost(t, calm(t), r)
}

// TestStorm throttles the first answer to every listing, and to every question for
// a policy of two services, all with Retry-After. Nothing is lost.
func TestStorm(t *testing.T) {
	t.Parallel()
	flags := []string{"--project", "tconnect"}
	undisturbed, _ := audit(t, serve(t, "estate.yaml"), flags...)
	began := time.Now()
	c := serve(t, "estate.yaml", gcptest.WithFault(
		gcptest.Fault{Call: "*.list", Kind: gcptest.Throttle, Times: 1},
		gcptest.Fault{Call: "pubsub:*.getIamPolicy", Kind: gcptest.Throttle, Times: 1},
		gcptest.Fault{Call: "spanner:*.getIamPolicy", Kind: gcptest.Throttle, Times: 1},
	))
	r, out := audit(t, c, flags...)
	if lost := noneLost(t, undisturbed, r); lost != 0 {
		t.Errorf("%d stores are lost in the storm", lost)
	}
	same(t, undisturbed, r, "tconnect")
	if out.Exit != undisturbed.Summary.Exit {
		t.Errorf("exit %d, and %d without the storm", out.Exit, undisturbed.Summary.Exit)
	}
	throttled := 0
	for _, call := range c.server.Log() {
		if call.Fault == gcptest.Throttle {
			throttled++
		}
	}
	t.Logf("%d answers of %d were throttled, in %v", throttled, len(c.server.Log()), time.Since(began).Round(time.Second))
	if throttled < 40 {
		t.Errorf("only %d answers were throttled: that is no storm", throttled)
	}
}

// TestStormWithoutEnd never lets one listing through. Whatever else there is, is
// found, and that one is given up in time and owned up to.
func TestStormWithoutEnd(t *testing.T) {
	t.Parallel()
	c := serve(t, "estate.yaml", gcptest.WithFault(gcptest.Fault{Call: "pubsub:projects.topics.list", Kind: gcptest.Throttle}))
	r, out := audit(t, c, "--organization", organisation, "--depth", "full")
	if out.Exit != 5 || !r.Summary.Incomplete {
		t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
	}
	if lost := noneLost(t, calm(t), r); lost != 4 {
		t.Errorf("%d stores are lost, want the 4 topics", lost)
	}
}

// paging is a request for a page that is not the first.
func paging(r *http.Request) bool { return r.URL.Query().Has("pageToken") }

// TestTornPages breaks off every page but the first of every listing. The stores
// of first pages are there; the listings are not said to be complete.
func TestTornPages(t *testing.T) {
	t.Parallel()
	torn := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !paging(r) {
				next.ServeHTTP(w, r)
				return
			}
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2]) // who hangs up early loses nothing of the test's
		})
	}
	c := front(t, "estate.yaml", torn, gcptest.WithPageSize(pages))
	r, out := audit(t, c, "--project", "tconnect", "--depth", "full")
	undisturbed, _ := audit(t, serve(t, "estate.yaml"), "--project", "tconnect", "--depth", "full")
	if out.Exit != 5 || !r.Summary.Incomplete {
		t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
	}
	lost := noneLost(t, undisturbed, r)
	if lost == 0 {
		t.Error("no page was torn")
	}
	for kind, want := range map[string]int{bucketKind: pages, topicKind: pages, "gcp.bigquery.dataset": pages} {
		if c := r.Covers(t, "tconnect", kind); c.Stores != want || c.State == "complete" {
			t.Errorf("%s: %d stores are counted and the listing is %s, want the %d of the first page and no complete one", kind, c.Stores, c.State, want)
		}
	}
}

// TestEndlessPages answers every request for a further page with the first one,
// whose token leads back to itself. An audit must end, and say what it lacks.
func TestEndlessPages(t *testing.T) {
	t.Parallel()
	circling := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			query := r.URL.Query()
			query.Del("pageToken")
			r.URL.RawQuery = query.Encode()
			next.ServeHTTP(w, r)
		})
	}
	c := front(t, "estate.yaml", circling, gcptest.WithPageSize(pages))
	undisturbed, _ := audit(t, serve(t, "estate.yaml"), "--project", "tconnect", "--depth", "full")
	r, out := audit(t, c, "--project", "tconnect", "--depth", "full")
	// What stands on a page that came twice may be told twice.
	seen := make(map[string]bool)
	r.Stores = slices.DeleteFunc(r.Stores, func(s andon.Store) bool {
		again := seen[s.Key()]
		seen[s.Key()] = true
		return again
	})
	if out.Exit != 5 || !r.Summary.Incomplete {
		t.Errorf("exit %d, incomplete=%t, want 5 and an incomplete report", out.Exit, r.Summary.Incomplete)
	}
	if noneLost(t, undisturbed, r) == 0 {
		t.Error("no listing went in circles")
	}
}
