// Package policycheck judges one resource policy by itself, offline: whom it
// lets in from outside, with the request that would succeed, and the smallest
// change that was decided to close it. It is the counterpart of Access Analyzer's
// CheckNoPublicAccess that anybody can run.
//
// It sees the policy and nothing else: Block Public Access, key policies and
// networks that stand in front of the resource are the business of an audit.
package policycheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
)

// Question says what the policy is attached to.
type Question struct {
	// Service is the IAM prefix ("s3") or a usual name of it ("opensearch").
	Service string
	// Resource is the ARN of the resource; empty means any of the service's.
	Resource string
	// Account and Org are the owner's ids; empty means unknown, which makes
	// every account that the policy names an outsider.
	Account, Org string
}

// Report is what a policy lets in.
type Report struct {
	Service  string
	Admitted []Admission
	// Undecided are the classes of which it is not known what they can do, with
	// the reason; some can do something else for certain.
	Undecided []Doubt
	Closed    []Closure
	// BPA is AWS's own notion of public, for S3 policies alone.
	BPA *iam.BPA
	// Change closes the policy; nil where nobody from outside gets in.
	Change *Change
}

// Private reports whether it is certain that nobody from outside gets in.
func (r *Report) Private() bool {
	return !slices.ContainsFunc(r.Admitted, func(a Admission) bool { return a.To.Reach != resource.ReachPrivate }) &&
		!slices.ContainsFunc(r.Undecided, func(d Doubt) bool { return d.To.Reach != resource.ReachPrivate })
}

// Admission is one class of outsiders and what it can do.
type Admission struct {
	iam.Admission
	Class iam.Class
	To    resource.Audience
}

// Doubt is a class of which it cannot be decided whether it gets in.
type Doubt struct {
	Class  iam.Class
	To     resource.Audience
	Reason string
}

// Closure says what keeps a class out of a statement that lets others in.
type Closure struct {
	Class iam.Class
	By    []string
}

// services are the names of services whose policies are understood, and whether
// each answers requests without a signature at all: elsewhere "*" is every AWS
// account and not everybody.
//
// Source: the services' own documentation of anonymous access; for KMS, Secrets
// Manager, DynamoDB, Kinesis, ECR, Glacier and Backup requests must be signed.
var services = map[string]bool{
	"s3": true, "sqs": true, "sns": true, "es": true, "execute-api": true, "ecr-public": true, "elasticfilesystem": true,
	"s3express": false, "s3-object-lambda": false, "s3-outposts": false, "s3tables": false, "s3vectors": false,
	"kms": false, "secretsmanager": false, "ecr": false, "dynamodb": false, "kinesis": false, "glacier": false, "backup": false,
	"lambda": false, "events": false, "sts": false, "logs": false, "codeartifact": false, "aoss": false,
}

// names are other usual names of services.
var names = map[string]string{
	"opensearch": "es", "efs": "elasticfilesystem", "secrets": "secretsmanager", "secrets-manager": "secretsmanager", "eventbridge": "events",
	"iam": "sts",
}

// Services returns the names that a Question accepts, sorted.
func Services() []string {
	all := slices.Collect(func(yield func(string) bool) {
		for name := range services {
			if !yield(name) {
				return
			}
		}
		for name := range names {
			if !yield(name) {
				return
			}
		}
	})
	slices.Sort(all)
	return all
}

// Check judges a policy document. The error is an *iam.SyntaxError for a
// document that AWS would not accept, which never counts as closed.
func Check(document []byte, q Question) (*Report, error) {
	service := q.Service
	if other, ok := names[service]; ok {
		service = other
	}
	unsigned, known := services[service]
	if !known {
		return nil, fmt.Errorf("check policy: service %q is none of %s", q.Service, strings.Join(Services(), ", "))
	}
	policy, err := iam.Parse(document)
	if err != nil {
		return nil, err
	}
	c := check{target: target(service, q), owner: ownerOf(q), door: resource.AnyTenant}
	if unsigned && !strings.Contains(q.Resource, ":accesspoint/") {
		c.door = resource.Anyone
	}
	report := c.report(policy)
	if service == "s3" {
		bpa := iam.BPAPublic(policy, policyKind(q.Resource), c.target)
		report.BPA = &bpa
	}
	report.Change = c.change(document, policy, report)
	return report, nil
}

func target(service string, q Question) iam.Target {
	t := iam.Target{Service: service, Account: q.Account, Org: q.Org}
	if q.Resource == "" {
		return t
	}
	t.Resources = []string{q.Resource}
	switch {
	case strings.Contains(q.Resource, ":accesspoint/"):
		t.Resources = append(t.Resources, q.Resource+"/object/*")
	case service == "s3", service == "glacier", service == "es", service == "dynamodb":
		t.Resources = append(t.Resources, q.Resource+"/*")
	}
	return t
}

func policyKind(arn string) iam.PolicyKind {
	if strings.Contains(arn, ":accesspoint/") {
		return iam.AccessPointPolicy
	}
	return iam.BucketPolicy
}

// check is a question as policies are decided by it.
type check struct {
	target iam.Target
	owner  owner
	door   resource.Audience
}

// report says whom a policy lets in.
func (c check) report(p *iam.Policy) *Report {
	r := &Report{Service: c.target.Service}
	for _, d := range iam.DecideAll(p, c.target) {
		for _, g := range d.Grants {
			r.Admitted = append(r.Admitted, Admission{Admission: g, Class: d.Class, To: iam.Audience(d.Class, g.Network).Meet(c.door)})
		}
		if reason := c.doubt(p, d); reason != "" {
			r.Undecided = append(r.Undecided, Doubt{Class: d.Class, To: iam.Audience(d.Class, iam.Network{}).Meet(c.door), Reason: reason})
		}
		if d.Outcome == iam.NotAdmitted && len(d.ClosedBy) > 0 {
			r.Closed = append(r.Closed, Closure{Class: d.Class, By: d.ClosedBy})
		}
	}
	return r
}

// doubt says what is open about a class, "" for what would be no outsider. What
// a service could do under "*" beyond what everybody can is not known, because
// nobody documents its source address: only services that the policy names are
// in doubt, and then about the statements that name one.
func (c check) doubt(p *iam.Policy, d iam.Decision) string {
	if d.Reason == "" || d.Class == iam.Org {
		return ""
	}
	if d.Class != iam.AnyService {
		return d.Reason
	}
	named, ok := p.ForServices()
	if !ok {
		return ""
	}
	return iam.Decide(named, c.target, iam.AnyService).Reason
}
