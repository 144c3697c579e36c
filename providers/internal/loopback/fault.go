package loopback

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong with the calls it matches.
type Fault interface {
	// Rule is what every cloud's faults have.
	Rule() Rule
}

// Rule says which calls a fault meets, and how often.
type Rule struct {
	// Call is an operation, or a pattern of several: "s3:*", "*.list", "*".
	Call string
	// Kind is what goes wrong: one of those below, or one of the cloud's own.
	Kind string
	// Times limits the fault to the first answers given to each distinct question,
	// so that the outcome does not depend on the order of concurrent calls. Zero
	// means always.
	Times int
	// Latency is how long the answer takes longer. It goes with every kind.
	Latency time.Duration
}

// The kinds of faults that mean the same in every cloud.
const (
	Timeout   = "timeout"    // no answer until the client gives up
	Hang      = "hang"       // another name for Timeout
	Truncated = "truncated"  // the answer stops in the middle, and its length agrees
	WrongType = "wrong-type" // well formed, but every value has another type
	Latency   = "latency"    // the right answer, late
)

// Check refuses a rule that no call of a cloud would ever meet.
func (r Rule) Check(operations []string) error {
	switch {
	case r.Kind == "":
		return fmt.Errorf("fault on %q does not say which", r.Call)
	case r.Kind == Latency && r.Latency <= 0:
		return fmt.Errorf("fault on %q adds no latency", r.Call)
	case !slices.ContainsFunc(operations, func(call string) bool { return Matches(r.Call, call) }):
		return fmt.Errorf("no call matches %q", r.Call)
	}
	return nil
}

// take picks the faults a request meets: the sum of their latencies, and the first
// that does more than delay.
func (s *Server[F, C]) take(x Exchange[F, C]) (fault F, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delay = s.settings.Latency
	for i, f := range s.settings.Faults {
		rule := f.Rule()
		if !Matches(rule.Call, x.Operation) || !x.Meets(f) || !s.due(rule, meeting{i, x.Operation, x.Question}) {
			continue
		}
		delay += rule.Latency
		if rule.Kind != Latency {
			return f, delay
		}
	}
	return fault, delay
}

// meeting is of a fault with a question.
type meeting struct {
	fault     int
	operation string
	question  any
}

func (s *Server[F, C]) due(rule Rule, m meeting) bool {
	if rule.Times == 0 {
		return true
	}
	s.met[m]++
	return s.met[m] <= rule.Times
}

// SignInPage is what a captive portal answers. Its open tags are no XML.
const SignInPage = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Sign in</title></head>` +
	`<body><p>Please accept the terms<br>to continue.<p><img src="logo.png"></body></html>`

// Spoil does to the right answer what a truncated or a wrong-type fault does.
func Spoil[K ~string](kind K, body []byte) []byte {
	switch kind {
	case Truncated:
		return body[:len(body)/2]
	case WrongType:
		return retype(body)
	}
	return body
}

var leaf = regexp.MustCompile(`>([^<>]+)</`)

// retype keeps the shape of an answer and changes the type of every value.
func retype(body []byte) []byte {
	if bytes.HasPrefix(body, []byte("<")) {
		return leaf.ReplaceAll(body, []byte(`><Unexpected>$1</Unexpected></`))
	}
	var object map[string]any
	switch err := json.Unmarshal(body, &object); {
	case err != nil:
		return []byte(`"unexpected"`)
	case len(object) == 0:
		return []byte(`["unexpected"]`)
	}
	for key, value := range object {
		if _, isText := value.(string); isText {
			object[key] = 7
		} else {
			object[key] = "unexpected"
		}
	}
	return Render(object)
}

// Matches reports whether a pattern in which * stands for any text matches all
// of s.
func Matches(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for s = s[len(head):]; ; s = s[1:] {
		if Matches(rest, s) {
			return true
		}
		if s == "" {
			return false
		}
	}
}
