//go:build e2e

package andon

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Report is what the tests read of andon.report.v1.
type Report struct {
	Stores  []Store `json:"stores"`
	Summary struct {
		Incomplete bool           `json:"incomplete"`
		Reason     string         `json:"reason"`
		Exit       int            `json:"exit"`
		Gone       int            `json:"gone"`
		Calls      int            `json:"calls"`
		ByCall     map[string]int `json:"by_call"`
		Coverage   []Coverage     `json:"coverage"`
	} `json:"summary"`
}

// Store is one store of a report.
type Store struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Scope    Scope     `json:"scope"`
	Verdict  string    `json:"verdict"`
	Settled  Levels    `json:"settled"`
	Exposure Levels    `json:"exposure"`
	Grants   []Grant   `json:"grants"`
	Guards   []Guard   `json:"guards"`
	Findings []Finding `json:"findings"`
	Missing  []Missing `json:"missing"`
	Calls    int       `json:"calls"`
}

// Scope is where a store is.
type Scope struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

// Levels is an interval of levels.
type Levels struct {
	Least string `json:"least"`
	Most  string `json:"most"`
}

// Grant is what lets somebody in.
type Grant struct {
	Via       string     `json:"via"`
	Can       []string   `json:"can"`
	Opens     Levels     `json:"opens"`
	GuardedBy []string   `json:"guarded_by"`
	Note      string     `json:"note"`
	Evidence  []Evidence `json:"evidence"`
	Witness   *Witness   `json:"witness"`
}

// Guard is what keeps others out.
type Guard struct {
	Name string `json:"name"`
}

// Evidence cites an answer.
type Evidence struct {
	Call    string `json:"call"`
	Of      string `json:"of"`
	Pointer string `json:"pointer"`
	Quote   string `json:"quote"`
}

// Witness is a request that would succeed.
type Witness struct {
	Principal string `json:"principal"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
}

// Finding is what a policy says of a store.
type Finding struct {
	Policy   string `json:"policy"`
	Severity string `json:"severity"`
	Outcome  string `json:"outcome"`
}

// Missing is what nobody answered about a store.
type Missing struct {
	Call       string `json:"call"`
	Permission string `json:"permission"`
	Reason     string `json:"reason"`
	Detail     string `json:"detail"`
}

// Coverage is how much of a kind was listed in a scope.
type Coverage struct {
	Scope      Scope  `json:"scope"`
	Kind       string `json:"kind"`
	State      string `json:"state"`
	Call       string `json:"call"`
	Permission string `json:"permission"`
	Detail     string `json:"detail"`
	Stores     int    `json:"stores"`
}

// String spells a range as the tables do.
func (l Levels) String() string {
	if l.Least == l.Most {
		return l.Least
	}
	return l.Least + ".." + l.Most
}

var order = map[string]int{"private": 0, "shared": 1, "reachable": 2, "tenant": 3, "public": 4}

// Holds reports whether every level that want spells is in the range.
func (l Levels) Holds(want string) bool {
	least, most, ranged := strings.Cut(want, "..")
	if !ranged {
		most = least
	}
	return order[l.Least] <= order[least] && order[most] <= order[l.Most]
}

// Alarms reports whether a finding counts in the exit code.
func (f Finding) Alarms() bool {
	return f.Outcome == "fail" && (f.Severity == "critical" || f.Severity == "high")
}

// Key tells a store from every other, of whatever kind.
func (s Store) Key() string { return s.Kind + " " + s.ID }

// Lacks reports whether the report says of a store that a permission is missing.
func (s Store) Lacks(permission string) bool {
	return slices.ContainsFunc(s.Missing, func(m Missing) bool { return slices.Contains(strings.Fields(m.Permission), permission) })
}

// Store returns the first store with a name.
func (r *Report) Store(t testing.TB, name string) Store {
	t.Helper()
	return r.find(t, name, func(s Store) bool { return s.Name == name })
}

// StoreOf returns the store of a kind with a name, in an account.
func (r *Report) StoreOf(t testing.TB, account, kind, name string) Store {
	t.Helper()
	return r.find(t, kind+" "+name+" of "+account, func(s Store) bool {
		return s.Scope.Account == account && s.Kind == kind && s.Name == name
	})
}

func (r *Report) find(t testing.TB, what string, is func(Store) bool) Store {
	t.Helper()
	at := slices.IndexFunc(r.Stores, is)
	if at < 0 {
		t.Fatalf("%s is missing from the report", what)
	}
	return r.Stores[at]
}

// ByKey returns the stores of the report by key, and fails for one that is there
// twice.
func (r *Report) ByKey(t testing.TB) map[string]Store {
	t.Helper()
	out := make(map[string]Store, len(r.Stores))
	for _, s := range r.Stores {
		if _, twice := out[s.Key()]; twice {
			t.Errorf("%s is reported twice", s.Key())
		}
		out[s.Key()] = s
	}
	return out
}

// Of returns the stores of one account.
func (r *Report) Of(account string) []Store {
	return slices.DeleteFunc(slices.Clone(r.Stores), func(s Store) bool { return s.Scope.Account != account })
}

// Covers returns how much of a kind was listed in an account.
func (r *Report) Covers(t testing.TB, account, kind string) Coverage {
	t.Helper()
	for _, c := range r.Summary.Coverage {
		if c.Scope.Account == account && c.Kind == kind {
			return c
		}
	}
	t.Fatalf("the report does not say how much of %s was listed in %s", kind, account)
	return Coverage{}
}

// Read parses a report, after holding it against the published schema.
func Read(t testing.TB, text string) *Report {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("parse report of %d bytes: %v", len(text), err)
	}
	compiled, err := schema()
	if err != nil {
		t.Fatalf("compile the published schema: %v", err)
	}
	if err := compiled.Validate(document); err != nil {
		t.Errorf("the report does not follow andon schema report: %v", err)
	}
	var r Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("parse report: %v", err)
	}
	return &r
}

// schema is what the binary itself publishes.
var schema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	path, err := binary()
	if err != nil {
		return nil, err
	}
	published, err := exec.Command(path, "schema", "report").Output()
	if err != nil {
		return nil, err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(published))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("report.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("report.json")
})
