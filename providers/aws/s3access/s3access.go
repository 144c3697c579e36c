// Package s3access holds what all S3 kinds share: the effective Block Public
// Access of an account, the translation of bucket, access-point and ACL grants
// into resource.Grants with their witness, and the channels they come by.
//
// It asks nothing about a single store and judges nothing; package iam decides
// whom a policy admits.
package s3access

import (
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
	"github.com/andon-audit/andon/providers/aws/resourcepolicy"
)

// The channels into S3 stores. They differ by what stops them.
const (
	// ACL are grants to the groups AllUsers and AuthenticatedUsers:
	// IgnorePublicAcls stops them, and disabled ACLs.
	ACL resource.Channel = "acl"
	// NamedACL are grants to canonical users: only disabled ACLs stop them.
	NamedACL resource.Channel = "named-acl"
	// Policy are grants of a policy that AWS calls public:
	// RestrictPublicBuckets stops them.
	Policy resource.Channel = "policy"
	// DisputedPolicy are grants of a policy of which AWS's documentation does
	// not say whether AWS calls it public: the live policy status tells whether
	// RestrictPublicBuckets stops them.
	DisputedPolicy resource.Channel = "disputed-policy"
	// LimitedPolicy are grants of a policy that AWS does not call public, and
	// grants to service principals: RestrictPublicBuckets does not stop them.
	LimitedPolicy resource.Channel = "limited-policy"
)

// able maps S3 actions to what they let somebody do. Actions that only the
// owner's account may perform whatever the policy says (GetBucketPolicy,
// PutBucketPolicy, DeleteBucketPolicy answer 405 to others) are left out.
//
// Source: Amazon S3 API Reference, PutBucketPolicy; Service Authorization
// Reference, "Actions, resources, and condition keys for Amazon S3".
var able = map[string]resource.Action{
	"GetObject": resource.Read, "GetObjectVersion": resource.Read, "GetObjectTorrent": resource.Read,
	"GetObjectVersionTorrent": resource.Read, "GetObjectVersionForReplication": resource.Read,
	"ListBucket": resource.List, "ListBucketVersions": resource.List, "ListBucketMultipartUploads": resource.List,
	"PutObject": resource.Write, "ReplicateObject": resource.Write, "RestoreObject": resource.Write,
	"InitiateReplication": resource.Write,
	"DeleteObject":        resource.Delete, "DeleteObjectVersion": resource.Delete, "DeleteBucket": resource.Delete,
	"ReplicateDelete": resource.Delete, "AbortMultipartUpload": resource.Delete,
	"GetBucketAcl": resource.ReadACL, "GetObjectAcl": resource.ReadACL, "GetObjectVersionAcl": resource.ReadACL,
	"PutBucketAcl": resource.TakeOver, "PutObjectAcl": resource.TakeOver, "PutObjectVersionAcl": resource.TakeOver,
	"PutBucketPublicAccessBlock": resource.TakeOver, "PutBucketOwnershipControls": resource.TakeOver,
	"ObjectOwnerOverrideToBucketOwner": resource.TakeOver, "BypassGovernanceRetention": resource.Delete,
	"GetBucketPolicy": "", "PutBucketPolicy": "", "DeleteBucketPolicy": "",
	"CreateSession": resource.Read,
}

// Abilities says what a set of IAM actions lets somebody do, in a fixed order.
func Abilities(actions []string) []resource.Action { return resourcepolicy.Able(ability, actions) }

func ability(name string) resource.Action {
	if a, ok := able[name]; ok {
		return a
	}
	if strings.HasPrefix(name, "WriteGetObjectResponse") {
		return ""
	}
	return resourcepolicy.ByVerb(name)
}
