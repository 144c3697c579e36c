package resource

import (
	"fmt"
	"slices"
)

// Reach says from where a packet can get to the store's door, narrowest first.
type Reach uint8

// The reaches. A store behind its provider's API (IAM) has no door of its own:
// a grant to named accounts there has ReachListed, one to everybody ReachInternet.
const (
	ReachPrivate  Reach = iota // the owner's own networks and principals
	ReachListed                // listed outsiders: address ranges, named accounts
	ReachProvider              // any customer's resources inside the same cloud
	ReachBroad                 // at least 2^24 public IPv4 addresses, or an IPv6 prefix shorter than /32
	ReachInternet              // every address
)

// Credential says what somebody at the door must hold, strongest first.
type Credential uint8

// The credentials.
const (
	CredentialOwn    Credential = iota // a secret or identity of the owner
	CredentialNamed                    // an identity of an outsider the owner named
	CredentialTenant                   // any account of this cloud, which anybody can open
	CredentialNone                     // nothing
)

// Audience is who gets in: from where, holding what. Named lists the outsiders
// (account ids, address ranges) when the owner named them.
type Audience struct {
	Reach      Reach      `json:"reach"`
	Credential Credential `json:"credential"`
	Named      []string   `json:"named,omitempty"`
}

// The audiences that collectors speak of most.
var (
	Nobody    = Audience{ReachPrivate, CredentialOwn, nil}
	Anyone    = Audience{ReachInternet, CredentialNone, nil}
	AnyTenant = Audience{ReachInternet, CredentialTenant, nil}
)

// Outsiders returns the audience of named foreign principals.
func Outsiders(names ...string) Audience {
	return Audience{ReachListed, CredentialNamed, names}
}

// Meet returns the audience that a keeps when nobody wider than limit gets
// through.
func (a Audience) Meet(limit Audience) Audience {
	met := Audience{min(a.Reach, limit.Reach), min(a.Credential, limit.Credential), a.Named}
	if met.Reach == ReachPrivate {
		met.Named = nil
	}
	return met
}

// Within reports whether a is no wider than b in either direction.
func (a Audience) Within(b Audience) bool {
	return a.Reach <= b.Reach && a.Credential <= b.Credential
}

var (
	reachWords      = []string{"private", "listed", "provider", "broad", "internet"}
	credentialWords = []string{"own", "named", "any-tenant", "none"}
)

// String returns the word used in reports and declarations.
func (r Reach) String() string { return word(reachWords, int(r)) }

// String returns the word used in reports and declarations.
func (c Credential) String() string { return word(credentialWords, int(c)) }

// MarshalText implements encoding.TextMarshaler.
func (r Reach) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads one of the words of String. An unknown word is an error.
func (r *Reach) UnmarshalText(text []byte) error {
	i, err := wordIndex("reach", reachWords, text)
	*r = Reach(i)
	return err
}

// UnmarshalText reads one of the words of String. An unknown word is an error.
func (c *Credential) UnmarshalText(text []byte) error {
	i, err := wordIndex("credential", credentialWords, text)
	*c = Credential(i)
	return err
}

func word(words []string, i int) string {
	if i < len(words) {
		return words[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

func wordIndex(noun string, words []string, text []byte) (int, error) {
	i := slices.Index(words, string(text))
	if i < 0 {
		return 0, fmt.Errorf("read %s: %q is none of %q", noun, text, words)
	}
	return i, nil
}
