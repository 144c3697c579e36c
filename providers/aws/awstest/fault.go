package awstest

import (
	"net/http"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/andon-audit/andon/providers/internal/loopback"
	"github.com/andon-audit/andon/providers/internal/loopback/worldfile"
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
	Timeout       FaultKind = loopback.Timeout   // no answer until the client gives up
	Hang          FaultKind = loopback.Hang      // another name for Timeout
	Truncated     FaultKind = loopback.Truncated // the answer stops in the middle, and its length agrees
	WrongType     FaultKind = loopback.WrongType // well formed, but every value has another type
	NotXML        FaultKind = "not-xml"          // status 200 and the sign-in page of a proxy
	Latency       FaultKind = loopback.Latency   // the right answer, late
)

// UnmarshalYAML reads the word of a fault.
func (k *FaultKind) UnmarshalYAML(n *yaml.Node) error {
	return worldfile.Word(k, n, AccessDenied, Throttle, SlowDown, InternalError, Timeout,
		Hang, Truncated, WrongType, NotXML, Latency)
}

// UnmarshalYAML refuses faults that would never happen.
func (f *Fault) UnmarshalYAML(n *yaml.Node) error {
	type plain Fault
	if err := worldfile.Strict(n, (*plain)(f)); err != nil {
		return err
	}
	return f.Rule().Check(Operations())
}

// Rule implements [loopback.Fault].
func (f Fault) Rule() loopback.Rule {
	return loopback.Rule{Call: f.Call, Kind: string(f.Kind), Times: f.Times, Latency: f.Latency}
}

// meets reports whether a fault of this call is about this request.
func (q *request) meets(f Fault) bool {
	return (f.Subject == "" || loopback.Matches(f.Subject, q.subject)) &&
		(f.Region == "" || f.Region == q.region) &&
		(f.Account == "" || f.Account == q.accountID())
}

// spoil turns the right answer into the one the fault asks for.
func (k FaultKind) spoil(q *request) answer {
	switch k {
	case AccessDenied:
		return q.denied()
	case Throttle, SlowDown:
		return q.throttled()
	case InternalError:
		return q.broken()
	case NotXML:
		return answer{status: http.StatusOK, contentType: "text/html", body: []byte(loopback.SignInPage)}
	case Truncated, WrongType, Timeout, Hang, Latency:
	}
	a := q.answer()
	a.body = loopback.Spoil(k, a.body)
	return a
}
