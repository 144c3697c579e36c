package exposure

import (
	"fmt"
	"slices"

	"github.com/andon-audit/andon/pkg/resource"
)

// Level is how far a store is open, safest first.
type Level uint8

// The levels.
const (
	// Private: the owner's account or organisation only.
	Private Level = iota
	// Shared: outsiders whom the owner named, by account or by address range.
	Shared
	// Reachable: anybody can reach the endpoint, but a credential of the owner,
	// or of somebody the owner named, is still needed.
	Reachable
	// Tenant: anybody with some account of this cloud.
	Tenant
	// Public: anybody on the internet, holding nothing.
	Public
)

var levelWords = []string{"private", "shared", "reachable", "tenant", "public"}

// Levels returns every level, safest first.
func Levels() []Level { return []Level{Private, Shared, Reachable, Tenant, Public} }

// levels is the one place where reach and credential become a level, by
// [reach][credential]. It never falls when either side grows, so that a guard,
// which can only narrow an audience, can never raise a level.
var levels = [...][4]Level{
	// holding:                  own        named      any-tenant none
	resource.ReachPrivate:  {Private, Private, Private, Private},
	resource.ReachListed:   {Shared, Shared, Shared, Shared},
	resource.ReachProvider: {Reachable, Reachable, Tenant, Tenant},
	resource.ReachBroad:    {Reachable, Reachable, Tenant, Public},
	resource.ReachInternet: {Reachable, Reachable, Tenant, Public},
}

// LevelOf returns the level of letting an audience in.
func LevelOf(a resource.Audience) Level { return levels[a.Reach][a.Credential] }

// String returns the level's word.
func (l Level) String() string {
	if int(l) < len(levelWords) {
		return levelWords[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// MarshalText implements encoding.TextMarshaler.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads one of the words of String. An unknown word is an error.
func (l *Level) UnmarshalText(text []byte) error {
	i := slices.Index(levelWords, string(text))
	if i < 0 {
		return fmt.Errorf("read level: %q is none of %q", text, levelWords)
	}
	*l = Level(i)
	return nil
}

// Range is a verdict: at least what the evidence proves, at most what
// unanswered questions could still hide. Least == Most is a decision.
type Range struct {
	Least Level `json:"least"`
	Most  Level `json:"most"`
}

// Decided reports whether the range is a single level.
func (r Range) Decided() bool { return r.Least == r.Most }

// Contains reports whether every level of o is in r.
func (r Range) Contains(o Range) bool { return r.Least <= o.Least && o.Most <= r.Most }

// Verdict is the word for a reader: the level when it is decided, "unknown"
// when it is not. Unknown is never safe.
func (r Range) Verdict() string {
	if r.Decided() {
		return r.Least.String()
	}
	return "unknown"
}

// String spells the range as "public" or "private..public".
func (r Range) String() string {
	if r.Decided() {
		return r.Least.String()
	}
	return r.Least.String() + ".." + r.Most.String()
}

func (r *Range) join(o Range) {
	r.Least = max(r.Least, o.Least)
	r.Most = max(r.Most, o.Most)
}
