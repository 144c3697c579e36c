package iam

import (
	"strings"

	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

// bindSource decides the keys that an AWS service sets to say for whom it
// acts. Not every service sets them, so each may be absent.
func (w *world) bindSource(key string) (binding, bool) {
	switch key {
	case "aws:sourcearn", "aws:sourceaccount", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths":
	default:
		return binding{}, false
	}
	if w.caller != callerService {
		return binding{dim: key, dom: never(), plain: key == "aws:sourceorgpaths"}, true
	}
	var b binding
	switch key {
	case "aws:sourcearn":
		b = binding{dim: dimSource, dom: w.sources()}
	case "aws:sourceaccount", "aws:sourceowner":
		b = binding{dim: key, dom: w.accounts()}
	case "aws:sourceorgid":
		b = binding{dim: dimSourceOrg, dom: w.orgPaths(key), lift: liftOrg}
	default:
		b = binding{dim: dimSourceOrg, dom: w.orgPaths(key), plain: true}
	}
	b.dom.absent = true
	return b, true
}

// sources is the domain of the ARN of a stranger's resource: of its account,
// or of a form without account, such as an S3 bucket that the policy does not
// name.
func (w *world) sources() domain {
	d := domain{present: true}
	head := glob.Join(glob.Literal("arn:"+w.plan.partition+":"), glob.Run(notColon), glob.Literal(":"), glob.Run(notColon), glob.Literal(":"))
	patterns := []glob.Pattern{glob.Join(head, w.accountPattern(), glob.Literal(":"), glob.Run(glob.Any))}
	d.samples = []string{"arn:" + w.plan.partition + ":sns:us-east-1:" + w.sampleAccount() + ":stranger"}
	if w.account == "" {
		bucket := glob.Join(glob.Literal("arn:"+w.plan.partition+":s3:::"), glob.Repeat(glob.Any&^(glob.Colon|glob.Slash), 3), glob.Run(glob.Any&^(glob.Colon|glob.Slash)))
		patterns = append(patterns, bucket)
		d.samples = append(d.samples, "arn:"+w.plan.partition+":s3:::stranger")
	}
	d.clauses = []glob.Clause{{Any: patterns}}
	if w.account == "" {
		var named []glob.Pattern
		for _, account := range w.plan.ids {
			named = append(named, glob.Join(head, glob.Literal(account+":"), glob.Run(glob.Any)))
		}
		for _, v := range w.plan.named.values["aws:sourcearn"] {
			if !strings.ContainsAny(v, "*?") {
				named = append(named, glob.Literal(v))
			}
		}
		d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	}
	return d
}

// bindResource decides the keys that are facts about the resource.
func (w *world) bindResource(key string) (binding, bool) {
	t := w.plan.target
	fact := ""
	switch key {
	case "aws:resourceaccount", "s3:resourceaccount", "s3express:resourceaccount":
		fact = t.Account
	case "aws:resourceorgid":
		fact = t.Org
	case "aws:requestedregion":
		fact = w.plan.region
	default:
		return binding{}, false
	}
	if fact == "" {
		return binding{dim: key, unknown: true}, true
	}
	return constant(key, fact), true
}

// bindAccessPoint decides the keys of requests through an access point. A
// stranger can attach an access point of its own account to somebody else's
// bucket; the owner's access points have policies that are audited themselves.
func (w *world) bindAccessPoint(key string) (binding, bool) {
	prefix, name, _ := strings.Cut(key, ":")
	switch {
	case prefix != "s3" && prefix != "s3express" && prefix != "s3-outposts":
		return binding{}, false
	case !isAccessPointKey(name):
		return binding{}, false
	}
	if arn := w.plan.accessPoint; arn != "" {
		switch name {
		case "dataaccesspointarn":
			return constant(key, arn), true
		case "dataaccesspointaccount":
			return constant(key, accountOf(arn)), true
		}
		return binding{dim: key, unknown: true}, true
	}
	if w.caller != callerAccount {
		return binding{dim: key, dom: never()}, true
	}
	dim := prefix + ":dataaccesspointarn"
	switch name {
	case "dataaccesspointarn":
		return binding{dim: dim, dom: w.accessPoints(prefix)}, true
	case "dataaccesspointaccount":
		return binding{dim: dim, dom: w.accessPoints(prefix), lift: func(p glob.Pattern) []glob.Pattern {
			within, ok := p.Within(notColon)
			if !ok {
				return nil
			}
			return []glob.Pattern{glob.Join(
				glob.Literal("arn:"+w.plan.partition+":"+prefix+":"), glob.Run(notColon), glob.Literal(":"), within, glob.Literal(":"), glob.Run(glob.Any),
			)}
		}}, true
	}
	origin := exactly("Internet")
	if w.path == pathEndpoint {
		origin = exactly("VPC", "Internet")
	}
	origin.absent = true
	return binding{dim: key, dom: origin}, true
}

func isAccessPointKey(name string) bool {
	return name == "dataaccesspointarn" || name == "dataaccesspointaccount" || name == "accesspointnetworkorigin"
}

func (w *world) accessPoints(service string) domain {
	d := domain{absent: true, present: true}
	head := "arn:" + w.plan.partition + ":" + service + ":"
	d.clauses = []glob.Clause{{Any: []glob.Pattern{glob.Join(
		glob.Literal(head), glob.Run(notColon), glob.Literal(":"), w.accountPattern(), glob.Literal(":accesspoint/"), glob.Repeat(glob.Any, 1), glob.Run(glob.Any),
	)}}}
	if w.account == "" {
		var named []glob.Pattern
		for _, account := range w.plan.ids {
			named = append(named, glob.Join(glob.Literal(head), glob.Run(notColon), glob.Literal(":"+account+":"), glob.Run(glob.Any)))
		}
		d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	}
	d.samples = []string{head + "us-east-1:" + w.sampleAccount() + ":accesspoint/stranger"}
	return d
}
