package azuretest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback"
	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
)

// Fault is something that goes wrong with the calls it matches.
type Fault struct {
	// Call is an operation as Calls names it, "storage:storageAccounts.list", or a
	// pattern of several: "storage:*", "*.list", "*".
	Call string `yaml:"call"`
	// Subject is the path that is asked, "/subscriptions/.../storageAccounts", or a
	// pattern of it; empty means any.
	Subject string `yaml:"subject"`
	// Subscription narrows the fault to one subscription, by id; empty means any.
	Subscription string `yaml:"subscription"`
	// Kind says what goes wrong.
	Kind FaultKind `yaml:"fault"`
	// Times limits the fault to the first answers given to each distinct
	// question, so that the outcome does not depend on the order of concurrent
	// calls. Zero means always.
	Times int `yaml:"times"`
	// RetryAfter is what a throttle asks for, in seconds; zero means 1.
	RetryAfter int `yaml:"retry_after"`
	// Latency is how long the answer takes longer. It goes with every kind.
	Latency time.Duration `yaml:"latency"`
}

// FaultKind is a way for a call to go wrong.
type FaultKind string

// The ways for a call to go wrong.
const (
	AccessDenied  FaultKind = "access-denied" // of tokens: a wrong secret
	Throttle      FaultKind = "throttle"      // 429, with Retry-After
	InternalError FaultKind = "internal-error"
	Timeout       FaultKind = loopback.Timeout   // no answer until the client gives up
	Hang          FaultKind = loopback.Hang      // another name for Timeout
	Truncated     FaultKind = loopback.Truncated // the answer stops in the middle, and its length agrees
	WrongType     FaultKind = loopback.WrongType // well formed, but every value has another type
	NotJSON       FaultKind = "not-json"         // status 200 and the sign-in page of a proxy
	NotFound      FaultKind = "not-found"        // it was there a moment ago
	Unregistered  FaultKind = "unregistered"     // the subscription never used the service
	ForeignLink   FaultKind = "foreign-link"     // the next page of a listing is on another host
	NullRecords   FaultKind = "null-records"     // the first entry of each page is null
	Latency       FaultKind = loopback.Latency   // the right answer, late
)

// UnmarshalYAML reads the word of a fault.
func (k *FaultKind) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(k, n, AccessDenied, Throttle, InternalError, Timeout, Hang, Truncated,
		WrongType, NotJSON, NotFound, Unregistered, ForeignLink, NullRecords, Latency)
}

// UnmarshalYAML refuses faults that would never happen.
func (f *Fault) UnmarshalYAML(n *yaml.Node) error {
	type plain Fault
	if err := worldfile.Strict(n, (*plain)(f)); err != nil {
		return err
	}
	if err := f.Rule().Check(Operations()); err != nil {
		return err
	}
	if f.RetryAfter != 0 && f.Kind != Throttle {
		return fmt.Errorf("fault on %q has retry_after, which %s does not go by", f.Call, f.Kind)
	}
	return nil
}

// Rule implements [loopback.Fault].
func (f Fault) Rule() loopback.Rule {
	return loopback.Rule{Call: f.Call, Kind: string(f.Kind), Times: f.Times, Latency: f.Latency}
}

// meets reports whether a fault of this call is about this request.
func (q *request) meets(f Fault) bool {
	return (f.Subject == "" || loopback.Matches(f.Subject, q.path)) &&
		(f.Subscription == "" || q.subscription != nil && strings.EqualFold(f.Subscription, q.subscription.ID))
}

// spoil turns the right answer into the one the fault asks for.
func (q *request) spoil() answer {
	if a, refused := q.refusedQuery(); refused {
		return a
	}
	switch q.fault.Kind {
	case AccessDenied:
		if q.call == tokenCall {
			return q.noToken()
		}
		return q.denied()
	case Throttle:
		return q.throttled(q.fault.RetryAfter)
	case InternalError:
		return q.broken()
	case NotFound:
		return q.missing()
	case Unregistered:
		return q.unregisteredAnswer(q.namespace())
	case NotJSON:
		return answer{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: []byte(loopback.SignInPage)}
	case Truncated, WrongType, Timeout, Hang, ForeignLink, NullRecords, Latency:
	}
	a := q.answer()
	a.body = loopback.Spoil(q.fault.Kind, a.bytes())
	return a
}
