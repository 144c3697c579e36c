package awstest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Fault is something that goes wrong with the calls it matches.
type Fault struct {
	// Call is an operation as Calls names it, "s3:GetBucketAcl", or a pattern of
	// several: "s3:*", "*:GetPublicAccessBlock", "*".
	Call string `yaml:"call"`
	// Subject, Region and Account narrow the fault; empty means any. Subject is
	// a name or a pattern.
	Subject string `yaml:"subject"`
	Region  string `yaml:"region"`
	Account string `yaml:"account"`
	// Kind says what goes wrong.
	Kind FaultKind `yaml:"fault"`
	// Times limits the fault to the first answers given to each distinct
	// question (call, subject, account and region), so that the outcome does not
	// depend on the order of concurrent calls. Zero means always.
	Times int `yaml:"times"`
	// Latency is how long the answer takes longer. It goes with every kind.
	Latency time.Duration `yaml:"latency"`
}

// FaultKind is a way for a call to go wrong.
type FaultKind string

// The ways for a call to go wrong. Each answers in the format of the service it
// meets: S3's throttle is 503 SlowDown, STS's is 400 Throttling.
const (
	AccessDenied  FaultKind = "access-denied"
	Throttle      FaultKind = "throttle"
	SlowDown      FaultKind = "slow-down" // another name for Throttle
	InternalError FaultKind = "internal-error"
	Timeout       FaultKind = "timeout"    // no answer until the client gives up
	Hang          FaultKind = "hang"       // another name for Timeout
	Truncated     FaultKind = "truncated"  // the answer stops in the middle, and its length agrees
	WrongType     FaultKind = "wrong-type" // well formed, but every value has another type
	NotXML        FaultKind = "not-xml"    // status 200 and the sign-in page of a proxy
	Latency       FaultKind = "latency"    // the right answer, late
)

// UnmarshalYAML reads the word of a fault.
func (k *FaultKind) UnmarshalYAML(n *yaml.Node) error {
	return set(k, n, string(AccessDenied), string(Throttle), string(SlowDown), string(InternalError), string(Timeout),
		string(Hang), string(Truncated), string(WrongType), string(NotXML), string(Latency))
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
	}
	return nil
}

func knownCall(pattern string) bool {
	for call := range operations {
		if matches(pattern, call) {
			return true
		}
	}
	return false
}

func (f Fault) applies(q *request) bool {
	return matches(f.Call, q.call()) &&
		(f.Subject == "" || matches(f.Subject, q.subject)) &&
		(f.Region == "" || f.Region == q.region) &&
		(f.Account == "" || f.Account == q.accountID())
}

// take picks the faults this request meets: the sum of their latencies, and the
// first kind that does more than delay.
func (s *Server) take(q *request) (FaultKind, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind, delay := FaultKind(""), s.latency
	for i, f := range s.faults {
		if !f.applies(q) || !s.stillDue(i, f, q) {
			continue
		}
		delay += f.Latency
		if f.Kind == Latency {
			continue
		}
		return f.Kind, delay
	}
	return kind, delay
}

type question struct {
	fault                          int
	call, subject, account, region string
}

func (s *Server) stillDue(i int, f Fault, q *request) bool {
	if f.Times == 0 {
		return true
	}
	key := question{i, q.call(), q.subject, q.accountID(), q.region}
	s.met[key]++
	return s.met[key] <= f.Times
}

// spoil turns the right answer into the one the fault asks for.
func (k FaultKind) spoil(q *request, right func() answer) answer {
	switch k {
	case AccessDenied:
		return q.denied()
	case Throttle, SlowDown:
		return q.throttled()
	case InternalError:
		return q.broken()
	case NotXML:
		return answer{status: http.StatusOK, contentType: "text/html", body: []byte(signInPage)}
	case Truncated, WrongType, Timeout, Hang, Latency:
	}
	a := right()
	if k == Truncated {
		a.body = a.body[:len(a.body)/2]
	}
	if k == WrongType {
		a.body = retype(a.body)
	}
	return a
}

// signInPage is what a captive portal answers. Its open tags are no XML.
const signInPage = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Sign in</title></head>` +
	`<body><p>Please accept the terms<br>to continue.<p><img src="logo.png"></body></html>`

var leaf = regexp.MustCompile(`>([^<>]+)</`)

// retype keeps the shape of an answer and changes the type of every value.
func retype(body []byte) []byte {
	if bytes.HasPrefix(body, []byte("<")) {
		return leaf.ReplaceAll(body, []byte(`><Unexpected>$1</Unexpected></`))
	}
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return []byte(`"unexpected"`)
	}
	for key, value := range object {
		if _, isText := value.(string); isText {
			object[key] = 7
		} else {
			object[key] = "unexpected"
		}
	}
	out, _ := json.Marshal(object) // strings and sevens: cannot fail
	return out
}

// pause waits unless the client has gone.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
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
