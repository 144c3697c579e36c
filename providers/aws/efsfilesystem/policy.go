package efsfilesystem

import (
	"context"
	"slices"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

// clients is the way in of those who mount the file system, or use it through a
// server of AWS Transfer Family. The way in by Amazon's API, replication
// included, is resourcepolicy.Policy.
const clients resource.Channel = "clients"

// policyOf judges a file system's policy.
type policyOf struct{ store *resourcepolicy.Store }

// answer adds whom the policy lets in. Without one there is nobody beyond those
// who reach a mount target.
//
// Source: Amazon EFS User Guide, "Using IAM to control file system data access",
// section "Default EFS file system policy".
func (p *policyOf) answer(ctx context.Context, r *resource.Resource, policy *iam.Policy) error {
	if policy == nil {
		r.Notes = append(r.Notes, "without a policy, whoever reaches a mount target may read and write everything")
		return nil
	}
	for _, via := range []resource.Channel{clients, resourcepolicy.Policy} {
		at := p.store.Attachment(ctx)
		all := at.Can
		at.Can = func(actions []string) []resource.Action { return all(comingBy(via, actions)) }
		at.Channels = []resource.Channel{via}
		at.Ways = func(*iam.Policy, iam.Target) resourcepolicy.Ways {
			return resourcepolicy.Ways{All: via, Services: via}
		}
		judged, err := resourcepolicy.Judge(policy, at)
		if err != nil {
			return err
		}
		if via == resourcepolicy.Policy {
			judged.Closed = nil // said already
		}
		judged.Describe(r)
	}
	p.doubt(r)
	return nil
}

// comingBy leaves of a set of actions those that are done by one way in: clients
// have actions of their own, and one that nobody has heard of is left to the API.
func comingBy(via resource.Channel, actions []string) []string {
	return slices.DeleteFunc(slices.Clone(actions), func(a string) bool {
		return strings.HasPrefix(a, "elasticfilesystem:Client") != (via == clients)
	})
}

// doubt leaves open whether a policy for every account lets a single one in:
// servers of other accounts are turned away while a policy is public, and other
// ways in from afar are not documented.
//
// Source: Amazon EFS User Guide, "Blocking public access to EFS file systems",
// section "Blocking public access with AWS Transfer Family".
func (p *policyOf) doubt(r *resource.Resource) {
	if !slices.ContainsFunc(r.Grants, func(g resource.Grant) bool { return g.Via == clients && g.To.Credential >= resource.CredentialTenant }) {
		return
	}
	r.Gaps = append(r.Gaps, resource.Gap{
		Call: policyCall, Permission: p.store.Question(policyCall, nil).Permission, Reason: resource.Undecided,
		Detail:  "Amazon EFS turns away Transfer Family servers of other accounts while the policy is public; whether there is another way in from outside the network is not documented",
		Shields: []resource.Shield{{On: []resource.Channel{clients}, Cap: resource.Nobody}},
	})
}
