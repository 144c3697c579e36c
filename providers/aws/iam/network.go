package iam

import (
	"net/netip"
	"strings"

	"github.com/andon-audit/andon/pkg/netset"
	"github.com/andon-audit/andon/providers/aws/iam/glob"
)

// bindNetwork decides the keys about where a request comes from.
func (w *world) bindNetwork(key string) (binding, bool) {
	switch key {
	case "aws:sourceip":
		b := binding{dim: dimAddress, kind: kindAddress}
		switch w.path {
		case pathInternet:
			b.dom = domain{present: true, addrs: netset.Public()}
		case pathEndpoint:
			b.dom = never()
		default:
			// Some address of AWS or none: the service decides. It is none of
			// the ranges that the policy lists one by one.
			b.unknown = true
			b.dom = domain{absent: true, present: true, addrs: w.plan.unlistedAddresses()}
		}
		return b, true
	case "aws:vpcsourceip":
		b := binding{dim: key, kind: kindAddress, dom: never()}
		if w.path == pathEndpoint {
			b.dom = domain{present: true, addrs: netset.All()} // a VPC may use public addresses, too
		}
		return b, true
	case "aws:ec2instancesourceprivateipv4":
		b := binding{dim: key, kind: kindAddress, dom: never()}
		if w.caller == callerAccount {
			b.dom = domain{absent: true, present: true, addrs: netset.All()}
		}
		return b, true
	case "aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths":
		if w.path != pathEndpoint {
			return binding{dim: key, dom: never(), plain: key == "aws:vpceorgpaths"}, true
		}
		return w.bindEndpoint(key), true
	}
	return binding{}, false
}

func (w *world) bindEndpoint(key string) binding {
	switch key {
	case "aws:sourcevpc":
		return w.looseIfForeign(binding{dim: dimVPC, dom: w.vpcs(), lift: w.liftVPC})
	case "aws:sourcevpcarn":
		return w.looseIfForeign(binding{dim: dimVPC, dom: w.vpcs()})
	case "aws:sourcevpce":
		return w.looseIfForeign(binding{dim: key, dom: w.networkID(key, "vpce-")})
	case "aws:vpceaccount":
		d := w.accounts()
		loose := d
		loose.absent = true // services that do not know the key yet
		return binding{dim: key, dom: d, loose: &loose}
	case "aws:vpceorgid":
		return binding{dim: dimVPCEOrg, dom: w.orgPaths(key), lift: liftOrg}
	}
	return binding{dim: dimVPCEOrg, dom: w.orgPaths(key), plain: true}
}

// looseIfForeign allows for the networks that the policy names to be those of
// a named foreign account.
func (w *world) looseIfForeign(b binding) binding {
	if w.account != "" {
		loose := b.dom
		loose.clauses = nil
		b.loose = &loose
	}
	return b
}

// accounts is the domain of an account number.
func (w *world) accounts() domain {
	if w.account != "" {
		return exactly(w.account)
	}
	d := domain{present: true, samples: []string{w.plan.fresh}, clauses: []glob.Clause{{Any: []glob.Pattern{w.accountPattern()}}}}
	var named []glob.Pattern
	for _, id := range w.plan.ids {
		named = append(named, glob.Literal(id))
	}
	d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	return d
}

const hexadecimal = glob.Digit | glob.Hex

// networkID is the domain of an id such as "vpce-0123456789abcdef0" that the
// policy does not name.
func (w *world) networkID(key, prefix string) domain {
	d := w.unnamed(key)
	d.absent = false
	d.samples = []string{prefix + "0a1b2c3d4e5f67890"}
	short := glob.Join(glob.Literal(prefix), glob.Repeat(hexadecimal, 8))
	long := glob.Join(glob.Literal(prefix), glob.Repeat(hexadecimal, 17))
	d.clauses = append(d.clauses, glob.Clause{Any: []glob.Pattern{short, long}})
	return d
}

// vpcs is the domain of the ARN of a stranger's VPC.
func (w *world) vpcs() domain {
	d := domain{present: true}
	head := glob.Join(glob.Literal("arn:"+w.plan.partition+":ec2:"), glob.Run(notColon), glob.Literal(":"), w.accountPattern(), glob.Literal(":vpc/vpc-"))
	d.clauses = []glob.Clause{{Any: []glob.Pattern{
		glob.Join(head, glob.Repeat(hexadecimal, 8)), glob.Join(head, glob.Repeat(hexadecimal, 17)),
	}}}
	var named []glob.Pattern
	for _, id := range w.plan.named.values["aws:sourcevpc"] {
		if !strings.ContainsAny(id, "*?") {
			named = append(named, w.liftVPC(glob.Literal(id))...)
		}
	}
	if w.account == "" {
		for _, id := range w.plan.ids {
			named = append(named, glob.Join(glob.Literal("arn:"+w.plan.partition+":ec2:"), glob.Run(notColon), glob.Literal(":"+id+":"), glob.Run(glob.Any)))
		}
	}
	d.clauses = append(d.clauses, glob.Clause{Any: named, Not: true})
	d.samples = []string{"arn:" + w.plan.partition + ":ec2:us-east-1:" + w.sampleAccount() + ":vpc/vpc-0a1b2c3d4e5f67890"}
	return d
}

func (w *world) liftVPC(p glob.Pattern) []glob.Pattern {
	within, ok := p.Within(glob.Any &^ (glob.Colon | glob.Slash))
	if !ok {
		return nil
	}
	return []glob.Pattern{glob.Join(
		glob.Literal("arn:"+w.plan.partition+":ec2:"), glob.Run(notColon), glob.Literal(":"), glob.Run(notColon), glob.Literal(":vpc/"), within,
	)}
}

// sampleAddress is the source address that witnesses use where any will do, of
// the range reserved for documentation.
var sampleAddress = netip.MustParseAddr("198.51.100.7")
