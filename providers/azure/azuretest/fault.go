package azuretest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
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
	Timeout       FaultKind = "timeout"      // no answer until the client gives up
	Hang          FaultKind = "hang"         // another name for Timeout
	Truncated     FaultKind = "truncated"    // the answer stops in the middle, and its length agrees
	WrongType     FaultKind = "wrong-type"   // well formed, but every value has another type
	NotJSON       FaultKind = "not-json"     // status 200 and the sign-in page of a proxy
	NotFound      FaultKind = "not-found"    // it was there a moment ago
	Unregistered  FaultKind = "unregistered" // the subscription never used the service
	ForeignLink   FaultKind = "foreign-link" // the next page of a listing is on another host
	NullRecords   FaultKind = "null-records" // the first entry of each page is null
	Latency       FaultKind = "latency"      // the right answer, late
)

// UnmarshalYAML reads the word of a fault.
func (k *FaultKind) UnmarshalYAML(n *yaml.Node) error {
	return set(k, n, string(AccessDenied), string(Throttle), string(InternalError), string(Timeout), string(Hang), string(Truncated),
		string(WrongType), string(NotJSON), string(NotFound), string(Unregistered), string(ForeignLink), string(NullRecords), string(Latency))
}

// UnmarshalYAML refuses faults that would never happen.
func (f *Fault) UnmarshalYAML(n *yaml.Node) error {
	type plain Fault
	if err := strict(n, (*plain)(f)); err != nil {
		return err
	}
	switch {
	case f.Kind == "":
		return fmt.Errorf("fault on %q does not say which", f.Call)
	case f.Kind == Latency && f.Latency <= 0:
		return fmt.Errorf("fault on %q adds no latency", f.Call)
	case !knownCall(f.Call):
		return fmt.Errorf("no call matches %q", f.Call)
	case f.RetryAfter != 0 && f.Kind != Throttle:
		return fmt.Errorf("fault on %q has retry_after, which %s does not go by", f.Call, f.Kind)
	}
	return nil
}

func knownCall(pattern string) bool {
	return slices.ContainsFunc(Operations(), func(call string) bool { return matches(pattern, call) })
}

func (f Fault) applies(q *request) bool {
	return matches(f.Call, q.call) && (f.Subject == "" || matches(f.Subject, q.path)) &&
		(f.Subscription == "" || q.subscription != nil && strings.EqualFold(f.Subscription, q.subscription.ID))
}

// take picks the faults this request meets: the sum of their latencies, and the
// first that does more than delay.
func (s *Server) take(q *request) (Fault, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delay := s.latency
	for i, f := range s.faults {
		if !f.applies(q) || !s.stillDue(i, f, q) {
			continue
		}
		delay += f.Latency
		if f.Kind != Latency {
			return f, delay
		}
	}
	return Fault{}, delay
}

type question struct {
	fault            int
	call, path, page string
}

func (s *Server) stillDue(i int, f Fault, q *request) bool {
	if f.Times == 0 {
		return true
	}
	key := question{i, q.call, q.path, q.query.Get(skipToken)}
	s.met[key]++
	return s.met[key] <= f.Times
}

// spoil turns the right answer into the one the fault asks for.
func (q *request) spoil() answer {
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
		return answer{status: http.StatusOK, contentType: "text/html; charset=utf-8", body: []byte(signInPage)}
	case Truncated, WrongType, Timeout, Hang, ForeignLink, NullRecords, Latency:
	}
	a := q.answer()
	if q.fault.Kind == Truncated {
		body := a.bytes()
		a.body = body[:len(body)/2]
	}
	if q.fault.Kind == WrongType {
		a.body = retype(a.bytes())
	}
	return a
}

// signInPage is what a captive portal answers.
const signInPage = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Sign in</title></head>` +
	`<body><p>Please accept the terms<br>to continue.<p><img src="logo.png"></body></html>`

// retype keeps the shape of an answer and changes the type of every value.
func retype(body []byte) []byte {
	var members object
	if json.Unmarshal(body, &members) != nil || len(members) == 0 {
		return []byte(`["unexpected"]`)
	}
	for key, value := range members {
		if _, isText := value.(string); isText {
			members[key] = 7
		} else {
			members[key] = "unexpected"
		}
	}
	return render(members)
}

// matches reports whether a pattern in which * stands for any text matches all
// of s.
func matches(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for s = s[len(head):]; ; s = s[1:] {
		if matches(rest, s) {
			return true
		}
		if s == "" {
			return false
		}
	}
}
