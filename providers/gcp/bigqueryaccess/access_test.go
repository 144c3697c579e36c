package bigqueryaccess

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/andon-audit/andon/pkg/collect"
	"github.com/andon-audit/andon/providers/gcp/api"
	"github.com/andon-audit/andon/providers/gcp/member"
)

var sales = Reference{Project: "tconnect", Dataset: "sales"}

func decode(t *testing.T, entries ...string) *Access {
	t.Helper()
	a, err := Decode(sales, []byte(`{"access": [`+strings.Join(entries, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestPrincipals(t *testing.T) {
	for _, test := range []struct {
		name, entry      string
		role, member, at string
	}{
		{"everybody", `{"role":"READER","iamMember":"allUsers"}`, "roles/bigquery.dataViewer", "allUsers", "/access/0/iamMember"},
		{"every account", `{"role":"WRITER","specialGroup":"allAuthenticatedUsers"}`, "roles/bigquery.dataEditor", "allAuthenticatedUsers", "/access/0/specialGroup"},
		{"owners", `{"role":"OWNER","specialGroup":"projectOwners"}`, "roles/bigquery.dataOwner", "projectOwner:tconnect", "/access/0/specialGroup"},
		{"writers", `{"role":"WRITER","specialGroup":"projectWriters"}`, "roles/bigquery.dataEditor", "projectEditor:tconnect", "/access/0/specialGroup"},
		{"readers", `{"role":"READER","specialGroup":"projectReaders"}`, "roles/bigquery.dataViewer", "projectViewer:tconnect", "/access/0/specialGroup"},
		{"person", `{"role":"READER","userByEmail":"ann@example.com"}`, "roles/bigquery.dataViewer", "user:ann@example.com", "/access/0/userByEmail"},
		{"machine", `{"role":"READER","userByEmail":"x@p.iam.gserviceaccount.com"}`, "roles/bigquery.dataViewer", "serviceAccount:x@p.iam.gserviceaccount.com", "/access/0/userByEmail"},
		{"group", `{"role":"READER","groupByEmail":"g@example.com"}`, "roles/bigquery.dataViewer", "group:g@example.com", "/access/0/groupByEmail"},
		{"domain", `{"role":"READER","domain":"example.com"}`, "roles/bigquery.dataViewer", "domain:example.com", "/access/0/domain"},
		{"legacy role of a condition", `{"role":"READER_withcond_0a1b","iamMember":"allUsers","condition":{"expression":"true"}}`, "roles/bigquery.dataViewer", "allUsers", "/access/0/iamMember"},
		{"role of a condition", `{"role":"roles/bigquery.jobUser_with_conditionalbinding_7a34","iamMember":"allUsers","condition":{"expression":"true"}}`, "roles/bigquery.jobUser", "allUsers", "/access/0/iamMember"},
		{"the mark of a condition that is not there", `{"role":"READER_withcond_0a1b","iamMember":"allUsers"}`, "READER_withcond_0a1b", "allUsers", "/access/0/iamMember"},
		{"no role", `{"iamMember":"allUsers"}`, "", "allUsers", "/access/0/iamMember"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := decode(t, test.entry)
			if len(a.odd) > 0 || len(a.authorised) > 0 || len(a.principals) != 1 {
				t.Fatalf("%+v", a)
			}
			b, p := a.policy().Bindings[0], a.principals[0]
			if got := []string{b.Role, b.Members[0], p.at}; !cmp.Equal(got, []string{test.role, test.member, test.at}) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A special group that nobody knows is a member that nobody knows, whatever it is
// called.
func TestUnknownSpecialGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z:]{1,20}`).Draw(t, "group")
		text, _ := json.Marshal(name)
		a, err := Decode(sales, fmt.Appendf(nil, `{"access": [{"role":"READER","specialGroup":%s}]}`, text))
		if err != nil {
			t.Fatal(err)
		}
		_, known := specialGroups[name]
		if kind := member.Parse(a.principals[0].member).Kind; !known && kind != member.Unknown {
			t.Fatalf("%q is taken for %v", name, kind)
		}
	})
}

func TestAuthorised(t *testing.T) {
	a := decode(t,
		`{"view":{"projectId":"p","datasetId":"d","tableId":"v"}}`,
		`{"routine":{"projectId":"p","datasetId":"d","routineId":"f"}}`,
		`{"dataset":{"dataset":{"projectId":"p","datasetId":"d"},"targetTypes":["VIEWS","ROUTINES","VIEWS"]}}`,
	)
	if d := cmp.Diff([]string{"view p.d.v", "routine p.d.f", "every view of p.d", "every routine of p.d"}, a.Authorised()); d != "" {
		t.Error(d)
	}
	if len(a.odd) > 0 {
		t.Errorf("%+v", a.odd)
	}
}

func TestOddEntries(t *testing.T) {
	for _, test := range []struct {
		entry   string
		through bool
	}{
		{`{"role":"READER"}`, false},
		{`{}`, false},
		{`null`, false},
		{`7`, false},
		{`"allUsers"`, false},
		{`{"role":"READER","someGroup":"x"}`, false},
		{`{"role":"READER","iamMember":7}`, false},
		{`{"role":"READER","iamMember":null}`, false},
		{`{"role":"READER","iamMember":""}`, false},
		{`{"role":["READER"],"iamMember":"user:ann@example.com"}`, false},
		{`{"role":"READER","iamMember":"user:ann@example.com","condition":"never"}`, false},
		{`{"view":{"projectId":"p","datasetId":"d"}}`, true},
		{`{"view":{"projectId":"p","datasetId":"d","tableId":"a/b"}}`, true},
		{`{"view":{"projectId":"p","datasetId":"..","tableId":"a"}}`, true},
		{`{"view":"p.d.v"}`, true},
		{`{"view":null}`, true},
		{`{"routine":{"projectId":"p","datasetId":"d","tableId":"v"}}`, true},
		{`{"dataset":{"dataset":{"projectId":"p","datasetId":"d"}}}`, true},
		{`{"dataset":{"dataset":{"projectId":"p","datasetId":"d"},"targetTypes":["MODELS"]}}`, true},
		{`{"dataset":{"dataset":{"projectId":"p"},"targetTypes":["VIEWS"]}}`, true},
		{`{"dataset":{"dataset":{"projectId":"p","datasetId":"d"},"targetTypes":"VIEWS"}}`, true},
	} {
		a := decode(t, test.entry)
		if len(a.odd) != 1 || a.odd[0].through != test.through {
			t.Errorf("%s: %+v", test.entry, a)
		}
		if len(a.principals) > 0 || len(a.authorised) > 0 {
			t.Errorf("%s is taken for an entry that is understood: %+v", test.entry, a)
		}
	}
}

func TestNoAccessList(t *testing.T) {
	for _, answer := range []string{``, `{}`, `[]`, `null`, `{"access":null}`, `{"access":{}}`, `{"access":"x"}`, `{"type":"DEFAULT"}`} {
		if _, err := Decode(sales, []byte(answer)); !isMalformed(err) {
			t.Errorf("%s: %v", answer, err)
		}
	}
	if a, err := Decode(sales, []byte(`{"access":[]}`)); err != nil || len(a.principals) > 0 || a.shows() {
		t.Errorf("%+v, %v", a, err)
	}
}

func isMalformed(err error) bool {
	_, ok := errors.AsType[*collect.MalformedError](err)
	return ok
}

// FuzzDecode: no answer crashes, and no entry of an access list is lost without a
// word.
func FuzzDecode(f *testing.F) {
	for _, entry := range []string{
		`{"role":"READER","iamMember":"allUsers"}`, `{"view":{"projectId":"p","datasetId":"d","tableId":"v"}}`, `{"role":"READER"}`,
		`{"dataset":{"dataset":{"projectId":"p","datasetId":"d"},"targetTypes":["VIEWS","X"]}}`, `[]`, `{"view":{},"iamMember":"x"}`,
	} {
		f.Add([]byte(`{"access":[` + entry + `],"type":7,"creationTime":"-1"}`))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		a, err := Decode(sales, answer)
		if err != nil {
			if !isMalformed(err) {
				t.Fatal(err)
			}
			return
		}
		var list struct {
			Access []json.RawMessage `json:"access"`
		}
		_ = json.Unmarshal(answer, &list) // it was decoded above
		told := make(map[string]bool)
		tell := func(at string) {
			told[strings.Join(strings.SplitN(strings.TrimSuffix(at, ":"), "/", 4)[:3], "/")] = true
		}
		for _, p := range a.principals {
			tell(p.at)
		}
		for _, x := range a.authorised {
			tell(x.at)
			if !x.about.whole() {
				t.Fatalf("%+v cannot be asked about", x)
			}
		}
		for _, o := range a.odd {
			at, _, _ := strings.Cut(o.detail, ":")
			tell(at)
		}
		if len(told) < len(list.Access) && len(a.authorised) == 0 { // the same thing may be authorised twice
			t.Fatalf("%d entries, of which %d are told of: %s", len(list.Access), len(told), answer)
		}
		if len(a.policy().Bindings) != len(a.principals) {
			t.Fatal("a principal has no binding")
		}
	})
}

// Whatever can be named can be asked about: its path is of a route, with the same
// names in it.
func TestPaths(t *testing.T) {
	word := rapid.StringMatching(`[a-z0-9:.%# ?&+é_-]{1,12}`).Filter(func(s string) bool { return s != "." && s != ".." })
	rapid.Check(t, func(t *rapid.T) {
		r := Reference{Project: word.Draw(t, "project"), Dataset: word.Draw(t, "dataset"), Part: "tables", ID: word.Draw(t, "table")}
		if back, ok := Parse(r.Name()); !ok || back != r {
			t.Fatalf("%q reads as %+v", r.Name(), back)
		}
		route, values, ok := api.Match("bigquery", "POST", r.path()+":getIamPolicy")
		if !ok || route.Call != TablePolicy {
			t.Fatalf("%s is of no route", r.path())
		}
		if values["projectsId"] != r.Project || values["datasetsId"] != r.Dataset || values["tablesId"] != r.ID {
			t.Fatalf("%s names %v", r.path(), values)
		}
	})
}

func TestShelfIsBounded(t *testing.T) {
	var s shelf[int]
	first := s.of("0")
	if s.of("0") != first {
		t.Error("it is asked for twice")
	}
	for i := range 10 * maxShelf {
		s.of(fmt.Sprint(i))
	}
	if len(s.byName) != maxShelf || len(s.oldest) != maxShelf {
		t.Errorf("%d and %d are remembered", len(s.byName), len(s.oldest))
	}
	if s.of("0") == first {
		t.Error("the oldest is still there")
	}
}
