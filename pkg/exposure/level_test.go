package exposure

import (
	"encoding"
	"fmt"
	"strings"
	"testing"

	"github.com/andon-audit/andon/pkg/resource"
)

// audiences returns everybody there is, narrowest first.
func audiences() []resource.Audience {
	var all []resource.Audience
	for reach := range resource.ReachInternet + 1 {
		for credential := range resource.CredentialNone + 1 {
			all = append(all, resource.Audience{Reach: reach, Credential: credential})
		}
	}
	return all
}

// The table is the product's definition of "public": it changes on purpose only.
func TestLevelTable(t *testing.T) {
	const want = `
private   private   private   private   private
listed    shared    shared    shared    shared
provider  reachable reachable tenant    tenant
broad     reachable reachable tenant    public
internet  reachable reachable tenant    public
`
	var got strings.Builder
	for _, a := range audiences() {
		if a.Credential == resource.CredentialOwn {
			fmt.Fprintf(&got, "\n%-9s", a.Reach)
		}
		fmt.Fprintf(&got, " %-9s", LevelOf(a))
	}
	if trim(got.String()) != trim(want) {
		t.Errorf("levels by reach (down) and credential (across):%s\nwant:%s", got.String(), want)
	}
}

func trim(table string) string {
	return strings.Join(strings.Fields(table), " ")
}

// Reaching farther or holding less never looks safer.
func TestLevelIsMonotone(t *testing.T) {
	for _, a := range audiences() {
		for _, b := range audiences() {
			if a.Within(b) && LevelOf(a) > LevelOf(b) {
				t.Errorf("%v/%v is %v, the wider %v/%v only %v", a.Reach, a.Credential, LevelOf(a), b.Reach, b.Credential, LevelOf(b))
			}
		}
	}
}

// What passes a guard is as open as the safer of the two. Matters rests on it:
// a guard that alone does not lower a level does not lower it behind others.
func TestLevelOfWhatPassesAGuard(t *testing.T) {
	for _, a := range audiences() {
		for _, limit := range audiences() {
			if got, want := LevelOf(a.Meet(limit)), min(LevelOf(a), LevelOf(limit)); got != want {
				t.Errorf("%v behind a guard for %v is %v, want %v", a, limit, got, want)
			}
		}
	}
}

func TestLevelWords(t *testing.T) {
	var _ encoding.TextMarshaler = Public
	for _, l := range Levels() {
		text, err := l.MarshalText()
		var back Level
		if err != nil || back.UnmarshalText(text) != nil || back != l {
			t.Errorf("%v reads back as %v", l, back)
		}
	}
	if got := Level(9).String(); got != "level(9)" {
		t.Errorf("a level that is none is spelt %q", got)
	}
	kept := Public
	err := kept.UnmarshalText([]byte("Public"))
	if want := `read level: "Public" is none of ["private" "shared" "reachable" "tenant" "public"]`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if kept != Public {
		t.Errorf("a word that is no level made it %v", kept)
	}
}

func TestRange(t *testing.T) {
	for r, want := range map[Range]struct {
		verdict, text string
		decided       bool
	}{
		{Private, Private}: {"private", "private", true},
		{Public, Public}:   {"public", "public", true},
		{Private, Public}:  {"unknown", "private..public", false},
		{Tenant, Public}:   {"unknown", "tenant..public", false},
	} {
		if r.Verdict() != want.verdict || r.String() != want.text || r.Decided() != want.decided {
			t.Errorf("%v..%v: verdict %q, text %q, decided %t; want %+v", r.Least, r.Most, r.Verdict(), r, r.Decided(), want)
		}
	}
	all := Range{Private, Public}
	if !all.Contains(Range{Shared, Tenant}) || !all.Contains(all) {
		t.Error("the widest range does not contain the others")
	}
	if (Range{Shared, Tenant}).Contains(Range{Private, Tenant}) || (Range{Shared, Tenant}).Contains(Range{Shared, Public}) {
		t.Error("a range contains levels outside it")
	}
}
