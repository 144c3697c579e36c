// Package network decides whether a packet of a stranger reaches a store that
// has a public address: a database, a warehouse, anything that listens in a VPC.
//
// # The rule
//
// The answer is a set of source addresses, not a flag. It is what is left of the
// public internet behind these gates, each of which is a set itself:
//
//	address         a public address of the family, as the kind's listing says
//	block           VPC Block Public Access of the subnet
//	route           where the subnet's route table (else its VPC's main table)
//	                sends the answer: the longest prefix that covers the client
//	                must lead to an internet gateway that is there
//	security groups the union of their inbound rules on the port
//	network ACL     the first rule that matches the packet, and one that lets the
//	                answer out to some ephemeral port of the client
//
// IPv4 and IPv6 lie side by side in each set, so the families never mix: a
// ::/0 rule opens nothing to a store without an IPv6 address, and two rules of
// half the internet each are the internet. Gates intersect: a security group
// that admits one office and a network ACL that denies it are a closed store.
//
// Every gate is an interval of two sets: what is proven to pass (least) and what
// may pass (most). A refused call, a table that is not there, a word that is not
// known, a prefix list that could not be expanded move the two apart; nothing
// that is missing ever narrows them. A store whose subnet is one of several is
// admitted at least what all of them let through and at most what any of them
// does.
//
// Sources: Amazon VPC User Guide, "Control subnet traffic with network access
// control lists", "Route priority", "Security group rules", "Block public access
// to VPCs and subnets", "Gateway routing tables"; Amazon EC2 API Reference,
// types Subnet, Route, NetworkAclEntry and IpPermission.
//
// # Why guards, and how they add up
//
// A kind says what its listing shows: anybody may connect, a [Grant] on
// [Channel]. Each gate becomes a guard on that channel whose cap is how wide the
// gate's own set is. Caps alone are not exact, since two sets that are each wide
// can have nothing in common; so the gates are joined in the order above, and
// the gate at which the joint set becomes narrower than its caps say bears the
// joint width as its cap. What is still unanswered is a gap that may shield
// against everybody; what was answered and does not decide is a gap that shields
// down to the least set. Where the most set is a list of addresses, the grant
// itself is narrowed to them and names them. All of it is made anew from the
// facts after each answer, so the order of the questions does not matter.
//
// # Use
//
// A kind declares the channel and the calls:
//
//	channels:
//	  network: packets from the internet to the port it listens on
//	reads:
//	  - call: ec2:DescribeSecurityGroups
//	    permission: ec2:DescribeSecurityGroups
//	    shared: true
//	    shields: [{on: [network], cap: {reach: private, credential: own}}]
//	  - call: ec2:DescribeSubnets
//	    …the same, and so for ec2:DescribeRouteTables, ec2:DescribeNetworkAcls,
//	    ec2:GetManagedPrefixListEntries and ec2:DescribeManagedPrefixLists
//
// In its listing it adds the grant where there is a public address, and hands
// the questions over to this package:
//
//	type collector struct {
//		…
//		open network.Endpoints // of the listed stores with a public address
//	}
//
//	func (c *collector) describe(d *types.DBInstance) *resource.Resource {
//		…
//		if aws.ToBool(d.PubliclyAccessible) {
//			r.Grants = append(r.Grants, network.Grant(resource.CredentialOwn, evidence))
//			c.open.Put(r, network.Endpoint{
//				IPv4: true, Port: port, SecurityGroups: groups, VPC: vpc, Subnets: subnetsInItsZone,
//			})
//		}
//		return r
//	}
//
//	func (c *collector) Questions(r *resource.Resource) []*collect.Question {
//		return network.Questions(Kind, c.account, c.scope.Region, r, c.open.Take(r))
//	}
//
// Where the listing tells the public addresses but not the subnet, Addresses and
// ec2:DescribeNetworkInterfaces (not shared: it is about one store) find it.
//
// Without a grant on the channel there are no questions and no calls: a region
// in which no store has a public address costs nothing. Facts are asked once per
// region, security groups first; where they admit nobody, nothing else is asked.
// Prefix lists are read when a rule or route in the way refers to one, inside the
// question that needs them; AWS's own lists (CloudFront) stand for any customer
// of AWS, so they open as far as [resource.ReachProvider].
//
// # Limits
//
// Members of a security group that is a source are noted, not followed; nor are
// peerings, VPNs, endpoint services and load balancers. Packets that a route
// table, of the subnet or of the gateway, sends by an appliance may be dropped
// there or passed on: undecided. On a custom
// endpoint, which is not Amazon's, a subnet that says nothing of VPC Block Public
// Access has none; Amazon always says, so silence there is undecided.
package network
