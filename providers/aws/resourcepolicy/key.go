package resourcepolicy

import (
	"fmt"
	"strings"

	"github.com/andon-audit/andon/pkg/resource"
)

// Keyed are the abilities that take the use of the key under which a store is
// encrypted: what is inside cannot be taken, nor anything put there, without it.
var Keyed = []resource.Action{resource.Read, resource.Write}

// AWSManaged reports whether a KMS key is one that AWS manages for a service, as
// far as its name tells. Customers cannot give such names to their keys.
//
// Source: AWS Key Management Service Developer Guide, "Create aliases": the
// prefix alias/aws/ is reserved for AWS managed keys.
func AWSManaged(key string) bool {
	if _, alias, ok := strings.Cut(key, ":alias/"); ok {
		return strings.HasPrefix(alias, "aws/")
	}
	return strings.HasPrefix(key, "alias/aws/")
}

// ManagedKey is the guard that an AWS managed key is: its policy cannot be
// changed and admits nobody from outside the account.
//
// Source: AWS Secrets Manager User Guide, "Access AWS Secrets Manager secrets
// from a different account" ("you can't use the AWS managed key for
// cross-account access"); Amazon DynamoDB Developer Guide, "DynamoDB
// resource-based policy considerations".
func ManagedKey(can []resource.Action, from resource.Evidence) resource.Guard {
	return resource.Guard{
		Name: "encryption under an AWS managed key", On: []resource.Channel{Policy}, Can: can, Cap: resource.Nobody,
		Because: []resource.Evidence{from},
	}
}

// AddKey adds what encryption under a KMS key closes of some abilities, where
// the key's own policy is not asked: everything for an AWS managed key; else
// requests without a signature, which KMS never answers, and who knows what
// beyond.
func AddKey(r *resource.Resource, key string, can []resource.Action, from resource.Evidence) {
	if AWSManaged(key) {
		r.Guards = append(r.Guards, ManagedKey(can, from))
		return
	}
	r.Guards = append(r.Guards, resource.Guard{
		Name: "encryption under a KMS key", On: []resource.Channel{Policy}, Can: can, Cap: services["kms"].door.To, Because: []resource.Evidence{from},
	})
	r.Gaps = append(r.Gaps, resource.Gap{
		Call: from.Call, Reason: resource.Undecided,
		Detail:  fmt.Sprintf("encrypted under the KMS key %s, whose policy was not read: it may keep out whom the policy lets in", key),
		Shields: []resource.Shield{{On: []resource.Channel{Policy}, Can: can, Cap: resource.Nobody}},
	})
}
