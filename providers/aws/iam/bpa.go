package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
)

// PolicyKind says what a policy is attached to, as far as Amazon S3's notion of
// public depends on it.
type PolicyKind uint8

// The kinds of policies that Block Public Access looks at.
const (
	BucketPolicy PolicyKind = iota
	AccessPointPolicy
	// VPCAccessPointPolicy is the policy of an access point that accepts
	// requests from one VPC only: it is never public.
	VPCAccessPointPolicy
)

// BPA is what Amazon S3 itself would call a policy.
type BPA struct {
	Public bool
	// Uncertain is set when AWS may answer otherwise: its documentation speaks
	// of what statements grant and not of what other statements deny, and does
	// not name every key it trusts today. The live policy status settles it.
	Uncertain bool
	// Statements are pointers to the public statements.
	Statements []string
	Reason     string
}

// BPAPublic applies AWS's own notion of public (Amazon S3 User Guide, "Blocking
// public access to your Amazon S3 storage", the meaning of "public"). It
// decides whether RestrictPublicBuckets bites and what GetBucketPolicyStatus
// says, and is not whether a stranger gets in: that is [Decide].
//
// A statement that allows something is public unless it names fixed principals
// or demands a fixed value of a key from AWS's list. One public statement makes
// the whole policy public.
func BPAPublic(p *Policy, kind PolicyKind, t Target) BPA {
	if kind == VPCAccessPointPolicy {
		return BPA{Reason: "a policy of an access point in a VPC is never public"}
	}
	var b BPA
	var reasons []string
	doubted := false
	for i := range p.Statements {
		s := &p.Statements[i]
		if s.Effect != Allow {
			continue
		}
		fixed, certain, reason := s.grantsFixed(p, kind)
		if !certain {
			doubted = true
			reasons = append(reasons, s.Pointer+": "+reason)
		}
		if !fixed {
			b.Public = true
			b.Statements = append(b.Statements, s.Pointer)
			if certain {
				reasons = append(reasons, s.Pointer+": "+reason)
			}
		}
	}
	b.Uncertain = doubted
	if b.Public && p.denies() && !admitsStrangers(p, t) {
		b.Uncertain = true
		reasons = append(reasons, "a Deny keeps strangers out, which AWS may take into account")
	}
	b.Reason = strings.Join(reasons, "; ")
	return b
}

func (p *Policy) denies() bool {
	for i := range p.Statements {
		if p.Statements[i].Effect == ExplicitDeny {
			return true
		}
	}
	return false
}

func admitsStrangers(p *Policy, t Target) bool {
	plan := prepare(p, t)
	for _, c := range []Class{Anonymous, AnyAccount} {
		if plan.decide(c).Outcome != NotAdmitted {
			return true
		}
	}
	return false
}

// grantsFixed reports whether an Allow statement grants to fixed values only.
func (s *Statement) grantsFixed(p *Policy, kind PolicyKind) (fixed, certain bool, reason string) {
	open := s.principal.open()
	if open == "" {
		return true, true, ""
	}
	doubt := ""
	for i := range s.conditions {
		switch limits, why := s.conditions[i].limitsBPA(p, kind); {
		case limits && why == "":
			return true, true, ""
		case limits:
			doubt = why
		}
	}
	if doubt != "" {
		return true, false, doubt
	}
	return false, true, open
}

// open says why principals are not fixed, "" when they are.
func (ps principals) open() string {
	if !ps.present || ps.not {
		return "everybody but the named principals"
	}
	for _, e := range ps.entries {
		switch e.kind {
		case principalEveryone:
			return "any principal"
		case principalAuthenticated:
			return "any AWS account"
		case principalFederated:
			if !strings.HasPrefix(e.name, "arn:") {
				return "any user of " + e.name
			}
		case principalService:
			if e.name == "*" {
				return "any service"
			}
		case principalInvalid:
			if strings.ContainsAny(e.name, "*?") {
				return "a principal with wildcards"
			}
		}
	}
	return ""
}

// trust says how AWS treats a fixed value of a key.
type trust uint8

const (
	trustNone       trust = iota
	trustDocumented       // on the list in the S3 User Guide
	trustInferred         // an identity key that is newer than the list
)

