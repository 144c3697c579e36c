// Package resource holds the nouns of the world that andon looks at: a store
// ([Resource]) in a [Scope], who is let into it ([Grant]), what keeps wider
// audiences out ([Guard]), and which questions nobody answered ([Gap]).
//
// It has no logic beyond spelling and ordering, does no I/O and imports only
// the standard library, so that every other package can speak in its terms.
// Collectors write Resources; only package exposure judges them. The JSON form
// of a Resource is the inventory format: one Resource a line, readable and
// re-judged years later.
package resource

import (
	"strings"
	"time"
)

// Kind names a type of store, "<cloud>.<service>.<type>" in lower snake case,
// for example "aws.s3.bucket".
type Kind string

// Provider returns the cloud a kind belongs to: the part before the first dot.
func (k Kind) Provider() string {
	provider, _, _ := strings.Cut(string(k), ".")
	return provider
}

// Class groups kinds that policies judge alike across clouds: "bucket",
// "access-point", "database", "snapshot".
type Class string

// ID identifies a store for good: its ARN, or the nearest thing its cloud has.
type ID string

// Scope is a part of a cloud that is listed as a unit. Region is empty for
// services that are not regional.
type Scope struct {
	Provider string `json:"provider"`
	Account  string `json:"account"`
	Region   string `json:"region,omitempty"`
}

// String spells the scope as "aws 123456789012 eu-west-1".
func (s Scope) String() string {
	return strings.TrimSpace(s.Provider + " " + s.Account + " " + s.Region)
}

// Evidence says which answer of the cloud shows something, where in that
// answer, and what it said there. Quote never holds a secret.
type Evidence struct {
	// Call names the API operation as "service:Operation", e.g. "s3:GetBucketAcl".
	Call string `json:"call"`
	// Of names what the call was about: a bucket, an account id.
	Of string `json:"of,omitempty"`
	// Pointer finds the place in the answer's body. In XML it is a path of
	// element names with one-based positions where a name repeats,
	// "/AccessControlPolicy/AccessControlList/Grant[2]"; in JSON it is an RFC
	// 6901 pointer, "/Statement/0". A JSON document inside another answer is
	// entered with '#': "/GetAccessPointPolicyResult/Policy#/Statement/0".
	Pointer string `json:"pointer,omitempty"`
	// Quote is what stands there, shortened, as the cloud spelled it.
	Quote string `json:"quote,omitempty"`
}

// Setting is one configured value that policies may ask about. A key that is
// missing from Resource.Settings was not read; a value is never guessed.
type Setting struct {
	// Value is a bool, string, float64 or []string; a list that was read from an
	// inventory is a []any of strings.
	Value any      `json:"value"`
	From  Evidence `json:"from"`
}

// Channel is a way into a store that guards and gaps can name: "acl",
// "policy", "network". Each kind declares its own.
type Channel string

// Action is what somebody let in can do, in words that hold for every cloud.
type Action string

// The actions that grants and policies speak of.
const (
	List      Action = "list"       // see the names of what is inside
	Read      Action = "read"       // take the contents
	Write     Action = "write"      // add or replace contents
	Delete    Action = "delete"     // remove contents
	ReadACL   Action = "read-acl"   // see who else is let in
	TakeOver  Action = "take-over"  // change who is let in, which includes letting oneself in
	Configure Action = "configure"  // change other settings of the store
	ReadMeta  Action = "read-meta"  // see settings or metadata, not contents
	Connect   Action = "connect"    // open a connection to the store's endpoint
	Restore   Action = "restore"    // copy the whole store into one's own account
	AnyAction Action = "any-action" // an action that the kind does not name
)

// Actions returns every action.
func Actions() []Action {
	return []Action{List, Read, Write, Delete, ReadACL, TakeOver, Configure, ReadMeta, Connect, Restore, AnyAction}
}

