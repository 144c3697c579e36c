package s3access

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/iam"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

// aclCall is where a bucket's ACL is read.
const aclCall = "s3:GetBucketAcl"

// groups of ACL grantees. Log delivery is AWS itself, which writes only logs
// that the owner of the source bucket asked for.
const (
	allUsers           = "http://acs.amazonaws.com/groups/global/AllUsers"
	authenticatedUsers = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	logDelivery        = "http://acs.amazonaws.com/groups/s3/LogDelivery"
)

// permissions of a bucket ACL, as IAM actions. WRITE lets a stranger create
// objects; overwriting and deleting stay with the owners of the objects.
//
// Source: Amazon S3 User Guide, "Access control list (ACL) overview", table
// "Mapping of ACL permissions and access policy permissions".
var permissions = map[types.Permission][]string{
	types.PermissionRead:     {"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"},
	types.PermissionWrite:    {"s3:PutObject"},
	types.PermissionReadAcp:  {"s3:GetBucketAcl"},
	types.PermissionWriteAcp: {"s3:PutBucketAcl"},
	types.PermissionFullControl: {
		"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:PutObject", "s3:GetBucketAcl", "s3:PutBucketAcl",
	},
}

// ACLOf is a bucket's ACL with what its policy says about it.
type ACLOf struct {
	Bucket string
	Owner  string // canonical user id
	Target iam.Target
	// Policy is the bucket's policy, whose Deny statements beat ACL grants; nil
	// when the bucket has none or it could not be read.
	Policy *iam.Policy
}

// Judge returns whom the ACL's grants let in past the policy's Deny statements.
func (a ACLOf) Judge(grants []types.Grant) ([]resource.Grant, []resource.Gap) {
	var let []resource.Grant
	var gaps []resource.Gap
	for i, g := range grants {
		pointer := fmt.Sprintf("/AccessControlPolicy/AccessControlList/Grant[%d]", i+1)
		who, ok := a.grantee(g.Grantee)
		actions, known := permissions[g.Permission]
		switch {
		case !ok || !known:
			gaps = append(gaps, odd(pointer, g))
		case who.via == "":
		default:
			granted, gap := a.admit(who, actions, pointer)
			let, gaps = append(let, granted...), append(gaps, gap...)
		}
	}
	return let, gaps
}

// grantee is an ACL grantee in our terms; via is empty for the owner and AWS.
type grantee struct {
	via   resource.Channel
	to    resource.Audience
	class iam.Class
	quote string
}

func (a ACLOf) grantee(g *types.Grantee) (grantee, bool) {
	if g == nil {
		return grantee{}, false
	}
	switch g.Type {
	case types.TypeGroup:
		return group(aws.ToString(g.URI))
	case types.TypeCanonicalUser:
		id := aws.ToString(g.ID)
		if id == "" || id == a.Owner {
			return grantee{}, id != ""
		}
		return named("canonical user " + id), true
	case types.TypeAmazonCustomerByEmail:
		return named("the account with e-mail " + aws.ToString(g.EmailAddress)), true
	}
	return grantee{}, false
}

func group(uri string) (grantee, bool) {
	switch uri {
	case allUsers:
		return grantee{ACL, resource.Anyone, iam.Anonymous, "AllUsers"}, true
	case authenticatedUsers:
		return grantee{ACL, resource.AnyTenant, iam.AnyAccount, "AuthenticatedUsers"}, true
	case logDelivery:
		return grantee{}, true
	}
	return grantee{}, false
}

func named(who string) grantee {
	return grantee{NamedACL, resource.Outsiders(who), "", who}
}

// odd is a grant that is not understood: it may be to anybody.
func odd(pointer string, g types.Grant) resource.Gap {
	return resource.Gap{
		Call: aclCall, Permission: aclCall, Reason: resource.Undecided,
		Detail: fmt.Sprintf("%s has a permission or grantee that is not known: %q", pointer, g.Permission),
		Hides:  []resource.Hidden{{Via: ACL, To: resource.Anyone}},
	}
}

// admit asks the policy engine whether the bucket policy's Deny statements leave
// anything of an ACL grant.
func (a ACLOf) admit(who grantee, actions []string, pointer string) ([]resource.Grant, []resource.Gap) {
	evidence := resource.Evidence{Call: aclCall, Of: a.Bucket, Pointer: pointer, Quote: who.quote}
	if who.class == "" {
		return []resource.Grant{{To: who.to, Can: Abilities(actions), Via: who.via, Because: []resource.Evidence{evidence}}}, nil
	}
	statement := iam.AllowAnyone("acl", pointer, actions, a.Target.Resources)
	if who.class == iam.AnyAccount {
		statement = iam.AllowAccounts("acl", pointer, actions, a.Target.Resources)
	}
	d := iam.Decide(denials(a.Policy).With(statement), a.Target, who.class)
	var grants []resource.Grant
	for _, admission := range d.Grants {
		to := who.to
		to.Reach = min(to.Reach, iam.Audience(who.class, admission.Network).Reach)
		grants = append(grants, resource.Grant{
			To: to, Can: Abilities(admission.Actions), Via: who.via,
			Because: []resource.Evidence{evidence}, Witness: resourcepolicy.Witness(admission.Witness),
		})
	}
	if d.Outcome != iam.Undecided {
		return grants, nil
	}
	return grants, []resource.Gap{{
		Call: aclCall, Permission: aclCall, Reason: resource.Undecided,
		Detail: fmt.Sprintf("whether the bucket policy denies %s what the ACL grants cannot be decided: %s", who.quote, d.Reason),
		Hides:  []resource.Hidden{{Via: who.via, To: who.to, Can: Abilities(actions)}},
	}}
}

// denials is a policy's Deny statements alone: what an ACL grant must get past.
func denials(p *iam.Policy) *iam.Policy {
	if p == nil {
		return &iam.Policy{Version: "2012-10-17"}
	}
	only := &iam.Policy{Version: p.Version}
	for _, s := range p.Statements {
		if s.Effect == iam.ExplicitDeny {
			only.Statements = append(only.Statements, s)
		}
	}
	return only
}