var bpaKeys = map[string]trust{
	"aws:sourceip": trustDocumented, "aws:sourcearn": trustDocumented, "aws:sourcevpc": trustDocumented,
	"aws:sourcevpce": trustDocumented, "aws:sourceowner": trustDocumented, "aws:sourceaccount": trustDocumented,
	"aws:userid": trustDocumented, "aws:principalorgid": trustDocumented,
	"s3:x-amz-server-side-encryption-aws-kms-key-id": trustDocumented,
	"s3:dataaccesspointarn":                          trustDocumented, "s3:dataaccesspointaccount": trustDocumented,
	"aws:principalaccount": trustInferred, "aws:principalarn": trustInferred, "aws:principalorgpaths": trustInferred,
	"aws:principalisawsservice": trustInferred, "aws:principalservicename": trustInferred,
	"aws:principalservicenameslist": trustInferred, "aws:sourcevpcarn": trustInferred,
	"aws:vpceaccount": trustInferred, "aws:vpceorgid": trustInferred, "aws:vpceorgpaths": trustInferred,
	"aws:sourceorgid": trustInferred, "aws:sourceorgpaths": trustInferred,
}

// plainKeys are global keys that bind nobody and that have rules of their own,
// so that they stand in no other table.
var plainKeys = []string{
	"aws:principaltype", "aws:username", "aws:vpcsourceip", "aws:ec2instancesourceprivateipv4", "aws:currenttime", "aws:epochtime",
	"aws:resourceaccount", "aws:resourceorgid",
}

// bpaTrust says how AWS treats a key. A global key that nothing is known about
// may be one that AWS trusts by now.
func bpaTrust(key string) trust {
	if level, ok := bpaKeys[key]; ok {
		return level
	}
	_, known := keys[key]
	for _, f := range keyFamilies {
		known = known || strings.HasPrefix(key, f.prefix)
	}
	if known || !strings.HasPrefix(key, "aws:") || slices.Contains(plainKeys, key) {
		return trustNone
	}
	return trustInferred
}

// limitsBPA reports whether a condition makes its statement non-public. Why is
// set when that is not certain.
func (c *condition) limitsBPA(p *Policy, kind PolicyKind) (limits bool, why string) {
	level := bpaTrust(c.folded)
	op := c.operator
	switch {
	case level == trustNone || op.not || op.ifExists || op.quantifier == forAll || len(c.values) == 0:
		return false, ""
	case kind == AccessPointPolicy && c.folded == "s3:dataaccesspointarn":
		return false, ""
	}
	for _, v := range c.values {
		if p.variables() && hasVariable(v.text) || !c.fixedBPA(v.text) {
			return false, ""
		}
	}
	if level == trustInferred {
		return true, "whether AWS trusts " + c.key + " is not documented"
	}
	return true, ""
}

// fixedBPA reports whether a value is fixed in the sense of AWS's list.
func (c *condition) fixedBPA(text string) bool {
	wild := strings.ContainsAny(text, "*?")
	switch c.operator.family {
	case familyAddress:
		return c.folded == "aws:sourceip" && narrow(text)
	case familyString, familyARN:
		if !c.operator.wild {
			wild = false
		}
	case familyBool:
		return c.folded == "aws:principalisawsservice" && strings.EqualFold(text, "true")
	default:
		return false
	}
	switch c.folded {
	case "aws:userid":
		head, tail, _ := strings.Cut(text, ":")
		return !wild || !strings.ContainsAny(head, "*?") && len(head) >= 16 && tail == "*"
	case "s3:dataaccesspointarn", "aws:sourcearn", "aws:principalarn":
		account := accountOf(text)
		return !wild || account != "" && !strings.ContainsAny(account, "*?")
	case "aws:principalorgpaths", "aws:vpceorgpaths", "aws:sourceorgpaths":
		org, _, _ := strings.Cut(text, "/")
		return !strings.ContainsAny(org, "*?")
	case "aws:sourceip":
		return !wild && narrow(text)
	}
	return !wild
}

// narrow reports whether AWS does not call a range very broad: at least /8 for
// IPv4, /32 for IPv6, or private. AWS judges each range by itself.
func narrow(text string) bool {
	p, err := netset.ParsePrefix(text)
	if err != nil {
		return false
	}
	if p.Addr().Is4() {
		return p.Bits() >= 8 || netset.Of(p).PublicIPv4() == 0
	}
	return p.Bits() >= netset.BroadIPv6Bits
}

// String names the kind.
func (k PolicyKind) String() string {
	switch k {
	case BucketPolicy:
		return "bucket policy"
	case AccessPointPolicy:
		return "access point policy"
	case VPCAccessPointPolicy:
		return "VPC access point policy"
	}
	return "policy kind " + strconv.Itoa(int(k))
}