// Grant says that somebody is let in.
type Grant struct {
	To      Audience   `json:"to"`
	Can     []Action   `json:"can"`
	Via     Channel    `json:"via"`
	Because []Evidence `json:"because"`
	// Witness is a concrete request that would succeed, where one is known.
	Witness *Witness `json:"witness,omitempty"`
	// Note narrows the grant in words, e.g. "only over TLS" or "until 2027-01-01".
	Note string `json:"note,omitempty"`
}

// Witness is one concrete request that the store would answer: the proof
// behind a public verdict. It holds no credential.
type Witness struct {
	Principal string `json:"principal"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
	// Context holds the request's condition keys that matter, by key.
	Context map[string]string `json:"context,omitempty"`
}

// Guard says that on some channels nobody wider than Cap gets through.
type Guard struct {
	// Name is what an owner calls it: "account Block Public Access".
	Name string `json:"name"`
	// On are the channels it stands on. A guard on none is shown to readers and
	// narrows nothing: it was taken into account where the grants were found.
	On []Channel `json:"on"`
	// Can limits the guard to some actions; empty means all of them.
	Can     []Action   `json:"can,omitempty"`
	Cap     Audience   `json:"cap"`
	Because []Evidence `json:"because"`
}

// Hidden is a grant that an unanswered question may hide: at most To, via Via,
// able to do Can (empty: everything).
type Hidden struct {
	Via Channel  `json:"via"`
	To  Audience `json:"to"`
	Can []Action `json:"can,omitempty"`
}

// Shield is a guard that an unanswered question may hide: at best nobody wider
// than Cap gets through on these channels (Can empty: for every action).
type Shield struct {
	On  []Channel `json:"on"`
	Can []Action  `json:"can,omitempty"`
	Cap Audience  `json:"cap"`
}

// Reason says why a question has no answer.
type Reason string

// The reasons of a Gap.
const (
	NotAsked    Reason = "not-asked"   // the answer could not change what was being decided
	Denied      Reason = "denied"      // the cloud refused: a permission is missing
	Throttled   Reason = "throttled"   // still refused for its rate after every retry
	Failed      Reason = "error"       // the cloud answered with an error, or not at all
	Malformed   Reason = "malformed"   // the answer could not be understood
	Undecided   Reason = "undecided"   // the answer was understood, but it does not decide
	Unsupported Reason = "unsupported" // this endpoint does not offer the call
)

// Gap is a question nobody answered, with everything the answer may hide. A
// Gap can only widen a verdict.
type Gap struct {
	Call       string   `json:"call"`
	Permission string   `json:"permission,omitempty"`
	Reason     Reason   `json:"reason"`
	Detail     string   `json:"detail,omitempty"`
	Hides      []Hidden `json:"hides,omitempty"`
	Shields    []Shield `json:"shields,omitempty"`
	Settings   []string `json:"settings,omitempty"`
}

// Resource is one store as its collector described it. It carries facts, never
// a verdict.
type Resource struct {
	ID      ID        `json:"id"`
	Kind    Kind      `json:"kind"`
	Class   Class     `json:"class"`
	Name    string    `json:"name"`
	Scope   Scope     `json:"scope"`
	Created time.Time `json:"created,omitzero"`
	// Tags are the owner's own labels; hostile text like every name.
	Tags     map[string]string  `json:"tags,omitempty"`
	Settings map[string]Setting `json:"settings,omitempty"`
	Grants   []Grant            `json:"grants,omitempty"`
	Guards   []Guard            `json:"guards,omitempty"`
	Gaps     []Gap              `json:"gaps,omitempty"`
	// Gone is set when the store was listed but had been deleted by the time
	// it was read: there is nothing left to judge.
	Gone bool `json:"gone,omitempty"`
	// Notes are facts that explain a verdict without changing it.
	Notes []string `json:"notes,omitempty"`
	// Calls counts the API calls made for this store alone, Saved the
	// questions that no longer mattered and were not asked.
	Calls int `json:"calls"`
	Saved int `json:"saved"`
}

// Set records a setting that was read.
func (r *Resource) Set(key string, value any, from Evidence) {
	if r.Settings == nil {
		r.Settings = make(map[string]Setting)
	}
	r.Settings[key] = Setting{Value: value, From: from}
}
